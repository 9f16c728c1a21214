"""Stateless rules of Network Firewall: each packet by itself, in order of priority. Only read; the policy weighs them.

https://docs.aws.amazon.com/network-firewall/latest/developerguide/stateless-rule-groups-standard.html
https://docs.aws.amazon.com/network-firewall/latest/APIReference/API_MatchAttributes.html
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from flowdiag.address import covered
from flowdiag.component import Cidr, Component, Id, Lookup, Part, Read, Resource
from flowdiag.model import TCP, UDP, Address, Flow, PortRange

Answer = Literal["yes", "no", "unknown"]
PORTED = (TCP, UDP)


class AddressDefinition(Part):
    """An address or CIDR of a stateless rule."""

    address_definition: Cidr


class PortSpan(Part):
    """A range of ports of a stateless rule."""

    from_port: int
    to_port: int


class TcpFlags(Part):
    """Which of the flags that `masks` names must be set; without masks all flags are looked at."""

    flags: tuple[str, ...]
    masks: tuple[str, ...] = ()

    def cover(self, flags: frozenset[str]) -> bool:
        """Whether a packet with these flags fits."""
        return (flags & set(self.masks) if self.masks else flags) == set(self.flags)


class MatchAttributes(Part):
    """What a stateless rule looks at; what it does not name it does not look at (API_MatchAttributes.html)."""

    sources: tuple[AddressDefinition, ...] = ()
    destinations: tuple[AddressDefinition, ...] = ()
    source_ports: tuple[PortSpan, ...] = ()
    destination_ports: tuple[PortSpan, ...] = ()
    protocols: tuple[int, ...] = ()
    tcp_flags: tuple[TcpFlags, ...] = Field(default=(), alias="TCPFlags")

    def covers(self, flow: Flow, flags: frozenset[str]) -> Answer:
        """Whether the rule fits the packet, its ports aside; unknown where it fits a part of everybody on the internet."""
        if self.protocols and flow.protocol not in self.protocols:
            return "no"
        if flow.protocol == TCP and self.tcp_flags and not any(entry.cover(flags) for entry in self.tcp_flags):
            return "no"
        answers = (_among(self.sources, flow.source), _among(self.destinations, flow.destination))
        return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"

    def cut(self, flow: Flow) -> tuple[tuple[Flow, ...], tuple[Flow, ...]]:
        """The packet with those of its possible ports that the rule names, and with the others."""
        if flow.protocol not in PORTED or not (self.source_ports or self.destination_ports):
            return (flow,), ()
        sources, others = _cut(self.source_ports, flow.source_ports)
        destinations, rest = _cut(self.destination_ports, flow.destination_ports)
        inside = tuple(flow.rewritten(source_ports=one, destination_ports=other) for one in sources for other in destinations)
        outside = [flow.rewritten(source_ports=one) for one in others]
        outside += [flow.rewritten(source_ports=one, destination_ports=other) for one in sources for other in rest]
        return inside, tuple(outside)


class RuleDefinition(Part):
    """What a stateless rule looks at and does."""

    match_attributes: MatchAttributes
    actions: tuple[Id, ...] = Field(min_length=1)


class StatelessRule(Part):
    """One stateless rule; the lowest priority comes first."""

    rule_definition: RuleDefinition
    priority: int


class StatelessRules(Part):
    """The stateless rules of a group."""

    stateless_rules: tuple[StatelessRule, ...]


class RulesSource(Part):
    """Where the rules of a group come from."""

    stateless_rules_and_custom_actions: StatelessRules


class RuleGroup(Part):
    """The rules of a group."""

    rules_source: RulesSource


class FirewallStatelessRules(Resource):
    """A stateless rule group as DescribeRuleGroup gives it."""

    kind: ClassVar[str] = "firewall_stateless_rules"
    rule_group_arn: str
    rule_group: RuleGroup

    @property
    def id(self) -> str:
        """The ARN."""
        return self.rule_group_arn

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.rule_group_arn.rsplit("/", 1)[-1]

    @property
    def rules(self) -> tuple[StatelessRule, ...]:
        """The rules in the order in which they are held against a packet."""
        listed = self.rule_group.rules_source.stateless_rules_and_custom_actions.stateless_rules
        return tuple(sorted(listed, key=lambda rule: rule.priority))


def _among(listed: tuple[AddressDefinition, ...], address: Address) -> Answer:
    cidrs = [one.address_definition for one in listed]
    return covered(cidrs, address) if cidrs else "yes"


def _cut(listed: tuple[PortSpan, ...], ports: PortRange | None) -> tuple[list[PortRange | None], list[PortRange]]:
    """The ports that the spans hold together, and those that they do not; without spans all ports are held."""
    if not listed or ports is None:
        return [ports], []
    inside: list[PortRange | None] = []
    left = [ports]
    for span in (PortRange(first=each.from_port, last=each.to_port) for each in listed):
        inside += [common for piece in left if (common := piece.overlap(span))]
        left = [rest for piece in left for rest in piece.minus(span)]
    return inside, left


class FirewallStatelessRulesComponent(Component):
    """Reads stateless rule groups; leads no packet."""

    kind = "firewall_stateless_rules"
    reads = (
        Read(
            service="network-firewall",
            operation="describe_rule_group",
            action="network-firewall:DescribeRuleGroup",
            responses=("NetworkFirewallRuleGroups",),
            id_field="RuleGroupArn",
            resource=FirewallStatelessRules,
            lookups={"id": Lookup(keys=lambda raw: [raw["RuleGroupArn"]], parameter="RuleGroupArn")},
            single=True,
        ),
    )
