"""Traps of transit gateways, load balancers and endpoints: where a guess would be a false answer."""

import pytest
from aws_replay import replay_session
from scenes import ask, balanced, codes, hubbed, verdict
from world import World
from world_services import TransitGateway, egress_only_gateway, gateway_endpoint, interface_endpoint

from flowdiag import Snapshot, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather_vpcs

PRESERVED = "preserve_client_ip.enabled"
OPEN, SG_DENIES, LOST = ("reachable",), ("blocked", "SG102"), ("blocked", "SG106")


def entries(world, key):
    """The raw entries under a response key."""
    return world.raw()[world.account, world.region][key]


# ---------------------------------------------------------------- transit gateways


@pytest.mark.parametrize(("referencing", "expected"), [("enable", OPEN), ("disable", LOST)])
def test_a_group_is_seen_across_a_transit_gateway_where_it_supports_that(world, referencing, expected):
    """The gateway's option is off by default, that of the attachments on."""
    *_, sg_web, sg_db = hubbed(world, referencing=referencing)
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    assert expected == verdict(ask(world, "web-1", "db-1"))


def test_an_attachment_can_refuse_to_show_groups(world):
    """One attachment without the option is enough to lose the sender's group."""
    *_, sg_web, sg_db = hubbed(world, referencing="enable")
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    entries(world, "TransitGatewayVpcAttachments")[1]["Options"]["SecurityGroupReferencingSupport"] = "disable"
    assert LOST == verdict(ask(world, "web-1", "db-1"))


@pytest.mark.parametrize(
    ("zone", "id", "expected"),
    [
        ("us-east-1e", "use1-az3", "blocked"),
        ("us-east-1-wl1-bos-wlz-1", "use1-wl1-bos-wlz1", "blocked"),
        ("us-east-1-bos-1a", "use1-bos1-az1", "inconclusive"),
        ("us-east-1a", "use1-az1", "reachable"),
    ],
)
def test_zones_in_which_no_group_is_seen_across_a_transit_gateway(world, zone, id, expected):
    """One zone is named on AWS's page, and of Local Zones some, which changed over time."""
    *_, sg_web, sg_db = hubbed(world, referencing="enable")
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    for subnet in entries(world, "Subnets"):
        subnet |= {"AvailabilityZone": zone, "AvailabilityZoneId": id}
    assert expected == ask(world, "web-1", "db-1").verdict


def test_endpoints_and_mount_targets_see_no_group_across_a_transit_gateway(world):
    """An interface endpoint never does, a mount target of EFS where its group lets everything out."""
    _, _, data, sg_web, _ = hubbed(world, referencing="enable")
    group = data.vpc.group("sg-services")
    group.ingress("tcp", 443, sg_web)
    group.ingress("tcp", 2049, sg_web)
    interface_endpoint(data, "10.9.2.50", group)
    data.interface("10.9.2.60", group, Description="EFS mount target for fs-0a1 (fsmt-0a1)")
    assert ("blocked", "SG106") == verdict(ask(world, "web-1", "10.9.2.50", 443))
    assert "SG106" not in codes(ask(world, "web-1", "10.9.2.60", 2049))
    group.raw["IpPermissionsEgress"] = []
    assert ("blocked", "SG106") == verdict(ask(world, "web-1", "10.9.2.60", 2049))


def test_options_that_were_not_read_leave_a_reference_open(world):
    """Without the gateway's options a rule by group may match or not; a rule by CIDR decides all the same."""
    *_, sg_web, sg_db = hubbed(world)
    assert OPEN == verdict(ask(world, "web-1", "db-1", without=["TransitGateways"]))
    sg_db.raw["IpPermissions"] = []
    sg_db.ingress("tcp", 5432, sg_web)
    assert "inconclusive" == ask(world, "web-1", "db-1", without=["TransitGateways"]).verdict


