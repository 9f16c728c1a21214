"""EKS clusters: a name or endpoint stands for the interfaces of the cluster's API server in the VPC, or its public endpoint.

Inside the VPC the endpoint's name gives private addresses where private access is on, else public ones:
https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html. The interfaces are described `Amazon EKS <cluster>`:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import Component, Id, Lookup, Read, View
from flowdiag.model import Observation, Packet, Place, Scope, Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every
from flowdiag.service import CamelPart, CamelResource, Condition, State, observed

HTTPS = 443
EVERY = "every cluster"
EVERYBODY = ("0.0.0.0/0", "::/0")
_ARN = re.compile(r"^arn:[^:]+:eks:[^:]+:\d+:cluster/(?P<name>[^/]+)$")
_DNS = re.compile(
    r"^(?:https://)?(?P<host>[a-z0-9]+\.(?:[a-z0-9]+\.)?(?P<region>[a-z0-9-]+)\.eks\.(?:amazonaws\.com(?:\.cn)?|api\.aws))\.?/?$"
)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
# https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html
STATES: dict[str, State] = {"ACTIVE": "up", "UPDATING": "up", "CREATING": "down", "DELETING": "doubtful", "FAILED": "down"}


class EksNetwork(CamelPart):
    """How a cluster's API server is reached."""

    vpc_id: Id
    endpoint_public_access: bool
    endpoint_private_access: bool
    public_access_cidrs: tuple[str, ...] = ()


class EksCluster(CamelResource):
    """A cluster (https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html)."""

    kind: ClassVar[str] = "eks_cluster"
    cluster_name: str = Field(alias="name")
    arn: Id
    endpoint: str = ""
    status: str = ""
    resources_vpc_config: EksNetwork

    @property
    def id(self) -> str:
        """The name."""
        return self.cluster_name

    @property
    def name(self) -> str:
        """The name."""
        return self.cluster_name

    @property
    def open_to(self) -> tuple[str, ...]:
        """The CIDRs that the public endpoint is open to, where that is not everybody."""
        cidrs = self.resources_vpc_config.public_access_cidrs
        return () if set(cidrs) & set(EVERYBODY) else cidrs


class EksClusterNames(CamelResource):
    """The names of every cluster of a Region (https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html)."""

    kind: ClassVar[str] = "eks_cluster_names"
    of: Id
    clusters: tuple[str, ...]

    @property
    def id(self) -> str:
        """What was asked for: every one."""
        return self.of


def _every(_values: Sequence[str], _region: str) -> dict[str, str]:
    """The call takes no parameter that narrows it."""
    return {}


def _clusters(entries: Iterable[Any]) -> Iterable[Any]:
    """The clusters of replies as they came (`cluster` lists one) or as they are kept beside the name that was asked for."""
    return (entry.get("cluster", entry) for entry in entries)


def _endpoint(raw: Mapping[str, Any]) -> list[str | None]:
    return [(raw.get("endpoint") or "").removeprefix("https://").lower() or None]


class EksClusterComponent(Component):
    """A cluster by its name, ARN or endpoint; for an endpoint, by which AWS has no search, each cluster of the Region is read."""

    kind = "eks_cluster"
    spoken = "eks"
    reads = (
        Read(
            service="eks",
            operation="describe_cluster",
            action="eks:DescribeCluster",
            responses=("cluster",),
            id_field="name",
            resource=EksCluster,
            own_names=True,
            items=_clusters,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["name"]], parameter="name"),
                "endpoint": Lookup(keys=_endpoint, unique=True),
            },
            single=True,
        ),
        Read(
            service="eks",
            operation="list_clusters",
            action="eks:ListClusters",
            responses=("EksClusterNames",),
            id_field="of",
            resource=EksClusterNames,
            own_names=True,
            lookups={"id": Lookup(keys=lambda raw: [raw["of"]], request=_every)},
            single=True,
        ),
    )

    def claims(self, text: str) -> bool:
        """A cluster's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The cluster's API server, as the other end's VPC sees it."""
        arn, dns = _ARN.match(text), _DNS.match(text.lower())
        if not arn and not dns and not _NAME.match(text):
            return ()
        if dns:
            found = _of_endpoint(dns["host"], Scope(region=dns["region"]), view)
        else:
            found = view.find("eks_cluster", "id", arn["name"] if arn else text, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, near, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> tuple[str, ...]:
        """The clusters with interfaces in the VPC."""
        return place.described("Amazon EKS ")

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the API server takes connections; whom the public endpoint is open to is told and not judged."""
        found = view.get("eks_cluster", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state, said = STATES.get(found.status, "doubtful" if found.status else "unknown"), found.status
        if not packet.receiver and found.open_to and state == "up":
            state, said = "doubtful", f"{said}, its public endpoint open to {', '.join(found.open_to)} alone"
        return observed(Condition(name=found.id, said=said, state=state, ports=(HTTPS,), shown=said), place, packet)


def _of_endpoint(host: str, home: Scope, view: View) -> Any:
    """The cluster with this endpoint: among those that were read, else among all that AWS lists in the Region."""
    known = view.aside().find("eks_cluster", "endpoint", host)
    if not isinstance(known, Unread):
        return known
    listed = view.find("eks_cluster_names", "id", EVERY, home)
    if isinstance(listed, Unread):
        return known
    clusters = all_of(view.get("eks_cluster", name, one.scope) for one in listed for name in one.clusters)
    if isinstance(clusters, Unread):
        return clusters
    return tuple(one for one in clusters if host in one.endpoint.lower())


def _named(found: EksCluster, near: tuple[Any, ...], view: View) -> Named | Unread:
    network = found.resources_vpc_config
    service = Place(kind="eks_cluster", id=found.id, scope=found.scope)
    within = network.vpc_id in {interface.vpc_id for interface in near}
    if network.endpoint_public_access and not (within and network.endpoint_private_access):
        return Named(found.arn, found.id, internet=True, service=service)
    faces = view.find("network_interface", "description", f"Amazon EKS {found.id}", found.scope)
    outside = f"is a cluster in {network.vpc_id}, of which no network interface was found: give an address of its API server"
    return faces if isinstance(faces, Unread) else Named(found.arn, found.id, faces, outside=outside, service=service)
