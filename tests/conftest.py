"""What every test shares: a world to build in, a pair of hosts that can talk, and hypothesis without a clock."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from world import Group, Instance, Subnet, Vpc, World

from flowdiag import Diagnosis, diagnose

# The same examples in every run and on every machine; FLOWDIAG_EXAMPLES asks for more of them.
settings.register_profile(
    "flowdiag",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=int(os.environ.get("FLOWDIAG_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("flowdiag")


@dataclass
class Pair:
    """web-1 and db-1 in two subnets of one VPC: whatever web-1 opens to tcp/5432 of db-1 is let in."""

    world: World = field(default_factory=World)
    ipv6: bool = False
    vpc: Vpc = field(init=False)
    app: Subnet = field(init=False)
    data: Subnet = field(init=False)
    sg_web: Group = field(init=False)
    sg_db: Group = field(init=False)
    web: Instance = field(init=False)
    db: Instance = field(init=False)

    def __post_init__(self) -> None:
        six = ["2001:db8:1::/56", "2001:db8:1:1::/64", "2001:db8:1:2::/64"] if self.ipv6 else ["", "", ""]
        self.vpc = self.world.vpc("10.0.0.0/16", ipv6=six[0])
        self.app, self.data = self.vpc.subnet("10.0.1.0/24", six[1]), self.vpc.subnet("10.0.2.0/24", six[2])
        self.sg_web, self.sg_db = self.vpc.group("sg-web"), self.vpc.group("sg-db")
        self.sg_db.ingress("tcp", 5432, self.sg_web)
        own = (["2001:db8:1:1::10"], ["2001:db8:1:2::20"]) if self.ipv6 else ([], [])
        self.web = self.app.instance("web-1", "10.0.1.10", self.sg_web, ipv6=own[0])
        self.db = self.data.instance("db-1", "10.0.2.20", self.sg_db, ipv6=own[1])

    def ask(
        self,
        port: int | None = 5432,
        source: str = "web-1",
        destination: str = "db-1",
        *others: World,
        without: Collection[str] = (),
        **more: Any,
    ) -> Diagnosis:
        """The diagnosis of web-1 → db-1 from everything in this world and the others given."""
        return diagnose(source, destination, port, snapshot=self.world.snapshot(*others, without=without), **more)


@pytest.fixture
def world() -> World:
    """An empty account in an empty Region."""
    return World()


@pytest.fixture
def pair(world: World) -> Pair:
    """Two hosts that can talk over IPv4."""
    return Pair(world)


@pytest.fixture
def pair6(world: World) -> Pair:
    """Two hosts that can talk over IPv4 and IPv6."""
    return Pair(world, ipv6=True)
