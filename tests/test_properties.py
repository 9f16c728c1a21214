"""What holds in every world, not in the one somebody thought of."""

import tempfile
from copy import deepcopy
from ipaddress import ip_address, ip_network
from pathlib import Path

from drawn import Undecided, drawn, opinion, rules
from hypothesis import assume, given
from hypothesis import strategies as st
from world import save, snapshot

from flowdiag import FlowdiagError, Snapshot
from flowdiag.components.network_acl import Entry, rule_on
from flowdiag.model import Flow, PortRange
from flowdiag.remedy import apply


def summary(diagnosis):
    """Verdict and findings, whatever order things were read in."""
    return diagnosis.verdict, sorted((f.code, f.direction, f.role) for f in diagnosis.findings)


def told(made, evidence):
    """The verdict, or `error` where an end cannot be found."""
    try:
        return made.ask(evidence).verdict
    except FlowdiagError:
        return "error"


@given(drawn(private=True))
def test_a_plain_reading_port_by_port_comes_to_the_same_verdict(made):
    """Another implementation, written apart and without ranges, agrees on every question between two hosts."""
    assume(made.ends)
    try:
        expected = opinion(made)
    except Undecided:
        assume(False)
    assert expected == made.ask().verdict


@given(drawn(), st.data())
def test_a_security_group_rule_more_never_blocks(made, data):
    """Groups only allow: whatever is added, nothing that was not blocked becomes it, and reachable stays reachable."""
    before = made.ask().verdict
    group, rule = data.draw(st.sampled_from(made.groups)), data.draw(rules(made.groups))
    data.draw(st.sampled_from([group.ingress, group.egress]))(*rule)
    after = made.ask().verdict
    assert after == "reachable" if before == "reachable" else after != "blocked" or before == "blocked"


@given(drawn(), st.data())
def test_without_a_file_a_verdict_stays_or_becomes_inconclusive(made, data):
    """Not read is not absent: less evidence never turns one verdict into another."""
    before = made.ask().verdict
    key = data.draw(st.sampled_from(sorted(next(iter(made.world.raw().values())))))
    assert told(made, made.world.snapshot(without=[key])) in (before, "inconclusive", "error")


@given(drawn(), st.data())
def test_without_a_resource_a_verdict_stays_or_becomes_inconclusive(made, data):
    """A reply that was cut off and lacks any one resource."""
    before = made.ask().verdict
    replies = deepcopy(made.world.raw())
    keys = next(iter(replies.values()))
    key = data.draw(st.sampled_from(sorted(key for key, entries in keys.items() if entries)))
    keys[key].pop(data.draw(st.integers(0, len(keys[key]) - 1)))
    assert told(made, cut_off(replies, key)) in (before, "inconclusive", "error")


def cut_off(replies, key):
    """The snapshot in which the reply with this key ended in a token: there is more."""
    with tempfile.TemporaryDirectory() as folder:
        save(replies, Path(folder))
        file = next(Path(folder).rglob(f"{key}.json"))
        file.write_text(file.read_text()[:-1] + ', "NextToken": "eyJ2"}')
        return Snapshot.load(folder)


@given(drawn(), st.randoms(use_true_random=False))
def test_the_order_of_what_aws_lists_is_irrelevant(made, luck):
    """Resources, rules, routes, entries and associations in any order give the same answer."""
    before = summary(made.ask())
    replies = deepcopy(made.world.raw())
    for keys in replies.values():
        shuffle(keys, luck)
    assert before == summary(made.ask(snapshot(replies)))


def shuffle(value, luck):
    """Every list in a JSON value in another order."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        shuffle(part, luck)
    if isinstance(value, list):
        luck.shuffle(value)


@given(drawn(), st.data())
def test_junk_anywhere_is_no_exception(made, data):
    """Any one value of the replies replaced by something else: an answer, or an error that a person can read."""
    replies = deepcopy(made.world.raw())
    keys = next(iter(replies.values()))
    holder, place = data.draw(st.sampled_from(places(keys)))
    holder[place] = data.draw(st.sampled_from([None, 0, -1, 7.5, True, "", "x", "::/0", [], [None], {}, {"Key": 1}]))
    try:
        answer = str(made.ask(snapshot(replies)))
    except FlowdiagError as error:
        answer = str(error)
    assert answer


def places(value):
    """Every (container, key) inside a JSON value below its first level."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inner for place in [(value, key), *places(part)]]


