"""A real HTTP server that answers AWS's API on loopback, moto's, and a session whose clients all go there."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of a moto server of our own."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def served(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session of moto's account 123456789012 in us-east-1."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return boto3.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret", region_name="us-east-1")
