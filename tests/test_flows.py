"""The records of a pair of endpoints: which belong to it, how they are summed up, and what is said where there are none."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from aws_logs import Door, at, line
from aws_replay import replay_session
from command_line import refusal, run
from scenes import Pair, balanced, behind_nat, public_web
from world import World
from world_logs import flow_log

from flowdiag import FlowdiagError, demo, diagnose, flow_records
from flowdiag.conversations import CONVERSATIONS_HELD, Summary, flag_names
from flowdiag.flows import FlowRecords
from flowdiag.listing import text
from flowdiag.logs import Tally
from flowdiag.logs._parallel import in_order
from flowdiag.logs.record import DEFAULT_FIELDS
from flowdiag.model import Record
from flowdiag.pair import pair_of
from flowdiag.question import ask
from flowdiag.table import Rules

RICH = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"
LOGS = demo.folder() / "flow-logs"


def of_demo(source: str = "orders-fn", destination: str = "orders-db", *asked: Any, **more: Any) -> FlowRecords:
    return flow_records(source, destination, *asked, **{"snapshot": demo.folder(), "flow_logs": LOGS, **more})


@pytest.fixture
def found(tmp_path: Path):
    """The records of two ends of a world, from these lines."""

    def search(world: World, source: str, destination: str, *lines: str, header: str = RICH, **more: Any) -> FlowRecords:
        file = tmp_path / "flow.log"
        file.write_text("\n".join((header, *lines, "")))
        port = more.pop("port", None)
        return flow_records(source, destination, port, snapshot=world.snapshot(), flow_logs=file, **more)

    return search


def seen(
    interface: Any, ends: str, action: str = "ACCEPT", flags: int | str = 2, protocol: int = 6, start: int = 1795176060
) -> str:
    """A line of RICH; `ends` are both addresses and both ports."""
    return f"{getattr(interface, 'id', interface)} {ends} {protocol} 3 180 {start} {start + 50} {action} OK {flags}"


THERE, BACK = "10.0.1.10 10.0.2.20 40000 5432", "10.0.2.20 10.0.1.10 5432 40000"


# ---------------------------------------------------------------- which records


def test_the_records_are_those_a_diagnosis_found() -> None:
    """One mechanism decides what belongs to a path."""
    told = diagnose("orders-fn", "orders-db", 3306, snapshot=demo.folder(), flow_logs=LOGS)
    assert sorted(record.line for record in told.records) == sorted(
        record.line for record in of_demo("orders-fn", "orders-db", 3306)
    )


def test_both_ways_and_every_port_and_protocol(pair: Pair, found: Any) -> None:
    """Without port and protocol whatever passes between the two is listed, whoever began it, and nothing else."""
    web, db = pair.web.eni, pair.db.eni
    mine = (
        seen(web, THERE), seen(db, THERE), seen(db, BACK, flags=18), seen(web, BACK, flags=18),
        seen(web, "10.0.1.10 10.0.2.20 5353 53", protocol=17), seen(db, "10.0.1.10 10.0.2.20 0 0", protocol=1),
        seen(db, "10.0.2.20 10.0.1.10 41000 22"), seen(web, "10.0.1.10 10.0.2.20 0 0", protocol=50),
    )  # fmt: skip
    foreign = (seen("eni-0ff", THERE), seen(web, "10.0.1.10 10.0.2.99 40000 5432"), seen(db, "10.0.3.3 10.0.2.20 40000 5432"))
    records = found(pair.world, "web-1", "db-1", *mine, *foreign)
    assert list(mine) == [record.line for record in records]
    ways = {(one.source_port, one.destination_port): one.direction for one in records.summary}
    assert ("request", "reply", "reply") == (ways[40000, 5432], ways[5432, 40000], ways[41000, 22])


def test_a_port_and_a_protocol_narrow_it(pair: Pair, found: Any) -> None:
    """The port is the one asked of the destination; its replies belong to it."""
    web = pair.web.eni
    lines = (
        seen(web, THERE), seen(web, BACK), seen(web, "10.0.1.10 10.0.2.20 40000 53", protocol=17),
        seen(web, "10.0.2.20 10.0.1.10 41000 5432"), seen(web, "10.0.1.10 10.0.2.20 40000 5432", protocol=17),
    )  # fmt: skip

    def kept(**more: Any) -> list[int]:
        return [lines.index(record.line) for record in found(pair.world, "web-1", "db-1", *lines, **more)]

    assert ([0, 1, 4], [0, 1], [2], [0, 1, 3], [2, 4]) == (
        kept(port=5432), kept(port=5432, protocol="tcp"), kept(port=53), kept(protocol="tcp"), kept(protocol=17),
    )  # fmt: skip


def test_behind_nat_the_addresses_are_those_there(world: World, found: Any) -> None:
    """On the NAT gateway's interface the packet has the gateway's address: its records are of the pair too."""
    behind_nat(world)
    app = next(e for e in world.raw()[world.account, world.region]["NetworkInterfaces"] if e["PrivateIpAddress"] == "10.0.1.10")
    lines = (
        seen(app["NetworkInterfaceId"], "10.0.1.10 198.51.100.7 40000 443"),
        seen(_nat_interface(world), "10.0.100.5 198.51.100.7 2048 443"),
    )
    records = found(world, "app-1", "198.51.100.7", *lines)
    assert list(lines) == [record.line for record in records]
    assert [True] == ["nat gateway" in one.stands_for for one in records.coverage if one.stands_for]


def _nat_interface(world: World) -> str:
    entries = world.raw()[world.account, world.region]["NetworkInterfaces"]
    return str(next(e["NetworkInterfaceId"] for e in entries if e["PrivateIpAddress"] == "10.0.100.5"))


@pytest.mark.parametrize(("source", "destination"), [("internet", "web-1"), ("web-1", "internet")])
def test_the_internet_is_every_public_address(world: World, found: Any, source: str, destination: str) -> None:
    """Who asks and who is rejected, and nobody inside; that they may have come by another way is told."""
    public_web(world)
    web, asks = world.snapshot().view().find("network_interface", "private_ip", "10.0.1.10")[0], source == "internet"
    far, near = ("40000", "443") if asks else ("443", "40000")
    there, back = f"203.0.113.5 10.0.1.10 {far} {near}", f"10.0.1.10 203.0.113.5 {near} {far}"
    inside = (f"{one} 10.0.1.10 {far} {near}" for one in ("10.0.1.77", "100.64.3.3", "169.254.169.254", "224.0.0.9"))
    records = found(world, source, destination, *(seen(web, ends) for ends in (there, back, *inside)), port=443)
    assert {"203.0.113.5", "10.0.1.10"} == {record.source for record in records}
    ways = {one.source: one.direction for one in records.summary}
    assert ("request" if asks else "reply") == ways["203.0.113.5"]
    assert any("every public address" in note for note in records.notes)


def test_the_internet_behind_a_shared_gateway_is_listed_before_it(world: World, found: Any) -> None:
    """There the client has its own address; outside anybody's packets bear the gateway's."""
    behind_nat(world)
    app = next(e for e in world.raw()[world.account, world.region]["NetworkInterfaces"] if e["PrivateIpAddress"] == "10.0.1.10")
    nat = _nat_interface(world)
    lines = (
        seen(app["NetworkInterfaceId"], "10.0.1.10 203.0.113.5 40000 443"),
        seen(nat, "10.0.1.10 203.0.113.5 40000 443"),
        seen(nat, "10.0.100.5 203.0.113.6 1024 443"),
    )
    assert list(lines[:2]) == [record.line for record in found(world, "app-1", "internet", *lines, port=443)]


def test_behind_a_load_balancer_a_port_has_to_be_named(world: World, found: Any) -> None:
    """Which target is asked depends on the port: with it the target's records are there, without it the listing says so."""
    shop, app, _, sg_app, _, _ = balanced(world)
    sg_app.ingress("tcp", 8080, "10.0.0.0/16")
    shop.listen(443, [app], 8080)
    lines = (seen(shop.nodes[0], "10.0.1.10 10.0.1.50 40000 443"), seen(app.eni, "10.0.1.10 10.0.2.20 40000 8080"))
    named, bare = found(world, "web-1", "10.0.1.50", *lines, port=443), found(world, "web-1", "10.0.1.50", *lines)
    assert ([*lines], [lines[0]]) == ([record.line for record in named], [record.line for record in bare])
    told = ["is not looked at without a port" in " ".join(records.notes) for records in (named, bare)]
    assert [False, True] == told


