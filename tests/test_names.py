"""Names people use: each stands for the interfaces behind it, from a folder as from AWS."""

from __future__ import annotations

import re
from typing import Any

import pytest
from scenes import PUBLIC, Pair, ask, balanced, behind_nat, peered, public_web, verdict
from world import World
from world_balancers import LoadBalancer
from world_managed import arn, cluster, database, elastic_ip, function
from world_services import gateway_endpoint, interface_endpoint

from flowdiag import Diagnosis, FlowdiagError


def ends(found: Diagnosis) -> set[str]:
    """The addresses at which the request of each leg was to arrive."""
    return {str(leg.destination.address) for leg in found.path.legs}


class Shop:
    """A function and a database in subnets of two zones each, with groups that let the one reach the other."""

    def __init__(self, world: World) -> None:
        self.world, self.vpc = world, world.vpc("10.0.0.0/16")
        self.app, self.app_b = self.vpc.subnet("10.0.1.0/24"), self.vpc.subnet("10.0.3.0/24", zone="b")
        self.data, self.data_b = self.vpc.subnet("10.0.2.0/24"), self.vpc.subnet("10.0.4.0/24", zone="b")
        self.sg_fn, self.sg_db = self.vpc.group("sg-fn"), self.vpc.group("sg-db")
        self.sg_db.ingress("tcp", 3306, self.sg_fn)

    def function(self, **more: Any) -> Any:
        return function("orders-fn", {self.app: "10.0.1.40", self.app_b: "10.0.3.40"}, self.sg_fn, **more)

    def database(self, name: str = "orders-db", address: str = "10.0.2.45", **more: Any) -> Any:
        return database(name, {self.data: address, self.data_b: ""}, self.sg_db, **more)

    def ask(self, source: str = "orders-fn", destination: str = "orders-db", port: int = 3306, **more: Any) -> Diagnosis:
        return ask(self.world, source, destination, port, **more)


@pytest.fixture
def shop(world: World) -> Shop:
    made = Shop(world)
    made.function()
    made.database()
    return made


# ---------------------------------------------------------------- instances


@pytest.mark.parametrize(
    ("groups", "expected"), [("web web", "reachable"), ("web other", "inconclusive"), ("other other", "blocked")]
)
@pytest.mark.parametrize("name", ["node", "id"])
def test_by_which_interface_an_instance_sends_is_not_known(pair: Pair, groups: str, expected: str, name: str) -> None:
    """Its guest decides that, and no AWS call shows it: where only one of them gets there, that is no failure now and then."""
    by_name = {"web": pair.sg_web, "other": pair.vpc.group("sg-other")}
    first, second = (by_name[group] for group in groups.split())
    pair.sg_db.ingress("tcp", 6000, pair.sg_web)
    node = pair.app.instance("node", "10.0.1.70", first)
    node.attach(pair.data.interface("10.0.2.70", second), 1)
    found = ask(pair.world, node.id if name == "id" else name, "db-1", 6000)
    assert expected == found.verdict
    assert ("nothing readable says which is taken" in found.headline) == (expected == "inconclusive")
    assert ("web" in groups.split()[0]) == ("reachable" == ask(pair.world, "10.0.1.70", "db-1", 6000).verdict)


@pytest.mark.parametrize(("option", "address"), [(True, "10.9.3.20"), (False, PUBLIC), (None, PUBLIC)])
def test_a_public_name_means_the_private_address_where_a_peering_says_so(world: World, option: bool | None, address: str) -> None:
    """AWS's default is the public address, which is assumed where the option is not shown."""
    _, right, *_ = peered(world)
    right.subnet("10.9.3.0/24").instance("web-2", "10.9.3.20", right.group("sg-2"), public=PUBLIC)
    (peering,) = world.raw()[world.account, world.region]["VpcPeeringConnections"]
    options = {} if option is None else {"PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": option}}
    peering["AccepterVpcInfo"] |= options
    peering["RequesterVpcInfo"]["PeeringOptions"] = {"AllowDnsResolutionFromRemoteVpc": option is not True}
    found = ask(world, "web-1", f"ec2-{PUBLIC.replace('.', '-')}.compute.example", 443)
    assert {address} == ends(found)
    assert (option is None) == any("DNS resolution" == lacking.query.by for lacking in found.unread)


