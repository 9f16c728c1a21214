"""Names that several resources have: ECS services in their clusters, and one name in several accounts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from aws_replay import organisation
from aws_world import no_waiting  # noqa: F401  retries without waiting
from scenes import ask
from test_names import Shop, ends
from test_names_live import recorded, session_of
from test_names_services import Services
from test_names_services import services as services  # a fixture
from world import World, snapshot
from world_managed import arn, database, kubernetes, proxy, tasks

from flowdiag import Diagnosis, FlowdiagError, diagnose

THEIRS = "222233334444"


def live(services: Services, destination: str, port: int = 8080, **more: Any) -> tuple[Diagnosis, Counter[str]]:
    """The live answer, and how often every call outside EC2 was made."""
    session = session_of(services.world, **more)
    found = diagnose("web-1", destination, port, session=session, flow_logs="none")
    return found, Counter(operation for service, operation, _ in session.replay.requests if service not in ("ec2", "sts"))


# ---------------------------------------------------------------- ECS services


@pytest.mark.parametrize("form", ["orders", "ecs:orders"])
def test_a_service_by_its_name_alone(services: Services, form: str) -> None:
    """It is looked for in every cluster, offline and live."""
    tasks("shop", "orders", {services.data: "10.0.2.30", services.data_b: "10.0.4.30"}, services.sg_db)
    tasks("other", "front", {services.data: "10.0.2.31"}, services.sg_db)
    for found in (services.to(form, 8080), live(services, form)[0]):
        assert ("reachable", {"10.0.2.30", "10.0.4.30"}, ()) == (found.verdict, ends(found), found.unread)


def test_a_service_of_several_clusters_is_asked_back(services: Services) -> None:
    """Each candidate is named by a text that works."""
    tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    tasks("test", "orders", {services.data_b: "10.0.4.30"}, services.sg_db)
    with pytest.raises(FlowdiagError) as caught:
        live(services, "orders")
    own = [arn(services.world, "ecs", f"service/{cluster}/orders") for cluster in ("shop", "test")]
    assert f"'orders' is the name of 2 resources: say which with one of {', '.join(own)}" == str(caught.value)
    assert [{"10.0.2.30"}, {"10.0.4.30"}] == [ends(services.to(one, 8080)) for one in own]


def test_clusters_are_searched_only_for_what_nothing_else_is_called(services: Services) -> None:
    """A database of the name costs no search; a word that says the service costs none of the others."""
    tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    tasks("other", "front", {services.data: "10.0.2.31"}, services.sg_db)
    database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    assert (0, 0) == tuple(live(services, "orders-db", 3306)[1][call] for call in ("ListClusters", "ListTasks"))
    assert {"ListClusters": 1, "ListTasks": 2, "DescribeTasks": 1} == live(services, "ecs:orders")[1]


def test_a_cluster_that_may_not_be_searched_is_named(services: Services) -> None:
    """The service may be there; one that was found elsewhere is."""
    tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    with pytest.raises(FlowdiagError, match=r"AWS did not answer ecs:ListClusters \(denied\)"):
        live(services, "orders", deny={"ecs:ListClusters"})


def test_a_service_that_no_cluster_has(services: Services) -> None:
    """The sentence is the usual one."""
    tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    with pytest.raises(FlowdiagError, match="'ecs:payments' is no ecs task in what was read"):
        services.to("ecs:payments", 8080)


def test_a_name_tag_is_found_before_a_search(services: Services) -> None:
    """EC2's own names come first."""
    tasks("shop", "orders", {services.data: "10.0.2.30"}, services.sg_db)
    services.data.instance("orders", "10.0.2.77", services.sg_db)
    found, calls = live(services, "orders")
    assert ({"10.0.2.77"}, Counter()) == (ends(found), calls)


# ---------------------------------------------------------------- one name in several accounts


def two() -> tuple[Shop, Shop]:
    """orders-db in two accounts, at other addresses."""
    ours, theirs = Shop(World()), Shop(World(THEIRS))
    ours.function()
    ours.database()
    theirs.database(address="10.0.2.99")
    return ours, theirs


def test_a_name_that_two_accounts_have_is_asked_back() -> None:
    """The first one is not taken in silence; by its ARN each is meant."""
    ours, theirs = two()
    snapshot = ours.world.snapshot(theirs.world)
    own = [arn(shop.world, "rds", "db:orders-db") for shop in (ours, theirs)]
    with pytest.raises(FlowdiagError) as caught:
        diagnose("orders-fn", "orders-db", 3306, snapshot=snapshot)
    assert f"'orders-db' is the name of 2 resources: say which with one of {', '.join(own)}" == str(caught.value)
    assert [{"10.0.2.45"}, {"10.0.2.99"}] == [ends(diagnose("orders-fn", one, 3306, snapshot=snapshot)) for one in own]


def test_a_name_that_two_accounts_have_is_asked_back_live() -> None:
    """Both accounts are asked at once."""
    ours, theirs = two()
    role = f"arn:aws:iam::{THEIRS}:role/r"
    session = organisation({shop.world.account: recorded(shop.world) for shop in (ours, theirs)}, roles={role: ""})
    with pytest.raises(FlowdiagError, match="'orders-db' is the name of 2 resources"):
        diagnose("orders-fn", "orders-db", 3306, session=session, accounts={THEIRS: {"role": role}}, flow_logs="none")


def test_an_arn_of_another_account_is_not_ours_of_the_same_name() -> None:
    """Nothing of that account was read."""
    ours, theirs = two()
    with pytest.raises(FlowdiagError):
        diagnose("orders-fn", arn(theirs.world, "rds", "db:orders-db"), 3306, snapshot=ours.world.snapshot())


def test_two_clusters_of_one_name_are_two(services: Services) -> None:
    """EKS writes its replies in another case, and they belong to an account all the same."""
    away = Services(World(THEIRS))
    for one in (services, away):
        kubernetes("prod", {one.data: "10.0.2.95"}, one.sg_db)
    own = [arn(one.world, "eks", "cluster/prod") for one in (services, away)]
    with pytest.raises(FlowdiagError, match=f"'prod' is the name of 2 resources: say which with one of {', '.join(own)}"):
        diagnose(services.web.id, "prod", 443, snapshot=services.world.snapshot(away.world))


def test_what_is_kept_without_an_account_may_be_the_one(services: Services) -> None:
    """A folder that does not say whose it is still answers to an ARN."""
    made = database("orders-db", {services.data: "10.0.2.45"}, services.sg_db)
    raw = services.world.raw()[services.world.account, services.world.region]
    for entry in raw["Vpcs"]:
        entry.pop("OwnerId")
    assert {"10.0.2.45"} == ends(diagnose("web-1", made["DBInstanceArn"], 3306, snapshot=snapshot({("", ""): raw})))


def test_a_proxy_by_its_arn(services: Services) -> None:
    """The text that the error offers works."""
    made = proxy("pool", {services.data: "10.0.2.55"}, services.sg_db)
    for found in (ask(services.world, "web-1", made["DBProxyArn"], 5432), live(services, made["DBProxyArn"], 5432)[0]):
        assert ("reachable", {"10.0.2.55"}) == (found.verdict, ends(found))
