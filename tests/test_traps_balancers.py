"""Traps of load balancers of every kind and of what stands behind endpoints: where a guess would be a false answer."""

import pytest
from aws_replay import replay_session
from scenes import balanced, codes, verdict
from scenes_balancers import classic, forward, inspected, linked, site
from world import World
from world_balancers import LoadBalancer
from world_services import interface_endpoint

from flowdiag import Snapshot, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather_vpcs

OPEN, SG_DENIES = ("reachable",), ("blocked", "SG102")


def entries(world, key):
    """The raw entries under a response key."""
    return world.raw()[world.account, world.region][key]


def asked(world, source, destination, port, *others, **more):
    """The diagnosis from everything in the worlds."""
    without = more.pop("without", ())
    return diagnose(source, destination, port, snapshot=world.snapshot(*others, without=without), **more)


def live(world, source, destination, port, **more):
    """The diagnosis from a replay of AWS, which has to read all that it needs."""
    session = replay_session(world.raw()[world.account, world.region], account=world.account, region=world.region)
    return diagnose(source, destination, port, session=session, **more)


def lacking(found):
    """The kinds that were wanted and not had, but for flow logs, which belong to no path."""
    return {unread.query.kind for unread in found.unread} - {"flow_log"}


def idle(found):
    """The idle timeouts that findings name."""
    return {f.idle_timeout for f in found.path.findings if f.idle_timeout is not None}


# ---------------------------------------------------------------- rules and weights


@pytest.mark.parametrize(("weights", "expected"), [([1, 1], "partial"), ([1, 0], "reachable"), ([0, 1], "blocked")])
def test_every_group_with_a_weight_gets_its_share(world, weights, expected):
    """A group of weight 0 gets nothing; of two that get something, one that refuses makes it intermittent."""
    balancer, app, _, shut = site(world)
    arns = [balancer.group(8443, [host], name=name) for host, name in ((app, "open"), (shut, "shut"))]
    balancer.answer(443, "HTTPS", forward(*arns, weights=weights))
    assert expected == asked(world, "web-1", "10.0.1.50", 443).verdict


def test_which_rule_a_request_meets_is_not_known(world):
    """One rule leads to a host that admits it, the other to one that does not: neither is the answer."""
    balancer, app, _, shut = site(world)
    balancer.listen(443, [app], to=8443, protocol="HTTPS")
    balancer.rule(1, forward(balancer.group(8443, [shut], name="shut")), host_header=["api.example.com"])
    assert "inconclusive" == asked(world, "web-1", "10.0.1.50", 443).verdict


def test_rules_are_asked_by_their_number(world):
    """The rule of the lower number decides for this client, in whatever order AWS lists them."""
    balancer, app, _, shut = site(world)
    balancer.listen(443, [shut], to=8443, protocol="HTTPS")
    balancer.rule(20, forward(balancer.group(8443, [shut], name="shut")), source_ip=["10.0.0.0/16"])
    balancer.rule(3, forward(balancer.group(8443, [app], name="open")), source_ip=["10.0.1.10/32"])
    assert OPEN == verdict(asked(world, "web-1", "10.0.1.50", 443))


def test_a_rule_for_other_clients_does_not_count(world):
    """Its condition names an address that is not the client's."""
    balancer, app, _, shut = site(world)
    balancer.listen(443, [app], to=8443, protocol="HTTPS")
    balancer.rule(1, forward(balancer.group(8443, [shut], name="shut")), source_ip=["192.0.2.0/24"], path_pattern=["/*"])
    assert OPEN == verdict(asked(world, "web-1", "10.0.1.50", 443))


def test_a_network_load_balancer_has_rules_only_where_it_is_dual_stack(world):
    """Those of an IPv4 one are not even asked for."""
    shop, app, _, sg_app, *_ = balanced(world)
    sg_app.ingress("tcp", 8443, "10.0.1.0/24")
    shop.listen(443, [app], to=8443)
    assert OPEN == verdict(asked(world, "web-1", "10.0.1.50", 443, without=["ListenerRules"]))
    shop.raw["IpAddressType"] = "dualstack"
    assert ("inconclusive", "LB196") == verdict(asked(world, "web-1", "10.0.1.50", 443, without=["ListenerRules"]))


