"""Small worlds for tests: each method adds one AWS resource, in the shape in which its describe call shows it.

    world = World()
    vpc = world.vpc("10.0.0.0/16")
    app, data = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24")
    sg_web, sg_db = vpc.group("sg-web"), vpc.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.0.2.20", sg_db)
    diagnose("web-1", "db-1", 5432, snapshot=world.snapshot())

What is not said is as AWS makes it: a VPC comes with a main route table that holds its local routes and a default network
ACL that allows everything; a subnet uses both until it is given its own; a new security group lets everything out and
nothing in; a new network ACL denies everything. `raw` of anything is the dictionary itself, to be spoilt at will.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from world_guards import Acl, Group, Raw

from flowdiag import Snapshot
from flowdiag.model import Scope

Replies = Mapping[tuple[str, str], Mapping[str, list[Raw]]]  # (account, Region) → response key → entries
ID_FIELDS = {
    "Vpcs": "VpcId",
    "Subnets": "SubnetId",
    "RouteTables": "RouteTableId",
    "NetworkAcls": "NetworkAclId",
    "SecurityGroups": "GroupId",
    "SecurityGroupVpcAssociations": "GroupId",
    "NetworkInterfaces": "NetworkInterfaceId",
    "Reservations": "ReservationId",
    "InstanceStatuses": "InstanceId",
    "InternetGateways": "InternetGatewayId",
    "NatGateways": "NatGatewayId",
    "VpcPeeringConnections": "VpcPeeringConnectionId",
    "ManagedPrefixListEntries": "PrefixListId",
    "EgressOnlyInternetGateways": "EgressOnlyInternetGatewayId",
    "VpcEndpoints": "VpcEndpointId",
    "TransitGateways": "TransitGatewayId",
    "TransitGatewayAttachments": "TransitGatewayAttachmentId",
    "TransitGatewayVpcAttachments": "TransitGatewayAttachmentId",
    "TransitGatewayPeeringAttachments": "TransitGatewayAttachmentId",
    "TransitGatewayRoutes": "TransitGatewayRouteTableId",
    "Addresses": "AllocationId",
    "PrefixLists": "PrefixListId",
    "Functions": "FunctionName",
    "DBInstances": "DBInstanceIdentifier",
    "DBClusters": "DBClusterIdentifier",
    "DBClusterEndpoints": "Endpoint",
    "DBProxies": "DBProxyName",
    "DBProxyEndpoints": "DBProxyEndpointName",
    "GlobalClusters": "GlobalClusterIdentifier",
    "workgroups": "workgroupName",
    "VpnGateways": "VpnGatewayId",
    "VpnConnections": "VpnConnectionId",
    "CustomerGateways": "CustomerGatewayId",
    "DirectConnectGatewayAssociations": "associatedGatewayId",
    "DirectConnectGatewayAttachments": "directConnectGatewayId",
    "virtualInterfaces": "virtualInterfaceId",
    "TransitGatewayConnects": "TransitGatewayAttachmentId",
    "TransitGatewayConnectPeers": "TransitGatewayConnectPeerId",
    "CarrierGateways": "CarrierGatewayId",
    "LocalGatewayRouteTableVpcAssociations": "LocalGatewayRouteTableVpcAssociationId",
    "LocalGatewayRouteTables": "LocalGatewayRouteTableId",
    "LocalGatewayRoutes": "LocalGatewayRouteTableId",
    "CacheClusters": "CacheClusterId",
    "ReplicationGroups": "ReplicationGroupId",
    "ServerlessCaches": "ServerlessCacheName",
    "Clusters": "ClusterIdentifier",
    "DomainStatusList": "DomainName",
    "ClusterInfoList": "ClusterArn",
    "KafkaNodes": "ClusterArn",
    "FileSystemMountTargets": "FileSystemId",
    "cluster": "name",
    "tasks": "taskArn",
    "EcsServiceTasks": "service",
    "DhcpOptions": "DhcpOptionsId",
    "ResolverRules": "Id",
    "ResolverRuleAssociations": "Id",
    "ProfileAssociations": "Id",
    "HostedZonesOfDomain": "of",
    "HostedZoneVpcs": "Id",
    "EcsClusterNames": "of",
    "EcsServiceNames": "cluster",
    "services": "serviceArn",
    "VpcDnsSupport": "VpcId",
    "VpcDnsHostnames": "VpcId",
    "PrivateHostedZones": "VPCId",
    "HostedZoneRecords": "HostedZoneId",
    "Attachments": "AttachmentId",
    "CoreNetworkDetails": "CoreNetworkId",
    "CoreNetworkVpcAttachments": "AttachmentId",
    "CoreNetworkRoutes": "SegmentEdge",
    "LoadBalancers": "LoadBalancerArn",
    "LoadBalancerListeners": "LoadBalancerArn",
    "LoadBalancerAttributes": "LoadBalancerArn",
    "TargetGroups": "TargetGroupArn",
    "TargetGroupAttributes": "TargetGroupArn",
    "LoadBalancerTargetHealth": "TargetGroupArn",
    "FlowLogs": "FlowLogId",
    "logGroups": "logGroupName",
    "ListenerAttributes": "ListenerArn",
    "ListenerRules": "ListenerArn",
    "LoadBalancerDescriptions": "LoadBalancerName",
    "ClassicLoadBalancerAttributes": "LoadBalancerName",
    "ClassicLoadBalancerHealth": "LoadBalancerName",
    "ServiceConfigurations": "ServiceId",
    "VpcBlockPublicAccessOptions": "AwsAccountId",
    "VpcBlockPublicAccessExclusions": "ExclusionId",
    "NetworkFirewalls": "FirewallArn",
    "NetworkFirewallPolicies": "FirewallPolicyArn",
    "NetworkFirewallRuleGroups": "RuleGroupArn",
}
ASKED_APART = ("FlowLogs", "logGroups")  # only where a world has some: an empty list would say that none exist
TARGET_FIELDS = {
    "nat": "NatGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "eni": "NetworkInterfaceId",
    "tgw": "TransitGatewayId",
    "eigw": "EgressOnlyInternetGatewayId",
    "cagw": "CarrierGatewayId",
    "lgw": "LocalGatewayId",
}
STATE_CODES = {"pending": 0, "running": 16, "stopped": 80, "terminated": 48}


def save(replies: Replies, folder: Path, without: Collection[str] = ()) -> None:
    """Write replies as a person would save them: one file a call in a folder for each account and Region."""
    for (account, region), keys in replies.items():
        place = folder / account / region
        place.mkdir(parents=True, exist_ok=True)
        for key, entries in keys.items():
            if key not in without:
                (place / f"{key}.json").write_text(json.dumps({key: entries}))


def snapshot(replies: Replies, without: Collection[str] = ()) -> Snapshot:
    """The snapshot of a folder with these replies, those of an account and Region in one file."""
    folder = Path(_scratch().name)
    for old in folder.rglob("*.json"):
        old.unlink()
    for (account, region), keys in replies.items():
        place = folder / account / region
        place.mkdir(parents=True, exist_ok=True)
        (place / "replies.json").write_text(json.dumps({key: keys[key] for key in keys if key not in without}))
    return Snapshot.load(folder)


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """One folder that all snapshots are loaded from, in turn: making and removing folders takes longer than the rest."""
    return tempfile.TemporaryDirectory()


class World:
    """What one account has in one Region."""

    def __init__(self, account: str = "111122223333", region: str = "us-east-1") -> None:
        self.account, self.region = account, region
        self._entries: dict[str, list[Raw]] = {key: [] for key in ID_FIELDS if key not in ASKED_APART}
        self._series, self._count = zlib.crc32(f"{account}/{region}".encode()), 0
        default = [{"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}]
        own = {"DhcpOptionsId": f"dopt-{self._series:08x}0", "OwnerId": account, "DhcpConfigurations": default}
        self.dhcp_options = str(self.add("DhcpOptions", "dopt", own)["DhcpOptionsId"])

    @property
    def scope(self) -> Scope:
        """Its account and Region."""
        return Scope(account=self.account, region=self.region)

    def raw(self, *others: World) -> Replies:
        """What the describe calls give, other worlds included; the dictionaries are the world's own."""
        return {(world.account, world.region): world._entries for world in (self, *others)}

    def snapshot(self, *others: World, without: Collection[str] = ()) -> Snapshot:
        """Everything as it was read, other worlds included; `without` names replies that nobody saved."""
        return snapshot(self.raw(*others), without)

    def save(self, folder: Path, *others: World, without: Collection[str] = ()) -> None:
        """The same as a folder of files."""
        save(self.raw(*others), folder, without)

    def add(self, key: str, prefix: str, raw: Raw) -> Raw:
        """A new entry under a response key, with an id of its own unless it has one."""
        entry = raw if ID_FIELDS[key] in raw else {ID_FIELDS[key]: self.id(prefix), **raw}
        self._entries.setdefault(key, []).append(entry)
        return entry

    def id(self, prefix: str) -> str:
        """An id that no other resource of any world has."""
        self._count += 1
        return f"{prefix}-{self._series:08x}{self._count:09x}"

    def vpc(self, *cidrs: str, ipv6: str = "", name: str = "") -> Vpc:
        """A VPC with its CIDRs, its main route table, its default network ACL and its default security group."""
        return Vpc(self, cidrs, ipv6, name)

    def prefix_list(self, *cidrs: str) -> str:
        """The id of a prefix list with these CIDRs."""
        raw = self.add("ManagedPrefixListEntries", "pl", {"Entries": [{"Cidr": cidr} for cidr in cidrs]})
        return str(raw["PrefixListId"])

    def peer(self, one: Vpc, other: Vpc, status: str = "active") -> str:
        """The id of a peering of two VPCs, which both sides' worlds show; routes are the VPCs' own affair."""
        raw = {"VpcPeeringConnectionId": self.id("pcx"), "Status": {"Code": status, "Message": status}, "Tags": []}
        raw |= {"RequesterVpcInfo": one.as_side(status), "AccepterVpcInfo": other.as_side(status)}
        for world in {id(vpc.world): vpc.world for vpc in (one, other)}.values():
            world._entries["VpcPeeringConnections"].append(raw)
        return str(raw["VpcPeeringConnectionId"])


