"""EC2 instances: only their state, platform and type matter to a packet; it is their network interfaces that it meets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from flowdiag.component import Component, Lookup, Part, Read, Resource, by_id, by_name

# The families that AWS's specifications of instance types list as Nitro v6; of a family that came later nothing is known.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html
NITRO_V6 = frozenset(
    (
        *("m8a", "m8azn", "m8gb", "m8gn", "m8i", "m8i-flex", "m8ib", "m8id", "m8idb", "m8idn", "m8in", "m8ine", "m9g", "m9gd"),
        *("c8a", "c8gb", "c8gn", "c8i", "c8i-flex", "c8ib", "c8id", "c8in", "c8ine"),
        *("r8a", "r8gb", "r8gn", "r8i", "r8i-flex", "r8ib", "r8id", "r8idb", "r8idn", "r8in", "x8aedz", "x8i"),
        *("i8ge", "hpc8a", "p6-b200"),
    )
)
# Seconds until an idle TCP connection is no longer tracked there; elsewhere it takes five days.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html#connection-tracking-timeouts
NITRO_V6_TIMEOUT = 350


class InstanceState(Part):
    """The state of an instance."""

    name: str = ""


class Instance(Resource):
    """An instance as DescribeInstances gives it (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html)."""

    kind: ClassVar[str] = "instance"
    instance_id: str
    state: InstanceState = InstanceState()
    platform: str = ""
    instance_type: str = ""

    @property
    def id(self) -> str:
        """The instance id."""
        return self.instance_id

    @property
    def tcp_timeout(self) -> int | None:
        """Seconds for which its interfaces track an idle TCP connection where nobody set it otherwise; None: not known."""
        return NITRO_V6_TIMEOUT if self.instance_type.partition(".")[0] in NITRO_V6 else None


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
