"""Site-to-Site VPN connections: where AWS ends and the customer's own network begins, as far as the tunnels' telemetry tells.

https://docs.aws.amazon.com/vpn/latest/s2svpn/how_it_works.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from flowdiag.address import holds, network
from flowdiag.component import Cidr, Component, Lookup, Part, Read, Resource, View, by_id, by_name, entrance, given, is_outside
from flowdiag.model import Address, Evidence, Flow, Move, Mtu, Observation, Packet, Place, Unread

GATEWAYS = ("vpn_gateway", "transit_gateway", "core_network")
ENDS = ("VpnGatewayId", "TransitGatewayId", "CoreNetworkArn", "VpnConcentratorId")
MTU = Mtu(most=1446, tells="no")  # with the best of its algorithms: https://docs.aws.amazon.com/vpn/latest/s2svpn/vpn-limits.html
State = Literal["pending", "available", "deleting", "deleted"]


class VpnRoute(Part):
    """One static route of a connection."""

    destination_cidr_block: Cidr
    state: State


class Tunnel(Part):
    """What AWS sees of one tunnel (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VgwTelemetry.html)."""

    outside_ip_address: str = ""
    status: Literal["UP", "DOWN"]
    status_message: str = ""
    accepted_route_count: int | None = None


class TunnelOption(Part):
    """Who begins the negotiation of one tunnel: `add`, the default, the customer's gateway, `start` AWS too.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TunnelOption.html
    """

    outside_ip_address: str = ""
    startup_action: str = "add"


class VpnOptions(Part):
    """How a connection routes, and which addresses its tunnels take; absent ones have AWS's documented default."""

    static_routes_only: bool | None = None
    tunnel_inside_ip_version: str = "ipv4"
    local_ipv4_network_cidr: Cidr = "0.0.0.0/0"
    remote_ipv4_network_cidr: Cidr = "0.0.0.0/0"
    local_ipv6_network_cidr: Cidr = "::/0"
    remote_ipv6_network_cidr: Cidr = "::/0"
    tunnel_options: tuple[TunnelOption, ...] = ()


