"""Parquet files give the records that the same lines give as text."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import SHARED
from world_records import HEADER, VALUES, WORD, accounted, covered, foreign, line, seek, shown

from flowdiag.logs import Sought, Tally, Window
from flowdiag.logs._parquet import records
from flowdiag.logs._rows import Density
from flowdiag.logs._stream import records as text_records
from flowdiag.logs.folder import Folder
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import DEFAULT_FIELDS, KNOWN, NUMBERS, Layout

SAMPLES = SHARED / "flow-log-samples"
WIDE = frozenset(("packets", "bytes", "start", "end", *(name for name in NUMBERS if name.startswith("packets-lost"))))
SMALL = frozenset(("traffic-path", "encryption-status", *NUMBERS)) - WIDE


def frame(lines, fields=DEFAULT_FIELDS) -> pl.DataFrame:
    """The columns that AWS's documentation gives for these fields: names with underscores, INT32 and INT64."""
    tokens = [text.split() for text in lines]
    columns = {}
    for place, name in enumerate(fields):
        texts = [None if row[place] == "-" else row[place] for row in tokens]
        kind = pl.Int64 if name in WIDE else pl.Int32 if name in SMALL else pl.String
        columns[name.replace("-", "_")] = pl.Series(texts, dtype=pl.String).cast(kind)
    return pl.DataFrame(columns)


def searched(path, sought: Sought | None = None) -> tuple[list, Tally]:
    """The records of a file, and the tally."""
    tally = Tally()
    return list(records([(path, path.name)], sought or seek(), tally)), tally


def searched_all(folder, sought: Sought | None = None, density: Density | None = None) -> tuple[list, Tally]:
    """The records of all files of a folder, by one scan where they allow it, and the tally."""
    tally = Tally()
    files = [(path, path.name) for path in sorted(folder.iterdir())]
    return list(records(files, sought or seek(), tally, density)), tally


def texts(found) -> list[dict]:
    """The records without where they stood."""
    return [record.model_dump(exclude={"where"}) for record in found]


NODATA = "2 111122223333 eni-0b2 - - - - - - - 1700000000 1700000060 - NODATA"
LINES = [
    *map(foreign, range(400)),
    line(1),
    NODATA,
    NODATA.replace("NODATA", "SKIPDATA"),
    line(2, "10.0.1.100"),
    line(3, action="REJECT"),
]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "zstd"])
def test_the_same_records_as_text(tmp_path, codec):
    """Records, coverage and counts are those of the text."""
    frame(LINES).write_parquet(tmp_path / "a.log.parquet", compression=codec, row_group_size=100)
    tally = Tally()
    expected = list(text_records(["\n".join([HEADER, *LINES]).encode()], "a", seek(), tally))
    found, seen = searched(tmp_path / "a.log.parquet")
    assert texts(expected) == texts(found)
    assert ["a.log.parquet:401", "a.log.parquet:404", "a.log.parquet:405"] == [r.where for r in found]
    assert (405, 405, 405, 0) == (seen.lines, seen.records, accounted(seen), seen.refused)
    assert {id: (list(c.spans), c.skips) for id, c in tally.interfaces.items()} == {
        id: (list(c.spans), c.skips) for id, c in seen.interfaces.items()
    }
    assert (True, True) == (seen.accepts > 0, seen.rejects > 0)


FIELDS = st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, max_size=25, unique=True)


@given(st.data(), FIELDS)
def test_any_format_and_record_come_back(tmp_path_factory, data, names):
    """A record of any fields, of transit gateways too, is the same from text and from Parquet."""
    drawn = {
        name: data.draw(st.integers(0, 255).map(str) if name in SMALL else VALUES.get(name, WORD), label=name) for name in names
    }
    names = [*names, *(name for name in ("srcaddr",) if name not in names)]
    drawn["srcaddr"] = "10.0.1.10"
    text = " ".join(drawn[name] for name in names)
    path = tmp_path_factory.mktemp("drawn") / "a.parquet"
    frame([text], names).write_parquet(path)
    record = Layout(tuple(names)).record(text.encode(), "x")
    found, tally = searched(path, seek(interfaces=()))
    assert texts([record]) == texts(found)
    assert drawn == shown(found[0], names) == {name: drawn[name] for name in names}
    assert tally.notes == []


@pytest.mark.parametrize("address", ["2001:db8::1", "2001:db8:0:1:2:3:4:abcd"])
def test_ipv6_is_found_however_it_is_written(tmp_path, address):
    """The long form and capitals are the same address."""
    whole = ip_address(address)
    lines = [line(0, str(whole)), line(1, whole.exploded.upper()), line(2, "2001:db8::77")]
    frame(lines).write_parquet(tmp_path / "a.parquet")
    assert lines[:2] == [r.line for r in searched(tmp_path / "a.parquet", seek([address], ()))[0]]


