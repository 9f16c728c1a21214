"""VPC endpoints: interface endpoints take a packet up at their own network interface, gateway endpoints by a route.

https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
"""

from __future__ import annotations

from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Read, Resource, View, by_id, by_name, owner_scope
from flowdiag.model import ICMP, ICMPV6, TCP, Evidence, Move, Observation, Packet, Place, Unread

# States in which nothing passes; a deleted endpoint may still be shown for a while.
GONE = ("pendingacceptance", "pending", "deleting", "deleted", "rejected", "failed", "expired")
TYPES = {"Interface": "interface", "Gateway": "gateway"}


class VpcEndpoint(Resource):
    """An endpoint (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html)."""

    kind: ClassVar[str] = "vpc_endpoint"
    vpc_endpoint_id: str
    vpc_endpoint_type: Id
    vpc_id: Id
    service_name: str = ""
    state: Id
    policy_document: str = ""
    network_interface_ids: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The endpoint id."""
        return self.vpc_endpoint_id

    @property
    def service(self) -> str:
        """The service as a person says it: `s3`, `ec2`, or the whole name of somebody's own service."""
        named = self.service_name or f"the service behind {self.id}"
        return named.split(".", 3)[-1] if named.startswith("com.amazonaws.") and named.count(".") > 2 else named

    @property
    def firewall(self) -> str:
        """The ARN of the Network Firewall that made the endpoint, as its tag tells, or empty."""
        tagged = {tag.get("Key"): tag.get("Value", "") for tag in self.tags}
        return tagged.get("Firewall", "") if tagged.get("AWSNetworkFirewallManaged") == "true" else ""


class VpcEndpointComponent(Component):
    """`place.id` is the endpoint (a route leads here) or its network interface (a packet arrives there)."""

    kind = "vpc_endpoint"
    prefixes = ("vpce",)
    interface_types = ("vpc_endpoint",)
    outside = True
    reads = (
        Read(
            service="ec2",
            operation="describe_vpc_endpoints",
            action="ec2:DescribeVpcEndpoints",
            responses=("VpcEndpoints",),
            id_field="VpcEndpointId",
            resource=VpcEndpoint,
            lookups={
                "id": by_id("VpcEndpointId", "vpc-endpoint-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The encryption control of a VPC that has one in force."""
        vpc = view.get("vpc", packet.vpc, place.scope) if packet.vpc and packet.direction == "request" else None
        if not vpc or vpc.enforces_encryption == "no":
            return ()
        return (Place(kind="encryption_control", id=packet.vpc, scope=place.scope),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Whether the endpoint works, and whether its service takes this kind of packet."""
        endpoint = _endpoint(place, packet, view)
        if endpoint and endpoint.firewall:
            return None
        kind = endpoint.vpc_endpoint_type if endpoint else ""
        name = endpoint.name if endpoint else place.id
        protocol = packet.flow.protocol
        return Observation(
            table="vpc_endpoint",
            inputs={
                "packet": _packet(place, packet, endpoint, view),
                "state": _state(endpoint),
                "type": TYPES.get(kind, "other") if endpoint else "unknown",
                "protocol": "tcp" if protocol == TCP else "ping" if protocol in (ICMP, ICMPV6) else "other",
            },
            words={
                "endpoint": name,
                "service": endpoint.service if endpoint else "the service",
                "state": endpoint.state if endpoint else "",
                "type": kind,
                "source": str(packet.flow.source),
                "flow": packet.flow.service(),
            },
            resource=endpoint.id if endpoint else place.id,
            name=name,
            detail=f"{endpoint.service}, {endpoint.state}" if endpoint else "",
            evidence=_said(endpoint) if endpoint else (),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Nowhere that AWS shows, or to the firewall; a service's answer comes back into the VPC by a gateway endpoint."""
        endpoint = _endpoint(place, packet, view)
        if endpoint and endpoint.firewall:
            return (Move(to=Place(kind="network_firewall", id=endpoint.id, scope=endpoint.scope), packet=packet),)
        if place.role != "leave" or not packet.vpc:
            return ()
        to = Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
        return (Move(to=to, packet=packet.but(subnet="")),)

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """Of a firewall's endpoint the firewall with its rules, for which AWS has no search by VPC."""
        endpoint = view.get("vpc_endpoint", place.id, place.scope) if place.id.startswith("vpce-") else None
        firewall = view.get("network_firewall", endpoint.firewall, place.scope) if endpoint and endpoint.firewall else None
        if firewall:
            firewall.foresee(view)


def _endpoint(place: Place, packet: Packet, view: View) -> Any:
    """The endpoint; the participants of a shared VPC do not see it, and some service's interface may be of none that is shown."""
    if place.id.startswith("vpce-"):
        here = view.get("vpc_endpoint", place.id, place.scope)
        return here if here is not None else view.get("vpc_endpoint", place.id, owner_scope(packet.vpc, place.scope, view))
    found = view.find("vpc_endpoint", "vpc", packet.vpc, place.scope)
    return found if isinstance(found, Unread) else next((e for e in found if place.id in e.network_interface_ids), None)


def _packet(place: Place, packet: Packet, endpoint: Any, view: View) -> str:
    """A request, the service's answer, or a reply to what the endpoint would have had to start itself.

    A gateway endpoint takes up requests of its own VPC alone, `foreign` ones came over a peering or a transit gateway:
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    if packet.direction == "reply":
        return "answer" if place.role == "leave" else "reply"
    if not endpoint or endpoint.vpc_endpoint_type != "Gateway":
        return "request"
    vpc = view.get("vpc", endpoint.vpc_id, endpoint.scope)
    return ("request" if vpc.holds(packet.flow.source) else "foreign") if vpc else "doubtful"


def _state(endpoint: Any) -> str:
    state = endpoint.state.lower() if endpoint else ""
    return "available" if state == "available" else "gone" if state in GONE else "unknown"


def _said(endpoint: VpcEndpoint) -> tuple[Evidence, ...]:
    policy = endpoint.policy_document.replace("\n", " ")
    said = [f"State {endpoint.state}, {endpoint.vpc_endpoint_type} endpoint for {endpoint.service_name}"]
    said += [f"policy {policy}"] if policy else []
    return tuple(Evidence(where=endpoint.id, text=text) for text in said)
