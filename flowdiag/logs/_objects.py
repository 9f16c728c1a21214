"""The files of a bucket → Records: text as a stream, Parquet by way of a file that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from flowdiag.logs import Access, Sought, Tally
from flowdiag.logs import _parquet as parquet
from flowdiag.logs import _stream as stream
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record, Scope

SMALL = 1 << 22
"""Bytes of all files together up to which no faster engine is worth its import."""
EVERY = 8
"""In larger archives the separators of one line of so many are counted where nothing of interest stands."""


@dataclass(frozen=True)
class Object:
    """One file: its key, its size in bytes, and whether it is Parquet."""

    key: str
    size: int
    parquet: bool = False


@dataclass
class Reading:
    """One search of one bucket. `failures` are the files that AWS does not give, and why; threads add to it."""

    access: Access
    scope: Scope
    bucket: str
    sought: Sought
    layout: Layout | None = None
    small: bool = False
    failures: list[tuple[str, str]] = field(default_factory=list)

    def records(self, found: Object, tally: Tally) -> Iterator[Record]:
        """The records of one file. One that AWS does not give is among the failures; one that is torn or cannot be read is
        noted, and who may stand in it counts as unseen."""
        name = f"s3://{self.bucket}/{found.key}"
        tally.files.append(name)
        try:
            yield from (self._columns if found.parquet else self._text)(found, name, tally)
        except FlowdiagError as error:
            self.failures.append((found.key, " ".join(str(error).split())))
        for note in tuple(tally.notes):
            tally.lose(self.sought.interfaces, note)

    def _text(self, found: Object, name: str, tally: Tally) -> Iterator[Record]:
        every = 1 if self.small else EVERY
        yield from stream.records(self._chunks(found), name, self.sought, tally, self.layout, every=every, small=self.small)

    def _columns(self, found: Object, name: str, tally: Tally) -> Iterator[Record]:
        """Parquet is read from its end, so it is fetched whole: it holds five minutes, which the window already chose."""
        with tempfile.TemporaryDirectory(prefix="flowdiag-") as folder:
            path = Path(folder) / "flow-logs.parquet"
            with path.open("wb") as copy:
                copy.writelines(self._chunks(found))
            yield from parquet.records(path, name, self.sought, tally)

    def _chunks(self, found: Object) -> Iterator[bytes]:
        return self.access.body(self.scope, "s3", "get_object", {"Bucket": self.bucket, "Key": found.key})


def tell_unread(failures: Iterable[tuple[str, str]], name: str, sought: Sought, tally: Tally) -> None:
    """Note how many files AWS did not give, by reason, each with the first of them; who may stand in them counts as unseen."""
    told = sorted(failures)
    for reason, number in Counter(reason for _, reason in told).items():
        first = next(key for key, why in told if why == reason)
        files = f"{number} file{'' if number == 1 else 's'} of {name}"
        needs = "s3:GetObject, and kms:Decrypt for the key that encrypts it"
        tally.lose(sought.interfaces, f"{files} could not be read ({reason}; needs {needs}): {first}")
