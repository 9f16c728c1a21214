"""What the walk and the wire add up to: the configuration's state, the verdict, the headline and the order of findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from flowdiag.agreement import Reach, failed_at
from flowdiag.model import GUARDS, Finding, Leg, PortRange, Relation, Trace, Verdict
from flowdiag.table import Rules
from flowdiag.times import shown

State = Literal["passes", "blocked logged", "blocked silent", "blocked back", "partial", "unknown"]


class Conclusion(NamedTuple):
    """The verdict with the words that carry it."""

    verdict: Verdict
    relation: Relation
    code: str
    headline: str
    why: str
    findings: tuple[Finding, ...]
    rule: str = ""


def configuration(trace: Trace) -> State:
    """What the configuration alone says of the flow: all legs pass, all are blocked, some are, or it is not known.

    Legs that are guesses (one of them is taken, nothing says which) count as one: known only where they agree.
    """
    sure = [_state(leg) for leg in trace.legs if not leg.guess]
    guesses = [_state(leg) for leg in trace.legs if leg.guess]
    if guesses:
        sure.append(guesses[0] if len({_open(s) for s in guesses}) == 1 else "unknown")
    if not sure or "unknown" in sure:
        return "unknown"
    return sure[0] if len({_open(s) for s in sure}) == 1 else "partial"


def _open(state: State) -> str:
    return state.split()[0]


def _state(leg: Leg) -> State:
    findings = [f for f in leg.findings if not f.as_if]
    blocker = next((f for f in findings if f.verdict == "blocked"), None)
    if blocker:
        return "blocked logged" if _is_logged(blocker) else "blocked back" if _got_there(blocker) else "blocked silent"
    if _closed_together(findings):
        return "blocked logged" if all(map(_is_logged, _partly(findings))) else "blocked silent"
    if any(f.verdict == "inconclusive" for f in findings) or not (leg.request_arrived and leg.reply_arrived):
        return "unknown"
    return "partial" if any(f.verdict == "partial" for f in findings) else "passes"


def _closed_together(findings: list[Finding]) -> bool:
    """True where guards that each refuse a part of a connection's ports, there or back, leave none of them open together."""
    left: dict[tuple[str, ...], list[PortRange]] = {}
    for finding in _partly(findings):
        assert finding.flow
        asked = finding.flow if finding.direction == "request" else finding.flow.reply()
        ends = (str(asked.source), str(asked.destination))
        receiver, sender = ("service", "client") if finding.direction == "request" else ("client", "service")
        for end, ports, refused in (
            (receiver, finding.flow.destination_ports, finding.denied),
            (sender, finding.flow.source_ports, finding.denied_senders),
        ):
            if ports is None or not refused:
                continue
            open_ports = left.setdefault((end, *ends), [ports])
            for denied in refused:
                open_ports[:] = [piece for ports in open_ports for piece in ports.minus(denied)]
    return any(not ports for ports in left.values())


def _partly(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.verdict == "partial" and f.flow and (f.denied or f.denied_senders)]


def _got_there(blocker: Finding) -> bool:
    """Whether the request comes to its end and no answer comes back: on the reply's way, or in the service itself."""
    return blocker.direction == "reply" or (blocker.table == "service" and blocker.role == "serve")


def _is_logged(blocker: Finding) -> bool:
    """Whether AWS writes this denial as REJECT: security groups, network ACLs, and VPC Block Public Access with its reason.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    return blocker.table in GUARDS or blocker.inputs.get("block public access") == "on"


def passes(trace: Trace) -> bool:
    """True where every leg passes both ways, nothing left open."""
    return configuration(trace) == "passes"


def conclude(
    trace: Trace,
    inputs: Mapping[str, str],
    words: Mapping[str, str],
    read_at: datetime | None,
    rules: Rules,
    reach: tuple[Reach, ...] = (),
) -> Conclusion:
    """The verdict table asked with the configuration's state and what the wire shows (`inputs`, `words`), and where
    (`reach`: how far the packet was seen to get on each leg)."""
    state = configuration(trace)
    findings = telling(trace, state)
    table = rules.table("verdict")
    rule = table.evaluate({"configuration": state, "place": failed_at(trace, reach, _blockers(trace)), **inputs})
    first = findings[0] if findings else None
    config_time = shown(read_at, "as it was saved")
    return Conclusion(
        verdict=rule["verdict"],  # type: ignore[arg-type]  # the tables' laws hold the words to those of Verdict
        relation=rule["relation"],  # type: ignore[arg-type]
        code=first.code if first else rule.code,
        headline=rule["headline"].format_map({**words, "headline": _headline(trace, state, first), "config_time": config_time}),
        why=rules.table(first.table).why(first.code) if first else table.why(rule.code),
        findings=findings,
        rule=rule.code,
    )


def _blockers(trace: Trace) -> Iterator[tuple[int, int]]:
    """Where each leg is blocked first, or in part: the numbers of the leg and of the hop there."""
    for number, leg in enumerate(trace.legs):
        found = [(n, hop.finding) for n, hop in enumerate(leg.hops) if hop.finding and not hop.finding.as_if]
        for wanted in ("blocked", "partial"):
            first = next((n for n, finding in found if finding.verdict == wanted), None)
            if first is not None:
                yield number, first
                break


def telling(trace: Trace, state: State) -> tuple[Finding, ...]:
    """Every finding that blocks or leaves something open; the one that decided comes first, the rest in path order."""
    told = [f for f in trace.findings if f.verdict != "allowed"]
    wanted = {"unknown": "inconclusive", "partial": "partial"}.get(state, "blocked")
    ranked = [f for f in told if f.verdict == wanted and not f.as_if] or [f for f in told if f.verdict == "blocked"]
    first = ranked[:1] or told[:1]
    return (*first, *(f for f in told if f not in first))


def _headline(trace: Trace, state: State, first: Finding | None) -> str:
    if first is None:
        return "nothing in the way was found"
    states = [_state(leg) for leg in trace.legs]
    failing = len(states) - states.count("passes")
    guesses_differ = state == "unknown" and "unknown" not in states
    if failing == len(states) or not (guesses_differ or state == "partial"):
        return first.headline
    which = ", and nothing readable says which is taken" if guesses_differ else ""
    return f"{failing} of {len(states)} ways fail{which}: {first.headline}"