def test_a_window_bounds_what_is_found(tmp_path):
    """Rows out of the window are not read; a start in milliseconds is one in seconds."""
    lines = [line(n, start=1_700_000_000 + 10 * n) for n in range(300)]
    milliseconds = line(7, start=1_700_001_500_000)
    frame([*lines, milliseconds]).write_parquet(tmp_path / "a.parquet", row_group_size=50)
    window = Window(start=datetime.fromtimestamp(1_700_001_000, UTC), end=datetime.fromtimestamp(1_700_002_000, UTC))
    found, tally = searched(tmp_path / "a.parquet", seek(window=window))
    assert [*lines[95:207], milliseconds] == [r.line for r in found]
    assert (301, 301) == (tally.lines, accounted(tally))


def test_row_groups_out_of_the_window_are_not_read(tmp_path):
    """A row group whose statistics lie out of the window may even be spoilt; asked for, it is a note."""
    lines = [line(n, start=1_700_000_000 + 10 * n, action="REJECT" if n % 2 else "ACCEPT") for n in range(3000)]
    frame(lines).write_parquet(tmp_path / "a.parquet", row_group_size=1000, compression="gzip")
    raw = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(raw[:4] + b"\xff" * 2000 + raw[2004:])
    window = Window(start=datetime.fromtimestamp(1_700_025_000, UTC))
    found, tally = searched(tmp_path / "a.parquet", seek(window=window))
    assert (lines[2495:], []) == ([r.line for r in found], tally.notes)
    assert 1 == len(searched(tmp_path / "a.parquet")[1].notes)


def test_numbers_as_text_and_text_as_numbers(tmp_path):
    """Files that others rewrite hold ports as text, accounts as numbers, or numbers with a fraction."""
    raw = frame([line(1)]).with_columns(
        pl.col("srcport").cast(pl.String), pl.col("account_id").cast(pl.Int64), pl.col("end").cast(pl.Float64)
    )
    raw.write_parquet(tmp_path / "a.parquet")
    assert [line(1)] == [r.line for r in searched(tmp_path / "a.parquet")[0]]


def test_names_with_hyphens_and_unknown_columns(tmp_path):
    """Both spellings of a name are one field, and what AWS may add is kept; a space in a value does not shift the others."""
    raw = frame([line(1)]).rename({"interface_id": "interface-id"}).with_columns(pl.lit("light blue").alias("colour"))
    raw.write_parquet(tmp_path / "a.parquet")
    found, _ = searched(tmp_path / "a.parquet")
    assert [("eni-0a1", "light%20blue")] == [(r.interface, r.more["colour"]) for r in found]


def test_a_transit_gateways_file(tmp_path):
    """Its records tell their attachment, and all of its rows are of another kind."""
    fields = ("tgw-attachment-id", "srcaddr", "dstaddr", "start", "end", "packets-lost-blackhole")
    rows = [
        "tgw-attach-1 10.0.1.10 10.0.2.20 1700000000 1700000050 7",
        *["tgw-attach-2 10.9.9.9 10.8.8.8 1700000000 1700000050 0"] * 9,
    ]
    frame(rows, fields).write_parquet(tmp_path / "a.parquet")
    found, tally = searched(tmp_path / "a.parquet")
    assert [("tgw-attach-1", "7")] == [(r.gateway, r.more["packets-lost-blackhole"]) for r in found]
    assert (0, 10, 9) == (tally.records, tally.other_kinds, tally.passed)


# ---------------------------------------------------------------- rows that are alike

