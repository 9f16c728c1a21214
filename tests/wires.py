"""Records of connections between two hosts: web-1 and db-1, whose configuration admits tcp/5432."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scenes import Pair

from flowdiag import Diagnosis

SECOND = 1_700_000_000  # 2023-11-14T22:13:20Z
BARE = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
FLAGGED = f"{BARE} tcp-flags"
A, B, X = "10.0.1.10", "10.0.2.20", "198.51.100.7"


def both_kept(*interfaces: str) -> list[str]:
    """Packets of others, accepted and rejected: what the flow logs keep of these interfaces is not one kind of traffic alone."""
    other, minutes = "192.0.2.1 192.0.2.2 1 2 6 1 60", [f"{SECOND + n} {SECOND + n + 60}" for n in (0, 60, 120)]
    acted = [("REJECT", minutes[0]), *(("ACCEPT", minute) for minute in minutes)]
    return [f"{one} {other} {minute} {action} OK 2" for one in interfaces for action, minute in acted]


def line(eni: str, ends: str, action: str = "ACCEPT", flags: int | str | None = 2, **more: int) -> str:
    """One record, `at` seconds after the first; without flags it fits BARE."""
    packets, size, start = more.get("packets", 1), more.get("size", 60), SECOND + more.get("at", 0)
    flag = "" if flags is None else f" {flags}"
    counted = f"{more.get('protocol', 6)} {packets} {packets * size} {start} {start + more.get('lasts', 50)}"
    return f"{eni} {ends} {counted} {action} OK{flag}"


def quiet(*enis: str, at: int = 0) -> list[str]:
    """Lines that say that a flow log covers these interfaces at that time, and for long enough after it to be sure."""
    return [f"{eni} - - - - - - - {SECOND + n} {SECOND + n + 60} - NODATA -" for eni in enis for n in (at, at + 60, at + 120)]


class Wires(Pair):
    """web-1 and db-1, with the records of connections from the one to the other on tcp/5432."""

    @property
    def web_eni(self) -> str:
        return str(self.web.eni.id)

    @property
    def db_eni(self) -> str:
        return str(self.db.eni.id)

    def there(self, port: int, eni: str = "", **more: int | str) -> list[str]:
        """The request on one interface, or on both."""
        return [line(one, f"{A} {B} {port} 5432", **more) for one in ([eni] if eni else [self.web_eni, self.db_eni])]  # type: ignore[arg-type]

    def back(self, port: int, eni: str = "", **more: int | str) -> list[str]:
        """The reply on one interface, or on both."""
        return [line(one, f"{B} {A} 5432 {port}", **more) for one in ([eni] if eni else [self.db_eni, self.web_eni])]  # type: ignore[arg-type]

    def good(self, port: int, at: int = 0) -> list[str]:
        """A whole connection, on both interfaces."""
        return [*self.there(port, flags=3, at=at), *self.back(port, flags=19, at=at)]

    def refused(self, port: int, at: int = 0) -> list[str]:
        """A connection that the server resets."""
        return [*self.there(port, at=at), *self.back(port, flags=4, size=40, at=at)]

    def denied(self, port: int, at: int = 0) -> list[str]:
        """A request that is rejected where it arrives."""
        return [*self.there(port, self.web_eni, at=at), *self.there(port, self.db_eni, action="REJECT", at=at)]

    def quiet(self, *enis: str, at: int = 0) -> list[str]:
        """Nothing passed these interfaces at that time."""
        return quiet(*enis, at=at)


def saved(folder: Path, lines: Iterable[str], header: str = FLAGGED) -> str:
    """The folder with the records."""
    (folder / "a.log").write_text("\n".join((header, *lines)) + "\n")
    return str(folder)


def short(found: Diagnosis) -> tuple[str, str, str]:
    """Verdict, symptom and relation."""
    return str(found.verdict), str(found.symptom), str(found.relation)


def sums(*several: list[str]) -> list[str]:
    """Lines of several connections."""
    return [one for lines in several for one in lines]
