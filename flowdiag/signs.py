"""Signs in the records of one connection: was it answered, refused, cut after an idle time, or left without a word.

`signs` reads them from the records, the table `answer` judges. tcp-flags are OR-ed over a record's time (FIN 1, SYN 2,
RST 4, SYN-ACK 18; ACK and PSH alone are 0): https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from flowdiag.contrast import begun, size_of, when
from flowdiag.logs import CLOCK_SLACK
from flowdiag.model import ICMP, ICMPV6, TCP, Record
from flowdiag.tcp import FIN, OPENING, RST, SYN, SYN_ACK, TIMESTAMPS, headers

NONE = "none"  # no reply is on record; whether one would be is for whoever weighs silence


class Cut(NamedTuple):
    """A connection that was reset after a time without packets: how long, in seconds, and what on the path forgets it then."""

    idle: int
    by: tuple[str, ...]


class Signs(NamedTuple):
    """What the accepted records of one connection say; equal for connections that look alike."""

    protocol: str = "other"
    sent: bool = False
    asked: bool = False
    reply: str = NONE
    returned: bool = False
    client: str = "opens only"
    cut: Cut | None = None
    sure: bool = True

    @property
    def unanswered(self) -> Signs:
        """The same, without what came back."""
        return self._replace(reply=NONE, returned=False, cut=None)

    def inputs(self, silent: bool) -> Mapping[str, str]:
        """The inputs of the table `answer`; `silent`: a reply would be on record."""
        missing = "not asked" if self.sent and not self.asked else "missing" if self.asked and silent else "not seen"
        return {
            "protocol": self.protocol,
            "reply": missing if self.reply == NONE else self.reply,
            "reply at the source": "yes" if self.returned else "no",
            "client": self.client,
            "reset": "after an idle time" if self.cut else "no",
            "opened by": "the source" if self.sure else "not told",
        }


def signs(seen: Mapping[str, Sequence[Record]], limits: Mapping[str, int], sure: bool = True, again: bool = False) -> Signs:
    """The signs in the records of one connection, by point; `limits` are the seconds after which something on the path
    forgets one, by its name, `sure` is whether it is known which end opened it, and `again` whether its ports were in use before.

    Only both ends count: what gateways in between saw has other headers.
    """
    requests, replies = _accepted(seen, "request"), _accepted(seen, "reply")
    protocol = next((record.protocol for record in requests + replies), None)
    return Signs(
        protocol="tcp" if protocol == TCP else "icmp" if protocol in (ICMP, ICMPV6) else "other",
        sent=bool(requests),
        asked=any(map(_wants_an_answer, requests)),
        reply=_reply(requests, replies, again),
        returned=any(record.action == "ACCEPT" for record in seen.get("reply_source", ())),
        client="goes on" if any(map(_goes_on, requests)) else "opens only",
        cut=cut(requests, replies, limits),
        sure=sure,
    )


def _accepted(seen: Mapping[str, Sequence[Record]], way: str) -> list[Record]:
    ends = (f"{way}_source", f"{way}_destination")
    return [record for end in ends for record in seen.get(end, ()) if record.action == "ACCEPT"]


def _reply(requests: list[Record], replies: list[Record], again: bool) -> str:
    """What the replies are: a refusal and nothing else, a reset of what was open before, an answer, an answer said again and
    again or broken off at once."""
    if not replies:
        return NONE
    if replies[0].protocol != TCP:
        return "answers"
    if all(_refuses(record, requests) for record in replies):
        return "refuses" if any(_may_open(one, again) for one in requests) else "resets"
    if not any(_welcomes(record) for record in replies):
        return "unclear"
    if _breaks_off(replies, requests):
        return "breaks off"
    return "repeats itself" if _repeats(replies, requests) else "answers"


def _wants_an_answer(request: Record) -> bool:
    """Whatever TCP sends is acknowledged, but for a reset (https://www.rfc-editor.org/rfc/rfc9293); without tcp-flags one packet
    of bare headers, or one of which nothing is told, may be one."""
    if request.protocol != TCP:
        return True
    if request.tcp_flags is not None:
        return not request.tcp_flags & RST
    single = request.packets == 1 or (request.packets is None and begun(request) == when(request))
    return not single or size_of(request) not in (0, headers(request))


def _may_open(request: Record, again: bool) -> bool:
    """By its flags; without them what came first, for a FIN long after may be as large as a SYN."""
    return not again if request.tcp_flags is None else bool(request.tcp_flags & SYN)


def _refuses(reply: Record, requests: Iterable[Record]) -> bool:
    """RST alone; without tcp-flags, bare headers in answer to SYNs (an inference: SYNs and SYN-ACKs carry options, and packets
    that keep an idle connection alive carry none)."""
    if reply.tcp_flags is not None:
        return bool(reply.tcp_flags & RST) and not reply.tcp_flags & (SYN | FIN)
    return size_of(reply) == headers(reply) and all(map(_may_be_syns, requests))


def _may_be_syns(request: Record) -> bool:
    """By its size; one packet of 12 bytes of options may as well be the FIN of a connection of before, with timestamps."""
    options = size_of(request) - headers(request)
    return 4 <= options <= 20 and not (options == TIMESTAMPS and request.packets == 1)


def _welcomes(reply: Record) -> bool:
    """Anything but a refusal: flags other than RST alone or, without flags, a size that bare headers do not have."""
    return not _refuses(reply, ()) if reply.tcp_flags is not None else size_of(reply) > headers(reply)


def _breaks_off(replies: list[Record], requests: list[Record]) -> bool:
    """SYN-ACK, then RST, and no data of the server (an inference from sizes) nor a close of either side."""
    flags = [record.tcp_flags for record in replies + requests]
    known = [flag or 0 for flag in flags]
    closes = any(flag & FIN for flag in known) or any((request.tcp_flags or 0) & RST for request in requests)
    reset = any(flag & RST for flag in known[: len(replies)])
    return None not in flags and reset and not closes and all(0 < size_of(r) <= headers(r) + 20 for r in replies)


def _repeats(replies: list[Record], requests: list[Record]) -> bool:
    """Nothing but SYN-ACKs, several for a client that sent nothing but SYNs, or for one that sent a SYN again later: before an
    ACK a server can send nothing else, and a client that had the answer opens nothing again."""
    opens = bool(requests) and all(one.tcp_flags == SYN for one in requests) and all(r.tcp_flags == SYN_ACK for r in replies)
    several, shaped = any((reply.packets or 0) > 1 for reply in replies), all(map(_is_opening, replies))
    return opens and (_opens_again(requests) or (several and all(_only_syns(one, shaped) for one in requests)))


def _only_syns(request: Record, answered_so: bool) -> bool:
    """One packet, or all of the size that only a SYN with every option has (an inference: an ACK is 8 bytes shorter); where
    the answers have the size of SYN-ACKs too, the size of one with fewer options."""
    return request.packets == 1 or size_of(request) == headers(request) + 20 or (answered_so and _is_opening(request))


def _opens_again(requests: Iterable[Record]) -> bool:
    """Whether one interface has a SYN on record in two records, one after the other."""
    times: dict[str, list[Record]] = {}
    for record in requests:
        times.setdefault(record.interface, []).append(record)
    ordered = (sorted(several, key=begun) for several in times.values())
    return any(begun(other) > when(one) for several in ordered for one, other in pairwise(several))


def _is_opening(record: Record) -> bool:
    """Whether the size is that of SYNs or SYN-ACKs with options in common use: MSS, SACK, window scale, timestamps."""
    return size_of(record) - headers(record) in OPENING


def _goes_on(request: Record) -> bool:
    """More than SYNs: the client only sends it once the answer has reached it."""
    flags = request.tcp_flags
    follows = flags is not None and (not flags & (SYN | RST) or bool(flags & FIN))
    return follows or size_of(request) > headers(request) + 20


# ---------------------------------------------------------------- idle, then reset


def cut(requests: Sequence[Record], replies: Sequence[Record], limits: Mapping[str, int]) -> Cut | None:
    """The longest time without a packet that a reset ended, where something on the path forgets a connection in that time.

    What forgot it resets the next packet that comes, so one side's reset counts where the other side sent something after that
    time: who closes what it does not need any more may do it by a reset too. A close ends a connection, so that what is reset
    after one was not idle.
    """
    both = ((requests, replies), (replies, requests))
    idle = max((gap for resetting, other in both for gap in _gaps(_timed(resetting), _timed(other))), default=0)
    by = tuple(f"{name} ({seconds} s)" for name, seconds in limits.items() if idle >= seconds)
    return Cut(idle, by) if idle > 0 and by else None


def _timed(records: Iterable[Record]) -> list[Record]:
    return [r for r in records if r.protocol == TCP and r.start is not None and r.end is not None]


def _gaps(resetting: list[Record], other: list[Record]) -> Iterable[int]:
    """Seconds without a packet before a reset of one side that answers a packet of the other one."""
    reset = max((when(r) for r in resetting if r.tcp_flags and r.tcp_flags & RST), default=None)
    newest = max(map(begun, other), default=0)
    latest = 0
    for one, following in pairwise(sorted((*resetting, *other), key=lambda r: (begun(r), when(r)))):
        latest = max(latest, when(one))
        if (one.tcp_flags or 0) & FIN or reset is None:
            return
        gap = begun(following) - latest
        if gap > CLOCK_SLACK and latest < newest and latest < reset <= when(following) + 2 * CLOCK_SLACK:
            yield gap
