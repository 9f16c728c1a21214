"""Parquet files that are searched by one scan give what each of them gives by itself, and a torn one spoils no other."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch

import polars as pl
import pytest
from test_logs_parquet import frame, searched_all
from world_records import accounted, foreign, line, seek

from flowdiag.logs import Window
from flowdiag.logs import folder as module
from flowdiag.logs._rows import TOGETHER, Density, Rows
from flowdiag.logs._scan import batches
from flowdiag.logs.folder import Folder

FILES, ROWS = 9, 400
AFTER = "only what was read before was used"


def lines_of(number: int) -> list[str]:
    """The lines of one file: two of the flow, and one of its interface that concerns somebody else."""
    first = number * ROWS
    own = {200: line(first + 200), 201: line(first + 201, destination="10.7.7.7"), ROWS - 1: line(first + ROWS - 1)}
    return [own.get(place) or foreign(first + place) for place in range(ROWS)]


@pytest.fixture
def archive(tmp_path):
    for number in range(FILES):
        frame(lines_of(number)).write_parquet(tmp_path / f"{number}.parquet", row_group_size=100, compression="gzip")
    return tmp_path


def expected(*left_out: int) -> list[tuple[str, str]]:
    """Where the records of these files are, and the records."""
    numbers = [number for number in range(FILES) if number not in left_out]
    return [(f"{n}.parquet:{row}", lines_of(n)[row - 1]) for n in numbers for row in (201, ROWS)]


def shown(found) -> list[tuple[str, str]]:
    return [(record.where, record.line) for record in found]


def spoil(path, *groups: int, column: str = "interface_id") -> None:
    """Write over a column of some row groups."""
    raw, footer = path.read_bytes(), pytest.importorskip("pyarrow.parquet").read_metadata(path)
    for chunks in map(footer.row_group, groups):
        chunk = next(c for c in map(chunks.column, range(chunks.num_columns)) if c.path_in_schema == column)
        begin, length = chunk.dictionary_page_offset or chunk.data_page_offset, chunk.total_compressed_size
        raw = raw[:begin] + b"\xff" * length + raw[begin + length :]
    path.write_bytes(raw)


SOUGHT = seek(["10.0.2.20"])
WAYS = pytest.mark.parametrize("sparse", [False, True])


@WAYS
def test_records_are_in_the_order_of_files_and_rows(archive, sparse):
    """Each says its file and its row there."""
    found, tally = searched_all(archive, SOUGHT, Density(sparse=sparse))
    assert expected() == shown(found)
    assert (FILES * ROWS, FILES * ROWS, []) == (tally.lines, accounted(tally), tally.notes)


@WAYS
@pytest.mark.parametrize("torn", [0, 4, 8])
@pytest.mark.parametrize("how", [lambda path: spoil(path, 2), lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_torn_file_among_good_ones(archive, sparse, torn, how):
    """It is noted; records and counts are those of the others, each once."""
    how(archive / f"{torn}.parquet")
    found, tally = searched_all(archive, SOUGHT, Density(sparse=sparse))
    assert expected(torn) == shown(found)
    assert ((FILES - 1) * ROWS, (FILES - 1) * ROWS) == (tally.lines, accounted(tally))
    (note,) = tally.notes
    assert note.startswith(f"{torn}.parquet could not be read")
    assert note.endswith(AFTER)
    assert {"eni-0a1", "eni-0b2"} == tally.lost


@WAYS
def test_where_polars_itself_breaks_off(archive, sparse):
    """Some files it does not refuse but fails at, which is no Exception; that is a note too, and the others are read."""
    real = Rows._batches

    def failing(rows):
        if any(table.name == "4.parquet" for table in rows._tables):
            raise pl.exceptions.PanicException("out of bounds")
        return real(rows)

    with patch.object(Rows, "_batches", failing):
        found, tally = searched_all(archive, SOUGHT, Density(sparse=sparse))
    assert expected(4) == shown(found)
    assert [f"4.parquet could not be read to its end (out of bounds): {AFTER}"] == tally.notes


class Query:
    """A query that polars fails at in the middle."""

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure, self.given = failure, 0

    def sink_batches(self, take, **how) -> None:
        while self.failure is None or self.given < 3:
            self.given += 1
            if take(pl.DataFrame({"row": [self.given]})):
                return
        raise self.failure


def test_batches_end_with_what_polars_fails_with():
    """Not in silence, as if there were no more."""
    found = batches(Query(pl.exceptions.PanicException("out of bounds")))
    assert [1, 2, 3] == [next(found).item() for _ in range(3)]
    with pytest.raises(pl.exceptions.PanicException):
        next(found)


def test_batches_that_nobody_takes_are_not_made():
    """The query ends when it is given up, after the few that wait."""
    query = Query()
    found = batches(query)
    assert 1 == next(found).item()
    found.close()
    assert query.given < 9


def test_files_of_other_columns_between(archive):
    """Another format, and what is no flow log at all, are files like others; only the latter is left out."""
    one = pl.read_parquet(archive / "3.parquet")
    one.select(*reversed(one.columns)).write_parquet(archive / "3.parquet")
    pl.DataFrame({"user": ["a"]}).write_parquet(archive / "5.parquet")
    one.clear().write_parquet(archive / "6.parquet")
    found, tally = searched_all(archive, SOUGHT)
    assert [where for where, _ in expected(5, 6)] == [where for where, _ in shown(found)]
    assert ((FILES - 2) * ROWS + 1, 1) == (tally.lines, tally.refused)
    assert ["5.parquet: left out with all it holds (rows: 1), for it has no column of a flow log, but user"] == tally.notes


@WAYS
def test_only_row_groups_that_can_hold_the_window_are_read(archive, sparse):
    """In every file: all others may even be spoilt."""
    for number in range(FILES - 1):
        spoil(archive / f"{number}.parquet", 2, 3)
    spoil(archive / f"{FILES - 1}.parquet", 2)
    late = Window(start=datetime.fromtimestamp(1_700_000_040 + FILES * ROWS, UTC))
    found, tally = searched_all(archive, seek(["10.0.2.20"], window=late), Density(sparse=sparse))
    assert expected()[-1:] == shown(found)
    assert (FILES * ROWS, []) == (accounted(tally), tally.notes)
    assert FILES == len(searched_all(archive, SOUGHT, Density(sparse=sparse))[1].notes)


def test_where_few_files_hold_a_record_the_other_columns_are_read_of_those_alone(archive):
    """Of the others only what tells that they hold none is read: what is spoilt elsewhere in them is not noticed."""
    for number in range(FILES):
        path = archive / f"{number}.parquet"
        others = [line(n, destination="10.7.7.7") for n in range(50)]
        frame([*others, line(50)] if number == 0 else others).write_parquet(path)
    sought = seek(["10.0.2.20"], ["eni-0a1"]).model_copy(update={"beyond": {"eni-0a1": seek(["10.0.2.20"]).addresses}})
    for number in range(1, FILES):
        spoil(archive / f"{number}.parquet", 0, column="packets")
    found, tally = searched_all(archive, sought, Density(sparse=True))
    assert (["0.parquet:51"], []) == ([record.where for record in found], tally.notes)
    assert FILES - 1 == len(searched_all(archive, sought, Density())[1].notes)


def test_numbers_out_of_range_are_refused_whichever_columns_are_read(archive):
    """A port that cannot be is found by statistics where its column is not read, and the row refused."""
    for number in range(FILES):
        path = archive / f"{number}.parquet"
        ports = [70_000 if place % 100 == 7 else 5432 for place in range(50)]
        rows = frame([line(n, destination="10.7.7.7") for n in range(50)])
        rows.with_columns(dstport=pl.Series(ports, dtype=pl.Int32)).write_parquet(path)
    _, tally = searched_all(archive, SOUGHT, Density(sparse=True))
    assert (FILES, FILES * 49, "0.parquet:8") == (tally.refused, tally.records, tally.refusals[0].where)


def test_files_that_change_while_they_are_read_are_said(archive):
    """What a file held before and what it holds after are not put together."""
    real = Rows._completed

    def replaced(rows, found):
        frame([line(n) for n in range(7)]).write_parquet(archive / "0.parquet")
        return real(rows, found)

    for number in range(1, FILES):
        (archive / f"{number}.parquet").unlink()
    with patch.object(Rows, "_completed", replaced):
        found, tally = searched_all(archive, SOUGHT, Density(sparse=True))
    assert ([], 1) == (found, len(tally.notes))
    assert "it was changed while it was read" in tally.notes[0]


@WAYS
def test_whether_both_kinds_of_traffic_are_kept(archive, sparse):
    """A REJECT of anybody in the last row of the last file tells that the flow log keeps them."""
    path = archive / f"{FILES - 1}.parquet"
    rejected = pl.read_parquet(path).with_columns(
        action=pl.when(pl.int_range(pl.len()) == 399).then(pl.lit("REJECT")).otherwise("action")
    )
    nobody = seek(["10.99.9.9"], ["eni-0ff"])
    _, before = searched_all(archive, nobody, Density(sparse=sparse))
    rejected.write_parquet(path)
    _, tally = searched_all(archive, nobody, Density(sparse=sparse))
    assert [(True, False), (True, True)] == [(t.accepts > 0, t.rejects > 0) for t in (before, tally)]


# ---------------------------------------------------------------- folders


def test_text_and_parquet_in_one_folder(archive, monkeypatch):
    """The order is that of the names, whether small or large, one after another or side by side."""
    (archive / "2b.log").write_text("\n".join(lines_of(50)))
    (archive / "7b.log").write_text("\n".join(lines_of(60)))
    names = sorted(path.name for path in archive.iterdir())
    search = Folder(archive).search(SOUGHT)
    in_turn = shown(search)
    assert names == list(dict.fromkeys(where.split(":")[0] for where, _ in in_turn)) == search.tally.files
    monkeypatch.setattr(module, "SMALL", 0)
    at_once = Folder(archive).search(SOUGHT)
    assert in_turn == shown(at_once)
    assert (names, (FILES + 2) * ROWS) == (at_once.tally.files, accounted(at_once.tally))


def test_files_are_joined_where_little_is_found():
    """One by one until that is known, and where every sixteenth row is looked at, so that memory does not grow with what is
    found; by two steps where most hold no record."""
    density = Density()
    assert (1, False) == (density.together, density.sparse)
    density.learn(files=1, holding=1, rows=ROWS, looked_at=3)
    assert (TOGETHER, False) == (density.together, density.sparse)
    density.learn(files=16, holding=3, rows=16 * ROWS, looked_at=16 * ROWS // 10)
    assert (1, True) == (density.together, density.sparse)


def test_a_search_that_is_given_up_ends(archive, monkeypatch):
    """Whoever stops asking does not wait for the rest, however many batches wait to be taken."""
    monkeypatch.setattr(module, "SMALL", 0)
    with patch("flowdiag.logs._scan.ROWS_A_BATCH", 1):
        found = iter(Folder(archive).search(SOUGHT))
        assert expected()[0] == shown([next(found)])[0]
        found.close()
