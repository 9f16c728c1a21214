"""Whom the hosts of a VPC ask for a DNS name: AWS's resolver, servers of a DHCP option set, or those that a rule forwards to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_world import no_waiting  # noqa: F401  retries without waiting
from scenes import verdict
from test_names_live import session_of
from test_names_services import Services
from test_names_services import services as services  # a fixture
from world_managed import database, dns, name_servers, record, resolver_rule, zone
from world_services import interface_endpoint

from flowdiag import Diagnosis, FlowdiagError, diagnose

HOST = "db.corp.internal"
SERVERS = ("10.0.9.53", "10.0.9.54")
SECRETS = "secretsmanager.us-east-1.amazonaws.com"


@pytest.fixture
def corp(services: Services) -> Services:
    """db.corp.internal stands in a private zone of the VPC, whose DNS attributes are on."""
    dns(services.vpc)
    zone(services.vpc, "corp.internal", record(HOST, "10.0.2.20"))
    return services


def assumed(found: Diagnosis, kind: str = "") -> list[str]:
    """What was assumed of name servers, as the terminal shows it."""
    lines = (line.removeprefix("unread").strip() for line in str(found).splitlines() if "assumed: " in line)
    return [line for line in lines if line.startswith(f"assumed: {kind or 'dhcp options'} ")]


def live(services: Services, destination: str, port: int = 5432, **more: Any) -> Diagnosis:
    return diagnose("web-1", destination, port, session=session_of(services.world, **more), flow_logs="none")


def refusal(ask: Callable[[], Any]) -> str:
    with pytest.raises(FlowdiagError) as caught:
        ask()
    return str(caught.value)


# ---------------------------------------------------------------- DHCP option sets


def test_other_servers_than_aws_are_named_as_an_assumption(corp: Services) -> None:
    """The path to what AWS's resolver says is walked, and the answer tells whom the hosts really ask, live and offline."""
    id = name_servers(corp.vpc, *SERVERS)
    reason = f"{id} names 10.0.9.53 and 10.0.9.54 to be asked, whose answers are not seen"
    told = f"assumed: dhcp options of vpc {corp.vpc.id}: its hosts get the answers of AWS's resolver ({reason})"
    for found in (corp.to(HOST, 5432), live(corp, HOST)):
        assert (("reachable",), [told]) == (verdict(found), assumed(found))


@pytest.mark.parametrize(
    "own", [["AmazonProvidedDNS"], ["169.254.169.253"], ["fd00:ec2::253"], ["10.0.0.2"], ["10.0.0.2", "AmazonProvidedDNS"]]
)
def test_the_resolver_of_the_vpc_by_any_of_its_names(corp: Services, own: list[str]) -> None:
    """The base of the primary CIDR plus two is AWS's resolver as well: nothing is assumed."""
    name_servers(corp.vpc, *own)
    assert [] == assumed(corp.to(HOST, 5432))


def test_servers_beside_aws_are_named_alone(corp: Services) -> None:
    """Which of several a host asks is its own affair."""
    name_servers(corp.vpc, "AmazonProvidedDNS", "10.0.9.53", "10.0.0.3")
    (told,) = assumed(corp.to(HOST, 5432))
    assert "names 10.0.9.53 and 10.0.0.3 to be asked" in told


def test_a_vpc_without_servers_is_told(corp: Services) -> None:
    """No option set, one without DNS servers, and a VPC that shows none."""
    corp.vpc.raw["DhcpOptionsId"] = "default"
    assert [True] == [f"({corp.vpc.id} has no DHCP option set)" in told for told in assumed(corp.to(HOST, 5432))]
    id = name_servers(corp.vpc)
    assert [True] == [f"({id} names no DNS server)" in told for told in assumed(corp.to(HOST, 5432))]
    del corp.vpc.raw["DhcpOptionsId"]
    assert [True] == [f"({corp.vpc.id} shows no DHCP option set)" in told for told in assumed(corp.to(HOST, 5432))]


def test_options_that_were_not_read_are_assumed_to_be_awss(corp: Services) -> None:
    """Offline without the file, live where it is denied: what to save, or the action that would grant it, is named."""
    saved, asked = corp.to(HOST, 5432, without=["DhcpOptions"]), live(corp, HOST, deny={"ec2:DescribeDhcpOptions"})
    for found, way in ((saved, "save aws ec2 describe-dhcp-options"), (asked, "grant ec2:DescribeDhcpOptions)")):
        (told,) = assumed(found)
        assert "reachable" == found.verdict
        what = f"dhcp options {corp.vpc.raw['DhcpOptionsId']}"
        assert told.startswith(f"assumed: {what}: its hosts get the answers of AWS's resolver (")
        assert way in told


