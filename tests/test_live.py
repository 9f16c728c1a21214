"""Both shells give the same diagnosis: the live collector over a replay of the measured labs, and the folder itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_replay import ReplaySession, replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from measured import LABS, needs_labs
from world import World

from flowdiag import Diagnosis, Snapshot, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather
from flowdiag.model import Scope
from flowdiag.question import ask
from flowdiag.table import Rules

EVERY = 6


def told(diagnosis: Diagnosis) -> dict[str, Any]:
    """What has to be the same: the verdict, the words, and every hop with its code; what was not read may be worded apart."""
    hops = [
        [(hop.place.kind, hop.name, hop.finding.code if hop.finding else "") for hop in leg.hops] for leg in diagnosis.path.legs
    ]
    findings = [(finding.code, finding.headline, finding.direction) for finding in diagnosis.findings]
    return {"verdict": diagnosis.verdict, "headline": diagnosis.headline, "findings": findings, "hops": hops}


def sampled(labs: Path) -> Iterator[tuple[Path, list[dict[str, Any]]]]:
    """Every sixth probe of every lab."""
    for number, lab in enumerate(sorted(file.parent for file in labs.glob("*/probes.jsonl"))):
        lines = (lab / "probes.jsonl").read_text(encoding="utf-8").splitlines()
        yield lab, [json.loads(line) for line in lines[number % EVERY :: EVERY]]


def home(probe: dict[str, Any], snapshot: Snapshot) -> Scope:
    """The account and Region of the end that is an interface: where a person would have a session."""
    eni = probe["source"].get("eni")
    found = [snapshot.get("network_interface", eni)] if eni else []
    found = found or snapshot.find("network_interface", "public_ip", probe["destination_ip"])
    return Scope.model_validate(found[0].scope)


def beyond(probe: dict[str, Any], snapshot: Snapshot, scope: Scope) -> bool:
    """True where the far end is in an account or Region that this session does not look into by itself."""
    found = [i for by in ("public_ip", "private_ip") for i in snapshot.find("network_interface", by, probe["destination_ip"])]
    return any(interface.scope != scope for interface in found)


def session_of(lab: Path, scope: Scope, made: dict[Scope, ReplaySession]) -> ReplaySession:
    if scope not in made:
        made[scope] = replay_session(lab / "snapshot", account=scope.account, region=scope.region, page=5)
    return made[scope]


@needs_labs
def test_the_labs_are_answered_live_as_they_are_offline() -> None:
    """At least 200 probes: same verdict, headline, findings and hops; beyond the session's sight never more than offline."""
    compared = 0
    for lab, probes in sampled(LABS):
        snapshot = Snapshot.load(lab / "snapshot")
        made: dict[Scope, ReplaySession] = {}
        for probe in probes:
            scope = home(probe, snapshot)
            if beyond(probe, snapshot, scope):
                continue
            source = probe["source"].get("eni") or probe["source"]["ip"]
            asked = (
                f"{source}/{probe['source']['ip']}" if source.startswith("eni-") else source,
                probe["destination_ip"],
                probe["port"],
            )
            live = diagnose(*asked, protocol=probe["protocol"], session=session_of(lab, scope, made))
            offline = diagnose(*asked, protocol=probe["protocol"], snapshot=snapshot)
            assert told(offline) == told(live), probe["id"]
            compared += 1
    assert compared >= 200


@needs_labs
def test_what_the_session_cannot_see_is_inconclusive_and_named() -> None:
    """Across accounts, with a session of one of them, an inconclusive answer names the account that cannot be seen."""
    lab = LABS / "aws-multi-account-vpc-peering"
    snapshot = Snapshot.load(lab / "snapshot")
    made: dict[Scope, ReplaySession] = {}
    seen = set()
    for line in (lab / "probes.jsonl").read_text(encoding="utf-8").splitlines():
        probe = json.loads(line)
        scope = home(probe, snapshot)
        if not probe["source"].get("eni") or not beyond(probe, snapshot, scope):
            continue
        live = diagnose(
            f"{probe['source']['eni']}/{probe['source']['ip']}",
            probe["destination_ip"],
            probe["port"],
            protocol=probe["protocol"],
            session=session_of(lab, scope, made),
        )
        if live.verdict == "inconclusive":
            assert any("account" in unread.reason for unread in live.unread), live.unread
        seen.add(live.verdict)
    assert "inconclusive" in seen


