"""Policies of Network Firewall: stateless rules first, then, for what they forward, stateful ones. Only read; the firewall asks.

https://docs.aws.amazon.com/network-firewall/latest/developerguide/firewall-policy-processing.html
https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-rule-evaluation-order.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View
from flowdiag.inspection import Piece, Sifting
from flowdiag.model import TCP, Flow, Scope

STANDARD = {"aws:pass": "pass", "aws:drop": "drop", "aws:forward_to_sfe": "forward"}
ANYTHING = frozenset(("pass", "drop"))
# Flags of the packets that every TCP connection is made of: the first of each side, and what follows.
REQUEST_FLAGS = (frozenset(("SYN",)), frozenset(("ACK",)), frozenset(("ACK", "PSH")))
REPLY_FLAGS = (frozenset(("SYN", "ACK")), frozenset(("ACK",)), frozenset(("ACK", "PSH")))
KNOWN = frozenset(
    (
        "StatelessRuleGroupReferences",
        "StatelessDefaultActions",
        "StatelessFragmentDefaultActions",
        "StatelessCustomActions",
        "StatefulRuleGroupReferences",
        "StatefulDefaultActions",
        "StatefulEngineOptions",
        "PolicyVariables",
        "TLSInspectionConfigurationArn",
        "EnableTLSSessionHolding",
    )
)


@dataclass(frozen=True)
class Ruling:
    """What the stateful engine does: `outcomes` are all that is possible, `text` is the rule or the group behind it.

    `by` tells what lets the packet pass where it passes: a rule, the default, or for some of its ports the one and for
    others the other.
    """

    outcomes: frozenset[str]
    text: str = ""
    by: Literal["rule", "default", "both"] = "rule"

    @property
    def word(self) -> str:
        """The one outcome, or unknown."""
        return next(iter(self.outcomes)) if len(self.outcomes) == 1 else "unknown"


class StatelessReference(Part):
    """A stateless rule group in the policy."""

    resource_arn: Id
    priority: int


class Override(Part):
    """What the policy makes of a group's actions."""

    action: str = ""


class StatefulReference(Part):
    """A stateful rule group in the policy; the priority counts in strict order only."""

    resource_arn: Id
    priority: int = 0
    override: Override | None = None


class FlowTimeouts(Part):
    """When the stateful engine forgets a connection (API_FlowTimeouts.html)."""

    tcp_idle_timeout_seconds: int = 350


class EngineOptions(Part):
    """How stateful rules are ordered, and how long a connection is remembered."""

    rule_order: Literal["DEFAULT_ACTION_ORDER", "STRICT_ORDER"] = "DEFAULT_ACTION_ORDER"
    flow_timeouts: FlowTimeouts = FlowTimeouts()


class Definition(Part):
    """What a variable holds."""

    definition: tuple[str, ...] = ()


class PolicyVariables(Part):
    """Variables that all rules of the policy may name."""

    rule_variables: Mapping[str, Definition] = {}


class Policy(Part):
    """The settings (API_FirewallPolicy.html); `others` are settings that AWS documented after this was written."""

    stateless_rule_group_references: tuple[StatelessReference, ...] = ()
    stateless_default_actions: tuple[Id, ...] = Field(min_length=1)
    stateful_rule_group_references: tuple[StatefulReference, ...] = ()
    stateful_default_actions: tuple[str, ...] = ()
    stateful_engine_options: EngineOptions = EngineOptions()
    policy_variables: PolicyVariables = PolicyVariables()
    others: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _note_others(cls, raw: Any) -> Any:
        return {**raw, "Others": tuple(sorted(set(raw) - KNOWN))} if isinstance(raw, Mapping) else raw


