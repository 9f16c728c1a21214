"""What a person has in hand → Endpoints: what `naming` finds becomes interfaces with an address, in one IP version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

from flowdiag.address import ANYBODY, address, is_private
from flowdiag.component import View
from flowdiag.components import by_interface_type, components
from flowdiag.model import (
    ALL_PORTS,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Address,
    Endpoint,
    Flow,
    FlowdiagError,
    PortRange,
    Query,
    Question,
    Scope,
    Unread,
    first_of,
)
from flowdiag.named import Named
from flowdiag.naming import holders, is_id, is_public_dns, stands_for
from flowdiag.unnamed import NotFoundError, literal_of, missing

# https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html (ephemeral ports)
LINUX_PORTS = PortRange(first=32768, last=60999)
WINDOWS_PORTS = PortRange(first=49152, last=65535)
UNKNOWN_HOST_PORTS = PortRange(first=32768, last=65535)
SERVICE_PORTS = PortRange(first=1024, last=65535)
ECHO_REQUEST = {ICMP: (8, 0), ICMPV6: (128, 0)}


def resolve(question: Question, view: View) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """The endpoints of both ends, in one IP version; raises NotFoundError or AmbiguousError with the way out."""
    _refuse_nobody(question)
    source, destination = _both(question, view)
    version = _version(question, source, destination)
    there = {i.vpc_id: i.scope for named in destination for i in named.interfaces}
    sources = _endpoints(question.source, source, version, view, sending=True, there=there)
    near = {e.vpc for e in sources if e.kind == "eni"}
    destinations = _endpoints(question.destination, destination, version, view, sending=False, near=near)
    if all(e.kind != "eni" for e in (*sources, *destinations)):
        raise _nothing_between(question, source)
    if version == 4:
        _note_ipv6(question, source, destination, view)
    return _told_apart(question, sources, destinations)


def _nothing_between(question: Question, source: tuple[Named, ...]) -> NotFoundError:
    """Why there is no path to look at: neither end is in a VPC."""
    far = literal_of(question.destination)
    if any(part.internet and part.service for part in source) and not (far is not None and is_private(far)):
        why = "calls from outside any VPC and needs none for it"
        nothing = f"on its way to {question.destination!r} nothing of a VPC can be in the way, and no flow log shows it"
        return NotFoundError(f"{question.source!r} {why}: {nothing}; look at its own logs, or name an end in a VPC")
    both = f"neither {question.source!r} nor {question.destination!r}"
    return NotFoundError(f"{both} is a network interface that was read: name at least one end in AWS")


def _told_apart(question: Question, *ends: tuple[Endpoint, ...]) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """Both ends, by what was typed where both would be called the same."""
    source, destination = ends
    same = {e.label for e in source} & {e.label for e in destination}
    if not same or question.source == question.destination:
        return source, destination
    return _called(question.source, source, same), _called(question.destination, destination, same)


def _called(text: str, end: tuple[Endpoint, ...], same: Collection[str]) -> tuple[Endpoint, ...]:
    return tuple(e.model_copy(update={"label": text}) if e.label in same else e for e in end)


_NOBODY = tuple(
    ip_network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "ff00::/8")
)


def _refuse_nobody(question: Question) -> None:
    """Raise FlowdiagError for addresses no host has to others, and for a protocol of the other IP version."""
    for text in (question.source, question.destination):
        literal = literal_of(text)
        if literal is not None and any(literal.version == outer.version and literal in outer for outer in _NOBODY):
            raise FlowdiagError(f"{text!r} is the address of no host: give the address of an interface, or 'internet'")
        if literal is not None and literal.version == 4 and question.protocol == ICMPV6:
            raise FlowdiagError(f"icmpv6 does not run between IPv4 addresses like {text!r}: ask with protocol icmp")


def _both(question: Question, view: View) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """What both ends stand for; the destination is looked for even where the source is lacking, so that live collection
    can fetch both at once, and a source may be a name that means something only in the destination's VPC."""
    try:
        source = stands_for(question.source, view)
    except NotFoundError:
        with suppress(FlowdiagError):
            destination = stands_for(question.destination, view)
            if near := _interfaces(destination):
                return stands_for(question.source, view, near), destination
        raise
    return source, stands_for(question.destination, view, _interfaces(source))


def _interfaces(end: tuple[Named, ...]) -> tuple[Any, ...]:
    return tuple(interface for part in end for interface in part.interfaces)


