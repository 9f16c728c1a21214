"""A security group in the way → one more rule in it: a group before an address, exact protocol and port.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flowdiag.model import ALL_PORTS, PROTOCOL_NAMES, TCP, UDP, Address, Change, Flow
from flowdiag.openings.blocker import OWN_QUOTA, Blocker
from flowdiag.snapshot import Snapshot

# Rules in each direction, IPv4 and IPv6 apart: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
QUOTA = 60
VERSIONS = {"IpRanges": (4,), "Ipv6Ranges": (6,)}  # those for which a new rule counts; one that names a group counts for both


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
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
        summary=f"admit {blocker.flow.service()} {there} {words} in {blocker.named(group)}",
        command=blocker.command(_authorize(group, permission, ingress), group),
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
    peer: Any = snapshot.get("network_interface", other, blocker.place.scope) if other else None
    listed = next((g for g in peer.groups if g.group_name != "default"), None) if peer else None
    if listed and interface and _referable(blocker, interface, peer, snapshot):
        group = snapshot.get("security_group", listed.group_id, peer.scope)
        owner = (group.owner_id if group else "") or peer.owner_id or peer.scope.account
        pair = {"GroupId": listed.group_id, **({"UserId": owner} if owner else {})}
        return {"UserIdGroupPairs": [pair]}, group.name if group else listed.group_name or listed.group_id
    service = blocker.meant(far)
    if service and service.prefix_list:
        return {"PrefixListIds": [{"PrefixListId": service.prefix_list}]}, f"{service.label} ({service.prefix_list})"
    if service:
        key, field = ("IpRanges", "CidrIp") if far.version == 4 else ("Ipv6Ranges", "CidrIpv6")
        return {key: [{field: cidr} for cidr in service.ranges]}, f"every address of {service.label}"
    cidr, words = blocker.far(far)
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
    peering: Any = snapshot.get("vpc_peering", crossed[0].id, crossed[0].scope) if len(crossed) == 1 else None
    return bool(peering) and peering.active and not peering.crosses_regions


def _authorize(group: Any, permission: Mapping[str, Any], ingress: bool) -> list[str]:
    """The short form where the command line has one: ingress, TCP or UDP, an IPv4 CIDR or a group of the same account."""
    words = [f"authorize-security-group-{'ingress' if ingress else 'egress'}", "--group-id", group.id]
    pair: Mapping[str, Any] = next(iter(permission.get("UserIdGroupPairs", ())), {})
    home = group.owner_id or group.scope.account
    foreign = not pair and len(permission.get("IpRanges", ())) != 1
    foreign = foreign or pair.get("UserId", home) != home
    if not ingress or foreign or permission["IpProtocol"] not in ("tcp", "udp"):
        return [*words, "--ip-permissions", json.dumps([permission], separators=(",", ":"))]
    first, last = permission["FromPort"], permission["ToPort"]
    who = ["--source-group", pair["GroupId"]] if pair else ["--cidr", permission["IpRanges"][0]["CidrIp"]]
    port = str(first) if first == last else f"{first}-{last}"
    return [*words, "--protocol", permission["IpProtocol"], "--port", port, *who]


def caveat(change: Change, snapshot: Snapshot) -> str:
    """That a new rule may not fit into the group, where it holds as many as AWS's default quota by what was read.

    A prefix list counts the most entries that it may ever have, and of AWS's own a weight: neither is read.
    https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html#security-group-size
    """
    group = snapshot.get("security_group", change.resource, change.scope)
    if not group:
        return ""
    ingress = change.patch["list"] == "IpPermissions"
    rules = group.ip_permissions if ingress else group.ip_permissions_egress
    versions = next((versions for key, versions in VERSIONS.items() if key in change.patch["add"]), (4, 6))
    version = max(versions, key=lambda version: _size(rules, version))
    least = _size(rules, version)
    listed = (snapshot.get("prefix_list", p.prefix_list_id, group.scope) for rule in rules for p in rule.prefix_list_ids)
    held = max(least, least + sum(len(found.networks) - 1 for found in listed if found))
    if held < QUOTA:
        return ""
    counted = "" if least >= QUOTA else ", counting every entry of its prefix lists as AWS may not"
    there = f"{group.name} holds {held} {'ingress' if ingress else 'egress'} rules for IPv{version}{counted}"
    return f"{there}; AWS's default quota is {QUOTA}, so the rule may not fit ({OWN_QUOTA})"


def _size(rules: Iterable[Any], version: int) -> int:
    """How many rules AWS counts at least, one for every peer; groups and prefix lists count for both IP versions."""
    both = sum(len(rule.user_id_group_pairs) + len(rule.prefix_list_ids) for rule in rules)
    return both + sum(len(rule.ip_ranges if version == 4 else rule.ipv6_ranges) for rule in rules)
