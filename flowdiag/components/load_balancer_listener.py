"""Listeners of load balancers: the protocols and ports they take, their rules, and the target groups these send to. Only read.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from flowdiag.address import covered
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource
from flowdiag.model import TCP, UDP, Address, Flow

# Listener protocols by what they take on the wire.
TAKES = {
    "TCP": (TCP,),
    "TLS": (TCP,),
    "HTTP": (TCP,),
    "HTTPS": (TCP,),
    "UDP": (UDP,),
    "QUIC": (UDP,),
    "TCP_UDP": (TCP, UDP),
    "TCP_QUIC": (TCP, UDP),
}
ANSWERS = ("redirect", "fixed-response")


class ForwardGroup(Part):
    """One target group of a forward action."""

    target_group_arn: Id
    weight: int = 1


class ForwardConfig(Part):
    """The target groups of a forward action."""

    target_groups: tuple[ForwardGroup, ...] = Field(min_length=1)


class Action(Part):
    """What a listener does."""

    type: Id
    target_group_arn: str = ""
    forward_config: ForwardConfig | None = None

    @model_validator(mode="after")
    def _names_a_group(self) -> Action:
        if self.type == "forward" and not (self.target_group_arn or self.forward_config):
            raise ValueError("it names no target group")
        return self

    @property
    def groups(self) -> tuple[str, ...]:
        """The target groups that get traffic."""
        weighted = self.forward_config.target_groups if self.forward_config else ()
        named = [g.target_group_arn for g in weighted if g.weight > 0]
        return tuple(named or ([self.target_group_arn] if self.target_group_arn else []))


Way = tuple[str, ...] | None


def way_of(actions: Iterable[Action]) -> Way:
    """The target groups that actions send to; none where the load balancer answers by itself, None where nothing says either."""
    known = tuple(actions)
    groups = tuple(dict.fromkeys(arn for action in known for arn in action.groups))
    return groups if groups or all(action.type in ANSWERS for action in known) else None


class Listener(Part):
    """One listener; what it does where no rule of it decides otherwise are its default actions.

    That of a Gateway Load Balancer takes every packet and so has neither port nor protocol.
    """

    listener_arn: Id
    port: int | None = None
    protocol: Literal["TCP", "TLS", "HTTP", "HTTPS", "UDP", "QUIC", "TCP_UDP", "TCP_QUIC", ""] = ""
    default_actions: tuple[Action, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_both_or_neither(self) -> Listener:
        if (self.port is None) != (not self.protocol):
            raise ValueError("it names a port without a protocol, or a protocol without a port")
        return self

    @property
    def way(self) -> Way:
        """What its default actions come to."""
        return way_of(self.default_actions)

    def speaks(self, flow: Flow) -> bool:
        """True where it takes the packet's protocol, on whatever port."""
        return flow.protocol in TAKES.get(self.protocol, ())

    def takes(self, flow: Flow) -> bool:
        """True where it accepts the packet's protocol and port."""
        ports = flow.destination_ports
        return ports is not None and self.port == ports.first and self.speaks(flow)

    def __str__(self) -> str:
        """As the console shows it: `TCP:443`."""
        return f"{self.protocol}:{self.port}"


class Listeners(Resource):
    """The listeners of one load balancer."""

    kind: ClassVar[str] = "load_balancer_listeners"
    load_balancer_arn: str
    listeners: tuple[Listener, ...]

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn


class Attribute(Part):
    """One attribute."""

    key: Id
    value: str = ""


class ListenerAttributes(Resource):
    """The attributes of one listener."""

    kind: ClassVar[str] = "listener_attributes"
    listener_arn: str
    attributes: tuple[Attribute, ...]

    @property
    def id(self) -> str:
        """The listener's ARN."""
        return self.listener_arn


class SourceIpConfig(Part):
    """The CIDRs of a condition on the client's address."""

    values: tuple[Cidr, ...] = ()


class Condition(Part):
    """One condition of a rule (API_RuleCondition.html); only one on the client's address shows in a packet's header."""

    field: Id
    values: tuple[str, ...] = ()
    source_ip_config: SourceIpConfig | None = None

    def met(self, client: Address) -> bool | None:
        """Whether the packet meets it; None where that depends on what is in the request, or which of many clients asks."""
        if self.field != "source-ip":
            return None
        cidrs = (*(self.source_ip_config.values if self.source_ip_config else ()), *self.values)
        return {"yes": True, "no": False, "unknown": None}[covered(cidrs, client)] if cidrs else None


class Rule(Part):
    """One rule of a listener (API_Rule.html)."""

    priority: Id
    conditions: tuple[Condition, ...]  # empty in the default rule, and always there
    actions: tuple[Action, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_something(self) -> Rule:
        if not self.conditions and self.priority != "default":
            raise ValueError("it has no condition, and is not the default rule")
        return self

    @property
    def order(self) -> int:
        """The lowest number is asked first, the default rule last."""
        return int(self.priority) if self.priority.isdecimal() else 1 << 30


class ListenerRules(Resource):
    """The rules of one listener, the default one among them."""

    kind: ClassVar[str] = "listener_rules"
    listener_arn: str
    rules: tuple[Rule, ...]

    @property
    def id(self) -> str:
        """The listener's ARN."""
        return self.listener_arn

    @property
    def ways(self) -> tuple[Way, ...]:
        """What every rule comes to."""
        return tuple(way_of(rule.actions) for rule in self.rules)

    def open_to(self, client: Address) -> Iterator[Way]:
        """What every rule that may decide comes to, in order, up to the first that decides for certain.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html
        """
        for rule in sorted(self.rules, key=lambda rule: rule.order):
            met = [condition.met(client) for condition in rule.conditions]
            if False in met:
                continue
            yield way_of(rule.actions)
            if None not in met:
                return


def _read(operation: str, response: str, id_field: str, resource: type[Resource]) -> Read:
    return Read(
        service="elbv2",
        operation=operation,
        action=f"elasticloadbalancing:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field=id_field,
        resource=resource,
        lookups={"id": Lookup(keys=lambda raw: [raw[id_field]], parameter=id_field)},
        single=True,
    )


class LoadBalancerListenerComponent(Component):
    """Reads listeners; leads no packet."""

    kind = "load_balancer_listener"
    reads = (
        _read("describe_listeners", "LoadBalancerListeners", "LoadBalancerArn", Listeners),
        _read("describe_listener_attributes", "ListenerAttributes", "ListenerArn", ListenerAttributes),
        _read("describe_rules", "ListenerRules", "ListenerArn", ListenerRules),
    )
