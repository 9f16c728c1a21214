"""Symptom → Candidates: the causes the table `symptom` lists, each held against the configuration and the wire.

A differential diagnosis: every cause is answered `yes` (the evidence shows it), `no` (read, and not so) or `unknown`,
and the table makes a status of that. What the walk did not get to is never taken as passing.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flowdiag.contrast import outlived
from flowdiag.hosts import Host
from flowdiag.model import GUARDS, TCP, Candidate, Direction, Finding, Record, Sighting, Symptom
from flowdiag.table import Rules
from flowdiag.tcp import SYN

Answer = Literal["yes", "no", "unknown"]
ROUTE = "route table"  # the cause of tables that lead a packet on
NOT_LISTED = "-"
BLOCK_PUBLIC_ACCESS = "block public access"  # the input of a gateway's table that tells whether it is on
_READ = ("network ACL", "security group", "Block Public Access", "route table", "network ACL on the reply", "route back")


@dataclass(frozen=True)
class Held:
    """A cause held against the evidence: the answer, and what shows it; `always` where no other configuration of these
    resources would change that."""

    answer: Answer
    note: str = ""
    always: bool = False


@dataclass(frozen=True)
class Evidence:
    """What a cause is held against: the findings of the walk and the sightings of the wire.

    `inside`: both ends are interfaces of one VPC; `hosts` are the instances behind them. `near` are the findings that stand
    where a packet was rejected, None where that is not known.
    """

    findings: tuple[Finding, ...]
    sightings: tuple[Sighting, ...]
    rules: Rules
    answer: str = "unknown"
    unrouted: Mapping[Direction, str] = field(default_factory=dict)
    inside: bool = False
    hosts: tuple[Host, ...] = ()
    near: Container[Hashable] | None = None

    def of(self, cause: str) -> list[Finding]:
        """The findings that count for a cause, as their tables say; Block Public Access is a cause of its own."""
        return [f for f in self.findings if self.rules.table(f.table).cause == cause and not _is_public_access(f)]

    def seen(self, point: str) -> set[str]:
        """What the wire shows at a point, over all legs."""
        return {s.seen for s in self.sightings if s.point == point}

    @property
    def denied(self) -> tuple[Direction, ...]:
        """The directions in which the wire shows REJECT; both where nothing tells."""
        found = {s.point.split("_")[0] for s in self.sightings if s.seen in ("reject", "mixed")}
        ways: tuple[Direction, ...] = ("request", "reply")
        return tuple(way for way in ways if way in found) or ways

    def rejects(self) -> list[Record]:
        """The records of denied packets."""
        return [r for s in self.sightings for r in s.records if r.action == "REJECT"]


def candidates(
    symptom: Symptom,
    findings: tuple[Finding, ...],
    rules: Rules,
    sightings: tuple[Sighting, ...] = (),
    answer: str = "unknown",
    unrouted: Mapping[Direction, str] | None = None,
    inside: bool = False,
    hosts: tuple[Host, ...] = (),
    near: Container[Hashable] | None = None,
) -> tuple[Candidate, ...]:
    """Every cause that the table `symptom` lists for this symptom, in its order, with what the evidence says of it.

    `unrouted` is what a transit gateway counts as lost for want of a route, by direction; `inside`: both ends are
    interfaces of one VPC; `hosts` are the instances behind them; `near` holds the identities of the findings that stand
    where a packet was rejected.
    """
    table = rules.table("symptom")
    causes = next(column.values for column in table.inputs if column.name == "cause")
    evidence = Evidence(findings, sightings, rules, answer, unrouted or {}, inside, hosts, near)
    found = [(cause, _held(cause, evidence)) for cause in causes]
    if symptom in ("reject", "no_log") and not any(held.answer == "yes" for cause, held in found if cause in _READ):
        found = [(cause, _at_another_time(held) if cause in _READ else held) for cause, held in found]
    inputs = ((cause, held, {"symptom": symptom, "cause": cause, "configuration": held.answer}) for cause, held in found)
    judged = ((cause, held, table.evaluate(values)) for cause, held, values in inputs)
    return tuple(_candidate(cause, held, rule, table) for cause, held, rule in judged if rule["headline"] != NOT_LISTED)


def _candidate(cause: str, held: Held, rule: Any, table: Any) -> Candidate:
    headline = rule["headline"].format_map({"cause": cause})
    corrected = rule["status"] == "corrected"
    page = table.page(rule.code) if corrected else ""
    return Candidate(
        code=rule.code, cause=cause, status=rule["status"], headline=headline, note="" if corrected else held.note, page=page
    )


def _at_another_time(held: Held) -> Held:
    """Where nothing that was read explains what the wire saw, it may have been another configuration then."""
    return Held("unknown", f"{held.note}, as it was read") if held.answer == "no" and not held.always else held


def _held(cause: str, evidence: Evidence) -> Held:
    hold = _HOW.get(cause)
    return hold(evidence) if hold else Held("unknown")


# ---------------------------------------------------------------- by the configuration


def _rejecting(table: str, evidence: Evidence, name: str) -> Held:
    """A guard that rejects, judged where the packet was rejected: what another one says does not explain it."""
    return _guard(table, evidence.denied, evidence, name, evidence.near)


def _guard(table: str, ways: Iterable[Direction], evidence: Evidence, name: str, near: Container[Hashable] | None = None) -> Held:
    ways = tuple(ways)
    found = [f for f in evidence.findings if f.table == table and f.direction in ways and (near is None or f.identity() in near)]
    denying = [f for f in found if f.verdict in ("blocked", "partial")]
    if denying:
        return Held("yes", denying[0].headline)
    if any(f.verdict == "inconclusive" for f in found) or not _walked(evidence.findings, ways):
        return Held("unknown", f"not every {name} on the path was read")
    where = "on the path" if near is None else "where the packet was rejected"
    return Held("no", f"every {name} {where} admits the flow" if found else f"no {name} is {where}")


def _walked(findings: Iterable[Finding], ways: Iterable[Direction]) -> bool:
    """True where the walk got through in these directions, so that every guard was met; a guard itself ends no walk."""
    needed = {"request", *ways}
    relevant = [f for f in findings if f.direction in needed]
    ended = any(f.table not in GUARDS and f.verdict in ("blocked", "inconclusive") for f in relevant)
    return needed <= {f.direction for f in relevant} and not ended


def _routes(way: Direction, evidence: Evidence) -> Held:
    if way in evidence.unrouted:
        return Held("yes", evidence.unrouted[way])
    found = [f for f in evidence.of(ROUTE) if f.direction == way]
    blocking = [f for f in found if f.verdict in ("blocked", "partial")]
    if blocking:
        return Held("yes", blocking[0].headline)
    if any(f.verdict == "inconclusive" for f in found) or not _walked(evidence.findings, (way,)):
        return Held("unknown", "not every route on the path was read")
    return Held("no", "every route on the path leads on")


def _tested(held: Held, evidence: Evidence) -> Held:
    """What holds back a reply, where one was there to hold back: not where none left, nor where it came through."""
    if held.answer != "yes":
        return held
    if "accept" in evidence.seen("reply_source"):
        return Held("no", "the reply is seen reaching the source", always=True)
    if evidence.seen("reply_destination") == {"absent"}:
        return Held("unknown", f"{held.note}; no answer left that it could have stopped")
    return held


def _is_public_access(finding: Finding) -> bool:
    return finding.inputs.get(BLOCK_PUBLIC_ACCESS) == "on"


def _block_public_access(evidence: Evidence) -> Held:
    """reject-reason names Block Public Access and encryption controls, and nothing else
    (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html)."""
    reasons = {r.reject_reason for r in evidence.rejects()} & {"BPA", "EC"}
    if reasons:
        return Held("yes", f"reject-reason {', '.join(sorted(reasons))}")
    blocking = [f for f in evidence.findings if _is_public_access(f) and f.verdict == "blocked"]
    if blocking:
        return Held("yes", blocking[0].headline)
    modes = {f.inputs[BLOCK_PUBLIC_ACCESS] for f in evidence.findings if BLOCK_PUBLIC_ACCESS in f.inputs}
    if modes == {"off"} and _walked(evidence.findings, evidence.denied):
        return Held("no", "Block Public Access is off where the path leaves the VPC")
    outward = any(f.table.startswith("internet") for f in evidence.findings)
    if modes or outward or not _walked(evidence.findings, evidence.denied):
        return Held("unknown", "a custom log format with reject-reason would tell")
    return Held("no", "the path crosses no internet gateway", always=evidence.inside)


# ---------------------------------------------------------------- by the wire


def _late(evidence: Evidence) -> Held:
    """Packets that came after a close were set aside before, as far as flags tell a close."""
    rejects = evidence.rejects()
    if not rejects or any(r.protocol in (None, TCP) and r.tcp_flags is None for r in rejects):
        return Held("unknown", "a log format with tcp-flags would tell")
    if outlived(evidence.sightings):
        return Held("unknown", "a security group may have forgotten the request by then")
    opening = [r for r in rejects if r.protocol not in (None, TCP) or (r.tcp_flags or 0) & SYN]
    return Held("no", "the rejected packets open a connection" if len(opening) == len(rejects) else "no close was seen before")


def _never_reached(evidence: Evidence) -> Held:
    blocking = [f for f in evidence.findings if f.direction == "request" and f.verdict == "blocked"]
    if "unaccepted" in evidence.seen("request_destination") and all(f.table in GUARDS for f in blocking):
        return Held("unknown", "a packet denied there would not be on record")
    if "accept" in evidence.seen("request_source") | evidence.seen("request_between"):
        return Held("yes", "the request was on its way and is not seen at the destination")
    return Held("yes", blocking[0].headline) if blocking else Held("unknown", "the source was not observed to send")


def _never_sent(evidence: Evidence) -> Held:
    at_source = evidence.seen("request_source")
    if evidence.seen("request_between") & {"accept", "reject", "mixed"}:
        return Held("no", "the request is seen on its way")
    if at_source & {"accept", "reject", "mixed"}:
        return Held("no", "the request is seen leaving the source")
    if at_source == {"absent"}:
        return Held("yes", "the source's flow log shows no such packet")
    if at_source & {"absent", "unaccepted"}:
        return Held("unknown", "a packet denied as it left would not be on record")
    return Held("unknown", "the source was not observed")


def _not_logged(evidence: Evidence) -> Held:
    silent = [s for s in evidence.sightings if s.point == "request_destination" and s.seen in ("absent", "unaccepted")]
    if silent and not any(s.note for s in silent):
        return Held("no", "the flow log has other lines of the interface for that time")
    return Held("unknown", next((s.note for s in silent if s.note), ""))


def _host(evidence: Evidence) -> Held:
    """By the wire; a status check that failed before confirms it. One that passes rules nothing out: it asks neither the
    host's firewall nor the application.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
    """
    held = _host_by_wire(evidence)
    side = "source" if evidence.answer == "half open" else "destination"
    checked = [host for host in evidence.hosts if host.side == side and host.said]
    if held.answer == "no" or evidence.answer not in ("none", "half open") or not checked:
        return held
    last = max((sighting.last for sighting in evidence.sightings if sighting.last), default=None)
    failed = any(host.checks == "impaired" and not (last and host.since and host.since > last) for host in checked)
    shown = [held.note] if held.answer == "yes" or not failed else []
    return Held("yes" if failed else held.answer, "; ".join([*shown, *(host.said for host in checked)]))


def _host_by_wire(evidence: Evidence) -> Held:
    if evidence.answer == "cut":
        return Held("unknown", "an application that closes idle connections looks the same")
    if evidence.answer == "half open" and "absent" not in evidence.seen("reply_source"):
        return Held("unknown", "the client's own host may drop the answer")
    if evidence.answer == "reset":
        return Held("yes", "the host refuses the connection")
    if evidence.answer == "broken off":
        return Held("yes", "the host takes the connection and resets it")
    if "accept" in evidence.seen("reply_destination"):
        return Held("no", "the host's answer is seen leaving it")
    if "accept" in evidence.seen("request_destination") and "absent" in evidence.seen("reply_destination"):
        return Held("yes", "the request was let in and no answer left the interface")
    if "accept" in evidence.seen("request_destination") and "unaccepted" in evidence.seen("reply_destination"):
        return Held("unknown", "the request was let in; an answer that was denied would not be on record")
    return Held("unknown", "the destination was not observed")


_HOW: Mapping[str, Callable[[Evidence], Held]] = {
    "network ACL": lambda e: _rejecting("network_acl", e, "network ACL"),
    "security group": lambda e: _rejecting("security_group", e, "security group"),
    "Block Public Access": _block_public_access,
    "late packet": _late,
    "route table": lambda e: _routes("request", e),
    "never reached the interface": _never_reached,
    "never sent": _never_sent,
    "no flow log": _not_logged,
    "application or host": _host,
    "network ACL on the reply": lambda e: _tested(_guard("network_acl", ("reply",), e, "network ACL"), e),
    "route back": lambda e: _tested(_routes("reply", e), e),
}