def test_a_line_that_two_flow_logs_deliver_is_one_record(pair: Pair, found: Any) -> None:
    """Its packets are not counted twice."""
    records = found(pair.world, "web-1", "db-1", seen(pair.web.eni, THERE), seen(pair.web.eni, THERE))
    assert (1, 3) == (len(list(records)), records.totals.packets)


def test_what_may_be_of_the_pair_is_told_and_not_listed(pair: Pair, found: Any) -> None:
    """Without ports in the format nobody can say whether a record is of this port."""
    header = "interface-id srcaddr dstaddr protocol action"
    records = found(pair.world, "web-1", "db-1", f"{pair.web.eni.id} 10.0.1.10 10.0.2.20 6 ACCEPT", header=header, port=5432)
    assert [] == list(records)
    assert any(note.startswith("1 more may be of this pair") for note in records.notes)
    assert [1] == [one.records for one in found(pair.world, "web-1", "db-1",
        f"{pair.web.eni.id} 10.0.1.10 10.0.2.20 6 ACCEPT", header=header).summary]  # fmt: skip


def test_a_transit_gateways_own_records_are_listed(pair: Pair, found: Any) -> None:
    """They have an attachment in place of an interface, and no action."""
    header = "resource-type tgw-attachment-id srcaddr dstaddr srcport dstport protocol packets start end packets-lost-no-route"
    lines = [
        f"TransitGateway tgw-attach-0a1 {ends} 6 3 1795176000 1795176060 3" for ends in (THERE, BACK, "10.9.9.9 10.0.2.20 1 2")
    ]
    records = found(pair.world, "web-1", "db-1", *lines, header=header)
    expected = [("tgw-attach-0a1", "request", "", 3), ("tgw-attach-0a1", "reply", "", 3)]
    assert expected == [(one.interface, one.direction, one.action, one.packets) for one in records.summary]


