"""One flow record that several flow logs deliver is one, in whichever order their files are read."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdiag.logs.record import record_of
from flowdiag.model import Record
from flowdiag.repeats import Delivered, keep

PLAIN = {
    "interface-id": "eni-0a1", "srcaddr": "10.0.1.10", "dstaddr": "10.0.2.20", "srcport": "40000", "dstport": "5432",
    "protocol": "6", "packets": "1", "bytes": "60", "start": "1700000000", "end": "1700000050", "action": "ACCEPT",
}  # fmt: skip
RICHER = ("flow-direction", "tcp-flags", "traffic-path", "az-id")


def record(**more: str) -> Record:
    """A record of the same flow at the same time, with more fields."""
    return record_of(PLAIN | {name.replace("_", "-"): value for name, value in more.items()})


def counted(records: list[Record]) -> tuple[int, int]:
    """How many records these deliveries are, told one after another and kept."""
    delivered, kept = Delivered(), dict[str, Record]()
    for one in records:
        keep(kept, one)
    return sum(delivered.is_new(one) for one in records), len(kept)


@pytest.mark.parametrize("lacking", ["srcport", "start", "packets"])
def test_equal_lines_of_a_format_that_lacks_a_field_are_a_record_each(lacking: str) -> None:
    """Ten clients' ports, or ten minutes: what would tell them apart is not in the lines. A line given again is one."""
    fields = {name: value for name, value in PLAIN.items() if name != lacking}
    lines = [record_of(fields, where=f"a.log:{number}", line="equal") for number in range(10)]
    assert (10, 10) == counted([*lines, *lines])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_packet_that_enters_and_leaves_is_two_records_in_any_order(order: tuple[int, ...]) -> None:
    """A format without direction has nothing to tell them apart: what it delivers is one of them."""
    deliveries = [record(), record(flow_direction="ingress"), record(flow_direction="egress")]
    assert (2, 2) == counted([deliveries[number] for number in order])


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize(
    "other",
    [{"flow_direction": "egress"}, {"tcp_flags": "18"}, {"az_id": "use1-az2"}, {"tcp_flags": "2", "az_id": "use1-az2"}],
)
def test_what_several_formats_tell_of_one_record_is_held_together(order: tuple[int, ...], other: dict[str, str]) -> None:
    """Each has a field that the others lack; what any of them contradicts is another record."""
    deliveries = [record(flow_direction="ingress"), record(tcp_flags="2", az_id="use1-az1"), record(az_id="use1-az1")]
    delivered = Delivered()
    assert 1 == sum(delivered.is_new(deliveries[number]) for number in order)
    assert delivered.is_new(record(**other))


@given(st.data())
def test_two_flow_logs_give_as_many_records_as_the_one_that_tells_more(data: st.DataObject) -> None:
    """Of two formats of which one has all fields of the other the order means nothing."""
    values = st.fixed_dictionaries(dict.fromkeys(RICHER, st.sampled_from("123")))
    found = data.draw(st.lists(values, min_size=1, max_size=5, unique_by=lambda one: tuple(one.values())))
    lacking = data.draw(st.sets(st.sampled_from(RICHER), min_size=1))
    fewer = [{name: value for name, value in one.items() if name not in lacking} for one in found]
    deliveries = data.draw(st.permutations([record(**one) for one in (*found, *fewer)]))
    assert (len(found), len(found)) == counted(deliveries)