class FirewallPolicy(Resource):
    """A policy as DescribeFirewallPolicy gives it."""

    kind: ClassVar[str] = "firewall_policy"
    firewall_policy_arn: str
    firewall_policy: Policy

    @property
    def id(self) -> str:
        """The ARN."""
        return self.firewall_policy_arn

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.firewall_policy_arn.rsplit("/", 1)[-1]

    @property
    def tcp_timeout(self) -> int:
        """Seconds without a packet after which the stateful engine forgets a TCP connection."""
        return self.firewall_policy.stateful_engine_options.flow_timeouts.tcp_idle_timeout_seconds

    # ------------------------------------------------------------ stateless

    def stateless(self, flow: Flow, reply: bool, view: View) -> Sifting:
        """What the stateless rules do to every packet of one direction of a connection.

        A connection that loses one kind of its packets is no connection: what is dropped of one kind is dropped.
        """
        kinds = (REPLY_FLAGS if reply else REQUEST_FLAGS) if flow.protocol == TCP else (frozenset[str](),)
        dropped, texts = list[Piece](), list[str]()
        left = [Piece(flow)]
        for flags in kinds:
            judged = [(before, after) for before in left for after in self._stateless(before.flow, flags, view)]
            dropped += [after for _, after in judged if after.outcomes == {"drop"}]
            left = [before.then(after) for before, after in judged if after.outcomes != {"drop"}]
            texts += [said for before, after in judged if not before.outcomes >= after.outcomes for said in after.texts]
        decisive = texts if left else [said for piece in dropped for said in piece.texts]
        return Sifting(tuple(dropped), tuple(left), ", else ".join(dict.fromkeys(decisive)))

    def _stateless(self, flow: Flow, flags: frozenset[str], view: View) -> list[Piece]:
        """The first rule that fits, for each of the ports; what may fit stays possible beside what comes after it."""
        policy, done, left = self.firewall_policy, list[Piece](), [Piece(flow)]
        for reference in sorted(policy.stateless_rule_group_references, key=lambda r: r.priority):
            group = view.get("firewall_stateless_rules", reference.resource_arn, _home(reference.resource_arn))
            if not group:
                text = f"{_named(reference.resource_arn)}, which was not read"
                return [*done, *(piece.met("unknown", text, piece.flow) for piece in left)]
            for rule in group.rules:
                looks = rule.rule_definition.match_attributes
                fits = looks.covers(flow, flags)
                if fits == "no":
                    continue
                outcome = _standard(rule.rule_definition.actions)
                text = f"{group.name} priority {rule.priority}: {' '.join(rule.rule_definition.actions)}"
                hit, missed = list[Piece](), list[Piece]()
                for piece in left:
                    inside, outside = looks.cut(piece.flow)
                    hit += [piece.met(outcome, text, part) for part in inside]
                    missed += [Piece(part, piece.outcomes, piece.texts) for part in outside]
                done, left = ([*done, *hit], missed) if fits == "yes" else (done, [*hit, *missed])
                if not left:
                    return done
        text = f"stateless default: {' '.join(policy.stateless_default_actions)}"
        default = _standard(policy.stateless_default_actions)
        return [*done, *(piece.met(default, text, piece.flow) for piece in left)]

    # ------------------------------------------------------------ stateful

    def stateful(self, flow: Flow, reply: bool, home: tuple[str, ...] | None, view: View) -> Ruling:
        """What the stateful rules do to a packet; `home` are the CIDRs of the firewall's VPC, HOME_NET unless set.

        In strict order groups by priority, then rules as they stand; in action order pass before drop before reject.
        """
        says, policy = list(self._says(flow, home, view)), self.firewall_policy
        if policy.others:
            return Ruling(ANYTHING, f"settings that are not followed: {', '.join(policy.others)}")
        if policy.stateful_engine_options.rule_order == "DEFAULT_ACTION_ORDER":
            sure = next((say for say in says if say.sure and say.may == {"pass"}), None)
            says = [sure] if sure else sorted(says, key=lambda say: "pass" not in say.may)
        outcomes = set[str]()
        for say in says:
            outcomes |= say.may
            if say.sure:
                return Ruling(frozenset(outcomes), next(s.text for s in says if s.sure or len(outcomes) > 1))
        default, text = self._default(flow, reply)
        by: Literal["default", "both"] = "both" if "pass" in outcomes else "default"
        return Ruling(frozenset(outcomes | default), says[0].text if says and not outcomes <= default else text, by)

    def _says(self, flow: Flow, home: tuple[str, ...] | None, view: View) -> Iterator[Any]:
        policy = self.firewall_policy
        references = policy.stateful_rule_group_references
        if policy.stateful_engine_options.rule_order == "STRICT_ORDER":
            references = tuple(sorted(references, key=lambda reference: reference.priority))
        for reference in references:
            group = view.get("firewall_rule_group", reference.resource_arn, _home(reference.resource_arn))
            drops = reference.override is None or reference.override.action != "DROP_TO_ALERT"
            if group:
                yield from group.says(flow, self._variables(home), drops)
            else:
                yield Unfollowed(f"{_named(reference.resource_arn)}, which was not read")

    def _variables(self, home: tuple[str, ...] | None) -> Mapping[str, tuple[str, ...] | None]:
        named = {name: held.definition for name, held in self.firewall_policy.policy_variables.rule_variables.items()}
        inside = named.get("HOME_NET", home)
        outside = tuple(f"!{cidr}" for cidr in inside) if inside is not None else None
        return {"HOME_NET": inside, "EXTERNAL_NET": outside, **named}

    def _default(self, flow: Flow, reply: bool) -> tuple[frozenset[str], str]:
        """What becomes of a packet that no rule speaks of; without a default action it passes.

        `drop_established` lets TCP connections begin and answers through, and drops all else.
        """
        actions = self.firewall_policy.stateful_default_actions
        text = f"stateful default: {' '.join(actions) or 'pass'}"
        drops = [action for action in actions if not action.startswith("aws:alert")]
        if not drops:
            return frozenset(("pass",)), text
        if drops == ["aws:drop_strict"]:
            return frozenset(("drop",)), text
        if drops == ["aws:drop_established"]:
            return frozenset(("drop" if flow.protocol != TCP else "pass" if reply else "handshake",)), text
        return ANYTHING, text


@dataclass(frozen=True)
class Unfollowed:
    """What a group that was not read may do."""

    text: str
    may: frozenset[str] = ANYTHING
    sure: bool = False


def _standard(actions: tuple[str, ...]) -> str:
    """What the standard one among the actions does; custom ones only publish metrics."""
    return next((STANDARD[action] for action in actions if action in STANDARD), "unknown")


def _named(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _home(arn: str) -> Scope:
    """The account and Region that an ARN names, where they are those of somebody's account."""
    parts = arn.split(":")
    known = len(parts) > 4 and parts[4].isdecimal()
    return Scope(account=parts[4] if known else "", region=parts[3] if len(parts) > 3 else "")


class FirewallPolicyComponent(Component):
    """Reads firewall policies; leads no packet."""

    kind = "firewall_policy"
    reads = (
        Read(
            service="network-firewall",
            operation="describe_firewall_policy",
            action="network-firewall:DescribeFirewallPolicy",
            responses=("NetworkFirewallPolicies",),
            id_field="FirewallPolicyArn",
            resource=FirewallPolicy,
            lookups={"id": Lookup(keys=lambda raw: [raw["FirewallPolicyArn"]], parameter="FirewallPolicyArn")},
            single=True,
        ),
    )
