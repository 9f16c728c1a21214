"""The keys of flow log files in S3: which folders and five-minute slots can hold a window. Pure; lists nothing.

https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flowdiag.logs import CLOCK_SLACK, LONGEST_INTERVAL, Window
from flowdiag.model import ANYWHERE, FlowdiagError, Scope

SLOT = 300
"""Seconds: a file "contains the flow log records with an end time between" its time and five minutes later."""
LATE = 900
"""Seconds that files are looked for beyond the slot of the last record: delivery is best effort and may be delayed."""
_NAME = re.compile(
    r"(?P<account>\w+)_vpcflowlogs_(?P<region>[a-z0-9-]+)_(?P<flow_log>fl-[0-9a-f]+)_(?P<slot>\d{8}T\d{4})Z_[^/]+$"
)
_ACCOUNT = re.compile(r"(?:aws-account-id=)?(\d{12})$")
_REGION = re.compile(r"(?:aws-region=)?([a-z]{2,4}(?:-[a-z]+)+-\d+)$")
_SERVICE = ("vpcflowlogs", "aws-service=vpcflowlogs")
_ORGANISATION = re.compile(r"o-[a-z0-9]{10,32}$")


@dataclass(frozen=True)
class Slots:
    """The first and last slot, UTC, whose files may hold a record of the window."""

    first: datetime
    last: datetime

    @classmethod
    def of(cls, window: Window) -> Slots:
        """The slots of a window; raises FlowdiagError where it is open, for an archive has no end."""
        if window.start is None or window.end is None:
            raise FlowdiagError("flow logs in AWS are read for a span of time: give at= or window= (--at, --window)")
        first = int(window.start.timestamp()) - CLOCK_SLACK
        last = int(window.end.timestamp()) + CLOCK_SLACK + LONGEST_INTERVAL + LATE
        return cls(_at(first - first % SLOT), _at(last - last % SLOT))

    def hold(self, key: str) -> bool | None:
        """Whether a file may hold records of the window, by its name; None where the name is none of a flow log's file."""
        found = _NAME.search(key)
        return found and self.first <= slot_time(found["slot"]) <= self.last

    def days(self) -> Iterator[datetime]:
        """The days the slots lie on."""
        yield from _steps(self.first.replace(hour=0, minute=0), self.last, timedelta(days=1))

    def hours(self) -> Iterator[datetime]:
        """The hours the slots lie in."""
        yield from _steps(self.first.replace(minute=0), self.last, timedelta(hours=1))


@dataclass(frozen=True)
class Root:
    """The folder of one account and Region, `…/vpcflowlogs/us-east-1/`, and what is known of the files below it."""

    path: str
    hive: bool = False
    hourly: bool = False
    flow_log: str = ""
    scope: Scope = ANYWHERE

    def listings(self, slots: Slots) -> Iterator[tuple[str, str]]:
        """What to list: the prefix, and after which key; names are sorted by time where the flow log is known."""
        name = f"{self.scope.account}_vpcflowlogs_{self.scope.region}_{self.flow_log}_" if self.flow_log else ""
        for moment in slots.hours() if self.hourly else slots.days():
            folder = self.path + self._folder(moment)
            after = f"{folder}{name}{slots.first:%Y%m%dT%H%M}" if name and moment <= slots.first else ""
            yield folder + name, after

    def _folder(self, moment: datetime) -> str:
        pattern = "year=%Y/month=%m/day=%d/" if self.hive else "%Y/%m/%d/"
        hour = ("hour=%H/" if self.hive else "%H/") if self.hourly else ""
        return f"{moment:{pattern + hour}}"


def root_of(prefix: str, scope: Scope, flow_log: str = "", hive: bool = False, hourly: bool = False) -> Root:
    """The folder of a flow log that delivers below this prefix of a bucket."""
    start = f"{prefix.strip('/')}/AWSLogs/" if prefix.strip("/") else "AWSLogs/"
    if hive:
        path = f"{start}aws-account-id={scope.account}/aws-service=vpcflowlogs/aws-region={scope.region}/"
    else:
        path = f"{start}{scope.account}/vpcflowlogs/{scope.region}/"
    return Root(path, hive, hourly, flow_log, scope)


def is_root(path: str) -> Root | None:
    """The root, where a folder is one by its last two parts."""
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[-2] not in _SERVICE or not _REGION.match(parts[-1]):
        return None
    return Root(path, hive="=" in parts[-1])


def is_below_root(path: str) -> bool:
    """True for a folder of a year, month, day or hour of one account and Region."""
    parts = path.strip("/").split("/")
    return any(is_root("/".join(parts[:length])) for length in range(2, len(parts)))


def leads_on(folder: str, scopes: Iterable[Scope]) -> bool:
    """Whether a folder on the way to a root can lead to files of these accounts and Regions; an unnamed account is any."""
    part = folder.strip("/").split("/")[-1]
    wanted = tuple(scopes)
    account, region = _ACCOUNT.match(part), _REGION.match(part)
    if account:
        return not wanted or any(scope.account in ("", account[1]) for scope in wanted)
    if region:
        return not wanted or any(scope.region in ("", region[1]) for scope in wanted)
    return part in (*_SERVICE, "AWSLogs") or bool(_ORGANISATION.match(part))


def is_parquet(key: str) -> bool:
    """By the name: `.log.parquet`."""
    return ".parquet" in key.rsplit("/", 1)[-1]


def slot_time(text: str) -> datetime:
    """`20261123T1205` as a time; a time far in the past where it is none, so that no window holds it."""
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def slot_of(key: str) -> datetime | None:
    """The time in the name of a file; None where it is none of a flow log's file."""
    found = _NAME.search(key)
    return slot_time(found["slot"]) if found else None


def _at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _steps(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += step