@pytest.mark.parametrize("way", ["ingress", "egress"])
@pytest.mark.parametrize("side", ["near", "far"])
def test_network_acls_of_attachment_subnets_apply(world, side, way):
    """Inbound what the VPC sends in (the request near, the reply far), outbound what comes out of the gateway."""
    _, app, data, *_ = hubbed(world)
    subnet = app.vpc.subnet("10.0.8.0/28") if side == "near" else data.vpc.subnet("10.9.8.0/28")
    entries(world, "TransitGatewayVpcAttachments")[0 if side == "near" else 1]["SubnetIds"] = [subnet.id]
    subnet.acl().allow(100, "egress" if way == "ingress" else "ingress")
    found = ask(world, "web-1", "db-1")
    assert "blocked" == found.verdict
    assert {"NA101", "NA102", "NA103", "NA104"} >= set(codes(found))


def test_an_instance_in_the_attachments_subnet_gets_its_packets_past_the_network_acl(world):
    """From the transit gateway into the attachment's own subnet neither direction of the network ACL is asked."""
    _, _, data, *_ = hubbed(world)
    entries(world, "TransitGatewayVpcAttachments")[1]["SubnetIds"] = [data.id]
    data.acl().deny(90, "ingress", "tcp", 5432, "0.0.0.0/0").allow(100, "ingress").allow(100, "egress")
    assert OPEN == verdict(ask(world, "web-1", "db-1"))


def test_in_appliance_mode_any_zone_may_be_taken(world):
    """Without it the sender's zone is kept; with it a broken zone leaves the answer open."""
    _, _, data, *_ = hubbed(world)
    other = data.vpc.subnet("10.9.8.0/28", zone="b")
    other.acl()
    attachment = entries(world, "TransitGatewayVpcAttachments")[1]
    attachment["SubnetIds"].append(other.id)
    assert OPEN == verdict(ask(world, "web-1", "db-1"))
    attachment["Options"]["ApplianceModeSupport"] = "enable"
    assert "inconclusive" == ask(world, "web-1", "db-1").verdict


def test_zones_are_compared_by_id_across_accounts(world):
    """One name is another zone in another account: its subnets are no exit in the sender's zone."""
    _, app, data, *_ = hubbed(world)
    far = data.vpc.subnet("10.9.8.0/28")
    entries(world, "TransitGatewayVpcAttachments")[1]["SubnetIds"].append(far.id)
    for subnet in entries(world, "Subnets"):
        subnet["AvailabilityZoneId"] = "use1-az1" if subnet["VpcId"] == app.vpc.id else "use1-az2"
    far.raw["AvailabilityZoneId"] = "use1-az1"
    far.acl()
    assert "blocked" == ask(world, "web-1", "db-1").verdict


def test_the_attachment_of_a_shared_vpc_is_its_owners_to_show(world):
    """A participant sees no attachment: that is not read, not absent."""
    _, app, *_ = hubbed(world)
    entries(world, "TransitGatewayVpcAttachments").clear()
    app.vpc.raw["OwnerId"] = "444455556666"
    found = ask(world, "web-1", "db-1")
    assert ("inconclusive", "TG190") == verdict(found)
    assert ["444455556666"] == [unread.query.scope.account for unread in found.unread]


def static_only(world, hub, *more):
    """Turn the table into a folder's static routes and propagations; `more` are propagations of other kinds."""
    routes = entries(world, "TransitGatewayRoutes")
    sent = [r["TransitGatewayAttachments"][0] for r in hub.table["Routes"] if r["Type"] == "propagated"]
    table = {"TransitGatewayRouteTableId": hub.table["TransitGatewayRouteTableId"]}
    enabled = [{**to, "State": "enabled"} for to in (*sent, *more)]
    raw = world.raw()[world.account, world.region]
    raw["TransitGatewayStaticRoutes"] = [{**table, "Routes": [r for r in hub.table["Routes"] if r["Type"] == "static"]}]
    raw["TransitGatewayPropagations"] = [{**table, "TransitGatewayRouteTablePropagations": enabled}]
    routes.clear()


