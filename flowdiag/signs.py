"""Signs in the records of one flow: whether the request was answered, refused, or left without a word.

tcp-flags are OR-ed over a record's time (FIN 1, SYN 2, RST 4, SYN-ACK 18; ACK and PSH alone are 0):
https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from flowdiag.model import ICMP, ICMPV6, TCP, Record, Sighting

Answered = Literal["yes", "reset", "none", "unknown"]
FIN, SYN, RST = 1, 2, 4


def answered(seen: tuple[Sighting, ...]) -> Answered:
    """Whether the far host answered: `yes` only where the answer also got back, `reset` where it refused.

    tcp-flags are OR-ed over a record's time (SYN 2, SYN-ACK 18, RST 4; an ACK alone is 0):
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    requests, replies = _accepted(seen, "request"), _accepted(seen, "reply")
    protocol = next((record.protocol for record in requests + replies), None)
    if not replies:
        silent = any(s.seen in ("absent", "unaccepted") and s.point.startswith("reply") for s in seen)
        return "none" if requests and silent and protocol in (TCP, ICMP, ICMPV6) else "unknown"
    returned = any(s.point == "reply_source" and s.seen in ("accept", "mixed") for s in seen)
    if protocol in (ICMP, ICMPV6):
        return "unknown"  # a record tells no ICMP type: these may be the far end's own pings
    if protocol != TCP:
        return "yes" if returned else "unknown"
    if all(_refuses(record, requests) for record in replies):
        return "reset"
    if not any(_welcomes(record) for record in replies):
        return "unknown"
    return "yes" if returned or any(_goes_on(record) for record in requests) else "unknown"


def _accepted(seen: Iterable[Sighting], way: str) -> list[Record]:
    return [r for s in seen if s.point.startswith(way) for r in s.records if r.action == "ACCEPT"]


def _refuses(reply: Record, requests: Iterable[Record]) -> bool:
    """RST alone; without tcp-flags, bare headers in answer to bare SYNs (an inference: a SYN-ACK carries options)."""
    if reply.tcp_flags is not None:
        return bool(reply.tcp_flags & RST) and not reply.tcp_flags & (SYN | FIN)
    return _size(reply) == _bare(reply) and all(0 < _size(request) <= _bare(request) + 20 for request in requests)


def _welcomes(reply: Record) -> bool:
    """Anything but a refusal: flags other than RST alone or, without flags, a size that bare headers do not have."""
    return not _refuses(reply, ()) if reply.tcp_flags is not None else _size(reply) > _bare(reply)


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
