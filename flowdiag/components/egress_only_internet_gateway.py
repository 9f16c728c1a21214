"""Egress-only internet gateways: IPv6 out to the internet, and only what answers back in.

https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from flowdiag.address import is_private
from flowdiag.component import (
    Component,
    Id,
    Lookup,
    Part,
    Read,
    Resource,
    View,
    by_name,
    internet_firewall,
    owner_scope,
    public_access_blocked,
)
from flowdiag.model import Evidence, Move, Observation, Packet, Place, Translation, Unread


class EgressAttachment(Part):
    """The VPC a gateway is attached to."""

    vpc_id: Id
    state: Literal["attaching", "attached", "detaching", "detached", "available"]


class EgressOnlyInternetGateway(Resource):
    """The gateway (API_EgressOnlyInternetGateway.html in the EC2 API reference)."""

    kind: ClassVar[str] = "egress_only_internet_gateway"
    egress_only_internet_gateway_id: str
    attachments: tuple[EgressAttachment, ...]

    @property
    def id(self) -> str:
        """The gateway id."""
        return self.egress_only_internet_gateway_id

    @property
    def vpc(self) -> str:
        """The VPC it is attached to, or empty."""
        return next((a.vpc_id for a in self.attachments if a.state in ("attached", "available")), "")


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

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """An Automated Internet Firewall, where the VPC has one."""
        return internet_firewall(packet.subnet, place, packet, view)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether it is attached, and the packet is one that it carries."""
        gateway = _gateway(place, packet, view)
        inward = place.role == "in"
        flow = packet.flow
        return Observation(
            table="egress_only_internet_gateway",
            inputs={
                "packet": "answer" if inward else packet.direction,
                "attached": _attached(gateway, packet),
                "public addresses": _public(packet, inward, view),
                "source in VPC": "yes" if inward else _in_vpc(place, packet, view),
                "block public access": "off" if inward else public_access_blocked(packet, (packet.subnet,), True, False, view),
            },
            words={
                "gateway": gateway.name if gateway else place.id,
                "vpc": packet.vpc,
                "source": str(flow.source),
                "destination": str(flow.destination),
            },
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
        lost = packet.lost or place.id
        onward = packet.but(subnet="", vpc="", sender=None, lost=lost, translations=(*packet.translations, noted))
        return (Move(to=Place(kind="internet", id="internet", role="transit", scope=place.scope), packet=onward),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """The gateway, for which AWS has no search by VPC."""
        view.get("egress_only_internet_gateway", place.id, place.scope)


def _gateway(place: Place, packet: Packet, view: View) -> Any:
    """The gateway, which the participants of a shared VPC do not see."""
    here = view.get("egress_only_internet_gateway", place.id, place.scope)
    if here is not None:
        return here
    return view.get("egress_only_internet_gateway", place.id, owner_scope(packet.vpc, place.scope, view))


def _attached(gateway: Any, packet: Packet) -> str:
    if isinstance(gateway, Unread):
        return "unknown"
    if gateway is None:
        return "gone"
    return "yes" if gateway.vpc == packet.vpc else "no"


def _public(packet: Packet, inward: bool, view: View) -> str:
    """Whether both ends have IPv6 addresses that the internet knows; private ones of the VPC may look public."""
    flow = packet.flow
    if flow.version != 6 or is_private(flow.source) or is_private(flow.destination):
        return "no"
    vpc = view.get("vpc", packet.vpc, packet.scope)
    own = flow.destination if inward else flow.source
    return "no" if vpc and vpc.hides(own) else "yes"  # where the VPC was not read, whether it holds the source is unknown too


def _in_vpc(place: Place, packet: Packet, view: View) -> str:
    """Whether the sender has an address of the VPC: a gateway drops what merely passes through it from elsewhere.

    https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html (GATEWAY_REJECTS_SPOOFED_TRAFFIC)
    """
    vpc = view.get("vpc", packet.vpc, place.scope)
    return ("yes" if vpc.holds(packet.flow.source) else "no") if vpc else "unknown"
