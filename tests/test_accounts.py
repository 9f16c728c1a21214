"""Several accounts and Regions in one question: who is asked what, what counts as read, and what is told of a closed door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aws_replay import ReplaySession, organisation, replay_session
from aws_world import READS, interface, no_waiting, want
from command_line import refusal, run
from measured import LABS, needs_labs
from test_live import told
from world import World
from world_services import TransitGateway

from flowdiag import Diagnosis, FlowdiagError, Snapshot, diagnose
from flowdiag.access import Access, AccessError
from flowdiag.collect import Collector
from flowdiag.gather import gather, gather_vpcs
from flowdiag.model import Query, Scope, Unread
from flowdiag.question import ask
from flowdiag.table import Rules

__all__ = ["no_waiting"]
OURS, THEIRS, HOME, AWAY = "111122223333", "222233334444", "us-east-1", "eu-west-1"
ROLE = f"arn:aws:iam::{THEIRS}:role/flowdiag"
BY_ROLE = {THEIRS: {"role": ROLE, "regions": [AWAY]}}


def recorded(*worlds: World) -> dict[str, dict[str, Any]]:
    """What each account has, by Region."""
    found: dict[str, dict[str, Any]] = {}
    for world in worlds:
        found.setdefault(world.account, {})[world.region] = world.raw()[world.account, world.region]
    return found


def session_of(*worlds: World, **more: Any) -> ReplaySession:
    """A session of the first world's account, which may assume the role of the other one."""
    return organisation(recorded(*worlds), worlds[0].account, worlds[0].region, **{"roles": {ROLE: ""}, **more})


def peered(admits: bool = True, public: str = "") -> tuple[World, World]:
    """`near` in one account and Region, `far` in another account and Region, and a peering between them."""
    ours, theirs = World(OURS, HOME), World(THEIRS, AWAY)
    one, other = ours.vpc("10.1.0.0/16"), theirs.vpc("10.2.0.0/16")
    peering = ours.peer(one, other)
    one.route("10.2.0.0/16", peering)
    other.route("10.1.0.0/16", peering)
    sg_far = other.group("sg-far")
    if admits:
        sg_far.ingress("tcp", 5432, "10.1.0.0/16")
    one.subnet("10.1.1.0/24").instance("near", "10.1.1.10", one.group("sg-near"))
    other.subnet("10.2.1.0/24").instance("far", "10.2.1.20", sg_far, public=public)
    return ours, theirs


def hubbed() -> tuple[World, World]:
    """`near` and `far` in two accounts of one Region, on a transit gateway of the first."""
    ours, theirs = World(OURS, AWAY), World(THEIRS, AWAY)
    one, other = ours.vpc("10.1.0.0/16"), theirs.vpc("10.2.0.0/16")
    hub = TransitGateway(ours)
    hub.attach(one, one.subnet("10.1.9.0/28"))
    hub.attach(other, other.subnet("10.2.9.0/28"))
    one.route("10.2.0.0/16", hub.id)
    other.route("10.1.0.0/16", hub.id)
    sg_far = other.group("sg-far")
    sg_far.ingress("tcp", 5432, "10.1.0.0/16")
    one.subnet("10.1.1.0/24").instance("near", "10.1.1.10", one.group("sg-near"))
    other.subnet("10.2.1.0/24").instance("far", "10.2.1.20", sg_far)
    return ours, theirs


def live(session: ReplaySession, *asked: Any, accounts: Any = BY_ROLE, **more: Any) -> Diagnosis:
    """The live answer, without flow logs."""
    return diagnose(*asked, session=session, accounts=accounts, flow_logs="none", **more)


# ---------------------------------------------------------------- one question, two accounts


@pytest.mark.parametrize("build", [peered, hubbed])
@pytest.mark.parametrize("asked", [("near", "far", 5432), ("10.1.1.10", "10.2.1.20", 5432), ("far", "near", 22)])
def test_a_question_across_accounts_is_answered_live_as_offline(build: Any, asked: Any, tmp_path: Path) -> None:
    """Names and addresses are found wherever they are, both sides are read, nothing is left unread, and the folder that was
    captured gives the same diagnosis."""
    worlds = build()
    answer = live(session_of(*worlds), *asked)
    assert {"near": "reachable", "far": "blocked", "10.1.1.10": "reachable"}[asked[0]] == answer.verdict
    assert () == answer.unread
    assert told(diagnose(*asked, snapshot=worlds[0].snapshot(worlds[1]))) == told(answer)
    gathered = gather(ask(*asked), Rules.load(), Access(session_of(*worlds), accounts=BY_ROLE)).snapshot
    gathered.save(tmp_path / "ticket")
    assert told(diagnose(*asked, snapshot=tmp_path / "ticket")) == told(answer)
    folders = {file.parent.relative_to(tmp_path / "ticket").as_posix() for file in (tmp_path / "ticket").rglob("Vpcs.json")}
    assert {f"accounts/{world.account}/{world.region}" for world in worlds} == folders


