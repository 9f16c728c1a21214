"""Aurora and Multi-AZ clusters, of RDS, DocumentDB and Neptune: a cluster's endpoints stand for its members.

The cluster endpoint is the writer; the reader endpoint any reader, or the writer where there is none; a custom one some of
them: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import Unread
from flowdiag.named import Named, Vicinity, arn_scope, every

_ARN = re.compile(r"^arn:[^:]+:rds:[^:]+:\d+:cluster:(?P<name>[^:]+)$")
_DNS = re.compile(
    r"^(?P<name>[a-z0-9-]+)\.cluster-(?P<role>ro-|custom-)?[a-z0-9]+\.(?:[a-z0-9-]+\.(?:rds|docdb|neptune)|(?:rds|docdb|neptune)\.[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\.?$"
)
# The writer of a global database: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-connecting.html
_GLOBAL = re.compile(r"^(?P<name>[a-z0-9-]+)\.global-[a-z0-9]+\.global\.rds\.amazonaws\.com\.?$")
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,62}$")


class Member(Part):
    """One database of a cluster."""

    db_instance_identifier: str = Field(alias="DBInstanceIdentifier", min_length=1)
    is_cluster_writer: bool


class DbCluster(Resource):
    """A cluster (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html)."""

    kind: ClassVar[str] = "db_cluster"
    db_cluster_identifier: str = Field(alias="DBClusterIdentifier")
    db_cluster_arn: str = Field(alias="DBClusterArn", min_length=1)
    members: tuple[Member, ...] = Field(alias="DBClusterMembers")

    @property
    def id(self) -> str:
        """The identifier."""
        return self.db_cluster_identifier

    @property
    def writers(self) -> tuple[str, ...]:
        """The database that the cluster endpoint leads to."""
        return tuple(m.db_instance_identifier for m in self.members if m.is_cluster_writer)

    @property
    def readers(self) -> tuple[str, ...]:
        """Those that the reader endpoint leads to."""
        return tuple(m.db_instance_identifier for m in self.members if not m.is_cluster_writer) or self.writers


class ClusterEndpoint(Resource):
    """A custom endpoint (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBClusterEndpoint.html)."""

    kind: ClassVar[str] = "db_cluster_endpoint"
    endpoint: str
    cluster: str = Field(alias="DBClusterIdentifier", min_length=1)
    kind_of_members: str = Field(default="ANY", alias="CustomEndpointType")
    static_members: tuple[str, ...] = ()
    excluded_members: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The DNS name."""
        return self.endpoint

    def among(self, cluster: DbCluster) -> tuple[str, ...]:
        """The members it leads to: those listed, else all of its kind but those left out."""
        readers = (
            set(cluster.readers) if self.kind_of_members == "READER" else {m.db_instance_identifier for m in cluster.members}
        )
        listed = set(self.static_members) or {m.db_instance_identifier for m in cluster.members} - set(self.excluded_members)
        return tuple(sorted(readers & listed))


class GlobalMember(Part):
    """One cluster of a global database."""

    db_cluster_arn: str = Field(alias="DBClusterArn", min_length=1)
    is_writer: bool = False


class GlobalCluster(Resource):
    """A global database (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_GlobalCluster.html)."""

    kind: ClassVar[str] = "global_cluster"
    global_cluster_identifier: str
    arn: str = Field(alias="GlobalClusterArn", min_length=1)
    members: tuple[GlobalMember, ...] = Field(alias="GlobalClusterMembers")

    @property
    def id(self) -> str:
        """The identifier."""
        return self.global_cluster_identifier


def _of_global(values: Sequence[str], region: str) -> dict[str, str]:
    return {"GlobalClusterIdentifier": values[0]}


