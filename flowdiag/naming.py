"""What a person has in hand → what it stands for: ids, addresses, DNS names, Name tags, and the names that services go by.

Knows no service: every component says which texts it answers to (`Component.claims`, `Component.named`).

A text whose shape says what it is goes to the component concerned alone. Any other is a Name tag of EC2's first, and where
there is none, every service's name at once. Several that fit are an error that lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from flowdiag.address import address, is_private, prefix_around
from flowdiag.component import Component, View
from flowdiag.components import components
from flowdiag.model import Address, FlowdiagError, Unread
from flowdiag.named import Named
from flowdiag.nameservers import others
from flowdiag.unnamed import WITHIN, AmbiguousError, NotFoundError, literal_of, missing, spoken

Answers = Sequence[tuple[Component, tuple[Named, ...] | Unread]]
INTERNET = "internet"
MOST_ALIASES = 8

_ARN = re.compile(r"^arn:[^:]+:ec2:[^:]*:\d*:(?:instance|network-interface)/(?P<id>(?:i|eni)-\w+)$")
_ID = re.compile(r"^(?P<prefix>eni|i)-[0-9a-z]+$")
# As hosts call themselves, with the domain or without; or by the instance's id:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html
_PRIVATE_DNS = re.compile(r"^ip-(\d+)-(\d+)-(\d+)-(\d+)(?:\.|$)")
_RESOURCE_DNS = re.compile(r"^(?P<id>i-[0-9a-f]+)\.(?:[a-z0-9-]+\.compute|ec2)\.internal\.?$")
_PUBLIC_DNS = re.compile(r"^ec2-(\d+)-(\d+)-(\d+)-(\d+)\.")
_HOST = re.compile(r"(?:^|[:/])(?:[\w*-]+\.)+[A-Za-z][A-Za-z0-9-]*\.?/?$")


def stands_for(text: str, view: View, near: tuple[Any, ...] = (), aliases: int = MOST_ALIASES) -> tuple[Named, ...]:
    """What a text names, in several parts where it points to several names; nothing where it is the internet, or an address
    outside what was read.

    `near` are the interfaces of the other end. Raises NotFoundError or AmbiguousError with the way out.
    """
    text = text.strip()
    if text.lower() == INTERNET:
        return ()
    found = _by_shape(text, view, near)
    if found is None and address(text) is not None:
        return ()
    if found and _HOST.search(text):
        _ask_whom(near, view)
    found = found or _by_word(text, near, view)
    return tuple(_followed(text, found, view, near, aliases)) if found.alias else (found,)


def _ask_whom(near: tuple[Any, ...], view: View) -> None:
    """Note where hosts of the other end's VPCs ask others than AWS for a DNS name."""
    for vpc, scope in dict.fromkeys((interface.vpc_id, interface.scope) for interface in near):
        others(vpc, scope, view)


def is_id(text: str) -> bool:
    """Whether a text says nothing to a person: an address, an id or an ARN of EC2's."""
    return bool(literal_of(text) or _ID.match(text) or _ARN.match(text))


def is_public_dns(text: str) -> bool:
    """Whether a text is a public DNS name of EC2's, which inside its VPC means the private address."""
    return bool(_PUBLIC_DNS.match(text))


# ---------------------------------------------------------------- by shape


def _by_shape(text: str, view: View, near: tuple[Any, ...]) -> Named | None:
    """What the shape of the text settles; None where it settles nothing, or an address is nobody's."""
    within = WITHIN.match(text)
    if within:
        return _of(_interface_within(within["within"], within["address"], view))
    arn = _ARN.match(text)
    if arn or _ID.match(text):
        return _of(*_by_id(arn["id"] if arn else text, text, view))
    literal = address(text)
    if literal is not None:
        return _by_address(literal, text, view, near) or _idle(literal, text, near, view)
    word, _, rest = text.partition(":")
    asked = {word: rest} if rest and word in spoken() else {}
    claims = [c for c in components().values() if (c.spoken == word if asked else c.claims(text))]
    return _claimed(text, asked.get(word, text), claims, near, view) if claims else None


def _claimed(text: str, name: str, claims: Iterable[Component], near: tuple[Any, ...], view: View) -> Named | None:
    """What the components name whose kind of text it is; None where they were read and have no such thing."""
    answers = [(component, component.named(name, near, view)) for component in claims]
    fits = _all_fits(answers)
    if not fits:
        answers += _by_search(name, [component for component, _ in answers], answers, near, view)
        fits = _all_fits(answers)
    unread = next((answer for _, answer in answers if isinstance(answer, Unread)), None)
    if not fits and unread is not None:
        raise missing(text, unread, view)
    return _settled(text, fits) if fits else None


