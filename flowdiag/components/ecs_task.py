"""ECS tasks and services: a task has an interface of its own (`awsvpc`), or answers by its container instance's.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Read, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, Vicinity, arn_of, arn_scope, every
from flowdiag.service import CamelPart, CamelResource, Condition, State, observed

_TASK = re.compile(r"^arn:[^:]+:ecs:[^:]+:\d+:task/(?P<cluster>[^/]+)/(?P<task>[^/]+)$")
_SERVICE = re.compile(r"^arn:[^:]+:ecs:[^:]+:\d+:service/(?P<cluster>[^/]+)/(?P<service>[^/]+)$")
_SHORT = re.compile(r"^(?P<cluster>[A-Za-z0-9_-]{1,255})/(?P<service>[A-Za-z0-9_-]{1,255})$")
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,255}$")
EVERY = "every cluster"
MOST_SERVICES = 10  # of one call: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
STATES: dict[str, State] = {
    "RUNNING": "up",
    **dict.fromkeys(("PROVISIONING", "PENDING", "ACTIVATING", "DEPROVISIONING", "STOPPED", "DELETED"), "down"),
    **dict.fromkeys(("DEACTIVATING", "STOPPING"), "doubtful"),
}


class Detail(CamelPart):
    """One property of an attachment."""

    name: str = ""
    value: str = ""


class TaskAttachment(CamelPart):
    """What is attached to a task; its interface is of type `ElasticNetworkInterface`."""

    type: str = ""
    status: str = ""
    details: tuple[Detail, ...] = ()


class EcsTask(CamelResource):
    """A task (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html)."""

    kind: ClassVar[str] = "ecs_task"
    task_arn: str
    last_status: Id
    group: str = ""
    attachments: tuple[TaskAttachment, ...] = ()

    @property
    def id(self) -> str:
        """The ARN."""
        return self.task_arn

    @property
    def label(self) -> str:
        """Its service and the start of its id, as the console shows them."""
        return f"{self.group.removeprefix('service:')} {self.task_arn.rpartition('/')[2][:8]}".strip()

    @property
    def interfaces(self) -> list[str]:
        """The ids of its own interfaces."""
        details = [d for a in self.attachments if a.type == "ElasticNetworkInterface" for d in a.details]
        return [detail.value for detail in details if detail.name == "networkInterfaceId" and detail.value]


class ServiceTasks(CamelResource):
    """The tasks of a service (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html)."""

    kind: ClassVar[str] = "ecs_service_tasks"
    service: str
    task_arns: tuple[str, ...]

    @property
    def id(self) -> str:
        """`cluster/service`."""
        return self.service


class ClusterNames(CamelResource):
    """Every cluster of a Region (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html)."""

    kind: ClassVar[str] = "ecs_cluster_names"
    of: Id
    cluster_arns: tuple[str, ...]

    @property
    def id(self) -> str:
        """What was asked for: every one."""
        return self.of


class ServiceNames(CamelResource):
    """Every service of a cluster (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html)."""

    kind: ClassVar[str] = "ecs_service_names"
    cluster: Id
    service_arns: tuple[str, ...]

    @property
    def id(self) -> str:
        """The cluster's ARN."""
        return self.cluster


class AwsVpc(CamelPart):
    """Where tasks with an interface of their own get it."""

    subnets: tuple[str, ...] = ()


class TaskNetwork(CamelPart):
    """How tasks are connected."""

    awsvpc_configuration: AwsVpc = AwsVpc()


class TaskSet(CamelPart):
    """Tasks of one version of a service, where something else than ECS deploys it."""

    network_configuration: TaskNetwork = TaskNetwork()


class EcsService(CamelResource):
    """A service (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html)."""

    kind: ClassVar[str] = "ecs_service"
    service_arn: str
    network_configuration: TaskNetwork = TaskNetwork()
    task_sets: tuple[TaskSet, ...] = ()

    @property
    def id(self) -> str:
        """The ARN."""
        return self.service_arn

    @property
    def subnets(self) -> tuple[str, ...]:
        """The subnets that its tasks get interfaces in."""
        several = (self.network_configuration, *(one.network_configuration for one in self.task_sets))
        return tuple(subnet for one in several for subnet in one.awsvpc_configuration.subnets)


def _of_service(values: Sequence[str], region: str) -> Mapping[str, Any]:
    cluster, _, service = values[0].partition("/")
    return {"cluster": cluster, "serviceName": service}


def _tasks(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"cluster": _cluster(values[0]), "tasks": list(values)}


def _cluster(arn: str) -> str:
    """The ARN of the cluster that a task's ARN names."""
    start, _, rest = arn.partition(":task/")
    return f"{start}:cluster/{rest.partition('/')[0]}"


def _services(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"cluster": _service_cluster(values[0]), "services": list(values)}


def _service_cluster(arn: str) -> str:
    """The ARN of the cluster that a service's ARN names."""
    start, _, rest = arn.partition(":service/")
    return f"{start}:cluster/{rest.partition('/')[0]}"


def _of_cluster(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"cluster": values[0], "maxResults": 100}  # ten a page otherwise


def _every(_values: Sequence[str], _region: str) -> Mapping[str, Any]:
    return {}


