"""The witness: which records are the flow, what symptom they show, and which causes fit it."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from flowdiag.differential import candidates
from flowdiag.logs import ALWAYS, Window
from flowdiag.logs.folder import Folder
from flowdiag.model import ICMP, TCP, UDP, Endpoint, Finding, Flow, Hop, Leg, Place, PortRange, Sighting, Trace
from flowdiag.symptom import read_symptom
from flowdiag.table import Rules
from flowdiag.wire import Wire, witness

RULES = Rules.load()
SHARED = Path(os.environ.get("FLOWDIAG_SHARED", Path(__file__).parent.parent / "../shared")) / "flow-log-samples"

WEB, DB = "eni-0a1", "eni-0b2"
REQUEST, REPLY = "10.0.1.10 10.0.2.20 49200 5432", "10.0.2.20 10.0.1.10 5432 49200"
START = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
FLAGGED, BARE = f"{START} tcp-flags log-status", f"{START} log-status"


def line(interface, tuple4=REQUEST, action="ACCEPT", flags=None, protocol=6, size=60, at=1700000000):
    """One record; with flags it fits FLAGGED, without BARE."""
    flag = "" if flags is None else f" {flags}"
    return f"5 111122223333 {interface} {tuple4} {protocol} 1 {size} {at} {at + 50} {action}{flag} OK"


def silent(interface, status="NODATA", flagged=False, at=1700000000):
    """A line that says nothing passed, or that records were skipped."""
    return f"2 111122223333 {interface} - - - - - - - {at} {at + 60} -{' -' if flagged else ''} {status}"


def endpoint(eni, address):
    """An end of the flow: an interface, or a host outside where it has none."""
    return Endpoint(label=eni or "internet", kind="eni" if eni else "address", address=ip_address(address), eni=eni)


def flow(protocol=TCP, port=5432, source="10.0.1.10", destination="10.0.2.20", source_ports=(32768, 60999)):
    """The header asked about."""
    ports = protocol in (TCP, UDP)
    return Flow(
        source=ip_address(source), destination=ip_address(destination), protocol=protocol,
        source_ports=PortRange(first=source_ports[0], last=source_ports[1]) if ports else None,
        destination_ports=PortRange(first=port, last=port) if ports else None,
    )  # fmt: skip


def hop(eni, role, header, finding=None, kind="network_interface"):
    """One hop that rewrites nothing."""
    return Hop(place=Place(kind=kind, id=eni, role=role), name=eni, before=header, after=header, finding=finding)


def trace(header=None, arrived=None, source=WEB, destination=DB, findings=()):
    """One leg from web to db; `arrived` is the header at the destination where a gateway rewrote it."""
    header = header or flow()
    arrived = arrived or header
    guards = tuple(hop(f.resource, "", header, f, kind=f.table) for f in findings)
    hops = [hop(source, "leave", header)] if source else [hop("internet", "leave", header, kind="internet")]
    leg = Leg(
        source=endpoint(source, str(header.source)), destination=endpoint(destination, str(arrived.destination)),
        request=(*hops, *guards, hop(destination, "arrive", arrived)), request_arrived=True,
    )  # fmt: skip
    return Trace(legs=(leg,))


@pytest.fixture
def logs(tmp_path):
    """A function that writes lines under the header that fits them and gives the witness's word."""

    def seen(*lines, path=None, header="", window=ALWAYS) -> Wire:
        width = max((len(one.split()) for one in lines), default=14)
        fields = header or (FLAGGED if width == 15 else BARE)
        (tmp_path / "flow.log").write_text(
            "\n".join((fields, *lines, *(() if header or window.bounded else going_on(lines, width == 15))))
        )
        return witness(path or trace(), Folder(tmp_path), window, RULES)

    return seen


def going_on(lines, flagged):
    """Two minutes without traffic at the interfaces that have lines, which tell that the records before them are all there."""
    enis = dict.fromkeys(one.split()[2] for one in lines if " 1700000000 " in one)
    return [silent(eni, flagged=flagged, at=at) for eni in enis for at in (1700000050, 1700000110)]


def points(wire):
    """What the four points saw."""
    return tuple(sighting.seen for sighting in wire.sightings)


# ---------------------------------------------------------------- the documented situations

