"""The edges of AWS, read live: the replay of AWS gives the same answer as the folder, for every way out and in."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_replay import replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from world import Vpc, World
from world_edges import connect, direct_connect, hang, no_direct_connect, vpn, vpn_gateway
from world_services import TransitGateway

from flowdiag import Diagnosis, diagnose
from flowdiag.gather import gather_vpcs

OUT, IN = ("web-1", "10.8.2.20", 443), ("10.8.2.20", "web-1", 443)


def inside(world: World) -> Vpc:
    """web-1, open to private addresses, in a VPC without a way out."""
    vpc = world.vpc("10.0.0.0/16")
    group = vpc.group("sg-inside")
    group.ingress("-1", None, "10.0.0.0/8")
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", group)
    return vpc


def by_vpn(world: World, **more: Any) -> None:
    """10.8.0.0/16 behind a virtual private gateway and a VPN, and no Direct Connect."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway)
    vpn(world, gateway, ["10.8.0.0/16"], **more)
    no_direct_connect(world, gateway)


def by_direct_connect(world: World) -> None:
    """10.8.0.0/16 behind a virtual private gateway and Direct Connect."""
    vpc = inside(world)
    gateway = vpn_gateway(vpc)
    vpc.route("10.8.0.0/16", gateway, origin="EnableVgwRoutePropagation")
    direct_connect(world, gateway, ["10.0.0.0/16"])


def by_hub(kind: str) -> Callable[[World], None]:
    """10.8.0.0/16 behind a transit gateway and an attachment of this kind."""

    def build(world: World) -> None:
        vpc = inside(world)
        hub = TransitGateway(world)
        hub.attach(vpc, vpc.subnet("10.0.9.0/28"))
        vpc.route("10.8.0.0/16", hub.id)
        if kind == "connect":
            connect(hub, "10.8.0.0/16")
        elif kind == "vpn":
            hang(hub, "vpn", vpn(world)["VpnConnectionId"], "10.8.0.0/16")
        else:
            hang(hub, kind, direct_connect(world, hub.id, ["10.0.0.0/16"]), "10.8.0.0/16")

    return build


def by_carrier(world: World) -> None:
    """The carrier's network behind a Wavelength Zone."""
    vpc = inside(world)
    gateway = carrier_gateway(vpc)
    vpc.route("0.0.0.0/0", gateway)
    for face in world.raw()[world.account, world.region]["NetworkInterfaces"]:
        for part in (face, face["PrivateIpAddresses"][0]):
            part["Association"] = {"CarrierIp": "192.0.2.10"}


def by_local_gateway(world: World) -> None:
    """The local network around an Outpost."""
    vpc = inside(world)
    vpc.route("10.8.0.0/16", local_gateway(vpc, "10.8.0.0/16"))


WORLDS: dict[str, Callable[[World], None]] = {
    "VPN": by_vpn,
    "VPN that is down": lambda world: by_vpn(world, tunnels="DOWN DOWN"),
    "Direct Connect": by_direct_connect,
    "transit gateway, VPN": by_hub("vpn"),
    "transit gateway, Direct Connect": by_hub("direct-connect-gateway"),
    "transit gateway, Connect": by_hub("connect"),
}


def told(found: Diagnosis) -> tuple[Any, ...]:
    """The verdict, and every hop with its code."""
    hops = [
        (hop.place.kind, hop.place.id, hop.finding.code if hop.finding else "") for leg in found.path.legs for hop in leg.hops
    ]
    return found.verdict, hops, [(unread.query.kind, unread.assumed) for unread in found.unread]


ONE_WAY: dict[str, tuple[Callable[[World], None], tuple[str, str, int]]] = {
    "carrier gateway": (by_carrier, ("web-1", "198.51.100.80", 443)),
    "local gateway": (by_local_gateway, OUT),
}


@pytest.mark.parametrize("name", ONE_WAY)
def test_a_way_out_alone_is_read_live_as_it_is_offline(world, name):
    """Where nothing tells of connections that begin outside, those that begin inside are followed all the same."""
    build, asked = ONE_WAY[name]
    build(world)
    live = diagnose(*asked, session=replay_session(world.raw()[world.account, world.region]))
    assert told(diagnose(*asked, snapshot=world.snapshot())) == told(live)
    assert "reachable" == live.verdict


@pytest.mark.parametrize("asked", [OUT, IN], ids=["out", "in"])
@pytest.mark.parametrize("name", WORLDS)
def test_an_edge_is_read_live_as_it_is_offline(world, name, asked):
    """Both shells give one answer, and nothing that decides was left unread."""
    WORLDS[name](world)
    replies = world.raw()[world.account, world.region]
    live = diagnose(*asked, session=replay_session(replies, page=2))
    assert told(diagnose(*asked, snapshot=world.snapshot())) == told(live)
    assert ("blocked" if "down" in name else "reachable") == live.verdict


@pytest.mark.parametrize("name", WORLDS)
def test_a_capture_of_the_vpc_holds_its_edge(world, name):
    """What leads out of the VPC is captured with it; only whether the far address is another interface's was not asked."""
    WORLDS[name](world)
    replies = world.raw()[world.account, world.region]
    captured = gather_vpcs([replies["Vpcs"][0]["VpcId"]], replay_session(replies)).snapshot
    found = diagnose(*OUT, snapshot=captured)
    assert {"network_interface"} == {unread.query.kind for unread in found.unread if not unread.assumed}
