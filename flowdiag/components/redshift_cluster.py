"""Redshift clusters: a name or endpoint stands for the leader node, whose addresses the cluster shows itself.

https://docs.aws.amazon.com/redshift/latest/APIReference/API_ClusterNode.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.address import address
from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, arn_of, arn_scope, every
from flowdiag.service import Condition, State, at_endpoint, observed, told_outside

_ARN = re.compile(r"^arn:[^:]+:redshift:[^:]+:\d+:cluster:(?P<name>[^:/]+)$")
_DNS = re.compile(r"^(?P<name>[a-z0-9-]+)\.[a-z0-9]+\.[a-z0-9-]+\.redshift\.amazonaws\.com(?:\.cn)?\.?$")
_NAME = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
# https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-cluster-status.html
STATES: dict[str, State] = {
    **dict.fromkeys(("available", "available, prep-for-resize", "available, resize-cleanup", "resizing", "modifying"), "up"),
    **dict.fromkeys(("creating", "deleting", "paused", "pausing", "incompatible-network", "hardware-failure"), "down"),
}


class RedshiftEndpoint(Part):
    """Where it listens."""

    port: int | None = None


class ClusterNode(Part):
    """One node; clients connect to the leader, which a cluster of a single node calls shared."""

    node_role: str = ""
    private_ip: str = Field(default="", alias="PrivateIPAddress")


class RedshiftCluster(Resource):
    """A cluster (https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html)."""

    kind: ClassVar[str] = "redshift_cluster"
    cluster_identifier: str
    vpc_id: Id
    status: str = Field(default="", alias="ClusterStatus")
    endpoint: RedshiftEndpoint = RedshiftEndpoint()
    cluster_nodes: tuple[ClusterNode, ...]

    @property
    def id(self) -> str:
        """The identifier."""
        return self.cluster_identifier

    @property
    def leaders(self) -> tuple[str, ...]:
        """The private addresses that clients connect to."""
        return tuple(node.private_ip for node in self.cluster_nodes if node.private_ip and node.node_role in ("LEADER", "SHARED"))


class RedshiftClusterComponent(Component):
    """A cluster by its identifier, ARN or endpoint."""

    kind = "redshift_cluster"
    spoken = "redshift"
    reads = (
        Read(
            service="redshift",
            operation="describe_clusters",
            action="redshift:DescribeClusters",
            responses=("Clusters",),
            id_field="ClusterIdentifier",
            resource=RedshiftCluster,
            own_names=True,
            lookups={
                "id": Lookup(
                    keys=lambda raw: [raw["ClusterIdentifier"]],
                    request=lambda values, region: {"ClusterIdentifier": values[0]},
                ),
                WHOLE: by_listing(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """A cluster's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The cluster, with the interfaces that hold its leader's addresses."""
        known = _ARN.match(text) or _DNS.match(text.lower())
        name = (known["name"] if known else text).lower()
        if not _NAME.match(name):
            return ()
        found = view.find("redshift_cluster", "id", name, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, near, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The clusters of the VPC."""
        listed = view.find("redshift_cluster", WHOLE, WHOLE, place.scope) or ()
        yield from (one.id for one in listed if one.vpc_id == place.vpc)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the cluster takes connections, and on which port."""
        found = view.get("redshift_cluster", place.id, place.scope)
        return observed(at_endpoint(found, STATES) if found else Condition(name=place.id), place, packet)


def _named(found: RedshiftCluster, near: tuple[Any, ...], view: View) -> Named | Unread:
    held = every(view.find("network_interface", "private_ip", one, found.scope) for one in found.leaders)
    if isinstance(held, Unread):
        return held
    faces = tuple(face for several in held for face in several if face.vpc_id == found.vpc_id)
    own = tuple(one for text in found.leaders if (one := address(text)))
    return Named(
        resource=arn_of(found.scope, "redshift", f"cluster:{found.id}"),
        label=found.id,
        interfaces=faces,
        addresses=told_outside(faces, near) or own,
        outside=f"is a cluster in state {found.status or '-'} whose leader shows no address: ask again once it is available",
        service=Place(kind="redshift_cluster", id=found.id, scope=found.scope),
    )
