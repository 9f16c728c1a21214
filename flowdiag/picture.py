"""The path as rows to draw: Legs of Hops → Groups of Rows, for the `path` block of a Report; still no markup.

Every string is cleaned when a Row is made (`Text`), so no surface can be reached by a control character, whatever a
tag or a log line holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator

from flowdiag.address import ANYBODY
from flowdiag.model import GUARDS, Direction, Endpoint, Flow, Hop, Leg, RuleVerdict, Value

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])|\x9b[0-?]*[ -/]*[@-~]")
SUPPOSED = "from here on: as if it got here"
_JOINERS = "\u200c\u200d"  # they shape Persian, Indic scripts and emoji and reorder nothing


def clean(text: str) -> str:
    """Foreign text on one line that cannot steer a terminal, a browser or a reader's eye.

    Terminal escape sequences and invisible format characters (bidirectional overrides among them) go, control
    characters and line ends become a space, lone surrogates the replacement character.
    """
    return "".join(map(_clean_character, _ESCAPES.sub("", text)))


def _clean_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in _JOINERS else ""
    if category == "Cs":
        return "\ufffd"
    return " " if category in ("Cc", "Zl", "Zp") else character


Text = Annotated[str, AfterValidator(clean)]


class Row(Value):
    """One row of the path: an endpoint (`label, address, ENI`) or a hop (`what it does, its name, what it says`).

    `mark` is what the hop's decision table said, None where nothing had a say; `behind` is true where the packet does
    not really get, because something before it blocks; `note` stands apart at the end.
    """

    cells: tuple[Text, ...]
    endpoint: bool = False
    mark: RuleVerdict | None = None
    note: Text = ""
    behind: bool = False


class Group(Value):
    """The rows of one way through the network, from end to end; `title` is empty for the only one."""

    title: Text = ""
    direction: Direction = "request"
    rows: tuple[Row, ...] = ()


# Tables whose short text beside a mark says why; of the others the headline does.
SPEAK_FOR_THEMSELVES = ("network_acl", "route_table")


def groups(legs: tuple[Leg, ...]) -> Iterator[Group]:
    """One group a leg; its reply is a group of its own where it fails or is not known, a row where it passes."""
    for number, leg in enumerate(legs, start=1):
        title = _leg_title(leg, number, len(legs))
        passes = leg.request_arrived is True and all(_fine(hop) for hop in leg.request)
        back = _on_its_own(leg.reply)
        answers = leg.reply_arrived is True and all(_fine(hop) for hop in back)
        request = _way(leg.source, leg.request, leg.destination, leg.request_arrived)
        if not passes or not answers:
            yield Group(title=title, rows=request)
        else:
            yield Group(title=title, rows=(*request, _passes_back(leg)))
        if not answers and (leg.reply or passes):
            reply = _way(leg.destination, back, leg.source, leg.reply_arrived)
            yield Group(title=f"{title}, reply" if title else "reply", direction="reply", rows=reply)


def _on_its_own(reply: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """The reply seen from its own start: that the request got there only `as if` is told where the request is drawn."""
    if not reply or not reply[0].as_if:
        return reply
    return tuple(hop.model_copy(update={"as_if": False}) for hop in reply)


def _leg_title(leg: Leg, number: int, total: int) -> str:
    guess = "one of several ways, and nothing readable says which is taken" if leg.guess else ""
    if total == 1:
        return guess
    ends = f"leg {number} of {total}: {_named(leg.source)} → {_named(leg.destination)}"
    return f"{ends} ({guess})" if guess else ends


def _named(end: Endpoint) -> str:
    """The end with its address, where that is known."""
    return end.label if end.kind == "internet" else f"{end.label} {end.address}"


def _fine(hop: Hop) -> bool:
    """True where the packet really passes the hop."""
    return _agrees(hop) and not hop.as_if


def _agrees(hop: Hop) -> bool:
    return hop.finding is None or hop.finding.verdict == "allowed"


def _blocks(hop: Hop) -> bool:
    return hop.finding is not None and hop.finding.verdict == "blocked"


def _way(start: Endpoint, hops: tuple[Hop, ...], end: Endpoint, arrived: bool | None) -> tuple[Row, ...]:
    """One direction, drawn to its end: also what stands behind a blocker, for the next blocker may be there."""
    rows, behind, supposed = [_endpoint(start)], False, False
    for hop in _drawn(hops, start, end):
        rows.append(_hop(hop, behind or hop.as_if, SUPPOSED if hop.as_if and not supposed else ""))
        supposed = supposed or hop.as_if
        behind = behind or supposed or _blocks(hop)
    lost = arrived is False or any(map(_blocks, hops))
    undecided = arrived is None or any(hop.as_if or (hop.finding and hop.finding.verdict == "inconclusive") for hop in hops)
    note = "not reached" if lost else "not known to be reached" if undecided else ""
    return (*rows, _endpoint(end, note))


def _drawn(hops: tuple[Hop, ...], start: Endpoint, end: Endpoint) -> list[Hop]:
    """The hops that get a row."""
    outermost = (0, len(hops) - 1)
    return [hop for n, hop in enumerate(hops) if not _is_end(hop, n in outermost, start, end) and not _silent(hop)]


def _endpoint(endpoint: Endpoint, note: str = "") -> Row:
    address = "" if endpoint.kind == "internet" else str(endpoint.address)
    label = endpoint.label or address
    cells = (label, "" if label == address else address, "" if endpoint.eni == label else endpoint.eni)
    return Row(cells=cells, endpoint=True, note=note, behind=note == "not reached")


def _is_end(hop: Hop, outermost: bool, start: Endpoint, end: Endpoint) -> bool:
    """True for the hop that an unindented line already stands for; an end that objects is drawn as a hop as well."""
    own = hop.place.kind == "network_interface" and hop.place.id in (start.eni, end.eni) and hop.place.role != "forward"
    outside = hop.place.kind == "internet" and outermost
    return (own or outside) and _agrees(hop) and hop.before == hop.after


def _silent(hop: Hop) -> bool:
    """What hands a packet on and leaves no trace in the header gets no row, unless it says something: a VPC that agrees, and
    an endpoint that hands on to the service that owns it."""
    passes = hop.place.kind == "vpc" or (hop.place.kind == "vpc_endpoint" and hop.finding is None)
    return passes and _agrees(hop) and hop.before == hop.after


def _hop(hop: Hop, behind: bool, note: str) -> Row:
    finding = hop.finding
    spoken = [finding.detail, finding.near_miss] if finding else []
    if finding and finding.verdict != "allowed" and not (finding.near_miss or finding.table in SPEAK_FOR_THEMSELVES):
        spoken = [finding.headline]
    written = [text for text in _rewrites(hop.before, hop.after) if not any(text in said for said in spoken)]
    spoken.append(", ".join(written))
    name = "" if hop.place.kind == "dead_end" else hop.name or hop.place.id
    cells = (_word(hop), name, "; ".join(text for text in spoken if text))
    return Row(cells=cells, mark=finding.verdict if finding else None, behind=behind, note=note)


def _word(hop: Hop) -> str:
    """What the component does to the packet where its role says so (`egress`, `inbound`, `route`), else what it is."""
    told = hop.place.kind in GUARDS | {"route_table"} or hop.place.role == "forward"
    return hop.place.role if told and hop.place.role else hop.place.kind.replace("_", " ")


def _rewrites(before: Flow, after: Flow) -> tuple[str, ...]:
    """The header fields a component wrote anew, old → new."""
    pairs = (
        ("", before.source, after.source),
        ("", before.destination, after.destination),
        ("port ", before.destination_ports, after.destination_ports),
        ("source port ", before.source_ports, after.source_ports),
    )
    return tuple(f"{field}{_said(old)} → {_said(new)}" for field, old, new in pairs if old != new)


def _said(value: object) -> str:
    """An address or ports; the address that stands for anybody on the internet is said as what it stands for."""
    return "the internet" if value in ANYBODY.values() else str(value)


def _passes_back(leg: Leg) -> Row:
    """The reply in one row: the names a person would meet as rows if it were drawn."""
    drawn = _drawn(leg.reply, leg.destination, leg.source)
    names = dict.fromkeys(hop.name or hop.place.id for hop in drawn)
    return Row(cells=("reply", "passes back" + (f" through {', '.join(names)}" if names else ""), ""), mark="allowed")
