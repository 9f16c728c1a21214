"""Names asked of AWS: each service's own calls, and the answer that the folder gives too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_replay import ReplaySession, replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from test_live import told
from test_names import Shop, ends
from test_names_services import Services
from world import World
from world_balancers import LoadBalancer
from world_managed import (
    arn,
    cluster,
    database,
    dns,
    domain,
    elastic_ip,
    file_system,
    function,
    global_database,
    kafka,
    kubernetes,
    name_servers,
    proxy,
    proxy_endpoint,
    record,
    redshift,
    replication_group,
    resolver_rule,
    serverless_cache,
    tasks,
    workgroup,
    zone,
)
from world_services import gateway_endpoint, interface_endpoint

from flowdiag import FlowdiagError, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather
from flowdiag.question import ask
from flowdiag.table import Rules

Asked = tuple[str, str, int]


def recorded(world: World) -> dict[str, Any]:
    """The world's replies in the form in which the fake AWS keeps them."""
    raw = dict(world.raw()[world.account, world.region])
    raw["EksClusters"] = [{"name": made["name"], "cluster": made} for made in raw["cluster"]]
    raw["MountTargets"] = [target for system in raw["FileSystemMountTargets"] for target in system["MountTargets"]]
    raw["HostedZones"] = [zone for listed in raw["HostedZonesOfDomain"] for zone in listed["HostedZones"]]
    raw["clusterArns"] = [own for listed in raw["EcsClusterNames"] for own in listed["clusterArns"]]
    pairs = zip(raw["VpcDnsSupport"], raw["VpcDnsHostnames"], strict=True)
    raw["VpcAttributes"] = [{**support, **hostnames} for support, hostnames in pairs]
    return raw


def session_of(world: World, **more: Any) -> ReplaySession:
    return replay_session(recorded(world), account=world.account, region=world.region, page=3, **more)


def _of_function(services: Services) -> Asked:
    function("orders-fn", {services.app: "10.0.1.40"}, services.sg_web)
    return "orders-fn", "db-1", 5432


def _of_database(services: Services) -> Asked:
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    return "web-1", "orders-db", 3306


def _of_cluster(services: Services) -> Asked:
    writer = database("orders-1", {services.data: "10.0.2.51"}, services.sg_db)
    cluster("orders", writer, [database("orders-2", {services.data_b: "10.0.4.52"}, services.sg_db)], services.world)
    custom = {"DBClusterIdentifier": "orders", "DBClusterEndpointIdentifier": "reports", "CustomEndpointType": "READER"}
    host = "reports.cluster-custom-abc123.us-east-1.rds.amazonaws.com"
    services.world.add("DBClusterEndpoints", "x", {**custom, "Endpoint": host, "EndpointType": "CUSTOM"})
    return "web-1", host, 3306


def _of_proxy(services: Services) -> Asked:
    proxy("pool", {services.data: "10.0.2.55"}, services.sg_db)
    return "web-1", "pool", 5432


def _of_proxy_endpoint(services: Services) -> Asked:
    made = proxy("pool", {services.data: "10.0.2.55"}, services.sg_db)
    reading = proxy_endpoint("readers", made, {services.data_b: "10.0.4.56"}, services.vpc.group("sg-readers"), services.sg_db)
    return "web-1", reading["Endpoint"], 5432


def _of_global_database(services: Services) -> Asked:
    writer = cluster("orders", database("orders-1", {services.data: "10.0.2.51"}, services.sg_db), [], services.world)
    services.world.add("GlobalClusters", "g", global_database("world", writer))
    return "web-1", "world.global-abc123.global.rds.amazonaws.com", 3306


def _of_workgroup(services: Services) -> Asked:
    workgroup("reports", {services.data: "10.0.2.71", services.data_b: "10.0.4.71"}, services.sg_db)
    return "web-1", "reports", 5439


def _of_group(services: Services) -> Asked:
    replication_group("sessions", {services.data: "10.0.2.61", services.data_b: "10.0.4.62"}, services.sg_db)
    return "web-1", "sessions-ro.abc123.ng.0001.use1.cache.amazonaws.com", 6379


def _of_serverless(services: Services) -> Asked:
    serverless_cache("things", services.data, "10.0.2.63", services.sg_db)
    return "web-1", "things", 6379


