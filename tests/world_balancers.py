"""What stands in front of hosts in a small world: load balancers of every kind, and the services behind endpoints.

shop = LoadBalancer("shop", {app: "10.0.1.50"})
shop.listen(443, [db], to=8443)      # a target group of its own for each listener
old = ClassicLoadBalancer("old", {app: "10.0.1.60"}, sg_old)
old.listen(80, to=8080)
old.register(web)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from world import Instance, Interface, Subnet, World
from world_guards import Group, Raw

SHORT = {"network": "net", "application": "app", "gateway": "gwy"}
FACES = {"network": "network_load_balancer", "application": "interface", "gateway": "gateway_load_balancer"}


class LoadBalancer:
    """An active internal load balancer with a node at an address of each subnet; `type` is network, application or gateway."""

    def __init__(
        self,
        name: str,
        nodes: Mapping[Subnet, str],
        *groups: Group,
        type: str = "network",
        crosses_zones: bool = False,
        **more: Any,
    ) -> None:
        first = next(iter(nodes))
        self.world, self.vpc, self.name, self.type = first.world, first.vpc, name, type
        self.path = f"{SHORT[type]}/{name}/{self.world.id('lb').removeprefix('lb-')}"
        self.arn = f"arn:aws:elasticloadbalancing:{self.world.region}:{self.world.account}:loadbalancer/{self.path}"
        zones = [{"ZoneName": subnet.raw["AvailabilityZone"], "SubnetId": subnet.id} for subnet in nodes]
        look = {"LoadBalancerName": name, "Type": type, "Scheme": "internal", "State": {"Code": "active"}, **more}
        self.raw = self._add("LoadBalancers", {"IpAddressType": "ipv4", **look, "VpcId": self.vpc.id, "AvailabilityZones": zones})
        self.listeners = self._add("LoadBalancerListeners", {"Listeners": []})
        crosses = {"Key": "load_balancing.cross_zone.enabled", "Value": str(crosses_zones).lower()}
        self.attributes = self._add("LoadBalancerAttributes", {"Attributes": [crosses]})["Attributes"]
        self.nodes = [self._node(subnet, address, groups) for subnet, address in nodes.items()]

    def listen(self, port: int, targets: Iterable[Instance | str], *what: Any, protocol: str = "", **more: Any) -> Raw:
        """A listener with a target group of these instances or addresses; the rest is that of `group`."""
        protocol = protocol or ("TCP" if self.type == "network" else "HTTP")
        arn = self.group(port, targets, *what, protocol=protocol, **more)
        return self.answer(port, protocol, {"Type": "forward", "TargetGroupArn": arn})

    def inspect(self, targets: Iterable[Instance | str], **more: Any) -> Raw:
        """The one listener of a Gateway Load Balancer, with its target group of appliances."""
        arn = self.group(6081, targets, protocol="GENEVE", **more)
        return self.answer(None, "", {"Type": "forward", "TargetGroupArn": arn})

    def group(
        self,
        port: int,
        targets: Iterable[Instance | str],
        to: int | None = None,
        protocol: str = "",
        health: str = "healthy",
        target_type: str = "",
        name: str = "",
        asked_at: str = "traffic-port",
        **attributes: str,
    ) -> str:
        """The ARN of a target group with these instances or addresses, and the group's attributes by their names."""
        protocol = protocol or ("TCP" if self.type == "network" else "HTTP")
        known = list(targets)
        kind = target_type or ("ip" if any(isinstance(target, str) for target in known) else "instance")
        arn = f"{self.arn.replace('loadbalancer', 'targetgroup')}/{name or port}"
        group = {"TargetGroupName": f"{self.name}-{port}", "TargetType": kind, "Protocol": protocol, "Port": to or port}
        self.world.add("TargetGroups", "tg", {"TargetGroupArn": arn, **group, "VpcId": self.vpc.id})
        names = [target if isinstance(target, str) else target.id for target in known]
        listed = [{**_health(name, to or port, health), "HealthCheckPort": asked_at} for name in names]
        self.world.add("LoadBalancerTargetHealth", "tg", {"TargetGroupArn": arn, "TargetHealthDescriptions": listed})
        named = [{"Key": key, "Value": value} for key, value in attributes.items()]
        self.world.add("TargetGroupAttributes", "tg", {"TargetGroupArn": arn, "Attributes": named})
        return arn

    def answer(self, port: int | None, protocol: str, action: Raw) -> Raw:
        """A listener with this default action, which its rules end with; that of a Gateway Load Balancer has no port."""
        arn = f"{self.arn.replace('loadbalancer', 'listener')}/{port}"
        takes = {"Port": port, "Protocol": protocol} if port is not None else {}
        raw: Raw = {"ListenerArn": arn, "LoadBalancerArn": self.arn, **takes, "DefaultActions": [action]}
        self.listeners["Listeners"].append(raw)
        last = {"Priority": "default", "Conditions": [], "Actions": [action], "IsDefault": True}
        self.rules = self.world.add("ListenerRules", "rule", {"ListenerArn": arn, "Rules": [last]})["Rules"]
        self.world.add("ListenerAttributes", "rule", {"ListenerArn": arn, "Attributes": []})
        return raw

    def rule(self, priority: int, action: Raw, **conditions: list[str]) -> None:
        """One more rule of the listener made last: conditions by their fields, `_` for `-` (`path_pattern`, `source_ip`)."""
        made = [_condition(field.replace("_", "-"), values) for field, values in conditions.items()]
        self.rules.append({"Priority": str(priority), "Conditions": made, "Actions": [action], "IsDefault": False})

    def _add(self, key: str, raw: Raw) -> Raw:
        return self.world.add(key, "lb", {"LoadBalancerArn": self.arn, **raw})

    def _node(self, subnet: Subnet, address: str, groups: Iterable[Group]) -> Interface:
        look = {"Description": f"ELB {self.path}", "RequesterManaged": True, "SourceDestCheck": self.type == "application"}
        return subnet.interface(address, *groups, type=FACES[self.type], **look)


