"""Network Firewall in a small world: a firewall with an endpoint in each of some subnets, its policy and its rule groups.

wall = Firewall(world, "inspect", firewall_subnet, order="STRICT_ORDER", default=("aws:drop_strict",))
wall.stateful("allow", [rule("PASS", "TCP", "10.0.0.0/16", "10.9.0.0/16", 5432)])
app.route("10.9.0.0/16", wall.endpoints[0])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from world import Subnet, World
from world_guards import Raw


def rule(
    action: str, protocol: str, source: str, destination: str, port: int | str = "ANY", direction: str = "FORWARD", *options: str
) -> Raw:
    """A stateful rule of 5-tuple form, with these option keywords beside its number."""
    header = {"Protocol": protocol, "Source": source, "SourcePort": "ANY", "Direction": direction}
    header |= {"Destination": destination, "DestinationPort": str(port)}
    named = [{"Keyword": "sid", "Settings": ["1"]}, *({"Keyword": keyword, "Settings": []} for keyword in options)]
    return {"Action": action, "Header": header, "RuleOptions": named}


def match(priority: int, action: str, source: str = "", destination: str = "", ports: tuple[int, int] | None = None) -> Raw:
    """A stateless rule for TCP."""
    looks: Raw = {"Protocols": [6]}
    looks |= {"Sources": [{"AddressDefinition": source}]} if source else {}
    looks |= {"Destinations": [{"AddressDefinition": destination}]} if destination else {}
    looks |= {"DestinationPorts": [{"FromPort": ports[0], "ToPort": ports[1]}]} if ports else {}
    return {"Priority": priority, "RuleDefinition": {"MatchAttributes": looks, "Actions": [action]}}


class Firewall:
    """A firewall whose stateless default is to forward and whose stateful one to pass, with an endpoint in each subnet."""

    def __init__(
        self,
        world: World,
        name: str,
        *subnets: Subnet,
        order: str = "DEFAULT_ACTION_ORDER",
        default: Sequence[str] = (),
        stateless_default: str = "aws:forward_to_sfe",
    ) -> None:
        self.world, self.name = world, name
        self.arn = self._arn("firewall", name)
        policy = self._arn("firewall-policy", name)
        self.policy: Raw = {"StatelessDefaultActions": [stateless_default], "StatelessFragmentDefaultActions": ["aws:drop"]}
        self.policy |= {"StatelessRuleGroupReferences": [], "StatefulRuleGroupReferences": []}
        self.policy |= {"StatefulEngineOptions": {"RuleOrder": order}, "StatefulDefaultActions": list(default)}
        world.add("NetworkFirewallPolicies", "policy", {"FirewallPolicyArn": policy, "FirewallPolicy": self.policy})
        self.endpoints = [self._endpoint(subnet) for subnet in subnets]
        self.states = {
            f"zone-{number}": {"Attachment": {"SubnetId": subnet.id, "EndpointId": endpoint, "Status": "READY"}}
            for number, (subnet, endpoint) in enumerate(zip(subnets, self.endpoints, strict=True))
        }
        settings = {"FirewallName": name, "FirewallArn": self.arn, "FirewallPolicyArn": policy, "VpcId": subnets[0].vpc.id}
        status = {"Status": "READY", "SyncStates": self.states}
        self.raw = world.add(
            "NetworkFirewalls", "firewall", {"FirewallArn": self.arn, "Firewall": settings, "FirewallStatus": status}
        )

    def stateful(self, name: str, rules: Sequence[Raw], priority: int = 1, **reference: Any) -> Raw:
        """A stateful group of these rules in the policy."""
        return self.group(name, {"StatefulRules": list(rules)}, priority, **reference)

    def stateless(self, name: str, rules: Sequence[Raw], priority: int = 1) -> Raw:
        """A stateless group of these rules in the policy."""
        source = {"StatelessRulesAndCustomActions": {"StatelessRules": list(rules)}}
        return self._group("stateless-rulegroup", "StatelessRuleGroupReferences", name, source, {"Priority": priority})

    def group(self, name: str, source: Raw, priority: int = 1, **reference: Any) -> Raw:
        """A stateful group whose rules come from `source`; without one AWS shows none."""
        strict = self.policy["StatefulEngineOptions"]["RuleOrder"] == "STRICT_ORDER"
        named = {**({"Priority": priority} if strict else {}), **reference}
        return self._group("stateful-rulegroup", "StatefulRuleGroupReferences", name, source, named)

    def _group(self, kind: str, references: str, name: str, source: Raw, reference: Raw) -> Raw:
        arn = self._arn(kind, name)
        self.policy[references].append({"ResourceArn": arn, **reference})
        shown = {"RuleGroup": {"RulesSource": source}} if source else {}
        return self.world.add("NetworkFirewallRuleGroups", "group", {"RuleGroupArn": arn, **shown})

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:network-firewall:{self.world.region}:{self.world.account}:{kind}/{name}"

    def _endpoint(self, subnet: Subnet) -> str:
        tags = [{"Key": "AWSNetworkFirewallManaged", "Value": "true"}, {"Key": "Firewall", "Value": self.arn}]
        look = {"VpcEndpointType": "GatewayLoadBalancer", "State": "available", "SubnetIds": [subnet.id], "Tags": tags}
        name = f"com.amazonaws.vpce.{self.world.region}.vpce-svc-0{len(tags)}"
        added = self.world.add("VpcEndpoints", "vpce", {"VpcId": subnet.vpc.id, "ServiceName": name, **look})
        return str(added["VpcEndpointId"])
