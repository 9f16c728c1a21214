"""Large Parquet files in S3: only what can hold the window is fetched, and the answer is that of the whole file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from aws_logs import Door, key
from aws_server import endpoint, served
from aws_world import no_waiting
from hypothesis import given
from hypothesis import strategies as st
from test_logs_parquet import frame, searched, texts
from world_records import accounted, covered, foreign, line, seek

from flowdiag.access import Access
from flowdiag.logs import Means, Tally, Window, _ranges
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._parquet import records
from flowdiag.logs._ranges import Copy
from flowdiag.logs.folder import Folder
from flowdiag.logs.s3 import S3
from flowdiag.model import FlowdiagError, Scope

__all__ = ["endpoint", "no_waiting", "served"]

footers = pytest.importorskip("pyarrow.parquet")
BUCKET = "vpc-archive"
HOME = Scope(account="123456789012", region="us-east-1")
FIRST = 1_700_000_000
ROWS, GROUP = 3000, 300
LINES = [line(n, start=FIRST + n) if n % 7 == 0 else foreign(n) for n in range(ROWS)]


def window(start: int | None, end: int | None) -> Window:
    """So many seconds after the first row."""
    begins, ends = (None if moment is None else datetime.fromtimestamp(FIRST + moment, UTC) for moment in (start, end))
    return Window(start=begins, end=ends)


WINDOW = window(900, 1100)


def written(lines: list[str] = LINES, **how: Any) -> bytes:
    file = io.BytesIO()
    frame(lines).write_parquet(file, **{"row_group_size": GROUP, "compression": "gzip", **how})
    return file.getvalue()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of some KB count as large."""
    for name, bytes_ in {"WHOLE": 1000, "TAIL": 4000, "NEAR": 100}.items():
        monkeypatch.setattr(_ranges, name, bytes_)


# ---------------------------------------------------------------- what is fetched


class Fetched:
    """A file that is fetched span by span, and what was asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.spans = raw, []

    def __call__(self, span: tuple[int, int] | None) -> Iterator[bytes]:
        self.spans.append(span)
        begin, end = span or (0, len(self.raw))
        yield from (self.raw[place : min(end, place + 1000)] for place in range(begin, end, 1000))

    @property
    def bytes(self) -> int:
        return sum(end - begin for begin, end in (span or (0, len(self.raw)) for span in self.spans))


def copied(folder: Path, raw: bytes, asked: Window) -> tuple[list[Any], Tally, Fetched, list[bool]]:
    """The records of a copy, the tally, what was fetched, and whether holes had to be filled."""
    fetched, tally, filled = Fetched(raw), Tally(), []
    copy = Copy(folder / "a.parquet", len(raw), fetched)
    copy.take(asked)
    complete = (lambda: filled.append(True) or copy.complete()) if copy.partly else None
    found = list(records([(copy.path, "a.parquet")], seek(window=asked), tally, None, complete))
    return found, tally, fetched, filled


def test_only_row_groups_that_can_hold_the_window_are_fetched(tmp_path):
    """The footer by one or two requests, then the row groups that are neighbours by one; the rest is counted unread."""
    raw = written()
    found, tally, fetched, filled = copied(tmp_path, raw, WINDOW)
    assert [text for text in LINES[850:1161] if " eni-0a1 " in text] == [record.line for record in found]
    assert (ROWS, ROWS, [], []) == (tally.lines, accounted(tally), tally.notes, filled)
    assert [(len(raw) - 4000, len(raw))] == fetched.spans[:1]
    assert 3 == len(fetched.spans)
    assert fetched.bytes < len(raw) / 2


BOUND = st.none() | st.integers(-100, ROWS + 200)


@given(
    st.lists(st.integers(0, ROWS), max_size=60),
    BOUND,
    BOUND,
    st.sampled_from([5, 20, 1000]),
    st.sampled_from(["gzip", "snappy", "uncompressed"]),
    st.booleans(),
    st.sampled_from([300, 4000]),
)
def test_a_copy_gives_what_the_whole_file_gives(tmp_path_factory, starts, begin, end, size, codec, statistics, tail):
    """Records, coverage and counts, whatever the rows, the window and the statistics; no hole is ever read."""
    folder = tmp_path_factory.mktemp("drawn")
    lines = [line(n, start=FIRST + start) for n, start in enumerate(starts)]
    raw = written([*lines, *map(foreign, range(20))], row_group_size=size, compression=codec, statistics=statistics)
    (folder / "whole.parquet").write_bytes(raw)
    asked = window(begin, end)
    expected, whole = searched(folder / "whole.parquet", seek(window=asked))
    with patch.object(_ranges, "WHOLE", 0), patch.object(_ranges, "TAIL", min(tail, len(raw))):
        found, tally, _, filled = copied(folder, raw, asked)
    assert texts(expected) == texts(found)
    assert {id: covered(c) for id, c in whole.interfaces.items()} == {id: covered(c) for id, c in tally.interfaces.items()}
    assert (whole.lines, whole.records, [], []) == (tally.lines, tally.records, tally.notes, filled)


def test_files_of_other_writers(tmp_path):
    """Arrow's, with indexes and bloom filters between the row groups and the footer, is read in the same way."""
    file = io.BytesIO()
    table = frame(LINES).to_arrow()
    footers.write_table(table, file, row_group_size=GROUP, write_page_index=True, use_dictionary=["interface_id"])
    found, tally, fetched, filled = copied(tmp_path, file.getvalue(), WINDOW)
    assert [text for text in LINES[850:1161] if " eni-0a1 " in text] == [record.line for record in found]
    assert ([], [], True) == (tally.notes, filled, fetched.bytes < len(file.getvalue()) / 2)


