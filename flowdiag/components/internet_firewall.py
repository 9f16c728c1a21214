"""Automated Internet Firewall: Network Firewall between a VPC and its gateways to the internet, to which no route leads.

Its rules are not followed, so what it inspects is not known to pass; known is what its treatment of a subnet drops.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html (NetworkFirewallConnectivityType)
"""

from __future__ import annotations

from flowdiag.component import Component, View
from flowdiag.model import Evidence, Observation, Packet, Place

OUT_ONLY = "outbound-only"


class InternetFirewallComponent(Component):
    """A guard in front of a gateway; `place.id` is the subnet whose packets it treats, `place.role` is `out` or `in`."""

    kind = "internet_firewall"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Whether a firewall that may drop packets inspects this one, and what it does with it whatever its rules are; it keeps
        state, so replies pass where requests do."""
        vpc = view.get("vpc", packet.vpc, packet.scope) if packet.vpc else None
        firewall = vpc.internet_firewall if vpc else None
        subnet = view.get("subnet", place.id, place.scope) if firewall and place.id else None
        if firewall is None or packet.direction == "reply" or (subnet and not subnet.inspected):
            return None
        treatment = subnet.network_firewall_connectivity_type if subnet else ""
        said = f"{treatment or 'a treatment that was not read'}, {firewall.firewall_onboarding_status or 'in an unknown state'}"
        return Observation(
            table="internet_firewall",
            inputs={
                "begun": "inside" if place.role == "out" else "outside",
                "treatment": "outbound only" if treatment == OUT_ONLY else "other",
                "firewall": "active" if firewall.firewall_onboarding_status == "active" else "changing",
            },
            words={"firewall": firewall.name, "flow": packet.flow.service(), "subnet": subnet.name if subnet else packet.vpc},
            resource=firewall.firewall_arn,
            name=firewall.name,
            detail=said,
            evidence=(Evidence(where=firewall.firewall_arn, text=said),),
        )