class Vpc:
    """A VPC."""

    def __init__(self, world: World, cidrs: tuple[str, ...], ipv6: str, name: str) -> None:
        self.world, self.cidrs, self.ipv6 = world, cidrs, ipv6
        blocks = [{"CidrBlock": cidr, "CidrBlockState": {"State": "associated"}} for cidr in cidrs]
        six = [{"Ipv6CidrBlock": ipv6, "Ipv6CidrBlockState": {"State": "associated"}}] if ipv6 else []
        more = {"CidrBlockAssociationSet": blocks, "Ipv6CidrBlockAssociationSet": six, "OwnerId": world.account}
        more |= {"DhcpOptionsId": world.dhcp_options, "State": "available", "Tags": tags(name)}
        self.raw = world.add("Vpcs", "vpc", {"CidrBlock": cidrs[0], **more})
        self.id = str(self.raw["VpcId"])
        self.main = RouteTable(self, {"Main": True})
        self.default_acl = Acl(self, default=True)
        self.default_group = self.group("default")
        self.default_group.ingress("-1", None, self.default_group)

    def as_side(self, status: str) -> Raw:
        """This VPC as one side of a peering; AWS shows the CIDRs of active ones only."""
        side: Raw = {"VpcId": self.id, "OwnerId": self.world.account, "Region": self.world.region}
        if status == "active":
            side |= {"CidrBlock": self.cidrs[0], "CidrBlockSet": [{"CidrBlock": cidr} for cidr in self.cidrs]}
            side |= {"Ipv6CidrBlockSet": [{"Ipv6CidrBlock": self.ipv6}]} if self.ipv6 else {}
        return side

    def subnet(self, cidr: str, ipv6: str = "", zone: str = "a", name: str = "") -> Subnet:
        """A subnet, on the main route table and the default network ACL."""
        return Subnet(self, cidr, ipv6, zone, name)

    def group(self, name: str, egress: bool = True) -> Group:
        """A security group that lets nothing in and everything (or with `egress=False` nothing) out."""
        return Group(self, name, egress)

    def route(self, destination: str, target: str, **more: Any) -> None:
        """A route of the main table."""
        self.main.route(destination, target, **more)

    def edge_table(self, gateway: str) -> RouteTable:
        """A route table associated with a gateway of the VPC."""
        return RouteTable(self, {"GatewayId": gateway})

    def internet_gateway(self, state: str = "available") -> str:
        """The id of an internet gateway attached here; routes to it are still to be made."""
        attached = [{"VpcId": self.id, "State": state}]
        owner = self.world.account
        raw = self.world.add("InternetGateways", "igw", {"Attachments": attached, "OwnerId": owner, "Tags": []})
        return str(raw["InternetGatewayId"])


