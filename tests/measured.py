"""Where the measured labs and real flow log records are, on machines that have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FLOWDIAG_SHARED", Path(__file__).parents[2] / "shared"))
LABS = SHARED / "labs"
needs_labs = pytest.mark.skipif(not LABS.is_dir(), reason=f"{LABS} is absent: set FLOWDIAG_SHARED to where the measured labs are")
