"""EFS file systems: a file system stands for its mount target in the client's zone, by which its DNS name resolves there.

https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-mount-cmd-dns-name.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, all_of, arn_scope, every
from flowdiag.service import Condition, State, observed

NFS = 2049  # https://docs.aws.amazon.com/efs/latest/ug/network-access.html
_NAMED = re.compile(r"^(?:arn:[^:]+:elasticfilesystem:[^:]+:\d+:file-system/)?(?P<id>fs-[0-9a-z]+)$")
_DNS = re.compile(r"^(?:(?P<zone>[a-z0-9-]+)\.)?(?P<id>fs-[0-9a-z]+)\.efs\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\.?$")
# https://docs.aws.amazon.com/efs/latest/ug/API_MountTargetDescription.html
STATES: dict[str, State] = {
    "available": "up",
    "updating": "doubtful",
    **dict.fromkeys(("creating", "deleting", "deleted", "error"), "down"),
}


class MountTarget(Part):
    """A mount target (https://docs.aws.amazon.com/efs/latest/ug/API_MountTargetDescription.html)."""

    mount_target_id: Id
    network_interface_id: Id
    availability_zone_name: str = ""
    life_cycle_state: str = ""


class FileSystem(Resource):
    """The mount targets of one file system (https://docs.aws.amazon.com/efs/latest/ug/API_DescribeMountTargets.html)."""

    kind: ClassVar[str] = "file_system"
    file_system_id: str
    mount_targets: tuple[MountTarget, ...]

    @property
    def id(self) -> str:
        """The file system's id."""
        return self.file_system_id


class MountTargetComponent(Component):
    """A file system by its id, ARN or DNS name."""

    kind = "mount_target"
    spoken = "efs"
    reads = (
        Read(
            service="efs",
            operation="describe_mount_targets",
            action="elasticfilesystem:DescribeMountTargets",
            responses=("FileSystemMountTargets",),
            id_field="FileSystemId",
            resource=FileSystem,
            lookups={"id": Lookup(keys=lambda raw: [raw["FileSystemId"]], parameter="FileSystemId")},
            single=True,
        ),
    )

    def claims(self, text: str) -> bool:
        """A file system's id, ARN or DNS name."""
        return bool(_NAMED.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The mount targets in the client's zones, or in the zone that the DNS name says."""
        dns = _DNS.match(text.lower())
        known = dns or _NAMED.match(text)
        if not known:
            return ()
        found = view.get("file_system", known["id"], arn_scope(text))
        zones = (dns["zone"],) if dns and dns["zone"] else _zones(near, view)
        if isinstance(found, Unread) or isinstance(zones, Unread) or found is None:
            return next((one for one in (found, zones) if isinstance(one, Unread)), ())
        chosen = [t for t in found.mount_targets if t.availability_zone_name in zones] if zones else found.mount_targets
        if chosen:
            return every([_named(found, chosen, view)])
        outside = f"is a file system without a mount target in {', '.join(zones) or 'any zone'}, so its name resolves to nothing"
        return (Named(found.id, found.id, outside=f"{outside}: make one there, or ask from another zone"),)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The file systems with a mount target in the VPC; its interface is described `EFS mount target for <id> (<target>)`,
        as is observed and not documented."""
        yield from dict.fromkeys(text.split(" ")[0] for text in place.described("EFS mount target for "))

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the mount target takes connections."""
        found = view.get("file_system", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        target = next((t for t in found.mount_targets if t.network_interface_id == packet.receiver), None)
        said = target.life_cycle_state if target else ""
        state: State = STATES.get(said, "unknown")
        return observed(Condition(name=found.id, said=said, state=state, ports=(NFS,), shown=said), place, packet)


def _zones(near: tuple[Any, ...], view: View) -> tuple[str, ...] | Unread:
    """The zones that the other end lies in."""
    subnets = all_of(view.get("subnet", interface.subnet_id, interface.scope) for interface in near)
    return subnets if isinstance(subnets, Unread) else tuple(dict.fromkeys(s.availability_zone for s in subnets))


def _named(found: FileSystem, targets: Sequence[MountTarget], view: View) -> Named | Unread:
    """Its mount targets; a client uses that of its own zone, so of several any may be meant."""
    faces = all_of(view.get("network_interface", target.network_interface_id, found.scope) for target in targets)
    if isinstance(faces, Unread):
        return faces
    outside = "is a file system whose mount targets' interfaces are not there: ask by the address of one"
    service = Place(kind="mount_target", id=found.id, scope=found.scope)
    return Named(found.id, found.id, faces, guess=len(faces) > 1, outside=outside, service=service)