@given(drawn())
def test_a_verified_remedy_applied_gives_reachable(made):
    """What is said to open the flow does."""
    evidence = made.world.snapshot()
    for remedy in made.ask(evidence).remedies:
        if remedy.verified:
            changed = evidence
            for change in remedy.changes:
                changed = apply(change, changed)
            assert "reachable" == made.ask(changed).verdict


@given(drawn())
def test_saving_and_loading_keeps_everything(made):
    """load(save(s)) == s, and the answer is the same."""
    evidence = made.world.snapshot()
    with tempfile.TemporaryDirectory() as folder:
        evidence.save(folder)
        loaded = Snapshot.load(folder)
    assert evidence == loaded
    assert summary(made.ask(evidence)) == summary(made.ask(loaded))


# ---------------------------------------------------------------- flows and network ACLs by themselves

ports = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted).map(lambda p: PortRange(first=p[0], last=p[1]))
icmp = st.tuples(st.sampled_from([0, 3, 8, 128, 129]), st.sampled_from([0, 1]))
addresses = st.sampled_from(["10.0.0.1", "10.0.0.200", "10.0.1.1", "192.0.2.1"]).map(ip_address)


@st.composite
def flows(draw):
    """Packets of TCP, UDP, ICMP and ESP between a few addresses."""
    protocol = draw(st.sampled_from([6, 17, 1, 58, 50]))
    ported = protocol in (6, 17)
    return Flow(
        source=draw(addresses),
        destination=draw(addresses),
        protocol=protocol,
        source_ports=draw(ports) if ported else None,
        destination_ports=draw(ports) if ported else None,
        icmp=draw(icmp) if protocol in (1, 58) else None,
    )


@given(flows())
def test_the_reply_of_the_reply_is_the_request(flow):
    """Turning a packet round twice changes nothing."""
    assert flow == flow.reply().reply()


@st.composite
def entries(draw):
    """A network ACL entry as AWS shows it."""
    protocol = draw(st.sampled_from(["-1", "6", "17", "1", "58", "50"]))
    raw = {"RuleNumber": draw(st.integers(1, 32767)), "Egress": draw(st.booleans()), "Protocol": protocol}
    raw["RuleAction"] = draw(st.sampled_from(["allow", "deny"]))
    raw["CidrBlock"] = draw(st.sampled_from(["0.0.0.0/0", "10.0.0.0/24", "10.0.0.128/25", "192.0.2.1/32"]))
    if draw(st.booleans()):
        span = draw(ports)
        raw["PortRange"] = {"From": span.first, "To": span.last}
    if draw(st.booleans()):
        raw["IcmpTypeCode"] = {"Type": draw(st.sampled_from([-1, 0, 8])), "Code": draw(st.sampled_from([-1, 0, 1]))}
    return raw


def first_match(raw, flow, outbound, port):
    """Whether a network ACL lets one port of a packet through, as the user guide words it."""
    far = flow.destination if outbound else flow.source
    for entry in sorted(raw, key=lambda e: e["RuleNumber"]):
        if entry["Egress"] is not outbound or far not in ip_network(entry["CidrBlock"]):
            continue
        if entry["Protocol"] != "-1":
            if int(entry["Protocol"]) != flow.protocol:
                continue
            span = entry.get("PortRange", {"From": 0, "To": 65535})
            if flow.protocol in (6, 17) and not span["From"] <= port <= span["To"]:
                continue
            kind = entry.get("IcmpTypeCode", {"Type": -1, "Code": -1})
            if flow.icmp and (kind["Type"] not in (-1, flow.icmp[0]) or kind["Code"] not in (-1, flow.icmp[1])):
                continue
        return entry["RuleAction"] == "allow"
    return False


@given(st.lists(entries(), max_size=8, unique_by=lambda e: (e["RuleNumber"], e["Egress"])), flows(), st.booleans())
def test_a_network_acl_is_the_first_match_for_every_single_port(raw, flow, outbound):
    """Ranges split between entries come to the same as asking port by port."""
    ruling = rule_on(tuple(Entry.model_validate(entry) for entry in raw), flow, outbound)
    asked = flow.destination_ports or PortRange(first=0, last=0)
    singles = range(asked.first, asked.last + 1)
    expected = {port: first_match(raw, flow, outbound, port) for port in singles}
    allowed = {port: any(span.first <= port <= span.last for span, _ in ruling.allowed) for port in singles}
    denied = {port: any(span.first <= port <= span.last for span, _ in ruling.denied) for port in singles}
    assert (expected, {port: not ok for port, ok in expected.items()}) == (allowed, denied)
    assert ("all" if all(expected.values()) else "part" if any(expected.values()) else "none") == ruling.admitted
