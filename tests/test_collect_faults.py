"""Live collection where AWS says no: what becomes of every kind of failure, and of what else the round brought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from aws_replay import replay_session
from aws_world import AWAY, HOME, READS, answering, collect, eni, interface, no_waiting, only, read, want
from botocore.exceptions import EndpointConnectionError

from flowdiag.access import Access
from flowdiag.collect import Collector
from flowdiag.component import Read, by_id
from flowdiag.model import FlowdiagError, Scope, Unread

__all__ = ["collect", "no_waiting"]


# ---------------------------------------------------------------- failures


def test_throttled_calls_are_tried_again(collect: Any) -> None:
    """Three refusals as too many requests are waited out."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]}, throttle=3)
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert len(collector.snapshot.find("vpc", "id", "vpc-1")) == 1
    assert session.replay.count("DescribeVpcs") == 4


def test_a_call_throttled_to_the_end_is_unread(collect: Any) -> None:
    """Six attempts, then the query is refused as throttled, never as absent."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]}, errors={"ec2:DescribeVpcs": ("RequestLimitExceeded", 503)})
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert collector.snapshot.get("vpc", "vpc-1").reason == "throttled, try again later"
    assert session.replay.count("DescribeVpcs") == 6


def test_a_denied_call_refuses_each_of_its_queries_and_no_other(collect: Any) -> None:
    """Denied evidence names the IAM action that would grant it; the other calls of the round are kept."""
    collector, _ = collect(
        {"NetworkInterfaces": [interface(1)], "Vpcs": [{"VpcId": "vpc-1"}]}, deny={"ec2:DescribeNetworkInterfaces"}
    )
    collector.fetch([*want("interface", "id", eni(1), eni(2)), *want("vpc", "id", "vpc-1")])
    refused = [collector.snapshot.get("interface", eni(n)) for n in (1, 2)]
    assert [(u.reason, u.action, u.retry) for u in refused] == [("denied", "ec2:DescribeNetworkInterfaces", False)] * 2
    assert len(collector.snapshot.find("vpc", "id", "vpc-1")) == 1


def two_ways() -> dict[str, tuple[Read, ...]]:
    """A kind that two calls show, as load balancers of the two generations are."""
    lookups = {"id": by_id("NatGatewayId", "nat-gateway-id"), "vpc": only("VpcId", filter="vpc-id")}
    addresses = {"id": by_id("NatGatewayId", "allocation-id"), "vpc": only("VpcId", filter="public-ip")}
    one = read("nat", "describe_nat_gateways", "NatGateways", "NatGatewayId", lookups=lookups)
    return {"nat": (one, replace(one, operation="describe_addresses", responses=("Addresses",), lookups=addresses))}


def test_a_kind_of_two_calls_is_answered_when_both_are() -> None:
    """Where one of two calls is denied, an id that the other found is found; a list is not the whole list, absence not proved."""
    raw = {"NatGateways": [{"NatGatewayId": "nat-1", "VpcId": "vpc-1"}], "Addresses": []}
    for denied, expected in ((set(), [True, True, True]), ({"ec2:DescribeAddresses"}, [True, False, False])):
        collector = Collector(Access(replay_session(raw, region=HOME, deny=denied)), reads=two_ways())
        collector.fetch([*want("nat", "id", "nat-1", "nat-2"), *want("nat", "vpc", "vpc-1")])
        answers = [collector.snapshot.find("nat", *key) for key in (("id", "nat-1"), ("id", "nat-2"), ("vpc", "vpc-1"))]
        assert [not isinstance(answer, Unread) for answer in answers] == expected
        assert len(collector.calls) == 5


def test_half_a_reply_about_one_resource_is_thrown_away() -> None:
    """A prefix list whose second page is denied is unread: half its CIDRs would look like all of them."""
    raw = {"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["192.0.2.0/25", "192.0.2.128/25"]}]}
    session = replay_session(raw, region=HOME, page=1)
    refusal = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message/></Error></Errors></Response>"
    answering(session, "ec2.GetManagedPrefixListEntries", [None, (403, refusal)])
    collector = Collector(Access(session), reads=READS)
    collector.fetch(want("prefixes", "id", "pl-1"))
    assert collector.snapshot.get("prefixes", "pl-1").reason == "denied"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("AccessDenied", 403, "denied"),
        ("SomethingNew", 403, "denied"),
        ("OptInRequired", 401, "not to be had in this Region or account (OptInRequired: OptInRequired, says the replay)"),
        ("InvalidAction", 400, "not to be had in this Region or account (InvalidAction: InvalidAction, says the replay)"),
        ("InternalError", 400, "InternalError: InternalError, says the replay"),
        ("InvalidParameterValue", 400, "InvalidParameterValue: InvalidParameterValue, says the replay"),
    ],
)
def test_other_failures_are_unread_with_their_reason(collect: Any, code: str, status: int, reason: str) -> None:
    """Whatever else AWS says, the query is unread for that reason and never taken for absent."""
    collector, _ = collect({"Vpcs": []}, errors={"ec2:DescribeVpcs": (code, status)})
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert reason == collector.snapshot.get("vpc", "vpc-1").reason


def test_a_filter_aws_does_not_know_is_unread(collect: Any) -> None:
    """A wrong filter is AWS's InvalidParameterValue, so the replay would show a wrong Lookup."""
    collector, _ = collect({"NetworkInterfaces": [interface(1)]})
    collector.fetch(want("interface", "wrong", "x", "y"))
    assert "The filter 'wrong-filter' is invalid" in collector.snapshot.find("interface", "wrong", "y").reason


