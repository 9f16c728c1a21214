"""What was read of a flow log source, and what could not be: the sentences for the blocks `seen` and `unread`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowdiag.logs import Search, Tally, Window
from flowdiag.model import BY_SOURCE, Coverage, Query, Sighting, Unread, unobserved
from flowdiag.points import Spot
from flowdiag.times import moment_of, shown


def described(search: Search) -> tuple[str, ...]:
    """What was read of a source, as the block `seen` tells it; nothing where it could not even be opened."""
    tally = search.tally
    if not search.source:
        return ()
    files = f"{_counted(len(tally.files), 'file')}, " if tally.files else ""
    several = f"{files}{_counted(tally.records, 'record')}"
    lying = _lying(tally)
    aside = [f"{tally.outside} of another time{lying}{',' if lying else ''} than was asked about"] if tally.outside else []
    aside += [f"{tally.other_kinds} of transit gateways"] if tally.other_kinds else []
    aside += [f"{tally.untimed} without times"] if tally.untimed else []
    return ("; ".join((f"{search.source}: {several}", *aside)),)


def _lying(tally: Tally) -> str:
    """When the records outside the time asked about are, so that a wrong time of the question shows."""
    times = [moment_of(second) for second in tally.outside_times or ()]
    first, last = (shown(at) if at else "" for at in times) if times else ("", "")
    return f", {first} to {last}" if first and last else ""


def unread_of(search: Search, seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage], window: Window) -> tuple[Unread, ...]:
    """What of a search could not be read, and whose silence says nothing."""
    told = tuple(refused(search.source, search.tally))
    return told if _no_records(search.tally) else (*told, *_unseen(seen, weighed, search.tally, window))


def refused(source: str, tally: Tally) -> Iterable[Unread]:
    """What of this source could not be read, and the lines that are no records."""
    query = Query(kind="flow_log", by=BY_SOURCE, value=source)
    if _no_records(tally):
        such = f"such as {tally.refusals[0].where}, which {tally.refusals[0].reason}"
        yield Unread(query=query, reason=f"none of the {_counted(tally.lines, 'line')} in it is a flow log record, {such}")
    for note in tally.notes:
        yield Unread(query=query, reason=note)
    if tally.refusals and not _no_records(tally):
        first = "; ".join(f"{refusal.where} {refusal.reason}" for refusal in tally.refusals)
        more = " …" if tally.refused > len(tally.refusals) else ""
        reason = f"{tally.refused} of {tally.lines} lines are no flow log records: {first}{more}"
        yield Unread(query=query, reason=reason)


def _no_records(tally: Tally) -> bool:
    """Whether something was read in which there is not one flow log record: it is something else, and says nothing more. Lines
    that were refused without a refusal each are those of whole files, which notes tell."""
    return bool(tally.refusals) and tally.refused == tally.lines - tally.blank


def other_time(tally: Tally, window: Window) -> str:
    """The way out where there are records, and all of another time than was asked about; empty elsewhere."""
    lying = _lying(tally) if tally.outside and tally.outside == tally.records else ""
    if not lying:
        return ""
    first, last = tally.outside_times or (0, 0)
    start, end = window.seconds
    if start is not None and end is not None and first <= start and end <= last:
        return f"the records read are all from before or after it{lying}: nothing of that time was delivered here"
    return f"the records read are all of another time{lying}: change at (--at)"


def _unseen(seen: tuple[Sighting, ...], weighed: Mapping[Spot, Coverage], tally: Tally, window: Window) -> Iterable[Unread]:
    """One entry an interface whose silence says nothing, with the reason, and which packet is meant where not every one is;
    that records may be the flow is told before what coverage says."""
    covered = {one.headline for one in weighed.values()}
    reasons: dict[str, tuple[str, str]] = {}
    for one, meant in (*unobserved(seen), *((one, "") for one in seen if one.seen == "unaccepted")):
        if one.note and one.interface.startswith(("eni-", "nat-")):
            kept = reasons.get(one.interface)
            reasons[one.interface] = (one.note, meant) if kept is None or kept[0] in covered else kept
    unknown = {one.interface for one in weighed.values() if one.watchers is None} - tally.lost  # DescribeFlowLogs would tell
    hidden = {one.interface for one in seen if one.seen == "unaccepted"} - unknown
    for interface, (note, meant) in reasons.items():
        if interface in hidden and note in covered:
            continue  # its flow log keeps accepted packets alone: that was read
        query = Query(kind="flow_log", by="interface", value=interface)
        way_out = other_time(tally, window) if note in covered else ""
        granted = interface in unknown and note in covered and not way_out
        reason = f"{note}; what was looked for: {meant}" if meant else note
        action = "ec2:DescribeFlowLogs" if granted else ""
        yield Unread(query=query, reason=reason, action=action, way_out=way_out)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
