"""DNS names as the resolver of the other end's VPC answers them: private hosted zones, private DNS of endpoints, AWS's own hosts.

The most specific private zone that holds a name answers alone, also that there is no such name:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from flowdiag.component import Component, View, owner_scope
from flowdiag.model import Query, Scope, Unread
from flowdiag.named import Named, Vicinity, every, listed
from flowdiag.nameservers import forwarding, others, within

# Hosts of AWS's public services: `ec2.us-east-1.amazonaws.com`, `bucket.s3.us-east-1.amazonaws.com`, `s3.amazonaws.com`,
# https://docs.aws.amazon.com/general/latest/gr/rande.html. Names of a person's own resources in a VPC end otherwise, or as these.
_OWN = "elb|efs|fsx|kafka|kafka-serverless|rds|docdb|neptune|memorydb|dax-clusters|mq"
_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-\d+"
_REGIONAL = re.compile(
    rf"^(?!.+\.(?:{_OWN})\.[a-z0-9-]+\.amazonaws\.com)(?:[a-z0-9_-]+\.)*(?P<service>(?!dualstack\.)[a-z0-9-]+)(?:\.dualstack)?"
    rf"\.(?P<region>{_REGION})\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$"
)
# Older names of S3 and its websites, and URLs of functions:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#s3-legacy-endpoints
# https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
_LEGACY = re.compile(rf"^(?:[a-z0-9_-]+\.)*(?P<service>s3)-(?:website-)?(?P<region>{_REGION})\.amazonaws\.com$")
_URL = re.compile(rf"^[a-z0-9]+\.(?P<service>lambda-url)\.(?P<region>{_REGION})\.on\.aws$")
_GLOBAL = re.compile(r"^(?:(?:[a-z0-9_-]+\.)*(?=s3\.))?(?P<service>[a-z0-9-]+)\.(?P<region>)amazonaws\.com$")
_HOST = re.compile(r"^(?:[a-z0-9_*-]+\.)+[a-z][a-z0-9-]*$")
GATEWAY_SERVICES = ("s3", "dynamodb")  # https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
Vpcs = tuple[tuple[str, Scope], ...]


class PrivateDnsComponent(Component):
    """Names that mean what the VPC of the other end makes of them."""

    kind = "private_dns"
    spoken = "dns"

    def claims(self, text: str) -> bool:
        """A host of AWS's public services."""
        return _aws(_host(text)) is not None

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """What the name resolves to in the VPCs of the other end; an AWS host, anywhere."""
        host = _host(text)
        if not _HOST.match(host):
            return ()
        aws = _aws(host)
        found = every(_in_vpc(host, vpc, scope, bool(aws), view) for vpc, scope in _vpcs(near))
        if isinstance(found, Unread):
            return found
        answers = {repr((named.alias, named.addresses, named.outside)): named for named in found if named}
        if answers or not aws:
            return tuple(answers.values())
        return every([_public(host, aws["service"], aws["region"] or "us-east-1", near, view)])

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The names of its zones, and the hosts that gateway endpoints are for: what these ask for serves AWS's other hosts."""
        yield from (f"{service}.{place.scope.region}.amazonaws.com" for service in GATEWAY_SERVICES if place.scope.region)
        zones = view.get("private_zones", place.vpc, place.scope)
        for zone in (one for one in zones.zones if not one.owner.owning_service) if zones else ():
            known = view.get("hosted_zone_records", zone.id, _keeper(zone, place.scope))
            yield from known.hosts if known else ()

    def sought(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """Why the VPCs of the other end have no answer: somebody else is asked for the name, or its zone is not theirs."""
        host, vpcs = _host(text), _vpcs(near)
        if not _HOST.match(host) or _aws(host) or not vpcs:
            return ()
        rules = {vpc: forwarding(host, "", vpc, scope, view) for vpc, scope in vpcs}
        told = tuple(_forwarded(host, rule, vpc) for vpc, rule in rules.items() if rule)
        lacked = () if told else _lacked(host, vpcs, view)
        if told or lacked:
            return told[:1] or lacked
        asked = {vpc: others(vpc, scope, view) for vpc, scope in vpcs}
        by_dhcp = tuple(_by_dhcp(host, vpc, servers) for vpc, servers in asked.items() if servers)
        return by_dhcp[:1] or next((one for one in (*rules.values(), lacked) if isinstance(one, Unread)), ())


def _vpcs(near: tuple[Any, ...]) -> Vpcs:
    return tuple(dict.fromkeys((interface.vpc_id, interface.scope) for interface in near))


def _aws(host: str) -> re.Match[str] | None:
    return next((found for one in (_REGIONAL, _LEGACY, _URL, _GLOBAL) if (found := one.match(host))), None)


def _host(text: str) -> str:
    return text.strip().lower().rstrip(".")


def _in_vpc(host: str, vpc: str, scope: Scope, aws: bool, view: View) -> Named | Unread | None:
    """What the VPC's own resolver answers; None where it knows nothing of its own."""
    asked = others(vpc, scope, view)
    off = _switched_off(vpc, scope, view)
    if off:
        outside = f"is not answered by the resolver of {vpc}, whose {off} is off: switch it on, or give the address"
        return None if aws else _by_dhcp(host, vpc, asked) if asked else Named(resource=host, label=host, outside=outside)
    zones = view.get("private_zones", vpc, scope)
    if isinstance(zones, Unread):
        if not aws:
            return zones
        view.assume(zones.query, "no private hosted zone of the VPC answers for this name")
    _note_profile(vpc, scope, view)
    fits = [zone for zone in (zones.zones if zones else ()) if within(host, zone.domain)]
    # Zones that a service keeps are those of endpoints, which say themselves what they answer to.
    own = [zone for zone in fits if not zone.owner.owning_service]
    closest = max(own, key=lambda zone: len(zone.domain), default=None)
    answer = _in_zone(host, closest, scope, view) if closest else _at_endpoint(host, vpc, scope, view)
    local = max((zone.domain for zone in fits), key=len, default=host if answer else "")
    rule = forwarding(host, local, vpc, scope, view) if own or answer or aws else None
    if isinstance(rule, Unread):
        return rule
    if rule and aws and "." not in rule.domain:
        query = Query(kind="resolver_rule", by="id", value=rule.id, scope=rule.scope)
        reason = f"{vpc} asks {_joined(rule.servers)} for it, whose answers are not seen"
        view.lack(Unread(query=query, reason=reason, assumed="the name means the service's public addresses", retry=False))
    elif rule:
        return _forwarded(host, rule, vpc)
    return answer


def _forwarded(host: str, rule: Any, vpc: str) -> Named:
    """Somebody set the domain up to be answered elsewhere, so what AWS would say of it is most likely not what hosts get: a
    path to that would be another question's. Where a rule takes all names of the internet along, hosts of AWS's are walked on."""
    domain = f"names of {rule.domain}" if rule.domain else "every name"
    named = rule.id if rule.name == rule.id else f"{rule.name} ({rule.id})"
    by = f"by the resolver rule {named} for {domain}"
    outside = f"is forwarded by the resolver of {vpc} to {_joined(rule.servers)}, {by}: resolve it there, and give the address"
    return Named(resource=host, label=host, outside=outside)


def _by_dhcp(host: str, vpc: str, servers: tuple[str, ...]) -> Named:
    outside = f"has no answer that AWS shows in {vpc}, whose DHCP options make its hosts ask {_joined(servers)}"
    return Named(resource=host, label=host, outside=f"{outside}: resolve it there, and give the address")


def _joined(texts: Iterable[str]) -> str:
    return " and ".join(texts)


def _note_profile(vpc: str, scope: Scope, view: View) -> None:
    """Zones and rules may come by a Profile too, and what one holds is not read.

    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByVPC.html
    """
    owner = owner_scope(vpc, scope, view)
    found = view.find("dns_profile", "vpc", vpc, owner)
    if isinstance(found, Unread):
        view.assume(found.query, "the VPC has no Route 53 Profile that answers for this name")
        return
    for profile in found:
        query = Query(kind="dns_profile", by="id", value=profile.profile_id, scope=owner)
        assumed = "nothing that it gives to the VPC answers for this name"
        view.lack(Unread(query=query, reason="what it holds is not read", assumed=assumed, retry=False))


def _lacked(host: str, vpcs: Vpcs, view: View) -> tuple[Named, ...] | Unread:
    """The private zones of the account that hold the name and that these VPCs are not associated with.

    Only the account that owns a zone is shown it, so there may be more: nothing is said of the others.
    """
    own = every(view.get("private_zones", vpc, scope) for vpc, scope in vpcs)
    if isinstance(own, Unread):
        return own
    held = {zone.id for answer in own if answer for zone in answer.zones}
    labels = host.split(".")
    listed = [view.find("zones_of_domain", "id", ".".join(labels[start:])) for start in range(len(labels))]
    zones = {zone.id: (zone, answer.scope) for several in listed for answer in several or () for zone in answer.private}
    lacked = [of for id, of in zones.items() if id not in held]
    told = [text for zone, scope in lacked if (text := _elsewhere(host, zone, scope, view))]
    if not told:
        return next((answer for answer in listed if isinstance(answer, Unread)), ())
    names = _joined(vpc for vpc, _ in vpcs)
    joined = (view.find("dns_profile", "vpc", vpc, owner_scope(vpc, scope, view)) or () for vpc, scope in vpcs)
    profiles = [one.profile_id for several in joined for one in several]
    doubt = f", unless by the Route 53 Profile {_joined(profiles)}, which is not read" if profiles else ""
    outside = f"has no answer in {names}: {_joined(told)}, and not with {names}{doubt}"
    way = f"associate the zone with {names}, or ask by the address"
    return (Named(resource=host, label=host, outside=f"{outside}: {way}"),)


def _elsewhere(host: str, zone: Any, scope: Scope, view: View) -> str:
    """Where a zone answers, and what; empty where it has no record of the name."""
    joined, known = view.get("hosted_zone", zone.id, scope), view.get("hosted_zone_records", zone.id, scope)
    records = known.of(host) if known else []
    if known and not records:
        return ""
    vpcs = _joined(f"{vpc.vpc_id} in {vpc.vpc_region}" for vpc in joined.vpcs) if joined else "VPCs that were not read"
    gives = _joined(dict.fromkeys(str(one) for record in records for one in (*record.addresses, *record.aliases)))
    held = f", which gives {gives} for it," if gives else ""
    return f"the private hosted zone {zone.name.rstrip('.')} ({zone.id}){held} is associated with {vpcs}"


def _switched_off(vpc: str, scope: Any, view: View) -> str:
    """The attribute of the VPC by which its private names are off; where one was not read it is taken to be on, as it has
    to be when a private zone or an endpoint's private DNS is set up.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
    """
    off = ""
    for kind, attribute in (("vpc_dns_support", "enableDnsSupport"), ("vpc_dns_hostnames", "enableDnsHostnames")):
        found = view.get(kind, vpc, owner_scope(vpc, scope, view))
        if isinstance(found, Unread):
            view.assume(found.query, f"{attribute} is on")
        off = off or (attribute if found and not found.on else "")
    return off


def _keeper(zone: Any, scope: Scope) -> Scope:
    """Where the account that owns a zone reads."""
    owner = zone.owner.owning_account
    return Scope(account=owner, region=scope.region) if owner and scope.account else scope


def _in_zone(host: str, zone: Any, scope: Any, view: View) -> Named | Unread:
    known = view.get("hosted_zone_records", zone.id, _keeper(zone, scope))
    if isinstance(known, Unread):
        return known
    records = known.of(host) if known else []
    outside = f"has no A, AAAA or CNAME record in the private hosted zone {zone.name} ({zone.hosted_zone_id})"
    return Named(
        resource=host,
        label=host,
        addresses=tuple(one for record in records for one in record.addresses),
        alias=tuple(dict.fromkeys(name for record in records for name in record.aliases)),
        guess=any(record.chosen for record in records),
        outside=f"{outside}, which alone answers for it in its VPC: add one, or ask by another name",
    )


def _at_endpoint(host: str, vpc: str, scope: Any, view: View) -> Named | Unread | None:
    """The interface endpoint of the VPC that answers to a service's name by private DNS.

    https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html
    """
    found = view.find("vpc_endpoint", "vpc", vpc, owner_scope(vpc, scope, view))
    if isinstance(found, Unread):
        return found
    nameless = next((e for e in found if not e.names_known), None)
    if nameless:
        query = Query(kind="vpc_endpoint", by="id", value=nameless.id, scope=nameless.scope)
        return view.lack(Unread(query=query, reason="it shows no DNS names", retry=False))
    ids = [e.id for e in found if e.answers(host)]
    return Named(resource=host, label=host, alias=tuple(ids)) if ids else None


def _public(host: str, service: str, region: str, near: tuple[Any, ...], view: View) -> Named | Unread:
    """A service's public side: an address of its prefix list, where it has one, so that routes to a gateway endpoint count."""
    if service in GATEWAY_SERVICES and near:
        found = view.find("service_prefix_list", "service", f"com.amazonaws.{region}.{service}", near[0].scope)
        if isinstance(found, Unread):
            return found
        named = listed(found, Named(resource=host, label=host))
        if named.addresses:
            return named
    return Named(resource=host, label=host, internet=True)
