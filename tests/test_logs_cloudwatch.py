"""Flow logs in CloudWatch Logs: what is asked, what is read, and that nothing is lost in silence."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import boto3
import pytest
from aws_logs import HOME, START, Door, Insights, at, line, no_pause, silent
from aws_server import endpoint, served
from aws_world import no_waiting

from flowdiag.access import Access
from flowdiag.logs import Means, Sought, Tally, Window, cloudwatch, open_source
from flowdiag.logs import _insights as insights
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._layouts import Layouts
from flowdiag.logs.cloudwatch import CloudWatch
from flowdiag.logs.record import DEFAULT, DEFAULT_FIELDS
from flowdiag.model import FlowdiagError

__all__ = ["endpoint", "no_waiting", "served"]

BOTH = frozenset((ip_address("10.0.1.10"), ip_address("10.0.2.20")))
DEFAULT_FORMAT = " ".join(f"${{{name}}}" for name in DEFAULT_FIELDS)


def sought(*interfaces: str, hours: float = 1, addresses=BOTH) -> Sought:
    window = Window(start=at(0), end=at(int(hours * 3600)))
    return Sought(addresses=addresses, interfaces=frozenset(interfaces), window=window)


def delivery(log_format: str = DEFAULT_FORMAT, id: str = "fl-0a1", resource: str = "vpc-0a1") -> Delivery:
    return Delivery(flow_log=id, scope=HOME, resource=resource, log_group="/vpc/prod", log_format=log_format)


def group(door: Door, *deliveries: Delivery, streams: bool = True) -> CloudWatch:
    known = deliveries or (delivery(),)
    return CloudWatch(door, HOME, "/vpc/prod", known, streams, pause=no_pause)


def event(stream: str, message: str, second: int = 0) -> dict[str, object]:
    return {"logStreamName": stream, "timestamp": (START + second) * 1000, "message": message}


def filtering(*events: dict[str, object], page: int = 100):
    """FilterLogEvents over these events: by prefix and time, in pages."""

    def answer(request):
        found = [
            e
            for e in events
            if str(e["logStreamName"]).startswith(request["logStreamNamePrefix"])
            and request["startTime"] <= e["timestamp"] <= request["endTime"]
        ]
        for first in range(0, max(len(found), 1), page):
            yield {"events": found[first : first + page], "searchedLogStreams": []}

    return answer


def searched(source, wanted: Sought):
    search = source.search(wanted)
    return list(search), search.tally


# ---------------------------------------------------------------- a short window


def test_a_short_window_reads_the_streams_of_the_interfaces_whole():
    """One call an interface; its other lines prove that it is covered, and nothing else is asked."""
    events = [
        event("eni-0a1-all", line("eni-0a1")),
        event("eni-0a1-all", line("eni-0a1", "192.0.2.1", "10.0.1.10", 60), 60),
        event("eni-0b2-all", line("eni-0b2", "192.0.2.1", "192.0.2.2", 60), 60),
        event("eni-0c3-all", line("eni-0c3")),
    ]
    door = Door({"filter_log_events": filtering(*events)})
    records, tally = searched(group(door), sought("eni-0a1", "eni-0b2"))
    assert ["eni-0a1", "eni-0a1"] == [record.interface for record in records]
    assert (3, {"eni-0a1", "eni-0b2"}) == (tally.records, set(tally.interfaces))
    assert ["filter_log_events"] * 2 == [name for name, _ in door.calls]


@pytest.mark.parametrize("stream", ["eni-0a1", "eni-0a1-all", "eni-0a1-accept", "eni-0a1-reject"])
def test_stream_names_are_read_leniently(stream):
    """Whatever follows the interface's id in a stream's name."""
    records, _ = searched(group(Door({"filter_log_events": filtering(event(stream, line()))})), sought("eni-0a1"))
    assert ["eni-0a1"] == [record.interface for record in records]


def test_a_longer_id_that_begins_alike_is_another_interface():
    """eni-0a1 is not eni-0a12, though the prefix fits."""
    events = [event("eni-0a12-all", line("eni-0a12"))]
    records, tally = searched(group(Door({"filter_log_events": filtering(*events)})), sought("eni-0a1"))
    assert ([], {}) == (records, tally.interfaces)


def test_a_format_without_interface_and_time_takes_them_from_the_stream():
    """The stream says whose line it is and the event when it was, so that such a format can be used."""
    short = delivery("${srcaddr} ${dstaddr} ${action}")
    events = [event("eni-0a1-all", "10.0.1.10 10.0.2.20 REJECT", 30)]
    records, tally = searched(group(Door({"filter_log_events": filtering(*events)}), short), sought("eni-0a1"))
    assert [("eni-0a1", START + 30, "REJECT")] == [(r.interface, r.start, r.action) for r in records]
    assert ["eni-0a1"] == list(tally.interfaces)


def test_a_stream_that_cannot_be_read_makes_its_interface_unseen():
    """What was read before the failure does not count as watching, and the note names action and interface."""

    def breaks(request):
        yield {"events": [event("eni-0a1-all", line("eni-0a1", "192.0.2.1"))]}
        raise FlowdiagError("throttled, try again later")

    records, tally = searched(group(Door({"filter_log_events": breaks})), sought("eni-0a1"))
    assert ({}, 1) == (tally.interfaces, len(records))
    assert ["CloudWatch Logs /vpc/prod: eni-0a1 could not be read (throttled, try again later)"] == tally.notes


def test_a_very_long_stream_is_handed_to_insights_where_the_pages_end(monkeypatch):
    """No line is read twice but those of the last second, and none is left out."""
    monkeypatch.setattr("flowdiag.logs.cloudwatch.MOST_PAGES", 2)
    lines = [("eni-0a1-all", START + n * 60, line("eni-0a1", start=n * 60)) for n in range(10)]
    events = [event(stream, text, second - START) for stream, second, text in lines]
    door = Door({"filter_log_events": filtering(*events, page=2), **Insights(lines).answers()})
    records, tally = searched(group(door), sought("eni-0a1"))
    assert {START + n * 60 for n in range(10)} == {record.start for record in records}
    assert [(START, START + 600)] == list(tally.interfaces["eni-0a1"].spans)


# ---------------------------------------------------------------- a wide window


LINES = [
    ("eni-0a1-all", START + 100, line("eni-0a1", start=100)),
    ("eni-0a1-all", START + 7200, line("eni-0a1", "192.0.2.1", "192.0.2.2", 7200)),
    ("eni-0b2-all", START + 7200, line("eni-0b2", "192.0.2.1", "192.0.2.2", 7200)),
    ("eni-0b2-all", START + 9000, silent("eni-0b2", "SKIPDATA", 9000)),
    ("eni-0c3-all", START + 100, line("eni-0c3", start=100)),
]


def test_a_wide_window_is_searched_by_insights():
    """Two queries: the lines that may be meant, and when each interface has any line at all."""
    door = Door(Insights(LINES).answers())
    records, tally = searched(group(door), sought("eni-0a1", "eni-0b2", hours=24))
    assert [("eni-0a1", START + 100)] == [(record.interface, record.start) for record in records]
    spans = {id: list(coverage.spans) for id, coverage in tally.interfaces.items()}
    assert [(START + 100, START + 160), (START + 7200, START + 7200)] == spans["eni-0a1"]
    assert (1, 2) == (tally.interfaces["eni-0b2"].skips, door.count("start_query"))


def test_only_what_comes_from_beyond_is_asked_of_a_busy_interface():
    """Every line names the interface's own address, so the query filters by those at the other end."""
    busy = [("eni-0a1-all", START + n, line("eni-0a1", "192.0.2.1", "10.0.1.10", n)) for n in range(50)]
    door = Door(Insights([*busy, *LINES]).answers())
    beyond = {"eni-0a1": frozenset((ip_address("10.0.2.20"),))}
    wanted = sought("eni-0a1", "eni-0b2", hours=24).model_copy(update={"beyond": beyond})
    records, tally = searched(group(door), wanted)
    assert [("eni-0a1", START + 100)] == [(record.interface, record.start) for record in records]
    assert 2 == tally.lines
    assert {"eni-0a1", "eni-0b2"} == set(tally.interfaces)


