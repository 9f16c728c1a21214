"""DHCP option sets: which DNS servers the hosts of a VPC are told to ask.

https://docs.aws.amazon.com/vpc/latest/userguide/DHCPOptionSetConcepts.html
"""

from __future__ import annotations

from typing import ClassVar

from flowdiag.component import Component, Id, Part, Read, Resource, by_id

DNS_SERVERS = "domain-name-servers"


class OptionValue(Part):
    """One value of an option."""

    value: Id


class DhcpOption(Part):
    """One option with its values."""

    key: Id
    values: tuple[OptionValue, ...]


class DhcpOptions(Resource):
    """A set of options (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DhcpOptions.html)."""

    kind: ClassVar[str] = "dhcp_options"
    dhcp_options_id: str
    dhcp_configurations: tuple[DhcpOption, ...]

    @property
    def id(self) -> str:
        """The id."""
        return self.dhcp_options_id

    @property
    def dns_servers(self) -> tuple[str, ...]:
        """The DNS servers, as addresses or as `AmazonProvidedDNS`; several may stand in one value, with commas between."""
        told = (option.value for one in self.dhcp_configurations if one.key == DNS_SERVERS for option in one.values)
        return tuple(server.strip() for text in told for server in text.split(",") if server.strip())


class DhcpOptionsComponent(Component):
    """Reads DHCP option sets; leads no packet."""

    kind = "dhcp_options"
    reads = (
        Read(
            service="ec2",
            operation="describe_dhcp_options",
            action="ec2:DescribeDhcpOptions",
            responses=("DhcpOptions",),
            id_field="DhcpOptionsId",
            resource=DhcpOptions,
            lookups={"id": by_id("DhcpOptionsId", "dhcp-options-id")},
        ),
    )
