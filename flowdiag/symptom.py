"""Sightings of one connection, or of many that look alike → its symptom, by the table `wire`, and how far the request got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, cast, get_args

from flowdiag.contrast import moment, outlived
from flowdiag.model import Evidence, Finding, Record, Sighting, Symptom
from flowdiag.passage import NOWHERE, SILENT, Passage
from flowdiag.sighting import Point, Seen
from flowdiag.table import Rules
from flowdiag.times import shown

Request = Literal["arrived", "reply missing", "sent", "hidden", "unsent", "unknown"]
COLUMNS: Mapping[Point, str] = {
    "request_source": "request leaves the source",
    "request_destination": "request reaches the destination",
    "reply_destination": "reply leaves the destination",
    "reply_source": "reply reaches the source",
}
EVIDENCE_SHOWN = 3


def read_symptom(
    seen: tuple[Sighting, ...],
    rules: Rules,
    answer: str = "unknown",
    more: Mapping[str, str] = NOWHERE.words,
    between: str = NOWHERE.state,
) -> tuple[Symptom, Finding]:
    """The symptom, and the rule of the table `wire` that gave it; `between` is what was seen on the way, `more` words for it."""
    points = by_point(seen)
    ends = {column: points[point] for point, column in COLUMNS.items()}
    inputs = {**ends, "in between": between, "answer": answer}
    rule = rules.table("wire").evaluate(inputs)
    deciding = [s for s in seen if s.point.endswith(rule["point"]) and s.records] or [s for s in seen if s.records]
    records = _told(deciding, rule["symptom"])
    resource = deciding[0].interface if deciding else ""
    finding = Finding(
        code=rule.code,
        table="wire",
        verdict=rule["verdict"],
        headline=rule["headline"].format_map({"unclear": "", "only": _only(records, seen), **_words(seen, deciding), **more}),
        resource=resource,
        name=resource,
        direction="reply" if rule["point"].startswith("reply") else "request",
        evidence=tuple(Evidence(where=r.where or r.interface, text=r.line, at=moment(r)) for r in records),
        inputs=inputs,
    )
    return cast("Symptom", rule["symptom"]), finding


def _told(deciding: Iterable[Sighting], symptom: str) -> list[Record]:
    """The records that the symptom rests on: of a denial the denied packets."""
    records = [record for one in deciding for record in one.records]
    denied = [record for record in records if record.action == "REJECT"] if symptom == "reject" else []
    return (denied or records)[-EVIDENCE_SHOWN:]


def _only(records: Iterable[Record], seen: Iterable[Sighting]) -> str:
    """What rejects a reply: network ACLs alone among the rules, unless the record names another cause, or a security group may
    have forgotten the request.

    https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
    """
    reasons = sorted({record.reject_reason for record in records} - {""})
    if reasons:
        return f" (reject-reason {', '.join(reasons)})"
    forgot = ", or a security group that has forgotten the request" if outlived(seen) else ""
    return f": of all rules only a network ACL does that{forgot}"


def by_point(seen: Iterable[Sighting]) -> dict[Point, Seen]:
    """One value a point over all legs: what was seen on one leg outweighs silence on another, which was just not taken."""
    kinds: dict[Point, set[Seen]] = {point: set() for point in get_args(Point)}
    for one in seen:
        kinds[one.point].add(one.seen)
    return {point: _together(found) for point, found in kinds.items()}


def _together(found: set[Seen]) -> Seen:
    if "mixed" in found or {"accept", "reject"} <= found:
        return "mixed"
    strongest: tuple[Seen, ...] = ("reject", "accept")
    if found and found <= {"absent", "unaccepted"}:
        return "absent" if found == {"absent"} else "unaccepted"
    return next((kind for kind in strongest if kind in found), "unobserved")


def _words(seen: Iterable[Sighting], deciding: Iterable[Sighting]) -> dict[str, str]:
    ends: dict[str, list[str]] = {"source": [], "destination": [], "between": []}
    for one in seen:
        ends[one.point.split("_")[1]].append(one.interface)
    last = max((s.last for s in deciding if s.last), default=None)
    named = {end: ", ".join(dict.fromkeys(labels)) or f"the {end}" for end, labels in ends.items()}
    return {**named, "when": f", last {shown(last)}" if last else ""}


def request_of(seen: Iterable[Sighting], way: Passage) -> Request:
    """How far the request was seen to get; a reply, even a refused one, proves that it arrived.

    `hidden`: it was sent, and a denial at the destination would not be on record. `reply missing`: it arrived and no reply
    came back, which either left the far end or of which nobody saw whether it left.
    """
    points = by_point(seen)
    replies = (points["reply_destination"], points["reply_source"])
    arrived = points["request_destination"] in ("accept", "mixed") or set(replies) & {"accept", "reject", "mixed"}
    if arrived and points["reply_source"] not in ("accept", "mixed", "reject"):
        left = points["reply_destination"] in ("accept", "unobserved")
        if left and (way.state == "lost back" or points["reply_source"] in SILENT):
            return "reply missing"
    if arrived:
        return "arrived"
    if points["request_source"] == "accept" and points["request_destination"] == "unaccepted":
        return "hidden"
    if points["request_source"] in ("accept", "reject", "mixed") or points["request_destination"] == "reject" or way.sent:
        return "sent"
    return "unsent" if points["request_source"] == "absent" else "unknown"
