"""FlowRecords told: a table that a person reads, and one JSON document for machines. No judgement.

Foreign text is cleaned on the way out, as on every surface.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from flowdiag.columns import write_parquet
from flowdiag.conversations import Conversation
from flowdiag.flows import FlowRecords, Silent
from flowdiag.logs.record import fields_of
from flowdiag.model import PROTOCOL_NAMES, Record
from flowdiag.picture import clean
from flowdiag.times import shown

VERSION = "flowdiag/flows/1"
NUMERIC = frozenset(("packets", "bytes"))
WORTH = {
    "absent": "none, and a flow log covers it",
    "unaccepted": "none, and accepted packets would be on record",
}


def text(found: FlowRecords, limit: int | None = None) -> str:
    """The listing: what was read, the newest conversations, the silent interfaces, the counts. `limit` None shows all."""
    shown = found.summary if limit is None else found.summary[len(found.summary) - min(limit, len(found.summary)) :]
    blocks = [_asked(found), _labelled("read", (_read(found),))]
    if shown:
        blocks.append("\n".join(_table(shown, found)))
    hidden = len(found.summary) - len(shown)
    if hidden:
        blocks.append(f"{_counted(hidden, 'older conversation')} not shown (--limit)")
    if found.silent:
        blocks.append(_labelled("silent", [_silence(one) for one in found.silent]))
    blocks.append(_labelled("counts", (_counts(found),)))
    if found.notes:
        blocks.append(_labelled("unread", found.notes))
    return "\n\n".join((blocks[0] + "\n" + blocks[1], *blocks[2:]))


def _asked(found: FlowRecords) -> str:
    question = found.question
    protocol = "every protocol" if found.pair.every_protocol else PROTOCOL_NAMES.get(question.protocol, str(question.protocol))
    port = f"port {question.port}" if question.port is not None else "every port"
    times = [shown(moment) for moment in (question.start, question.end) if moment]
    told = (f"{question.source} ↔ {question.destination}", protocol, port, " to ".join(times))
    return clean("RECORDS  " + ", ".join(filter(None, told)))


def _read(found: FlowRecords) -> str:
    stations = [one for one in found.coverage if one.interface]
    covered = sum(one.silence in ("absent", "unaccepted") for one in stations)
    source = ", ".join(found.outline.sources) or "no flow log"
    return f"{source}; {covered} of {_counted(len(stations), 'interface')} of the path covered"


def _labelled(label: str, lines: Sequence[str]) -> str:
    first, *others = map(clean, lines)
    return "\n".join((f"{label:<8} {first}", *(f"{'':<8} {line}" for line in others)))


# ---------------------------------------------------------------- conversations


def _table(conversations: Sequence[Conversation], found: FlowRecords) -> Iterator[str]:
    """The conversations in columns; one that is empty in every row is left out."""
    stands_for = {one.interface: one.stands_for for one in found.coverage}
    rows = [_row(one, stands_for.get(one.interface, "")) for one in conversations]
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}
    for row in ({name: name for name in names}, *rows):
        cells = (f"{row[name]:>{widths[name]}}" if name in NUMERIC else f"{row[name]:<{widths[name]}}" for name in names)
        yield "  ".join(cells).rstrip()


def _row(one: Conversation, stands_for: str) -> dict[str, str]:
    source = _end(one.source, one.source_port, one.packet_source)
    destination = _end(one.destination, one.destination_port, one.packet_destination)
    row = {
        "interface": f"{one.interface} ({stands_for})" if stands_for else one.interface,
        "way": one.direction,
        "from → to": f"{source} → {destination}",
        "protocol": one.protocol_name,
        "action": one.action,
        "packets": _number(one.packets),
        "bytes": _number(one.bytes),
        "first": _time(one.first),
        "last": _time(one.last),
        "tcp-flags": "" if one.flags is None else ",".join(one.flags) or "0",
        "reject-reason": one.reject_reason,
    }
    return {name: clean(cell) for name, cell in row.items()}


def _end(address: str, port: int | None, packet: str) -> str:
    """As AWS shows it, with the packet-level address behind it where that is another one."""
    place = f"[{address}]" if ":" in address and port is not None else address or "-"
    return (f"{place}:{port}" if port is not None else place) + (f" (packet {packet})" if packet else "")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _time(moment: datetime | None) -> str:
    return shown(moment, "")


# ---------------------------------------------------------------- silence, counts


def _silence(one: Silent) -> str:
    behind = f" ({one.stands_for})" if one.stands_for else ""
    return f"{one.interface}{behind} {one.direction}: " + WORTH.get(one.seen, f"none, which proves nothing: {one.note}")


def _counts(found: FlowRecords) -> str:
    totals = found.totals
    told = [_counted(totals.records, "record") + " of this pair"]
    told += [f"{totals.accepts} ACCEPT, {totals.rejects} REJECT"]
    sums = ((totals.packets, "packet"), (totals.bytes, "byte"))
    told += [f"{what}s not logged" if number is None else _counted(number, what) for number, what in sums]
    return "; ".join(told if totals.records else told[:1])


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


# ---------------------------------------------------------------- JSON


def write_json(found: FlowRecords, write: Callable[[str], object], parquet: str | None = None) -> None:
    """One document, piece by piece, so that the records need not be held: schema, question, records, and what sums them up.

    By the same search, for one may cost, the records are written to a new file of Parquet, where one is named.
    """
    question = found.question.model_dump(mode="json")
    question["protocol"] = None if found.pair.every_protocol else question["protocol"]
    write(f'{{"schema": {json.dumps(VERSION)},\n"question": {json.dumps(question)},\n"records": [')
    records = _passed(found, write)
    if parquet is None:
        deque(records, maxlen=0)
    else:
        write_parquet(records, parquet)
    outline = found.outline.model_dump(mode="json")
    conversations = [one.model_dump(mode="json") for one in found.summary]
    more: dict[str, Any] = {
        "summary": conversations,
        "totals": vars(found.totals),
        **{name: outline[name] for name in ("coverage", "silent", "sources", "files", "notes")},
    }
    write("\n]" + "".join(f",\n{json.dumps(name)}: {json.dumps(value)}" for name, value in more.items()) + "\n}\n")


def _passed(found: FlowRecords, write: Callable[[str], object]) -> Iterator[Record]:
    """The records, each once it is written."""
    for number, record in enumerate(found):
        write((",\n" if number else "\n") + json.dumps(_fields(record)))
        yield record


def _fields(record: Record) -> dict[str, Any]:
    """A record under AWS's names with underscores, as in a Parquet file, and where it stands."""
    return {**{name.replace("-", "_"): value for name, value in fields_of(record).items()}, "where": record.where}
