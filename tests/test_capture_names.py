"""A captured VPC answers by the names of its services: the same answer as live, from what was asked for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_replay import ReplaySession
from aws_world import no_waiting  # noqa: F401  retries without waiting
from test_live import told
from test_names import Shop, ends
from test_names_live import BUILDS, Asked, session_of
from test_names_services import Services
from world import World
from world_managed import database, dns, function, record, tasks, zone

from flowdiag import Snapshot, diagnose
from flowdiag.access import Access
from flowdiag.gather import gather_vpcs


def captured(session: ReplaySession, folder: Path, *vpcs: str) -> Snapshot:
    """The VPCs as a person saves them and loads them again."""
    gather_vpcs(vpcs, Access(session)).snapshot.save(folder)
    return Snapshot.load(folder)


@pytest.mark.parametrize("build", BUILDS)
def test_a_captured_vpc_answers_by_name_as_aws_does(world: World, build: Callable[[Services], Asked], tmp_path: Path) -> None:
    """The same verdict, hops and ends as live, and nothing left unread that AWS would tell."""
    services = Services(world)
    asked = build(services)
    held = diagnose(*asked, snapshot=captured(session_of(world), tmp_path / "vpc", services.vpc.id))
    live = diagnose(*asked, session=session_of(world), flow_logs="none")
    assert (told(live), ends(live)) == (told(held), ends(held))
    assert [line.assumed for line in live.unread] == [line.assumed for line in held.unread]


def test_a_function_and_its_database_of_a_captured_vpc(tmp_path: Path) -> None:
    """The question that everybody asks, by bare names."""
    shop = Shop(World())
    shop.function()
    shop.database()
    found = diagnose("orders-fn", "orders-db", 3306, snapshot=captured(session_of(shop.world), tmp_path / "vpc", shop.vpc.id))
    assert ("reachable", {"10.0.2.45"}, ()) == (found.verdict, ends(found), found.unread)


@pytest.mark.parametrize(
    ("host", "address"),
    [("db.corp.internal", "10.0.2.20"), ("far.corp.internal", "10.50.0.9"), ("www.corp.internal", "10.0.2.45")],
)
def test_every_name_of_a_private_zone_is_captured(world: World, host: str, address: str, tmp_path: Path) -> None:
    """Its own records and what they point to, addresses of nobody among them."""
    services = Services(world)
    dns(services.vpc)
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    endpoint = "orders-db.abc123.us-east-1.rds.amazonaws.com"
    records = [record("db.corp.internal", "10.0.2.20"), record("far.corp.internal", "10.50.0.9")]
    zone(services.vpc, "corp.internal", *records, record("www.corp.internal", endpoint, type="CNAME"))
    held = diagnose("web-1", host, 3306, snapshot=captured(session_of(world), tmp_path / "vpc", services.vpc.id))
    live = diagnose("web-1", host, 3306, session=session_of(world), flow_logs="none")
    assert ({address}, told(live), live.unread) == (ends(held), told(held), held.unread)


def test_only_what_is_in_the_vpc_is_asked_for_one_by_one() -> None:
    """What an account has in other VPCs is listed at most; of more databases here, no call is made for each."""
    counts = []
    for here, elsewhere in ((1, 0), (1, 30), (30, 0)):
        world = World()
        shop, other = Shop(world), Shop(world)
        shop.function()
        for number in range(here):
            database(f"db-{number}", {shop.data: f"10.0.2.{number + 100}"}, shop.vpc.group(f"sg-{number}"))
        for number in range(elsewhere):
            function(f"far-fn-{number}", {other.app: f"10.0.1.{number + 100}"}, other.sg_fn)
            database(f"far-db-{number}", {other.data: f"10.0.2.{number + 100}"}, other.sg_db)
        counts.append(Counter(call for call, *_ in gather_vpcs([shop.vpc.id], Access(session_of(world))).calls))
    assert counts[0] == counts[1] == counts[2]
    assert 1 == counts[0]["get_function_configuration"]


def test_a_service_that_may_not_be_listed_is_a_hole_and_no_more(tmp_path: Path) -> None:
    """The capture says so, and the other end is found by its name still."""
    shop = Shop(World())
    shop.function()
    shop.database()
    session = session_of(
        shop.world, deny={"rds:DescribeDBInstances", "elasticache:DescribeCacheClusters", "kafka:ListClustersV2"}
    )
    held = captured(session, tmp_path / "vpc", shop.vpc.id)
    refused = {unread.action for unread in held.refused if unread.reason == "denied"}
    assert {"rds:DescribeDBInstances", "elasticache:DescribeCacheClusters", "kafka:ListClustersV2"} == refused
    assert "reachable" == diagnose("orders-fn", "10.0.2.45", 3306, snapshot=held).verdict


def test_what_was_listed_whole_and_is_not_there_does_not_exist(tmp_path: Path) -> None:
    """A capture of a VPC without databases knows that there is none of the name."""
    shop = Shop(World())
    shop.function()
    held = captured(session_of(shop.world), tmp_path / "vpc", shop.vpc.id)
    assert () == held.find("db_instance", "id", "orders-db")
    assert () == held.find("msk_cluster", "name", "events")


def test_a_question_from_the_internet_of_a_captured_vpc(world: World, tmp_path: Path) -> None:
    """The gateway's edge route table and VPC Block Public Access are part of the VPC."""
    services = Services(world)
    services.data.route("0.0.0.0/0", services.vpc.internet_gateway())
    services.sg_db.ingress("tcp", 443, "0.0.0.0/0")
    services.data.instance("front", "10.0.2.60", services.sg_db, public="203.0.113.60")
    held = diagnose("internet", "front", 443, snapshot=captured(session_of(world), tmp_path / "vpc", services.vpc.id))
    live = diagnose("internet", "front", 443, session=session_of(world), flow_logs="none")
    assert ("reachable", told(live), live.unread) == (held.verdict, told(held), held.unread)


def test_no_environment_variable_is_captured(tmp_path: Path) -> None:
    """Functions and tasks show them to whoever may describe them, passwords among them; no file holds one."""
    shop = Shop(World())
    shop.function(Environment={"Variables": {"DB_PASSWORD": "swordfish"}})
    tasks("shop", "orders", {shop.data: "10.0.2.30"}, shop.sg_db)
    (task,) = shop.world.raw()[shop.world.account, shop.world.region]["tasks"]
    task["overrides"] = {"containerOverrides": [{"environment": [{"name": "DB_PASSWORD", "value": "swordfish"}]}]}
    held = captured(session_of(shop.world), tmp_path / "vpc", shop.vpc.id)
    assert {"lambda_function", "lambda_function_names", "ecs_task"} <= held.counts().keys()
    assert [] == [file.name for file in (tmp_path / "vpc").rglob("*.json") if "swordfish" in file.read_text()]