# ---------------------------------------------------------------- Lambda


def test_a_function_is_walked_from_each_of_its_interfaces(shop: Shop) -> None:
    """Its code may run behind either subnet's interface."""
    found = shop.ask()
    assert ("reachable",) == verdict(found)
    assert {"10.0.1.40", "10.0.3.40"} == {str(leg.source.address) for leg in found.path.legs}


@pytest.mark.parametrize("form", ["orders-fn", "lambda:orders-fn", "arn", "arn:live"])
def test_the_forms_of_a_functions_name(shop: Shop, form: str) -> None:
    """Name, prefixed name, ARN, and ARN of a version."""
    whole = arn(shop.world, "lambda", "function:orders-fn")
    assert "reachable" == shop.ask({"arn": whole, "arn:live": f"{whole}:live"}.get(form, form)).verdict


def test_one_of_a_functions_subnets_that_fails_is_partial(shop: Shop) -> None:
    """It works now and then: from the one zone and not from the other."""
    shop.app_b.acl()
    assert "partial" == shop.ask().verdict


def test_a_function_has_only_the_interfaces_with_exactly_its_groups(shop: Shop) -> None:
    """Another function of the same subnet has its own pair of subnet and groups."""
    function("other-fn", {shop.app: "10.0.1.50"}, shop.sg_fn, shop.vpc.group("sg-more"))
    assert {"10.0.1.50"} == {str(leg.source.address) for leg in shop.ask("other-fn").path.legs}
    assert {"10.0.1.40", "10.0.3.40"} == {str(leg.source.address) for leg in shop.ask().path.legs}


def test_a_function_outside_any_vpc_calls_from_the_internet(shop: Shop) -> None:
    """To a private database it has no way, and the answer says that no flow log shows its side."""
    function("stray-fn", {}, world=shop.world)
    found = shop.ask("stray-fn")
    assert ("blocked", "IN102") == verdict(found)
    assert "stray-fn (outside any VPC)" == found.path.legs[0].source.label
    assert any("no VPC flow log shows its side" in (unread.assumed or "") for unread in found.unread)
    assert "(orders-db); none shows the side of stray-fn (outside any VPC)\n" in str(found)


def test_the_answer_says_where_a_flow_log_would_show_it(shop: Shop) -> None:
    """On every interface of the path that is behind a name; where records were given, those speak for themselves."""
    faces = {leg.source.eni for leg in shop.ask().path.legs} | {leg.destination.eni for leg in shop.ask().path.legs}
    (line,) = (line for line in str(shop.ask()).splitlines() if "visible to flow logs on" in line)
    assert faces == set(re.findall(r"eni-\w+", line))


def test_no_address_is_shown_that_nobody_has(shop: Shop) -> None:
    """A host on the internet has no known address, and none is made up where several ways are told."""
    function("stray-fn", {}, world=shop.world)
    shop.database("other-db", "10.0.2.46")
    (first, *_) = re.findall(r"leg 1 of 2: .*", str(shop.ask("stray-fn")))
    assert first.startswith("leg 1 of 2: stray-fn (outside any VPC) → orders-db 10.0.2.4")


def test_nobody_connects_to_a_function_outside_any_vpc(shop: Shop) -> None:
    """As a destination it is explained, not walked to."""
    function("stray-fn", {}, world=shop.world)
    with pytest.raises(FlowdiagError, match="'stray-fn' runs outside any VPC"):
        shop.ask("orders-fn", "stray-fn")


def test_an_idle_function_without_interfaces_is_explained(shop: Shop) -> None:
    """Lambda takes them away when nothing calls the function for weeks."""
    group = shop.vpc.group("sg-idle")
    config = {"SubnetIds": [shop.app.id], "SecurityGroupIds": [group.id], "VpcId": shop.vpc.id}
    function("idle-fn", {}, world=shop.world, VpcConfig=config)
    with pytest.raises(FlowdiagError, match=r"'idle-fn' is a function in subnet-.*: they go when nothing calls it"):
        shop.ask("idle-fn")


