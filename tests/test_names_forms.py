"""The forms in which people have names in hand: qualifiers, endpoints of every kind, URLs, other partitions, small letters."""

from __future__ import annotations

from typing import Any

import pytest
from aws_world import no_waiting  # noqa: F401  retries without waiting
from scenes import verdict
from test_names import ends
from test_names_live import session_of
from test_names_services import Services
from test_names_services import services as services  # a fixture
from world_balancers import LoadBalancer
from world_managed import (
    cluster,
    database,
    dns,
    domain,
    function,
    global_database,
    kafka,
    proxy,
    proxy_endpoint,
    record,
    replication_group,
    workgroup,
    zone,
)
from world_services import gateway_endpoint

from flowdiag import FlowdiagError, diagnose
from flowdiag.question import ask

# ---------------------------------------------------------------- Lambda


@pytest.mark.parametrize(
    ("form", "assumed"),
    [
        ("orders-fn:live", True),
        ("orders-fn:3", True),
        ("orders-fn:$LATEST", False),
        ("lambda:orders-fn:live", True),
        ("111122223333:function:orders-fn", False),
        ("111122223333:function:orders-fn:live", True),
    ],
)
def test_a_function_with_a_qualifier(services: Services, form: str, assumed: bool) -> None:
    """A version's VPC configuration is taken for the function's, and that is told."""
    function("orders-fn", {services.app: "10.0.1.40"}, services.sg_web)
    found = services.to("db-1", 5432, source=form)
    assert ("reachable", {"10.0.1.40"}) == (found.verdict, {str(leg.source.address) for leg in found.path.legs})
    assert assumed == any("unpublished version" in (unread.assumed or "") for unread in found.unread)


# ---------------------------------------------------------------- databases


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("orders-1.abc123.rds.cn-north-1.amazonaws.com.cn", {"10.0.2.51"}),
        ("orders.cluster-abc123.rds.cn-north-1.amazonaws.com.cn", {"10.0.2.51"}),
        ("orders.cluster-ro-abc123.docdb.cn-north-1.amazonaws.com.cn", {"10.0.4.52"}),
        ("orders.cluster-abc123.us-east-1.docdb.amazonaws.com", {"10.0.2.51"}),
        ("Orders-1.abc123.us-east-1.rds.amazonaws.com.", {"10.0.2.51"}),
    ],
)
def test_endpoints_of_databases(services: Services, form: str, expected: set[str]) -> None:
    """In China the service stands before the Region; letters and a last dot are no matter."""
    writer = database("orders-1", {services.data: "10.0.2.51"}, services.sg_db)
    cluster("orders", writer, [database("orders-2", {services.data_b: "10.0.4.52"}, services.sg_db)], services.world)
    assert expected == ends(services.to(form, 3306))


def test_the_writer_of_a_global_database(services: Services) -> None:
    """Its endpoint leads to the cluster that takes writes; where none does, that is the sentence."""
    writer = cluster("orders", database("orders-1", {services.data: "10.0.2.51"}, services.sg_db), [], services.world)
    far = {"DBClusterArn": "arn:aws:rds:eu-west-1:111122223333:cluster:orders-eu"}
    made = services.world.add("GlobalClusters", "g", global_database("world", writer, far))
    host = "world.global-abc123.global.rds.amazonaws.com"
    assert ("reachable", {"10.0.2.51"}) == ((found := services.to(host, 3306)).verdict, ends(found))
    for member in made["GlobalClusterMembers"]:
        member["IsWriter"] = False
    with pytest.raises(FlowdiagError, match="is a global database without a cluster that takes its writes"):
        services.to(host, 3306)


def test_a_further_endpoint_of_a_proxy(services: Services) -> None:
    """It has interfaces of its own, and its proxy's state and ports."""
    made = proxy("pool", {services.data: "10.0.2.55"}, services.sg_db)
    reading = proxy_endpoint("readers", made, {services.data_b: "10.0.4.56"}, services.vpc.group("sg-readers"), services.sg_db)
    assert {"10.0.4.56"} == ends(services.to(reading["Endpoint"], 5432))
    made["Status"] = "suspended"
    assert ("blocked", "SV101") == verdict(services.to(reading["Endpoint"], 5432))