ELSEWHERE = "192.0.2.1 192.0.2.2 1 2"
DENIED_AT_DB = line(DB, ELSEWHERE, "REJECT")  # beside ACCEPT lines of the interface: its log keeps both kinds
DENIED_AT_WEB = line(WEB, ELSEWHERE, "REJECT")
BOTH_COVERED = tuple(line(one, ELSEWHERE, action) for one in (WEB, DB) for action in ("ACCEPT", "REJECT"))
WAYS = {
    "destination rejects": ((line(WEB), line(DB, action="REJECT")), "reject", "WI102", "sent"),
    "source rejects": ((line(WEB, action="REJECT"), *BOTH_COVERED), "reject", "WI101", "sent"),
    "reply rejected at the destination": ((line(DB), line(DB, REPLY, "REJECT")), "reject", "WI103", "arrived"),
    "reply rejected at the source": (
        (line(WEB), line(DB), line(DB, REPLY), line(WEB, REPLY, "REJECT")), "reject", "WI105", "arrived",
    ),
    "only the rejected reply": ((line(WEB, REPLY, "REJECT"), line(DB, REPLY)), "reject", "WI106", "arrived"),
    "some connections pass": (
        (line(DB), line(DB, action="REJECT")), "reject", "WI112", "arrived",
    ),
    "host does not answer": ((line(WEB), line(DB), DENIED_AT_DB), "accept_broken", "WI304", "arrived"),
    "host does not answer, or is denied": ((line(WEB), line(DB)), "accept_broken", "WI307", "arrived"),
    "reply lost": ((line(WEB), line(DB), line(DB, REPLY), DENIED_AT_WEB), "accept_broken", "WI302", "reply missing"),
    "reply lost, or denied": ((line(WEB), line(DB), line(DB, REPLY)), "accept_broken", "WI308", "reply missing"),
    "refused": (
        (line(WEB, flags=2), line(DB, flags=2), line(DB, REPLY, flags=4), line(WEB, REPLY, flags=4)),
        "accept_broken", "WI301", "arrived",
    ),
    "refused, without flags": (
        (line(WEB), line(DB), line(DB, REPLY, size=40), line(WEB, REPLY, size=40)), "accept_broken", "WI301", "arrived",
    ),
    "answered": (
        (line(WEB, flags=2), line(DB, flags=2), line(DB, REPLY, flags=18), line(WEB, REPLY, flags=18)),
        "healthy", "WI201", "arrived",
    ),
    "lost in between": ((line(WEB), silent(DB), DENIED_AT_WEB), "no_log", "WI401", "sent"),
    "lost in between, or denied": ((line(WEB), silent(DB)), "no_log", "WI406", "hidden"),
    "nothing at the destination": (
        (silent(DB), line(DB, ELSEWHERE), DENIED_AT_DB), "no_log", "WI402", "unknown",
    ),
    "nothing accepted there": ((silent(DB), line(DB, ELSEWHERE)), "no_log", "WI407", "unknown"),
    "nothing accepted anywhere": ((silent(WEB), silent(DB), line("eni-0ff", ELSEWHERE)), "no_log", "WI408", "unknown"),
    "NODATA alone": ((silent(WEB), silent(DB)), "no_log", "WI403", "unsent"),
    "nothing anywhere": (BOTH_COVERED, "no_log", "WI403", "unsent"),
    "destination not watched": ((line(WEB),), "accept_broken", "WI305", "sent"),
    "another interface's log": ((line("eni-0ff", "192.0.2.1 192.0.2.2 1 2"),), "unobserved", "WI195", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "symptom", "code", "request_seen"), WAYS.values(), ids=WAYS)
def test_situation(logs, lines, symptom, code, request_seen):
    """What the records show decides symptom, rule and how far the request got."""
    wire = logs(*lines)
    assert (symptom, code, request_seen) == (wire.symptom, wire.finding.code, wire.request)


def test_without_a_source_nothing_was_observed():
    """No flow logs: every point unobserved, no candidates, nothing claimed."""
    wire = witness(trace(), None, ALWAYS, RULES)
    assert (("unobserved",) * 4, "unobserved") == (points(wire), wire.symptom)
    assert ((), (), (), ()) == (wire.candidates, wire.sources, wire.unread, wire.records)


def test_headline_names_interface_and_time(logs):
    """The headline stands alone: which interface, what, when last."""
    wire = logs(line(WEB), line(DB, action="REJECT"), line(DB, action="REJECT", at=1700000100))
    assert "REJECT on eni-0b2 as the request arrives, last 2023-11-14T22:15:50Z" == wire.finding.headline
    assert (2, datetime.fromtimestamp(1700000150, UTC)) == (wire.sightings[1].count, wire.last)
    assert ("eni-0b2", "blocked", "request") == (wire.finding.resource, wire.finding.verdict, wire.finding.direction)


