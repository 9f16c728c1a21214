"""Managed services in a small world, in the shape in which their describe calls show them, with the interfaces AWS makes.

orders = function("orders-fn", {app: "10.0.1.40"}, sg_fn)
database("orders-db", {data: "10.0.2.45"}, sg_db)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from world import Interface, Subnet, Vpc, World
from world_guards import Group, Raw


def arn(world: World, service: str, resource: str) -> str:
    """The ARN of something in the world's account and Region."""
    return f"arn:aws:{service}:{world.region}:{world.account}:{resource}"


def function(name: str, places: Mapping[Subnet, str], *groups: Group, world: World | None = None, **more: Any) -> Raw:
    """A function with an interface of Lambda's at an address of each subnet; with no subnets, one outside any VPC."""
    world = world or next(iter(places)).world
    for subnet, address in places.items():
        look = {"Description": f"AWS Lambda VPC ENI-{name}-0f3a", "RequesterManaged": True}
        subnet.interface(address, *groups, type="lambda", **look)
    raw = {"FunctionName": name, "FunctionArn": arn(world, "lambda", f"function:{name}"), "State": "Active", **more}
    if places:
        config = {"SubnetIds": [subnet.id for subnet in places], "SecurityGroupIds": [group.id for group in groups]}
        raw["VpcConfig"] = {**config, "VpcId": next(iter(places)).vpc.id}
    return world.add("Functions", "fn", raw)


def database(name: str, places: Mapping[Subnet, str], *groups: Group, port: int = 3306, public: str = "", **more: Any) -> Raw:
    """An available database whose group holds these subnets; it lies in the first one's zone, at its address there.

    An empty address means a subnet of its group in which it does not lie.
    """
    first = next(iter(places))
    for subnet, address in places.items():
        if address:
            look = {"Description": "RDSNetworkInterface", "RequesterManaged": True, "public": public}
            subnet.interface(address, *groups, **look)
    world = first.world
    listed = [{"SubnetIdentifier": s.id, "SubnetAvailabilityZone": {"Name": s.raw["AvailabilityZone"]}} for s in places]
    raw = {"DBInstanceIdentifier": name, "DBInstanceArn": arn(world, "rds", f"db:{name}"), "Engine": "mariadb"}
    raw |= {
        "DBInstanceStatus": "available",
        "AvailabilityZone": first.raw["AvailabilityZone"],
        "PubliclyAccessible": bool(public),
    }
    raw |= {"Endpoint": {"Address": f"{name}.abc123.{world.region}.rds.amazonaws.com", "Port": port}}
    raw |= {"DBSubnetGroup": {"VpcId": first.vpc.id, "Subnets": listed}}
    raw |= {"VpcSecurityGroups": [{"VpcSecurityGroupId": group.id, "Status": "active"} for group in groups], **more}
    return world.add("DBInstances", "db", raw)


def cluster(name: str, writer: Raw, readers: Iterable[Raw], world: World, **more: Any) -> Raw:
    """An Aurora cluster of these databases."""
    members = [(writer, True), *((reader, False) for reader in readers)]
    listed = [{"DBInstanceIdentifier": m["DBInstanceIdentifier"], "IsClusterWriter": writes} for m, writes in members]
    raw = {"DBClusterIdentifier": name, "DBClusterArn": arn(world, "rds", f"cluster:{name}"), "DBClusterMembers": listed}
    return world.add("DBClusters", "cluster", {**raw, "Status": "available", **more})


def proxy(name: str, places: Mapping[Subnet, str], *groups: Group, **more: Any) -> Raw:
    """An available RDS Proxy with an interface in each subnet."""
    world = next(iter(places)).world
    for subnet, address in places.items():
        look = {"Description": f"Network interface for DBProxy {name}", "RequesterManaged": True}
        subnet.interface(address, *groups, **look)
    raw = {"DBProxyName": name, "DBProxyArn": arn(world, "rds", f"db-proxy:{world.id('prx')}"), "Status": "available"}
    raw |= {"EngineFamily": "POSTGRESQL", "VpcSubnetIds": [subnet.id for subnet in places], **more}
    return world.add("DBProxies", "p", {**raw, "VpcSecurityGroupIds": [group.id for group in groups]})


