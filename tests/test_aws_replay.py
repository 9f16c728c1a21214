"""The fake AWS itself: every protocol there and back, pages, refusals, accounts; held to botocore's models and documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from aws_reference import Single
from aws_replay import CALLS, CALLS_FOR_ONE, organisation, replay_session
from aws_services_reference import SERVICE_LISTINGS, SERVICE_SINGLES
from aws_wire import asked, told
from aws_world import no_waiting
from botocore.exceptions import ClientError
from botocore.model import ServiceModel

__all__ = ["no_waiting"]
THEIRS, ROLE = "222233334444", "arn:aws:iam::222233334444:role/flowdiag"

# One call of every service: (service, operation, parameters, what is recorded, what has to come back)
ONE_OF_EACH: tuple[tuple[str, str, dict[str, Any], dict[str, Any], Any], ...] = (
    ("lambda", "list_functions", {}, {"Functions": [{"FunctionName": "f"}]}, "Functions[].FunctionName"),
    (
        "lambda",
        "get_function",
        {"FunctionName": "f"},
        {"LambdaFunctions": [{"FunctionName": "f", "Configuration": {"VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"]}}}]},
        "Configuration.VpcConfig.SubnetIds",
    ),
    (
        "rds",
        "describe_db_instances",
        {"Filters": [{"Name": "engine", "Values": ["mysql", "postgres"]}]},
        {"DBInstances": [{"DBInstanceIdentifier": "db", "Engine": "postgres", "Endpoint": {"Port": 5432}}]},
        "DBInstances[].Endpoint.Port",
    ),
    (
        "elasticache",
        "describe_cache_clusters",
        {"CacheClusterId": "c"},
        {"CacheClusters": [{"CacheClusterId": "c"}]},
        "CacheClusters[].CacheClusterId",
    ),
    ("redshift", "describe_clusters", {}, {"Clusters": [{"ClusterIdentifier": "w"}]}, "Clusters[].ClusterIdentifier"),
    (
        "opensearch",
        "describe_domains",
        {"DomainNames": ["logs"]},
        {"DomainStatusList": [{"DomainName": "logs", "Endpoints": {"vpc": "vpc-logs.example"}}]},
        "DomainStatusList[].Endpoints.vpc",
    ),
    (
        "kafka",
        "list_nodes",
        {"ClusterArn": "arn:aws:kafka:us-east-1:1:cluster/k/1"},
        {"KafkaNodes": [{"ClusterArn": "arn:aws:kafka:us-east-1:1:cluster/k/1", "NodeInfoList": [{"NodeARN": "n"}]}]},
        "NodeInfoList[].NodeARN",
    ),
    (
        "efs",
        "describe_mount_targets",
        {"FileSystemId": "fs-1"},
        {"MountTargets": [{"MountTargetId": "fsmt-1", "FileSystemId": "fs-1", "IpAddress": "10.0.1.5"}]},
        "MountTargets[].IpAddress",
    ),
    (
        "ecs",
        "describe_tasks",
        {"cluster": "arn:c", "tasks": ["arn:t"]},
        {"tasks": [{"taskArn": "arn:t", "clusterArn": "arn:c", "attachments": [{"details": [{"value": "eni-1"}]}]}]},
        "tasks[].attachments[].details[].value",
    ),
    (
        "eks",
        "describe_cluster",
        {"name": "k"},
        {"EksClusters": [{"name": "k", "cluster": {"resourcesVpcConfig": {"vpcId": "vpc-1"}}}]},
        "cluster.resourcesVpcConfig.vpcId",
    ),
    (
        "route53",
        "list_resource_record_sets",
        {"HostedZoneId": "Z1"},
        {"HostedZoneRecords": [{"HostedZoneId": "Z1", "ResourceRecordSets": [{"Name": "db.example.", "Type": "A", "TTL": 60}]}]},
        "ResourceRecordSets[].TTL",
    ),
    (
        "logs",
        "describe_log_groups",
        {"logGroupNamePrefix": "/vpc/"},
        {"logGroups": [{"logGroupName": "/vpc/prod", "storedBytes": 7}]},
        "logGroups[].storedBytes",
    ),
    (
        "network-firewall",
        "describe_firewall",
        {"FirewallArn": "arn:fw"},
        {"NetworkFirewalls": [{"FirewallArn": "arn:fw", "Firewall": {"VpcId": "vpc-1", "DeleteProtection": False}}]},
        "Firewall.VpcId",
    ),
    (
        "networkmanager",
        "list_attachments",
        {"CoreNetworkId": "core-network-1"},
        {"Attachments": [{"AttachmentId": "a-1", "CoreNetworkId": "core-network-1", "SegmentName": "prod"}]},
        "Attachments[].SegmentName",
    ),
    (
        "directconnect",
        "describe_virtual_interfaces",
        {"virtualInterfaceId": "dxvif-1"},
        {"virtualInterfaces": [{"virtualInterfaceId": "dxvif-1", "vlan": 101}]},
        "virtualInterfaces[].vlan",
    ),
    (
        "elb",
        "describe_load_balancers",
        {"LoadBalancerNames": ["classic"]},
        {"LoadBalancerDescriptions": [{"LoadBalancerName": "classic", "CreatedTime": "2026-11-23T12:04:00+00:00"}]},
        "LoadBalancerDescriptions[].CreatedTime",
    ),
    (
        "elbv2",
        "describe_load_balancers",
        {"Names": ["n"]},
        {"LoadBalancers": [{"LoadBalancerName": "n"}]},
        "LoadBalancers[].LoadBalancerName",
    ),
)


def client(session: Any, service: str) -> Any:
    """A client in the Region of the replay."""
    return session.client(service, region_name="us-east-1")


def found(path: str, reply: Any) -> Any:
    """What stands at a JMESPath."""
    import jmespath

    return jmespath.search(path, reply)


@pytest.mark.parametrize(("service", "operation", "wanted", "recorded", "path"), ONE_OF_EACH)
def test_every_protocol_there_and_back(service: str, operation: str, wanted: Any, recorded: Any, path: str) -> None:
    """What was recorded comes through boto3's own serialising and parsing as it was, numbers and lists and times too."""
    reply = getattr(client(replay_session(recorded), service), operation)(**wanted)
    (items,) = recorded.values()
    key = path.replace("[]", "").split(".")[0]
    expected = found(path, {key: items, **items[0]})
    assert found(path, reply) == ([datetime(2026, 11, 23, 12, 4, tzinfo=UTC)] if "Time" in path else expected)
    assert expected


