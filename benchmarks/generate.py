"""Write a believable snapshot of a big account as raw describe JSON, the same bytes for the same sizes.

    python benchmarks/generate.py FOLDER --enis 100000 --groups 20000 --subnets 500

VPCs hold up to 50 subnets; each subnet has a network ACL of its own, every second one a route table of its own (public:
internet gateway), the others share their VPC's main table (private: NAT gateway). Security groups have ten rules each,
by CIDR and by group. `question(sizes)` names two interfaces that can reach each other and the port that is open.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "111122223333", "us-east-1"
SUBNETS_PER_VPC = 50
RULES_PER_GROUP = 10
SERVICES = (22, 80, 443, 3306, 5432, 6379, 8080, 8443, 9092, 9200)
Raw = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How much of everything there is."""

    enis: int = 100_000
    groups: int = 20_000
    subnets: int = 500

    @property
    def vpcs(self) -> int:
        return -(-self.subnets // SUBNETS_PER_VPC)

    @property
    def groups_per_vpc(self) -> int:
        return max(1, self.groups // self.vpcs)


def name(prefix: str, number: int) -> str:
    """An AWS id with 17 hexadecimal digits."""
    return f"{prefix}-{number + 1:017x}"


def tags(text: str) -> list[Raw]:
    return [{"Key": "Name", "Value": text}, {"Key": "team", "Value": f"team-{len(text) % 7}"}]


def vpc_network(vpc: int) -> IPv4Network:
    return IPv4Network((0x0A000000 + (vpc << 18), 14)) if vpc < 64 else IPv4Network((0x64400000 + ((vpc - 64) << 18), 14))


def subnet_network(subnet: int) -> IPv4Network:
    """A /20 inside the VPC's /14."""
    first = int(vpc_network(subnet // SUBNETS_PER_VPC).network_address)
    return IPv4Network((first + ((subnet % SUBNETS_PER_VPC) << 12), 20))
