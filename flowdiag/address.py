"""Addresses, networks and protocol numbers: the small facts of IP that every component leans on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import Literal

from flowdiag.model import ICMP, ICMPV6, TCP, UDP, Address, Network

_NAMED = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "ipv6-icmp": ICMPV6}
EVERY_PROTOCOL = -1
AnyOf = tuple[Address, tuple[str, ...]] | None  # as `Packet.any_of` has it
# Documentation addresses stand for "anybody on the internet".
ANYBODY = {4: ip_address("198.51.100.1"), 6: ip_address("2001:db8::1")}
# Anybody is in one of these: a sixteenth of IPv4 (above them are no hosts), or a block that a registry gives addresses out of.
# A CIDR that holds none of them whole names so few that it names somebody, not anybody.
# https://www.iana.org/assignments/ipv6-unicast-address-assignments
GREAT_PARTS: dict[int, tuple[Network, ...]] = {
    4: tuple(ip_network(f"{sixteenth * 16}.0.0.0/4") for sixteenth in range(14)),
    6: tuple(ip_network(f"{block}::/12") for block in ("2400", "2600", "2800", "2a00", "2c00")),
}


@lru_cache(maxsize=65536)
def network(text: str) -> Network | None:
    """The network a CIDR names; None where it names none (half-written evidence is not an exception)."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=65536)
def address(text: str) -> Address | None:
    """The address a text names; None where it names none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def holds(cidr: str | None, inner: Address | Network) -> bool:
    """True where the CIDR is of the family of the address, or of the network, and holds it whole."""
    outer = network(cidr) if cidr else None
    return outer is not None and _inside(inner, outer)


def _inside(inner: Address | Network, outer: Network) -> bool:
    first, last = (inner, inner) if isinstance(inner, Address) else (inner.network_address, inner.broadcast_address)
    return inner.version == outer.version and first in outer and last in outer


def parts(target: Address, any_of: AnyOf = None) -> tuple[Address | Network, ...]:
    """What an address stands for: itself, each of the CIDRs that it stands for any of, or, where it stands for anybody, every
    great part of the internet."""
    if any_of and any_of[0] == target:
        return tuple(one for text in any_of[1] if (one := network(text)) and one.version == target.version)
    return GREAT_PARTS[target.version] if target in ANYBODY.values() else (target,)


def covered(cidrs: Iterable[str], target: Address, any_of: AnyOf = None) -> Literal["yes", "no", "unknown"]:
    """Whether the CIDRs together hold what the address stands for; unknown where they hold a part of it."""
    read: list[Network] = [outer for cidr in cidrs if (outer := network(cidr)) is not None]
    wanted = parts(target, any_of)
    outers = read if wanted == (target,) else _joined(read)  # a single address is never held by two of them together
    held = {any(_inside(part, outer) for outer in outers) for part in wanted}
    return "unknown" if len(held) > 1 else "yes" if True in held else "no"


def _joined(networks: Iterable[Network]) -> list[Network]:
    several = tuple(networks)
    four, six = [one for one in several if isinstance(one, IPv4Network)], [one for one in several if isinstance(one, IPv6Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]


def any_holds(cidrs: tuple[str, ...], inner: Address) -> bool:
    """True where one of the CIDRs holds the address."""
    return any(holds(cidr, inner) for cidr in cidrs)


def protocol_number(name: str | int | None) -> int | None:
    """The IANA number of a protocol as AWS writes it (`tcp`, `6`, `-1` for every protocol); None where it is none."""
    if name is None:
        return None
    text = str(name).strip().lower()
    if text in ("all", "-1"):
        return EVERY_PROTOCOL
    if text in _NAMED:
        return _NAMED[text]
    return int(text) if text.isdecimal() and int(text) <= 255 else None


_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_SHARED = ip_network("100.64.0.0/10")
_AWS_OWN = tuple(ip_network(text) for text in ("169.254.0.0/16", "fd00:ec2::/32", "fe80::/10"))


def _without(whole: IPv4Network, others: Iterable[Network]) -> list[IPv4Network]:
    left = [whole]
    for other in (one for one in others if isinstance(one, IPv4Network)):
        left = [part for one in left for part in (one.address_exclude(other) if other.subnet_of(one) else (one,))]
    return left


_NO_HOSTS = (IPv4Network("0.0.0.0/8"), IPv4Network("224.0.0.0/3"))
PUBLIC = (*map(str, _without(IPv4Network("0.0.0.0/0"), (*_PRIVATE, *_NO_HOSTS))), "2000::/3")
"""The CIDRs that hold every public address, and no other: https://www.iana.org/assignments/iana-ipv4-special-registry"""


def prefix_around(inner: Address) -> str:
    """The prefix that holds the address, of the size in which AWS delegates prefixes to interfaces.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
    """
    return str(ip_network((inner, 28 if inner.version == 4 else 80), strict=False))


def is_private(inner: Address) -> bool:
    """True for addresses that an internet gateway never carries: RFC 1918, RFC 6598, loopback, link-local, IPv6 unique local.

    https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html (IGW_… codes) and, for IPv6,
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html
    """
    return any(inner.version == outer.version and inner in outer for outer in _PRIVATE)


def is_shared(inner: Address) -> bool:
    """True for the shared address space of carriers, RFC 6598, which AWS's analyzer tells from private addresses."""
    return inner.version == 4 and inner in _SHARED


def is_aws_own(inner: Address) -> bool:
    """True for link-local service addresses (resolver, instance metadata, time) that no route, guard or flow log sees.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
    """
    return any(inner.version == outer.version and inner in outer for outer in _AWS_OWN)


def closest(cidrs: Iterable[str], target: Address) -> str:
    """The CIDR that lies closest to an address, by common leading bits; empty where none is of its version."""
    best: tuple[int, str] = (-1, "")
    for cidr in cidrs:
        outer = network(cidr)
        if outer is not None and outer.version == target.version:
            common = outer.max_prefixlen - (int(outer.network_address) ^ int(target)).bit_length()
            best = max(best, (min(common, outer.prefixlen), cidr))
    return best[1]