def _health(target: str, port: int, health: str) -> Raw:
    """A target in a state, behind which may stand AWS's reason: `unhealthy Target.Timeout`."""
    state, _, reason = health.partition(" ")
    why = {"Reason": reason} if reason else {}
    return {"Target": {"Id": target, "Port": port}, "TargetHealth": {"State": state, **why}}


def _condition(field: str, values: list[str]) -> Raw:
    own = "SourceIpConfig" if field == "source-ip" else f"{field.title().replace('-', '')}Config"
    return {"Field": field, "Values": [] if field == "source-ip" else values, own: {"Values": values}}


class ClassicLoadBalancer:
    """A Classic Load Balancer with a node at an address of each subnet."""

    def __init__(self, name: str, nodes: Mapping[Subnet, str], *groups: Group, crosses_zones: bool = False) -> None:
        first = next(iter(nodes))
        self.world, self.name = first.world, name
        look = {"Subnets": [subnet.id for subnet in nodes], "SecurityGroups": [group.id for group in groups]}
        zones = sorted({subnet.raw["AvailabilityZone"] for subnet in nodes})
        empty: Raw = {"ListenerDescriptions": [], "Instances": [], "HealthCheck": {"Target": "HTTP:8081/health"}}
        self.raw = self._add("LoadBalancerDescriptions", {"VPCId": first.vpc.id, **look, "AvailabilityZones": zones, **empty})
        settings = {"CrossZoneLoadBalancing": {"Enabled": crosses_zones}, "ConnectionSettings": {"IdleTimeout": 60}}
        self._add("ClassicLoadBalancerAttributes", {"LoadBalancerAttributes": settings})
        self.health = self._add("ClassicLoadBalancerHealth", {"InstanceStates": []})["InstanceStates"]
        look = {"Description": f"ELB {name}", "RequesterManaged": True}
        self.nodes = [subnet.interface(address, *groups, **look) for subnet, address in nodes.items()]

    def listen(self, port: int, to: int, protocol: str = "HTTP") -> None:
        """A listener from a port to a port of the instances."""
        ports = {"LoadBalancerPort": port, "InstancePort": to}
        listener = {"Protocol": protocol, "InstanceProtocol": protocol, **ports}
        self.raw["ListenerDescriptions"].append({"Listener": listener, "PolicyNames": []})

    def register(self, instance: Instance, state: str = "InService") -> None:
        """One more instance, with its state."""
        self.raw["Instances"].append({"InstanceId": instance.id})
        self.health.append({"InstanceId": instance.id, "State": state, "ReasonCode": "N/A"})

    def _add(self, key: str, raw: Raw) -> Raw:
        return self.world.add(key, "lb", {"LoadBalancerName": self.name, **raw})


def endpoint_service(world: World, *balancers: LoadBalancer, **more: Any) -> str:
    """The name of an available endpoint service in front of these load balancers, in the zones of all of them."""
    zones = sorted({zone["ZoneName"] for balancer in balancers for zone in balancer.raw["AvailabilityZones"]})
    kind = "GatewayLoadBalancer" if balancers[0].type == "gateway" else "Interface"
    arns = {f"{'Gateway' if kind != 'Interface' else 'Network'}LoadBalancerArns": [balancer.arn for balancer in balancers]}
    id = world.id("vpce-svc")
    name = f"com.amazonaws.vpce.{world.region}.{id}"
    look = {"ServiceName": name, "ServiceType": [{"ServiceType": kind}], "ServiceState": "Available", "AvailabilityZones": zones}
    world.add("ServiceConfigurations", "vpce-svc", {"ServiceId": id, **look, **arns, **more})
    return name
