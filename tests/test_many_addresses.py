"""Ends that stand for many addresses: a service by its name, and anybody on the internet. No single address decides for them."""

from __future__ import annotations

import pytest
from scenes import ask, codes
from world_records import HEADER
from world_services import gateway_endpoint

from flowdiag import diagnose, flow_records

S3 = "s3.us-east-1.amazonaws.com"
RANGES = ["52.216.0.0/15", "3.5.0.0/19"]


@pytest.fixture
def bucket_user(world):
    """web-1 in a subnet with a gateway endpoint for S3, its group and its subnet."""
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    group = vpc.group("sg-web", egress=False)
    subnet.instance("web-1", "10.0.1.10", group)
    _listed(world, subnet, RANGES)
    return world, subnet, group


def _listed(world, subnet, ranges):
    listed = world.prefix_list(*ranges)
    world.add("PrefixLists", "pl", {"PrefixListId": listed, "PrefixListName": "com.amazonaws.us-east-1.s3", "Cidrs": ranges})
    subnet.route(listed, gateway_endpoint(subnet.vpc))
    return listed


@pytest.mark.parametrize("admitted", RANGES)
def test_a_group_that_admits_a_part_of_a_service_decides_nothing(bucket_user, admitted):
    """The name may stand for an address of either range, whichever is listed first."""
    world, _, group = bucket_user
    group.egress("tcp", 443, admitted)
    assert ("inconclusive", "SG191") == _answer(ask(world, "web-1", S3, 443))


@pytest.mark.parametrize("admitted", RANGES)
def test_a_network_acl_that_admits_a_part_of_a_service_decides_nothing(bucket_user, admitted):
    """The same of entries; the headline says what is divided."""
    world, subnet, group = bucket_user
    group.egress("tcp", 443, "0.0.0.0/0")
    subnet.acl().allow(100, "egress", "tcp", 443, admitted).allow(100, "ingress", "tcp", (1024, 65535), "0.0.0.0/0")
    found = ask(world, "web-1", S3, 443)
    assert ("inconclusive", "NA191") == _answer(found)
    assert "admits one part of the service's addresses and denies another" in found.headline


def test_rules_for_every_range_admit_the_service(bucket_user):
    """Both ranges in one rule, or the prefix list itself."""
    world, subnet, group = bucket_user
    group.egress("tcp", 443, *RANGES)
    subnet.acl().allow(100, "egress", "tcp", 443, RANGES[0]).allow(101, "egress", "tcp", 443, RANGES[1]).allow(
        100, "ingress", "tcp", (1024, 65535), "0.0.0.0/0"
    )
    assert "reachable" == ask(world, "web-1", S3, 443).verdict


def test_the_remedy_admits_the_list_and_not_one_of_its_addresses(bucket_user):
    """A rule for a single address would open the service now and then."""
    world, _, _ = bucket_user
    found = ask(world, "web-1", S3, 443)
    assert "SG103" in codes(found)
    (remedy,) = found.remedies
    assert remedy.verified
    assert "PrefixListIds" in remedy.changes[0].command
    assert "/32" not in remedy.changes[0].command


def test_records_of_any_address_of_a_service_are_the_flow(bucket_user, tmp_path):
    """The name was resolved to another address than the one that stands for all; connections with two hosts are two."""
    world, _, group = bucket_user
    group.egress("tcp", 443, "0.0.0.0/0")
    _log(world, tmp_path, ("52.217.8.9", "ACCEPT"), ("3.5.7.7", "ACCEPT"), ("198.51.100.9", "ACCEPT"))
    found = diagnose("web-1", S3, 443, snapshot=world.snapshot(), flow_logs=tmp_path)
    assert ("reachable", "healthy") == (found.verdict, found.symptom)
    assert {"52.217.8.9", "3.5.7.7"} == {record.destination for record in found.records} - {"10.0.1.10"}
    listed = {r.destination for r in flow_records("web-1", S3, 443, snapshot=world.snapshot(), flow_logs=tmp_path)}
    assert {"52.217.8.9", "3.5.7.7", "10.0.1.10"} == listed


def test_a_record_of_an_interface_with_several_addresses_may_be_of_another(world, tmp_path):
    """It shows the primary address for all of them; with pkt-dstaddr it says which one was meant."""
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    group = vpc.group("sg")
    group.ingress("tcp", 443, "10.0.0.0/16")
    subnet.instance("web-1", "10.0.1.10", group)
    eni = subnet.instance("pods", "10.0.1.20", group).eni
    _log(world, tmp_path, ("10.0.1.10", "ACCEPT"), source="10.0.1.20", interface=eni.id, back=True)
    assert "accept" in {one.seen for one in _asked(world, tmp_path).sightings}
    eni.raw["PrivateIpAddresses"].append({"PrivateIpAddress": "10.0.1.21", "Primary": False})
    found = _asked(world, tmp_path)
    assert "accept" not in {one.seen for one in found.sightings}
    assert any("1 record may be this flow" in one.reason for one in found.unread)


def _asked(world, folder):
    return diagnose("web-1", "pods", 443, snapshot=world.snapshot(), flow_logs=folder)


def test_a_secondary_address_shows_as_the_primary_one(bucket_user, tmp_path):
    """A record of the interface shows its primary address whichever one was meant."""
    world, subnet, group = bucket_user
    group.egress("tcp", 443, "0.0.0.0/0")
    other = subnet.instance("web-2", "10.0.1.20", group)
    other.eni.raw["PrivateIpAddresses"].append({"PrivateIpAddress": "10.0.1.21", "Primary": False})
    _log(world, tmp_path, ("52.217.8.9", "ACCEPT"), source="10.0.1.20", interface=other.eni.id)
    found = diagnose(f"{other.eni.id}/10.0.1.21", S3, 443, snapshot=world.snapshot(), flow_logs=tmp_path)
    assert "no_log" != found.symptom


@pytest.mark.parametrize("ends", [("web-1", "internet"), ("internet", "web-1")])
def test_silence_about_anybody_is_not_known(world, tmp_path, ends):
    """Records show the one host that web-1 talked with; that none shows the address that stands for anybody says nothing."""
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    subnet.route("0.0.0.0/0", vpc.internet_gateway())
    group = vpc.group("sg-web")
    group.ingress("tcp", 443, "0.0.0.0/0")
    subnet.instance("web-1", "10.0.1.10", group, public="203.0.113.9")
    _log(world, tmp_path, ("52.217.8.9", "ACCEPT"), ("52.217.8.10", "REJECT"))
    found = diagnose(*ends, 443, snapshot=world.snapshot(), flow_logs=tmp_path)
    assert ("reachable", "unobserved") == (found.verdict, found.symptom)
    assert any("internet stands for many addresses" in one.reason for one in found.unread)


def _answer(found):
    return found.verdict, found.code


def _log(world, folder, *far, source="10.0.1.10", interface="", back=False):
    """Records of a request to each host, and of its reply; `back`: each host asked instead."""
    interface = interface or world.raw()[world.account, world.region]["NetworkInterfaces"][0]["NetworkInterfaceId"]
    lines = [HEADER]
    for host, action in far:
        if back:
            lines.append(f"2 {world.account} {interface} {host} {source} 40000 443 6 9 900 1700000000 1700000050 {action} OK")
            continue
        lines.append(f"2 {world.account} {interface} {source} {host} 40000 443 6 9 900 1700000000 1700000050 {action} OK")
        lines.append(f"2 {world.account} {interface} {host} {source} 443 40000 6 9 900 1700000000 1700000050 {action} OK")
    (folder / "flow.log").write_text("\n".join(lines) + "\n")
