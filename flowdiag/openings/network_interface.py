"""An appliance that may not pass on packets of others → source/destination checking turned off.

https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html#EIP_Disable_SrcDestCheck
"""

from __future__ import annotations

from flowdiag.model import Change
from flowdiag.openings.blocker import Blocker
from flowdiag.snapshot import Snapshot


def change(blocker: Blocker, snapshot: Snapshot) -> Change | str:
    """The check off, for an interface to which a route leads; what its guest then does no walk can prove."""
    interface = snapshot.get("network_interface", blocker.place.id, blocker.place.scope)
    checked = blocker.finding.inputs["addresses"] == "dropped" and blocker.place.role == "forward"
    if not interface or not checked:
        return ""
    words = ["modify-network-interface-attribute", "--network-interface-id", interface.id, "--no-source-dest-check"]
    return Change(
        summary=f"turn source/destination checking of {blocker.named(interface)} off",
        command=blocker.command(words, interface),
        kind="network_interface",
        resource=interface.id,
        scope=interface.scope,
        patch={"set": {"SourceDestCheck": False}},
    )
