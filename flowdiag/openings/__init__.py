"""One blocker → the smallest Change that opens it; one file per decision table whose blockers can be opened, found by name.

Least privilege: exact protocol and port; a security group before an address, one address before a network. Only what one
documented call changes is ever changed: guards, routes, associations and attachments. Each file has
`change(blocker, snapshot)`; a new file here is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker as Blocker
from flowdiag.openings.blocker import Never as Never
from flowdiag.snapshot import Snapshot

Opening = Callable[[Blocker, Snapshot], Change | str]


@cache
def openings() -> Mapping[str, Opening]:
    """How blockers are opened, by the name of the table that found them."""
    modules = {m.name: importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)}
    return {name: module.change for name, module in modules.items() if hasattr(module, "change")}


def opening(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The smallest change that opens this blocker, or the reason why there is none (empty where it speaks for itself)."""
    make = openings().get(blocker.finding.table)
    return make(blocker, snapshot) if make else ""
