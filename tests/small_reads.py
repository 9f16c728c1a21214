"""A small table of reads for the tests of the snapshot, independent of the components: every shape of reply once."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from flowdiag.component import Lookup, Read, Resource, by_id, by_name
from flowdiag.model import Scope
from flowdiag.snapshot import Snapshot

ONE, TWO = "111122223333", "444455556666"
EAST, WEST = Scope(account=ONE, region="us-east-1"), Scope(account=ONE, region="us-west-2")
OTHER = Scope(account=TWO, region="us-east-1")


class Net(Resource):
    kind: ClassVar[str] = "net"
    vpc_id: str
    cidr_block: str = ""

    @property
    def id(self) -> str:
        return self.vpc_id


class Host(Resource):
    kind: ClassVar[str] = "host"
    instance_id: str

    @property
    def id(self) -> str:
        return self.instance_id


class Pl(Resource):
    kind: ClassVar[str] = "pl"
    prefix_list_id: str
    cidrs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.prefix_list_id


class Balancer(Resource):
    kind: ClassVar[str] = "balancer"
    load_balancer_name: str

    @property
    def id(self) -> str:
        return self.load_balancer_name


class Settings(Resource):
    kind: ClassVar[str] = "settings"
    aws_account_id: str

    @property
    def id(self) -> str:
        return self.aws_account_id


def _cidrs(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw.get("CidrBlock"), *(more.get("CidrBlock") for more in raw.get("CidrBlockAssociationSet") or ())]


def _read(operation: str, key: str, id_field: str, resource: type[Resource], **more: Any) -> Read:
    action = "ec2:" + "".join(word.title() for word in operation.split("_"))
    lookups = {"id": by_id(id_field, "id-filter"), **more.pop("lookups", {})}
    return Read("ec2", operation, action, (key,), id_field, resource, lookups, **more)


NETS = _read(
    "describe_vpcs",
    "Vpcs",
    "VpcId",
    Net,
    lookups={"cidr": Lookup(keys=_cidrs), "name": by_name()},
)
HOSTS = _read(
    "describe_instances",
    "Reservations",
    "InstanceId",
    Host,
    items=lambda entries: (host for entry in entries for host in entry["Instances"]),
    lookups={"name": by_name()},
)
OWN_LISTS = _read("get_entries", "ManagedPrefixListEntries", "PrefixListId", Pl, single=True)
AWS_LISTS = _read("describe_prefix_lists", "PrefixLists", "PrefixListId", Pl)
SETTINGS = _read("describe_options", "VpcBlockPublicAccessOptions", "AwsAccountId", Settings)
NEW_BALANCERS = _read("describe_load_balancers", "LoadBalancers", "LoadBalancerName", Balancer)
OLD_BALANCERS = _read("describe_load_balancers", "LoadBalancerDescriptions", "LoadBalancerName", Balancer)
READS = {
    "net": (NETS,),
    "host": (HOSTS,),
    "pl": (OWN_LISTS, AWS_LISTS),
    "settings": (SETTINGS,),
    "balancer": (NEW_BALANCERS, OLD_BALANCERS),
}


def vpc(number: int, **more: Any) -> dict[str, Any]:
    """A raw VPC."""
    return {"VpcId": f"vpc-{number}", "CidrBlock": f"10.{number}.0.0/16", "OwnerId": ONE, **more}


def named(name: str) -> list[dict[str, str]]:
    """Raw tags that hold a name."""
    return [{"Key": "Name", "Value": name}]


def put(folder: Path, name: str, reply: Any) -> Path:
    """Write a file: text and bytes as they are, anything else as JSON."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(reply if isinstance(reply, bytes) else (reply if isinstance(reply, str) else json.dumps(reply)).encode())
    return file


def load(folder: Path) -> Snapshot:
    """The snapshot of a folder, by the small table of reads."""
    return Snapshot.load(folder, READS)


def written(folder: Path, replies: Mapping[Scope, Any]) -> Snapshot:
    """The snapshot of a folder with one reply per scope."""
    for scope, reply in replies.items():
        put(folder, f"{scope.account}/{scope.region}/reply.json", reply)
    return load(folder)


def ids(resources: Any) -> list[str]:
    """The ids of an answer's resources, sorted; an Unread is no such answer."""
    assert isinstance(resources, tuple)
    return sorted(resource.id for resource in resources)
