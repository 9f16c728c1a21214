"""Stateful rule groups of Network Firewall: what their 5-tuple rules say of a packet. Only read; the policy weighs them.

Suricata strings, domain lists and rule groups whose rules AWS does not show are named as what they may do, not followed.

https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-rules-engines.html
https://docs.aws.amazon.com/network-firewall/latest/APIReference/API_Header.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from flowdiag.address import covered, network
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource
from flowdiag.model import ICMP, TCP, UDP, Address, Flow, PortRange

Answer = Literal["yes", "no", "unknown"]
Sets = Mapping[str, tuple[str, ...] | None]  # None: the variable is there, and what it holds is not known
PORTED = (TCP, UDP)
TRANSPORT = {"TCP": (TCP,), "UDP": (UDP,), "ICMP": (ICMP,)}
# Rule options that say something about the rule and nothing about the packet.
TELLING = frozenset(("sid", "rev", "msg", "gid", "metadata", "reference", "classtype", "priority", "noalert", "alert"))
# What the rules made of a domain list can do to a connection whose domain is not known.
# https://docs.aws.amazon.com/network-firewall/latest/developerguide/stateful-rule-groups-domain-names.html
OF_DOMAINS = {
    "ALLOWLIST": frozenset(("pass", "drop")),
    "DENYLIST": frozenset(("drop",)),
    "REJECTLIST": frozenset(("drop",)),
    "ALERTLIST": frozenset[str](),
}
ENDS = {"PASS": "pass", "DROP": "drop", "REJECT": "drop"}
ANYTHING = frozenset(("pass", "drop"))


@dataclass(frozen=True)
class Say:
    """What a rule, or a whole group that cannot be followed, may do to the packet; `sure` where it certainly does that."""

    may: frozenset[str]
    sure: bool
    text: str


class Header(Part):
    """The 5-tuple of a stateful rule, in the notation of Suricata."""

    protocol: Id
    source: Id
    source_port: Id
    direction: Literal["FORWARD", "ANY"]
    destination: Id
    destination_port: Id

    def covers(self, flow: Flow, addresses: Sets, ports: Sets) -> Answer:
        """Whether it fits the packet; in direction ANY either way round."""
        there = self._one_way(flow, addresses, ports)
        back = self._one_way(flow.reply(), addresses, ports) if self.direction == "ANY" and there != "yes" else "no"
        return there if there != "no" else back

    def _one_way(self, flow: Flow, addresses: Sets, ports: Sets) -> Answer:
        answers = [self._protocol(flow), of_addresses(self.source, flow.source, addresses)]
        answers += [of_addresses(self.destination, flow.destination, addresses)]
        if flow.protocol in PORTED:
            answers += [of_ports(self.source_port, flow.source_ports, ports)]
            answers += [of_ports(self.destination_port, flow.destination_ports, ports)]
        return _all(answers)

    def _protocol(self, flow: Flow) -> Answer:
        """Protocols of applications are recognised by what a connection says, which no configuration tells."""
        named = self.protocol.upper()
        if named == "IP":
            return "yes"
        if named in TRANSPORT:
            return "yes" if flow.protocol in TRANSPORT[named] else "no"
        return "unknown" if flow.protocol in PORTED else "no"


class RuleOption(Part):
    """One more condition, or a note, of a stateful rule."""

    keyword: Id


class StatefulRule(Part):
    """One stateful rule of 5-tuple form (API_StatefulRule.html)."""

    action: Literal["PASS", "DROP", "REJECT", "ALERT"]
    header: Header
    rule_options: tuple[RuleOption, ...] = ()

    def say(self, flow: Flow, addresses: Sets, ports: Sets, drops: bool) -> Say | None:
        """What the rule does to the packet, or None where it does not fit or only alerts."""
        end = ENDS.get(self.action)
        fits = self.header.covers(flow, addresses, ports)
        if end is None or fits == "no" or (end == "drop" and not drops):
            return None
        narrowed = any(option.keyword.split(":")[0].lower() not in TELLING for option in self.rule_options)
        return Say(frozenset((end,)), fits == "yes" and not narrowed, f"{self.action.lower()} {self}")

    def __str__(self) -> str:
        """As a person reads it: `tcp 10.0.0.0/16 ANY → ANY 443`."""
        head = self.header
        arrow = "↔" if head.direction == "ANY" else "→"
        return f"{head.protocol.lower()} {head.source} {head.source_port} {arrow} {head.destination} {head.destination_port}"


class RulesSourceList(Part):
    """A list of domains and what is done with them."""

    generated_rules_type: str = ""


class RulesSource(Part):
    """Where the rules of a group come from."""

    rules_string: str | None = None
    rules_source_list: RulesSourceList | None = None
    stateful_rules: tuple[StatefulRule, ...] | None = None


class Definition(Part):
    """What a variable holds."""

    definition: tuple[str, ...] = ()


class RuleVariables(Part):
    """The variables that rules may name."""

    ip_sets: Mapping[str, Definition] = Field(default={}, alias="IPSets")
    port_sets: Mapping[str, Definition] = Field(default={}, alias="PortSets")


class RuleGroup(Part):
    """The rules of a group."""

    rules_source: RulesSource
    rule_variables: RuleVariables = RuleVariables()


class FirewallRuleGroup(Resource):
    """A rule group as DescribeRuleGroup gives it; AWS shows no rules of the groups it manages itself."""

    kind: ClassVar[str] = "firewall_rule_group"
    rule_group_arn: str
    rule_group: RuleGroup | None = None

    @property
    def id(self) -> str:
        """The ARN."""
        return self.rule_group_arn

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.rule_group_arn.rsplit("/", 1)[-1]

    def says(self, flow: Flow, addresses: Sets, drops: bool) -> Iterator[Say]:
        """What its stateful rules say of the packet, in their order; `drops` is False where drop rules only alert."""
        source = self.rule_group.rules_source if self.rule_group else None
        if source is None or source.stateful_rules is None:
            may = self._may(source, flow) - (frozenset() if drops else {"drop"})
            if may:
                yield Say(may, False, f"{self.name}: {_what(source)}, not followed")
            return
        variables = self.rule_group.rule_variables if self.rule_group else RuleVariables()
        own = {**addresses, **{name: known.definition for name, known in variables.ip_sets.items()}}
        ports = {name: known.definition for name, known in variables.port_sets.items()}
        for rule in source.stateful_rules:
            said = rule.say(flow, own, ports, drops)
            if said:
                yield Say(said.may, said.sure, f"{self.name}: {said.text}")

    def _may(self, source: RulesSource | None, flow: Flow) -> frozenset[str]:
        """What rules that are not followed may do. Domain lists look at HTTP and TLS, which run over TCP."""
        listed = source.rules_source_list if source and source.rules_string is None else None
        if listed is None:
            return ANYTHING
        return OF_DOMAINS.get(listed.generated_rules_type, ANYTHING) if flow.protocol == TCP else frozenset()


def _what(source: RulesSource | None) -> str:
    if source and source.rules_string is not None:
        return "Suricata rules"
    return "a domain list" if source and source.rules_source_list else "rules that AWS does not show"


# ---------------------------------------------------------------- notation


def of_addresses(text: str, address: Address, sets: Sets) -> Answer:
    """Whether an address expression (`ANY`, CIDR, `$NAME`, `!…`, `[…,…]`) holds the address."""
    if text.upper() == "ANY":
        return "yes"
    if network(text) is not None:
        return covered((text,), address)
    return _compound(text, sets, lambda part: of_addresses(part, address, sets))


def of_ports(text: str, ports: PortRange | None, sets: Sets) -> Answer:
    """Whether a port expression (`ANY`, `443`, `1024:65535`, `$NAME`, `!…`, `[…,…]`) holds all of the ports."""
    if text.upper() == "ANY" or ports is None:
        return "yes"
    first, colon, last = text.partition(":")
    if all(part == "" or part.isdecimal() for part in (first, last)) and (first or last):
        low, high = int(first or 0), int(last or (65535 if colon else first))
        return _overlap(ports, low, high)
    return _compound(text, sets, lambda part: of_ports(part, ports, sets))


def _compound(text: str, sets: Sets, answer: Callable[[str], Answer]) -> Answer:
    if text.startswith("!"):
        return _not(answer(text[1:]))
    if text.startswith("[") and text.endswith("]"):
        return _listed(tuple(_parts(text[1:-1])), answer)
    held = sets.get(text[1:]) if text.startswith("$") else None
    return _listed(held, answer) if held is not None else "unknown"


def _listed(parts: tuple[str, ...], answer: object) -> Answer:
    """In a list, what is negated takes away from what is named; where everything is negated, from everybody."""
    assert callable(answer)
    named = [answer(part) for part in parts if not part.startswith("!")]
    taken = [answer(part[1:]) for part in parts if part.startswith("!")]
    return _all([_any(named) if named else "yes", _not(_any(taken))])


def _parts(text: str) -> Iterator[str]:
    """The parts of a list at its own depth."""
    depth, part = 0, ""
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


def _overlap(ports: PortRange, low: int, high: int) -> Answer:
    common = ports.overlap(PortRange(first=low, last=high))
    return "no" if common is None else "yes" if common == ports else "unknown"


def _yes(truth: bool) -> Answer:
    return "yes" if truth else "no"


def _not(answer: Answer) -> Answer:
    return "unknown" if answer == "unknown" else _yes(answer == "no")


def _any(answers: list[Answer]) -> Answer:
    return "yes" if "yes" in answers else "unknown" if "unknown" in answers else "no"


def _all(answers: list[Answer]) -> Answer:
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


class FirewallRuleGroupComponent(Component):
    """Reads rule groups; leads no packet."""

    kind = "firewall_rule_group"
    reads = (
        Read(
            service="network-firewall",
            operation="describe_rule_group",
            action="network-firewall:DescribeRuleGroup",
            responses=("NetworkFirewallRuleGroups",),
            id_field="RuleGroupArn",
            resource=FirewallRuleGroup,
            lookups={"id": Lookup(keys=lambda raw: [raw["RuleGroupArn"]], parameter="RuleGroupArn")},
            single=True,
        ),
    )
