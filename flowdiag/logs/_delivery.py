"""Where a flow log delivers and in which form, as DescribeFlowLogs tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowdiag.logs import Access, Means, Source, openers
from flowdiag.model import FlowdiagError, Scope, Value

CLOUDWATCH, S3, FIREHOSE = "cloud-watch-logs", "s3", "kinesis-data-firehose"
_BUCKET_ARN = re.compile(r"arn:[\w-]+:s3:::(?P<bucket>[^/]+)/?(?P<prefix>.*)")


class Delivery(Value):
    """One flow log: where it delivers (`kind` is AWS's LogDestinationType), of what, and how its files are laid out.

    `scope` is the account and Region it was created in: they stand in the keys of its objects.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
    """

    flow_log: str
    scope: Scope
    kind: str = CLOUDWATCH
    resource: str = ""
    log_group: str = ""
    destination: str = ""
    log_format: str = ""
    parquet: bool = False
    hive: bool = False
    hourly: bool = False

    @property
    def bucket(self) -> tuple[str, str]:
        """The bucket and the prefix in it; empty where its destination is none."""
        found = _BUCKET_ARN.fullmatch(self.destination)
        return (found["bucket"], found["prefix"]) if found else ("", "")

    @property
    def group(self) -> str:
        """The log group by its name, which AWS may tell in the destination alone; empty where it delivers elsewhere."""
        return self.log_group or _group_of(self.destination)

    @property
    def gateway(self) -> bool:
        """True for a transit gateway's own flow log."""
        return self.resource.startswith("tgw-")


def delivery_of(raw: Mapping[str, Any], scope: Scope) -> Delivery:
    """The delivery of a flow log as AWS describes it; raises FlowdiagError where it is half-written."""
    if not raw.get("FlowLogId"):
        raise FlowdiagError("a flow log without an id cannot be used")
    options = raw.get("DestinationOptions") or {}
    return Delivery(
        flow_log=raw["FlowLogId"],
        scope=scope,
        kind=raw.get("LogDestinationType") or CLOUDWATCH,
        resource=raw.get("ResourceId") or "",
        log_group=raw.get("LogGroupName") or "",
        destination=raw.get("LogDestination") or "",
        log_format=raw.get("LogFormat") or "",
        parquet=options.get("FileFormat") == "parquet",
        hive=bool(options.get("HiveCompatiblePartitions")),
        hourly=bool(options.get("PerHourPartition")),
    )


def delivered_to(access: Access, scope: Scope, filter: str, value: str) -> Iterator[Delivery]:
    """The flow logs that a filter of DescribeFlowLogs finds; raises FlowdiagError where AWS does not tell."""
    request = {"Filter": [{"Name": filter, "Values": [value]}]}
    for page in access.each(scope, "ec2", "describe_flow_logs", request):
        for raw in page.get("FlowLogs") or ():
            yield delivery_of(raw, scope)


def source_of(means: Means, deliveries: tuple[Delivery, ...]) -> Source:
    """The source behind flow logs that deliver to one place; raises FlowdiagError where nothing reads that place."""
    first = deliveries[0]
    for opener in openers():
        if opener.delivers == first.kind:
            return opener.of(means, deliveries)
    raise FlowdiagError(f"{first.flow_log} delivers to {first.destination or first.kind}, which is not read")


def _group_of(arn: str) -> str:
    """The log group of `arn:aws:logs:…:log-group:NAME:*`."""
    _, found, rest = arn.partition(":log-group:")
    return rest.removesuffix(":*") if found else ""
