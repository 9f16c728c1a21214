"""Flow logs in files: a folder of `.log`, `.txt` and `.gz` as delivered to S3 or saved by hand, or one such file.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from flowdiag.logs import Means, Opener, Search, Sought, Tally
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record

SUFFIXES = frozenset((".log", ".txt", ".gz"))
_CHUNK = 1 << 14
_GZIP = b"\x1f\x8b"


class Folder(Opener):
    """A folder of flow log files, searched in the order of their paths, or one file.

    `log_format` is the flow log's LogFormat for files without a header line. Raises FlowdiagError where nothing is there
    to read.
    """

    def __init__(self, path: str | Path, log_format: str | None = None) -> None:
        self.path = Path(path)
        self.layout = Layout.of_format(log_format) if log_format else None
        self.files = self._files()
        if not self.files:
            endings = ", ".join(sorted(SUFFIXES))
            raise FlowdiagError(f"flow logs {str(path)!r}: no file ends in {endings}; give the folder that holds some")

    @classmethod
    def opens(cls, where: str, means: Means | None = None) -> Folder | None:
        """The folder or file of this path; None where there is none."""
        try:
            return cls(where) if Path(where).exists() else None
        except OSError as error:  # a name longer than the file system takes, or a folder one may not enter
            raise FlowdiagError(f"flow logs {where!r} cannot be read ({error.strerror}): give a path that exists") from None

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, file by file."""
        return Search(lambda tally: self._records(sought, tally), source=f"flow logs in {self.path.name}")

    def _files(self) -> tuple[Path, ...]:
        if self.path.is_file():
            return (self.path,)
        if not self.path.is_dir():
            raise FlowdiagError(
                f"flow logs {str(self.path)!r} are no such file or folder as can be read: give a path that is one"
            )
        return tuple(sorted(p for p in self.path.rglob("*") if p.suffix in SUFFIXES and p.is_file()))

    def _left_out(self) -> list[str]:
        """Files beside the logs that are not read, by name."""
        if self.path.is_file():
            return []
        others = (p for p in self.path.rglob("*") if p.suffix not in SUFFIXES and not p.is_dir())
        return sorted(p.relative_to(self.path).as_posix() for p in others)

    def _records(self, sought: Sought, tally: Tally) -> Iterator[Record]:
        tally.notes += [f"{name}: left out, for only {', '.join(sorted(SUFFIXES))} files are read" for name in self._left_out()]
        for path in self.files:
            name = path.relative_to(self.path).as_posix() if path != self.path else path.name
            tally.files.append(name)
            yield from Lines(name, sought, tally, self.layout).read(_lines(path, name, tally))


def _lines(path: Path, name: str, tally: Tally) -> Iterator[bytes]:
    """The whole lines of a file; what is torn off at the end of a broken file is refused, for half a number is a wrong one."""
    rest, broken = b"", ""
    try:
        with path.open("rb") as stream:
            for piece in _inflated(stream) if _is_gzip(stream) else iter(lambda: stream.read(_CHUNK), b""):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
    except (OSError, zlib.error, EOFError) as error:
        broken = f"{name} could not be read to its end ({error}): only what stands before was used"
    if broken:
        tally.notes.append(broken)
        if rest:
            tally.lines += 1
            tally.refuse(f"{name}: last line", "is cut off where the file breaks")
    elif rest:
        yield rest


def _is_gzip(stream: BinaryIO) -> bool:
    """By the first two bytes, whatever the file is called."""
    start = stream.read(2)
    stream.seek(0)
    return start == _GZIP


def _inflated(stream: BinaryIO) -> Iterator[bytes]:
    """The text of a gzip file piece by piece, several members after one another too; raises EOFError where it is torn."""
    member = zlib.decompressobj(wbits=31)
    for chunk in iter(lambda: stream.read(_CHUNK), b""):
        left = chunk
        while left:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            yield member.decompress(left)
            left = member.unused_data
    if not member.eof:
        raise EOFError("the gzip stream is torn")