def test_every_name_that_dns_answers_is_told_of(services: Services) -> None:
    """A database's endpoint is asked of the same servers as a private name."""
    name_servers(services.vpc, *SERVERS)
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    for form in ("orders-db.abc123.us-east-1.rds.amazonaws.com", "ip-10-0-2-20.ec2.internal"):
        assert 1 == len(assumed(services.to(form, 3306))), form


def test_what_no_dns_answers_asks_nobody(services: Services) -> None:
    """Ids, addresses, Name tags and services' own names mean what they mean; AWS is not asked for DHCP option sets."""
    name_servers(services.vpc, *SERVERS)
    made = database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    services.data.instance("db.prod", "10.0.2.77", services.sg_db)
    for form in ("10.0.2.20", services.db.id, "db-1", "db.prod", "orders-db", made["DBInstanceArn"]):
        session = session_of(services.world)
        found = diagnose("web-1", form, 3306, session=session, flow_logs="none")
        assert ([], 0) == (assumed(found), session.replay.count("DescribeDhcpOptions")), form


def test_a_name_that_aws_does_not_know_is_to_be_asked_of_them(services: Services) -> None:
    """Offline and live, the sentence says whom to ask."""
    name_servers(services.vpc, *SERVERS)
    why = f"has no answer that AWS shows in {services.vpc.id}, whose DHCP options make its hosts ask 10.0.9.53 and 10.0.9.54"
    for ask in (lambda: services.to(HOST, 5432), lambda: live(services, HOST)):
        assert f"'{HOST}' {why}: resolve it there, and give the address" == refusal(ask)


def test_a_resolver_that_is_off_need_not_be_switched_on_where_others_are_asked(corp: Services) -> None:
    """It is off because the servers are one's own."""
    dns(corp.vpc, support=False)
    name_servers(corp.vpc, *SERVERS)
    told = refusal(lambda: corp.to(HOST, 5432))
    assert told.endswith("make its hosts ask 10.0.9.53 and 10.0.9.54: resolve it there, and give the address")


# ---------------------------------------------------------------- resolver rules


def test_a_rule_that_forwards_the_name_is_named_with_its_servers(services: Services) -> None:
    """What they answer is not seen: the sentence says where to ask."""
    rule = resolver_rule(services.vpc, "corp.internal", *SERVERS, Name="corp")
    by = f"by the resolver rule corp ({rule['Id']}) for names of corp.internal"
    told = f"'{HOST}' is forwarded by the resolver of {services.vpc.id} to 10.0.9.53 and 10.0.9.54, {by}"
    for ask in (lambda: services.to(HOST, 5432), lambda: live(services, HOST)):
        assert f"{told}: resolve it there, and give the address" == refusal(ask)


@pytest.mark.parametrize(
    ("domain", "type", "forwards"),
    [
        ("corp.internal", "FORWARD", True),  # of two alike the rule's
        (HOST, "FORWARD", True),
        ("internal", "FORWARD", False),
        ("", "FORWARD", False),
        ("other.internal", "FORWARD", False),
        ("rp.internal", "FORWARD", False),
        ("corp.internal", "SYSTEM", False),
        ("corp.internal", "RECURSIVE", False),
    ],
)
def test_the_most_particular_domain_decides(corp: Services, domain: str, type: str, forwards: bool) -> None:
    """A private zone answers for its names unless a rule for as particular a domain forwards them."""
    resolver_rule(corp.vpc, domain, *SERVERS, type=type)
    if forwards:
        assert "is forwarded by the resolver" in refusal(lambda: corp.to(HOST, 5432))
    else:
        assert ("reachable",) == verdict(corp.to(HOST, 5432))


def test_a_system_rule_keeps_a_part_of_a_domain_at_home(corp: Services) -> None:
    """The more particular rule wins, and that one forwards nothing."""
    resolver_rule(corp.vpc, "corp.internal", *SERVERS)
    resolver_rule(corp.vpc, HOST, type="SYSTEM")
    assert ("reachable",) == verdict(corp.to(HOST, 5432))


