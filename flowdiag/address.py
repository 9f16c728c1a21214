"""Addresses, networks and protocol numbers: the small facts of IP that every component leans on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network

from flowdiag.model import ICMP, ICMPV6, TCP, UDP, Address, Network

_NAMED = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "ipv6-icmp": ICMPV6}
EVERY_PROTOCOL = -1
WIDE = 4  # a prefix this short holds a great part of the internet, whoever stands for it
# Documentation addresses stand for "anybody on the internet": only rules for everybody, or for a great part of them, name these.
ANYBODY = {4: ip_address("198.51.100.1"), 6: ip_address("2001:db8::1")}


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


def holds(cidr: str | None, inner: Address) -> bool:
    """True where the CIDR is of the address's family and holds it."""
    outer = network(cidr) if cidr else None
    return outer is not None and outer.version == inner.version and inner in outer


def splits_anybody(cidr: str, inner: Address) -> bool:
    """True where the address stands for anybody on the internet, and the CIDR holds only a part of them."""
    outer = network(cidr)
    return (
        inner in ANYBODY.values()
        and outer is not None
        and outer.version == inner.version
        and outer.prefixlen > 0
        and (inner in outer or outer.prefixlen <= WIDE)
    )


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
