"""Texts that name nothing: the error for each, told by its form, with the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from flowdiag.address import address
from flowdiag.component import Component, View
from flowdiag.components import components
from flowdiag.model import Address, FlowdiagError, Unread

WITHIN = re.compile(r"^(?P<within>(?:vpc|eni)-[0-9a-z]+)/(?P<address>[^/]+)$")
_DOTTED = re.compile(r"^\d+(?:\.\d+){3}$")
_RANGE = re.compile(r"^[0-9a-fA-F.:]+/\d{1,3}$")
_PORTED = re.compile(r"^(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})$")
_SEVERAL = re.compile(r"^[\w.-]+(?::\d{1,5})?(?:,\s*[\w.-]+(?::\d{1,5})?)+$")
_WORD = re.compile(r"^[a-z][a-z-]*$")
MOST_NEAR = 3
ALIKE = 0.75
"""From 0 to 1, as difflib counts: one letter wrong in four still is; ids of which only the form is the same are not."""


class NotFoundError(FlowdiagError):
    """Nothing that was read fits what was typed."""


class AmbiguousError(FlowdiagError):
    """Several resources fit what was typed; the sentence lists them."""


def literal_of(text: str) -> Address | None:
    """The address that stands in a text as such."""
    within = WITHIN.match(text.strip())
    return address(within["address"] if within else text.strip())


def spoken() -> Mapping[str, Component]:
    """The components that have a word before a colon, by it."""
    return {component.spoken: component for component in components().values() if component.spoken}


def missing(text: str, answer: Any, view: View, refused: tuple[str, ...] = ()) -> NotFoundError:
    """The error with the way out: for what is no name at all, what was not read, and what nothing here is called; with the
    names nearest to it in what was read."""
    if mistaken := _mistaken(text):
        return NotFoundError(f"{text!r} {mistaken}")
    if isinstance(answer, Unread):
        way = view.advise(answer).way_out or "give evidence that holds it"
        way += ", or ask by another name or address"
        return NotFoundError(f"{text!r} could not be looked up ({answer.reason}){_near(text, view)}: {way}")
    dotted = "." in text and literal_of(text) is None
    way = "resolve the name and give the address" if dotted else "give another name, an id, or an address"
    more = f", and AWS did not answer {' or '.join(refused)}" if refused else ""
    return NotFoundError(f"{text!r} is no {_sought(text)} in what was read{_near(text, view)}{more}: {way}")


def _near(text: str, view: View) -> str:
    """The names of possible ends that are most like the text, in brackets; empty where none is, and for addresses."""
    word, _, rest = text.partition(":")
    name = rest if word in spoken() else text
    if literal_of(text) is not None or not name:
        return ""
    kinds = ("network_interface", "instance", *(component.kind for component in spoken().values()))
    near = get_close_matches(name, sorted(view.names(kinds)), MOST_NEAR, ALIKE)
    return f" (near it: {', '.join(map(repr, near))})" if near else ""


def _mistaken(text: str) -> str:
    """What is wrong with a text that looks like more or less than a name, as the end of a sentence; empty for the rest."""
    ported = _PORTED.match(text)
    if _DOTTED.match(text) and literal_of(text) is None:
        return "is no IP address: write four numbers from 0 to 255"
    if _RANGE.match(text) and address(text.partition("/")[0]) is not None:
        return "is a range of addresses: give one address in it"
    if ported and ported["host"] not in spoken():
        return f"is a name with its port, an argument of its own: leave ':{ported['port']}' out and give it as the port"
    if "://" in text:
        return "is a URL: give its host, and what it says of a port as the port"
    if _SEVERAL.match(text):
        return "is a list of names: ask for one of them at a time, without its port"
    word, colon, rest = text.partition(":")
    if colon and rest and ":" not in rest and word not in spoken() and _WORD.match(word):
        return f"starts with {word!r}, which is no word for a service: known are {', '.join(sorted(spoken()))}"
    return ""


def _sought(text: str) -> str:
    """What was looked for: the kinds of resource that the word before a colon or the form of the text means, else EC2's."""
    word, _, rest = text.partition(":")
    said = {component.kind for component in components().values() if rest and component.spoken == word}
    kinds = said or {component.kind for component in components().values() if component.claims(text)}
    return " or ".join(sorted(kind.replace("_", " ").replace("db ", "DB ") for kind in kinds)) or "network interface or instance"
