"""Archives: many files at once, in order, and never more in memory than is said."""

from __future__ import annotations

import gzip
import subprocess
import sys

import pytest
from world_records import HEADER, accounted, foreign, line, seek

from flowdiag.logs import folder as module
from flowdiag.logs.folder import Folder


@pytest.fixture
def archive(tmp_path):
    """Twelve packed files with a line of the flow each, among those of others."""
    for number in range(12):
        lines = [HEADER, *map(foreign, range(2000)), line(number), ""]
        (tmp_path / f"{number:02}.log.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return tmp_path


def test_files_side_by_side_give_what_files_in_turn_give(archive, monkeypatch):
    """The order of the records is that of the files; the counts are the same."""
    search = Folder(archive).search(seek())
    expected = list(search)
    monkeypatch.setattr(module, "SMALL", 0)
    at_once = Folder(archive).search(seek())
    assert expected == list(at_once)
    assert [f"{number:02}.log.gz:2002" for number in range(12)] == [r.where for r in expected]
    assert (search.tally.lines, search.tally.records, search.tally.files) == (
        at_once.tally.lines,
        at_once.tally.records,
        at_once.tally.files,
    )
    assert 12 * 2002 == at_once.tally.lines == accounted(at_once.tally)


def test_a_search_that_is_given_up_ends(archive, monkeypatch):
    """Whoever stops asking does not wait for the rest."""
    monkeypatch.setattr(module, "SMALL", 0)
    records = iter(Folder(archive).search(seek()))
    assert line(0) == next(records).line
    records.close()


def test_a_file_that_cannot_be_read_voids_silence(tmp_path):
    """A file that is gone when it is read is named, and nobody counts as covered."""
    (tmp_path / "a.log").write_text(line())
    folder = Folder(tmp_path)
    (tmp_path / "b.log").symlink_to(tmp_path / "gone")
    folder.files += (tmp_path / "b.log",)
    search = folder.search(seek())
    assert [line()] == [r.line for r in search]
    assert {"eni-0a1", "eni-0b2"} == search.tally.lost
    assert "b.log could not be read" in search.tally.notes[0]


def test_small_archives_need_no_engine(archive):
    """Neither polars nor isal nor a thread is there after a small search: importing them would cost more than it."""
    program = (
        "import sys, threading; from flowdiag.logs import Sought; from flowdiag.logs.folder import Folder;"
        f"search = Folder({str(archive)!r}).search(Sought()); list(search); assert search.tally.lines == 24024;"
        "print(sorted({'polars', 'isal', 'duckdb', 'concurrent.futures.process'} & set(sys.modules)), threading.active_count())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "[] 1" == told.stdout.strip()


@pytest.mark.parametrize("name", ["a.log.gz", "a.parquet", "a.log"])
def test_a_file_of_no_bytes_voids_silence(tmp_path, name):
    """What was to be copied there was not."""
    (tmp_path / name).write_bytes(b"")
    search = Folder(tmp_path).search(seek())
    assert [] == list(search)
    assert {"eni-0a1"} <= search.tally.lost
    assert [f"{name}: is empty, so what it should hold is not known: copy it again"] == search.tally.notes


@pytest.mark.parametrize(
    ("ports", "protocol", "refused"),
    [("65535 0", 255, 0), ("65536 1", 6, 1), ("99999999 1", 6, 1), ("1 70000", 6, 1), ("1 2", 256, 1), ("1 2", 999, 1)],
)
def test_ports_and_protocols_that_cannot_be_are_refused(tmp_path, ports, protocol, refused):
    """A port has 16 bits, a protocol eight."""
    said = f"2 111122223333 eni-0a1 10.0.1.10 10.0.2.20 {ports} {protocol} 1 60 1700000000 1700000060 ACCEPT OK"
    (tmp_path / "a.log").write_text(f"{HEADER}\n{said}\n")
    search = Folder(tmp_path).search(seek())
    assert 1 - refused == len(list(search))
    assert refused == search.tally.refused
