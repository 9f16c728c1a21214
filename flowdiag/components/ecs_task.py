"""ECS tasks and services: a task has an interface of its own (`awsvpc`), or answers by its container instance's.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flowdiag.component import Component, Id, Lookup, Read, View
from flowdiag.model import Observation, Packet, Place, Unread
from flowdiag.named import Named, arn_scope, every
from flowdiag.service import CamelPart, CamelResource, Condition, State, observed

_TASK = re.compile(r"^arn:[^:]+:ecs:[^:]+:\d+:task/(?P<cluster>[^/]+)/(?P<task>[^/]+)$")
_SERVICE = re.compile(r"^arn:[^:]+:ecs:[^:]+:\d+:service/(?P<cluster>[^/]+)/(?P<service>[^/]+)$")
_SHORT = re.compile(r"^(?P<cluster>[A-Za-z0-9_-]{1,255})/(?P<service>[A-Za-z0-9_-]{1,255})$")
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


def _of_service(values: Sequence[str], region: str) -> Mapping[str, Any]:
    cluster, _, service = values[0].partition("/")
    return {"cluster": cluster, "serviceName": service}


def _tasks(values: Sequence[str], region: str) -> Mapping[str, Any]:
    return {"cluster": _cluster(values[0]), "tasks": list(values)}


def _cluster(arn: str) -> str:
    """The ARN of the cluster that a task's ARN names."""
    start, _, rest = arn.partition(":task/")
    return f"{start}:cluster/{rest.partition('/')[0]}"


class EcsTaskComponent(Component):
    """A task by its ARN, a service by its ARN or as `cluster/service`."""

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
        ),
    )

    def claims(self, text: str) -> bool:
        """The ARN of a task or a service."""
        return bool(_TASK.match(text) or _SERVICE.match(text))

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The task, or the service pointing to its tasks; a service is known within a cluster alone."""
        if _TASK.match(text):
            task = view.get("ecs_task", text, arn_scope(text))
            return every([_named(task, view)]) if task else task if isinstance(task, Unread) else ()
        known = _SERVICE.match(text) or _SHORT.match(text)
        if not known:
            return ()
        name = f"{known['cluster']}/{known['service']}"
        found = view.get("ecs_service_tasks", name, arn_scope(text))
        if not found:
            return found if isinstance(found, Unread) else ()
        outside = "is a service without running tasks: start one, or look up in ECS why none runs"
        return (Named(text, known["service"], alias=found.task_arns, outside=outside),)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation:
        """Whether the task runs; which ports its containers listen on is not judged."""
        found = view.get("ecs_task", place.id, place.scope)
        if not found:
            return observed(Condition(name=place.id), place, packet)
        state: State = STATES.get(found.last_status, "doubtful")
        condition = Condition(name=found.label, said=found.last_status, state=state, anything=True, shown=found.last_status)
        return observed(condition, place, packet)


def _named(task: EcsTask, view: View) -> Named | Unread:
    faces = every(view.get("network_interface", id, task.scope) for id in task.interfaces)
    if isinstance(faces, Unread):
        return faces
    where = f"is a task in state {task.last_status} without an interface of its own"
    outside = f"{where}: in the network modes bridge and host it answers by its container instance, so ask for that instance"
    service = Place(kind="ecs_task", id=task.id, scope=task.scope)
    return Named(task.id, task.label, tuple(f for f in faces if f), outside=outside, service=service)
