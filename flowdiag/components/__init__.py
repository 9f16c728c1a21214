"""AWS resources, one file each; a new file here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from flowdiag.component import Component, Read


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
    """Component kind by the id prefix of a route target (`igw`, `nat`, `pcx` …)."""
    return {prefix: kind for kind, component in components().items() for prefix in component.prefixes}


@cache
def by_interface_type() -> Mapping[str, str]:
    """Component kind by the InterfaceType of the ENIs that stand for it."""
    return {name: kind for kind, component in components().items() for name in component.interface_types}