def test_each_account_is_asked_with_its_own_credentials() -> None:
    """Nothing of ours is signed with the role's keys in our Region, nothing of theirs with ours, but for names and addresses,
    which are asked everywhere; the role is assumed once."""
    session = session_of(*peered())
    live(session, "near", "far", 5432)
    assert 1 == session.replay.count("AssumeRole")
    theirs = {(service, region) for service, _, region in session.replay.asked_of(THEIRS)}
    assert {("ec2", AWAY)} == theirs
    ours = {region for service, _, region in session.replay.asked_of(OURS) if service == "ec2"}
    assert {HOME} == ours


def test_a_public_address_of_another_account_is_that_interface() -> None:
    """Seen from one account alone it lies outside AWS; with the other one named its security group decides."""
    ours, theirs = peered(admits=False, public="203.0.113.20")
    near, far = (next(iter(world.raw()[world.account, world.region]["Vpcs"]))["VpcId"] for world in (ours, theirs))
    for world, vpc in ((ours, near), (theirs, far)):
        gateway = {"InternetGatewayId": world.id("igw"), "Attachments": [{"VpcId": vpc, "State": "available"}], "Tags": []}
        world.add("InternetGateways", "igw", gateway)
        (table,) = world.raw()[world.account, world.region]["RouteTables"]
        way = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway["InternetGatewayId"], "State": "active"}
        table["Routes"].append({**way, "Origin": "CreateRoute"})
    (eni,) = ours.raw()[OURS, HOME]["NetworkInterfaces"]
    eni["Association"] = eni["PrivateIpAddresses"][0]["Association"] = {"PublicIp": "203.0.113.10"}
    assert "reachable" == live(session_of(ours, theirs), "near", "203.0.113.20", 5432, accounts=None).verdict
    found = live(session_of(ours, theirs), "near", "203.0.113.20", 5432)
    assert ("blocked", "sg-far") == (found.verdict, found.findings[0].name)


def test_sessions_by_account_and_region() -> None:
    """In Python sessions can be given as they are, also one for each Region of an account; the first is home."""
    ours, theirs = peered()
    sessions = {
        OURS: replay_session(recorded(ours)[OURS], OURS, HOME),
        (THEIRS, AWAY): replay_session(recorded(theirs)[THEIRS], THEIRS, "ap-south-1"),
    }
    answer = diagnose("near", "far", 5432, accounts=sessions, flow_logs="none")
    assert ("reachable", ()) == (answer.verdict, answer.unread)
    assert (Scope(account=OURS, region=HOME), Scope(account=THEIRS, region=AWAY)) == Access(accounts=sessions).scopes()


def test_an_account_may_have_a_session_for_each_region() -> None:
    """Each Region is asked by its own session, another Region by the first of the account."""
    held = {region: replay_session({region: {"Vpcs": []}}, THEIRS, region) for region in (AWAY, HOME)}
    access = Access(accounts={(THEIRS, region): session for region, session in held.items()})
    access.introduce()
    for region in (AWAY, HOME, "sa-east-1"):
        access.send(Scope(account=THEIRS, region=region), "ec2", "describe_vpcs", {})
    asked = {own: [r for s, _, r in session.replay.requests if s == "ec2"] for own, session in held.items()}
    assert {AWAY: [AWAY, "sa-east-1"], HOME: [HOME]} == asked


def test_more_regions_of_the_session_itself() -> None:
    """An account that names neither role nor profile is the session's own: a name is looked for in all its Regions."""
    here, there = World(OURS, HOME), World(OURS, AWAY)
    vpc = there.vpc("10.1.0.0/16")
    subnet, group = vpc.subnet("10.1.1.0/24"), vpc.group("sg")
    group.ingress("tcp", 22, "10.0.0.0/8")
    subnet.instance("near", "10.1.1.10", group)
    subnet.instance("far", "10.1.1.20", group)
    session = session_of(here, there)
    assert "reachable" == live(session, "near", "far", 22, accounts={OURS: {"regions": [HOME, AWAY]}}).verdict
    access = Access(session, accounts={OURS: {"regions": [AWAY]}})
    access.introduce()
    assert (Scope(account=OURS, region=HOME), Scope(account=OURS, region=AWAY)) == access.scopes()