class DbClusterComponent(Component):
    """A cluster by its identifier, ARN or one of its endpoints."""

    kind = "db_cluster"
    spoken = "aurora"
    reads = (
        Read(
            service="rds",
            operation="describe_db_clusters",
            action="rds:DescribeDBClusters",
            responses=("DBClusters",),
            id_field="DBClusterIdentifier",
            resource=DbCluster,
            own_names=True,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["DBClusterIdentifier"]], filter="db-cluster-id"),
                WHOLE: by_listing(),
            },
        ),
        Read(
            service="rds",
            operation="describe_db_cluster_endpoints",
            action="rds:DescribeDBClusterEndpoints",
            responses=("DBClusterEndpoints",),
            id_field="Endpoint",
            resource=ClusterEndpoint,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["Endpoint"]]),
                "name": Lookup(keys=lambda raw: [raw.get("DBClusterEndpointIdentifier")], filter="db-cluster-endpoint-id"),
                WHOLE: by_listing(),
            },
        ),
        Read(
            service="rds",
            operation="describe_global_clusters",
            action="rds:DescribeGlobalClusters",
            responses=("GlobalClusters",),
            id_field="GlobalClusterIdentifier",
            resource=GlobalCluster,
            own_names=True,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["GlobalClusterIdentifier"]], request=_of_global),
                WHOLE: by_listing(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """A cluster's ARN or one of its endpoints."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()) or _GLOBAL.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The cluster, pointing to the databases that this name of it leads to; alone it is its writer."""
        world = _GLOBAL.match(text.lower())
        if world:
            found = view.find("global_cluster", "id", world["name"])
            return found if isinstance(found, Unread) else tuple(_writer(one) for one in found)
        dns, arn = _DNS.match(text.lower()), _ARN.match(text)
        name = ((dns or arn)["name"] if dns or arn else text).lower()  # type: ignore[index]
        if not _NAME.match(name):
            return ()
        if dns and dns["role"] == "custom-":
            return _custom(name, text.lower().rstrip("."), view)
        found = view.find("db_cluster", "id", name, arn_scope(text))
        reads = dns is not None and dns["role"] == "ro-"
        return found if isinstance(found, Unread) else every(_pointing(c, c.readers if reads else c.writers) for c in found)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The clusters that have a database in the VPC; what else leads to clusters is listed whole, and so known by name."""
        for kind in ("db_cluster_endpoint", "global_cluster"):
            view.find(kind, WHOLE, WHOLE, place.scope)
        for one in view.find("db_cluster", WHOLE, WHOLE, place.scope) or ():
            members = (view.get("db_instance", member.db_instance_identifier, one.scope) for member in one.members)
            if any(member and member.subnet_group.vpc_id == place.vpc for member in members):
                yield one.id


def _writer(found: GlobalCluster) -> Named:
    """A global database, pointing to the cluster that takes its writes, in whichever Region."""
    writers = tuple(member.db_cluster_arn for member in found.members if member.is_writer)
    return Named(found.arn, found.id, alias=writers, outside="is a global database without a cluster that takes its writes")


def _custom(name: str, host: str, view: View) -> tuple[Named, ...] | Unread:
    found = view.find("db_cluster_endpoint", "name", name)
    return found if isinstance(found, Unread) else every(_of_custom(one, view) for one in found if one.endpoint == host)


def _of_custom(endpoint: Any, view: View) -> Named | Unread:
    cluster = view.get("db_cluster", endpoint.cluster, endpoint.scope)
    if isinstance(cluster, Unread):
        return cluster
    return _pointing(cluster, endpoint.among(cluster)) if cluster else Named(endpoint.id, endpoint.id, outside="has no cluster")


def _pointing(cluster: DbCluster, members: tuple[str, ...]) -> Named:
    """To the members by their ARNs, which name them whatever else has such a name."""
    start = cluster.db_cluster_arn.rpartition(":cluster:")[0]
    outside = "is a cluster without a database that would answer here: give one of its members"
    return Named(cluster.db_cluster_arn, cluster.id, alias=tuple(f"{start}:db:{m}" for m in members), outside=outside)
