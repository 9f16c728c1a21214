"""The internet: where packets from outside start, where packets to it leave AWS, and where public addresses of known
interfaces lead straight back in."""

from __future__ import annotations

from typing import Any

from flowdiag.address import address, is_private
from flowdiag.component import Component, View
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Translation, Unread


class InternetComponent(Component):
    """`place.role` is `leave` (a packet starts here) or `transit` (it came out of an internet gateway)."""

    kind = "internet"
    connections = "kept"
    outside = True

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the destination is a public address that a known interface, or the request's own gateway, holds."""
        target = packet.flow.destination
        came = _came_out_of(packet)
        known = _known(packet, view)
        lacking = "is a private address" if is_private(target) else "lies outside what was read"
        held = f"belongs to {known[0].label}" if known else f"was put on by {came.place.id}" if came else lacking
        return Observation(
            table="internet",
            inputs={
                "role": place.role,
                "held": "yes" if came or known else _unheld(target, known),
                "gateway": "yes" if came else _gateway_read(known, view),
            },
            words={"address": str(target)},
            resource=known[0].id if known else "",
            name="internet",
            detail=f"{target} {held}",
            evidence=(Evidence(where="internet", text=f"{target} {held}"),),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """In through the internet gateway of the VPC that holds the address, as if where there is none; otherwise the packet
        has left AWS."""
        came = _came_out_of(packet)
        if came:
            onward = packet.but(vpc=came.vpc, scope=came.place.scope, subnet="", sender=None)
            return (Move(to=came.place.model_copy(update={"role": "in"}), packet=onward),)
        known = _known(packet, view)
        if not known:
            return ()
        gateways = view.find("internet_gateway", "vpc", known[0].vpc_id, known[0].scope)
        if isinstance(gateways, Unread):
            return ()
        scope = known[0].scope
        onward = packet.but(vpc=known[0].vpc_id, scope=scope, subnet="", sender=None)
        if not gateways:
            return _without_gateway(known[0], place, onward)
        return (Move(to=Place(kind="internet_gateway", id=gateways[0].id, role="in", scope=scope), packet=onward),)


def _without_gateway(interface: Any, place: Place, packet: Packet) -> tuple[Move, ...]:
    """To the interface as if a gateway of its VPC had put the private address in the place of the public one."""
    inside = address(interface.private_of(packet.flow.destination)) if packet.flow.version == 4 else packet.flow.destination
    if inside is None:
        return ()
    flow = packet.flow.rewritten(destination=inside)
    noted = Translation(place=place, before=packet.flow, after=flow, vpc=interface.vpc_id)
    onward = packet.but(flow=flow, translations=(*packet.translations, noted))
    to = Place(kind="vpc", id=interface.vpc_id, role="deliver", scope=interface.scope)
    return (Move(to=to, packet=onward, as_if=True),)


def _unheld(target: Address, known: Any) -> str:
    return "private" if is_private(target) else "unknown" if isinstance(known, Unread) else "no"


def _came_out_of(packet: Packet) -> Translation | None:
    """The gateway by which the request went out with the address that this reply is for."""
    if packet.direction != "reply":
        return None
    gone_out = (t for t in packet.translations if t.place.role == "out")
    return next((t for t in gone_out if t.after.source == packet.flow.destination), None)


def _known(packet: Packet, view: View) -> Any:
    """The interfaces of any account or Region read that hold a public address, or Unread; one that is meant may hold it in a
    prefix that was delegated to it: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html"""
    target = packet.flow.destination
    meant = view.get("network_interface", packet.receiver) if packet.receiver and target.version == 6 else None
    if meant and meant.delegated(target):
        return (meant,)
    return view.find("network_interface", "public_ip" if target.version == 4 else "ipv6", str(target))


def _gateway_read(known: Any, view: View) -> str:
    if not known:
        return "no"
    interface = known[0]
    gateways = view.find("internet_gateway", "vpc", interface.vpc_id, interface.scope)
    return "unknown" if isinstance(gateways, Unread) else "yes" if gateways else "no"
