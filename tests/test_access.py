"""The one door to AWS: what passes it, what does not, page by page and byte by byte."""

from __future__ import annotations

import io
from typing import Any

import boto3
import pytest
from aws_replay import replay_session
from aws_world import HOME, answering, interface, no_waiting
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError

from flowdiag.access import READ_ONLY, SEARCHES, Access, AccessError
from flowdiag.model import FlowdiagError, Scope

__all__ = ["no_waiting"]
HERE = Scope(region=HOME)
ALL = ("ec2", "describe_network_interfaces", {})


def many(page: int = 2, **more: Any) -> tuple[Access, Any]:
    """Access to five interfaces, and the session behind it."""
    session = replay_session({"NetworkInterfaces": [interface(n) for n in range(5)]}, region=HOME, page=page, **more)
    return Access(session), session


def test_pages_come_one_by_one() -> None:
    """`each` asks for a page when it is wanted: after the first of three pages one request was sent."""
    access, session = many()
    pages = access.each(HERE, *ALL)
    assert len(next(pages)["NetworkInterfaces"]) == 2
    assert session.replay.count("DescribeNetworkInterfaces") == 1
    assert [len(page["NetworkInterfaces"]) for page in pages] == [2, 1]
    assert access.calls == (("describe_network_interfaces", HOME, {}),)


def test_a_page_is_plain_and_holds_no_marks() -> None:
    """What comes through is what the AWS CLI prints, without the marks of paging and of the HTTP reply."""
    access, _ = many()
    pages, fault = access.send(HERE, *ALL)
    assert [set(page) for page in pages] == [{"NetworkInterfaces"}] * 3
    assert fault is None


def test_a_fault_ends_the_pages() -> None:
    """`send` gives what came before it, `each` raises behind it; both say of what kind it is."""
    refusal = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message/></Error></Errors></Response>"
    access, session = many()
    answering(session, "ec2.DescribeNetworkInterfaces", [None, (403, refusal), None, (403, refusal)])
    pages, fault = access.send(HERE, *ALL)
    assert (1, "refused", "denied") == (len(pages), fault.kind if fault else "", fault.reason if fault else "")
    found = access.each(HERE, *ALL)
    assert len(next(found)["NetworkInterfaces"]) == 2
    with pytest.raises(AccessError, match=r"^denied$") as caught:
        next(found)
    assert caught.value.fault == fault


@pytest.mark.parametrize("operation", ["start_instances", "start_query_later", "stop_instances", "put_query_definition"])
def test_a_name_that_looks_like_a_search_is_none(operation: str) -> None:
    """Of everything that starts or stops something, only the four searches of logs pass."""
    access, session = many()
    for asked in (access.send, lambda *ask: list(access.each(*ask)), lambda *ask: list(access.body(*ask))):
        with pytest.raises(FlowdiagError, match=f"^{operation} is not called: flowdiag only reads"):
            asked(HERE, "ec2", operation, {})
    assert session.replay.requests == []


@pytest.mark.parametrize("operation", SEARCHES)
def test_a_search_begins_asks_and_ends(operation: str) -> None:
    """Each of the four is an operation of CloudWatch Logs or Athena, and none is allowed by its first word already."""
    known = {s: boto3.client(s, region_name=HOME, aws_access_key_id="x", aws_secret_access_key="x") for s in ("logs", "athena")}
    assert any(hasattr(client, operation) for client in known.values())
    assert not operation.startswith(READ_ONLY)


def test_another_account_has_no_door() -> None:
    """What this session cannot see is a fault and no request."""
    access, session = many()
    access.introduce()
    expected = "account 444455556666 is not visible with this session: name a role for it in accounts= (--accounts)"
    pages, fault = access.send(Scope(account="444455556666", region=HOME), *ALL)
    assert ([], expected) == (pages, fault.reason if fault else "")
    assert ["GetCallerIdentity"] == [operation for _, operation, _ in session.replay.requests]


# ---------------------------------------------------------------- bodies


class Body(io.BytesIO):
    """The body of an HTTP reply that breaks after some bytes."""

    def __init__(self, content: bytes, breaks: bool) -> None:
        super().__init__(content)
        self.breaks = breaks

    def read(self, amount: int | None = None) -> bytes:
        """The next bytes; at the end of a body that breaks, the network's error."""
        found = super().read(amount)
        if not found and self.breaks:
            raise ReadTimeoutError(endpoint_url="https://s3.example")
        return found


def stored(content: bytes, breaks: bool = False) -> Access:
    """Access to one object of S3."""
    session = boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", region_name=HOME)
    headers = {"content-type": "binary/octet-stream", "content-length": str(len(content))}
    reply = lambda request, **_: AWSResponse(request.url, 200, headers, Body(content, breaks))  # noqa: E731
    session.events.register("before-send.s3.GetObject", reply)
    return Access(session)


OBJECT = ("s3", "get_object", {"Bucket": "logs", "Key": "one.log.gz"})


def test_a_body_comes_in_chunks() -> None:
    """An object of S3 is never held as a whole."""
    content = bytes(range(256)) * 1024
    chunks = list(stored(content).body(HERE, *OBJECT))
    assert content == b"".join(chunks)
    assert len(chunks) > 1


def test_a_body_that_breaks_off_is_a_fault() -> None:
    """A connection lost half way is told, not taken for the end."""
    chunks = stored(b"half", breaks=True).body(HERE, *OBJECT)
    assert next(chunks) == b"half"
    with pytest.raises(AccessError):
        next(chunks)
