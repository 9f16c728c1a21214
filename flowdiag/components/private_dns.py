"""DNS names as the resolver of the other end's VPC answers them: private hosted zones, private DNS of endpoints, AWS's own hosts.

The most specific private zone that holds a name answers alone, also that there is no such name:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.address import address
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, owner_scope
from flowdiag.model import Address, Unread
from flowdiag.named import Named, every

# Hosts of AWS's public services: `ec2.us-east-1.amazonaws.com`, `bucket.s3.us-east-1.amazonaws.com`, `s3.amazonaws.com`,
# https://docs.aws.amazon.com/general/latest/gr/rande.html. Names of a person's own resources end otherwise, or as these three.
_REGIONAL = re.compile(
    r"^(?!.+\.(?:elb|efs|kafka|kafka-serverless)\.[a-z0-9-]+\.amazonaws\.com)(?:[a-z0-9_-]+\.)*"
    r"(?P<service>[a-z0-9-]+)\.(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$"
)
_GLOBAL = re.compile(r"^(?:(?:[a-z0-9_-]+\.)*(?=s3\.))?(?P<service>[a-z0-9-]+)\.(?P<region>)amazonaws\.com$")
_HOST = re.compile(r"^(?:[a-z0-9_*-]+\.)+[a-z0-9-]+$")
GATEWAY_SERVICES = ("s3", "dynamodb")  # https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html


class ZoneOwner(Part):
    """Whose a zone is: an account's, or an AWS service's that keeps it for one."""

    owning_account: str = ""
    owning_service: str = ""


class ZoneSummary(Part):
    """One private zone of a VPC."""

    hosted_zone_id: Id
    name: Id
    owner: ZoneOwner = ZoneOwner()


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
    resource_records: tuple[RecordValue, ...] = ()
    alias_target: AliasTarget | None = None

    @property
    def host(self) -> str:
        """The name in small letters without the last dot; Route 53 writes `*` by its number."""
        return self.name.lower().rstrip(".").replace("\\052", "*")


class ZoneRecords(Resource):
    """The records of one zone (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html)."""

    kind: ClassVar[str] = "hosted_zone_records"
    hosted_zone_id: str
    resource_record_sets: tuple[RecordSet, ...]

    @property
    def id(self) -> str:
        """The zone's id."""
        return self.hosted_zone_id


def _read(operation: str, action: str, response: str, id_field: str, resource: type[Resource], lookup: Lookup) -> Read:
    return Read("route53", operation, f"route53:{action}", (response,), id_field, resource, {"id": lookup}, single=True)


class PrivateDnsComponent(Component):
    """Names that mean what the VPC of the other end makes of them."""

    kind = "private_dns"
    spoken = "dns"
    reads = (
        _read(
            "list_hosted_zones_by_vpc",
            "ListHostedZonesByVPC",
            "PrivateHostedZones",
            "VPCId",
            VpcZones,
            Lookup(keys=lambda raw: [raw["VPCId"]], request=lambda values, region: {"VPCId": values[0], "VPCRegion": region}),
        ),
        _read(
            "list_resource_record_sets",
            "ListResourceRecordSets",
            "HostedZoneRecords",
            "HostedZoneId",
            ZoneRecords,
            Lookup(keys=lambda raw: [raw["HostedZoneId"]], parameter="HostedZoneId"),
        ),
    )

    def claims(self, text: str) -> bool:
        """A host of AWS's public services."""
        return _aws(_host(text)) is not None

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """What the name resolves to in the VPCs of the other end; an AWS host, anywhere."""
        host = _host(text)
        if not _HOST.match(host):
            return ()
        vpcs = dict.fromkeys((interface.vpc_id, interface.scope) for interface in near)
        aws = _aws(host)
        found = every(_in_vpc(host, vpc, scope, bool(aws), view) for vpc, scope in vpcs)
        if isinstance(found, Unread):
            return found
        answers = {named.resource + repr(named.alias): named for named in found if named}
        if answers or not aws:
            return tuple(answers.values())
        return every([_public(host, aws["service"], aws["region"] or "us-east-1", near, view)])


