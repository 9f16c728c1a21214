"""Which flow logs to read for a path: a place that a person named, or those that watch the interfaces on it.

Each destination is read once. Where one flow log of an interface shows all of its traffic, only that one is read: in
CloudWatch Logs before S3, for records are there sooner, and for the past in S3 first, for log groups forget; but first one
whose format has all that tells a flow from others, wherever it delivers. Another one that shows all of it is read where
nothing could be read of the first. In a log group the lines of all flow logs of an
interface stand in one stream, so all that deliver there are taken along, for each has a format of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from flowdiag.component import View, owner_scope
from flowdiag.listening import TELLING, along
from flowdiag.logs import Access, Means, Source, Window, open_source
from flowdiag.logs._delivery import CLOUDWATCH, FIREHOSE, S3, Delivery, source_of
from flowdiag.logs._several import Closed, Several, Share
from flowdiag.model import FlowdiagError, Scope, Trace, Unread, first_of

NOWHERE = "none"
"""What a person writes who wants no flow logs to be read."""
PAST = timedelta(days=1)
_TRANSIT_GATEWAY = "transit_gateway"


@dataclass(frozen=True)
class Watched:
    """Something on the path that flow logs may watch: an interface with its subnet and VPC, a regional NAT gateway with its
    VPC, or a transit gateway."""

    ids: tuple[str, ...]
    scopes: tuple[Scope, ...]

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The interface, or the regional NAT gateway that stands for one, where it is one."""
        return tuple(id for id in self.ids if id.startswith(("eni-", "nat-")))


def named(
    where: str, path: Trace, view: View, access: Access | None, agreed: bool = False, log_format: str = ""
) -> Source | None:
    """The source at a place that a person named, None for `none`; raises FlowdiagError where there is no such place."""
    if where == NOWHERE:
        return None
    of_path = dict.fromkeys(_delivery(log) for seen in watched(path, view) for log in _flow_logs(seen, view))
    known = tuple(log for log in of_path if not log.gateway)
    means = Means(
        access=access,
        scopes=_scopes(path, view),
        agreed=agreed,
        log_format=log_format,
        watching=known,
        delivering=partial(_delivering, view, known),
    )
    return open_source(where, means)


def _delivering(view: View, watching: tuple[Delivery, ...], owner: str, group: str) -> tuple[Delivery, ...]:
    """The flow logs that are known to deliver to a log group: all of them, or of those that watch the path.

    That a log group is in the account of its flow logs is an inference: their role has to belong to that account
    (https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html).
    """
    found = view.find("flow_log", "group", group)
    known = watching if isinstance(found, Unread) else map(_delivery, found)
    return tuple(log for log in known if log.group == group and (not owner or log.scope.account in ("", owner)))


def watching(
    path: Trace, view: View, access: Access, window: Window, now: datetime | None = None, agreed: bool = False
) -> Source | None:
    """The flow logs that watch the path, as one source; None where none does, or where they were not read.

    `now` is when they were read; without it no window counts as past.
    """
    past = bool(now and window.end and now - window.end > PAST)
    rounds: list[dict[Delivery, set[str]]] = []
    for seen in watched(path, view):
        for number, logs in enumerate(_in_turn(_flow_logs(seen, view), window, past)):
            rounds += [{}] if number == len(rounds) else []
            for log in logs:
                rounds[number].setdefault(_delivery(log), set()).update(seen.interfaces)
    notes: dict[str, None] = {}
    means, found = Means(access=access, agreed=agreed), None
    for chosen in reversed(rounds):
        found = Several(tuple(_shares(chosen, means, notes)), instead=found)
    return replace(found, notes=tuple(notes)) if found and (found.shares or notes) else None


def survey(path: Trace, view: View) -> None:
    """Ask for the flow logs of the path, so that live collection fetches them with everything else."""
    for seen in watched(path, view):
        _flow_logs(seen, view)


def watched(path: Trace, view: View) -> Iterator[Watched]:
    """Every interface and transit gateway on the path, each once."""
    for kind, id, scope in _on(path, view):
        if kind == _TRANSIT_GATEWAY:
            yield Watched((id,), (scope,))
            continue
        if id.startswith("nat-"):
            nat = view.get("nat_gateway", id, scope)
            yield Watched((id, *((nat.vpc_id,) if nat and nat.vpc_id else ())), (scope,))
            continue
        interface = view.get("network_interface", id, scope)
        if interface:
            owner = owner_scope(interface.vpc_id, interface.scope, view)
            ids = (interface.id, interface.subnet_id, interface.vpc_id)
            yield Watched(tuple(filter(None, ids)), tuple(dict.fromkeys((interface.scope, owner))))


