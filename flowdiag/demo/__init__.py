"""The bundled example: an incident as a person would save it, so that everything can be tried without an AWS account.

A Lambda function (10.0.1.123) cannot open a connection to its RDS database (10.0.2.45) on 3306. The folder holds the raw
`aws ec2 describe-*` replies of its VPC and, under `flow-logs`, the flow log files of both network interfaces.
"""

from __future__ import annotations

from pathlib import Path

QUESTION = ("10.0.1.123", "10.0.2.45", 3306)


def folder() -> Path:
    """Where the example lies: a snapshot folder with a `flow-logs` folder in it."""
    return Path(__file__).parent / "incident"