class EcsTaskComponent(Component):
    """A task by its ARN, a service by its ARN, as `cluster/service`, or by its name alone where no cluster is told."""

    kind = "ecs_task"
    spoken = "ecs"
    reads = (
        Read(
            service="ecs",
            operation="describe_tasks",
            action="ecs:DescribeTasks",
            responses=("tasks",),
            id_field="taskArn",
            resource=EcsTask,
            lookups={"id": Lookup(keys=lambda raw: [raw["taskArn"]], request=_tasks, apart=_cluster)},
            lists_all=False,
            secret=frozenset({"overrides"}),  # environment variables, passwords among them
        ),
        Read(
            service="ecs",
            operation="list_tasks",
            action="ecs:ListTasks",
            responses=("EcsServiceTasks",),
            id_field="service",
            resource=ServiceTasks,
            lookups={"id": Lookup(keys=lambda raw: [raw["service"]], request=_of_service)},
            single=True,
            own_names=True,
        ),
        Read(
            service="ecs",
            operation="list_clusters",
            action="ecs:ListClusters",
            responses=("EcsClusterNames",),
            id_field="of",
            resource=ClusterNames,
            lookups={"id": Lookup(keys=lambda raw: [raw["of"]], request=_every)},
            single=True,
            own_names=True,
        ),
        Read(
            service="ecs",
            operation="list_services",
            action="ecs:ListServices",
            responses=("EcsServiceNames",),
            id_field="cluster",
            resource=ServiceNames,
            lookups={"id": Lookup(keys=lambda raw: [raw["cluster"]], request=_of_cluster)},
            single=True,
        ),
        Read(
            service="ecs",
            operation="describe_services",
            action="ecs:DescribeServices",
            responses=("services",),
            id_field="serviceArn",
            resource=EcsService,
            lookups={
                "id": Lookup(keys=lambda raw: [raw["serviceArn"]], request=_services, apart=_service_cluster, most=MOST_SERVICES)
            },
            lists_all=False,
        ),
    )

    def claims(self, text: str) -> bool:
        """The ARN of a task or a service."""
        return bool(_TASK.match(text) or _SERVICE.match(text))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The task, or the service of a cluster pointing to its tasks."""
        if _TASK.match(text):
            task = view.get("ecs_task", text, arn_scope(text))
            return every([_named(task, view)]) if task else task if isinstance(task, Unread) else ()
        known = _SERVICE.match(text) or _SHORT.match(text)
        if not known:
            return ()
        found = view.find("ecs_service_tasks", "id", f"{known['cluster']}/{known['service']}", arn_scope(text))
        return found if isinstance(found, Unread) else tuple(_pointing(one) for one in found)

    def sought(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The services of this name in every cluster: ECS finds none without its cluster, so each is asked for it."""
        if not _NAME.match(text):
            return ()
        clusters = view.find("ecs_cluster_names", "id", EVERY)
        if isinstance(clusters, Unread):
            return clusters
        pairs = [(arn, listed.scope) for listed in clusters for arn in listed.cluster_arns]
        asked = [(_last(arn), scope) for arn, scope in pairs if _may_have(arn, text, scope, view)]
        answers = [view.find("ecs_service_tasks", "id", f"{cluster}/{text}", scope) for cluster, scope in asked]
        found = tuple(_pointing(one) for answer in answers for one in answer or ())
        return found or next((answer for answer in answers if isinstance(answer, Unread)), ())

    def residents(self, place: Vicinity, view: View) -> Iterator[str]:
        """The services whose tasks get interfaces in the VPC, with their cluster's name and without."""
        for listed in view.find("ecs_cluster_names", "id", EVERY, place.scope) or ():
            for cluster in listed.cluster_arns:
                named = view.get("ecs_service_names", cluster, place.scope)
                found = [view.get("ecs_service", arn, place.scope) for arn in (named.service_arns if named else ())]
                for name in (_last(one.id) for one in found if one and place.holds(one.subnets)):
                    yield from (f"{_last(cluster)}/{name}", name)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the task runs; which ports its containers listen on is not judged."""
        found = view.get("ecs_task", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state: State = STATES.get(found.last_status, "doubtful")
        condition = Condition(name=found.label, said=found.last_status, state=state, anything=True, shown=found.last_status)
        return observed(condition, place, packet)


def _may_have(cluster: str, service: str, scope: Any, view: View) -> bool:
    """Whether a cluster may have a service of this name; where its services are known already, they tell."""
    known = view.aside().get("ecs_service_names", cluster, scope)
    return not known or service in map(_last, known.service_arns)


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _pointing(found: ServiceTasks) -> Named:
    """A service pointing to its tasks."""
    outside = "is a service without running tasks: start one, or look up in ECS why none runs"
    arn = arn_of(found.scope, "ecs", f"service/{found.id}")
    return Named(arn, _last(found.id), alias=found.task_arns, outside=outside)


def _named(task: EcsTask, view: View) -> Named | Unread:
    faces = every(view.get("network_interface", id, task.scope) for id in task.interfaces)
    if isinstance(faces, Unread):
        return faces
    where = f"is a task in state {task.last_status} without an interface of its own"
    outside = f"{where}: in the network modes bridge and host it answers by its container instance, so ask for that instance"
    service = Place(kind="ecs_task", id=task.id, scope=task.scope)
    return Named(task.id, task.label, tuple(f for f in faces if f), outside=outside, service=service)
