"""Surfaces: a Report drawn for one place where people or machines read it, one file each.

A module of this package whose name has no leading underscore is a surface, found by itself; it holds
`render(report, **options)`. It is imported only when asked for, so what one surface needs costs the others nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from flowdiag.model import Answer, FlowdiagError
from flowdiag.report import Report, report


def surfaces() -> tuple[str, ...]:
    """The name of every surface, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def render(told: Answer | Report, surface: str, **options: Any) -> Any:
    """What was told, drawn on a surface: a str for `text`, `markdown` and `html`, a dict for `slack` and `json`.

    `options` are those of the surface's own `render`. Raises FlowdiagError where there is no such surface, or where
    an optional package that it needs is not installed.
    """
    if surface not in surfaces():
        raise FlowdiagError(f"no surface is named {surface!r}: choose one of {', '.join(surfaces())}")
    module = importlib.import_module(f"{__name__}.{surface}")
    return module.render(told if isinstance(told, Report) else report(told), **options)
