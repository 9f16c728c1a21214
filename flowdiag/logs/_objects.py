"""The files of a bucket → Records: text as a stream, Parquet by way of a file that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import count, groupby
from operator import attrgetter
from pathlib import Path

from flowdiag.logs import Access, Sought, Tally
from flowdiag.logs import _parquet as parquet
from flowdiag.logs import _stream as stream
from flowdiag.logs._parallel import ahead, in_order
from flowdiag.logs._ranges import Copy, Span
from flowdiag.logs._rows import Density
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record, Scope

SMALL = 1 << 22
"""Bytes of all files together up to which no faster engine is worth its import."""
EVERY = 8
"""In larger archives the separators of one line of so many are counted where nothing of interest stands."""


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

    def records(self, objects: Iterable[Object], tally: Tally) -> Iterator[Record]:
        """The records of these files. One that AWS does not give is among the failures; one that is torn or cannot be read is
        noted, and who may stand in it counts as unseen."""
        for columns, files in groupby(objects, attrgetter("parquet")):
            if columns:
                yield from self._columns(list(files), tally)
            else:
                yield from in_order((partial(self._text, found) for found in files), tally)

    def _text(self, found: Object, tally: Tally) -> Iterator[Record]:
        name, every = self._name(found), 1 if self.small else EVERY
        tally.files.append(name)
        try:
            yield from stream.records(self._bytes(found), name, self.sought, tally, self.layout, every=every, small=self.small)
        except FlowdiagError as error:
            self._fail(found, error)
        for note in tuple(tally.notes):
            tally.lose(self.sought.interfaces, note)

    def _columns(self, objects: list[Object], tally: Tally) -> Iterator[Record]:
        """Parquet is read from its end, so by way of a file. Several are fetched at a time and searched one after another, for
        a search uses every core by itself, and memory."""
        try:
            space = tempfile.TemporaryDirectory(prefix="flowdiag-")
        except OSError as error:
            for found in objects:
                self._fail(found, error)
            return
        with space as folder:
            places = (Path(folder) / str(number) for number in count())
            calls = (partial(self._copied, found, path) for found, path in zip(objects, places, strict=False))
            with closing(ahead(calls)) as copies:
                for found, copy in zip(objects, copies, strict=True):
                    tally.files.append(self._name(found))
                    if copy is not None:
                        yield from self._searched(found, copy, tally)
                        copy.path.unlink()

    def _copied(self, found: Object, path: Path) -> Copy | None:
        """A copy of what can hold the window; None where it cannot be had."""
        copy = Copy(path, found.size, partial(self._bytes, found))
        try:
            copy.take(self.sought.window)
        except (FlowdiagError, OSError) as error:
            self._fail(found, error)
            return None
        return copy

    def _searched(self, found: Object, copy: Copy, tally: Tally) -> Iterator[Record]:
        complete = copy.complete if copy.partly else None
        try:
            yield from parquet.records([(copy.path, self._name(found))], self.sought, tally, self.density, complete)
        except (FlowdiagError, OSError) as error:
            self._fail(found, error)

    def _fail(self, found: Object, error: Exception) -> None:
        self.failures.append((found.key, " ".join(str(error).split())))

    def _name(self, found: Object) -> str:
        return f"s3://{self.bucket}/{found.key}"

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
        needs = "; needs s3:GetObject, and kms:Decrypt for the key that encrypts it" if reason == "denied" else ""
        tally.lose(sought.interfaces, f"{files} could not be read ({reason}{needs}): {first}")
