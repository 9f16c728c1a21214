"""What AWS's API reference says of the calls that `aws_replay` answers: response keys, ids, and where each filter looks.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/ and
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/, one page a call. Paths are JMESPath on the raw item.
Where two services have a call of one name, the one stands under `service.Call`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def _as_it_is(entry: Any) -> Any:
    return entry


@dataclass(frozen=True)
class Listing:
    """A describe call: `gives` is its response key and that of the raw list, `ids` its id list on the wire, `unknown` the
    error for an id that nobody has, `within` the list of the resources inside an entry, `name_field` what `Names` lists.
    `parameters` are others by which the call is narrowed, with where each looks; `prefixes` the same, where a value may go on;
    `recorded` is the key of the raw list, where the response key would be another call's too. `also` are parameters that do
    not narrow it; `begins` is one from whose domain name on the resources are given, in the order of names read backwards, and
    `most` is how many values a list parameter may have."""

    gives: str
    id_field: str
    ids: str = ""
    unknown: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    within: str = ""
    shaped: Callable[[Any], Any] = _as_it_is
    name_field: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    recorded: str = ""
    also: tuple[str, ...] = ()
    begins: Mapping[str, str] = field(default_factory=dict)
    most: int = 0


def _alone(entry: Any, _recorded: Mapping[str, Any]) -> Any:
    return entry


@dataclass(frozen=True)
class Single:
    """A call for one id, recorded as {id_field: id, **reply} in a list under one of `keys`; `joined` adds what other
    recorded replies hold of it, `named` makes the id of parameters that name it in parts. `parameter` is the one that takes
    the id, where it is not called like the field; `status` is that of the error for an id that nobody has; `also` are
    parameters that go with the id."""

    keys: tuple[str, ...]
    id_field: str
    unknown: str
    filters: Mapping[str, str] = field(default_factory=dict)
    needs_filter: bool = False
    named: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _as_it_is
    shaped: Callable[[Any], Any] = _as_it_is
    joined: Callable[[Any, Mapping[str, Any]], Any] = _alone
    parameter: str = ""
    status: int = 400
    also: tuple[str, ...] = ()


def _entries_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """GetManagedPrefixListEntries from a recorded one, or from DescribePrefixLists."""
    if "Entries" in entry:
        return dict(entry)
    return {"PrefixListId": entry["PrefixListId"], "Entries": [{"Cidr": cidr} for cidr in entry.get("Cidrs") or ()]}


def _managed(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in ("PrefixListId", "PrefixListName", "MaxEntries", "OwnerId", "Version") if key in entry}


def _with_propagated(entry: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """SearchTransitGatewayRoutes from the static routes and the propagations: a VPC propagates its CIDRs."""
    if "TransitGatewayRoutes" in recorded:
        return dict(entry)
    id, found = entry["TransitGatewayRouteTableId"], recorded.get("TransitGatewayPropagations") or ()
    propagations = (p for one in found if one["TransitGatewayRouteTableId"] == id for p in _enabled(one))
    vpcs = {vpc["VpcId"]: vpc for vpc in recorded.get("Vpcs") or ()}
    routes = [_propagated(p, a["CidrBlock"]) for p in propagations for a in _associated(vpcs.get(p["ResourceId"]))]
    return {**entry, "Routes": [*entry["Routes"], *routes]}


def _enabled(one: Mapping[str, Any]) -> list[Any]:
    return [p for p in one["TransitGatewayRouteTablePropagations"] if p["State"] == "enabled"]


def _associated(vpc: Any) -> list[Any]:
    return vpc["CidrBlockAssociationSet"] if vpc else []


def _propagated(propagation: Mapping[str, Any], cidr: str) -> dict[str, Any]:
    to = {key: propagation[key] for key in ("ResourceId", "ResourceType", "TransitGatewayAttachmentId")}
    return {"DestinationCidrBlock": cidr, "TransitGatewayAttachments": [to], "Type": "propagated", "State": "active"}


def _segment_edge(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """The route table of one segment at one edge of a core network."""
    edge = asked["RouteTableIdentifier"]["CoreNetworkSegmentEdge"]
    parts = (asked["GlobalNetworkId"], edge["CoreNetworkId"], edge["SegmentName"], edge["EdgeLocation"])
    return {"SegmentEdge": "/".join(parts)}


LISTINGS: Mapping[str, Listing] = {
    "DescribeVpcs": Listing(
        "Vpcs",
        "VpcId",
        "VpcId",
        "InvalidVpcID.NotFound",
        {
            "vpc-id": "VpcId",
            "cidr": "CidrBlock",
            "cidr-block-association.cidr-block": "CidrBlockAssociationSet[].CidrBlock",
            "ipv6-cidr-block-association.ipv6-cidr-block": "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock",
            "is-default": "IsDefault",
            "owner-id": "OwnerId",
            "state": "State",
        },
    ),
    "DescribeVpcBlockPublicAccessOptions": Listing("VpcBlockPublicAccessOptions", "AwsAccountId"),
    "DescribeVpcBlockPublicAccessExclusions": Listing(
        "VpcBlockPublicAccessExclusions",
        "ExclusionId",
        "ExclusionId",
        "InvalidVpcBlockPublicAccessExclusionId.NotFound",
        {
            "internet-gateway-exclusion-mode": "InternetGatewayExclusionMode",
            "resource-arn": "ResourceArn",
            "state": "State",
        },
    ),
    "DescribeDhcpOptions": Listing(
        "DhcpOptions",
        "DhcpOptionsId",
        "DhcpOptionsId",
        "InvalidDhcpOptionID.NotFound",
        {
            "dhcp-options-id": "DhcpOptionsId",
            "key": "DhcpConfigurations[].Key",
            "value": "DhcpConfigurations[].Values[].Value",
            "owner-id": "OwnerId",
        },
    ),
    "DescribeSubnets": Listing(
        "Subnets",
        "SubnetId",
        "SubnetId",
        "InvalidSubnetID.NotFound",
        {
            "subnet-id": "SubnetId",
            "vpc-id": "VpcId",
            "availability-zone": "AvailabilityZone",
            "availability-zone-id": "AvailabilityZoneId",
            "cidr-block": "CidrBlock",
            "owner-id": "OwnerId",
            "state": "State",
        },
    ),
    "DescribeNetworkInterfaces": Listing(
        "NetworkInterfaces",
        "NetworkInterfaceId",
        "NetworkInterfaceId",
        "InvalidNetworkInterfaceID.NotFound",
        {
            "network-interface-id": "NetworkInterfaceId",
            "addresses.association.public-ip": "PrivateIpAddresses[].Association.PublicIp",
            "addresses.private-ip-address": "PrivateIpAddresses[].PrivateIpAddress",
            "association.public-dns-name": "Association.PublicDnsName",
            "association.public-ip": "Association.PublicIp",
            "attachment.instance-id": "Attachment.InstanceId",
            "attachment.status": "Attachment.Status",
            "availability-zone": "AvailabilityZone",
            "description": "Description",
            "group-id": "Groups[].GroupId",
            "interface-type": "InterfaceType",
            "ipv6-addresses.ipv6-address": "Ipv6Addresses[].Ipv6Address",
            "mac-address": "MacAddress",
            "owner-id": "OwnerId",
            "private-dns-name": "PrivateDnsName",
            "private-ip-address": "PrivateIpAddresses[].PrivateIpAddress",
            "requester-id": "RequesterId",
            "requester-managed": "RequesterManaged",
            "source-dest-check": "SourceDestCheck",
            "status": "Status",
            "subnet-id": "SubnetId",
            "vpc-id": "VpcId",
        },
    ),
    "DescribeSecurityGroups": Listing(
        "SecurityGroups",
        "GroupId",
        "GroupId",
        "InvalidGroup.NotFound",
        {
            "group-id": "GroupId",
            "group-name": "GroupName",
            "description": "Description",
            "owner-id": "OwnerId",
            "vpc-id": "VpcId",
            "ip-permission.group-id": "IpPermissions[].UserIdGroupPairs[].GroupId",
            "egress.ip-permission.group-id": "IpPermissionsEgress[].UserIdGroupPairs[].GroupId",
        },
    ),
    "DescribeSecurityGroupVpcAssociations": Listing(
        "SecurityGroupVpcAssociations",
        "GroupId",
        filters={
            "group-id": "GroupId",
            "group-owner-id": "GroupOwnerId",
            "state": "State",
            "vpc-id": "VpcId",
            "vpc-owner-id": "VpcOwnerId",
        },
    ),
    "DescribeNetworkAcls": Listing(
        "NetworkAcls",
        "NetworkAclId",
        "NetworkAclId",
        "InvalidNetworkAclID.NotFound",
        {
            "network-acl-id": "NetworkAclId",
            "association.subnet-id": "Associations[].SubnetId",
            "association.association-id": "Associations[].NetworkAclAssociationId",
            "association.network-acl-id": "Associations[].NetworkAclId",
            "default": "IsDefault",
            "owner-id": "OwnerId",
            "vpc-id": "VpcId",
        },
    ),
    "DescribeRouteTables": Listing(
        "RouteTables",
        "RouteTableId",
        "RouteTableId",
        "InvalidRouteTableID.NotFound",
        {
            "route-table-id": "RouteTableId",
            "association.gateway-id": "Associations[].GatewayId",
            "association.main": "Associations[].Main",
            "association.subnet-id": "Associations[].SubnetId",
            "association.route-table-association-id": "Associations[].RouteTableAssociationId",
            "owner-id": "OwnerId",
            "route.gateway-id": "Routes[].GatewayId",
            "route.nat-gateway-id": "Routes[].NatGatewayId",
            "route.transit-gateway-id": "Routes[].TransitGatewayId",
            "route.vpc-peering-connection-id": "Routes[].VpcPeeringConnectionId",
            "vpc-id": "VpcId",
        },
    ),
    "DescribeInstances": Listing(
        "Reservations",
        "InstanceId",
        "InstanceId",
        "InvalidInstanceID.NotFound",
        {
            "instance-id": "InstanceId",
            "dns-name": "PublicDnsName",
            "instance-state-name": "State.Name",
            "ip-address": "PublicIpAddress",
            "network-interface.network-interface-id": "NetworkInterfaces[].NetworkInterfaceId",
            "network-interface.addresses.private-ip-address": "NetworkInterfaces[].PrivateIpAddresses[].PrivateIpAddress",
            "private-dns-name": "PrivateDnsName",
            "private-ip-address": "PrivateIpAddress",
            "subnet-id": "SubnetId",
            "vpc-id": "VpcId",
        },
        within="Instances",
    ),
    "DescribeInstanceStatus": Listing(
        "InstanceStatuses",
        "InstanceId",
        "InstanceId",
        "InvalidInstanceID.NotFound",
        {
            "instance-state-name": "InstanceState.Name",
            "instance-status.status": "InstanceStatus.Status",
            "system-status.status": "SystemStatus.Status",
        },
    ),
    "DescribeInternetGateways": Listing(
        "InternetGateways",
        "InternetGatewayId",
        "InternetGatewayId",
        "InvalidInternetGatewayID.NotFound",
        {
            "internet-gateway-id": "InternetGatewayId",
            "attachment.state": "Attachments[].State",
            "attachment.vpc-id": "Attachments[].VpcId",
            "owner-id": "OwnerId",
        },
    ),
    "DescribeEgressOnlyInternetGateways": Listing(
        "EgressOnlyInternetGateways",
        "EgressOnlyInternetGatewayId",
        "EgressOnlyInternetGatewayId",
        "InvalidEgressOnlyInternetGatewayId.NotFound",
    ),
    "DescribeCarrierGateways": Listing(
        "CarrierGateways",
        "CarrierGatewayId",
        "CarrierGatewayId",
        "InvalidCarrierGatewayID.NotFound",
        {"carrier-gateway-id": "CarrierGatewayId", "state": "State", "owner-id": "OwnerId", "vpc-id": "VpcId"},
    ),
    "DescribeLocalGatewayRouteTableVpcAssociations": Listing(
        "LocalGatewayRouteTableVpcAssociations",
        "LocalGatewayRouteTableVpcAssociationId",
        "LocalGatewayRouteTableVpcAssociationId",
        "InvalidLocalGatewayRouteTableVpcAssociationID.NotFound",
        {
            "local-gateway-id": "LocalGatewayId",
            "local-gateway-route-table-id": "LocalGatewayRouteTableId",
            "local-gateway-route-table-vpc-association-id": "LocalGatewayRouteTableVpcAssociationId",
            "owner-id": "OwnerId",
            "state": "State",
            "vpc-id": "VpcId",
        },
    ),
    "DescribeLocalGatewayRouteTables": Listing(
        "LocalGatewayRouteTables",
        "LocalGatewayRouteTableId",
        "LocalGatewayRouteTableId",
        "InvalidLocalGatewayRouteTableID.NotFound",
        {"local-gateway-id": "LocalGatewayId", "local-gateway-route-table-id": "LocalGatewayRouteTableId", "state": "State"},
    ),
    "DescribeNatGateways": Listing(
        "NatGateways",
        "NatGatewayId",
        "NatGatewayId",
        "NatGatewayNotFound",
        {"nat-gateway-id": "NatGatewayId", "state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId"},
    ),
    "DescribeVpcPeeringConnections": Listing(
        "VpcPeeringConnections",
        "VpcPeeringConnectionId",
        "VpcPeeringConnectionId",
        "InvalidVpcPeeringConnectionID.NotFound",
        {
            "vpc-peering-connection-id": "VpcPeeringConnectionId",
            "accepter-vpc-info.cidr-block": "AccepterVpcInfo.CidrBlock",
            "accepter-vpc-info.owner-id": "AccepterVpcInfo.OwnerId",
            "accepter-vpc-info.vpc-id": "AccepterVpcInfo.VpcId",
            "requester-vpc-info.cidr-block": "RequesterVpcInfo.CidrBlock",
            "requester-vpc-info.owner-id": "RequesterVpcInfo.OwnerId",
            "requester-vpc-info.vpc-id": "RequesterVpcInfo.VpcId",
            "status-code": "Status.Code",
        },
    ),
    "DescribeVpcEndpoints": Listing(
        "VpcEndpoints",
        "VpcEndpointId",
        "VpcEndpointId",
        "InvalidVpcEndpointId.NotFound",
        {
            "vpc-endpoint-id": "VpcEndpointId",
            "service-name": "ServiceName",
            "vpc-id": "VpcId",
            "vpc-endpoint-state": "State",
            "vpc-endpoint-type": "VpcEndpointType",
        },
    ),
    "DescribeTransitGateways": Listing(
        "TransitGateways",
        "TransitGatewayId",
        "TransitGatewayIds",
        "InvalidTransitGatewayID.NotFound",
        {"transit-gateway-id": "TransitGatewayId", "owner-id": "OwnerId", "state": "State"},
    ),
    "DescribeTransitGatewayAttachments": Listing(
        "TransitGatewayAttachments",
        "TransitGatewayAttachmentId",
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        {
            "association.state": "Association.State",
            "association.transit-gateway-route-table-id": "Association.TransitGatewayRouteTableId",
            "resource-id": "ResourceId",
            "resource-owner-id": "ResourceOwnerId",
            "resource-type": "ResourceType",
            "state": "State",
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
            "transit-gateway-id": "TransitGatewayId",
            "transit-gateway-owner-id": "TransitGatewayOwnerId",
        },
    ),
    "DescribeTransitGatewayVpcAttachments": Listing(
        "TransitGatewayVpcAttachments",
        "TransitGatewayAttachmentId",
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        {
            "state": "State",
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
            "transit-gateway-id": "TransitGatewayId",
            "vpc-id": "VpcId",
        },
    ),
    "DescribeTransitGatewayPeeringAttachments": Listing(
        "TransitGatewayPeeringAttachments",
        "TransitGatewayAttachmentId",
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        {
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
            "local-owner-id": "RequesterTgwInfo.OwnerId",
            "remote-owner-id": "AccepterTgwInfo.OwnerId",
            "state": "State",
            "transit-gateway-id": "[RequesterTgwInfo.TransitGatewayId, AccepterTgwInfo.TransitGatewayId][]",
        },
    ),
    "DescribeTransitGatewayConnects": Listing(
        "TransitGatewayConnects",
        "TransitGatewayAttachmentId",
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        {
            "state": "State",
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
            "transit-gateway-id": "TransitGatewayId",
            "transport-transit-gateway-attachment-id": "TransportTransitGatewayAttachmentId",
        },
    ),
    "DescribeTransitGatewayConnectPeers": Listing(
        "TransitGatewayConnectPeers",
        "TransitGatewayConnectPeerId",
        "TransitGatewayConnectPeerIds",
        "InvalidTransitGatewayConnectPeerID.NotFound",
        {
            "state": "State",
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
            "transit-gateway-connect-peer-id": "TransitGatewayConnectPeerId",
        },
    ),
    "DescribeTransitGatewayRouteTables": Listing(
        "TransitGatewayRouteTables",
        "TransitGatewayRouteTableId",
        "TransitGatewayRouteTableIds",
        "InvalidRouteTableID.NotFound",
        {
            "default-association-route-table": "DefaultAssociationRouteTable",
            "default-propagation-route-table": "DefaultPropagationRouteTable",
            "state": "State",
            "transit-gateway-id": "TransitGatewayId",
            "transit-gateway-route-table-id": "TransitGatewayRouteTableId",
        },
    ),
    "DescribeVpnGateways": Listing(
        "VpnGateways",
        "VpnGatewayId",
        "VpnGatewayId",
        "InvalidVpnGatewayID.NotFound",
        {
            "attachment.state": "VpcAttachments[].State",
            "attachment.vpc-id": "VpcAttachments[].VpcId",
            "state": "State",
            "type": "Type",
            "vpn-gateway-id": "VpnGatewayId",
        },
    ),
    "DescribeVpnConnections": Listing(
        "VpnConnections",
        "VpnConnectionId",
        "VpnConnectionId",
        "InvalidVpnConnectionID.NotFound",
        {
            "customer-gateway-id": "CustomerGatewayId",
            "state": "State",
            "transit-gateway-id": "TransitGatewayId",
            "type": "Type",
            "vpn-connection-id": "VpnConnectionId",
            "vpn-gateway-id": "VpnGatewayId",
        },
    ),
    "DescribeCustomerGateways": Listing(
        "CustomerGateways",
        "CustomerGatewayId",
        "CustomerGatewayId",
        "InvalidCustomerGatewayID.NotFound",
        {"customer-gateway-id": "CustomerGatewayId", "ip-address": "IpAddress", "state": "State", "type": "Type"},
    ),
    "DescribeAddresses": Listing(
        "Addresses",
        "AllocationId",
        "AllocationId",
        "InvalidAllocationID.NotFound",
        {
            "allocation-id": "AllocationId",
            "association-id": "AssociationId",
            "instance-id": "InstanceId",
            "network-interface-id": "NetworkInterfaceId",
            "private-ip-address": "PrivateIpAddress",
            "public-ip": "PublicIp",
        },
    ),
    "DescribePrefixLists": Listing(
        "PrefixLists",
        "PrefixListId",
        "PrefixListId",
        "InvalidPrefixListId.NotFound",
        {"prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"},
    ),
    "DescribeManagedPrefixLists": Listing(
        "PrefixLists",
        "PrefixListId",
        "PrefixListId",
        "InvalidPrefixListID.NotFound",
        {"owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"},
        shaped=_managed,
    ),
    "DescribeFlowLogs": Listing(
        "FlowLogs",
        "FlowLogId",
        "FlowLogId",
        "InvalidFlowLogId.NotFound",
        {
            "deliver-log-status": "DeliverLogsStatus",
            "flow-log-id": "FlowLogId",
            "log-destination-type": "LogDestinationType",
            "log-group-name": "LogGroupName",
            "resource-id": "ResourceId",
            "traffic-type": "TrafficType",
        },
    ),
    "ListAttachments": Listing("Attachments", "CoreNetworkId", "CoreNetworkId", "ResourceNotFoundException"),
    "DescribeVirtualInterfaces": Listing(
        "virtualInterfaces", "virtualInterfaceId", "virtualInterfaceId", "DirectConnectClientException"
    ),
    "DescribeLoadBalancers": Listing(
        "LoadBalancers", "LoadBalancerArn", "LoadBalancerArns", "LoadBalancerNotFound", name_field="LoadBalancerName"
    ),
    "DescribeTargetGroups": Listing("TargetGroups", "TargetGroupArn", "TargetGroupArns", "TargetGroupNotFound"),
    "elb.DescribeLoadBalancers": Listing(
        "LoadBalancerDescriptions", "LoadBalancerName", "LoadBalancerNames", "LoadBalancerNotFound"
    ),
    "DescribeVpcEndpointServiceConfigurations": Listing(
        "ServiceConfigurations",
        "ServiceId",
        "ServiceId",
        "InvalidVpcEndpointServiceId.NotFound",
        {"service-id": "ServiceId", "service-name": "ServiceName", "service-state": "ServiceState"},
    ),
}

SINGLES: Mapping[str, Single] = {
    "GetManagedPrefixListEntries": Single(
        ("ManagedPrefixListEntries", "PrefixLists"), "PrefixListId", "InvalidPrefixListID.NotFound", shaped=_entries_of
    ),
    "SearchTransitGatewayRoutes": Single(
        ("TransitGatewayRoutes", "TransitGatewayStaticRoutes"),
        "TransitGatewayRouteTableId",
        "InvalidRouteTableID.NotFound",
        {
            "attachment.resource-id": "TransitGatewayAttachments[].ResourceId",
            "attachment.resource-type": "TransitGatewayAttachments[].ResourceType",
            "attachment.transit-gateway-attachment-id": "TransitGatewayAttachments[].TransitGatewayAttachmentId",
            "prefix-list-id": "PrefixListId",
            "route-search.exact-match": "DestinationCidrBlock",
            "state": "State",
            "type": "Type",
        },
        needs_filter=True,
        joined=_with_propagated,
    ),
    "GetTransitGatewayRouteTablePropagations": Single(
        ("TransitGatewayPropagations",),
        "TransitGatewayRouteTableId",
        "InvalidRouteTableID.NotFound",
        {
            "resource-id": "ResourceId",
            "resource-type": "ResourceType",
            "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
        },
    ),
    "DescribeListenerAttributes": Single(("ListenerAttributes",), "ListenerArn", "ListenerNotFound"),
    "DescribeRules": Single(("ListenerRules",), "ListenerArn", "ListenerNotFound"),
    "elb.DescribeLoadBalancerAttributes": Single(("ClassicLoadBalancerAttributes",), "LoadBalancerName", "LoadBalancerNotFound"),
    "DescribeInstanceHealth": Single(("ClassicLoadBalancerHealth",), "LoadBalancerName", "LoadBalancerNotFound"),
    "GetCoreNetwork": Single(("CoreNetworkDetails",), "CoreNetworkId", "ResourceNotFoundException"),
    "GetVpcAttachment": Single(("CoreNetworkVpcAttachments",), "AttachmentId", "ResourceNotFoundException"),
    "GetNetworkRoutes": Single(("CoreNetworkRoutes",), "SegmentEdge", "ResourceNotFoundException", named=_segment_edge),
    "SearchLocalGatewayRoutes": Single(
        ("LocalGatewayRoutes",),
        "LocalGatewayRouteTableId",
        "InvalidLocalGatewayRouteTableID.NotFound",
        {"route-search.exact-match": "DestinationCidrBlock", "state": "State", "type": "Type"},
    ),
    "DescribeDirectConnectGatewayAssociations": Single(
        ("DirectConnectGatewayAssociations",), "associatedGatewayId", "DirectConnectClientException"
    ),
    "DescribeDirectConnectGatewayAttachments": Single(
        ("DirectConnectGatewayAttachments",), "directConnectGatewayId", "DirectConnectClientException"
    ),
    "DescribeVpcAttribute": Single(("VpcAttributes",), "VpcId", "InvalidVpcID.NotFound", also=("Attribute",)),
    "DescribeListeners": Single(("LoadBalancerListeners",), "LoadBalancerArn", "LoadBalancerNotFound"),
    "DescribeLoadBalancerAttributes": Single(("LoadBalancerAttributes",), "LoadBalancerArn", "LoadBalancerNotFound"),
    "DescribeTargetHealth": Single(("LoadBalancerTargetHealth",), "TargetGroupArn", "TargetGroupNotFound"),
    "DescribeTargetGroupAttributes": Single(("TargetGroupAttributes",), "TargetGroupArn", "TargetGroupNotFound"),
    "DescribeFirewall": Single(("NetworkFirewalls",), "FirewallArn", "ResourceNotFoundException"),
    "DescribeFirewallPolicy": Single(("NetworkFirewallPolicies",), "FirewallPolicyArn", "ResourceNotFoundException"),
    "DescribeRuleGroup": Single(("NetworkFirewallRuleGroups",), "RuleGroupArn", "ResourceNotFoundException"),
}
