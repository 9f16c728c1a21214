"""One flow log line → one Record: the field names, the layouts a line can have, and why a line is refused.

The layout comes from the header line of a file or from the flow log's LogFormat, never from the version number: that is
only "the highest version among the specified fields" (https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from flowdiag.logs import Refused
from flowdiag.model import FlowdiagError, Record

DEFAULT_FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
GATEWAY_FIELDS = (
    "version", "resource-type", "account-id", "tgw-id", "tgw-attachment-id", "tgw-src-vpc-account-id", "tgw-dst-vpc-account-id",
    "tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-subnet-id", "tgw-dst-subnet-id", "tgw-src-eni", "tgw-dst-eni",
    "tgw-src-az-id", "tgw-dst-az-id", "tgw-pair-attachment-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol",
    "packets", "bytes", "start", "end", "log-status", "type", "packets-lost-no-route", "packets-lost-blackhole",
    "packets-lost-mtu-exceeded", "packets-lost-ttl-expired", "tcp-flags", "region", "flow-direction",
    "pkt-src-aws-service", "pkt-dst-aws-service",
)  # fmt: skip
"""The default format of a transit gateway's flow log: https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html."""
KNOWN = frozenset(DEFAULT_FIELDS) | frozenset(GATEWAY_FIELDS) | {
    "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr", "region", "az-id",
    "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction",
    "traffic-path", "ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id",
    "ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn",
    "ecs-task-id", "reject-reason", "resource-id", "encryption-status", "instance-tag", "instance-tag-2",
    "interface-tag", "interface-tag-2", "asg-tag", "asg-tag-2", "interface-type", "next-hop-interface-id",
    "next-hop-subnet-id", "next-hop-az-id", "next-hop-vpc-id", "next-hop-interface-type",
}  # fmt: skip
"""Fields of version 2 to 11, those of transit gateways too; a name that is not here is kept all the same."""
LATEST_SECOND = 2**31 - 1
"""A larger start or end is in milliseconds, as some deliveries write it."""
UNFIT = "give the flow log's LogFormat with log_format= (--log-format), or, in a text file, the field names as its first line"

NUMBERS = (
    "version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp-flags", "packets-lost-no-route",
    "packets-lost-blackhole", "packets-lost-mtu-exceeded", "packets-lost-ttl-expired",
)  # fmt: skip
WHOLE = (*NUMBERS, "traffic-path", "encryption-status")
"""Fields that AWS's Parquet files give as integers."""
EXCERPT = "flowdiag.excerpt"
"""A key of the metadata of Parquet files that hold the records of one question, and not all that a flow log delivered."""
ADDRESSES = ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")
_NUMBER, _ADDRESS, _ANY = (r"-|\d{1,18}", "a number"), (r"-|[0-9A-Fa-f:.]+", "an address"), (r"\S+", "")
_PORT = (r"-|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]|\d{1,4}", "a port")  # of five digits first: most are
_PROTOCOL = (r"-|\d\d?|1\d\d|2[0-4]\d|25[0-5]", "a protocol's number")
SHAPES = {
    **dict.fromkeys(NUMBERS, _NUMBER),
    **dict.fromkeys(("srcport", "dstport"), _PORT),
    "protocol": _PROTOCOL,
    **dict.fromkeys(("start", "end"), (r"-|[1-9]\d{0,12}", "a time in seconds or milliseconds since 1970")),
    **dict.fromkeys(ADDRESSES, _ADDRESS),
    "action": (r"-|ACCEPT|REJECT", "ACCEPT or REJECT"),
    "log-status": (r"-|OK|NODATA|SKIPDATA", "OK, NODATA or SKIPDATA"),
}
LOWEST = {"start": 1, "end": 1}
HIGHEST = {"srcport": 65535, "dstport": 65535, "protocol": 255, "start": 10**13 - 1, "end": 10**13 - 1}
"""The smallest and the largest number that a field may have; others may have any that is not negative."""
_OLDEST = (r"-|2", "2, as that of the default format is")
"""The version where the default format is assumed: with any other one the line is of another format.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
"""
_NAMED = frozenset((
    "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end",
    "action", "log-status", "tcp-flags", "flow-direction", "reject-reason", "pkt-srcaddr", "pkt-dstaddr",
))  # fmt: skip
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Glance(NamedTuple):
    """What every line that is looked at tells, whether or not it concerns the flow; `named` are its addresses as written.

    `interface` is the id of a regional NAT gateway where it has no interface.
    """

    interface: str
    start: int | None
    end: int | None
    action: str
    status: str
    named: Sequence[str]


