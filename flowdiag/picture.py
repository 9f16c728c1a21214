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

from flowdiag.model import Direction, Endpoint, Flow, Hop, Leg, RuleVerdict, Value

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])|\x9b[0-?]*[ -/]*[@-~]")
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


def groups(legs: tuple[Leg, ...]) -> Iterator[Group]:
    """One group a leg; its reply is a group of its own where it fails or is not known, a row where it passes."""
    for number, leg in enumerate(legs, start=1):
        title = _leg_title(leg, number, len(legs))
        passes = leg.request_arrived is True and all(_fine(hop) for hop in leg.request)
        answers = leg.reply_arrived is True and all(_fine(hop) for hop in leg.reply)
        request = _way(leg.source, leg.request, leg.destination, leg.request_arrived)
        if not passes or not answers:
            yield Group(title=title, rows=request)
        else:
            yield Group(title=title, rows=(*request, _passes_back(leg)))
        if not answers and (leg.reply or passes):
            reply = _way(leg.destination, leg.reply, leg.source, leg.reply_arrived)
            yield Group(title=f"{title}, reply" if title else "reply", direction="reply", rows=reply)


def _leg_title(leg: Leg, number: int, total: int) -> str:
    guess = "one of several ways, and nothing readable says which is taken" if leg.guess else ""
    if total == 1:
        return guess
    ends = f"leg {number} of {total}: {leg.source.label} {leg.source.address} → {leg.destination.label} {leg.destination.address}"
    return f"{ends} ({guess})" if guess else ends


def _fine(hop: Hop) -> bool:
    """True where the packet really passes the hop."""
    return not hop.as_if and (hop.finding is None or hop.finding.verdict == "allowed")


def _way(start: Endpoint, hops: tuple[Hop, ...], end: Endpoint, arrived: bool | None) -> tuple[Row, ...]:
    """One direction, drawn to its end: also what stands behind a blocker, for the next blocker may be there."""
    rows, behind = [_endpoint(start)], False
    for position, hop in enumerate(hops):
        outermost = position in (0, len(hops) - 1)
        if not _is_end(hop, outermost, start, end) and not _silent(hop):
            rows.append(_hop(hop, behind or hop.as_if))
        behind = behind or hop.as_if or (hop.finding is not None and hop.finding.verdict == "blocked")
    undecided = arrived is None or any(hop.finding and hop.finding.verdict == "inconclusive" for hop in hops)
    note = "not reached" if behind or arrived is False else "not known to be reached" if undecided else ""
    return (*rows, _endpoint(end, note))


def _endpoint(endpoint: Endpoint, note: str = "") -> Row:
    address = str(endpoint.address)
    label = endpoint.label or address
    cells = (label, "" if label == address else address, "" if endpoint.eni == label else endpoint.eni)
    return Row(cells=cells, endpoint=True, note=note, behind=note == "not reached")


def _is_end(hop: Hop, outermost: bool, start: Endpoint, end: Endpoint) -> bool:
    """True for the hop that an unindented line already stands for; an end that objects is drawn as a hop as well."""
    enis = {eni for eni in (start.eni, end.eni) if eni}
    own = hop.place.kind == "network_interface" and hop.place.id in enis and hop.place.role != "forward"
    outside = outermost and not hop.place.role and hop.place.id in {str(start.address), str(end.address), "internet"}
    return (own or outside or (outermost and hop.place.kind == "internet")) and _fine(hop) and hop.before == hop.after


def _silent(hop: Hop) -> bool:
    """A VPC hands packets on without a say and without a trace in the header: no row."""
    return hop.place.kind == "vpc" and hop.finding is None and hop.before == hop.after


def _hop(hop: Hop, behind: bool) -> Row:
    finding = hop.finding
    spoken = [finding.detail, finding.near_miss] if finding else []
    if finding and not any(spoken) and finding.verdict != "allowed":
        spoken = [finding.headline]
    rewrite = _rewrite(hop.before, hop.after)
    if rewrite and not any(rewrite in text for text in spoken):
        spoken.append(rewrite)
    cells = (_word(hop), hop.name or hop.place.id, "; ".join(text for text in spoken if text))
    return Row(cells=cells, mark=finding.verdict if finding else None, behind=behind, note="if it got here" if hop.as_if else "")


def _word(hop: Hop) -> str:
    """What the component does to the packet where its role says so (`egress`, `inbound`, `route`), else what it is."""
    told = hop.place.kind in ("security_group", "network_acl", "route_table") or hop.place.role == "forward"
    return hop.place.role if told and hop.place.role else hop.place.kind.replace("_", " ")


def _rewrite(before: Flow, after: Flow) -> str:
    """The header fields a component wrote anew, old → new."""
    pairs = (
        ("", before.source, after.source),
        ("", before.destination, after.destination),
        ("port ", before.destination_ports, after.destination_ports),
        ("source port ", before.source_ports, after.source_ports),
    )
    return ", ".join(f"{field}{old} → {new}" for field, old, new in pairs if old != new)


def _passes_back(leg: Leg) -> Row:
    names = dict.fromkeys(hop.name or hop.place.id for hop in leg.reply if hop.finding or _rewrite(hop.before, hop.after))
    return Row(cells=("reply", "passes back" + (f" through {', '.join(names)}" if names else ""), ""), mark="allowed")
