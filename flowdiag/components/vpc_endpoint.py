"""VPC endpoints: interface endpoints take a packet up at their own network interface, gateway endpoints by a route.

https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource, View, by_id, by_name
from flowdiag.model import ICMP, ICMPV6, TCP, Evidence, Move, Observation, Packet, Place, Unread


class EndpointGroup(Part):
    """A security group of an interface endpoint."""

    group_id: str = ""


class VpcEndpoint(Resource):
    """An endpoint (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html)."""

    kind: ClassVar[str] = "vpc_endpoint"
    vpc_endpoint_id: str
    vpc_endpoint_type: str = ""
    vpc_id: str = ""
    service_name: str = ""
    state: str = ""
    policy_document: str = ""
    private_dns_enabled: bool = False
    network_interface_ids: tuple[str, ...] = ()
    groups: tuple[EndpointGroup, ...] = ()

    @property
    def id(self) -> str:
        """The endpoint id."""
        return self.vpc_endpoint_id

    @property
    def service(self) -> str:
        """The service as a person says it: `s3`, `ec2`, or the whole name of somebody's own service."""
        return self.service_name.split(".", 3)[-1] if self.service_name.startswith("com.amazonaws.") else self.service_name


def _interfaces(raw: Mapping[str, Any]) -> list[str | None]:
    return list(raw.get("NetworkInterfaceIds") or ())


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
                "interface": Lookup(keys=_interfaces),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the endpoint works, and whether its service takes this kind of packet."""
        endpoint = _endpoint(place, packet, view)
        kind = endpoint.vpc_endpoint_type if endpoint else ""
        return Observation(
            table="vpc_endpoint",
            inputs={
                "packet": packet.direction,
                "state": _state(endpoint),
                "type": {"Interface": "interface", "Gateway": "gateway"}.get(kind, "other") if endpoint else "unknown",
                "protocol": "tcp" if packet.flow.protocol == TCP else "ping" if packet.flow.protocol in (ICMP, ICMPV6) else "other",
            },
            words={
                "endpoint": endpoint.name if endpoint else place.id,
                "service": endpoint.service if endpoint else "",
                "state": endpoint.state if endpoint else "",
                "type": kind,
                "flow": packet.flow.service(),
            },
            resource=endpoint.id if endpoint else place.id,
            name=endpoint.name if endpoint else place.id,
            detail=f"{endpoint.service}, {endpoint.state}" if endpoint else "",
            evidence=tuple(_said(endpoint)) if endpoint else (),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Nowhere that AWS shows; the service's answer comes back into the VPC by a gateway endpoint."""
        if place.role != "leave" or not packet.vpc:
            return ()
        to = Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
        return (Move(to=to, packet=packet.but(subnet="")),)


def _endpoint(place: Place, packet: Packet, view: View) -> Any:
    if place.id.startswith("vpce-"):
        return view.get("vpc_endpoint", place.id, place.scope)
    found = view.find("vpc_endpoint", "vpc", packet.vpc, place.scope)
    return found if isinstance(found, Unread) else next((e for e in found if place.id in e.network_interface_ids), None)


def _state(endpoint: Any) -> str:
    if not endpoint:
        return "unknown" if isinstance(endpoint, Unread) else "gone"
    return "available" if endpoint.state.lower() == "available" else "unknown" if not endpoint.state else "gone"


def _said(endpoint: VpcEndpoint) -> list[Evidence]:
    policy = endpoint.policy_document.replace("\n", " ")
    said = [f"State {endpoint.state}, {endpoint.vpc_endpoint_type} endpoint for {endpoint.service_name}"]
    said += [f"policy {policy}"] if policy else []
    return [Evidence(where=endpoint.id, text=text) for text in said]
