"""Live collection against the replay of AWS: what is asked, in how many calls, of whom, and whether the answer is whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aws_replay import replay_session
from aws_world import ACCOUNT, AWAY, HOME, answering, collect, eni, ids, interface, no_waiting, only, read, want

from flowdiag.access import Access
from flowdiag.calls import FILTER_VALUES
from flowdiag.collect import Collector
from flowdiag.model import Query, Scope, Unread

__all__ = ["collect", "no_waiting"]


# ---------------------------------------------------------------- few calls


def test_many_values_of_one_lookup_are_one_call(collect: Any) -> None:
    """Three ids cost one call, beside the one that learns the account."""
    collector, session = collect({"NetworkInterfaces": [interface(n) for n in range(5)]})
    assert collector.fetch(want("interface", "id", eni(0), eni(1), eni(3))) is True
    assert sorted(session.replay.requests)[::-1] == [
        ("sts", "GetCallerIdentity", HOME),
        ("ec2", "DescribeNetworkInterfaces", HOME),
    ]
    assert [eni(0), eni(1), eni(3)] == ids(
        resource for n in (0, 1, 3) for resource in collector.snapshot.find("interface", "id", eni(n))
    )
    assert collector.rounds == 1
    assert Scope(account=ACCOUNT, region=HOME) == collector.scope


def test_more_values_than_a_filter_takes_are_more_calls(collect: Any) -> None:
    """AWS takes 200 values a filter, so 450 ids are three calls, and each is answered."""
    collector, session = collect({"NetworkInterfaces": [interface(n) for n in range(450)]})
    collector.fetch(want("interface", "id", *map(eni, range(450))))
    assert session.replay.count("DescribeNetworkInterfaces") == 3
    asked = [len(request["Filters"][0]["Values"]) for name, _, request in collector.calls if name != "get_caller_identity"]
    assert sorted(asked) == [50, FILTER_VALUES, FILTER_VALUES]
    assert collector.snapshot.counts()["interface"] == 450


def test_two_lookups_that_ask_the_same_are_one_call(collect: Any) -> None:
    """A VPC wanted by id and as a member of itself, here and in the Region named, is asked for once; all are answered."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]})
    here = Scope(region=HOME)
    collector.fetch([*want("vpc", "id", "vpc-1", "vpc-2"), *want("vpc", "vpc", "vpc-1", scope=here)])
    assert session.replay.count("DescribeVpcs") == 1
    assert len(collector.snapshot.find("vpc", "vpc", "vpc-1", here)) == 1
    assert collector.snapshot.get("vpc", "vpc-2") is None


def test_lookups_that_differ_in_what_goes_with_them_are_two_calls(collect: Any) -> None:
    """All interfaces of a VPC and those in use are asked by the same filter, but they are not the same question."""
    collector, session = collect({"NetworkInterfaces": [interface(1), interface(2, Status="available")]})
    collector.fetch([*want("interface", "used", "vpc-1"), *want("interface", "vpc", "vpc-1")])
    assert session.replay.count("DescribeNetworkInterfaces") == 2
    assert ids(collector.snapshot.find("interface", "vpc", "vpc-1")) == [eni(1), eni(2)]


def test_different_lookups_are_one_round(collect: Any) -> None:
    """Calls of one round are made together, and the account is learnt once."""
    collector, session = collect({"NetworkInterfaces": [interface(1)], "Vpcs": [{"VpcId": "vpc-1"}], "NatGateways": []})
    collector.fetch([*want("interface", "id", eni(1)), *want("interface", "subnet", "subnet-1"), *want("vpc", "id", "vpc-1")])
    assert (collector.rounds, len(session.replay.requests)) == (1, 4)
    collector.fetch(want("nat", "id", "nat-1"))
    assert (collector.rounds, len(session.replay.requests)) == (2, 5)


def test_what_was_asked_is_not_asked_again(collect: Any) -> None:
    """A query that was answered or refused, or is marked as not worth a retry, costs no call and is nothing new."""
    collector, session = collect({"NetworkInterfaces": [interface(1)]}, deny={"ec2:DescribeVpcs"})
    collector.fetch([*want("interface", "id", eni(1)), *want("vpc", "id", "vpc-1")])
    before = len(session.replay.requests)
    refused = collector.snapshot.find("vpc", "id", "vpc-1")
    new = Unread(query=Query(kind="interface", by="id", value=eni(2)), retry=False)
    assert collector.fetch([*want("interface", "id", eni(1)), *want("vpc", "id", "vpc-1"), refused, new]) is False
    assert (before, 1) == (len(session.replay.requests), collector.rounds)


