"""Flow log lines in JSON: subscriptions of CloudWatch Logs, what Firehose writes, what the AWS CLI prints."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import SHARED
from world_records import HEADER, accounted, cut, line, seek

from flowdiag import FlowdiagError, diagnose
from flowdiag.logs import Means, Tally, open_source
from flowdiag.logs import _json as values
from flowdiag.logs import _wrapped as wrapped
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._stream import records
from flowdiag.logs.record import DEFAULT_FIELDS, Layout
from flowdiag.model import Scope
from flowdiag.times import second_told

SAMPLES = SHARED / "flow-log-samples"


def event(*messages: str, kind: str = "DATA_MESSAGE") -> dict:
    """What a subscription delivers, in AWS's own form."""
    events = [
        {"id": str(number), "timestamp": 1_700_000_000_000 + number, "message": text} for number, text in enumerate(messages)
    ]
    return {
        "messageType": kind, "owner": "111122223333", "logGroup": "/vpc/prod", "logStream": "eni-0a1-all",
        "subscriptionFilters": ["all"], "logEvents": events,
    }  # fmt: skip


def streamed(raw: bytes, sizes=()) -> tuple[list, Tally]:
    """The records of a stream, and the tally."""
    tally = Tally()
    return list(records(cut(raw, sizes), "a.json", seek(), tally)), tally


TWO = event(line(1), line(2, interface="eni-0b2"))
THIRD = event(line(3))


def packed(event: dict | str, pack=gzip.compress) -> str:
    """What an event of a function bears."""
    return b64encode(pack((event if isinstance(event, str) else json.dumps(event)).encode())).decode()


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(TWO) + json.dumps(THIRD),
        json.dumps(TWO) + "\n" + json.dumps(THIRD) + "\n",
        json.dumps(TWO, indent=4) + "\n" + json.dumps(THIRD, indent=4),
        "\ufeff  " + json.dumps(TWO) + json.dumps(THIRD),
        "".join(
            json.dumps({"message": line(number, interface=id)}) for number, id in ((1, "eni-0a1"), (2, "eni-0b2"), (3, "eni-0a1"))
        ),
        json.dumps({"events": [*TWO["logEvents"], *THIRD["logEvents"]], "searchedLogStreams": []}, indent=4),
        json.dumps(event(line(1) + "\n", line(2, interface="eni-0b2"), line(3))),
        json.dumps([{"awslogs": {"data": packed(one)}} for one in (TWO, THIRD)]),
        json.dumps({"Records": [{"kinesis": {"data": packed(one)}, "eventSource": "aws:kinesis"} for one in (TWO, THIRD)]}),
        json.dumps({"records": [{"data": packed(one), "recordId": "1"} for one in (TWO, THIRD)]}),
        json.dumps({"records": [{"data": packed(f"{line(1)}\n{line(2, interface='eni-0b2')}\n{line(3)}\n", bytes)}]}, indent=1),
    ],
    ids=["firehose", "lines", "indented", "mark", "wrapped", "cli", "line ends", "function", "kinesis", "transformed", "plain"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda raw: gzip.compress(gzip.compress(raw))])
def test_every_form_gives_the_same_records(raw, pack):
    """One object after another, with line ends between or without, indented, packed: the lines in them are read."""
    found, tally = streamed(pack(raw.encode()))
    assert [line(1), line(2, interface="eni-0b2"), line(3)] == [r.line for r in found]
    assert (3, 3, 0, []) == (tally.lines, tally.records, tally.refused, tally.notes)
    assert {"eni-0a1", "eni-0b2"} == set(tally.interfaces)


@pytest.mark.parametrize("data", ["%%%", b64encode(gzip.compress(b"x" * 99)[:-9]).decode()], ids=["no base64", "torn"])
def test_what_an_event_bears_and_cannot_be_unpacked_is_refused(data):
    """It may have been a record of any interface."""
    found, tally = streamed(json.dumps({"awslogs": {"data": data}}).encode() + json.dumps(TWO).encode())
    assert (2, 1, {"eni-0a1", "eni-0b2"}) == (len(found), tally.refused, set(tally.lost))


def test_events_that_bear_more_than_any_may_are_refused(monkeypatch):
    """What is packed small may be large without end."""
    monkeypatch.setattr(wrapped, "LARGEST_EVENT", 1000)
    _, tally = streamed(json.dumps({"awslogs": {"data": packed(event(*(line(n) for n in range(50))))}}).encode())
    assert 1 == tally.refused