def _by_search(
    text: str, components: Iterable[Component], answers: Answers, near: tuple[Any, ...], view: View
) -> list[tuple[Component, tuple[Named, ...] | Unread]]:
    """What searches give where nothing goes by the name; AWS is asked for them once it has answered all else."""
    waiting = any(isinstance(answer, Unread) and answer.retry for _, answer in answers)
    asked = [(component, view.aside()) for component in components]
    found = [(component, aside, component.sought(text, near, aside)) for component, aside in asked]
    for unread in (unread for _, aside, answer in found if answer or not waiting for unread in aside.unread):
        view.lack(unread)
    return [(component, answer) for component, _, answer in found]


def _all_fits(answers: Answers) -> list[tuple[Component, Named]]:
    return [(component, named) for component, answer in answers for named in _fits(answer)]


def _fits(answer: tuple[Named, ...] | Unread) -> tuple[Named, ...]:
    return () if isinstance(answer, Unread) else answer


def _settled(text: str, fits: list[tuple[Component, Named]]) -> Named:
    """The one that fits; of several, each with a text that names it alone."""
    if len(fits) == 1:
        return fits[0][1]
    kinds = [component.kind for component, _ in fits]
    ways = (f"{c.spoken}:{text}" if c.spoken and kinds.count(c.kind) == 1 else n.resource for c, n in fits)
    raise AmbiguousError(f"{text!r} is the name of {len(fits)} resources: say which with one of {', '.join(sorted(ways))}")


def _of(*interfaces: Any) -> Named:
    return Named(resource=interfaces[0].id, label="", interfaces=interfaces)


def _by_id(id: str, text: str, view: View) -> tuple[Any, ...]:
    if id.startswith("eni-"):
        found = view.get("network_interface", id)
        found = found and (found,)
    else:
        found = view.find("network_interface", "instance", id)
    if not found:
        raise missing(text, found, view)
    return _in_order(found)


def _in_order(interfaces: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(interfaces, key=lambda i: (i.attachment.device_index if i.attachment else 0, i.id)))


def _by_address(literal: Address, text: str, view: View, near: tuple[Any, ...]) -> Named | None:
    found = holders(literal, view, near)
    return _of(*_one(text, found)) if found else None


def holders(literal: Address, view: View, near: tuple[Any, ...]) -> dict[str, Any]:
    """The interfaces that hold an address, by id: those of the other end's VPCs where any of them does, else all."""
    found: dict[str, Any] = {}
    for lookup in ("private_ip", "public_ip") if literal.version == 4 else ("ipv6",):
        for interface in view.find("network_interface", lookup, str(literal)) or ():
            found[interface.id] = interface
    # No call finds the holder of a delegated prefix by an address in it, so that nothing is asked for here.
    delegated = () if found else view.aside().find("network_interface", "delegated", prefix_around(literal)) or ()
    found.update({interface.id: interface for interface in delegated})
    vpcs = {interface.vpc_id for interface in near}
    return {id: i for id, i in found.items() if i.vpc_id in vpcs} or found


def _idle(literal: Address, text: str, near: tuple[Any, ...], view: View) -> Named | None:
    """A public address that no interface has may still be one of the account's own; that it is not is assumed where unread."""
    if literal.version != 4 or is_private(literal):
        return None
    aside = view.aside()
    claims = [component for component in components().values() if component.claims(text)]
    fits = [(c, named) for c in claims for named in _fits(c.named(text, near, aside))]
    for unread in aside.unread:
        view.assume(view.lack(unread).query, "the address is none of this account's that lie idle")
    return _settled(text, fits) if fits else None


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
        raise missing(f"{within}/{text}", found, view)
    return held[0]


# ---------------------------------------------------------------- by word


def _by_word(text: str, near: tuple[Any, ...], view: View) -> Named:
    """A DNS name or Name tag of EC2's, else whatever service has something of this name."""
    found = _by_dns(text, view, near) if "." in text or _PRIVATE_DNS.match(text) else None
    if found:
        return found
    instances = view.find("instance", "name", text)
    interfaces = view.find("network_interface", "name", text)
    tagged = _by_tag(text, instances, interfaces, view)
    if tagged:
        return tagged
    first = next((answer for answer in (interfaces, instances) if isinstance(answer, Unread)), None)
    return _by_service(text, first, near, view)


