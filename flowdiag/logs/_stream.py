"""A stream of bytes → Records: packed or not, text or JSON. What every source that delivers bytes has in common."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from flowdiag.logs import Sought, Tally
from flowdiag.logs._block import Readable
from flowdiag.logs._layouts import Layouts, Told, completed, interface_of
from flowdiag.logs._unpack import Text, engine
from flowdiag.logs._wrapped import Bundle, bundles
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import Layout
from flowdiag.model import Record

_NOT_READ = {
    b"PAR1": "is Parquet, which is read from files, not from streams",
    b"PK\x03\x04": "is a zip archive: unpack it",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it",
    b"BZh": "is packed by bzip2: unpack it",
    b"\xfd7zXZ": "is packed by xz: unpack it",
}
_TAR_AT, _TAR, _IS_TAR = 257, b"ustar", "it is a tar archive: unpack it"
Groups = Callable[[str, str], Layouts | None]
"""An account, empty for any, and the name of a log group → the layouts of the flow logs that deliver there; None for no such."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_WIDE = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks of texts with several bytes a character, as PowerShell writes them; the longer ones first."""
_TABLE = re.compile(rb"[\"'\w.:/-]*[,;][\"'\w.:/-]*[,;]")
_IS_TABLE = "its fields are separated by commas or semicolons (CSV): write spaces instead, and the field names as its first line"


def records(
    source: Readable | Iterable[bytes],
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

    `source` may be gzip (several members, packed twice), which is told by its first bytes, whatever `name` says; it is read
    into buffers, or comes in chunks. `layout` stands in for a header line, and `groups` tells of the layouts of a log group
    that a subscription names. `every` is that of `Lines`: how closely lines are looked at that name nothing sought. `small`
    streams are not worth importing a faster engine. What the source itself raises, but for an OSError, comes through.
    """
    packed = text = Text(source, zlib if small else engine())
    if wide := _wide(text.start):
        text = Text(_narrowed(packed, wide), zlib)
    if not text.start and not packed.broken:
        tally.lose(sought.interfaces, f"{name}: is empty, so what it should hold is not known: copy it again")
        return
    lines = Lines(name, sought, tally, layout, every)
    begin = text.start.removeprefix(_BYTE_ORDER_MARK).lstrip()
    unread = foreign(text.start) or table(begin)
    if unread:
        tally.lose(sought.interfaces, f"{name}: left out, for {unread}")
        return
    if begin[:1] in (b"{", b"["):
        more = f"{name}: there are more events than this file holds: save the following pages into it too"
        yield from _of_events(bundles(text, lambda: tally.lose(sought.interfaces, more)), lines, groups)
    else:
        yield from lines.scan(text, lambda: bool(packed.broken))
    if packed.broken:
        note = f"{name} could not be read to its end ({packed.broken}): only what stands before was used"
        tally.lose(sought.interfaces, note)


def foreign(start: bytes) -> str:
    """Why a stream that begins so is read by nobody here, though it may hold flow logs; empty for others."""
    is_tar = start[_TAR_AT:].startswith(_TAR)
    return _IS_TAR if is_tar else next((f"it {reason}" for mark, reason in _NOT_READ.items() if start.startswith(mark)), "")


def table(begin: bytes) -> str:
    """Why a text that begins so is read by nobody here: it is a table (CSV); empty for others."""
    return _IS_TABLE if _TABLE.match(begin) else ""


def narrow(start: bytes) -> bytes:
    """The beginning of a text as UTF-8, without the mark that tells how it is written."""
    wide = _wide(start)
    return b"".join(_narrowed((start,), wide)) if wide else start.removeprefix(_BYTE_ORDER_MARK)


def _wide(start: bytes) -> str:
    return next((encoding for mark, encoding in _WIDE.items() if start.startswith(mark)), "")


def _of_events(found: Iterable[Bundle], lines: Lines, groups: Groups | None) -> Iterator[Record]:
    """The records of JSON, each line read by a layout of the log group that it is from, where that is known, and with the
    interface of its log stream and the event's time where its layout lacks them."""
    own = lines.layout
    for bundle in found:
        layouts = groups(bundle.owner, bundle.group) if groups and bundle.group else None
        for event in bundle.events:
            told = Told(event.line, interface_of(event.stream), event.second)
            choose = partial(layouts.of, told) if layouts else partial(completed, own, told)
            record = lines.next(event.line, choose, told.interface)
            if record is not None:
                yield record


def _narrowed(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A text of several bytes a character as UTF-8."""
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    for piece in pieces:
        yield decode(piece).encode("utf-8", "replace")
    yield decode(b"", True).encode("utf-8", "replace")
