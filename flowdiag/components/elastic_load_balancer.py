"""Application, Network and Gateway Load Balancers: what their listeners, rules and target groups choose. Only read; nodes lead.

https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from flowdiag.address import address, any_holds
from flowdiag.balancing import Goal, Handling
from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import TCP, UDP, Packet, Unread

DOWN = ("provisioning", "failed")
OPEN_WORDS = ("unknown", "unfollowed", "doubtful")  # what is not known of one target group is not known of all
SENDING = ("some", "unhealthy")
# Idle timeouts in seconds where nobody changed them, https://docs.aws.amazon.com/elasticloadbalancing/latest/:
# network/network-load-balancers.html#connection-idle-timeout and application/application-load-balancers.html
IDLE = {"network": 350, "gateway": 350, "application": 60}
IDLE_UDP = 120


class BalancerState(Part):
    """The state of a load balancer."""

    code: Literal["active", "provisioning", "active_impaired", "failed"]


class Zone(Part):
    """One zone it is enabled for."""

    subnet_id: Id


class LoadBalancer(Resource):
    """A load balancer (API_LoadBalancer.html in the Elastic Load Balancing v2 API reference)."""

    kind: ClassVar[str] = "load_balancer"
    load_balancer_arn: str
    load_balancer_name: Id
    type: Literal["network", "application", "gateway"]
    vpc_id: Id
    state: BalancerState
    availability_zones: tuple[Zone, ...]
    ip_address_type: str = "ipv4"
    enforce_security_group_inbound_rules_on_private_link_traffic: str = "on"

    @property
    def id(self) -> str:
        """The ARN."""
        return self.load_balancer_arn

    @property
    def name(self) -> str:
        """The name."""
        return self.load_balancer_name

    @property
    def word(self) -> str:
        """Its type in words of the decision table, `down` where it is not active, with `at` in what state."""
        return "down" if self.state.code in DOWN else self.type

    @property
    def at(self) -> str:
        """Its state as AWS names it."""
        return self.state.code

    def nodes(self, view: View) -> Any:
        """The interfaces of its nodes, which its name describes, or Unread."""
        path = self.load_balancer_arn.partition(":loadbalancer/")[2]
        return view.find("network_interface", "description", f"ELB {path}", self.scope)

    @property
    def _has_rules(self) -> bool:
        """Whether its listeners may have rules: those of a Network Load Balancer only where it is dual-stack.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-listeners.html
        """
        return self.type == "application" or (self.type == "network" and self.ip_address_type != "ipv4")

    def nodes_near(self, subnet: Any, view: View) -> list[Any] | None:
        """The interfaces of its nodes in the subnet's zone, none where it is not enabled there; None where they are not known."""
        enabled = [view.get("subnet", zone.subnet_id, self.scope) for zone in self.availability_zones]
        shared = [own.shares_zone(subnet) if own and subnet else None for own in enabled]
        nodes = self.nodes(view)
        if None in shared or isinstance(nodes, Unread):
            return None
        near = {own.id for own, answer in zip(enabled, shared, strict=True) if answer}
        found = [node for node in nodes if node.subnet_id in near]
        return found if found or not near else None

    def guards_private_link(self) -> bool:
        """Whether its inbound rules also hold for what comes over PrivateLink, as they do unless that is turned off.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
        """
        return self.enforce_security_group_inbound_rules_on_private_link_traffic != "off"

    # ------------------------------------------------------------ what becomes of a packet

    def handle(self, node: Any, packet: Packet, view: View, keeps: bool = True) -> Handling:
        """What a node does with a request; `keeps` is False where no client's address is kept, whatever attributes say."""
        found = view.get("load_balancer_listeners", self.id, self.scope)
        if not found or not all(listener.protocol for listener in found.listeners):
            return Handling()
        listener = next((entry for entry in found.listeners if entry.takes(packet.flow)), None)
        if listener is None:
            said = ", ".join(map(str, found.listeners))
            other = any(entry.speaks(packet.flow) for entry in found.listeners)
            return Handling("other port" if other else "no", said=said)
        ways = self._ways(listener, packet, view)
        if ways is None:
            return Handling("undecided", said=str(listener))
        handled = [self._along(way, node, packet, view, keeps) for way in dict.fromkeys(ways)]
        return _one_of(handled, self.idle_timeout(listener, packet, view), str(listener))

    def appliances(self, node: Any, packet: Packet, view: View) -> Handling:
        """Whom a node of a Gateway Load Balancer hands a packet to: its one listener takes every packet.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-listeners.html
        """
        found = view.get("load_balancer_listeners", self.id, self.scope)
        listener = next(iter(found.listeners), None) if found else None
        if not listener:
            return Handling(targets="empty" if found else "unknown")
        handling = self._along(listener.way, node, packet, view, False)
        return replace(handling, idle=self.idle_timeout(listener, packet, view))

    def _ways(self, listener: Any, packet: Packet, view: View) -> Any:
        """What the listener's rules may come to; None where they were not read."""
        if not self._has_rules:
            return (listener.way,)
        rules = view.get("listener_rules", listener.listener_arn, self.scope)
        return (*rules.open_to(packet.flow.source), *(() if rules.rules else (listener.way,))) if rules else None

    def _along(self, way: Any, node: Any, packet: Packet, view: View, keeps: bool) -> Handling:
        """What one rule comes to: an answer, or the targets of its groups."""
        if way is None:
            return Handling("yes", "unfollowed")
        groups = [_group(arn, self.scope, view) for arn in way]
        parts = [self._of_group(group, node, packet, view, keeps) if group else ("unknown", ()) for group in groups]
        words = {word for word, _ in parts}
        if words <= {"function"}:
            return Handling("answers", answers=True)
        goals, beyond = (
            tuple(dict.fromkeys(goal for word, several in parts if (word in SENDING) is sends for goal in several))
            for sends in (True, False)
        )
        return Handling("yes", _together(words), goals, answers="function" in words, beyond=beyond)

    def _of_group(self, group: Any, node: Any, packet: Packet, view: View, keeps: bool) -> tuple[str, tuple[Goal, ...]]:
        """The targets a node chooses from: healthy ones, or all where fewer are than the group asks for, one if it says nothing
        (fail open); its own zone's unless cross-zone is on; those out of use or reach where there are no others. What it does
        where the healthy ones are all in other zones is not documented.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
        """
        if group.target_type == "lambda":
            return "function", ()
        goals = group.goals(view)
        near = None if goals is None else group.near(goals, self.crosses_zones(view), node, view)
        if goals is None or near is None:
            return "unknown", ()
        if not near:
            word = group.without_use(view) if not goals else "doubtful" if group.target_type == "alb" else "other zone"
            idle = (goals or group.goals(view, used=False) or ()) if word != "doubtful" else ()
            return word, self._sent_to(idle, packet, keeps) if all(self._fits(goal, node, view) for goal in idle) else ()
        healthy = tuple(goal for goal in near if goal.healthy)
        if not healthy and any(goal.healthy for goal in goals):
            return "doubtful", ()
        enough = group.has_enough(len(healthy), len(near), view)
        chosen = self._sent_to(healthy if enough else near, packet, keeps)
        if self.type == "network" and packet.flow.protocol == UDP and _mixed(chosen, packet):
            return ("refused" if packet.flow.version == 6 else "unfollowed"), ()
        if not all(self._fits(goal, node, view) for goal in chosen):
            return "unfollowed", ()
        return ("some" if healthy else "unhealthy"), chosen

    def _sent_to(self, goals: tuple[Goal, ...], packet: Packet, keeps: bool) -> tuple[Goal, ...]:
        """The targets as this packet may come to them: a Network Load Balancer alone may keep the client's address."""
        return tuple(_seen(goal, packet, keeps and self.type == "network") for goal in goals)

    def crosses_zones(self, view: View) -> bool:
        """On for an Application Load Balancer; for a Network Load Balancer as its attribute says, off by default."""
        if self.type == "application":
            return True
        found = view.get("load_balancer_attributes", self.id, self.scope)
        if isinstance(found, Unread):
            view.assume(found.query, "AWS's default: load balancing across zones is off")
        return bool(found) and found.value("load_balancing.cross_zone.enabled") == "true"

    def _fits(self, goal: Goal, node: Any, view: View) -> bool:
        """Whether the way to a target is one that is followed: the node has an address of its family, and a client's address
        is kept only towards the load balancer's own VPC and those peered with it in its Region.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
        """
        if not goal.preserved:
            return any(own.version == goal.address.version for text in node.addresses if (own := address(text)))
        vpc = view.get("vpc", self.vpc_id, self.scope)
        if vpc and any_holds(vpc.cidrs, goal.address):
            return True
        sides = (view.find("vpc_peering", side, self.vpc_id, self.scope) or () for side in ("requester", "accepter"))
        near = [p.other(self.vpc_id) for side in sides for p in side if p.active and not p.crosses_regions]
        return any(any_holds(side.cidrs, goal.address) for side in near)

    # ------------------------------------------------------------ what else its attributes say

    def idle_timeout(self, listener: Any, packet: Packet, view: View) -> int | None:
        """The seconds without a packet after which it forgets a connection; None where AWS names no number.

        An attribute of the load balancer or of the listener; that of TLS and that of UDP cannot be changed.
        """
        if packet.flow.protocol != TCP:
            return IDLE_UDP if packet.flow.protocol == UDP else None
        if listener.protocol == "TLS":
            return IDLE["network"]
        kind, id, key = ("load_balancer_attributes", self.id, "idle_timeout.timeout_seconds")
        if self.type != "application":
            kind, id, key = "listener_attributes", listener.listener_arn, "tcp.idle_timeout.seconds"
        found = view.get(kind, id, self.scope)
        if isinstance(found, Unread):
            view.assume(found.query, f"AWS's default: an idle timeout of {IDLE[self.type]} s")
        said = next((a.value for a in found.attributes if a.key == key), "") if found else ""
        return int(said) if said.isdecimal() else IDLE[self.type]

    def asked_at(self, view: View) -> Any:
        """Every target of every listener with the ports it is asked at; None where they are not all known."""
        groups = self.target_groups(view)
        known = [group.asked_at(view) for group in groups or ()]
        return None if groups is None or None in known else tuple(pair for several in known for pair in several or ())

    def target_groups(self, view: View) -> tuple[Any, ...] | None:
        """The target groups of all listeners; None where they were not all read."""
        found = view.get("load_balancer_listeners", self.id, self.scope)
        arns = self._groups(found, view) if found else None
        if arns is None:
            return None
        groups = tuple(_group(arn, self.scope, view) for arn in arns)
        return groups if all(groups) else None

    def _groups(self, listeners: Any, view: View) -> tuple[str, ...] | None:
        """The target groups that any listener or rule of it names; None where the rules were not read."""
        ways = [listener.way for listener in listeners.listeners]
        if self._has_rules:
            rules = [view.get("listener_rules", entry.listener_arn, self.scope) for entry in listeners.listeners]
            if not all(rules):
                return None
            ways += [way for known in rules for way in known.ways]
        return tuple(dict.fromkeys(arn for way in ways for arn in way or ()))

    def foresee(self, view: View) -> None:
        """Ask for all that any packet may need here: listeners, rules, attributes, and the target groups with their targets."""
        view.get("load_balancer_attributes", self.id, self.scope)
        found = view.get("load_balancer_listeners", self.id, self.scope)
        for listener in found.listeners if found else ():
            view.get("listener_attributes", listener.listener_arn, self.scope)
        for arn in (self._groups(found, view) if found else None) or ():
            for kind in ("target_group", "target_group_attributes", "target_health"):
                view.get(kind, arn, self.scope)


