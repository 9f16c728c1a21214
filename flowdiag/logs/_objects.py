"""The files of a bucket, read as streams."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flowdiag.logs import Access, Sought, Tally
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Layout
from flowdiag.model import FlowdiagError, Record, Scope

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Object:
    """One file: its key, its size in bytes, and whether it is Parquet."""

    key: str
    size: int
    parquet: bool = False


@dataclass
class Reading:
    """One search of one bucket. `failures` are the files that could not be read, and why; threads add to it."""

    access: Access
    scope: Scope
    bucket: str
    sought: Sought
    layout: Layout | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)

    def records(self, found: Object, tally: Tally) -> Iterator[Record]:
        """The records of one file; one that cannot be read, or not to its end, is among the failures."""
        name = f"s3://{self.bucket}/{found.key}"
        tally.files.append(name)
        try:
            if found.parquet:
                raise FlowdiagError("Parquet is not read")
            chunks = self.access.body(self.scope, "s3", "get_object", {"Bucket": self.bucket, "Key": found.key})
            yield from Lines(name, self.sought, tally, self.layout).read(lines(inflated(chunks)))
        except (FlowdiagError, zlib.error, EOFError) as error:
            self.failures.append((found.key, " ".join(str(error).split())))


def tell_unread(failures: Iterable[tuple[str, str]], name: str, sought: Sought, tally: Tally) -> None:
    """Note how many files could not be read, by reason, each with the first of them; who may stand in them counts as unseen."""
    told = sorted(failures)
    for reason, number in Counter(reason for _, reason in told).items():
        first = next(key for key, why in told if why == reason)
        files = f"{number} file{'' if number == 1 else 's'} of {name}"
        needs = "s3:GetObject, and kms:Decrypt for the key that encrypts it"
        tally.lose(sought.interfaces, f"{files} could not be read to the end ({reason}; needs {needs}): {first}")


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The text of a file, gzip or not, piece by piece; raises EOFError where a gzip stream is torn."""
    member, first = None, True
    for chunk in chunks:
        if first:
            member = zlib.decompressobj(wbits=31) if chunk[:2] == _GZIP else None
            first = False
        if member is None:
            yield chunk
            continue
        left = chunk
        while left:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            yield member.decompress(left)
            left = member.unused_data
    if member is not None and not member.eof:
        raise EOFError("the gzip stream is torn")


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The whole lines of pieces of text; what is torn off at an error is not one."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
