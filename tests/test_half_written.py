"""Half-written replies: whatever decides something and cannot be understood is unread, and nothing is concluded from it.

Each world is answered as it stands, then with one kind of field spoilt in every resource in turn: the verdict may stay or
become inconclusive, and an end may no longer be found, but no verdict turns into another.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from pydantic import ValidationError
from scenes import Pair, balanced, behind_nat, hubbed, peered, public_web
from scenes_balancers import classic, forward, linked, site
from scenes_edges import BOTH_WAYS, IN, ONE_WAY, OUT
from world import ID_FIELDS, Raw, World, snapshot
from world_firewall import Firewall, match, rule
from world_services import block_public_access, egress_only_gateway, interface_endpoint, regional_nat

from flowdiag import FlowdiagError, diagnose
from flowdiag.component import given
from flowdiag.components.load_balancer_listener import Rule

ABSENT = object()
FIELDS = {
    **dict.fromkeys(("VpcId", "SubnetId", "GroupId", "PrivateIp", "InstanceId", "PublicIp", "Region"), (ABSENT, "")),
    **dict.fromkeys(("CidrBlock", "DestinationCidrBlock", "CidrIp"), (ABSENT, "10.0.0")),
    **dict.fromkeys(("Protocol", "IpProtocol", "RuleAction", "Egress", "SourceDestCheck"), (ABSENT, "?")),
    **dict.fromkeys(("RuleNumber", "FromPort", "ToPort", "From", "To"), (ABSENT, 3.5)),
    **dict.fromkeys(("Entries", "Routes", "Associations", "Groups", "IpPermissions", "IpPermissionsEgress"), (ABSENT, {})),
    **dict.fromkeys(("IpRanges", "UserIdGroupPairs", "Attachments", "NatGatewayAddresses", "Instances"), (ABSENT, "?")),
    **dict.fromkeys(("State", "Status", "RequesterVpcInfo", "AccepterVpcInfo"), (ABSENT, "?")),
    **dict.fromkeys(("TransitGatewayId", "ResourceType", "SubnetIds", "TransitGatewayAttachments"), (ABSENT, "")),
    **dict.fromkeys(("Listeners", "DefaultActions", "TargetHealthDescriptions", "TargetHealth", "TargetType"), (ABSENT, "")),
    **dict.fromkeys(("Port", "Type", "VpcEndpointType", "Attributes", "NetworkInterfaceIds", "ServiceName"), (ABSENT, "")),
    **dict.fromkeys(
        ("ListenerArn", "LoadBalancerPort", "InstancePort", "InstanceStates", "VPCId", "Rules", "Actions"), (ABSENT, "")
    ),
    **dict.fromkeys(
        ("ServiceState", "NetworkLoadBalancerArns", "AvailabilityZones", "Priority", "CrossZoneLoadBalancing"), (ABSENT, "")
    ),
    **dict.fromkeys(("VpnGatewayId", "VgwTelemetry", "StaticRoutesOnly", "Options", "VpcAttachments", "Origin"), (ABSENT, "")),
    **dict.fromkeys(("associationState", "bgpStatus", "virtualInterfaceState", "attachmentState", "cidr"), (ABSENT, "?")),
    **dict.fromkeys(("directConnectGatewayAssociations", "directConnectGatewayAttachments", "bgpPeers"), (ABSENT, "")),
    **dict.fromkeys(("BgpStatus", "BgpConfigurations", "ConnectPeerConfiguration", "CarrierIp", "Mode"), (ABSENT, "")),
    **dict.fromkeys(("LocalGatewayId", "LocalGatewayRouteTableId", "SegmentName", "EdgeLocation", "ResourceArn"), (ABSENT, "")),
    **dict.fromkeys(("AttachmentType", "NetworkRoutes", "SubnetArns", "Destinations", "CoreNetworkId"), (ABSENT, "")),
    **dict.fromkeys(
        ("Actions", "MatchAttributes", "Header", "Action", "RuleOptions", "RulesSource", "FirewallPolicy"), (ABSENT, "")
    ),
    **dict.fromkeys(("Source", "Destination", "DestinationPort", "Priority", "ResourceArn", "FirewallPolicyArn"), (ABSENT, "")),
    **dict.fromkeys(("SyncStates", "EndpointId", "StatefulEngineOptions", "RuleOrder"), (ABSENT, "?")),
    **dict.fromkeys(("InternetGatewayBlockMode", "InternetGatewayExclusionMode", "AwsAccountId", "RouteTableId"), (ABSENT, "")),
    **dict.fromkeys(("AvailabilityMode", "AutoProvisionZones", "PeeringStatus", "UserId", "Tags"), (ABSENT, "")),
    **dict.fromkeys(("LoadBalancerName", "Description", "TargetGroupArn", "AvailabilityZone", "Id"), (ABSENT, "")),
}


def _pair(spoil: str = "") -> tuple[World, tuple[Any, ...]]:
    pair = Pair()
    if spoil == "group":
        pair.sg_db.raw["IpPermissions"] = []
        pair.sg_db.ingress("tcp", 22, pair.sg_web)
    elif spoil == "network ACL":
        pair.data.acl().allow(100, "ingress").allow(100, "egress").deny(90, "ingress", "tcp", 5432, "10.0.1.0/24")
    elif spoil == "route":
        pair.app.route("10.0.2.0/24", "nat-0dead", state="blackhole")
    elif spoil == "instance":
        pair.db.raw["State"] = {"Code": 80, "Name": "stopped"}
    return pair.world, (pair.web.eni.id, pair.db.eni.id, 5432)


def _peered(status: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    peered(world, status=status)
    return world, ("web-1", "db-1", 5432)


def _public(public: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    public_web(world, public=public)
    return world, ("web-1", "internet", 443)


def _nat(state: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    behind_nat(world, State=state)
    return world, ("app-1", "internet", 443)


def _hubbed(blocked: bool) -> tuple[World, tuple[Any, ...]]:
    world = World()
    hub, *_ = hubbed(world)
    if blocked:
        hub.route("10.9.2.0/24")
    return world, ("web-1", "db-1", 5432)


def _balanced(port: int) -> tuple[World, tuple[Any, ...]]:
    world = World()
    shop, app, _, sg_app, *_ = balanced(world)
    sg_app.ingress("tcp", 8443, "10.0.1.10/32")
    shop.listen(443, [app], to=8443)
    return world, ("web-1", "10.0.1.50", port)


def _classic(state: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    legacy, one, _ = classic(world)
    legacy.register(one, state)
    return world, ("10.0.1.10", "10.0.1.70", 80)


def _ruled(blocked: bool) -> tuple[World, tuple[Any, ...]]:
    world = World()
    balancer, app, _, shut = site(world)
    balancer.listen(443, [shut if blocked else app], to=8443, protocol="HTTPS")
    balancer.rule(1, forward(balancer.group(8443, [shut], name="shut")), source_ip=["192.0.2.0/24"])
    return world, ("10.0.1.10", "10.0.1.50", 443)


def _linked(blocked: bool) -> tuple[World, tuple[Any, ...]]:
    world = World()
    _, _, sg_app, *_ = linked(world)
    if blocked:
        sg_app.raw["IpPermissions"] = []
        sg_app.ingress("tcp", 22, "10.9.1.0/24")
    return world, ("10.0.1.10", "10.0.9.9", 443)


def _endpoint(state: str) -> tuple[World, tuple[Any, ...]]:
    pair = Pair()
    interface_endpoint(pair.data, "10.0.2.99", pair.sg_db, State=state)
    return pair.world, (pair.web.eni.id, "10.0.2.99", 5432)


def _egress() -> tuple[World, tuple[Any, ...]]:
    pair = Pair(ipv6=True)
    pair.sg_web.egress("-1", None, "::/0")
    pair.app.route("::/0", egress_only_gateway(pair.vpc))
    return pair.world, ("2001:db8:1:1::10", "2001:db8:99::1", 443)


def _edge(build: Any, asked: tuple[Any, ...]) -> tuple[World, tuple[Any, ...]]:
    world = World()
    build(world)
    return world, asked


def _firewall(passes: bool) -> tuple[World, tuple[Any, ...]]:
    pair = Pair()
    wall = Firewall(pair.world, "inspect", pair.vpc.subnet("10.0.9.0/28"), order="STRICT_ORDER", default=["aws:drop_strict"])
    wall.stateless("all", [match(1, "aws:forward_to_sfe", "10.0.0.0/16", "10.0.0.0/16", (0, 65535))])
    wall.stateful("allow", [rule("PASS", "TCP", "10.0.1.0/24", "10.0.2.0/24", 5432 if passes else 443)])
    pair.sg_db.raw["IpPermissions"] = []
    pair.sg_db.ingress("tcp", 5432, "10.0.1.0/24")
    pair.app.route("10.0.2.0/24", wall.endpoints[0])
    pair.data.route("10.0.1.0/24", wall.endpoints[0])
    return pair.world, ("web-1", "db-1", 5432)


def _excluded(allowed: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    _, subnet, *_ = public_web(world)
    block_public_access(world, "block-bidirectional", subnet=(subnet.id, allowed))
    return world, ("198.51.100.7", "203.0.113.10", 443)


def _regional(zone: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    subnet.instance("app-1", "10.0.1.10", vpc.default_group)
    nat = regional_nat(vpc, (zone, "203.0.113.6"), gateway=vpc.internet_gateway(), AutoProvisionZones="disabled")
    subnet.route("0.0.0.0/0", nat["NatGatewayId"])
    return world, ("app-1", "198.51.100.7", 443)


def _referencing(status: str) -> tuple[World, tuple[Any, ...]]:
    world = World()
    left, _, app, _, sg_db, peering = peered(world)
    sg_out = left.group("sg-out", egress=False)
    sg_out.egress("tcp", 5432, sg_db)
    sg_db.ingress("tcp", 5432, sg_out)
    app.instance("web-2", "10.0.1.11", sg_out)
    sg_db.raw["IpPermissions"][1]["UserIdGroupPairs"][0] |= {"VpcPeeringConnectionId": peering, "PeeringStatus": status}
    return world, ("web-2", "db-1", 5432)


WORLDS = {
    **{f"out by {name}": lambda build=build: _edge(build, OUT) for name, build in BOTH_WAYS.items()},
    **{f"in by {name}": lambda build=build: _edge(build, IN) for name, build in BOTH_WAYS.items() if name.endswith("VPN")},
    **{f"out by {name}": lambda scene=scene: _edge(*scene) for name, scene in ONE_WAY.items()},
    "by a firewall": lambda: _firewall(passes=True),
    "blocked by a firewall": lambda: _firewall(passes=False),
    "by an exclusion from block public access": lambda: _excluded("allow-bidirectional"),
    "blocked by block public access": lambda: _excluded("allow-egress"),
    "by a regional NAT gateway": lambda: _regional("a"),
    "blocked by a regional NAT gateway": lambda: _regional("b"),
    "by references over a peering": lambda: _referencing("active"),
    "blocked by a stale reference": lambda: _referencing("deleted"),
    "by an egress-only gateway": _egress,
    "by a transit gateway": lambda: _hubbed(blocked=False),
    "blocked by a transit gateway": lambda: _hubbed(blocked=True),
    "by a load balancer": lambda: _balanced(443),
    "blocked by a load balancer": lambda: _balanced(80),
    "by a classic load balancer": lambda: _classic("InService"),
    "blocked by a classic load balancer": lambda: _classic("OutOfService"),
    "by a load balancer with rules": lambda: _ruled(blocked=False),
    "blocked behind a load balancer with rules": lambda: _ruled(blocked=True),
    "to a service of one's own": lambda: _linked(blocked=False),
    "blocked behind a service of one's own": lambda: _linked(blocked=True),
    "to an endpoint": lambda: _endpoint("available"),
    "blocked by an endpoint": lambda: _endpoint("failed"),
    "open": _pair,
    "blocked by a group": lambda: _pair("group"),
    "blocked by a network ACL": lambda: _pair("network ACL"),
    "blocked by a route": lambda: _pair("route"),
    "blocked by a stopped instance": lambda: _pair("instance"),
    "peered": lambda: _peered("active"),
    "blocked by a peering": lambda: _peered("deleted"),
    "to the internet": lambda: _public("203.0.113.10"),
    "blocked for want of a public address": lambda: _public(""),
    "by a NAT gateway": lambda: _nat("available"),
    "blocked by a NAT gateway": lambda: _nat("deleted"),
}


def _holders(value: Any, field: str) -> Iterator[Raw]:
    """Every object in a JSON value that has the field."""
    if isinstance(value, dict) and field in value:
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _holders(part, field)


def _told(replies: Any, question: tuple[Any, ...]) -> str:
    try:
        return diagnose(*question, snapshot=snapshot(replies)).verdict
    except FlowdiagError:
        return "no such end"


@cache
def _scene(name: str) -> tuple[Raw, tuple[Any, ...]]:
    """The replies of a world and what is asked of it, built once; who spoils something puts it back."""
    world, question = WORLDS[name]()
    return world.raw(), question


@cache
def _whole(name: str) -> str:
    """The verdict where nothing is spoilt."""
    return _told(*_scene(name))


def _spoilt(holder: Raw, field: str) -> Iterator[Any]:
    """The object with the field gone, then with what it cannot be; at the end as it was, its order of fields included."""
    kept = dict(holder)
    for value in FIELDS[field]:
        if value is ABSENT:
            del holder[field]
        else:
            holder[field] = value
        yield value
        holder.clear()
        holder.update(kept)


def _present() -> list[tuple[str, str]]:
    """Every world with every field that it holds."""
    return [(name, field) for name in WORLDS for field in FIELDS if any(_holders(list(_scene(name)[0].values()), field))]


@pytest.fixture(autouse=True)
def _verdicts_alone(monkeypatch):
    """Remedies are proved elsewhere; they change no verdict and take most of the time."""
    monkeypatch.setattr("flowdiag.diagnosis.prove", lambda *_: ())


@pytest.mark.parametrize(("name", "field"), _present())
def test_a_half_written_field_decides_nothing(name, field):
    """Missing, empty or of another type: as if the resource had not been read."""
    told = _whole(name)  # before anything is spoilt
    replies, question = _scene(name)
    flips = []
    for holder in list(_holders(list(replies.values()), field)):
        for spoilt in _spoilt(holder, field):
            now = _told(replies, question)
            flips += [] if now in (told, "inconclusive", "no such end") else [(spoilt, dict(holder), now)]
    assert [] == flips


@pytest.mark.parametrize("key", ID_FIELDS)
@pytest.mark.parametrize("name", WORLDS)
def test_a_reply_that_was_not_saved_decides_nothing(name, key):
    """Without the reply the verdict stays or becomes inconclusive, or an end is no longer found."""
    replies, question = _scene(name)
    kept = {place: {k: v for k, v in keys.items() if k != key} for place, keys in replies.items()}
    assert _told(kept, question) in (_whole(name), "inconclusive", "no such end")


@pytest.mark.parametrize("odd", [[None], 3.5, True])
def test_a_lookup_key_that_is_no_text_is_no_text(odd):
    """What str() makes of it is nobody's id: the entry is half-written, and a miss proves nothing."""
    with pytest.raises(TypeError):
        given({"VpcId": odd}, "VpcId")


def test_a_rule_without_conditions_is_half_written():
    """Only the default rule has none."""
    actions = [{"Type": "forward", "TargetGroupArn": "arn"}]
    for priority, conditions in (("1", {}), ("1", {"Conditions": []}), ("default", {})):
        with pytest.raises(ValidationError):
            Rule.model_validate({"Priority": priority, "Actions": actions, **conditions})
    assert () == Rule.model_validate({"Priority": "default", "Conditions": [], "Actions": actions}).conditions
