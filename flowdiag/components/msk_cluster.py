"""MSK clusters: a name stands for the brokers, each of which clients connect to; a broker's DNS name for that one.

https://docs.aws.amazon.com/msk/1.0/apireference/clusters-clusterarn-nodes.html tells the interface of every broker.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every
from flowdiag.service import Condition, State, observed, told_outside

_ARN = re.compile(r"^arn:[^:]+:kafka:[^:]+:\d+:cluster/(?P<name>[^/]+)/.+$")
# `b-1.events.<account's own part>.c2.kafka.us-east-1.amazonaws.com`, with the start of the cluster's name in small letters
_DNS = re.compile(
    r"^b-(?P<broker>\d+)(?P<public>-public)?\.(?P<name>[a-z0-9-]+)\.[a-z0-9]+\.c\d+\.kafka\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\.?$"
)
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")
# https://docs.aws.amazon.com/msk/1.0/apireference/clusters.html, `ClusterState`
STATES: dict[str, State] = {
    **dict.fromkeys(("ACTIVE", "HEALING", "MAINTENANCE", "UPDATING"), "up"),
    **dict.fromkeys(("CREATING", "DELETING", "FAILED"), "down"),
}


class Switch(Part):
    """Whether a way of signing in is on."""

    enabled: bool = False


class Sasl(Part):
    """Ways of signing in by SASL."""

    scram: Switch = Switch()
    iam: Switch = Switch()


class ClientAuthentication(Part):
    """How clients sign in."""

    sasl: Sasl = Sasl()


class InTransit(Part):
    """Whether clients talk plainly, by TLS, or both."""

    client_broker: str = ""


class EncryptionInfo(Part):
    """How data is encrypted."""

    encryption_in_transit: InTransit = InTransit()


class Brokers(Part):
    """Where brokers have their interfaces."""

    client_subnets: tuple[str, ...] = ()


class Provisioned(Part):
    """What a cluster with brokers of its own was set up with."""

    broker_node_group_info: Brokers = Brokers()

    client_authentication: ClientAuthentication = ClientAuthentication()
    encryption_info: EncryptionInfo = EncryptionInfo()

    @property
    def ports(self) -> tuple[int, ...]:
        """The ports that are surely on: https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html"""
        sasl, plain = self.client_authentication.sasl, self.encryption_info.encryption_in_transit.client_broker
        on = {9092: "PLAINTEXT" in plain, 9094: plain.startswith("TLS"), 9096: sasl.scram.enabled, 9098: sasl.iam.enabled}
        return tuple(port for port, yes in on.items() if yes)


class MskCluster(Resource):
    """A cluster (https://docs.aws.amazon.com/MSK/2.0/APIReference/v2-clusters.html)."""

    kind: ClassVar[str] = "msk_cluster"
    cluster_arn: str
    cluster_name: Id
    state: str = ""
    provisioned: Provisioned | None = None

    @property
    def id(self) -> str:
        """The ARN."""
        return self.cluster_arn


class BrokerNodeInfo(Part):
    """A broker and its interface."""

    attached_eni_id: str = Field(alias="AttachedENIId", min_length=1)
    broker_id: float
    endpoints: tuple[str, ...] = ()


class KafkaNode(Part):
    """One node; a controller has no interface in the VPC."""

    broker_node_info: BrokerNodeInfo | None = None


class MskNodes(Resource):
    """The nodes of one cluster."""

    kind: ClassVar[str] = "msk_nodes"
    cluster_arn: str
    node_info_list: tuple[KafkaNode, ...]

    @property
    def id(self) -> str:
        """The cluster's ARN."""
        return self.cluster_arn

    def shows(self, host: str) -> bool:
        """Whether a DNS name is one of its brokers'."""
        return any(host in one.broker_node_info.endpoints for one in self.node_info_list if one.broker_node_info)

    def interfaces(self, broker: str) -> list[str]:
        """The interfaces of the broker of this number, or of all."""
        brokers = [node.broker_node_info for node in self.node_info_list if node.broker_node_info]
        return [one.attached_eni_id for one in brokers if not broker or one.broker_id == float(broker)]


def _name(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("ClusterName")]


class MskClusterComponent(Component):
    """A cluster by its name or ARN, a broker by its DNS name."""

    kind = "msk_cluster"
    spoken = "msk"
    reads = (
        Read(
            service="kafka",
            operation="list_clusters_v2",
            action="kafka:ListClustersV2",
            responses=("ClusterInfoList",),
            id_field="ClusterArn",
            resource=MskCluster,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["ClusterArn"]]),
                "name": Lookup(keys=_name, request=lambda values, region: {"ClusterNameFilter": values[0]}),
                WHOLE: by_listing(),
            },
        ),
        Read(
            service="kafka",
            operation="list_nodes",
            action="kafka:ListNodes",
            responses=("KafkaNodes",),
            id_field="ClusterArn",
            resource=MskNodes,
            lookups={"id": Lookup(keys=lambda raw: [raw["ClusterArn"]], parameter="ClusterArn")},
            single=True,
        ),
    )

    def claims(self, text: str) -> bool:
        """A cluster's ARN or a broker's DNS name."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The cluster's brokers, all of which its clients talk to, or the one that was named."""
        arn, dns = _ARN.match(text), _DNS.match(text.lower())
        if dns:
            return _of_broker(dns, text.lower().rstrip("."), view)
        name = arn["name"] if arn else text
        if not _NAME.match(name):
            return ()
        found = view.find("msk_cluster", "name", name, arn_scope(text))
        if isinstance(found, Unread):
            return found
        return every(_named(one, "", view) for one in found if not arn or one.id == text)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The clusters whose brokers have interfaces in the VPC."""
        for one in view.find("msk_cluster", WHOLE, WHOLE, place.scope) or ():
            if one.provisioned and place.holds(one.provisioned.broker_node_group_info.client_subnets):
                yield one.cluster_name

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the cluster takes connections; a port that is not surely on may be so still."""
        name = place.id.split("/")[1]
        found = next((one for one in view.find("msk_cluster", "name", name, place.scope) or () if one.id == place.id), None)
        if not found:
            return observed(Condition(name=name), place, packet)
        state: State = STATES.get(found.state, "doubtful" if found.state else "unknown")
        ports = found.provisioned.ports if found.provisioned else ()
        shown = f"State {found.state}, ports {', '.join(map(str, ports)) or 'not told'}"
        condition = Condition(name=name, said=found.state, state=state, ports=ports, more=True, shown=shown)
        return observed(condition, place, packet)


