"""Flow log records to write and search: what tests of the log sources share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from hypothesis import strategies as st

from flowdiag.logs import ALWAYS, InterfaceLines, Sought, Tally
from flowdiag.logs.record import DEFAULT_FIELDS, NUMBERS
from flowdiag.model import Record

HEADER = " ".join(DEFAULT_FIELDS)
ENIS = frozenset(("eni-0a1", "eni-0b2"))
BOTH = frozenset((ip_address("10.0.1.10"), ip_address("10.0.2.20")))


def seek(addresses: Iterable[str] = ("10.0.1.10", "10.0.2.20"), interfaces: Iterable[str] = ENIS, window=ALWAYS) -> Sought:
    """What is searched for, in texts."""
    return Sought(addresses=frozenset(map(ip_address, addresses)), interfaces=frozenset(interfaces), window=window)


def line(number: int = 0, source: str = "10.0.1.10", destination: str = "10.0.2.20", interface: str = "eni-0a1", **more) -> str:
    """A line of the default format; `number` makes it another one."""
    start = more.pop("start", 1_700_000_000 + number)
    return (
        f"2 111122223333 {interface} {source} {destination} {40000 + number % 20000} 5432 6 3 180 "
        f"{start} {start + 50} {more.pop('action', 'ACCEPT')} OK"
    )


def foreign(number: int) -> str:
    """A line of hosts and an interface that nobody seeks."""
    return line(number, "10.9.9.9", f"10.8.{number // 250 % 250}.{number % 250}", f"eni-0c{number % 90}")


def accounted(tally: Tally) -> int:
    """The sum that has to be the number of lines."""
    return tally.records + tally.refused + tally.headers + tally.blank + tally.other_kinds


def covered(coverage: InterfaceLines) -> tuple[object, ...]:
    """What is known of an interface's lines."""
    return list(coverage.spans), list(coverage.skipped), coverage.undated, coverage.skips


def cut(text: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The text in pieces of these sizes, the rest in one."""
    for size in sizes:
        yield text[:size]
        text = text[size:]
    yield text


# ---------------------------------------------------------------- drawn records

PORT = st.integers(0, 65535).map(str) | st.just("-")
VALUES = {
    "srcaddr": st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str),
    "dstaddr": st.ip_addresses(v=4).map(str),
    "pkt-srcaddr": st.just("-") | st.ip_addresses(v=4).map(str),
    "pkt-dstaddr": st.just("-") | st.ip_addresses(v=6).map(str),
    **dict.fromkeys(NUMBERS, PORT),
    "protocol": st.integers(0, 255).map(str) | st.just("-"),
    **dict.fromkeys(("start", "end"), st.integers(1, 2**31 - 1).map(str)),
    "action": st.sampled_from(["ACCEPT", "REJECT"]),
    "log-status": st.just("OK"),
}
WORD = st.from_regex(r"[a-z0-9:/%.]{1,12}", fullmatch=True) | st.just("-")
SHOWN = {
    "interface-id": "interface", "srcaddr": "source", "dstaddr": "destination", "srcport": "source_port",
    "dstport": "destination_port", "protocol": "protocol", "packets": "packets", "bytes": "bytes", "start": "start",
    "end": "end", "action": "action", "log-status": "status", "tcp-flags": "tcp_flags", "flow-direction": "direction",
    "reject-reason": "reject_reason", "pkt-srcaddr": "packet_source", "pkt-dstaddr": "packet_destination",
}  # fmt: skip


def shown(record: Record, fields: Iterable[str]) -> dict[str, str]:
    """The fields of a record as a line has them, `-` for none."""
    found = {name: getattr(record, SHOWN[name]) if name in SHOWN else record.more.get(name) for name in fields}
    return {name: "-" if value in (None, "") else str(value) for name, value in found.items()}