FIELDS_READ = ("interface-id", "srcaddr", "dstaddr", "srcport", "start", "end", "action", "log-status", "pkt-srcaddr")
MINUTE = st.integers(0, 40).map(lambda minute: str(1_700_000_000 + 60 * minute))
ADDRESS = st.sampled_from(["10.0.1.10", "10.0.2.20", "10.0.1.1", "10.9.9.9", "2001:db8::a", "2001:DB8:0:0::A", "-"])
ACTION, STATUS = ["ACCEPT", "REJECT"], ["OK", "OK", "NODATA", "SKIPDATA"]
MILLISECONDS = "1700000600000"
OF_OTHERS = st.tuples(
    st.sampled_from(["eni-0c9", "eni-0a12", "-"]), ADDRESS, ADDRESS, st.just("80"),
    MINUTE, MINUTE, st.sampled_from(ACTION), st.just("OK"), ADDRESS,
)  # fmt: skip
ODD = st.tuples(
    st.sampled_from(["eni-0a1", "eni-0b2"]), ADDRESS, ADDRESS, st.sampled_from(["80", "-", "-7", "70000"]),
    MINUTE | st.sampled_from(["-", MILLISECONDS, "-9"]), MINUTE | st.sampled_from(["-", MILLISECONDS]),
    st.sampled_from([*ACTION, "-", "DROP"]), st.sampled_from([*STATUS, "-", "FINE"]), ADDRESS | st.just("web-1"),
)  # fmt: skip
PLAIN = st.tuples(
    st.sampled_from(["eni-0a1", "eni-0b2"]), st.sampled_from(["10.0.1.10", "10.7.7.7", "-"]),
    st.sampled_from(["10.9.9.9", "10.0.1.10"]), st.just("80"), MINUTE | MINUTE | st.just(MILLISECONDS),
    st.sampled_from(ACTION), st.sampled_from(STATUS), st.just("-"),
).map(lambda row: (*row[:5], str(int(row[4]) + 60), *row[5:]))  # fmt: skip
BEYOND = {
    "eni-0a1": frozenset(map(ip_address, ("10.0.2.20", "2001:db8::a"))),
    "eni-0b2": frozenset(map(ip_address, ("10.0.1.10",))),
}


@given(
    st.lists(st.lists(OF_OTHERS | ODD | PLAIN | PLAIN, max_size=20), min_size=1, max_size=4),
    st.sampled_from([{}, BEYOND, {"eni-0a1": BEYOND["eni-0a1"]}]),
    st.sampled_from([{}, {"start": 1_700_000_600}, {"start": 1_700_000_300, "end": 1_700_001_000}]),
    st.sampled_from([0, 0, 500]),
    st.sampled_from([None, None, pl.String, pl.Float64]),
    st.booleans(),
    st.sampled_from([2, 10_000]),
)
def test_rows_counted_together_count_as_each_would(tmp_path_factory, files, beyond, window, few, numbers, sparse, at_a_time):
    """Records, coverage, refusals and counts are those of reading every row as a line, whatever the columns' types, the
    number of files and the way they are read."""
    bounds = Window(**{name: datetime.fromtimestamp(second, UTC) for name, second in window.items()})
    sought = seek(["10.0.1.10", "10.0.2.20", "2001:db8::a"], window=bounds).model_copy(update={"beyond": beyond})
    folder, whole, expected = tmp_path_factory.mktemp("drawn"), Tally(), []
    for number, rows in enumerate(files):
        lines = [" ".join(row) for row in rows]
        expected += Lines(f"{number}.parquet", sought, whole, Layout(FIELDS_READ)).read(text.encode() for text in lines)
        columns = frame(lines, FIELDS_READ)
        columns = columns.with_columns(pl.col(pl.Int32, pl.Int64).cast(numbers) if numbers else [])
        columns.write_parquet(folder / f"{number}.parquet", row_group_size=5)
    with patch("flowdiag.logs._rows.FEW", few), patch("flowdiag.logs._scan.ROWS_A_BATCH", at_a_time):
        found, tally = searched_all(folder, sought, Density(sparse=sparse))
    assert expected == found
    assert {id: covered(c) for id, c in whole.interfaces.items()} == {id: covered(c) for id, c in tally.interfaces.items()}
    assert sum(map(len, files)) == tally.lines == accounted(tally)
    assert window or (whole.records, whole.refused) == (tally.records, tally.refused)  # else some are not even looked at
    assert {kind for kind in ("accepts", "rejects") if getattr(whole, kind)} <= {
        kind for kind in ("accepts", "rejects") if getattr(tally, kind)
    }


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (pl.lit(True).alias("start"), "column start of type Boolean, which is not a number"),
        (pl.lit(pl.Series([[1]])).alias("srcaddr"), "column srcaddr of type List(Int64), which is not text"),
        (pl.col("start").cast(pl.Datetime).alias("end"), "column end of type Datetime"),
    ],
)
def test_a_column_of_a_wrong_type_is_named(tmp_path, change, named):
    """All rows are refused, the column is named, and nobody's silence counts."""
    frame([line(1)]).with_columns(change).write_parquet(tmp_path / "a.parquet")
    found, tally = searched(tmp_path / "a.parquet")
    assert ([], 1, 1, {"eni-0a1", "eni-0b2"}) == (found, tally.lines, tally.refused, tally.lost)
    assert named in tally.notes[0]


