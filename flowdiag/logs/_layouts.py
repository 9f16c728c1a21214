"""Which layout a line has that stands in a log group, or was saved from one: no header tells it, and several flow logs may
deliver there.

A line's layout is the one it fits: number of fields, shapes, the interface of its log stream, and the version, which is "the
highest version among the specified fields" (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html). Where it
fits several that read it differently, or one by its shape alone, the line is refused, for a guess would be a false record: it
may be of a flow log that is gone, whose lines stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from flowdiag.logs import Sought, Tally
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import DEFAULT, DEFAULT_FIELDS, GATEWAY_FIELDS, KNOWN, Layout, tokens
from flowdiag.model import FlowdiagError, Record

_SINCE = {
    3: ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    4: ("region", "az-id", "sublocation-type", "sublocation-id"),
    5: ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    6: tuple(name for name in GATEWAY_FIELDS if name.startswith(("resource-type", "tgw-", "packets-lost-"))),
    7: ("ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id", "ecs-container-id",
        "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn", "ecs-task-id"),
    8: ("reject-reason",),
    9: ("resource-id",),
    10: ("encryption-status",),
    11: ("instance-tag", "instance-tag-2", "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2", "interface-type",
         "next-hop-interface-id", "next-hop-subnet-id", "next-hop-az-id", "next-hop-vpc-id", "next-hop-interface-type"),
}  # fmt: skip
_VERSION = {name: version for version, names in _SINCE.items() for name in names}
OLDEST = 2
NAMED = 3
"""Flow logs that are named where many have one format."""
_INTERFACE = re.compile(r"(eni|nat)-[0-9a-f]+")


class FlowLog(Protocol):
    """A flow log, as far as its format goes."""

    @property
    def flow_log(self) -> str:
        """Its id."""

    @property
    def log_format(self) -> str:
        """Its LogFormat."""


def layouts_told(flow_logs: Iterable[FlowLog]) -> tuple[Layout, ...]:
    """The layouts of these flow logs, each once, for lines that are assumed to be theirs; a format that is none is left out."""
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for log in flow_logs:
        for layout in layouts_of([log.log_format]):
            by_fields.setdefault(layout.fields, []).append(log.flow_log)
    return tuple(DEFAULT if fields == DEFAULT_FIELDS else Layout(fields, _naming(ids)) for fields, ids in by_fields.items())


def _naming(ids: list[str]) -> str:
    return f"LogFormat of {', '.join(ids[:NAMED])}{' …' if len(ids) > NAMED else ''}"


def layouts_of(formats: Iterable[str]) -> tuple[Layout, ...]:
    """The layouts of these LogFormats, each once; one that names no field is left out, so that its lines are refused."""
    found: list[Layout] = []
    for text in dict.fromkeys(formats):
        try:
            layout = Layout.of_format(text)
        except FlowdiagError:
            continue
        if layout not in found:
            found.append(layout)
    return tuple(found)


def version_of(layout: Layout) -> int:
    """What the field `version` of its lines says, as far as its fields are known."""
    return max((_VERSION.get(name, OLDEST) for name in layout.fields), default=OLDEST)


@dataclass(frozen=True)
class Told:
    """A line, and what its surroundings say of it where its layout does not: the log stream's interface, the event's time."""

    line: bytes | None
    interface: str = ""
    start: int | None = None

    def beside(self) -> Mapping[str, str]:
        """Fields by name, for layouts that lack them."""
        return {
            **({"interface-id": self.interface} if self.interface else {}),
            **({"start": str(self.start)} if self.start is not None else {}),
        }


class Layouts:
    """The layouts that the lines of one log group may have; without any, AWS's default format is assumed. `others`: it is of
    those lines too that fit none of these."""

    def __init__(self, known: Iterable[Layout], others: bool = False) -> None:
        self.known = tuple(known) or (DEFAULT,)
        self.others = others

    def read(self, place: str, lines: Iterable[tuple[str, Told]], sought: Sought, tally: Tally) -> Iterator[Record]:
        """The records of lines as they come, each with the name of its log stream, and each read by its own layout."""
        readers: dict[str, Lines] = {}
        for stream, told in lines:
            reader = readers.get(stream)
            if reader is None:
                reader = readers[stream] = Lines(f"{place} {stream}", sought, tally)
            record = reader.next(told.line, partial(self.of, told), told.interface)
            if record is not None:
                yield record

    def of(self, told: Told, line: bytes) -> tuple[Layout, bytes] | str:
        """The layout of a line, and the line with what that lacks; or the reason why nobody can tell. `line` is what is told
        without what it was wrapped in."""
        shaped = [layout for layout in self.known if _fits(layout, line)]
        fitting = [layout for layout in shaped if not _against(layout, told, line)]
        if self.others and not fitting and _fits(DEFAULT, line) and not _against(DEFAULT, told, line):
            fitting = [DEFAULT]
        fitting = [layout for layout in fitting if "version" in layout.fields] or fitting
        if len(fitting) > 1 and not _same(fitting, line):
            return f"fits {len(fitting)} log formats that read it differently"
        if shaped and not fitting:
            return _against(shaped[0], told, line)
        return completed(fitting[0] if fitting else self.known[0], told, line)


def interface_of(stream: str) -> str:
    """The interface a stream is of: its name begins with the id, and what follows (`-all`) is not relied on. That those of a
    regional NAT gateway, which has no interface, begin with its own id is an assumption: AWS does not say."""
    found = _INTERFACE.match(stream)
    return found[0] if found else ""


def _fits(layout: Layout, line: bytes) -> bool:
    return not isinstance(layout.glance(line), str)


def _same(fitting: list[Layout], line: bytes) -> bool:
    return len({repr(layout.record(line, "")) for layout in fitting}) == 1


def completed(layout: Layout, told: Told, line: bytes) -> tuple[Layout, bytes]:
    """The line with what its layout lacks put behind it, so that coverage and time are known of formats without them; one that
    the layout does not fit as it is."""
    if (layout.of_interfaces and "start" in layout.fields) or not _fits(layout, line):
        return layout, line
    beside = {name: value for name, value in told.beside().items() if name not in layout.fields}
    if not beside:
        return layout, line
    more = (value.encode() for value in beside.values())
    return Layout((*layout.fields, *beside), layout.assumed), b" ".join((line.rstrip(), *more))


def _against(layout: Layout, told: Told, line: bytes) -> str:
    """Why a line that has the shape of a layout is none of it; empty where nothing speaks against it."""
    values = dict(zip(layout.fields, tokens(line), strict=True))
    version, interface = values.get("version", "-"), values.get("interface-id", "-")
    wanted = version_of(layout)
    fields_known = KNOWN.issuperset(layout.fields)  # one that is not may be of any later version
    if version.isdecimal() and (int(version) < wanted or (fields_known and int(version) > wanted)):
        return f"says version {version} where its log format would have {wanted}: of another flow log, perhaps one that is gone"
    if told.interface and interface not in ("-", told.interface):
        return f"says interface {interface!r} in a log stream of {told.interface}: of another log format"
    return ""
