"""What stands where no connection is ever taken in: nothing opens it."""

from __future__ import annotations

from flowdiag.openings.blocker import Blocker, Never
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Never:
    """No change: what only calls takes in no connection, whatever rules admit it."""
    return Never("no rule or route changes that")
