"""Rules by which the resolver of a VPC forwards the names of a domain to other DNS servers.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-overview-forward-vpc-to-network-domain-name-matches.html
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, by_listing


class TargetAddress(Part):
    """One server that queries are forwarded to."""

    ip: str = ""
    ipv6: str = ""


class ResolverRule(Resource):
    """A rule (https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_ResolverRule.html)."""

    kind: ClassVar[str] = "resolver_rule"
    rule_id: str = Field(alias="Id")
    rule_name: str = Field(default="", alias="Name")
    domain_name: str = ""
    rule_type: Id
    target_ips: tuple[TargetAddress, ...] = ()

    @property
    def id(self) -> str:
        """The id."""
        return self.rule_id

    @property
    def name(self) -> str:
        """The name that a person gave it, else the id."""
        return self.rule_name or self.rule_id

    @property
    def domain(self) -> str:
        """The domain whose names it is about, in small letters without the last dot; empty for all names."""
        return self.domain_name.lower().rstrip(".")

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses that queries are forwarded to; a rule without any forwards nothing."""
        told = (target.ip or target.ipv6 for target in self.target_ips) if self.rule_type == "FORWARD" else ()
        return tuple(server for server in told if server)


class ResolverRuleAssociation(Resource):
    """A rule in force in a VPC (API_route53resolver_ResolverRuleAssociation.html in Route 53's API reference)."""

    kind: ClassVar[str] = "resolver_rule_association"
    association_id: str = Field(alias="Id")
    resolver_rule_id: Id
    status: str = ""

    @property
    def id(self) -> str:
        """The id."""
        return self.association_id

    @property
    def in_force(self) -> bool:
        """Whether the rule counts in the VPC now; those that AWS makes itself forward nothing to anybody else."""
        return self.status in ("", "COMPLETE") and not self.resolver_rule_id.startswith("rslvr-autodefined-")


class ResolverRuleComponent(Component):
    """Reads rules and the VPCs that they are in force in; leads no packet.

    Rules are listed all at once: AWS lists none by VPC, and an account has few.
    """

    kind = "resolver_rule"
    reads = (
        Read(
            service="route53resolver",
            operation="list_resolver_rules",
            action="route53resolver:ListResolverRules",
            responses=("ResolverRules",),
            id_field="Id",
            resource=ResolverRule,
            lookups={"id": Lookup(keys=lambda raw: [raw["Id"]]), WHOLE: by_listing()},
        ),
        Read(
            service="route53resolver",
            operation="list_resolver_rule_associations",
            action="route53resolver:ListResolverRuleAssociations",
            responses=("ResolverRuleAssociations",),
            id_field="Id",
            resource=ResolverRuleAssociation,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["Id"]]),
                "vpc": Lookup(keys=lambda raw: [raw["VPCId"]], filter="VPCId"),
            },
        ),
    )
