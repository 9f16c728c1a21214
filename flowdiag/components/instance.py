"""EC2 instances: only their state and platform matter to a packet; it is their network interfaces that it meets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource, by_id, by_name


class InstanceState(Part):
    """The state of an instance."""

    name: str = ""


class Instance(Resource):
    """An instance as DescribeInstances gives it (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html)."""

    kind: ClassVar[str] = "instance"
    instance_id: str
    state: InstanceState = InstanceState()
    platform: str = ""

    @property
    def id(self) -> str:
        """The instance id."""
        return self.instance_id


def _instances(reservations: Iterable[Any]) -> Iterable[Any]:
    for reservation in reservations:
        yield from reservation.get("Instances") or ()


class InstanceComponent(Component):
    """Reads instances; leads no packet."""

    kind = "instance"
    reads = (
        Read(
            service="ec2",
            operation="describe_instances",
            action="ec2:DescribeInstances",
            responses=("Reservations",),
            id_field="InstanceId",
            resource=Instance,
            items=_instances,
            lookups={
                "id": by_id("InstanceId", "instance-id"),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "name": by_name(eager=True),
            },
        ),
    )