def _by_dns(text: str, view: View, near: tuple[Any, ...]) -> Named | None:
    for lookup in ("private_dns", "public_dns"):
        found = view.find("network_interface", lookup, text)
        if found:
            _ask_whom(near, view)
            return _of(*_one(text, {i.id: i for i in found}))
    resource = _RESOURCE_DNS.match(text.lower())
    if resource:
        _ask_whom(near, view)
        return _of(_by_id(resource["id"], text, view)[0])
    for pattern in (_PRIVATE_DNS, _PUBLIC_DNS):
        match = pattern.match(text)
        literal = address(".".join(match.groups())) if match else None
        if literal is not None and (named := _by_address(literal, text, view, near)):
            _ask_whom(near, view)
            return named
    return None


def _by_tag(text: str, instances: Any, interfaces: Any, view: View) -> Named | None:
    named = {i.id for i in instances or () if i.state.name != "terminated"}
    alone = [i for i in interfaces or () if i.instance not in named]
    if len(named) + len(alone) > 1:
        listed = ", ".join(sorted([*(_with_address(id, view) for id in named), *(_with_address(i.id, view) for i in alone)]))
        raise AmbiguousError(f"{text!r} is the name of {len(named) + len(alone)} resources: say which with one of {listed}")
    if alone:
        return _of(alone[0])
    return _of(*_by_id(named.pop(), text, view)) if named else None


def _with_address(id: str, view: View) -> str:
    """The id of an instance or interface with its first address, by which people tell two of one name apart."""
    found = view.get("network_interface", id) if id.startswith("eni-") else view.find("network_interface", "instance", id)
    faces = _in_order(found if isinstance(found, tuple) else (found,)) if found else ()
    first = next((text for face in faces for text in face.addresses), "")
    return f"{id} ({first})" if first else id


def _by_service(text: str, unread: Unread | None, near: tuple[Any, ...], view: View) -> Named:
    """The one service that has something of this name; what the others lack is of no matter then.

    `unread` is what of EC2's names was not read: AWS is asked for it first, and for services only after that.
    """
    asked = [(component, view.aside()) for component in spoken().values()]
    told = [(component, aside, component.named(text, near, aside)) for component, aside in asked]
    answers: list[Any] = [(component, answer) for component, _, answer in told]
    fits = _all_fits(answers)
    if not fits:
        before = [*answers, *([] if unread is None else [(None, unread)])]
        answers += _by_search(text, spoken().values(), before, near, view)
        fits = _all_fits(answers)
    lacking = [aside for _, aside, answer in told if (answer if fits else isinstance(answer, Unread))]
    for wanted in (w for aside in lacking for w in aside.unread) if fits or unread is None else ():
        view.lack(wanted)
    if fits:
        return _settled(text, fits)
    denied = [answer for _, answer in answers if isinstance(answer, Unread) and not answer.retry]
    raise missing(text, unread, view, tuple(dict.fromkeys(f"{u.action} ({u.reason})" for u in denied)))


# ---------------------------------------------------------------- captures


def foresee(component: Component, text: str, near: tuple[Any, ...], view: View) -> None:
    """Ask for all that it takes to resolve a text which names something of this component's, as a question would."""
    for part in _fits(component.named(text, near, view)):
        for told in part.addresses:
            holders(told, view, near)
        with suppress(FlowdiagError):  # what cannot be followed now is lacking, or is told to whom asks for it
            tuple(_followed(text, part, view, near, MOST_ALIASES))
    if not component.claims(text):
        for kind in ("instance", "network_interface"):
            view.find(kind, "name", text)
        for by in ("private_dns", "public_dns") if "." in text else ():
            view.find("network_interface", by, text)


# ---------------------------------------------------------------- names that point to names


def _followed(text: str, named: Named, view: View, near: tuple[Any, ...], aliases: int) -> Iterator[Named]:
    """What the names come to that this one points to, beside what it stands for itself; all are looked for first."""
    if aliases == 0:
        raise NotFoundError(f"{text!r} points to itself, or by more than {MOST_ALIASES} names: give the address it resolves to")
    if named.interfaces or named.addresses:
        yield replace(named, alias=())
    faults = []
    for alias in named.alias:
        try:
            found = stands_for(alias, view, near, aliases - 1) or (Named(alias, alias, internet=True),)
        except FlowdiagError as error:
            faults.append(type(error)(f"{text!r} points to {alias}, and {error}"))
            continue
        for part in found:
            yield replace(part, label=f"{named.label} ({part.label or alias})", guess=named.guess or part.guess)
    if faults:
        raise faults[0]
