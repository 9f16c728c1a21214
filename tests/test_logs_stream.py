"""Blocks of text are searched for what matters; what is found is what reading every line finds."""

from __future__ import annotations

import bz2
import gzip
import json
import zlib
from datetime import UTC, datetime
from ipaddress import ip_address
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_records import HEADER, accounted, covered, cut, foreign, line, seek

from flowdiag.logs import ALWAYS, Tally, Window, _block, _needle
from flowdiag.logs._block import LONGEST_LINE
from flowdiag.logs._stream import records
from flowdiag.logs._unpack import Text, engine
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError

NODATA = "2 111122223333 eni-0b2 - - - - - - - 1700000000 1700000060 - NODATA"
SKIPDATA = NODATA.replace("NODATA", "SKIPDATA")
GATEWAY = (
    "6 TransitGateway 111122223333 tgw-1 tgw-attach-1 111122223333 111122223333 vpc-1 vpc-2 subnet-1 subnet-2 eni-1 eni-2 "
    "use1-az1 use1-az2 tgw-attach-2 10.0.1.10 10.0.2.20 40000 5432 6 3 180 1700000000 1700000050 OK IPv4 3 0 0 0 2 "
    "us-east-1 egress - -"
)
ODD = [
    line(), line(1, action="REJECT"), line(2, "10.0.1.100", "110.0.2.20"), line(3, interface="eni-0b2"), NODATA, SKIPDATA, HEADER,
    GATEWAY, "", "x y", "{", "6 TransitGateway 1", "action srcaddr", line(4).replace(" ", "  "), line(5).replace(" ", "\t"),
    line(6, "2001:db8::a", "2001:DB8:0:0:0:0:0:B"), line(7) + "\r", line(8) + " surplus", json.dumps({"message": line(9)}),
    "2023-11-14T22:13:20.000Z " + line(10), line(11, interface="eni-0d9"), line(12, interface="-"), line(16) + "\0",
    foreign(1) + "\0", line(13, "10.9.9.9", "10.8.8.8"), line(14, "10.9.9.9", "10.8.8.8", "eni-0b2"),
    line(15, interface="eni-0a12"),
]  # fmt: skip


def streamed(text: str | bytes, sought=None, sizes=(), **options) -> tuple[list, Tally]:
    """The records of a stream, and the tally."""
    tally = Tally()
    raw = text.encode() if isinstance(text, str) else text
    return list(records(cut(raw, sizes), "a.log", sought or seek(), tally, **options)), tally


def by_line(text: str, sought) -> tuple[list, Tally]:
    """The same, with every line looked at."""
    tally = Tally()
    return list(Lines("a.log", sought, tally).read(text.encode().split(b"\n"))), tally


# ---------------------------------------------------------------- blocks


@given(
    st.lists(st.sampled_from(ODD) | st.integers(0, 5000).map(foreign), min_size=1, max_size=60),
    st.lists(st.integers(1, 900), max_size=8),
    st.sampled_from([(1, ""), (16, HEADER), (16, GATEWAY)]),
    st.sampled_from([("10.0.1.10",), ("10.0.1.10", "10.0.2.20"), ("2001:db8::b", "10.0.1.10"), ()]),
    st.sampled_from([(), ("eni-0a1",), ("eni-0a1", "eni-0b2")]),
    st.sampled_from([500, 900, 2000, 1 << 19]),
)
def test_blocks_give_what_lines_give(lines, sizes, closely, addresses, interfaces, buffer):
    """However a text is cut, the records and the coverage are those of reading it line by line, and every line is counted.

    One thing is left to blocks that are looked at closely: a transit gateway's line behind a header that tells interfaces.
    """
    every, left_out = closely
    text, sought = "\n".join([line(), *(text for text in lines if text != left_out)]), seek(addresses, interfaces)
    expected, whole = by_line(text, sought)
    with patch.object(_block, "SIZE", buffer), patch.object(_block, "LONGEST_LINE", 450):
        found, tally = streamed(text, sought, sizes, every=every)
    assert expected == found
    assert {id: list(c.spans) for id, c in whole.interfaces.items()} == {id: list(c.spans) for id, c in tally.interfaces.items()}
    assert {id: c.skips for id, c in whole.interfaces.items()} == {id: c.skips for id, c in tally.interfaces.items()}
    assert (bool(whole.accepts), bool(whole.rejects)) == (bool(tally.accepts), bool(tally.rejects))
    assert len(text.removesuffix("\n").split("\n")) == tally.lines == accounted(tally)


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=5))
def test_no_stream_raises(raw, sizes):
    """Whatever comes, reading it raises nothing and counts each line."""
    _, tally = streamed(raw, None, sizes)
    assert tally.lines == accounted(tally)


