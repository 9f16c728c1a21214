"""Direct Connect: where AWS ends at a private or transit virtual interface, as far as its state and BGP sessions tell.

https://docs.aws.amazon.com/directconnect/latest/UserGuide/direct-connect-gateways-intro.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from flowdiag.address import holds, network
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource, View, entrance, is_outside
from flowdiag.model import ANYWHERE, Address, Evidence, Move, Mtu, Observation, Packet, Place, Scope, Unread

GATEWAYS = ("vpn_gateway", "transit_gateway", "core_network")
CAMEL = ConfigDict(alias_generator=to_camel)  # this service writes its fields with a small letter first


class AllowedPrefix(Part):
    """One prefix that may be announced to the customer's network."""

    model_config = CAMEL
    cidr: Cidr


class DirectConnectAssociation(Part):
    """A virtual private or transit gateway behind a Direct Connect gateway."""

    model_config = CAMEL
    direct_connect_gateway_id: Id
    association_state: Literal["associating", "associated", "disassociating", "disassociated", "updating"]
    allowed_prefixes_to_direct_connect_gateway: tuple[AllowedPrefix, ...] = ()

    @property
    def alive(self) -> bool:
        """True where it carries traffic."""
        return self.association_state in ("associated", "updating")


class DirectConnectAssociations(Resource):
    """Every association of one gateway (API_DescribeDirectConnectGatewayAssociations.html)."""

    model_config = CAMEL
    kind: ClassVar[str] = "direct_connect_associations"
    scope: Scope = Field(default=ANYWHERE, alias="Scope")
    associated_gateway_id: str
    direct_connect_gateway_associations: tuple[DirectConnectAssociation, ...]

    @property
    def id(self) -> str:
        """The id of the virtual private or transit gateway."""
        return self.associated_gateway_id

    @property
    def alive(self) -> list[DirectConnectAssociation]:
        """Those that carry traffic."""
        return [association for association in self.direct_connect_gateway_associations if association.alive]


class BgpPeer(Part):
    """One BGP session of a virtual interface."""

    model_config = CAMEL
    address_family: str = "ipv4"
    bgp_status: Literal["up", "down", "unknown"]


class VirtualInterface(Resource):
    """A virtual interface (https://docs.aws.amazon.com/directconnect/latest/APIReference/API_VirtualInterface.html)."""

    model_config = CAMEL
    kind: ClassVar[str] = "virtual_interface"
    scope: Scope = Field(default=ANYWHERE, alias="Scope")
    virtual_interface_id: str
    virtual_interface_state: Literal[
        "confirming", "verifying", "pending", "available", "down", "testing", "deleting", "deleted", "rejected", "unknown"
    ]
    virtual_gateway_id: str = ""
    mtu: int | None = None
    bgp_peers: tuple[BgpPeer, ...] = ()

    @property
    def id(self) -> str:
        """The virtual interface id."""
        return self.virtual_interface_id

    @property
    def alive(self) -> bool:
        """True where it is not on its way out."""
        return self.virtual_interface_state not in ("deleting", "deleted", "rejected")

    def works(self, version: int) -> str:
        """Whether it carries this IP version: its state, and a BGP session of that version that is up."""
        if self.virtual_interface_state in ("testing", "unknown"):
            return "unknown"
        if self.virtual_interface_state != "available":
            return "no"
        sessions = {peer.bgp_status for peer in self.bgp_peers if peer.address_family == f"ipv{version}"}
        return "yes" if "up" in sessions else "unknown" if "unknown" in sessions or not self.bgp_peers else "no"

    def __str__(self) -> str:
        """Its state and that of its BGP sessions."""
        sessions = ", ".join(f"BGP {peer.address_family} {peer.bgp_status}" for peer in self.bgp_peers)
        return f"{self.id} {self.virtual_interface_state}" + (f", {sessions}" if sessions else "")


class InterfaceAttachment(Part):
    """A virtual interface on a Direct Connect gateway."""

    model_config = CAMEL
    virtual_interface_id: Id
    virtual_interface_region: str = ""
    virtual_interface_owner_account: str = ""
    attachment_state: Literal["attaching", "attached", "detaching", "detached"]


