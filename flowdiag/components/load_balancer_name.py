"""The names of load balancers: which nodes a DNS name, an ARN or a name means, and which of their addresses clients get.

Observed, not documented: a node's interface is described `ELB app/<name>/<id>`, `net/` for a Network Load Balancer, and
`ELB <name>` for a Classic one. https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flowdiag.address import address
from flowdiag.component import Component, View
from flowdiag.model import Address, Unread
from flowdiag.named import Named, Vicinity, arn_of, arn_scope, every

_ARN = re.compile(r"^arn:[^:]+:elasticloadbalancing:[^:]+:\d+:loadbalancer/(?P<path>.+)$")
# `internal-shop-123.us-east-1.elb.amazonaws.com`, `shop-0a1.elb.us-east-1.amazonaws.com`, with `dualstack.` in front
# where both IP versions are asked for.
_DNS = re.compile(
    r"^(?:dualstack\.|ipv6\.)?(?:internal-)?(?P<name>[a-z0-9-]+)-[0-9a-f]+\.(?:[a-z0-9-]+\.elb|elb\.[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\.?$"
)
_NAME = re.compile(r"^[A-Za-z0-9-]{1,32}$")


class LoadBalancerNameComponent(Component):
    """Names of load balancers; leads no packet and reads nothing of its own."""

    kind = "load_balancer_name"
    spoken = "elb"

    def claims(self, text: str) -> bool:
        """A load balancer's ARN or DNS name."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The load balancers of this name, in any of its forms; names are written in small letters inside a DNS name."""
        dns = _DNS.match(text.lower())
        if _ARN.match(text):
            return every([_by_arn(text, view)])
        name = dns["name"] if dns else text
        return self._by_name(name, view) if _NAME.match(name) else ()

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The load balancers that have nodes in the VPC."""
        yield from dict.fromkeys(_label(path) for path in place.described("ELB "))

    def _by_name(self, name: str, view: View) -> tuple[Named, ...] | Unread:
        known = view.find("load_balancer", "name", name)
        classic = view.find("network_interface", "description", f"ELB {name}")
        if isinstance(known, Unread) or isinstance(classic, Unread):
            return next(one for one in (known, classic) if isinstance(one, Unread))
        scopes = dict.fromkeys(node.scope for node in classic)
        made = [_of_scope(name, [node for node in classic if node.scope == scope], scope) for scope in scopes]
        return every([*made, *(_by_arn(balancer.id, view) for balancer in known)])


def _label(path: str) -> str:
    """The name in `app/<name>/<id>`, or all of it."""
    return path.split("/")[1] if "/" in path else path


def _by_arn(arn: str, view: View) -> Named | Unread:
    path = arn.partition(":loadbalancer/")[2]
    nodes = view.find("network_interface", "description", f"ELB {path}", arn_scope(arn))
    return nodes if isinstance(nodes, Unread) else _named(arn, path, nodes)


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
