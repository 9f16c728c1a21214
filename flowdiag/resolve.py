"""What a person has in hand → Endpoints: ids, addresses, names, DNS names and ARNs become interfaces with an address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

from flowdiag.address import ANYBODY, address, is_private
from flowdiag.component import View
from flowdiag.model import (
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
)

INTERNET = "internet"
# https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html (ephemeral ports)
LINUX_PORTS = PortRange(first=32768, last=60999)
WINDOWS_PORTS = PortRange(first=49152, last=65535)
UNKNOWN_HOST_PORTS = PortRange(first=32768, last=65535)
SERVICE_PORTS = PortRange(first=1024, last=65535)
FORWARDING = ("nat_gateway", "natGateway", "network_load_balancer", "load_balancer", "gateway_load_balancer")
ECHO_REQUEST = {ICMP: (8, 0), ICMPV6: (128, 0)}

_ARN = re.compile(r"^arn:[^:]+:ec2:[^:]*:\d*:(?:instance|network-interface)/(?P<id>(?:i|eni)-\w+)$")
_ID = re.compile(r"^(?P<prefix>eni|i)-[0-9a-z]+$")
_WITHIN = re.compile(r"^(?P<within>(?:vpc|eni)-[0-9a-z]+)/(?P<address>[^/]+)$")
_PRIVATE_DNS = re.compile(r"^ip-(\d+)-(\d+)-(\d+)-(\d+)\.")
_PUBLIC_DNS = re.compile(r"^ec2-(\d+)-(\d+)-(\d+)-(\d+)\.")


class NotFoundError(FlowdiagError):
    """Nothing that was read fits what was typed."""


class AmbiguousError(FlowdiagError):
    """Several resources fit what was typed; the sentence lists them."""


def resolve(question: Question, view: View) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...]]:
    """The endpoints of both ends, in one IP version; raises NotFoundError or AmbiguousError with the way out."""
    _refuse_nobody(question)
    source, destination = _both(question, view)
    version = _version(question, source, destination)
    there = {i.vpc_id: i.scope for i in destination or ()}
    sources = _endpoints(question.source, source, version, view, sending=True, there=there)
    near = {e.vpc for e in sources if e.kind == "eni"}
    destinations = _endpoints(question.destination, destination, version, view, sending=False, near=near)
    if all(e.kind != "eni" for e in (*sources, *destinations)):
        both = f"neither {question.source!r} nor {question.destination!r}"
        raise NotFoundError(f"{both} is a network interface that was read: name at least one end in AWS")
    return sources, destinations


_NOBODY = tuple(ip_network(text) for text in ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8"))


def _refuse_nobody(question: Question) -> None:
    """Raise FlowdiagError for addresses no host has, and for a protocol of the other IP version."""
    for text in (question.source, question.destination):
        literal = _literal(text)
        if literal is not None and any(literal.version == outer.version and literal in outer for outer in _NOBODY):
            raise FlowdiagError(f"{text!r} is the address of no host: give the address of an interface, or 'internet'")
        if literal is not None and literal.version == 4 and question.protocol == ICMPV6:
            raise FlowdiagError(f"icmpv6 does not run between IPv4 addresses like {text!r}: ask with protocol icmp")


def _both(question: Question, view: View) -> tuple[tuple[Any, ...] | None, tuple[Any, ...] | None]:
    """The interfaces of both ends; the destination is looked for even where the source is lacking, so that live
    collection can fetch both at once."""
    try:
        source = _interfaces(question.source, view)
    except FlowdiagError:
        with suppress(FlowdiagError):
            _interfaces(question.destination, view)
        raise
    return source, _interfaces(question.destination, view, near={i.vpc_id for i in source or ()})


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
        destination_ports=PortRange(first=question.port, last=question.port) if ported and question.port is not None else None,
        icmp=ECHO_REQUEST.get(protocol),
    )


def _client_ports(source: Endpoint, view: View) -> PortRange:
    interface = view.get("network_interface", source.eni, source.scope) if source.eni else None
    if not interface or interface.interface_type in ("lambda", *FORWARDING):
        return SERVICE_PORTS
    if not interface.instance:
        return UNKNOWN_HOST_PORTS
    instance = view.get("instance", interface.instance, interface.scope)
    if not instance:
        return UNKNOWN_HOST_PORTS
    return WINDOWS_PORTS if instance.platform.lower() == "windows" else LINUX_PORTS


# ---------------------------------------------------------------- text → interfaces


def _interfaces(text: str, view: View, near: Iterable[str] = ()) -> tuple[Any, ...] | None:
    """The interfaces a text names; None where it names an address outside, or the internet."""
    text = text.strip()
    if text.lower() == INTERNET:
        return None
    within = _WITHIN.match(text)
    if within:
        return (_interface_within(within["within"], within["address"], view),)
    arn = _ARN.match(text)
    if arn:
        return _by_id(arn["id"], text, view)
    if _ID.match(text):
        return _by_id(text, text, view)
    literal = address(text)
    if literal is not None:
        return _by_address(literal, text, view, near)
    return _by_dns(text, view, near) if "." in text else _by_name(text, view)


def _by_id(id: str, text: str, view: View) -> tuple[Any, ...]:
    if id.startswith("eni-"):
        found = view.get("network_interface", id)
        return (found,) if found else _none(text, found)
    found = view.find("network_interface", "instance", id)
    return _in_order(found) if found else _none(text, found)


def _in_order(interfaces: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(interfaces, key=lambda i: (i.attachment.device_index if i.attachment else 0, i.id)))


def _none(text: str, answer: Any) -> tuple[Any, ...]:
    """Raise NotFoundError with the way out: for what was not read, for a DNS name that nothing here knows, for the rest."""
    if isinstance(answer, Unread):
        way = "give evidence that holds it, or ask by another name or address"
        raise NotFoundError(f"{text!r} could not be looked up ({answer.reason}): {way}")
    dotted = "." in text and address(text) is None
    way = "resolve the name and give the address" if dotted else "give another name, an id, or an address"
    raise NotFoundError(f"{text!r} is no network interface or instance in what was read: {way}")


def _by_address(literal: Address, text: str, view: View, near: Iterable[str]) -> tuple[Any, ...] | None:
    lookups = ("private_ip", "public_ip") if literal.version == 4 else ("ipv6",)
    found: dict[str, Any] = {}
    for lookup in lookups:
        for interface in view.find("network_interface", lookup, str(literal)) or ():
            found[interface.id] = interface
    nearby = {id: i for id, i in found.items() if i.vpc_id in set(near)}
    return _one(text, nearby or found) if found else None


def _one(text: str, found: dict[str, Any]) -> tuple[Any, ...]:
    if len(found) > 1:
        listed = ", ".join(sorted(f"{i.vpc_id}/{text} ({i.label})" for i in found.values()))
        raise AmbiguousError(f"{text!r} fits {len(found)} network interfaces: say which with one of {listed}")
    return tuple(found.values())


def _interface_within(within: str, text: str, view: View) -> Any:
    literal = address(text)
    if literal is None:
        raise NotFoundError(f"{text!r} after {within}/ is no IP address: write for example {within}/10.0.2.20")
    lookup = "private_ip" if literal.version == 4 else "ipv6"
    found = view.find("network_interface", lookup, str(literal))
    held = [i for i in found or () if within in (i.vpc_id, i.id)]
    named = view.get("network_interface", within) if within.startswith("eni-") and not held else None
    if named and named.delegated(literal):
        return named
    if not held:
        _none(f"{within}/{text}", found)
    return held[0]


def _by_dns(text: str, view: View, near: Iterable[str]) -> tuple[Any, ...] | None:
    for lookup in ("private_dns", "public_dns"):
        found = view.find("network_interface", lookup, text)
        if found:
            return _one(text, {i.id: i for i in found})
    for pattern in (_PRIVATE_DNS, _PUBLIC_DNS):
        match = pattern.match(text)
        literal = address(".".join(match.groups())) if match else None
        if literal is not None and (found := _by_address(literal, text, view, near)):
            return found
    return _by_name(text, view)


def _by_name(text: str, view: View) -> tuple[Any, ...]:
    instances = view.find("instance", "name", text)
    interfaces = view.find("network_interface", "name", text)
    named = {i.id for i in instances or () if i.state.name != "terminated"}
    alone = [i for i in interfaces or () if i.instance not in named]
    if len(named) + len(alone) > 1:
        listed = ", ".join(sorted([*named, *(i.id for i in alone)]))
        raise AmbiguousError(f"{text!r} is the name of {len(named) + len(alone)} resources: say which with one of {listed}")
    if alone:
        return (alone[0],)
    if named:
        return _by_id(named.pop(), text, view)
    return _none(text, interfaces if isinstance(interfaces, Unread) else instances)


# ---------------------------------------------------------------- interfaces → endpoints


def _version(question: Question, *ends: tuple[Any, ...] | None) -> int:
    """The IP version: that of a literal address; else IPv4 unless an end has none."""
    literals = {literal.version for text in (question.source, question.destination) if (literal := _literal(text))}
    if len(literals) > 1:
        both = f"{question.source!r} and {question.destination!r}"
        raise FlowdiagError(f"{both} are of different IP versions: ask with two of the same")
    if literals:
        return literals.pop()
    if question.protocol == ICMPV6:
        return 6
    return 4 if all(end is None or any(i.private_ip_address for i in end) for end in ends) else 6


def _literal(text: str) -> Address | None:
    within = _WITHIN.match(text.strip())
    return address(within["address"] if within else text.strip())


def _endpoints(
    text: str,
    interfaces: tuple[Any, ...] | None,
    version: int,
    view: View,
    *,
    sending: bool,
    near: Iterable[str] = (),
    there: Mapping[str, Scope] | None = None,
) -> tuple[Endpoint, ...]:
    """The ends that a text names; `there` are the far end's VPCs, in which a sender outside AWS cannot have its address."""
    if interfaces is None:
        return (_outside(text, version, sending, view, there or {}),)
    made = tuple(e for i in interfaces if (e := _endpoint(text, i, version, sending, near, view)))
    if not made:
        raise NotFoundError(f"{text!r} has no IPv{version} address: ask about the other IP version")
    return made