def _of_warehouse(services: Services) -> Asked:
    redshift("dwh", services.data, "10.0.2.70", services.sg_db)
    return "web-1", "dwh", 5439


def _of_domain(services: Services) -> Asked:
    domain("logs", {services.data: "10.0.2.80"}, services.sg_db)
    return "web-1", "logs", 443


def _of_brokers(services: Services) -> Asked:
    kafka("events-old", {services.data: "10.0.2.91"}, services.sg_db)
    kafka("events", {services.data: "10.0.2.90", services.data_b: "10.0.4.90"}, services.sg_db)
    return "web-1", "events", 9094


def _of_file_system(services: Services) -> Asked:
    file_system(services.world, {services.data: "10.0.2.48"}, services.sg_db)
    return "web-1", file_system(services.world, {services.data: "10.0.2.49", services.data_b: "10.0.4.49"}, services.sg_db), 2049


def _of_kubernetes(services: Services) -> Asked:
    kubernetes("prod", {services.data: "10.0.2.95"}, services.sg_db)
    return "web-1", "prod", 443


def _of_kubernetes_endpoint(services: Services) -> Asked:
    kubernetes("other", {services.data_b: "10.0.4.95"}, services.sg_db)["endpoint"] = (
        "https://FFFF.gr7.us-east-1.eks.amazonaws.com"
    )
    made = kubernetes("prod", {services.data: "10.0.2.95"}, services.sg_db)
    services.world.raw()[services.world.account, services.world.region]["eksClusterNames"] = ["other", "prod"]
    return "web-1", made["endpoint"], 443


def _of_tasks(services: Services) -> Asked:
    tasks("shop", "orders", {services.data: "10.0.2.30", services.data_b: "10.0.4.30"}, services.sg_db)
    return "web-1", "shop/orders", 8080


def _of_service_name(services: Services) -> Asked:
    tasks("other", "front", {services.data_b: "10.0.4.31"}, services.sg_db)
    tasks("shop", "orders", {services.data: "10.0.2.30", services.data_b: "10.0.4.30"}, services.sg_db)
    return "web-1", "orders", 8080


def _of_balancer(services: Services) -> Asked:
    LoadBalancer("shop", {services.data: "10.0.2.50"}).listen(443, [services.db], to=5432)
    services.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    return "web-1", "internal-shop-1234567890.us-east-1.elb.amazonaws.com", 443


def _of_endpoint(services: Services) -> Asked:
    entries = {"DnsEntries": [{"DnsName": "ec2.us-east-1.amazonaws.com", "HostedZoneId": "Z1"}]}
    interface_endpoint(services.data, "10.0.2.99", services.sg_db, **entries)
    return "web-1", "ec2.us-east-1.amazonaws.com", 443