class DirectConnectAttachments(Resource):
    """Every virtual interface on one Direct Connect gateway (API_DescribeDirectConnectGatewayAttachments.html)."""

    model_config = CAMEL
    kind: ClassVar[str] = "direct_connect_attachments"
    scope: Scope = Field(default=ANYWHERE, alias="Scope")
    direct_connect_gateway_id: str
    direct_connect_gateway_attachments: tuple[InterfaceAttachment, ...]

    @property
    def id(self) -> str:
        """The Direct Connect gateway id."""
        return self.direct_connect_gateway_id

    def interfaces(self, view: View) -> list[Any]:
        """The virtual interfaces, each read where its owner reads it; Unread or None for one that was not found."""
        attached = (a for a in self.direct_connect_gateway_attachments if a.attachment_state == "attached")
        return [view.get("virtual_interface", a.virtual_interface_id, self._home(a)) for a in attached]

    def works(self, version: int, view: View) -> str:
        """Whether any of them carries this IP version: yes, partly (one does not), no, or unknown."""
        told = [interface.works(version) if interface else "unknown" for interface in self.interfaces(view)]
        if "yes" in told:
            return "partly" if "no" in told else "yes"
        return "unknown" if "unknown" in told else "no"

    def _home(self, attachment: InterfaceAttachment) -> Scope:
        account = attachment.virtual_interface_owner_account if self.scope.account else ""
        region = attachment.virtual_interface_region if self.scope.region else ""
        return Scope(account=account or self.scope.account, region=region or self.scope.region)


def _interface(values: Sequence[str], _region: str) -> dict[str, str]:
    return {"virtualInterfaceId": values[0]}


def _every(_values: Sequence[str], _region: str) -> dict[str, str]:
    """AWS has no search for the virtual interfaces of a gateway; an account has few of them."""
    return {}


class DirectConnectGatewayComponent(Component):
    """`place.id` is a Direct Connect gateway, or a virtual interface that ends at the virtual private gateway itself;
    `place.role` is `out` (towards the customer's network) or `leave` (a packet starts there)."""

    kind = "direct_connect_gateway"
    outside = True
    reads = (
        Read(
            service="directconnect",
            operation="describe_direct_connect_gateway_associations",
            action="directconnect:DescribeDirectConnectGatewayAssociations",
            responses=("DirectConnectGatewayAssociations",),
            id_field="associatedGatewayId",
            resource=DirectConnectAssociations,
            lookups={"id": Lookup(keys=lambda raw: [raw["associatedGatewayId"]], parameter="associatedGatewayId")},
            single=True,
        ),
        Read(
            service="directconnect",
            operation="describe_direct_connect_gateway_attachments",
            action="directconnect:DescribeDirectConnectGatewayAttachments",
            responses=("DirectConnectGatewayAttachments",),
            id_field="directConnectGatewayId",
            resource=DirectConnectAttachments,
            lookups={"id": Lookup(keys=lambda raw: [raw["directConnectGatewayId"]], parameter="directConnectGatewayId")},
            single=True,
        ),
        Read(
            service="directconnect",
            operation="describe_virtual_interfaces",
            action="directconnect:DescribeVirtualInterfaces",
            responses=("virtualInterfaces",),
            id_field="virtualInterfaceId",
            resource=VirtualInterface,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["virtualInterfaceId"]], request=_interface),
                "gateway": Lookup(keys=lambda raw: [raw.get("virtualGatewayId")], request=_every),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the gateway is associated, whether a virtual interface is up, and whether the customer is told the way."""
        outward = place.role == "out"
        association = _association(place, packet, outward, view)
        works, text = _works(place, packet.flow.version, view)
        near = packet.flow.source if outward else packet.flow.destination
        return Observation(
            table="direct_connect_gateway",
            inputs={
                "association": "unknown" if isinstance(association, Unread) else "yes" if association else "no",
                "works": works,
                "announced": "yes" if outward else _announced(near, association, packet, view),
                "destination": is_outside(packet.flow.destination, view) if outward else "yes",
            },
            words={
                "gateway": place.id,
                "interfaces": text,
                "source": str(packet.flow.source),
                "destination": str(packet.flow.destination),
            },
            resource=place.id,
            name=place.id,
            detail=f"leaves AWS here: {text}" if outward else text,
            evidence=(Evidence(where=place.id, text=text),),
            mtu=_mtu(place, view),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """From the customer's network into the gateway it is to enter by; towards it the packet leaves AWS here."""
        way = entrance(packet, *GATEWAYS) if place.role == "leave" else None
        if way is None:
            return ()
        onward = packet.but(vpc=way.vpc, scope=way.place.scope, subnet="", sender=None)
        return (Move(to=way.place, packet=onward),)


