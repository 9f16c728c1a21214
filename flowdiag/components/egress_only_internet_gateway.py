"""Egress-only internet gateways: IPv6 out to the internet, and only what answers back in.

https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.address import is_private
from flowdiag.component import Component, Lookup, Part, Read, Resource, View, by_name
from flowdiag.model import Evidence, Move, Observation, Packet, Place, Translation, Unread


class EgressAttachment(Part):
    """The VPC a gateway is attached to."""

    vpc_id: str = ""
    state: str = ""


class EgressOnlyInternetGateway(Resource):
    """The gateway (API_EgressOnlyInternetGateway.html in the EC2 API reference)."""

    kind: ClassVar[str] = "egress_only_internet_gateway"
    egress_only_internet_gateway_id: str
    attachments: tuple[EgressAttachment, ...] = ()

    @property
    def id(self) -> str:
        """The gateway id."""
        return self.egress_only_internet_gateway_id

    @property
    def vpc(self) -> str:
        """The VPC it is attached to, or empty."""
        return next((a.vpc_id for a in self.attachments if a.state in ("attached", "available", "")), "")


def _id(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["EgressOnlyInternetGatewayId"]]


class EgressOnlyInternetGatewayComponent(Component):
    """`place.role` is `out` for a packet that a route sends here, `in` for an answer."""

    kind = "egress_only_internet_gateway"
    prefixes = ("eigw",)
    target_role = "out"
    reads = (
        Read(
            service="ec2",
            operation="describe_egress_only_internet_gateways",
            action="ec2:DescribeEgressOnlyInternetGateways",
            responses=("EgressOnlyInternetGateways",),
            id_field="EgressOnlyInternetGatewayId",
            resource=EgressOnlyInternetGateway,
            lookups={"id": Lookup(keys=_id, parameter="EgressOnlyInternetGatewayIds"), "name": by_name()},
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it is attached, and the packet is one that it carries."""
        gateway = view.get("egress_only_internet_gateway", place.id, place.scope)
        inward = place.role == "in"
        return Observation(
            table="egress_only_internet_gateway",
            inputs={
                "packet": "answer" if inward else "reply" if packet.direction == "reply" else "request",
                "attached": "unknown" if isinstance(gateway, Unread) else "yes" if gateway and gateway.vpc == packet.vpc else "no",
                "carries": "yes" if packet.flow.version == 6 and not is_private(packet.flow.destination) else "no",
            },
            words={"gateway": gateway.name if gateway else place.id, "vpc": packet.vpc, "destination": str(packet.flow.destination)},
            resource=place.id,
            name=gateway.name if gateway else place.id,
            detail="lets the answer back in" if inward else "IPv6, out only",
            evidence=(Evidence(where=place.id, text=f"attached to {gateway.vpc or 'no VPC'}" if gateway else "not read"),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out to the internet as it is; an answer in to the VPC's router."""
        if place.role == "in":
            to = Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
            return (Move(to=to, packet=packet.but(subnet="")),)
        if packet.flow.version != 6:
            return (Move(to=Place(kind="dead_end", id=place.id, scope=place.scope), packet=packet),)
        noted = Translation(place=place, before=packet.flow, after=packet.flow, vpc=packet.vpc)
        onward = packet.but(subnet="", vpc="", sender=None, lost=packet.lost or place.id, translations=(*packet.translations, noted))
        return (Move(to=Place(kind="internet", id="internet", role="transit", scope=place.scope), packet=onward),)
