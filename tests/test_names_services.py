"""Names of the other managed services, and DNS names as the client's VPC resolves them."""

from __future__ import annotations

from typing import Any

import pytest
from scenes import Pair, ask, verdict
from test_names import ends
from world import World
from world_balancers import LoadBalancer
from world_managed import (
    arn,
    cache,
    database,
    dns,
    domain,
    file_system,
    kafka,
    kubernetes,
    proxy,
    record,
    redshift,
    replication_group,
    serverless_cache,
    tasks,
    zone,
)
from world_services import gateway_endpoint, interface_endpoint

from flowdiag import Diagnosis, FlowdiagError


class Services(Pair):
    """web-1 beside subnets of two zones, whose group lets web-1 in on every port."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.data_b = self.vpc.subnet("10.0.4.0/24", zone="b")
        self.sg_db.ingress("-1", None, self.sg_web)

    def to(self, destination: str, port: int | None, source: str = "web-1", **more: Any) -> Diagnosis:
        return ask(self.world, source, destination, port, **more)


@pytest.fixture
def services(world: World) -> Services:
    return Services(world)


# ---------------------------------------------------------------- RDS Proxy


@pytest.mark.parametrize("form", ["pool", "proxy:pool", "pool.proxy-abc123.us-east-1.rds.amazonaws.com"])
def test_a_proxy_is_its_interfaces(services: Services, form: str) -> None:
    """One in each of its subnets; a port that is not its engine's may have been set."""
    proxy("pool", {services.data: "10.0.2.55", services.data_b: "10.0.4.55"}, services.sg_db)
    found = services.to(form, 5432)
    assert ("reachable", {"10.0.2.55", "10.0.4.55"}) == (found.verdict, ends(found))
    assert ("inconclusive", "SV193") == verdict(services.to(form, 6432))


# ---------------------------------------------------------------- ElastiCache


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("sessions", {"10.0.2.61"}),
        ("elasticache:sessions", {"10.0.2.61"}),
        ("sessions.abc123.ng.0001.use1.cache.amazonaws.com", {"10.0.2.61"}),
        ("master.sessions.abc123.use1.cache.amazonaws.com", {"10.0.2.61"}),
        ("sessions-ro.abc123.ng.0001.use1.cache.amazonaws.com", {"10.0.4.62"}),
        ("sessions-002.abc123.0001.use1.cache.amazonaws.com", {"10.0.4.62"}),
        ("sessions-001", {"10.0.2.61"}),
    ],
)
def test_a_replication_group(services: Services, form: str, expected: set[str]) -> None:
    """The primary by its name and primary endpoint, replicas by the reader endpoint, a node by its own."""
    replication_group("sessions", {services.data: "10.0.2.61", services.data_b: "10.0.4.62"}, services.sg_db)
    found = services.to(form, 6379)
    assert ("reachable", expected) == (found.verdict, ends(found))


def test_every_node_is_behind_a_configuration_endpoint(services: Services) -> None:
    """With cluster mode clients talk to every shard, so every node is walked."""
    nodes = {services.data: "10.0.2.61", services.data_b: "10.0.4.62"}
    host = "clustercfg.sessions.abc123.use1.cache.amazonaws.com"
    replication_group("sessions", nodes, services.sg_db, ConfigurationEndpoint={"Address": host, "Port": 6379})
    assert {"10.0.2.61", "10.0.4.62"} == ends(services.to(host, 6379))


@pytest.mark.parametrize("form", ["things", "arn", "things-abc123.serverless.use1.cache.amazonaws.com"])
def test_a_serverless_cache(services: Services, form: str) -> None:
    """It is found by the interfaces in its subnets that have its groups."""
    made = serverless_cache("things", services.data, "10.0.2.63", services.sg_db)
    assert {"10.0.2.63"} == ends(services.to(made["ARN"] if form == "arn" else form, 6379))


@pytest.mark.parametrize(("port", "expected"), [(6379, ("reachable",)), (6380, ("blocked", "SV102"))])
def test_the_port_of_a_cache(services: Services, port: int, expected: tuple[str, ...]) -> None:
    """Nothing listens on another one."""
    cache("plain", services.data, "10.0.2.64", services.sg_db)
    assert expected == verdict(services.to("plain", port))


# ---------------------------------------------------------------- Redshift, OpenSearch, MSK, EFS


@pytest.mark.parametrize("form", ["dwh", "redshift:dwh", "dwh.abc123.us-east-1.redshift.amazonaws.com", "arn"])
def test_a_redshift_cluster_is_its_leader(services: Services, form: str) -> None:
    """Clients connect to the leader node alone."""
    redshift("dwh", services.data, "10.0.2.70", services.sg_db)
    found = services.to(arn(services.world, "redshift", "cluster:dwh") if form == "arn" else form, 5439)
    assert ("reachable", {"10.0.2.70"}) == (found.verdict, ends(found))


