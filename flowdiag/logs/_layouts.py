"""Which of several layouts a line has, where lines of several flow logs stand in one log group and no header tells them apart.

A line's layout is the one it fits: number of fields, shapes, and the version, which is "the highest version among the
specified fields" (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html). Where it fits several that read
it differently, the line is refused, for a guess would be a false record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowdiag.logs import Sought, Tally
from flowdiag.logs.lines import Lines
from flowdiag.logs.record import DEFAULT, Layout
from flowdiag.model import FlowdiagError, Record

_SINCE = {
    3: ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    4: ("region", "az-id", "sublocation-type", "sublocation-id"),
    5: ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    6: ("resource-type", "tgw-id", "tgw-attachment-id"),
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

    line: bytes
    interface: str = ""
    start: int | None = None

    def beside(self) -> Mapping[str, str]:
        """Fields by name, for layouts that lack them."""
        return {
            **({"interface-id": self.interface} if self.interface else {}),
            **({"start": str(self.start)} if self.start is not None else {}),
        }


class Layouts:
    """The layouts that the lines of one log group may have; without any, AWS's default format is assumed."""

    def __init__(self, known: Iterable[Layout]) -> None:
        self.known = tuple(known) or (DEFAULT,)

    def read(self, name: str, lines: Iterable[Told], sought: Sought, tally: Tally) -> Iterator[Record]:
        """The records of lines that stand together under one name, each read by its own layout."""
        sorted_out: dict[Layout, list[bytes]] = defaultdict(list)
        for told in lines:
            fitting = self._fitting(told.line)
            if len(fitting) > 1 and not _same(fitting, told.line):
                tally.lines += 1
                possible = sought.interfaces & {told.interface} if told.interface else sought.interfaces
                tally.refuse(name, f"fits {len(fitting)} log formats that read it differently", possible)
            else:
                layout, line = _completed(fitting[0] if fitting else self.known[0], told)
                sorted_out[layout].append(line)
        for layout, group in sorted_out.items():
            yield from Lines(name, sought, tally, layout).read(group)

    def _fitting(self, line: bytes) -> list[Layout]:
        if len(self.known) == 1:
            return [self.known[0]]
        shaped = [layout for layout in self.known if not isinstance(layout.glance(line), str)]
        return [layout for layout in shaped if _says_version(layout, line)] or shaped


def _same(fitting: list[Layout], line: bytes) -> bool:
    return len({repr(layout.record(line, "")) for layout in fitting}) == 1


def _completed(layout: Layout, told: Told) -> tuple[Layout, bytes]:
    """The line with what its layout lacks put behind it, so that coverage and time are known of formats without them."""
    beside = {name: value for name, value in told.beside().items() if name not in layout.fields}
    if not beside or layout.assumed:
        return layout, told.line
    return Layout((*layout.fields, *beside)), b" ".join((told.line.rstrip(), *(value.encode() for value in beside.values())))


def _says_version(layout: Layout, line: bytes) -> bool:
    if "version" not in layout.fields:
        return False
    return line.split()[layout.fields.index("version")] == str(version_of(layout)).encode()
