"""VPC encryption controls: what a VPC that enforces encryption in transit lets through to its endpoints.

Whatever else does not encrypt cannot be in such a VPC, so it is only at endpoints that a packet can be dropped for it.

https://docs.aws.amazon.com/vpc/latest/userguide/vpc-encryption-controls.html
"""

from __future__ import annotations

from flowdiag.component import Component, View
from flowdiag.model import TCP, Evidence, Observation, Packet, Place

HTTPS = 443


class EncryptionControlComponent(Component):
    """A guard in front of an endpoint; `place.id` is the VPC."""

    kind = "encryption_control"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Whether the VPC enforces encryption, and whether the packet is of a protocol that is encrypted by convention."""
        vpc = view.get("vpc", place.id, place.scope)
        if not vpc or vpc.enforces_encryption == "no":
            return None
        control = vpc.encryption_control
        ports = packet.flow.destination_ports
        convention = packet.flow.protocol == TCP and ports is not None and ports.first == ports.last == HTTPS
        said = f"mode {control.mode}, {control.state}" if control else ""
        return Observation(
            table="encryption_control",
            inputs={"enforced": vpc.enforces_encryption, "https": "yes" if convention else "no"},
            words={"vpc": vpc.name, "flow": packet.flow.service()},
            resource=vpc.id,
            name=vpc.name,
            detail=said,
            evidence=(Evidence(where=vpc.id, text=f"EncryptionControl {said}"),),
        )