def proxy_endpoint(name: str, proxied: Raw, places: Mapping[Subnet, str], *groups: Group) -> Raw:
    """A further endpoint of a proxy, with interfaces of its own."""
    world = next(iter(places)).world
    for subnet, address in places.items():
        look = {"Description": "Network interface for DBProxy", "RequesterManaged": True}
        subnet.interface(address, *groups, **look)
    host = f"{name}.endpoint.proxy-abc123.{world.region}.rds.amazonaws.com"
    raw = {"DBProxyEndpointName": name, "DBProxyEndpointArn": arn(world, "rds", f"db-proxy-endpoint:{world.id('prx-endpoint')}")}
    raw |= {"DBProxyName": proxied["DBProxyName"], "Status": "available", "Endpoint": host, "TargetRole": "READ_ONLY"}
    raw |= {"VpcSubnetIds": [subnet.id for subnet in places], "VpcSecurityGroupIds": [group.id for group in groups]}
    return world.add("DBProxyEndpoints", "p", raw)


def global_database(name: str, writer: Raw, *readers: Raw) -> Raw:
    """A global database of these Aurora clusters."""
    members = [{"DBClusterArn": one["DBClusterArn"], "IsWriter": one is writer} for one in (writer, *readers)]
    own = f"arn:aws:rds::{writer['DBClusterArn'].split(':')[4]}:global-cluster:{name}"
    return {"GlobalClusterIdentifier": name, "GlobalClusterArn": own, "GlobalClusterMembers": members}


def workgroup(name: str, places: Mapping[Subnet, str], *groups: Group, port: int = 5439, **more: Any) -> Raw:
    """An available workgroup of Redshift Serverless with an interface in each subnet."""
    world = next(iter(places)).world
    look: Raw = {"type": "vpc_endpoint", "Description": "VPC Endpoint Interface", "RequesterManaged": True}
    faces = [(subnet, address, subnet.interface(address, *groups, **look)) for subnet, address in places.items()]
    shown = [{"networkInterfaceId": f.id, "subnetId": s.id, "privateIpAddress": a} for s, a, f in faces]
    own = next(iter(places)).vpc.id
    endpoint = {"address": f"{name}.{world.account}.{world.region}.redshift-serverless.amazonaws.com", "port": port}
    endpoint |= {"vpcEndpoints": [{"vpcEndpointId": world.id("vpce"), "vpcId": own, "networkInterfaces": shown}]}
    raw = {"workgroupName": name, "workgroupArn": arn(world, "redshift-serverless", f"workgroup/{len(name):08x}-0a1b")}
    raw |= {"status": "AVAILABLE", "endpoint": endpoint, "subnetIds": [subnet.id for subnet in places], **more}
    return world.add("workgroups", "w", raw)


def elastic_ip(world: World, public: str, face: Interface | None = None, name: str = "") -> str:
    """The allocation id of an Elastic IP, of an interface or of nobody."""
    raw: Raw = {"PublicIp": public, "Domain": "vpc", "Tags": [{"Key": "Name", "Value": name}] if name else []}
    if face:
        raw |= {"NetworkInterfaceId": face.id, "AssociationId": world.id("eipassoc")}
    return str(world.add("Addresses", "eipalloc", raw)["AllocationId"])


def _cache_node(id: str, subnet: Subnet, address: str, groups: Iterable[Group]) -> None:
    subnet.interface(address, *groups, Description=f"ElastiCache {id}", RequesterManaged=True)


def cache(id: str, subnet: Subnet, address: str, *groups: Group, port: int = 6379, **more: Any) -> Raw:
    """An available cache cluster of one node."""
    _cache_node(id, subnet, address, groups)
    host = f"{id}.abc123.0001.use1.cache.amazonaws.com"
    raw = {"CacheClusterId": id, "ARN": arn(subnet.world, "elasticache", f"cluster:{id}"), "CacheClusterStatus": "available"}
    return subnet.world.add("CacheClusters", "c", {**raw, "CacheNodes": [{"Endpoint": {"Address": host, "Port": port}}], **more})


