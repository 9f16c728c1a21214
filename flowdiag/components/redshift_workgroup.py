"""Redshift Serverless: a workgroup's name or endpoint stands for the interfaces that it shows itself.

https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-connecting.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from flowdiag.component import WHOLE, Component, Id, Lookup, Read, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every
from flowdiag.service import CamelPart, CamelResource, Condition, State, at_endpoint, observed, told_outside

_ARN = re.compile(r"^arn:[^:]+:redshift-serverless:[^:]+:\d+:workgroup/[0-9a-f-]+$")
_DNS = re.compile(r"^(?P<name>[a-z0-9-]+)\.(?P<account>\d{12})\.[a-z0-9-]+\.redshift-serverless\.amazonaws\.com(?:\.cn)?\.?$")
_NAME = re.compile(r"^[a-z0-9-]{3,64}$")
# https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_Workgroup.html
STATES: dict[str, State] = {"AVAILABLE": "up", "MODIFYING": "doubtful", "CREATING": "down", "DELETING": "down"}


class WorkgroupInterface(CamelPart):
    """One interface that clients connect to."""

    network_interface_id: Id


class WorkgroupVpcEndpoint(CamelPart):
    """The interfaces of a workgroup in one VPC."""

    network_interfaces: tuple[WorkgroupInterface, ...] = ()


class WorkgroupEndpoint(CamelPart):
    """Where it listens."""

    port: int | None = None
    vpc_endpoints: tuple[WorkgroupVpcEndpoint, ...] = ()


class Workgroup(CamelResource):
    """A workgroup (https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_Workgroup.html)."""

    kind: ClassVar[str] = "redshift_workgroup"
    workgroup_name: str
    workgroup_arn: Id
    status: str = ""
    endpoint: WorkgroupEndpoint = WorkgroupEndpoint()
    subnet_ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The name."""
        return self.workgroup_name

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The ids of its interfaces."""
        return tuple(face.network_interface_id for one in self.endpoint.vpc_endpoints for face in one.network_interfaces)


class RedshiftWorkgroupComponent(Component):
    """A workgroup by its ARN or endpoint, and by its name where nothing else has it: all are listed, which are few."""

    kind = "redshift_workgroup"
    spoken = "redshift-serverless"
    reads = (
        Read(
            service="redshift-serverless",
            operation="list_workgroups",
            action="redshift-serverless:ListWorkgroups",
            responses=("workgroups",),
            id_field="workgroupName",
            resource=Workgroup,
            own_names=True,
            lookups={"id": Lookup(keys=lambda raw: [raw["workgroupName"]]), WHOLE: by_listing()},
        ),
    )

    def claims(self, text: str) -> bool:
        """A workgroup's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The workgroup of an ARN or an endpoint."""
        dns = _DNS.match(text.lower())
        if not dns and not _ARN.match(text):
            return ()
        listed = view.find("redshift_workgroup", WHOLE, WHOLE, arn_scope(text))
        if isinstance(listed, Unread):
            return listed
        wanted = (one for one in listed if (one.id == dns["name"] if dns else one.workgroup_arn == text))
        return every(_named(one, near, view) for one in wanted)

    def sought(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The workgroup of this name."""
        listed = view.find("redshift_workgroup", WHOLE, WHOLE) if _NAME.match(text) else ()
        return listed if isinstance(listed, Unread) else every(_named(one, near, view) for one in listed if one.id == text)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The workgroups with interfaces in the VPC."""
        listed = view.find("redshift_workgroup", WHOLE, WHOLE, place.scope) or ()
        yield from (text for one in listed if place.holds(one.subnet_ids) for text in (one.workgroup_arn, one.id))

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the workgroup takes connections, and on which port."""
        found = view.get("redshift_workgroup", place.id, place.scope)
        return observed(at_endpoint(found, STATES) if found else Condition(name=place.id), place, packet)


def _named(found: Workgroup, near: tuple[Any, ...], view: View) -> Named | Unread:
    faces = all_of(view.get("network_interface", id, found.scope) for id in found.interfaces)
    if isinstance(faces, Unread):
        return faces
    outside = f"is a workgroup in state {found.status or '-'} that shows no interface: ask again once it is available"
    service = Place(kind="redshift_workgroup", id=found.id, scope=found.scope)
    told = told_outside(faces, near)
    return Named(found.workgroup_arn, found.id, faces, addresses=told, outside=outside, service=service)
