"""What AWS's API references say of calls outside EC2 and Elastic Load Balancing v2, as `aws_reference` does for those.

A call stands under `service.Operation`, by boto3's name of the service, because several services have one of a name.
One page a call, under https://docs.aws.amazon.com/: AmazonRDS/latest/APIReference, lambda/latest/api, eks/latest/APIReference …
Parameters are named as boto3 takes them; a call whose reply does not name what was asked for is a Single.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_reference import Listing, Single


def _in_cluster(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """The service of a cluster, by which its tasks are recorded."""
    rest = {name: value for name, value in wanted.items() if name not in ("cluster", "serviceName")}
    return {**rest, "service": f"{wanted['cluster'].rpartition('/')[2]}/{wanted['serviceName']}"}


# Services that are the same wherever they are asked: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
EVERYWHERE = frozenset(("route53", "networkmanager", "globalaccelerator", "iam"))

SERVICE_LISTINGS: Mapping[str, Listing] = {
    # REST with JSON
    "lambda.ListFunctions": Listing("Functions", "FunctionName"),
    "efs.DescribeFileSystems": Listing("FileSystems", "FileSystemId", "FileSystemId", "FileSystemNotFound"),
    "efs.DescribeMountTargets": Listing(
        "MountTargets",
        "MountTargetId",
        "MountTargetId",
        "MountTargetNotFound",
        parameters={"FileSystemId": "FileSystemId"},
    ),
    "opensearch.ListDomainNames": Listing("DomainNames", "DomainName", parameters={"EngineType": "EngineType"}),
    "opensearch.DescribeDomains": Listing(  # a name that nobody has is left out of the reply
        "DomainStatusList", "DomainName", parameters={"DomainNames": "DomainName"}
    ),
    "kafka.ListClustersV2": Listing(
        "ClusterInfoList",
        "ClusterArn",
        parameters={"ClusterTypeFilter": "ClusterType"},
        prefixes={"ClusterNameFilter": "ClusterName"},
    ),
    "networkmanager.ListCoreNetworks": Listing("CoreNetworks", "CoreNetworkId"),
    "networkmanager.ListAttachments": Listing(
        "Attachments",
        "AttachmentId",
        parameters={
            "CoreNetworkId": "CoreNetworkId",
            "AttachmentType": "AttachmentType",
            "EdgeLocation": "EdgeLocation",
            "State": "State",
        },
    ),
    # Query
    "rds.DescribeDBInstances": Listing(
        "DBInstances",
        "DBInstanceIdentifier",
        "DBInstanceIdentifier",
        "DBInstanceNotFound",
        {
            "db-cluster-id": "DBClusterIdentifier",
            "db-instance-id": "[DBInstanceIdentifier, DBInstanceArn]",
            "dbi-resource-id": "DbiResourceId",
            "domain": "DomainMemberships[].Domain",
            "engine": "Engine",
        },
    ),
    "rds.DescribeDBClusters": Listing(
        "DBClusters",
        "DBClusterIdentifier",
        "DBClusterIdentifier",
        "DBClusterNotFoundFault",
        {
            "db-cluster-id": "[DBClusterIdentifier, DBClusterArn]",
            "db-cluster-resource-id": "DbClusterResourceId",
            "engine": "Engine",
        },
    ),
    "rds.DescribeDBClusterEndpoints": Listing(
        "DBClusterEndpoints",
        "Endpoint",
        filters={
            "db-cluster-endpoint-id": "DBClusterEndpointIdentifier",
            "db-cluster-endpoint-type": "EndpointType",
            "db-cluster-endpoint-custom-type": "CustomEndpointType",
            "db-cluster-endpoint-status": "Status",
        },
    ),
    "rds.DescribeDBProxies": Listing("DBProxies", "DBProxyName", "DBProxyName", "DBProxyNotFoundFault"),
    "rds.DescribeDBProxyEndpoints": Listing(
        "DBProxyEndpoints",
        "DBProxyEndpointName",
        "DBProxyEndpointName",
        "DBProxyEndpointNotFoundFault",
        parameters={"DBProxyName": "DBProxyName"},
    ),
    "rds.DescribeGlobalClusters": Listing(
        "GlobalClusters", "GlobalClusterIdentifier", "GlobalClusterIdentifier", "GlobalClusterNotFoundFault"
    ),
    "elasticache.DescribeCacheClusters": Listing(
        "CacheClusters",
        "CacheClusterId",
        "CacheClusterId",
        "CacheClusterNotFound",
        also=("ShowCacheNodeInfo",),
    ),
    "elasticache.DescribeReplicationGroups": Listing(
        "ReplicationGroups", "ReplicationGroupId", "ReplicationGroupId", "ReplicationGroupNotFoundFault"
    ),
    "elasticache.DescribeServerlessCaches": Listing(
        "ServerlessCaches", "ServerlessCacheName", "ServerlessCacheName", "ServerlessCacheNotFoundFault"
    ),
    "redshift.DescribeClusters": Listing("Clusters", "ClusterIdentifier", "ClusterIdentifier", "ClusterNotFound"),
    "elb.DescribeLoadBalancers": Listing(
        "LoadBalancerDescriptions", "LoadBalancerName", "LoadBalancerNames", "LoadBalancerNotFound"
    ),
    # JSON
    "redshift-serverless.ListWorkgroups": Listing("workgroups", "workgroupName"),
    "ecs.ListClusters": Listing("clusterArns", "@"),
    "ecs.DescribeServices": Listing(
        "services", "serviceArn", parameters={"cluster": "clusterArn", "services": "serviceArn"}, most=10
    ),
    "ecs.DescribeTasks": Listing("tasks", "taskArn", parameters={"cluster": "clusterArn", "tasks": "taskArn"}),
    "eks.ListClusters": Listing("clusters", "@", recorded="eksClusterNames"),
    "logs.DescribeLogGroups": Listing("logGroups", "logGroupName", prefixes={"logGroupNamePrefix": "logGroupName"}),
    "network-firewall.ListFirewalls": Listing("Firewalls", "FirewallArn", parameters={"VpcIds": "VpcId"}),
    "directconnect.DescribeVirtualInterfaces": Listing(
        "virtualInterfaces",
        "virtualInterfaceId",
        parameters={"virtualInterfaceId": "virtualInterfaceId", "connectionId": "connectionId"},
    ),
    "directconnect.DescribeDirectConnectGateways": Listing(
        "directConnectGateways", "directConnectGatewayId", parameters={"directConnectGatewayId": "directConnectGatewayId"}
    ),
    "directconnect.DescribeDirectConnectGatewayAssociations": Listing(
        "directConnectGatewayAssociations",
        "associationId",
        parameters={
            "associationId": "associationId",
            "associatedGatewayId": "associatedGateway.id",
            "directConnectGatewayId": "directConnectGatewayId",
            "virtualGatewayId": "virtualGatewayId",
        },
    ),
    "route53profiles.ListProfileAssociations": Listing(
        "ProfileAssociations", "Id", parameters={"ResourceId": "ResourceId", "ProfileId": "ProfileId"}
    ),
    "route53resolver.ListResolverRules": Listing("ResolverRules", "Id", filters={"DomainName": "DomainName", "Name": "Name"}),
    "route53resolver.ListResolverRuleAssociations": Listing(
        "ResolverRuleAssociations", "Id", filters={"ResolverRuleId": "ResolverRuleId", "VPCId": "VPCId", "Status": "Status"}
    ),
    # REST with XML
    "route53.ListHostedZones": Listing("HostedZones", "Id"),
    "route53.ListHostedZonesByName": Listing("HostedZones", "Id", begins={"DNSName": "Name"}),
}

SERVICE_SINGLES: Mapping[str, Single] = {
    "lambda.GetFunctionConfiguration": Single(("Functions",), "FunctionName", "ResourceNotFoundException", status=404),
    "lambda.GetFunction": Single(("LambdaFunctions",), "FunctionName", "ResourceNotFoundException", status=404),
    "kafka.ListNodes": Single(("KafkaNodes",), "ClusterArn", "NotFoundException", status=404),
    "eks.DescribeCluster": Single(("EksClusters",), "name", "ResourceNotFoundException", status=404),
    "ecs.ListTasks": Single(("EcsServiceTasks",), "service", "ServiceNotFoundException", named=_in_cluster),
    "ecs.ListServices": Single(("EcsServiceNames",), "cluster", "ClusterNotFoundException"),
    "network-firewall.DescribeFirewall": Single(("NetworkFirewalls",), "FirewallArn", "ResourceNotFoundException"),
    "network-firewall.DescribeFirewallPolicy": Single(
        ("NetworkFirewallPolicies",), "FirewallPolicyArn", "ResourceNotFoundException"
    ),
    "networkmanager.GetCoreNetworkPolicy": Single(
        ("CoreNetworkPolicies",), "CoreNetworkId", "ResourceNotFoundException", status=404
    ),
    "route53.ListHostedZonesByVPC": Single(("PrivateHostedZones",), "VPCId", "InvalidVPCId", also=("VPCRegion",)),
    "route53.GetHostedZone": Single(("HostedZoneVpcs",), "Id", "NoSuchHostedZone", status=404),
    "route53.ListResourceRecordSets": Single(("HostedZoneRecords",), "HostedZoneId", "NoSuchHostedZone", status=404),
    "elb.DescribeLoadBalancerAttributes": Single(("ClassicLoadBalancerAttributes",), "LoadBalancerName", "LoadBalancerNotFound"),
}