def test_large_deliveries_to_a_consumer_come_in_parts(monkeypatch):
    """As every object that is too large to be held."""
    monkeypatch.setattr(values, "LARGEST_OBJECT", 2000)
    found, tally = streamed(json.dumps({"records": [{"data": packed(event(line(n)))} for n in range(40)]}).encode(), [500] * 99)
    assert (40, 0) == (len(found), tally.refused)


def test_members_of_gzip_without_a_line_end_between_are_one_stream():
    """Firehose puts the packed events of a subscription after one another."""
    found, _ = streamed(gzip.compress(json.dumps(TWO).encode()) + gzip.compress(json.dumps(THIRD).encode()))
    assert 3 == len(found)


def test_control_messages_are_no_records():
    """A subscription says from time to time that it is alive."""
    control = event("CWL CONTROL MESSAGE: Checking health of destination Firehose.", kind="CONTROL_MESSAGE")
    found, tally = streamed((json.dumps(control) + json.dumps(TWO)).encode())
    assert (2, 3, 1, 0) == (len(found), tally.lines, tally.blank, tally.refused)


def page(number: int, **token: str | None) -> str:
    """One page of saved events."""
    return json.dumps({"events": event(line(number))["logEvents"], **token}, indent=4)


@pytest.mark.parametrize("name", ["nextToken", "NextToken"])
@pytest.mark.parametrize("before", ["", page(1)])
def test_a_last_page_that_says_there_are_more_voids_silence(name, before):
    """What the following pages hold was not read."""
    found, tally = streamed((before + page(2, **{name: "b0"})).encode())
    assert bool(before) + 1 == len(found)
    assert {"eni-0a1"} <= tally.lost
    assert ["a.json: there are more events than this file holds: save the following pages into it too"] == tally.notes


@pytest.mark.parametrize("last", [{}, {"nextToken": None}, {"nextToken": ""}])
def test_pages_one_after_another_up_to_the_last_are_whole(last):
    """Each but the last says that another follows, and it does."""
    found, tally = streamed((page(1, nextToken="b0") + "\n" + page(2, **last)).encode())
    assert (2, set(), []) == (len(found), tally.lost, tally.notes)


@pytest.mark.parametrize(("last", "lost"), [({}, set()), ({"nextToken": "b1"}, {"eni-0a1", "eni-0b2"})])
def test_pages_in_an_array_are_pages(last, lost):
    """A script that gathers what it was given writes them so: the last one tells whether more follow."""
    found, tally = streamed(f"[{page(1, nextToken='b0')}, {page(2, **last)}]".encode())
    assert (2, lost, bool(lost)) == (len(found), tally.lost, bool(tally.notes))


@pytest.mark.parametrize("indent", [None, 0, 4])
@pytest.mark.parametrize("within", [lambda one: one, lambda one: [one], lambda one: [one, THIRD]], ids=["bare", "array", "two"])
def test_an_object_may_be_of_any_size(monkeypatch, indent, within):
    """The AWS CLI joins all pages of events into one object: they are read one by one, and what it says behind them counts."""
    monkeypatch.setattr(values, "LARGEST_OBJECT", 2000)
    monkeypatch.setattr(values, "PART", 7)
    events = [{"logStreamName": "eni-0a1-all", "timestamp": 1_700_000_000_000, "message": line(n)} for n in range(100)]
    for last, lost in (({}, False), ({"nextToken": "b1"}, True)):
        raw = within({"searchedLogStreams": [{}] * 500, "events": events, **last})
        lost &= THIRD not in (raw if isinstance(raw, list) else ())
        found, tally = streamed(json.dumps(raw, indent=indent).encode(), [500] * 100)
        assert [line(n) for n in range(100)] == [record.line for record in found][:100]
        assert (tally.lines, 0, lost) == (len(found), tally.refused, bool(tally.lost))


def test_a_large_object_is_of_the_stream_that_it_names_before_its_events(monkeypatch):
    """As a subscription's does; of a query's results the status is known at their end."""
    monkeypatch.setattr(values, "LARGEST_OBJECT", 500)
    _, tally = streamed(json.dumps(event(*["no record"] * 50)).encode(), [200] * 10)
    assert ({"eni-0a1"}, 50) == (tally.lost, tally.refused)
    found, tally = streamed(rows(*map(line, range(50)), status="Running"), [200] * 10)
    assert (50, {"eni-0a1", "eni-0b2"}, 0) == (len(found), tally.lost, tally.refused)


