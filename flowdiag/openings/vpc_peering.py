"""A peering that waits for acceptance → its acceptance, which is the other owner's word.

https://docs.aws.amazon.com/vpc/latest/peering/accept-vpc-peering-connection.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The acceptance of a request that is still pending; in any other state the peering has to be made anew."""
    peering = snapshot.get("vpc_peering", blocker.finding.resource, blocker.place.scope)
    if not peering or peering.status.code != "pending-acceptance":
        return ""
    sides = (peering.accepter_vpc_info, peering.requester_vpc_info)
    homes = [(side.vpc_id, peering.side_scope(side)) for side in sides]
    vpc, owner = homes[0]
    accepted = {"set": {"Status": {"Code": "active", "Message": "Active"}, **_with_cidrs(peering, snapshot)}}
    shown = {other.scope: other for _, scope in homes if (other := snapshot.get("vpc_peering", peering.id, scope))}
    shown.pop(peering.scope, None)
    same = (Change(summary="", kind="vpc_peering", resource=o.id, scope=o.scope, patch=accepted) for o in shown.values())
    whose = f" of account {owner.account}" if owner.account and owner.account != blocker.leg.source.scope.account else ""
    return Change(
        summary=f"accept {peering.name} as the owner of {vpc}{whose}",
        command=blocker.command(
            ["accept-vpc-peering-connection", "--vpc-peering-connection-id", peering.id],
            peering.model_copy(update={"scope": owner}),
        ),
        kind="vpc_peering",
        resource=peering.id,
        scope=peering.scope,
        patch=accepted,
        also=(*same, *blocker.revived(peering.id, homes, snapshot)),
    )


def _with_cidrs(peering: Any, snapshot: Snapshot) -> dict[str, Any]:
    """Both sides with the CIDRs of their VPCs, which AWS shows of an active peering alone."""
    told = {}
    for field, side in (("RequesterVpcInfo", peering.requester_vpc_info), ("AccepterVpcInfo", peering.accepter_vpc_info)):
        vpc = snapshot.get("vpc", side.vpc_id, peering.side_scope(side))
        cidrs = vpc.cidrs if vpc else side.cidrs
        four = {"CidrBlockSet": [{"CidrBlock": cidr} for cidr in cidrs if ":" not in cidr]}
        six = {"Ipv6CidrBlockSet": [{"Ipv6CidrBlock": cidr} for cidr in cidrs if ":" in cidr]}
        told[field] = {**side.model_dump(by_alias=True, exclude_defaults=True), **four, **six}
    return told