@pytest.mark.parametrize(("client", "expected"), [("10.6.1.10", "LB194"), ("2001:db8:6:1::10", "LB116")])
def test_over_udp_the_ip_version_of_targets_counts(world, client, expected):
    """IPv6 clients need IPv6 targets; IPv4 clients come to those with an address that no describe call shows."""
    vpc = world.vpc("10.6.0.0/16", ipv6="2001:db8:6::/56")
    edge = vpc.subnet("10.6.1.0/24", "2001:db8:6:1::/64")
    edge.instance("client", "10.6.1.10", vpc.default_group, ipv6=["2001:db8:6:1::10"])
    dns = LoadBalancer("dns", {edge: "10.6.1.50"}, IpAddressType="dualstack", crosses_zones=True)
    dns.nodes[0].raw["Ipv6Addresses"] = [{"Ipv6Address": "2001:db8:6:1::50"}]
    dns.listen(53, ["10.6.1.20" if ":" in client else "2001:db8:6:1::20"], protocol="UDP")
    node = "2001:db8:6:1::50" if ":" in client else "10.6.1.50"
    assert expected == codes(asked(world, client, node, 53, protocol="udp"))[0]


# ---------------------------------------------------------------- a load balancer behind a load balancer


@pytest.mark.parametrize(("admits", "expected"), [("10.0.1.10/32", OPEN), ("10.0.1.50/32", SG_DENIES)])
def test_an_application_load_balancer_sees_the_client_through_a_network_one(world, admits, expected):
    """Its group has to admit the client, and not the Network Load Balancer's node."""
    shop, app, _, sg_app, _, back = balanced(world)
    sg_site = shop.vpc.group("sg-site")
    sg_site.ingress("tcp", 443, admits)
    sg_app.ingress("tcp", 8443, sg_site)
    behind = LoadBalancer("site", {back: "10.0.2.60"}, sg_site, type="application")
    behind.listen(443, [app], to=8443, protocol="HTTPS")
    shop.listen(443, [behind.arn], target_type="alb")
    assert expected == verdict(asked(world, "web-1", "10.0.1.50", 443))
    assert expected == verdict(live(world, "web-1", "10.0.1.50", 443))


def test_nodes_that_were_not_read_are_no_missing_target(world):
    """Where the nodes of the load balancer behind are not known, nothing is said of it."""
    shop, *_ = balanced(world)
    shop.listen(443, ["arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/gone/0a1"], target_type="alb")
    assert "inconclusive" == asked(world, "web-1", "10.0.1.50", 443).verdict


# ---------------------------------------------------------------- idle timeouts


@pytest.mark.parametrize(
    ("protocol", "attributes", "expected"),
    [
        ("TCP", {}, 350),
        ("TCP", {"tcp.idle_timeout.seconds": "900"}, 900),
        ("TLS", {"tcp.idle_timeout.seconds": "900"}, 350),
        ("UDP", {}, 120),
    ],
)
def test_the_idle_timeout_of_a_network_load_balancer(world, protocol, attributes, expected):
    """An attribute of the listener for TCP; fixed for TLS and UDP. The finding names it, and so does its evidence."""
    shop, app, sg_web, sg_app, *_ = balanced(world)
    sg_app.ingress("-1", None, sg_web)
    shop.listen(443, [app], to=8443, protocol=protocol)
    entries(world, "ListenerAttributes")[0]["Attributes"] = [{"Key": k, "Value": v} for k, v in attributes.items()]
    found = asked(world, "web-1", "10.0.1.50", 443, protocol="udp" if protocol == "UDP" else "tcp")
    assert {expected} == idle(found)
    assert any(f"idle timeout {expected} s" == e.text for f in found.path.findings for e in f.evidence)


def test_the_idle_timeout_of_an_application_load_balancer(world):
    """An attribute of the load balancer, 60 s by default; the default is listed as assumed where it was not read."""
    balancer, app, *_ = site(world)
    balancer.listen(443, [app], to=8443, protocol="HTTPS")
    assert {60} == idle(asked(world, "web-1", "10.0.1.50", 443))
    balancer.attributes.append({"Key": "idle_timeout.timeout_seconds", "Value": "4000"})
    assert {4000} == idle(asked(world, "web-1", "10.0.1.50", 443))
    assumed = asked(world, "web-1", "10.0.1.50", 443, without=["LoadBalancerAttributes"])
    assert {60} == idle(assumed)
    assert ["AWS's default: an idle timeout of 60 s"] == [u.assumed for u in assumed.unread]


def test_the_idle_timeouts_of_classic_and_gateway_load_balancers(world):
    """60 s and 350 s, unless they say otherwise."""
    legacy, one, _ = classic(world)
    legacy.register(one)
    entries(world, "ClassicLoadBalancerAttributes")[0]["LoadBalancerAttributes"]["ConnectionSettings"]["IdleTimeout"] = 30
    assert {30} == idle(asked(world, "client", "10.0.1.70", 80))
    other = World("222233334444")
    inspected(other)
    assert {350} == idle(asked(other, "web-1", "db-1", 5432))