def test_a_paused_redshift_cluster_answers_nobody(services: Services) -> None:
    """Its state blocks, whatever the rules say."""
    redshift("dwh", services.data, "10.0.2.70", services.sg_db, ClusterStatus="paused")
    assert ("blocked", "SV101") == verdict(services.to("dwh", 5439))


@pytest.mark.parametrize("form", ["logs", "vpc-logs-abc123.us-east-1.es.amazonaws.com", "arn"])
def test_an_opensearch_domain_in_a_vpc(services: Services, form: str) -> None:
    """Its nodes' interfaces carry its name."""
    domain("logs", {services.data: "10.0.2.80", services.data_b: "10.0.4.80"}, services.sg_db)
    found = services.to(arn(services.world, "es", "domain/logs") if form == "arn" else form, 443)
    assert ("reachable", {"10.0.2.80", "10.0.4.80"}) == (found.verdict, ends(found))


def test_a_public_opensearch_domain_is_on_the_internet(services: Services) -> None:
    """Without a way out the client does not get there."""
    domain("open", {}, world=services.world)
    found = services.to("open", 443)
    assert ("blocked", "internet") == (found.verdict, found.path.legs[0].destination.kind)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("events", {"10.0.2.90", "10.0.4.90"}),
        ("arn", {"10.0.2.90", "10.0.4.90"}),
        ("b-2.events.abc123.c2.kafka.us-east-1.amazonaws.com", {"10.0.4.90"}),
    ],
)
def test_an_msk_cluster_is_its_brokers(services: Services, form: str, expected: set[str]) -> None:
    """A client talks to all of them; a broker's own name means that one."""
    made = kafka("events", {services.data: "10.0.2.90", services.data_b: "10.0.4.90"}, services.sg_db)
    found = services.to(made["ClusterArn"] if form == "arn" else form, 9094)
    assert ("reachable", expected) == (found.verdict, ends(found))


def test_a_listener_of_msk_that_may_be_off_is_not_judged(services: Services) -> None:
    """A cluster that talks by TLS alone shows no plain listener, and what else is on is not read."""
    kafka("events", {services.data: "10.0.2.90"}, services.sg_db)
    assert ("inconclusive", "SV193") == verdict(services.to("events", 9092))


@pytest.mark.parametrize("form", ["id", "dns", "arn"])
def test_a_file_system_is_the_mount_target_of_the_clients_zone(services: Services, form: str) -> None:
    """Its DNS name resolves to that one alone."""
    id = file_system(services.world, {services.data: "10.0.2.49", services.data_b: "10.0.4.49"}, services.sg_db)
    forms = {
        "id": id,
        "dns": f"{id}.efs.us-east-1.amazonaws.com",
        "arn": arn(services.world, "elasticfilesystem", f"file-system/{id}"),
    }
    found = services.to(forms[form], 2049)
    assert ("reachable", {"10.0.2.49"}) == (found.verdict, ends(found))
    assert {"10.0.4.49"} == ends(services.to(f"us-east-1b.{id}.efs.us-east-1.amazonaws.com", 2049))


def test_a_file_system_without_a_mount_target_in_the_clients_zone(services: Services) -> None:
    """The name resolves to nothing there, and the sentence says so."""
    id = file_system(services.world, {services.data_b: "10.0.4.49"}, services.sg_db)
    with pytest.raises(FlowdiagError, match="without a mount target in us-east-1a"):
        services.to(id, 2049)


# ---------------------------------------------------------------- EKS and ECS


def test_a_cluster_with_private_access_is_its_interfaces(services: Services) -> None:
    """By name and by endpoint."""
    made = kubernetes("prod", {services.data: "10.0.2.95", services.data_b: "10.0.4.95"}, services.sg_db)
    for form in ("prod", "eks:prod", made["arn"], made["endpoint"]):
        found = services.to(form, 443)
        assert ("reachable", {"10.0.2.95", "10.0.4.95"}) == (found.verdict, ends(found)), form


def test_a_cluster_with_public_access_alone_is_on_the_internet(services: Services) -> None:
    """From inside its VPC too: without private access the name gives public addresses."""
    kubernetes("prod", {services.data: "10.0.2.95"}, services.sg_db, endpointPublicAccess=True, endpointPrivateAccess=False)
    assert {"internet"} == {leg.destination.kind for leg in services.to("prod", 443).path.legs}


