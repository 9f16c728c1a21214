"""AWS resources, one file each; a new file here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache

from flowdiag.component import Component, Offer, Read, View
from flowdiag.model import Packet, Scope


@cache
def components() -> Mapping[str, Component]:
    """Every component by its kind."""
    found: dict[str, Component] = {}
    for module in pkgutil.iter_modules(__path__):
        for entry in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(entry, type) and issubclass(entry, Component) and entry is not Component:
                found[entry.kind] = entry()
    return found


@cache
def reads() -> Mapping[str, tuple[Read, ...]]:
    """How every kind of resource is read, by the kind of the resource."""
    found: dict[str, tuple[Read, ...]] = {}
    for component in components().values():
        for read in component.reads:
            found[read.resource.kind] = (*found.get(read.resource.kind, ()), read)
    return found


@cache
def by_prefix() -> Mapping[str, str]:
    """Component kind by the prefix of a route target (`igw`, `nat`, `pcx` …), as `prefix_of` gives it."""
    return {prefix: kind for kind, component in components().items() for prefix in component.prefixes}


def prefix_of(target: str) -> str:
    """What tells the kind of a route target: the letters before its id, or the service that an ARN names."""
    return target.split(":")[2] if target.count(":") > 2 and target.startswith("arn:") else target.split("-")[0]


def offers(packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
    """The gateways that could carry a packet out of its VPC if a route led there, the nearest first.

    Only as many components are asked as it takes: each asks for evidence of its own.
    """
    ranked = sorted((c for c in components().values() if c.offer_rank is not None), key=lambda c: c.offer_rank or 0)
    for component in ranked:
        yield from component.offers(packet, scope, view)


@cache
def by_interface_type() -> Mapping[str, str]:
    """Component kind by the InterfaceType of the ENIs that stand for it."""
    return {name: kind for kind, component in components().items() for name in component.interface_types}
