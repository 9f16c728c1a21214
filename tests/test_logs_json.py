"""Flow log lines in JSON: subscriptions of CloudWatch Logs, what Firehose writes, what the AWS CLI prints."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import SHARED
from world_records import HEADER, accounted, cut, line, seek

from flowdiag import FlowdiagError, diagnose
from flowdiag.logs import Means, Tally, open_source
from flowdiag.logs import _wrapped as wrapped
from flowdiag.logs._stream import records

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
    ],
    ids=["firehose", "lines", "indented", "mark", "wrapped", "cli", "line ends"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda raw: gzip.compress(gzip.compress(raw))])
def test_every_form_gives_the_same_records(raw, pack):
    """One object after another, with line ends between or without, indented, packed: the lines in them are read."""
    found, tally = streamed(pack(raw.encode()))
    assert [line(1), line(2, interface="eni-0b2"), line(3)] == [r.line for r in found]
    assert (3, 3, 0, []) == (tally.lines, tally.records, tally.refused, tally.notes)
    assert {"eni-0a1", "eni-0b2"} == set(tally.interfaces)


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
    monkeypatch.setattr(wrapped, "LARGEST_OBJECT", 10_000)
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


def test_results_without_the_line_are_refused():
    """A query of single fields leaves out what tells the flow."""
    found, tally = streamed(rows(line(1), name="srcAddr"))
    assert ([], 1, {"eni-0a1", "eni-0b2"}) == (found, tally.refused, tally.lost)


@pytest.mark.parametrize("array", [[line(1), line(2)], [{"message": line(1)}, {"message": line(2)}], [TWO]])
def test_an_array_is_read_one_by_one(array):
    """Of lines, of events, or of whole deliveries."""
    found, tally = streamed(json.dumps(array).encode())
    assert (2, 2, 0) == (len(found), tally.lines, tally.refused)