def _group(arn: str, scope: Any, view: View) -> Any:
    """A target group; where it is still to be read, what belongs to it is asked for in the same round."""
    found = view.get("target_group", arn, scope)
    if isinstance(found, Unread) and found.retry:
        for kind in ("target_group_attributes", "target_health"):
            view.get(kind, arn, scope)
    return found


def _mixed(goals: tuple[Goal, ...], packet: Packet) -> bool:
    """Whether targets are of the other IP version: over UDP IPv6 clients need IPv6 targets, and IPv4 clients come to those with
    an address out of a prefix: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html
    """
    return any(goal.address.version != packet.flow.version for goal in goals)


def _seen(goal: Goal, packet: Packet, keeps: bool) -> Goal:
    """The target as this packet may come to it: no address is kept where the target is of the other family."""
    kept = keeps and goal.preserved and goal.address.version == packet.flow.version
    return replace(goal, preserved=kept)


def _together(words: set[str]) -> str:
    """What several target groups come to: each of them gets its share, so they have to agree."""
    hosts = words - {"function"}
    if hosts <= {*SENDING}:
        return "some" if "some" in hosts else "unhealthy"
    return next((word for word in OPEN_WORDS if word in hosts), next(iter(hosts)) if len(words) == 1 else "doubtful")


def _one_of(handled: list[Handling], idle: int | None, said: str) -> Handling:
    """What several rules come to of which one decides: known only as far as they agree."""
    if len(handled) == 1:
        only = handled[0]
        return replace(only, idle=idle, said=said)
    goals = tuple(dict.fromkeys(goal for one in handled for goal in one.goals))
    beyond = tuple(dict.fromkeys(goal for one in handled for goal in one.beyond))
    answers = any(one.answers for one in handled)
    words = {one.targets for one in handled if one.listener != "answers"}
    open_word = next((word for word in OPEN_WORDS if word in words), "")
    alike = next(iter(words)) if len(words) == 1 and not answers else ""
    word = open_word or alike or ("some" if words <= {*SENDING} else "mixed")
    return Handling("yes", word, goals, answers, guess=True, beyond=beyond, idle=idle, said=said)


