"""EKS clusters: a name or endpoint stands for the interfaces of the cluster's API server in the VPC, or its public endpoint.

Inside the VPC the endpoint's name gives private addresses where private access is on, else public ones:
https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html. The interfaces are described `Amazon EKS <cluster>`:
https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import Component, Id, Lookup, Read, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, arn_scope, every
from flowdiag.service import CamelPart, CamelResource, Condition, State, observed

HTTPS = 443
EVERYBODY = ("0.0.0.0/0", "::/0")
_ARN = re.compile(r"^arn:[^:]+:eks:[^:]+:\d+:cluster/(?P<name>[^/]+)$")
_DNS = re.compile(
    r"^(?:https://)?(?P<host>[a-z0-9]+\.(?:[a-z0-9]+\.)?[a-z0-9-]+\.eks\.(?:amazonaws\.com(?:\.cn)?|api\.aws))\.?/?$"
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


def _clusters(entries: Iterable[Any]) -> Iterable[Any]:
    """The clusters of replies as they came (`cluster` lists one) or as they are kept beside the name that was asked for."""
    return (entry.get("cluster", entry) for entry in entries)


def _endpoint(raw: Mapping[str, Any]) -> list[str | None]:
    return [(raw.get("endpoint") or "").removeprefix("https://").lower() or None]


class EksClusterComponent(Component):
    """A cluster by its name, ARN or endpoint; AWS has no search by endpoint, so live it is asked for by name."""

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
            items=_clusters,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["name"]], parameter="name"),
                "endpoint": Lookup(keys=_endpoint, unique=True),
            },
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
        by, value = ("endpoint", dns["host"]) if dns else ("id", arn["name"] if arn else text)
        found = view.find("eks_cluster", by, value, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, near, view) for one in found)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the API server takes connections; whom the public endpoint is open to is told and not judged."""
        found = view.get("eks_cluster", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state, said = STATES.get(found.status, "doubtful" if found.status else "unknown"), found.status
        if not packet.receiver and found.open_to and state == "up":
            state, said = "doubtful", f"{said}, its public endpoint open to {', '.join(found.open_to)} alone"
        return observed(Condition(name=found.id, said=said, state=state, ports=(HTTPS,), shown=said), place, packet)


def _named(found: EksCluster, near: tuple[Any, ...], view: View) -> Named | Unread:
    network = found.resources_vpc_config
    service = Place(kind="eks_cluster", id=found.id, scope=found.scope)
    within = network.vpc_id in {interface.vpc_id for interface in near}
    if network.endpoint_public_access and not (within and network.endpoint_private_access):
        return Named(found.arn, found.id, internet=True, service=service)
    faces = view.find("network_interface", "description", f"Amazon EKS {found.id}", found.scope)
    outside = f"is a cluster in {network.vpc_id}, of which no network interface was found: give an address of its API server"
    return faces if isinstance(faces, Unread) else Named(found.arn, found.id, faces, outside=outside, service=service)