class RouteTable:
    """A route table, local routes included."""

    def __init__(self, vpc: Vpc, association: Raw) -> None:
        associations = [{"Main": False, **association, "AssociationState": {"State": "associated"}}]
        raw = {"VpcId": vpc.id, "OwnerId": vpc.world.account, "Routes": [], "PropagatingVgws": [], "Tags": []}
        self.raw = vpc.world.add("RouteTables", "rtb", {"Associations": associations, **raw})
        self.id = str(self.raw["RouteTableId"])
        for cidr in (*vpc.cidrs, *([vpc.ipv6] if vpc.ipv6 else ())):
            self.route(cidr, "local", origin="CreateRouteTable")

    def route(self, destination: str, target: str, state: str = "active", origin: str = "CreateRoute") -> None:
        """A route to `local` or the id of a gateway, interface or peering; the destination is a CIDR or a prefix list."""
        kind = "PrefixListId" if destination.startswith("pl-") else "Ipv6CidrBlock" if ":" in destination else "CidrBlock"
        named = TARGET_FIELDS.get(target.split("-")[0], "GatewayId")
        field = "CoreNetworkArn" if target.startswith("arn:aws:networkmanager:") else named
        self.raw["Routes"].append({f"Destination{kind}": destination, field: target, "State": state, "Origin": origin})