@pytest.mark.parametrize("hours", [1, 24], ids=["streams", "queries"])
def test_a_format_that_lacks_an_end_gives_its_records_whichever_way_it_is_read(hours):
    """A line of it may be of the flow though it does not name what lies beyond the interface."""
    known = delivery("${interface-id} ${srcaddr} ${srcport} ${dstport} ${start} ${end} ${action}")
    ends = {"10.0.1.10": "ACCEPT", "10.0.2.20": "REJECT"}
    lines = [f"eni-0b2 {source} 40000 5432 {START} {START + 50} {action}" for source, action in ends.items()]
    answers = Insights([("eni-0b2-all", START, text) for text in lines]).answers()
    door = Door({**answers, "filter_log_events": filtering(*(event("eni-0b2-all", text) for text in lines))})
    beyond = {"eni-0b2": frozenset((ip_address("10.0.1.10"),))}
    wanted = sought("eni-0b2", hours=hours).model_copy(update={"beyond": beyond})
    records, _ = searched(group(door, known), wanted)
    assert ends == {record.source: record.action for record in records}


def test_what_a_query_says_before_it_is_complete_is_not_used():
    """Rows of a running query may still change."""
    door = Door(Insights(LINES, running=3).answers())
    records, _ = searched(group(door), sought("eni-0a1", hours=24))
    assert (1, 8) == (len(records), door.count("get_query_results"))