def test_a_vpc_of_another_account_is_captured_whole(tmp_path: Path) -> None:
    """Where it is, is found out first; then it is asked for there alone."""
    ours, theirs = peered()
    (vpc,) = theirs.raw()[THEIRS, AWAY]["Vpcs"]
    session = session_of(ours, theirs)
    gather_vpcs([vpc["VpcId"]], Access(session, accounts=BY_ROLE)).snapshot.save(tmp_path / "theirs")
    held = Snapshot.load(tmp_path / "theirs").counts()
    assert (1, 1, 2) == (held["subnet"], held["network_interface"], held["security_group"])
    assert 0 == sum(1 for _, operation, _ in session.replay.asked_of(OURS) if operation == "DescribeSubnets")
    with pytest.raises(FlowdiagError, match="AWS knows no VPC 'vpc-0' in any of 2 accounts and Regions"):
        gather_vpcs(["vpc-0"], Access(session_of(ours, theirs), accounts=BY_ROLE))


# ---------------------------------------------------------------- doors that do not open


def test_a_role_that_may_not_be_assumed_is_told_and_the_rest_goes_on() -> None:
    """The far side is unread with the role and the action; our side is walked."""
    session = session_of(*peered(), roles={})
    answer = live(session, "near", "10.2.1.20", 5432)
    assert "inconclusive" == answer.verdict
    reason = f"account {THEIRS} cannot be read: this session may not assume {ROLE}"
    assert {(reason, "sts:AssumeRole")} == {(unread.reason, unread.action) for unread in answer.unread}
    assert "vpc_peering" in {finding.table for finding in answer.path.findings}
    with pytest.raises(FlowdiagError, match=r"'far' could not be looked up .*this session may not assume"):
        live(session_of(*peered(), roles={}), "near", "far", 5432)


def test_a_profile_that_does_not_exist_is_told_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account is unread, with its number and the file that names the profile; our side is walked."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    file = tmp_path / "accounts.toml"
    file.write_text(f'[{THEIRS}]\nprofile = "nope"\nregions = ["{AWAY}"]\n')
    answer = live(session_of(*peered()), "near", "10.2.1.20", 5432, accounts=file)
    assert "inconclusive" == answer.verdict
    way = f"name another in {file}, or add it to the AWS configuration"
    reason = f"account {THEIRS} cannot be read: The config profile (nope) could not be found: {way}"
    assert {reason} == {unread.reason.split(" in 2222")[0] for unread in answer.unread}
    assert "vpc_peering" in {finding.table for finding in answer.path.findings}


def test_where_the_only_profile_does_not_exist_nobody_can_be_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One sentence names the account."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    access = Access(accounts={THEIRS: {"profile": "nope", "regions": [AWAY]}})
    with pytest.raises(FlowdiagError, match=rf"account {THEIRS} cannot be read: The config profile \(nope\) could not be found"):
        access.introduce()


def test_a_denied_action_of_one_account_is_denied_there_alone() -> None:
    """Their network ACLs are unread, ours are not."""
    session = session_of(*peered(), deny={(THEIRS, "ec2:DescribeNetworkAcls")})
    answer = live(session, "near", "far", 5432)
    assert "inconclusive" == answer.verdict
    assert {("denied", "ec2:DescribeNetworkAcls", THEIRS)} == {
        (unread.reason, unread.action, unread.query.scope.account) for unread in answer.unread
    }


def test_credentials_of_one_account_that_expire_end_only_that_account() -> None:
    """What was found elsewhere stands; the account is not asked again."""
    session = session_of(*peered(), errors={(THEIRS, "ec2:DescribeNetworkInterfaces"): ("RequestExpired", 400)})
    answer = live(session, "near", "10.2.1.20", 5432)
    assert "inconclusive" == answer.verdict
    assert all("credentials have expired (RequestExpired)" in unread.reason for unread in answer.unread)
    first_round = {"DescribeInstances", "DescribeNetworkInterfaces"}  # where names and addresses are looked for
    assert first_round == {operation for _, operation, _ in session.replay.asked_of(THEIRS)}