def test_a_function_that_cannot_run_calls_nobody(world: World) -> None:
    """A failed function has its interfaces still."""
    shop = Shop(world)
    shop.function(State="Failed", StateReason="the role is gone")
    shop.database()
    assert ("blocked", "SV101") == verdict(shop.ask())


# ---------------------------------------------------------------- RDS and Aurora


@pytest.mark.parametrize(
    "form", ["orders-db", "Orders-DB", "rds:orders-db", "orders-db.abc123.us-east-1.rds.amazonaws.com", "arn"]
)
def test_the_forms_of_a_databases_name(shop: Shop, form: str) -> None:
    """Identifier in any case, prefixed, endpoint, ARN."""
    found = shop.ask(destination=arn(shop.world, "rds", "db:orders-db") if form == "arn" else form)
    assert ("reachable", {"10.0.2.45"}) == (found.verdict, ends(found))


def test_databases_that_look_alike_are_guesses(shop: Shop) -> None:
    """Two databases of one group and zone: nothing says whose interface is whose, and where they differ nothing is decided."""
    shop.database("other-db", "10.0.2.46")
    found = shop.ask()
    assert ("reachable", {"10.0.2.45", "10.0.2.46"}) == (found.verdict, ends(found))
    assert all(leg.guess for leg in found.path.legs)
    shop.data.acl().allow(100, "ingress").allow(100, "egress").deny(90, "ingress", cidr="0.0.0.0/0")
    assert "blocked" == shop.ask().verdict


def test_guesses_that_differ_are_inconclusive(shop: Shop) -> None:
    """One of two look-alikes answers to the client, the other does not."""
    shop.database("other-db", "10.0.2.46")
    shop.app.route("10.0.2.46/32", "nat-0dead", state="blackhole")
    shop.app_b.route("10.0.2.46/32", "nat-0dead", state="blackhole")
    assert "inconclusive" == shop.ask().verdict


def test_a_standby_in_another_zone_takes_no_connections(world: World) -> None:
    """The zone that the database lies in decides among its interfaces."""
    shop = Shop(world)
    shop.function()
    database("orders-db", {shop.data: "10.0.2.45", shop.data_b: "10.0.4.45"}, shop.sg_db, MultiAZ=True)
    assert {"10.0.2.45"} == ends(shop.ask())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("available", ("reachable",)),
        ("backing-up", ("reachable",)),
        ("stopped", ("blocked", "SV101")),
        ("rebooting", ("inconclusive", "SV191")),
        ("", ("inconclusive", "SV190")),
    ],
)
def test_the_state_of_a_database(world: World, status: str, expected: tuple[str, ...]) -> None:
    """A database that is stopped has its interface still; of some states AWS does not say whether it answers."""
    shop = Shop(world)
    shop.function()
    shop.database(DBInstanceStatus=status)
    assert expected == verdict(shop.ask())


def test_another_port_than_the_databases(shop: Shop) -> None:
    """The network lets it through, and nothing listens there."""
    shop.sg_db.ingress("tcp", 5432, shop.sg_fn)
    assert ("blocked", "SV102") == verdict(shop.ask(port=5432))


def test_options_may_open_more_ports(world: World) -> None:
    """An Oracle database shows one port and may listen on others."""
    shop = Shop(world)
    shop.function()
    shop.database(Engine="oracle-ee", port=1521)
    shop.sg_db.ingress("tcp", 5500, shop.sg_fn)
    assert ("inconclusive", "SV193") == verdict(shop.ask(port=5500))