def replication_group(id: str, nodes: Mapping[Subnet, str], *groups: Group, **more: Any) -> Raw:
    """An available replication group of one shard: its primary in the first subnet, replicas in the others."""
    world = next(iter(nodes)).world
    members = []
    for number, (subnet, address) in enumerate(nodes.items(), start=1):
        name = f"{id}-{number:03}"
        cache(name, subnet, address, *groups, ReplicationGroupId=id)
        read = {"Address": f"{name}.abc123.0001.use1.cache.amazonaws.com", "Port": 6379}
        role = "primary" if number == 1 else "replica"
        members.append({"CacheClusterId": name, "CurrentRole": role, "ReadEndpoint": read})
    shard = {
        "NodeGroupMembers": members,
        "PrimaryEndpoint": {"Address": f"{id}.abc123.ng.0001.use1.cache.amazonaws.com", "Port": 6379},
    }
    shard |= {"ReaderEndpoint": {"Address": f"{id}-ro.abc123.ng.0001.use1.cache.amazonaws.com", "Port": 6379}}
    raw = {"ReplicationGroupId": id, "ARN": arn(world, "elasticache", f"replicationgroup:{id}"), "Status": "available"}
    raw |= {"MemberClusters": [member["CacheClusterId"] for member in members], "NodeGroups": [shard], **more}
    return world.add("ReplicationGroups", "rg", raw)


def serverless_cache(name: str, subnet: Subnet, address: str, *groups: Group) -> Raw:
    """An available serverless cache with its interface in one subnet."""
    subnet.interface(address, *groups, type="vpc_endpoint", Description="VPC Endpoint Interface", RequesterManaged=True)
    endpoint = {"Address": f"{name}-abc123.serverless.use1.cache.amazonaws.com", "Port": 6379}
    raw = {"ServerlessCacheName": name, "ARN": arn(subnet.world, "elasticache", f"serverlesscache:{name}"), "Status": "available"}
    raw |= {"Endpoint": endpoint, "SubnetIds": [subnet.id], "SecurityGroupIds": [group.id for group in groups]}
    return subnet.world.add("ServerlessCaches", "s", raw)


def redshift(id: str, subnet: Subnet, address: str, *groups: Group, public: str = "", **more: Any) -> Raw:
    """An available cluster: its leader at the address, a compute node beside it."""
    subnet.interface(address, *groups, public=public, Description="RedshiftNetworkInterface", RequesterManaged=True)
    nodes = [{"NodeRole": "LEADER", "PrivateIPAddress": address}, {"NodeRole": "COMPUTE-0", "PrivateIPAddress": "10.0.2.254"}]
    raw = {"ClusterIdentifier": id, "ClusterStatus": "available", "VpcId": subnet.vpc.id, "ClusterNodes": nodes}
    host = f"{id}.abc123.{subnet.world.region}.redshift.amazonaws.com"
    return subnet.world.add("Clusters", "c", {**raw, "Endpoint": {"Address": host, "Port": 5439}, **more})


def domain(name: str, places: Mapping[Subnet, str], *groups: Group, world: World | None = None, **more: Any) -> Raw:
    """An OpenSearch domain with an interface in each subnet; with none, a public one."""
    world = world or next(iter(places)).world
    for subnet, address in places.items():
        subnet.interface(address, *groups, Description=f"ES {name}", RequesterManaged=True)
    raw = {"DomainName": name, "ARN": arn(world, "es", f"domain/{name}"), "Created": True, "Deleted": False, **more}
    host = f"{name}-abc123.{world.region}.es.amazonaws.com"
    inside = {"VPCOptions": {"SubnetIds": [subnet.id for subnet in places]}, "Endpoints": {"vpc": f"vpc-{host}"}}
    raw |= inside if places else {"Endpoint": f"search-{host}"}
    return world.add("DomainStatusList", "d", raw)