def test_credentials_that_are_no_good_anywhere_are_an_error() -> None:
    """With nobody left to be asked there is nothing to answer from."""
    session = session_of(
        *peered(), errors={"sts:GetCallerIdentity": ("ExpiredToken", 403), "sts:AssumeRole": ("ExpiredToken", 403)}
    )
    with pytest.raises(FlowdiagError, match=r"the AWS credentials have expired \(ExpiredToken\): sign in"):
        live(session, "near", "far", 5432)


def test_a_session_of_another_account_than_it_is_said_to_be_is_not_used() -> None:
    """Its replies would be filed under the wrong account."""
    ours, theirs = peered()
    wrong = replay_session(recorded(theirs)[THEIRS], "999988887777", AWAY)
    answer = live(session_of(ours), "near", "10.2.1.20", 5432, accounts={THEIRS: wrong})
    expected = f"the session for account {THEIRS} is one of 999988887777: give another in accounts="
    assert "inconclusive" == answer.verdict
    assert any(expected in unread.reason for unread in answer.unread)
    assert not [request for request in wrong.replay.requests if request[0] == "ec2"]


def test_an_account_that_nobody_named_is_told_with_the_way_out() -> None:
    """The peer's account is known from the peering, and no role for it."""
    answer = live(session_of(*peered()), "near", "10.2.1.20", 5432, accounts=None)
    expected = f"account {THEIRS} is not visible with this session: name a role for it in accounts= (--accounts)"
    assert [(expected, "ec2:DescribeNetworkInterfaces")] == [(unread.reason, unread.action) for unread in answer.unread]


# ---------------------------------------------------------------- the keys of a role end

LONG_AGO = "2020-01-01T00:00:00+00:00"
THERE = Scope(account=THEIRS, region=AWAY)


def entered(*ends: str, **more: Any) -> tuple[Access, ReplaySession]:
    """Access that has assumed the role, whose keys end at these times and then no more."""
    session = session_of(*peered(), expirations=ends, **more)
    access = Access(session, accounts=BY_ROLE)
    access.introduce()
    return access, session


def test_the_keys_of_a_role_renew_themselves() -> None:
    """A call finds that they have ended: the role is assumed again by the caller's own keys, which is noted, and the call is
    made with the new ones; they last for the calls that follow."""
    access, session = entered(LONG_AGO)
    for _ in range(3):
        pages, fault = access.send(THERE, "ec2", "describe_vpcs", {})
        assert (1, None) == (len(pages[0]["Vpcs"]), fault)
    assert [("assume_role", AWAY)] * 2 == [(name, region) for name, region, _ in access.calls if name == "assume_role"]
    assert 2 == session.replay.asked_of(OURS).count(("sts", "AssumeRole", AWAY))


def test_calls_side_by_side_renew_them_once() -> None:
    """All of them wait for the one that asks STS."""
    access, session = entered(LONG_AGO)
    with ThreadPoolExecutor(8) as pool:
        faults = [fault for _, fault in pool.map(lambda _: access.send(THERE, "ec2", "describe_vpcs", {}), range(16))]
    assert ({None}, 2) == (set(faults), session.replay.count("AssumeRole"))


@pytest.mark.parametrize("refusal", ["denied", "expired"])
def test_keys_that_cannot_be_renewed_are_a_fault_of_the_call(refusal: str) -> None:
    """With the reason and the action, however AWS is asked; another account is read as before, and nothing is raised."""
    roles, errors = {ROLE: ""}, {"sts:Nothing": ("", 0)}
    access, _ = entered(LONG_AGO, roles=roles, errors=errors)
    if refusal == "denied":
        roles.clear()
    else:
        errors["sts:AssumeRole"] = ("ExpiredToken", 403)
    why = {"denied": f"this session may not assume {ROLE}", "expired": f"{ROLE}: the AWS credentials have expired"}[refusal]
    pages, fault = access.send(THERE, "ec2", "describe_vpcs", {})
    assert fault
    assert ([], "sts:AssumeRole") == (pages, fault.action)
    assert fault.reason.startswith(f"account {THEIRS} cannot be read: {why}")
    for asked in (
        access.each(THERE, "ec2", "describe_vpcs", {}),
        access.body(THERE, "s3", "get_object", {"Bucket": "b", "Key": "k"}),
    ):
        with pytest.raises(AccessError, match="cannot be read"):
            list(asked)
    assert None is access.send(access.home, "ec2", "describe_vpcs", {})[1]