def test_lines_of_others_are_passed_over_and_counted():
    """What names nothing sought is a record that was not taken apart."""
    text = "\n".join([HEADER, *map(foreign, range(5000)), line(), ""])
    found, tally = streamed(text, None, [20_000] * 20)
    assert (["a.log:5002"], 5002, 5001, 1) == ([r.where for r in found], tally.lines, tally.records, tally.headers)
    assert 4900 < tally.passed < 5001


@pytest.mark.parametrize("torn", ["2 111122223333 eni-0c1 10.9.9.9", foreign(1) + " surplus", "no record at all here"])
def test_a_malformed_line_among_those_of_others_is_noticed(torn):
    """The number of separators of a block tells that a line in it is none, and which one is then found."""
    lines = [HEADER, *map(foreign, range(4000))]
    lines[3000] = torn
    _, tally = streamed("\n".join(lines), None, [16_384] * 20)
    assert (1, "a.log:3001") == (tally.refused, tally.refusals[0].where)


@pytest.mark.parametrize("place", [3000, 17_777, 33_500])
def test_a_large_archive_is_looked_at_in_a_sixteenth_of_every_block(place):
    """There a single malformed line may be passed over: it is counted as passed. A stretch of them longer than a block is
    noticed wherever it stands.
    """
    lines = [HEADER, *map(foreign, range(40_000))]
    lines[place] = "torn"
    _, once = streamed("\n".join(lines), None, [4096] * 1200, every=16)
    assert (40_001, 40_000) == (once.lines, once.records + once.refused)
    lines[place : place + 6000] = ["other text"] * 6000
    _, often = streamed("\n".join(lines), None, [4096] * 1200, every=16)
    assert 6000 - 2 * 4096 // len("other text\n") < often.refused <= 6000
    assert often.lines == accounted(often)


def test_every_part_of_a_block_has_its_turn_and_then_all_of_the_next():
    """A line malformed in the same place of every block is noticed after sixteen, and from there on each time."""
    lines = [HEADER, *map(foreign, range(32_000))]
    lines[421::320] = [lines[421].replace(" ", "_")] * 99
    width = sum(len(text) + 1 for text in lines[1:321])
    _, tally = streamed("\n".join(lines), None, [len(HEADER) + 1 + width, *[width] * 99], every=16)
    assert 99 - 16 <= tally.refused <= 99
    assert tally.lines == accounted(tally)


def test_zero_bytes_hide_nothing():
    """The C library's search ends at one; what stands behind it is found all the same."""
    lines = [HEADER, *map(foreign, range(900)), line(1, "10.9.9.9", "10.8.8.8", "eni-0c\0"), *map(foreign, range(900)), line(2)]
    found, tally = streamed("\n".join([*lines, ""]))
    assert (["a.log:1803"], 1803, 0) == ([r.where for r in found], tally.lines, tally.refused)
    assert tally.passed > 1700


def test_a_header_in_the_middle_counts_from_there_on():
    """Files that were joined change their layout, in a block of other hosts' lines too."""
    text = "\n".join(
        [HEADER, *map(foreign, range(900)), "action dstaddr srcaddr", "REJECT 10.0.2.20 10.0.1.10", "REJECT 10.9.9.9 -"]
    )
    found, tally = streamed(text)
    assert ([("10.0.1.10", "REJECT")], 2, 0) == ([(r.source, r.action) for r in found], tally.headers, tally.refused)


