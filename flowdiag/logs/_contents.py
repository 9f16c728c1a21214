"""What stands in a folder: files that are flow logs by their names or by how they begin, others, and what cannot be seen.

Firehose names files without a suffix (https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html), so what a file is
its beginning tells. A file that is taken for a flow log and is none voids silence; one that is left out has to be none.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowdiag.address import address
from flowdiag.logs._parquet import MAGIC
from flowdiag.logs._stream import foreign, narrow, table
from flowdiag.logs._unpack import Text
from flowdiag.logs.lines import SILENT
from flowdiag.logs.record import KNOWN, Layout

SUFFIXES = frozenset((".log", ".txt", ".gz", ".json", ".jsonl", ".parquet"))
"""Of files that are flow logs, whatever they hold."""
_DOCUMENTS = frozenset((".docx", ".jar", ".odp", ".ods", ".odt", ".pptx", ".whl", ".xlsx"))
"""Of files that are zip archives but hold no others."""
_NAMED_AS_ONE = re.compile(r"_vpcflowlogs_|\.log\.(gz|parquet)|\.(crdownload|download|part|partial)$")
"""What stands in the names of flow logs as AWS delivers them, also of those that a download or a cipher named anew, and of
downloads that were broken off."""
_CHECKSUMS = frozenset((".asc", ".md5", ".sha1", ".sha256", ".sig"))
_UNLIKE = "is by its name a flow log, or part of one, and holds none that can be read: fetch it again, or take it away"
_GZIP = b"\x1f\x8b"
_LINK = "links to another folder, which is not looked into: give that one, or put its files here"
_BEGINNING = 1 << 16
"""Bytes of a file that tell what it is."""
_TELLING = 2
"""Words of a record in the first line that tell it from prose."""
_INTERFACE = re.compile(r"(?:eni|nat)-[0-9a-f]+")
_WORDS = frozenset(("ACCEPT", "REJECT", *SILENT))
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_EVENTS = re.compile(rb'"(?:logEvents|@?message|logStreamName)"|\b(?:ACCEPT|REJECT|NODATA|SKIPDATA)\b')
_OF_INTERFACE = re.compile(rb'\beni-[0-9a-f]+|"messageType"')


@dataclass(frozen=True)
class Contents:
    """A folder's flow logs in the order of their paths, the names of other files, and sentences on what cannot be seen that may
    hold flow logs."""

    files: tuple[Path, ...]
    others: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def contents(top: Path) -> Contents:
    """What stands in a folder, at whatever depth; raises OSError where the folder itself cannot be listed."""
    files: list[Path] = []
    others: list[str] = []
    unseen: list[str] = []
    for path, closed in _entries(top):
        name, (flow_log, why) = path.relative_to(top).as_posix(), (False, closed) if closed else _look(path)
        if why:
            unseen.append(f"{name}: {why}")
        elif flow_log:
            files.append(path)
        else:
            others.append(name)
    return Contents(tuple(sorted(files)), tuple(sorted(others)), tuple(sorted(unseen)))


def _entries(top: Path) -> Iterator[tuple[Path, str]]:
    """Every file, and with the reason every folder that is not looked into."""
    closed: list[OSError] = []
    for root, folders, files in os.walk(top, onerror=closed.append):
        yield from ((Path(root, name), "") for name in files)
        links = (Path(root, name) for name in folders)
        yield from ((path, _LINK) for path in links if path.is_symlink() and not _within(top, path))
    for error in closed:
        if Path(error.filename) == top:
            raise error
        yield Path(error.filename), f"cannot be looked into ({error.strerror}), so what it holds is not known"


def _within(top: Path, link: Path) -> bool:
    """Whether a link leads to what is looked through in any case."""
    return Path(os.path.realpath(link)).is_relative_to(os.path.realpath(top))


def _look(path: Path) -> tuple[bool, str]:
    """Whether a file is read as a flow log, and why that cannot be told."""
    named = path.suffix in SUFFIXES
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False, "is no file that can be read, so what it stands for is not known" if named else ""
        if named or path.suffix in _DOCUMENTS:
            return named, ""
        begin = _beginning(path)
        if _is_table(begin):
            return False, f"left out, for {table(begin)}"
        flow_log = _begins_as_one(begin)
        renamed = _NAMED_AS_ONE.search(path.name) and path.suffix not in _CHECKSUMS
        return flow_log, _UNLIKE if renamed and not flow_log else ""
    except OSError as error:
        return False, f"cannot be read ({error.strerror}), so what it holds is not known"


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BEGINNING)


def _begins_as_one(begin: bytes) -> bool:
    """Whether a file that begins so is, or may hold, a flow log."""
    if not begin:
        return False
    start = narrow(Text((begin,), zlib).start)
    if not start or start.startswith(MAGIC) or foreign(start):  # packed and torn at once, columns, or an archive
        return True
    if begin.startswith(_GZIP) and b"\n" not in start:  # torn within its first line
        return True
    text = start.lstrip()
    if text[:1] in (b"{", b"["):
        return bool(_EVENTS.search(text) and _OF_INTERFACE.search(text))
    return _is_header(first := text.partition(b"\n")[0].decode("utf-8", "replace")) or _is_record(first)


def _is_table(begin: bytes) -> bool:
    """Whether it begins as a flow log in the form of a table with commas does."""
    first = begin.partition(b"\n")[0].decode("utf-8", "replace").replace('"', "")
    spaced = re.sub("[,;]", " ", first).replace("_", "-")
    return bool(table(begin)) and (_is_header(spaced) or not _WORDS.isdisjoint(spaced.split()))


def _is_header(line: str) -> bool:
    """Whether most words of a line are names of fields."""
    layout = Layout.of_header(" ".join(_VARIABLE.findall(line)) or line)
    return layout is not None and 2 * len(KNOWN.intersection(layout.fields)) > len(layout.fields)


def _is_record(line: str) -> bool:
    words = line.split()
    return sum(word in _WORDS or bool(_INTERFACE.fullmatch(word)) or address(word) is not None for word in words) >= _TELLING