def test_keys_that_cannot_be_renewed_leave_their_account_unread() -> None:
    """In the middle of a question the rest goes on, and what was to be asked there names the role."""
    roles = {ROLE: ""}
    session = session_of(*peered(), roles=roles, expirations=[LONG_AGO])
    access = Access(session, accounts=BY_ROLE)
    access.introduce()
    roles.clear()
    gathered = gather(ask("near", "10.2.1.20", 5432), Rules.load(), access).snapshot
    assert {"sts:AssumeRole"} == {unread.action for unread in gathered.refused}
    assert 1 == gathered.counts()["vpc_peering"]


def test_a_session_keeps_its_own_keys_and_hooks() -> None:
    """The caller's session is not changed by a role that is entered with it."""
    access, session = entered()
    assert "AKIDEXAMPLE" == session.get_credentials().access_key
    assert None is access.send(THERE, "ec2", "describe_vpcs", {})[1]
    assert [("ec2", "DescribeVpcs", AWAY)] == session.replay.asked_of(THEIRS)


# ---------------------------------------------------------------- what counts as read


def collector(*regions: str, **more: Any) -> tuple[Collector, ReplaySession]:
    """A collector of two accounts, of which the second has these Regions."""
    held = {OURS: {HOME: {"NetworkInterfaces": [interface(1)]}}, THEIRS: {r: {"NetworkInterfaces": []} for r in regions}}
    session = organisation(held, OURS, HOME, roles={ROLE: ""}, **more)
    return Collector(Access(session, accounts={THEIRS: {"role": ROLE, "regions": list(regions)}}), reads=READS), session


def test_a_query_without_a_place_is_asked_in_every_place_at_once() -> None:
    """Two accounts and three Regions are one round after the introduction; it is answered for each of them, and for all."""
    gathered, session = collector(AWAY, "ap-south-1")
    gathered.fetch(want("interface", "subnet", "subnet-1"))
    assert (2, 3) == (gathered.rounds, session.replay.count("DescribeNetworkInterfaces"))
    for scope in (Scope(), *gathered.access.scopes(), Scope(account=THEIRS)):
        assert not isinstance(gathered.snapshot.find("interface", "subnet", "subnet-1", scope), Unread), scope
    assert 1 == len(gathered.snapshot.find("interface", "subnet", "subnet-1"))


def test_an_answer_of_one_place_is_none_of_another() -> None:
    """Asked of their account in one Region, it is not answered for the other Region, nor for our account."""
    gathered, _ = collector(AWAY, "ap-south-1")
    gathered.fetch(want("interface", "subnet", "subnet-1", scope=Scope(account=THEIRS, region=AWAY)))
    assert () == gathered.snapshot.find("interface", "subnet", "subnet-1", Scope(account=THEIRS, region=AWAY))
    for scope in (Scope(account=THEIRS, region="ap-south-1"), Scope(account=OURS, region=HOME), Scope()):
        assert isinstance(gathered.snapshot.find("interface", "subnet", "subnet-1", scope), Unread), scope


def test_what_was_found_stands_where_another_account_refused(tmp_path: Path) -> None:
    """Our interface is found and the refusal told beside it; for what nobody found the refusal is the answer, saved too."""
    gathered, _ = collector(AWAY, deny={(THEIRS, "ec2:DescribeNetworkInterfaces")})
    gathered.fetch([*want("interface", "subnet", "subnet-1", "subnet-2"), *want("interface", "id", "eni-0nobody")])
    gathered.snapshot.save(tmp_path / "kept")
    for snapshot in (gathered.snapshot, Snapshot.load(tmp_path / "kept", READS)):
        view = snapshot.view()
        assert 1 == len(view.find("interface", "subnet", "subnet-1"))
        assert [f"denied in {THEIRS}/{AWAY}"] == [unread.reason for unread in view.unread]
        for by, value in (("subnet", "subnet-2"), ("id", "eni-0nobody")):
            assert f"denied in {THEIRS}/{AWAY}" == snapshot.find("interface", by, value).reason
        assert () == snapshot.find("interface", "subnet", "subnet-2", Scope(account=OURS, region=HOME))


