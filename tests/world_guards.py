"""The guards of the small worlds: security groups and network ACLs, rule by rule as their describe calls show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from world import Vpc

Raw = dict[str, Any]
Ports = int | tuple[int, int] | None
EVERYBODY = {4: "0.0.0.0/0", 6: "::/0"}
NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


def everybody(vpc: Vpc) -> list[str]:
    """The CIDR of everybody in each address family that the VPC has."""
    return [EVERYBODY[4], EVERYBODY[6]] if vpc.ipv6 else [EVERYBODY[4]]


class Group:
    """A security group."""

    def __init__(self, vpc: Vpc, name: str, egress: bool) -> None:
        self.vpc, owner = vpc, vpc.world.account
        raw = {"GroupName": name, "VpcId": vpc.id, "OwnerId": owner, "IpPermissions": [], "IpPermissionsEgress": [], "Tags": []}
        self.raw = vpc.world.add("SecurityGroups", "sg", raw)
        self.id = str(self.raw["GroupId"])
        if egress:
            self.egress("-1", None, *everybody(vpc))

    def ingress(self, protocol: str, ports: Ports, *peers: str | Group) -> None:
        """One rule in. A peer is a CIDR, a prefix list or a group; `ports` of ICMP are its type and code, None is every one."""
        self.raw["IpPermissions"].append(permission(protocol, ports, peers))

    def egress(self, protocol: str, ports: Ports, *peers: str | Group) -> None:
        """One rule out."""
        self.raw["IpPermissionsEgress"].append(permission(protocol, ports, peers))


class Acl:
    """A network ACL; `allow` and `deny` give it back, so that entries can be said in one breath."""

    def __init__(self, vpc: Vpc, default: bool = False) -> None:
        raw = {"VpcId": vpc.id, "OwnerId": vpc.world.account, "IsDefault": default, "Associations": [], "Entries": []}
        self.raw = vpc.world.add("NetworkAcls", "acl", {**raw, "Tags": []})
        self.id = str(self.raw["NetworkAclId"])
        for offset, cidr in enumerate(everybody(vpc)):
            for direction in ("ingress", "egress"):
                if default:
                    self.allow(100 + offset, direction, cidr=cidr)
                self.deny(32767 + offset, direction, cidr=cidr)

    def associate(self, subnet: str) -> None:
        """Have this ACL stand at the subnet's border."""
        self.raw["Associations"].append({"NetworkAclId": self.id, "SubnetId": subnet})

    def dissociate(self, subnet: str) -> None:
        """No longer have it stand there."""
        self.raw["Associations"] = [a for a in self.raw["Associations"] if a["SubnetId"] != subnet]

    def allow(self, number: int, direction: str, *what: Any, **more: Any) -> Acl:
        """An entry that allows: protocol (all), ports (all) and CIDR (everybody)."""
        return self._entry("allow", number, direction, *what, **more)

    def deny(self, number: int, direction: str, *what: Any, **more: Any) -> Acl:
        """An entry that denies."""
        return self._entry("deny", number, direction, *what, **more)

    def _entry(
        self,
        action: str,
        number: int,
        direction: str,
        protocol: str = "-1",
        ports: Ports = None,
        cidr: str = "0.0.0.0/0",
    ) -> Acl:
        entry = {"RuleNumber": number, "RuleAction": action, "Egress": direction == "egress"}
        entry |= {"Protocol": NUMBERS.get(protocol, protocol), "Ipv6CidrBlock" if ":" in cidr else "CidrBlock": cidr}
        first, last = ports if isinstance(ports, tuple) else (ports, ports)
        if first is not None:
            icmp = protocol.startswith("icmp")
            entry |= {"IcmpTypeCode": {"Type": first, "Code": last}} if icmp else {"PortRange": {"From": first, "To": last}}
        self.raw["Entries"].append(entry)
        return self


def permission(protocol: str, ports: Ports, peers: Iterable[str | Group]) -> Raw:
    """A rule as DescribeSecurityGroups shows it: peers of the same ports together."""
    rule: Raw = {"IpProtocol": protocol, "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    if protocol in ("tcp", "udp", "icmp", "icmpv6"):
        every = (0, 65535) if protocol in ("tcp", "udp") else (-1, -1)
        first, last = every if ports is None else ports if isinstance(ports, tuple) else (ports, ports)
        rule |= {"FromPort": first, "ToPort": last}
    for peer in peers:
        if isinstance(peer, Group):
            rule["UserIdGroupPairs"].append({"GroupId": peer.id, "UserId": peer.vpc.world.account})
        elif peer.startswith("pl-"):
            rule["PrefixListIds"].append({"PrefixListId": peer})
        elif ":" in peer:
            rule["Ipv6Ranges"].append({"CidrIpv6": peer})
        else:
            rule["IpRanges"].append({"CidrIp": peer})
    return rule
