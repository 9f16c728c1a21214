"""What components of managed services share: the interfaces that AWS made for one, and what its own state shows.

Most services do not say which interfaces are theirs; those are found by the subnets and security groups they were made with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from flowdiag.address import address
from flowdiag.component import Part, Resource, View
from flowdiag.model import ICMP, ICMPV6, TCP, Address, Evidence, Observation, Packet, Place, Scope, Unread, Value

State = Literal["up", "down", "doubtful", "unknown"]
CAMEL = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class CamelPart(Part):
    """A part of a reply whose fields AWS writes in camel case, as its newer services do."""

    model_config = CAMEL


class CamelResource(Resource):
    """A resource of such a service."""

    model_config = CAMEL


class Condition(Value):
    """What a managed service shows of itself: its name, its state in AWS's word and what that means, where it listens.

    `ports` are those it is known to listen on, None where that is not known; `more`: it may listen on others too.
    `anything`: what runs there is a person's own, and may take whatever it likes. `sends_ipv6`: it may call over IPv6.
    """

    name: str
    said: str = ""
    state: State = "unknown"
    ports: tuple[int, ...] | None = None
    more: bool = False
    anything: bool = False
    sends_ipv6: bool = True
    shown: str = ""


def behind(
    subnets: Collection[str], groups: Collection[str], scope: Scope, view: View, fits: Callable[[Any], bool]
) -> tuple[Any, ...] | Unread:
    """The interfaces in these subnets with exactly these security groups that fit, in the order of their ids."""
    if not groups:
        return ()
    found = view.find("network_interface", "group", min(groups), scope)
    if isinstance(found, Unread):
        return found
    alike = (i for i in found if i.subnet_id in subnets and {g.group_id for g in i.groups} == set(groups))
    return tuple(sorted((i for i in alike if fits(i)), key=lambda i: str(i.id)))


def told_outside(interfaces: tuple[Any, ...], near: tuple[Any, ...]) -> tuple[Address, ...]:
    """The addresses that a name gives to a client of another VPC, where interfaces have public ones; else none are set."""
    vpcs = {interface.vpc_id for interface in near}
    public = [one for interface in interfaces if interface.vpc_id not in vpcs and (one := address(interface.public))]
    return tuple(public) if len(public) == len(interfaces) else ()


def at_endpoint(found: Any, states: Mapping[str, State]) -> Condition:
    """The condition of a service with a `status`, which `states` read, and one `endpoint` with a port."""
    return Condition(
        name=found.id,
        said=found.status,
        state=states.get(found.status, "doubtful" if found.status else "unknown"),
        ports=(found.endpoint.port,) if found.endpoint.port else None,
        shown=f"{found.status}, port {found.endpoint.port or 'not told'}",
    )


def observed(condition: Condition, place: Place, packet: Packet) -> Observation:
    """A service's state as it bears on a packet that it sends (`call`) or is sent (`serve`)."""
    calls, ports = place.role == "call", packet.flow.destination_ports
    return Observation(
        table="service",
        inputs={"state": condition.state, "takes": _calls(condition, packet) if calls else _takes(condition, packet)},
        words={
            "service": condition.name,
            "state": condition.said or "not read",
            "ports": ", ".join(map(str, condition.ports or ())),
            "asked": str(ports) if ports else packet.flow.service(),
        },
        resource=place.id,
        name=condition.name,
        detail=condition.said,
        evidence=(Evidence(where=place.id, text=condition.shown),) if condition.shown else (),
    )


def _calls(condition: Condition, packet: Packet) -> str:
    return "yes" if condition.sends_ipv6 or packet.flow.version == 4 else "no IPv6"


def _takes(condition: Condition, packet: Packet) -> str:
    if condition.anything:
        return "yes"
    if packet.flow.protocol in (ICMP, ICMPV6):
        return "ping"
    if packet.flow.protocol != TCP:
        return "other"
    asked = packet.flow.destination_ports
    if condition.ports is None or asked is None:
        return "unknown"
    if asked.first in condition.ports:
        return "yes"
    if condition.more:
        return "unlisted port" if condition.ports else "unknown"
    return "other port"