def test_a_public_database_is_called_by_its_public_address_from_outside(shop: Shop) -> None:
    """Inside its VPC the endpoint is its private address, outside the public one."""
    shop.sg_db.ingress("tcp", 3306, "0.0.0.0/0")
    group = shop.vpc.group("sg-public")
    group.ingress("tcp", 3306, "0.0.0.0/0")
    database("public-db", {shop.data: "10.0.2.99"}, group, public="203.0.113.99")
    shop.data.route("0.0.0.0/0", shop.vpc.internet_gateway())
    assert {"203.0.113.99"} == ends(shop.ask("internet", "public-db"))
    assert {"10.0.2.99"} == ends(shop.ask("orders-fn", "public-db"))
    assert "reachable" == shop.ask("internet", "public-db").verdict


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("orders", {"10.0.2.51"}),
        ("aurora:orders", {"10.0.2.51"}),
        ("orders.cluster-abc123.us-east-1.rds.amazonaws.com", {"10.0.2.51"}),
        ("orders.cluster-ro-abc123.us-east-1.rds.amazonaws.com", {"10.0.4.52"}),
        ("reports.cluster-custom-abc123.us-east-1.rds.amazonaws.com", {"10.0.2.51", "10.0.4.52"}),
        ("orders-2.abc123.us-east-1.rds.amazonaws.com", {"10.0.4.52"}),
    ],
)
def test_the_endpoints_of_a_cluster(world: World, form: str, expected: set[str]) -> None:
    """The writer by the cluster's name, the readers by the reader endpoint, some of them by a custom one."""
    shop = Shop(world)
    shop.function()
    writer = database("orders-1", {shop.data: "10.0.2.51", shop.data_b: ""}, shop.sg_db)
    reader = database("orders-2", {shop.data_b: "10.0.4.52", shop.data: ""}, shop.sg_db)
    cluster("orders", writer, [reader], world)
    custom = {"DBClusterIdentifier": "orders", "DBClusterEndpointIdentifier": "reports", "CustomEndpointType": "ANY"}
    host = "reports.cluster-custom-abc123.us-east-1.rds.amazonaws.com"
    world.add("DBClusterEndpoints", "x", {**custom, "Endpoint": host, "EndpointType": "CUSTOM"})
    found = shop.ask(destination=form)
    assert ("reachable", expected) == (found.verdict, ends(found))


def test_the_reader_endpoint_of_a_cluster_without_readers_is_the_writer(world: World) -> None:
    """Aurora's reader endpoint falls back to the only member."""
    shop = Shop(world)
    shop.function()
    cluster("orders", database("orders-1", {shop.data: "10.0.2.51"}, shop.sg_db), [], world)
    assert {"10.0.2.51"} == ends(shop.ask(destination="orders.cluster-ro-abc123.us-east-1.rds.amazonaws.com"))


# ---------------------------------------------------------------- load balancers, gateways, endpoints, Elastic IPs


def _dns(shop: LoadBalancer, suffix: str) -> str:
    return f"internal-{shop.name}-1234567890.{suffix}"


@pytest.mark.parametrize("form", ["arn", "shop", "elb:shop", "alb", "nlb"])
def test_the_forms_of_a_load_balancers_name(world: World, form: str) -> None:
    """ARN, name, and the DNS names of both generations."""
    shop, app, _, sg_app, *_ = balanced(world)
    sg_app.ingress("tcp", 8443, "10.0.1.10/32")
    shop.listen(443, [app], to=8443)
    names = {"arn": shop.arn, "alb": _dns(shop, "us-east-1.elb.amazonaws.com"), "nlb": "shop-0a1b.elb.us-east-1.amazonaws.com"}
    found = ask(world, "web-1", names.get(form, form), 443)
    assert ("reachable", {"10.0.1.50"}) == (found.verdict, ends(found))
    assert "shop" == found.path.legs[0].destination.label


def test_every_node_of_a_load_balancer_is_walked(pair: Pair) -> None:
    """Its name gives one address in each zone; where one node fails it works now and then."""
    other = pair.vpc.subnet("10.0.8.0/24", zone="b")
    shop = LoadBalancer("shop", {pair.app: "10.0.1.50", other: "10.0.8.50"}, crosses_zones=True)
    shop.listen(443, [pair.db], to=5432)
    pair.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    found = ask(pair.world, "web-1", "shop", 443)
    assert ("reachable", {"10.0.1.50", "10.0.8.50"}) == (found.verdict, ends(found))
    other.acl()
    assert "partial" == ask(pair.world, "web-1", "shop", 443).verdict


@pytest.fixture
def zoned(pair: Pair) -> tuple[Pair, LoadBalancer]:
    """A Network Load Balancer with nodes in two zones, whose one target, `db-1`, is in zone a; nothing crosses zones."""
    pair.sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    return pair, LoadBalancer("shop", {pair.app: "10.0.1.50", pair.vpc.subnet("10.0.8.0/24", zone="b"): "10.0.8.50"})


