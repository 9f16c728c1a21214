"""Scenes that many tests begin with, and the short words in which they tell an answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from world import Group, Instance, Subnet, Vpc, World
from world_balancers import LoadBalancer
from world_services import TransitGateway

from flowdiag import Diagnosis, diagnose

PUBLIC = "203.0.113.10"
OUTSIDE = "198.51.100.7"


def codes(diagnosis):
    """The codes of what blocks or stays open, the deciding one first."""
    return [finding.code for finding in diagnosis.findings]


def verdict(diagnosis):
    """The verdict with the deciding code; without one where nothing is in the way."""
    return (diagnosis.verdict, *codes(diagnosis)[:1])


def neighbours(world):
    """Two instances of one subnet, the second one open to everybody."""
    subnet = world.vpc("10.0.0.0/16").subnet("10.0.1.0/24")
    open_group = subnet.vpc.group("open")
    open_group.ingress("-1", None, "0.0.0.0/0")
    return subnet, subnet.instance("one", "10.0.1.10", open_group), subnet.instance("two", "10.0.1.20", open_group)


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


def peered(world, other=None, **more):
    """web-1 in one VPC, db-1 in a peered one, routes both ways, sg-db open to sg-web."""
    left, right = world.vpc("10.0.0.0/16"), (other or world).vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    sg_web, sg_db = left.group("sg-web"), right.group("sg-db")
    sg_db.ingress("tcp", 5432, sg_web)
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.9.2.20", sg_db)
    peering = world.peer(left, right, **more)
    left.route("10.9.0.0/16", peering)
    right.route("10.0.0.0/16", peering)
    return left, right, app, data, sg_db, peering


def hubbed(world, **more):
    """web-1 and db-1 in two VPCs on one transit gateway, each attached in a subnet of its own, routes both ways."""
    left, right = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16")
    app, data = left.subnet("10.0.1.0/24"), right.subnet("10.9.2.0/24")
    sg_web, sg_db = left.group("sg-web"), right.group("sg-db")
    sg_db.ingress("tcp", 5432, "10.0.0.0/16")
    app.instance("web-1", "10.0.1.10", sg_web)
    data.instance("db-1", "10.9.2.20", sg_db)
    hub = TransitGateway(world, **more)
    hub.attach(left, left.subnet("10.0.9.0/28"))
    hub.attach(right, right.subnet("10.9.9.0/28"))
    left.route("10.9.0.0/16", hub.id)
    right.route("10.0.0.0/16", hub.id)
    return hub, app, data, sg_web, sg_db


def balanced(world, *groups, **more):
    """web-1, a load balancer `shop` with its node at 10.0.1.50 in the same subnet, and app-1 in another one."""
    vpc = world.vpc("10.0.0.0/16")
    front, back = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24")
    sg_web, sg_app = vpc.group("sg-web"), vpc.group("sg-app")
    front.instance("web-1", "10.0.1.10", sg_web)
    app = back.instance("app-1", "10.0.2.20", sg_app)
    made = [vpc.group(name) for name in groups]
    shop = LoadBalancer("shop", {front: "10.0.1.50"}, *made, **more)
    return shop, app, sg_web, sg_app, made, back


def ask(world, source, destination, port=5432, *others, without=(), **more):
    """The diagnosis of a question to the worlds."""
    return diagnose(source, destination, port, snapshot=world.snapshot(*others, without=without), **more)


def public_web(world, public=PUBLIC):
    """web-1 in a subnet that routes to an internet gateway, open to tcp/443 from everybody."""
    vpc = world.vpc("10.0.0.0/16")
    subnet, group = vpc.subnet("10.0.1.0/24"), vpc.group("sg-web")
    group.ingress("tcp", 443, "0.0.0.0/0")
    gateway = vpc.internet_gateway()
    subnet.route("0.0.0.0/0", gateway)
    return vpc, subnet, group, subnet.instance("web-1", "10.0.1.10", group, public=public), gateway


def behind_nat(world, **more):
    """app-1 in a private subnet whose default route leads to a NAT gateway in a public one."""
    vpc = world.vpc("10.0.0.0/16")
    private, public = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.100.0/24")
    nat = public.nat("10.0.100.5", **{"public": "203.0.113.50", **more})
    private.route("0.0.0.0/0", nat)
    public.route("0.0.0.0/0", vpc.internet_gateway())
    private.instance("app-1", "10.0.1.10", vpc.default_group)
    return vpc, private, public, nat
