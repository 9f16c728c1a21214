"""What every test shares: a world to build in, a pair of hosts that can talk, and hypothesis without a clock."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from scenes import Pair
from world import World

# The same examples in every run and on every machine; FLOWDIAG_EXAMPLES asks for more of them.
settings.register_profile(
    "flowdiag",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=int(os.environ.get("FLOWDIAG_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("flowdiag")


@pytest.fixture
def world() -> World:
    """An empty account in an empty Region."""
    return World()


@pytest.fixture
def pair(world: World) -> Pair:
    """Two hosts that can talk over IPv4."""
    return Pair(world)


@pytest.fixture
def pair6(world: World) -> Pair:
    """Two hosts that can talk over IPv4 and IPv6."""
    return Pair(world, ipv6=True)
