"""What load balancers of every kind tell their nodes: which targets a packet may go to, and why there may be none."""

from __future__ import annotations

from dataclasses import dataclass

from flowdiag.model import Address

# What a target group may ask more than one healthy target for, as its attributes call it.
ROUTING, DNS = "unhealthy_state_routing", "dns_failover"


@dataclass(frozen=True)
class Goal:
    """One target of a load balancer: how it is registered, its address and port, whether it is healthy, and whether it is
    meant to see the client's address; `reason` is AWS's code for what keeps it from being healthy."""

    target: str
    address: Address
    port: int
    healthy: bool
    preserved: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Handling:
    """What a node of a load balancer does with a packet, in words of the table `load_balancer`.

    `goals` are the targets it may send to, and `answers` says that it may answer by itself instead; `guess`: something in
    the request decides between them, so nothing readable does. `beyond` are those that it would send to if they were in use
    and in reach, where none is. `idle` is the idle timeout in seconds, where it is known; `said` is the evidence: the listener
    that took the packet, or those that did not.
    """

    listener: str = "unknown"
    targets: str = "unknown"
    goals: tuple[Goal, ...] = ()
    answers: bool = False
    guess: bool = False
    beyond: tuple[Goal, ...] = ()
    idle: int | None = None
    said: str = ""