def _endpoint(text: str, interface: Any, version: int, sending: bool, near: Iterable[str], view: View) -> Endpoint | None:
    chosen = _address_of(text, interface, version, sending, near)
    if chosen is None:
        return None
    return Endpoint(
        label=_label(text, interface, view),
        kind="eni",
        address=chosen,
        eni=interface.id,
        vpc=interface.vpc_id,
        scope=interface.scope,
    )


def _label(text: str, interface: Any, view: View) -> str:
    """The end as a person knows it: a name they typed, the Name tag of the interface or its instance, or what they typed."""
    if not (_literal(text) or _ID.match(text) or _ARN.match(text)):
        return text
    if interface.name != interface.id:
        return str(interface.name)
    instance = view.get("instance", interface.instance, interface.scope) if interface.instance else None
    return str(instance.name) if instance and instance.name != instance.id else text


def _address_of(text: str, interface: Any, version: int, sending: bool, near: Iterable[str]) -> Address | None:
    """The address meant: the literal one (a sender is always its private side), a public DNS name's, else the first.

    Inside its VPC a public DNS name means the private address: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
    From outside (`near` is empty) a host is known by its public address, whatever name it was given.
    """
    literal = _literal(text)
    outside = not near or (_PUBLIC_DNS.match(text) and interface.vpc_id not in set(near))
    if literal is None and outside and not sending and version == 4:
        literal = address(interface.public)
    if literal is not None and not interface.owns(literal):
        private = address(interface.private_of(literal))
        return (private if sending else literal) if private else None
    if literal is not None:
        return literal
    return next((a for text in interface.addresses if (a := address(text)) and a.version == version), None)


def _outside(text: str, version: int, sending: bool, view: View, there: Mapping[str, Scope]) -> Endpoint:
    literal = _literal(text)
    if literal is None:
        anybody = "anybody there; what names only a part of the internet is not told apart"
        view.assume(Query(kind="internet", by="id", value=""), anybody)
        return Endpoint(label="internet", kind="internet", address=ANYBODY[version])
    if sending and is_private(literal):
        found = view.find("network_interface", "private_ip" if literal.version == 4 else "ipv6", str(literal))
        inside = any(known.holds(literal) for vpc, scope in there.items() if (known := view.get("vpc", vpc, scope)))
        if isinstance(found, Unread) or inside:
            _none(text, found)
    return Endpoint(label=text.strip(), kind="address", address=literal)
