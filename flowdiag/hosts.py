"""The hosts at the two ends of a path, and what AWS's status checks say of them: one more witness where nothing answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from flowdiag.component import View
from flowdiag.model import Endpoint, Trace, Unread
from flowdiag.times import shown

Side = Literal["source", "destination"]


@dataclass(frozen=True)
class Host:
    """The instance behind one end. `checks` is what its status checks are, `said` that in words; `since` is when the first
    one failed, `unread` why they are not known."""

    side: Side
    instance: str
    checks: Literal["impaired", "passing", "unknown"] = "unknown"
    said: str = ""
    since: datetime | None = None
    unread: Unread | None = None


def hosts(trace: Trace, view: View) -> tuple[Host, ...]:
    """Every instance at an end of the path; asked of a view, so that live collection knows what to fetch."""
    ends: dict[tuple[Side, str], Host] = {}
    for leg in trace.legs:
        for host in (_host("source", leg.source, view), _host("destination", leg.destination, view)):
            if host:
                ends.setdefault((host.side, host.instance), host)
    return tuple(ends.values())


def _host(side: Side, end: Endpoint, view: View) -> Host | None:
    interface = view.get("network_interface", end.eni, end.scope) if end.eni else None
    if not interface or not interface.instance:
        return None
    status = view.get("status_check", interface.instance, interface.scope)
    if isinstance(status, Unread):
        return Host(side, interface.instance, unread=status)
    return _checked(side, interface.instance, status) if status else Host(side, interface.instance)


def _checked(side: Side, instance: str, status: Any) -> Host:
    failing = status.impaired
    since = min((at for at in failing.values() if at), default=None)
    if failing:
        checks = f"the {' and '.join(failing)} status check{'s' if len(failing) > 1 else ''} of {instance}"
        verb = "have" if len(failing) > 1 else "has"
        said = f"{checks} {verb} failed since {shown(since)}" if since else f"{checks} failed"
        return Host(side, instance, "impaired", said, since)
    return Host(side, instance, "passing", f"the status checks of {instance} pass") if status.passes else Host(side, instance)