def test_a_public_endpoint_that_is_open_to_some_is_not_judged(services: Services) -> None:
    """Whether the client's public address is among them is not followed."""
    services.app.route("0.0.0.0/0", services.vpc.internet_gateway())
    services.app.interface("10.0.1.99", services.sg_web, public="203.0.113.99", name="out")
    access = {"endpointPublicAccess": True, "endpointPrivateAccess": False}
    made = kubernetes("prod", {services.data: "10.0.2.95"}, services.sg_db, publicAccessCidrs=["198.51.100.0/24"], **access)
    assert ("inconclusive", "SV191") == verdict(services.to("prod", 443, source="out"))
    made["resourcesVpcConfig"]["publicAccessCidrs"] = ["0.0.0.0/0"]
    assert ("reachable",) == verdict(services.to("prod", 443, source="out"))


def test_a_service_is_its_tasks(services: Services) -> None:
    """As cluster/service, by its ARN, and each task by its own."""
    made = tasks("shop", "orders", {services.data: "10.0.2.30", services.data_b: "10.0.4.30"}, services.sg_db)
    for form in ("shop/orders", "ecs:shop/orders", arn(services.world, "ecs", "service/shop/orders")):
        found = services.to(form, 8080)
        assert ("reachable", {"10.0.2.30", "10.0.4.30"}) == (found.verdict, ends(found)), form
    assert {"10.0.4.30"} == ends(services.to(made[1], 8080))


def test_a_service_without_tasks_is_explained(services: Services) -> None:
    """Nothing runs, so nothing answers."""
    tasks("shop", "orders", {}, world=services.world)
    with pytest.raises(FlowdiagError, match="'shop/orders' is a service without running tasks"):
        services.to("shop/orders", 8080)


def test_a_task_that_has_stopped_answers_nobody(services: Services) -> None:
    """Its interface may be there for a while."""
    made = tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db, status="STOPPED")
    assert ("blocked", "SV101") == verdict(services.to(made[0], 8080))


def test_a_task_without_an_interface_of_its_own_is_explained(services: Services) -> None:
    """In bridge mode it answers by its container instance."""
    made = tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    services.world.raw()[services.world.account, services.world.region]["tasks"][0]["attachments"] = []
    with pytest.raises(FlowdiagError, match="it answers by its container instance"):
        services.to(made[0], 8080)


# ---------------------------------------------------------------- private zones and AWS's hosts


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([record("db.corp.internal", "10.0.2.20")], {"10.0.2.20"}),
        ([record("*.corp.internal", "10.0.2.20")], {"10.0.2.20"}),
        ([record("db.corp.internal", "eu.corp.internal", type="CNAME"), record("eu.corp.internal", "10.0.2.20")], {"10.0.2.20"}),
        ([record("db.corp.internal", alias="eu.corp.internal"), record("eu.corp.internal", "10.0.2.20")], {"10.0.2.20"}),
    ],
)
def test_a_name_of_a_private_zone(services: Services, made: list[Any], expected: set[str]) -> None:
    """Its own record, a wildcard's, a CNAME's, an alias's."""
    zone(services.vpc, "corp.internal", *made)
    found = services.to("db.corp.internal", 5432)
    assert ("reachable", expected) == (found.verdict, ends(found))


def test_a_private_name_may_point_to_a_service(services: Services) -> None:
    """The CNAME of a database's endpoint is the database."""
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    host = "orders-db.abc123.us-east-1.rds.amazonaws.com"
    zone(services.vpc, "corp.internal", record("db.corp.internal", host, type="CNAME"))
    found = services.to("db.corp.internal", 3306)
    assert ("reachable", {"10.0.2.45"}) == (found.verdict, ends(found))
    assert "db.corp.internal (orders-db)" == found.path.legs[0].destination.label


def test_the_most_specific_zone_answers_alone(services: Services) -> None:
    """That a record is only in the wider zone does not help: the resolver says that there is no such name."""
    zone(services.vpc, "internal", record("db.corp.internal", "10.0.2.20"))
    zone(services.vpc, "corp.internal", record("other.corp.internal", "10.0.2.20"))
    with pytest.raises(FlowdiagError, match=r"has no A, AAAA or CNAME record in the private hosted zone corp\.internal"):
        services.to("db.corp.internal", 5432)