def test_a_span_with_too_many_rows_is_halved_until_all_of_it_is_read(monkeypatch):
    """The limit of a query never cuts anything off in silence."""
    monkeypatch.setattr(insights, "MOST_ROWS", 10)
    lines = [("eni-0a1-all", START + n, line("eni-0a1", start=n)) for n in range(100)]
    records, tally = searched(group(Door(Insights(lines).answers())), sought("eni-0a1", hours=8))
    assert [START + n for n in range(100)] == sorted(record.start for record in records)
    assert ([], {"eni-0a1"}) == (tally.notes, set(tally.interfaces))


def _idle(number: int, at: int) -> str:
    return line(f"eni-0a{number}", "192.0.2.1", "192.0.2.2", at)


def test_when_streams_have_lines_is_asked_minute_by_minute():
    """A gap of some minutes shows, and no query gives more rows than it may: of four interfaces those of 41 hours."""
    lines = [(f"eni-0a{n}-all", START + at, _idle(n, at)) for n in range(4) for at in (0, 60, 420)]
    answers = Insights(lines)
    _, tally = searched(group(Door(answers.answers())), sought(*(f"eni-0a{n}" for n in range(4)), hours=4 * 24))
    assert [[(START, START + 60), (START + 420, START + 420)]] * 4 == [list(c.spans) for c in tally.interfaces.values()]
    assert (1 + 3, []) == (len(answers.queries), tally.notes)  # one for the records


def test_more_queries_than_one_search_may_ask_are_refused_at_once():
    """What silence is worth is not known then, and the reason is told."""
    answers = Insights(LINES)
    _, tally = searched(group(Door(answers.answers())), sought("eni-0a1", hours=24 * 500))
    assert ({}, {"eni-0a1"}) == (tally.interfaces, tally.lost)
    assert "that would take 73 queries, and 60 are the limit: narrow the window" in tally.notes[0]


def test_rows_are_given_while_others_are_still_to_be_asked_for(monkeypatch):
    """Whoever holds too many can stop: no more queries are made then, and no more rows held than one of them gives."""
    monkeypatch.setattr(insights, "MOST_ROWS", 10)
    lines = [("eni-0a1-all", START + n * 60, line("eni-0a1", start=n * 60)) for n in range(1000)]
    answers = Insights(lines)
    reading = cloudwatch._Reading(group(Door(answers.answers())), sought("eni-0a1", hours=24), Layouts([DEFAULT]), True)
    records = reading._query(["eni-0a1"], START, START + 86_400, Tally())
    assert START == next(records).start
    assert len(answers.queries) < 15


