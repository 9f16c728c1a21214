"""Flow log lines become records, and nothing is lost on the way."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_records import VALUES, WORD, shown

from flowdiag.logs import ALWAYS, Refused, Search, Sought, Spans, Tally, Window, open_source
from flowdiag.logs.folder import Folder
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import DEFAULT, DEFAULT_FIELDS, KNOWN, Layout
from flowdiag.model import FlowdiagError, Record

SHARED = Path(os.environ.get("FLOWDIAG_SHARED", Path(__file__).parent.parent / "../shared")) / "flow-log-samples"
needs_samples = pytest.mark.skipif(not SHARED.is_dir(), reason="the sample records are not here")

ACCEPTED = "2 111122223333 eni-0a1 10.0.1.10 10.0.2.20 49200 5432 6 3 180 1700000000 1700000060 ACCEPT OK"
NODATA = "2 111122223333 eni-0b2 - - - - - - - 1700000000 1700000060 - NODATA"
SKIPDATA = "2 111122223333 eni-0b2 - - - - - - - 1700000000 1700000060 - SKIPDATA"
HEADER = " ".join(DEFAULT_FIELDS)
BOTH = frozenset((ip_address("10.0.1.10"), ip_address("10.0.2.20")))


ENIS = frozenset(("eni-0a1", "eni-0b2"))


def read(text: str | bytes, addresses=BOTH, window=ALWAYS, layout=None, interfaces=ENIS) -> tuple[list[Record], Tally]:
    """The records of a text, and the tally."""
    tally = Tally()
    sought = Sought(addresses=addresses, interfaces=interfaces, window=window)
    lines = (text.encode() if isinstance(text, str) else text).split(b"\n")
    return list(Lines("a.log", sought, tally, layout).read(lines)), tally


def accounted(tally: Tally) -> int:
    """The sum that has to be the number of lines."""
    return tally.records + tally.refused + tally.headers + tally.blank + tally.other_kinds


def searched(folder: Path, addresses=BOTH, window=ALWAYS) -> tuple[list[Record], Tally]:
    """The records of a folder, and the tally."""
    search: Search = Folder(folder).search(Sought(addresses=addresses, window=window))
    return list(search), search.tally


# ---------------------------------------------------------------- one line


def test_default_layout():
    """Without a header a line has the 14 fields of the default format."""
    records, _ = read(ACCEPTED)
    expected = Record(
        interface="eni-0a1", source="10.0.1.10", destination="10.0.2.20", source_port=49200, destination_port=5432,
        protocol=6, packets=3, bytes=180, start=1700000000, end=1700000060, action="ACCEPT", status="OK",
        more={"version": "2", "account-id": "111122223333"}, where="a.log:1", line=ACCEPTED,
    )  # fmt: skip
    assert [expected] == records


def test_layout_comes_from_the_header_not_the_version():
    """A header line decides the order of the fields, whatever number the version field has."""
    records, _ = read("dstaddr srcaddr version action\n10.0.2.20 10.0.1.10 2 REJECT")
    assert [("10.0.1.10", "10.0.2.20", "REJECT")] == [(r.source, r.destination, r.action) for r in records]


def test_a_second_header_changes_the_layout():
    """Files that were joined have a header in the middle, which counts from there on."""
    records, tally = read(f"{HEADER}\n{ACCEPTED}\naction srcaddr dstaddr\nREJECT 10.0.1.10 10.0.2.20")
    assert (["ACCEPT", "REJECT"], 2) == ([r.action for r in records], tally.headers)


def test_log_format_string():
    """The LogFormat of a flow log is a layout too, and a line that has another number of fields does not fit it."""
    layout = Layout.of_format("${srcaddr} ${dstaddr} ${pkt-srcaddr} ${tcp-flags}")
    record = layout.record(b"10.0.1.10 10.0.2.20 10.0.1.11 18", "x:1")
    assert isinstance(record, Record)
    assert ("10.0.1.11", 18) == (record.packet_source, record.tcp_flags)
    assert isinstance(layout.record(b"10.0.1.10 10.0.2.20 10.0.1.11", "x:1"), Refused)


def test_log_format_without_fields_is_an_error():
    """A LogFormat that names no field says so, with the way out."""
    with pytest.raises(FlowdiagError, match="give it as AWS shows it"):
        Layout.of_format("${}")


def test_underscores_and_hyphens_are_one_name():
    """Athena and Parquet write `pkt_srcaddr`, the log format `pkt-srcaddr`."""
    assert Layout.of_header("pkt-srcaddr srcaddr") == Layout.of_header("pkt_srcaddr SRCADDR")


def test_unknown_fields_are_kept_by_name():
    """A field of a later version is no error, and its value is kept."""
    records, _ = read("srcaddr dstaddr colour-of-packet\n10.0.1.10 10.0.2.20 mauve")
    assert {"colour-of-packet": "mauve"} == records[0].more


def test_runs_of_white_space_separate_fields():
    """AWS's own sample lines hold a double space in places."""
    records, _ = read(ACCEPTED.replace(" 5432 ", "   5432\t") + "\r")
    assert 5432 == records[0].destination_port