def test_static_routes_and_propagations_together_are_the_table(world):
    """A VPC that propagates adds its CIDRs; without the propagations the static routes decide nothing."""
    hub, *_ = hubbed(world)
    static_only(world, hub)
    assert OPEN == verdict(ask(world, "web-1", "db-1", without=["TransitGatewayRoutes"]))
    bare = ask(world, "web-1", "db-1", without=["TransitGatewayRoutes", "TransitGatewayPropagations"])
    assert ("inconclusive", "TG193") == verdict(bare)


def test_what_a_vpn_announces_is_not_in_the_static_routes(world):
    """Where no other route covers the destination a VPN may; where one does, that nothing longer is announced is assumed."""
    hub, app, *_ = hubbed(world)
    app.vpc.route("192.168.0.0/16", hub.id)
    vpn = {"TransitGatewayAttachmentId": "tgw-attach-0f1", "ResourceType": "vpn", "ResourceId": "vpn-0f1"}
    static_only(world, hub, vpn)
    known = ask(world, "web-1", "db-1", without=["TransitGatewayRoutes"])
    assert OPEN == verdict(known)
    assert ["tgw-attach-0f1 announces no longer prefix"] == [unread.assumed for unread in known.unread]
    open_end = diagnose("web-1", "192.168.3.4", 443, snapshot=world.snapshot(without=["TransitGatewayRoutes"]))
    assert ("inconclusive", "TG193") == verdict(open_end)


def test_a_table_that_was_not_saved_is_not_a_table_without_routes(world):
    """A file of other tables' routes proves nothing about this one."""
    hubbed(world)
    entries(world, "TransitGatewayRoutes")[0]["TransitGatewayRouteTableId"] = "tgw-rtb-0other"
    assert ("inconclusive", "TG192") == verdict(ask(world, "web-1", "db-1"))


def test_a_reply_that_leaves_routes_out_is_not_the_table(world):
    """AdditionalRoutesAvailable: a longer route may be among those that are not shown."""
    hub, *_ = hubbed(world)
    hub.table["AdditionalRoutesAvailable"] = True
    assert ("inconclusive", "TG192") == verdict(ask(world, "web-1", "db-1"))


def test_a_route_to_a_client_vpn_is_not_followed(world):
    """What no component stands for at the end of an attachment is named."""
    hub, app, *_ = hubbed(world)
    app.vpc.route("192.168.0.0/16", hub.id)
    hub.route("192.168.0.0/16", "tgw-attach-0c1", "client-vpn", "cvpn-endpoint-0c0")
    assert ("inconclusive", "UN190") == verdict(diagnose("web-1", "192.168.3.4", 443, snapshot=world.snapshot()))


def test_the_far_side_of_a_peering_that_was_not_read_is_unread(world):
    """Both sides show one attachment id: the near association must not stand in for the far one."""
    hub, app, *_ = hubbed(world)
    west = World(world.account, "us-west-2")
    other = TransitGateway(west)
    hub.route("10.7.0.0/16", hub.peer(other), "peering", other.id)
    app.vpc.route("10.7.0.0/16", hub.id)
    found = diagnose("web-1", "10.7.1.1", 443, snapshot=world.snapshot())
    assert ("inconclusive", "TG190") == verdict(found)
    assert {"us-west-2"} == {unread.query.scope.region for unread in found.unread}


# ---------------------------------------------------------------- load balancers