# ---------------------------------------------------------------- which records are the flow


@pytest.mark.parametrize(
    "other",
    [
        line("eni-0ff", action="REJECT"),
        line(DB, REQUEST.replace("5432", "5433"), "REJECT"),
        line(DB, REQUEST.replace("10.0.1.10", "10.0.1.11"), "REJECT"),
        line(DB, action="REJECT", protocol=17),
        line(DB, "10.0.1.10 10.0.2.20 5432 5433", "REJECT"),
    ],
    ids=["interface", "port", "source", "protocol", "source port is no service port"],
)
def test_other_traffic_is_not_the_flow(logs, other):
    """Interface, addresses, protocol and service port must all agree."""
    kept = (DENIED_AT_WEB, DENIED_AT_DB)
    assert ("accept", "accept", "absent", "absent") == points(logs(line(WEB), line(DB), *kept, other))


def test_source_port_counts_when_it_was_asked_for(logs):
    """With a source port in the question only that connection is the flow."""
    asked = trace(flow(source_ports=(50000, 50000)))
    assert "absent" == points(logs(line(WEB), line(DB), DENIED_AT_WEB, path=asked))[0]
    assert "accept" == points(logs(line(WEB), line(DB), path=trace(flow(source_ports=(49200, 49200)))))[0]


def test_any_client_port_counts_when_none_was_asked_for(logs):
    """The ephemeral range is what a system uses by default, not a promise."""
    assert "accept" == points(logs(line(DB, REQUEST.replace("49200", "1025"))))[1]


def test_icmp_is_matched_by_addresses(logs):
    """ICMP has no ports; the documented ping example is an ACCEPT and a REJECT on one interface."""
    ping, pong = "10.0.1.10 10.0.2.20 0 0", "10.0.2.20 10.0.1.10 0 0"
    wire = logs(line(DB, ping, protocol=1), line(DB, pong, "REJECT", protocol=1), path=trace(flow(ICMP)))
    assert ("reject", "WI103") == (wire.symptom, wire.finding.code)


def test_udp_need_not_be_answered(logs):
    """A datagram that was let in and not answered shows no fault."""
    sent = (line(WEB, protocol=17), line(DB, protocol=17))
    assert ("unobserved", "WI192") == (lambda w: (w.symptom, w.finding.code))(logs(*sent, path=trace(flow(UDP))))


PKT = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol action start end"


def test_secondary_address_is_found_at_packet_level(logs):
    """dstaddr shows the primary address, pkt-dstaddr the one that was meant."""
    meant = f"{DB} 10.0.1.10 10.0.2.5 10.0.1.10 10.0.2.20 49200 5432 6 REJECT 1700000000 1700000050"
    assert "reject" == points(logs(meant, header=PKT))[1]


def test_primary_address_does_not_stand_for_a_secondary_one_at_packet_level(logs):
    """A record whose pkt-dstaddr is another address of the interface is another flow."""
    other = f"{DB} 10.0.1.10 10.0.2.20 10.0.1.10 10.0.2.21 49200 5432 6 REJECT 1700000000 1700000060"
    fine = f"{WEB} 10.0.1.10 10.0.2.20 10.0.1.10 10.0.2.20 49200 5432 6 ACCEPT 1700000000 1700000050"
    later = other.replace("1700000000 1700000060", "1700000060 1700000120")
    assert "absent" == points(logs(other, later.replace("REJECT", "ACCEPT"), fine, header=PKT))[1]


def test_secondary_address_without_packet_level_fields_is_undecided(logs):
    """In the default format the primary address may stand for the one asked about, so its absence is not claimed."""
    wire = logs(line(WEB), line(DB, "10.0.1.10 10.0.2.5 49200 5432", "REJECT"))
    assert ("accept", "unobserved") == points(wire)[:2]
    assert "may be this flow" in wire.sightings[1].note


def test_layout_without_ports_is_undecided(logs):
    """Records that may or may not be the flow are no evidence of anything."""
    wire = logs(f"{DB} 10.0.1.10 10.0.2.20 REJECT", header="interface-id srcaddr dstaddr action")
    assert ("unobserved",) * 4 == points(wire)


NAMELESS = "srcaddr dstaddr srcport dstport protocol action start end log-status"


