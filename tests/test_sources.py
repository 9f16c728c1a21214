"""Which flow logs are read for a path, and that a diagnosis reads them by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_logs import START, Door, at, file, key, line
from aws_replay import replay_session
from scenes import Pair, hubbed
from world import World
from world_logs import DEFAULT_FORMAT, flow_log

from flowdiag import Diagnosis
from flowdiag.access import Access, AccessError
from flowdiag.consulted import described
from flowdiag.diagnosis import diagnose, explain
from flowdiag.fault import Fault
from flowdiag.gather import gather
from flowdiag.graph import look
from flowdiag.logs import Search, Sought, Tally, Window
from flowdiag.logs._delivery import Delivery, delivery_of
from flowdiag.logs._grant import granting
from flowdiag.logs._several import Closed, Several, Share, together
from flowdiag.logs.cloudwatch import CloudWatch
from flowdiag.logs.record import DEFAULT_FIELDS, record_of
from flowdiag.logs.s3 import S3
from flowdiag.model import FlowdiagError, Record, Scope
from flowdiag.question import ask, refuse_future
from flowdiag.report import report
from flowdiag.sources import survey, watching
from flowdiag.table import Rules

WINDOW = Window(start=at(0), end=at(3600))
FLAGS = f"{DEFAULT_FORMAT} ${{tcp-flags}}"
RULES = Rules.load()


def bucket(name: str = "vpc-archive", **more: Any) -> dict[str, Any]:
    """What makes a flow log one that delivers to S3."""
    return {"LogDestinationType": "s3", "LogDestination": f"arn:aws:s3:::{name}", "LogGroupName": "", **more}


def question(start: int = 0, end: int = 3600) -> Any:
    return ask("web-1", "db-1", 5432, at=at(end), window=timedelta(seconds=end - start))


def chosen(world: World, now: int = 3600) -> tuple[Any, ...]:
    """The sources for web-1 → db-1."""
    view = world.snapshot().view()
    source = watching(look(question(), view, RULES), view, Door({}), WINDOW, at(now))
    return tuple(share.source for share in getattr(source, "shares", ()))


def block(diagnosis: Diagnosis, name: str) -> list[str]:
    """The sentences of a block of the report."""
    return [line.text for one in report(diagnosis).blocks if one.name == name for line in one.lines]


def told(world: World, door: Door, flow_logs: str | None = None, **more: Any) -> Diagnosis:
    return explain(question(**more), world.snapshot(), RULES, flow_logs, door)


# ---------------------------------------------------------------- the choice


def test_one_flow_log_of_the_vpc_is_one_source(pair: Pair) -> None:
    """Both interfaces are watched by it: it is read once."""
    flow_log(pair.world, pair.vpc)
    (source,) = chosen(pair.world)
    assert ("/vpc/prod", 1) == (source.group, len(source.deliveries))


def test_cloudwatch_before_s3_for_the_same_traffic(pair: Pair) -> None:
    """Records are there sooner; the archive is not read as well."""
    flow_log(pair.world, pair.vpc, **bucket())
    flow_log(pair.world, pair.vpc)
    assert [CloudWatch] == [type(source) for source in chosen(pair.world)]


def test_s3_before_cloudwatch_for_the_past(pair: Pair) -> None:
    """Log groups forget; archives are kept."""
    flow_log(pair.world, pair.vpc, **bucket())
    flow_log(pair.world, pair.vpc)
    assert [S3] == [type(source) for source in chosen(pair.world, now=7 * 86_400)]


@pytest.mark.parametrize(
    "lacking",
    [{"traffic": "REJECT"}, {"DeliverLogsStatus": "FAILED"}, {"CreationTime": "2024-01-01T00:00:00.000Z"}],
    ids=["REJECT only", "failing", "younger than the window"],
)
def test_a_flow_log_that_does_not_show_all_is_not_preferred(pair: Pair, lacking: dict[str, Any]) -> None:
    """The archive that has all of it is read instead."""
    flow_log(pair.world, pair.vpc, **bucket())
    flow_log(pair.world, pair.vpc, **lacking)
    assert [S3] == [type(source) for source in chosen(pair.world)]


def test_where_none_shows_all_every_one_is_read(pair: Pair) -> None:
    """One of what is accepted and one of what is rejected make up the whole."""
    flow_log(pair.world, pair.vpc, "ACCEPT", group="/vpc/accepted")
    flow_log(pair.world, pair.vpc, "REJECT", group="/vpc/rejected")
    assert ["/vpc/accepted", "/vpc/rejected"] == sorted(source.group for source in chosen(pair.world))


def test_the_richer_format_of_two_is_read(pair: Pair) -> None:
    """Of two flow logs that both show all, the one with more fields tells more."""
    flow_log(pair.world, pair.vpc, group="/vpc/plain")
    flow_log(pair.world, pair.vpc, group="/vpc/rich", LogFormat=FLAGS)
    assert ["/vpc/rich"] == [source.group for source in chosen(pair.world)]


@pytest.mark.parametrize("field", ["srcport", "dstport", "protocol", "action", "srcaddr", "dstaddr"])
def test_a_format_that_lacks_what_tells_a_flow_is_the_last_choice(pair: Pair, field: str) -> None:
    """However many fields it has, and though it delivers sooner: each of its records may be of another flow."""
    more = "${vpc-id} ${subnet-id} ${instance-id} ${type} ${region}"
    flow_log(pair.world, pair.vpc, LogFormat=f"{DEFAULT_FORMAT.replace(f'${{{field}}} ', '')} {more}")
    flow_log(pair.world, pair.vpc, **bucket())
    assert [S3] == [type(source) for source in chosen(pair.world)]


def test_a_log_group_needs_no_field_for_the_interface(pair: Pair) -> None:
    """Its streams tell; a file of a bucket does not."""
    flow_log(pair.world, pair.vpc, LogFormat=DEFAULT_FORMAT.replace("${interface-id} ", ""))
    flow_log(pair.world, pair.vpc, **bucket())
    assert [CloudWatch] == [type(source) for source in chosen(pair.world)]


@pytest.mark.parametrize("traffic", ["ALL", "REJECT"])
def test_all_flow_logs_of_one_log_group_are_taken_along(pair: Pair, traffic: str) -> None:
    """An interface has one stream for all of them, and the format of each is needed to read it, also of one that would not be
    enough by itself."""
    ids = {flow_log(pair.world, pair.vpc), flow_log(pair.world, pair.vpc, traffic, LogFormat=FLAGS)}
    (source,) = chosen(pair.world)
    assert ids == {delivery.flow_log for delivery in source.deliveries}


def test_of_two_flow_logs_to_one_bucket_one_is_read(pair: Pair) -> None:
    """There each has files of its own, so nothing of the other's stands among them."""
    flow_log(pair.world, pair.vpc, **bucket())
    rich = flow_log(pair.world, pair.vpc, **bucket(LogFormat=FLAGS))
    (source,) = chosen(pair.world)
    assert [rich] == [root.flow_log for root in source.roots]


