"""The files of a bucket → Records: text as a stream, Parquet by way of a file that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from flowdiag.logs import Access, Sought, Tally
from flowdiag.logs import _parquet as parquet
from flowdiag.logs import _stream as stream
from flowdiag.logs._ranges import Copy, Span
from flowdiag.logs._rows import Density
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record, Scope

SMALL = 1 << 22
"""Bytes of all files together up to which no faster engine is worth its import."""
EVERY = 8
"""In larger archives the separators are counted in one block of so many that hold nothing of interest."""


@dataclass(frozen=True)
class Object:
    """One file: its key, its size in bytes, whether it is Parquet, and the ETag that tells it from a later one of its key."""

    key: str
    size: int
    parquet: bool = False
    etag: str = ""


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
    density: Density = field(default_factory=Density)

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
        yield from stream.records(self._bytes(found), name, self.sought, tally, self.layout, every=every, small=self.small)

    def _columns(self, found: Object, name: str, tally: Tally) -> Iterator[Record]:
        """Parquet is read from its end, so by way of a file; of a large one only what can hold the window is fetched."""
        with tempfile.TemporaryDirectory(prefix="flowdiag-") as folder:
            copy = Copy(Path(folder) / "flow-logs.parquet", found.size, partial(self._bytes, found))
            copy.take(self.sought.window)
            complete = copy.complete if copy.partly else None
            yield from parquet.records([(copy.path, name)], self.sought, tally, self.density, complete)

    def _bytes(self, found: Object, span: Span | None = None) -> Iterator[bytes]:
        """The file, or a span of it, which has to be of the file that was listed.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        asked = {"Bucket": self.bucket, "Key": found.key}
        if span:
            asked |= {"Range": f"bytes={span[0]}-{span[1] - 1}"} | ({"IfMatch": found.etag} if found.etag else {})
        return self.access.body(self.scope, "s3", "get_object", asked)


def tell_unread(failures: Iterable[tuple[str, str]], name: str, sought: Sought, tally: Tally) -> None:
    """Note how many files AWS did not give, by reason, each with the first of them; who may stand in them counts as unseen."""
    told = sorted(failures)
    for reason, number in Counter(reason for _, reason in told).items():
        first = next(key for key, why in told if why == reason)
        files = f"{number} file{'' if number == 1 else 's'} of {name}"
        needs = "s3:GetObject, and kms:Decrypt for the key that encrypts it"
        tally.lose(sought.interfaces, f"{files} could not be read ({reason}; needs {needs}): {first}")
