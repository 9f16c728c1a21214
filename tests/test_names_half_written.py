"""Half-written replies about services: as if they had not been read, never another verdict, never an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from test_half_written import ABSENT, _holders, _told
from test_names_live import BUILDS, Asked
from test_names_services import Services
from world import World

SERVICES = (
    "Functions", "DBInstances", "DBClusters", "DBClusterEndpoints", "DBProxies", "DBProxyEndpoints", "GlobalClusters",
    "workgroups", "CacheClusters", "ReplicationGroups", "ServerlessCaches",
    "Clusters", "DomainStatusList", "ClusterInfoList", "KafkaNodes", "FileSystemMountTargets", "cluster", "tasks",
    "EcsServiceTasks", "VpcDnsSupport", "VpcDnsHostnames", "PrivateHostedZones", "HostedZoneRecords", "Addresses",
    "PrefixLists", "VpcEndpoints", "DhcpOptions", "ResolverRules", "ResolverRuleAssociations", "ProfileAssociations",
    "EcsClusterNames",
)  # fmt: skip
SPOILT = (ABSENT, "", None, "?", {}, [], [None])
# What AWS itself writes: a function without VpcConfig runs outside any VPC, a domain without VPCOptions may be a public one.
MEANT = {("Functions", "VpcConfig")}


def _fields(value: Any) -> Iterator[str]:
    """Every name of a field inside a JSON value, each once."""
    found: dict[str, None] = {}
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found |= dict.fromkeys(one)
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    yield from sorted(found)


@pytest.mark.parametrize("build", BUILDS)
def test_a_half_written_service_decides_nothing(world: World, build: Callable[[Services], Asked]) -> None:
    """Whatever field of whatever service is missing, empty or of another type: the verdict stays, or nothing is decided."""
    asked = build(Services(world))
    told = _told(world.raw(), asked)
    replies = world.raw()[world.account, world.region]
    flips = []
    for key in (key for key in SERVICES if replies[key]):
        for field in _fields(replies[key]):
            for number, _ in enumerate(_holders(replies[key], field)):
                for spoilt in SPOILT:
                    if (key, field) in MEANT and spoilt in (ABSENT, None):
                        continue
                    copies = deepcopy(world.raw())
                    holder = list(_holders(copies[world.account, world.region][key], field))[number]
                    if spoilt == "?" and isinstance(holder[field], str):
                        continue  # another text is another name, not half of one
                    holder.pop(field) if spoilt is ABSENT else holder.update({field: spoilt})
                    now = _told(copies, asked)
                    flips += [] if now in (told, "inconclusive", "no such end") else [(key, field, number, spoilt, told, now)]
    assert not flips, flips