def test_each_end_may_be_watched_by_another(pair: Pair) -> None:
    """An interface's own flow log, and one of the other's subnet."""
    flow_log(pair.world, pair.web.eni, group="/eni/web")
    flow_log(pair.world, pair.data, group="/subnet/data")
    assert ["/eni/web", "/subnet/data"] == sorted(source.group for source in chosen(pair.world))


def test_nobody_watches(pair: Pair) -> None:
    """Without a flow log there is no source."""
    pair.world.add("FlowLogs", "fl", {"ResourceId": "vpc-elsewhere", "CreationTime": "2023-01-01T00:00:00Z"})
    assert () == chosen(pair.world)


def test_firehose_is_noted_with_the_way_out(pair: Pair) -> None:
    """What it delivers on to cannot be known; a person can name it."""
    arn = "arn:aws:firehose:us-east-1:111122223333:deliverystream/flows"
    id = flow_log(pair.world, pair.vpc, LogDestinationType="kinesis-data-firehose", LogDestination=arn, LogGroupName="")
    reasons = [unread.reason for unread in told(pair.world, Door({})).unread]
    expected = f"{id} to {arn}: Firehose delivers on from there; name the place it delivers to with flow_logs= (--flow-logs)"
    assert expected in reasons


def test_live_collection_asks_for_all_that_may_watch(pair: Pair) -> None:
    """Interfaces, subnets and VPCs of both ends, by the resource that is watched."""
    view = pair.world.snapshot().view()
    survey(look(question(), view, RULES), view)
    asked = {unread.query.value for unread in view.unread if unread.query.kind == "flow_log"}
    subnets = {pair.app.id, pair.data.id}
    assert {pair.web.eni.id, pair.db.eni.id, pair.vpc.id} | subnets == asked