class VpnConnection(Resource):
    """A connection (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpnConnection.html)."""

    kind: ClassVar[str] = "vpn_connection"
    vpn_connection_id: str
    state: State
    vpn_gateway_id: str = ""
    transit_gateway_id: str = ""
    customer_gateway_id: str = ""
    options: VpnOptions = VpnOptions()
    routes: tuple[VpnRoute, ...] | None = None
    vgw_telemetry: tuple[Tunnel, ...] = ()

    @property
    def id(self) -> str:
        """The connection id."""
        return self.vpn_connection_id

    @property
    def up(self) -> list[Tunnel]:
        """The tunnels that AWS sees up."""
        return [tunnel for tunnel in self.vgw_telemetry if tunnel.status == "UP"]

    @property
    def works(self) -> str:
        """Whether it carries anything: yes, partly (a tunnel is down), no, or unknown without telemetry."""
        if self.state in ("pending", "deleted"):
            return "no"
        if not self.vgw_telemetry or (self.up and self.state == "deleting"):
            return "unknown"
        return "no" if not self.up else "yes" if len(self.up) == len(self.vgw_telemetry) else "partly"

    def works_for(self, customer_begins: bool) -> str:
        """The same for a flow: `idle` where no tunnel is up and what the customer's network sends may bring one up.

        By default the customer's gateway brings tunnels up, by traffic of its own; nothing that AWS is sent does:
        https://docs.aws.amazon.com/vpn/latest/s2svpn/initiate-vpn-tunnels.html
        """
        return "idle" if customer_begins and self.works == "no" and self.state == "available" else self.works

    def route_for(self, target: Address) -> str:
        """The longest prefix of a static route that covers the address, or empty."""
        covering = [r.destination_cidr_block for r in self._static if holds(r.destination_cidr_block, target)]
        return max(covering, key=_length, default="")

    def reach(self, target: Address) -> int:
        """The length of that prefix; nothing of BGP is known."""
        return _length(self.route_for(target))

    def covers(self, target: Address) -> str:
        """Whether a virtual private gateway can send to the address by it: yes, no, or unknown where BGP decides.

        Its virtual private gateway carries IPv4 alone (https://docs.aws.amazon.com/vpn/latest/s2svpn/ipv4-ipv6.html), and
        which prefixes a customer announces by BGP is in no reply, only how many.
        """
        if target.version == 6:
            return "no"
        if self.options.static_routes_only:
            return "yes" if self.route_for(target) else "unknown" if self.routes is None else "no"
        counts = [tunnel.accepted_route_count for tunnel in self.up]  # what is announced once a tunnel is up nobody knows
        silent = bool(counts) and not any(count is None or count > 0 for count in counts)
        return "no" if silent and self.options.static_routes_only is False else "unknown"

    def selects(self, flow: Flow, outward: bool) -> bool:
        """Whether its tunnels take these addresses: `local` is the customer's side and `remote` is AWS's.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpnConnectionOptions.html
        """
        theirs, ours = (flow.destination, flow.source) if outward else (flow.source, flow.destination)
        o = self.options
        local, remote = (
            (o.local_ipv4_network_cidr, o.remote_ipv4_network_cidr)
            if flow.version == 4
            else (o.local_ipv6_network_cidr, o.remote_ipv6_network_cidr)
        )
        return holds(local, theirs) and holds(remote, ours)

    @property
    def _static(self) -> Iterator[VpnRoute]:
        return (route for route in self.routes or () if route.state == "available")

    def __str__(self) -> str:
        """What AWS sees of the tunnels and how the connection routes."""
        if self.state != "available":
            return f"state {self.state}"
        told = f"{len(self.up)} of {len(self.vgw_telemetry)} tunnels up{self._reasons}" if self.vgw_telemetry else "no telemetry"
        static = ", ".join(route.destination_cidr_block for route in self._static)
        return f"{told}, static routes {static}" if static else f"{told}, {self._bgp}"

    @property
    def _reasons(self) -> str:
        """What AWS says of the tunnels that are down."""
        said = dict.fromkeys(t.status_message for t in self.vgw_telemetry if t.status == "DOWN" and t.status_message)
        return f" ({', '.join(said)})" if said else ""

    @property
    def _bgp(self) -> str:
        if self.options.static_routes_only:
            return "no static route"
        counts = [tunnel.accepted_route_count for tunnel in self.up if tunnel.accepted_route_count is not None]
        return f"BGP with {max(counts)} routes" if counts else "BGP"


def _length(cidr: str) -> int:
    outer = network(cidr) if cidr else None
    return outer.prefixlen if outer else 0


class CustomerGateway(Resource):
    """The customer's end (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CustomerGateway.html)."""

    kind: ClassVar[str] = "customer_gateway"
    customer_gateway_id: str
    ip_address: str = ""

    @property
    def id(self) -> str:
        """The customer gateway id."""
        return self.customer_gateway_id


def _gateway(raw: Mapping[str, Any]) -> list[str | None]:
    """A connection that ends at nothing may be anybody's, unless AWS says that it is not associated."""
    ends = any(raw.get(field) for field in ENDS) or raw.get("GatewayAssociationState") == "not-associated"
    return [raw.get("VpnGatewayId")] if ends else [given(raw, "VpnGatewayId")]


