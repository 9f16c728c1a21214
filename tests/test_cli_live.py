"""The command line where AWS is asked: without a Region or credentials, and against a replay; what `capture` leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_replay import ReplaySession, replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from command_line import ASKED, ends, pair, refusal, run
from world import World

from flowdiag import FlowdiagError, Snapshot
from flowdiag.reading import door


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that knows nothing of AWS: no variables, empty files, no metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(empty))
    monkeypatch.setenv("BOTO_CONFIG", str(empty))
    return tmp_path


def test_no_region_is_one_sentence(no_aws: Path) -> None:
    """AWS is asked in a Region; without one nothing is sent."""
    expected = "no AWS Region is known: give region= (--region), set AWS_DEFAULT_REGION, or name one in the profile"
    assert expected == refusal(run("diagnose", *ASKED))
    assert expected == refusal(run("capture", no_aws / "ticket", *ASKED))


def test_no_credentials_is_one_sentence(no_aws: Path) -> None:
    """boto3 finds no credentials: nothing is sent, and the way to sign in is named."""
    sentence = refusal(run("diagnose", *ASKED, "--region", "us-east-1"))
    assert sentence.startswith("AWS cannot be read: Unable to locate credentials: sign in ")
    assert sentence == refusal(run("capture", no_aws / "ticket", *ASKED, "--region", "us-east-1"))
    assert not (no_aws / "ticket").exists()


def test_no_such_profile_is_one_sentence(no_aws: Path) -> None:
    """A profile that no file names."""
    assert "nobody" in refusal(run("diagnose", *ASKED, "--profile", "nobody", "--region", "us-east-1"))


Live = Callable[..., ReplaySession]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    """Have the command line read a world by a session that never touches the network."""

    def make(world: World, **more: Any) -> ReplaySession:
        (replies,) = world.raw().values()
        session = replay_session(replies, account=world.account, region=world.region, **more)
        monkeypatch.setattr("flowdiag.access.session_for", lambda profile=None: session)
        return session

    return make


def test_diagnose_reads_aws_where_no_snapshot_is_given(live: Live, world: World, tmp_path: Path) -> None:
    """The live answer is the offline one; only the time of reading is added."""
    session = live(pair(world))
    world.save(tmp_path)
    result = run("diagnose", *ASKED)
    offline = run("diagnose", *ASKED, "--snapshot", tmp_path)
    assert (0, offline.stdout.splitlines()[0]) == (result.exit_code, result.stdout.splitlines()[0])
    assert session.replay.count("DescribeNetworkInterfaces") > 0


def test_what_a_question_needs_is_captured(live: Live, world: World, tmp_path: Path) -> None:
    """The folder holds the evidence of the question alone and answers it offline."""
    live(pair(world, admits=False))
    result = run("capture", tmp_path / "ticket", *ASKED)
    assert 0 == result.exit_code
    counts = (
        "2 instances, 1 network acl, 2 network interfaces, 1 route table, 2 security groups, 2 status checks, 2 subnets, 1 vpc"
    )
    assert result.stdout.startswith(f"saved {counts} in {tmp_path / 'ticket'} (")
    assert 1 == run("diagnose", *ASKED, "--snapshot", tmp_path / "ticket").exit_code
    refused = {(unread.query.kind, unread.query.value) for unread in Snapshot.load(tmp_path / "ticket").refused}
    assert {("flow_log", end.id) for end in ends(world)} <= refused  # who listens was asked too; this account does not tell


def test_a_whole_vpc_is_captured(live: Live, world: World, tmp_path: Path) -> None:
    """With --vpc the folder answers questions between any two interfaces of the VPC, by every word for them."""
    vpc_id = pair(world).raw()[world.account, world.region]["Vpcs"][0]["VpcId"]
    source, destination = ends(world)
    world.vpc("10.9.0.0/16").subnet("10.9.1.0/24").instance("elsewhere", "10.9.1.10")
    live(world)
    result = run("capture", tmp_path / "prod", "--vpc", vpc_id)
    assert 0 == result.exit_code, result.output
    held = Snapshot.load(tmp_path / "prod").counts()
    assert (2, 2, 1) == (held["network_interface"], held["subnet"], held["vpc"])
    instances = [interface.raw["Attachment"]["InstanceId"] for interface in (source, destination)]
    words = (("web-1", "db-1"), (source.id, destination.id), instances, ("10.0.1.10", f"{vpc_id}/10.0.2.20"))
    told = [run("diagnose", one, other, "5432", "--snapshot", tmp_path / "prod") for one, other in words]
    assert [0, 0, 0, 0] == [answer.exit_code for answer in told], [answer.output for answer in told]
    assert 1 == run("diagnose", "db-1", "web-1", "22", "--snapshot", tmp_path / "prod").exit_code


def test_a_vpc_that_is_not_there_is_one_sentence(live: Live, world: World, tmp_path: Path) -> None:
    """A mistyped id does not leave an empty folder that would answer nothing."""
    live(pair(world))
    expected = "AWS knows no VPC 'vpc-0' in 111122223333/us-east-1: give another id, region= or profile"
    assert expected == refusal(run("capture", tmp_path / "prod", "--vpc", "vpc-0"))
    assert not (tmp_path / "prod").exists()


def test_what_was_denied_is_told_on_standard_error(live: Live, world: World, tmp_path: Path) -> None:
    """A capture with a hole says which, and with which action it would be whole; the offline answer says so too."""
    live(pair(world), deny={"ec2:DescribeNetworkAcls"})
    result = run("capture", tmp_path / "ticket", *ASKED)
    assert 0 == result.exit_code
    assert "not read: network acl subnet-" in result.stderr
    assert "ec2:DescribeNetworkAcls" in result.stderr
    assert 3 == run("diagnose", *ASKED, "--snapshot", tmp_path / "ticket").exit_code


@pytest.mark.parametrize("arguments", [[], ["web-1"], ["web-1", "--vpc", "vpc-1"], ["web-1", "db-1", "5432", "--vpc", "vpc-1"]])
def test_capture_wants_a_question_or_a_vpc(arguments: list[str], tmp_path: Path) -> None:
    """Neither, half of one, or both is a usage error, before AWS is asked anything."""
    expected = "capture needs either SOURCE and DESTINATION (and PORT) or --vpc: give one of the two"
    assert expected == refusal(run("capture", tmp_path, *arguments))


def test_capture_leaves_foreign_files_alone(live: Live, world: World, tmp_path: Path) -> None:
    """A folder that holds anything but a capture is refused, and nothing in it is touched."""
    live(pair(world))
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "'thesis.txt', which is no part of a capture" in refusal(run("capture", tmp_path, *ASKED))
    assert ["thesis.txt"] == [file.name for file in tmp_path.iterdir()]


def test_logs_of_aws_beside_a_snapshot(live: Live, world: World, tmp_path: Path) -> None:
    """A saved configuration and flow logs in AWS: the logs alone are asked, and what cannot be had is named."""
    session = live(pair(world), deny=["logs:FilterLogEvents"])
    world.save(tmp_path)
    result = run("diagnose", *ASKED, "--snapshot", tmp_path, "--flow-logs", "cloudwatch:/vpc/prod")
    assert 0 == result.exit_code
    assert "(denied, logs:FilterLogEvents)" in result.stdout
    assert {"logs", "sts", "ec2"} >= {service for service, _, _ in session.replay.requests}
    assert 0 == session.replay.count("DescribeNetworkInterfaces")


def test_aws_is_asked_in_the_one_region_of_the_snapshot(no_aws: Path, world: World) -> None:
    """Where nobody names a Region, that of the saved configuration is meant; of two, neither."""
    kept, session = pair(world).snapshot(), replay_session({}, region=None)
    assert [world.region, "eu-west-1"] == [door(session, named, None, kept).home.region for named in (None, "eu-west-1")]
    both = world.snapshot(pair(World(region="eu-west-1")))
    with pytest.raises(FlowdiagError, match="no AWS Region is known"):
        door(session, None, None, both)


def test_none_reads_no_flow_logs(live: Live, world: World) -> None:
    """Nor asks which there are."""
    session = live(pair(world))
    assert 0 == run("diagnose", *ASKED, "--flow-logs", "none").exit_code
    assert 0 == session.replay.count("DescribeFlowLogs")