def test_a_lookup_aws_does_not_offer_is_unread(collect: Any) -> None:
    """A lookup without filter or parameter costs no call, and is told."""
    collector, session = collect({"NetworkInterfaces": [interface(1)]})
    assert collector.fetch(want("interface", "mac", "02:00")) is True
    assert collector.snapshot.find("interface", "mac", "02:00").reason == "AWS offers no search for interface by mac"
    assert (session.replay.requests, collector.rounds) == ([], 0)


def test_an_endpoint_out_of_reach_is_unread(collect: Any) -> None:
    """A network failure loses that call's evidence only."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}], "NetworkInterfaces": [interface(1)]})
    answering(session, "ec2.DescribeVpcs", [EndpointConnectionError(endpoint_url="https://ec2.example")] * 6)
    collector.fetch([*want("vpc", "id", "vpc-1"), *want("interface", "id", eni(1))])
    reason = collector.snapshot.get("vpc", "vpc-1").reason
    assert reason.startswith(
        'AWS was not reached: Could not connect to the endpoint URL: "https://ec2.example": check the network'
    )
    assert eni(1) == collector.snapshot.get("interface", eni(1)).id


def test_a_reply_that_cannot_be_read_is_unread(collect: Any) -> None:
    """A proxy's HTML page is no answer."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]})
    answering(session, "ec2.DescribeVpcs", [(500, "<!doctype html><p>down")] * 6)
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert "a reply that cannot be read" in collector.snapshot.get("vpc", "vpc-1").reason


def test_an_operation_that_boto3_does_not_know_is_unread(collect: Any) -> None:
    """An old boto3 is told apart from a missing permission."""
    session = replay_session({"Vpcs": []}, region=HOME)
    unknown = read("vpc", "describe_teleporters", "Vpcs", "VpcId", lookups={"id": by_id("VpcId", "vpc-id")})
    collector = Collector(Access(session), reads={"vpc": (unknown,)})
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert collector.snapshot.get("vpc", "vpc-1").reason == "this version of boto3 does not know describe_teleporters: upgrade it"


