"""Route 53 Profiles: zones, resolver rules and endpoints that a VPC has by one, and not by itself.

What a Profile holds is not read, only that a VPC has one: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/profiles.html
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from flowdiag.component import Component, Id, Lookup, Read, Resource


class ProfileAssociation(Resource):
    """A Profile of a VPC (API_route53profiles_ProfileAssociation.html in Route 53's API reference)."""

    kind: ClassVar[str] = "dns_profile"
    association_id: str = Field(alias="Id")
    profile_id: Id

    @property
    def id(self) -> str:
        """The id of the association."""
        return self.association_id


class DnsProfileComponent(Component):
    """Reads which VPC has a Profile; leads no packet."""

    kind = "dns_profile"
    reads = (
        Read(
            service="route53profiles",
            operation="list_profile_associations",
            action="route53profiles:ListProfileAssociations",
            responses=("ProfileAssociations",),
            id_field="Id",
            resource=ProfileAssociation,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["Id"]]),
                "vpc": Lookup(keys=lambda raw: [raw["ResourceId"]], request=lambda values, region: {"ResourceId": values[0]}),
            },
        ),
    )
