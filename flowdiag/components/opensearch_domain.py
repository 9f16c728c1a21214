"""OpenSearch domains: a name or endpoint stands for the interfaces of a domain in a VPC, or for its public endpoint.

The interfaces have the domain's name in their description (observed: `ES <domain>`); clients get the addresses of some:
https://docs.aws.amazon.com/opensearch-service/latest/developerguide/vpc.html
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import Component, Lookup, Part, Read, Resource, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, arn_scope, every
from flowdiag.service import Condition, State, observed

PORTS = (443, 80)
_ARN = re.compile(r"^arn:[^:]+:es:[^:]+:\d+:domain/(?P<name>[a-z0-9-]+)$")
_DNS = re.compile(
    r"^(?:vpc|search)-(?P<name>[a-z0-9-]+)-[a-z0-9]+\.(?:[a-z0-9-]+\.es\.amazonaws\.com(?:\.cn)?|(?:aos\.)?[a-z0-9-]+\.on\.aws)\.?$"
)
_NAME = re.compile(r"^[a-z][a-z0-9-]{2,27}$")


class VpcOptions(Part):
    """Where in a VPC a domain lies."""

    subnet_ids: tuple[str, ...] = Field(min_length=1)


class OpenSearchDomain(Resource):
    """A domain (https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainStatus.html)."""

    kind: ClassVar[str] = "opensearch_domain"
    domain_name: str
    arn: str = Field(alias="ARN", min_length=1)
    created: bool | None = None
    deleted: bool = False
    endpoint: str = ""
    vpc_options: VpcOptions | None = Field(default=None, alias="VPCOptions")

    @property
    def id(self) -> str:
        """The name."""
        return self.domain_name

    @property
    def state(self) -> tuple[State, str]:
        """What its state means, and how AWS says it."""
        if self.deleted:
            return "down", "being deleted"
        words: dict[bool | None, tuple[State, str]] = {True: ("up", "created"), False: ("down", "being created")}
        return words.get(self.created, ("unknown", ""))


class OpenSearchDomainComponent(Component):
    """A domain by its name, ARN or endpoint."""

    kind = "opensearch_domain"
    spoken = "opensearch"
    reads = (
        Read(
            service="opensearch",
            operation="describe_domains",
            action="es:DescribeDomains",
            responses=("DomainStatusList",),
            id_field="DomainName",
            resource=OpenSearchDomain,
            own_names=True,
            lookups={"id": Lookup(keys=lambda raw: [raw["DomainName"]], parameter="DomainNames")},
            lists_all=False,
        ),
    )

    def claims(self, text: str) -> bool:
        """A domain's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The domain, with the interfaces that have its name."""
        known = _ARN.match(text) or _DNS.match(text.lower())
        name = known["name"] if known else text
        if not _NAME.match(name):
            return ()
        found = view.find("opensearch_domain", "id", name, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> tuple[str, ...]:
        """The domains with interfaces in the VPC."""
        return place.described("ES ")

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the domain takes connections."""
        found = view.get("opensearch_domain", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state, said = found.state
        return observed(Condition(name=found.id, said=said, state=state, ports=PORTS, shown=said), place, packet)


def _named(found: OpenSearchDomain, view: View) -> Named | Unread:
    service = Place(kind="opensearch_domain", id=found.id, scope=found.scope)
    if found.vpc_options is None:
        unknown = "is a domain that shows neither a VPC nor a public endpoint: ask again once it is there, or give an address"
        public = bool(found.endpoint)
        return Named(found.arn, found.id, internet=public, outside="" if public else unknown, service=service)
    faces = view.find("network_interface", "description", f"ES {found.id}", found.scope)
    if isinstance(faces, Unread):
        return faces
    where = f"is a domain in {', '.join(found.vpc_options.subnet_ids)}, of which no network interface was found"
    return Named(found.arn, found.id, faces, outside=f"{where}: give an address of it", service=service)
