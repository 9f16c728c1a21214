"""How the connections fared one after another: all alike, failing since a time, working again, or in turn.

The order is that of their beginnings. Times are up to 60 seconds late, so what lies side by side for no longer is in
order: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
The table `course` judges; the latest state is the one that the configuration, read afterwards, is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from flowdiag.contrast import apart, at, follows, ports
from flowdiag.table import Rules
from flowdiag.times import shown

State = Literal["works", "fails", "unclear"]
IN_A_ROW = 3
"""So many failures that follow one another, with success before and after, are told as one time."""
ENDS_TOLD = 8
"""More ends than this set nothing apart that a person could read."""


class Spell(NamedTuple):
    """One connection in the course: when it began, how it fared, and what may set it apart from others.

    `firm` is a failure that comes of a decision and so is no chance (a REJECT); `number` is whose fare it is. `ends` are the
    addresses that it was from and to, `zones` their Availability Zones where these are known; `ended` is when it was seen
    last; `part` tells that it goes on with one that was open before, `lasting` that it did so for longer than times are off.
    """

    begun: int
    state: State
    number: int = 0
    firm: bool = False
    client: int | None = None
    ends: tuple[str, str] = ("", "")
    zones: tuple[str, str] = ("", "")
    size: int = 0
    ended: int = 0
    part: bool = False
    lasting: bool = False


class Course(NamedTuple):
    """The rule that hit, in which order, the sentence about it (empty where all fared alike) and the spell that tells."""

    code: str
    partial: bool
    headline: str
    telling: Spell | None
    other: Spell | None = None


def course(spells: Iterable[Spell], rules: Rules) -> Course:
    """What the connections show one after another; those of which nothing is clear count where no other tells."""
    ordered = sorted(spells, key=lambda s: (s.begun, s.number))
    telling = [s for s in ordered if s.state != "unclear"] or ordered
    works = [s for s in telling if s.state == "works"]
    fails = [s for s in telling if s.state == "fails"]
    order = _order(works, fails)
    newest = _newest(works, fails, order)
    inputs = {"latest": newest, "order": order, "failing": _failing(works, fails, order)}
    rule = rules.table("course").evaluate(inputs)
    tells = works if rule["verdict"] == "allowed" else fails or telling
    others = fails if tells is works else works
    headline = rule["headline"].format_map(_words(works, fails)) if works and fails else ""
    return Course(
        code=rule.code,
        partial=rule["verdict"] == "partial",
        headline=headline,
        telling=tells[-1] if tells else None,
        other=others[-1] if others else None,
    )


def _newest(works: Sequence[Spell], fails: Sequence[Spell], order: str) -> State:
    if not works and not fails:
        return "unclear"
    if not works or not fails:
        return "works" if works else "fails"
    if order == "since":
        return "fails" if follows(_begun(works), _begun(fails)) else "works"
    return "works" if works[-1].begun > fails[-1].begun else "fails"


def _begun(spells: Iterable[Spell]) -> list[int]:
    return [spell.begun for spell in spells]


def _order(works: Sequence[Spell], fails: Sequence[Spell]) -> str:
    """`since`: one state ended and the other began; `framed`: what failed has success beside or before it, and after it."""
    if not works or not fails:
        return "alike"
    w, f = _begun(works), _begun(fails)
    if (follows(w, f) and not _resumed(works, fails)) or follows(f, w):
        return "since"
    return "framed" if len(f) == 1 and w[0] <= f[0] < w[-1] else "in turn"


def _resumed(works: Sequence[Spell], fails: Sequence[Spell]) -> bool:
    """Whether what failed last goes on to work, in a later part of the same connection: these are in order however near."""
    last = fails[-1]
    mine = (spell for spell in works if spell.part and (spell.client, spell.ends) == (last.client, last.ends))
    return any(spell.begun > last.begun and spell.ended > last.ended for spell in mine)


def _failing(works: Sequence[Spell], fails: Sequence[Spell], order: str) -> str:
    """A single failure may be a chance, but for a denial, and for what goes on failing up to the end."""
    if not fails:
        return "none"
    chance = not fails[0].firm and not (fails[0].lasting and order == "since")
    return "one" if works and len(fails) == 1 and chance else "several"


def _words(works: Sequence[Spell], fails: Sequence[Spell]) -> Mapping[str, str]:
    """The words of a headline: times, numbers, and what sets apart what fails."""
    spells = (*works, *fails)
    parts = any(spell.part for spell in spells)
    single = parts and len({(spell.client, spell.ends) for spell in spells}) == 1
    worked, failed = (works[-1].begun, fails[-1].begun) if not parts else (_until(works, fails), _until(fails, works))
    several = "parts of one connection" if single else "connections or parts of them" if parts else "connections"
    outage = f"what was sent from {_time(fails[0].begun)} to {_time(fails[0].ended)}"
    return {
        "what": "what was sent" if parts else "what began",
        "worked": _time(worked),
        "works": _time(works[0].begun),
        "failed": _time(failed),
        "fails": _time(fails[0].begun),
        "failing": str(len(fails)),
        "count": f"{len(spells)} {several}",
        "one": outage if single else f"one of {len(spells)} {several}, of {_time(fails[0].begun)},",
        "others": "what was sent" if single else "others",
        "apart": _apart(works, fails),
    }


def _until(some: Sequence[Spell], others: Sequence[Spell]) -> int:
    """When the last of some was seen last; no later than the first of the others that began after them."""
    return min((max(s.ended for s in some), *(o.begun for o in others if o.begun > some[0].begun)))


def _time(second: int) -> str:
    return shown(at(second))


def _apart(works: Sequence[Spell], fails: Sequence[Spell]) -> str:
    """What those that fail have in common and those that work have not: their time, ends, the client's ports, their size."""
    first, last = fails[0].begun, fails[-1].begun
    if len(fails) >= IN_A_ROW and not any(first <= spell.begun <= last for spell in works):
        return f": all from {_time(first)} to {_time(last)}, none before or after"
    ours, theirs = ({s.ends for s in some} for some in (fails, works))
    zones = _zones(works, fails)
    if ours.isdisjoint(theirs) and len(ours | theirs) <= ENDS_TOLD:
        return f": all of {_listed(ours)}, none of {_listed(theirs)}" + (f"; {zones}" if zones else "")
    if zones:
        return f": {zones}"
    failing, working = (sorted(s.client for s in some if s.client is not None) for some in (fails, works))
    if apart(failing, working):
        return f": client {ports(failing)}, and not {ports(working)}"
    large, small = (sorted(s.size for s in some if s.size) for some in (fails, works))
    if apart(large, small) and large[0] > small[-1] and len(large) > 1:
        return f": packets of {large[0]} bytes and more, and none up to {small[-1]}"
    return ""


def _zones(works: Sequence[Spell], fails: Sequence[Spell]) -> str:
    """Whether those that fail go to other Availability Zones than those that work, or come from others, or cross them."""
    for side, word in ((1, "to"), (0, "from")):
        ours, theirs = ({s.zones[side] for s in some} for some in (fails, works))
        if "" not in ours | theirs and ours.isdisjoint(theirs):
            return f"all {word} {', '.join(sorted(ours))}, none {word} {', '.join(sorted(theirs))}"
    if any("" in spell.zones for spell in (*works, *fails)):
        return ""
    failing, working = ({len(set(s.zones)) > 1 for s in some} for some in (fails, works))
    if failing.isdisjoint(working):
        crossing, within = "from one Availability Zone to another", "within one Availability Zone"
        return f"all {crossing}, none {within}" if True in failing else f"all {within}, none {crossing}"
    return ""


def _listed(ends: Iterable[tuple[str, str]]) -> str:
    return ", ".join(" → ".join(both) for both in sorted(ends))
