"""A stream of bytes → Records: packed or not, text or JSON. What every source that delivers bytes has in common."""

from __future__ import annotations

import codecs
import importlib
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from flowdiag.logs import Sought, Tally
from flowdiag.logs._layouts import Layouts, Told, interface_of
from flowdiag.logs._wrapped import Bundle, bundles
from flowdiag.logs.lines import Choose, Lines
from flowdiag.logs.record import Layout
from flowdiag.model import Record

CHUNK = 3 << 15
"""Bytes to read at a time: they unpack to some 400 KB, which the processor's cache holds until they are searched. With
smaller ones threads hand the interpreter to one another more often."""
_LARGEST_PIECE = 1 << 20
_TELLING = 64
_GZIP = b"\x1f\x8b"
_NOT_READ = {
    b"PAR1": "is Parquet, which is read from files, not from streams",
    b"PK\x03\x04": "is a zip archive: unpack it",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it",
    b"BZh": "is packed by bzip2: unpack it",
    b"\xfd7zXZ": "is packed by xz: unpack it",
}
Groups = Callable[[str, str], Layouts | None]
"""An account, empty for any, and the name of a log group → the layouts of the flow logs that deliver there; None for no such."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks of texts with several bytes a character, as PowerShell writes them; the longer ones first."""
_TABLE = re.compile(rb"[\"'\w.:/-]*[,;][\"'\w.:/-]*[,;]")
_IS_TABLE = "its fields are separated by commas (CSV): write spaces instead, and the field names as its first line"


def records(
    chunks: Iterable[bytes],
    name: str,
    sought: Sought,
    tally: Tally,
    layout: Layout | None = None,
    *,
    groups: Groups | None = None,
    every: int = 1,
    small: bool = False,
) -> Iterator[Record]:
    """The records sought in a stream, in its order; all that was seen, and how the stream broke, goes into the tally.

    `chunks` may be gzip (several members, packed twice) and are told by their first bytes, whatever `name` says; chunks of
    CHUNK bytes are read fastest. `layout` stands in for a header line, and `groups` tells of the layouts of a log group that a
    subscription names. `every` is that of `Lines`: how closely lines are
    looked at that name nothing sought. `small` streams are not worth importing a faster engine. What the chunks
    themselves raise, but for an OSError, comes through.
    """
    text = Text(chunks, zlib if small else engine())
    start, pieces = _start(text)
    wide = next((encoding for mark, encoding in _WIDE.items() if start.startswith(mark)), "")
    if wide:
        start, pieces = _start(_narrowed(pieces, wide))
    if not start and not text.broken:
        tally.lose(sought.interfaces, f"{name}: is empty, so what it should hold is not known: copy it again")
        return
    lines = Lines(name, sought, tally, layout, every)
    begin = start.removeprefix(_BYTE_ORDER_MARK).lstrip()
    foreign = next((f"it {reason}" for mark, reason in _NOT_READ.items() if start.startswith(mark)), "")
    foreign = foreign or (_IS_TABLE if _TABLE.match(begin) else "")
    if foreign:
        tally.lose(sought.interfaces, f"{name}: left out, for {foreign}")
        return
    if begin[:1] in (b"{", b"["):
        more = f"{name}: there are more events than this file holds: save the following pages into it too"
        yield from _of_events(bundles(pieces, lambda: tally.lose(sought.interfaces, more)), lines, groups)
    else:
        yield from lines.scan(pieces, lambda: bool(text.broken))
    if text.broken:
        note = f"{name} could not be read to its end ({text.broken}): only what stands before was used"
        tally.lose(sought.interfaces, note)


def _of_events(found: Iterable[Bundle], lines: Lines, groups: Groups | None) -> Iterator[Record]:
    """The records of JSON, each line read by a layout of the log group that it is from, where that is known."""
    own: Choose = partial(_as_it_is, lines.layout)
    for bundle in found:
        layouts = groups(bundle.owner, bundle.group) if groups and bundle.group else None
        interface = interface_of(bundle.stream)
        for line, second in bundle.events:
            choose = partial(layouts.of, Told(line, interface, second)) if layouts else own
            record = lines.next(line, choose if groups else None)
            if record is not None:
                yield record


def _as_it_is(layout: Layout, line: bytes) -> tuple[Layout, bytes]:
    return layout, line


def _narrowed(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A text of several bytes a character as UTF-8."""
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    for piece in pieces:
        yield decode(piece).encode("utf-8", "replace")
    yield decode(b"", True).encode("utf-8", "replace")


class Text:
    """The text of a stream, piece by piece; `broken` tells, once it has ended, why that was before its end."""

    def __init__(self, chunks: Iterable[bytes], unpacker: Any) -> None:
        self.broken = ""
        self._chunks, self._unpacker = chunks, unpacker

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._unpacked(self._unpacked(self._chunks))
        except (OSError, EOFError, zlib.error, self._unpacker.error) as error:
            self.broken = str(error)

    def _unpacked(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        start, chunks = _start(chunks)
        return self._members(chunks) if start.startswith(_GZIP) else iter(chunks)

    def _members(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The text of gzip members one after another; raises EOFError where the last one is torn."""
        member = self._unpacker.decompressobj(wbits=31)
        for chunk in chunks:
            left = chunk
            while left:
                if member.eof:
                    member = self._unpacker.decompressobj(wbits=31)
                yield member.decompress(left, _LARGEST_PIECE)
                left = member.unconsumed_tail or member.unused_data
        while not member.eof:
            piece = member.decompress(b"", _LARGEST_PIECE)
            if not piece:
                raise EOFError("the gzip stream is torn")
            yield piece


def engine() -> Any:
    """The fastest module that unpacks gzip and has zlib's names: isal of the extra `fast` where it is installed."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


def _start(chunks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes that tell what a stream is, and the stream with them put back."""
    pending, start = iter(chunks), b""
    while len(start) < _TELLING:
        chunk = next(pending, None)
        if chunk is None:
            break
        start += chunk
    return start, chain((start,), pending)