class LoadBalancerAttribute(Part):
    """One attribute."""

    key: Id
    value: str = ""


class LoadBalancerAttributes(Resource):
    """The attributes of one load balancer."""

    kind: ClassVar[str] = "load_balancer_attributes"
    load_balancer_arn: str
    attributes: tuple[LoadBalancerAttribute, ...]

    @property
    def id(self) -> str:
        """The load balancer's ARN."""
        return self.load_balancer_arn

    def value(self, key: str) -> str:
        """The value of an attribute, or empty."""
        return next((a.value for a in self.attributes if a.key == key), "")


def _names(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("LoadBalancerName")]


def _read(operation: str, response: str, resource: type[Resource], single: bool = True, **more: Lookup) -> Read:
    field = "LoadBalancerArn"
    by_arn = Lookup(keys=lambda raw: [raw[field]], parameter=field if single else f"{field}s")
    return Read(
        service="elbv2",
        operation=operation,
        action=f"elasticloadbalancing:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field=field,
        resource=resource,
        lookups={"id": by_arn, **more},
        single=single,
    )


class ElasticLoadBalancerComponent(Component):
    """Reads load balancers; their nodes lead."""

    kind = "elastic_load_balancer"
    reads = (
        _read(
            "describe_load_balancers",
            "LoadBalancers",
            LoadBalancer,
            single=False,
            **{"name": Lookup(keys=_names, parameter="Names"), WHOLE: by_listing()},
        ),
        _read("describe_load_balancer_attributes", "LoadBalancerAttributes", LoadBalancerAttributes),
    )