def test_dash_is_no_value():
    """`-` is the absence of a value, not a text."""
    records, _ = read("srcaddr dstaddr dstport tcp-flags reject-reason\n10.0.1.10 10.0.2.20 - - -")
    assert (None, None, "") == (records[0].destination_port, records[0].tcp_flags, records[0].reject_reason)


def test_milliseconds_become_seconds():
    """Some deliveries write start and end in milliseconds."""
    records, _ = read(ACCEPTED.replace("1700000000", "1700000000123"))
    assert 1700000000 == records[0].start


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (ACCEPTED + " surplus", "has 15 fields"),
        (ACCEPTED.removesuffix(" OK"), "has 13 fields"),
        (ACCEPTED.replace("5432", "postgres"), "dstport is 'postgres', not a port"),
        (ACCEPTED.replace("ACCEPT", "MAYBE"), "action is 'MAYBE', not ACCEPT or REJECT"),
        (ACCEPTED.replace("10.0.1.10", "web-1"), "srcaddr is 'web-1', not an address"),
        ('{"not": "a flow log"}', "is JSON without"),
        ("{", "is JSON without"),
    ],
)
def test_refusal_names_line_and_reason(line, reason):
    """A line that is no record is counted and named with its place and the reason."""
    _, tally = read(f"{HEADER}\n{line}")
    assert (1, "a.log:2") == (tally.refused, tally.refusals[0].where)
    assert reason in tally.refusals[0].reason


def test_headless_file_that_does_not_fit_says_what_to_do():
    """Where the layout was only assumed, the refusal asks for the header line."""
    _, tally = read("3 eni-0a1 10.0.1.10 10.0.2.20 ACCEPT")
    assert "give the flow log's LogFormat with log_format= (--log-format)" in tally.refusals[0].reason