# ---------------------------------------------------------------- summing up


def test_a_conversation_sums_its_records() -> None:
    """Packets, bytes, first and last time, and every flag that was ever set."""
    summary = Summary()
    for start, flags in ((1795176060, 2), (1795176000, 16), (1795176120, 1)):
        fields = {"interface": "eni-1", "source": "10.0.0.1", "destination": "10.0.0.2", "protocol": 6, "packets": 2, "bytes": 80}
        summary.add(Record(**fields, start=start, end=start + 50, tcp_flags=flags), "request")
    (one,) = summary.conversations()
    assert (3, 6, 240, ("SYN", "ACK", "FIN")) == (one.records, one.packets, one.bytes, one.flags)
    assert ("12:00:00", "12:02:50") == (f"{one.first:%H:%M:%S}", f"{one.last:%H:%M:%S}")


def test_what_was_not_logged_is_none_and_not_zero() -> None:
    """A format without packets, times and flags."""
    summary = Summary()
    summary.add(Record(interface="eni-1", source="10.0.0.1", destination="10.0.0.2"), "request")
    (one,) = summary.conversations()
    assert (None, None, None, None, None) == (one.packets, one.bytes, one.first, one.last, one.flags)


@pytest.mark.parametrize(
    ("value", "names"),
    [(0, ()), (1, ("FIN",)), (2, ("SYN",)), (3, ("SYN", "FIN")), (4, ("RST",)), (18, ("SYN-ACK",)), (19, ("SYN-ACK", "FIN")),
     (6, ("SYN", "RST")), (16, ("ACK",)), (56, ("PSH", "ACK", "URG")), (64, ("64",))],
)  # fmt: skip
def test_tcp_flags_have_names(value: int, names: tuple[str, ...]) -> None:
    """SYN-ACK is one flag of its own (18), as AWS lists it; others are or-ed."""
    assert names == flag_names(value)


def test_conversations_are_bounded_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """So memory is; the totals stay right, and the note says what is not told apart."""
    assert 50_000 == CONVERSATIONS_HELD
    monkeypatch.setattr("flowdiag.conversations.CONVERSATIONS_HELD", 2)
    summary = Summary()
    for port in (1, 2, 3, 1):
        summary.add(Record(interface="eni-1", source="a", destination="b", source_port=port, packets=1), "request")
    assert (2, 1, 4) == (len(summary.conversations()), summary.untold, summary.totals.packets)


def test_the_newest_conversation_is_last(pair: Pair, found: Any) -> None:
    """As in a log."""
    lines = [seen(pair.web.eni, f"10.0.1.10 10.0.2.20 {port} 5432", start=1795176000 + port) for port in (300, 100, 200)]
    assert [100, 200, 300] == [one.source_port for one in found(pair.world, "web-1", "db-1", *lines).summary]


# ---------------------------------------------------------------- streaming