# ---------------------------------------------------------------- a second place


def archived(door_answers: dict[str, Any], *files: tuple[str, str]) -> Door:
    """A door behind which buckets have these files, each (flow log, line), beside what else it answers."""
    bodies = {key("20231114T2215", log): file(text) for log, text in files}

    def listing(request: Any) -> Any:
        return [{"Contents": [{"Key": name, "Size": 1} for name in bodies if name.split("_")[3] in request["Prefix"]]}]

    return Door({"list_objects_v2": listing, "get_object": lambda request: [bodies[request["Key"]]], **door_answers})


def refusing(*interfaces: str) -> Any:
    """FilterLogEvents that is denied for these interfaces, and finds nothing of others but that they were quiet."""

    def answer(request: Any) -> Any:
        eni = request["logStreamNamePrefix"]
        if eni in interfaces:
            raise FlowdiagError("denied")
        return events(quiet(eni))(request)

    return answer


def quiet(eni: str) -> str:
    return f"2 111122223333 {eni} - - - - - - - {START} {START + 3600} - NODATA"


def seen_at(diagnosis: Diagnosis) -> dict[str, str]:
    return {one.point: one.seen for one in diagnosis.sightings}


def test_where_the_first_place_cannot_be_read_the_second_is(pair: Pair) -> None:
    """The log group is denied: the archive has the records, and the answer says which was read and why the other was not."""
    flow_log(pair.world, pair.vpc)
    archive = flow_log(pair.world, pair.vpc, **bucket())
    ends = (pair.web.eni.id, pair.db.eni.id)
    door = archived({"filter_log_events": refusing(*ends)}, *((archive, line(eni, start=60)) for eni in ends[:1]))
    diagnosis = told(pair.world, door)
    assert "accept" == seen_at(diagnosis)["request_source"]
    assert ("flow logs in s3://vpc-archive: 1 file, 1 record",) == diagnosis.sources
    unread = " ".join(block(diagnosis, "unread"))
    assert f"{ends[0]} could not be read (denied, logs:FilterLogEvents)" in unread
    assert f"{', '.join(sorted(ends))}: flow logs in s3://vpc-archive was read instead" in unread


def test_where_the_first_place_can_be_read_no_other_is(pair: Pair) -> None:
    """Though it has no record of the flow: what it has of the interfaces is enough."""
    flow_log(pair.world, pair.vpc)
    archive = flow_log(pair.world, pair.vpc, **bucket())
    door = archived({"filter_log_events": refusing()}, (archive, line(pair.web.eni.id, start=60)))
    diagnosis = told(pair.world, door)
    assert {"filter_log_events"} == {name for name, _ in door.calls}
    assert {"absent"} == set(seen_at(diagnosis).values())


def test_only_the_interfaces_that_could_not_be_read_are_looked_for_again(pair: Pair) -> None:
    """Each end has a second place of its own, and only that of the end that failed is read."""
    web = pair.web.eni.id
    flow_log(pair.world, pair.vpc)
    archive = flow_log(pair.world, pair.web.eni, **bucket("web-archive"))
    flow_log(pair.world, pair.db.eni, **bucket("db-archive"))
    door = archived({"filter_log_events": refusing(web)}, (archive, line(web, start=60)))
    diagnosis = told(pair.world, door)
    assert {"web-archive"} == {request["Bucket"] for _, request in door.calls if "Bucket" in request}
    assert ("accept", "absent") == (seen_at(diagnosis)["request_source"], seen_at(diagnosis)["request_destination"])
    assert ("CloudWatch Logs /vpc/prod, flow logs in s3://web-archive: 1 file, 2 records",) == diagnosis.sources


