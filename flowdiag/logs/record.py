"""One flow log line → one Record: the field names, the layouts a line can have, and why a line is refused.

The layout comes from the header line of a file or from the flow log's LogFormat, never from the version number: that is
only "the highest version among the specified fields" (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from flowdiag.logs import Refused
from flowdiag.model import FlowdiagError, Record

DEFAULT_FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
KNOWN = frozenset(DEFAULT_FIELDS) | {
    "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "region", "az-id",
    "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction",
    "traffic-path", "ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id",
    "ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn",
    "ecs-task-id", "reject-reason", "resource-id", "encryption-status", "instance-tag", "instance-tag-2",
    "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2", "interface-type", "next-hop-interface-id",
    "next-hop-subnet-id", "next-hop-az-id", "next-hop-vpc-id", "next-hop-interface-type", "resource-type", "tgw-id",
    "tgw-attachment-id",
}  # fmt: skip
"""Fields of version 2 to 11, and those that tell a transit gateway's record; a name that is not here is kept all the same."""
LATEST_SECOND = 2**31 - 1
"""A larger start or end is in milliseconds, as some deliveries write it."""
UNFIT = "add the line of field names at the top of the file"

_NUMBER, _ADDRESS, _ANY = (rb"-|\d{1,19}", "a number"), (rb"-|[0-9A-Fa-f:.]+", "an address"), (rb"\S+", "")
_SHAPES = {
    **dict.fromkeys(("version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags"), _NUMBER),
    **dict.fromkeys(("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr"), _ADDRESS),
    "action": (rb"-|ACCEPT|REJECT", "ACCEPT or REJECT"),
    "log-status": (rb"-|OK|NODATA|SKIPDATA", "OK, NODATA or SKIPDATA"),
}
_NAMED = frozenset((
    "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
    "action", "log-status", "tcp-flags", "flow-direction", "reject-reason", "pkt-srcaddr", "pkt-dstaddr",
))  # fmt: skip
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Glance:
    """What every line is looked at for, whether or not it concerns the flow."""

    interface: str
    start: int | None
    end: int | None
    action: str
    status: str


@dataclass(frozen=True)
class Layout:
    """The fields of a line in order, by AWS's names with hyphens; `assumed` where neither header nor LogFormat told them."""

    fields: tuple[str, ...]
    assumed: bool = False

    @classmethod
    def of_format(cls, text: str) -> Layout:
        """The layout of a LogFormat (`${version} ${account-id} …`); raises FlowdiagError where it names no field."""
        names = re.findall(r"\$\{([^}]+)\}", text) or text.split()
        if not names or not all(_FIELD_NAME.fullmatch(name.strip()) for name in names):
            raise FlowdiagError(f"log format {text!r} names no fields: give it as AWS shows it, ${{version}} ${{account-id}} …")
        return cls(tuple(map(canonical, names)))

    @classmethod
    def of_header(cls, line: str) -> Layout | None:
        """The layout a header line names; None where the line is no header."""
        names = line.split()
        if not names or not all(_FIELD_NAME.fullmatch(name) for name in names):
            return None
        layout = cls(tuple(map(canonical, names)))
        return layout if KNOWN.intersection(layout.fields) else None

    @property
    def transit_gateway(self) -> bool:
        """True for the fields of a transit gateway's own flow log, which has neither interface nor action."""
        return any(name == "resource-type" or name.startswith("tgw-") for name in self.fields)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        """One expression for the whole line: number of fields, shapes, and the columns of a Glance as groups."""
        groups = {name: f"?P<{name.replace('-', '_')}>".encode() for name in _GLANCED}
        seen: set[str] = set()
        parts = []
        for name in self.fields:
            mark = groups.get(name, b"?:") if name not in seen else b"?:"
            seen.add(name)
            parts.append(b"(" + mark + _SHAPES.get(name, _ANY)[0] + b")")
        return re.compile(rb"\s*" + rb"\s+".join(parts) + rb"\s*\Z")

    def glance(self, line: bytes) -> Glance | str:
        """Interface, time and status of a line, or the reason why it is no record of this layout."""
        match = self._pattern.match(line)
        if match is None:
            return self._unfit(line)
        found = match.groupdict()
        texts = {name: _text(found.get(name.replace("-", "_"))) for name in _GLANCED}
        return Glance(texts["interface-id"], _second(texts["start"]), _second(texts["end"]), texts["action"], texts["log-status"])

    def _unfit(self, line: bytes) -> str:
        tokens = line.split()
        way_out = f": {UNFIT}" if self.assumed else ""
        if len(tokens) != len(self.fields):
            which = "default format" if self.assumed else "format"
            return f"has {len(tokens)} fields where the {which} has {len(self.fields)}{way_out}"
        for name, token in zip(self.fields, tokens, strict=True):
            shape, wanted = _SHAPES.get(name, _ANY)
            if not re.fullmatch(shape, token):
                return f"{name} is {_text(token)!r}, not {wanted}{way_out}"
        return f"cannot be read{way_out}"

    def record(self, line: bytes, where: str) -> Record | Refused:
        """The record of a line, or the refusal with its reason."""
        seen = self.glance(line)
        if isinstance(seen, str):
            return Refused(where=where, reason=seen)
        texts = [token.decode("utf-8", "backslashreplace") for token in line.split()]
        shown = line.decode("utf-8", "backslashreplace").strip()
        return record_of(dict(zip(self.fields, texts, strict=True)), where, shown)


_GLANCED = ("interface-id", "start", "end", "action", "log-status")
DEFAULT = Layout(DEFAULT_FIELDS, assumed=True)


def canonical(name: str) -> str:
    """A field's name as LogFormat writes it: `pkt_srcaddr` and `pkt-srcaddr` are one field."""
    return name.strip().lower().replace("_", "-")


def record_of(values: Mapping[str, str], where: str = "", line: str = "") -> Record:
    """A Record of fields by canonical name, also for sources that deliver columns; `-` is no value.

    Raises ValueError where a number is none.
    """
    known = {name: "" if value == "-" else value for name, value in values.items()}

    def number(name: str) -> int | None:
        return int(known[name]) if known.get(name) else None

    return Record(
        interface=known.get("interface-id", ""),
        source=known.get("srcaddr", ""),
        destination=known.get("dstaddr", ""),
        source_port=number("srcport"),
        destination_port=number("dstport"),
        protocol=number("protocol"),
        packets=number("packets"),
        bytes=number("bytes"),
        start=_second(known.get("start", "")),
        end=_second(known.get("end", "")),
        action=known.get("action", ""),
        status=known.get("log-status", ""),
        tcp_flags=number("tcp-flags"),
        direction=known.get("flow-direction", ""),
        reject_reason=known.get("reject-reason", ""),
        packet_source=known.get("pkt-srcaddr", ""),
        packet_destination=known.get("pkt-dstaddr", ""),
        more={name: value for name, value in known.items() if name not in _NAMED and value},
        where=where,
        line=line,
    )


def _text(token: bytes | None) -> str:
    return "" if token is None or token == b"-" else token.decode("utf-8", "backslashreplace")


def _second(text: str) -> int | None:
    if not text:
        return None
    value = int(text)
    return value // 1000 if value > LATEST_SECOND else value
