"""Status checks of EC2 instances: whether AWS itself finds the machine and its system working.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from pydantic import field_validator

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource


class Test(Part):
    """One test of a check (API_InstanceTests.html in the EC2 API reference)."""

    impaired_since: datetime | None = None

    @field_validator("impaired_since")
    @classmethod
    def _utc(cls, moment: datetime | None) -> datetime | None:
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


class Check(Part):
    """One check: ok, impaired, initializing, insufficient-data or not-applicable."""

    status: str = ""
    details: tuple[Test, ...] = ()

    @property
    def since(self) -> datetime | None:
        """When the first of its tests failed that fails now, where that is shown."""
        return min((detail.impaired_since for detail in self.details if detail.impaired_since), default=None)


class StatusCheck(Resource):
    """Both checks of one running instance (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceStatus.html)."""

    kind: ClassVar[str] = "status_check"
    instance_id: Id
    instance_status: Check = Check()
    system_status: Check = Check()

    @property
    def id(self) -> str:
        """The instance id."""
        return self.instance_id

    @property
    def impaired(self) -> dict[str, datetime | None]:
        """The checks that fail, by name, each with the time since when where that is shown."""
        known = {"instance": self.instance_status, "system": self.system_status}
        return {name: check.since for name, check in known.items() if check.status == "impaired"}

    @property
    def passes(self) -> bool:
        """Whether both checks are known to pass."""
        return self.instance_status.status == self.system_status.status == "ok"


class StatusCheckComponent(Component):
    """Reads status checks; leads no packet."""

    kind = "status_check"
    reads = (
        Read(
            service="ec2",
            operation="describe_instance_status",
            action="ec2:DescribeInstanceStatus",
            responses=("InstanceStatuses",),
            id_field="InstanceId",
            resource=StatusCheck,
            lookups={"id": Lookup(keys=lambda raw: [raw["InstanceId"]], parameter="InstanceIds")},
        ),
    )