def test_where_no_place_can_be_read_every_reason_is_told(pair: Pair) -> None:
    """And silence proves nothing."""
    flow_log(pair.world, pair.vpc)
    flow_log(pair.world, pair.vpc, **bucket())
    diagnosis = told(pair.world, Door({}))
    unread = " ".join(block(diagnosis, "unread"))
    assert {"unobserved"} == set(seen_at(diagnosis).values())
    assert ("logs:FilterLogEvents" in unread, "s3:ListBucket" in unread, "instead" in unread) == (True, True, False)


def test_what_was_read_before_it_broke_off_is_not_read_again(pair: Pair) -> None:
    """A record of the first place would be told twice; the interface stays unseen beyond what is on record."""

    def breaks(request: Any) -> Any:
        yield from events(line(pair.web.eni.id, start=60), line(pair.db.eni.id, start=60))(request)
        raise FlowdiagError("throttled, try again later")

    flow_log(pair.world, pair.vpc)
    archive = flow_log(pair.world, pair.vpc, **bucket())
    door = archived({"filter_log_events": breaks}, (archive, line(pair.web.eni.id, start=60)))
    diagnosis = told(pair.world, door)
    assert {"filter_log_events"} == {name for name, _ in door.calls}
    assert [1, 1] == [one.count for one in diagnosis.sightings if one.seen == "accept"]


def test_the_past_goes_back_to_the_log_group(pair: Pair) -> None:
    """Where the archive of an old window cannot be listed."""
    flow_log(pair.world, pair.vpc, **bucket())
    flow_log(pair.world, pair.vpc)
    door = Door({"filter_log_events": events(line(pair.web.eni.id, start=60))})
    evidence = pair.world.snapshot()
    evidence.read_at = at(7 * 86_400)
    diagnosis = explain(question(), evidence, RULES, None, door)
    assert ("accept", "list_objects_v2") == (seen_at(diagnosis)["request_source"], door.calls[0][0])


def test_a_second_flow_log_to_the_same_place_is_no_second_place(pair: Pair) -> None:
    """What is denied once is not asked again."""
    flow_log(pair.world, pair.vpc)
    flow_log(pair.world, pair.app)
    door = Door({})
    told(pair.world, door)
    assert [("filter_log_events", 2)] == list(Counter(name for name, _ in door.calls).items())


def test_a_place_that_cannot_be_opened_is_one_that_cannot_be_read(pair: Pair) -> None:
    """A destination that is no bucket: the reason is told, and the other place read."""
    broken = flow_log(pair.world, pair.vpc, **bucket(LogDestination="arn:aws:firehose"))
    flow_log(pair.world, pair.vpc)
    door = Door({"filter_log_events": events(line(pair.web.eni.id, start=60))})
    evidence = pair.world.snapshot()
    evidence.read_at = at(7 * 86_400)
    diagnosis = explain(question(), evidence, RULES, None, door)
    assert "accept" == seen_at(diagnosis)["request_source"]
    assert any(f"{broken} delivers to 'arn:aws:firehose', which is no bucket" in text for text in block(diagnosis, "unread"))


# ---------------------------------------------------------------- a diagnosis


def events(*lines: str, at: int | None = None) -> Any:
    """FilterLogEvents of these lines, each in the stream of its interface, at the time that it tells, or `at`."""

    def answer(request: Any) -> Any:
        found = [text for text in lines if text.split()[2] == request["logStreamNamePrefix"]]
        times = [(at or int(text.split()[10])) * 1000 for text in found]
        streams = [f"{text.split()[2]}-all" for text in found]
        yield {
            "events": [{"logStreamName": s, "timestamp": t, "message": m} for s, t, m in zip(streams, times, found, strict=True)]
        }

    return answer


