"""Where a router would have to send a packet for which it has no way, so that the walk can go on behind it to find what else
stands in the way. What is found there is marked as `as_if` and decides nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flowdiag.address import holds, is_private
from flowdiag.component import View, owner_scope
from flowdiag.model import Address, Move, Packet, Place, Scope, Unread

PEERINGS = ("peering", "tgw-peering")
UNSERVED = "unserved"  # the role of an interface at which a packet ends that nothing behind it takes up
LEAVING = ("vpn", "direct-connect-gateway", "connect")  # attachments of a transit gateway that lead out of AWS


def unserved(interface: str, scope: Scope, packet: Packet) -> Move:
    """An end at the interface of a service that does not take the packet up, as if it had: the answer is walked from there."""
    return Move(to=Place(kind="network_interface", id=interface, role=UNSERVED, scope=scope), packet=packet, as_if=True)


class Home(NamedTuple):
    """A VPC in which somebody has an address, and where its owner reads it."""

    vpc: str
    scope: Scope


class Heading(NamedTuple):
    """An attachment to send a packet to, in the words of a transit gateway's route."""

    attachment: str
    type: str
    resource: str
    attachments: tuple[Any, ...]


def homes(packet: Packet, view: View) -> tuple[Home, ...] | None:
    """The VPCs in which an interface that was read has the packet's destination, that of the receiver alone where it is known;
    None where not all that may have it were read."""
    target = packet.flow.destination
    found = view.find("network_interface", "private_ip" if target.version == 4 else "ipv6", str(target))
    if isinstance(found, Unread):
        return None
    meant = [interface for interface in found if interface.id == packet.receiver] or found
    return tuple(dict.fromkeys(Home(i.vpc_id, owner_scope(i.vpc_id, i.scope, view)) for i in meant))


def is_elsewhere(target: Address, view: View) -> bool:
    """Whether a public address is surely no known interface's: nobody that was read then judges a packet by its source."""
    found = view.find("network_interface", "public_ip" if target.version == 4 else "ipv6", str(target))
    return not isinstance(found, Unread) and not found and not is_private(target)


def home_cidr(packet: Packet, view: View) -> str:
    """The CIDR that holds the packet's destination of the one VPC in which somebody has it; empty where there is not just one."""
    found = homes(packet, view) or ()
    vpc = view.get("vpc", found[0].vpc, found[0].scope) if len(found) == 1 else None
    return next((cidr for cidr in vpc.cidrs if holds(cidr, packet.flow.destination)), "") if vpc else ""


def attachments_towards(gateway: str, packet: Packet, scope: Scope, view: View) -> tuple[Heading, ...]:
    """The working attachments of a transit gateway that lead to a packet's destination, whatever its route tables say.

    Those of the VPCs that hold it; else the peerings with a gateway that such a VPC is attached to; of a private address that
    nobody holds those that lead out of AWS. `scope` is that of the gateway's owner, who alone is shown all of them.
    https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html
    """
    holding = homes(packet, view)
    if holding is None or not (holding or is_private(packet.flow.destination)):
        return ()
    sides = [side for side in view.find("transit_gateway_side", "gateway", gateway, scope) or () if side.alive]
    vpcs = {home.vpc for home in holding}
    near = [side for side in sides if side.resource_type == "vpc" and side.resource_id in vpcs]
    found = (near or _peerings(holding, sides, view)) if holding else [s for s in sides if s.resource_type in LEAVING]
    return tuple(Heading(side.id, side.resource_type, side.resource_id, (side,)) for side in found)


def _peerings(holding: tuple[Home, ...], sides: list[Any], view: View) -> list[Any]:
    peers = [side for side in sides if side.resource_type in PEERINGS]
    if not peers:
        return []
    found = (view.find("transit_gateway_vpc_attachment", "vpc", home.vpc, home.scope) or () for home in holding)
    beyond = {attachment.transit_gateway_id for several in found for attachment in several if attachment.alive}
    return [side for side in peers if side.resource_id in beyond]
