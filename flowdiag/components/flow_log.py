"""Flow logs: what of the traffic of an interface, a subnet, a VPC or a transit gateway is put on record, and where it goes.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import field_validator

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, by_id, by_name


class DestinationOptions(Part):
    """How files are laid out in S3 (https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html)."""

    file_format: str = "plain-text"
    hive_compatible_partitions: bool = False
    per_hour_partition: bool = False


class FlowLog(Resource):
    """One flow log. `resource_id` is the interface, subnet, VPC, transit gateway or attachment it watches.

    `traffic_type` is empty for transit gateways, which know none; `max_aggregation_interval` is in seconds.
    """

    kind: ClassVar[str] = "flow_log"
    flow_log_id: str
    resource_id: Id
    creation_time: datetime
    deliver_logs_status: Literal["", "SUCCESS", "FAILED"] = ""
    deliver_logs_error_message: str = ""
    traffic_type: Literal["", "ALL", "ACCEPT", "REJECT"] = ""
    log_destination_type: str = ""
    log_destination: str = ""
    log_group_name: str = ""
    log_format: str = ""
    max_aggregation_interval: int = 600
    destination_options: DestinationOptions = DestinationOptions()

    @field_validator("creation_time")
    @classmethod
    def _utc(cls, moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    @property
    def id(self) -> str:
        """The flow log id."""
        return self.flow_log_id

    @property
    def destination(self) -> str:
        """Where its records go, as a person looks it up: the log group, else the ARN of the bucket or stream."""
        return self.log_group_name or self.log_destination


def _resource(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["ResourceId"]]


def _group(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("LogGroupName") or None]


class FlowLogComponent(Component):
    """Reads flow logs; leads no packet and stands in no packet's way.

    The filter `resource-id` also takes the ids of subnets, VPCs and transit gateways. A participant of a shared VPC is
    not shown the owner's flow logs of VPC and subnets (https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-limitations.html).
    """

    kind = "flow_log"
    reads = (
        Read(
            service="ec2",
            operation="describe_flow_logs",
            action="ec2:DescribeFlowLogs",
            responses=("FlowLogs",),
            id_field="FlowLogId",
            resource=FlowLog,
            lookups={
                "id": by_id("FlowLogId", "flow-log-id"),
                "resource": Lookup(keys=_resource, filter="resource-id"),
                "group": Lookup(keys=_group, filter="log-group-name"),
                "name": by_name(),
            },
        ),
    )