def _event(text: str) -> dict[str, Any]:
    fields = text.split()
    return {"logStreamName": f"{fields[2]}-all", "timestamp": int(fields[10]) * 1000, "message": text}


def test_a_live_question_reads_its_flow_logs(pair: Pair) -> None:
    """Accepted at both ends: the wire confirms, and two calls brought it."""
    flow_log(pair.world, pair.vpc)
    ends = (pair.web.eni.id, pair.db.eni.id)
    door = Door({"filter_log_events": events(*(line(eni, start=60) for eni in ends))})
    diagnosis = told(pair.world, door)
    assert {("request_source", "accept"), ("request_destination", "accept")} <= {(s.point, s.seen) for s in diagnosis.sightings}
    assert ["filter_log_events"] * 2 == [name for name, _ in door.calls]
    assert ("CloudWatch Logs /vpc/prod: 2 records",) == diagnosis.sources


@pytest.mark.parametrize("custom", [FLAGS, FLAGS.replace(" ${packets}", "")], ids=["more fields", "as many fields"])
def test_lines_of_two_formats_in_one_stream_are_read_each_by_its_own(pair: Pair, custom: str) -> None:
    """Two flow logs of a VPC, say a team's and the landing zone's: nothing is refused and nothing misread."""
    flow_log(pair.world, pair.vpc, LogFormat=custom)
    flow_log(pair.world, pair.vpc)
    plain = line(pair.web.eni.id, start=60)
    fields = ["3", *plain.split()[1:], "2"]
    if custom != FLAGS:
        del fields[DEFAULT_FIELDS.index("packets")]
    diagnosis = told(pair.world, Door({"filter_log_events": events(plain, " ".join(fields), at=START + 60)}))
    (sighting,) = [one for one in diagnosis.sightings if one.point == "request_source"]
    found = {(record.packets, record.tcp_flags) for record in sighting.records}
    assert (found, False) == ({(3, 2)} if custom == FLAGS else {(3, None), (None, 2)}, "no flow log records" in str(diagnosis))


def test_denied_logs_are_unread_and_never_silence(pair: Pair) -> None:
    """Nobody looked, and the action that would let one look is named."""
    flow_log(pair.world, pair.vpc)
    diagnosis = told(pair.world, Door({}))
    assert {"unobserved"} == {sighting.seen for sighting in diagnosis.sightings}
    assert any("logs:FilterLogEvents" in unread.reason for unread in diagnosis.unread)


def test_a_source_that_fails_does_not_hide_another(pair: Pair) -> None:
    """Each destination stands for itself."""
    flow_log(pair.world, pair.web.eni, group="/eni/web")
    archive = flow_log(pair.world, pair.db.eni, **bucket())
    name = key("20231114T2215", archive)
    door = Door({
        "list_objects_v2": lambda request: [{"Contents": [{"Key": name, "Size": 1}]}],
        "get_object": lambda request: [file(line(pair.db.eni.id, start=60))],
    })  # fmt: skip
    diagnosis = told(pair.world, door)
    seen = {sighting.point: sighting.seen for sighting in diagnosis.sightings}
    assert ("unobserved", "accept") == (seen["request_source"], seen["request_destination"])


def test_what_makes_up_the_whole_together_is_needed_together(pair: Pair) -> None:
    """The flow log of what is accepted cannot be read: that of what is rejected proves nothing alone."""
    flow_log(pair.world, pair.vpc, "ACCEPT", group="/vpc/accepted")
    flow_log(pair.world, pair.vpc, "REJECT", group="/vpc/rejected")
    rejected = line(pair.web.eni.id, "192.0.2.1", "10.0.1.10", 60, "REJECT")

    def half(request: Any) -> Any:
        if request["logGroupName"] == "/vpc/accepted":
            raise FlowdiagError("denied")
        return events(rejected)(request)

    diagnosis = told(pair.world, Door({"filter_log_events": half}))
    assert {"unobserved"} == {sighting.seen for sighting in diagnosis.sightings}