class VpnConnectionComponent(Component):
    """`place.role` is `out` (towards the customer's network) or `leave` (a packet starts there)."""

    kind = "vpn_connection"
    outside = True
    reads = (
        Read(
            service="ec2",
            operation="describe_vpn_connections",
            action="ec2:DescribeVpnConnections",
            responses=("VpnConnections",),
            id_field="VpnConnectionId",
            resource=VpnConnection,
            lookups={
                "id": by_id("VpnConnectionId", "vpn-connection-id"),
                "gateway": Lookup(keys=_gateway, filter="vpn-gateway-id"),
                "name": by_name(),
            },
        ),
        Read(
            service="ec2",
            operation="describe_customer_gateways",
            action="ec2:DescribeCustomerGateways",
            responses=("CustomerGateways",),
            id_field="CustomerGatewayId",
            resource=CustomerGateway,
            lookups={"id": by_id("CustomerGatewayId", "customer-gateway-id")},
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether its tunnels are up and take the packet, and whether the packet is for the customer's network at all."""
        connection = view.get("vpn_connection", place.id, place.scope)
        outward = place.role == "out"
        name = connection.name if connection else place.id
        text = f"{place.id} does not exist" if connection is None else f"{connection}" if connection else "not read"
        return Observation(
            table="vpn_connection",
            inputs={
                "gateway": _kind(packet, place, connection),
                "works": _works(connection, place, packet),
                "ip version": "yes" if not connection or _carries(connection, packet.flow) else "no",
                "selectors": "yes" if not connection or connection.selects(packet.flow, outward) else "no",
                "destination": is_outside(packet.flow.destination, view) if outward else "yes",
            },
            words={
                "connection": name,
                "gateway": _behind(packet, place).replace("_", " "),
                "tunnels": text,
                "version": f"IPv{packet.flow.version}",
                "source": str(packet.flow.source),
                "destination": str(packet.flow.destination),
            },
            resource=place.id,
            name=name,
            detail=_told(connection, outward, text, view),
            evidence=(Evidence(where=place.id, text=text), *_tunnels(connection)),
            mtu=MTU,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """From the customer's network into the gateway that the connection ends at; towards it the packet leaves AWS here."""
        way = entrance(packet, *GATEWAYS) if place.role == "leave" else None
        if way is None:
            return ()
        onward = packet.but(vpc=way.vpc, scope=way.place.scope, subnet="", sender=None)
        connection = view.get("vpn_connection", place.id, place.scope)
        idle = bool(connection) and _works(connection, place, packet) == "idle"
        # With BGP the routes back are there only once a tunnel is up: what is missing of them now proves nothing.
        return (Move(to=way.place, packet=onward, as_if=idle and not connection.options.static_routes_only),)


def _works(connection: Any, place: Place, packet: Packet) -> str:
    """Whether the connection carries this packet, of a flow that begins here or in the customer's network."""
    if not connection:
        return "unknown" if isinstance(connection, Unread) else "no"
    works: str = connection.works_for(customer_begins=(place.role == "leave") is (packet.direction == "request"))
    return works


def _behind(packet: Packet, place: Place) -> str:
    """The kind of the gateway that the packet passes, or empty."""
    way = entrance(packet if place.role == "leave" else packet.but(flow=packet.flow.reply()), *GATEWAYS)
    return way.place.kind if way else ""


def _kind(packet: Packet, place: Place, connection: Any) -> str:
    """What the connection ends at, which AWS's names for a fault tell apart."""
    ends_at_vpc = bool(connection and connection.vpn_gateway_id) or _behind(packet, place) == "vpn_gateway"
    return "virtual private gateway" if ends_at_vpc else "transit gateway"


def _carries(connection: VpnConnection, flow: Flow) -> bool:
    """One IP version inside the tunnels: IPv4 at a virtual private gateway, elsewhere the one that was chosen.

    https://docs.aws.amazon.com/vpn/latest/s2svpn/ipv4-ipv6.html
    """
    inside = "ipv4" if connection.vpn_gateway_id else connection.options.tunnel_inside_ip_version
    return inside == f"ipv{flow.version}"


def _told(connection: Any, outward: bool, text: str, view: View) -> str:
    """What AWS still knows at its edge: the customer's gateway, the tunnels, the routes."""
    if not connection:
        return text
    customer = view.get("customer_gateway", connection.customer_gateway_id, connection.scope) if outward else None
    whose = f"customer gateway {customer.ip_address}" if customer and customer.ip_address else connection.customer_gateway_id
    return f"leaves AWS here: {', '.join(part for part in (whose, text) if part)}" if outward else text


def _tunnels(connection: Any) -> tuple[Evidence, ...]:
    tunnels = connection.vgw_telemetry if connection else ()
    begins = {option.outside_ip_address: option.startup_action for option in connection.options.tunnel_options} if tunnels else {}
    return tuple(
        Evidence(
            where=f"{connection.id} tunnel {t.outside_ip_address}",
            text=f"Status {t.status}: {t.status_message or '-'}, StartupAction {begins.get(t.outside_ip_address, 'add')}",
        )
        for t in tunnels
    )
