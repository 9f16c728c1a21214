"""Log groups of CloudWatch Logs: how long the records of a flow log are kept.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import Component, Lookup, Read, Resource


class LogGroup(Resource):
    """One log group; `retention` is in days, None where its events never expire."""

    kind: ClassVar[str] = "log_group"
    log_group_name: str = Field(validation_alias="logGroupName")
    retention: int | None = Field(default=None, validation_alias="retentionInDays")

    @property
    def id(self) -> str:
        """The name, by which flow logs know it."""
        return self.log_group_name


def _name(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["logGroupName"]]


class LogGroupComponent(Component):
    """Reads log groups; leads no packet."""

    kind = "log_group"
    reads = (
        Read(
            service="logs",
            operation="describe_log_groups",
            action="logs:DescribeLogGroups",
            responses=("logGroups",),
            id_field="logGroupName",
            resource=LogGroup,
            lookups={"id": Lookup(keys=_name, parameter="logGroupIdentifiers")},
        ),
    )
