"""The IAM policy equals what can be called; every call is one that botocore knows, that only reads, and that is read whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aws_reference import LISTINGS, SINGLES

from flowdiag import logs
from flowdiag.access import READ_ONLY
from flowdiag.calls import Call, askable, parameters
from flowdiag.component import Lookup, Read
from flowdiag.components import reads
from flowdiag.logs import openers
from flowdiag.model import Query, Scope, Unread
from flowdiag.policy import iam_policy, whole_vpc

# boto3 has no way through the pages of these; a reply that has more is refused as not whole.
ONE_PAGE = {"list_hosted_zones_by_vpc"}


@cache
def client(service: str) -> Any:
    return botocore.session.get_session().create_client(
        service, region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret"
    )


def called() -> Iterator[Any]:
    """Every (kind, Read, lookup) that leads to a call."""
    for kind, several in sorted(reads().items()):
        for read in several:
            for by, lookup in read.lookups.items():
                if askable([read], by):
                    yield pytest.param(read, lookup, id=f"{kind}-{read.operation}-{by}")


def test_the_policy_is_what_can_be_called_and_nothing_else() -> None:
    """Its actions are those of the operations that some lookup leads to, as botocore names them; it is a valid document."""
    calls = {(param.values[0].service, param.values[0].operation) for param in called()}
    expected = set()
    for service, operation in calls:
        meta = client(service).meta
        expected.add(f"{meta.service_model.signing_name}:{meta.method_to_api_mapping[operation]}")
    expected |= {action for source in openers() for action in source.actions}
    policy = iam_policy()
    assert policy["Version"] == "2012-10-17"
    (statement,) = policy["Statement"]
    assert statement["Action"] == sorted(expected)
    assert (statement["Effect"], statement["Resource"]) == ("Allow", "*")


@pytest.mark.parametrize(("read", "lookup"), list(called()))
def test_every_call_is_one_that_aws_takes(read: Read, lookup: Lookup) -> None:
    """The operation exists and only reads, its parameters are valid, its reply holds the response key, and it is read whole."""
    aws = client(read.service)
    model = aws.meta.service_model.operation_model(aws.meta.method_to_api_mapping[read.operation])
    assert read.operation.startswith(READ_ONLY)
    assert read.action == f"{aws.meta.service_model.signing_name}:{model.name}"
    assert read.single or set(read.responses) & set(model.output_shape.members)
    pages = {"NextToken", "NextMarker"} & set(model.output_shape.members)
    taken = pages <= {"NextToken"} & set(model.input_shape.members)
    assert aws.can_paginate(read.operation) or taken or read.operation in ONE_PAGE
    takes = {name: shape.type_name for name, shape in model.input_shape.members.items()}
    call = Call(read, lookup, Scope(region="us-east-1"), (Query(kind=read.resource.kind, by="id", value="x" * 20),))
    report = botocore.validate.ParamValidator().validate(parameters(call, takes), model.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_a_whole_vpc_is_every_kind_that_can_be_asked_by_vpc() -> None:
    """The VPC itself, then each kind with a lookup named vpc, all in the scope given."""
    scope = Scope(account="111122223333", region="us-east-1")
    kinds = sorted(kind for kind, several in reads().items() if any("vpc" in read.lookups for read in several))
    expected = [("vpc", "id"), *((kind, "vpc") for kind in kinds)]
    wanted = whole_vpc("vpc-1", scope)
    assert [(unread.query.kind, unread.query.by) for unread in wanted] == expected
    assert {(unread.query.value, unread.query.scope) for unread in wanted} == {("vpc-1", scope)}
    assert all(isinstance(unread, Unread) for unread in wanted)


def documented(service: str, operation: str) -> set[str]:
    """The filters that AWS documents for an operation: botocore ships the API reference with its models."""
    takes = client(service).meta.service_model.operation_model(operation).input_shape.members
    told = [shape for key in ("Filters", "Filter") if key in takes for shape in (takes[key], takes[key].member.members["Name"])]
    return {name for shape in told for name in re.findall(r"<code>(.+?)</code>", shape.documentation)}


@pytest.mark.parametrize(("read", "lookup"), list(called()))
def test_every_filter_is_documented(read: Read, lookup: Lookup) -> None:
    """A filter that AWS does not know would fail every call, and no fake would tell."""
    asked = {*([lookup.filter] if lookup.filter else []), *lookup.also}
    known = documented(read.service, client(read.service).meta.method_to_api_mapping[read.operation])
    assert {re.sub("^tag:.*", "tag", name) for name in asked} <= {re.sub("^tag:.*", "tag", name) for name in known}


@pytest.mark.parametrize("operation", sorted({*LISTINGS, *SINGLES} & set(client("ec2").meta.service_model.operation_names)))
def test_the_replay_knows_no_filter_that_aws_does_not(operation: str) -> None:
    """The replay of AWS is held to the same reference, so that it cannot let a wrong filter pass."""
    known = (LISTINGS[operation] if operation in LISTINGS else SINGLES[operation]).filters
    assert set(known) <= documented("ec2", operation)


# What an operation needs where its action is called otherwise, or where Athena reads and writes for its caller.
_NEEDS = {
    "list_objects_v2": {"s3:ListBucket"},
    "get_table_metadata": {"athena:GetTableMetadata", "glue:GetDatabase", "glue:GetTable"},
    "list_databases": {"athena:ListDatabases", "glue:GetDatabases"},
    "list_table_metadata": {"athena:ListTableMetadata", "glue:GetDatabase", "glue:GetTables"},
    "start_query_execution": {"athena:StartQueryExecution", "glue:GetPartitions", "s3:GetBucketLocation"},
}


def asked_by_sources() -> set[tuple[str, str]]:
    """Every (service, operation) that a log source calls, as its code writes it."""
    calls = set()
    for file in sorted(Path(logs.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("each", "body"):
                service, operation = (ast.literal_eval(argument) for argument in node.args[1:3])
                calls.add((service, operation))
    return calls


def test_the_sources_declare_what_they_call_and_nothing_else() -> None:
    """A call that no source declares would be denied; an action that none calls would be granted for nothing."""
    needed: set[str] = set()
    for service, operation in asked_by_sources():
        needed |= _NEEDS.get(operation) or {f"{service}:{client(service).meta.method_to_api_mapping[operation]}"}
    assert needed == {action for source in openers() for action in source.actions}
