"""How much a search reads of what is paid by the byte, and from when on a person has to agree to it."""

from __future__ import annotations

from dataclasses import dataclass

from flowdiag.model import FlowdiagError

LIMIT = 10 * 10**9
"""Bytes that are scanned or pulled without anybody's word."""


@dataclass(frozen=True)
class Amount:
    """So many bytes: None where nobody knows; `whole` False where it is more."""

    bytes: int | None
    whole: bool = True

    @property
    def told(self) -> str:
        """As a person reads it."""
        if self.bytes is None:
            return "an unknown amount"
        return f"{'about' if self.whole else 'more than'} {gigabytes(self.bytes)}"

    def times(self, number: int) -> Amount:
        """The same several times."""
        return Amount(self.bytes and self.bytes * number, self.whole)

    @property
    def large(self) -> bool:
        """Whether it takes a word; what nobody knows is for the caller to weigh."""
        return self.bytes is not None and (self.bytes > LIMIT or not self.whole)


class LargeError(FlowdiagError):
    """More would be scanned than was agreed to."""


def refusal(said: str) -> LargeError:
    """The sentence that refuses a scan; `said` names the place and how much it is."""
    way = "agree with yes=True (--yes), or give a shorter window"
    return LargeError(f"{said}, and without a word at most {gigabytes(LIMIT)} are: {way}")


def gigabytes(size: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{size / 10**9:,.1f} GB" if size >= 10**8 else f"{size / 10**6:,.1f} MB"