@pytest.mark.parametrize("form", ["reports", "redshift-serverless:reports", "endpoint", "arn"])
def test_a_workgroup_of_redshift_serverless(services: Services, form: str) -> None:
    """It shows its interfaces, which are an endpoint's, and its state."""
    made = workgroup("reports", {services.data: "10.0.2.71", services.data_b: "10.0.4.71"}, services.sg_db)
    text = {"endpoint": made["endpoint"]["address"], "arn": made["workgroupArn"]}.get(form, form)
    found = services.to(text, 5439)
    assert ("inconclusive", {"10.0.2.71", "10.0.4.71"}) == (found.verdict, ends(found))
    made["status"] = "DELETING"
    assert ("blocked", "SV101") == verdict(services.to("db-1", 5432, source=text))


def test_a_node_of_a_cache_by_the_endpoint_that_names_its_group_too(services: Services) -> None:
    """`node.group.…` is the node."""
    replication_group("sessions", {services.data: "10.0.2.61", services.data_b: "10.0.4.62"}, services.sg_db)
    assert {"10.0.4.62"} == ends(services.to("sessions-002.sessions.abc123.use1.cache.amazonaws.com", 6379))


# ---------------------------------------------------------------- MSK, OpenSearch


def test_a_broker_of_a_cluster_whose_name_has_capitals(services: Services) -> None:
    """DNS names hold the start of a cluster's name in small letters; which broker's it is, the broker shows."""
    kafka("Events", {services.data: "10.0.2.90", services.data_b: "10.0.4.90"}, services.sg_db)
    kafka("Events-of-the-shop", {services.data: "10.0.2.91", services.data_b: "10.0.4.91"}, services.sg_db)
    assert {"10.0.4.90"} == ends(services.to("b-2.events.abc123.c2.kafka.us-east-1.amazonaws.com", 9094))
    nodes = services.world.raw()[services.world.account, services.world.region]["KafkaNodes"]
    nodes[1]["NodeInfoList"][0]["BrokerNodeInfo"]["Endpoints"] = ["b-1.events-of.def456.c2.kafka.us-east-1.amazonaws.com"]
    assert {"10.0.2.91"} == ends(services.to("b-1.events-of.def456.c2.kafka.us-east-1.amazonaws.com", 9094))


def test_the_public_name_of_a_broker(services: Services) -> None:
    """It means the public address, where the broker has one."""
    host = "b-1-public.events.abc123.c2.kafka.us-east-1.amazonaws.com"
    kafka("events", {services.data: "10.0.2.90"}, services.sg_db)
    with pytest.raises(FlowdiagError, match="without brokers of its own that were read"):
        services.to(host, 9194)
    face = services.world.raw()[services.world.account, services.world.region]["NetworkInterfaces"][-1]
    face["PrivateIpAddresses"][0]["Association"] = face["Association"] = {"PublicIp": "203.0.113.90"}
    assert {"203.0.113.90"} == ends(services.to(host, 9194))


def test_a_dual_stack_endpoint_of_a_domain(services: Services) -> None:
    """It ends otherwise."""
    domain("logs", {services.data: "10.0.2.80"}, services.sg_db)
    assert {"10.0.2.80"} == ends(services.to("vpc-logs-abc123.aos.us-east-1.on.aws", 443))


# ---------------------------------------------------------------- load balancers


@pytest.fixture
def shop(services: Services) -> Services:
    """A load balancer called Shop, with nodes in two zones that both send to its one target."""
    nodes = {services.data: "10.0.2.50", services.data_b: "10.0.4.50"}
    LoadBalancer("Shop", nodes, crosses_zones=True).listen(443, [services.db], to=5432)
    return services


@pytest.mark.parametrize("name", ["Shop", "shop"])
@pytest.mark.parametrize("suffix", ["us-east-1.elb.amazonaws.com", "elb.us-east-1.amazonaws.com"])
def test_a_load_balancer_in_any_letters(shop: Services, name: str, suffix: str) -> None:
    """Route 53 writes its DNS name in small letters; its own name has others."""
    for found in (
        shop.to(f"internal-{name}-1234567890.{suffix}", 443),
        diagnose("web-1", f"internal-{name}-1234567890.{suffix}", 443, session=session_of(shop.world), flow_logs="none"),
    ):
        assert {"10.0.2.50", "10.0.4.50"} == ends(found)


@pytest.mark.parametrize(("zone", "address"), [("us-east-1a", "10.0.2.50"), ("us-east-1b", "10.0.4.50")])
def test_the_node_of_a_zone(shop: Services, zone: str, address: str) -> None:
    """Its DNS name has the zone in front."""
    assert {address} == ends(shop.to(f"{zone}.Shop-0a1b2c3d.elb.us-east-1.amazonaws.com", 443))


# ---------------------------------------------------------------- EC2, AWS's hosts, URLs


