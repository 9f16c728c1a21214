"""What the tests of remedies share: asking for one, and the two networks that most of them break."""

from __future__ import annotations

from world import World

from flowdiag import Snapshot
from flowdiag.conclude import passes
from flowdiag.graph import Path, look
from flowdiag.model import Remedy
from flowdiag.question import ask
from flowdiag.remedy import prove
from flowdiag.table import Rules

RULES = Rules.load()
WEB, DB = "10.0.1.10", "10.0.2.20"


def walked(snapshot: Snapshot, source: str, destination: str, port: int | None = 5432, protocol: str = "tcp") -> Path:
    """The walk of a question through a snapshot."""
    return look(ask(source, destination, port, protocol), snapshot.view(), RULES)


def proved(
    snapshot: Snapshot, source: str, destination: str, port: int | None = 5432, protocol: str = "tcp"
) -> tuple[Remedy, ...]:
    """The remedies for a question."""
    path = walked(snapshot, source, destination, port, protocol)
    return prove(path, snapshot, lambda changed: walked(changed, source, destination, port, protocol), passes)


def only(snapshot: Snapshot, source: str, destination: str, port: int | None = 5432, protocol: str = "tcp") -> Remedy:
    """The one verified remedy of a question."""
    (remedy,) = proved(snapshot, source, destination, port, protocol)
    assert (True, "") == (remedy.verified, remedy.note)
    return remedy


def commands(remedy: Remedy) -> list[str]:
    return [change.command for change in remedy.changes]


def summaries(remedy: Remedy) -> list[str]:
    return [change.summary for change in remedy.changes]


class Pair:
    """Two subnets of one VPC, web-1 in one and db-1 in the other; nothing lets web-1 in to db-1 but what a test adds."""

    def __init__(self, world: World, ipv6: bool = False) -> None:
        self.vpc = world.vpc("10.0.0.0/16", ipv6="2001:db8:0:100::/56" if ipv6 else "")
        self.app = self.vpc.subnet("10.0.1.0/24", ipv6="2001:db8:0:101::/64" if ipv6 else "")
        self.data = self.vpc.subnet("10.0.2.0/24", ipv6="2001:db8:0:102::/64" if ipv6 else "")
        self.sg_web, self.sg_db = self.vpc.group("sg-web"), self.vpc.group("sg-db")
        own = ("2001:db8:0:101::10", "2001:db8:0:102::20") if ipv6 else ()
        self.web = self.app.instance("web-1", WEB, self.sg_web, ipv6=own[:1])
        self.db = self.data.instance("db-1", DB, self.sg_db, ipv6=own[1:])


class Peered:
    """Two peered VPCs, perhaps of two accounts or Regions, with an instance each and routes both ways."""

    def __init__(self, world: World, other: World, routes: bool = True) -> None:
        self.near, self.far = world.vpc("10.0.0.0/16"), other.vpc("10.1.0.0/16")
        self.pcx = world.peer(self.near, self.far)
        self.sg_web, self.sg_db = self.near.group("sg-web"), self.far.group("sg-db")
        self.web = self.near.subnet("10.0.1.0/24").instance("web-1", WEB, self.sg_web)
        self.db = self.far.subnet("10.1.2.0/24").instance("db-1", "10.1.2.20", self.sg_db)
        if routes:
            self.near.route("10.1.0.0/16", self.pcx)
            self.far.route("10.0.0.0/16", self.pcx)
