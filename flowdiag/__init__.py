"""flowdiag: why can't SOURCE reach DESTINATION on PORT? The public face: names from the modules below, and nothing else.

A name is imported when it is first used, so that `flowdiag explain` starts without loading what it does not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from flowdiag.error import FlowdiagError

if TYPE_CHECKING:
    from flowdiag.diagnosis import Diagnosis, diagnose
    from flowdiag.flows import FlowRecords, flow_records
    from flowdiag.snapshot import Snapshot

__all__ = ["Diagnosis", "FlowRecords", "FlowdiagError", "Snapshot", "diagnose", "flow_records"]
__version__ = "0.1.0"

_HOMES = {
    "Diagnosis": "flowdiag.diagnosis",
    "FlowRecords": "flowdiag.flows",
    "Snapshot": "flowdiag.snapshot",
    "diagnose": "flowdiag.diagnosis",
    "flow_records": "flowdiag.flows",
}


def __getattr__(name: str) -> object:
    """The public name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flowdiag' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
