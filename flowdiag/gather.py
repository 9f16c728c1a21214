"""Live evidence for a question, or of whole VPCs: walk on what is known, fetch what the walk lacked, and again.

The rounds and calls depend on the path, never on the size of the account; only where whole VPCs are wanted, the Region's services
are listed to find those in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flowdiag.access import Access
from flowdiag.address import address
from flowdiag.collect import Collector
from flowdiag.components import by_interface_type, by_prefix, components, prefix_of
from flowdiag.graph import Path, look, survey
from flowdiag.listening import watchers
from flowdiag.model import ANYWHERE, Endpoint, FlowdiagError, Place, Query, Question, Scope, Unread, first_of
from flowdiag.named import Vicinity
from flowdiag.naming import foresee
from flowdiag.policy import whole_vpc
from flowdiag.resolve import resolve
from flowdiag.snapshot import SnapshotView
from flowdiag.table import Rules

MOST_ROUNDS = 32  # a guard, not a budget: each round asks only for what nothing was asked for before
Progress = Callable[[int, int], None]


def gather(
    question: Question,
    tables: Rules,
    access: Access,
    progress: Progress = lambda done, wanted: None,
    besides: Callable[[Path, SnapshotView], None] = lambda path, view: None,
) -> Collector:
    """The collector with everything that walking the question asked for; its `snapshot` answers the question offline.

    `progress` is told, after every round, how many lookups are done and how many are wanted next; `besides` asks the view
    for what else is wanted of a path, such as its flow logs. Raises FlowdiagError where an end cannot be resolved by
    anything AWS will tell.
    """
    collector = Collector(access)
    _fetch_all(collector, lambda view: _wanted_by(question, tables, view, besides), progress)
    return collector


def gather_vpcs(
    vpcs: Iterable[str],
    access: Access,
    progress: Progress = lambda done, wanted: None,
) -> Collector:
    """The collector with everything of the VPCs: its `snapshot` answers questions between any two of their interfaces offline,
    by the names of the hosts and services behind them too.

    Raises FlowdiagError where AWS knows no such VPC.
    """
    wanted = tuple(vpcs)
    collector = Collector(access)
    _fetch_all(collector, lambda view: _of_vpcs(wanted, collector, view), progress)
    absent = next((vpc for vpc in wanted if collector.snapshot.get("vpc", vpc) is None), None)
    if absent:
        places = access.scopes()
        where = str(places[0]) if len(places) == 1 else f"any of {len(places)} accounts and Regions"
        raise FlowdiagError(f"AWS knows no VPC {absent!r} in {where}: give another id, region= or profile")
    return collector


def _of_vpcs(vpcs: tuple[str, ...], collector: Collector, view: SnapshotView) -> tuple[Unread, ...]:
    """What is still wanted of the VPCs; where several places may have them, first of all where each is."""
    if len(collector.access.scopes()) == 1:
        at_once = (unread for vpc in vpcs for unread in (*whole_vpc(vpc), *_peerings(vpc)))
        return tuple(at_once) if collector.rounds == 0 else _inside(view, [(vpc, ANYWHERE) for vpc in vpcs])
    found = [view.get("vpc", vpc) for vpc in vpcs]
    placed = [(vpc.id, Scope.model_validate(vpc.scope)) for vpc in found if vpc]
    for query in (unread.query for vpc in placed for unread in (*whole_vpc(*vpc), *_peerings(*vpc))):
        view.find(query.kind, query.by, query.value, query.scope)
    return _inside(view, placed)


def _fetch_all(collector: Collector, wanted_by: Callable[[SnapshotView], tuple[Unread, ...]], progress: Progress) -> None:
    done = 0
    for _ in range(MOST_ROUNDS):
        wanted = tuple(unread for unread in wanted_by(collector.snapshot.view()) if unread.retry and _is_asked(unread))
        progress(done, len(wanted))
        if not wanted or not collector.fetch(wanted):
            return
        done += len(wanted)


def _is_asked(unread: Unread) -> bool:
    """Whether AWS can tell; an assumption that no call would replace names no action."""
    return unread.assumed is None or bool(unread.action)


def _wanted_by(
    question: Question, tables: Rules, view: SnapshotView, besides: Callable[[Path, SnapshotView], None]
) -> tuple[Unread, ...]:
    """What resolving and walking the question lacked; an end that cannot be resolved is an error once nothing is lacking."""
    try:
        survey((end for ends in resolve(question, view) for end in ends), view)
        besides(look(question, view, tables), view)
    except FlowdiagError:
        if not any(unread.retry for unread in view.unread):
            raise
    return view.unread


def _peerings(vpc: str, scope: Scope = ANYWHERE) -> tuple[Unread, ...]:
    """Peerings are asked for by either side; AWS has no filter for both."""
    return tuple(Unread(query=Query(kind="vpc_peering", by=side, value=vpc, scope=scope)) for side in ("requester", "accepter"))


def _inside(view: SnapshotView, vpcs: Iterable[tuple[str, Scope]]) -> tuple[Unread, ...]:
    """What a question inside these VPCs asks for besides the VPCs' own resources.

    A name or an address may be used in another VPC as well, so what fits it is asked of the whole account.
    """
    for vpc, scope in vpcs:
        interfaces = view.find("network_interface", "vpc", vpc, scope) or ()
        survey((end for interface in interfaces for end in _ends(interface)), view)
        for by, value in (named for interface in interfaces for named in _lookups(interface)):
            view.find("network_interface", by, value)
        for interface in interfaces:
            watchers(interface, view)
        for named in (*interfaces, *(view.find("instance", "vpc", vpc, scope) or ())):
            if named.name != named.id:
                view.find("instance", "name", named.name)
                view.find("network_interface", "name", named.name)
        _borders(view, vpc, scope)
        _prefix_lists(view, vpc, scope)
        _behind(view, vpc, scope)
        _named_here(view, vpc, scope)
    return view.unread


def _ends(interface: Any) -> Iterator[Endpoint]:
    """The interface as an end of a question, by its first address."""
    for literal in filter(None, map(address, interface.addresses[:1])):
        yield Endpoint(
            label=interface.label, kind="eni", address=literal, eni=interface.id, vpc=interface.vpc_id, scope=interface.scope
        )


def _lookups(interface: Any) -> Iterator[tuple[str, str]]:
    """The lookups by which an address or an instance id leads to the interface."""
    for literal in filter(None, map(address, (*interface.addresses, interface.public))):
        yield from ((by, str(literal)) for by in (("private_ip", "public_ip") if literal.version == 4 else ("ipv6",)))
    if interface.instance:
        yield "instance", interface.instance


def _borders(view: SnapshotView, vpc: str, scope: Scope) -> None:
    """The network ACL and the route table of every subnet: a gateway may stand where no host does."""
    for subnet in view.find("subnet", "vpc", vpc, scope) or ():
        view.get("subnet", subnet.id, subnet.scope)
        for kind in ("network_acl", "route_table"):
            view.find(kind, "subnet", subnet.id, subnet.scope)


def _named_here(view: SnapshotView, vpc: str, scope: Scope) -> None:
    """What the names of services in the VPC stand for; some mean another thing in each of its zones."""
    found, interfaces = view.get("vpc", vpc, scope), view.find("network_interface", "vpc", vpc, scope) or ()
    subnets = frozenset(subnet.id for subnet in view.find("subnet", "vpc", vpc, scope) or ())
    place = Vicinity(vpc, found.scope if found else scope, subnets, interfaces)
    near = first_of(interfaces, lambda interface: interface.subnet_id)
    for component in components().values() if near else ():
        for text in component.residents(place, view):
            foresee(component, text, near, view)


def _prefix_lists(view: SnapshotView, vpc: str, scope: Scope) -> None:
    """The lists that rules and routes of the VPC name: no describe call gives them by VPC."""
    for group in view.find("security_group", "vpc", vpc, scope) or ():
        for rule in (*group.ip_permissions, *group.ip_permissions_egress):
            for listed in rule.prefix_list_ids:
                view.get("prefix_list", listed.prefix_list_id, group.scope)
    for table in view.find("route_table", "vpc", vpc, scope) or ():
        for route in table.routes:
            if route.destination_prefix_list_id:
                view.get("prefix_list", route.destination_prefix_list_id, table.scope)


def _behind(view: SnapshotView, vpc: str, scope: Scope) -> None:
    """What stands behind the gateways that routes of the VPC name, and behind the services' interfaces in it."""
    targets = {(r.target, t.scope) for t in view.find("route_table", "vpc", vpc, scope) or () for r in t.routes}
    places = [Place(kind=by_prefix().get(prefix_of(id), ""), id=id, scope=own) for id, own in sorted(targets, key=repr)]
    for interface in view.find("network_interface", "vpc", vpc, scope) or ():
        kind = by_interface_type().get(interface.service, "")
        places.append(Place(kind=kind, id=interface.id, role=interface.service, scope=interface.scope))
    for place in (place for place in places if place.kind):
        components()[place.kind].foresee(place, vpc, view)
