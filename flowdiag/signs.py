"""Signs in the records of one flow: was the request answered, refused, cut after an idle time, or left without a word.

`signs` reads them from the records, the table `answer` judges. tcp-flags are OR-ed over a record's time (FIN 1, SYN 2,
RST 4, SYN-ACK 18; ACK and PSH alone are 0): https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from flowdiag.logs import CLOCK_SLACK
from flowdiag.model import ICMP, ICMPV6, TCP, Record, Sighting, Trace

FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
SILENT = ("absent", "unaccepted")


class Rulebook(Protocol):
    """Decision tables by name, as `table.Rules` reads them."""

    def table(self, name: str) -> Any:
        """The table of this name."""


class Cut(NamedTuple):
    """A connection that was reset after a time without packets: how long, in seconds, and what on the path forgets it then."""

    idle: int
    by: tuple[str, ...]


def answered(seen: tuple[Sighting, ...], rules: Rulebook, trace: Trace | None = None) -> str:
    """What the table `answer` says of the flow's records; `trace` tells what on the path forgets idle connections."""
    return str(rules.table("answer").evaluate(signs(seen, trace or Trace()))["answer"])


def signs(seen: tuple[Sighting, ...], trace: Trace) -> Mapping[str, str]:
    """The inputs of the table `answer`."""
    requests, replies = _accepted(seen, "request"), _accepted(seen, "reply")
    protocol = next((record.protocol for record in requests + replies), None)
    return {
        "protocol": "tcp" if protocol == TCP else "icmp" if protocol in (ICMP, ICMPV6) else "other",
        "reply": _reply(seen, requests, replies),
        "reply at the source": "yes" if _returned(seen) else "no",
        "client": "goes on" if any(map(_goes_on, requests)) else "opens only",
        "reset": "after an idle time" if cut(seen, trace) else "no",
    }


def _returned(seen: Iterable[Sighting]) -> bool:
    return any(s.point == "reply_source" and s.seen in ("accept", "mixed") for s in seen)


def _reply(seen: Iterable[Sighting], requests: list[Record], replies: list[Record]) -> str:
    """What the replies are: a refusal and nothing else, an answer, an answer said again and again, or not to be told."""
    if not replies:
        silent = any(s.seen in SILENT and s.point.startswith("reply") for s in seen)
        return "missing" if requests and silent else "not seen"
    if replies[0].protocol != TCP:
        return "answers"
    if all(_refuses(record, requests) for record in replies):
        return "refuses"
    if not any(_welcomes(record) for record in replies):
        return "unclear"
    return "repeats itself" if _repeats(replies, requests) else "answers"


def _accepted(seen: Iterable[Sighting], way: str) -> list[Record]:
    """The accepted records of one direction at both ends: what gateways in between saw has other headers."""
    ends = (f"{way}_source", f"{way}_destination")
    return [r for s in seen if s.point in ends for r in s.records if r.action == "ACCEPT"]


def _refuses(reply: Record, requests: Iterable[Record]) -> bool:
    """RST alone; without tcp-flags, bare headers in answer to bare SYNs (an inference: a SYN-ACK carries options)."""
    if reply.tcp_flags is not None:
        return bool(reply.tcp_flags & RST) and not reply.tcp_flags & (SYN | FIN)
    return _size(reply) == _bare(reply) and all(0 < _size(request) <= _bare(request) + 20 for request in requests)


def _welcomes(reply: Record) -> bool:
    """Anything but a refusal: flags other than RST alone or, without flags, a size that bare headers do not have."""
    return not _refuses(reply, ()) if reply.tcp_flags is not None else _size(reply) > _bare(reply)


def _repeats(replies: list[Record], requests: list[Record]) -> bool:
    """Nothing but SYN-ACKs, several for a client that sent nothing but SYNs: before an ACK a server can send nothing else."""
    several = any((reply.packets or 0) > 1 for reply in replies)
    return several and all(r.tcp_flags == SYN_ACK for r in replies) and bool(requests) and all(map(_only_syns, requests))


def _only_syns(request: Record) -> bool:
    """One packet, or all of the size that only a SYN with every option has (an inference: an ACK is 8 bytes shorter)."""
    return request.tcp_flags == SYN and (request.packets == 1 or _size(request) == _bare(request) + 20)


def _goes_on(request: Record) -> bool:
    """More than SYNs: the client only sends it once the answer has reached it."""
    flags = request.tcp_flags
    follows = flags is not None and (not flags & (SYN | RST) or bool(flags & FIN))
    return follows or _size(request) > _bare(request) + 20


def _size(record: Record) -> float:
    """Bytes a packet, 0 where the layout does not tell."""
    return record.bytes / record.packets if record.bytes and record.packets else 0


def _bare(record: Record) -> int:
    """Bytes of an IP and a TCP header without options; a SYN has at most 20 more for options in common use."""
    return 60 if ":" in record.source + record.packet_source else 40


# ---------------------------------------------------------------- idle, then reset


def cut(seen: Iterable[Sighting], trace: Trace) -> Cut | None:
    """The longest time without a packet that a reset ended, where something on the path forgets a connection in that time."""
    limits = {(f.forgets or f.name or f.resource): f.idle_timeout for f in trace.findings if f.idle_timeout}
    idle = max((gap for records in _connections(seen).values() for gap in _gaps(records)), default=0)
    by = tuple(f"{name} ({seconds} s)" for name, seconds in limits.items() if idle + CLOCK_SLACK >= seconds)
    return Cut(idle, by) if idle > 0 and by else None


def _connections(seen: Iterable[Sighting]) -> dict[frozenset[tuple[str, int | None]], list[Record]]:
    found: dict[frozenset[tuple[str, int | None]], list[Record]] = {}
    for record in (record for s in seen for record in s.records if record.action == "ACCEPT" and record.protocol == TCP):
        ends = ((record.source, record.source_port), (record.destination, record.destination_port))
        if record.start is not None and record.end is not None:
            found.setdefault(frozenset(ends), []).append(record)
    return found


def _gaps(records: list[Record]) -> Iterable[int]:
    """Seconds without a packet before a record that holds a reset, or before data that a reset answers."""
    ordered = sorted(records, key=lambda r: (r.start or 0, r.end or 0))
    reset = max((r.end or 0 for r in ordered if r.tcp_flags and r.tcp_flags & RST), default=None)
    latest = 0
    for one, other in pairwise(ordered):
        latest = max(latest, one.end or 0)
        gap = (other.start or 0) - latest
        if reset is not None and gap > CLOCK_SLACK and latest < reset <= (other.end or 0) + 2 * CLOCK_SLACK:
            yield gap