def test_an_account_in_a_region_nobody_named_is_asked_there() -> None:
    """The walk may lead into any Region of an account whose door is open."""
    gathered, session = collector(AWAY)
    gathered.fetch(want("interface", "subnet", "subnet-1", scope=Scope(account=THEIRS, region="sa-east-1")))
    assert [("ec2", "DescribeNetworkInterfaces", "sa-east-1")] == session.replay.asked_of(THEIRS)


# ---------------------------------------------------------------- the file


FILE = f"""
regions = ["{AWAY}"]

[{THEIRS}]
role = "{ROLE}"
external-id = "told-by-them"
session-name = "incident-1432"

[{OURS}]
regions = ["{HOME}", "{AWAY}"]
"""


def test_a_file_names_roles_and_regions(tmp_path: Path) -> None:
    """Its Regions stand for accounts that name none; the role's external id and session name are sent."""
    (tmp_path / "accounts.toml").write_text(FILE)
    session = organisation(recorded(*peered()), OURS, HOME, roles={ROLE: "told-by-them"})
    access = Access(session, accounts=tmp_path / "accounts.toml")
    access.introduce()
    assert [f"{OURS}/{HOME}", f"{OURS}/{AWAY}", f"{THEIRS}/{AWAY}"] == [str(scope) for scope in access.scopes()]
    asked = next(request for operation, _, request in access.calls if operation == "assume_role")
    assert {"RoleArn": ROLE, "RoleSessionName": "incident-1432", "ExternalId": "told-by-them"} == asked


def test_a_session_that_only_assumes_roles_is_not_asked(tmp_path: Path) -> None:
    """`home = false`: the account of the tools holds nothing, and may describe nothing."""
    (tmp_path / "accounts.toml").write_text(f'home = false\n[{THEIRS}]\nrole = "{ROLE}"\nregions = ["{AWAY}"]\n')
    session = session_of(*peered())
    access = Access(session, accounts=tmp_path / "accounts.toml")
    access.introduce()
    assert (Scope(account=THEIRS, region=AWAY),) == access.scopes()
    gather_vpcs([peered()[1].raw()[THEIRS, AWAY]["Vpcs"][0]["VpcId"]], access)
    assert ["sts"] == [service for service, *_ in session.replay.asked_of(OURS)]