def test_several_answers_are_all_walked_and_chosen_ones_are_guesses(services: Services) -> None:
    """A record with two values gives both; of weighted records one is given, and nothing says which."""
    services.data.interface("10.0.2.21", services.sg_db)
    zone(services.vpc, "corp.internal", record("both.corp.internal", "10.0.2.20", "10.0.2.21"))
    found = services.to("both.corp.internal", 5432)
    assert ({"10.0.2.20", "10.0.2.21"}, {False}) == (ends(found), {leg.guess for leg in found.path.legs})
    weighted = [record("one.corp.internal", a, SetIdentifier=a, Weight=1) for a in ("10.0.2.20", "10.0.2.21")]
    services.world.raw()[services.world.account, services.world.region]["HostedZoneRecords"][0]["ResourceRecordSets"] += weighted
    found = services.to("one.corp.internal", 5432)
    assert ({"10.0.2.20", "10.0.2.21"}, {True}) == (ends(found), {leg.guess for leg in found.path.legs})


def test_a_zone_of_another_vpc_does_not_answer(services: Services) -> None:
    """Private zones answer in the VPCs they belong to."""
    zone(services.world.vpc("10.7.0.0/16"), "corp.internal", record("db.corp.internal", "10.0.2.20"))
    zone(services.vpc, "else.internal")
    with pytest.raises(FlowdiagError):
        services.to("db.corp.internal", 5432)


def test_a_name_that_points_to_itself_is_an_error(services: Services) -> None:
    """A circle of CNAMEs ends in a sentence."""
    circle = [
        record("a.corp.internal", "b.corp.internal", type="CNAME"),
        record("b.corp.internal", "a.corp.internal", type="CNAME"),
    ]
    zone(services.vpc, "corp.internal", *circle)
    with pytest.raises(FlowdiagError, match="points to itself"):
        services.to("a.corp.internal", 5432)


def test_an_alias_of_a_load_balancer_is_its_nodes(services: Services) -> None:
    """Route 53 writes `dualstack.` before the load balancer's name."""
    shop = LoadBalancer("shop", {services.data: "10.0.2.50"})
    shop.listen(443, [services.db], to=5432)
    alias = "dualstack.internal-shop-1234567890.us-east-1.elb.amazonaws.com"
    zone(services.vpc, "corp.internal", record("www.corp.internal", alias=alias))
    assert {"10.0.2.50"} == ends(services.to("www.corp.internal", 443))


def test_an_aws_host_is_the_endpoint_with_private_dns(services: Services) -> None:
    """Inside its VPC; a private zone of one's own comes before it."""
    entries = {"DnsEntries": [{"DnsName": "secretsmanager.us-east-1.amazonaws.com", "HostedZoneId": "Z1"}]}
    interface_endpoint(services.data, "10.0.2.99", services.sg_db, service="secretsmanager", **entries)
    host = "secretsmanager.us-east-1.amazonaws.com"
    found = services.to(host, 443)
    assert ("reachable", {"10.0.2.99"}) == (found.verdict, ends(found))
    zone(services.vpc, host, record(host, "10.0.2.20"))
    assert {"10.0.2.20"} == ends(services.to(host, 443))


@pytest.mark.parametrize("attribute", ["support", "hostnames"])
def test_private_names_need_the_dns_attributes_of_the_vpc(services: Services, attribute: str) -> None:
    """With one of them off a private zone does not answer, and an endpoint's private name is the public one."""
    dns(services.vpc, **{attribute: False})
    zone(services.vpc, "corp.internal", record("db.corp.internal", "10.0.2.20"))
    with pytest.raises(FlowdiagError, match=f"whose enableDns{attribute.capitalize()} is off"):
        services.to("db.corp.internal", 5432)
    host = "secretsmanager.us-east-1.amazonaws.com"
    interface_endpoint(services.data, "10.0.2.99", services.sg_db, DnsEntries=[{"DnsName": host, "HostedZoneId": "Z1"}])
    assert {"internet"} == {leg.destination.kind for leg in services.to(host, 443).path.legs}


def test_an_aws_host_without_an_endpoint_is_on_the_internet(services: Services) -> None:
    """Without a way out the client does not get there."""
    found = services.to("secretsmanager.us-east-1.amazonaws.com", 443)
    assert ("blocked", "internet") == (found.verdict, found.path.legs[0].destination.kind)


def test_a_host_of_s3_is_an_address_of_its_prefix_list(services: Services) -> None:
    """So that the route to a gateway endpoint counts."""
    s3 = gateway_endpoint(services.vpc)
    listed = services.world.prefix_list("203.0.113.0/24")
    service = {"PrefixListId": listed, "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ["203.0.113.0/24"]}
    services.world.add("PrefixLists", "pl", service)
    assert "blocked" == services.to("photos.s3.us-east-1.amazonaws.com", 443).verdict
    services.app.route(listed, s3)
    found = services.to("photos.s3.us-east-1.amazonaws.com", 443)
    assert ("reachable", {"203.0.113.1"}) == (found.verdict, ends(found))