def _of_broker(dns: re.Match[str], host: str, view: View) -> tuple[Named, ...] | Unread:
    """The broker of a DNS name: of the clusters whose name starts so, that which shows the name as a broker's endpoint."""
    listed = view.find("msk_cluster", WHOLE, WHOLE)
    if isinstance(listed, Unread):
        return listed
    alike = [one for one in listed if one.cluster_name.lower().startswith(dns["name"])]
    nodes = every(view.get("msk_nodes", one.id, one.scope) for one in alike)
    if isinstance(nodes, Unread):
        return nodes
    told = [one for one, known in zip(alike, nodes, strict=True) if known and known.shows(host)]
    named = told or [one for one in alike if one.cluster_name.lower() == dns["name"]]
    return every(_named(one, dns["broker"], view, bool(dns["public"])) for one in named)


def _named(found: MskCluster, broker: str, view: View, public: bool = False) -> Named | Unread:
    """Its brokers, or the one of a number; the public name of one means its public address, inside the VPC too.

    https://docs.aws.amazon.com/msk/latest/developerguide/public-access.html
    """
    nodes = view.get("msk_nodes", found.id, found.scope)
    if isinstance(nodes, Unread):
        return nodes
    ids = nodes.interfaces(broker) if nodes else []
    faces = all_of(view.get("network_interface", id, found.scope) for id in ids)
    outside = f"is a cluster in state {found.state or '-'} without brokers of its own that were read: give one's address"
    service = Place(kind="msk_cluster", id=found.id, scope=found.scope)
    if isinstance(faces, Unread):
        return faces
    told = told_outside(faces, ()) if public else ()
    shown = faces if told or not public else ()
    return Named(found.id, found.cluster_name, shown, addresses=told, outside=outside, service=service)
