"""VPC endpoints: interface endpoints take a packet up at their own network interface, gateway endpoints by a route.

https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any, ClassVar

from flowdiag.component import (
    Component,
    Id,
    Lookup,
    Part,
    Read,
    Resource,
    View,
    by_id,
    by_name,
    owner_scope,
    required,
)
from flowdiag.model import ICMP, ICMPV6, TCP, Evidence, Move, Observation, Packet, Place, Unread
from flowdiag.named import Named, all_of, arn_scope, every

# States in which nothing passes; a deleted endpoint may still be shown for a while.
GONE = ("pendingacceptance", "pending", "deleting", "deleted", "rejected", "failed", "expired")
# `vpce-0a1-xyz.ec2.us-east-1.vpce.amazonaws.com`, with the zone after the second part where it is a zonal name:
# https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
_DNS = re.compile(
    r"^(?:[^.]+\.)*(?P<id>vpce-[0-9a-f]+)-[0-9a-z]+(?:-(?P<zone>[a-z]+(?:-[a-z]+)+-\d[0-9a-z-]*))?\..+\.vpce\.amazonaws\.com"
)
_NAMED = re.compile(r"^(?:arn:[^:]+:ec2:[^:]*:\d*:vpc-endpoint/)?(?P<id>vpce-[0-9a-z]+)$")
TYPES = {"Interface": "interface", "Gateway": "gateway"}


class DnsEntry(Part):
    """One DNS name of an interface endpoint; with private DNS the service's own name is among them, perhaps with a `*`."""

    dns_name: Id

    def is_for(self, host: str) -> bool:
        """Whether the host's name is this one."""
        own = self.dns_name.lower().replace("\\052", "*")
        return host == own or (own.startswith("*.") and host.endswith(own[1:]))


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
    dns_entries: tuple[DnsEntry, ...] = ()
    private_dns_enabled: bool | None = None

    @property
    def id(self) -> str:
        """The endpoint id."""
        return self.vpc_endpoint_id

    @property
    def names_known(self) -> bool:
        """Whether it shows the names it answers to, as every interface endpoint does, or says that it has no private one."""
        return bool(self.dns_entries) or self.private_dns_enabled is False or self.vpc_endpoint_type != "Interface"

    @property
    def service(self) -> str:
        """The service as a person says it: `s3`, `ec2`, or the whole name of somebody's own service."""
        named = self.service_name or f"the service behind {self.id}"
        return named.split(".", 3)[-1] if named.startswith("com.amazonaws.") and named.count(".") > 2 else named


class VpcEndpointComponent(Component):
    """`place.id` is the endpoint (a route leads here) or its network interface (a packet arrives there)."""

    kind = "vpc_endpoint"
    prefixes = ("vpce",)
    interface_types = ("vpc_endpoint",)
    outside = True
    spoken = "endpoint"
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
                "vpc": Lookup(keys=required("VpcId"), filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """An endpoint's id, ARN, or DNS name of its own."""
        return bool(_NAMED.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The endpoint with this id, ARN, DNS name of its own or Name tag."""
        dns, known = _DNS.match(text.lower()), _NAMED.match(text)
        by, value = ("id", (dns or known)["id"]) if dns or known else ("name", text)  # type: ignore[index]
        found = view.find("vpc_endpoint", by, value, arn_scope(text))
        zone = (dns["zone"] or "") if dns else ""
        return found if isinstance(found, Unread) else _all_named(found, zone, view)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the endpoint works, and whether its service takes this kind of packet."""
        endpoint = _endpoint(place, packet, view)
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
        """Nowhere that AWS shows; the service's answer comes back into the VPC by a gateway endpoint."""
        if place.role != "leave" or not packet.vpc:
            return ()
        to = Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
        return (Move(to=to, packet=packet.but(subnet="")),)


def _all_named(endpoints: Any, zone: str, view: View) -> tuple[Named, ...] | Unread:
    return every(_as_named(endpoint, zone, view) for endpoint in endpoints if endpoint.state.lower() != "deleted")


def _as_named(endpoint: Any, zone: str, view: View) -> Named | Unread:
    if endpoint.vpc_endpoint_type == "Gateway":
        return _as_gateway(endpoint, view)
    faces = all_of(view.get("network_interface", id, endpoint.scope) for id in endpoint.network_interface_ids)
    if isinstance(faces, Unread):
        return faces
    if zone:
        subnets = {face.subnet_id: view.get("subnet", face.subnet_id, face.scope) for face in faces}
        faces = tuple(f for f in faces if (at := subnets[f.subnet_id]) and at.availability_zone == zone) or faces
    outside = f"is an endpoint of type {endpoint.vpc_endpoint_type} in state {endpoint.state} without a network interface"
    return Named(resource=endpoint.id, label=endpoint.name, interfaces=faces, outside=f"{outside}: ask for another one")


def _as_gateway(endpoint: Any, view: View) -> Named | Unread:
    """A gateway endpoint has no interface; it stands for the service's addresses, of which any one shows the way.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    found = view.find("service_prefix_list", "service", endpoint.service_name, endpoint.scope)
    if isinstance(found, Unread):
        return found
    networks = [network for listed in found for text in listed.networks if (network := ip_network(text, strict=False))]
    first = next((network[1] if network.num_addresses > 1 else network[0] for network in networks), None)
    outside = (
        f"is a gateway endpoint for {endpoint.service}, whose prefix list holds no address: ask for an address of the service"
    )
    return Named(resource=endpoint.id, label=endpoint.name, addresses=(first,) if first else (), outside=outside)


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