def kafka(name: str, brokers: Mapping[Subnet, str], *groups: Group, **more: Any) -> Raw:
    """An active MSK cluster with a broker in each subnet, which takes TLS alone."""
    world = next(iter(brokers)).world
    own = arn(world, "kafka", f"cluster/{name}/0a1b2c3d-1")
    nodes = []
    for number, (subnet, address) in enumerate(brokers.items(), start=1):
        face = subnet.interface(
            address, *groups, Description="DO NOT DELETE - Amazon MSK network interface", RequesterManaged=True
        )
        nodes.append({"BrokerNodeInfo": {"AttachedENIId": face.id, "BrokerId": float(number), "ClientVpcIpAddress": address}})
    world.add("KafkaNodes", "k", {"ClusterArn": own, "NodeInfoList": nodes})
    transit = {"EncryptionInfo": {"EncryptionInTransit": {"ClientBroker": "TLS"}}}
    transit |= {"BrokerNodeGroupInfo": {"ClientSubnets": [subnet.id for subnet in brokers]}}
    return world.add(
        "ClusterInfoList", "k", {"ClusterArn": own, "ClusterName": name, "State": "ACTIVE", "Provisioned": transit, **more}
    )


def file_system(world: World, targets: Mapping[Subnet, str], *groups: Group, **more: Any) -> str:
    """The id of a file system with an available mount target in each subnet."""
    id = world.id("fs")
    listed = []
    for subnet, address in targets.items():
        face = subnet.interface(address, *groups, type="efs", Description=f"EFS mount target for {id}", RequesterManaged=True)
        raw = {"MountTargetId": world.id("fsmt"), "FileSystemId": id, "SubnetId": subnet.id, "NetworkInterfaceId": face.id}
        zone = {"AvailabilityZoneName": subnet.raw["AvailabilityZone"], "LifeCycleState": "available"}
        listed.append({**raw, "IpAddress": address, **zone, **more})
    world.add("FileSystemMountTargets", "fs", {"FileSystemId": id, "MountTargets": listed})
    return id


def kubernetes(name: str, places: Mapping[Subnet, str], *groups: Group, **access: Any) -> Raw:
    """An active EKS cluster with interfaces in these subnets, with private access alone unless told otherwise."""
    first = next(iter(places))
    for subnet, address in places.items():
        subnet.interface(address, *groups, Description=f"Amazon EKS {name}", RequesterManaged=True)
    network = {"vpcId": first.vpc.id, "endpointPublicAccess": False, "endpointPrivateAccess": True, **access}
    raw = {"name": name, "arn": arn(first.world, "eks", f"cluster/{name}"), "status": "ACTIVE", "resourcesVpcConfig": network}
    return first.world.add(
        "cluster", "k", {**raw, "endpoint": f"https://ABCDEF0123456789.gr7.{first.world.region}.eks.amazonaws.com"}
    )