@pytest.mark.parametrize("form", ["shop", "arn", "dns"])
def test_a_name_gives_no_node_of_a_zone_without_a_healthy_target(zoned: tuple[Pair, LoadBalancer], form: str) -> None:
    """AWS takes its address out of DNS; asked by that address, the node still has no target."""
    pair, shop = zoned
    shop.listen(443, [pair.db], to=5432)
    name = {"shop": "shop", "arn": shop.arn, "dns": "shop-0a1b.elb.us-east-1.amazonaws.com"}[form]
    found = ask(pair.world, "web-1", name, 443)
    assert ("reachable", {"10.0.1.50"}) == (found.verdict, ends(found))
    assert ("blocked", "LB102") == verdict(ask(pair.world, "web-1", "10.0.8.50", 443))
    assert ("blocked", "LB102") == verdict(ask(pair.world, "web-1", "us-east-1b.shop-0a1b.elb.us-east-1.amazonaws.com", 443))


@pytest.mark.parametrize(
    ("health", "attributes", "expected"),
    [
        ("unhealthy", {}, {"10.0.1.50", "10.0.8.50"}),
        ("healthy", {"target_group_health.dns_failover.minimum_healthy_targets.count": "off"}, {"10.0.1.50", "10.0.8.50"}),
        ("healthy", {"load_balancing.cross_zone.enabled": "true"}, {"10.0.1.50", "10.0.8.50"}),
        ("healthy", {"target_group_health.dns_failover.minimum_healthy_targets.count": "1"}, {"10.0.1.50"}),
    ],
)
def test_a_name_gives_every_node_where_no_zone_is_better(
    zoned: tuple[Pair, LoadBalancer], health: str, attributes: dict[str, str], expected: set[str]
) -> None:
    """With every zone as bad (fail open), where no zone has to have one of its own, and where the group wants none for DNS."""
    pair, shop = zoned
    shop.listen(443, [pair.db], to=5432, health=health, **attributes)
    assert expected == ends(ask(pair.world, "web-1", "shop", 443))


def test_every_target_group_counts_for_what_a_name_gives(zoned: tuple[Pair, LoadBalancer]) -> None:
    """A zone leaves DNS with all its listeners, where one of the groups has no healthy target there."""
    pair, shop = zoned
    far = pair.vpc.subnet("10.0.9.0/24", zone="b").instance("db-2", "10.0.9.20", pair.sg_db)
    shop.listen(443, [pair.db, far], to=5432)
    assert {"10.0.1.50", "10.0.8.50"} == ends(ask(pair.world, "web-1", "shop", 443))
    shop.listen(444, [far], to=5432)
    assert {"10.0.8.50"} == ends(ask(pair.world, "web-1", "shop", 443))


def test_a_name_gives_every_node_where_health_was_not_read(zoned: tuple[Pair, LoadBalancer]) -> None:
    """Not read is not unhealthy."""
    pair, shop = zoned
    shop.listen(443, [pair.db], to=5432)
    found = ask(pair.world, "web-1", "shop", 443, without=["LoadBalancerTargetHealth"])
    assert ("inconclusive", {"10.0.1.50", "10.0.8.50"}) == (found.verdict, ends(found))


def test_a_load_balancer_that_faces_the_internet_is_called_by_its_public_addresses(world: World) -> None:
    """Its DNS name gives them inside its VPC too."""
    vpc, subnet, group, *_ = public_web(world)
    shop = LoadBalancer("shop", {subnet: "10.0.1.70"}, group)
    shop.nodes[0].raw["Association"] = {"PublicIp": "203.0.113.70"}
    shop.nodes[0].raw["PrivateIpAddresses"][0]["Association"] = {"PublicIp": "203.0.113.70"}
    shop.listen(443, ["10.0.1.10"])
    assert {"203.0.113.70"} == ends(ask(world, "web-1", "shop", 443))
    assert vpc.id


def test_a_nat_gateway_by_its_id_is_no_destination(world: World) -> None:
    """Nothing may be opened towards it."""
    *_, nat = behind_nat(world)
    assert "blocked" == ask(world, "app-1", nat, 443).verdict


