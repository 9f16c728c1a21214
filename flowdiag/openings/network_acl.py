"""A network ACL in the way → one allow entry that takes effect: one address, exact protocol, the missing ports.

https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdiag.address import network, protocol_number
from flowdiag.components.network_acl import IMPLICIT_DENY, Entry, NetworkAcl, rulings
from flowdiag.model import ALL_PORTS, PROTOCOL_NAMES, TCP, UDP, Change, Flow
from flowdiag.openings.blocker import OWN_QUOTA, Blocker
from flowdiag.snapshot import Snapshot

TIDY_STEP = 10
FIRST_RULE = 100
# Entries in each direction by default, and at most: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
QUOTA, MOST = 20, 40


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """One allow entry with a number that takes effect, for the first port range that is denied.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html
    """
    acl = snapshot.get("network_acl", blocker.finding.resource, blocker.place.scope)
    if not acl:
        return "its network ACL was not read"
    outbound = blocker.finding.role == "outbound"
    missing = next(iter(blocker.finding.denied), blocker.flow.destination_ports)
    flow = blocker.flow.rewritten(destination_ports=missing)
    far = flow.destination if outbound else flow.source
    service = blocker.meant(far)
    if service and len(service.ranges) > 1:
        return f"{acl.name} needs an entry for each of the {len(service.ranges)} CIDRs of {service.prefix_list or service.label}"
    cidr, words = (service.ranges[0], service.label) if service else blocker.far(far)
    entry = _entry(flow, cidr, outbound)
    several = rulings(acl.entries, flow, outbound)
    denying = min((e.rule_number for ruling in several for _, e in ruling.denied if e), default=IMPLICIT_DENY)
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
        summary=f"admit {reply}{said} {'to' if outbound else 'from'} {words} in {blocker.named(acl)} {how.format(number)}",
        command=blocker.command([verb, "--network-acl-id", acl.id, *_entry_words(entry)], acl),
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


def caveat(change: Change, snapshot: Snapshot) -> str:
    """That a new entry may not fit into the network ACL, where it holds as many as AWS's default quota by what was read.

    Entries of each IP version are counted apart and `*` among them, as AWS's page on quotas did while it still said how.
    """
    acl = snapshot.get("network_acl", change.resource, change.scope)
    if not acl or "drop" in change.patch:
        return ""
    entry = change.patch["add"]
    version = 4 if "CidrBlock" in entry else 6
    same = (outer for e in acl.entries if e.egress == entry["Egress"] and (outer := network(e.cidr)))
    held = sum(outer.version == version for outer in same)
    if held < QUOTA:
        return ""
    there = f"{acl.name} holds {held} {'outbound' if entry['Egress'] else 'inbound'} entries for IPv{version}, * included"
    quota = f"AWS's default quota is {QUOTA} and the most it grants {MOST}"
    return f"{there}; {quota}, so the entry may not fit ({OWN_QUOTA})"