def test_records_come_as_they_are_read_and_any_number_of_them(pair: Pair, tmp_path: Path) -> None:
    """More than a diagnosis would hold, in several files read at once, in little memory."""
    for number in range(6):
        (tmp_path / f"{number}.log").write_text("\n".join((RICH, *(
            seen(pair.web.eni, f"10.0.1.10 10.0.2.20 {1024 + n} 5432", start=1795176060 + number) for n in range(10_000)), "",
        )))  # fmt: skip
    records = flow_records("web-1", "db-1", snapshot=pair.world.snapshot(), flow_logs=tmp_path)
    tracemalloc.start()
    first = next(iter(records))
    assert 60_000 == sum(1 for _ in records)
    assert (10_000, 60_000) == (len(records.summary), records.totals.records)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(first, Record)
    assert most < 120e6
    with pytest.raises(FlowdiagError, match="more than 50,000 flow log records"):
        diagnose("web-1", "db-1", 5432, snapshot=pair.world.snapshot(), flow_logs=tmp_path)


def test_parts_that_nobody_takes_end() -> None:
    """Who stops after the first record is not kept waiting by what the others would find."""

    def part(tally: Tally):
        for number in range(10**9):
            yield Record(interface="eni-1", source="a", destination="b", start=number)

    parts = in_order([part, part, part], Tally(), workers=2)
    assert 0 == next(parts).start
    parts.close()


def test_what_a_part_raises_comes_through() -> None:
    """An error of the second part is the search's error, after everything that the first one found and saw."""

    def good(tally: Tally):
        tally.records += 1
        yield Record(interface="eni-1", source="a", destination="b")

    def bad(tally: Tally):
        raise FlowdiagError("gone")
        yield

    tally = Tally()
    found = in_order([good, bad, good], tally)
    assert "eni-1" == next(found).interface
    with pytest.raises(FlowdiagError, match="gone"):
        next(found)
    assert 1 == tally.records


# ---------------------------------------------------------------- silence


def test_nothing_found_says_what_that_is_worth(pair: Pair, found: Any) -> None:
    """One interface was listened to, of the other there is no line at all."""
    quiet = f"{pair.web.eni.id} - - - - - - - 1795176060 1795176110 - NODATA -"
    records = found(pair.world, "web-1", "db-1", quiet)
    worth = {(one.interface, one.direction): one.seen for one in records.silent}
    web, db = pair.web.eni.id, pair.db.eni.id
    assert {
        (web, "request"): "absent",
        (web, "reply"): "absent",
        (db, "request"): "unobserved",
        (db, "reply"): "unobserved",
    } == worth
    assert (0, True) == (records.totals.records, records.answered)
    assert f"silent   {web} request: none, and a flow log covers it\n" in text(records)


def test_nobody_listened(pair: Pair, found: Any) -> None:
    """Lines of other interfaces prove nothing."""
    records = found(pair.world, "web-1", "db-1", seen("eni-0ff", "10.9.9.9 10.0.2.20 1 2"))
    assert (False, {"unobserved"}) == (records.answered, {one.seen for one in records.silent})


# ---------------------------------------------------------------- live


def test_live_reads_the_flow_logs_that_watch_the_path(pair: Pair) -> None:
    """The same sources as a diagnosis, here CloudWatch Logs."""
    flow_log(pair.world, pair.vpc)
    lines = {eni.id: line(eni.id, start=60) for eni in (pair.web.eni, pair.db.eni)}

    def events(request: Any) -> Any:
        shown = lines[request["logStreamNamePrefix"]]
        yield {
            "events": [{"logStreamName": shown.split()[2] + "-all", "timestamp": int(shown.split()[10]) * 1000, "message": shown}]
        }

    questions = (ask("web-1", "db-1", None, "tcp", at=at(3600), window="1h", every_port=True),)
    door = Door({"filter_log_events": events})
    records = FlowRecords(pair_of(questions, True, pair.world.snapshot(), Rules.load(), None, door))
    assert sorted(lines.values()) == sorted(record.line for record in records)
    assert "CloudWatch Logs /vpc/prod" in records.outline.sources[0]
    assert [] == list(records.silent)[2:]


