"""Prefix lists: the CIDRs behind a `pl-…` in a rule or a route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import Cidr, Component, Lookup, Part, Read, Resource, required


class Entry(Part):
    """One CIDR of a managed prefix list."""

    cidr: str = ""


class PrefixList(Resource):
    """A prefix list with its CIDRs, from either call that shows them.

    https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html
    """

    kind: ClassVar[str] = "prefix_list"
    prefix_list_id: str
    entries: tuple[Entry, ...] = ()
    cidrs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The prefix list id."""
        return self.prefix_list_id

    @property
    def networks(self) -> tuple[str, ...]:
        """Every CIDR of the list."""
        return self.cidrs or tuple(entry.cidr for entry in self.entries)


class ServicePrefixList(PrefixList):
    """The list of a service that has gateway endpoints, found by the service's name (API_DescribePrefixLists.html)."""

    kind: ClassVar[str] = "service_prefix_list"
    cidrs: tuple[Cidr, ...] = Field(min_length=1)


def _id(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["PrefixListId"]]


def _with_cidrs(entries: Iterable[Any]) -> Iterable[Any]:
    """The lists that show their CIDRs: DescribeManagedPrefixLists, whose replies look the same, shows none of any list."""
    return (entry for entry in entries if "Cidrs" in entry)


class PrefixListComponent(Component):
    """Reads prefix lists; leads no packet.

    GetManagedPrefixListEntries answers for AWS's lists as well as for one's own; DescribePrefixLists, which a saved
    folder may hold instead, knows only AWS's: it is called for the list of a service that has a gateway endpoint.
    """

    kind = "prefix_list"
    reads = (
        Read(
            service="ec2",
            operation="get_managed_prefix_list_entries",
            action="ec2:GetManagedPrefixListEntries",
            responses=("ManagedPrefixListEntries",),
            id_field="PrefixListId",
            resource=PrefixList,
            lookups={"id": Lookup(keys=_id, parameter="PrefixListId")},
            single=True,
        ),
        Read(
            service="ec2",
            operation="describe_prefix_lists",
            action="ec2:DescribePrefixLists",
            responses=("PrefixLists",),
            id_field="PrefixListId",
            resource=PrefixList,
            lookups={"id": Lookup(keys=_id)},
            items=_with_cidrs,
            lists_all=False,
        ),
        Read(
            service="ec2",
            operation="describe_prefix_lists",
            action="ec2:DescribePrefixLists",
            responses=("PrefixLists",),
            id_field="PrefixListId",
            resource=ServicePrefixList,
            lookups={
                "id": Lookup(keys=_id),
                "service": Lookup(keys=required("PrefixListName"), filter="prefix-list-name"),
            },
        ),
    )