def test_a_layout_that_ends_in_an_address_is_found():
    """An address at either end of a line has a separator on one side only."""
    text = "\n".join(
        ["srcaddr action dstaddr", *["10.9.9.9 ACCEPT 10.8.8.8"] * 50, "10.0.1.10 ACCEPT 10.7.7.7", "10.6.6.6 REJECT 10.0.2.20"]
    )
    found, _ = streamed(text)
    assert ["ACCEPT", "REJECT"] == [r.action for r in found]


def test_both_kinds_of_traffic_are_noticed_in_lines_of_others():
    """Whether a flow log keeps ACCEPT and REJECT is seen on every interface of it."""
    lines = [HEADER, line(), *map(foreign, range(2000)), foreign(1).replace("ACCEPT", "REJECT"), ""]
    _, tally = streamed("\n".join(lines), None, [30_000] * 8)
    assert (True, True) == (tally.accepts > 0, tally.rejects > 0)
    _, tally = streamed("\n".join(lines[:-2]))
    assert (True, 0) == (tally.accepts > 0, tally.rejects)


def test_a_line_that_never_ends_does_not_fill_the_memory():
    """A file without line ends is one line that is refused, of which only the beginning is kept."""
    found, tally = streamed(b"1 " * LONGEST_LINE, None, [9999] * 12)
    assert ([], 1, 1) == (found, tally.lines, tally.refused)


def test_what_stands_behind_a_very_long_line_is_found():
    """A line may be longer than the buffer."""
    found, tally = streamed("\n".join([HEADER, line(1), "x" * 3 * _block.SIZE, *map(foreign, range(30)), line(2)]))
    assert (["a.log:2", "a.log:34"], 34, 1) == ([r.where for r in found], tally.lines, tally.refused)


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:db8::a:0:0", "2001:db8:0:1:2:3:4:abcd", "2001:db8::", "2001:db8::f0"])
@pytest.mark.parametrize("write", [str, lambda a: a.exploded, lambda a: str(a).upper(), lambda a: a.exploded.upper()])
def test_ipv6_is_found_however_it_is_written(address, write):
    """Short, long, in capitals: it is the same address, and another one is not."""
    text = "\n".join([HEADER, *map(foreign, range(30)), line(0, write(ip_address(address))), line(1, "2001:db8::77"), ""])
    found, _ = streamed(text, seek([address], ()))
    assert [f"{HEADER}\n".count("\n") + 31] == [int(r.where.split(":")[1]) for r in found]


def test_the_search_of_python_finds_what_that_of_c_finds():
    """Where the C library has no search, Python's own stands in."""
    text = "\n".join([HEADER, *(line(n) if n % 7 else foreign(n) for n in range(500)), ""])
    expected, tally = streamed(text, None, [5000] * 6)
    with patch.object(_needle, "_c_search", return_value=None):
        found, again = streamed(text, None, [5000] * 6)
    assert (expected, tally.passed, tally.records) == (found, again.passed, again.records)
    assert 428 == len(expected)


# ---------------------------------------------------------------- transit gateways


def test_a_transit_gateways_record_tells_its_attachment_and_what_was_lost():
    """It has neither interface nor action; its attachment tells it apart."""
    found, tally = streamed(f"{HEADER}\n{line()}\n{GATEWAY}\n")
    assert [("", "eni-0a1"), ("tgw-attach-1", "")] == [(r.gateway, r.interface) for r in found]
    lost = {name: value for name, value in found[1].more.items() if name.startswith("packets-lost")}
    assert {
        "packets-lost-no-route": "3",
        "packets-lost-blackhole": "0",
        "packets-lost-mtu-exceeded": "0",
        "packets-lost-ttl-expired": "0",
    } == lost
    assert (1, 1, "", 2) == (tally.records, tally.other_kinds, found[1].action, found[1].tcp_flags)


