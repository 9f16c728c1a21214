"""One blocker on the path → the smallest Change that opens it; `remedy` puts several together and proves them.

Least privilege: exact protocol and port; a security group before an address, and one address before a network. Only
guards and routes are ever changed. Where a blocker cannot be opened so, the answer is the reason, as text.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from flowdiag.address import holds, network, protocol_number
from flowdiag.components.network_acl import IMPLICIT_DENY, Entry, NetworkAcl, rule_on
from flowdiag.model import ALL_PORTS, PROTOCOL_NAMES, TCP, UDP, Address, Change, Finding, Flow, Hop, Leg, Place, Scope
from flowdiag.snapshot import Snapshot

GUARDS = ("security_group", "network_acl")
EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
TIDY_STEP = 10
FIRST_RULE = 100
# What a route target is called in a reply of AWS and on the command line.
GATEWAYS = {
    "vpc_peering": ("VpcPeeringConnectionId", "--vpc-peering-connection-id"),
    "internet_gateway": ("GatewayId", "--gateway-id"),
    "nat_gateway": ("NatGatewayId", "--nat-gateway-id"),
}


class Blocker(NamedTuple):
    """A finding that blocks, where it stands: its leg, the hops of its direction, and its own number among them."""

    leg: Leg
    hops: tuple[Hop, ...]
    at: int
    finding: Finding

    @property
    def place(self) -> Place:
        """The component that blocks."""
        return self.hops[self.at].place

    @property
    def flow(self) -> Flow:
        """The header as it stands there."""
        return self.hops[self.at].before

    def from_afar(self, far: Address) -> tuple[str, str]:
        """The CIDR for the far address and how to call it: one address, or everybody where the question says `internet`."""
        ends = (self.leg.source, self.leg.destination)
        if any(end.kind == "internet" and end.address == far for end in ends):
            everywhere = EVERYWHERE[far.version]
            return everywhere, f"anywhere ({everywhere})"
        return f"{far}/{far.max_prefixlen}", str(far)


def opening(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The smallest change that opens this blocker, or why there is none (empty where no change of ours could)."""
    makers = {"security_group": _admit_in_group, "network_acl": _admit_in_acl, "route_table": _route_on}
    make = makers.get(blocker.finding.table)
    return make(blocker, snapshot) if make else ""


def _command(words: list[str], resource: Any, blocker: Blocker) -> str:
    """A shell command; it names the Region where that is not the one of the question's source."""
    region: str = resource.scope.region
    elsewhere = ["--region", region] if region and region != blocker.leg.source.scope.region else []
    return shlex.join(["aws", "ec2", *words, *elsewhere])


def _named(resource: Any, blocker: Blocker) -> str:
    """The resource's name, with its account where that is another than the source's."""
    home: Scope = blocker.leg.source.scope
    foreign = home.account and resource.scope.account and home.account != resource.scope.account
    return f"{resource.name} of account {resource.scope.account}" if foreign else str(resource.name)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


# ---------------------------------------------------------------- security groups