def test_one_second_with_too_many_rows_is_said():
    """Where it cannot be halved any more, what was missed makes the interfaces unseen."""
    lines = [("eni-0a1-all", START, line("eni-0a1"))] * 10_000  # what a query gives at most
    _, tally = searched(group(Door(Insights(lines).answers())), sought("eni-0a1", hours=24))
    assert ({}, 1) == (tally.interfaces, len(tally.notes))
    assert "10000 lines or more lie between 2023-11-14T22:15:00Z and 2023-11-14T22:15:00Z: narrow the window" in tally.notes[0]


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_a_query_that_ends_badly_is_said(status):
    """Never taken for a query that found nothing."""
    records, tally = searched(group(Door(Insights(LINES, ends_as=status).answers())), sought("eni-0a1", hours=24))
    assert ([], {}) == (records, tally.interfaces)
    assert {f"the query ended as {status}" in note for note in tally.notes} == {True}


def test_a_query_that_takes_too_long_is_stopped():
    """flowdiag gives up after a while, tells AWS so, and says it."""
    answers = Insights(LINES, running=10**6)
    _, tally = searched(group(Door(answers.answers())), sought("eni-0a1", hours=24))
    assert {"query-0", "query-1"} == set(answers.stopped)
    assert {"given up after 900 s" in note for note in tally.notes} == {True}


def test_a_query_that_cannot_be_followed_is_stopped():
    """It would go on, and cost, though nobody reads what it finds."""
    answers = Insights(LINES, running=10**6)
    given = {name: answer for name, answer in answers.answers().items() if name != "get_query_results"}  # which is denied
    searched(group(Door(given)), sought("eni-0a1", hours=24))
    assert {"query-0", "query-1"} == set(answers.stopped)


def test_ipv6_is_looked_for_by_any_colon():
    """IPv6 addresses can be written in several ways: the filter lets every one through, the line decides."""
    asked = sought("eni-0a1", hours=24, addresses=frozenset((ip_address("2001:db8::1"),)))
    lines = [("eni-0a1-all", START, line("eni-0a1", "2001:0db8:0:0::1", "2001:db8::2"))]
    records, _ = searched(group(Door(Insights(lines).answers())), asked)
    assert ["2001:0db8:0:0::1"] == [record.source for record in records]


# ---------------------------------------------------------------- what it costs

DAY = 86_400
GIGABYTE = 10**9


def holding(stored: int | None, age: int = 30, retention: int = 0, name: str = "/vpc/prod"):
    """DescribeLogGroups of a group that is so many days old at the end of a day's window, and holds so many bytes."""
    told = {"logGroupName": name, "storedBytes": stored, "creationTime": (START + DAY - age * DAY) * 1000}
    told |= {"retentionInDays": retention} if retention else {}
    return lambda request: [{"logGroups": [{key: value for key, value in told.items() if value is not None}]}]


def a_day(door: Door, agreed: bool = False):
    """A search of one interface's day, at the end of that day."""
    source = CloudWatch(door, HOME, "/vpc/prod", (delivery(),), agreed=agreed, pause=no_pause, clock=lambda: START + DAY)
    return searched(source, sought("eni-0a1", hours=24))


