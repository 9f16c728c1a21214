"""Causes held against the evidence: each by what shows it, and by nothing else."""

from __future__ import annotations

from pathlib import Path

from world import World
from world_logs import flow_log
from world_managed import database, function
from world_services import block_public_access

from flowdiag import Diagnosis, diagnose

FIELDS = (
    "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags reject-reason\n"
)


def asked(world: World, folder: Path, lines: str, *question: object) -> Diagnosis:
    """The question answered from the world and these records."""
    (folder / "a.log").write_text(FIELDS + lines)
    return diagnose(*question, snapshot=world.snapshot(), flow_logs=folder)  # type: ignore[arg-type]


def status(found: Diagnosis) -> dict[str, str]:
    """What became of each cause."""
    return {candidate.cause: candidate.status for candidate in found.candidates}


def test_public_access_that_is_off_blocks_nothing(world: World, tmp_path: Path) -> None:
    """Where a security group explains the REJECT, a mode that was read as off rules Block Public Access out."""
    vpc = world.vpc("10.0.0.0/16")
    front = vpc.subnet("10.0.1.0/24")
    shop = front.instance("shop", "10.0.1.10", vpc.group("sg-shop"), public="203.0.113.10")
    front.route("0.0.0.0/0", vpc.internet_gateway())
    block_public_access(world, "off")
    flow_log(world, vpc)
    line = f"{shop.eni.id} 198.51.100.7 10.0.1.10 49200 443 6 1 60 1700000000 1700000050 REJECT OK 2 -\n"
    found = status(asked(world, tmp_path, line, "198.51.100.7", "shop", 443))
    assert ("confirmed", "ruled out") == (found["security group"], found["Block Public Access"])


def test_a_service_that_is_stopped_is_no_fault_of_a_route(world: World, tmp_path: Path) -> None:
    """Routes are judged by routes and gateways alone."""
    vpc = world.vpc("10.0.0.0/16")
    app, data = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24")
    caller, served = vpc.group("sg-fn"), vpc.group("sg-db")
    served.ingress("-1", None, caller)
    function("orders-fn", {app: "10.0.1.40"}, caller)
    database("orders-db", {data: "10.0.2.45"}, served)["DBInstanceStatus"] = "stopped"
    flow_log(world, vpc)
    one, other = (i["NetworkInterfaceId"] for i in world.raw()[world.account, world.region]["NetworkInterfaces"])
    lines = (
        f"{one} 10.0.1.40 10.0.2.45 49200 3306 6 1 60 1700000000 1700000050 ACCEPT OK 2 -\n"
        f"{other} - - - - - - - 1700000000 1700000060 - NODATA - -\n"
        f"{other} - - - - - - - 1700000060 1700000120 - NODATA - -\n"
    )
    found = asked(world, tmp_path, lines, "orders-fn", "orders-db", 3306)
    assert "SV" == found.code[:2]
    assert "confirmed" != status(found)["route table"]