# ---------------------------------------------------------------- classic


def test_a_classic_load_balancer_is_read_live(world):
    """Its listeners, instances, health and attributes, by the calls of its own API."""
    legacy, one, _ = classic(world)
    legacy.register(one)
    found = live(world, "client", "10.0.1.70", 80)
    assert (OPEN, set()) == (verdict(found), lacking(found))


@pytest.mark.parametrize(("crosses", "expected"), [(True, OPEN), (False, ("blocked", "LB114"))])
def test_a_classic_node_keeps_to_its_zone_unless_it_crosses_zones(world, crosses, expected):
    """The only instance in service stands in the other zone."""
    legacy, _, two = classic(world, crosses)
    legacy.register(two)
    assert expected == verdict(asked(world, "client", "10.0.1.70", 80))


def test_whether_a_classic_load_balancer_crosses_zones_has_no_default(world):
    """It is off where it was made by the API, on where it was made in the console: unread, it decides nothing."""
    legacy, one, two = classic(world)
    legacy.register(two)
    without = ["ClassicLoadBalancerAttributes"]
    assert "inconclusive" == asked(world, "client", "10.0.1.70", 80, without=without).verdict
    legacy.raw["Instances"] = [{"InstanceId": one.id}]
    legacy.health[0]["InstanceId"] = one.id
    assert "reachable" == asked(world, "client", "10.0.1.70", 80, without=without).verdict


def test_a_classic_load_balancer_does_not_fail_open(world):
    """Without an instance in service nobody gets the request; without its health that is not known."""
    legacy, one, _ = classic(world)
    legacy.register(one, "OutOfService")
    assert ("blocked", "LB115") == verdict(asked(world, "client", "10.0.1.70", 80))
    assert ("inconclusive", "LB191") == verdict(asked(world, "client", "10.0.1.70", 80, without=["ClassicLoadBalancerHealth"]))


def test_instances_in_zones_that_are_not_enabled_get_nothing(world):
    """Even across zones a Classic Load Balancer sends only into zones that are enabled for it."""
    legacy, _, two = classic(world, crosses_zones=True)
    legacy.register(two)
    legacy.raw["AvailabilityZones"] = ["us-east-1a"]
    assert ("blocked", "LB117") == verdict(asked(world, "client", "10.0.1.70", 80))


# ---------------------------------------------------------------- PrivateLink


def test_a_service_of_ones_own_is_read_live(world):
    """The service, its load balancer and the target, with nothing left unread."""
    linked(world)
    found = live(world, "web-1", "10.0.9.9", 443)
    assert (OPEN, set()) == (verdict(found), lacking(found))


def test_a_service_of_another_account_is_followed_where_that_was_read_too(world):
    """With the provider's folder in the snapshot the path goes on; zones are then compared by id."""
    provider = World("444455556666")
    linked(world, provider)
    for one in (world, provider):
        for subnet in entries(one, "Subnets"):
            subnet["AvailabilityZoneId"] = "use1-az4"
    entries(provider, "ServiceConfigurations")[0]["AvailabilityZoneIds"] = ["use1-az4"]
    assert OPEN == verdict(asked(world, "web-1", "10.0.9.9", 443, provider))
    entries(provider, "SecurityGroups")[-1]["IpPermissions"] = []
    assert "blocked" == asked(world, "web-1", "10.0.9.9", 443, provider).verdict


@pytest.mark.parametrize("blocked", [False, True])
def test_a_service_whose_owner_was_not_read_is_not_known_to_answer(world, blocked):
    """The consumer's empty reply tells that the service is another's, and nothing of its listener, targets and groups."""
    provider = World("444455556666")
    _, _, sg_app, *_ = linked(world, provider)
    if blocked:
        sg_app.raw["IpPermissions"] = []
    services = provider.raw()[provider.account, provider.region].pop("ServiceConfigurations")
    for seen in (asked(world, "web-1", "10.0.9.9", 443), asked(world, "web-1", "10.0.9.9", 443, provider)):
        assert ("inconclusive", "EP199") == verdict(seen)
        assert [("vpc_endpoint_service", services[0]["ServiceId"])] == [(u.query.kind, u.query.value) for u in seen.unread]
        assert all("DescribeVpcEndpointServiceConfigurations" in unread.reason for unread in seen.unread)


