"""Remedies that may not fit: AWS's default quotas of security groups and network ACLs, as a caveat and never as a verdict."""

from __future__ import annotations

import pytest
from proving import Pair, only
from world import World

from flowdiag import diagnose

FAR = [f"192.0.2.{number}/32" for number in range(80)]


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


def caveats(world: World) -> list[str]:
    """Those of the one verified remedy of web-1 → db-1."""
    return [change.caveat for change in only(world.snapshot(), "web-1", "db-1").changes]


def filled(pair: Pair, number: int) -> None:
    """The group of db-1 with so many rules in, each for one IPv4 address."""
    pair.sg_db.ingress("tcp", 22, *FAR[:number])


@pytest.mark.parametrize(("rules", "full"), [(59, False), (60, True), (61, True)])
def test_a_group_at_its_default_quota_is_told(world: World, pair: Pair, rules: int, full: bool) -> None:
    """From 60 rules in on another one may not fit; the remedy stays verified, for the account may have a higher quota."""
    filled(pair, rules)
    told = f"sg-db holds {rules} ingress rules for IPv4; AWS's default quota is 60, so the rule may not fit"
    assert [f"{told} (the account's own quota is not read)" if full else ""] == caveats(world)


def test_directions_and_ip_versions_count_apart(world: World, pair: Pair) -> None:
    """Rules out, and rules for IPv6, leave room for one more rule in for IPv4."""
    filled(pair, 30)
    pair.sg_db.egress("tcp", 22, *FAR)
    pair.sg_db.ingress("tcp", 22, *(f"2001:db8::{number}/128" for number in range(40)))
    assert [""] == caveats(world)


def test_a_reference_to_a_group_counts_for_both_ip_versions(world: World, pair: Pair) -> None:
    """A rule that names a group takes room of IPv6 too, and that is full here."""
    pair.sg_db.ingress("tcp", 22, *(f"2001:db8::{number:x}/128" for number in range(60)))
    assert [True] == ["60 ingress rules for IPv6" in caveat for caveat in caveats(world)]


def test_a_prefix_list_counts_at_least_its_entries_or_a_weight(world: World, pair: Pair) -> None:
    """How many entries a list may ever have is not read; what counting its entries gives is told as just that."""
    pair.sg_db.ingress("tcp", 22, world.prefix_list(*FAR[:50]))
    filled(pair, 10)
    told = "sg-db holds 60 ingress rules for IPv4, counting every entry of its prefix lists as AWS may not;"
    assert [True] == [caveat.startswith(told) for caveat in caveats(world)]


@pytest.mark.parametrize(("entries", "full"), [(18, False), (19, True)])
def test_a_network_acl_at_its_default_quota_is_told(world: World, pair: Pair, entries: int, full: bool) -> None:
    """With its `*` a network ACL holds 20 entries in by default; one more may not fit."""
    pair.sg_db.ingress("tcp", 5432, pair.sg_web)
    acl = pair.data.acl().allow(10, "egress")
    for number, cidr in enumerate(FAR[:entries]):
        acl.allow(100 + number, "ingress", "tcp", 22, cidr)
    told = f"{acl.id} holds 20 inbound entries for IPv4, * included; AWS's default quota is 20 and the most it grants 40, "
    assert [f"{told}so the entry may not fit (the account's own quota is not read)" if full else ""] == caveats(world)


def test_an_entry_that_is_replaced_needs_no_room(world: World, pair: Pair) -> None:
    """Where no number is free below the entry that denies, that one becomes an allow: nothing is added."""
    pair.sg_db.ingress("tcp", 5432, pair.sg_web)
    acl = pair.data.acl().allow(10, "egress").deny(1, "ingress", "tcp", 5432, "10.0.1.10/32").allow(2, "ingress")
    for number, cidr in enumerate(FAR[:30]):
        acl.allow(100 + number, "ingress", "tcp", 22, cidr)
    assert [""] == caveats(world)


def test_every_change_is_held_against_those_before_it(world: World, pair: Pair) -> None:
    """The request and its reply each need an entry out of one network ACL, which has room for one: the second may not fit."""
    pair.sg_db.ingress("tcp", 5432, pair.sg_web)
    acl = pair.data.acl().allow(10, "ingress")
    pair.vpc.default_acl.dissociate(pair.app.id)
    acl.associate(pair.app.id)
    for number, cidr in enumerate(FAR[:18]):
        acl.allow(100 + number, "egress", "tcp", 22, cidr)
    assert [False, True] == [bool(caveat) for caveat in caveats(world)]


def test_the_report_tells_it_below_the_command(world: World, pair: Pair) -> None:
    """The sentence stands under the change it is about, on every surface that shows remedies."""
    filled(pair, 60)
    told = diagnose("web-1", "db-1", 5432, snapshot=world.snapshot())
    lines = str(told).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("remedy"))
    assert "sg-db holds 60 ingress rules" in lines[at + 2]
    assert "sg-db holds 60 ingress rules" in told.to("markdown")
    assert told.to("json")["diagnosis"]["remedies"][0]["changes"][0]["caveat"].startswith("sg-db holds 60")
