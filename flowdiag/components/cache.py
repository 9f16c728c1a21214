"""ElastiCache: clusters, replication groups and serverless caches by their names and endpoints.

Observed, not documented: the interface of a node is described `ElastiCache <cluster id>`. Which node an endpoint leads to is
documented: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Replication.Endpoints.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every
from flowdiag.service import Condition, State, behind, observed

_ARN = re.compile(r"^arn:[^:]+:elasticache:[^:]+:\d+:(?P<kind>cluster|replicationgroup|serverlesscache):(?P<name>[^:]+)$")
_DNS = re.compile(r"^(?:[a-z0-9-]+\.)+(?:serverless\.)?[a-z0-9-]+\.cache\.amazonaws\.com(?:\.cn)?\.?$")
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,49}$")
PREFIXES = ("master", "replica", "clustercfg")
# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CacheCluster.html, `CacheClusterStatus`
STATES: dict[str, State] = {
    **dict.fromkeys(("available", "modifying", "snapshotting", "creating-snapshot"), "up"),
    **dict.fromkeys(("creating", "deleted", "deleting", "incompatible-network", "restore-failed", "create-failed"), "down"),
}


class CacheEndpoint(Part):
    """Where clients connect."""

    address: str = ""
    port: int | None = None


class Node(Part):
    """One node of a shard."""

    cache_cluster_id: Id
    current_role: str = ""
    read_endpoint: CacheEndpoint = CacheEndpoint()


class Shard(Part):
    """One shard of a replication group."""

    primary_endpoint: CacheEndpoint = CacheEndpoint()
    reader_endpoint: CacheEndpoint = CacheEndpoint()
    node_group_members: tuple[Node, ...] = ()


class ReplicationGroup(Resource):
    """A replication group (https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html)."""

    kind: ClassVar[str] = "replication_group"
    replication_group_id: str
    arn: str = Field(alias="ARN", min_length=1)
    status: str = ""
    member_clusters: tuple[str, ...]
    node_groups: tuple[Shard, ...] = ()
    configuration_endpoint: CacheEndpoint = CacheEndpoint()

    @property
    def id(self) -> str:
        """The id."""
        return self.replication_group_id

    @property
    def ports(self) -> tuple[int, ...]:
        """Where its nodes listen."""
        shards = [e for shard in self.node_groups for e in (shard.primary_endpoint, shard.reader_endpoint)]
        nodes = [node.read_endpoint for shard in self.node_groups for node in shard.node_group_members]
        return _ports((self.configuration_endpoint, *shards, *nodes))

    def nodes(self, host: str) -> tuple[str, ...]:
        """The clusters that an endpoint leads to; without one, the primary where roles are told, else any."""
        nodes = [node for shard in self.node_groups for node in shard.node_group_members]
        for shard in self.node_groups:
            if host and host == shard.reader_endpoint.address.lower():
                replicas = tuple(n.cache_cluster_id for n in shard.node_group_members if n.current_role == "replica")
                return replicas or self.member_clusters
        single = [n.cache_cluster_id for n in nodes if host and host == n.read_endpoint.address.lower()]
        primary = [n.cache_cluster_id for n in nodes if n.current_role == "primary"]
        every_one = host and host == self.configuration_endpoint.address.lower()
        return self.member_clusters if every_one else tuple(single or primary) or self.member_clusters


class CacheNode(Part):
    """One node of a cluster."""

    endpoint: CacheEndpoint = CacheEndpoint()


class CacheCluster(Resource):
    """A cluster, of one node but for Memcached (API_CacheCluster.html in ElastiCache's API reference)."""

    kind: ClassVar[str] = "cache_cluster"
    cache_cluster_id: str
    arn: str = Field(alias="ARN", min_length=1)
    status: str = Field(default="", alias="CacheClusterStatus")
    configuration_endpoint: CacheEndpoint = CacheEndpoint()
    cache_nodes: tuple[CacheNode, ...] = ()

    @property
    def id(self) -> str:
        """The id."""
        return self.cache_cluster_id

    @property
    def ports(self) -> tuple[int, ...]:
        """Where its nodes listen."""
        return _ports((self.configuration_endpoint, *(node.endpoint for node in self.cache_nodes)))


class ServerlessCache(Resource):
    """A serverless cache (API_ServerlessCache.html): clients reach it by interfaces in its subnets."""

    kind: ClassVar[str] = "serverless_cache"
    serverless_cache_name: str
    arn: str = Field(alias="ARN", min_length=1)
    status: str = ""
    endpoint: CacheEndpoint = CacheEndpoint()
    reader_endpoint: CacheEndpoint = CacheEndpoint()
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name."""
        return self.serverless_cache_name

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it listens."""
        return _ports((self.endpoint, self.reader_endpoint))


def _ports(endpoints: Iterable[CacheEndpoint]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(endpoint.port for endpoint in endpoints if endpoint.port))


def _read(operation: str, action: str, response: str, id_field: str, resource: type[Resource], **constant: Any) -> Read:
    by_name = Lookup(keys=lambda raw: [raw[id_field]], request=lambda values, region: {id_field: values[0], **constant})
    return Read(
        service="elasticache",
        operation=operation,
        action=f"elasticache:{action}",
        responses=(response,),
        id_field=id_field,
        resource=resource,
        lookups={"id": by_name, WHOLE: by_listing(**constant)},
        own_names=True,
    )


class CacheComponent(Component):
    """Caches by id, ARN or endpoint."""

    kind = "cache"
    spoken = "elasticache"
    reads = (
        _read(
            "describe_cache_clusters",
            "DescribeCacheClusters",
            "CacheClusters",
            "CacheClusterId",
            CacheCluster,
            ShowCacheNodeInfo=True,
        ),
        _read(
            "describe_replication_groups",
            "DescribeReplicationGroups",
            "ReplicationGroups",
            "ReplicationGroupId",
            ReplicationGroup,
        ),
        _read(
            "describe_serverless_caches",
            "DescribeServerlessCaches",
            "ServerlessCaches",
            "ServerlessCacheName",
            ServerlessCache,
        ),
    )

    def claims(self, text: str) -> bool:
        """A cache's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The cache of this id; a cluster that is part of a replication group has an id of its own."""
        arn, host = _ARN.match(text), text.lower().rstrip(".") if _DNS.match(text.lower()) else ""
        names = [arn["name"]] if arn else _names(host) if host else [text.lower()]
        kinds = {"cluster": "cache_cluster", "replicationgroup": "replication_group", "serverlesscache": "serverless_cache"}
        wanted = [kinds[arn["kind"]]] if arn else list(kinds.values())
        found = all_of(view.find(kind, "id", name, arn_scope(text)) for name in names if _NAME.match(name) for kind in wanted)
        if isinstance(found, Unread):
            return found
        # A node's endpoint may hold its group's name too, behind its own.
        serving = [one for one in found if not host or _serves(one, host)]
        serving = serving or [one for one in found if one.id == names[0]] or list(found)
        return every(_named(one, host, view) for one in serving)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The clusters whose nodes have interfaces in the VPC, the groups that they are members of, and serverless caches."""
        here = frozenset(place.described("ElastiCache "))
        kinds = ("cache_cluster", "replication_group", "serverless_cache")
        clusters, groups, serverless = (view.find(kind, WHOLE, WHOLE, place.scope) or () for kind in kinds)
        yield from (one.id for one in clusters if one.id in here)
        yield from (one.id for one in groups if not here.isdisjoint(one.member_clusters))
        yield from (one.id for one in serverless if place.holds(one.subnet_ids))

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the cache takes connections, and on which port."""
        kind, _, id = place.id.partition(":")
        found = view.get(kind, id, place.scope)
        if not found:
            return observed(Condition(name=id), place, packet)
        state: State = STATES.get(found.status, "doubtful" if found.status else "unknown")
        ports = found.ports or None
        shown = f"{found.status}, port {', '.join(map(str, ports or ())) or 'not told'}"
        return observed(Condition(name=found.id, said=found.status, state=state, ports=ports, shown=shown), place, packet)


def _names(host: str) -> list[str]:
    """The ids that an endpoint may hold in its first parts; a serverless cache's is followed by a part of the account's."""
    labels = [label for label in host.split(".")[:2] if label not in PREFIXES]
    if ".serverless." in host:
        return [labels[0].rpartition("-")[0]]
    return list(dict.fromkeys(name for label in labels for name in (label, label.removesuffix("-ro"))))


def _serves(found: Any, host: str) -> bool:
    """Whether one of its endpoints is this one."""
    if found.kind != "replication_group":
        told = [found.endpoint, found.reader_endpoint] if found.kind == "serverless_cache" else []
        told += [n.endpoint for n in found.cache_nodes] + [found.configuration_endpoint] if found.kind == "cache_cluster" else []
    else:
        told = [e for shard in found.node_groups for e in (shard.primary_endpoint, shard.reader_endpoint)]
        told.append(found.configuration_endpoint)
    return any(endpoint.address.lower() == host for endpoint in told)


def _named(found: Any, host: str, view: View) -> Named | Unread:
    if found.kind == "serverless_cache":
        faces = behind(found.subnet_ids, found.security_group_ids, found.scope, view, lambda i: i.service == "vpc_endpoint")
    else:
        clusters = found.nodes(host) if found.kind == "replication_group" else (found.id,)
        faces = all_of(view.find("network_interface", "description", f"ElastiCache {id}", found.scope) for id in clusters)
    outside = "is a cache of which no network interface was found: give the address of one of its nodes"
    service = Place(kind="cache", id=f"{found.kind}:{found.id}", scope=found.scope)
    if isinstance(faces, Unread):
        return faces
    return Named(found.arn, found.id, faces, outside=outside, service=service)