@pytest.mark.parametrize("form", ["id", "dns", "ec2.us-east-1.amazonaws.com"])
def test_the_forms_of_an_interface_endpoints_name(pair: Pair, form: str) -> None:
    """Id, DNS name of its own, and the service's name with private DNS."""
    pair.sg_db.ingress("tcp", 443, "10.0.0.0/16")
    entries = {"DnsEntries": [{"DnsName": "ec2.us-east-1.amazonaws.com", "HostedZoneId": "Z1"}]}
    id = interface_endpoint(pair.data, "10.0.2.99", pair.sg_db, **entries)
    names = {"id": id, "dns": f"{id}-abcdefgh.ec2.us-east-1.vpce.amazonaws.com"}
    found = ask(pair.world, "web-1", names.get(form, form), 443)
    assert ("reachable", {"10.0.2.99"}) == (found.verdict, ends(found))


def test_a_gateway_endpoint_stands_for_an_address_of_its_service(pair: Pair) -> None:
    """It has no interface: the service's prefix list gives the address, and the route table the way."""
    s3 = gateway_endpoint(pair.vpc)
    service = {"PrefixListId": pair.world.prefix_list("203.0.113.0/24"), "PrefixListName": "com.amazonaws.us-east-1.s3"}
    pair.world.add("PrefixLists", "pl", {**service, "Cidrs": ["203.0.113.0/24"]})
    pair.app.route(service["PrefixListId"], s3)
    found = ask(pair.world, "web-1", s3, 443)
    assert ("reachable", {"203.0.113.1"}) == (found.verdict, ends(found))


@pytest.mark.parametrize("form", ["203.0.113.9", "id", "eip:spare"])
def test_an_elastic_ip_that_is_associated_with_nothing_is_explained(pair: Pair, form: str) -> None:
    """Nobody answers there, and the reason is in the sentence."""
    id = elastic_ip(pair.world, "203.0.113.9", name="spare")
    with pytest.raises(FlowdiagError, match=r"is the Elastic IP 203\.0\.113\.9 .*associated with nothing"):
        ask(pair.world, "web-1", id if form == "id" else form, 443)


def test_an_elastic_ip_stands_for_its_interface(world: World) -> None:
    """By its allocation id the public address is meant."""
    _, subnet, group, *_ = public_web(world)
    face = subnet.interface("10.0.1.60", group, public="203.0.113.60")
    found = ask(world, "internet", elastic_ip(world, "203.0.113.60", face), 443)
    assert {("203.0.113.60", face.id)} == {(str(leg.destination.address), leg.destination.eni) for leg in found.path.legs}


# ---------------------------------------------------------------- which is meant


def test_a_name_that_several_services_have_is_asked_back(shop: Shop) -> None:
    """The error lists each with a text that names it alone, and both work."""
    function("orders-db", {shop.app: "10.0.1.60"}, shop.vpc.group("sg-other"))
    with pytest.raises(
        FlowdiagError, match="'orders-db' is the name of 2 resources: say which with one of lambda:orders-db, rds:orders-db"
    ):
        shop.ask()
    assert {"10.0.2.45"} == ends(shop.ask(destination="rds:orders-db"))


def test_two_ends_of_one_name_are_called_by_what_was_typed(shop: Shop) -> None:
    """`orders → orders` would not tell which is which."""
    function("orders", {shop.app: "10.0.1.60"}, shop.sg_fn)
    shop.database("orders", "10.0.2.60")
    found = shop.ask("lambda:orders", "rds:orders")
    assert {("lambda:orders", "rds:orders")} == {(leg.source.label, leg.destination.label) for leg in found.path.legs}
    assert "lambda:orders → rds:orders, tcp/3306" in str(found).splitlines()[0]


def test_two_interfaces_of_one_name_are_told_with_their_addresses(shop: Shop) -> None:
    """An id alone tells nobody which is meant."""
    for last in (70, 71):
        shop.data.interface(f"10.0.2.{last}", shop.sg_db, TagSet=[{"Key": "Name", "Value": "twin"}])
    with pytest.raises(
        FlowdiagError, match=r"'twin' is the name of 2 resources: .*eni-\w+ \(10.0.2.70\), eni-\w+ \(10.0.2.71\)$"
    ):
        shop.ask(destination="twin")