def test_times_as_text_have_no_statistics_to_go_by(tmp_path):
    """Then every row group is fetched."""
    import polars as pl

    file = io.BytesIO()
    frame(LINES).with_columns(pl.col("start").cast(pl.String)).write_parquet(file, row_group_size=GROUP)
    found, tally, _, filled = copied(tmp_path, file.getvalue(), WINDOW)
    assert [text for text in LINES[850:1161] if " eni-0a1 " in text] == [record.line for record in found]
    assert ([], []) == (tally.notes, filled)


def test_holes_are_filled_where_more_is_read_than_was_foreseen(tmp_path):
    """Should the two readers of a footer differ, the records are the same, each once."""
    with patch.object(_ranges, "may_hold", lambda group, asked: False):
        found, tally, _, filled = copied(tmp_path, written(), WINDOW)
    assert [text for text in LINES[850:1161] if " eni-0a1 " in text] == [record.line for record in found]
    assert (ROWS, ROWS, [], [True]) == (tally.lines, accounted(tally), tally.notes, filled)


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-9], lambda raw: raw[:-3000] + b"\xff" * 2000 + raw[-1000:]])
def test_a_footer_that_cannot_be_read(tmp_path, spoil):
    """The whole file is fetched, and what is wrong with it is a note."""
    raw = spoil(written())
    found, tally, fetched, _ = copied(tmp_path, raw, WINDOW)
    assert ([], 1, {"eni-0a1", "eni-0b2"}) == (found, len(tally.notes), tally.lost)
    assert len(raw) <= fetched.bytes


def test_small_files_and_what_no_library_reads_are_fetched_whole(tmp_path):
    """By one request without a range."""
    raw = written()
    with patch.object(_ranges, "WHOLE", 1 << 20):
        assert [None] == copied(tmp_path, raw, WINDOW)[2].spans
    with patch.dict("sys.modules", {"pyarrow": None, "pyarrow.parquet": None}):
        found, _, fetched, _ = copied(tmp_path, raw, WINDOW)
    assert ([None], True) == (fetched.spans, bool(found))


# ---------------------------------------------------------------- in S3


@pytest.fixture
def session(served: boto3.Session) -> boto3.Session:
    """A session on the server, and an empty bucket there."""
    s3 = served.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for stored in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=stored["Key"])
    return served


NAME = key("20231114T2230", suffix="log.parquet")
SOUGHT = seek(window=WINDOW)


def source(access: Any) -> S3:
    return S3.of(
        Means(access=access), (Delivery(flow_log="fl-0a1", scope=HOME, kind="s3", destination=f"arn:aws:s3:::{BUCKET}"),)
    )


def asked(access: Access) -> list[Any]:
    return [parameters for operation, _, parameters in access.calls if operation == "get_object"]


