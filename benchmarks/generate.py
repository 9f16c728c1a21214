"""Write a believable snapshot of a big account as raw describe JSON, the same bytes for the same sizes.

    python benchmarks/generate.py FOLDER --enis 100000 --groups 20000 --subnets 500

A VPC is a /16 with up to 50 subnets of /22. Even subnets are public (a route table of their own to the internet
gateway, Elastic IPs on every fifth interface), odd ones share the VPC's main table to its NAT gateway; each subnet has
a network ACL of its own. Security groups have ten rules each, by CIDR and by group. `open_pair` names two interfaces of
which the first reaches the second on the returned port.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "111122223333", "us-east-1"
SUBNETS_PER_VPC = 50
ADDRESSES_PER_SUBNET = 1018  # a /22 less AWS's five addresses and the NAT gateway's
SERVICE = 443  # open to the whole VPC
SERVICES = (22, 80, 443, 3306, 5432, 6379, 8080, 8443, 9092, 9200)
Raw = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much of everything there is."""

    enis: int = 100_000
    groups: int = 20_000
    subnets: int = 500

    @property
    def vpcs(self) -> int:
        return -(-self.subnets // SUBNETS_PER_VPC)

    @property
    def groups_per_vpc(self) -> int:
        return max(1, self.groups // self.vpcs)

    def refuse_nonsense(self) -> None:
        if not (1 <= self.subnets <= 256 * SUBNETS_PER_VPC and 2 <= self.enis <= self.subnets * ADDRESSES_PER_SUBNET):
            raise SystemExit(f"{self}: a subnet holds {ADDRESSES_PER_SUBNET} interfaces, and there are at most 12,800 subnets")


def interface_id(number: int) -> str:
    """The id of an interface by its number."""
    return _id("eni", number)


def interface_address(number: int, sizes: Sizes) -> str:
    """The private address of an interface by its number."""
    nth, subnet = divmod(number, sizes.subnets)
    return str(_subnet_network(subnet).network_address + 4 + nth)


def host_name(number: int) -> str:
    """The Name tag of an interface, and of its instance, by its number."""
    return f"host-{number}"


def open_pair(sizes: Sizes) -> tuple[str, str, int]:
    """Two interfaces of one VPC, of which the first reaches the second on the port."""
    return interface_id(0), interface_id(sizes.subnets if sizes.enis > sizes.subnets else 1), SERVICE


def open_pairs(sizes: Sizes, count: int) -> Iterator[tuple[int, int]]:
    """The numbers of two interfaces in neighbouring subnets of one VPC, from all over the account; SERVICE is open."""
    for nth in range(count):
        number = nth * 7919 % (sizes.enis - 1)
        subnet = number % sizes.subnets
        last = subnet % SUBNETS_PER_VPC == SUBNETS_PER_VPC - 1 or subnet == sizes.subnets - 1
        yield (number, number - 1) if last else (number, number + 1)


def replies(sizes: Sizes) -> dict[str, Iterator[Raw]]:
    """The entries of every describe reply, by response key."""
    return {
        "Vpcs": (_vpc(v) for v in range(sizes.vpcs)),
        "Subnets": (_subnet(s) for s in range(sizes.subnets)),
        "RouteTables": _route_tables(sizes),
        "NetworkAcls": (_network_acl(s) for s in range(sizes.subnets)),
        "InternetGateways": (_internet_gateway(v) for v in range(sizes.vpcs)),
        "NatGateways": (_nat_gateway(v) for v in range(sizes.vpcs)),
        "SecurityGroups": (_group(g, sizes) for g in range(sizes.groups_per_vpc * sizes.vpcs)),
        "NetworkInterfaces": _interfaces(sizes),
        "Reservations": (_reservation(number, sizes) for number in range(sizes.enis)),
    }


def write(folder: Path, sizes: Sizes) -> None:
    """One file per reply under `accounts/<account>/<region>`, one entry a line."""
    sizes.refuse_nonsense()
    target = folder / "accounts" / ACCOUNT / REGION
    target.mkdir(parents=True, exist_ok=True)
    for key, entries in replies(sizes).items():
        with (target / f"{key}.json").open("w", encoding="utf-8") as file:
            file.write(f'{{"{key}": [\n')
            file.writelines(_lines(entries))
            file.write("]}\n")


def _lines(entries: Iterable[Raw]) -> Iterator[str]:
    before = ""
    for entry in entries:
        yield f"{before}{json.dumps(entry)}"
        before = ",\n"
    yield "\n"


# ---------------------------------------------------------------- numbers to names


def _id(prefix: str, number: int) -> str:
    return f"{prefix}-{number + 1:017x}"


def _tags(text: str) -> list[Raw]:
    return [{"Key": "Name", "Value": text}, {"Key": "team", "Value": f"team-{len(text) % 7}"}]


def _vpc_of(subnet: int) -> int:
    return subnet // SUBNETS_PER_VPC


def _vpc_network(vpc: int) -> IPv4Network:
    return IPv4Network((0x0A000000 + (vpc << 16), 16))


def _subnet_network(subnet: int) -> IPv4Network:
    return IPv4Network((int(_vpc_network(_vpc_of(subnet)).network_address) + ((subnet % SUBNETS_PER_VPC) << 10), 22))


def _zone(subnet: int) -> str:
    return REGION + "abcdef"[subnet % 6]


# ---------------------------------------------------------------- the network


def _vpc(vpc: int) -> Raw:
    cidr = str(_vpc_network(vpc))
    return {
        "VpcId": _id("vpc", vpc),
        "OwnerId": ACCOUNT,
        "State": "available",
        "IsDefault": False,
        "CidrBlock": cidr,
        "CidrBlockAssociationSet": [
            {"AssociationId": _id("vpc-cidr-assoc", vpc), "CidrBlock": cidr, "CidrBlockState": {"State": "associated"}}
        ],
        "Tags": _tags(f"vpc-{vpc}"),
    }


def _subnet(subnet: int) -> Raw:
    return {
        "SubnetId": _id("subnet", subnet),
        "SubnetArn": f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{_id('subnet', subnet)}",
        "VpcId": _id("vpc", _vpc_of(subnet)),
        "OwnerId": ACCOUNT,
        "State": "available",
        "CidrBlock": str(_subnet_network(subnet)),
        "AvailabilityZone": _zone(subnet),
        "AvailableIpAddressCount": 800,
        "MapPublicIpOnLaunch": subnet % 2 == 0,
        "Ipv6CidrBlockAssociationSet": [],
        "Tags": _tags(f"{'public' if subnet % 2 == 0 else 'private'}-{subnet}"),
    }


def _route_tables(sizes: Sizes) -> Iterator[Raw]:
    for vpc in range(sizes.vpcs):
        yield _route_table(vpc, vpc, {"NatGatewayId": _id("nat", vpc)}, {"Main": True})
    for subnet in range(0, sizes.subnets, 2):
        vpc = _vpc_of(subnet)
        association = {"Main": False, "SubnetId": _id("subnet", subnet)}
        yield _route_table(sizes.vpcs + subnet, vpc, {"GatewayId": _id("igw", vpc)}, association)


def _route_table(number: int, vpc: int, way_out: Raw, association: Raw) -> Raw:
    table = _id("rtb", number)
    local = {"DestinationCidrBlock": str(_vpc_network(vpc)), "GatewayId": "local"}
    default = {"DestinationCidrBlock": "0.0.0.0/0", **way_out}
    return {
        "RouteTableId": table,
        "VpcId": _id("vpc", vpc),
        "OwnerId": ACCOUNT,
        "Associations": [
            {
                "RouteTableAssociationId": _id("rtbassoc", number),
                "RouteTableId": table,
                "AssociationState": {"State": "associated"},
                **association,
            }
        ],
        "PropagatingVgws": [],
        "Routes": [
            {**local, "Origin": "CreateRouteTable", "State": "active"},
            {**default, "Origin": "CreateRoute", "State": "active"},
        ],
        "Tags": _tags(f"rtb-{number}"),
    }


def _network_acl(subnet: int) -> Raw:
    acl = _id("acl", subnet)
    return {
        "NetworkAclId": acl,
        "VpcId": _id("vpc", _vpc_of(subnet)),
        "OwnerId": ACCOUNT,
        "IsDefault": False,
        "Associations": [
            {"NetworkAclAssociationId": _id("aclassoc", subnet), "NetworkAclId": acl, "SubnetId": _id("subnet", subnet)}
        ],
        "Entries": [
            {"RuleNumber": number, "Egress": egress, "Protocol": "-1", "CidrBlock": "0.0.0.0/0", "RuleAction": action}
            for egress in (True, False)
            for number, action in ((100, "allow"), (32767, "deny"))
        ],
        "Tags": _tags(f"acl-{subnet}"),
    }


def _internet_gateway(vpc: int) -> Raw:
    return {
        "InternetGatewayId": _id("igw", vpc),
        "OwnerId": ACCOUNT,
        "Attachments": [{"State": "available", "VpcId": _id("vpc", vpc)}],
        "Tags": _tags(f"igw-{vpc}"),
    }


def _nat_gateway(vpc: int) -> Raw:
    subnet = vpc * SUBNETS_PER_VPC
    address = {
        "AllocationId": _id("eipalloc", 10_000_000 + vpc),
        "NetworkInterfaceId": _id("eni", 10_000_000 + vpc),
        "PrivateIp": str(_subnet_network(subnet).network_address + 1022),
        "PublicIp": str(IPv4Address("198.51.100.0") + vpc % 256),
    }
    return {
        "NatGatewayId": _id("nat", vpc),
        "VpcId": _id("vpc", vpc),
        "SubnetId": _id("subnet", subnet),
        "State": "available",
        "ConnectivityType": "public",
        "NatGatewayAddresses": [{**address, "IsPrimary": True, "Status": "succeeded"}],
        "Tags": _tags(f"nat-{vpc}"),
    }


# ---------------------------------------------------------------- groups and interfaces


def _group(group: int, sizes: Sizes) -> Raw:
    vpc, number = divmod(group, sizes.groups_per_vpc)
    return {
        "GroupId": _id("sg", group),
        "GroupName": f"app-{number}",
        "Description": f"tier {number % 5} of application {number // 5}",
        "VpcId": _id("vpc", vpc),
        "OwnerId": ACCOUNT,
        "IpPermissions": [_permission(group, port, vpc, sizes) for port in SERVICES[:-1]],
        "IpPermissionsEgress": [
            {
                "IpProtocol": "-1",
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            }
        ],
        "Tags": _tags(f"app-{number}"),
    }


def _permission(group: int, port: int, vpc: int, sizes: Sizes) -> Raw:
    """SERVICE is open to the VPC; the other ports to one address or to another group, in turn."""
    everybody, by_group = port == SERVICE, (group + port) % 2 == 0 and port != SERVICE
    cidr = str(_vpc_network(vpc)) if everybody else f"{_vpc_network(vpc).network_address + (group * 7 + port) % 65536}/32"
    other = vpc * sizes.groups_per_vpc + (group * 31 + port) % sizes.groups_per_vpc
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": [] if by_group else [{"CidrIp": cidr, "Description": f"port {port}"}],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [{"GroupId": _id("sg", other), "UserId": ACCOUNT}] if by_group else [],
    }


def _interfaces(sizes: Sizes) -> Iterator[Raw]:
    """Interface n stands in subnet n modulo the number of subnets."""
    for number in range(sizes.enis):
        yield _interface(number, sizes)
    for vpc in range(sizes.vpcs):
        yield _nat_interface(vpc)


def _interface(number: int, sizes: Sizes) -> Raw:
    nth, subnet = divmod(number, sizes.subnets)
    address = interface_address(number, sizes)
    public = _association(number) if subnet % 2 == 0 and nth % 5 == 0 else {}
    group = _vpc_of(subnet) * sizes.groups_per_vpc + number % sizes.groups_per_vpc
    return {
        **_interface_basics(number, subnet, address, public),
        "Description": "",
        "InterfaceType": "interface",
        "RequesterManaged": False,
        "SourceDestCheck": True,
        "Attachment": {
            "AttachmentId": _id("eni-attach", number),
            "DeviceIndex": 0,
            "InstanceId": _id("i", number),
            "InstanceOwnerId": ACCOUNT,
            "Status": "attached",
        },
        "Groups": [{"GroupId": _id("sg", group), "GroupName": f"app-{group % sizes.groups_per_vpc}"}],
        "TagSet": _tags(host_name(number)),
    }


def _reservation(number: int, sizes: Sizes) -> Raw:
    """The running instance that interface n belongs to, in a reservation of its own."""
    subnet = number % sizes.subnets
    instance = {
        "InstanceId": _id("i", number),
        "InstanceType": "m7g.large",
        "State": {"Code": 16, "Name": "running"},
        "Placement": {"AvailabilityZone": _zone(subnet), "Tenancy": "default"},
        "PrivateIpAddress": interface_address(number, sizes),
        "SubnetId": _id("subnet", subnet),
        "VpcId": _id("vpc", _vpc_of(subnet)),
        "Tags": _tags(host_name(number)),
    }
    return {"ReservationId": _id("r", number), "OwnerId": ACCOUNT, "Groups": [], "Instances": [instance]}


def _nat_interface(vpc: int) -> Raw:
    address: Raw = _nat_gateway(vpc)["NatGatewayAddresses"][0]
    public = {"Association": {"PublicIp": address["PublicIp"], "IpOwnerId": ACCOUNT}}
    return {
        **_interface_basics(10_000_000 + vpc, vpc * SUBNETS_PER_VPC, address["PrivateIp"], public),
        "Description": f"Interface for NAT Gateway {_id('nat', vpc)}",
        "InterfaceType": "nat_gateway",
        "RequesterManaged": True,
        "SourceDestCheck": False,
        "Groups": [],
        "TagSet": [],
    }


def _interface_basics(number: int, subnet: int, address: str, public: Raw) -> Raw:
    dns = f"ip-{address.replace('.', '-')}.ec2.internal"
    return {
        "NetworkInterfaceId": _id("eni", number),
        "VpcId": _id("vpc", _vpc_of(subnet)),
        "SubnetId": _id("subnet", subnet),
        "AvailabilityZone": _zone(subnet),
        "OwnerId": ACCOUNT,
        "Status": "in-use",
        "MacAddress": ":".join(f"{byte:02x}" for byte in (0x0A0000000000 + number).to_bytes(6, "big")),
        "PrivateIpAddress": address,
        "PrivateDnsName": dns,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address, "PrivateDnsName": dns, **public}],
        "Ipv6Addresses": [],
        **public,
    }


def _association(number: int) -> Raw:
    """A public address; the documentation ranges are too few, so big sizes use the benchmark range 198.18.0.0/15."""
    return {
        "Association": {
            "AllocationId": _id("eipalloc", number),
            "AssociationId": _id("eipassoc", number),
            "IpOwnerId": ACCOUNT,
            "PublicDnsName": f"ec2-{number}.compute-1.example.com",
            "PublicIp": str(IPv4Address("198.18.0.0") + number % 131072),
        }
    }


# ---------------------------------------------------------------- command line


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a believable snapshot of a big account as raw describe JSON.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--enis", type=int, default=Sizes.enis, help="network interfaces")
    parser.add_argument("--groups", type=int, default=Sizes.groups, help="security groups, ten rules each")
    parser.add_argument("--subnets", type=int, default=Sizes.subnets, help="subnets, fifty to a VPC")
    given = parser.parse_args()
    write(given.folder, Sizes(given.enis, given.groups, given.subnets))


if __name__ == "__main__":
    main()