def test_live_and_nobody_watches(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is asked for the walk of every protocol; without a flow log nothing is known, and exit code 3 says so."""
    pair.world.add("FlowLogs", "fl", {"ResourceId": "vpc-elsewhere", "CreationTime": "2023-01-01T00:00:00Z"})
    (raw,) = pair.world.raw().values()
    session = replay_session(raw, account=pair.world.account, region=pair.world.region)
    monkeypatch.setattr("flowdiag.access.session_for", lambda profile=None: session)
    result = run("flows", "web-1", "db-1")
    assert 3 == result.exit_code, result.output
    assert "read     no flow log; 0 of 2 interfaces of the path covered" in result.stdout
    assert "proves nothing: no flow log watches" in result.stdout


# ---------------------------------------------------------------- the command


def demo_run(*more: str | Path) -> Any:
    return run("flows", "orders-fn", "orders-db", *more, "--snapshot", demo.folder(), "--flow-logs", LOGS)


def test_the_listing_of_the_bundled_incident() -> None:
    """What was read, the conversations, who was silent, the counts."""
    result = demo_run()
    head, table, silent, counts = result.stdout.strip().split("\n\n")
    assert 0 == result.exit_code
    assert "read     flow logs in flow-logs: 2 files, 13 records; 2 of 2 interfaces of the path covered" == head.splitlines()[1]
    names, *rows = (row.split("  ") for row in table.splitlines())
    assert ["interface", "way", "from → to", "protocol", "action", "packets", "bytes", "first", "last", "tcp-flags"] == [
        name.strip() for name in names if name.strip()
    ]
    assert 4 == len(rows)
    assert table.splitlines()[-1].endswith("REJECT        3    180  2026-11-20T12:02:06Z  2026-11-20T12:02:56Z  SYN")
    assert 2 == silent.count("none, and a flow log covers it")
    assert "counts   4 records of this pair; 2 ACCEPT, 2 REJECT; 12 packets; 720 bytes" == counts


def test_the_limit_leaves_out_the_oldest() -> None:
    """And says how many."""
    shown = demo_run("--limit", "1").stdout
    assert "3 older conversations not shown (--limit)" in shown
    assert (0, 2) == (shown.count("12:01:54Z"), shown.count("12:02:5") + 1)


def test_the_json_document_holds_every_record() -> None:
    """Under AWS's names, with the schema, whatever the limit."""
    document = json.loads(demo_run("--json", "--limit", "1").stdout)
    assert "flowdiag/flows/1" == document["schema"]
    assert (4, 4, 4) == (len(document["records"]), len(document["summary"]), document["totals"]["records"])
    assert {"REJECT", "ACCEPT"} == {record["action"] for record in document["records"]}
    assert ["silent", "sources", "files", "notes", "coverage"] == [
        name for name in ("silent", "sources", "files", "notes", "coverage") if name in document
    ]
    assert [None, 2] == [document["question"]["protocol"], document["records"][0]["tcp_flags"]]


def test_nothing_known_exits_3(tmp_path: Path) -> None:
    """A log of other interfaces."""
    (tmp_path / "a.log").write_text(f"{' '.join(DEFAULT_FIELDS)}\n{line('eni-0ff')}\n")
    result = run("flows", "orders-fn", "orders-db", "--snapshot", demo.folder(), "--flow-logs", tmp_path)
    assert (3, True) == (result.exit_code, "counts   0 records of this pair" in result.stdout)


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    """Those of diagnose, and to name no flow logs."""
    snapshot = ("--snapshot", demo.folder())
    asked = ("flows", "orders-fn", "orders-db")
    assert "no flow logs are named" in refusal(run(*asked, *snapshot))
    assert "no flow logs are named" in refusal(run(*asked, *snapshot, "--flow-logs", "none"))
    assert "port 'x' is no port" in refusal(run(*asked, "x", *snapshot, "--flow-logs", LOGS))
    same = [refusal(run(word, "orders-fn", "orders-bd", "1", *snapshot, "--flow-logs", LOGS)) for word in ("flows", "diagnose")]
    assert same[0] == same[1]
    assert "leave it out" in refusal(run(*asked, "1", "--protocol", "icmp", *snapshot, "--flow-logs", LOGS))
    assert "leave them out with --snapshot" in refusal(run(*asked, *snapshot, "--flow-logs", LOGS, "--region", "us-east-1"))


def test_foreign_text_cannot_steer_a_terminal(pair: Pair, found: Any) -> None:
    """A reason with an escape sequence, out of a log that somebody wrote."""
    header = f"{RICH} reject-reason"
    records = found(pair.world, "web-1", "db-1", seen(pair.web.eni, THERE, "REJECT") + " \x1b[31mBPA\x1b]0;x\x07", header=header)
    assert ["\x1b" in records.summary[0].reject_reason, "\x1b" in text(records)] == [True, False]
    assert "BPA" in text(records)
