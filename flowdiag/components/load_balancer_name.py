"""The names of load balancers: which nodes a DNS name, an ARN or a name means, and which of their addresses clients get.

Observed, not documented: a node's interface is described `ELB app/<name>/<id>`, `net/` for a Network Load Balancer, and
`ELB <name>` for a Classic one. https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowdiag.address import address
from flowdiag.balancing import DNS
from flowdiag.component import WHOLE, Component, View
from flowdiag.model import Address, Unread
from flowdiag.named import Named, Vicinity, arn_of, arn_scope, every

_ARN = re.compile(r"^arn:[^:]+:elasticloadbalancing:[^:]+:\d+:loadbalancer/(?P<path>.+)$")
# `internal-shop-123.us-east-1.elb.amazonaws.com`, `shop-0a1.elb.us-east-1.amazonaws.com`, with `dualstack.` in front
# where both IP versions are asked for, and the zone where only the node there is.
_DNS = re.compile(
    r"^(?:(?P<zone>[a-z]{2,4}(?:-[a-z]+)+-\d[a-z0-9-]*)\.)?(?:dualstack\.|ipv6\.)?(?:internal-)?(?P<name>[a-z0-9-]+)-[0-9a-f]+"
    r"\.(?:[a-z0-9-]+\.elb|elb\.[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\.?$",
    re.IGNORECASE,
)
_NAME = re.compile(r"^[A-Za-z0-9-]{1,32}$")


class LoadBalancerNameComponent(Component):
    """Names of load balancers; leads no packet and reads nothing of its own."""

    kind = "load_balancer_name"
    spoken = "elb"

    def claims(self, text: str) -> bool:
        """A load balancer's ARN or DNS name."""
        return bool(_ARN.match(text) or _DNS.match(text))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The load balancers of this name, in any of its forms; of a zone's name the node there."""
        dns = _DNS.match(text)
        if _ARN.match(text):
            return every([_by_arn(text, "", view)])
        name, zone = (dns["name"], (dns["zone"] or "").lower()) if dns else (text, "")
        return self._by_name(name, zone, view) if _NAME.match(name) else ()

    def sought(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The load balancer of a DNS name in small letters, as Route 53 writes it, where its own name has others."""
        dns = _DNS.match(text)
        listed = view.find("load_balancer", WHOLE, WHOLE) if dns else ()
        if isinstance(listed, Unread) or not dns:
            return listed if isinstance(listed, Unread) else ()
        alike = [one for one in listed if one.name.lower() == dns["name"].lower()]
        return every(_by_arn(one.id, (dns["zone"] or "").lower(), view) for one in alike)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The load balancers that have nodes in the VPC."""
        yield from dict.fromkeys(_label(path) for path in place.described("ELB "))

    def _by_name(self, name: str, zone: str, view: View) -> tuple[Named, ...] | Unread:
        known = view.find("load_balancer", "name", name)
        classic = view.find("network_interface", "description", f"ELB {name}")
        if isinstance(known, Unread) or isinstance(classic, Unread):
            return next(one for one in (known, classic) if isinstance(one, Unread))
        scopes = dict.fromkeys(node.scope for node in classic)
        made = [_of_scope(name, [node for node in classic if node.scope == scope], scope) for scope in scopes]
        return every([*made, *(_by_arn(balancer.id, zone, view) for balancer in known)])


def _label(path: str) -> str:
    """The name in `app/<name>/<id>`, or all of it."""
    return path.split("/")[1] if "/" in path else path


def _by_arn(arn: str, zone: str, view: View) -> Named | Unread:
    path = arn.partition(":loadbalancer/")[2]
    nodes = view.find("network_interface", "description", f"ELB {path}", arn_scope(arn))
    if isinstance(nodes, Unread):
        return nodes
    if not zone:
        return _named(arn, path, _answering(arn, nodes, view))
    places = every(view.get("subnet", node.subnet_id, node.scope) for node in nodes)
    if isinstance(places, Unread):
        return places
    there = [node for node, at in zip(nodes, places, strict=True) if at and at.availability_zone == zone]
    return _named(arn, path, tuple(there))


def _answering(arn: str, nodes: tuple[Any, ...], view: View) -> tuple[Any, ...]:
    """The nodes whose addresses DNS gives: of a Network Load Balancer those in zones where every target group has enough healthy
    targets that the node may send to; all where no zone has (fail open), and where that was not read.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health.html
    """
    balancer = view.get("load_balancer", arn, arn_scope(arn)) if len(nodes) > 1 else None
    groups = balancer.target_groups(view) if balancer and balancer.type == "network" else None
    if not groups:
        return nodes
    well = [_all_well(groups, balancer, node, view) for node in nodes]
    return nodes if None in well else tuple(node for node, answer in zip(nodes, well, strict=True) if answer) or nodes


def _all_well(groups: tuple[Any, ...], balancer: Any, node: Any, view: View) -> bool | None:
    """Whether every group has enough healthy targets for a node to stay in DNS; None where that is not known of one."""
    answers = [_well(group, balancer, node, view) for group in groups]
    return None if None in answers else all(answers)


def _well(group: Any, balancer: Any, node: Any, view: View) -> bool | None:
    goals = group.goals(view)
    near = None if goals is None else group.near(goals, balancer.crosses_zones(view), node, view)
    return None if near is None else group.has_enough(sum(goal.healthy for goal in near), len(near), view, DNS)


def _of_scope(name: str, nodes: list[Any], scope: Any) -> Named:
    return _named(arn_of(scope, "elasticloadbalancing", f"loadbalancer/{name}"), name, tuple(nodes))


def _named(arn: str, path: str, nodes: Any) -> Named:
    """The nodes, and the addresses that its DNS name gives: the public ones where it faces the internet, from everywhere.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html#load-balancer-scheme
    """
    label = _label(path)
    outside = "is a load balancer without a node that was read: ask again once it is active, or give its nodes' interfaces"
    told = tuple(dict.fromkeys(one for node in nodes for one in _told(node)))
    return Named(resource=arn, label=label, interfaces=tuple(nodes), addresses=told, outside=outside)


def _told(node: Any) -> tuple[Address, ...]:
    own = [one for text in node.addresses if (one := address(text))]
    public = address(node.public)
    four = [public] if public else [one for one in own if one.version == 4][:1]
    return (*four, *(one for one in own if one.version == 6))
