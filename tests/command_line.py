"""What the tests of the command line share: one command run in this process, and a world of two instances to ask about."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result
from world import Interface, World

from flowdiag.cli import main

ASKED = ("web-1", "db-1", "5432")


def run(*arguments: str | Path) -> Result:
    """One command line; an exception that is not an exit code is a bug and fails the test."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def refusal(result: Result) -> str:
    """The one sentence of a command that could not answer: exit code 2, nothing on standard output."""
    assert (2, "") == (result.exit_code, result.stdout)
    *before, last = result.stderr.splitlines()
    assert [] == [line for line in before if line != "reading AWS"], result.stderr
    assert last.startswith("flowdiag: ")
    return last.removeprefix("flowdiag: ")


def pair(world: World, admits: bool = True) -> World:
    """web-1 and db-1 in two subnets of one VPC, whose groups let 5432 through or nothing."""
    vpc = world.vpc("10.0.0.0/16")
    web, db = vpc.group("sg-web"), vpc.group("sg-db")
    if admits:
        db.ingress("tcp", 5432, web)
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", web)
    vpc.subnet("10.0.2.0/24").instance("db-1", "10.0.2.20", db)
    return world


def ends(world: World) -> list[Interface]:
    """The interfaces of web-1 and db-1."""
    (entries,) = world.raw().values()
    return [Interface(raw) for raw in entries["NetworkInterfaces"]]