def _aws(host: str) -> re.Match[str] | None:
    return _REGIONAL.match(host) or _GLOBAL.match(host)


def _host(text: str) -> str:
    return text.strip().lower().rstrip(".")


def _in_vpc(host: str, vpc: str, scope: Any, aws: bool, view: View) -> Named | Unread | None:
    zones = view.get("private_zones", vpc, scope)
    if isinstance(zones, Unread):
        if not aws:
            return zones
        view.assume(zones.query, "no private hosted zone of the VPC answers for this name")
    # Zones that a service keeps are those of endpoints, which say themselves what they answer to.
    held = [z for z in (zones.zones if zones else ()) if not z.owner.owning_service and _within(host, _host(z.name))]
    if held:
        return _in_zone(host, max(held, key=lambda zone: len(zone.name)), scope, view)
    return _at_endpoint(host, vpc, scope, view)


def _within(host: str, zone: str) -> bool:
    return host == zone or host.endswith(f".{zone}")


def _in_zone(host: str, zone: ZoneSummary, scope: Any, view: View) -> Named | Unread:
    owner = zone.owner.owning_account
    there = scope.model_copy(update={"account": owner}) if owner and scope.account else scope
    known = view.get("hosted_zone_records", zone.hosted_zone_id.removeprefix("/hostedzone/"), there)
    if isinstance(known, Unread):
        return known
    records = _records(host, known.resource_record_sets if known else ())
    outside = f"has no A, AAAA or CNAME record in the private hosted zone {zone.name} ({zone.hosted_zone_id})"
    return Named(
        resource=host,
        label=host,
        addresses=tuple(_addresses(records)),
        alias=tuple(dict.fromkeys(_aliases(records))),
        guess=any(record.set_identifier for record in records),
        outside=f"{outside}, which alone answers for it in its VPC: add one, or ask by another name",
    )


def _records(host: str, records: Iterable[RecordSet]) -> list[RecordSet]:
    """Those of the name itself, else of the closest wildcard above it.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DomainNameFormat.html#domain-name-format-asterisk
    """
    kept = [record for record in records if record.type in ("A", "AAAA", "CNAME")]
    labels = host.split(".")
    for name in (host, *(".".join(("*", *labels[start:])) for start in range(1, len(labels)))):
        found = [record for record in kept if record.host == name]
        if found:
            return found
    return []


def _addresses(records: list[RecordSet]) -> Iterator[Address]:
    for value in (value for record in records if record.type != "CNAME" for value in record.resource_records):
        literal = address(value.value)
        if literal is not None:
            yield literal


def _aliases(records: list[RecordSet]) -> Iterator[str]:
    for record in records:
        if record.alias_target:
            yield _host(record.alias_target.dns_name)
        elif record.type == "CNAME":
            yield from (_host(value.value) for value in record.resource_records)


def _at_endpoint(host: str, vpc: str, scope: Any, view: View) -> Named | Unread | None:
    """The interface endpoint of the VPC that answers to a service's name by private DNS.

    https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
    """
    found = view.find("vpc_endpoint", "vpc", vpc, owner_scope(vpc, scope, view))
    if isinstance(found, Unread):
        return found
    ids = [e.id for e in found if e.state.lower() != "deleted" and any(entry.is_for(host) for entry in e.dns_entries)]
    return Named(resource=host, label=host, alias=tuple(ids)) if ids else None


def _public(host: str, service: str, region: str, near: tuple[Any, ...], view: View) -> Named | Unread:
    """A service's public side: an address of its prefix list, where it has one, so that routes to a gateway endpoint count."""
    if service in GATEWAY_SERVICES and near:
        found = view.find("service_prefix_list", "service", f"com.amazonaws.{region}.{service}", near[0].scope)
        if isinstance(found, Unread):
            return found
        networks = [ip_network(text) for listed in found for text in listed.networks]
        if networks:
            return Named(resource=host, label=host, addresses=(networks[0][min(1, networks[0].num_addresses - 1)],))
    return Named(resource=host, label=host, internet=True)
