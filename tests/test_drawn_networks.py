"""Laws, however records are cut in intervals and however late they are: of a network that works no failure is told, and of one
that works no longer it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wires import SECOND, A, B, Wires, both_kept, saved

SYN, SYN_ACK, FIN, RST = 2, 18, 1, 4
LONGEST_PAUSE = 400
BROKEN = 1500  # seconds for which a connection is broken
AFTERWARDS = 1800  # seconds for which both flow logs go on, so that silence of ten minutes is known


class Packet(NamedTuple):
    """One packet: its second, the TCP flags that are logged of it, and its bytes: those of an ACK if no other are given."""

    at: int
    flags: int = 0
    size: int = 52


class Talk(NamedTuple):
    """The packets of one connection, there and back."""

    there: list[Packet]
    back: list[Packet]


class Log(NamedTuple):
    """How the flow log of one interface cuts time in intervals: their length, and when the first one began before SECOND."""

    interval: int
    phase: int


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """A connection in which everything is acknowledged, at any pace, closed in one of the ways there are."""
    at = draw(st.integers(0, 600))
    there, back = [Packet(at, SYN, 60), Packet(at)], [Packet(at, SYN_ACK, 60)]
    for pause in draw(st.lists(st.integers(1, LONGEST_PAUSE), max_size=8)):
        at += pause
        size = draw(st.sampled_from([52, 60, 300, 1400]))
        asks, answers = (there, back) if draw(st.booleans()) else (back, there)
        asks.append(Packet(at, size=size))
        answers.append(Packet(at))
    at += draw(st.integers(1, LONGEST_PAUSE))
    end = draw(st.sampled_from(["close", "reset", "left open"]))
    there += {"close": [Packet(at, FIN)], "reset": [Packet(at, RST)], "left open": []}[end]
    back += [Packet(at, FIN)] if end == "close" else []
    return Talk(there, back)


def cut(log: Log, packets: list[Packet], late: Iterator[int]) -> dict[int, tuple[int, int, int, int, int]]:
    """The records of one direction at one interface, by interval: packets, bytes, first and last second, flags."""
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        found.setdefault((packet.at + log.phase) // log.interval, []).append(packet)
    records = {}
    for number, several in found.items():
        flags = 0
        for packet in several:
            flags |= packet.flags
        first = several[0].at + next(late)
        last = max(first, several[-1].at + next(late))
        records[number] = (len(several), sum(packet.size for packet in several), first, last, flags)
    return records


def lines_of(eni: str, log: Log, conversations: list[Talk], late: Iterator[int]) -> Iterator[str]:
    """What stands in the flow log of an interface: a record an interval and direction, NODATA in those without."""
    busy: set[int] = set()
    last = max(packet.at for talk in conversations for packet in (*talk.there, *talk.back)) + AFTERWARDS
    for port, talk in enumerate(conversations, 40_000):
        for packets, ends in ((talk.there, f"{A} {B} {port} 5432"), (talk.back, f"{B} {A} 5432 {port}")):
            for number, (count, size, first, end, flags) in cut(log, packets, late).items():
                busy.add(number)
                yield f"{eni} {ends} 6 {count} {size} {SECOND + first} {SECOND + end} ACCEPT OK {flags}"
    for number in set(range((last + log.phase) // log.interval)) - busy:
        start = SECOND + number * log.interval - log.phase
        yield f"{eni} - - - - - - - {start} {start + log.interval - 1} - NODATA -"


LOGS = st.builds(Log, st.sampled_from([60, 600]), st.integers(0, 59))


def lateness(seed: int) -> Iterator[int]:
    """Seconds by which one time after another is late."""
    dice = Random(seed)
    return iter(lambda: dice.randint(0, 60), None)


class Breakdown(NamedTuple):
    """What breaks in a connection that goes on all the time, and when; it does so for two long intervals, to the end of it or
    until it is mended."""

    what: str
    begins: int
    pause: int
    mended: bool

    def works(self, packet: Packet) -> bool:
        """Whether it is whole at that time."""
        return packet.at < self.begins or (self.mended and packet.at >= self.begins + BROKEN)

    def seen(self) -> tuple[Talk, Talk]:
        """What passes at both ends: the server is dead for a while, or one direction is lost."""
        asked = [
            Packet(0, SYN, 60),
            *(Packet(at, size=300) for at in range(1, self.begins + BROKEN * (1 + self.mended), self.pause)),
        ]
        answered = [Packet(0, SYN_ACK, 60), *(Packet(packet.at) for packet in asked[1:])]
        arrived = [packet for packet in asked if self.what != "request lost" or self.works(packet)]
        left = [packet for packet in answered if self.what == "reply lost" or self.works(packet)]
        return Talk(asked, [packet for packet in left if self.works(packet)]), Talk(arrived, left)


BREAKDOWNS = st.builds(
    Breakdown,
    st.sampled_from(["server dead", "request lost", "reply lost"]),
    st.integers(700, 1500),
    st.integers(5, 50),
    st.booleans(),
)


@pytest.fixture(scope="module")
def pair() -> Wires:
    """Two instances of one VPC."""
    return Wires()


@settings(max_examples=60)
@given(st.lists(talks(), min_size=1, max_size=3), st.tuples(LOGS, LOGS), st.integers(0, 2**32))
def test_no_failure_is_told_of_a_network_that_works(tmp_path_factory, pair, conversations, logs, seed):
    """Reachable, and seen to be."""
    late = lateness(seed)
    enis = (pair.web_eni, pair.db_eni)
    lines = [one for eni, log in zip(enis, logs, strict=True) for one in lines_of(eni, log, conversations, late)]
    found = pair.ask(flow_logs=saved(tmp_path_factory.mktemp("drawn"), [*lines, *both_kept(*enis)]))
    assert ("reachable", "healthy", "") == (found.verdict, found.symptom, found.course)


@settings(max_examples=60)
@given(BREAKDOWNS, st.tuples(LOGS, LOGS), st.integers(0, 2**32))
def test_a_breakdown_in_the_middle_of_a_connection_is_told(tmp_path_factory, pair, breakdown, logs, seed):
    """Failing, or an outage where it is mended; and answered no later than it was."""
    late = lateness(seed)
    enis = (pair.web_eni, pair.db_eni)
    lines = [one for eni, log, talk in zip(enis, logs, breakdown.seen(), strict=True) for one in lines_of(eni, log, [talk], late)]
    found = pair.ask(flow_logs=saved(tmp_path_factory.mktemp("drawn"), [*lines, *both_kept(*enis)]))
    assert (
        ("CR204" in found.codes) if breakdown.mended else (found.verdict in ("broken", "inconclusive") and "CR201" in found.codes)
    )
    worked = re.search(r"until (\S+) worked", found.course)
    assert breakdown.mended or datetime.fromisoformat(worked[1]).timestamp() <= SECOND + breakdown.begins + 60