def _of_gateway_endpoint(services: Services) -> Asked:
    listed = services.world.prefix_list("203.0.113.0/24")
    service = {"PrefixListId": listed, "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ["203.0.113.0/24"]}
    services.world.add("PrefixLists", "pl", service)
    services.app.route(listed, gateway_endpoint(services.vpc))
    return "web-1", "photos.s3.us-east-1.amazonaws.com", 443


def _of_private_name(services: Services) -> Asked:
    dns(services.vpc)
    name_servers(services.vpc, "10.0.9.53")
    resolver_rule(services.vpc, "else.internal", "10.0.9.53")
    services.world.add("ProfileAssociations", "rpassoc", {"ResourceId": services.vpc.id, "ProfileId": "rp-1"})
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    host = "orders-db.abc123.us-east-1.rds.amazonaws.com"
    zone(services.vpc, "corp.internal", record("db.corp.internal", host, type="CNAME"))
    return "web-1", "db.corp.internal", 3306


def _of_address(services: Services) -> Asked:
    services.vpc.internet_gateway()
    services.data.route("0.0.0.0/0", next(iter(services.world.raw().values()))["InternetGateways"][0]["InternetGatewayId"])
    services.sg_db.ingress("tcp", 443, "0.0.0.0/0")
    face = services.data.interface("10.0.2.60", services.sg_db, public="203.0.113.60")
    return "internet", elastic_ip(services.world, "203.0.113.60", face), 443


BUILDS = [
    _of_function,
    _of_database,
    _of_cluster,
    _of_proxy,
    _of_proxy_endpoint,
    _of_global_database,
    _of_workgroup,
    _of_group,
    _of_serverless,
    _of_warehouse,
    _of_domain,
    _of_brokers,
    _of_file_system,
    _of_kubernetes,
    _of_kubernetes_endpoint,
    _of_tasks,
    _of_service_name,
    _of_balancer,
    _of_endpoint,
    _of_gateway_endpoint,
    _of_private_name,
    _of_address,
]


BEHIND_ENDPOINTS = (_of_serverless, _of_workgroup)  # of AWS's own making, whose services are not shown


@pytest.mark.parametrize("build", BUILDS)
def test_a_name_is_answered_live_as_offline(world: World, build: Callable[[Services], Asked]) -> None:
    """The same verdict, hops and ends; nothing that AWS would tell is left unread."""
    services = Services(world)
    asked = build(services)
    offline = diagnose(*asked, snapshot=world.snapshot())
    collector = gather(ask(*asked), Rules.load(), Access(session_of(world)))
    live = diagnose(*asked, snapshot=collector.snapshot)
    assert "reachable" == offline.verdict or build in BEHIND_ENDPOINTS
    assert (told(offline), ends(offline)) == (told(live), ends(live))
    assert [] == [unread for unread in live.unread if unread.retry and unread.assumed is None]


def crowded(world: World, crowd: int) -> None:
    """A function and its database among others of their kinds, which have groups of their own."""
    shop = Shop(world)
    shop.function()
    shop.database()
    for number in range(crowd):
        function(f"fn-{number}", {shop.app: f"10.0.1.{number + 100}"}, shop.vpc.group(f"sg-fn-{number}"))
        database(f"db-{number}", {shop.data: f"10.0.2.{number + 100}"}, shop.vpc.group(f"sg-db-{number}"))


WAYS = [("orders-fn", "orders-db", 37), ("lambda:orders-fn", "rds:orders-db", 11)]


@pytest.mark.parametrize(("source", "destination", "most"), WAYS)
def test_the_calls_for_a_function_and_its_database(source: str, destination: str, most: int) -> None:
    """By bare words every service is asked once; with a word that says the service, only that one. The account is no matter."""
    counts = []
    for crowd in (2, 40):
        world = World()
        crowded(world, crowd)
        session = session_of(world)
        collector = gather(ask(source, destination, 3306), Rules.load(), Access(session))
        assert "reachable" == diagnose(source, destination, 3306, snapshot=collector.snapshot).verdict
        counts.append(len(collector.calls))
    assert counts[0] == counts[1]
    assert counts[0] <= most


def test_services_are_asked_only_where_a_name_is_no_name_tag(pair: Any) -> None:
    """A question between instances by their Name tags asks EC2 alone."""
    session = session_of(pair.world)
    gather(ask("web-1", "db-1", 5432), Rules.load(), Access(session))
    assert {"ec2", "sts"} == {service for service, _, _ in session.replay.requests}


def test_a_service_that_may_not_be_asked_is_named(pair: Any) -> None:
    """A name that nothing else has may be the database's that was denied."""
    session = session_of(pair.world, deny={"rds:DescribeDBInstances"})
    with pytest.raises(FlowdiagError, match=r"'orders-db' is no .*AWS did not answer rds:DescribeDBInstances \(denied\)"):
        diagnose("web-1", "orders-db", 3306, session=session, flow_logs="none")


def test_a_denied_service_is_no_matter_where_another_has_the_name(world: World) -> None:
    """The database is found, although Lambda may not be asked whether a function is called so too."""
    services = Services(world)
    asked = _of_database(services)
    found = diagnose(*asked, session=session_of(world, deny={"lambda:GetFunctionConfiguration"}), flow_logs="none")
    assert "reachable" == found.verdict


def test_an_arn_of_another_account_is_not_asked_here(pair: Any) -> None:
    """The sentence says whose it is."""
    other = "arn:aws:rds:us-east-1:999988887777:db:orders-db"
    with pytest.raises(FlowdiagError, match="999988887777"):
        diagnose("web-1", other, 3306, session=session_of(pair.world), flow_logs="none")
    assert arn(pair.world, "rds", "db:orders-db") != other
