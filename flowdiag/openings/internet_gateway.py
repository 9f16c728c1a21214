"""An internet gateway that is attached to no VPC → its attachment to the VPC whose route leads to it.

https://docs.aws.amazon.com/vpc/latest/userguide/working-with-igw.html
"""

from __future__ import annotations

from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The attachment, where the gateway is free and the VPC, which takes one, has none."""
    gateway = snapshot.get("internet_gateway", blocker.place.id, blocker.place.scope)
    vpc = blocker.finding.fix.get("vpc", "")
    if blocker.finding.inputs["attached"] != "no" or not gateway or not vpc:
        return ""
    others = snapshot.find("internet_gateway", "vpc", vpc, blocker.place.scope)
    if gateway.vpc or any(other.vpc == vpc for other in others or ()):
        return "the gateway is another VPC's" if gateway.vpc else "the VPC has another gateway"
    return Change(
        summary=f"attach {blocker.named(gateway)} to {vpc}",
        command=blocker.command(["attach-internet-gateway", "--internet-gateway-id", gateway.id, "--vpc-id", vpc], gateway),
        kind="internet_gateway",
        resource=gateway.id,
        scope=gateway.scope,
        patch={"list": "Attachments", "add": {"VpcId": vpc, "State": "available"}},
        also=blocker.revived(gateway.id, [(vpc, gateway.scope)], snapshot),
    )