def test_a_transit_gateways_own_flow_log_is_read(world: World) -> None:
    """Where a transit gateway stands on the path, what it lost is on record there."""
    hub, *_ = hubbed(world)
    gateway = flow_log(world, hub.id, group="/tgw", TrafficType="")
    view = world.snapshot().view()
    source = watching(look(question(), view, RULES), view, Door({}), WINDOW, at(3600))
    (share,) = source.shares
    assert (gateway, frozenset(), False) == (share.source.deliveries[0].flow_log, share.interfaces, share.source.streams)


def test_a_place_that_is_named_is_read_instead(pair: Pair) -> None:
    """Of the accounts and Regions of the path."""
    flow_log(pair.world, pair.vpc)
    door = Door({"filter_log_events": events(line(pair.web.eni.id, start=60))}, home=Scope(region="us-east-1"))
    diagnosis = told(pair.world, door, "cloudwatch:/vpc/other")
    assert {"/vpc/other"} == {request["logGroupName"] for name, request in door.calls if name == "filter_log_events"}
    assert "CloudWatch Logs /vpc/other" in diagnosis.sources[0]


@pytest.mark.parametrize("known", [True, False])
def test_athena_finds_the_table_over_the_paths_archive(pair: Pair, known: bool) -> None:
    """`athena:` alone: by what DescribeFlowLogs tells of the path; where that was not read, several tables are a question."""
    if known:
        flow_log(pair.world, pair.vpc, **bucket())
    columns = [{"Name": name.replace("-", "_"), "Type": "string"} for name in DEFAULT_FIELDS]
    tables = [
        {"Name": name, "Columns": columns, "Parameters": {"location": f"s3://{name}/AWSLogs/"}}
        for name in ("other", "vpc-archive")
    ]
    door = Door({
        "list_databases": lambda request: [{"DatabaseList": [{"Name": "net"}]}],
        "list_table_metadata": lambda request: [{"TableMetadataList": tables}],
        "get_table_metadata": lambda request: [{"TableMetadata": tables[1]}],
        "list_objects_v2": lambda request: [{}],
    })  # fmt: skip
    if known:
        assert ("Athena net.vpc-archive (about 0.0 MB to scan): 0 records",) == told(pair.world, door, "athena:").sources
    else:
        with pytest.raises(FlowdiagError, match=r"write one of athena:net\.other, athena:net\.vpc-archive"):
            told(pair.world, door, "athena:")


@pytest.mark.parametrize("where", ["cloudwatch:/nope", "s3://nope/x"])
@pytest.mark.parametrize("watched", [True, False])
def test_a_place_that_is_not_there_says_so(pair: Pair, where: str, watched: bool) -> None:
    """It is never waited for, and no further right is asked for: what failed is told once, with its reason."""
    if watched:
        flow_log(pair.world, pair.vpc)
    evidence = pair.world.snapshot(without=() if watched else {"FlowLogs"})
    evidence.read_at = at(3600)
    diagnosis = explain(question(), evidence, RULES, where, Door({}))
    assert {"CO199"} == {one.code for one in diagnosis.coverage if one.watchers != ()}
    unread = block(diagnosis, "unread")
    assert not any("not due" in text or "DescribeFlowLogs" in text for text in unread if "interface" in text)
    failed = [text for text in unread if "could not be" in text and "(denied" in text]
    assert {1} == {text.count("nope") for text in failed}, unread


class Fixed:
    """A source that has these records, or none and cannot be read, or breaks off after them."""

    def __init__(self, fails: bool, *records: Record) -> None:
        self.fails, self.records = fails, records

    def search(self, sought: Sought) -> Search:
        return Search(self._records, source="fixed")

    def _records(self, tally: Tally) -> Iterator[Record]:
        yield from self.records
        if self.fails:
            tally.lose(["eni-0a1", "eni-0b2"], "denied")
        else:
            tally.cover("eni-0a1", 0, 60, False)


def test_one_place_of_several_that_fails_does_not_blind_the_others() -> None:
    """What one saw is seen; what none saw may be in the place that could not be read."""
    search = together((Fixed(True), Fixed(False))).search(Sought())
    assert ([], {"eni-0b2"}, {"eni-0a1"}) == (list(search), search.tally.lost, set(search.tally.interfaces))


