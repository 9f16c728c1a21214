"""The names of VPC endpoints: which interfaces, or which addresses of a service, an id, an ARN, a DNS name or a Name tag means.

https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
"""

from __future__ import annotations

import re
from typing import Any

from flowdiag.component import Component, View, owner_scope
from flowdiag.model import Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every, listed

# `vpce-0a1-xyz.ec2.us-east-1.vpce.amazonaws.com`, with the zone after the second part where it is a zonal name:
# https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
_DNS = re.compile(
    r"^(?:[^.]+\.)*(?P<id>vpce-[0-9a-f]+)-[0-9a-z]+(?:-(?P<zone>[a-z]+(?:-[a-z]+)+-\d[0-9a-z-]*))?\..+\.vpce\.amazonaws\.com"
)
_NAMED = re.compile(r"^(?:arn:[^:]+:ec2:[^:]*:\d*:vpc-endpoint/)?(?P<id>vpce-[0-9a-z]+)$")


class VpcEndpointNameComponent(Component):
    """Names of endpoints; leads no packet and reads nothing of its own."""

    kind = "vpc_endpoint_name"
    spoken = "endpoint"

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

    def residents(self, place: Vicinity, view: View) -> tuple[str, ...]:
        """The endpoints of the VPC."""
        found = view.find("vpc_endpoint", "vpc", place.vpc, owner_scope(place.vpc, place.scope, view)) or ()
        return tuple(text for one in found for text in dict.fromkeys((one.id, one.name)))


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
    """A gateway endpoint has no interface; it stands for the service's addresses, of which any one shows the way, though rules
    may admit a part of them only.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    found = view.find("service_prefix_list", "service", endpoint.service_name, endpoint.scope)
    if isinstance(found, Unread):
        return found
    outside = (
        f"is a gateway endpoint for {endpoint.service}, whose prefix list holds no address: ask for an address of the service"
    )
    return listed(found, Named(resource=endpoint.id, label=endpoint.name, outside=outside))
