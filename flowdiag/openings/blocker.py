"""A blocker where it stands on the path, and what every opening needs of it: the header, the far end, the way to say things."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import Any, NamedTuple

from flowdiag.component import EVERYWHERE
from flowdiag.model import Address, Change, Endpoint, Finding, Flow, Hop, Leg, Place, Scope
from flowdiag.snapshot import Snapshot

OWN_QUOTA = "the account's own quota is not read"  # it stands in Service Quotas


class Never(str):
    """Why no change of any kind opens a blocker, so that opening others on its way helps nobody."""


class Blocker(NamedTuple):
    """A finding that blocks: its leg, the hops of its direction, and its own number among them."""

    leg: Leg
    hops: tuple[Hop, ...]
    at: int
    finding: Finding

    @property
    def place(self) -> Place:
        """The component that blocks."""
        return self.hops[self.at].place

    @property
    def flow(self) -> Flow:
        """The header as it stands there."""
        return self.hops[self.at].before

    def far(self, address: Address) -> tuple[str, str]:
        """The CIDR for a far address and how to call it: that address alone, or everybody where the question says `internet`."""
        ends = (self.leg.source, self.leg.destination)
        if any(end.kind == "internet" and end.address == address for end in ends):
            everywhere = EVERYWHERE[address.version]
            return everywhere, f"anywhere ({everywhere})"
        return f"{address}/{address.max_prefixlen}", str(address)

    def meant(self, address: Address) -> Endpoint | None:
        """The end of the question for which a far address stands only as one of many, where it is a service's."""
        ends = (self.leg.source, self.leg.destination)
        return next((end for end in ends if end.ranges and end.address == address), None)

    @property
    def sent(self) -> str:
        """The CIDR or prefix list by which the last route table before it sends the packet here, or empty."""
        before = (hop.finding for hop in self.hops[: self.at] if hop.finding and hop.place.kind == "route_table")
        return next((finding.fix.get("route", "") for finding in reversed(list(before))), "")

    def revived(self, target: str, vpcs: Iterable[tuple[str, Scope]], snapshot: Snapshot) -> tuple[Change, ...]:
        """The blackholes of these VPCs that lead to a target, which AWS shows as active once the target works.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
        """
        met = {hop.finding.resource: hop.place.scope for hop in self.leg.hops if hop.finding and hop.place.kind == "route_table"}
        known = [snapshot.get("route_table", id, scope) for id, scope in met.items()]
        known += [table for vpc, scope in vpcs for table in snapshot.find("route_table", "vpc", vpc, scope) or ()]
        tables = {table.id: table for table in known if table}
        return tuple(
            _revived(route, table)
            for table in tables.values()
            for route in table.routes
            if route.target == target and route.state == "blackhole"
        )

    def named(self, resource: Any) -> str:
        """The resource's name, with its account where that is another than the source's."""
        home: Scope = self.leg.source.scope
        foreign = home.account and resource.scope.account and home.account != resource.scope.account
        return f"{resource.name} of account {resource.scope.account}" if foreign else str(resource.name)

    def command(self, words: list[str], resource: Any) -> str:
        """A command for the shell, each word quoted; it names the Region where that is not the one of the source."""
        region: str = resource.scope.region
        elsewhere = ["--region", region] if region and region != self.leg.source.scope.region else []
        return shlex.join(["aws", "ec2", *words, *elsewhere])


def _revived(route: Any, table: Any) -> Change:
    raw = route.model_dump(by_alias=True, exclude_defaults=True)
    patch = {"list": "Routes", "drop": raw, "add": {**raw, "State": "active"}}
    summary = f"{route} of {table.id} carries again"
    return Change(summary=summary, kind="route_table", resource=table.id, scope=table.scope, patch=patch)