@pytest.mark.parametrize(
    ("holds", "told"),
    [
        (holding(45 * GIGABYTE), "20.2 GB"),
        (holding(45 * GIGABYTE, age=3000, retention=30), "20.2 GB"),
        (holding(3 * GIGABYTE, age=1), "40.0 GB"),
    ],
    ids=["a thirtieth of its life", "a thirtieth of what is kept", "all of its life"],
)
def test_a_large_scan_needs_a_word(holds, told):
    """Two queries of the window's share of what the group holds, which is stored compressed: refused before anything is asked,
    as Athena's are; with `yes` it goes ahead, and nobody asks how much it is."""
    door = Door({"describe_log_groups": holds, **Insights(LINES).answers()})
    records, tally = a_day(door)
    assert ([], {"eni-0a1"}, 0) == (records, tally.lost, door.count("start_query"))
    way = "and without a word at most 10.0 GB are: agree with yes=True (--yes), or give a shorter window"
    assert [f"CloudWatch Logs /vpc/prod would have about {told} to scan, {way}"] == tally.notes
    agreed = Door({"describe_log_groups": holds, **Insights(LINES, scanned=9 * GIGABYTE).answers()})
    assert (1, 0) == (len(a_day(agreed, agreed=True)[0]), agreed.count("describe_log_groups"))


@pytest.mark.parametrize(
    "holds",
    [
        holding(10 * GIGABYTE),
        holding(None),
        holding(999 * GIGABYTE, name="/vpc/prod-old"),
        holding(0),
        lambda request: [{}],
        None,
    ],
    ids=["small", "not told", "another group", "not counted yet", "nothing", "denied"],
)
def test_what_is_small_or_not_known_is_asked(holds):
    """What nobody knows is not large by itself, for a query tells while it runs what it scans."""
    door = Door({**({"describe_log_groups": holds} if holds else {}), **Insights(LINES).answers()})
    records, tally = a_day(door)
    assert (1, [], {"eni-0a1"}) == (len(records), tally.notes, set(tally.interfaces))


def test_a_query_that_has_scanned_more_than_agreed_is_stopped():
    """Both queries of a search share the limit; what was read is not used, and it is said once."""
    answers = Insights(LINES, running=10**6, scanned=GIGABYTE)
    records, tally = a_day(Door(answers.answers()))
    assert ([], {"eni-0a1"}, set(answers.queries)) == (records, tally.lost, set(answers.stopped))
    (note,) = tally.notes
    assert note.startswith("CloudWatch Logs /vpc/prod was given up with more than 10.0 GB scanned, and without a word at most")
    endless = Insights(LINES, running=100, scanned=GIGABYTE)
    assert (1, []) == (len(a_day(Door(endless.answers()), agreed=True)[0]), endless.stopped)


def test_a_query_that_is_complete_is_used_whatever_it_scanned(monkeypatch):
    """It is paid for; only no further one is asked."""
    monkeypatch.setattr(insights, "MOST_ROWS", 10)
    lines = [("eni-0a1-all", START + n, line("eni-0a1", start=n)) for n in range(100)]
    answers = Insights(lines, running=0, scanned=11 * GIGABYTE)
    _, tally = a_day(Door(answers.answers()))
    assert (True, {"eni-0a1"}) == (len(answers.queries) <= 2, tally.lost)
    whole = Insights(LINES, running=0, scanned=11 * GIGABYTE)
    queries = insights.Insights(Door(whole.answers()), HOME, "/vpc/prod", no_pause)
    assert 1 == len(list(queries.rows(insights.lines_query(["10.0.1.10"], {"eni-0a1": ["10.0.1.10"]}), START, START + 3600)))


def test_what_a_snapshot_calls_an_interface_ends_no_quotation():
    """Ids are foreign text; a query is asked with none that AWS does not give."""
    with pytest.raises(FlowdiagError, match="is no id of AWS's"):
        insights.coverage_query(['eni-0a1" or @message like "x'])


@pytest.mark.parametrize("hours", [1, 24])
def test_a_stream_of_a_regional_nat_gateway_is_its_own(hours):
    """By either way to ask; its lines name no interface."""
    raw = f"9{line('-', source='10.0.1.10', destination='198.51.100.7')[1:]} nat-0a1b2c"
    answers = Insights([("nat-0a1b2c-all", START, raw)])
    door = Door({"filter_log_events": filtering(event("nat-0a1b2c-all", raw)), **answers.answers()})
    known = delivery(log_format=f"{DEFAULT_FORMAT} ${{resource-id}}")
    _, tally = searched(group(door, known), sought("nat-0a1b2c", hours=hours))
    assert {"nat-0a1b2c"} == tally.interfaces.keys()