class Subnet:
    """A subnet."""

    def __init__(self, vpc: Vpc, cidr: str, ipv6: str, zone: str, name: str) -> None:
        self.vpc, self.world = vpc, vpc.world
        six = [{"Ipv6CidrBlock": ipv6, "Ipv6CidrBlockState": {"State": "associated"}}] if ipv6 else []
        place = {"VpcId": vpc.id, "AvailabilityZone": self.world.region + zone, "OwnerId": self.world.account}
        raw = {"CidrBlock": cidr, "Ipv6CidrBlockAssociationSet": six, "MapPublicIpOnLaunch": False, "Tags": tags(name)}
        self.raw = self.world.add("Subnets", "subnet", {**place, **raw, "State": "available"})
        self.id = str(self.raw["SubnetId"])
        self._table: RouteTable | None = None
        vpc.default_acl.associate(self.id)

    def route(self, destination: str, target: str, **more: Any) -> None:
        """A route of the subnet's own table, with which it leaves the main one."""
        self.table.route(destination, target, **more)

    @property
    def table(self) -> RouteTable:
        """The route table of its own: made on first use, with an explicit association."""
        if self._table is None:
            self._table = RouteTable(self.vpc, {"SubnetId": self.id})
        return self._table

    def acl(self) -> Acl:
        """A network ACL of its own in the place of the default one: it denies everything until it is told otherwise."""
        self.vpc.default_acl.dissociate(self.id)
        acl = Acl(self.vpc)
        acl.associate(self.id)
        return acl

    def instance(self, name: str, address: str, *groups: Group, **more: Any) -> Instance:
        """A running Linux instance; `state`, `platform` and everything of `interface` may be said otherwise."""
        raw = {"State": more.pop("state", "running"), "Platform": more.pop("platform", None)}
        return Instance(self, name, raw, self.interface(address, *groups, **more))

    def interface(
        self,
        address: str,
        *groups: Group,
        public: str = "",
        secondary: Iterable[str | tuple[str, str]] = (),
        ipv6: Iterable[str] = (),
        type: str = "interface",
        name: str = "",
        **more: Any,
    ) -> Interface:
        """A network interface in use, as a managed service has one. A secondary address may come with its public one."""
        pairs = [(address, public), *((entry, "") if isinstance(entry, str) else entry for entry in secondary)]
        listed = [{"PrivateIpAddress": a, "Primary": a == address, **public_side(b)} for a, b in pairs]
        raw = {"VpcId": self.vpc.id, "SubnetId": self.id, "OwnerId": self.world.account, "Status": "in-use"}
        raw |= {"PrivateIpAddress": address, "PrivateIpAddresses": listed, **public_side(public)}
        raw |= {"Ipv6Addresses": [{"Ipv6Address": entry} for entry in ipv6], "InterfaceType": type, "TagSet": tags(name)}
        raw |= {"Groups": [{"GroupId": g.id, "GroupName": g.raw["GroupName"]} for g in groups], "SourceDestCheck": True}
        raw |= {"Attachment": {"InstanceOwnerId": "amazon-aws", "Status": "attached"}}
        raw |= {"Description": "", "RequesterManaged": False, **more}
        return Interface(self.world.add("NetworkInterfaces", "eni", raw))

    def nat(self, address: str, public: str = "", **more: Any) -> str:
        """The id of an available NAT gateway here: a private one without a public address."""
        id = self.world.id("nat")
        look = {"Description": f"Interface for NAT Gateway {id}", "SourceDestCheck": False, "RequesterManaged": True}
        face = self.interface(address, public=public, type="nat_gateway", **look)
        own = {"PrivateIp": address, "NetworkInterfaceId": face.id, "IsPrimary": True, "Status": "succeeded"}
        own |= {"PublicIp": public} if public else {}
        raw = {"NatGatewayId": id, "VpcId": self.vpc.id, "SubnetId": self.id, "State": "available", "Tags": []}
        raw |= {"ConnectivityType": "public" if public else "private", "NatGatewayAddresses": [own], **more}
        self.world.add("NatGateways", "nat", raw)
        return id


