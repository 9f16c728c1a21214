"""Target groups: whom a load balancer may send a request to, and with which address in the header. Only read; a node leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from flowdiag.address import address
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, holder
from flowdiag.model import Address, Unread

# Protocols of which the client's address is always kept, and target states in which a target gets nothing, or all is well.
KEPT = ("UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
OUT_OF_USE = ("unused", "draining", "unhealthy.draining")
WELL = ("healthy", "unavailable")  # unavailable: health is not asked for


class Attribute(Part):
    """One attribute."""

    key: Id
    value: str = ""


class TargetGroupAttributes(Resource):
    """The attributes of one target group."""

    kind: ClassVar[str] = "target_group_attributes"
    target_group_arn: str
    attributes: tuple[Attribute, ...]

    @property
    def id(self) -> str:
        """The target group's ARN."""
        return self.target_group_arn


class Target(Part):
    """One target as it was registered."""

    id: Id
    port: int | None = None


class Health(Part):
    """The state of a target."""

    state: Literal["initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "draining", "unavailable"]


class TargetHealth(Part):
    """One target with its state."""

    target: Target
    target_health: Health


class Targets(Resource):
    """The targets of one group with their health."""

    kind: ClassVar[str] = "target_health"
    target_group_arn: str
    target_health_descriptions: tuple[TargetHealth, ...]

    @property
    def id(self) -> str:
        """The target group's ARN."""
        return self.target_group_arn


@dataclass(frozen=True)
class Goal:
    """One target: its name, address and port, whether it is healthy, and whether it is meant to see the client's address."""

    target: str
    address: Address
    port: int
    healthy: bool
    preserved: bool


class TargetGroup(Resource):
    """A target group (API_TargetGroup.html in the Elastic Load Balancing v2 API reference)."""

    kind: ClassVar[str] = "target_group"
    target_group_arn: str
    target_type: Literal["instance", "ip", "lambda", "alb"]
    vpc_id: str = ""
    protocol: str = ""
    port: int | None = None
    ip_address_type: str = "ipv4"

    @property
    def id(self) -> str:
        """The ARN."""
        return self.target_group_arn

    def goals(self, view: View) -> tuple[Goal, ...] | None:
        """Every target that is in use; None where one of them is not known."""
        listed = view.get("target_health", self.id, self.scope)
        if not listed:
            return None
        used = [t for t in listed.target_health_descriptions if t.target_health.state not in OUT_OF_USE]
        goals = [self._goal(entry, view) for entry in used]
        known = tuple(goal for goal in goals if goal)
        return known if len(known) == len(goals) else None

    def near(self, goals: tuple[Goal, ...], crosses: bool, node: Any, view: View) -> tuple[Goal, ...] | None:
        """Those a node sends to: all, or where nothing crosses zones those of its zone; None where that is not known.

        `crosses` is what the load balancer says, which the group may say otherwise:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
        """
        said = self.attribute("load_balancing.cross_zone.enabled", "", view)
        if said == "true" or (said != "false" and crosses):
            return goals
        here = view.get("subnet", node.subnet_id, node.scope)
        shared = [self._shares_zone(goal, here, view) for goal in goals]
        return None if None in shared else tuple(goal for goal, answer in zip(goals, shared, strict=True) if answer)

    def _shares_zone(self, goal: Goal, here: Any, view: View) -> bool | None:
        interface = holder(self.vpc_id, goal.address, self.scope, view)
        if interface is None:
            return True  # a target outside the VPC is registered for all zones
        subnet = view.get("subnet", interface.subnet_id, interface.scope) if interface else None
        return bool(answer) if here and subnet and (answer := here.shares_zone(subnet)) is not None else None

    def _goal(self, entry: TargetHealth, view: View) -> Goal | None:
        where, port = self._address(entry.target.id, view), entry.target.port or self.port
        if where is None or not port:
            return None
        return Goal(entry.target.id, where, port, entry.target_health.state in WELL, self._preserves(view))

    def _address(self, target: str, view: View) -> Address | None:
        """An instance is reached at the primary address of its primary interface."""
        if self.target_type != "instance":
            return address(target)
        interfaces = view.find("network_interface", "instance", target, self.scope) or ()
        primary = min(interfaces, key=lambda i: i.attachment.device_index if i.attachment else 0, default=None)
        texts = primary.addresses if primary else ()
        wanted = 6 if self.ip_address_type == "ipv6" else 4
        return next((a for text in texts if (a := address(text)) and a.version == wanted), None)

    def _preserves(self, view: View) -> bool:
        """Whether targets of a Network Load Balancer see the client's address; by default those registered by instance id do.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
        """
        default = "true" if self.target_type == "instance" or self.protocol in KEPT else "false"
        return self.protocol in KEPT or self.attribute("preserve_client_ip.enabled", default, view) == "true"

    def attribute(self, key: str, default: str, view: View) -> str:
        """The value of an attribute; where the attributes were not read AWS's default is assumed."""
        found = view.get("target_group_attributes", self.id, self.scope)
        if isinstance(found, Unread):
            view.assume(
                found.query, "AWS's defaults: the client's address kept for instances and UDP, zones as the load balancer"
            )
        named = found.attributes if found else ()
        return str(next((a.value for a in named if a.key == key), default))


def _read(operation: str, response: str, resource: type[Resource], single: bool = True) -> Read:
    field = "TargetGroupArn"
    return Read(
        service="elbv2",
        operation=operation,
        action=f"elasticloadbalancing:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field=field,
        resource=resource,
        lookups={"id": Lookup(keys=lambda raw: [raw[field]], parameter=field if single else f"{field}s")},
        single=single,
    )


class TargetGroupComponent(Component):
    """Reads target groups; leads no packet."""

    kind = "target_group"
    reads = (
        _read("describe_target_groups", "TargetGroups", TargetGroup, single=False),
        _read("describe_target_group_attributes", "TargetGroupAttributes", TargetGroupAttributes),
        _read("describe_target_health", "LoadBalancerTargetHealth", Targets),
    )