def _on(path: Trace, view: View) -> list[tuple[str, str, Scope]]:
    """What stands on the path, as (kind, id, scope): both ends, the interfaces in between, and transit gateways."""
    found = [("", end.eni, end.scope) for leg in path.legs for end in (leg.source, leg.destination) if end.eni]
    for leg, steps in zip(path.legs, along(path, view), strict=True):
        for hop, interfaces in zip(leg.hops, steps, strict=True):
            found += [("", id, hop.place.scope) for id in interfaces]
            if hop.place.kind == _TRANSIT_GATEWAY:
                named = (hop.place.id, hop.place.role)  # the role is the attachment that the packet comes by
                found += [(_TRANSIT_GATEWAY, id, hop.place.scope) for id in named if id.startswith("tgw-")]
    return list(dict.fromkeys(found))


def _flow_logs(seen: Watched, view: View) -> list[Any]:
    """The flow logs of an interface, its subnet and its VPC; what was not read the view remembers."""
    found: dict[str, Any] = {}
    for scope in seen.scopes:
        for id in seen.ids:
            logs = view.find("flow_log", "resource", id, scope)
            if not isinstance(logs, Unread):
                found.update({log.id: log for log in logs})
    return list(found.values())


def _in_turn(logs: Iterable[Any], window: Window, past: bool) -> list[list[Any]]:
    """Which flow logs of an interface to read, and which instead where nothing could be read of these: one that shows all of
    the traffic by itself, then one at another place that does; where there is none, all that may show some, together."""
    order = (S3, CLOUDWATCH) if past else (CLOUDWATCH, S3)
    known = sorted(logs, key=lambda log: log.id)
    whole = [log for log in known if log.log_destination_type in order and _shows_all(log, window)]
    whole.sort(key=lambda log: (_lacking(log), order.index(log.log_destination_type), -len(log.log_format.split())))
    places = first_of(whole, lambda log: _destination(_delivery(log)))
    return [[log, *_beside(log, known)] for log in places] or [known]


def _beside(log: Any, known: Iterable[Any]) -> Iterator[Any]:
    """The other flow logs of an interface whose lines stand among those of this one.

    "If the same network interface is present in one or more flow logs in the same log group, it has one combined log stream":
    https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html
    """
    place = _destination(_delivery(log))
    if place[0] == CLOUDWATCH:
        yield from (other for other in known if other is not log and _destination(_delivery(other)) == place)


def _lacking(log: Any) -> int:
    """How many fields its format leaves out without which a record may be of any flow; in a log group the stream tells the
    interface."""
    needed = [name for name in TELLING if name != "interface-id" or log.log_destination_type != CLOUDWATCH]
    return sum(f"${{{name}}}" not in log.log_format for name in needed) if log.log_format else 0


def _shows_all(log: Any, window: Window) -> bool:
    """Whether it keeps both kinds of traffic, delivers, and was there when the window began."""
    there = window.start is None or log.creation_time <= window.start
    return log.traffic_type in ("ALL", "") and log.deliver_logs_status != "FAILED" and there


def _delivery(log: Any) -> Delivery:
    options = log.destination_options
    return Delivery(
        flow_log=log.id,
        scope=log.scope,
        kind=log.log_destination_type or CLOUDWATCH,
        resource=log.resource_id,
        log_group=log.log_group_name,
        destination=log.log_destination,
        log_format=log.log_format,
        parquet=options.file_format == "parquet",
        hive=options.hive_compatible_partitions,
        hourly=options.per_hour_partition,
    )


def _shares(chosen: Mapping[Delivery, set[str]], means: Means, notes: dict[str, None]) -> Iterator[Share]:
    """One source for each destination, with the interfaces it is read for; what nobody can read is noted."""
    for (kind, *_), group in groupby(sorted(chosen, key=_destination), key=_destination):
        deliveries = tuple(group)
        if kind == FIREHOSE:
            told = ", ".join(f"{d.flow_log} to {d.destination}" for d in deliveries)
            notes[f"{told}: Firehose delivers on from there; name the place it delivers to with flow_logs= (--flow-logs)"] = None
            continue
        try:
            source: Source = source_of(means, deliveries)
        except FlowdiagError as error:
            source = Closed(str(error))
        yield Share(source, frozenset().union(*(chosen[delivery] for delivery in deliveries)))


def _destination(delivery: Delivery) -> tuple[str, ...]:
    """Flow logs that are one source; those of transit gateways lie in other streams than those of interfaces."""
    return (delivery.kind, str(delivery.scope), delivery.group or delivery.destination, str(delivery.gateway))


def _scopes(path: Trace, view: View) -> tuple[Scope, ...]:
    """The accounts and Regions of the path, those of the VPCs' owners too: their flow logs may watch it."""
    return tuple(dict.fromkeys(scope for seen in watched(path, view) for scope in seen.scopes if scope.region))
