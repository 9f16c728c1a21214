"""Elastic IP addresses: which interface an allocated address is mapped to, or that it is mapped to none.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from flowdiag.address import address, is_private
from flowdiag.component import WHOLE, Component, Id, Lookup, Read, Resource, View, by_id, by_listing, by_name
from flowdiag.model import Unread
from flowdiag.named import Named, Vicinity, arn_scope, every

_NAMED = re.compile(r"^(?:arn:[^:]+:ec2:[^:]*:\d*:elastic-ip/)?(?P<id>eipalloc-[0-9a-z]+)$")


class ElasticIp(Resource):
    """An address (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html)."""

    kind: ClassVar[str] = "elastic_ip"
    allocation_id: str
    public_ip: Id
    association_id: str = ""
    network_interface_id: str = ""
    instance_id: str = ""

    @property
    def id(self) -> str:
        """The allocation id."""
        return self.allocation_id

    @property
    def idle(self) -> bool:
        """Whether it is associated with nothing."""
        return not (self.association_id or self.network_interface_id or self.instance_id)


class ElasticIpComponent(Component):
    """Reads Elastic IPs; leads no packet."""

    kind = "elastic_ip"
    spoken = "eip"
    reads = (
        Read(
            service="ec2",
            operation="describe_addresses",
            action="ec2:DescribeAddresses",
            responses=("Addresses",),
            id_field="AllocationId",
            resource=ElasticIp,
            lookups={
                "id": by_id("AllocationId", "allocation-id"),
                "public_ip": Lookup(keys=lambda raw: [raw.get("PublicIp")], filter="public-ip"),
                "name": by_name(),
                WHOLE: by_listing(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """An allocation's id or ARN, or a public IPv4 address."""
        literal = address(text)
        return bool(_NAMED.match(text)) or (literal is not None and literal.version == 4 and not is_private(literal))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The address with this id, ARN, Name tag or number; of a number, only that it lies idle: no interface has it."""
        known, literal = _NAMED.match(text), address(text)
        by, value = ("id", known["id"]) if known else ("public_ip", text) if literal else ("name", text)
        found = view.find("elastic_ip", by, value, arn_scope(text))
        if isinstance(found, Unread):
            return found
        return every(_named(one, view) for one in found if one.idle or not literal)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The addresses of the VPC's interfaces; all are listed, for an idle one belongs to no VPC."""
        here = frozenset(interface.id for interface in place.interfaces)
        listed = view.find("elastic_ip", WHOLE, WHOLE, place.scope) or ()
        yield from (one.name for one in listed if one.network_interface_id in here)


def _named(found: Any, view: View) -> Named | Unread:
    idle = f"is the Elastic IP {found.public_ip} ({found.id}), which is associated with nothing"
    outside = f"{idle}: associate it, or ask for the address in use"
    if found.idle:
        return Named(resource=found.id, label=found.name, outside=outside)
    public = address(found.public_ip)
    if found.network_interface_id:
        face = view.get("network_interface", found.network_interface_id, found.scope)
        faces = face if isinstance(face, Unread) else (face,) if face else ()
    else:
        faces = view.find("network_interface", "public_ip", found.public_ip, found.scope)
    if isinstance(faces, Unread):
        return faces
    return Named(resource=found.id, label=found.name, interfaces=faces, addresses=(public,) if public else ())