def flow_between(source: Endpoint, destination: Endpoint, question: Question, view: View) -> Flow:
    """The 5-tuple asked about; without a given source port, the range the client's system picks from."""
    protocol = ICMPV6 if question.protocol == ICMP and destination.address.version == 6 else question.protocol
    ported = protocol in (TCP, UDP)
    given = question.source_port
    client = PortRange(first=given, last=given) if given is not None else _client_ports(source, view)
    return Flow(
        source=source.address,
        destination=destination.address,
        protocol=protocol,
        source_ports=client if ported else None,
        destination_ports=_service_ports(question.port) if ported else None,
        icmp=ECHO_REQUEST.get(protocol),
    )


def _service_ports(port: int | None) -> PortRange:
    """The port asked about; every port where a question is allowed to name none."""
    return ALL_PORTS if port is None else PortRange(first=port, last=port)


def _draws_ports(interface_type: str) -> bool:
    """Whether behind an interface a service opens connections, of which AWS documents the ports."""
    component = components().get(by_interface_type().get(interface_type, ""))
    return interface_type == "lambda" or bool(component and component.connections in ("own", "shared"))


def _client_ports(source: Endpoint, view: View) -> PortRange:
    interface = view.get("network_interface", source.eni, source.scope) if source.eni else None
    if not interface or _draws_ports(interface.interface_type):
        return SERVICE_PORTS
    if not interface.instance:
        return UNKNOWN_HOST_PORTS
    instance = view.get("instance", interface.instance, interface.scope)
    if not instance:
        return UNKNOWN_HOST_PORTS
    return WINDOWS_PORTS if instance.platform.lower() == "windows" else LINUX_PORTS


# ---------------------------------------------------------------- interfaces → endpoints


def _version(question: Question, *ends: tuple[Named, ...]) -> int:
    """The IP version: that of a literal address; else IPv4 unless an end has none."""
    literals = {literal.version for text in (question.source, question.destination) if (literal := literal_of(text))}
    if len(literals) > 1:
        both = f"{question.source!r} and {question.destination!r}"
        raise FlowdiagError(f"{both} are of different IP versions: ask with two of the same")
    if literals:
        return literals.pop()
    if question.protocol == ICMPV6:
        return 6
    return 4 if all(_has_ipv4(part) for end in ends for part in end) else 6


def _has_ipv4(end: Named) -> bool:
    if end.addresses:
        return any(one.version == 4 for one in end.addresses)
    return all(interface.private_ip_address for interface in end.interfaces)


def _note_ipv6(question: Question, source: tuple[Named, ...], destination: tuple[Named, ...], view: View) -> None:
    """Note that a host with addresses of both IP versions was asked about in one, where the internet, which has both, is the
    other end: its groups, routes and gateways may differ."""
    for end, far, role in ((source, destination, "source"), (destination, source, "destination")):
        own = next((a for i in _interfaces(end) for text in i.addresses if (a := address(text)) and a.version == 6), None)
        if far or own is None or is_private(own) or literal_of(question.source) or literal_of(question.destination):
            continue
        query = Query(kind="path over IPv6", by="id", value=f"{question.source} → {question.destination}")
        reason = f"this answer is for IPv4, and {own} may fare otherwise"
        view.lack(Unread(query=query, reason=reason, way_out=f"ask with it as {role}", retry=False))


def _endpoints(
    text: str,
    end: tuple[Named, ...],
    version: int,
    view: View,
    *,
    sending: bool,
    near: Collection[str] = (),
    there: Mapping[str, Scope] | None = None,
) -> tuple[Endpoint, ...]:
    """The ends that a text names; `there` are the far end's VPCs, in which a sender outside AWS cannot have its address."""
    if not end:
        return (_outside(text, version, sending, view, there or {}),)
    made = [e for named in end for e in _endpoints_of(text, named, version, view, sending, near)]
    return first_of(made, lambda e: (e.eni, e.address, e.kind))


def _endpoints_of(
    text: str, named: Named, version: int, view: View, sending: bool, near: Collection[str]
) -> tuple[Endpoint, ...]:
    made = _by_addresses(text, named, version, near, view) if named.addresses and not sending else ()
    made = made or tuple(e for i in named.interfaces if (e := _endpoint(text, named, i, version, sending, near, view)))
    if sending and len(made) > 1 and _of_one_guest(named):
        made = tuple(end.model_copy(update={"guess": True}) for end in made)
    if named.internet and (sending or not named.outside):
        made = (*made, _somebody(named, version, view))
    if not made and named.outside and not named.interfaces:
        raise NotFoundError(f"{text!r} {named.outside}")
    if not made:
        raise NotFoundError(f"{text!r} has no IPv{version} address: ask about the other IP version")
    return made


def _of_one_guest(named: Named) -> bool:
    """Whether it is one instance, of which its guest alone knows by which interface it sends: no AWS call shows that.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
    """
    guests = {interface.instance for interface in named.interfaces}
    return not named.label and len(guests) == 1 and "" not in guests


