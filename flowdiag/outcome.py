"""Fares → Outcome: which of the connections tell, what they tell, and what became of the others.

The table `course` decides over time. Behind a load balancer that answers, the connections to its targets count as well:
a client gets no answer of the service where none of them works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from flowdiag.connection import Connection
from flowdiag.contrast import at, size_of, when
from flowdiag.course import Spell, State, course
from flowdiag.judging import Bench, Fare, behind, judge
from flowdiag.logs import CLOCK_SLACK
from flowdiag.loss import Loss, together
from flowdiag.times import second_of

STATES: dict[str, State] = {"healthy": "works", "unobserved": "unclear"}


class Outcome(NamedTuple):
    """The fare that tells, whether others fare differently in turn with it, and the sentence about the course.

    `other` is one of the others, where that sentence tells how it fared; `last` is when the packets of which it speaks were
    seen last; `targets` is True where it is of the targets behind a load balancer; `codes` are the rules that had a part, and
    `lost` is what gateways count as lost.
    """

    fare: Fare
    partial: bool
    headline: str
    last: datetime | None
    codes: tuple[str, ...]
    targets: bool = False
    other: Fare | None = None
    lost: tuple[Loss, ...] = ()


def outcome(bench: Bench, connections: Sequence[Connection]) -> Outcome:
    """What all connections together show, with what gateways count as lost where nothing else tells it."""
    told = _of_all(bench, connections)
    known = {fare.way.loss.kind for fare in (told.fare, told.other) if fare and fare.way.loss}
    lost = together((*(loss for one in connections for loss in one.part.lost), *bench.doubtful))
    headline = "; ".join(filter(None, (told.headline, *(_words(loss) for loss in lost if loss.kind not in known))))
    return told._replace(headline=headline, lost=lost)


def _words(loss: Loss) -> str:
    doubt = f" ({loss.doubt})" if loss.doubt else ""
    return f"{loss.gateway} counts {loss.number} of the {loss.direction} lost: {loss.reason}{doubt}"


def _of_all(bench: Bench, connections: Sequence[Connection]) -> Outcome:
    front = _outcome(bench, judge(bench, connections))
    if front.fare.symptom != "healthy" or front.partial:
        return front
    fares = behind(bench, connections)
    back = _outcome(bench, fares) if fares else None
    if back is None or back.fare.symptom in STATES:
        return front
    some = " some of" if back.partial else ""
    said = f"the load balancer answers, and{some} the connections to its targets fail"
    headline = "; ".join(filter(None, (said, back.headline, front.headline)))
    return back._replace(headline=headline, codes=(*front.codes, *back.codes), targets=True)


def _outcome(bench: Bench, fares: Sequence[Fare]) -> Outcome:
    ran = course((spell for number, fare in enumerate(fares) for spell in _spells(number, fare, bench.zones)), bench.rules)
    fare = fares[ran.telling.number] if ran.telling else fares[0]
    other = fares[ran.other.number] if ran.headline and ran.other and fare.symptom == "healthy" else None
    return Outcome(
        fare=fare,
        partial=ran.partial or fare.finding.verdict == "partial",
        headline=f"{ran.headline} ({other.finding.headline})" if other else ran.headline,
        last=_last(fare),
        codes=(ran.code, *fare.codes),
        other=other,
    )


def _last(fare: Fare) -> datetime | None:
    """When the wire last showed the flow or, where it is healthy, the answer."""
    seen = [(one.point, second_of(one.last)) for one in fare.seen.values() if one.last]
    if fare.symptom != "healthy":
        return at(max((second for _, second in seen), default=0))
    ended = max((one.part.last for one in fare.connections), default=0)
    return at(min((second for second in (_answered(seen), ended) if second), default=0))


def _answered(seen: Iterable[tuple[str, int]]) -> int:
    """When an answer was seen last, of what each point saw last: as the source saw it, but no later than requests arrived, for an
    answer is sent again where its receipt does not; where nobody looked there, while both ends went on sending. In Unix
    seconds, 0 where it was not."""
    last: dict[str, int] = {}
    for point, second in seen:
        for end in (point, point.partition("_")[0]):
            last[end] = max(second, last.get(end, 0))
    ends = ("reply_source", "request_destination") if "reply_source" in last else ("request", "reply")
    return min((last[end] for end in ends if end in last), default=0)


def _spells(number: int, fare: Fare, zones: Mapping[str, str]) -> Iterable[Spell]:
    points = [spot.point for spot in fare.seen]
    for one in fare.connections:
        part, works = one.part, fare.symptom == "healthy"
        answered = _answered((points[place], when(record)) for place, record in part.records) if works else 0
        yield Spell(
            begun=part.first,
            state=STATES.get(fare.symptom, "fails"),
            number=number,
            firm=fare.symptom == "reject",
            client=one.client,
            ends=one.stretch,
            zones=(zones.get(one.stretch[0], ""), zones.get(one.stretch[1], "")),
            size=int(max((size_of(record) for _, record in part.records), default=0)),
            ended=min(answered or part.last, part.last),
            part=part.continued,
            lasting=part.continued and part.last - part.first > CLOCK_SLACK,
        )