def test_a_short_window_costs_no_call_more():
    """FilterLogEvents charges nothing by the byte."""
    door = Door({"filter_log_events": filtering(event("eni-0a1-all", line("eni-0a1")))})
    searched(group(door), sought("eni-0a1"))
    assert {"filter_log_events"} == {name for name, _ in door.calls}


# ---------------------------------------------------------------- formats


def test_flow_logs_of_several_formats_in_one_group():
    """Each line is read by the format it fits: by number of fields, shapes and version."""
    custom = delivery(
        "${version} ${interface-id} ${srcaddr} ${dstaddr} ${start} ${end} ${action} ${tcp-flags} ${flow-direction}", "fl-0b2"
    )
    events = [
        event("eni-0a1-all", line("eni-0a1")),
        event("eni-0a1-all", f"5 eni-0a1 10.0.2.20 10.0.1.10 {START} {START + 60} ACCEPT 18 ingress"),
    ]
    records, tally = searched(group(Door({"filter_log_events": filtering(*events)}), delivery(), custom), sought("eni-0a1"))
    assert [(None, ""), (18, "ingress")] == [(record.tcp_flags, record.direction) for record in records]
    assert 0 == tally.refused


def test_the_version_tells_formats_of_the_same_shape_apart():
    """Two formats of as many fields of the same shapes: the version is the highest of the format's fields."""
    one = delivery("${version} ${srcaddr} ${dstaddr} ${protocol} ${start} ${end} ${action}", "fl-0a1")
    other = delivery("${version} ${pkt-srcaddr} ${pkt-dstaddr} ${tcp-flags} ${start} ${end} ${action}", "fl-0b2")
    events = [event("eni-0a1-all", f"{version} 10.0.1.10 10.0.2.20 6 {START} {START + 60} ACCEPT") for version in (2, 3)]
    records, _ = searched(group(Door({"filter_log_events": filtering(*events)}), one, other), sought("eni-0a1"))
    assert {(6, None), (None, 6)} == {(record.protocol, record.tcp_flags) for record in records}


def test_a_line_that_fits_two_formats_differently_is_refused():
    """A guess would be a false record."""
    one = delivery("${srcaddr} ${dstaddr} ${srcport} ${dstport} ${start} ${end} ${action}", "fl-0a1")
    other = delivery("${dstaddr} ${srcaddr} ${dstport} ${srcport} ${start} ${end} ${action}", "fl-0b2")
    events = [event("eni-0a1-all", f"10.0.1.10 10.0.2.20 49200 5432 {START} {START + 60} ACCEPT")]
    records, tally = searched(group(Door({"filter_log_events": filtering(*events)}), one, other), sought("eni-0a1"))
    assert ([], 1, 1) == (records, tally.refused, tally.lines)
    assert "fits 2 log formats that read it differently" == tally.refusals[0].reason


FLAGS = DEFAULT_FORMAT.replace("${packets}", "${tcp-flags}")


