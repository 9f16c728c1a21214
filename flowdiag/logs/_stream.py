"""A stream of bytes → Records: packed or not, text or JSON. What every source that delivers bytes has in common."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from flowdiag.logs import Sought, Tally
from flowdiag.logs._block import Readable
from flowdiag.logs._unpack import Text, engine
from flowdiag.logs._wrapped import messages
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
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def records(
    source: Readable | Iterable[bytes],
    name: str,
    sought: Sought,
    tally: Tally,
    layout: Layout | None = None,
    *,
    every: int = 1,
    small: bool = False,
) -> Iterator[Record]:
    """The records sought in a stream, in its order; all that was seen, and how the stream broke, goes into the tally.

    `source` may be gzip (several members, packed twice), which is told by its first bytes, whatever `name` says; it is read
    into buffers, or comes in chunks. `layout` stands in for a header line. `every` is that of `Lines`: how closely lines
    are looked at that name nothing sought. `small` streams are not worth importing a faster engine. What the source itself
    raises, but for an OSError, comes through.
    """
    text = Text(source, zlib if small else engine())
    if not text.start and not text.broken:
        tally.lose(sought.interfaces, f"{name}: is empty, so what it should hold is not known: copy it again")
        return
    lines = Lines(name, sought, tally, layout, every)
    foreign = next((reason for mark, reason in _NOT_READ.items() if text.start.startswith(mark)), "")
    if foreign:
        tally.lose(sought.interfaces, f"{name}: left out, for it {foreign}")
        return
    if text.start.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] == b"{":
        more = f"{name}: there are more events than this file holds: save the following pages into it too"
        yield from lines.read(messages(text, lambda: tally.lose(sought.interfaces, more)))
    else:
        yield from lines.scan(text, lambda: bool(text.broken))
    if text.broken:
        note = f"{name} could not be read to its end ({text.broken}): only what stands before was used"
        tally.lose(sought.interfaces, note)
