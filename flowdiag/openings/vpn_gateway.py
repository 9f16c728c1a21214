"""A virtual private gateway in the way → its attachment to the VPC, or the static route that its one connection lacks.

https://docs.aws.amazon.com/vpn/latest/s2svpn/SetUpVPNConnections.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.address import holds, network
from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """An attachment where there is none, a static route where nothing behind leads on."""
    gateway = snapshot.get("vpn_gateway", blocker.place.id, blocker.place.scope)
    if not gateway:
        return ""
    if blocker.finding.inputs["attached"] == "no":
        return _attach(gateway, blocker.finding.fix["vpc"], blocker, snapshot)
    return _route(gateway, blocker, snapshot) if blocker.finding.inputs["way"] == "no" else ""


def _attach(gateway: Any, vpc: str, blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVpnGateway.html"""
    others = snapshot.find("vpn_gateway", "vpc", vpc, blocker.place.scope)
    if not vpc or gateway.state != "available" or gateway.vpc or any(other.vpc == vpc for other in others or ()):
        return "a VPC has one gateway, and a gateway one VPC"
    return Change(
        summary=f"attach {blocker.named(gateway)} to {vpc}",
        command=blocker.command(["attach-vpn-gateway", "--vpn-gateway-id", gateway.id, "--vpc-id", vpc], gateway),
        kind="vpn_gateway",
        resource=gateway.id,
        scope=gateway.scope,
        patch={"list": "VpcAttachments", "add": {"VpcId": vpc, "State": "attached"}},
        also=blocker.revived(gateway.id, [(vpc, gateway.scope)], snapshot),
    )


def _route(gateway: Any, blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The CIDR that the VPC sends to the gateway as a static route of its one connection.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpnConnectionRoute.html
    """
    target = blocker.flow.destination
    found = snapshot.find("vpn_connection", "gateway", gateway.id, gateway.scope) or ()
    usable = [c for c in found if c.state == "available" and c.options.static_routes_only and target.version == 4]
    if len(usable) != 1 or len(found) != 1:
        return "which connection leads there is not to be seen"
    connection = usable[0]
    if connection.works == "no":
        return f"{connection.name} carries nothing: {connection}"
    outer = network(blocker.sent) if holds(blocker.sent, target) else None
    cidr = blocker.sent if outer and outer.prefixlen else f"{target}/{target.max_prefixlen}"
    words = ["create-vpn-connection-route", "--vpn-connection-id", connection.id, "--destination-cidr-block", cidr]
    return Change(
        summary=f"route {cidr} to the customer in {blocker.named(connection)}",
        command=blocker.command(words, connection),
        kind="vpn_connection",
        resource=connection.id,
        scope=connection.scope,
        patch={"list": "Routes", "add": {"DestinationCidrBlock": cidr, "State": "available", "Source": "Static"}},
    )