@pytest.mark.parametrize("status", ["FAILED", "OVERRIDDEN", "DELETING"])
def test_a_rule_that_is_not_in_force_forwards_nothing(corp: Services, status: str) -> None:
    """Nor does one of another VPC, nor that which AWS makes for every VPC."""
    resolver_rule(corp.vpc, "corp.internal", *SERVERS)
    (association,) = corp.world.raw()[corp.world.account, corp.world.region]["ResolverRuleAssociations"]
    association["Status"] = status
    resolver_rule(corp.world.vpc("10.7.0.0/16"), "corp.internal", *SERVERS)
    own = {"ResolverRuleId": "rslvr-autodefined-rr-internet-resolver", "VPCId": corp.vpc.id, "Status": "COMPLETE"}
    corp.world.add("ResolverRuleAssociations", "rslvr-autodefined-assoc", own)
    found = corp.to(HOST, 5432)
    assert (("reachable",), []) == (verdict(found), assumed(found, "resolver rule"))


def test_rules_are_listed_only_where_the_vpc_has_some(corp: Services) -> None:
    """One call tells that there are none."""
    counts = []
    for made in (False, True):
        if made:
            resolver_rule(corp.vpc, "other.internal", *SERVERS)
        session = session_of(corp.world)
        assert "reachable" == diagnose("web-1", HOST, 5432, session=session, flow_logs="none").verdict
        counts.append([session.replay.count(call) for call in ("ListResolverRuleAssociations", "ListResolverRules")])
    assert [[1, 0], [1, 1]] == counts


@pytest.mark.parametrize("denied", ["ListResolverRules", "ListResolverRuleAssociations"])
def test_rules_that_were_not_read_are_assumed_not_to_forward(corp: Services, denied: str) -> None:
    """Nothing is claimed of them, and the action that would tell is named."""
    resolver_rule(corp.vpc, "other.internal", *SERVERS)
    found = live(corp, HOST, deny={f"route53resolver:{denied}"})
    (told,) = assumed(found, "resolver rule")
    assert "reachable" == found.verdict
    assert told.endswith(f"no rule of its resolver forwards the name to other servers (denied, grant route53resolver:{denied})")


def test_a_rule_that_is_shared_and_not_shown_is_assumed_not_to_forward(corp: Services) -> None:
    """It is in force in the VPC, and what it is about is not told."""
    rule = resolver_rule(corp.vpc, "other.internal", *SERVERS)
    corp.world.raw()[corp.world.account, corp.world.region]["ResolverRules"].clear()
    (told,) = assumed(live(corp, HOST), "resolver rule")
    assert told.startswith(f"assumed: resolver rule {rule['Id']}: no rule of its resolver forwards the name")


def test_half_a_rule_decides_nothing(corp: Services) -> None:
    """It may be about the name."""
    del resolver_rule(corp.vpc, "corp.internal", *SERVERS)["RuleType"]
    assert "did not answer route53resolver:ListResolverRules (malformed: " in refusal(lambda: corp.to(HOST, 5432))


def test_a_host_of_aws_that_somebody_answers_elsewhere(services: Services) -> None:
    """A rule for the service's own domain leads to endpoints elsewhere; an endpoint of the VPC's own is more particular."""
    resolver_rule(services.vpc, "us-east-1.amazonaws.com", *SERVERS)
    assert "for names of us-east-1.amazonaws.com: resolve it there" in refusal(lambda: services.to(SECRETS, 443))
    entries = {"DnsEntries": [{"DnsName": SECRETS, "HostedZoneId": "Z1"}]}
    interface_endpoint(services.data, "10.0.2.99", services.sg_db, **entries)
    assert ("reachable",) == verdict(services.to(SECRETS, 443))


def test_a_rule_for_every_name_of_the_internet_leaves_awss_hosts_public(services: Services) -> None:
    """That the servers give the service's public addresses is assumed, and told."""
    rule = resolver_rule(services.vpc, "", *SERVERS)
    found = services.to(SECRETS, 443)
    assert "blocked" == found.verdict
    told = f"assumed: resolver rule {rule['Id']}: the name means the service's public addresses"
    assert [True] == [line.startswith(told) for line in assumed(found, "resolver rule")]


# ---------------------------------------------------------------- zones that a VPC lacks


