"""Where in a block of text the lines may be that matter: a search for bytes, before anything is taken apart.

A needle is a text that every line of interest holds for certain. CPython's own search looks at the text needle by needle;
the C library's does so two to three times as fast, and without holding the interpreter, so that threads scale.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from flowdiag.model import Address

Find = Callable[[bytes, int, int], int]
"""`find(needle, begin, end)` in a block: where the needle begins, or -1."""
_GO_ON = frozenset(bytes((byte,)) for byte in b"0123456789abcdefABCDEF.")
HOST_PART = 4
"""Hextets of an IPv6 address behind the /64 of its subnet: they tell the hosts of a network apart."""


def needles(addresses: Iterable[Address], interfaces: Iterable[str] = ()) -> tuple[bytes, ...]:
    """What a line that names one of the addresses or interfaces holds for certain; none of them holds another."""
    texts = {text.encode() for wanted in addresses for text in _spellings(wanted)} | {one.encode() for one in interfaces}
    return tuple(sorted(text for text in texts if not any(other in text for other in texts - {text})))


def _spellings(wanted: Address) -> Iterable[str]:
    """An IPv4 address is written in one way; an IPv6 address in many, so its most telling hextet is searched for."""
    if wanted.version == 4:
        return (str(wanted),)
    host = [hextet.lstrip("0") for hextet in wanted.exploded.split(":")[-HOST_PART:]]
    telling = max(host, key=len)
    padded = {":" + telling.rjust(width, "0") for width in range(len(telling), 5)} if telling else {":"}
    return {spelt for text in padded for spelt in (text, text.upper())}


def line_starts(block: bytes, begin: int, end: int, wanted: Iterable[bytes], find: Find) -> list[int]:
    """Where the lines begin, in order, that hold one of the needles; `begin` and `end` are those of whole lines."""
    places = (place for needle in wanted for place in _places(find, block, needle, begin, end))
    return sorted({block.rfind(b"\n", begin, place) + 1 or begin for place in places})


def finder(block: bytes) -> Find:
    """The fastest search there is in this block, which has to outlive it."""
    search = _c_search()
    if search is None:
        return block.find
    base = ctypes.cast(ctypes.c_char_p(block), ctypes.c_void_p).value or 0

    def find(needle: bytes, begin: int, end: int) -> int:
        found = search(base + begin, end - begin, needle, len(needle))
        return found - base if found else -1

    return find


def _places(find: Find, block: bytes, needle: bytes, begin: int, end: int) -> Iterator[int]:
    """Where a needle is as a whole, 10.0.1.1 not in 10.0.1.10, once a line."""
    place = find(needle, begin, end)
    while place >= 0:
        begin = place + len(needle)
        if _ends(needle, block[begin : begin + 1]) and _begins(needle, block[place - 1 : place]):
            yield place
            begin = block.find(b"\n", begin, end)
        place = find(needle, begin, end) if begin >= 0 else -1


def _begins(needle: bytes, before: bytes) -> bool:
    return needle[:1] == b":" or before not in _GO_ON


def _ends(needle: bytes, after: bytes) -> bool:
    return needle[-1:] == b":" or after not in _GO_ON


@cache
def _c_search() -> Callable[..., int | None] | None:
    """The C library's search for bytes in bytes, where it has one (Linux, macOS); Windows has none."""
    try:
        search = ctypes.CDLL(None).memmem
    except (OSError, AttributeError, TypeError):
        return None
    search.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
    search.restype = ctypes.c_void_p
    return search
