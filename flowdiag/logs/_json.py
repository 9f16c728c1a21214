"""The values of a text of JSON, one after another and element by element, however long: what is held stays small.

Knows nothing of flow logs. An object is held as a whole, for what its events mean may stand behind them; one that is too
large for that comes in several, each with a part of a list in it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

LARGEST_OBJECT = 1 << 22
"""Characters of one value that is held as a whole; a subscription's object has at most some millions."""
PART = 1000
"""Elements of a large object's list that are given at a time."""
_START = "\n{"
_parse = json.JSONDecoder().raw_decode


class _BrokenError(Exception):
    """What follows is no JSON, or is torn."""


class _LargeError(_BrokenError):
    """A value goes on beyond what is held."""


class _AnotherError(_BrokenError):
    """An object stands in another one that can be read by itself: that one is torn, or of another kind."""


class Values:
    """The values of a text, those of arrays one by one. `lists` are the names under which an object has lists that are given
    in parts where it is large, `told` those of what is given beside them."""

    def __init__(self, pieces: Iterable[bytes], lists: Collection[str], told: Collection[str]) -> None:
        self._pieces, self._lists, self._told = iter(pieces), lists, told
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._text, self._place, self._before, self._ended = "", 0, 0, False

    def __iter__(self) -> Iterator[Any]:
        """Every value in turn; None for a stretch that is none, after which the next line that opens an object goes on."""
        while self._next():
            try:
                yield from self._value()
            except _AnotherError:
                yield None
            except (_BrokenError, RecursionError):  # nested deeper than anything that holds a record
                yield None
                self._go_on()

    def _value(self) -> Iterator[Any]:
        if self._next() == "[":
            yield from self._elements(self._value)
            return
        try:
            raw = self._whole()
        except _LargeError:
            yield from self._in_parts()
        else:
            yield raw

    def _elements(self, each: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """What an array holds, each element read by a function of its own."""
        self._take("[")
        while self._next() != "]":
            yield from each()
            if self._next() != "]":
                self._take(",")
        self._take("]")

    def _in_parts(self) -> Iterator[dict[str, Any]]:
        """A large object as several, each with what it told so far and a part of its list; the last tells all."""
        told: dict[str, Any] = {}
        self._take("{")
        while self._next() != "}":
            name = self._whole()
            self._take(":")
            if self._next() == "[":
                for part in self._parts():
                    if name in self._lists:
                        yield {**told, name: part}
                told |= {name: []} if name in self._lists else {}
            else:
                raw = self._inner()
                told |= {name: raw} if name in self._told else {}
            if self._next() != "}":
                self._take(",")
        self._take("}")
        yield told

    def _parts(self) -> Iterator[list[Any]]:
        """The elements of an array, so many at a time; those before a tear too."""
        part: list[Any] = []
        try:
            for element in self._elements(self._element):
                part.append(element)
                if len(part) == PART:
                    yield part
                    part = []
        except _BrokenError:
            yield part
            raise
        yield part

    def _element(self) -> Iterator[Any]:
        yield self._inner()

    def _inner(self) -> Any:
        """A value inside of a large object; raises _AnotherError before one that is such an object itself."""
        try:
            raw = self._whole()
        except _LargeError:
            if self._next() == "{":
                raise _AnotherError from None
            raise
        if isinstance(raw, dict) and any(isinstance(raw.get(name), list) for name in self._lists):
            self._place = self._before
            raise _AnotherError
        return raw

    def _whole(self) -> Any:
        """The value that follows. Raises _LargeError where it goes on beyond what is held, _BrokenError where it is none: an
        object that can be read no further begins anew in a line that opens one."""
        self._next()
        while True:
            try:
                raw, end = _parse(self._text, self._place)
            except (ValueError, RecursionError) as error:
                failed: int = getattr(error, "pos", -1)
            else:
                if end < len(self._text) or self._ended or isinstance(raw, (str, list, dict)):
                    self._before, self._place = self._place, end
                    return raw
                failed = end  # a number may go on
            if failed < 0 or self._ended or self._text.find(_START, max(self._place, failed - 1)) >= 0:
                raise _BrokenError
            if len(self._text) - self._place > LARGEST_OBJECT:
                raise _LargeError
            self._read()

    # ------------------------------------------------------------ the text

    def _next(self) -> str:
        """The next character that is no white space, up to which is read; empty at the end."""
        while True:
            while self._place < len(self._text):
                if not self._text[self._place].isspace():
                    return self._text[self._place]
                self._place += 1
            if self._ended:
                return ""
            self._read()

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise _BrokenError
        self._place += 1

    def _read(self) -> None:
        """Read on: as much as there is already, so that a value that was not whole is looked at again only then."""
        parts = [self._text[self._place :]]
        wanted = 2 * len(parts[0]) + 1
        while wanted > 0 and not self._ended:
            piece = next(self._pieces, None)
            self._ended = piece is None
            parts.append(self._decode(piece or b"", self._ended))
            wanted -= len(parts[-1])
        self._text, self._place = "".join(parts), 0

    def _go_on(self) -> None:
        """Leave out what comes before the next line that opens an object."""
        while (found := self._text.find(_START, self._place)) < 0:
            self._place = max(self._place, len(self._text) - 1)  # the line may end there
            if self._ended:
                self._place = len(self._text)
                return
            self._read()
        self._place = found + 1