def test_layout_without_interface_is_undecided_at_both_ends(logs):
    """Which interface refused is not told, but that somebody may have is."""
    wire = logs(f"{REQUEST} 6 REJECT 1700000000 1700000060 OK", header=NAMELESS)
    assert ("unobserved",) * 4 == points(wire)
    said = "1 record may be this flow; the log format lacks a field that would tell (interface-id, action, ports, pkt- addresses)"
    assert [(WEB, said, ""), (DB, said, "")] == [(u.query.value, u.reason, u.action) for u in wire.unread]


def test_layout_without_interface_is_the_flow_only_with_both_addresses(logs):
    """What else the client does is not counted."""
    wire = logs("10.0.1.10 10.0.2.99 40000 5432 6 REJECT 1700000000 1700000060 OK", header=NAMELESS)
    assert not any("may be this flow" in unread.reason for unread in wire.unread)


def test_headers_are_those_at_each_interface(logs):
    """Behind a NAT the destination sees the NAT's address, and the source's public address never shows on its own interface."""
    inside, outside = flow(destination="203.0.113.9"), flow(source="198.51.100.7", destination="10.0.2.20")
    wire = logs(
        line(WEB, "10.0.1.10 203.0.113.9 49200 5432"), line(DB, "198.51.100.7 10.0.2.20 3333 5432", "REJECT"),
        path=trace(inside, outside),
    )  # fmt: skip
    assert ("accept", "reject") == points(wire)[:2]


def test_destination_beyond_a_dead_end_is_looked_at(logs):
    """Where the walk found no route, the destination's silence confirms it."""
    header = flow()
    lost = Leg(
        source=endpoint(WEB, "10.0.1.10"), destination=endpoint(DB, "10.0.2.20"), request=(hop(WEB, "leave", header),),
        request_arrived=False,
    )  # fmt: skip
    assert ("no_log", "WI401") == (lambda w: (w.symptom, w.finding.code))(
        logs(line(WEB), silent(DB), DENIED_AT_WEB, path=Trace(legs=(lost,)))
    )


def test_destination_beyond_something_unread_is_not_called_absent(logs):
    """What was not read may rewrite the header, so finding nothing there proves nothing."""
    header = flow()
    unknown = Leg(
        source=endpoint(WEB, "10.0.1.10"), destination=endpoint(DB, "10.0.2.20"), request=(hop(WEB, "leave", header),),
        request_arrived=None,
    )  # fmt: skip
    assert "unobserved" == points(logs(line(WEB), silent(DB), path=Trace(legs=(unknown,))))[1]


def test_end_outside_aws_is_unobserved(logs):
    """An end that is no interface has no flow log."""
    outside = trace(flow(source="198.51.100.7"), source="")
    denial = line(DB, ELSEWHERE, "REJECT", flags=2)
    wire = logs(line(DB, "198.51.100.7 10.0.2.20 49200 5432", flags=2), silent(DB, flagged=True), denial, path=outside)
    assert ("unobserved", "accept", "absent", "unobserved") == points(wire)
    assert ("accept_broken", "WI304") == (wire.symptom, wire.finding.code)


def test_client_that_goes_on_proves_the_way_back(logs):
    """A client outside AWS that sends more than SYNs has got the answer."""
    outside = trace(flow(source="198.51.100.7"), source="")
    there, back = "198.51.100.7 10.0.2.20 49200 5432", "10.0.2.20 198.51.100.7 5432 49200"
    whole = logs(line(DB, there, flags=3), line(DB, back, flags=19), path=outside)
    half = logs(line(DB, there, flags=2), line(DB, back, flags=18), path=outside)
    assert (("healthy", "WI203"), ("unobserved", "WI190")) == tuple((w.symptom, w.finding.code) for w in (whole, half))


def test_the_same_line_from_two_flow_logs_counts_once(logs):
    """Several flow logs on one interface deliver the same record."""
    assert 1 == logs(line(DB, action="REJECT"), line(DB, action="REJECT")).sightings[1].count


# ---------------------------------------------------------------- when silence proves something


def test_skipdata_voids_absence(logs):
    """Skipped records may have been the flow's."""
    wire = logs(line(WEB), silent(DB), silent(DB, "SKIPDATA"))
    assert "unobserved" == points(wire)[1]
    assert any("SKIPDATA" in unread.reason for unread in wire.unread)


def test_coverage_at_another_time_proves_nothing(logs):
    """A line of the destination an hour later says nothing of the time the source sent."""
    assert "unobserved" == points(logs(line(WEB), silent(DB, at=1700004000)))[1]