def test_a_group_reference_is_lost_over_private_link(world):
    """The load balancer's inbound rules see the client's address and not its group, even in one VPC's own account."""
    shop, sg_web, *_ = linked(world)
    sg_shop = shop.vpc.group("sg-shop")
    sg_shop.ingress("tcp", 443, sg_web)
    shop.nodes[0].raw["Groups"] = [{"GroupId": sg_shop.id, "GroupName": "sg-shop"}]
    assert ("blocked", "SG105") == verdict(asked(world, "web-1", "10.0.9.9", 443))


def test_no_target_is_its_own_client_over_private_link(world):
    """The client's address is never kept there, so a target can call itself by the endpoint."""
    shop, _, _sg_app, front, _target = linked(world)
    door = shop.vpc.group("sg-own-door")
    door.ingress("-1", None, "10.9.0.0/16")
    interface_endpoint(front, "10.9.1.9", door, service=entries(world, "ServiceConfigurations")[0]["ServiceName"])
    assert OPEN == verdict(asked(world, "app-1", "10.9.1.9", 443))


def test_which_of_two_load_balancers_an_endpoint_got_is_not_known(world):
    """They were chosen at random, so they have to agree."""
    _shop, _, _, front, target = linked(world)
    other = LoadBalancer("other", {front: "10.9.1.60"})
    entries(world, "ServiceConfigurations")[0]["NetworkLoadBalancerArns"].append(other.arn)
    assert "inconclusive" == asked(world, "web-1", "10.0.9.9", 443).verdict
    other.listen(443, [target], to=8443)
    assert OPEN == verdict(asked(world, "web-1", "10.0.9.9", 443))


def test_a_node_that_is_not_among_the_interfaces_is_not_missing(world):
    """The load balancer is enabled for the zone, so its node is there, read or not."""
    shop, *_ = linked(world)
    entries(world, "NetworkInterfaces").remove(shop.nodes[0].raw)
    assert ("inconclusive", "ES190") == verdict(asked(world, "web-1", "10.0.9.9", 443))


# ---------------------------------------------------------------- appliances


def test_appliances_are_read_live(world):
    """Endpoint, service, load balancer and appliance are read; what the appliance does is not to be had."""
    inspected(world)
    found = live(world, "web-1", "db-1", 5432)
    assert ("inconclusive", "AP190") == verdict(found)
    assert {"appliance"} == lacking(found)


def test_both_directions_keep_to_one_appliance(world):
    """Two appliances are two ways, and the reply of each comes back by the same one."""
    inspected(world, appliances=2)
    found = asked(world, "web-1", "db-1", 5432)
    taken = [[f.resource for f in leg.findings if f.table == "appliance"] for leg in found.path.legs]
    assert 2 == len(taken)
    assert all(there == back for there, back in taken)
    assert 2 == len({there for there, _ in taken})


def test_what_stands_behind_appliances_is_found_too(world):
    """The verdict stays open, and the blocker behind is told all the same."""
    *_, sg_db, _ = inspected(world)
    sg_db.raw["IpPermissions"] = []
    found = asked(world, "web-1", "db-1", 5432)
    assert "inconclusive" == found.verdict
    assert "SG103" in codes(found)


def test_groups_are_not_seen_through_appliances(world):
    """A rule that names the client's group does not match what comes out of the endpoint."""
    *_, sg_db, sg_web = inspected(world)
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    assert "SG105" in codes(asked(world, "web-1", "db-1", 5432))


def test_the_network_acl_before_the_endpoint_is_asked_in_the_same_subnet_too(world):
    """Servers that share the subnet of the endpoint meet its network ACL on their way in."""
    app, _data, *_ = inspected(world)
    endpoint = entries(world, "VpcEndpoints")[0]
    endpoint["SubnetIds"] = [app.id]
    app.acl().allow(100, "egress").deny(90, "ingress", "tcp", 5432, "10.0.1.0/24").allow(100, "ingress")
    assert ("blocked", "NA102") == verdict(asked(world, "web-1", "db-1", 5432))


def test_an_endpoint_that_is_not_accepted_carries_nothing(world):
    """Whatever stands behind it."""
    inspected(world)
    entries(world, "VpcEndpoints")[0]["State"] = "pendingAcceptance"
    assert ("blocked", "EP101") == verdict(asked(world, "web-1", "db-1", 5432))


