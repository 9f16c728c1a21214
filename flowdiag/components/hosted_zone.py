"""Private hosted zones of Route 53: which a VPC has, what they answer, and where else one is that a VPC does not have.

https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-private.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.address import address
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource
from flowdiag.model import Address

Request = Callable[[Sequence[str], str], Mapping[str, Any]]


def host_of(text: str) -> str:
    """A DNS name in small letters without the last dot; Route 53 writes `*` by its number."""
    return text.strip().lower().rstrip(".").replace("\\052", "*")


class ZoneOwner(Part):
    """Whose a zone is: an account's, or an AWS service's that keeps it for one."""

    owning_account: str = ""
    owning_service: str = ""


class ZoneSummary(Part):
    """One private zone of a VPC."""

    hosted_zone_id: Id
    name: Id
    owner: ZoneOwner = ZoneOwner()

    @property
    def id(self) -> str:
        """The id without the path that Route 53 may put before it."""
        return self.hosted_zone_id.removeprefix("/hostedzone/")

    @property
    def domain(self) -> str:
        """The domain that it answers for."""
        return host_of(self.name)


class VpcZones(Resource):
    """The private zones of a VPC (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByVPC.html)."""

    kind: ClassVar[str] = "private_zones"
    vpc_id: str = Field(alias="VPCId")
    zones: tuple[ZoneSummary, ...] = Field(alias="HostedZoneSummaries")

    @property
    def id(self) -> str:
        """The VPC's id."""
        return self.vpc_id


class RecordValue(Part):
    """One value of a record."""

    value: Id


class AliasTarget(Part):
    """The name that an alias record stands for."""

    dns_name: str = Field(alias="DNSName", min_length=1)


class RecordSet(Part):
    """Records of one name and type; with a set identifier, one of several among which Route 53 chooses."""

    name: Id
    type: Id
    set_identifier: str = ""
    multi_value_answer: bool = False
    resource_records: tuple[RecordValue, ...] = ()
    alias_target: AliasTarget | None = None

    @property
    def host(self) -> str:
        """The name that it is of."""
        return host_of(self.name)

    @property
    def chosen(self) -> bool:
        """Whether Route 53 answers with one of several such; of multivalue answers clients get all, eight at most.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-multivalue.html
        """
        return bool(self.set_identifier) and not self.multi_value_answer

    @property
    def addresses(self) -> Iterator[Address]:
        """The addresses that it gives."""
        for value in self.resource_records if self.type != "CNAME" else ():
            literal = address(value.value)
            if literal is not None:
                yield literal

    @property
    def aliases(self) -> Iterator[str]:
        """The names that it points to."""
        if self.alias_target:
            yield host_of(self.alias_target.dns_name)
        elif self.type == "CNAME":
            yield from (host_of(value.value) for value in self.resource_records)


class ZoneRecords(Resource):
    """The records of one zone (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html)."""

    kind: ClassVar[str] = "hosted_zone_records"
    hosted_zone_id: str
    resource_record_sets: tuple[RecordSet, ...]

    @property
    def id(self) -> str:
        """The zone's id."""
        return self.hosted_zone_id

    def of(self, host: str) -> list[RecordSet]:
        """The records that lead to addresses, of the name itself, else of the closest wildcard above it.

        https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html#domain-name-format-asterisk
        """
        labels = host.split(".")
        above = (".".join(("*", *labels[start:])) for start in range(1, len(labels)))
        return next((self._by_host[name] for name in (host, *above) if name in self._by_host), [])

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that lead to addresses."""
        return tuple(self._by_host)

    @cached_property
    def _by_host(self) -> dict[str, list[RecordSet]]:
        found: dict[str, list[RecordSet]] = {}
        for record in self.resource_record_sets:
            if record.type in ("A", "AAAA", "CNAME"):
                found.setdefault(record.host, []).append(record)
        return found


class ZoneConfig(Part):
    """Whether a zone is private."""

    private_zone: bool = False


class ListedZone(Part):
    """A zone of an account, as lists of zones show it."""

    zone_id: str = Field(alias="Id", min_length=1)
    name: Id
    config: ZoneConfig = ZoneConfig()

    @property
    def id(self) -> str:
        """The id without the path that Route 53 puts before it."""
        return self.zone_id.removeprefix("/hostedzone/")


class ZonesOfDomain(Resource):
    """The first zones of an account from one domain on (API_ListHostedZonesByName.html in Route 53's API reference)."""

    kind: ClassVar[str] = "zones_of_domain"
    of: Id
    hosted_zones: tuple[ListedZone, ...]

    @property
    def id(self) -> str:
        """The domain that was asked for."""
        return self.of

    @property
    def private(self) -> tuple[ListedZone, ...]:
        """The private zones of this very domain; zones of other domains follow them in the list."""
        return tuple(zone for zone in self.hosted_zones if host_of(zone.name) == host_of(self.of) and zone.config.private_zone)


class ZoneVpc(Part):
    """A VPC that a zone answers in."""

    vpc_id: str = Field(alias="VPCId", min_length=1)
    vpc_region: str = Field(default="", alias="VPCRegion")


class HostedZone(Resource):
    """The VPCs that a zone answers in (https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html)."""

    kind: ClassVar[str] = "hosted_zone"
    zone_id: str = Field(alias="Id")
    vpcs: tuple[ZoneVpc, ...] = Field(alias="VPCs")

    @property
    def id(self) -> str:
        """The id."""
        return self.zone_id


def _read(operation: str, action: str, response: str, id_field: str, resource: type[Resource], request: Request) -> Read:
    return Read(
        service="route53",
        operation=operation,
        action=f"route53:{action}",
        responses=(response,),
        id_field=id_field,
        resource=resource,
        lookups={"id": Lookup(keys=lambda raw: [raw[id_field]], request=request)},
        single=True,
        own_names=id_field == "of",
    )


def _of_vpc(values: Sequence[str], region: str) -> dict[str, str]:
    return {"VPCId": values[0], "VPCRegion": region}


def _records(values: Sequence[str], region: str) -> dict[str, str]:
    return {"HostedZoneId": values[0]}


def _zone(values: Sequence[str], region: str) -> dict[str, str]:
    return {"Id": values[0]}


def _from_domain(values: Sequence[str], region: str) -> dict[str, str]:
    return {"DNSName": f"{values[0]}."}


class HostedZoneComponent(Component):
    """Reads zones; leads no packet."""

    kind = "hosted_zone"
    reads = (
        _read("list_hosted_zones_by_vpc", "ListHostedZonesByVPC", "PrivateHostedZones", "VPCId", VpcZones, _of_vpc),
        _read("list_resource_record_sets", "ListResourceRecordSets", "HostedZoneRecords", "HostedZoneId", ZoneRecords, _records),
        _read("get_hosted_zone", "GetHostedZone", "HostedZoneVpcs", "Id", HostedZone, _zone),
        _read("list_hosted_zones_by_name", "ListHostedZonesByName", "HostedZonesOfDomain", "of", ZonesOfDomain, _from_domain),
    )
