"""Findings → Remedy: the smallest set of changes that opens the flow, proved on a copy of the snapshot. Changes nothing in AWS.

`prove` tells the story: open the first blocker that can be opened, walk the changed copy, go on with what then stands in
the way, and in the end leave out every change that was not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from typing import Any

from flowdiag.model import Change, Leg, Remedy, Trace
from flowdiag.openings import Blocker, Never, caveat, opening
from flowdiag.snapshot import Snapshot

MOST_CHANGES = 32
MOST_NAMED = 3
Changes = tuple[Change, ...]


def prove(
    path: Trace, snapshot: Snapshot, walk_again: Callable[[Snapshot], Trace], passes: Callable[[Trace], bool]
) -> tuple[Remedy, ...]:
    """The remedy for a path that does not pass: one, or none where nothing can be changed.

    `walk_again` walks the same question through another snapshot, `passes` says whether a walk is open both ways. The
    remedy is verified only where the walk through the changed copy passes; otherwise its note names what remains. Where
    every way ends at what nothing can open, there is none.
    """
    if path.legs and all(_ends_for_good(leg, path, snapshot) for leg in path.legs):
        return ()
    trial = Trial(snapshot, walk_again, passes)
    changes = _needed(_openings(path, trial), trial)
    if not changes:
        return ()
    changed = trial.changed(changes)
    trace = walk_again(changed)
    verified = passes(trace)
    note = "" if verified else _remaining(trace, changed)
    return (Remedy(changes=_with_caveats(changes, trial), verified=verified, note=note),)


def _ends_for_good(leg: Leg, path: Trace, snapshot: Snapshot) -> bool:
    return any(b.leg is leg and isinstance(opening(b, snapshot), Never) for b in _blockers(path))


def apply(change: Change, snapshot: Snapshot) -> Snapshot:
    """A copy of the snapshot in which the change was made; the old snapshot is its undoing.

    A patch names the `list` of the raw reply, the entry (or a list of them) to `add`, and by some of its fields the entry to
    `drop`; or the fields to `set`. Raises KeyError where the resource was not read.
    """

    def patched(raw: dict[str, Any]) -> dict[str, Any]:
        if "set" in change.patch:
            return {**raw, **change.patch["set"]}
        name, drop = change.patch["list"], change.patch.get("drop")
        kept = [entry for entry in raw.get(name) or () if not _drops(drop, entry)]
        return {**raw, name: [*kept, *deepcopy(_added(change))]}

    changed = snapshot.changed(change.kind, change.resource, change.scope, patched)
    return reduce(lambda copy, effect: apply(effect, copy), change.also, changed)


def _added(change: Change) -> list[Any]:
    added = change.patch.get("add") or []
    return added if isinstance(added, list) else [added]


def _drops(drop: Mapping[str, Any] | None, entry: Mapping[str, Any]) -> bool:
    return drop is not None and all(entry.get(field) == value for field, value in drop.items())


@dataclass(frozen=True)
class Trial:
    """A snapshot to try changes on, and how to walk it."""

    snapshot: Snapshot
    walk_again: Callable[[Snapshot], Trace]
    passes: Callable[[Trace], bool]

    def changed(self, changes: Changes) -> Snapshot:
        """A copy with these changes."""
        return reduce(lambda snapshot, change: apply(change, snapshot), changes, self.snapshot)

    def walk(self, changes: Changes) -> Trace:
        """The walk through a copy with these changes."""
        return self.walk_again(self.changed(changes))


def _blockers(path: Trace) -> Iterator[Blocker]:
    """Everything that blocks, wholly or in part, in path order; what lies behind a dead end too."""
    for leg in path.legs:
        for hops in (leg.request, leg.reply):
            for at, hop in enumerate(hops):
                if hop.finding and hop.finding.verdict in ("blocked", "partial"):
                    yield Blocker(leg, hops, at, hop.finding)


def _openings(path: Trace, trial: Trial) -> Changes:
    """One change after the other, each made with the earlier ones in place, until the flow passes or nothing helps."""
    changes: Changes = ()
    while len(changes) < MOST_CHANGES and not trial.passes(path):
        change = next(_new(path, trial.changed(changes), changes), None)
        if change is None:
            break
        changes = (*changes, change)
        path = trial.walk(changes)
    return changes


def _new(path: Trace, snapshot: Snapshot, known: Changes) -> Iterator[Change]:
    for blocker in _blockers(path):
        change = opening(blocker, snapshot)
        if isinstance(change, Change) and _gist(change) not in map(_gist, known):
            yield change


def _gist(change: Change) -> tuple[str, dict[str, Any]]:
    """What a change does, whatever rule number it takes: what did not help once is not tried again."""
    added = [_unnumbered(entry) for entry in _added(change)]
    return change.resource, {**change.patch, "add": added}


def _unnumbered(entry: Any) -> Any:
    return {field: value for field, value in entry.items() if field != "RuleNumber"} if isinstance(entry, Mapping) else entry


def _needed(changes: Changes, trial: Trial) -> Changes:
    """The changes without those that are not missed: the flow passes without them, or no blocker comes back."""
    goal = trial.walk(changes) if changes else Trace()
    for change in changes:
        fewer = tuple(other for other in changes if other is not change)
        if _as_good(trial.walk(fewer), goal, trial):
            changes = fewer
    return changes


def _as_good(trace: Trace, goal: Trace, trial: Trial) -> bool:
    return trial.passes(trace) if trial.passes(goal) else _standing(trace) <= _standing(goal)


def _with_caveats(changes: Changes, trial: Trial) -> Changes:
    """Each change with what may keep AWS from taking it once the earlier ones are made."""
    told = (caveat(change, trial.changed(changes[:number])) for number, change in enumerate(changes))
    return tuple(change.model_copy(update={"caveat": why}) for change, why in zip(changes, told, strict=True))


def _standing(path: Trace) -> set[tuple[Any, ...]]:
    """What blocks, told apart by leg, place and ports, so that two walks can be compared."""
    told = ((number, f) for number, leg in enumerate(path.legs) for f in leg.findings if f.verdict != "allowed")
    return {(number, f.code, f.resource, f.role, f.direction, f.denied, f.denied_senders) for number, f in told}


def _remaining(path: Trace, snapshot: Snapshot) -> str:
    """What still stands in the way after the changes, in one sentence, with the reason where no change can open it."""
    reasons = {b.finding.headline: why for b in _blockers(path) if isinstance(why := opening(b, snapshot), str) and why}
    told = (f for leg in path.legs for f in leg.findings if f.verdict != "allowed" and not f.as_if)
    headlines = tuple(dict.fromkeys(f.headline for f in told))
    named = [f"{text} ({reasons[text]})" if text in reasons else text for text in headlines[:MOST_NAMED]]
    more = len(headlines) - len(named)
    return "still in the way: " + "; ".join([*named, *([f"and {more} more"] if more else [])])