# ---------------------------------------------------------------- calls and rounds


def one_vpc(crowd: int) -> World:
    """web-1 and db-1 in two subnets of one VPC, and a crowd of others in VPCs beside it."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    sg_web, sg_db = vpc.group("sg-web"), vpc.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", sg_web)
    vpc.subnet("10.0.2.0/24").instance("db-1", "10.0.2.20", sg_db)
    for number in range(crowd):
        other = world.vpc("10.0.0.0/16")
        other.subnet("10.0.7.0/24").instance(f"other-{number}", "10.0.7.7", other.group(f"sg-{number}"))
    return world


def peered(crowd: int) -> World:
    """web-1 and db-1 in two peered VPCs, and a crowd beside them."""
    world = one_vpc(crowd)
    one, other = world.vpc("10.1.0.0/16"), world.vpc("10.2.0.0/16")
    peering = world.peer(one, other)
    one.route("10.2.0.0/16", peering)
    other.route("10.1.0.0/16", peering)
    sg_far = other.group("sg-far")
    sg_far.ingress("tcp", 5432, "10.1.0.0/16")
    one.subnet("10.1.1.0/24").instance("near", "10.1.1.10", one.group("sg-near"))
    other.subnet("10.2.1.0/24").instance("far", "10.2.1.20", sg_far)
    return world


def cost(world: World, source: str, destination: str) -> tuple[str, int, int]:
    """The verdict of a live question, flow logs included, the calls it took, and the rounds of collection."""
    session = replay_session(world.raw()[world.account, world.region], account=world.account, region=world.region)
    collector = gather(ask(source, destination, 5432), Rules.load(), Access(session))
    assert len(collector.calls) == len(session.replay.requests)
    session = replay_session(world.raw()[world.account, world.region], account=world.account, region=world.region)
    verdict = diagnose(source, destination, 5432, session=session).verdict
    return verdict, len(session.replay.requests), collector.rounds


@pytest.mark.parametrize(
    ("build", "source", "destination", "calls", "rounds"),
    [
        pytest.param(one_vpc, "web-1", "db-1", 13, 3, id="names in one VPC"),
        pytest.param(one_vpc, "10.0.1.10", "10.0.2.20", 12, 2, id="addresses in one VPC"),
        pytest.param(peered, "near", "far", 14, 4, id="names across a peering"),
        pytest.param(peered, "10.1.1.10", "10.2.1.20", 14, 3, id="addresses across a peering"),
    ],
)
def test_calls_depend_on_the_path_and_not_on_the_account(
    build: Any, source: str, destination: str, calls: int, rounds: int
) -> None:
    """As many in a small and in a large account."""
    assert ("reachable", calls, rounds) == cost(build(2), source, destination) == cost(build(60), source, destination)


def test_denied_evidence_is_unread_with_the_action_that_would_grant_it() -> None:
    """Without ec2:DescribeNetworkAcls the diagnosis is inconclusive and says which permission is lacking."""
    world = one_vpc(0)
    raw = world.raw()[world.account, world.region]
    session = replay_session(raw, account=world.account, region=world.region, deny={"ec2:DescribeNetworkAcls"})
    told = diagnose("web-1", "db-1", 5432, session=session, flow_logs="none")
    assert told.verdict == "inconclusive"
    assert {unread.action for unread in told.unread} == {"ec2:DescribeNetworkAcls"}


def test_throttling_is_waited_out() -> None:
    """Refused requests are sent again by botocore's retries, and the diagnosis is the same."""
    world = one_vpc(0)
    raw = world.raw()[world.account, world.region]
    session = replay_session(raw, account=world.account, region=world.region, throttle=5)
    assert diagnose("web-1", "db-1", 5432, session=session).verdict == "reachable"


def test_a_capture_answers_offline_what_was_answered_live(tmp_path: Path) -> None:
    """What a question needed is saved, and the folder gives the same diagnosis."""
    world = peered(3)
    session = replay_session(world.raw()[world.account, world.region], account=world.account, region=world.region)
    collector = gather(ask("near", "far", 5432), Rules.load(), Access(session))
    collector.snapshot.save(tmp_path / "capture")
    live = diagnose("near", "far", 5432, session=session)
    assert told(diagnose("near", "far", 5432, snapshot=tmp_path / "capture")) == told(live)
