"""Target groups: whom a load balancer may send a request to, and with which address in the header. Only read; a node leads."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from flowdiag.address import address
from flowdiag.balancing import ROUTING, Goal
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
    reason: str = ""


class TargetHealth(Part):
    """One target with its state; a health check may go to another port than the requests."""

    target: Target
    health_check_port: str = ""
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

    def goals(self, view: View, used: bool = True) -> tuple[Goal, ...] | None:
        """Every target that is in use, or every one that is registered; None where one of them is not known."""
        listed = view.get("target_health", self.id, self.scope)
        if not listed:
            return None
        known = [t for t in listed.target_health_descriptions if not used or t.target_health.state not in OUT_OF_USE]
        goals = [self._goals_at(entry, view) for entry in known]
        return None if None in goals else tuple(goal for several in goals for goal in several or ())

    def without_use(self, view: View) -> str:
        """Why none of the targets is in use: there is none (`empty`), all stand in zones that are not enabled for the load
        balancer (`zone off`), or each for a reason of its own (`unused`).

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
        """
        listed = view.get("target_health", self.id, self.scope)
        states = [entry.target_health for entry in listed.target_health_descriptions] if listed else []
        off = all(state.state == "unused" and state.reason == "Target.NotInUse" for state in states)
        return "empty" if not states else "zone off" if off else "unused"

    def has_enough(self, healthy: int, registered: int, view: View, action: str = ROUTING) -> bool:
        """Whether so many healthy targets are the minimum below which all get requests, those that fail too; or that below
        which DNS leaves out the zone's node, which may be none (`off`).

        https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html
        """
        number = self.attribute(f"target_group_health.{action}.minimum_healthy_targets.count", "1", view)
        part = self.attribute(f"target_group_health.{action}.minimum_healthy_targets.percentage", "off", view)
        wanted = 0 if number == "off" else max(1, int(number) if number.isdecimal() else 1)
        return healthy >= wanted and (not part.isdecimal() or healthy * 100 >= int(part) * registered)

    def asked_at(self, view: View) -> tuple[tuple[Address, frozenset[int]], ...] | None:
        """Every registered target's address with the ports it is asked at: for requests and for health checks."""
        listed = view.get("target_health", self.id, self.scope)
        if not listed or self.target_type not in ("instance", "ip", "alb"):
            return () if self.target_type == "lambda" else None
        found = [(self._goals_at(entry, view), entry) for entry in listed.target_health_descriptions]
        if any(goals is None for goals, _ in found):
            return None
        return tuple((goal.address, _asked(goal, entry)) for goals, entry in found for goal in goals or ())

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

    def _goals_at(self, entry: TargetHealth, view: View) -> tuple[Goal, ...] | None:
        """One target's address, or those of every node where it is a load balancer; None where they are not known."""
        port, healthy = entry.target.port or self.port, entry.target_health.state in WELL
        found = self._addresses(entry.target.id, view)
        if not found or not port:
            return None
        name = entry.target.id.partition(":loadbalancer/")[2] or entry.target.id
        reason = entry.target_health.reason
        return tuple(Goal(name, where, port, healthy, self._preserves(view), reason) for where in found)

    def _addresses(self, target: str, view: View) -> tuple[Address, ...]:
        """An instance is reached at the primary address of its primary interface, an Application Load Balancer at its
        nodes by IPv4: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/application-load-balancer-target.html
        """
        if self.target_type == "ip":
            literal = address(target)
            return (literal,) if literal else ()
        if self.target_type == "alb":
            balancer = view.get("load_balancer", target, self.scope)
            nodes = balancer.nodes(view) if balancer else ()
            return tuple(first for node in nodes or () for first in _of_version(node.addresses, 4)[:1])
        interfaces = view.find("network_interface", "instance", target, self.scope) or ()
        primary = min(interfaces, key=lambda i: i.attachment.device_index if i.attachment else 0, default=None)
        return _of_version(primary.addresses if primary else (), 6 if self.ip_address_type == "ipv6" else 4)[:1]

    def _preserves(self, view: View) -> bool:
        """Whether targets of a Network Load Balancer see the client's address; by default those registered by instance id do.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
        """
        if self.target_type == "alb":
            return True
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


def _of_version(texts: tuple[str, ...], version: int) -> tuple[Address, ...]:
    return tuple(found for text in texts if (found := address(text)) and found.version == version)


def _asked(goal: Goal, entry: TargetHealth) -> frozenset[int]:
    """The ports a target is asked at; `traffic-port` and its absence mean the port of requests."""
    return frozenset((goal.port, *([int(entry.health_check_port)] if entry.health_check_port.isdecimal() else ())))


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