@pytest.mark.parametrize(
    ("known", "said", "why"),
    [
        (FLAGS, line(), "says version 2 where its log format would have 3: of another flow log"),
        (DEFAULT_FORMAT, f"3{line()[1:]}", "says version 3 where its log format would have 2: of another flow log"),
        (DEFAULT_FORMAT, line("eni-0c3"), "says interface 'eni-0c3' in a log stream of eni-0a1: of another log format"),
    ],
)
def test_a_line_that_only_has_the_shape_of_the_one_format_is_refused(known, said, why):
    """A flow log that was replaced left it there, of as many fields: read by the new one's format it would be a false record."""
    records, tally = searched(
        group(Door({"filter_log_events": filtering(event("eni-0a1-all", said))}), delivery(known)), sought("eni-0a1")
    )
    assert ([], 1, {"eni-0a1"}) == (records, tally.refused, tally.lost)
    assert tally.refusals[0].reason.startswith(why)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("${version} ${interface-id} ${srcaddr} ${dstaddr} ${a-new-field}", "12 eni-0a1 10.0.1.10 10.0.2.20 x"),
        ("${version} ${srcaddr} ${dstaddr} ${tgw-src-vpc-id}", "6 10.0.1.10 10.0.2.20 vpc-0a1"),
        ("${version} ${interface-id} ${srcaddr} ${dstaddr} ${resource-id}", "9 - 10.0.1.10 10.0.2.20 nat-0a1"),
    ],
    ids=["a field of a later version", "a transit gateway's", "without an interface"],
)
def test_a_version_that_the_format_may_have_is_no_contradiction(known, said):
    """Fields come with later versions, and those of transit gateways with the sixth."""
    _, tally = searched(
        group(Door({"filter_log_events": filtering(event("eni-0a1-all", said))}), delivery(known)), sought("eni-0a1")
    )
    assert (0, 1) == (tally.refused, tally.lines)


# ---------------------------------------------------------------- where


def flow_logs(*raw):
    return lambda request: [{"FlowLogs": list(raw)}]


def test_a_named_group_asks_for_the_formats_of_its_flow_logs():
    """`cloudwatch:GROUP`, and the layout comes from the LogFormat of what delivers there."""
    known = flow_logs({"FlowLogId": "fl-0a1", "LogGroupName": "/vpc/prod", "LogFormat": "${srcaddr} ${dstaddr} ${action}"})
    door = Door({"describe_flow_logs": known, "filter_log_events": filtering(event("eni-0a1-all", "10.0.1.10 10.0.2.20 REJECT"))})
    records, _ = searched(open_source("cloudwatch:/vpc/prod", Means(access=door)), sought("eni-0a1"))
    assert ["REJECT"] == [record.action for record in records]
    assert {"Filter": [{"Name": "log-group-name", "Values": ["/vpc/prod"]}]} == door.calls[0][1]


def test_an_unknown_format_is_said():
    """Where AWS does not tell the format, the default one is assumed, and a line that does not fit it is refused."""
    door = Door({"filter_log_events": filtering(event("eni-0a1-all", "10.0.1.10 10.0.2.20 REJECT"))})
    records, tally = searched(open_source("logs:/vpc/prod", Means(access=door)), sought("eni-0a1"))
    assert ([], 1) == (records, tally.refused)
    assert "the format of its lines is not known (denied, ec2:DescribeFlowLogs), the default is assumed" in tally.notes[0]


def test_a_group_by_its_arn_is_asked_in_its_account_and_region():
    """As the console shows it."""
    source = open_source("cloudwatch:arn:aws:logs:eu-west-1:222233334444:log-group:/vpc/prod:*", Means(access=Door({})))
    assert ("222233334444/eu-west-1", "/vpc/prod") == (str(source.scope), source.group)


@pytest.mark.parametrize(("where", "said"), [("cloudwatch:", "name no log group"), ("s3://", "name no bucket")])
def test_a_place_without_a_name_is_refused(where, said):
    """With the way to write it."""
    with pytest.raises(FlowdiagError, match=said):
        open_source(where, Means(access=Door({})))


def test_a_place_in_aws_needs_a_session():
    """Offline without one it is refused in a sentence."""
    with pytest.raises(FlowdiagError, match="are in AWS: ask with a session"):
        open_source("cloudwatch:/vpc/prod")


def test_a_flow_log_by_its_id():
    """`flow-log:ID` is read from where it delivers."""
    known = flow_logs(
        {
            "FlowLogId": "fl-0a1",
            "LogDestinationType": "cloud-watch-logs",
            "LogGroupName": "/vpc/prod",
            "LogFormat": DEFAULT_FORMAT,
        }
    )
    door = Door({"describe_flow_logs": known, "filter_log_events": filtering(event("eni-0a1-all", line()))})
    records, _ = searched(open_source("flow-log:fl-0a1", Means(access=door)), sought("eni-0a1"))
    assert 1 == len(records)


