"""Transit gateway Connect attachments: GRE tunnels with BGP to the customer's router or appliance, where AWS's sight ends.

https://docs.aws.amazon.com/vpc/latest/tgw/tgw-connect.html
"""

from __future__ import annotations

from typing import ClassVar, Literal

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, by_id, entrance, is_outside, required
from flowdiag.model import Evidence, Move, Observation, Packet, Place, Unread

# What AWS calls the states (API_TransitGatewayConnect.html); of another one nothing is known.
State = Literal[
    "initiating",
    "initiatingRequest",
    "pendingAcceptance",
    "rollingBack",
    "pending",
    "available",
    "modifying",
    "deleting",
    "deleted",
    "failed",
    "rejected",
    "rejecting",
    "failing",
]


class TransitGatewayConnect(Resource):
    """A Connect attachment (API_TransitGatewayConnect.html in the EC2 API reference)."""

    kind: ClassVar[str] = "transit_gateway_connect"
    transit_gateway_attachment_id: str
    transport_transit_gateway_attachment_id: str = ""
    state: State

    @property
    def id(self) -> str:
        """The attachment id."""
        return self.transit_gateway_attachment_id


class BgpSession(Part):
    """One BGP session of a peer; each peer has two for redundancy."""

    bgp_status: Literal["up", "down"]


class PeerConfiguration(Part):
    """The tunnel of a peer."""

    peer_address: str = ""
    bgp_configurations: tuple[BgpSession, ...] = ()


class ConnectPeer(Resource):
    """A Connect peer (API_TransitGatewayConnectPeer.html in the EC2 API reference)."""

    kind: ClassVar[str] = "connect_peer"
    transit_gateway_connect_peer_id: str
    transit_gateway_attachment_id: Id
    state: Literal["pending", "available", "deleting", "deleted"]
    connect_peer_configuration: PeerConfiguration

    @property
    def id(self) -> str:
        """The peer id."""
        return self.transit_gateway_connect_peer_id

    @property
    def works(self) -> str:
        """Whether it carries anything: a BGP session is up."""
        if self.state != "available":
            return "no"
        sessions = {session.bgp_status for session in self.connect_peer_configuration.bgp_configurations}
        return "yes" if sessions == {"up"} else "partly" if "up" in sessions else "no" if sessions else "unknown"

    def __str__(self) -> str:
        """The peer as an engineer knows it."""
        sessions = " and ".join(session.bgp_status for session in self.connect_peer_configuration.bgp_configurations)
        return f"GRE peer {self.connect_peer_configuration.peer_address or self.id}, BGP {sessions or 'unknown'}"


class TransitGatewayConnectComponent(Component):
    """`place.id` is the Connect attachment; `place.role` is `out` or `leave` (a packet starts behind it)."""

    kind = "transit_gateway_connect"
    outside = True
    reads = (
        Read(
            service="ec2",
            operation="describe_transit_gateway_connects",
            action="ec2:DescribeTransitGatewayConnects",
            responses=("TransitGatewayConnects",),
            id_field="TransitGatewayAttachmentId",
            resource=TransitGatewayConnect,
            lookups={"id": by_id("TransitGatewayAttachmentId", "transit-gateway-attachment-id")},
        ),
        Read(
            service="ec2",
            operation="describe_transit_gateway_connect_peers",
            action="ec2:DescribeTransitGatewayConnectPeers",
            responses=("TransitGatewayConnectPeers",),
            id_field="TransitGatewayConnectPeerId",
            resource=ConnectPeer,
            lookups={
                "id": by_id("TransitGatewayConnectPeerId", "transit-gateway-connect-peer-id"),
                "attachment": Lookup(keys=required("TransitGatewayAttachmentId"), filter="transit-gateway-attachment-id"),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the attachment and a BGP session of a peer are up, and whether the packet is for somebody behind them."""
        works, text = _works(place, view)
        outward = place.role == "out"
        words = {"connect": place.id, "peers": text, "destination": str(packet.flow.destination)}
        return Observation(
            table="transit_gateway_connect",
            inputs={"works": works, "destination": is_outside(packet.flow.destination, view) if outward else "yes"},
            words=words,
            resource=place.id,
            name=place.id,
            detail=f"leaves AWS here: {text}" if outward else text,
            evidence=(Evidence(where=place.id, text=text),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """From behind the tunnel into the transit gateway; towards it the packet leaves AWS here."""
        way = entrance(packet, "transit_gateway") if place.role == "leave" else None
        if way is None:
            return ()
        return (Move(to=way.place, packet=packet.but(vpc=way.vpc, scope=way.place.scope, subnet="", sender=None)),)


def _works(place: Place, view: View) -> tuple[str, str]:
    connect = view.get("transit_gateway_connect", place.id, place.scope)
    if isinstance(connect, Unread):
        return "unknown", "not read"
    if connect is None or connect.state not in ("available", "modifying"):
        return "no", f"state {connect.state}" if connect else "it does not exist"
    peers = view.find("connect_peer", "attachment", place.id, place.scope)
    if isinstance(peers, Unread):
        return "unknown", "peers not read"
    told = {peer.works for peer in peers}
    text = "; ".join(str(peer) for peer in peers) or "no peer"
    if told & {"yes", "partly"}:
        return ("yes" if told == {"yes"} else "partly"), text
    return ("unknown" if "unknown" in told else "no"), text