MISTAKEN = (
    ("10.0.2.300", "is no IP address: write four numbers from 0 to 255"),
    ("10.0.2.0/24", "is a range of addresses: give one address in it"),
    ("2001:db8::/64", "is a range of addresses: give one address in it"),
    ("db.rds.amazonaws.com:3306", "is a name with its port, an argument of its own: leave ':3306' out and give it as the port"),
    ("10.0.2.45:3306", "is a name with its port, an argument of its own: leave ':3306' out and give it as the port"),
    ("lambda:order", "is no lambda function in what was read: give another name, an id, or an address"),
    ("x.abc.us-east-1.rds.amazonaws.com", "is no DB instance in what was read: resolve the name and give the address"),
)


@pytest.mark.parametrize(("text", "sentence"), MISTAKEN)
def test_a_text_that_names_nothing_is_told_by_its_form(shop: Shop, text: str, sentence: str) -> None:
    """The sentence is about what was typed, not about interfaces in general."""
    with pytest.raises(FlowdiagError) as caught:
        shop.ask(destination=text)
    assert f"{text!r} {sentence}" == str(caught.value)


def test_an_unknown_word_before_a_colon_is_told_with_the_known_ones(shop: Shop) -> None:
    """A Name tag that looks so is still found."""
    with pytest.raises(
        FlowdiagError, match=r"'lamda:orders' starts with 'lamda', which is no word for a service: known are aurora, .*rds"
    ):
        shop.ask("lamda:orders")
    shop.app.instance("lamda:orders", "10.0.1.77", shop.sg_fn)
    assert "reachable" == shop.ask("lamda:orders").verdict


@pytest.mark.parametrize("destination", ["internet", "198.51.100.9"])
def test_a_function_outside_any_vpc_needs_none_to_reach_the_internet(shop: Shop, destination: str) -> None:
    """There is nothing of a VPC to walk, and the sentence says so instead of asking for a name in AWS."""
    function("stray-fn", {}, world=shop.world)
    with pytest.raises(
        FlowdiagError, match=r"'stray-fn' calls from outside any VPC and needs none for it: .* no flow log shows it"
    ):
        shop.ask("stray-fn", destination, 443)


def test_a_name_tag_is_found_before_a_services_name(shop: Shop) -> None:
    """EC2's own names come first, as they always did."""
    shop.data.instance("orders-db", "10.0.2.77", shop.sg_db)
    assert {"10.0.2.77"} == ends(shop.ask())


@pytest.mark.parametrize("absent", ["Reservations", "Addresses", "DBClusters", "VpcEndpoints", "NatGateways", "LoadBalancers"])
def test_replies_about_other_things_are_not_needed(shop: Shop, absent: str) -> None:
    """A folder that holds the database need not hold what the name might have been instead."""
    found = ask(shop.world, "orders-fn", "orders-db", 3306, without=[absent])
    assert ("reachable", ()) == (found.verdict, tuple(u for u in found.unread if absent != "Reservations"))


@pytest.mark.parametrize("absent", ["DBInstances", "NetworkInterfaces", "Functions"])
def test_a_service_that_was_not_read_is_not_found(shop: Shop, absent: str) -> None:
    """Not read is not absent: the sentence offers other evidence."""
    with pytest.raises(FlowdiagError):
        ask(shop.world, "orders-fn", "orders-db", 3306, without=[absent])


@pytest.mark.parametrize(
    ("prefix", "pod", "far"),
    [
        ({"Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.32/28"}]}, "10.0.1.33", "10.0.2.20"),
        ({"Ipv6Prefixes": [{"Ipv6Prefix": "2001:db8:1:1:aaaa::/80"}]}, "2001:db8:1:1:aaaa::5", "2001:db8:1:2::20"),
    ],
)
def test_an_address_of_a_delegated_prefix_names_its_interface(pair6, prefix, pod, far):
    """Pods are asked about by their own addresses, as source and as destination."""
    pair6.web.eni.raw.update(prefix)
    for question in ((pod, far), (far, pod)):
        ends = ask(pair6.world, *question).path.legs[0]
        assert pair6.web.eni.id in (ends.source.eni, ends.destination.eni)