@dataclass(frozen=True)
class Layout:
    """The fields of a line in order, by AWS's names with hyphens.

    `assumed` names where they are from where no header tells them and nobody gave them; it is empty where they are known.
    """

    fields: tuple[str, ...]
    assumed: str = ""

    @classmethod
    def of_format(cls, text: str) -> Layout:
        """The layout of a LogFormat (`${version} ${account-id} …`); raises FlowdiagError where it names no field."""
        names = re.findall(r"\$\{([^}]+)\}", text) or text.split()
        layout = cls(tuple(map(canonical, names)))
        if not layout.known or not all(_FIELD_NAME.fullmatch(name.strip()) for name in names):
            raise FlowdiagError(
                f"log format {text!r} names no field of AWS's: give it as AWS shows it, ${{version}} ${{account-id}} …"
            )
        return layout

    @classmethod
    def of_header(cls, line: str) -> Layout | None:
        """The layout a header line names; None where the line is no header."""
        names = line.split()
        if not names or not all(_FIELD_NAME.fullmatch(name) for name in names):
            return None
        layout = cls(tuple(map(canonical, names)))
        return layout if layout.known else None

    @property
    def known(self) -> bool:
        """True where at least one field is one of AWS's."""
        return not KNOWN.isdisjoint(self.fields)

    @cached_property
    def of_interfaces(self) -> bool:
        """True where a line tells the interface that it is of."""
        return "interface-id" in self.fields

    @cached_property
    def transit_gateway(self) -> bool:
        """True for the fields of a transit gateway's own flow log, which has neither interface nor action."""
        return any(name == "resource-type" or name.startswith("tgw-") for name in self.fields)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """One expression for the whole line: number of fields, shapes, and each field of its name once as a group."""
        parts = []
        for place, name in enumerate(self.fields):
            first = name in _GLANCED and self.fields.index(name) == place
            parts.append("(" + ("" if first else "?:") + self._shape(name)[0] + ")")
        return re.compile(r"\s*" + r"\s+".join(parts) + r"\s*\Z", re.ASCII)

    def _shape(self, name: str) -> tuple[str, str]:
        """What a value of the field looks like, as an expression and in words."""
        assumed = self.assumed and name == "version" and self.fields == DEFAULT_FIELDS
        return _OLDEST if assumed else SHAPES.get(name, _ANY)

    @cached_property
    def _picked(self) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
        """Out of the groups of the pattern, and "-" behind them, the values of a glance in its order."""
        groups = [name for name in dict.fromkeys(self.fields) if name in _GLANCED]
        return itemgetter(*(groups.index(name) if name in groups else len(groups) for name in _GLANCED))

    def glance(self, line: bytes) -> Glance | str:
        """What a line tells of itself, or the reason why it is no record of this layout."""
        match = self._pattern.match(line.decode("utf-8", "backslashreplace"))
        if match is None:
            return self._unfit(line)
        values = ["" if text == "-" else text for text in self._picked((*match.groups(), "-"))]
        interface, start, end, action, status, resource, *named = values
        return Glance(interface or resource, _second(start), _second(end), action, status, named)

    def _unfit(self, line: bytes) -> str:
        found = tokens(line)
        way_out = f": {UNFIT}" if self.assumed else ""
        if len(found) != len(self.fields):
            return f"has {len(found)} fields where the {self.assumed or 'format'} has {len(self.fields)}{way_out}"
        for name, token in zip(self.fields, found, strict=True):
            shape, wanted = self._shape(name)
            if not re.fullmatch(shape, token, re.ASCII):
                return f"{name} is {token!r}, not {wanted}{way_out}"
        return f"cannot be read{way_out}"

    def record(self, line: bytes, where: str) -> Record | Refused:
        """The record of a line, or the refusal with its reason."""
        seen = self.glance(line)
        return Refused(where=where, reason=seen) if isinstance(seen, str) else self.taken_apart(line, where)

    def taken_apart(self, line: bytes, where: str) -> Record:
        """The record of a line that has stood a glance."""
        shown = line.decode("utf-8", "backslashreplace").strip()
        return record_of(dict(zip(self.fields, tokens(line), strict=True)), where, shown)


_GLANCED = ("interface-id", "start", "end", "action", "log-status", "resource-id", *ADDRESSES)
DEFAULT = Layout(DEFAULT_FIELDS, assumed="default format")
TRANSIT_GATEWAY = Layout(GATEWAY_FIELDS, assumed="default format")


def canonical(name: str) -> str:
    """A field's name as LogFormat writes it: `pkt_srcaddr` and `pkt-srcaddr` are one field."""
    return name.strip().lower().replace("_", "-")


def record_of(values: Mapping[str, str], where: str = "", line: str = "") -> Record:
    """A Record of fields by canonical name, also for sources that deliver columns; `-` is no value.

    Raises ValueError where a number is none.
    """
    known = {name: value for name, value in values.items() if value not in ("-", "")}

    def number(name: str) -> int | None:
        text = known.get(name)
        return None if text is None else int(text)

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
        gateway=known.get("tgw-attachment-id") or known.get("tgw-id", ""),
        more={name: value for name, value in known.items() if name not in _NAMED},
        where=where,
        line=line,
    )


def fields_of(record: Record) -> dict[str, str | int]:
    """The fields of a record by canonical name, in AWS's order; those without a value are left out.

    `record_of` makes the record of them again; times are in seconds, whatever the delivery wrote.
    """
    named: dict[str, str | int | None] = {
        "interface-id": record.interface,
        "srcaddr": record.source,
        "dstaddr": record.destination,
        "srcport": record.source_port,
        "dstport": record.destination_port,
        "protocol": record.protocol,
        "packets": record.packets,
        "bytes": record.bytes,
        "start": record.start,
        "end": record.end,
        "action": record.action,
        "log-status": record.status,
        "tcp-flags": record.tcp_flags,
        "flow-direction": record.direction,
        "reject-reason": record.reject_reason,
        "pkt-srcaddr": record.packet_source,
        "pkt-dstaddr": record.packet_destination,
    }
    more = {name: int(text) if name in WHOLE and text.isdecimal() else text for name, text in record.more.items()}
    known = {name: value for name, value in {**more, **named}.items() if value is not None and value != ""}
    return {name: known[name] for name in sorted(known, key=in_order)}


def in_order(name: str) -> tuple[int, str]:
    """Where a field stands: those of the default format first, in their order, then the others by name."""
    return (DEFAULT_FIELDS.index(name) if name in DEFAULT_FIELDS else len(DEFAULT_FIELDS)), name


def tokens(line: bytes) -> list[str]:
    """The values of a line: parted by white space of ASCII alone, for other kinds of it may stand within a value."""
    return [token.decode("utf-8", "backslashreplace") for token in line.split()]


def _second(text: str) -> int | None:
    if not text:
        return None
    value = int(text)
    return value // 1000 if value > LATEST_SECOND else value