@pytest.mark.parametrize("form", ["ip-10-0-2-20", "ip-10-0-2-20.ec2.internal", "ip-10-0-2-20.eu-west-1.compute.internal", "id"])
def test_the_names_that_hosts_give_themselves(services: Services, form: str) -> None:
    """By address with the domain or without, and by the instance's id."""
    assert {"10.0.2.20"} == ends(services.to(f"{services.db.id}.ec2.internal" if form == "id" else form, 5432))


@pytest.mark.parametrize(
    "host",
    [
        "s3.us-east-1.amazonaws.com",
        "photos.s3.dualstack.us-east-1.amazonaws.com",
        "photos.s3-us-east-1.amazonaws.com",
        "photos.s3-website-us-east-1.amazonaws.com",
        "https://photos.s3.us-east-1.amazonaws.com/cat.jpg",
    ],
)
def test_hosts_of_s3_take_the_gateway_endpoint(services: Services, host: str) -> None:
    """Whatever name of it is asked."""
    listed = services.world.prefix_list("203.0.113.0/24")
    service = {"PrefixListId": listed, "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ["203.0.113.0/24"]}
    services.world.add("PrefixLists", "pl", service)
    services.app.route(listed, gateway_endpoint(services.vpc))
    assert ("reachable", {"203.0.113.1"}) == ((found := services.to(host, 443)).verdict, ends(found))


def test_the_url_of_a_function_is_public(services: Services) -> None:
    """It is a host of AWS's on the internet."""
    found = services.to("https://abcdefg0123.lambda-url.us-east-1.on.aws/", 443)
    assert {"internet"} == {leg.destination.kind for leg in found.path.legs}


@pytest.mark.parametrize(
    "host",
    [
        "clustercfg.things.abc123.memorydb.us-east-1.amazonaws.com",
        "fs-0a1.fsx.us-east-1.amazonaws.com",
        "b-0a1-1.mq.us-east-1.amazonaws.com",
        "things.abc123.dax-clusters.us-east-1.amazonaws.com",
    ],
)
def test_endpoints_of_ones_own_are_no_public_hosts(services: Services, host: str) -> None:
    """They lie in VPCs: an answer about the internet would be wrong."""
    with pytest.raises(FlowdiagError, match="resolve the name and give the address"):
        services.to(host, 443)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://db.corp.internal/health?x=1", "db.corp.internal"),
        ("redis://sessions", "sessions"),
        ("https://db.corp.internal:443/", "db.corp.internal"),
        ("https://10.0.2.20/x", "10.0.2.20"),
        ("https://[2001:db8::20]:443/", "2001:db8::20"),
        ("postgres://me:pass@db.corp.internal/x", "postgres://me:pass@db.corp.internal/x"),
    ],
)
def test_a_url_stands_for_its_host(text: str, expected: str) -> None:
    """Where it says nothing else than the question: a user is left to the person."""
    assert expected == ask("web-1", text, 443).destination


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://db.corp.internal:8443/", "names a port: give 8443 as the port, or leave it out"),
        ("orders-db:3306", "is a name with its port, an argument of its own: leave ':3306' out and give it as the port"),
        ("postgres://me:pass@db.corp.internal/x", "is a URL: give its host, and what it says of a port as the port"),
        (
            "b-1.x.kafka.example:9094,b-2.x.kafka.example:9094",
            "is a list of names: ask for one of them at a time, without its port",
        ),
    ],
)
def test_more_than_a_name_is_told_by_its_form(services: Services, text: str, sentence: str) -> None:
    """What consoles offer to copy."""
    with pytest.raises(FlowdiagError) as caught:
        services.to(text, 443)
    assert f"{text!r} {sentence}" == str(caught.value)


# ---------------------------------------------------------------- private zones


def answers(services: Services, **more: Any) -> list[Any]:
    return [record("m.corp.internal", one, SetIdentifier=one, **more) for one in ("10.0.2.20", "10.0.2.21")]


@pytest.mark.parametrize(
    ("more", "guess"), [({"MultiValueAnswer": True}, False), ({"Weight": 1}, True), ({"Failover": "PRIMARY"}, True)]
)
def test_several_records_of_one_name(services: Services, more: dict[str, Any], guess: bool) -> None:
    """Of multivalue answers clients get all, of others one, and nothing readable says which."""
    dns(services.vpc)
    services.data.interface("10.0.2.21", services.sg_db)
    zone(services.vpc, "corp.internal", *answers(services, **more))
    found = services.to("m.corp.internal", 5432)
    assert ({"10.0.2.20", "10.0.2.21"}, {guess}) == (ends(found), {leg.guess for leg in found.path.legs})