def test_a_custom_format_of_a_transit_gateway_is_read_by_its_header():
    """Its lines are counted as another kind, passed over or not."""
    other = "tgw-attach-2 10.9.9.9 10.8.8.8 0"
    text = "\n".join(
        ["tgw-attachment-id srcaddr dstaddr packets-lost-blackhole", *[other] * 300, "tgw-attach-1 10.0.1.10 10.0.2.20 7", ""]
    )
    found, tally = streamed(text)
    assert [("tgw-attach-1", "7")] == [(r.gateway, r.more["packets-lost-blackhole"]) for r in found]
    assert (0, 301, True) == (tally.records, tally.other_kinds, tally.passed > 200)


# ---------------------------------------------------------------- packed, torn, foreign

LINES = "\n".join([HEADER, *(foreign(n) if n % 100 else line(n) for n in range(20_000)), ""]).encode()


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("size", [1, 100, 16_384, 1 << 20])
def test_packed_streams_of_any_chunks(small, size):
    """By zlib or the engine of the extra, in any chunks, several members, packed twice: the same records."""
    expected, whole = streamed(LINES)
    members = gzip.compress(LINES[:300_000]) + gzip.compress(b"") + gzip.compress(LINES[300_000:])
    pieces = [members[at : at + size] for at in range(0, len(members), size)]
    tally = Tally()
    assert expected == list(records(pieces, "a.log", seek(), tally, small=small))
    assert (whole.lines, whole.lines, []) == (tally.lines, accounted(tally), tally.notes)
    assert expected == streamed(gzip.compress(members), small=small)[0]


@pytest.mark.parametrize("unpacker", [zlib, engine()])
@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b[:-4], lambda b: b[:5000] + b"\xff" * 40 + b[5040:]])
def test_a_torn_stream_voids_silence(unpacker, spoil):
    """What stands before the tear is used; nobody can say what stood behind it, so no interface counts as covered."""
    with patch("flowdiag.logs._stream.engine", return_value=unpacker):
        found, tally = streamed(spoil(gzip.compress(LINES, 1)))
    assert [r.line for r in streamed(LINES)[0]][: len(found)] == [r.line for r in found]
    assert (1, {"eni-0a1", "eni-0b2"}, {}) == (len(tally.notes), tally.lost, tally.interfaces)
    assert "a.log could not be read to its end" in tally.notes[0]
    assert tally.lines == accounted(tally)


