"""Answer → Report: the blocks of an explanation in their fixed order, as data; the surfaces of `flowdiag/render/` draw it.

Order: verdict and headline (the fields of Report itself), then path, also, why, seen, ruled out, remedy, unread, more.
Nothing here knows of markup, colour or width; `picture` draws up the rows of the path and cleans foreign text.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

from flowdiag.lacking import lacking
from flowdiag.model import (
    GUARDS,
    PROTOCOL_NAMES,
    Answer,
    Candidate,
    Finding,
    RuleVerdict,
    Sighting,
    Value,
    Verdict,
    first_of,
    unobserved,
)
from flowdiag.picture import Group, Text, groups
from flowdiag.times import shown

SEVERAL = " · "
VERIFIED = "verified: the flow then passes both ways"


class Line(Value):
    """One sentence of a block, what qualifies it, and the command a person can paste.

    `page` is a documentation page that a table names and that stands in the text: a link that is no foreign text.
    """

    text: Text
    note: Text = ""
    command: Text = ""
    page: Text = ""
    mark: RuleVerdict | None = None


class Block(Value):
    """One part of the explanation; `details` is what a surface may fold away or leave out: evidence and log lines."""

    name: Text
    groups: tuple[Group, ...] = ()
    lines: tuple[Line, ...] = ()
    details: tuple[Line, ...] = ()


class Report(Value):
    """The explanation of one answer: the headline, and the blocks in their fixed order.

    `subject` is `web-1 → db-1, tcp/5432`; `answer` is what the report was made from, for surfaces that machines read.
    """

    answer: Answer
    verdict: Verdict
    subject: Text
    headline: Text
    code: Text
    blocks: tuple[Block, ...]

    @property
    def title(self) -> str:
        """The notification: it stands alone, and names subject, verdict and resource."""
        return f"{self.verdict.upper()}  {self.subject}: {self.headline}"


def report(answer: Answer) -> Report:
    """Every block of the explanation that has something to say; `path`, `unread` and `more` may not be silent."""
    others, narrow = _others(answer), _narrows(answer)
    blocks = (
        Block(name="path", groups=tuple(groups(answer.path.legs)), details=tuple(_evidence(answer))),
        Block(name="also", lines=(*map(_also, others), *map(_narrow, narrow))),
        Block(name="why", lines=tuple(_why(answer))),
        Block(name="seen", lines=tuple(_seen(answer)), details=tuple(_records(answer))),
        Block(name="ruled out", lines=tuple(_ruled_out(answer.candidates))),
        Block(name="remedy", lines=tuple(_remedies(answer))),
        Block(name="unread", lines=tuple(_lacking(answer)) or (Line(text="nothing"),), details=tuple(_unused(answer))),
        Block(name="more", lines=(_more(answer, (*others, *(several[0] for several in narrow))),)),
    )
    return Report(
        answer=answer,
        verdict=answer.verdict,
        subject=_subject(answer),
        headline=answer.headline,
        code=answer.code,
        blocks=tuple(block for block in blocks if block.groups or block.lines or block.details),
    )


def _subject(answer: Answer) -> str:
    question, legs = answer.question, answer.path.legs
    sources = {leg.source.label for leg in legs} or {question.source}
    destinations = {leg.destination.label for leg in legs} or {question.destination}
    source = sources.pop() if len(sources) == 1 else question.source
    destination = destinations.pop() if len(destinations) == 1 else question.destination
    name = PROTOCOL_NAMES.get(question.protocol, f"protocol {question.protocol}")
    service = name if question.port is None else f"{name}/{question.port}"
    return f"{source} → {destination}, {service}"


def _evidence(answer: Answer) -> Iterator[Line]:
    """What AWS said, once each, that of the findings of the answer first."""
    findings = (*answer.findings, *answer.path.findings)
    for said in dict.fromkeys(said for finding in findings for said in finding.evidence):
        yield Line(text=f"{said.where}: {said.text}", note=f"read {_moment(said.at)}" if said.at else "")


# ---------------------------------------------------------------- the blocks below the path


def _others(answer: Answer) -> tuple[Finding, ...]:
    """Every finding but the one that gave the headline: mending one must not uncover a surprise."""
    standing = (f for f in (*answer.findings, *answer.path.findings) if f.verdict != "allowed")
    findings = first_of(standing, Finding.identity)
    told = next((f for f in findings if f.code == answer.code), None)
    return tuple(f for f in findings if f is not told)


def _narrows(answer: Answer) -> list[list[Finding]]:
    """Where large packets get lost without a word, those together that would read alike; what is blocked sends none."""
    alike: dict[tuple[str, str, int], list[Finding]] = {}
    for finding in answer.narrows if answer.verdict != "blocked" else ():
        if finding.verdict == "partial" and finding.mtu:
            alike.setdefault((finding.code, finding.direction, finding.mtu.most or 0), []).append(finding)
    return list(alike.values())


def _narrow(alike: list[Finding]) -> Line:
    first, *others = alike
    names = ", ".join(finding.name for finding in others)
    told = _also(first)
    return told.model_copy(update={"text": f"{told.text} (likewise {names})"}) if names else told


def _also(finding: Finding) -> Line:
    way = "on the reply: " if finding.direction == "reply" else ""
    return Line(text=f"{way}{finding.headline}", note=f"[{finding.code}]", mark=finding.verdict)


def _why(answer: Answer) -> Iterator[Line]:
    if answer.why:
        yield Line(text=answer.why)
    if not answer.findings:
        for candidate in answer.candidates:
            if candidate.status == "confirmed":
                yield Line(text=f"confirmed: {candidate.cause}" + (f" ({candidate.note})" if candidate.note else ""))
    possible = [candidate.cause for candidate in answer.candidates if candidate.status == "possible"]
    if possible:
        yield Line(text=f"still possible: {SEVERAL.join(possible)}")


def _seen(answer: Answer) -> Iterator[Line]:
    shown = {(s.interface, s.point) for s in answer.sightings if s.records}
    looked = [s for s in answer.sightings if s.records or (s.seen != "unobserved" and (s.interface, s.point) not in shown)]
    blind = [f"{packet} on {one.interface}" if packet else one.interface for one, packet in unobserved(answer.sightings)]
    told = dict.fromkeys((_sighting(sighting, answer.read_at), sighting.note) for sighting in looked)
    for position, (text, note) in enumerate(told):
        origin = answer.sources if position == 0 else ()
        qualified = "; ".join(words for words in (note, *origin) if words)
        yield Line(text=text + (f" ({qualified})" if qualified else ""))
    if answer.sources and answer.sightings and not looked:
        yield Line(text=f"nothing of the flow ({SEVERAL.join(answer.sources)})")
    if answer.course and answer.course not in answer.headline:
        yield Line(text=answer.course)
    if blind and answer.sources:
        yield Line(text=f"not observed: {', '.join(blind)}")
    read = f", read {_moment(answer.read_at)}" if answer.read_at else ""
    if answer.relation == "contradicted":
        yield Line(text=f"the configuration{read}{',' if read else ''} says otherwise: see path")
    elif answer.relation == "predicted" and not looked:
        lacking = "" if answer.sources else f"{_unwatched(answer)}; "
        yield Line(text=f"nothing: {lacking}predicted from the configuration alone{read}")
    if answer.question.start or answer.question.end:
        yield Line(text=f"the time asked about: {_moment(answer.question.start)} to {_moment(answer.question.end)}")
    if not answer.sources:
        yield from _visible(answer)


def _unwatched(answer: Answer) -> str:
    """Why no records were read: no flow log watches the path, those that do were not read, or nothing tells."""
    known = [one for one in answer.coverage if one.interface and one.watchers is not None]
    there = list(dict.fromkeys(f"{w.id} ({w.level}) delivers to {w.destination}" for one in known for w in one.watchers or ()))
    if there:
        places = dict.fromkeys(filter(None, (w.place for one in known for w in one.watchers or ())))
        given = f": give --flow-logs {shlex.quote(next(iter(places)))}" if places else ""
        return f"{', '.join(there)} and {'was' if len(there) == 1 else 'were'} not read{given}"
    silent = dict.fromkeys(one.interface for one in known)
    if silent:
        return f"no flow log watches {', '.join(silent)}"
    asked = answer.read_at and any(one.interface for one in answer.coverage)  # live, or captured so
    return "no flow log was read, nor which ones watch the path (ec2:DescribeFlowLogs)" if asked else "no flow log was given"


def _visible(answer: Answer) -> Iterator[Line]:
    """Where a flow log would show the traffic of a service that was named, which people may not know to have interfaces."""
    ends = [end for leg in answer.path.legs for end in (leg.source, leg.destination)]
    if not any(end.managed for end in ends):
        return
    names = {end.eni: end.label for end in ends if end.eni}
    hops = [hop for leg in answer.path.legs for hop in leg.hops if hop.place.kind not in GUARDS]
    names = {hop.place.id: hop.name for hop in hops if hop.place.id.startswith("eni-")} | names
    listed = ", ".join(f"{id} ({name})" if name != id else id for id, name in names.items())
    hidden = list(dict.fromkeys(end.label for end in ends if end.managed and not end.eni))
    nowhere = f"; none shows the side of {' or '.join(hidden)}" if hidden else ""
    yield Line(text=f"visible to flow logs on {listed}{nowhere}")


def _sighting(sighting: Sighting, near: datetime | None) -> str:
    way = " (reply)" if sighting.point.startswith("reply") else ""
    where = f"{sighting.interface} ({sighting.stands_for})" if sighting.stands_for else sighting.interface
    if sighting.seen == "absent":
        return f"no record on {where}{way}, which a flow log covers"
    if sighting.seen == "unaccepted":
        return f"no accepted record on {where}{way}"
    action = {"accept": "ACCEPT", "reject": "REJECT", "mixed": "ACCEPT and REJECT"}[sighting.seen]
    last = f", last {_moment(sighting.last, near)}" if sighting.last else ""
    seen_as = "" if not sighting.stands_for else " leaving it" if sighting.leaving else " entering it"
    return f"{action} ×{sighting.count or len(sighting.records)} on {where}{seen_as}{way}{last}"


def _moment(at: datetime | None, near: datetime | None = None) -> str:
    """UTC, to the second; the date is left out where `near` is of the same day."""
    if at is None:
        return ""
    same_day = near is not None and _utc(near).date() == _utc(at).date()
    return f"{_utc(at):%H:%M:%SZ}" if same_day else shown(at)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at


def _records(answer: Answer) -> Iterator[Line]:
    """Where a flow log shows this flow, and what silence there is worth; then the log lines themselves."""
    shown = [c for c in answer.coverage if c.interface]
    if shown:
        named = (f"{c.name}, {c.stands_for}" if c.stands_for else c.name for c in shown)
        yield Line(text=f"a flow log shows this flow on {SEVERAL.join(named)}")
    if answer.sources:
        yield from (Line(text=coverage.headline, note=f"[{coverage.code}]") for coverage in answer.coverage)
    for record in answer.records:
        ends = f"{record.source} {record.source_port or '-'} → {record.destination} {record.destination_port or '-'}"
        yield Line(text=record.line or f"{record.interface} {ends} {record.action}".strip(), note=record.where)


def _ruled_out(candidates: tuple[Candidate, ...]) -> Iterator[Line]:
    """What the evidence excludes in one line; where AWS documents otherwise than the field notes, a line each."""
    excluded = [f"{c.cause} ({c.note or c.headline})" for c in candidates if c.status == "ruled out"]
    if excluded:
        yield Line(text=SEVERAL.join(excluded))
    for candidate in candidates:
        if candidate.status == "corrected":
            page = f" ({candidate.page})" if candidate.page else ""
            documented = f"{candidate.note or candidate.headline}{page}"
            yield Line(text=f"field notes: {candidate.cause}; documented: {documented}", page=candidate.page)


def _remedies(answer: Answer) -> Iterator[Line]:
    if not answer.remedies and answer.verdict in ("blocked", "partial") and answer.findings:
        lacking = "no change to a security group, network ACL or route that opens it was found"
        yield Line(text=f"{lacking}: see flowdiag explain {answer.code}")
    for number, remedy in enumerate(answer.remedies):
        proved = f"({VERIFIED})" if remedy.verified else "(not verified)"
        for position, change in enumerate(remedy.changes):
            lead = "or: " if number and position == 0 else "and: " if position else ""
            alone = proved if len(remedy.changes) == 1 else ""
            yield Line(text=lead + change.summary, note=alone, command=change.command)
            if change.caveat:
                yield Line(text=change.caveat)
        if len(remedy.changes) > 1:
            yield Line(text=f"all {len(remedy.changes)} together", note=proved)
        if remedy.note:
            yield Line(text=remedy.note)


def _lacking(answer: Answer) -> Iterator[Line]:
    """What was wanted and not had, each once, and what of the files could not be used."""
    yield from (Line(text=text) for text in dict.fromkeys(map(lacking, answer.unread)))
    yield from (Line(text=note) for note in answer.notes)


def _unused(answer: Answer) -> Iterator[Line]:
    return (Line(text=note) for note in answer.unused)


def _more(answer: Answer, others: tuple[Finding, ...]) -> Line:
    codes = dict.fromkeys([answer.code, *(finding.code for finding in others)])
    return Line(text=SEVERAL.join(f"flowdiag explain {code}" for code in codes if code))