def shop_to_app(world, admits, *groups, health="healthy", protocol="TCP", attributes=None, **more):
    """The scene `balanced` with a listener for 443 to app-1:8443, whose group admits `admits(sg_web, sg_app, groups)`."""
    shop, app, sg_web, sg_app, made, _ = balanced(world, *groups, **more)
    for group in made:
        group.ingress("-1", None, "0.0.0.0/0")
    sg_app.ingress(protocol.lower() if protocol in ("TCP", "UDP") else "tcp", 8443, admits(sg_web, made))
    shop.listen(443, [app], to=8443, protocol=protocol, health=health, **(attributes or {}))
    return shop, app, sg_app


def to_shop(world, **more):
    """web-1 asks the node of the load balancer."""
    return verdict(diagnose("web-1", "10.0.1.50", 443, snapshot=world.snapshot(), **more))


@pytest.mark.parametrize(
    ("kept", "admits", "expected"),
    [
        ("true", "10.0.1.10/32", OPEN),
        ("true", "10.0.1.50/32", SG_DENIES),
        ("false", "10.0.1.50/32", OPEN),
        ("false", "10.0.1.10/32", SG_DENIES),
    ],
)
def test_the_target_sees_the_clients_address_or_the_nodes(world, kept, admits, expected):
    """Client IP preservation decides which of the two a rule has to name."""
    shop_to_app(world, lambda *_: admits, attributes={PRESERVED: kept})
    assert expected == to_shop(world)


@pytest.mark.parametrize("kept", ["true", "false"])
def test_the_load_balancers_group_may_be_named_either_way(world, kept):
    """A rule that names the Network Load Balancer's group admits what comes through it, whoever's address it shows."""
    shop_to_app(world, lambda _, made: made[0], "sg-shop", attributes={PRESERVED: kept})
    assert OPEN == to_shop(world)


def test_udp_always_keeps_the_clients_address(world):
    """Whatever the attribute says."""
    shop_to_app(world, lambda *_: "10.0.1.10/32", protocol="UDP", attributes={PRESERVED: "false"})
    assert OPEN == to_shop(world, protocol="udp")


def test_a_tls_listener_takes_tcp(world):
    """TLS is TCP on the wire, and its listener no stranger to the question."""
    shop_to_app(world, lambda *_: "10.0.1.10/32", protocol="TLS")
    assert OPEN == to_shop(world)
    assert ("blocked", "LB101") == to_shop(world, protocol="udp")


def test_all_unhealthy_is_all_in_use(world):
    """A load balancer without a healthy target sends to all of them."""
    shop_to_app(world, lambda *_: "10.0.1.10/32", health="unhealthy")
    assert OPEN == to_shop(world)


def test_a_target_in_the_clients_subnet_answers_by_the_node(world):
    """With the client's address kept the answer goes back to the node, not straight to its neighbour."""
    shop, app, _, sg_app, _, back = balanced(world)
    sg_app.ingress("tcp", 8443, "10.0.2.30/32")
    back.instance("client", "10.0.2.30", sg_app)
    shop.listen(443, [app], to=8443)
    assert OPEN == verdict(diagnose("client", "10.0.1.50", 443, snapshot=world.snapshot()))


def test_the_only_target_is_the_client(world):
    """Then every connection times out; without the client's address in the header none does."""
    shop, app, _, sg_app, *_ = balanced(world)
    sg_app.ingress("tcp", 8443, "0.0.0.0/0")
    shop.listen(443, [app], to=8443)
    question = ("app-1", "10.0.1.50", 443)
    assert ("blocked", "LB104") == verdict(diagnose(*question, snapshot=world.snapshot()))
    entries(world, "TargetGroupAttributes")[0]["Attributes"] = [{"Key": PRESERVED, "Value": "false"}]
    assert OPEN == verdict(diagnose(*question, snapshot=world.snapshot()))


def test_a_group_of_targets_may_cross_zones_by_itself(world):
    """The target group's attribute comes before the load balancer's."""
    shop, _, _, sg_app, _, back = balanced(world)
    sg_app.ingress("tcp", 8443, "0.0.0.0/0")
    far = back.vpc.subnet("10.0.3.0/24", zone="b").instance("app-2", "10.0.3.20", sg_app)
    shop.listen(443, [far], to=8443, **{"load_balancing.cross_zone.enabled": "true"})
    assert OPEN == to_shop(world)
    entries(world, "TargetGroupAttributes")[0]["Attributes"] = []
    assert ("blocked", "LB102") == to_shop(world)