@pytest.mark.parametrize("unpacker", [zlib, engine()])
@pytest.mark.parametrize("cut_off", [1, 4, 9, 5000, 100_000])
def test_all_that_stands_before_a_tear_is_used(unpacker, cut_off):
    """Whichever engine unpacks, and however the stream is cut into chunks."""
    packed = gzip.compress(LINES, 1)[:-cut_off]
    whole = zlib.decompressobj(wbits=31).decompress(packed)
    expected, read = streamed(whole)
    for size in (1000, 1 << 22):
        with patch("flowdiag.logs._stream.engine", return_value=unpacker):
            found, tally = streamed(packed, None, [size] * (len(packed) // size))
        whole_lines = whole.count(b"\n")
        assert [r.line for r in expected if int(r.where.split(":")[1]) <= whole_lines] == [r.line for r in found]
        assert (read.lines, 1) == (tally.lines, len(tally.notes))


@pytest.mark.parametrize("unpacker", [zlib, engine()])
def test_zero_bytes_behind_a_member_are_no_tear(unpacker):
    """Some tools fill a file up with them; other bytes are something that cannot be read."""
    members = gzip.compress(LINES[:300_000]) + bytes(700) + gzip.compress(LINES[300_000:]) + bytes(512)
    with patch("flowdiag.logs._stream.engine", return_value=unpacker):
        found, tally = streamed(members, None, [5000] * 200)
        _, torn = streamed(members + b"surplus")
    assert (streamed(LINES)[0], []) == (found, tally.notes)
    assert (tally.lines, 1) == (torn.lines, len(torn.notes))


@pytest.mark.parametrize("unpacker", [zlib, engine()])
def test_a_bomb_is_unpacked_piece_by_piece(unpacker):
    """A small file that unpacks to much is read in pieces of bounded size."""
    packed = gzip.compress(b"a" * (1 << 25))
    assert max(map(len, Text([packed], unpacker))) <= 1 << 20
    _, tally = streamed(packed)
    assert (1, 1) == (tally.lines, tally.refused)


@pytest.mark.parametrize(
    ("raw", "named"), [(bz2.compress(LINES), "bzip2"), (b"PAR1....PAR1", "Parquet"), (b"PK\x03\x04" + LINES, "zip")]
)
def test_other_packings_are_named(raw, named):
    """A stream that is packed in a way not read says so, and voids silence."""
    found, tally = streamed(raw)
    assert ([], 1, True) == (found, len(tally.notes), named in tally.notes[0])
    assert {"eni-0a1", "eni-0b2"} == tally.lost


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("size", [7, 1 << 16])
def test_texts_of_other_encodings_are_told_by_their_byte_order_mark(encoding, size):
    """PowerShell writes UTF-16; wherever the pieces are cut, the records are those of the text itself."""
    raw = LINES[:20_000].rpartition(b"\n")[0].decode().encode(encoding)
    expected = [r.line for r in streamed(LINES[:20_000].rpartition(b"\n")[0])[0]]
    tally = Tally()
    found = list(records([raw[at : at + size] for at in range(0, len(raw), size)], "a.txt", seek(), tally))
    assert (expected, tally.lines) == ([r.line for r in found], accounted(tally))


@pytest.mark.parametrize("mark", [",", ";"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_table_with_commas_is_named_once(mark, quote):
    """A spreadsheet's file is left out with the way out, not line by line."""
    text = "\n".join(mark.join(f"{quote}{word}{quote}" for word in row.split()) for row in (HEADER, line(1), line(2)))
    found, tally = streamed(text.encode())
    assert ([], 0, 1, True) == (found, tally.refused, len(tally.notes), "(CSV)" in tally.notes[0])
    assert {"eni-0a1", "eni-0b2"} == tally.lost


def test_what_the_source_of_the_chunks_raises_comes_through():
    """A source in AWS has errors of its own; a file that cannot be read is a note."""

    def refused():
        yield LINES[:100]
        raise FlowdiagError("denied")

    with pytest.raises(FlowdiagError, match="denied"):
        list(records(refused(), "a.log", seek(), Tally()))


@pytest.mark.parametrize("length", [10, 64, 100])
def test_what_a_source_gave_before_it_failed_at_once_is_counted(length):
    """Its first bytes are looked at to tell what it is, and are read all the same."""

    def failing():
        yield LINES[:length]
        raise OSError("gone")

    tally = Tally()
    assert [] == list(records(failing(), "a.log", seek(), tally))
    assert (1, "is cut off where the file breaks") == (tally.lines, tally.refusals[0].reason)
    assert ["a.log could not be read to its end (gone): only what stands before was used"] == tally.notes


@pytest.mark.parametrize("unpacker", [zlib, engine()])
def test_what_came_before_a_source_failed_is_used(unpacker):
    """The records of the chunks that AWS gave are there before its refusal is."""
    packed = gzip.compress(LINES)

    def failing():
        yield packed[:100_000]
        raise FlowdiagError("denied")

    whole = zlib.decompressobj(wbits=31).decompress(packed[:100_000])
    found, tally = [], Tally()
    with patch("flowdiag.logs._stream.engine", return_value=unpacker), pytest.raises(FlowdiagError, match="denied"):
        found.extend(records(failing(), "a.log", seek(), tally))
    assert whole.count(b"\n") == tally.lines
    assert [r for r in streamed(whole)[0] if int(r.where.split(":")[1]) <= tally.lines] == found


def test_log_format_stands_in_for_a_header():
    """A stream without a header is read by the LogFormat that is given."""
    found, _ = streamed("REJECT 10.0.1.10 10.0.2.20\n", layout=Layout.of_format("${action} ${srcaddr} ${dstaddr}"))
    assert ["REJECT"] == [r.action for r in found]


# ---------------------------------------------------------------- bounds


def test_a_window_bounds_what_is_found():
    """Lines out of the window are counted as outside where they name something sought."""
    window = Window(start=datetime.fromtimestamp(1_700_001_000, UTC), end=datetime.fromtimestamp(1_700_002_000, UTC))
    text = "\n".join([HEADER, *(line(n, start=1_700_000_000 + 10 * n) for n in range(300))])
    found, tally = streamed(text, seek(window=window))
    assert (112, 188) == (len(found), tally.outside)
    assert [(found[0].start, found[-1].end)] == list(tally.interfaces["eni-0a1"].spans)


# ---------------------------------------------------------------- any layout


NAMES = ("interface-id", "srcaddr", "dstaddr", "pkt-srcaddr", "start", "end", "action", "log-status", "version", "vpc-id")
SOME = {
    "interface-id": st.sampled_from(["eni-0a1", "eni-0b2", "eni-0a12", "eni-0c9", "-"]),
    **dict.fromkeys(("srcaddr", "dstaddr"), st.sampled_from(["10.0.1.10", "10.0.2.20", "10.0.1.1", "10.9.9.9", "-"])),
    "pkt-srcaddr": st.sampled_from(["10.0.1.10", "2001:db8::a", "2001:DB8:0:0::A", "-"]),
    **dict.fromkeys(("start", "end"), st.integers(0, 20).map(lambda minute: str(1_700_000_000 + 60 * minute))),
    "action": st.sampled_from(["ACCEPT", "REJECT", "-"]),
    "log-status": st.sampled_from(["OK", "OK", "OK", "NODATA", "SKIPDATA", "-"]),
    "version": st.just("3"),
    "vpc-id": st.sampled_from(["vpc-1", "eni-0a1"]),
}


@given(st.data(), st.permutations(NAMES), st.integers(1, len(NAMES)), st.lists(st.integers(1, 400), max_size=6))
def test_any_layout_in_blocks_gives_what_its_lines_give(data, names, width, sizes):
    """Whatever fields there are, in whatever order, blocks give the records, coverage and counts of reading each line."""
    fields = names[:width]
    row = st.tuples(*(SOME[name] for name in fields)).map(" ".join)
    text = "\n".join([" ".join(fields), *data.draw(st.lists(row, max_size=30)), ""])
    sought = seek(
        data.draw(st.sets(st.sampled_from(["10.0.1.10", "10.0.2.20", "2001:db8::a"]))),
        data.draw(st.sets(st.sampled_from(["eni-0a1", "eni-0b2"]))),
        data.draw(st.sampled_from([ALWAYS, Window(start=datetime.fromtimestamp(1_700_000_600, UTC))])),
    ).model_copy(update={"beyond": data.draw(st.sampled_from([{}, {"eni-0a1": frozenset((ip_address("10.0.2.20"),))}]))})
    expected, whole = by_line(text.removesuffix("\n"), sought)
    found, tally = streamed(text, sought, sizes, every=16)
    assert expected == found
    assert {id: covered(c) for id, c in whole.interfaces.items()} == {id: covered(c) for id, c in tally.interfaces.items()}
    assert (whole.lines, whole.records, whole.refused, whole.headers) == (
        tally.lines,
        tally.records,
        tally.refused,
        tally.headers,
    )
    assert tally.lines == accounted(tally)


def test_what_passes_an_interface_tells_its_records_from_those_of_others():
    """Of a busy interface only the traffic with the far end is wanted; where an end is not logged, it may be that."""
    rows = [line(1), line(2, "10.0.1.10", "10.9.9.9"), line(3, "10.0.1.10", "-"), line(4, "10.9.9.9", "10.0.2.20", "eni-0b2")]
    found, tally = streamed(
        "\n".join([HEADER, *rows]), seek().model_copy(update={"beyond": {"eni-0a1": {ip_address("10.0.2.20")}}})
    )
    assert [rows[0], rows[2], rows[3]] == [r.line for r in found]
    assert [(1_700_000_001, 1_700_000_053)] == list(tally.interfaces["eni-0a1"].spans)