def tasks(
    cluster: str, service: str, places: Mapping[Subnet, str], *groups: Group, world: World | None = None, status: str = "RUNNING"
) -> list[str]:
    """The ARNs of a service's tasks, one with an interface at the address of each subnet."""
    world = world or next(iter(places)).world
    made = []
    for number, (subnet, address) in enumerate(places.items(), start=1):
        own = arn(world, "ecs", f"task/{cluster}/{number:032x}")
        face = subnet.interface(address, *groups, Description=arn(world, "ecs", f"attachment/{number}"), RequesterManaged=True)
        details = [{"name": "subnetId", "value": subnet.id}, {"name": "networkInterfaceId", "value": face.id}]
        attached = {"id": str(number), "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details}
        world.add(
            "tasks",
            "t",
            {
                "taskArn": own,
                "clusterArn": arn(world, "ecs", f"cluster/{cluster}"),
                "lastStatus": status,
                "group": f"service:{service}",
                "attachments": [attached],
            },
        )
        made.append(own)
    world.add("EcsServiceTasks", "s", {"service": f"{cluster}/{service}", "taskArns": made})
    _list_service(world, cluster, service, [subnet.id for subnet in places])
    return made


def _list_service(world: World, cluster: str, service: str, subnets: list[str]) -> None:
    """Show a service, in its cluster, among every cluster."""
    whole, raw = arn(world, "ecs", f"cluster/{cluster}"), world.raw()[world.account, world.region]
    if not raw["EcsClusterNames"]:
        world.add("EcsClusterNames", "c", {"of": "every cluster", "clusterArns": []})
    clusters = raw["EcsClusterNames"][0]["clusterArns"]
    if whole not in clusters:
        clusters.append(whole)
        world.add("EcsServiceNames", "c", {"cluster": whole, "serviceArns": []})
    own = arn(world, "ecs", f"service/{cluster}/{service}")
    next(one for one in raw["EcsServiceNames"] if one["cluster"] == whole)["serviceArns"].append(own)
    network = {"awsvpcConfiguration": {"subnets": subnets}}
    world.add("services", "s", {"serviceArn": own, "clusterArn": whole, "serviceName": service, "networkConfiguration": network})


def dns(vpc: Vpc, support: bool = True, hostnames: bool = True) -> None:
    """The DNS attributes of a VPC."""
    vpc.world.add("VpcDnsSupport", "v", {"VpcId": vpc.id, "EnableDnsSupport": {"Value": support}})
    vpc.world.add("VpcDnsHostnames", "v", {"VpcId": vpc.id, "EnableDnsHostnames": {"Value": hostnames}})


def zone(vpc: Vpc, name: str, *records: Raw) -> str:
    """The id of a private hosted zone of the VPC with these record sets."""
    id = vpc.world.id("Z").replace("-", "").upper()
    summary = {"HostedZoneId": id, "Name": f"{name}.", "Owner": {"OwningAccount": vpc.world.account}}
    held = next(
        (raw for raw in vpc.world.raw()[vpc.world.account, vpc.world.region]["PrivateHostedZones"] if raw["VPCId"] == vpc.id),
        None,
    )
    (held or vpc.world.add("PrivateHostedZones", "z", {"VPCId": vpc.id, "HostedZoneSummaries": []}))[
        "HostedZoneSummaries"
    ].append(summary)
    vpc.world.add("HostedZoneRecords", "z", {"HostedZoneId": id, "ResourceRecordSets": list(records)})
    vpc.world.add("HostedZoneVpcs", "z", {"Id": id, "VPCs": [{"VPCRegion": vpc.world.region, "VPCId": vpc.id}]})
    listed = {"Id": f"/hostedzone/{id}", "Name": f"{name}.", "Config": {"PrivateZone": True}}
    known = vpc.world.raw()[vpc.world.account, vpc.world.region]["HostedZonesOfDomain"]
    of_domain = next((raw for raw in known if raw["of"] == name), None)
    (of_domain or vpc.world.add("HostedZonesOfDomain", "z", {"of": name, "HostedZones": []}))["HostedZones"].append(listed)
    return id


def name_servers(vpc: Vpc, *servers: str) -> str:
    """The id of a DHCP option set that names these DNS servers to the hosts of the VPC."""
    options = [{"Key": "domain-name-servers", "Values": [{"Value": server} for server in servers]}] if servers else []
    made = vpc.world.add("DhcpOptions", "dopt", {"OwnerId": vpc.world.account, "DhcpConfigurations": options})
    vpc.raw["DhcpOptionsId"] = made["DhcpOptionsId"]
    return str(made["DhcpOptionsId"])


def resolver_rule(vpc: Vpc, domain: str, *servers: str, type: str = "FORWARD", **more: Any) -> Raw:
    """A rule of the VPC's resolver that forwards names of a domain to these servers."""
    targets = [{"Ip": server, "Port": 53} for server in servers]
    raw = {"DomainName": f"{domain}.", "RuleType": type, "Status": "COMPLETE", "TargetIps": targets, **more}
    made = vpc.world.add("ResolverRules", "rslvr-rr", raw)
    joined = {"ResolverRuleId": made["Id"], "VPCId": vpc.id, "Status": "COMPLETE"}
    vpc.world.add("ResolverRuleAssociations", "rslvr-rrassoc", joined)
    return made


def record(name: str, *values: str, type: str = "A", alias: str = "", **more: Any) -> Raw:
    """One record set: values, or an alias."""
    raw: Raw = {"Name": f"{name}.".replace("*", "\\052"), "Type": type, **more}
    if alias:
        return {**raw, "AliasTarget": {"HostedZoneId": "Z0", "DNSName": f"{alias}.", "EvaluateTargetHealth": False}}
    return {**raw, "TTL": 60, "ResourceRecords": [{"Value": value} for value in values]}
