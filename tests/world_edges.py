"""What leads out of AWS in a small world: virtual private gateways, VPN connections, Direct Connect, Connect attachments.

vgw = vpn_gateway(vpc)
vpn(world, gateway=vgw, static=["10.8.0.0/16"], tunnels="UP DOWN")
no_direct_connect(world, vgw)        # read, and nothing there
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from world import Instance, Vpc, World, tags
from world_guards import Raw
from world_services import TransitGateway

MESSAGES = {"UP": "", "DOWN": "IPSEC IS DOWN"}


def vpn_gateway(vpc: Vpc, name: str = "", state: str = "attached") -> str:
    """The id of a virtual private gateway attached to the VPC; routes to it are still to be made."""
    attached = [{"VpcId": vpc.id, "State": state}]
    look = {"State": "available", "Type": "ipsec.1", "AmazonSideAsn": 64512, "VpcAttachments": attached, "Tags": tags(name)}
    return str(vpc.world.add("VpnGateways", "vgw", look)["VpnGatewayId"])


def vpn(
    world: World,
    gateway: str = "",
    static: Iterable[str] = (),
    tunnels: str = "UP UP",
    announced: int = 2,
    customer: str = "203.0.113.5",
    name: str = "",
    **options: Any,
) -> Raw:
    """A VPN connection of a gateway (`vgw-…`, or none for a transit gateway's): static routes, else BGP."""
    static = list(static)
    own = world.add("CustomerGateways", "cgw", {"IpAddress": customer, "BgpAsn": "65000", "State": "available", "Tags": []})
    counts = len(static) if static else announced
    told = [_tunnel(number, state, counts) for number, state in enumerate(tunnels.split())]
    routes = [{"DestinationCidrBlock": cidr, "State": "available", "Source": "Static"} for cidr in static]
    look = {"CustomerGatewayId": own["CustomerGatewayId"], "State": "available", "Type": "ipsec.1", "Tags": tags(name)}
    look |= {"VpnGatewayId": gateway} if gateway else {}
    look |= {"Options": {"StaticRoutesOnly": bool(static), **options}, "Routes": routes, "VgwTelemetry": told}
    return world.add("VpnConnections", "vpn", look)


def _tunnel(number: int, state: str, counts: int) -> Raw:
    up = state == "UP"
    told = {"Status": state, "StatusMessage": MESSAGES[state], "AcceptedRouteCount": counts if up else 0}
    return {"OutsideIpAddress": f"198.51.100.{number + 9}", **told}


def no_direct_connect(world: World, gateway: str) -> None:
    """Direct Connect as it was read of a gateway: nothing is there."""
    world.add("DirectConnectGatewayAssociations", "dx", {"associatedGatewayId": gateway, "directConnectGatewayAssociations": []})


def direct_connect(
    world: World,
    gateway: str,
    prefixes: Iterable[str] = (),
    interfaces: str = "available",
    bgp: str = "up",
    state: str = "associated",
) -> str:
    """The id of a Direct Connect gateway associated with a gateway, with a virtual interface in each state of `interfaces`."""
    id = world.id("dxgw")
    allowed = [{"cidr": cidr} for cidr in prefixes]
    link = {"directConnectGatewayId": id, "associationState": state, "allowedPrefixesToDirectConnectGateway": allowed}
    entry = {"associatedGatewayId": gateway, "directConnectGatewayAssociations": [link]}
    world.add("DirectConnectGatewayAssociations", "dx", entry)
    attached = [_virtual_interface(world, one, bgp) for one in interfaces.split()]
    world.add(
        "DirectConnectGatewayAttachments",
        "dx",
        {"directConnectGatewayId": id, "directConnectGatewayAttachments": attached},
    )
    return id


def _virtual_interface(world: World, state: str, bgp: str) -> Raw:
    session = {"addressFamily": "ipv4", "bgpStatus": bgp if state == "available" else "down"}
    look = {"virtualInterfaceState": state, "virtualInterfaceType": "private", "bgpPeers": [session]}
    raw = world.add("virtualInterfaces", "dxvif", look)
    place = {"virtualInterfaceRegion": world.region, "virtualInterfaceOwnerAccount": world.account}
    return {"virtualInterfaceId": raw["virtualInterfaceId"], **place, "attachmentState": "attached"}


def hang(hub: TransitGateway, kind: str, resource: str, *cidrs: str, type: str = "propagated") -> str:
    """The id of an attachment of another kind (`vpn`, `direct-connect-gateway`, `connect`), with its routes."""
    id = hub.world.id("tgw-attach")
    hub._show(id, kind, resource, hub.world.account, hub.table)
    for cidr in cidrs:
        hub.route(cidr, id, kind, resource, type=type)
    return id


def connect(hub: TransitGateway, *cidrs: str, sessions: str = "up up", state: str = "available") -> str:
    """The id of a Connect attachment with one peer."""
    id = hang(hub, "connect", "tgw-attach-0transport", *cidrs)
    hub.world.add("TransitGatewayConnects", "tgw-attach", {"TransitGatewayAttachmentId": id, "State": state, "Tags": []})
    bgp = [{"BgpStatus": session} for session in sessions.split()]
    tunnel = {"PeerAddress": "10.0.9.7", "InsideCidrBlocks": ["169.254.6.0/29"], "BgpConfigurations": bgp}
    peer = {"TransitGatewayAttachmentId": id, "State": "available", "ConnectPeerConfiguration": tunnel, "Tags": []}
    hub.world.add("TransitGatewayConnectPeers", "tgw-connect-peer", peer)
    return id


def carrier_gateway(vpc: Vpc, state: str = "available") -> str:
    """The id of a carrier gateway of the VPC; routes to it are still to be made."""
    look = {"VpcId": vpc.id, "State": state, "OwnerId": vpc.world.account, "Tags": []}
    return str(vpc.world.add("CarrierGateways", "cagw", look)["CarrierGatewayId"])


def give(instance: Instance, field: str, address: str) -> None:
    """Associate the primary address of an instance with one of another network (`CarrierIp`, `CustomerOwnedIp`)."""
    for part in (instance.eni.raw, instance.eni.raw["PrivateIpAddresses"][0]):
        part["Association"] = {field: address}


def local_gateway(vpc: Vpc, *cidrs: str, mode: str = "direct-vpc-routing", state: str = "active", associated: bool = True) -> str:
    """The id of a local gateway with routes to the local network, and the VPC on its table."""
    world, id = vpc.world, vpc.world.id("lgw")
    table = world.add("LocalGatewayRouteTables", "lgw-rtb", {"LocalGatewayId": id, "Mode": mode, "State": "available"})
    named = {"LocalGatewayRouteTableId": table["LocalGatewayRouteTableId"]}
    to = {"LocalGatewayVirtualInterfaceGroupId": "lgw-vif-grp-0f6", "Type": "static", "State": state}
    world.add("LocalGatewayRoutes", "lgw-rtb", {**named, "Routes": [{"DestinationCidrBlock": cidr, **to} for cidr in cidrs]})
    if associated:
        look = {**named, "LocalGatewayId": id, "VpcId": vpc.id, "State": "associated"}
        world.add("LocalGatewayRouteTableVpcAssociations", "lgw-vpc-assoc", look)
    return id
