"""Chunks of bytes → their text, unpacked where it is packed, straight into the buffer that it is searched in."""

from __future__ import annotations

import importlib
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from flowdiag.logs._block import SIZE, Readable
from flowdiag.model import FlowdiagError

_PACKED = 1 << 17
"""Bytes of packed text that isal reads at a time."""
_CHUNK = 1 << 16
"""Bytes of packed text that zlib reads at a time: they unpack to some 250 KB, which the processor's cache
holds until they are copied."""
_LARGEST_PIECE = 1 << 20
_TELLING, _AHEAD = 64, 1 << 14
"""Bytes that tell what a stream is, and so many at most that are read to have them: the whole of a small one."""
_GZIP = b"\x1f\x8b"
_TIMES = 2
"""How often a text may be packed."""
Failures = tuple[type[Exception], ...]


class Text:
    """The text of a stream: `start` are its first bytes; `broken` tells, once it has ended, why that was before its end.

    What its source raises comes through, but for an OSError, once everything before it is read.
    """

    def __init__(self, source: Readable | Iterable[bytes], unpacker: Any) -> None:
        self._tears: Failures = (OSError, EOFError, OverflowError, zlib.error, unpacker.error)
        failures = (*self._tears, FlowdiagError)
        stream = _Started(_Pieces(source, failures) if isinstance(source, Iterable) else source, failures)
        for _ in range(_TIMES):
            if stream.start.startswith(_GZIP):
                stream = _Started(_unpacked(stream, unpacker, failures), failures)
        self.start, self.broken, self._stream = stream.start, "", stream
        if not stream.start:
            self.readinto(memoryview(bytearray(1)))  # it is at its end, or fails

    def readinto(self, buffer: memoryview, /) -> int:
        """Put what comes next into the buffer; 0 bytes at the end, or where the stream is torn."""
        try:
            return 0 if self.broken else self._stream.readinto(buffer)
        except self._tears as error:
            self.broken = str(error)
            return 0

    def __iter__(self) -> Iterator[bytes]:
        return _pieces(self, SIZE)


def engine() -> Any:
    """The fastest module that unpacks gzip and has zlib's names: isal of the extra `fast` where it is installed."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


def _unpacked(stream: Readable, unpacker: Any, failures: Failures) -> Readable:
    reader = getattr(unpacker, "_GzipReader", None)
    if reader is not None:
        return _Members(reader(stream, _PACKED), failures)
    return _Pieces(_members(_pieces(stream, _CHUNK), unpacker), failures)


class _Pieces:
    """Pieces of bytes one after another. A buffer is filled by as many as it takes: whole ones are searched fastest."""

    def __init__(self, pieces: Iterable[bytes], failures: Failures) -> None:
        self._pieces, self._failures, self._left = iter(pieces), failures, memoryview(b"")
        self._failure: Exception | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer: the number of bytes; what the pieces raise is raised once everything before it is read."""
        number = 0
        while number < len(buffer) and (self._left or self._next()):
            part = self._left[: len(buffer) - number]
            buffer[number : number + len(part)], self._left = part, self._left[len(part) :]
            number += len(part)
        if self._failure and not number:
            raise self._failure
        return number

    def _next(self) -> bool:
        """Go on to the next piece that holds something, if there is one."""
        try:
            while not self._failure and (piece := next(self._pieces, None)) is not None:
                self._left = memoryview(piece)
                if piece:
                    return True
        except self._failures as error:
            self._failure = error
        return False


class _Started(io.RawIOBase):
    """A stream whose first bytes were looked at and are read again, before what failed behind them is raised."""

    def __init__(self, stream: Readable, failures: Failures) -> None:
        super().__init__()
        self._stream, self._failures = stream, failures
        self._failure: Exception | None = None
        ahead, read = memoryview(bytearray(_AHEAD)), 0
        try:
            while read < _TELLING and (more := stream.readinto(ahead[read:])):
                read += more
        except failures as error:
            self._failure = error
        self.start = self._left = bytes(ahead[:read])

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """Put what comes next into the buffer, the first bytes again: the number of bytes, 0 at the end."""
        number = min(len(buffer), len(self._left))
        buffer[:number], self._left = self._left[:number], self._left[number:]
        if number == len(buffer) or (number and self._failure):
            return number
        if self._failure:
            raise self._failure
        try:
            return number + self._stream.readinto(buffer[number:] if number else buffer)
        except self._failures as error:
            self._failure = error
            if not number:
                raise
            return number


class _Members:
    """gzip members one after another, by the reader that isal reads its own files with: it unpacks into a buffer."""

    def __init__(self, reader: Any, failures: Failures) -> None:
        self._reader, self._failures = reader, failures
        self._failure: Exception | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """Put what comes next into the buffer; what fails is raised once everything before it is read."""
        if self._failure:
            raise self._failure
        before = self._reader.tell()
        try:
            read: int = self._reader.readinto(buffer)
        except self._failures as error:
            read, self._failure = self._reader.tell() - before, error  # what stands before it is in the buffer
            if not read:
                raise
        return read


def _members(chunks: Iterable[bytes], unpacker: Any) -> Iterator[bytes]:
    """The text of gzip members one after another, zero bytes behind them left out; raises EOFError where the last is torn."""
    member = unpacker.decompressobj(wbits=31)
    for chunk in chunks:
        left = chunk
        while left := left.lstrip(b"\0") if member.eof else left:
            if member.eof:
                member = unpacker.decompressobj(wbits=31)
            yield member.decompress(left, _LARGEST_PIECE)
            left = member.unconsumed_tail or member.unused_data
    while not member.eof:
        piece = member.decompress(b"", _LARGEST_PIECE)
        if not piece:
            raise EOFError("the gzip stream is torn")
        yield piece


def _pieces(stream: Readable, size: int) -> Iterator[bytes]:
    buffer = memoryview(bytearray(size))
    while read := stream.readinto(buffer):
        yield bytes(buffer[:read])
