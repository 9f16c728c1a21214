"""EFS file systems: a file system stands for its mount target in the client's zone, by which its DNS name resolves there.

https://docs.aws.amazon.com/efs/latest/ug/mounting-fs-mount-cmd-dns-name.html
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Read, Resource, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, all_of, arn_scope, every
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


class MountTarget(Resource):
    """A mount target (https://docs.aws.amazon.com/efs/latest/ug/API_MountTargetDescription.html)."""

    kind: ClassVar[str] = "mount_target"
    mount_target_id: str
    file_system_id: Id
    network_interface_id: Id
    availability_zone_name: str = ""
    life_cycle_state: str = ""

    @property
    def id(self) -> str:
        """The mount target's id."""
        return self.mount_target_id


class MountTargetComponent(Component):
    """A file system by its id, ARN or DNS name."""

    kind = "mount_target"
    spoken = "efs"
    reads = (
        Read(
            service="efs",
            operation="describe_mount_targets",
            action="elasticfilesystem:DescribeMountTargets",
            responses=("MountTargets",),
            id_field="MountTargetId",
            resource=MountTarget,
            lookups={
                "id": Lookup(
                    keys=lambda raw: [raw["MountTargetId"]], request=lambda values, region: {"MountTargetId": values[0]}
                ),
                "file_system": Lookup(
                    keys=lambda raw: [raw.get("FileSystemId")], request=lambda values, region: {"FileSystemId": values[0]}
                ),
            },
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
        targets = view.find("mount_target", "file_system", known["id"], arn_scope(text))
        zones = [dns["zone"]] if dns and dns["zone"] else _zones(near, view)
        if isinstance(targets, Unread) or isinstance(zones, Unread):
            return targets if isinstance(targets, Unread) else zones  # type: ignore[return-value]
        chosen = [t for t in targets if t.availability_zone_name in zones] if zones else list(targets)
        faces = every(_face(target, len(chosen) > 1, view) for target in chosen)
        if isinstance(faces, Unread) or chosen or not targets:
            return faces
        outside = f"is a file system without a mount target in {', '.join(zones)}, so its name resolves to nothing there"
        return (Named(known["id"], known["id"], outside=f"{outside}: make one in that zone, or ask from another"),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the mount target takes connections."""
        found = view.get("mount_target", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        said = found.life_cycle_state
        state: State = STATES.get(said, "unknown")
        return observed(Condition(name=found.file_system_id, said=said, state=state, ports=(NFS,), shown=said), place, packet)


def _zones(near: tuple[Any, ...], view: View) -> Any:
    """The zones that the other end lies in."""
    subnets = all_of(view.get("subnet", interface.subnet_id, interface.scope) for interface in near)
    return subnets if isinstance(subnets, Unread) else list(dict.fromkeys(s.availability_zone for s in subnets))


def _face(target: Any, guess: bool, view: View) -> Named | Unread:
    """One mount target; clients in several zones use one each, so of several it is the client's own."""
    face = view.get("network_interface", target.network_interface_id, target.scope)
    if isinstance(face, Unread):
        return face
    service = Place(kind="mount_target", id=target.id, scope=target.scope)
    faces = (face,) if face else ()
    outside = f"has a mount target {target.id} whose interface {target.network_interface_id} is not there: ask by its address"
    return Named(target.id, target.file_system_id, faces, guess=guess, outside=outside, service=service)