def test_a_large_object_of_another_kind_is_one_refusal(monkeypatch):
    """Whatever lists it holds."""
    monkeypatch.setattr(values, "LARGEST_OBJECT", 500)
    found, tally = streamed((json.dumps({"Vpcs": [{"VpcId": "vpc-0a1"}] * 100}) + json.dumps(TWO)).encode(), [100] * 20)
    assert (2, 1, 3) == (len(found), tally.refused, tally.lines)


@pytest.mark.parametrize("torn", ['{"logEvents": [{"id": "1"},', '{"owner": ', "[1, ", '{"logEvents": [{"id": "1"}', "[" * 5000])
def test_what_follows_an_object_that_is_torn_is_read(monkeypatch, torn):
    """In a line of its own; what stands before it is counted."""
    for largest in (100, 1 << 22):
        monkeypatch.setattr(values, "LARGEST_OBJECT", largest)
        found, tally = streamed(f"{torn}\n{json.dumps(TWO)}".encode(), [64] * 5)
        assert (2, True, True) == (len(found), tally.refused > 0, tally.lines == accounted(tally))


def test_header_and_silence_in_events():
    """A header line in an event counts from there on; NODATA covers an interface."""
    text = json.dumps(event(HEADER, "2 111122223333 eni-0b2 - - - - - - - 1700000000 1700000060 - NODATA"))
    _, tally = streamed(text.encode())
    assert ({"eni-0b2"}, 1) == (set(tally.interfaces), tally.headers)


