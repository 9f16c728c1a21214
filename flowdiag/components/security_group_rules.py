"""Security group rules: which protocol, ports and peers each names; whether one covers a packet's service is told here,
whether it covers the packet's far end in `security_group`. Only read; leads no packet.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from flowdiag.address import EVERY_PROTOCOL, protocol_number
from flowdiag.component import EVERYWHERE, Cidr, Component, Id, Lookup, Part, ProtocolText, Read, Resource, by_id, by_name
from flowdiag.model import ALL_PORTS, ICMP, ICMPV6, TCP, UDP, Flow, PortRange

Answer = Literal["yes", "no", "unknown"]
# What is no longer there; of a state that AWS did not document when this was written nothing is known.
# https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html
GONE = ("deleted", "deleting", "rejected", "expired", "failed")


class IpRange(Part):
    """An IPv4 CIDR in a rule."""

    cidr_ip: Cidr


class Ipv6Range(Part):
    """An IPv6 CIDR in a rule."""

    cidr_ipv6: Cidr


class PrefixListId(Part):
    """A prefix list in a rule."""

    prefix_list_id: Id


class UserIdGroupPair(Part):
    """A referenced security group in a rule; one of another VPC names the peering, where it is referenced over one."""

    group_id: Id
    user_id: str = ""
    vpc_id: str = ""
    vpc_peering_connection_id: str = ""
    peering_status: str = ""

    @property
    def reaches(self) -> Answer:
        """Whether the peering that the reference needs is there; `yes` where it needs none."""
        if self.peering_status == "active" or not (self.peering_status or self.vpc_peering_connection_id):
            return "yes"
        return "no" if self.peering_status in GONE else "unknown"


class IpPermission(Part):
    """One rule as DescribeSecurityGroups groups them (API_IpPermission.html in the EC2 API reference)."""

    ip_protocol: ProtocolText
    from_port: int | None = None
    to_port: int | None = None
    ip_ranges: tuple[IpRange, ...] = ()
    ipv6_ranges: tuple[Ipv6Range, ...] = ()
    prefix_list_ids: tuple[PrefixListId, ...] = ()
    user_id_group_pairs: tuple[UserIdGroupPair, ...] = ()

    @model_validator(mode="after")
    def _names_ports_and_peers(self) -> IpPermission:
        if protocol_number(self.ip_protocol) in (TCP, UDP) and (self.from_port is None or self.to_port is None):
            raise ValueError("it names no ports")
        if not (self.ip_ranges or self.ipv6_ranges or self.prefix_list_ids or self.user_id_group_pairs):
            raise ValueError("it names nobody")
        return self

    @property
    def service(self) -> str:
        """The protocol and ports as an engineer writes them: `tcp/5432`, `all`."""
        number = protocol_number(self.ip_protocol)
        if number == EVERY_PROTOCOL:
            return "all"
        if number in (ICMP, ICMPV6):
            every = self.from_port in (None, -1)
            return self.ip_protocol if every else f"{self.ip_protocol} type {self.from_port} code {self.to_port}"
        if number in (TCP, UDP) and self.from_port is not None and self.to_port is not None:
            return f"{self.ip_protocol}/{PortRange(first=self.from_port, last=self.to_port)}"
        return self.ip_protocol or "nothing"

    def differing(self, flow: Flow) -> tuple[str, ...]:
        """The fields other than the peer in which the rule does not cover the packet.

        Ports are ignored for `-1` and for protocols without ports; ICMP holds its type in FromPort, its code in ToPort:
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
        """
        number = protocol_number(self.ip_protocol)
        if number == EVERY_PROTOCOL:
            return ()
        if number != flow.protocol:
            return ("protocol",)
        if flow.icmp:
            return self._icmp_differs(flow.icmp)
        return ("port",) if number in (TCP, UDP) and self._covered(flow.destination_ports) == "no" else ()

    def covers_part(self, flow: Flow) -> bool:
        """Whether it covers some of the packet's possible ports only, so that which is used decides."""
        ported = protocol_number(self.ip_protocol) in (TCP, UDP)
        return ported and self._covered(flow.destination_ports) == "unknown"

    def for_everybody(self, flow: Flow, any_port: bool) -> bool:
        """Whether it admits everybody of the flow's IP version to the flow's port, or (`any_port`) to every port there is.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#untracked-connections
        """
        named = {r.cidr_ip for r in self.ip_ranges} | {r.cidr_ipv6 for r in self.ipv6_ranges}
        asked = flow.rewritten(destination_ports=ALL_PORTS) if any_port else flow
        part = any_port and self.covers_part(asked)
        return EVERYWHERE[flow.version] in named and not self.differing(asked) and not part

    def _icmp_differs(self, icmp: tuple[int, int]) -> tuple[str, ...]:
        kind, code = icmp
        if self.from_port not in (None, -1) and self.from_port != kind:
            return ("ICMP type",)
        return ("ICMP code",) if self.from_port not in (None, -1) and self.to_port not in (None, -1, code) else ()

    def _covered(self, ports: PortRange | None) -> Answer:
        """Whether it covers the ports; unknown where it covers a part, for which of them is used is not known beforehand."""
        if ports is None:
            return "yes"
        if self.from_port is None or self.to_port is None:
            return "no"
        last = 65535 if self.to_port == -1 else self.to_port
        if last < self.from_port:
            return "no"
        common = ports.overlap(PortRange(first=max(self.from_port, 0), last=last))
        return "no" if common is None else "yes" if common == ports else "unknown"


class SecurityGroup(Resource):
    """A security group (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroup.html)."""

    kind: ClassVar[str] = "security_group"
    group_id: str
    group_name: str = ""
    vpc_id: str = ""
    owner_id: str = ""
    ip_permissions: tuple[IpPermission, ...]
    ip_permissions_egress: tuple[IpPermission, ...]

    @property
    def id(self) -> str:
        """The group id."""
        return self.group_id

    @property
    def name(self) -> str:
        """The Name tag, else the group name, else the id."""
        tagged = super().name
        return tagged if tagged != self.id else self.group_name or self.id

    @property
    def lets_all_out(self) -> bool:
        """Whether an egress rule admits everything to everybody of IPv4."""
        everything = (rule for rule in self.ip_permissions_egress if protocol_number(rule.ip_protocol) == EVERY_PROTOCOL)
        return any(EVERYWHERE[4] in {one.cidr_ip for one in rule.ip_ranges} for rule in everything)

    def rules(self, role: str) -> tuple[IpPermission, ...]:
        """Its rules in one direction, `ingress` or `egress`."""
        return self.ip_permissions if role == "ingress" else self.ip_permissions_egress


class SecurityGroupRulesComponent(Component):
    """Reads security groups; leads no packet."""

    kind = "security_group_rules"
    reads = (
        Read(
            service="ec2",
            operation="describe_security_groups",
            action="ec2:DescribeSecurityGroups",
            responses=("SecurityGroups",),
            id_field="GroupId",
            resource=SecurityGroup,
            lookups={
                "id": by_id("GroupId", "group-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )
