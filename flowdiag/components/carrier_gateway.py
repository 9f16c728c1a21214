"""Carrier gateways: from the subnets of a Wavelength Zone to the carrier's network, by carrier IP addresses.

https://docs.aws.amazon.com/wavelength/latest/developerguide/how-wavelengths-work.html
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from flowdiag.address import address
from flowdiag.component import Component, Id, Lookup, Read, Resource, View, by_id, by_name, entrance, holder, required
from flowdiag.detour import is_elsewhere
from flowdiag.model import ICMP, TCP, Evidence, Move, Observation, Packet, Place, Translation, Unread


class CarrierGateway(Resource):
    """A carrier gateway (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CarrierGateway.html)."""

    kind: ClassVar[str] = "carrier_gateway"
    carrier_gateway_id: str
    vpc_id: Id
    state: Literal["pending", "available", "deleting", "deleted"]

    @property
    def id(self) -> str:
        """The gateway id."""
        return self.carrier_gateway_id


class CarrierGatewayComponent(Component):
    """`place.role` is `out` (from the VPC) or `in` (an answer)."""

    kind = "carrier_gateway"
    connections = "kept"
    prefixes = ("cagw",)
    target_role = "out"
    route_field = "CarrierGatewayId"
    reads = (
        Read(
            service="ec2",
            operation="describe_carrier_gateways",
            action="ec2:DescribeCarrierGateways",
            responses=("CarrierGateways",),
            id_field="CarrierGatewayId",
            resource=CarrierGateway,
            lookups={
                "id": by_id("CarrierGatewayId", "carrier-gateway-id"),
                "vpc": Lookup(keys=required("VpcId"), filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it works for this VPC, has a carrier IP address for the sender, and lets this kind of packet out."""
        gateway = view.get("carrier_gateway", place.id, place.scope)
        inward = place.role == "in"
        mapped = _turned_back(packet) if inward else _outside(packet, view)
        name = gateway.name if gateway else place.id
        text = f"state {gateway.state}, of {gateway.vpc_id}" if gateway else "not read"
        outer = packet.flow.destination if inward else packet.flow.source
        return Observation(
            table="carrier_gateway",
            inputs={
                "works": _works(gateway, packet),
                "ip version": "yes" if packet.flow.version == 4 else "no",
                "carrier address": "unknown" if isinstance(mapped, Unread) else "yes" if mapped else "no",
                "protocol": "yes" if inward or _let_out(packet) else "unknown",
            },
            words={
                "gateway": name,
                "vpc": packet.vpc,
                "state": text,
                "source": str(packet.flow.source),
                "flow": packet.flow.service(),
            },
            resource=place.id,
            name=name,
            detail=f"{outer} → {mapped}" if mapped and mapped != outer else "",
            evidence=(Evidence(where=place.id, text=text),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out with the carrier IP address as source, and the answer back to the address behind it; of a host that has none as
        if it had one, where nobody known would judge the packet by it."""
        if place.role == "in":
            return self._in(place, packet)
        mapped = _outside(packet, view)
        if isinstance(mapped, Unread):
            return ()
        if packet.flow.version != 4 or not (mapped or is_elsewhere(packet.flow.destination, view)):
            return (Move(to=Place(kind="dead_end", id=place.id, scope=place.scope), packet=packet),)
        flow = packet.flow.rewritten(source=mapped) if mapped else packet.flow
        noted = Translation(place=place, before=packet.flow, after=flow, vpc=packet.vpc)
        lost = packet.lost or place.id
        onward = packet.but(flow=flow, subnet="", vpc="", sender=None, lost=lost, translations=(*packet.translations, noted))
        to = Place(kind="internet", id="internet", role="transit", scope=place.scope)
        return (Move(to=to, packet=onward, as_if=mapped is None),)

    def _in(self, place: Place, packet: Packet) -> tuple[Move, ...]:
        inner = _turned_back(packet)
        if inner is None:
            return ()
        onward = packet.but(flow=packet.flow.rewritten(destination=inner), subnet="")
        return (Move(to=Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope), packet=onward),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The gateway itself."""
        view.get("carrier_gateway", place.id, place.scope)


def _works(gateway: Any, packet: Packet) -> str:
    if isinstance(gateway, Unread):
        return "unknown"
    if not gateway or gateway.vpc_id != packet.vpc or gateway.state in ("pending", "deleted"):
        return "no"
    return "yes" if gateway.state == "available" else "unknown"  # what one that is being deleted does is not documented


def _outside(packet: Packet, view: View) -> Any:
    """The carrier IP address of the sender, None where it has none, or Unread."""
    if packet.sender:
        sender = view.get("network_interface", packet.sender, packet.scope)
    else:
        sender = holder(packet.vpc, packet.flow.source, packet.scope, view)
    if not sender:
        return sender
    return address(sender.outer_of(packet.flow.source, "carrier_ip")) if sender.vpc_id == packet.vpc else None


def _turned_back(packet: Packet) -> Any:
    """The private address behind the one that this answer is for."""
    known = entrance(packet, "carrier_gateway")
    return known.before.source if known else None


def _let_out(packet: Packet) -> bool:
    """TCP and ICMP go out to the internet and to the carrier's network; UDP and the rest to the latter alone, and which of
    the two an address belongs to is not known here.

    https://docs.aws.amazon.com/wavelength/latest/developerguide/wavelength-quotas.html
    """
    return packet.flow.protocol in (TCP, ICMP)
