"""Waiting for a query that AWS runs by itself: asked again ever less often, given up after a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Outcome = TypeVar("Outcome")
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
PATIENCE = 900.0
"""Seconds; CloudWatch Logs Insights gives up after 60 minutes, Athena after 30 (DML): people in an incident do so before."""


def outcome(
    ask: Callable[[], Outcome | None], pause: Callable[[float], None] = time.sleep, patience: float = PATIENCE
) -> Outcome | None:
    """What `ask` gives once it gives anything, or None where it did not within `patience` seconds of pauses."""
    waited, next_pause = 0.0, FIRST_PAUSE
    while True:
        found = ask()
        if found is not None or waited >= patience:
            return found
        pause(next_pause)
        waited, next_pause = waited + next_pause, min(2 * next_pause, LONGEST_PAUSE)