@pytest.mark.parametrize("kept", ["true", "false"])
def test_ip_targets_in_a_peered_vpc_are_reached_either_way(world, kept):
    """The node's subnet routes to the peering; the client's address may be kept across it in one Region."""
    shop, *_ = balanced(world)
    other = world.vpc("10.5.0.0/16")
    group = other.group("sg-far")
    group.ingress("tcp", 8443, "10.0.1.0/24")
    other.subnet("10.5.1.0/24").instance("far-1", "10.5.1.10", group)
    peering = world.peer(shop.vpc, other)
    shop.vpc.route("10.5.0.0/16", peering)
    other.route("10.0.0.0/16", peering)
    shop.listen(443, ["10.5.1.10"], to=8443, **{PRESERVED: kept})
    assert OPEN == to_shop(world)


def test_an_instance_whose_interface_was_not_read_is_no_missing_target(world):
    """A target that cannot be found leaves the answer open."""
    shop, *_ = balanced(world)
    shop.listen(443, ["i-0far"], to=8443, target_type="instance")
    assert ("inconclusive", "LB191") == to_shop(world)


def test_a_function_is_no_host(world):
    """A function stands in no network, so the load balancer answers itself."""
    shop, _, _, _, (sg_shop,), _ = balanced(world, "sg-shop", type="application")
    sg_shop.ingress("tcp", 443, "10.0.0.0/16")
    shop.listen(443, ["arn:aws:lambda:us-east-1:111122223333:function:orders"], target_type="lambda")
    assert OPEN == to_shop(world)


def test_both_groups_of_an_application_load_balancer_count(world):
    """In front the node's own, behind it the target's, which sees the node's address."""
    shop_to_app(world, lambda _, made: made[0], "sg-site", type="application", protocol="HTTPS")
    assert OPEN == to_shop(world)
    site = next(group for group in entries(world, "SecurityGroups") if group["GroupName"] == "sg-site")
    site["IpPermissionsEgress"] = []
    assert ("blocked", "SG103") == to_shop(world)


def test_defaults_are_named_where_attributes_were_not_read(world):
    """Client IP preservation and zones are AWS's defaults then, and the answer lists them as assumed."""
    shop_to_app(world, lambda *_: "10.0.1.10/32")
    found = ask(world, "web-1", "10.0.1.50", 443, without=["TargetGroupAttributes", "LoadBalancerAttributes"])
    assert OPEN == verdict(found)
    assert {"target_group_attributes", "load_balancer_attributes"} == {u.query.kind for u in found.unread if u.assumed}


def test_attributes_are_asked_for_live_before_a_default_is_assumed(world):
    """An assumption stands in for what was not had, not for what was not asked."""
    shop_to_app(world, lambda *_: "10.0.1.50/32", attributes={PRESERVED: "false"})
    session = replay_session(world.raw()[world.account, world.region], account=world.account, region=world.region)
    found = diagnose("web-1", "10.0.1.50", 443, session=session)
    assert (OPEN, ()) == (verdict(found), found.unread)


# ---------------------------------------------------------------- endpoints and egress-only gateways


def test_an_endpoints_own_group_decides(pair):
    """An interface endpoint admits what its security group admits."""
    closed = pair.vpc.group("sg-closed")
    interface_endpoint(pair.data, "10.0.2.99", closed)
    assert ("blocked", "SG103") == verdict(pair.ask(443, destination="10.0.2.99"))


