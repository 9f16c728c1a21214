"""Flow logs as resources: how DescribeFlowLogs is read, offline and live, and what half of a reply is worth."""

from datetime import UTC, datetime

import pytest
from aws_replay import replay_session
from world import World
from world_logs import flow_log

from flowdiag.access import Access
from flowdiag.collect import Collector
from flowdiag.model import Query, Unread


def watched():
    """A world with a flow log of its VPC and one of an interface in it."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    web = vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10")
    flow_log(world, vpc, name="prod")
    to = {"LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::trail/logs", "LogGroupName": None}
    flow_log(world, web.eni, "REJECT", **to, DestinationOptions={"FileFormat": "parquet", "PerHourPartition": True})
    return world, vpc, web


def test_a_flow_log_is_found_by_what_it_watches():
    """One of the VPC and one of the interface, each with AWS's own fields."""
    world, vpc, web = watched()
    (whole,), (own,) = (world.snapshot().find("flow_log", "resource", id) for id in (vpc.id, web.eni.id))
    assert ("prod", "ALL", "/vpc/prod", 60) == (whole.name, whole.traffic_type, whole.destination, whole.max_aggregation_interval)
    assert datetime(2023, 1, 1, tzinfo=UTC) == whole.creation_time
    assert ("REJECT", "arn:aws:s3:::trail/logs", "parquet") == (
        own.traffic_type, own.destination, own.destination_options.file_format,
    )  # fmt: skip


def test_one_call_asks_for_all_that_a_path_touches():
    """DescribeFlowLogs takes many resource ids in one filter."""
    world, vpc, web = watched()
    collector = Collector(Access(replay_session(world.raw()[world.account, world.region])))
    wanted = [Unread(query=Query(kind="flow_log", by="resource", value=id)) for id in (vpc.id, web.eni.id, "subnet-0none")]
    assert collector.fetch(wanted)
    assert ["describe_flow_logs", "get_caller_identity"] == sorted(operation for operation, _, _ in collector.calls)
    assert [1, 1, 0] == [len(collector.snapshot.find("flow_log", "resource", u.query.value)) for u in wanted]


def test_without_a_reply_it_is_unread_and_names_the_action():
    """Not read is not absent."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    unread = world.snapshot().find("flow_log", "resource", vpc.id)
    assert (Unread, "ec2:DescribeFlowLogs") == (type(unread), unread.action)


@pytest.mark.parametrize(
    "spoilt", [{"TrafficType": "SOME"}, {"CreationTime": None}, {"CreationTime": "soon"}, {"DeliverLogsStatus": "?"}]
)
def test_half_written_it_is_unread(spoilt):
    """What decides is understood or the flow log is not read at all."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    flow_log(world, vpc, **spoilt)
    assert isinstance(world.snapshot().find("flow_log", "resource", vpc.id), Unread)
