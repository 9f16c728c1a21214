"""Flow logs of a small world, as DescribeFlowLogs shows them."""

from __future__ import annotations

from typing import Any

from world import World, tags

DEFAULT_FORMAT = (
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"
)


def flow_log(
    world: World, resource: Any, traffic: str = "ALL", group: str = "/vpc/prod", name: str = "", retention: int = 0, **more: Any
) -> str:
    """The id of a flow log of an interface, subnet, VPC or gateway (or its id); to CloudWatch Logs, says `more` nothing else.

    `retention` is how many days its log group keeps events; without it they never expire.
    """
    arn = f"arn:aws:logs:{world.region}:{world.account}:log-group:{group}"
    raw = {"ResourceId": getattr(resource, "id", resource), "TrafficType": traffic, "FlowLogStatus": "ACTIVE"}
    raw |= {"CreationTime": "2023-01-01T00:00:00.000Z", "DeliverLogsStatus": "SUCCESS", "MaxAggregationInterval": 60}
    raw |= {"LogDestinationType": "cloud-watch-logs", "LogDestination": arn, "LogGroupName": group, "Tags": tags(name)}
    if "LogGroupName" not in more:
        world.add("logGroups", "", {"logGroupName": group, **({"retentionInDays": retention} if retention else {})})
    entry = world.add("FlowLogs", "fl", {**raw, "LogFormat": DEFAULT_FORMAT, **more})
    return str(entry["FlowLogId"])
