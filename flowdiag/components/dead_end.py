"""Dead ends and what flowdiag does not know: even "no path" has a path to draw, and its end has a name."""

from __future__ import annotations

from flowdiag.component import Component, View
from flowdiag.model import Observation, Packet, Place


class DeadEndComponent(Component):
    """Where a packet stops for want of a route; the finding stands at the hop before."""

    kind = "dead_end"


class UnsupportedComponent(Component):
    """Anything on the path that no component stands for: named, never guessed."""

    kind = "unsupported"

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """What it is, by its id or interface type."""
        what = place.role or (place.id.split(":")[2] if place.id.startswith("arn:") else place.id.split("-")[0])
        words = {"resource": place.id, "what": WHAT.get(what, what.replace("_", " "))}
        return Observation(
            table="unsupported",
            inputs={"supported": "no", "takes connections": "no" if what in CALLERS else "unknown"},
            words=words,
            resource=place.id,
            name=place.id,
            detail=words["what"],
        )


# Interface types by which a service only calls: Lambda blocks what comes in (https://aws.amazon.com/lambda/faqs/).
CALLERS = ("lambda",)
# What people call it; kinds of attachments of a transit gateway as its routes name them.
WHAT = {
    "odb": "ODB network",
    "network-function": "Network Firewall attachment",
    "client-vpn": "Client VPN endpoint",
    "vpn-concentrator": "VPN concentrator",
}
