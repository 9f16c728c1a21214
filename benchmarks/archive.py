"""What the generated archives of flow log records hold: hosts, their interfaces and addresses, and the time.

One interface in 5,000 talks to another or to the internet: a record a line in the default format, in the order of time,
ten minutes of records held apart by NODATA lines (one in a hundred) and SKIPDATA lines (one in ten thousand). `PAIR` names
two hosts, their interfaces, and records of theirs are in every file.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT = "111122223333"
INTERFACES = 5_000
FIRST_SECOND = 1_700_000_000
SPAN = 30_000
"""Seconds that the archive covers: 8.3 hours."""
EVERY = 20_011
"""One record in so many is of the pair that is asked about."""


@dataclass(frozen=True)
class Archive:
    """How much there is, and in which form: `text` (gzip), `parquet` with the codec that AWS writes, or `snappy`."""

    records: int = 2_000_000
    files: int = 10
    form: str = "text"

    @property
    def name(self) -> str:
        return f"{self.form}-{self.records}-{self.files}"


@dataclass(frozen=True)
class Pair:
    """Two hosts and the interfaces of theirs."""

    interfaces: tuple[str, str]
    addresses: tuple[str, str]


def _mixed(number: int) -> int:
    """A number that looks random and is not (splitmix64)."""
    number = (number + 0x9E3779B97F4A7C15) % 2**64
    number = ((number ^ number >> 30) * 0xBF58476D1CE4E5B9) % 2**64
    number = ((number ^ number >> 27) * 0x94D049BB133111EB) % 2**64
    return number ^ number >> 31


def interface_id(number: int) -> str:
    """The id of an interface by its number."""
    return f"eni-0{_mixed(number):016x}"


def address(number: int) -> str:
    """The private address of an interface by its number."""
    return f"10.{number // 1000}.{number // 200 % 5}.{number % 200 + 4}"


def public(number: int) -> str:
    """An address of the internet, out of those for documentation and benchmarks."""
    return f"198.{18 + number % 2}.{number // 2 % 256}.{number // 512 % 256}"


PAIR = Pair((interface_id(1234), interface_id(3210)), (address(1234), address(3210)))