def test_one_client_for_each_service_and_region(collect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are costly: EC2 in two Regions and STS are three, however many calls and rounds there are."""
    collector, session = collect({HOME: {"Vpcs": [], "NetworkInterfaces": []}, AWAY: {"Vpcs": []}})
    made: list[tuple[str, str]] = []
    real = session.client
    monkeypatch.setattr(session, "client", lambda name, **more: made.append((name, more["region_name"])) or real(name, **more))
    collector.fetch(
        [*want("vpc", "id", "vpc-1"), *want("interface", "id", eni(1)), *want("vpc", "id", "vpc-2", scope=Scope(region=AWAY))]
    )
    collector.fetch(want("vpc", "id", "vpc-3"))
    assert sorted(made) == [("ec2", AWAY), ("ec2", HOME), ("sts", HOME)]


def test_requests_name_flowdiag(collect: Any) -> None:
    """CloudTrail shows who called: the user agent ends in flowdiag and its version."""
    collector, session = collect({"Vpcs": []})
    agents: list[str] = []
    session.events.register_first("before-send", lambda request, **_: agents.append(request.headers["User-Agent"].decode()))
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert ["Boto3/" in agent and " flowdiag/" in agent for agent in agents] == [True, True]


# ---------------------------------------------------------------- whole answers


def test_every_page_is_read(collect: Any) -> None:
    """Five interfaces at two a page are three requests of one call."""
    collector, session = collect({"NetworkInterfaces": [interface(n) for n in range(5)]}, page=2)
    collector.fetch(want("interface", "subnet", "subnet-1"))
    assert session.replay.count("DescribeNetworkInterfaces") == 3
    assert len(collector.snapshot.find("interface", "subnet", "subnet-1")) == 5
    assert len(collector.calls) == 2


def test_the_same_page_mark_twice_is_no_whole_answer(collect: Any) -> None:
    """Where AWS goes round in circles the query stays unread, and nothing is said of what was not listed."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]})
    found = "<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet>"
    page = f"<DescribeVpcsResponse>{found}<nextToken>again</nextToken></DescribeVpcsResponse>"
    answering(session, "ec2.DescribeVpcs", [(200, page), (200, page), (200, page)])
    collector.fetch(want("vpc", "id", "vpc-1", "vpc-2"))
    assert collector.snapshot.find("vpc", "id", "vpc-1")[0].model_extra["VpcId"] == "vpc-1"
    assert "same next token" in collector.snapshot.get("vpc", "vpc-2").reason


def test_a_call_denied_on_its_second_page_answers_only_what_it_found(collect: Any) -> None:
    """What the first page brought is kept, but a list that broke off is not the whole list."""
    collector, session = collect({"NetworkInterfaces": [interface(n) for n in range(3)]}, page=2)
    refusal = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message/></Error></Errors></Response>"
    answering(session, "ec2.DescribeNetworkInterfaces", [None, (403, refusal)])
    collector.fetch(want("interface", "subnet", "subnet-1"))
    assert collector.snapshot.find("interface", "subnet", "subnet-1").reason == "denied"
    assert eni(1) == collector.snapshot.get("interface", eni(1)).id


def test_single_reads_are_one_call_an_id_and_one_reply_over_all_pages(collect: Any) -> None:
    """The reply that does not name its id is kept beside it, its pages joined; an unknown id is answered with nothing."""
    raw = [{"PrefixListId": "pl-1", "PrefixListName": "s3", "Cidrs": ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24"]}]
    collector, session = collect({"PrefixLists": raw}, page=2)
    collector.fetch(want("prefixes", "id", "pl-1", "pl-9"))
    assert session.replay.count("GetManagedPrefixListEntries") == 3
    (found,) = collector.snapshot.find("prefixes", "id", "pl-1")
    assert (
        found.model_extra["PrefixListId"], [entry["Cidr"] for entry in found.entries],
    ) == ("pl-1", ["192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24"])  # fmt: skip
    assert collector.snapshot.find("prefixes", "id", "pl-9") == ()


def routes(**more: Any) -> dict[str, Any]:
    states = ("active", "blackhole", "deleted")
    found = [{"DestinationCidrBlock": f"10.{n}.0.0/16", "State": state} for n, state in enumerate(states)]
    return {"TransitGatewayRoutes": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "Routes": found, **more}]}


def test_filters_that_go_with_a_lookup_go_with_it(collect: Any) -> None:
    """`also` filters are sent with the id, each with all its values: of three routes the two that count come."""
    collector, _ = collect(routes(AdditionalRoutesAvailable=False))
    collector.fetch(want("routes", "id", "tgw-rtb-1"))
    (found,) = collector.snapshot.find("routes", "id", "tgw-rtb-1")
    assert [route["State"] for route in found.routes] == ["active", "blackhole"]


def test_a_reply_that_says_there_is_more_is_unread(collect: Any) -> None:
    """A transit gateway search that stops early proves no missing route, so it does not count as read."""
    collector, _ = collect(routes(AdditionalRoutesAvailable=True))
    collector.fetch(want("routes", "id", "tgw-rtb-1"))
    assert collector.snapshot.get("routes", "tgw-rtb-1").reason == "AWS has more of it than this call gives"


def test_filters_of_a_describe_call_narrow_the_answer(collect: Any) -> None:
    """A filter that goes with a lookup by filter narrows it."""
    collector, _ = collect(
        {"NetworkInterfaces": [interface(1), interface(2, Status="available"), interface(3, Status="associated")]}
    )
    collector.fetch(want("interface", "used", "vpc-1"))
    assert [eni(1), eni(3)] == ids(collector.snapshot.find("interface", "used", "vpc-1"))
    assert collector.snapshot.counts()["interface"] == 2


def test_two_instances_of_one_reservation_in_two_rounds(collect: Any) -> None:
    """A filtered reply shows a reservation with some of its instances; the next one does not take them away again."""
    both = [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]
    collector, _ = collect({"Reservations": [{"ReservationId": "r-1", "Instances": both}]})
    collector.fetch(want("instance", "id", "i-1"))
    collector.fetch(want("instance", "id", "i-2"))
    assert [len(collector.snapshot.find("instance", "id", id)) for id in ("i-1", "i-2")] == [1, 1]


def test_the_parameter_of_nat_gateways_is_named_otherwise(collect: Any) -> None:
    """DescribeNatGateways calls its filters `Filter`; times in its reply become text."""
    collector, _ = collect({"NatGateways": [{"NatGatewayId": "nat-1", "CreateTime": "2026-11-23T12:04:00+00:00"}]})
    collector.fetch(want("nat", "id", "nat-1", "nat-2"))
    (found,) = collector.snapshot.find("nat", "id", "nat-1")
    assert found.model_extra["CreateTime"] == "2026-11-23T12:04:00+00:00"
    assert collector.snapshot.get("nat", "nat-2") is None


@pytest.mark.parametrize("name", ["web-*", "web-?", "back\\slash", "*", 'quote"<&'])
def test_wildcards_in_a_name_mean_themselves(collect: Any, name: str) -> None:
    """A Name tag may hold EC2's wildcards: the resource of that very name is found, and others are not fetched."""
    named = [interface(n, TagSet=[{"Key": "Name", "Value": value}]) for n, value in enumerate([name, "web-1", "other"])]
    collector, _ = collect({"NetworkInterfaces": named})
    collector.fetch(want("interface", "name", name))
    assert [eni(0)] == ids(collector.snapshot.find("interface", "name", name))
    assert collector.snapshot.counts()["interface"] == 1


def test_an_unknown_id_does_not_spoil_the_others(collect: Any) -> None:
    """AWS fails a whole list of ids for one that nobody has; the others get their answer, that one gets nothing."""
    collector, _ = collect({"NetworkInterfaces": [interface(n) for n in range(4)]})
    collector.fetch(want("interface", "listed", eni(0), eni(1), eni(9), eni(3)))
    found = [len(collector.snapshot.find("interface", "listed", eni(n))) for n in (0, 1, 9, 3)]
    assert found == [1, 1, 0, 1]


def test_a_parameter_that_takes_one_value_is_one_call_a_value() -> None:
    """EFS is asked for one file system at a time; each gets its own mount targets, in a protocol that is not EC2's."""
    targets = [{"MountTargetId": f"fsmt-{n}", "FileSystemId": f"fs-{n % 3}"} for n in range(6)]
    session = replay_session({"MountTargets": targets}, account=ACCOUNT, region=HOME, page=1)
    system = only("FileSystemId", parameter="FileSystemId")
    action, lookups = "elasticfilesystem:DescribeMountTargets", {"system": system}
    mounted = read("mounted", "describe_mount_targets", "MountTargets", "MountTargetId", lookups=lookups)
    collector = Collector(Access(session), reads={"mounted": (replace(mounted, service="efs", action=action),)})
    collector.fetch(want("mounted", "system", "fs-0", "fs-2"))
    found = [
        sorted(r.model_extra["MountTargetId"] for r in collector.snapshot.find("mounted", "system", f)) for f in ("fs-0", "fs-2")
    ]
    assert [["fsmt-0", "fsmt-3"], ["fsmt-2", "fsmt-5"]] == found
    assert 4 == session.replay.count("DescribeMountTargets")


# ---------------------------------------------------------------- Regions and accounts


def test_a_query_goes_to_the_region_it_names(collect: Any) -> None:
    """The other Region is asked with the same session, and the reply keeps that Region."""
    collector, session = collect({HOME: {"Vpcs": []}, AWAY: {"Vpcs": [{"VpcId": "vpc-7"}]}})
    collector.fetch([*want("vpc", "id", "vpc-7", scope=Scope(region=AWAY)), *want("vpc", "id", "vpc-7")])
    assert ("ec2", "DescribeVpcs", AWAY) in session.replay.requests
    assert Scope(account=ACCOUNT, region=AWAY) == collector.snapshot.find("vpc", "id", "vpc-7")[0].scope


def test_another_account_is_not_asked_for(collect: Any) -> None:
    """What belongs to an account that the session is not of is refused and costs no call; the rest is fetched."""
    collector, session = collect({"Vpcs": [{"VpcId": "vpc-1"}]})
    theirs, ours = Scope(account="444455556666", region=HOME), Scope(account=ACCOUNT, region=HOME)
    assert collector.fetch([*want("vpc", "id", "vpc-2", scope=theirs), *want("vpc", "id", "vpc-1", scope=ours)]) is True
    refused = collector.snapshot.find("vpc", "id", "vpc-2", theirs)
    expected = (
        "account 444455556666 is not visible with this session: name a role for it in accounts= (--accounts)",
        "ec2:DescribeVpcs",
        False,
    )
    assert expected == (refused.reason, refused.action, refused.retry)
    assert len(collector.snapshot.find("vpc", "id", "vpc-1", ours)) == 1
    assert session.replay.count("DescribeVpcs") == 1


def test_sts_is_not_waited_for_long(collect: Any) -> None:
    """Its reply only names the account, so it gets three attempts where evidence gets six."""
    collector, session = collect({"Vpcs": []}, errors={"sts:GetCallerIdentity": ("Throttling", 400)})
    collector.fetch(want("vpc", "id", "vpc-1"))
    assert (session.replay.count("GetCallerIdentity"), collector.scope.account) == (3, "")


def test_without_sts_the_account_stays_empty(collect: Any) -> None:
    """A network without a way to STS costs the account's name, not the evidence; a named account is then not assumed ours."""
    collector, _ = collect({"Vpcs": [{"VpcId": "vpc-1"}]}, deny={"sts:GetCallerIdentity"})
    collector.fetch([*want("vpc", "id", "vpc-1"), *want("vpc", "id", "vpc-1", scope=Scope(account=ACCOUNT))])
    assert Scope(account="", region=HOME) == collector.scope
    assert len(collector.snapshot.find("vpc", "id", "vpc-1")) == 1
    collector.fetch(want("vpc", "id", "vpc-3", scope=Scope(account=ACCOUNT)))
    assert "may not be this session's" in collector.snapshot.find("vpc", "id", "vpc-3", Scope(account=ACCOUNT)).reason
