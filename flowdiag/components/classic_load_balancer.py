"""Classic Load Balancers: listeners from a port to an instance port, and instances with their health. Only read; nodes lead.

https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/introduction.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from flowdiag.address import address
from flowdiag.balancing import Goal, Handling
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View
from flowdiag.model import TCP, Address, Packet, Unread

IDLE = 60  # seconds: https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/config-idle-timeout.html


class ClassicListener(Part):
    """The ports of one listener; every protocol of it is TCP on the wire."""

    protocol: Literal["HTTP", "HTTPS", "TCP", "SSL"]
    load_balancer_port: int
    instance_port: int

    def __str__(self) -> str:
        """As the console shows it: `HTTP:80`."""
        return f"{self.protocol}:{self.load_balancer_port}"


class ListenerDescription(Part):
    """One listener with its policies."""

    listener: ClassicListener


class RegisteredInstance(Part):
    """An instance as it was registered."""

    instance_id: Id


class HealthCheck(Part):
    """Whom health checks ask: `HTTP:8080/health`."""

    target: str = ""

    @property
    def port(self) -> int | None:
        """The port that health checks go to."""
        said = self.target.partition(":")[2].partition("/")[0]
        return int(said) if said.isdecimal() else None


class ClassicLoadBalancer(Resource):
    """A Classic Load Balancer (API_LoadBalancerDescription.html in the API reference of 2012-06-01)."""

    kind: ClassVar[str] = "classic_load_balancer"
    word: ClassVar[str] = "classic"
    at: ClassVar[str] = ""
    load_balancer_name: Id
    vpc_id: str = Field(alias="VPCId", min_length=1)
    listener_descriptions: tuple[ListenerDescription, ...]
    instances: tuple[RegisteredInstance, ...]
    availability_zones: tuple[str, ...]
    health_check: HealthCheck = HealthCheck()

    @property
    def id(self) -> str:
        """The name, by which it is known in its account and Region."""
        return self.load_balancer_name

    @property
    def name(self) -> str:
        """The name."""
        return self.load_balancer_name

    def handle(self, node: Any, packet: Packet, view: View, keeps: bool = True) -> Handling:
        """What a node does with a request: the listener of its port, and the instances in service."""
        ports, listeners = packet.flow.destination_ports, [entry.listener for entry in self.listener_descriptions]
        said = ", ".join(map(str, listeners))
        if packet.flow.protocol != TCP or ports is None or not listeners:
            return Handling("no", said=said)
        taken = next((entry for entry in listeners if entry.load_balancer_port == ports.first), None)
        if taken is None:
            return Handling("other port", said=said)
        idle = self._idle_timeout(view)
        word, goals = self._choose(taken.instance_port, node, view)
        sends = word == "some"
        return Handling("yes", word, goals if sends else (), beyond=() if sends else goals, idle=idle, said=str(taken))

    def _choose(self, port: int, node: Any, view: View) -> tuple[str, tuple[Goal, ...]]:
        """The instances that may get the request: those in service, of the node's zone only where nothing crosses zones; those
        out of service or reach where there are no others.

        Without one in service nobody gets it (HTTP 503):
        https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/ts-elb-error-message.html#ts-elb-errorcodes-http503
        """
        if not self.instances:
            return "empty", ()
        health = view.get("classic_load_balancer_health", self.id, self.scope)
        hosts = [self._host(entry.instance_id, view) for entry in self.instances]
        if not health or None in hosts:
            return "unknown", ()
        known = [pair for pair in hosts if pair]
        if not all(subnet.availability_zone for _, subnet in known):
            return "unknown", ()
        enabled = [(host, subnet) for host, subnet in known if subnet.availability_zone in self.availability_zones]
        near = self._near(enabled, node, view)
        if not enabled or near is None:
            return ("unknown", ()) if enabled else ("zone off", _goals([host for host, _ in known], port))
        well = [host for host in near if health.in_service(host[0])]
        if near and not well:
            others = any(health.in_service(host[0]) for host, _ in enabled)
            return ("doubtful", ()) if others else ("none in service", _goals(near, port))
        return ("some", _goals(well, port)) if well else ("other zone", _goals([host for host, _ in enabled], port))

    def _near(self, enabled: list[tuple[tuple[str, Address], Any]], node: Any, view: View) -> list[tuple[str, Address]] | None:
        """The instances a node sends to; None where whether it crosses zones was not read and would decide: it is off where
        the load balancer was made by the API, on where it was made in the console.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/enable-disable-crosszone-lb.html
        """
        found = view.get("classic_load_balancer_attributes", self.id, self.scope)
        here = view.get("subnet", node.subnet_id, node.scope)
        every, near = [host for host, _ in enabled], [host for host, subnet in enabled if here and here.shares_zone(subnet)]
        if found and found.crosses_zones:
            return every
        return near if here and (found or near == every) else None

    def _host(self, instance: str, view: View) -> tuple[tuple[str, Address], Any] | None:
        """An instance's primary address and its subnet; None where they were not read."""
        found = view.find("network_interface", "instance", instance, self.scope) or ()
        primary = min(found, key=lambda i: i.attachment.device_index if i.attachment else 0, default=None)
        where = address(primary.private_ip_address) if primary else None
        subnet = view.get("subnet", primary.subnet_id, primary.scope) if primary else None
        return ((instance, where), subnet) if where and subnet else None

    def asked_at(self, view: View) -> Any:
        """Every instance with the ports it is asked at, health checks included; None where they are not all known."""
        ports = {entry.listener.instance_port for entry in self.listener_descriptions}
        ports |= {self.health_check.port} if self.health_check.port else set()
        hosts = [self._host(entry.instance_id, view) for entry in self.instances]
        return None if None in hosts else tuple((host[0][1], frozenset(ports)) for host in hosts if host)

    def foresee(self, view: View) -> None:
        """Ask for all that any packet may need here: attributes and health."""
        for kind in ("classic_load_balancer_attributes", "classic_load_balancer_health"):
            view.get(kind, self.id, self.scope)

    def _idle_timeout(self, view: View) -> int:
        found = view.get("classic_load_balancer_attributes", self.id, self.scope)
        if isinstance(found, Unread):
            view.assume(found.query, f"AWS's default: an idle timeout of {IDLE} s")
        settings = found.load_balancer_attributes.connection_settings if found else None
        return settings.idle_timeout if settings else IDLE