@pytest.mark.parametrize(
    ("spoil", "refused"),
    [
        (lambda two, third: two[:-30] + "\n" + third, 1),
        (lambda two, third: two + third[:-1], 1),
        (lambda two, third: two + "\n[1]\n" + third, 1),
        (lambda two, third: json.dumps({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1"}, 7]}) + third, 2),
        (lambda two, third: json.dumps({"Vpcs": []}) + third, 1),
    ],
)
def test_what_is_no_event_is_refused_and_reading_goes_on(spoil, refused):
    """A torn object, one of another kind, one without a message: each is counted, and the next line is read."""
    _, tally = streamed(spoil(json.dumps(TWO), json.dumps(THIRD)).encode())
    assert (refused, tally.lines, True) == (tally.refused, accounted(tally), tally.records > 0)
    assert "is JSON without a flow log line" in tally.refusals[0].reason


def test_an_object_without_an_end_does_not_fill_the_memory(monkeypatch):
    """Beyond a bound an object is given up, and counted."""
    monkeypatch.setattr(values, "LARGEST_OBJECT", 10_000)
    found, tally = streamed(b'{"logEvents": [' + b'{"id": "1"},' * 5000 + b"\n" + json.dumps(TWO).encode(), [997] * 70)
    assert (2, True) == (len(found), tally.refused > 0)
    assert tally.lines == accounted(tally)


@given(st.lists(st.integers(1, 60), max_size=30), st.booleans())
def test_events_may_be_cut_anywhere(sizes, indented):
    """The pieces of a stream have nothing to do with its objects."""
    text = "".join(json.dumps(one, indent=2 if indented else None) for one in (TWO, THIRD))
    found, tally = streamed(text.encode(), sizes)
    assert (3, 3) == (len(found), tally.records)


def test_files_of_json_are_read(tmp_path):
    """`.json` and `.jsonl` in a folder are flow logs too."""
    (tmp_path / "a.json").write_text(json.dumps(TWO))
    (tmp_path / "b.jsonl").write_text(json.dumps({"message": line(3)}) + "\n")
    search = open_source(str(tmp_path)).search(seek())
    assert (["a.json:1", "a.json:2", "b.jsonl:1"], ["a.json", "b.jsonl"]) == ([r.where for r in search], search.tally.files)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample records are not here")
def test_sample_event():
    """A real subscription event covers its interface."""
    tally = Tally()
    list(records([(SAMPLES / "cloudwatch-subscription-event.json").read_bytes()], "e", seek((), ["eni-9f825df9"]), tally))
    assert ([(1548934870, 1548934929)], 1, 0) == (list(tally.interfaces["eni-9f825df9"].spans), tally.records, tally.refused)


# ---------------------------------------------------------------- custom formats

CUSTOM = "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action} ${start} ${end} ${log-status}"
SHORT = "eni-0a1 10.0.1.10 10.0.2.20 49200 5432 6 REJECT 1700000000 1700000050 OK"


def test_a_custom_format_in_json_needs_the_log_format(tmp_path):
    """JSON has no line of field names; without the format each line is refused, and the reason names the option."""
    (tmp_path / "a.json").write_text(json.dumps({"events": [{"message": SHORT}]}))
    bare = open_source(str(tmp_path)).search(seek())
    assert [] == list(bare)
    assert "log_format= (--log-format)" in bare.tally.refusals[0].reason
    told = open_source(str(tmp_path), Means(log_format=CUSTOM)).search(seek())
    assert [("eni-0a1", "10.0.1.10", 5432, "REJECT")] == [(r.interface, r.source, r.destination_port, r.action) for r in told]
    assert 0 == told.tally.refused


# ---------------------------------------------------------------- formats that the evidence knows

SWAPPED = "${interface-id} ${dstaddr} ${srcaddr} ${dstport} ${srcport} ${protocol} ${action} ${start} ${end} ${log-status}"
TERSE = "${srcaddr} ${dstaddr} ${action}"
DEFAULT_FORMAT = " ".join(f"${{{name}}}" for name in DEFAULT_FIELDS)
TOLD = "lines without their field names are read by the LogFormat of fl-0a1"


def flow_log(log_format: str, id: str = "fl-0a1", group: str = "/vpc/prod", account: str = "") -> Delivery:
    return Delivery(flow_log=id, scope=Scope(account=account), log_group=group, log_format=log_format)


def evidence(*logs: Delivery, path: tuple[Delivery, ...] = (), log_format: str = "") -> Means:
    """Means that know these flow logs by their log group, and those of the path."""

    def delivering(owner: str, group: str) -> tuple[Delivery, ...]:
        return tuple(log for log in logs if log.log_group == group and owner == "111122223333")

    return Means(watching=path, delivering=delivering, log_format=log_format)


def read(tmp_path: Path, text: str, known: Means, name: str = "a.json") -> tuple[list, Tally]:
    (tmp_path / name).write_text(text)
    search = open_source(str(tmp_path / name), known).search(seek())
    return list(search), search.tally


def test_a_subscription_is_read_by_the_format_of_its_log_group(tmp_path):
    """It names the group; what the format lacks the stream and the event tell. That the flow log is the same is said, once."""
    text = json.dumps(event("10.0.1.10 10.0.2.20 REJECT", "10.0.1.10 10.0.2.20 ACCEPT")) * 2
    records, tally = read(tmp_path, text, evidence(flow_log(TERSE)))
    assert [("eni-0a1", 1_700_000_000, action) for action in ("REJECT", "ACCEPT") * 2] == [
        (record.interface, record.start, record.action) for record in records
    ]
    assert ([TOLD], 0, ["a.json:1", "a.json:4"]) == (tally.notes, tally.refused, [records[0].where, records[-1].where])
    assert {"eni-0a1"} == set(tally.interfaces)


def test_lines_of_several_formats_of_a_group_are_read_each_by_its_own(tmp_path):
    """As in CloudWatch Logs itself; one that fits two that read it differently is refused."""
    both = (flow_log(CUSTOM), flow_log(DEFAULT_FORMAT, "fl-0b2"), flow_log(TERSE, "fl-0c3"))
    text = json.dumps(event(line(1), SHORT, "10.0.1.10 10.0.2.20 REJECT", line(2)))
    records, tally = read(tmp_path, text, evidence(*both))
    assert (["ACCEPT", "REJECT", "REJECT", "ACCEPT"], 0) == ([record.action for record in records], tally.refused)
    assert [f"a.json:{number}" for number in (1, 2, 3, 4)] == [record.where for record in records]
    _, tally = read(tmp_path, json.dumps(event(SHORT)), evidence(flow_log(CUSTOM), flow_log(SWAPPED, "fl-0b2")))
    assert ("fits 2 log formats that read it differently", 1) == (tally.refusals[0].reason, tally.lines)


def test_lines_of_awss_default_format_are_read_by_it_where_no_known_one_fits(tmp_path):
    """A flow log that was there before may have written them."""
    records, tally = read(tmp_path, json.dumps(event(line(1), SHORT)), evidence(flow_log(CUSTOM)))
    assert (["ACCEPT", "REJECT"], 0) == ([record.action for record in records], tally.refused)


def test_a_format_of_one_group_says_nothing_of_another(tmp_path):
    """Nor of the same name in another account, nor of lines beside a group; these are read as without it."""
    elsewhere = [event(line(1)) | {"logGroup": "/vpc/other"}, event(line(2)) | {"owner": "222233334444"}, {"message": line(3)}]
    text = "".join(map(json.dumps, (event(SHORT), *elsewhere, event(SHORT))))
    records, tally = read(tmp_path, text, evidence(flow_log(CUSTOM)))
    assert (["REJECT", *["ACCEPT"] * 3, "REJECT"], 0) == ([record.action for record in records], tally.refused)
    _, tally = read(tmp_path, json.dumps(elsewhere[0] | event(SHORT) | {"logGroup": "/vpc/other"}), evidence(flow_log(CUSTOM)))
    assert (1, []) == (tally.refused, tally.notes)


@pytest.mark.parametrize("formats", [(CUSTOM,), (TERSE, SWAPPED)])
def test_a_header_in_an_event_wins_over_the_format_of_the_group(tmp_path, formats):
    """From there on, as without the evidence."""
    logs = (flow_log(text, f"fl-0{number}") for number, text in enumerate(formats))
    records, tally = read(tmp_path, json.dumps(event(HEADER, line(1))) + json.dumps(event(line(2))), evidence(*logs))
    assert (["ACCEPT", "ACCEPT"], [], 1) == ([record.action for record in records], tally.notes, tally.headers)


def test_a_format_given_by_hand_wins_over_all_that_is_known(tmp_path):
    """And nothing is assumed."""
    other = flow_log(SWAPPED)
    known = evidence(other, path=(other,), log_format=CUSTOM)
    for name, text in (("a.json", json.dumps(event(SHORT))), ("a.log", SHORT)):
        records, tally = read(tmp_path, text, known, name)
        assert (["10.0.1.10"], []) == ([record.source for record in records], tally.notes)


@pytest.mark.parametrize("name", ["a.log", "a.json"])
def test_lines_without_a_header_are_read_by_the_one_format_of_the_path(tmp_path, name):
    """An export of a log group, or its events as the AWS CLI gives them: all flow logs of the path have one format."""
    path = (flow_log(CUSTOM), flow_log(CUSTOM, "fl-0b2", "/vpc/other"))
    text = f"{SHORT}\n{SHORT}\n" if name == "a.log" else json.dumps({"events": [{"message": SHORT}, {"message": SHORT}]})
    records, tally = read(tmp_path, text, evidence(path=path), name)
    assert (["REJECT", "REJECT"], [f"{TOLD}, fl-0b2"]) == ([record.action for record in records], tally.notes)


def test_an_export_with_times_in_front_is_read_by_it_too(tmp_path):
    """As CloudWatch Logs exports to S3."""
    exported = f"2023-11-14T22:13:20.000Z {SHORT}\n"
    records, _ = read(tmp_path, exported, evidence(path=(flow_log(CUSTOM),)), "a.log")
    assert ["REJECT"] == [record.action for record in records]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((flow_log(CUSTOM),), f"{HEADER}\n{line(1)}\n"),
        ((flow_log(CUSTOM),), f"{line(1)}\n{line(2)}\n"),
        ((flow_log(DEFAULT_FORMAT),), line(1)),
        ((flow_log(CUSTOM), flow_log(TERSE, "fl-0b2")), line(1)),
        ((flow_log("none"), flow_log("")), line(1)),
    ],
    ids=["a header", "lines of the default format", "the default format", "two formats", "no format"],
)
def test_otherwise_the_header_or_awss_default_format_is_their_layout(tmp_path, path, text):
    """And nothing more is assumed than without the evidence."""
    records, tally = read(tmp_path, text, evidence(path=path), "a.log")
    assert ({"ACCEPT"}, [], 0) == ({record.action for record in records}, tally.notes, tally.refused)


def test_a_line_that_fits_nothing_names_the_format_that_it_was_held_against(tmp_path):
    """And the way out."""
    _, tally = read(tmp_path, f"{SHORT} 1\n", evidence(path=(flow_log(CUSTOM),)), "a.log")
    assert tally.refusals[0].reason.startswith(
        "has 11 fields where the LogFormat of fl-0a1 has 10: give the flow log's LogFormat"
    )


def test_many_flow_logs_of_one_format_are_not_all_named(tmp_path):
    """Three are enough to find it."""
    path = tuple(flow_log(CUSTOM, f"fl-0{number}") for number in range(5))
    _, tally = read(tmp_path, SHORT, evidence(path=path), "a.log")
    assert ["lines without their field names are read by the LogFormat of fl-00, fl-01, fl-02 …"] == tally.notes


@pytest.mark.parametrize("place", [None, "cloudwatch:/vpc/prod"])
def test_a_format_is_of_files(place):
    """In AWS the flow log itself tells its format, so another one is refused."""
    with pytest.raises(FlowdiagError, match="log_format"):
        diagnose("web-1", "db-1", 5432, flow_logs=place, log_format=CUSTOM)


def rows(*messages: str, status: str = "Complete", name: str = "@message") -> bytes:
    """What `aws logs get-query-results` prints."""
    results = [[{"field": "@timestamp", "value": "2023-11-14 22:13:20.000"}, {"field": name, "value": m}] for m in messages]
    return json.dumps({"results": results, "statistics": {"recordsMatched": 2.0}, "status": status}, indent=4).encode()


def test_results_of_a_query_are_read():
    """People save what Logs Insights gave them: the whole line stands under @message."""
    found, tally = streamed(rows(line(1), line(2, interface="eni-0b2")))
    assert (["eni-0a1", "eni-0b2"], 2, set()) == ([r.interface for r in found], tally.lines, tally.lost)


def test_results_of_a_query_that_was_not_complete_void_silence():
    """What it would have found further on nobody knows."""
    found, tally = streamed(rows(line(1), status="Running"))
    assert (1, {"eni-0a1", "eni-0b2"}) == (len(found), tally.lost)


WITHOUT_INTERFACE = Layout.of_format("${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action}")


@pytest.mark.parametrize(
    "saved",
    [
        {"events": [{"logStreamName": "eni-0a1-all", "timestamp": 1_700_000_000_123, "message": "{}"}]},
        {"logStream": "eni-0a1-all", "logEvents": [{"timestamp": 1_700_000_000_123, "message": "{}"}]},
        {
            "results": [
                [
                    {"field": "@timestamp", "value": "2023-11-14 22:13:20.123"},
                    {"field": "@logStream", "value": "eni-0a1-all"},
                    {"field": "@message", "value": "{}"},
                ]
            ]
        },
    ],
    ids=["events", "subscription", "results"],
)
def test_a_stream_tells_the_interface_and_the_time_that_a_format_lacks(saved):
    """Whichever way the events were saved, and more than one of them."""
    lines = (f"10.0.1.10 10.0.2.20 {port} 5432 6 ACCEPT" for port in (40000, 40001))
    raw = "\n".join(json.dumps(saved).replace("{}", text) for text in lines)
    found = list(records([raw.encode()], "a.json", seek(), Tally(), WITHOUT_INTERFACE))
    assert [("eni-0a1", 1_700_000_000)] * 2 == [(record.interface, record.start) for record in found]


@pytest.mark.parametrize("time", ["", "soon", "1e999", "nan", "99999-01-01", "2023-11-14T22:13:20+99:00"])
def test_a_time_that_is_none_tells_none(time):
    """Saved results may hold anything."""
    assert second_told(time) is None


def test_results_without_the_line_are_refused():
    """A query of single fields leaves out what tells the flow."""
    found, tally = streamed(rows(line(1), name="srcAddr"))
    assert ([], 1, {"eni-0a1", "eni-0b2"}) == (found, tally.refused, tally.lost)


@pytest.mark.parametrize("array", [[line(1), line(2)], [{"message": line(1)}, {"message": line(2)}], [TWO]])
def test_an_array_is_read_one_by_one(array):
    """Of lines, of events, or of whole deliveries."""
    found, tally = streamed(json.dumps(array).encode())
    assert (2, 2, 0) == (len(found), tally.lines, tally.refused)
