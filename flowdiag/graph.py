"""The walk: follow a packet through the components, there and back, and keep every hop. The only import of networkx.

`walk` tells the story. Components say where a packet goes (`lead`), what guards it meets (`guards`) and what they see
of it (`observe`); this file only follows, asks the decision tables, and notes where the packet ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from flowdiag.address import ANYBODY, is_private
from flowdiag.component import Component, View
from flowdiag.components import by_interface_type, by_prefix, components, offers, prefix_of
from flowdiag.model import GUARDS, Address, Endpoint, Finding, Flow, Hop, Leg, Move, Observation, Packet, Place, Question, Trace
from flowdiag.resolve import flow_between, resolve
from flowdiag.table import Rules

if TYPE_CHECKING:
    import networkx

MOST_HOPS = 64
_ANYBODY = re.compile(rf"(?<![\w.:])(?:{'|'.join(re.escape(str(anybody)) for anybody in ANYBODY.values())})(?![\w.:/])")
_WEIGHT = {"allowed": 0, "inconclusive": 1, "partial": 2, "blocked": 3}
Step = tuple[Place, Flow, str]  # a place, the header there, and the VPC it comes from
FlowBetween = Callable[[Endpoint, Endpoint], Flow]


class Path(Trace):
    """Every leg of the flow, and the same as a graph."""

    @property
    def graph(self) -> networkx.DiGraph:
        """Nodes are the interfaces, guards, routers and gateways of this flow, edges the steps of the packet.

        Node attributes: kind, id, name, role, `request observed` and `reply observed` (the tables' inputs), and of the look
        that stands most in the way `code`, `verdict` and `headline`. Edge attributes: direction, leg (number), before and
        after (the header). A fresh graph at every call.
        """
        import networkx

        graph: networkx.DiGraph = networkx.DiGraph()
        for number, leg in enumerate(self.legs):
            for direction, hops in (("request", leg.request), ("reply", leg.reply)):
                _draw(graph, hops, direction, number)
        return graph


def _draw(graph: networkx.DiGraph, hops: tuple[Hop, ...], direction: str, number: int) -> None:
    names = [f"{hop.place.kind}:{hop.place.id}" for hop in hops]
    for name, hop in zip(names, hops, strict=True):
        graph.add_node(name, kind=hop.place.kind, id=hop.place.id, name=hop.name, role=hop.place.role)
        if hop.finding:
            graph.add_node(
                name,
                **_seen(hop.finding, graph.nodes[name].get("verdict")),
                **{f"{direction} observed": dict(hop.finding.inputs)},
            )
    for (one, hop), other in zip(zip(names, hops, strict=True), names[1:], strict=False):
        graph.add_edge(one, other, direction=direction, leg=number, before=hop.before, after=hop.after)


def _seen(finding: Finding, before: str | None) -> dict[str, str]:
    """The node's code, verdict and headline: those of the look that stands most in the way, so that no reply hides a blocker."""
    if before is not None and _WEIGHT[finding.verdict] <= _WEIGHT[before]:
        return {}
    return {"code": finding.code, "verdict": finding.verdict, "headline": finding.headline}


def walk(
    sources: Iterable[Endpoint], destinations: Iterable[Endpoint], flow_between: FlowBetween, view: View, rules: Rules
) -> Path:
    """Every leg from every source to every destination, request and reply, blockers and what lies behind them included."""
    walker = Walker(view, rules)
    ends = tuple(destinations)
    return Path(legs=tuple(leg for s in sources for d in ends for leg in walker.legs(s, d, flow_between(s, d))))


def look(question: Question, view: View, rules: Rules) -> Path:
    """Resolve both ends of a question and walk between them; raises FlowdiagError where an end cannot be resolved."""
    sources, destinations = resolve(question, view)
    return walk(sources, destinations, lambda s, d: flow_between(s, d, question, view), view, rules)


def survey(endpoints: Iterable[Endpoint], view: View) -> None:
    """Ask for what both ends of a walk always need, so that live collection fetches it all in one round."""
    for end in endpoints:
        interface = view.get("network_interface", end.eni, end.scope) if end.eni else None
        if not interface:
            continue
        for group in interface.groups:
            view.get("security_group", group.group_id, interface.scope)
        if interface.instance:
            view.get("instance", interface.instance, interface.scope)
        for kind, by, value in (
            ("subnet", "id", interface.subnet_id),
            ("network_acl", "subnet", interface.subnet_id),
            ("route_table", "subnet", interface.subnet_id),
            ("route_table", "main", interface.vpc_id),
            ("vpc", "id", interface.vpc_id),
            ("network_interface", "private_ip" if end.address.version == 4 else "ipv6", str(end.address)),
        ):
            view.find(kind, by, value, interface.scope)


class Trail(NamedTuple):
    """One way a packet went: its hops, and the packet and place at the end."""

    hops: tuple[Hop, ...]
    packet: Packet
    place: Place
    guess: bool = False
    as_if: bool = False
    loop: bool = False


class Walker:
    """Follows packets through one view of the evidence with one set of tables."""

    def __init__(self, view: View, rules: Rules) -> None:
        self.view = view
        self.rules = rules

    def legs(self, source: Endpoint, destination: Endpoint, flow: Flow) -> tuple[Leg, ...]:
        """One leg for every way the request and its reply can go."""
        made = []
        guess = source.guess or destination.guess
        first = self._first_packet(source, destination, flow)
        calling = self._service(source.service, "call", first, False)
        for there in self._follow(_start(source), first, set(), False):
            request, arrived = self._ended(there, destination, flow)
            serving = self._service(destination.service, "serve", there.packet, there.as_if) if arrived else ()
            request = (*calling, *request, *serving)
            if not arrived:
                made.append(
                    Leg(
                        source=source,
                        destination=destination,
                        request=request,
                        request_arrived=arrived,
                        reply_arrived=None,
                        guess=guess or there.guess,
                    )
                )
                continue
            for back in self._follow(_answering(there), _answer(there), set(), there.as_if):
                reply, returned = self._ended(back, source, flow.reply())
                made.append(
                    Leg(
                        source=source,
                        destination=destination,
                        request=request,
                        reply=reply,
                        request_arrived=arrived,
                        reply_arrived=returned,
                        guess=guess or there.guess or back.guess,
                    )
                )
        return tuple(made)

    def _service(self, place: Place | None, role: str, packet: Packet, as_if: bool) -> tuple[Hop, ...]:
        """What a managed service shows of its own state, where one stands behind an end."""
        if place is None:
            return ()
        place = place.model_copy(update={"role": role})
        return (_hop(place, packet, packet, self._look(components()[place.kind], place, packet, as_if), as_if),)

    def _first_packet(self, source: Endpoint, destination: Endpoint, flow: Flow) -> Packet:
        """The request as it leaves; a public destination address hides the receiver from security group references."""
        receiver = self.view.get("network_interface", destination.eni, destination.scope) if destination.eni else None
        return Packet(
            flow=flow,
            sender=source.eni or None,
            origin=source.eni or None,
            receiver=destination.eni if receiver and receiver.owns(flow.destination) else None,
            vpc=source.vpc,
            scope=source.scope,
            any_of=(destination.address, destination.ranges) if destination.ranges else None,
        )

    def _follow(self, place: Place, packet: Packet, passed: set[Step], as_if: bool) -> list[Trail]:
        """Depth first through everything a component leads to; blocked edges are walked like open ones."""
        component, place = _component(place)
        here = (place, packet.flow, packet.vpc)  # a transit gateway is met again on the way out of inspection
        if here in passed or len(passed) > MOST_HOPS:
            return [Trail((), packet, place, as_if=as_if, loop=True)]
        inward, packet = self._guards(component.guards(place, packet, self.view), packet, as_if)
        finding = self._look(component, place, packet, as_if)
        moves = tuple(self._or_detour(move) for move in component.lead(place, packet, self.view))
        if not moves:
            return [Trail((*inward, _hop(place, packet, packet, finding, as_if)), packet, place, as_if=as_if)]
        beyond = passed | {here}
        return [trail for move in moves for trail in self._onward(move, place, packet, inward, finding, beyond, as_if)]

    def _or_detour(self, move: Move) -> Move:
        """A move to nowhere, or in its place the walk goes on as if a route led to what could carry the packet."""
        offer = next(iter(offers(move.packet, move.to.scope, self.view)), None) if move.detour else None
        return move if offer is None else move.model_copy(update={"to": offer.place, "as_if": True})

    def _onward(
        self,
        move: Move,
        place: Place,
        packet: Packet,
        inward: tuple[Hop, ...],
        finding: Finding | None,
        passed: set[Step],
        as_if: bool,
    ) -> list[Trail]:
        wraps = move.packet.carried != packet.carried  # an envelope writes nothing into the packet inside
        here = _hop(place, packet, packet if wraps else move.packet, finding, as_if)
        outward, onward = self._guards(move.guards, move.packet, as_if or move.as_if)
        hops = (*inward, here, *outward)
        return [
            trail._replace(hops=hops + trail.hops, guess=trail.guess or move.guess)
            for trail in self._follow(move.to, onward, passed, as_if or move.as_if)
        ]

    def _guards(self, places: Iterable[Place], packet: Packet, as_if: bool) -> tuple[tuple[Hop, ...], Packet]:
        """The guards on an edge; a security group remembers the connection of a request, a network ACL does not."""
        hops = []
        for place in places:
            component, place = _component(place)
            hops.append(_hop(place, packet, packet, self._look(component, place, packet, as_if), as_if))
            if place.kind == "security_group" and packet.direction == "request":
                packet = packet.but(tracked=packet.tracked | {place.id})
        return tuple(hops), packet

    def _look(self, component: Component, place: Place, packet: Packet, as_if: bool) -> Finding | None:
        observation = component.observe(place, packet, self.view)
        return self._judge(observation, place, packet, as_if) if observation else None

    def _judge(self, observation: Observation, place: Place, packet: Packet, as_if: bool) -> Finding:
        """The table's word on an observation."""
        table = self.rules.table(observation.table)
        rule = table.evaluate(observation.inputs)
        words = {name: _spoken(word) for name, word in observation.words.items()}
        return Finding(
            code=rule.code,
            table=table.name,
            verdict=rule["verdict"],
            headline=rule["headline"].format_map(words),
            resource=observation.resource,
            name=observation.name or observation.resource,
            role=place.role,
            direction=packet.direction,
            aws_code=table.aws_code(rule.code),
            detail=_spoken(observation.detail),
            near_miss=observation.near_miss,
            evidence=observation.evidence,
            inputs=observation.inputs,
            denied=observation.denied,
            denied_senders=observation.denied_senders,
            fix=observation.fix,
            idle_timeout=observation.idle_timeout,
            forgets=observation.forgets,
            mtu=observation.mtu,
            flow=packet.flow,
            as_if=as_if,
        )

    def _ended(self, trail: Trail, far: Endpoint, flow: Flow) -> tuple[tuple[Hop, ...], bool | None]:
        """The hops with a last word on the arrival, and whether the packet came to the far end (None: not known)."""
        ends = _ends(trail, far, flow)
        if ends in _ARRIVED:
            return trail.hops, _ARRIVED[ends]
        hops = _without_strangers(trail.hops) if ends == "elsewhere" else trail.hops
        passed = _passed_by(trail) if ends.startswith("past") else None
        words = {
            "packet": trail.packet.direction,
            "destination": far.label,
            "place": passed.id if passed else hops[-1].name if hops and not trail.loop else trail.place.id,
            "source": str(trail.packet.flow.source),
        }
        inputs = {"packet": trail.packet.direction, "ends": ends}
        observation = Observation(table="arrival", inputs=inputs, words=words, resource=trail.place.id, name=words["place"])
        place = Place(kind="arrival", id=trail.place.id, role=trail.packet.direction, scope=trail.place.scope)
        finding = self._judge(observation, place, trail.packet, trail.as_if)
        return (*hops, _hop(place, trail.packet, trail.packet, finding, trail.as_if)), ends == "changed" or ends.startswith(
            "past"
        )


def _spoken(text: str) -> str:
    """The address that stands for anybody on the internet, said as what it stands for."""
    return _ANYBODY.sub("the internet", text)


_ARRIVED = {"right": True, "stopped": False, "unknown": None}  # what needs no last word: the walk, or a component, has said it


def _ends(trail: Trail, far: Endpoint, flow: Flow) -> str:
    """How a trail ends: at the right place (perhaps with another header than `flow`), stopped, in a loop, or elsewhere."""
    if trail.loop:
        return "loop"
    if _is(trail, far):
        changed = trail.packet.direction == "reply" and trail.packet.flow != flow
        passed = _passed_by(trail)
        return "changed" if changed else components()[passed.kind].passed_by if passed else "right"
    said = next((hop.finding for hop in reversed(trail.hops) if hop.place.kind != "dead_end"), None)
    return {"blocked": "stopped", "inconclusive": "unknown"}.get(said.verdict if said else "inconclusive", "elsewhere")


def _passed_by(trail: Trail) -> Place | None:
    """The first place that keeps state of the request and did not see the reply, or None."""
    met = {hop.place.id for hop in trail.hops}
    watched = trail.packet.watched if trail.packet.direction == "reply" else ()
    return next((place for place in watched if place.id not in met), None)


def _without_strangers(hops: tuple[Hop, ...]) -> tuple[Hop, ...]:
    """The hops without the guards of a host that the packet was not meant for: to open them would be no remedy."""
    kept = list(hops[:-1])
    while kept and kept[-1].place.kind in GUARDS:
        kept.pop()
    return (*kept, *hops[-1:])


def _is(trail: Trail, end: Endpoint) -> bool:
    """Whether the trail ends where it should: at the interface, a service or a target behind it, or the edge of AWS's sight."""
    place, packet = trail.place, trail.packet
    if end.kind != "eni":
        holds = components()[place.kind].outside or place.kind == "network_interface"
        return holds and packet.flow.destination == end.address
    last = trail.hops[-1].finding if trail.hops else None
    taken_up = place.kind == "network_interface" or (last is not None and last.verdict == "allowed")
    return taken_up and (place.id == end.eni or packet.flow.destination == _stand_in(packet, end))


def _stand_in(packet: Packet, end: Endpoint) -> Address | None:
    """The address that the end sent the packet on to: its target, or what that one sent it on to in its turn."""
    wanted = None
    for done in packet.translations:
        if done.place.id == end.eni or done.before.destination == wanted:
            wanted = done.after.destination
    return wanted


def _component(place: Place) -> tuple[Component, Place]:
    """The component that stands for a place; a route target is known by its id, a service by its interface type."""
    known = components()
    if place.kind == "route_target":
        kind = by_prefix().get(prefix_of(place.id), "unsupported")
        place = Place(kind=kind, id=place.id, role=known[kind].target_role, scope=place.scope)
    elif place.kind == "service_interface":
        place = Place(kind=by_interface_type().get(place.role, "unsupported"), id=place.id, role=place.role, scope=place.scope)
    return known[place.kind], place


def _start(end: Endpoint) -> Place:
    if end.kind == "eni":
        return Place(kind="network_interface", id=end.eni, role="leave", scope=end.scope)
    kind = "customer_network" if end.kind == "address" and is_private(end.address) else "internet"
    return Place(kind=kind, id=kind.replace("_", " "), role="leave")


def _answering(there: Trail) -> Place:
    """Where the reply starts: the interface at which the request arrived, or the edge of AWS's sight."""
    if there.place.id.startswith("eni-"):
        return Place(kind="network_interface", id=there.place.id, role="leave", scope=there.place.scope)
    return there.place.model_copy(update={"role": "leave"})


def _answer(there: Trail) -> Packet:
    """The reply: the header as it arrived, turned round, with what the request left behind in the gateways."""
    came = there.packet
    answering = there.place.id if there.place.id.startswith("eni-") else None
    return came.but(
        flow=came.flow.reply(),
        direction="reply",
        sender=answering,
        origin=answering,
        receiver=came.sender,
        subnet="",
        lost="",
        proxy=None,
    )


def _hop(place: Place, before: Packet, after: Packet, finding: Finding | None, as_if: bool) -> Hop:
    name = finding.name if finding and finding.name else place.id
    return Hop(place=place, name=name, before=before.flow, after=after.flow, finding=finding, as_if=as_if)