def test_only_the_first_refusals_are_kept_and_all_are_counted():
    """A broken file does not fill the memory, and of one reason one line is told."""
    _, tally = read("\n".join("word " * (number // 10 + 1) for number in range(100)) + "\n\n")
    assert (100, 5, 2) == (tally.refused, len(tally.refusals), tally.blank)
    assert ["a.log:1", "a.log:11"] == [refusal.where for refusal in tally.refusals[:2]]


@pytest.mark.parametrize(
    ("torn", "lost"),
    [
        pytest.param("2 111122223333 eni-0b2 10.0.1.10 10.0.2.20 49200", {"eni-0b2"}, id="it names one"),
        pytest.param("2 111122223333 eni-0b", {"eni-0b2"}, id="it breaks off in the name"),
        pytest.param("2 111122223333 eni-0b2f 10.0.1.10 10.0.2.20 49200", set(), id="it names another"),
        pytest.param("10.0.1.10 10.0.2.20 49200 5432 REJECT", {"eni-0a1", "eni-0b2"}, id="it names none"),
    ],
)
def test_a_line_that_cannot_be_read_voids_the_silence_of_those_it_may_be_of(torn, lost):
    """What it says nobody knows: the interfaces that it names, or all where it names none, count as unseen."""
    _, tally = read(f"{ACCEPTED}\n{ACCEPTED.replace('eni-0a1', 'eni-0b2')}\n{torn}")
    assert (lost, {"eni-0a1", "eni-0b2"} - lost) == (tally.lost, set(tally.interfaces))
    assert tally.lines == accounted(tally)


def test_a_log_format_in_front_of_the_lines_is_a_header():
    """As AWS shows it, in dollars and braces."""
    records, tally = read("${interface-id} ${srcaddr} ${dstaddr} ${action}\neni-0a1 10.0.1.10 10.0.2.20 REJECT")
    assert (["REJECT"], 1, 0) == ([r.action for r in records], tally.headers, tally.refused)


def test_transit_gateway_records_are_another_kind():
    """A transit gateway's record in the same file is counted as such and is no error."""
    text = f"{ACCEPTED}\n6 TransitGateway 111122223333 tgw-1\n{HEADER.replace('interface-id', 'tgw-id')}\n{ACCEPTED}"
    records, tally = read(text)
    assert ["", "eni-0a1"] == [r.gateway for r in records]
    assert (2, 0, 1) == (tally.other_kinds, tally.refused, tally.headers)


@pytest.mark.parametrize("wrap", [lambda line: json.dumps({"message": line}), lambda line: f"2023-11-14T22:13:20.000Z {line}"])
def test_wrapped_lines(wrap):
    """Firehose wraps a line in JSON, an export of CloudWatch Logs puts its time before it."""
    records, tally = read(wrap(ACCEPTED))
    assert (["eni-0a1"], 0) == ([r.interface for r in records], tally.refused)


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize("other", ["10.0.1.1", "110.0.1.10", "10.0.1.100"])
def test_an_address_is_found_whole(other):
    """10.0.1.1 is not found in 10.0.1.10."""
    records, tally = read(ACCEPTED, addresses=frozenset((ip_address(other),)))
    assert ([], 1) == (records, tally.records)


def test_packet_level_addresses_are_found():
    """A secondary address stands in pkt-dstaddr only."""
    text = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr\neni-0b2 10.9.9.9 10.0.2.5 10.9.9.9 10.0.2.20"
    assert 1 == len(read(text)[0])


def test_ipv6_is_found_however_it_is_written():
    """The long form of an IPv6 address is the same address."""
    line = ACCEPTED.replace("10.0.1.10", "2001:DB8:0:0:0:0:0:1").replace("10.0.2.20", "2001:db8::2")
    assert 1 == len(read(line, addresses=frozenset((ip_address("2001:db8::1"),)))[0])
    assert 0 == len(read(line, addresses=frozenset((ip_address("2001:db8::3"),)))[0])


ALIKE = [
    ip_address(text) for text in ("10.0.1.1", "10.0.1.10", "10.0.1.100", "0.0.1.1", "2001:db8::5", "2001:db8::55", "2001:db8:5::")
]


@given(st.sets(st.sampled_from(ALIKE), min_size=1))
def test_an_address_hides_none_that_it_is_a_part_of(tmp_path_factory, sought):
    """Each of those sought is found, whichever others are sought with it; the format has no interface that would tell."""
    lines = [f"{one} 192.0.2.{n} {n} 443 ACCEPT" for n, one in enumerate(ALIKE)]
    folder = tmp_path_factory.mktemp("alike")
    (folder / "a.log").write_text("\n".join(("srcaddr dstaddr srcport dstport action", *lines)))
    records, _ = searched(folder, frozenset(sought))
    assert {str(one) for one in sought} == {record.source for record in records}


def test_coverage_counts_every_line_of_an_interface():
    """NODATA covers an interface, SKIPDATA says that silence proves nothing."""
    _, tally = read(f"{ACCEPTED}\n{NODATA}\n{SKIPDATA}")
    assert {"eni-0a1": 0, "eni-0b2": 1} == {id: c.skips for id, c in tally.interfaces.items()}
    assert [(1700000000, 1700000060)] == list(tally.interfaces["eni-0b2"].spans)


@pytest.mark.parametrize(("bound", "within", "beyond"), [("start", 1700000060, 1700000061), ("end", 1699999940, 1699999939)])
def test_a_window_keeps_what_may_be_of_it(bound, within, beyond):
    """A record shows its packets up to a minute late and never early; what lies further out neither counts nor covers."""
    near, far = (Window(**{bound: datetime.fromtimestamp(second, UTC)}) for second in (within, beyond))
    assert 1 == len(read(ACCEPTED, window=near)[0])
    records, tally = read(ACCEPTED, window=far)
    assert ([], {}, 1) == (records, tally.interfaces, tally.outside)


def test_records_without_times_do_not_count_in_a_bounded_window():
    """A layout without start and end cannot be placed in time, so it proves nothing about one, and is not out of it either."""
    text = "interface-id srcaddr dstaddr\neni-0a1 10.0.1.10 10.0.2.20"
    assert 1 == len(read(text)[0])
    records, tally = read(text, window=Window(end=datetime(2026, 11, 20, tzinfo=UTC)))
    assert ([], 1, 0, None) == (records, tally.untimed, tally.outside, tally.outside_times)
    assert ([True], [[]]) == ([c.undated for c in tally.interfaces.values()], [list(c.spans) for c in tally.interfaces.values()])


@given(st.lists(st.tuples(st.integers(5, 50), st.integers(-5, 5)), max_size=12), st.integers(0, 55), st.integers(0, 5))
def test_spans_hold_what_was_added(stretches, start, length):
    """Merged stretches touch a question if one of them, widened by one aggregation interval, does; order is irrelevant. Of one
    that ends before it starts only the two moments count."""
    spans, backwards = Spans(), Spans()
    minutes = [(first * 1000, (first + more) * 1000) for first, more in stretches]
    for stretch in minutes:
        spans.add(*stretch)
    for stretch in reversed(minutes):
        backwards.add(*stretch)
    asked = (start * 1000, (start + length) * 1000)
    told = [pair for first, last in minutes for pair in ([(first, last)] if first <= last else [(first,) * 2, (last,) * 2])]
    assert any(first <= asked[1] and asked[0] <= last for first, last in told) == spans.touch(*asked)
    assert list(spans) == list(backwards)


# ---------------------------------------------------------------- files


def test_folder_reads_plain_and_packed_files_below_it(tmp_path):
    """`.log`, `.txt` and `.gz` in any depth are read in the order of their paths, also where one is packed several times."""
    (tmp_path / "day").mkdir()
    (tmp_path / "a.txt").write_text(f"\ufeff{HEADER}\r\n{ACCEPTED}\r\n")
    (tmp_path / "day" / "b.log.gz").write_bytes(gzip.compress(ACCEPTED.encode() + b"\n") + gzip.compress(NODATA.encode()))
    (tmp_path / "notes.md").write_text("not a log")
    records, tally = searched(tmp_path)
    assert (["a.txt:2", "day/b.log.gz:1"], ["a.txt", "day/b.log.gz"]) == ([r.where for r in records], tally.files)
    assert (4, 4, 0) == (tally.lines, accounted(tally), tally.refused)


def test_single_file_of_any_name(tmp_path):
    """A file given by hand is read whatever it is called, packed or not."""
    (tmp_path / "evidence").write_bytes(gzip.compress(ACCEPTED.encode()))
    source = open_source(str(tmp_path / "evidence"))
    assert 1 == len(list(source.search(Sought(addresses=BOTH))))


def test_torn_gzip_is_used_as_far_as_it_goes(tmp_path):
    """What can be read of a torn file is used, the torn line is refused and the tear named."""
    lines = "".join(ACCEPTED.replace("49200", str(port)) + "\n" for port in range(20000, 40000, 7))
    packed = gzip.compress(lines.encode())
    (tmp_path / "torn.log.gz").write_bytes(packed[: len(packed) // 2])
    records, tally = searched(tmp_path)
    assert 0 < len(records) < lines.count("\n")
    assert lines.split("\n")[: len(records)] == [r.line for r in records]
    assert (1, True) == (len(tally.notes), "torn.log.gz could not be read to its end" in tally.notes[0])
    assert tally.lines == accounted(tally)


@pytest.mark.parametrize("spoil", [lambda b: b[:-4], lambda b: b[:30] + b"\xff" * 40 + b[70:], lambda b: b[:5]])
def test_any_broken_gzip_is_named(tmp_path, spoil):
    """A wrong byte or a missing end is a note, never an exception."""
    (tmp_path / "bad.gz").write_bytes(spoil(gzip.compress((ACCEPTED + "\n").encode() * 50)))
    _, tally = searched(tmp_path)
    assert (1, tally.lines) == (len(tally.notes), accounted(tally))


def test_nothing_to_read_is_an_error(tmp_path):
    """A place that does not exist and a folder without logs are told apart from a silent log."""
    with pytest.raises(FlowdiagError, match="no such file or folder"):
        open_source(str(tmp_path / "absent"))
    with pytest.raises(FlowdiagError, match="no such file or folder"):
        Folder(tmp_path / "absent")
    with pytest.raises(FlowdiagError, match="no file ends in"):
        Folder(tmp_path)


def test_log_format_for_files_without_header(tmp_path):
    """A LogFormat given by hand reads a file that has no header line."""
    (tmp_path / "x.log").write_text("REJECT 10.0.1.10 10.0.2.20\n")
    search = Folder(tmp_path, log_format="${action} ${srcaddr} ${dstaddr}").search(Sought(addresses=BOTH))
    assert ["REJECT"] == [r.action for r in search]


# ---------------------------------------------------------------- laws


@given(st.data(), st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, max_size=30, unique=True))
def test_any_format_and_record_come_back(data, names):
    """A record written in any format is read back field by field."""
    texts = {name: data.draw(VALUES.get(name, WORD), label=name) for name in names}
    layout = Layout.of_format(" ".join(f"${{{name}}}" for name in names))
    record = layout.record(" ".join(texts.values()).encode(), "x:1")
    assert isinstance(record, Record)
    assert texts == shown(record, names)


LINES = [ACCEPTED, NODATA, SKIPDATA, HEADER, "", "x y", "{", "6 TransitGateway 1", "action srcaddr"]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40)))
def test_every_line_is_counted_once(lines):
    """Records, refused, headers, blank lines and other kinds add up to the lines."""
    text = "\n".join(line.replace("\n", " ") for line in lines)
    _, tally = read(text.encode("utf-8", "surrogatepass"))
    assert text.count("\n") + 1 == tally.lines == accounted(tally)


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw):
    """Whatever a file holds, reading it raises nothing."""
    _, tally = read(raw)
    assert tally.lines == accounted(tally)