def _goals(hosts: list[tuple[str, Address]], port: int) -> tuple[Goal, ...]:
    return tuple(Goal(id, where, port, True) for id, where in hosts)


class InstanceState(Part):
    """The health of one instance."""

    instance_id: Id
    state: Literal["InService", "OutOfService", "Unknown"]


class ClassicHealth(Resource):
    """The health of the instances of one load balancer."""

    kind: ClassVar[str] = "classic_load_balancer_health"
    load_balancer_name: str
    instance_states: tuple[InstanceState, ...]

    @property
    def id(self) -> str:
        """The load balancer's name."""
        return self.load_balancer_name

    def in_service(self, instance: str) -> bool:
        """Whether the instance gets requests."""
        return any(entry.instance_id == instance and entry.state == "InService" for entry in self.instance_states)


class CrossZone(Part):
    """Whether load is balanced across zones."""

    enabled: bool


class ConnectionSettings(Part):
    """The idle timeout in seconds."""

    idle_timeout: int


class Settings(Part):
    """The attributes that decide something."""

    cross_zone_load_balancing: CrossZone
    connection_settings: ConnectionSettings | None = None


class ClassicAttributes(Resource):
    """The attributes of one load balancer."""

    kind: ClassVar[str] = "classic_load_balancer_attributes"
    load_balancer_name: str
    load_balancer_attributes: Settings

    @property
    def id(self) -> str:
        """The load balancer's name."""
        return self.load_balancer_name

    @property
    def crosses_zones(self) -> bool:
        """Whether a node sends to instances of other zones too."""
        return self.load_balancer_attributes.cross_zone_load_balancing.enabled


def _names(raw: Mapping[str, Any]) -> list[str | None]:
    return [raw["LoadBalancerName"]]


def _read(operation: str, response: str, resource: type[Resource], single: bool = True) -> Read:
    field = "LoadBalancerName"
    by_name = Lookup(keys=_names, parameter=field if single else f"{field}s")
    return Read(
        service="elb",
        operation=operation,
        action=f"elasticloadbalancing:{''.join(part.capitalize() for part in operation.split('_'))}",
        responses=(response,),
        id_field=field,
        resource=resource,
        own_names=True,
        lookups={"id": by_name},
        single=single,
    )


class ClassicLoadBalancerComponent(Component):
    """Reads Classic Load Balancers; their nodes lead."""

    kind = "classic_load_balancer"
    reads = (
        _read("describe_load_balancers", "LoadBalancerDescriptions", ClassicLoadBalancer, single=False),
        _read("describe_load_balancer_attributes", "ClassicLoadBalancerAttributes", ClassicAttributes),
        _read("describe_instance_health", "ClassicLoadBalancerHealth", ClassicHealth),
    )
