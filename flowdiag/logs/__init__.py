"""Flow log sources, one file each: a source searches for addresses in a time window and tells what it read on the way.

Every source gives the same two things: the Records that name one of the addresses, and a Tally of all it saw, because
"no record" only means something on an interface whose flow log was read. A new source is one file here with a class
that extends `Opener` and has `search`; it is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, Protocol

from flowdiag.logs._sought import ALWAYS, CLOCK_SLACK, LONGEST_INTERVAL, SHORTEST_INTERVAL, Sought, Window
from flowdiag.logs._tally import InterfaceLines, Refused, Spans, Tally
from flowdiag.model import FlowdiagError, Record, Scope

__all__ = [
    "ALWAYS",
    "CLOCK_SLACK",
    "LONGEST_INTERVAL",
    "RECORDS_HELD",
    "SHORTEST_INTERVAL",
    "Access",
    "InterfaceLines",
    "Means",
    "Opener",
    "Refused",
    "Search",
    "Sought",
    "Source",
    "Spans",
    "Tally",
    "Window",
    "in_aws",
    "open_source",
    "openers",
    "too_many",
]

RECORDS_HELD = 50_000
"""More records of one question than this are refused, for as objects they take some 100 MB."""


def too_many() -> FlowdiagError:
    """The refusal of an answer that is larger than memory should hold."""
    return FlowdiagError(
        f"more than {RECORDS_HELD:,} flow log records name these addresses: narrow the time (at, window), or ask Athena for them"
    )


class Search:
    """One search under way: iterate over it once for the Records; `tally` is complete when the iteration is. `live` tells that
    AWS is asked now, and nothing saved before is read.

    However many there are, only a few are held: whoever holds them all has to bound them (RECORDS_HELD).
    """

    def __init__(self, read: Callable[[Tally], Iterator[Record]], source: str = "", live: bool = False) -> None:
        self.tally = Tally(asked=datetime.now(UTC) if live else None)
        self.source = source
        self._records = read(self.tally)

    def __iter__(self) -> Iterator[Record]:
        return self._records


class Source(Protocol):
    """Where flow log records come from."""

    def search(self, sought: Sought) -> Search:
        """Every record that is sought; raises FlowdiagError where nothing at all can be read."""


class Access(Protocol):
    """The door to AWS as a source knows it: read-only calls by account and Region. `flowdiag.access` is one."""

    @property
    def home(self) -> Scope:
        """The session's own account and Region."""

    def scopes(self) -> tuple[Scope, ...]:
        """Every account and Region that may be asked, home first."""

    def each(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """The pages of a reply as they come; raises FlowdiagError with the reason where AWS does not give them."""

    def body(self, scope: Scope, service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[bytes]:
        """The streamed body of a reply, chunk by chunk; raises FlowdiagError as `each` does, between two chunks too."""


@dataclass(frozen=True)
class Means:
    """What a source in AWS may use: the door, and of whom the records are.

    `scopes` are the accounts and Regions of the interfaces on the path; `agreed`: the person agreed to a large amount.
    `log_format` is the LogFormat of files without a line of field names. `watching` are the flow logs that are known to watch
    interfaces of the path (`logs._delivery.Delivery`); `delivering` gives those that are known to deliver to a log group: by
    the account, empty for any, and the name.
    """

    access: Access | None = None
    scopes: tuple[Scope, ...] = ()
    agreed: bool = False
    log_format: str = ""
    watching: tuple[Any, ...] = ()
    delivering: Callable[[str, str], tuple[Any, ...]] = lambda owner, group: ()

    def door(self, where: str) -> Access:
        """The access; raises FlowdiagError where there is none, as in a question that is answered without AWS."""
        if self.access is None:
            raise FlowdiagError(f"flow logs {where!r} are in AWS: ask with a session (--profile, --region), or give files")
        return self.access


class Opener:
    """A source class that says for itself which places it can read.

    `prefixes` are how places in AWS begin that it reads, `actions` the IAM actions it needs there, and `delivers` is the
    LogDestinationType of the flow logs whose destination it reads.
    """

    prefixes: ClassVar[tuple[str, ...]] = ()
    actions: ClassVar[tuple[str, ...]] = ()
    delivers: ClassVar[str] = ""

    @classmethod
    def opens(cls, where: str, means: Means) -> Source | None:
        """The source at this place, or None where the place is not of this kind."""

    @classmethod
    def of(cls, means: Means, deliveries: Any) -> Source:
        """The source that these flow logs (`logs._delivery.Delivery`) deliver to, all to the same place."""
        raise NotImplementedError(f"{cls.__name__} is the destination of no flow log")


@cache
def openers() -> tuple[type[Opener], ...]:
    """Every source class of this package that has `opens`, in the order of their file names."""
    found: dict[str, type[Opener]] = {}
    for module in pkgutil.iter_modules(__path__):
        for entry in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(entry, type) and entry.__module__.startswith(__name__ + ".") and issubclass(entry, Opener):
                found[entry.__qualname__] = entry
    return tuple(found.values())


def in_aws(where: str) -> bool:
    """Whether a place is one in AWS, by how it begins."""
    return any(where.startswith(opener.prefixes) for opener in openers())


def open_source(where: str, means: Means | None = None) -> Source:
    """The source that reads this place; raises FlowdiagError where none can."""
    for opener in openers():
        source = opener.opens(where, means or Means())
        if source is not None:
            return source
    raise FlowdiagError(
        f"flow logs {where!r}: no such file or folder; give a folder of flow log files, one file, or a place in AWS: "
        "cloudwatch:LOG-GROUP, s3://BUCKET/PREFIX, athena:DATABASE.TABLE (athena: finds it), flow-log:ID"
    )