def test_the_command_line_takes_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`diagnose` and `capture` read the accounts of --accounts; the capture answers offline."""
    (tmp_path / "accounts.toml").write_text(f'[{THEIRS}]\nrole = "{ROLE}"\nregions = ["{AWAY}"]\n')
    monkeypatch.setattr("flowdiag.access.session_for", lambda profile=None: session_of(*peered()))
    by_file = ("--accounts", tmp_path / "accounts.toml")
    assert 0 == run("diagnose", "near", "far", "5432", "--flow-logs", "none", *by_file).exit_code
    assert 0 == run("capture", tmp_path / "ticket", "near", "far", "5432", *by_file).exit_code
    assert 0 == run("diagnose", "near", "far", "5432", "--snapshot", tmp_path / "ticket").exit_code
    way = "leave them out with --snapshot, or name a place in AWS with --flow-logs"
    said = refusal(run("diagnose", "near", "far", "5432", "--snapshot", tmp_path / "ticket", *by_file))
    assert f"--profile, --region and --accounts are for reading AWS: {way}" == said


KNOWN = ("role", "external-id", "session-name", "profile", "regions")
MISTAKES: tuple[tuple[Any, str], ...] = (
    ({"22223333": {"role": ROLE}}, "accounts: '22223333' is no account: write its twelve digits"),
    ({THEIRS: {"rolle": ROLE}}, f"accounts: {THEIRS} has 'rolle', which means nothing: known are {', '.join(KNOWN)}"),
    ({THEIRS: {"role": "flowdiag"}}, f"accounts: 'flowdiag' is no role of {THEIRS}: write arn:aws:iam::{THEIRS}:role/NAME"),
    ({OURS: {"role": ROLE}}, f"accounts: '{ROLE}' is no role of {OURS}: write arn:aws:iam::{OURS}:role/NAME"),
    ({THEIRS: {"external-id": "x"}}, f"accounts: {THEIRS} has external-id and no role: name the role that it goes with"),
    ({THEIRS: {"role": ROLE, "regions": AWAY}}, f"accounts: regions of {THEIRS} is '{AWAY}': write a list such as ['us-east-1']"),
    ({THEIRS: {"profile": ""}}, f"accounts: profile of {THEIRS} is '': write a text, or leave it out"),
    ({THEIRS: None}, f"accounts: {THEIRS} is None: give a boto3 session, or a mapping with a role or a profile"),
    ({"home": "no", THEIRS: {"role": ROLE}}, "accounts: home is 'no': write true or false"),
    ({"region": AWAY}, "accounts: region at the top is no account: did you mean regions = ['us-east-1']"),
    ({"role": ROLE}, "accounts: role at the top is no account: write it below the account it is of"),
    ({THEIRS: {"region": AWAY}}, f"accounts: {THEIRS} has 'region', which means nothing: did you mean regions = ['us-east-1']"),
    (
        {THEIRS: {"role": ROLE, "regions": ["useast1"]}},
        "'useast1' is no Region of AWS: write it as us-east-1 in region= (--region), the accounts or the profile",
    ),
    ({}, "accounts names no account: write for example [222233334444] with a role under it"),
    ("/nowhere/accounts.toml", "accounts '/nowhere/accounts.toml' cannot be read (No such file or directory): give a TOML file"),
)  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), MISTAKES)
def test_a_mistake_is_one_sentence(given: Any, expected: str) -> None:
    """What a person can mend is told before AWS is asked anything."""
    session = replay_session({}, OURS, HOME)
    with pytest.raises(FlowdiagError) as caught:
        Access(session, accounts=given)
    assert (expected, []) == (str(caught.value), session.replay.requests)


def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path) -> None:
    """The line is named."""
    (tmp_path / "accounts.toml").write_text("[222233334444\nrole =")
    with pytest.raises(FlowdiagError, match=r"cannot be read \(.*line 1.*\): give a TOML file$"):
        Access(replay_session({}, OURS, HOME), accounts=tmp_path / "accounts.toml")


# ---------------------------------------------------------------- measured


def unnamed(said: dict[str, Any]) -> dict[str, Any]:
    """The same without the names of hops: both sides name a peering, and live the side that was read first is shown."""
    return {**said, "hops": [[(kind, code) for kind, _, code in hops] for hops in said["hops"]]}


@needs_labs
def test_the_measured_lab_of_two_accounts_is_answered_live() -> None:
    """Every probe across the peering, asked with a session of the source's account and a role in the other one."""
    lab = LABS / "aws-multi-account-vpc-peering"
    snapshot = Snapshot.load(lab / "snapshot")
    numbers = sorted({scope.account for scope in snapshot.scopes})
    probes = [json.loads(line) for line in (lab / "probes.jsonl").read_text(encoding="utf-8").splitlines()]
    crossed = 0
    for probe in (probe for probe in probes if probe["source"].get("eni")):
        source = f"{probe['source']['eni']}/{probe['source']['ip']}"
        asked = (source, probe["destination_ip"], probe["port"])
        home = snapshot.get("network_interface", probe["source"]["eni"]).scope
        roles = {n: {"role": f"arn:aws:iam::{n}:role/r", "regions": [home.region]} for n in numbers if n != home.account}
        session = organisation(lab / "snapshot", home.account, home.region, roles={r["role"]: "" for r in roles.values()})
        answer = live(session, *asked, accounts=roles, protocol=probe["protocol"])
        offline = diagnose(*asked, protocol=probe["protocol"], snapshot=snapshot, flow_logs="none")
        assert unnamed(told(offline)) == unnamed(told(answer)), probe["id"]
        assert probe["expected"] == answer.verdict, probe["id"]
        crossed += len({leg.destination.scope for leg in answer.path.legs} - {home, Scope()})
    assert crossed > 5


def test_one_account_costs_what_it_cost() -> None:
    """Naming only the session's own account and Region adds no call but the one that tells whose session it is."""
    ours, theirs = peered()
    world: Mapping[str, Any] = recorded(ours)
    alone = Access(organisation(world, OURS, HOME))
    named = Access(organisation(world, OURS, HOME), accounts={OURS: {"regions": [HOME]}})
    question = ask("near", "10.2.1.20", 5432)
    before, after = (gather(question, Rules.load(), access) for access in (alone, named))
    assert len(before.calls) + 1 == len(after.calls)
    assert before.snapshot.counts() == after.snapshot.counts()
    assert isinstance(before.snapshot.find("vpc", "id", theirs.raw()[THEIRS, AWAY]["Vpcs"][0]["VpcId"]), Unread)
    assert Query(kind="vpc", by="id", value="vpc-x").scope == Scope()