# ---------------------------------------------------------------- AWS's own examples

EXAMPLES = json.loads((SHARED / "aws-docs" / "examples.json").read_text())["records"] if SHARED.is_dir() else []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["section"] + ": " + e["record"][:60])
def test_documented_example(example):
    """Every example record of the user guide is read by its own field list."""
    layout = Layout(tuple(example["fields"]))
    record = layout.record(example["record"].encode(), "guide:1")
    assert isinstance(record, Record), record
    assert example["parsed"] == shown(record, example["fields"])


@needs_samples
@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.log")), ids=lambda p: p.name)
def test_sample_files_are_read_whole(path):
    """No line of the sample files is refused; the header decides the layout."""
    search = Folder(path).search(Sought())
    list(search)
    assert (0, 1, search.tally.lines) == (search.tally.refused, search.tally.headers, accounted(search.tally))


def test_default_layout_is_assumed():
    """The 14 fields of the default format stand in where neither header nor LogFormat is there."""
    assert (DEFAULT_FIELDS, "default format") == (DEFAULT.fields, DEFAULT.assumed)


def test_a_line_of_another_version_is_not_of_the_default_format(tmp_path):
    """It has as many fields, and one of them is another one: what its numbers mean nobody can tell."""
    log = tmp_path / "flow.log"
    good = "2 111122223333 eni-0a1 10.0.1.10 10.0.2.20 49200 5432 6 1 60 1700000000 1700000050 ACCEPT OK"
    log.write_text("\n".join((good, "3" + good[1:])))
    search = Folder(log).search(Sought(addresses=frozenset((ip_address("10.0.1.10"),))))
    assert (1, 1) == (len(list(search)), search.tally.refused)
    assert search.tally.refusals[0].reason.startswith("version is '3', not 2")


@pytest.mark.parametrize(
    "odd", ['{"a":' * 10_000, '{"a":' + "[" * 60_000, '{"message": "\\ud800 x"}'], ids=["objects", "lists", "surrogate"]
)
def test_json_that_no_parser_takes_is_a_line_that_cannot_be_read(tmp_path, odd):
    """Nested without end, or with half a character: it is refused like any other line, and the others are read."""
    log = tmp_path / "flow.log"
    good = "2 111122223333 eni-0a1 10.0.1.10 10.0.2.20 49200 5432 6 1 60 1700000000 1700000050 ACCEPT OK"
    log.write_text("\n".join((good, odd, good)))
    search = Folder(log).search(Sought(addresses=frozenset((ip_address("10.0.1.10"),))))
    assert (2, 1) == (len(list(search)), search.tally.refused)