def _behind(packet: Packet, outward: bool) -> Any:
    """The virtual private or transit gateway between here and the VPC."""
    return entrance(packet.but(flow=packet.flow.reply()) if outward else packet, *GATEWAYS)


def _association(place: Place, packet: Packet, outward: bool, view: View) -> Any:
    """How that gateway is associated: True for a virtual interface of its own, None where it is not, or Unread."""
    if place.id.startswith("dxvif-"):
        return True
    behind = _behind(packet, outward)
    if behind is None:
        return None
    found = view.get("direct_connect_associations", behind.place.id, behind.place.scope)
    if not found:
        return found
    return next((a for a in found.alive if a.direct_connect_gateway_id == place.id), None)


def _works(place: Place, version: int, view: View) -> tuple[str, str]:
    """Whether a virtual interface carries this IP version, and how AWS shows them."""
    if place.id.startswith("dxvif-"):
        own = view.get("virtual_interface", place.id, place.scope)
        return (own.works(version), str(own)) if own else ("unknown", "not read")
    attached = view.get("direct_connect_attachments", place.id, place.scope)
    if not attached:
        return "unknown", "virtual interfaces not read"
    known = [str(interface) for interface in attached.interfaces(view) if interface]
    return attached.works(version, view), "; ".join(known) or "no virtual interface was read"


def _mtu(place: Place, view: View) -> Mtu | None:
    """That of the virtual interface, of several the smallest: which one carries a packet is not told.

    https://docs.aws.amazon.com/directconnect/latest/UserGuide/set-jumbo-frames-vif.html
    """
    own = [view.get("virtual_interface", place.id, place.scope)] if place.id.startswith("dxvif-") else None
    attached = view.get("direct_connect_attachments", place.id, place.scope) if own is None else None
    known = own if own is not None else attached.interfaces(view) if attached else []
    sizes = [interface.mtu for interface in known if interface and interface.alive and interface.mtu]
    return Mtu(most=min(sizes)) if sizes else None


def _announced(near: Address, association: Any, packet: Packet, view: View) -> str:
    """Whether the customer's routers are told of the address: a virtual private gateway announces whole CIDRs of its VPC that
    an allowed prefix holds, a transit gateway the allowed prefixes as they are.

    https://docs.aws.amazon.com/directconnect/latest/UserGuide/allowed-to-prefixes.html
    """
    if not association:
        return "unknown"
    allowed = () if association is True else association.allowed_prefixes_to_direct_connect_gateway
    behind = _behind(packet, outward=False)
    if not behind or behind.place.kind != "vpn_gateway":
        return "yes" if any(holds(prefix.cidr, near) for prefix in allowed) else "no"
    vpc = view.get("vpc", behind.vpc, behind.place.scope)
    if not vpc:
        return "unknown"
    wide = [outer for prefix in allowed if (outer := network(prefix.cidr))]
    own = [inner for cidr in vpc.cidrs if holds(cidr, near) and (inner := network(cidr))]
    told = (not wide) or any(_within(inner, outer) for inner in own for outer in wide)
    return "yes" if told else "no"


def _within(inner: Any, outer: Any) -> bool:
    return inner.version == outer.version and bool(inner.subnet_of(outer))
