"""Scenes at the edges of AWS: web-1 in a VPC, and for each one way out of it.

Those of `BOTH_WAYS` are asked from inside and from outside, those of `ONE_WAY` from inside alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scenes import public_web
from world import Vpc, World
from world_edges import Cloud, carrier_gateway, connect, direct_connect, hang, local_gateway, no_direct_connect, vpn, vpn_gateway
from world_services import TransitGateway

Scene = Callable[[World], None]
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


def by_cloud(world: World) -> None:
    """Another VPC behind a core network of Cloud WAN."""
    vpc, other = inside(world), world.vpc("10.9.0.0/16")
    cloud = Cloud(world)
    group = other.group("sg-far")
    group.ingress("tcp", 443, "10.0.0.0/8")
    other.subnet("10.9.2.0/24").instance("far-1", "10.9.2.20", group)
    for one in (vpc, other):
        cloud.attach(one, one.subnet(one.cidrs[0].replace("0.0/16", "9.0/28")))
        one.route("10.0.0.0/8", cloud.arn)


def by_edge_table(world: World) -> None:
    """The internet, which comes in by the gateway's own route table."""
    vpc, subnet, _, _, gateway = public_web(world)
    vpc.edge_table(gateway)
    assert subnet


BOTH_WAYS: dict[str, Scene] = {
    "VPN": by_vpn,
    "VPN that is down": lambda world: by_vpn(world, tunnels="DOWN DOWN"),
    "Direct Connect": by_direct_connect,
    "transit gateway, VPN": by_hub("vpn"),
    "transit gateway, Direct Connect": by_hub("direct-connect-gateway"),
    "transit gateway, Connect": by_hub("connect"),
}


ONE_WAY: dict[str, tuple[Scene, tuple[str, str, int]]] = {
    "carrier gateway": (by_carrier, ("web-1", "198.51.100.80", 443)),
    "local gateway": (by_local_gateway, OUT),
    "edge route table": (by_edge_table, ("198.51.100.7", "203.0.113.10", 443)),
    "core network": (by_cloud, ("web-1", "far-1", 443)),
}
