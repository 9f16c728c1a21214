"""Live evidence for a question, or of whole VPCs: walk on what is known, fetch what the walk lacked, and again.

The rounds and calls depend on the path, never on the size of the account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flowdiag.collect import Collector
from flowdiag.graph import look, survey
from flowdiag.model import FlowdiagError, Query, Question, Unread
from flowdiag.policy import whole_vpc
from flowdiag.resolve import resolve
from flowdiag.snapshot import SnapshotView
from flowdiag.table import Rules

if TYPE_CHECKING:
    import boto3

MOST_ROUNDS = 12
Progress = Callable[[int, int], None]


def gather(
    question: Question,
    tables: Rules,
    session: boto3.Session | None = None,
    region: str | None = None,
    progress: Progress = lambda done, wanted: None,
) -> Collector:
    """The collector with everything that walking the question asked for; its `snapshot` answers the question offline.

    `progress` is told, after every round, how many lookups are done and how many are wanted next. Raises FlowdiagError
    where an end cannot be resolved by anything AWS will tell.
    """
    collector = Collector(session, region=region)
    _fetch_all(collector, lambda view: _wanted_by(question, tables, view), progress)
    return collector


def gather_vpcs(
    vpcs: Iterable[str],
    session: boto3.Session | None = None,
    region: str | None = None,
    progress: Progress = lambda done, wanted: None,
) -> Collector:
    """The collector with everything of the VPCs, prefix lists of their rules and routes included."""
    collector = Collector(session, region=region)
    first = tuple(unread for vpc in vpcs for unread in (*whole_vpc(vpc), *_peerings(vpc)))
    _fetch_all(collector, lambda view: first if collector.rounds == 0 else _prefix_lists(view, vpcs), progress)
    return collector


def _fetch_all(collector: Collector, wanted_by: Callable[[SnapshotView], tuple[Unread, ...]], progress: Progress) -> None:
    done = 0
    for _ in range(MOST_ROUNDS):
        wanted = tuple(unread for unread in wanted_by(collector.snapshot.view()) if unread.retry and unread.assumed is None)
        progress(done, len(wanted))
        if not wanted or not collector.fetch(wanted):
            return
        done += len(wanted)


def _wanted_by(question: Question, tables: Rules, view: SnapshotView) -> tuple[Unread, ...]:
    """What resolving and walking the question lacked; an end that cannot be resolved is an error once nothing is lacking."""
    try:
        survey((end for ends in resolve(question, view) for end in ends), view)
        look(question, view, tables)
    except FlowdiagError:
        if not any(unread.retry for unread in view.unread):
            raise
    return view.unread


def _peerings(vpc: str) -> tuple[Unread, ...]:
    """Peerings are asked for by either side; AWS has no filter for both."""
    return tuple(Unread(query=Query(kind="vpc_peering", by=side, value=vpc)) for side in ("requester", "accepter"))


def _prefix_lists(view: SnapshotView, vpcs: Iterable[str]) -> tuple[Unread, ...]:
    """The lists that rules and routes of the VPCs name: no describe call gives them by VPC."""
    for vpc in vpcs:
        for group in view.find("security_group", "vpc", vpc) or ():
            for rule in (*group.ip_permissions, *group.ip_permissions_egress):
                for listed in rule.prefix_list_ids:
                    view.get("prefix_list", listed.prefix_list_id, group.scope)
        for table in view.find("route_table", "vpc", vpc) or ():
            for route in table.routes:
                if route.destination_prefix_list_id:
                    view.get("prefix_list", route.destination_prefix_list_id, table.scope)
    return view.unread
