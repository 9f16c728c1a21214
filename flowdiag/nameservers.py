"""Whom the hosts of a VPC ask for names: AWS's resolver of the VPC, other servers that DHCP gives them, or those that a rule
of the resolver forwards a domain to. What anybody but AWS's resolver answers is seen nowhere in AWS.

https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
"""

from __future__ import annotations

from typing import Any

from flowdiag.address import address, network
from flowdiag.component import WHOLE, View, owner_scope
from flowdiag.model import Query, Scope, Unread

AMAZON = "AmazonProvidedDNS"
# The resolver's addresses in every VPC; one more is the base of the primary CIDR plus two.
OWN = tuple(map(address, ("169.254.169.253", "fd00:ec2::253")))
NO_OPTIONS = "default"  # how AWS writes that a VPC has no option set: API_AssociateDhcpOptions.html in EC2's API reference
ALIKE = "its hosts get the answers of AWS's resolver"
UNFORWARDED = "no rule of its resolver forwards the name to other servers"


def others(vpc: str, scope: Scope, view: View) -> tuple[str, ...]:
    """The DNS servers beside AWS's own that DHCP names to the hosts of a VPC; that they answer alike is assumed, and told.

    So a name goes on being walked to what AWS's resolver says of it: AWS tells people to make servers of their own forward
    to that resolver, or no private zone would work, so that is the path worth looking at. Whether they do is seen nowhere in
    AWS, and so the answer names the servers that have to be asked.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
    """
    owner, found = owner_scope(vpc, scope, view), view.get("vpc", vpc, scope)
    if not found or found.dhcp_options_id in ("", NO_OPTIONS):
        has = "has" if found and found.dhcp_options_id else "shows"
        _assume(vpc, f"{vpc} {has} no DHCP option set" if found else f"{vpc} was not read", owner, view)
        return ()
    options = view.get("dhcp_options", found.dhcp_options_id, owner)
    if not options:
        view.assume(Query(kind="dhcp_options", by="id", value=found.dhcp_options_id, scope=owner), ALIKE)
        return ()
    asked = tuple(server for server in options.dns_servers if not _is_own(server, found))
    if asked or not options.dns_servers:
        named = f"{' and '.join(asked)} to be asked, whose answers are not seen" if asked else "no DNS server"
        _assume(vpc, f"{options.id} names {named}", owner, view)
    return asked


def _assume(vpc: str, reason: str, scope: Scope, view: View) -> None:
    query = Query(kind="dhcp_options", by="vpc", value=vpc, scope=scope)
    view.lack(Unread(query=query, reason=reason, assumed=ALIKE, retry=False))


def _is_own(server: str, vpc: Any) -> bool:
    literal, primary = address(server), network(vpc.cidr_block)
    return server == AMAZON or literal in OWN or (primary is not None and literal == primary.network_address + 2)


def forwarding(host: str, local: str, vpc: str, scope: Scope, view: View) -> Any:
    """The rule by which a VPC's resolver forwards a name to other servers, None, or Unread where one is half-written.

    `local` is the domain for which the VPC has an answer of its own, or empty: the most particular domain decides, and of
    two alike the rule's: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
    Where rules were not read, that none forwards the name is assumed.
    """
    owner = owner_scope(vpc, scope, view)
    joined = view.find("resolver_rule_association", "vpc", vpc, owner)
    ids = {one.resolver_rule_id for one in joined if one.in_force} if not isinstance(joined, Unread) else set()
    rules = view.find("resolver_rule", WHOLE, WHOLE, owner) if ids else ()
    for unread in (answer for answer in (joined, rules) if isinstance(answer, Unread)):
        if unread.malformed:
            return unread
        view.assume(unread.query, UNFORWARDED)
        return None
    known = {rule.id: rule for rule in rules if rule.id in ids}
    for id in sorted(ids - known.keys()):
        view.assume(Query(kind="resolver_rule", by="id", value=id, scope=owner), UNFORWARDED)
    fits = [rule for rule in known.values() if within(host, rule.domain)]
    best = max(fits, key=lambda rule: len(rule.domain), default=None)
    return best if best and best.servers and len(best.domain) >= len(local) else None


def within(host: str, domain: str) -> bool:
    """Whether a name lies in a domain; the empty domain holds every name."""
    return not domain or host == domain or host.endswith(f".{domain}")