def test_a_service_of_another_region_takes_the_default_route(pair):
    """Its addresses are not in the prefix list, so the gateway endpoint is not on the path."""
    pair.app.route(pair.world.prefix_list("203.0.113.0/24"), gateway_endpoint(pair.vpc))
    assert ("blocked", "RT101") == verdict(pair.ask(443, destination="198.51.100.80"))


@pytest.mark.parametrize("make", [gateway_endpoint, egress_only_gateway])
def test_what_a_participant_is_not_shown_is_not_absent(pair6, make):
    """In a shared VPC its owner alone sees endpoints and egress-only gateways."""
    pair6.vpc.raw["OwnerId"] = "444455556666"
    pair6.sg_web.egress("-1", None, "::/0")
    pair6.app.route("::/0", make(pair6.vpc))
    for key in ("VpcEndpoints", "EgressOnlyInternetGateways"):
        entries(pair6.world, key).clear()
    found = pair6.ask(443, "2001:db8:1:1::10", "2001:db8:99::1")
    assert "inconclusive" == found.verdict
    assert {"444455556666"} == {unread.query.scope.account for unread in found.unread if not unread.assumed}


def test_block_ingress_lets_an_egress_only_gateway_pass(pair6):
    """What goes out by it is no ingress."""
    pair6.sg_web.egress("-1", None, "::/0")
    pair6.app.route("::/0", egress_only_gateway(pair6.vpc))
    pair6.app.raw["BlockPublicAccessStates"] = {"InternetGatewayBlockMode": "block-ingress"}
    assert OPEN == verdict(pair6.ask(443, "2001:db8:1:1::10", "2001:db8:99::1"))


# ---------------------------------------------------------------- captures


def test_a_capture_of_vpcs_holds_what_stands_between_and_before_their_hosts(world, tmp_path):
    """Transit gateway, load balancer and egress-only gateway answer offline, without anything left unread."""
    shop_to_app(world, lambda *_: "10.0.1.10/32")
    _, app, *_ = hubbed(world)
    world_vpcs = [vpc["VpcId"] for vpc in entries(world, "Vpcs")]
    egress_only_gateway(app.vpc)
    raw = world.raw()[world.account, world.region]
    session = replay_session(raw, account=world.account, region=world.region)
    gather_vpcs(world_vpcs, Access(session)).snapshot.save(tmp_path / "vpcs")
    held = Snapshot.load(tmp_path / "vpcs")
    first, *_, last = (entry["NetworkInterfaceId"] for entry in entries(world, "NetworkInterfaces"))
    by_balancer = diagnose(first, "10.0.1.50", 443, snapshot=held)
    assert (OPEN, ()) == (verdict(by_balancer), by_balancer.unread)
    by_gateway = diagnose(f"{app.vpc.id}/10.0.1.10", last, 5432, snapshot=held)
    assert (OPEN, ()) == (verdict(by_gateway), by_gateway.unread)


# ---------------------------------------------------------------- encryption controls


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ({"Mode": "monitor", "State": "available"}, OPEN),
        ({"Mode": "enforce", "State": "available"}, ("inconclusive", "EC190")),
        ({"Mode": "enforce", "State": "deleted"}, OPEN),
        ({"Mode": "enforce"}, ("inconclusive", "EC191")),
        ({"State": "available"}, ("inconclusive", "EC191")),
    ],
)
def test_only_a_vpc_that_enforces_encryption_minds_what_goes_to_an_endpoint(world, control, expected):
    """Mode monitor drops nothing; half of the reply decides nothing."""
    vpc = world.vpc("10.0.0.0/16")
    subnet, group = vpc.subnet("10.0.1.0/24"), vpc.group("sg-all")
    group.ingress("-1", None, "0.0.0.0/0")
    subnet.instance("web-1", "10.0.1.10", group)
    interface_endpoint(subnet, "10.0.1.99", group)
    vpc.raw["EncryptionControl"] = control
    assert expected == verdict(ask(world, "web-1", "10.0.1.99", 5432))
