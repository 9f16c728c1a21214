"""Silence never proves more for knowing less: what holds whoever listened and whatever was read of it."""

import tempfile
from pathlib import Path

from drawn import drawn
from hypothesis import assume, given
from hypothesis import strategies as st
from world import World
from world_logs import flow_log

from flowdiag import diagnose

HEADER = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"
AT = 1700000000
CONFIGURATION = {"delivery": st.sampled_from(["SUCCESS", "FAILED"]), "traffic": st.sampled_from(["ALL", "ACCEPT", "REJECT"])}


@st.composite
def watched(draw):
    """A drawn world between two hosts, flow logs at some levels, and some records of the flow or of silence at both ends."""
    made = draw(drawn(private=True))
    assume(made.ends and made.ends[0].eni.id != made.ends[1].eni.id)
    _listeners(draw, made)
    return made, _lines(draw, made)


def _listeners(draw, made):
    for number, host in enumerate(made.ends):
        raw = host.eni.raw
        for level in draw(st.sets(st.sampled_from(["NetworkInterfaceId", "SubnetId", "VpcId"]))):
            flow_log(
                made.world, raw[level], draw(CONFIGURATION["traffic"]), group=f"/{number}/{level}",
                DeliverLogsStatus=draw(CONFIGURATION["delivery"]),
                CreationTime=draw(st.sampled_from(["2023-01-01T00:00:00Z", "2023-11-14T23:00:00Z"])),
            )  # fmt: skip


def _lines(draw, made):
    one, other = (host.eni.raw for host in made.ends)
    near, far = one["PrivateIpAddress"], other["PrivateIpAddress"]
    there, back = f"{near} {far} 49200 {made.port} 6", f"{far} {near} {made.port} 49200 6"
    found = []
    ways = zip((one, other, other, one), (there, there, back, back), (2, 2, 18, 18), strict=True)
    for interface, ends, flags in ways:
        actions = draw(st.sets(st.sampled_from(["ACCEPT", "REJECT"])))
        found += [f"{interface['NetworkInterfaceId']} {ends} 1 60 {AT} {AT + 50} {action} OK {flags}" for action in actions]
    for interface in (one, other):
        statuses = draw(st.sets(st.sampled_from(["NODATA", "SKIPDATA"])))
        found += [f"{interface['NetworkInterfaceId']} - - - - - - - {AT} {AT + 50} - {status} -" for status in statuses]
    return found


def told(made, lines, world: World | None = None, without=()):
    """The diagnosis with these records."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flow.log").write_text("\n".join((HEADER, *lines)))
        snapshot = (world or made.world).snapshot(without=without)
        return diagnose(made.source, made.destination, made.port, snapshot=snapshot, flow_logs=folder)


def settled(one, other):
    """Whether the two verdicts are the same, or one of them is that the evidence does not decide."""
    return one == other or "inconclusive" in (one, other)


@given(watched())
def test_not_knowing_who_listens_never_flips_a_verdict(drawing):
    """Without the reply of DescribeFlowLogs a verdict stays, or one of the two is inconclusive."""
    made, lines = drawing
    known, unknown = told(made, lines), told(made, lines, without=["FlowLogs"])
    assert settled(known.verdict, unknown.verdict)


@given(watched(), st.data())
def test_skipped_records_never_prove_silence(drawing, data):
    """With SKIPDATA on both interfaces nothing is absent, whatever else is on record."""
    made, lines = drawing
    skips = [f"{host.eni.id} - - - - - - - {AT} {AT + 50} - SKIPDATA -" for host in made.ends]
    seen = told(made, [*lines, *skips]).sightings
    assert not {"absent", "unaccepted"} & {
        sighting.seen for sighting in seen if sighting.interface in {h.eni.id for h in made.ends}
    }


@given(watched())
def test_a_flow_log_that_keeps_half_the_traffic_proves_no_absence(drawing):
    """Where every flow log keeps one kind of traffic, nothing is plainly absent."""
    made, lines = drawing
    for log in made.world.raw()[made.world.account, made.world.region].get("FlowLogs", ()):
        log["TrafficType"] = "REJECT"
    found = told(made, lines)
    watchers = {c.interface: c.watchers for c in found.coverage}
    assert [] == [s for s in found.sightings if s.seen in ("absent", "unaccepted") and watchers.get(s.interface)]


@given(watched())
def test_every_interface_of_the_path_has_its_statement(drawing):
    """One for each end at least, each with the code of a row, and pending only with the time to come back, unproven never."""
    made, lines = drawing
    found = told(made, lines)
    assert {host.eni.id for host in made.ends} <= {coverage.interface for coverage in found.coverage}
    assert [] == [c for c in found.coverage if c.until is None and c.silence == "pending"]
    assert [] == [c for c in found.coverage if c.until is not None and c.silence == "unproven"]
