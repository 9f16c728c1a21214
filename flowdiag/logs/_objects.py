"""The files of a bucket, read as streams: text as it comes, Parquet by ranges of its row groups."""

from __future__ import annotations

import io
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


class RangedFile(io.RawIOBase):
    """An object of S3 as a file that can be read anywhere: each read asks for just those bytes."""

    def __init__(self, access: Access, scope: Scope, bucket: str, key: str, size: int) -> None:
        self._ask = (access, scope, bucket, key)
        self._size, self._at = size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset from the start, from here, or from the end."""
        self._at = max(0, {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, all of them without a size; raises FlowdiagError where AWS does not give them."""
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        access, scope, bucket, key = self._ask
        request = {"Bucket": bucket, "Key": key, "Range": f"bytes={self._at}-{end - 1}"}
        found = b"".join(access.body(scope, "s3", "get_object", request))
        self._at += len(found)
        return found

    def readall(self) -> bytes:
        """Everything from here on."""
        return self.read()
