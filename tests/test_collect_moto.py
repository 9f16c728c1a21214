"""Live collection over a real HTTP connection: moto's server on loopback, for what it models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_world import no_waiting, want

from flowdiag.access import Access
from flowdiag.collect import Collector
from flowdiag.model import Scope

__all__ = ["no_waiting"]

REGION = "us-east-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a moto server of our own."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def session(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session of moto's account 123456789012, all of whose clients go to the server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", region_name=REGION)


@pytest.fixture
def world(session: boto3.Session) -> dict[str, Any]:
    """A VPC with one subnet, one security group and one network interface; ids by kind."""
    ec2 = session.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    address = {"SubnetId": subnet, "Groups": [group], "PrivateIpAddress": "10.0.1.10"}
    interface = ec2.create_network_interface(**address)["NetworkInterface"]["NetworkInterfaceId"]
    return {"vpc": vpc, "subnet": subnet, "security_group": group, "network_interface": interface}


def test_a_small_network_is_read_in_one_round(session: boto3.Session, world: dict[str, Any]) -> None:
    """The same collector against a real server: ids, the main route table, the network ACL of a subnet, the account."""
    collector = Collector(Access(session))
    by_id = [unread for kind, id in world.items() for unread in want(kind, "id", id)]
    subnets = [*want("route_table", "main", world["vpc"]), *want("network_acl", "subnet", world["subnet"])]
    assert collector.fetch([*by_id, *subnets]) is True
    assert {kind: collector.snapshot.get(kind, id).id for kind, id in world.items()} == world
    (table,) = collector.snapshot.find("route_table", "main", world["vpc"])
    (acl,) = collector.snapshot.find("network_acl", "subnet", world["subnet"])
    assert (table.id[:4], acl.id[:4]) == ("rtb-", "acl-")
    assert (collector.rounds, len(collector.calls)) == (1, 7)
    assert collector.scope == Scope(account="123456789012", region=REGION)


def test_an_id_that_nobody_has_is_absent(session: boto3.Session, world: dict[str, Any]) -> None:
    """Asked by filter, an unknown id is no error but an empty answer: absent, not unread."""
    collector = Collector(Access(session))
    collector.fetch(want("network_interface", "id", world["network_interface"], "eni-0123456789abcdef0"))
    assert collector.snapshot.get("network_interface", "eni-0123456789abcdef0") is None
    assert collector.snapshot.get("network_interface", world["network_interface"]).vpc_id == world["vpc"]


def test_another_region_of_the_server_is_another_world(session: boto3.Session, world: dict[str, Any]) -> None:
    """A query goes to the Region it names, and what exists here is absent there."""
    collector, away = Collector(Access(session)), Scope(region="eu-west-1")
    collector.fetch([*want("vpc", "vpc", world["vpc"], scope=away), *want("vpc", "vpc", world["vpc"])])
    assert {region for name, region, _ in collector.calls if name == "describe_vpcs"} == {"eu-west-1", REGION}
    assert collector.snapshot.find("vpc", "vpc", world["vpc"], away) == ()


def test_a_call_that_the_server_cannot_answer_is_unread(session: boto3.Session, world: dict[str, Any]) -> None:
    """Moto knows no filter by network ACL id and sends an HTML page: that query is unread, the other is answered."""
    collector = Collector(Access(session))
    collector.fetch([*want("network_acl", "id", "acl-1"), *want("vpc", "id", world["vpc"])])
    assert "cannot be read" in collector.snapshot.get("network_acl", "acl-1").reason
    assert collector.snapshot.get("vpc", world["vpc"]).id == world["vpc"]
