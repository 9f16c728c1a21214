"""What an inspecting engine does with a packet, by parts of its ports: what firewall rules tell the firewall."""

from __future__ import annotations

from dataclasses import dataclass

from flowdiag.model import Flow


@dataclass(frozen=True)
class Piece:
    """The packet with some of its possible ports, for which the stateless rules are the same; `outcomes` as in a Ruling."""

    flow: Flow
    outcomes: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()

    def met(self, outcome: str, text: str, flow: Flow) -> Piece:
        """A part of it that meets one more rule."""
        return Piece(flow, self.outcomes | {outcome}, (*self.texts, text))

    def then(self, other: Piece) -> Piece:
        """It and another kind of packet of the same connection, with the ports of the other one."""
        known = bool(self.outcomes) and other.outcomes <= self.outcomes
        return Piece(other.flow, self.outcomes | other.outcomes, self.texts if known else (*self.texts, *other.texts))


@dataclass(frozen=True)
class Sifting:
    """What the stateless engine does, by ports: those that it drops for certain, and what is left; `text` are the rules."""

    dropped: tuple[Piece, ...]
    left: tuple[Piece, ...]
    text: str

    @property
    def word(self) -> str:
        """`pass`, `drop`, `forward`, `partial` where only some ports or some of everybody's packets are dropped, or unknown."""
        if not self.left:
            return "drop"
        outcomes = frozenset[str]().union(*(piece.outcomes for piece in self.left))
        if "unknown" in outcomes:
            return "unknown"
        if self.dropped or "drop" in outcomes:
            return "partial"
        return next(iter(outcomes)) if len(outcomes) == 1 else "unknown"
