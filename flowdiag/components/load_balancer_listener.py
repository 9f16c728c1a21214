"""Listeners of load balancers: the protocols and ports they take, and the target groups they send to. Only read.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource
from flowdiag.model import TCP, UDP, Flow

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


class Listener(Part):
    """One listener."""

    port: int
    protocol: Literal["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"]
    default_actions: tuple[Action, ...] = Field(min_length=1)

    @property
    def answers(self) -> bool:
        """True where the load balancer answers by itself what no rule of the listener sends elsewhere."""
        return all(action.type in ("redirect", "fixed-response") for action in self.default_actions)

    @property
    def groups(self) -> tuple[str, ...]:
        """The target groups that its default actions send to."""
        return tuple(dict.fromkeys(arn for action in self.default_actions for arn in action.groups))

    def takes(self, flow: Flow) -> bool:
        """True where it accepts the packet's protocol and port."""
        ports = flow.destination_ports
        return ports is not None and self.port == ports.first and flow.protocol in TAKES[self.protocol]


class Listeners(Resource):
    """The listeners of one load balancer."""

    kind: ClassVar[str] = "load_balancer_listeners"
    load_balancer_arn: str
    listeners: tuple[Listener, ...]

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn


class LoadBalancerListenerComponent(Component):
    """Reads listeners; leads no packet."""

    kind = "load_balancer_listener"
    reads = (
        Read(
            service="elbv2",
            operation="describe_listeners",
            action="elasticloadbalancing:DescribeListeners",
            responses=("LoadBalancerListeners",),
            id_field="LoadBalancerArn",
            resource=Listeners,
            lookups={"id": Lookup(keys=lambda raw: [raw["LoadBalancerArn"]], parameter="LoadBalancerArn")},
            single=True,
        ),
    )
