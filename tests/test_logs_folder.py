"""Archives: many files at once, in order, and never more in memory than is said."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from world_records import HEADER, accounted, foreign, line, seek

from flowdiag.logs import folder as module
from flowdiag.logs import open_source
from flowdiag.logs.folder import Folder
from flowdiag.model import FlowdiagError


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


# ---------------------------------------------------------------- what else stands in the folder

RECORDS = f"{HEADER}\n{line()}\n".encode()
EVENTS = json.dumps({"events": [{"logStreamName": "eni-0a1-all", "message": line()}]}).encode()


def tarred(text: bytes) -> bytes:
    """A tar archive of one file."""
    made, told = io.BytesIO(), tarfile.TarInfo("a.log")
    told.size = len(text)
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(told, io.BytesIO(text))
    return made.getvalue()


SHORT = b"eni-0a1 10.0.1.10 10.0.2.20 49200 5432 6 REJECT 1700000000 1700000050 OK\n"


@pytest.mark.parametrize(
    "text",
    [
        RECORDS,
        line().encode(),
        gzip.compress(RECORDS),
        gzip.compress(gzip.compress(RECORDS)),
        RECORDS.decode().encode("utf-16"),
        b"\n" + RECORDS,
        EVENTS,
        gzip.compress(EVENTS),
        b"2023-11-14T22:13:20.000Z " + line().encode(),
        " ".join(f"${{{name}}}" for name in HEADER.split()).encode() + b"\n" + line().encode(),
    ],
)
@pytest.mark.parametrize("name", ["vpc-1-2026-11-23-12-04-31-6f1c", "a.log.1", "A.LOG"])
def test_a_file_that_begins_as_a_flow_log_is_read_whatever_it_is_called(tmp_path, name, text):
    """Firehose names files without a suffix, log rotation puts a number behind it."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / name).write_bytes(text)
    search = Folder(tmp_path).search(seek())
    assert [line(), line(1)] == sorted(record.line for record in search)
    assert ({name, "b.log"}, [], set()) == (set(search.tally.files), search.tally.notes, search.tally.lost)


def test_columns_are_told_by_their_beginning_too(tmp_path):
    """Parquet under another name."""
    polars = pytest.importorskip("polars")
    fields = dict(zip(HEADER.replace("-", "_").split(), line().split(), strict=True))
    polars.DataFrame({name: [value] for name, value in fields.items()}).write_parquet(tmp_path / "part-0001")
    search = Folder(tmp_path).search(seek())
    assert [line()] == [record.line for record in search]


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        b"PK\x03\x04....",
        b"BZh91AY",
        b"\x28\xb5\x2f\xfd...",
        tarred(RECORDS),
        gzip.compress(tarred(RECORDS)),
        b"\x1f\x8b..",
    ],
    ids=["another format", "zip", "bzip2", "zstd", "tar", "packed tar", "torn"],
)
def test_what_may_be_a_flow_log_and_cannot_be_read_voids_silence(tmp_path, text):
    """A record may stand in it; it is named, and the way out where there is one."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / "archive").write_bytes(text)
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [record.line for record in search]
    assert "eni-0a1" in search.tally.lost
    assert "archive" in " ".join((*search.tally.notes, *(one.where for one in search.tally.refusals)))


NAMED = "111122223333_vpcflowlogs_us-east-1_fl-0a3_20231114T2210Z_0a1b2c3d.log.gz"


@pytest.mark.parametrize(
    "name", [f"{NAMED}.6Ab3F2c1", f"{NAMED}.age", "a.log.gz.part", "b.log.parquet.gpg", "Unconfirmed 12.crdownload"]
)
@pytest.mark.parametrize("text", [b"", b"\x1f", b"\x85\x01\x0c no text", gzip.compress(RECORDS)[:60]])
def test_what_its_name_calls_a_flow_log_and_is_none_voids_silence(tmp_path, name, text):
    """A download that was broken off, or a cipher: its records are missing, however it begins."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / name).write_bytes(text)
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [record.line for record in search]
    assert (True, True) == ("eni-0a1" in search.tally.lost, any(note.startswith(name) for note in search.tally.notes))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{NAMED}.sha256", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"),
        ("README", b"These are the flow logs of eni-0a1.\n"),
        ("NOTES.md", b"# start and end of the version\n\n    " + line().encode()),
        ("hosts.csv", b"name,interface-id,address\nweb-1,eni-0a1,10.0.1.10\n"),
        (".DS_Store", b"\0\0\0\1Bud1\0"),
        ("_SUCCESS", b""),
        ("terraform.tfstate", b'{"resources": [{"type": "aws_network_interface", "id": "eni-0a1"}]}'),
        ("plan.xlsx", b"PK\x03\x04...."),
    ],
)
def test_what_is_no_flow_log_is_named_and_takes_nothing_away(tmp_path, name, text):
    """It stands beside them for a reason of its own."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / name).write_bytes(text)
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [record.line for record in search]
    assert ([f"{name}: left out, for it does not begin as a flow log does"], set()) == (search.tally.notes, search.tally.lost)


def test_a_folder_that_may_not_be_looked_into_voids_silence(tmp_path, monkeypatch):
    """It is named, and the others are read; where it is the folder that was given, that is refused."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / "eu").mkdir()
    listed = os.scandir

    def closed(path):
        if Path(path).name == "eu":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", closed)
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [record.line for record in search]
    assert {"eni-0a1", "eni-0b2"} == search.tally.lost
    assert ["eu: cannot be looked into (Permission denied), so what it holds is not known"] == search.tally.notes
    with pytest.raises(FlowdiagError, match=r"eu' cannot be read \(Permission denied\)"):
        open_source(str(tmp_path / "eu"))