def _admit_in_group(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """One more rule in the interface's own group (https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html)."""
    interface = snapshot.get("network_interface", blocker.place.id, blocker.place.scope)
    own = _own_group(interface) if interface else None
    group = snapshot.get("security_group", own.group_id if own else blocker.finding.resource, blocker.place.scope)
    if not group:
        return "its security group was not read"
    ingress = blocker.finding.role == "ingress"
    peer, words = _peer(blocker, interface, snapshot, blocker.flow.source if ingress else blocker.flow.destination)
    permission = {**_service(blocker.flow), **peer}
    there = "from" if ingress else "to"
    return Change(
        summary=f"admit {blocker.flow.service()} {there} {words} in {_named(group, blocker)}",
        command=_command(_authorize(group, permission, ingress), group, blocker),
        kind="security_group",
        resource=group.id,
        scope=group.scope,
        patch={"list": "IpPermissions" if ingress else "IpPermissionsEgress", "add": permission},
    )


def _own_group(interface: Any) -> Any:
    """The group of an interface that says most of what it is: the first that is not the VPC's `default`."""
    return next((g for g in interface.groups if g.group_name != "default"), next(iter(interface.groups), None))


def _service(flow: Flow) -> dict[str, Any]:
    """Protocol and ports as IpPermission has them; ICMP holds its type in FromPort and its code in ToPort."""
    name = {"IpProtocol": PROTOCOL_NAMES.get(flow.protocol, str(flow.protocol))}
    if flow.icmp:
        return {**name, "FromPort": flow.icmp[0], "ToPort": flow.icmp[1]}
    if flow.protocol not in (TCP, UDP):
        return name
    ports = flow.destination_ports or ALL_PORTS
    return {**name, "FromPort": ports.first, "ToPort": ports.last}


def _peer(blocker: Blocker, interface: Any, snapshot: Snapshot, far: Address) -> tuple[dict[str, Any], str]:
    """Whom the rule admits: the far end's group where it can be referenced there, else the far address."""
    other = blocker.finding.fix.get("peer_interface", "")
    peer = snapshot.get("network_interface", other, blocker.place.scope) if other else None
    listed = next((g for g in peer.groups if g.group_name != "default"), None) if peer else None
    if listed and interface and _referable(blocker, interface, peer, snapshot):
        group = snapshot.get("security_group", listed.group_id, peer.scope)
        owner = (group.owner_id if group else "") or peer.owner_id or peer.scope.account
        pair = {"GroupId": listed.group_id, **({"UserId": owner} if owner else {})}
        return {"UserIdGroupPairs": [pair]}, group.name if group else listed.group_name or listed.group_id
    cidr, words = blocker.from_afar(far)
    return ({"IpRanges": [{"CidrIp": cidr}]} if far.version == 4 else {"Ipv6Ranges": [{"CidrIpv6": cidr}]}), words


def _referable(blocker: Blocker, interface: Any, peer: Any, snapshot: Snapshot) -> bool:
    """Whether a rule here may name the peer's group and sees its members: same VPC and owner, or one active peering of
    the same Region between, and nothing on the way that rewrites or forwards the packet.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-referencing
    https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
    """
    if any(hop.before != hop.after or hop.place.role == "forward" for hop in blocker.hops):
        return False
    crossed = [hop.place for hop in blocker.hops if hop.place.kind == "vpc_peering"]
    if interface.vpc_id == peer.vpc_id:
        return not crossed and interface.owner_id == peer.owner_id
    peering = snapshot.get("vpc_peering", crossed[0].id, crossed[0].scope) if len(crossed) == 1 else None
    return bool(peering) and peering.active and not peering.crosses_regions


def _authorize(group: Any, permission: Mapping[str, Any], ingress: bool) -> list[str]:
    """The short form where the command line has one: ingress, TCP or UDP, an IPv4 CIDR or a group of the same account."""
    words = [f"authorize-security-group-{'ingress' if ingress else 'egress'}", "--group-id", group.id]
    pair = next(iter(permission.get("UserIdGroupPairs", ())), {})
    home = group.owner_id or group.scope.account
    foreign = "Ipv6Ranges" in permission or (pair and pair.get("UserId", home) != home)
    if not ingress or foreign or permission["IpProtocol"] not in ("tcp", "udp"):
        return [*words, "--ip-permissions", _compact([permission])]
    first, last = permission["FromPort"], permission["ToPort"]
    who = ["--source-group", pair["GroupId"]] if pair else ["--cidr", permission["IpRanges"][0]["CidrIp"]]
    port = str(first) if first == last else f"{first}-{last}"
    return [*words, "--protocol", permission["IpProtocol"], "--port", port, *who]


# ---------------------------------------------------------------- network ACLs


def _admit_in_acl(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """One allow entry with a number that takes effect, for the first port range that is denied.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
    """
    acl = snapshot.get("network_acl", blocker.finding.resource, blocker.place.scope)
    if not acl:
        return "its network ACL was not read"
    outbound = blocker.finding.role == "outbound"
    missing = next(iter(blocker.finding.denied), blocker.flow.destination_ports)
    flow = blocker.flow.rewritten(destination_ports=missing)
    cidr, words = blocker.from_afar(flow.destination if outbound else flow.source)
    entry = _entry(flow, cidr, outbound)
    denying = min((e.rule_number for _, e in rule_on(acl.entries, flow, outbound).denied if e), default=IMPLICIT_DENY)
    number = free_number(acl.entries, outbound, denying)
    if number is None and not _denies_only(acl, denying, entry):
        return f"no rule number below {denying} is free in {acl.name}, and rule {denying} denies more than this flow"
    return _acl_change(blocker, acl, {"RuleNumber": number or denying, **entry}, number is None, words)


def _acl_change(blocker: Blocker, acl: NetworkAcl, entry: dict[str, Any], replaces: bool, words: str) -> Change:
    number, outbound = entry["RuleNumber"], entry["Egress"]
    ports = entry.get("PortRange")
    said = blocker.flow.service() if ports is None else f"{PROTOCOL_NAMES[blocker.flow.protocol]}/{_span(ports)}"
    reply = "replies " if blocker.finding.direction == "reply" else ""
    how = "by making rule {} an allow" if replaces else "by a new rule {}"
    drop = {"drop": {"RuleNumber": number, "Egress": outbound}} if replaces else {}
    verb = "replace-network-acl-entry" if replaces else "create-network-acl-entry"
    return Change(
        summary=f"admit {reply}{said} {'to' if outbound else 'from'} {words} in {_named(acl, blocker)} {how.format(number)}",
        command=_command([verb, "--network-acl-id", acl.id, *_entry_words(entry)], acl, blocker),
        kind="network_acl",
        resource=acl.id,
        scope=acl.scope,
        patch={"list": "Entries", "add": entry, **drop},
    )


def _span(ports: Mapping[str, int]) -> str:
    return str(ports["From"]) if ports["From"] == ports["To"] else f"{ports['From']}-{ports['To']}"


def _entry(flow: Flow, cidr: str, outbound: bool) -> dict[str, Any]:
    """An allow entry as DescribeNetworkAcls shows it, without its number."""
    block = {"CidrBlock": cidr} if flow.version == 4 else {"Ipv6CidrBlock": cidr}
    entry = {"Protocol": str(flow.protocol), "RuleAction": "allow", "Egress": outbound, **block}
    if flow.icmp:
        return {**entry, "IcmpTypeCode": {"Type": flow.icmp[0], "Code": flow.icmp[1]}}
    if flow.protocol not in (TCP, UDP):
        return entry
    ports = flow.destination_ports or ALL_PORTS
    return {**entry, "PortRange": {"From": ports.first, "To": ports.last}}


def _entry_words(entry: Mapping[str, Any]) -> list[str]:
    cidr = next(([flag, entry[key]] for key, flag in _CIDR_FLAGS.items() if key in entry), [])
    ports, icmp = entry.get("PortRange"), entry.get("IcmpTypeCode")
    span = ["--port-range", f"From={ports['From']},To={ports['To']}"] if ports else []
    kind = ["--icmp-type-code", f"Type={icmp['Type']},Code={icmp['Code']}"] if icmp else []
    words = ["--egress" if entry["Egress"] else "--ingress", "--rule-number", str(entry["RuleNumber"])]
    return [*words, "--protocol", entry["Protocol"], *span, *kind, *cidr, "--rule-action", "allow"]


_CIDR_FLAGS = {"CidrBlock": "--cidr-block", "Ipv6CidrBlock": "--ipv6-cidr-block"}


def free_number(entries: tuple[Entry, ...], outbound: bool, denying: int) -> int | None:
    """A free rule number below the entry that denies, None where there is none.

    Behind the last entry where only the implicit deny is in the way, else as close below the denying entry as is tidy.
    """
    taken = {entry.rule_number for entry in entries if entry.egress == outbound}
    last = max((number for number in taken if number < IMPLICIT_DENY), default=FIRST_RULE - TIDY_STEP)
    behind = (last // TIDY_STEP + 1) * TIDY_STEP
    if denying >= IMPLICIT_DENY and behind < IMPLICIT_DENY:
        return behind
    free = [number for number in range(min(denying, IMPLICIT_DENY) - 1, 0, -1) if number not in taken]
    return next((number for number in free if number % TIDY_STEP == 0), next(iter(free), None))


def _denies_only(acl: NetworkAcl, number: int, wanted: Mapping[str, Any]) -> bool:
    """Whether the denying entry covers nothing but what the wanted one would admit, so that it may be turned round."""
    denying = next((e for e in acl.entries if e.rule_number == number and e.egress == wanted["Egress"]), None)
    if denying is None or number >= IMPLICIT_DENY or protocol_number(denying.protocol) != int(wanted["Protocol"]):
        return False
    admits = Entry.model_validate({**wanted, "RuleNumber": number})
    same_network = network(denying.cidr) == network(admits.cidr)
    return same_network and (denying.port_range, denying.icmp_type_code) == (admits.port_range, admits.icmp_type_code)


# ---------------------------------------------------------------- routes


def _route_on(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """A route to the gateway through which the walk went on as if there were one."""
    table = snapshot.get("route_table", blocker.finding.resource, blocker.place.scope)
    onward = next((hop.place for hop in blocker.hops[blocker.at + 1 :] if hop.place.kind not in GUARDS), None)
    if not table or onward is None or onward.kind not in (*GATEWAYS, "vpc"):
        return "no gateway is known that could carry it"
    dead = blocker.finding.fix.get("route", "")
    if onward.kind == "vpc":
        return _undo_blackhole(blocker, table, dead, snapshot)
    if onward.kind == "nat_gateway" and _serves_itself(table, onward, snapshot):
        return f"{onward.id} is routed by the same table, so a route to it would run in a circle"
    wanted = _destination(blocker, table, onward, snapshot)
    raw = next((r for r in table.routes if dead and r.destination == dead and r.state == "blackhole"), None)
    if raw is None or not _as_narrow(dead, wanted):
        return _route_change(blocker, table, "create-route", wanted, onward)
    if raw.gateway_id.startswith("vpce-"):
        return "a route of a gateway endpoint cannot be edited"
    static = raw.origin != "EnableVgwRoutePropagation"  # a propagated route cannot be replaced, but loses to a static one
    return _route_change(blocker, table, "replace-route" if static else "create-route", dead, onward)


def _destination(blocker: Blocker, table: Any, onward: Place, snapshot: Snapshot) -> str:
    """The peer VPC's CIDR that holds the address; everything where the way leads to the internet."""
    target = blocker.flow.destination
    if onward.kind != "vpc_peering":
        return EVERYWHERE[target.version]
    peering = snapshot.get("vpc_peering", onward.id, onward.scope)
    sides = peering.other(table.vpc_id).cidrs if peering else ()
    return next((cidr for cidr in sides if holds(cidr, target)), f"{target}/{target.max_prefixlen}")


def _as_narrow(dead: str, wanted: str) -> bool:
    """Whether the blackhole is inside what a new route would be for: then it wins over that, and must itself be replaced."""
    inner, outer = network(dead), network(wanted)
    return inner is None or outer is None or inner.prefixlen >= outer.prefixlen


def _serves_itself(table: Any, nat: Place, snapshot: Snapshot) -> bool:
    gateway = snapshot.get("nat_gateway", nat.id, nat.scope)
    own = snapshot.find("route_table", "subnet", gateway.subnet_id, gateway.scope) if gateway else ()
    return own[0].id == table.id if own else _is_main(table)


def _is_main(table: Any) -> bool:
    return any(association.main for association in table.associations)


def _undo_blackhole(blocker: Blocker, table: Any, dead: str, snapshot: Snapshot) -> Change | str:
    """Inside the VPC the local route carries everything; a blackhole before it goes, one in its place is turned back.

    https://docs.aws.amazon.com/vpc/latest/userguide/replace-local-route-target.html
    """
    vpc = snapshot.get("vpc", table.vpc_id, table.scope)
    if not dead or not vpc:
        return "the VPC's local route is missing from what was read"
    return _route_change(blocker, table, "replace-route" if dead in vpc.cidrs else "delete-route", dead, None)


def _route_change(blocker: Blocker, table: Any, verb: str, destination: str, onward: Place | None) -> Change:
    """The change of one route; without a gateway it leads to `local`."""
    key, flag = _destination_key(destination)
    field, option = GATEWAYS[onward.kind] if onward else ("GatewayId", "--local-target")
    target = onward.id if onward else "local"
    words = [verb, "--route-table-id", table.id, flag, destination]
    deletes = verb == "delete-route"
    route = {key: destination, field: target, "Origin": "CreateRoute", "State": "active"}
    return Change(
        summary=_route_summary(blocker, table, verb, destination, target),
        command=_command(words if deletes else [*words, option, *([target] if onward else [])], table, blocker),
        kind="route_table",
        resource=table.id,
        scope=table.scope,
        patch={
            "list": "Routes",
            **({} if deletes else {"add": route}),
            **({} if verb == "create-route" else {"drop": {key: destination, "State": "blackhole"}}),
        },
    )


def _destination_key(destination: str) -> tuple[str, str]:
    if destination.startswith("pl-"):
        return "DestinationPrefixListId", "--destination-prefix-list-id"
    if ":" in destination:
        return "DestinationIpv6CidrBlock", "--destination-ipv6-cidr-block"
    return "DestinationCidrBlock", "--destination-cidr-block"


def _route_summary(blocker: Blocker, table: Any, verb: str, destination: str, target: str) -> str:
    named = _named(table, blocker)
    shared = _is_main(table) and all(association.subnet_id != blocker.place.id for association in table.associations)
    where = f"{named} (the main table, which every subnet without one of its own shares)" if shared else named
    if verb == "delete-route":
        return f"remove the blackhole route {destination} from {where}"
    return f"route {destination} → {target} in {where}" + (", in place of the blackhole" if verb == "replace-route" else "")
