"""Status checks: they confirm what the wire leaves open of a host, and never make a verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_replay import replay_session
from scenes import Pair
from world import status
from world_logs import flow_log

from flowdiag import Diagnosis, diagnose

FIELDS = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags\n"
SENT = "{web} 10.0.1.10 10.0.2.20 49200 5432 6 3 180 1700000000 1700000050 ACCEPT OK 2\n"
QUIET = "1700000050 1700000130"
BEFORE, AFTER = "2023-11-14T22:00:00Z", "2023-11-15T08:00:00Z"  # of the records
HOST = "application or host"


@pytest.fixture
def pair() -> Pair:
    pair = Pair()
    flow_log(pair.world, pair.vpc)
    return pair


def looked(pair: Pair, folder: Path, *more: str, without: tuple[str, ...] = ()) -> Diagnosis:
    """web-1 → db-1 with the request on record at web-1, and more records."""
    lines = (
        SENT,
        *more,
        *(f"{eni} - - - - - - - {QUIET} - NODATA -\n" for eni in ("{web}", "{db}") if eni in "".join((SENT, *more))),
    )
    (folder / "a.log").write_text(FIELDS + "".join(lines).format(web=pair.web.eni.id, db=pair.db.eni.id))
    return pair.ask(flow_logs=folder, without=without)


def host(found: Diagnosis) -> tuple[str, str]:
    """What became of the host as a cause, and why."""
    return next((c.status, c.note) for c in found.candidates if c.cause == HOST)


@pytest.mark.parametrize(("instance", "system", "named"), [("impaired", "ok", "instance"), ("ok", "impaired", "system")])
def test_a_check_that_failed_before_confirms_the_host(pair: Pair, tmp_path: Path, instance: str, system: str, named: str) -> None:
    """Nobody watched the host, and AWS found it failing before the request was sent."""
    pair.db.status.update(status(instance, system, since=BEFORE))
    found = looked(pair, tmp_path)
    assert ("confirmed", f"the {named} status check of {pair.db.id} has failed since {BEFORE}") == host(found)
    assert "inconclusive" == found.verdict


def test_a_check_that_failed_later_confirms_nothing(pair: Pair, tmp_path: Path) -> None:
    """It is shown with its time, and the cause stays possible."""
    pair.db.status.update(status("impaired", since=AFTER))
    assert "possible" == host(looked(pair, tmp_path))[0]
    assert f"has failed since {AFTER}" in host(looked(pair, tmp_path))[1]


def test_a_time_without_a_zone_is_taken_for_utc(pair: Pair, tmp_path: Path) -> None:
    """A half-written file ends no diagnosis."""
    pair.db.status.update(status("impaired", since=BEFORE.removesuffix("Z")))
    assert ("confirmed", True) == (host(looked(pair, tmp_path))[0], BEFORE in host(looked(pair, tmp_path))[1])


@pytest.mark.parametrize("told", ["initializing", "insufficient-data", "not-applicable", ""])
def test_a_check_that_says_nothing_is_not_told(pair: Pair, tmp_path: Path, told: str) -> None:
    """Neither impaired nor ok: as if it had not been asked."""
    pair.db.status.update(status(told))
    assert ("possible", "the destination was not observed") == host(looked(pair, tmp_path))


def test_checks_that_pass_rule_nothing_out(pair: Pair, tmp_path: Path) -> None:
    """They ask neither the host's firewall nor its application."""
    assert ("possible", f"the destination was not observed; the status checks of {pair.db.id} pass") == host(
        looked(pair, tmp_path)
    )


def test_a_host_that_answers_is_not_doubted(pair: Pair, tmp_path: Path) -> None:
    """What left the host's interface outweighs a check."""
    pair.db.status.update(status("impaired", since=BEFORE))
    back = "{db} 10.0.2.20 10.0.1.10 5432 49200 6 3 180 1700000000 1700000050 ACCEPT OK 18\n"
    there = "{db} 10.0.1.10 10.0.2.20 49200 5432 6 3 180 1700000000 1700000050 ACCEPT OK 2\n"
    found = looked(pair, tmp_path, there, back)
    assert [] == [cause for cause in found.candidates if pair.db.id in cause.note]


def test_it_blocks_nothing(pair: Pair) -> None:
    """Without flow logs an impaired host is as reachable as any other: the network lets the flow through."""
    pair.db.status.update(status("impaired", "impaired", since=BEFORE))
    assert ("reachable", ()) == (pair.ask().verdict, pair.ask().findings)


def test_not_read_is_listed_only_where_it_would_have_said_something(pair: Pair, tmp_path: Path) -> None:
    """For a host that gives no answer, and for no other."""
    lacking = [u.query.kind for u in looked(pair, tmp_path, without=("InstanceStatuses",)).unread]
    assert 1 == lacking.count("status_check")
    assert () == pair.ask(without=("InstanceStatuses",)).unread
    answered = "{web} 10.0.2.20 10.0.1.10 5432 49200 6 3 180 1700000000 1700000050 ACCEPT OK 18\n"
    found = looked(pair, tmp_path, answered, without=("InstanceStatuses",))
    assert [] == [u for u in found.unread if u.query.kind == "status_check"]


def test_live_both_hosts_are_asked_in_one_call(pair: Pair) -> None:
    """One DescribeInstanceStatus for both ends; denied, it is not mentioned while no answer is missed."""
    raw = pair.world.raw()[pair.world.account, pair.world.region]
    session = replay_session(raw, account=pair.world.account, region=pair.world.region)
    assert "reachable" == diagnose("web-1", "db-1", 5432, session=session).verdict
    assert 1 == [operation for _, operation, _ in session.replay.requests].count("DescribeInstanceStatus")
    refused = replay_session(raw, account=pair.world.account, region=pair.world.region, deny={"ec2:DescribeInstanceStatus"})
    told = diagnose("web-1", "db-1", 5432, session=refused)
    assert [] == [u for u in told.unread if u.query.kind == "status_check"]


def test_live_without_flow_logs_nobody_asks(pair: Pair) -> None:
    """No records, no symptom: the call is not made."""
    raw = pair.world.raw()[pair.world.account, pair.world.region]
    session = replay_session(raw, account=pair.world.account, region=pair.world.region)
    diagnose("web-1", "db-1", 5432, session=session, flow_logs="none")
    assert "DescribeInstanceStatus" not in [operation for _, operation, _ in session.replay.requests]