REFUSED = (
    ("rds", "describe_db_instances", "DBInstanceIdentifier", "DBInstances", "DBInstanceNotFound"),
    ("eks", "describe_cluster", "name", "EksClusters", "ResourceNotFoundException"),
    ("network-firewall", "describe_firewall", "FirewallArn", "NetworkFirewalls", "ResourceNotFoundException"),
    ("route53", "list_resource_record_sets", "HostedZoneId", "HostedZoneRecords", "NoSuchHostedZone"),
)


@pytest.mark.parametrize(("service", "operation", "parameter", "key", "code"), REFUSED)
def test_what_nobody_has_is_refused_as_the_service_does(
    service: str, operation: str, parameter: str, key: str, code: str
) -> None:
    """The error that boto3 raises carries AWS's own code, in every protocol."""
    with pytest.raises(ClientError) as caught:
        getattr(client(replay_session({key: []}), service), operation)(**{parameter: "nobodys"})
    assert code == caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(("service", "operation", "wanted", "recorded", "path"), ONE_OF_EACH)
def test_denied_is_denied_in_every_protocol(service: str, operation: str, wanted: Any, recorded: Any, path: str) -> None:
    """Every service's refusal is one that boto3 knows as such."""
    model = botocore.session.get_session().get_service_model(service)
    name = next(name for name in model.operation_names if botocore.xform_name(name) == operation)
    session = replay_session(recorded, deny={f"{model.signing_name}:{name}"})
    with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
        getattr(client(session, service), operation)(**wanted)


@pytest.mark.parametrize(
    ("service", "operation", "recorded", "wanted"),
    [
        ("rds", "describe_db_instances", {"DBInstances": [{"DBInstanceIdentifier": f"db-{n}"} for n in range(5)]}, {}),
        ("lambda", "list_functions", {"Functions": [{"FunctionName": f"f-{n}"} for n in range(5)]}, {}),
        ("logs", "describe_log_groups", {"logGroups": [{"logGroupName": f"/vpc/{n}"} for n in range(5)]}, {}),
        (
            "route53",
            "list_resource_record_sets",
            {"HostedZoneRecords": [{"HostedZoneId": "Z1", "ResourceRecordSets": [{"Name": f"{n}."} for n in range(5)]}]},
            {"HostedZoneId": "Z1"},
        ),
    ],
)
def test_every_service_has_pages(service: str, operation: str, recorded: Any, wanted: Any) -> None:
    """Five items at two a page are three requests, however the service marks its pages."""
    session = replay_session(recorded, page=2)
    pages = list(client(session, service).get_paginator(operation).paginate(**wanted))
    lists = [value for page in pages for value in page.values() if isinstance(value, list) and value]
    assert [2, 2, 1] == [len(listed) for listed in lists]
    assert len(session.replay.requests) == 3


def test_a_parameter_whose_meaning_nobody_wrote_down_is_refused() -> None:
    """The replay does not answer as if a parameter had not been given."""
    session = replay_session({"DBClusters": [{"DBClusterIdentifier": "a"}]})
    with pytest.raises(ClientError, match="IncludeShared is not recognized"):
        client(session, "rds").describe_db_clusters(IncludeShared=True)


