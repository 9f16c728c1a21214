"""Flow logs in files: a folder of what is delivered to S3 or saved by hand (text, gzip, JSON, Parquet), or one such file.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from flowdiag.logs import Means, Opener, Search, Sought, Tally
from flowdiag.logs import _parquet as parquet
from flowdiag.logs import _stream as stream
from flowdiag.logs._parallel import in_order
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record

SUFFIXES = frozenset((".log", ".txt", ".gz", ".json", ".jsonl", ".parquet"))
SMALL = 1 << 22
"""Bytes of files that are searched one after another, without an engine: some 100,000 records in a tenth of a second."""
EVERY = 16
"""In larger archives the separators of one line of so many are counted where nothing of interest stands."""
_ASIDE = 1
"""Threads beyond one a core: one unpacks while another holds the interpreter. Parquet gains nothing, and takes more memory."""


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
            return cls(where, means.log_format if means else None) if Path(where).exists() else None
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
        small = sum(_size(path) for path in self.files) <= SMALL
        parts = [partial(self._file, path, sought, small) for path in self.files]
        if small or len(parts) == 1:
            for part in parts:
                yield from part(tally)
        else:
            columns = any(path.suffix == ".parquet" for path in self.files)
            yield from in_order(parts, tally, (os.cpu_count() or 1) + (0 if columns else _ASIDE))

    def _file(self, path: Path, sought: Sought, small: bool, tally: Tally) -> Iterator[Record]:
        name = path.relative_to(self.path).as_posix() if path != self.path else path.name
        tally.files.append(name)
        if _starts_with(path, parquet.MAGIC):
            return parquet.records(path, name, sought, tally)
        return self._text(path, name, sought, small, tally)

    def _text(self, path: Path, name: str, sought: Sought, small: bool, tally: Tally) -> Iterator[Record]:
        every = 1 if small else EVERY
        with closing(_File(path)) as file:
            yield from stream.records(file, name, sought, tally, self.layout, every=every, small=small)


class _File:
    """A file that is opened when it is first read: one that cannot be is told like one that breaks off."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        if self._file is None:
            self._file = self._path.open("rb", buffering=0)
        return self._file.readinto(buffer) or 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _starts_with(path: Path, mark: bytes) -> bool:
    """What a file is, by its first bytes, whatever it is called; one that cannot be opened says so when it is read."""
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