def test_a_bucket_gives_what_a_folder_gives(session, tmp_path):
    """Over HTTP: fewer bytes than the file has, of the file that was listed, by the one door; nothing is left on disk."""
    raw = written()
    session.client("s3").put_object(Bucket=BUCKET, Key=NAME, Body=raw)
    (tmp_path / "a.parquet").write_bytes(raw)
    expected = Folder(tmp_path).search(SOUGHT)
    access = Access(session)
    access.introduce()
    with patch.object(tempfile, "tempdir", str(tmp_path / "copies")):
        (tmp_path / "copies").mkdir()
        search = source(access).search(SOUGHT)
        assert texts(expected) == texts(search)
        assert [] == list((tmp_path / "copies").iterdir())
    assert (expected.tally.lines, expected.tally.records, []) == (search.tally.lines, search.tally.records, search.tally.notes)
    spans = [tuple(map(int, one["Range"].removeprefix("bytes=").split("-"))) for one in asked(access)]
    assert sum(last - first + 1 for first, last in spans) < len(raw) / 2
    assert 1 == len({one["IfMatch"] for one in asked(access)})


def test_a_file_out_of_the_window_costs_its_footer(session):
    """Files are listed for slots around the window, for delivery may be late; most hold nothing of it."""
    session.client("s3").put_object(Bucket=BUCKET, Key=NAME, Body=written([foreign(n + 2500) for n in range(1000)]))
    access = Access(session)
    access.introduce()
    with patch.object(_ranges, "TAIL", 12_000):
        search = source(access).search(SOUGHT)
        assert ([], 1000, []) == (list(search), search.tally.lines, search.tally.notes)
    assert 1 == len(asked(access))


def test_a_file_that_is_replaced_meanwhile_is_said(session):
    """The footer of one and the rows of another would be neither; nothing of it is used."""
    session.client("s3").put_object(Bucket=BUCKET, Key=NAME, Body=written())

    class Replaced(Access):
        def body(self, *call: Any) -> Iterator[bytes]:
            yield from super().body(*call)
            session.client("s3").put_object(Bucket=BUCKET, Key=NAME, Body=written(LINES[::-1]))

    access = Replaced(session)
    access.introduce()
    search = source(access).search(SOUGHT)
    assert ([], {"eni-0a1", "eni-0b2"}) == (list(search), search.tally.lost)
    assert (
        f"1 file of s3://{BUCKET} could not be read (changed while it was read (PreconditionFailed)): {NAME}"
        == search.tally.notes[0]
    )


def listed(raw: bytes) -> dict[str, Any]:
    return {"list_objects_v2": lambda request: [{"Contents": [{"Key": NAME, "Size": len(raw), "ETag": '"1"'}]}]}


def part(raw: bytes, request: Any) -> bytes:
    first, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
    return raw[first : last + 1]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (FlowdiagError("denied"), "1 file of s3://vpc-archive could not be read (denied; needs s3:GetObject"),
        (b"too few", "1 file of s3://vpc-archive could not be read (7 bytes came where"),
        (OSError(28, "No space left on device"), "1 file of s3://vpc-archive could not be read ([Errno 28] No space left"),
    ],
)
def test_a_failure_between_two_ranges_is_said(answer, told):
    """Whoever may stand in the file counts as unseen."""
    raw, number = written(), iter(range(9))

    def get(request: Any) -> Iterator[bytes]:
        if next(number) < 2:
            yield part(raw, request)
        elif isinstance(answer, Exception):
            raise answer
        else:
            yield answer

    search = source(Door({**listed(raw), "get_object": get})).search(SOUGHT)
    assert ([], {"eni-0a1", "eni-0b2"}) == (list(search), search.tally.lost)
    assert search.tally.notes[0].startswith(told)


def test_a_search_that_is_given_up_leaves_nothing(tmp_path):
    """The copy is gone when nobody asks for more."""
    raw = written()
    search = source(Door({**listed(raw), "get_object": lambda request: [part(raw, request)]})).search(SOUGHT)
    with patch.object(tempfile, "tempdir", str(tmp_path)):
        found = iter(search)
        assert next(found).interface == "eni-0a1"
        found.close()
    assert [] == list(tmp_path.iterdir())
