"""Who listens: the interfaces of a path on which a flow log shows the packet, and the flow logs that watch each of them.

`along` gives the interfaces hop by hop, `stations` what is known of each; `coverage` then weighs their silence. Everything
is asked of a view, so a view that remembers what it lacked tells live collection what to fetch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowdiag.address import address, network
from flowdiag.component import View, owner_scope
from flowdiag.components import components
from flowdiag.model import Address, Hop, Scope, Trace, Unread, Watcher

Along = tuple[tuple[tuple[str, ...], ...], ...]  # of every leg, of every hop of `Leg.hops`: the interfaces there
Level = Literal["interface", "subnet", "vpc", "gateway"]
GATEWAY = "nat_gateway"
TELLING = ("interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "action")
PACKET_LEVEL = ("pkt-srcaddr", "pkt-dstaddr")
"""What tells where an interface shows its own address for another one."""
BORDER = "network_acl"  # its place is the subnet whose border a packet crosses


@dataclass(frozen=True)
class Station:
    """An interface of the path. `watchers` is None where it was not read which flow logs there are.

    `stands_for` names the gateway or service behind it; `type` is AWS's InterfaceType; `unlogged` are addresses whose
    traffic AWS keeps out of flow logs here, each with what it is; `addresses` are the interface's own, and `several` tells
    whether it has more than one of IPv4, for which records show the primary one:
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    `zone` and `zone_id` are those of its Availability Zone; the name means another zone in another account:
    https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
    """

    interface: str
    name: str
    stands_for: str = ""
    type: str = ""
    addresses: frozenset[Address] = frozenset()
    several: bool = False
    unlogged: Mapping[Address, str] = field(default_factory=dict)
    watchers: tuple[Watcher, ...] | None = None
    zone: str = ""
    zone_id: str = ""


@dataclass(frozen=True)
class Listening:
    """The interfaces along the path, and what is known of each."""

    along: Along = ()
    stations: Mapping[str, Station] = field(default_factory=dict)

    def at(self, interface: str, label: str = "") -> Station:
        """The station of an interface; one of which nothing is known where it was not looked for."""
        return self.stations.get(interface) or Station(interface=interface, name=label or interface, unlogged=_everywhere())

    @property
    def zones(self) -> Mapping[str, str]:
        """The Availability Zone of each address: its name, or its id where one name stands for several here."""
        places = {(one.zone, one.zone_id) for one in self.stations.values() if one.zone}
        named = len({name for name, _ in places}) == len(places)
        told = ((one, one.zone if named else one.zone_id) for one in self.stations.values())
        return {str(address): zone for one, zone in told if zone for address in one.addresses}


def listen(trace: Trace, view: View) -> Listening:
    """Who could have seen the packets of this path."""
    interfaces = along(trace, view)
    return Listening(interfaces, stations(trace, interfaces, view))


def along(trace: Trace, view: View) -> Along:
    """The interfaces at every hop of every leg: the place itself, or those that stand for a gateway."""
    return tuple(
        tuple(_at(hops, step, view) for hops in (leg.request, leg.reply) for step in range(len(hops))) for leg in trace.legs
    )


def _at(hops: tuple[Hop, ...], step: int, view: View) -> tuple[str, ...]:
    hop = hops[step]
    if hop.place.id.startswith("eni-"):
        return (hop.place.id,)
    beside = [hops[n] for n in (step - 1, step + 1) if 0 <= n < len(hops)]
    subnets = tuple(other.place.id for other in beside if other.place.kind == BORDER)
    return components()[hop.place.kind].interfaces(hop, subnets, view) if hop.place.kind in components() else ()


def stations(trace: Trace, interfaces: Along, view: View) -> dict[str, Station]:
    """What is known of every interface of the path, both ends included, in path order."""
    found: dict[str, Station] = {}
    for leg, steps in zip(trace.legs, interfaces, strict=True):
        for end in (leg.source, leg.destination):
            if end.eni and end.eni not in found:
                found[end.eni] = _station(end.eni, "", end.scope, view)
        for hop, here in zip(leg.hops, steps, strict=True):
            for id in here:
                if id not in found or (not found[id].stands_for and hop.place.kind not in _HOSTS):
                    found[id] = _station(id, _behind(hop), hop.place.scope, view)
    return found


_HOSTS = ("network_interface", "security_group")


def _behind(hop: Hop) -> str:
    return "" if hop.place.kind in _HOSTS else f"{hop.place.kind.replace('_', ' ')} {hop.name}"


def _station(id: str, stands_for: str, scope: Scope, view: View) -> Station:
    if id.startswith("nat-"):
        return _regional(id, stands_for, scope, view)
    interface = view.get("network_interface", id, scope)
    if not interface:
        view.find("flow_log", "resource", id, scope)  # for live collection; subnet and VPC stay unknown
        return Station(id, id, stands_for, unlogged=_everywhere())
    subnet = view.get("subnet", interface.subnet_id, interface.scope) if interface.subnet_id else None
    return Station(
        interface=id,
        name=interface.label,
        stands_for=stands_for,
        type=interface.service or interface.interface_type,
        addresses=frozenset(known for text in interface.addresses if (known := address(text))),
        several=interface.has_several,
        unlogged=_unlogged(interface, view),
        watchers=watchers(interface, view),
        zone=subnet.availability_zone if subnet else "",
        zone_id=subnet.availability_zone_id if subnet else "",
    )


def _regional(id: str, stands_for: str, scope: Scope, view: View) -> Station:
    """A regional NAT gateway, which has no interface: flow logs watch it by itself, or with its VPC (an inference)."""
    nat = view.get(GATEWAY, id, scope)
    vpc = nat.vpc_id if nat else ""
    levels: tuple[tuple[Level, str, Scope], ...] = (("gateway", id, scope), ("vpc", vpc, owner_scope(vpc, scope, view)))
    return Station(id, id, stands_for, unlogged=_everywhere(), watchers=_watching(levels, view))


def watchers(interface: Any, view: View) -> tuple[Watcher, ...] | None:
    """Every flow log of an interface, its subnet and its VPC; None where one of the three was not read.

    Of a shared VPC and its subnets the owner alone is shown the flow logs:
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html
    """
    owner = owner_scope(interface.vpc_id, interface.scope, view)
    levels: tuple[tuple[Level, str, Scope], ...] = (
        ("interface", interface.id, interface.scope),
        ("subnet", interface.subnet_id, owner),
        ("vpc", interface.vpc_id, owner),
    )
    return _watching(levels, view)


def _watching(levels: tuple[tuple[Level, str, Scope], ...], view: View) -> tuple[Watcher, ...] | None:
    asked = [(level, view.find("flow_log", "resource", id, scope)) for level, id, scope in levels if id]
    if len(asked) < len(levels) or any(isinstance(found, Unread) for _, found in asked):
        return None
    return tuple(_watcher(level, log, view) for level, found in asked for log in found)


def _watcher(level: Level, log: Any, view: View) -> Watcher:
    group = view.get("log_group", log.log_group_name, log.scope) if log.log_group_name else None
    failed = log.deliver_logs_status == "FAILED"
    return Watcher(
        id=log.id,
        level=level,
        traffic=log.traffic_type,
        destination_type=log.log_destination_type,
        destination=log.destination,
        interval=log.max_aggregation_interval,
        created=log.creation_time,
        failure=(log.deliver_logs_error_message or "no reason given") if failed else "",
        retention=group.retention if group else None,
        lacks=tuple(name for name in (*TELLING, *PACKET_LEVEL) if log.log_format and f"${{{name}}}" not in log.log_format),
    )


# ---------------------------------------------------------------- what AWS never logs

# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html; the addresses are those of
# https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html,
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html and
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configure-ec2-ntp.html
_EVERYWHERE = {
    "169.254.169.253": "the Amazon DNS server",
    "fd00:ec2::253": "the Amazon DNS server",
    "169.254.169.254": "instance metadata",
    "fd00:ec2::254": "instance metadata",
    "169.254.169.123": "the Amazon Time Sync Service",
    "fd00:ec2::123": "the Amazon Time Sync Service",
    "169.254.169.250": "Windows licence activation",
    "169.254.169.251": "Windows licence activation",
}


def _unlogged(interface: Any, view: View) -> Mapping[Address, str]:
    """The addresses that are AWS's own everywhere, in this VPC (the resolver at its base plus two) and subnet (the router)."""
    vpc = view.get("vpc", interface.vpc_id, interface.scope) if interface.vpc_id else None
    subnet = view.get("subnet", interface.subnet_id, interface.scope) if interface.subnet_id else None
    here = (
        (_nth(vpc.cidr_block if vpc else "", 2), "the Amazon DNS server"),
        (_nth(subnet.cidr_block if subnet else "", 1), "the VPC's router"),
    )
    return {**_everywhere(), **{own: what for own, what in here if own}}


def _everywhere() -> dict[Address, str]:
    return {known: what for text, what in _EVERYWHERE.items() if (known := address(text))}


def _nth(cidr: str, position: int) -> Address | None:
    outer = network(cidr) if cidr else None
    return outer[position] if outer is not None and outer.num_addresses > position else None
