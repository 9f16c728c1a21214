"""Endpoint services of one's own: from the interface of an endpoint to a node of the service's Network Load Balancer.

https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from flowdiag.address import address
from flowdiag.component import Component, Id, Read, Resource, View, by_id
from flowdiag.detour import unserved
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Translation, Unread


class VpcEndpointService(Resource):
    """A service as its owner is shown it (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ServiceConfiguration.html)."""

    kind: ClassVar[str] = "vpc_endpoint_service"
    service_id: str
    service_name: Id
    service_state: Id
    availability_zones: tuple[str, ...] = ()
    availability_zone_ids: tuple[str, ...] = ()
    network_load_balancer_arns: tuple[str, ...] = ()
    gateway_load_balancer_arns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_a_load_balancer(self) -> VpcEndpointService:
        if not (self.network_load_balancer_arns or self.gateway_load_balancer_arns):
            raise ValueError("it names no load balancer")
        return self

    @property
    def id(self) -> str:
        """The service id."""
        return self.service_id

    @property
    def working(self) -> bool:
        """Whether it takes packets."""
        return self.service_state == "Available"

    def covers(self, subnet: Any) -> str:
        """Whether the service is there in the subnet's zone: `covered`, `uncovered` or `unknown`.

        A zone's name is each account's own: https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
        """
        if not subnet:
            return "unknown"
        if self.availability_zone_ids and subnet.availability_zone_id:
            return "covered" if subnet.availability_zone_id in self.availability_zone_ids else "uncovered"
        alike = subnet.scope.account == self.scope.account and self.availability_zones and subnet.availability_zone
        return ("covered" if subnet.availability_zone in self.availability_zones else "uncovered") if alike else "unknown"

    def nodes(self, subnet: Any, view: View) -> list[tuple[Any, Any]] | None:
        """Its load balancers, each with the interface of a node in the subnet's zone; None where they are not all known.

        An endpoint keeps to one load balancer of its zone, which is chosen at random:
        https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html
        """
        arns = (*self.network_load_balancer_arns, *self.gateway_load_balancer_arns)
        balancers = [view.get("load_balancer", arn, self.scope) for arn in arns]
        if any(isinstance(balancer, Unread) for balancer in balancers):
            return None
        found = [(balancer, balancer.nodes_near(subnet, view)) for balancer in balancers if balancer]
        if any(nodes is None for _, nodes in found):
            return None
        return [(balancer, node) for balancer, nodes in found for node in nodes or ()]


class VpcEndpointServiceComponent(Component):
    """A service with Network Load Balancers; `place.id` is the service, `place.role` the interface of the endpoint."""

    kind = "vpc_endpoint_service"
    reads = (
        Read(
            service="ec2",
            operation="describe_vpc_endpoint_service_configurations",
            action="ec2:DescribeVpcEndpointServiceConfigurations",
            responses=("ServiceConfigurations",),
            id_field="ServiceId",
            resource=VpcEndpointService,
            lookups={"id": by_id("ServiceId", "service-id")},
        ),
    )

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the service works, is there in the endpoint's zone, and has a node of a load balancer there."""
        service, subnet, nodes = _found(place, view)
        shown = ", ".join(f"{balancer.name} ({', '.join(node.addresses)})" for balancer, node in nodes or ())
        known = bool(service)
        return Observation(
            table="vpc_endpoint_service",
            inputs={
                "state": "available" if known and service.working else "gone",
                "zone": service.covers(subnet) if known else "unknown",
                "nodes": "unknown" if nodes is None else "some" if nodes else "none",
            },
            words={
                "service": service.name if known else place.id,
                "state": service.service_state if known else "",
                "zone": subnet.availability_zone if subnet else "the endpoint's zone",
            },
            resource=place.id,
            name=service.name if known else place.id,
            detail=shown,
            evidence=(Evidence(where=place.id, text=f"State {service.service_state}, {shown or 'no node'}"),) if known else (),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To a node in the endpoint's zone; where there is none, back out of the endpoint as if it had answered.

        The client's address goes with the packet as far as the node's security groups, as an address alone:
        https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
        """
        _, _, nodes = _found(place, view)
        if nodes == []:
            return (unserved(place.role, place.scope, packet),)
        moves = [_to_node(node, place, packet) for _, node in nodes or ()]
        known = [move for move in moves if move]
        return tuple(move.model_copy(update={"guess": len(known) > 1}) for move in known)


def _found(place: Place, view: View) -> tuple[Any, Any, list[tuple[Any, Any]] | None]:
    """The service, the subnet of the endpoint's interface, and the nodes in its zone."""
    service = view.get("vpc_endpoint_service", place.id, place.scope)
    door = view.get("network_interface", place.role, place.scope)
    subnet = view.get("subnet", door.subnet_id, door.scope) if door else None
    return service, subnet, service.nodes(subnet, view) if service else None


def _to_node(node: Any, place: Place, packet: Packet) -> Move | None:
    target = next((own for text in node.addresses if (own := address(text)) and own.version == packet.flow.version), None)
    return _handed_on(target, node, place, packet) if target else None


def _handed_on(target: Address, node: Any, place: Place, packet: Packet) -> Move:
    flow = packet.flow.rewritten(destination=target)
    door = Place(kind="vpc_endpoint", id=place.role, scope=place.scope)
    noted = Translation(place=door, before=packet.flow, after=flow, vpc=packet.vpc)
    moved = {"flow": flow, "vpc": node.vpc_id, "subnet": "", "scope": node.scope, "receiver": node.id}
    lost = {"sender": None, "proxy": None, "lost": packet.lost or place.role}
    onward = packet.but(translations=(*packet.translations, noted), **moved, **lost)
    return Move(to=Place(kind="load_balancer", id=node.id, role="private link", scope=node.scope), packet=onward)