def elsewhere(services: Services) -> tuple[str, str]:
    """The ids of a zone of corp.internal and of the other VPC that alone has it."""
    other = services.world.vpc("10.7.0.0/16")
    return zone(other, "corp.internal", record(HOST, "10.0.2.20")), other.id


def test_a_zone_that_another_vpc_has_is_named_with_it(services: Services) -> None:
    """The sentence names the zone, what it gives, the VPCs that have it, and the way out."""
    dns(services.vpc)
    id, other = elsewhere(services)
    zone(services.vpc, "else.internal")
    own = services.vpc.id
    held = f"the private hosted zone corp.internal ({id}), which gives 10.0.2.20 for it, is associated with {other} in us-east-1"
    told = f"'{HOST}' has no answer in {own}: {held}, and not with {own}: associate the zone with {own}, or ask by the address"
    for ask in (lambda: services.to(HOST, 5432), lambda: live(services, HOST)):
        assert told == refusal(ask)


def test_a_zone_without_the_name_is_no_way_out(services: Services) -> None:
    """To associate it would not help."""
    dns(services.vpc)
    zone(services.world.vpc("10.7.0.0/16"), "corp.internal", record("other.corp.internal", "10.0.2.20"))
    zone(services.vpc, "else.internal")
    assert f"'{HOST}' is no network interface or instance in what was read" in refusal(lambda: live(services, HOST))


def test_what_of_a_zone_may_not_be_read_is_not_claimed(services: Services) -> None:
    """Without its VPCs and records the zone is still named; without any list of zones nothing is said."""
    dns(services.vpc)
    id, _ = elsewhere(services)
    zone(services.vpc, "else.internal")
    hidden = {"route53:GetHostedZone", "route53:ListResourceRecordSets"}
    told = refusal(lambda: live(services, HOST, deny=hidden))
    assert f"the private hosted zone corp.internal ({id}) is associated with VPCs that were not read, and not with" in told
    told = refusal(lambda: live(services, HOST, deny={"route53:ListHostedZonesByName"}))
    assert "AWS did not answer route53:ListHostedZonesByName (denied)" in told


def test_a_zone_is_not_said_to_be_lacking_where_the_vpcs_own_were_not_read(services: Services) -> None:
    """It may be one of them."""
    elsewhere(services)
    told = refusal(lambda: live(services, HOST, deny={"route53:ListHostedZonesByVPC"}))
    assert ("associated" in told, "route53:ListHostedZonesByVPC (denied)" in told) == (False, True)


def test_a_public_zone_is_none_that_a_vpc_lacks(services: Services) -> None:
    """Zones that are not private answer everywhere, and are not read here."""
    dns(services.vpc)
    elsewhere(services)
    zone(services.vpc, "else.internal")
    for listed in services.world.raw()[services.world.account, services.world.region]["HostedZonesOfDomain"]:
        listed["HostedZones"][0]["Config"]["PrivateZone"] = False
    assert "hosted zone" not in refusal(lambda: live(services, HOST))


def test_a_profile_may_give_the_vpc_more(corp: Services) -> None:
    """A Route 53 Profile's zones are not read: that it does not answer for the name is assumed, or left open."""
    corp.world.add("ProfileAssociations", "rpassoc", {"ResourceId": corp.vpc.id, "ProfileId": "rp-1"})
    (told,) = assumed(corp.to(HOST, 5432), "dns profile")
    assert "assumed: dns profile rp-1: nothing that it gives to the VPC answers for this name (what it holds is not read)" == told
    zone(corp.world.vpc("10.7.0.0/16"), "else.internal", record("a.else.internal", "10.0.2.20"))
    told = refusal(lambda: corp.to("a.else.internal", 5432))
    assert ", unless by the Route 53 Profile rp-1, which is not read: associate" in told


# ---------------------------------------------------------------- endpoints


def test_an_endpoint_that_answers_for_outside_alone_is_not_for_hosts_of_its_vpc(services: Services) -> None:
    """S3 with private DNS for inbound queries only: hosts of the VPC get the public name, and so the gateway endpoint."""
    host = "s3.us-east-1.amazonaws.com"
    entries = {"DnsEntries": [{"DnsName": host, "HostedZoneId": "Z1"}]}
    options = {"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": True}}
    interface_endpoint(services.data, "10.0.2.99", services.sg_db, service="s3", **entries, **options)
    assert {"internet"} == {leg.destination.kind for leg in services.to(host, 443).path.legs}