class Interface:
    def __init__(self, raw: Raw) -> None:
        self.raw, self.id = raw, str(raw["NetworkInterfaceId"])


class Instance:
    """An instance with its first interface, `eni`."""

    def __init__(self, subnet: Subnet, name: str, raw: Raw, eni: Interface) -> None:
        self.world, self.eni, self.id = subnet.world, eni, subnet.world.id("i")
        state = {"Code": STATE_CODES[raw["State"]], "Name": raw["State"]}
        platform = {"Platform": raw["Platform"]} if raw["Platform"] else {}
        self.raw = {"InstanceId": self.id, "State": state, **platform, "Tags": tags(name), "VpcId": subnet.vpc.id}
        self.world.add("Reservations", "r", {"OwnerId": self.world.account, "Groups": [], "Instances": [self.raw]})
        if raw["State"] == "running":  # of others AWS shows no status unless it is asked to
            self.status = self.world.add("InstanceStatuses", "i", {"InstanceId": self.id, "InstanceState": state, **status()})
        self.attach(eni)

    def attach(self, interface: Interface, index: int = 0) -> None:
        """Make an interface one of this instance's; the first has index 0."""
        owner = self.world.account
        attached = {"InstanceId": self.id, "InstanceOwnerId": owner, "DeviceIndex": index, "Status": "attached"}
        interface.raw["Attachment"] = attached


def status(instance: str = "ok", system: str = "ok", since: str = "") -> Raw:
    """What the two status checks of an instance say, and since when they fail."""
    details = [{"Name": "reachability", "Status": "passed", **({"ImpairedSince": since} if since else {})}]
    told = {"InstanceStatus": instance, "SystemStatus": system}
    return {name: {"Status": said, "Details": details if said == "impaired" else []} for name, said in told.items()}


def public_side(public: str) -> Raw:
    """The association of an address with a public one, where it has one."""
    dashed = public.replace(".", "-")
    return {"Association": {"PublicIp": public, "PublicDnsName": f"ec2-{dashed}.compute.example"}} if public else {}


def tags(name: str) -> list[dict[str, str]]:
    """The tags of a thing with this name."""
    return [{"Key": "Name", "Value": name}] if name else []