def test_a_flow_log_that_nobody_knows():
    """Named with the way out."""
    with pytest.raises(FlowdiagError, match="AWS knows no flow log 'fl-0a1': give the id of one"):
        open_source("flow-log:fl-0a1", Means(access=Door({"describe_flow_logs": flow_logs()})))


def test_a_transit_gateways_streams_are_searched_by_address():
    """They are not of interfaces: Insights searches the group, and nobody is taken to be covered by it."""
    gateway = delivery("${version} ${resource-type} ${tgw-id} ${srcaddr} ${dstaddr} ${start} ${end}", resource="tgw-0a1")
    door = Door(Insights([("tgw-0a1", START, f"6 TransitGateway tgw-0a1 10.0.1.10 10.0.2.20 {START} {START + 60}")]).answers())
    _, tally = searched(group(door, gateway, streams=False), sought("eni-0a1"))
    assert (1, 1) == (door.count("start_query"), tally.lines)


def test_an_open_window_is_refused():
    """An archive has no end: reading all of it is never what was meant."""
    with pytest.raises(FlowdiagError, match="are read for a span of time"):
        list(group(Door({})).search(Sought(addresses=BOTH, interfaces=frozenset(("eni-0a1",)))))


# ---------------------------------------------------------------- over HTTP


def test_over_http(served: boto3.Session):
    """Against a server that evaluates FilterLogEvents by time, stream prefix and pages."""
    logs, now = served.client("logs"), int(time.time())
    logs.create_log_group(logGroupName="/vpc/http")
    for eni in ("eni-0a1", "eni-0b2", "eni-0c3"):
        logs.create_log_stream(logGroupName="/vpc/http", logStreamName=f"{eni}-all")
        lines = [line(eni, start=now - START - 60 * n) for n in range(1, 4)] + [line(eni, start=now - START - 9000)]
        events = [{"timestamp": int(text.split()[10]) * 1000, "message": text} for text in reversed(lines)]
        logs.put_log_events(logGroupName="/vpc/http", logStreamName=f"{eni}-all", logEvents=events)
    access = Access(served)
    access.introduce()
    end = datetime.now(UTC)
    wanted = Sought(
        addresses=BOTH, interfaces=frozenset(("eni-0a1", "eni-0b2")), window=Window(start=end - timedelta(hours=1), end=end)
    )
    known = Delivery(flow_log="fl-0a1", scope=HOME, log_group="/vpc/http", log_format=DEFAULT_FORMAT)
    records, tally = searched(CloudWatch.of(Means(access=access), (known,)), wanted)
    assert {("eni-0a1", 3), ("eni-0b2", 3)} == {(eni, sum(r.interface == eni for r in records)) for eni in ("eni-0a1", "eni-0b2")}
    assert (6, []) == (tally.records, tally.notes)


def test_a_missing_group_over_http(served: boto3.Session):
    """AWS's own words come through, and nobody counts as watched."""
    access = Access(served)
    access.introduce()
    source = CloudWatch(access, HOME, "/vpc/gone", (delivery(),))
    _, tally = searched(source, sought("eni-0a1"))
    assert "eni-0a1 could not be read (ResourceNotFoundException: The specified log group does not exist" in tally.notes[0]
    assert {"eni-0a1"} == tally.lost


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\x1c"])
def test_white_space_beyond_ascii_is_part_of_a_value(space):
    """As in the other places where a line is parted, whatever a tag or a name holds."""
    layout = "${version} ${interface-id} ${srcaddr} ${dstaddr} ${a-new-field}"
    text = f"5 eni-0a1 10.0.1.10 10.0.2.20 a{space}b"
    door = Door({"filter_log_events": filtering(event("eni-0a1-all", text))})
    records, _ = searched(group(door, delivery(layout)), sought("eni-0a1"))
    assert [f"a{space}b"] == [record.more["a-new-field"] for record in records]
