"""Where in a block of text the lines may be that matter: a search for bytes, before anything is taken apart.

A needle is a text that every line of interest holds for certain. CPython's own search looks at the text needle by needle;
that of glibc does so three to six times as fast, and without holding the interpreter, so that threads scale.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from functools import cache

from flowdiag.model import Address

Find = Callable[[bytes, int, int], int]
"""`find(needle, begin, end)` in a text: where the needle begins, or -1."""
_GO_ON = frozenset(b"0123456789abcdefABCDEF.")
HOST_PART = 4
"""Hextets of an IPv6 address behind the /64 of its subnet: they tell the hosts of a network apart."""


def needles(addresses: Iterable[Address], interfaces: Iterable[str] = ()) -> tuple[bytes, ...]:
    """What a line that names one of the addresses or interfaces holds as a whole for certain; none is found by another one."""
    texts = {text.encode() for wanted in addresses for text in _spellings(wanted)} | {one.encode() for one in interfaces}
    return tuple(sorted(text for text in texts if not any(_finds(other, text) for other in texts - {text})))


def _finds(needle: bytes, other: bytes) -> bool:
    """Whether every line that holds the other one as a whole holds this one so: 10.0.1.1 does not find 10.0.1.10."""
    line = bytearray(other + b"\n")
    return bool(line_starts(line, 0, len(line), (needle,), line.find))


def _spellings(wanted: Address) -> Iterable[str]:
    """An IPv4 address is written in one way; an IPv6 address in many, so its most telling hextet is searched for."""
    if wanted.version == 4:
        return (str(wanted),)
    host = [hextet.lstrip("0") for hextet in wanted.exploded.split(":")[-HOST_PART:]]
    telling = max(host, key=len)
    padded = {":" + telling.rjust(width, "0") for width in range(len(telling), 5)} if telling else {":"}
    return {spelt for text in padded for spelt in (text, text.upper())}


def line_starts(text: bytearray, begin: int, end: int, wanted: Iterable[bytes], find: Find) -> list[int]:
    """Where the lines begin, in order, that hold one of the needles as a whole, 10.0.1.1 not in 10.0.1.10.

    `begin` and `end` are those of whole lines.
    """
    starts = set()
    for needle in wanted:
        place = find(needle, begin, end)
        while place >= 0:
            behind = place + len(needle)
            if _ends(needle, text[behind]) and (place == begin or _begins(needle, text[place - 1])):
                starts.add(text.rfind(b"\n", begin, place) + 1 or begin)
                behind = text.find(b"\n", behind, end)
            place = find(needle, behind, end)
    return sorted(starts)


def finder(text: bytearray) -> Find:
    """The fastest search there is in a text that ends in a zero byte and holds no other; its length is fixed from then on."""
    search = _c_search()
    if search is None:
        return text.find
    held = (ctypes.c_char * len(text)).from_buffer(text)

    def find(needle: bytes, begin: int, end: int) -> int:
        base = ctypes.addressof(held)
        place = (search(base + begin, needle) or base - 1) - base
        return place if place <= end - len(needle) else -1

    return find


def _begins(needle: bytes, before: int) -> bool:
    return needle[:1] == b":" or before not in _GO_ON


def _ends(needle: bytes, after: int) -> bool:
    return needle[-1:] == b":" or after not in _GO_ON


@cache
def _c_search() -> Callable[[int, bytes], int | None] | None:
    """The search of the C library for a string in a string where it is known to be fast: in glibc, which most of Linux has.

    Its `strstr` uses the widest registers there are, its `memmem` none.
    """
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018
    except (OSError, AttributeError, TypeError):
        return None
    search = library.strstr
    search.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
    search.restype = ctypes.c_void_p
    return search