def test_a_link_to_a_folder_is_not_followed_and_said(tmp_path):
    """What it leads to may hold records; a link to what is read in any case does not matter."""
    logs, other = tmp_path / "logs", tmp_path / "other"
    logs.mkdir()
    other.mkdir()
    (logs / "b.log").write_text(line(1))
    (logs / "again").symlink_to(logs, target_is_directory=True)
    search = Folder(logs).search(seek())
    assert ([line(1)], set(), []) == ([record.line for record in search], search.tally.lost, search.tally.notes)
    (logs / "eu").symlink_to(other, target_is_directory=True)
    search = Folder(logs).search(seek())
    assert ([line(1)], {"eni-0a1", "eni-0b2"}) == ([record.line for record in search], search.tally.lost)
    assert ["eu: links to another folder, which is not looked into: give that one, or put its files here"] == search.tally.notes


@pytest.mark.parametrize("name", ["a.log", "a"])
def test_a_file_that_cannot_be_looked_at_voids_silence(tmp_path, name):
    """A link that leads nowhere, whatever its name."""
    (tmp_path / "b.log").write_text(line(1))
    (tmp_path / name).symlink_to(tmp_path / "gone")
    search = Folder(tmp_path).search(seek())
    assert [line(1)] == [record.line for record in search]
    assert {"eni-0a1", "eni-0b2"} == search.tally.lost
    assert [f"{name}: cannot be read (No such file or directory), so what it holds is not known"] == search.tally.notes


def test_what_is_no_file_is_not_opened(tmp_path):
    """A pipe would be waited for without an end; one that is named as flow logs are may have been one."""
    (tmp_path / "b.log").write_text(line(1))
    for name, lost in (("pipe", set()), ("pipe.log", {"eni-0a1", "eni-0b2"})):
        os.mkfifo(tmp_path / name)
        search = Folder(tmp_path).search(seek())
        assert ([line(1)], lost) == ([record.line for record in search], search.tally.lost)


def test_where_nothing_can_be_looked_at_the_reason_is_said(tmp_path):
    """And not that no file has the right name."""
    (tmp_path / "a.log").symlink_to(tmp_path / "gone")
    with pytest.raises(FlowdiagError, match=r"a\.log: cannot be read \(No such file or directory\)"):
        Folder(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "version,account-id,interface-id,srcaddr,dstaddr,action\n2,1,eni-0a1,10.0.1.10,10.0.2.20,ACCEPT\n",
        '"2","1","eni-0a1","10.0.1.10","10.0.2.20","REJECT"\n',
    ],
    ids=["header", "record"],
)
def test_a_table_with_commas_is_named_whatever_it_is_called(tmp_path, text):
    """It may hold what is sought: alone it is an error that names it, beside others its silence proves nothing."""
    (tmp_path / "export.csv").write_text(text)
    with pytest.raises(FlowdiagError, match=r"export\.csv: left out, for .* commas or semicolons \(CSV\)"):
        Folder(tmp_path)
    (tmp_path / "a.log").write_text(line() + "\n")
    search = Folder(tmp_path).search(seek())
    assert 1 == len(list(search))
    assert {"eni-0a1", "eni-0b2"} == search.tally.lost
