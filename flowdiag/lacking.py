"""What was wanted and not had, as a sentence: what, why, and the way out. The same on every surface."""

from __future__ import annotations

from flowdiag.model import BY_SOURCE, Unread


def lacking(unread: Unread) -> str:
    """The sentence of one thing that was not read."""
    query = unread.query
    if query.by == BY_SOURCE:
        return unread.reason if _names_its_place(unread) else f"{query.value}: {unread.reason}".removeprefix(": ")
    by = "" if query.by == "id" else f"{query.by.replace('_', ' ')} "
    what = f"{query.kind.replace('_', ' ')} {'of ' if by else ''}{by}{query.value}".strip()
    way_out = unread.way_out or (f"grant {unread.action}" if unread.action else "")
    reason = ", ".join(words for words in (unread.reason, way_out) if words)
    return f"assumed: {what}: {unread.assumed} ({reason})" if unread.assumed else f"{what}: {reason}"


def _names_its_place(unread: Unread) -> bool:
    """Whether the reason begins with the place that was read, so that it need not be named before it."""
    places = (place.removeprefix("flow logs in ") for place in unread.query.value.split(", "))
    return unread.reason.startswith(tuple(filter(None, places)))