def test_a_value_that_is_no_number_is_refused(tmp_path):
    """Text in a column that should hold numbers is refused row by row, as in a text file."""
    frame([line(1), line(2)]).with_columns(dstport=pl.Series(["5432", "postgres"])).write_parquet(tmp_path / "a.parquet")
    found, tally = searched(tmp_path / "a.parquet")
    assert (1, 1, "a.parquet:2") == (len(found), tally.refused, tally.refusals[0].where)
    assert "dstport is 'postgres', not a port" in tally.refusals[0].reason


def test_missing_columns_are_missing_fields(tmp_path):
    """A file without start and end, or without an interface, tells what it can."""
    frame([line(1)]).select("srcaddr", "dstaddr", "action").write_parquet(tmp_path / "a.parquet")
    found, tally = searched(tmp_path / "a.parquet")
    assert [("10.0.1.10", "ACCEPT", None, "")] == [(r.source, r.action, r.start, r.interface) for r in found]
    assert ({}, 1) == (tally.interfaces, tally.records)
    assert [] == searched(tmp_path / "a.parquet", seek(window=Window(end=datetime(2030, 1, 1, tzinfo=UTC))))[0]


def test_a_file_of_other_columns_is_named(tmp_path):
    """Parquet that is no flow log says which columns it has."""
    pl.DataFrame({"user": ["a"], "clicks": [1]}).write_parquet(tmp_path / "a.parquet")
    _, tally = searched(tmp_path / "a.parquet")
    assert (1, 1, True) == (tally.lines, tally.refused, "has no column of a flow log, but user, clicks" in tally.notes[0])


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b[:4], lambda b: b[:200] + b"\xff" * 3000 + b[3200:]])
def test_a_broken_file_is_named(tmp_path, spoil):
    """A truncated or spoilt file is a note, and voids silence; the others are read."""
    frame(LINES * 9).write_parquet(tmp_path / "a.parquet", row_group_size=1000)
    (tmp_path / "a.parquet").write_bytes(spoil((tmp_path / "a.parquet").read_bytes()))
    (tmp_path / "b.log").write_text(line(9))
    search = Folder(tmp_path).search(seek())
    assert [line(9)] == [r.line for r in search][-1:]
    assert (["a.parquet", "b.log"], 1, {"eni-0a1", "eni-0b2"}) == (search.tally.files, len(search.tally.notes), search.tally.lost)
    assert search.tally.notes[0].startswith("a.parquet could not be read")


def test_without_polars_the_way_out_is_told(tmp_path):
    """Parquet needs an extra, and a file that is not read voids silence."""
    frame([line(1)]).write_parquet(tmp_path / "a.parquet")
    with patch.dict("sys.modules", polars=None):
        found, tally = searched(tmp_path / "a.parquet")
    assert ([], {"eni-0a1", "eni-0b2"}, True) == (found, tally.lost, "pip install 'flowdiag[parquet]'" in tally.notes[0])


def test_names_of_folders_are_no_columns(tmp_path):
    """Hive's folders (`year=2026/`) and brackets in a path are names, not patterns."""
    folder = tmp_path / "aws-region=us-east-1" / "year=2026" / "[x]"
    folder.mkdir(parents=True)
    frame([line(1)]).write_parquet(folder / "a.parquet")
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [r.line for r in search]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample records are not here")
def test_sample_file():
    """The only public sample, whose ports are text."""
    found, tally = searched(SAMPLES / "three-rows.parquet", seek(["192.0.2.1"], ["eni-102010ab"]))
    assert (3, 0, True) == (tally.lines, tally.refused, bool(found))
    assert ("198.51.100.1", 443, 1439387263) == (found[0].source, found[0].source_port, found[0].start)


def test_rows_out_of_the_window_tell_of_which_time_they_are(tmp_path):
    """As lines of text do, though whole row groups are not even read."""
    lines = [line(number, start=1_700_000_000 + 60 * number, end=1_700_000_050 + 60 * number) for number in range(100)]
    frame(lines).write_parquet(tmp_path / "a.parquet", row_group_size=10)
    within = Window(start=datetime.fromtimestamp(1_700_001_800, UTC), end=datetime.fromtimestamp(1_700_002_100, UTC))
    after = Window(start=datetime.fromtimestamp(1_800_000_000, UTC), end=datetime.fromtimestamp(1_800_003_600, UTC))
    found, tally = searched(tmp_path / "a.parquet", seek(window=within))
    assert (7, 1_700_005_990) == (len(found), tally.newest)
    found, tally = searched(tmp_path / "a.parquet", seek(window=after))
    assert ([], 100, (1_700_000_000, 1_700_005_990)) == (found, tally.outside, tally.outside_times)
