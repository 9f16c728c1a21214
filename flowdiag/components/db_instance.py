"""RDS databases, Aurora's and those of DocumentDB and Neptune among them: a name or an endpoint stands for one's interfaces.

No call says which interface is a database's. Observed, not documented: it is described `RDSNetworkInterface`, whatever the
database; it lies in a subnet of the database's group in its zone, with exactly its security groups. Where several do, any
may be meant. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from flowdiag.component import WHOLE, Component, Id, Lookup, Part, Read, Resource, View, by_listing
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, arn_scope, every
from flowdiag.service import Condition, behind, observed, told_outside

DESCRIBED = "RDSNetworkInterface"
_ARN = re.compile(r"^arn:[^:]+:rds:[^:]+:\d+:db:(?P<name>[^:]+)$")
# `orders-db.<account's own part>.us-east-1.rds.amazonaws.com`; a cluster's have `cluster-` before that part:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
_DNS = re.compile(
    r"^(?P<name>[a-z0-9-]+)\.(?!cluster-|proxy-)[a-z0-9]+\.(?:[a-z0-9-]+\.(?:rds|docdb|neptune)|(?:rds|docdb|neptune)\.[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\.?$"
)
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]{0,62}$")
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html: what it says of each status.
UP = frozenset((
    "available", "backing-up", "modifying", "storage-optimization", "configuring-enhanced-monitoring",
    "configuring-iam-database-auth", "configuring-log-exports",
))  # fmt: skip
DOWN = frozenset((
    "creating", "deleting", "failed", "stopped", "stopping", "starting", "insufficient-capacity", "incompatible-restore",
    "inaccessible-encryption-credentials", "restore-error",
))  # fmt: skip
# Engines whose options may open further ports (Enterprise Manager, Reporting Services, memcached, Babelfish):
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html and
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/babelfish.html
MORE_PORTS = ("oracle", "sqlserver", "custom", "db2", "mysql", "aurora-postgresql")


class DbEndpoint(Part):
    """Where it listens."""

    address: str = ""
    port: int | None = None


class DbSubnet(Part):
    """A subnet of its group."""

    subnet_identifier: Id


class DbSubnetGroup(Part):
    """The subnets it may lie in."""

    subnets: tuple[DbSubnet, ...]
    vpc_id: str = ""


class DbGroup(Part):
    """A security group of a database, and whether it is in force yet."""

    vpc_security_group_id: Id
    status: str = "active"


class DbInstance(Resource):
    """A database (https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html)."""

    kind: ClassVar[str] = "db_instance"
    db_instance_identifier: str = Field(alias="DBInstanceIdentifier")
    db_instance_arn: str = Field(alias="DBInstanceArn", min_length=1)
    status: str = Field(default="", alias="DBInstanceStatus")
    engine: str = ""
    endpoint: DbEndpoint = DbEndpoint()
    subnet_group: DbSubnetGroup = Field(alias="DBSubnetGroup")
    vpc_security_groups: tuple[DbGroup, ...]
    availability_zone: str = ""
    publicly_accessible: bool | None = None

    @property
    def id(self) -> str:
        """The identifier."""
        return self.db_instance_identifier

    @property
    def name(self) -> str:
        """The identifier, by which people know it."""
        return self.db_instance_identifier


class DbInstanceComponent(Component):
    """A database by its identifier, ARN or endpoint."""

    kind = "db_instance"
    spoken = "rds"
    reads = (
        Read(
            service="rds",
            operation="describe_db_instances",
            action="rds:DescribeDBInstances",
            responses=("DBInstances",),
            id_field="DBInstanceIdentifier",
            resource=DbInstance,
            own_names=True,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["DBInstanceIdentifier"]], filter="db-instance-id"),
                WHOLE: by_listing(),
            },
        ),
    )

    def claims(self, text: str) -> bool:
        """A database's ARN or endpoint."""
        return bool(_ARN.match(text) or _DNS.match(text.lower()))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The database; identifiers are kept in small letters."""
        known = _ARN.match(text) or _DNS.match(text.lower())
        name = (known["name"] if known else text).lower()
        if not _NAME.match(name):
            return ()
        found = view.find("db_instance", "id", name, arn_scope(text))
        return found if isinstance(found, Unread) else every(_named(one, near, view) for one in found)

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The databases whose group is one of the VPC's."""
        listed = view.find("db_instance", WHOLE, WHOLE, place.scope) or ()
        yield from (one.id for one in listed if one.subnet_group.vpc_id == place.vpc)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the database takes connections, and on which port."""
        found = view.get("db_instance", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        port = found.endpoint.port
        public = {True: "publicly accessible", False: "not publicly accessible", None: ""}[found.publicly_accessible]
        condition = Condition(
            name=found.id,
            said=found.status,
            state="up" if found.status in UP else "down" if found.status in DOWN else "doubtful" if found.status else "unknown",
            ports=(port,) if port else None,
            more=found.engine.startswith(MORE_PORTS) or not found.engine,
            shown=", ".join(text for text in (f"{found.engine}, {found.status}", f"port {port}" if port else "", public) if text),
        )
        return observed(condition, place, packet)


def _named(found: DbInstance, near: tuple[Any, ...], view: View) -> Named | Unread:
    """Its interfaces in the zone it lies in; a standby's in another zone takes no connections.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html. From outside its VPC a name gives
    the public address, where there is one.
    """
    subnets = [subnet.subnet_identifier for subnet in found.subnet_group.subnets]
    groups = [group.vpc_security_group_id for group in found.vpc_security_groups if group.status == "active"]
    faces = behind(subnets, groups, found.scope, view, lambda i: i.description == DESCRIBED)
    if isinstance(faces, Unread):
        return faces
    zones = {face.subnet_id: view.get("subnet", face.subnet_id, face.scope) for face in faces} if found.availability_zone else {}
    unread = next((zone for zone in zones.values() if isinstance(zone, Unread)), None)
    near_by = tuple(f for f in faces if (s := zones.get(f.subnet_id)) and s.availability_zone == found.availability_zone)
    if unread is not None and len(faces) > 1:
        return unread
    chosen = near_by or faces
    where = f"is a database in {', '.join(subnets)}, where no interface of RDS's has exactly {', '.join(groups)}"
    return Named(
        resource=found.db_instance_arn,
        label=found.id,
        interfaces=chosen,
        guess=len(chosen) > 1,
        addresses=told_outside(chosen, near),
        outside=f"{where}: give its interface or its address",
        service=Place(kind="db_instance", id=found.id, scope=found.scope),
    )
