"""Flow logs in files: a folder of what is delivered to S3 or saved by hand (text, gzip, JSON, Parquet), or one such file.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import cache, partial
from itertools import groupby, islice
from pathlib import Path

from flowdiag.logs import Means, Opener, Search, Sought, Tally
from flowdiag.logs import _parquet as parquet
from flowdiag.logs import _stream as stream
from flowdiag.logs._contents import SUFFIXES, Contents, contents
from flowdiag.logs._layouts import FlowLog, Layouts, layouts_told
from flowdiag.logs._parallel import Part, in_order
from flowdiag.logs._rows import Density
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record

SMALL = 1 << 22
"""Bytes of files that are searched one after another, without an engine: some 100,000 records in a tenth of a second."""
SCANS = 2
"""Scans of Parquet files side by side: each uses every core, and holds memory of its own."""
EVERY = 16
"""In larger archives the separators of one line of so many are counted where nothing of interest stands."""


class Folder(Opener):
    """A folder of flow log files, searched in the order of their paths, or one file.

    `log_format` is the flow log's LogFormat for files without a header line; without one, `known` tells those of the flow
    logs that they may be of. Raises FlowdiagError where nothing is there to read.
    """

    def __init__(self, path: str | Path, log_format: str | None = None, known: Means | None = None) -> None:
        self.path = Path(path)
        self.layout = Layout.of_format(log_format) if log_format else _shared(known.watching) if known else None
        self.groups = _groups(known) if known and not log_format else None
        self.contents = self._contents()
        self.files = self.contents.files
        if not self.files:
            why = "; ".join(self.contents.unseen[:1]) or f"no file ends in {', '.join(sorted(SUFFIXES))} or begins as a flow log"
            raise FlowdiagError(f"flow logs {str(path)!r}: {why}; give the folder that holds some")

    @classmethod
    def opens(cls, where: str, means: Means | None = None) -> Folder | None:
        """The folder or file of this path; None where there is none."""
        try:
            return cls(where, means.log_format if means else None, means) if Path(where).exists() else None
        except OSError as error:  # a name longer than the file system takes, or a folder one may not enter
            raise FlowdiagError(f"flow logs {where!r} cannot be read ({error.strerror}): give a path that exists") from None

    def search(self, sought: Sought) -> Search:
        """Every record that is sought, file by file."""
        return Search(lambda tally: self._records(sought, tally), source=f"flow logs in {self.path.name}")

    def _contents(self) -> Contents:
        if self.path.is_file():
            return Contents((self.path,))
        if not self.path.is_dir():
            raise FlowdiagError(
                f"flow logs {str(self.path)!r} are no such file or folder as can be read: give a path that is one"
            )
        return contents(self.path)

    def _records(self, sought: Sought, tally: Tally) -> Iterator[Record]:
        tally.notes += [f"{name}: left out, for it does not begin as a flow log does" for name in self.contents.others]
        for unseen in self.contents.unseen:
            tally.lose(sought.interfaces, unseen)
        small = sum(_size(path) for path in self.files) <= SMALL
        parts = self._parts(sought, small)
        if small or len(self.files) == 1:
            for part in parts:
                yield from part(tally)
        else:
            cores, columns = os.cpu_count() or 1, _starts_with(self.files[0], parquet.MAGIC)
            yield from in_order(parts, tally, min(cores, SCANS) if columns else cores)

    def _parts(self, sought: Sought, small: bool) -> Iterator[Part]:
        """Each file of text by itself, Parquet files that follow one another together."""
        density = Density()
        for columns, files in groupby(self.files, lambda path: _starts_with(path, parquet.MAGIC)):
            if not columns:
                yield from (partial(self._text, path, sought, small) for path in files)
                continue
            while together := list(islice(files, density.together)):
                yield partial(self._columns, together, sought, density)

    def _text(self, path: Path, sought: Sought, small: bool, tally: Tally) -> Iterator[Record]:
        tally.files.append(self._name(path))
        every = 1 if small else EVERY
        with closing(_File(path)) as file:
            yield from stream.records(
                file, self._name(path), sought, tally, self.layout, groups=self.groups, every=every, small=small
            )

    def _columns(self, paths: list[Path], sought: Sought, density: Density, tally: Tally) -> Iterator[Record]:
        files = [(path, self._name(path)) for path in paths]
        tally.files += [name for _, name in files]
        return parquet.records(files, sought, tally, density)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix() if path != self.path else path.name


def _shared(watching: Iterable[FlowLog]) -> Layout | None:
    """The layout of all flow logs that watch the path, where there is one; a file may be of any of them."""
    found = layouts_told(watching)
    return found[0] if len(found) == 1 else None


def _groups(known: Means) -> stream.Groups:
    """The layouts of the flow logs of a log group, looked up once."""

    @cache
    def layouts(owner: str, group: str) -> Layouts | None:
        found = layouts_told(known.delivering(owner, group))
        return Layouts(found, others=True) if found else None

    return layouts


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
