"""What the tests of live collection share: a few Reads of their own, raw items, and a Collector over a replay of AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from aws_replay import ReplaySession, http, replay_session

from flowdiag.access import Access
from flowdiag.collect import Collector
from flowdiag.component import Lookup, Read, Resource, by_id
from flowdiag.model import ANYWHERE, Query, Scope, Unread

ACCOUNT, HOME, AWAY = "111122223333", "us-east-1", "eu-west-1"


class Interface(Resource):
    """A network interface, as far as these tests look at one."""

    kind: ClassVar[str] = "interface"
    network_interface_id: str
    status: str = ""

    @property
    def id(self) -> str:
        """The AWS id."""
        return self.network_interface_id


def read(kind: str, operation: str, response: str, id_field: str, **more: Any) -> Read:
    """A Read of EC2 whose resources take any fields, by the id and the lookups given."""
    fields = {
        "kind": kind,
        "__annotations__": {"kind": ClassVar[str], "routes": tuple, "entries": tuple},
        "routes": (),
        "entries": (),
    }
    fields |= {"__module__": __name__, "id": property(lambda self: self.name), "model_config": {"extra": "allow"}}
    action = "ec2:" + "".join(word.title() for word in operation.split("_"))
    lookups = more.pop("lookups")
    return Read("ec2", operation, action, (response,), id_field, type(kind.title(), (Resource,), fields), lookups, **more)


def only(field: str, **more: Any) -> Lookup:
    """A lookup by one field of the raw item."""
    return Lookup(keys=lambda raw: [raw.get(field)], **more)


def _used(raw: Mapping[str, Any]) -> list[str]:
    return [raw["VpcId"]] if raw["Status"] in ("in-use", "associated") else []


ROUTES = only("TransitGatewayRouteTableId", parameter="TransitGatewayRouteTableId", also={"state": ("active", "blackhole")})
VPC = {"id": by_id("VpcId", "vpc-id"), "vpc": only("VpcId", filter="vpc-id")}
NAT = {"id": by_id("NatGatewayId", "nat-gateway-id")}
READS: Mapping[str, tuple[Read, ...]] = {
    "interface": (
        Read(
            "ec2",
            "describe_network_interfaces",
            "ec2:DescribeNetworkInterfaces",
            ("NetworkInterfaces",),
            "NetworkInterfaceId",
            Interface,
            {
                "id": by_id("NetworkInterfaceId", "network-interface-id"),
                "listed": only("NetworkInterfaceId", parameter="NetworkInterfaceIds"),
                "subnet": only("SubnetId", filter="subnet-id"),
                "vpc": only("VpcId", filter="vpc-id"),
                "used": Lookup(keys=_used, filter="vpc-id", also={"status": ("in-use", "associated")}),
                "name": Lookup(keys=lambda raw: [tag["Value"] for tag in raw.get("TagSet", ())], filter="tag:Name"),
                "mac": only("MacAddress"),
                "wrong": only("Wrong", filter="wrong-filter"),
            },
        ),
    ),
    "vpc": (
        read(
            "vpc",
            "describe_vpcs",
            "Vpcs",
            "VpcId",
            lookups={"id": by_id("VpcId", "vpc-id"), "vpc": only("VpcId", filter="vpc-id")},
        ),
    ),
    "instance": (
        read(
            "instance",
            "describe_instances",
            "Reservations",
            "InstanceId",
            lookups={"id": by_id("InstanceId", "instance-id")},
            items=lambda entries: [instance for entry in entries for instance in entry["Instances"]],
        ),
    ),
    "nat": (
        read(
            "nat", "describe_nat_gateways", "NatGateways", "NatGatewayId", lookups={"id": by_id("NatGatewayId", "nat-gateway-id")}
        ),
    ),
    "prefixes": (
        read(
            "prefixes",
            "get_managed_prefix_list_entries",
            "ManagedPrefixListEntries",
            "PrefixListId",
            lookups={"id": only("PrefixListId", parameter="PrefixListId")},
            single=True,
        ),
    ),
    "routes": (
        read(
            "routes",
            "search_transit_gateway_routes",
            "TransitGatewayRoutes",
            "TransitGatewayRouteTableId",
            lookups={
                "id": only(
                    "TransitGatewayRouteTableId", parameter="TransitGatewayRouteTableId", also={"state": ("active", "blackhole")}
                )
            },
            single=True,
        ),
    ),
}


def interface(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "NetworkInterfaceId": f"eni-{number:017x}",
        "SubnetId": "subnet-1",
        "VpcId": "vpc-1",
        "Status": "in-use",
        "TagSet": [],
        **fields,
    }


def eni(number: int) -> str:
    return f"eni-{number:017x}"


def want(kind: str, by: str, *values: str, scope: Scope = ANYWHERE) -> list[Unread]:
    return [Unread(query=Query(kind=kind, by=by, value=value, scope=scope)) for value in values]


def ids(found: Any) -> list[str]:
    return sorted(resource.id for resource in found)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait no time."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def collect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Collector, ReplaySession]]:
    """A Collector over a replay of raw items, and its session."""

    def make(raw: Mapping[str, Any], **more: Any) -> tuple[Collector, ReplaySession]:
        session = replay_session(raw, account=ACCOUNT, region=HOME, **more)
        return Collector(Access(session), reads=READS), session

    return make


def answering(session: ReplaySession, event: str, answers: list[Any]) -> None:
    """Answer the first requests of an operation from a list: None goes on to the replay, an exception is raised."""

    def answer(request: Any, **_: Any) -> Any:
        given = answers.pop(0) if answers else None
        if isinstance(given, Exception):
            raise given
        return http(request.url, *given) if given else None

    session.events.register_first(f"before-send.{event}", answer)