def test_log_of_rejects_only_proves_no_silence(logs):
    """Where nothing but REJECT is on record, the traffic type of the flow log may be REJECT."""
    wire = logs(line(DB, "192.0.2.1 10.0.2.20 1 2", "REJECT"), silent(WEB), silent(DB))
    assert ("unobserved",) * 4 == points(wire)


def test_what_a_torn_file_may_hold_is_named(logs, tmp_path):
    """The source was seen to send: only the reply there is not to be told, for part of the records could not be read."""
    packed = gzip.compress(f"{BARE}\n{line(WEB, REPLY)}\n".encode())
    (tmp_path / "torn.log.gz").write_bytes(packed[: len(packed) // 2])
    wire = logs(line(WEB), line(DB))
    assert ("accept", "accept", "unobserved", "unobserved") == points(wire)
    told = {unread.query.value: unread.reason for unread in wire.unread}
    assert told[WEB].endswith("could be read, so what is missing there proves nothing; what was looked for: the reply")


def test_records_of_another_time_say_of_which(logs):
    """A time that was written wrongly shows by the times of what was read."""
    wire = logs(line(WEB), line(DB, at=1700004000), window=Window(end=datetime(2023, 11, 1, tzinfo=UTC)))
    assert "2 of another time, 2023-11-14T22:13:20Z to 2023-11-14T23:20:50Z, than was asked about" in wire.sources[0]
    assert all(unread.way_out.endswith("change at (--at)") for unread in wire.unread)


def test_records_around_the_time_asked_about_are_not_of_another_one(logs):
    """A hole in what was delivered is no wrong time, and what ended just before it does not speak of it."""
    hole = Window(start=datetime.fromtimestamp(1700000051, UTC), end=datetime.fromtimestamp(1700003000, UTC))
    wire = logs(line(WEB), line(WEB, at=1700004000), line(DB), line(DB, at=1700004000), window=hole)
    assert "unobserved" == wire.symptom
    assert all("nothing of that time was delivered here" in unread.way_out for unread in wire.unread)


def test_refused_lines_are_listed_as_unread(logs):
    """A line that could not be read is named with file, line and reason."""
    wire = logs(line(DB), "garbage")
    assert any("flow.log:3 has 1 fields" in unread.reason for unread in wire.unread)


# ---------------------------------------------------------------- late packets


def test_reject_after_the_close_is_no_denial(logs):
    """A packet after the connection was closed is REJECT too, and harmless."""
    wire = logs(
        line(WEB, flags=2), line(DB, flags=3), line(DB, REPLY, flags=19), line(WEB, REPLY, flags=19),
        line(DB, action="REJECT", flags=0, at=1700000100),
    )  # fmt: skip
    assert ("healthy", "accept") == (wire.symptom, wire.sightings[1].seen)
    assert "1 REJECT record after the connection was closed" in wire.sightings[1].note


def test_reject_in_the_minute_of_the_close_may_be_late(logs):
    """Flags are those of a whole record, so the close may have been later; and who closed one side may still be sent to."""
    whole = line(WEB, flags=2), line(DB, flags=3), line(DB, REPLY, flags=19), line(WEB, REPLY, flags=19)
    half = line(WEB, flags=2), line(DB, flags=3), line(DB, REPLY, flags=18), line(WEB, REPLY, flags=18)
    for begun, at in ((whole, 1700000000), (half, 1700000100)):
        wire = logs(*begun, line(DB, action="REJECT", flags=0, at=at))
        assert ("healthy", "accept") == (wire.symptom, wire.sightings[1].seen)
        assert "they may be late" in wire.sightings[1].note


def test_packets_that_keep_a_connection_alive_refuse_nothing(logs):
    """Without flags a refusal is bare headers in answer to SYNs, which carry options; a probe of 41 bytes carries none."""
    sent = [line(one, at=1700000000 + 600 * n, size=41) for n in range(4) for one in (WEB, DB)]
    answered = [line(one, REPLY, at=1700000000 + 600 * n, size=40) for n in range(4) for one in (WEB, DB)]
    assert "unobserved" == logs(*sent, *answered).symptom


@pytest.mark.parametrize("size", [44, 52, 60, 57])
def test_a_client_that_opens_again_never_had_the_answer(logs, size):
    """A SYN in a later record of the same port, after a SYN-ACK and without a close, whatever options it carries."""
    minutes = (1700000000, 1700000060)
    sent = [line(one, flags=2, at=at, size=size) for at in minutes for one in (WEB, DB)]
    answered = [line(one, REPLY, flags=18, at=at, size=size) for at in minutes for one in (WEB, DB)]
    found = logs(*sent, *answered)
    assert ("accept_broken", "half open") == (found.symptom, found.finding.inputs["answer"])


@pytest.mark.parametrize(("after", "named"), [(20, False), (170, True)])
def test_a_group_may_have_forgotten_what_a_late_reply_answers(logs, after, named):
    """A security group remembers a UDP flow of one direction for 30 seconds; then it is no longer the network ACL alone."""
    at = 1700000000
    sent = [f"2 1 {one} {REQUEST} 17 1 60 {at} {at} ACCEPT OK" for one in (WEB, DB)]
    late = [f"2 1 {one} {REPLY} 17 1 60 {at + after} {at + after} {said} OK" for one, said in ((DB, "ACCEPT"), (WEB, "REJECT"))]
    found = logs(*sent, *late, path=trace(flow(protocol=UDP)))
    assert "reject" == found.symptom
    assert named == ("a security group that has forgotten the request" in found.finding.headline)
    assert named == ("possible" == next(one.status for one in found.candidates if one.cause == "late packet"))


def test_equal_records_are_read_in_one_order(logs):
    """Two records of one port and time, one with a reset and one with a close, whichever line comes first."""
    opened = (
        [line(one, flags=2, at=1699999900) for one in (WEB, DB)],
        [line(one, REPLY, flags=18, at=1699999900) for one in (WEB, DB)],
    )
    twins = [line(DB, flags=4, size=40), line(DB, flags=3)]
    answers = [logs(*opened[0], *opened[1], *order) for order in (twins, twins[::-1])]
    assert 1 == len({(one.symptom, one.partial, one.finding.headline) for one in answers})


def test_reject_with_syn_after_a_fin_is_a_denial(logs):
    """A port used again opens a new connection."""
    wire = logs(line(DB, flags=3), line(DB, REPLY, flags=19), line(DB, action="REJECT", flags=2, at=1700000100))
    assert "mixed" == wire.sightings[1].seen


def test_reject_of_unlogged_flags_after_a_fin_is_late(logs):
    """Where the flags of the record are not computed, the FIN before it tells."""
    closed = line(DB, flags=3), line(DB, REPLY, flags=19)
    assert "accept" == logs(*closed, line(DB, action="REJECT", flags="-", at=1700000100)).sightings[1].seen
    assert "mixed" == logs(*closed, line(DB, action="REJECT", flags="-", at=1600000000)).sightings[1].seen


def test_nothing_but_late_packets_is_neither_denial_nor_silence(logs):
    """Packets were there, so the flow is not absent; they open nothing, so it is not denied."""
    assert ("unobserved", "unobserved") == (lambda w: (w.sightings[1].seen, w.symptom))(logs(line(DB, action="REJECT", flags=4)))


# ---------------------------------------------------------------- several legs


def test_one_target_that_rejects_among_several_is_mixed():
    """What was seen on one leg outweighs silence on another; ACCEPT here and REJECT there is intermittent."""
    words = ("accept", "reject", "absent")
    seen = tuple(Sighting(interface=f"eni-{n}", point="request_destination", seen=word) for n, word in enumerate(words))
    assert ("reject", "WI112") == (lambda s: (s[0], s[1].code))(read_symptom(seen, RULES))
    assert "WI304" != read_symptom(seen[2:], RULES)[1].code


# ---------------------------------------------------------------- the tables


@pytest.mark.parametrize("name", ["wire", "course", "symptom", "verdict"])
def test_table_is_complete_disjoint_and_explained(name):
    """Every combination hits one rule, and every rule has its manual page with all five parts."""
    table = RULES.table(name)
    table.prove()
    parts = {"Why", "Remedy", "Example", "Known gaps", "References"}
    assert {rule.code: parts for rule in table.rules} == {code: set(section) for code, section in table.sections.items()}


def test_rejects_decide_the_symptom():
    """Any REJECT makes the symptom reject, and none without one does."""
    table = RULES.table("wire")
    for key in itertools.product(*(column.values for column in table.inputs)):
        rule = table.evaluate(dict(zip((c.name for c in table.inputs), key, strict=True)))
        assert (rule["symptom"] == "reject") == bool({"reject", "rejected", "mixed"} & set(key)), key


def verdicts():
    """Every combination of the verdict table."""
    table = RULES.table("verdict")
    for key in itertools.product(*(column.values for column in table.inputs)):
        yield (*key, table.evaluate(dict(zip((c.name for c in table.inputs), key, strict=True))))


def test_no_false_reachable():
    """A blocked configuration never gives reachable, nor does a wire that saw a failure."""
    for configuration, symptom, request_seen, *_, rule in verdicts():
        if rule["verdict"] == "reachable":
            assert configuration == "passes"
            assert symptom in ("healthy", "unobserved") or (symptom, request_seen) == ("no_log", "unsent")


def test_no_false_blocked():
    """`blocked` needs a blocking configuration, or a REJECT that nothing on the wire speaks against."""
    for configuration, symptom, _, extent, _, rule in verdicts():
        if rule["verdict"] == "blocked":
            assert configuration.startswith("blocked") or (symptom == "reject" and extent == "whole")


def test_a_wire_that_fails_is_confirmed_only_where_the_blocker_stands():
    """A REJECT, a loss or a silence of another place or direction confirms no blocker."""
    for configuration, symptom, *_, place, rule in verdicts():
        if rule["relation"] == "confirmed" and configuration != "passes":
            assert ("there", False) == (place, symptom in ("healthy", "unobserved"))


def test_a_reply_that_is_lost_is_no_fault_of_the_host():
    """Where the configuration would carry the reply, its loss contradicts it, as that of a request does."""
    lost = ("passes", "accept_broken", "reply missing")
    found = {(extent, rule["verdict"], rule["relation"]) for *inputs, extent, _, rule in verdicts() if tuple(inputs) == lost}
    assert {("whole", "inconclusive", "contradicted"), ("part", "partial", "contradicted")} == found


def test_unread_configuration_is_inconclusive():
    """Taking configuration away never flips a verdict."""
    assert {"inconclusive"} == {rule["verdict"] for configuration, *_, rule in verdicts() if configuration == "unknown"}


def test_contradictions_tell_both_times():
    """Where wire and configuration disagree, the headline says which time it speaks of."""
    for *_, rule in verdicts():
        if rule["relation"] == "contradicted":
            assert "{config_time}" in rule["headline"]
            assert "{wire_time}" in rule["headline"] or "{wire}" in rule["headline"]


def test_every_word_of_a_verdict_is_known(logs):
    """The wire fills its words, the diagnosis the other two."""
    words = {**logs(line(DB)).words, "headline": "h", "config_time": "t"}
    assert all(rule["headline"].format_map(words) for *_, rule in verdicts())


# ---------------------------------------------------------------- candidates


def finding(table, verdict="allowed", direction="request"):
    """A finding of the walk."""
    return Finding(code="XX100", table=table, verdict=verdict, headline=f"{table} {verdict}", direction=direction)


TABLES = ("security_group", "network_acl", "route_table")
PASSING = tuple(finding(table, direction=way) for way in ("request", "reply") for table in TABLES)


def told(symptom, findings, seen=()):
    """Code and status by cause."""
    return {c.cause: (c.code, c.status) for c in candidates(symptom, findings, RULES, seen)}


def test_reject_is_settled_by_the_configuration():
    """The blocking group is confirmed, the passing network ACL and the absent internet gateway ruled out."""
    blocked = tuple(finding("security_group", "blocked") if f.table == "security_group" else f for f in PASSING)
    assert {
        "network ACL": ("SY105", "corrected"),
        "security group": ("SY102", "confirmed"),
        "Block Public Access": ("SY180", "ruled out"),
        "late packet": ("SY191", "possible"),
    } == told("reject", blocked)


def test_no_other_configuration_sends_neighbours_through_a_gateway():
    """Between interfaces of one VPC Block Public Access is ruled out, whatever the rules were then; guards are not."""
    assert "possible" == told("reject", PASSING)["Block Public Access"][1]
    inside = {c.cause: c.status for c in candidates("reject", PASSING, RULES, inside=True)}
    assert ("ruled out", "possible") == (inside["Block Public Access"], inside["network ACL"])
    assert "possible" == {c.cause: c.status for c in candidates("reject", (), RULES, inside=True)}["Block Public Access"]


def test_note_of_the_network_acl_keeps_its_row():
    """REJECT by a network ACL is the notes' own row."""
    assert ("SY101", "confirmed") == told("reject", (*PASSING, finding("network_acl", "blocked")))["network ACL"]


def test_the_rejected_direction_decides():
    """A network ACL that denies the reply does not explain a rejected request."""
    findings = (*PASSING, finding("network_acl", "blocked", "reply"))
    seen = (Sighting(interface=DB, point="request_destination", seen="reject"),)
    assert ("SY105", "corrected") == told("reject", findings, seen)["network ACL"]


@pytest.mark.parametrize("table", ["route_table", "unsupported"])
def test_what_the_walk_did_not_reach_stays_possible(table):
    """Behind a dead end or something unread there may be another guard."""
    findings = (finding("network_acl"), finding(table, "inconclusive"), finding("network_acl", direction="reply"))
    assert ("SY190", "possible") == told("reject", findings)["network ACL"]
    assert ("SY190", "possible") == told("reject", ())["network ACL"]


def test_silence_corrects_the_note_on_security_groups():
    """SY201 says that a denial is logged; the missing route is confirmed, the packet known to be sent."""
    findings = (finding("security_group"), finding("route_table", "blocked"))
    seen = (
        Sighting(interface=WEB, point="request_source", seen="accept"),
        Sighting(interface=DB, point="request_destination", seen="absent"),
    )
    assert {
        "security group drops silently": ("SY201", "corrected"),
        "route table": ("SY202", "confirmed"),
        "never reached the interface": ("SY203", "confirmed"),
        "never sent": ("SY280", "ruled out"),
        "no flow log": ("SY280", "ruled out"),
    } == told("no_log", findings, seen)


def test_broken_corrects_the_note_on_replies():
    """SY301 says that security groups are stateful; the silent host is confirmed, the passing way back ruled out."""
    seen = (
        Sighting(interface=DB, point="request_destination", seen="accept"),
        Sighting(interface=DB, point="reply_destination", seen="absent"),
    )
    assert {
        "security group on the reply": ("SY301", "corrected"),
        "application or host": ("SY302", "confirmed"),
        "network ACL on the reply": ("SY380", "ruled out"),
        "route back": ("SY380", "ruled out"),
        "capacity or timeout": ("SY391", "possible"),
    } == told("accept_broken", PASSING, seen)


@pytest.mark.parametrize(("code", "page"), [("SY201", "flow-logs-records-examples.html"), ("SY301", "vpc-security-groups.html")])
def test_corrections_name_the_page(code, page):
    """A corrected note gives AWS's page in its explanation."""
    _, rule, section = RULES.page(code)
    assert ("corrected", True) == (rule["status"], page in section["Why"])


@pytest.mark.parametrize("code", ["SY101", "SY201", "SY202", "SY203", "SY301", "SY302"])
def test_every_row_of_the_notes_has_a_code(code):
    """Each of the six rows is a row of the table and quotes the note in its own words."""
    assert "field notes, section 6: 「" in RULES.page(code)[2]["Why"]


@pytest.mark.parametrize("symptom", ["healthy", "unobserved"])
def test_nothing_to_explain(symptom):
    """No symptom, no candidates."""
    assert () == candidates(symptom, PASSING, RULES)


# ---------------------------------------------------------------- AWS's own cases

CASES = json.loads((SHARED / "aws-docs" / "examples.json").read_text())["records"] if SHARED.is_dir() else []


@pytest.mark.skipif(not CASES, reason="the sample records are not here")
def test_documented_ping(tmp_path):
    """The user guide's ping: the request is let in, the reply rejected on the same interface: a network ACL."""
    (tmp_path / "a.log").write_text((SHARED / "aws-docs" / "default-v2.log").read_text())
    eni = "eni-1235b8ca123456789"
    ping = trace(flow(ICMP, source="203.0.113.12", destination="172.31.16.139"), source="", destination=eni)
    wire = witness(ping, Folder(tmp_path), ALWAYS, RULES)
    assert ("reject", "WI103", "arrived") == (wire.symptom, wire.finding.code, wire.request)


@pytest.mark.skipif(not CASES, reason="the sample records are not here")
def test_documented_connection(tmp_path):
    """The user guide's TCP flag sequence is a connection that worked."""
    (tmp_path / "a.log").write_text((SHARED / "aws-docs" / "v3-tcp-flags.log").read_text())
    header = flow(port=5001, source="52.213.180.42", destination="10.0.0.62")
    wire = witness(trace(header, source="", destination="eni-1235b8ca123456789"), Folder(tmp_path), ALWAYS, RULES)
    assert ("healthy", "WI203", 4) == (wire.symptom, wire.finding.code, wire.sightings[1].count)