# ---------------------------------------------------------------- accounts


def three() -> Any:
    """A session of one account that may assume one role, which wants an external id."""
    worlds = {account: {"Vpcs": [{"VpcId": f"vpc-{account}"}]} for account in ("111122223333", THEIRS)}
    return organisation(worlds, roles={ROLE: "told-by-them"}, deny={(THEIRS, "ec2:DescribeSubnets")})


def test_a_role_answers_from_its_own_account() -> None:
    """Who signed the request decides whose VPCs are shown, and what is denied."""
    session = three()
    told = client(session, "sts").assume_role(RoleArn=ROLE, RoleSessionName="me", ExternalId="told-by-them")["Credentials"]
    keys = {"aws_access_key_id": told["AccessKeyId"], "aws_secret_access_key": told["SecretAccessKey"]}
    theirs = session.client("ec2", region_name="us-east-1", aws_session_token=told["SessionToken"], **keys)
    shown = [c.describe_vpcs()["Vpcs"][0]["VpcId"] for c in (client(session, "ec2"), theirs)]
    assert ["vpc-111122223333", f"vpc-{THEIRS}"] == shown
    assert [("ec2", "DescribeVpcs", "us-east-1")] == session.replay.asked_of(THEIRS)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        theirs.describe_subnets()


@pytest.mark.parametrize("wanted", [{"ExternalId": "guessed"}, {}])
def test_a_role_wants_its_external_id(wanted: dict[str, str]) -> None:
    """Another external id, or none, is denied as AWS denies it."""
    with pytest.raises(ClientError, match="AccessDenied"):
        client(three(), "sts").assume_role(RoleArn=ROLE, RoleSessionName="me", **wanted)


# ---------------------------------------------------------------- the reference


def known_calls() -> Iterator[Any]:
    """Every call outside EC2 that the reference describes."""
    for name, call in sorted({**SERVICE_LISTINGS, **SERVICE_SINGLES}.items()):
        yield pytest.param(*name.split("."), call, id=name)


def model_of(service: str) -> ServiceModel:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


@pytest.mark.parametrize(("service", "operation", "call"), list(known_calls()))
def test_the_reference_knows_nothing_that_aws_does_not(service: str, operation: str, call: Any) -> None:
    """Operations, parameters, reply keys, fields and filters are AWS's."""
    op = model_of(service).operation_model(operation)
    takes = op.input_shape.members if op.input_shape else {}
    narrowing = getattr(call, "parameters", {})
    given = {*narrowing, *getattr(call, "prefixes", {}), getattr(call, "ids", "") or None, getattr(call, "parameter", "") or None}
    given |= {*getattr(call, "begins", {})}
    in_parts = hasattr(call, "keys") and call.named is not Single.named
    given |= {call.id_field} if hasattr(call, "keys") and not in_parts else set()
    assert given - {None} <= set(takes)
    if hasattr(call, "gives"):
        listed = op.output_shape.members[call.gives]
        fields = listed.member.members if listed.member.type_name == "structure" else {"@": None}
        assert call.id_field in fields
    told = [shape for key in ("Filters", "Filter") if key in takes for shape in (takes[key], takes[key].member.members["Name"])]
    assert set(call.filters) <= {found for shape in told for found in named(shape.documentation)}


def named(documentation: str) -> set[str]:
    """The words that a page of the API reference sets in code."""
    return set(re.findall(r"<code>(.+?)</code>", documentation))


def test_both_references_are_one() -> None:
    """A call outside EC2 is found under its service's name, so that another service's of the same name is not meant."""
    assert set(SERVICE_LISTINGS) <= set(CALLS)
    assert set(SERVICE_SINGLES) <= set(CALLS_FOR_ONE)


def test_a_request_is_read_back_as_it_was_made() -> None:
    """Labels in a path, lists in a query string and names in JSON come back as boto3's caller gave them."""
    seen: list[Any] = []
    session = replay_session({})
    wanted = {"CoreNetworkId": "core/1", "AttachmentType": "VPC", "MaxResults": 7}

    def look(request: Any, **_: Any) -> Any:
        seen.append(asked(model_of("networkmanager"), "ListAttachments", request))

    session.events.register_first("before-send.networkmanager", look)
    with pytest.raises(ClientError):
        client(session, "networkmanager").list_attachments(**wanted)
    assert [wanted] == seen


def test_what_the_model_does_not_know_is_not_sent() -> None:
    """A recorded reply may hold more than this version of the API; AWS sends what it knows."""
    headers, body = told(model_of("logs"), "DescribeLogGroups", {"logGroups": [{"logGroupName": "a", "Invented": 1}]})
    assert (headers["content-type"], body) == ("application/x-amz-json-1.1", b'{"logGroups": [{"logGroupName": "a"}]}')