def test_an_appliance_that_does_not_run_takes_nothing(world):
    """A stopped appliance is seen where the envelope arrives."""
    inspected(world)
    entries(world, "Reservations")[-1]["Instances"][0]["State"] = {"Code": 80, "Name": "stopped"}
    assert ("blocked", "NI101") == verdict(asked(world, "web-1", "db-1", 5432))


# ---------------------------------------------------------------- captures


@pytest.mark.parametrize(
    ("build", "question"),
    [
        (lambda world: (lambda legacy, one, _: legacy.register(one))(*classic(world)), ("client", "10.0.1.70", 80)),
        (lambda world: linked(world), ("web-1", "10.0.9.9", 443)),
        (lambda world: inspected(world), ("web-1", "db-1", 5432)),
    ],
    ids=["classic", "service", "appliances"],
)
def test_a_capture_of_vpcs_holds_what_their_load_balancers_and_services_need(world, build, question, tmp_path):
    """Offline the captured VPCs answer what they answer live, with nothing left unread that could be read."""
    build(world)
    raw = world.raw()[world.account, world.region]
    session = replay_session(raw, account=world.account, region=world.region)
    gather_vpcs([vpc["VpcId"] for vpc in raw["Vpcs"]], Access(session)).snapshot.save(tmp_path / "vpcs")
    held = diagnose(*question, snapshot=Snapshot.load(tmp_path / "vpcs"))
    assert verdict(live(world, *question)) == verdict(held)
    assert set() == lacking(held) - {"appliance"}


# ---------------------------------------------------------------- groups of clients, and how many targets are enough


@pytest.mark.parametrize("grouped", [False, True])
def test_a_targets_rule_cannot_name_the_clients_group(world, grouped):
    """Though the client's address is kept: only the load balancer's own group may be named, or the client's addresses."""
    shop, app, sg_web, sg_app, *_ = balanced(world)
    if grouped:
        sg_shop = shop.vpc.group("sg-of-shop")
        sg_shop.ingress("tcp", 443, "10.0.0.0/16")
        shop.nodes[0].raw["Groups"] = [{"GroupId": sg_shop.id, "GroupName": "sg-of-shop"}]
    sg_app.ingress("tcp", 8443, sg_web)
    shop.listen(443, [app], to=8443)
    assert ("blocked", "SG105") == verdict(asked(world, "web-1", "10.0.1.50", 443))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "reachable"),
        ({"count": "1", "percentage": "off"}, "reachable"),
        ({"count": "2"}, "partial"),
        ({"percentage": "50"}, "reachable"),
        ({"percentage": "51"}, "partial"),
    ],
)
def test_below_the_minimum_of_healthy_targets_all_get_requests(world, attributes, expected):
    """Those that are unhealthy too, so that what stands before them decides for some of the connections."""
    shop, app, _, sg_app, _, back = balanced(world)
    sg_app.ingress("tcp", 8443, "10.0.1.0/24")
    ill = back.instance("app-2", "10.0.2.21", shop.vpc.group("sg-shut"))
    minimum = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
    shop.listen(443, [app, ill], to=8443, **{f"{minimum}.{key}": value for key, value in attributes.items()})
    targets = entries(world, "LoadBalancerTargetHealth")[0]["TargetHealthDescriptions"]
    targets[1]["TargetHealth"] = {"State": "unhealthy", "Reason": "Target.FailedHealthChecks"}
    assert expected == asked(world, "web-1", "10.0.1.50", 443).verdict


def test_a_target_in_a_peered_vpc_may_see_the_clients_address(world):
    """A Network Load Balancer sends it on over a peering, though the client is of neither VPC."""
    edge, far = world.vpc("10.8.0.0/16"), world.vpc("10.9.0.0/16")
    near, there = edge.subnet("10.8.1.0/24"), far.subnet("10.9.1.0/24")
    edge.route("0.0.0.0/0", edge.internet_gateway())
    peering = world.peer(edge, far)
    edge.route("10.9.0.0/16", peering)
    far.route("10.8.0.0/16", peering)
    sg = far.group("sg-target")
    sg.ingress("tcp", 443, "0.0.0.0/0")
    there.instance("target", "10.9.1.10", sg)
    front = LoadBalancer("front", {near: "10.8.1.60"}, Scheme="internet-facing")
    node = front.nodes[0].raw
    node["Association"] = {"PublicIp": "203.0.113.60"}
    node["PrivateIpAddresses"][0]["Association"] = {"PublicIp": "203.0.113.60"}
    front.listen(443, ["10.9.1.10"], **{"preserve_client_ip.enabled": "true"})
    assert OPEN == verdict(asked(world, "198.51.100.7", "203.0.113.60", 443))
