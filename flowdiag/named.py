"""What a name stands for: the value that components give and `naming` settles, and what they make it with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any, TypeVar

from flowdiag.model import Address, Place, Scope, Unread

T = TypeVar("T")


@dataclass(frozen=True)
class Named:
    """What a name stands for: `resource` is its ARN or id, which names it too, `label` what people call it.

    `interfaces` are the network interfaces behind it, all walked; `guess`: it is one of them and nothing readable says
    which. `addresses` are those that a client is told, where they are not the interfaces' first private ones, or are no
    interface's. `alias` are further names that this one points to (`guess`: one
    of them). `internet`: a host there whose address is not known.
    `ranges` are the CIDRs of which the first of the addresses stands for any, and `prefix_list` the list that holds them.
    `outside` is why no interface stands behind it, as the end of a sentence that starts with the name. `service` is the
    place at which its own state is observed, in the roles `call` and `serve`.
    """

    resource: str
    label: str
    interfaces: tuple[Any, ...] = ()
    guess: bool = False
    addresses: tuple[Address, ...] = ()
    alias: tuple[str, ...] = ()
    internet: bool = False
    outside: str = ""
    service: Place | None = None
    ranges: tuple[str, ...] = ()
    prefix_list: str = ""


def listed(lists: Iterable[Any], named: Named) -> Named:
    """The name with what prefix lists hold: any address of their CIDRs, for which the lowest host stands."""
    lists = sorted(lists, key=lambda one: str(one.id))
    ranges = tuple(text for one in lists for text in sorted(one.networks))
    first = min((ip_network(text, strict=False) for text in ranges), key=lambda one: (one.version, one), default=None)
    if first is None:
        return named
    host = first[min(1, first.num_addresses - 1)]
    return replace(named, addresses=(host,), ranges=ranges, prefix_list=lists[0].id if len(lists) == 1 else "")


@dataclass(frozen=True)
class Vicinity:
    """A VPC that is captured whole: its id, where it was read, the ids of its subnets, and the interfaces in it."""

    vpc: str
    scope: Scope
    subnets: frozenset[str]
    interfaces: tuple[Any, ...]

    def described(self, start: str) -> tuple[str, ...]:
        """What follows this start in the descriptions of the interfaces that have it, each once."""
        texts = (str(interface.description) for interface in self.interfaces)
        return tuple(dict.fromkeys(text.removeprefix(start) for text in texts if text.startswith(start)))

    def holds(self, subnets: Iterable[str]) -> bool:
        """Whether any of these subnets is one of the VPC's."""
        return not self.subnets.isdisjoint(subnets)


def arn_scope(arn: str) -> Scope:
    """The account and Region that an ARN names; empty parts where it names none.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    parts = arn.split(":")
    return Scope(account=parts[4], region=parts[3]) if parts[0] == "arn" and len(parts) > 5 else Scope()


def arn_of(scope: Scope, service: str, resource: str) -> str:
    """The ARN of a resource of this scope, for services that do not show it; the partition is told by the Region.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    others = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
    partition = next((name for start, name in others.items() if scope.region.startswith(f"{start}-")), "aws")
    return f"arn:{partition}:{service}:{scope.region}:{scope.account}:{resource}"


def every(made: Iterable[T | Unread]) -> tuple[T, ...] | Unread:
    """All of it, or the first that was not read; everything is made first, so that all that is lacking is asked for."""
    known: list[T] = []
    unread: list[Unread] = []
    for one in made:
        unread.append(one) if isinstance(one, Unread) else known.append(one)
    return unread[0] if unread else tuple(known)


def all_of(answers: Iterable[Any]) -> tuple[Any, ...] | Unread:
    """The resources of several lookups, each once; one that AWS does not have is left out."""
    found = every(answers)
    if isinstance(found, Unread):
        return found
    listed = (one for answer in found for one in (answer if isinstance(answer, tuple) else (answer,)) if one is not None)
    return tuple({(one.kind, one.id, one.scope): one for one in listed}.values())