def test_a_region_that_cannot_be_is_unread(collect: Any) -> None:
    """A malformed Region in the evidence of another account stops nothing else."""
    collector, _ = collect({"Vpcs": [{"VpcId": "vpc-1"}]})
    odd = Scope(region="no region!")
    collector.fetch([*want("vpc", "id", "vpc-2", scope=odd), *want("vpc", "id", "vpc-1")])
    assert "no region!" in collector.snapshot.find("vpc", "id", "vpc-2", odd).reason
    assert len(collector.snapshot.find("vpc", "id", "vpc-1")) == 1


@pytest.mark.parametrize("operation", ["modify_vpc_attribute", "delete_vpc", "create_vpc", "run_instances"])
def test_nothing_but_reading_is_ever_called(operation: str) -> None:
    """A Read that names an operation that writes is refused before anything is sent."""
    session = replay_session({"Vpcs": []}, region=HOME)
    writing = read("vpc", operation, "Vpcs", "VpcId", lookups={"id": by_id("VpcId", "vpc-id")})
    with pytest.raises(FlowdiagError, match=f"^{operation} is not called: flowdiag only reads"):
        Collector(Access(session), reads={"vpc": (writing,)}).fetch(want("vpc", "id", "vpc-1"))
    assert not [request for request in session.replay.requests if request[0] == "ec2"]


# ---------------------------------------------------------------- Region and credentials


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No AWS settings of any kind, and no way to find some."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "DEFAULT_PROFILE", "DEFAULT_REGION", "REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("_bare")
def test_no_region_is_an_error_with_the_way_out() -> None:
    """Without a Region nothing can be asked; region= mends it."""
    with pytest.raises(FlowdiagError, match="no AWS Region is known: give region="):
        Access(boto3.Session())
    assert Access(boto3.Session(), region=AWAY).home.region == AWAY


@pytest.mark.usefixtures("_bare")
def test_no_credentials_is_an_error_with_the_way_out() -> None:
    """Without credentials nothing is sent."""
    with pytest.raises(FlowdiagError, match=r"^AWS cannot be read: Unable to locate credentials: sign in"):
        Collector(Access(region=HOME), reads=READS).fetch(want("vpc", "id", "vpc-1"))


@pytest.mark.usefixtures("_bare")
def test_an_unknown_profile_is_an_error_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_PROFILE may name a profile that does not exist."""
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FlowdiagError, match=r"The config profile \(nobody\) could not be found: name another profile"):
        Access()


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "ExpiredToken"])
def test_credentials_that_aws_does_not_take_are_an_error(collect: Any, code: str) -> None:
    """A session that is no good stops the collection in one sentence."""
    collector, _ = collect({"Vpcs": []}, errors={"sts:GetCallerIdentity": (code, 403), "ec2:DescribeVpcs": ("AuthFailure", 401)})
    with pytest.raises(FlowdiagError, match=rf"\({code}\): sign in"):
        collector.fetch(want("vpc", "id", "vpc-1"))


def test_credentials_that_expire_under_way_are_an_error(collect: Any) -> None:
    """The session ended between two calls: an error, and what the others of the round brought is kept."""
    collector, _ = collect({"Vpcs": [{"VpcId": "vpc-1"}]}, errors={"ec2:DescribeNetworkInterfaces": ("RequestExpired", 400)})
    with pytest.raises(FlowdiagError, match=r"the AWS credentials have expired \(RequestExpired\)"):
        collector.fetch([*want("interface", "id", eni(1)), *want("vpc", "id", "vpc-1")])
    assert len(collector.snapshot.find("vpc", "id", "vpc-1")) == 1


def test_credentials_refused_where_sts_took_them_mean_a_region_that_is_not_enabled(collect: Any) -> None:
    """EC2 answers AuthFailure in a Region the account did not opt in to; the session is good."""
    collector, _ = collect({"Vpcs": []}, errors={"ec2:DescribeVpcs": ("AuthFailure", 401)})
    collector.fetch(want("vpc", "id", "vpc-1"))
    expected = f"AWS does not take these credentials in {HOME}: the Region may not be enabled for the account"
    assert expected == collector.snapshot.get("vpc", "vpc-1").reason