@pytest.mark.parametrize(
    ("came", "again"),
    [({}, True), ({"tgw-id": "tgw-0a1"}, True), ({"srcaddr": "10.0.1.10"}, False), ({"interface-id": "eni-0a1"}, False)],
    ids=["nothing", "a transit gateway's", "of nobody knows whom", "its own"],
)
def test_an_interface_is_looked_for_elsewhere_where_no_record_can_be_its_own(came: dict[str, str], again: bool) -> None:
    """A record that names no interface may be any one's, and would be told twice."""
    records = [record_of(came)] if came else []
    watched = frozenset(("eni-0a1",))
    other = Several((Share(Fixed(False), watched),))
    search = Several((Share(Fixed(True, *records), watched),), instead=other).search(Sought(interfaces=watched))
    assert (records, again) == (list(search), "eni-0a1" in search.tally.interfaces)
    assert ({"eni-0b2"} if again else {"eni-0a1", "eni-0b2"}) == search.tally.lost


def test_none_reads_none(pair: Pair) -> None:
    """A person may not want to look."""
    flow_log(pair.world, pair.vpc)
    door = Door({})
    diagnosis = told(pair.world, door, "none")
    assert ([], "unobserved") == (door.calls, diagnosis.symptom)


def test_offline_nothing_is_asked_of_aws(pair: Pair) -> None:
    """A snapshot alone is answered from the snapshot, and a place in AWS then needs a session."""
    flow_log(pair.world, pair.vpc)
    diagnosis = diagnose("web-1", "db-1", 5432, snapshot=pair.world.snapshot())
    assert ("unobserved", ()) == (diagnosis.symptom, diagnosis.unread)
    with pytest.raises(FlowdiagError, match="are in AWS: ask with a session"):
        explain(question(), pair.world.snapshot(), RULES, "s3://vpc-archive")


# ---------------------------------------------------------------- files, and what is known of their format

CUSTOM = "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action} ${start} ${end} ${log-status}"


def exported(pair: Pair, tmp_path: Path) -> tuple[str, str]:
    """A line of the request at web-1 without a header, as text and in a subscription's event; the paths of both files."""
    text = f"{pair.web.eni.id} 10.0.1.10 10.0.2.20 49200 5432 6 ACCEPT {START + 60} {START + 120} OK"
    told = {"messageType": "DATA_MESSAGE", "owner": pair.world.account, "logGroup": "/vpc/prod", "logStream": "x"}
    (tmp_path / "prod.log").write_text(text + "\n")
    (tmp_path / "prod.json").write_text(json.dumps({**told, "logEvents": [{"timestamp": START * 1000, "message": text}]}))
    return str(tmp_path / "prod.log"), str(tmp_path / "prod.json")


def test_files_are_read_by_the_format_that_the_snapshot_knows(pair: Pair, tmp_path: Path) -> None:
    """A custom format without `log_format=`, and what was assumed stands under unread; of another VPC's flow log into the same
    group it is told by the line."""
    id = flow_log(pair.world, pair.vpc, LogFormat=CUSTOM)
    flow_log(pair.world, "vpc-0e1", LogFormat="${srcaddr} ${dstaddr} ${action}")
    for place in exported(pair, tmp_path):
        diagnosis = explain(question(), pair.world.snapshot(), RULES, place)
        assert "accept" == seen_at(diagnosis)["request_source"], place
        assert any(f"lines without their field names are read by the LogFormat of {id}" in t for t in block(diagnosis, "unread"))
    for place in exported(pair, tmp_path):
        bare = explain(question(), pair.world.snapshot(without={"FlowLogs"}), RULES, place)
        assert "unobserved" == seen_at(bare)["request_source"]


