"""One blocker → the smallest Change that opens it; one file per decision table whose blockers can be opened, found by name.

Least privilege: exact protocol and port; a security group before an address, one address before a network. Only what one
documented call changes is ever changed: guards, routes, associations and attachments. Each file has
`change(blocker, snapshot)` and, where AWS limits how much a resource holds, `caveat(change, snapshot)`; a new file here is
found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType

from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker as Blocker
from flowdiag.openings.blocker import Never as Never
from flowdiag.snapshot import Snapshot

Opening = Callable[[Blocker, Snapshot], Change | str]
Caveat = Callable[[Change, Snapshot], str]


@cache
def _modules() -> Mapping[str, ModuleType]:
    return {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}


@cache
def openings() -> Mapping[str, Opening]:
    """How blockers are opened, by the name of the table that found them."""
    return {name: module.change for name, module in _modules().items() if hasattr(module, "change")}


@cache
def caveats() -> Mapping[str, Caveat]:
    """What is to be minded of changes, by the kind of resource that they change."""
    return {name: module.caveat for name, module in _modules().items() if hasattr(module, "caveat")}


def opening(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The smallest change that opens this blocker, or the reason why there is none (empty where it speaks for itself)."""
    make = openings().get(blocker.finding.table)
    return make(blocker, snapshot) if make else ""


def caveat(change: Change, snapshot: Snapshot) -> str:
    """Why AWS may not take the change, in one sentence; empty where nothing that was read speaks against it."""
    mind = caveats().get(change.kind)
    return mind(change, snapshot) if mind else ""
