"""Whether a VPC's own resolver is on, and with it names of private zones and of endpoints: two attributes of the VPC.

https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html#vpc-dns-support
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource


class Switch(Part):
    """Whether an attribute is on."""

    value: bool


class DnsSupport(Resource):
    """`enableDnsSupport`: whether the resolver of the VPC answers at all (API_DescribeVpcAttribute.html)."""

    kind: ClassVar[str] = "vpc_dns_support"
    vpc_id: str
    enable_dns_support: Switch

    @property
    def id(self) -> str:
        """The VPC's id."""
        return self.vpc_id

    @property
    def on(self) -> bool:
        """Whether it is on."""
        return self.enable_dns_support.value


class DnsHostnames(Resource):
    """`enableDnsHostnames`, which private zones and private DNS names need too (API_DescribeVpcAttribute.html)."""

    kind: ClassVar[str] = "vpc_dns_hostnames"
    vpc_id: str
    enable_dns_hostnames: Switch

    @property
    def id(self) -> str:
        """The VPC's id."""
        return self.vpc_id

    @property
    def on(self) -> bool:
        """Whether it is on."""
        return self.enable_dns_hostnames.value


def _support(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"VpcId": values[0], "Attribute": "enableDnsSupport"}


def _hostnames(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"VpcId": values[0], "Attribute": "enableDnsHostnames"}


def _read(response: str, resource: type[Resource], request: Any) -> Read:
    return Read(
        service="ec2",
        operation="describe_vpc_attribute",
        action="ec2:DescribeVpcAttribute",
        responses=(response,),
        id_field="VpcId",
        resource=resource,
        lookups={"id": Lookup(keys=lambda raw: [raw["VpcId"]], request=request)},
        single=True,
    )


class VpcDnsComponent(Component):
    """Reads the DNS attributes of VPCs; leads no packet."""

    kind = "vpc_dns"
    reads = (
        _read("VpcDnsSupport", DnsSupport, _support),
        _read("VpcDnsHostnames", DnsHostnames, _hostnames),
    )