def test_files_are_read_by_the_format_that_live_evidence_knows(pair: Pair, tmp_path: Path) -> None:
    """AWS is asked for the flow logs of the path, and the folder that was captured knows them as well."""
    flow_log(pair.world, pair.vpc, LogFormat=CUSTOM)
    (raw,) = pair.world.raw().values()
    for number, place in enumerate(exported(pair, tmp_path)):
        session = replay_session(raw, account=pair.world.account, region=pair.world.region)
        window = {"at": at(3600), "window": timedelta(hours=1)}
        diagnosis = diagnose("web-1", "db-1", 5432, session=session, flow_logs=place, **window)
        assert "accept" == seen_at(diagnosis)["request_source"]
        assert 1 == session.replay.count("DescribeFlowLogs")
        gathered = gather(question(), RULES, Access(session), besides=survey).snapshot
        gathered.save(tmp_path / f"ticket-{number}")
        again = diagnose("web-1", "db-1", 5432, snapshot=tmp_path / f"ticket-{number}", flow_logs=place, **window)
        assert "accept" == seen_at(again)["request_source"]


def test_none_asks_for_no_flow_logs(pair: Pair) -> None:
    """Who wants no records read is not asked who writes them."""
    flow_log(pair.world, pair.vpc)
    (raw,) = pair.world.raw().values()
    session = replay_session(raw, account=pair.world.account, region=pair.world.region)
    diagnose("web-1", "db-1", 5432, session=session, flow_logs="none")
    assert 0 == session.replay.count("DescribeFlowLogs")


def test_what_a_live_question_costs_more(pair: Pair) -> None:
    """One call of DescribeFlowLogs for all that may watch the path, in no further round."""
    flow_log(pair.world, pair.vpc)
    (raw,) = pair.world.raw().values()

    def cost(**more: Any) -> tuple[int, int]:
        session = replay_session(raw, account=pair.world.account, region=pair.world.region)
        collector = gather(question(), RULES, Access(session), **more)
        return len(collector.calls), collector.rounds

    (calls, rounds), (more_calls, more_rounds) = cost(), cost(besides=survey)
    assert (1, 0) == (more_calls - calls, more_rounds - rounds)


def test_a_time_that_is_still_to_come_is_refused() -> None:
    """Nothing of it can be on record; a window that has begun may show something."""
    with pytest.raises(FlowdiagError, match=r"22:15Z to 2023-11-14T23:15Z, is in the future \(it is 2023-11-14T22:15Z\)"):
        refuse_future(question(), at(0))
    refuse_future(question(), at(60))
    with pytest.raises(FlowdiagError, match="is in the future"):
        diagnose("web-1", "db-1", 5432, at="9000-01-01T00:00Z")


def test_a_log_group_may_be_told_by_the_destination_alone() -> None:
    """AWS leaves LogGroupName out of some flow logs; live and by name it is the same group."""
    arn = "arn:aws:logs:us-east-1:111122223333:log-group:/vpc/prod:*"
    raw = {"FlowLogId": "fl-0a1", "LogDestinationType": "cloud-watch-logs", "LogDestination": arn}
    assert "/vpc/prod" == delivery_of(raw, Scope()).group
    assert "/vpc/prod" == Delivery(flow_log="fl-0a1", scope=Scope(), destination=arn).group
    assert "" == Delivery(flow_log="fl-0a1", scope=Scope(), kind="s3", destination="arn:aws:s3:::logs").group


def test_what_could_not_be_opened_is_no_source_of_records() -> None:
    """It is told under `unread`, and not as a source with 0 records."""
    search = Several((Share(Closed("nobody reads it"), frozenset(("eni-0a1",))),)).search(
        Sought(interfaces=frozenset(("eni-0a1",)))
    )
    assert ([], ()) == (list(search), described(search))


def test_an_iam_action_is_named_where_a_grant_would_mend_it() -> None:
    """A query that is too slow, or asks for too much, takes no other rights."""
    assert "denied, logs:StartQuery" == granting(FlowdiagError("denied"), "logs:StartQuery")
    assert "given up after 60 s" == granting(FlowdiagError("given up after 60 s"), "logs:StartQuery")
    role = AccessError(Fault("refused", "this session may not assume it", "sts:AssumeRole"))
    assert "this session may not assume it, sts:AssumeRole" == granting(role, "logs:StartQuery")