def _by_addresses(text: str, named: Named, version: int, near: Collection[str], view: View) -> tuple[Endpoint, ...]:
    """The addresses that a client is told, each at the interface that holds it, or outside where none is known to."""
    made = []
    for told in (told for told in named.addresses if told.version == version):
        own = [i for i in named.interfaces if i.owns(told) or i.private_of(told)]
        held = own or [i for i in holders(told, view, ()).values() if not near or i.vpc_id in near or i.private_of(told)]
        made += [_at(text, named, interface, told, view) for interface in held[:1]]
        if not held:
            many = {"ranges": named.ranges, "prefix_list": named.prefix_list}
            made.append(Endpoint(label=named.label or text, kind="address", address=told, guess=named.guess, **many))
    return tuple(made)


def _endpoint(
    text: str, named: Named, interface: Any, version: int, sending: bool, near: Collection[str], view: View
) -> Endpoint | None:
    chosen = _address_of(text, interface, version, sending, near, view)
    return _at(text, named, interface, chosen, view) if chosen is not None else None


def _at(text: str, named: Named, interface: Any, chosen: Address, view: View) -> Endpoint:
    return Endpoint(
        label=named.label or _label(text, interface, view),
        kind="eni",
        address=chosen,
        eni=interface.id,
        vpc=interface.vpc_id,
        scope=interface.scope,
        guess=named.guess,
        managed=bool(named.label),
        service=named.service,
    )


def _label(text: str, interface: Any, view: View) -> str:
    """The end as a person knows it: a name they typed, the Name tag of the interface or its instance, or what they typed."""
    if not is_id(text):
        return text
    if interface.name != interface.id:
        return str(interface.name)
    instance = view.get("instance", interface.instance, interface.scope) if interface.instance else None
    return str(instance.name) if instance and instance.name != instance.id else text


def _address_of(text: str, interface: Any, version: int, sending: bool, near: Collection[str], view: View) -> Address | None:
    """The address meant: the literal one (a sender is always its private side), a public DNS name's, else the first.

    Inside its VPC a public DNS name means the private address: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
    From outside (`near` is empty) a host is known by its public address, whatever name it was given.
    """
    literal = literal_of(text)
    elsewhere = is_public_dns(text) and interface.vpc_id not in near and not sending
    outside = not near or (elsewhere and not _named_privately(interface, near, view))
    if literal is None and outside and not sending and version == 4:
        literal = address(interface.public)
    if literal is not None and not interface.owns(literal):
        private = address(interface.private_of(literal))
        return (private if sending else literal) if private else None
    if literal is not None:
        return literal
    return next((a for text in interface.addresses if (a := address(text)) and a.version == version), None)


def _named_privately(interface: Any, near: Collection[str], view: View) -> bool:
    """Whether a peering lets one of these VPCs resolve the public name of a host to its private address.

    Off is AWS's default, which is assumed where the option is not shown. That both VPCs have their DNS attributes on, which
    AWS asks for as well, is not looked at.
    https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-dns.html
    """
    found = [view.find("vpc_peering", side, interface.vpc_id, interface.scope) for side in ("requester", "accepter")]
    joined = [p for several in found for p in several or () if p.active and p.other(interface.vpc_id).vpc_id in near]
    told = {peering.names_privately(interface.vpc_id) for peering in joined}
    if True not in told and (None in told or any(isinstance(several, Unread) for several in found)):
        query = Query(kind="vpc_peering", by="DNS resolution", value=interface.vpc_id, scope=interface.scope)
        view.assume(query, "off, so that public names mean public addresses")
    return True in told


def _outside(text: str, version: int, sending: bool, view: View, there: Mapping[str, Scope]) -> Endpoint:
    literal = literal_of(text)
    if literal is None:
        return _somebody(None, version, view)
    if sending and is_private(literal):
        found = view.find("network_interface", "private_ip" if literal.version == 4 else "ipv6", str(literal))
        known = (view.get("vpc", vpc, scope) for vpc, scope in there.items())
        inside = next((vpc for vpc in known if vpc and vpc.holds(literal)), None)
        if isinstance(found, Unread):
            raise missing(text, found, view)
        if inside:
            nobody = f"is in the range of {inside.label}, and no network interface that was read has it"
            raise NotFoundError(f"{text!r} {nobody}: give the address, name or id of one that is there")
    return Endpoint(label=text.strip(), kind="address", address=literal)


def _somebody(named: Named | None, version: int, view: View) -> Endpoint:
    """A host on the internet whose address is not known."""
    anybody = "anybody there; what names only a small part of the internet is taken to be about somebody else"
    view.assume(Query(kind="internet", by="id", value=""), anybody)
    label = named.label if named else "internet"
    more = {"service": named.service, "managed": bool(named.service)} if named else {}
    return Endpoint(label=label, kind="internet", address=ANYBODY[version], **more)
