"""VPC endpoints: interface endpoints take a packet up at their own network interface, others by a route that leads to them.

Behind an interface endpoint of a service of one's own stands `vpc_endpoint_service`, behind an endpoint of a Gateway Load
Balancer `gateway_load_balancer`; behind all others AWS or somebody else takes over.
https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from flowdiag.address import any_holds, is_private
from flowdiag.component import (
    ENDPOINT_MTU,
    Component,
    Id,
    Lookup,
    Offer,
    Part,
    Read,
    Resource,
    View,
    by_id,
    by_name,
    neighbours,
    owner_scope,
    required,
)
from flowdiag.detour import unserved
from flowdiag.model import ANYWHERE, ICMP, ICMPV6, TCP, Evidence, Move, Observation, Packet, Place, Query, Scope, Unread

# States in which nothing passes; a deleted endpoint may still be shown for a while.
GONE = ("pendingacceptance", "pending", "deleting", "deleted", "rejected", "failed", "expired")
TYPES = {
    "Interface": "interface",
    "Gateway": "gateway",
    "GatewayLoadBalancer": "appliances",
    "Resource": "resource",
    "ServiceNetwork": "service network",
}
WITH_INTERFACES = ("interface", "appliances", "resource", "service network")
# Why nothing is known of somebody else's service, and what would show it.
OWNER_ALONE = "DescribeVpcEndpointServiceConfigurations shows it to its owner alone: read that account too"
EMERGE = "emerge"  # the role of an endpoint at which a packet comes out again


class DnsEntry(Part):
    """One DNS name of an interface endpoint; with private DNS the service's own name is among them, perhaps with a `*`."""

    dns_name: Id

    def is_for(self, host: str) -> bool:
        """Whether the host's name is this one."""
        own = self.dns_name.lower().replace("\\052", "*")
        return host == own or (own.startswith("*.") and host.endswith(own[1:]))


class DnsOptions(Part):
    """How an endpoint's private names are answered."""

    private_dns_only_for_inbound_resolver_endpoint: bool = False


class VpcEndpoint(Resource):
    """An endpoint (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html)."""

    kind: ClassVar[str] = "vpc_endpoint"
    vpc_endpoint_id: str
    vpc_endpoint_type: Id
    vpc_id: Id
    service_name: str = ""
    state: Id
    policy_document: str = ""
    subnet_ids: tuple[str, ...] = ()
    service_network_arn: str = ""
    resource_configuration_arn: str = ""
    network_interface_ids: tuple[str, ...] = ()
    dns_entries: tuple[DnsEntry, ...] = ()
    private_dns_enabled: bool | None = None
    dns_options: DnsOptions = DnsOptions()

    @property
    def id(self) -> str:
        """The endpoint id."""
        return self.vpc_endpoint_id

    @property
    def names_known(self) -> bool:
        """Whether it shows the names it answers to, as every interface endpoint does, or says that it has no private one."""
        return bool(self.dns_entries) or self.private_dns_enabled is False or self.vpc_endpoint_type != "Interface"

    def answers(self, host: str) -> bool:
        """Whether a name leads hosts of the VPC here; a service's own name may do so for queries from outside alone.

        https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
        """
        own = [entry for entry in self.dns_entries if entry.is_for(host)]
        outside_alone = self.dns_options.private_dns_only_for_inbound_resolver_endpoint and ".vpce." not in host
        return bool(own) and self.state.lower() != "deleted" and not outside_alone

    @property
    def type(self) -> str:
        """Its type in words of the decision table."""
        return TYPES.get(self.vpc_endpoint_type, "other")

    @property
    def service(self) -> str:
        """The service as a person says it: `s3`, `ec2`, or the whole name of somebody's own service."""
        behind = self.resource_configuration_arn or self.service_network_arn
        named = self.service_name or behind or f"the service behind {self.id}"
        return named.split(".", 3)[-1] if named.startswith("com.amazonaws.") and named.count(".") > 2 else named

    @property
    def service_id(self) -> str:
        """The id of the customer's service behind it, as its name tells, or empty where the service is AWS's own."""
        last = self.service_name.rpartition(".")[2]
        return last if last.startswith("vpce-svc-") else ""

    @property
    def firewall(self) -> str:
        """The ARN of the Network Firewall that made the endpoint, as its tag tells, or empty."""
        tagged = {tag.get("Key"): tag.get("Value", "") for tag in self.tags}
        return tagged.get("Firewall", "") if tagged.get("AWSNetworkFirewallManaged") == "true" else ""


class VpcEndpointComponent(Component):
    """`place.id` is the endpoint (a route leads here) or its network interface (a packet arrives there)."""

    kind = "vpc_endpoint"
    traffic_paths = ("1", "2", "7")
    passed_by = "past appliances"
    prefixes = ("vpce",)
    interface_types = ("vpc_endpoint", "gateway_load_balancer_endpoint")
    outside = True
    route_field = "GatewayId"
    offer_rank = 4
    reads = (
        Read(
            service="ec2",
            operation="describe_vpc_endpoints",
            action="ec2:DescribeVpcEndpoints",
            responses=("VpcEndpoints",),
            id_field="VpcEndpointId",
            resource=VpcEndpoint,
            lookups={
                "id": by_id("VpcEndpointId", "vpc-endpoint-id"),
                "vpc": Lookup(keys=required("VpcId"), filter="vpc-id"),
                "name": by_name(),
            },
        ),
    )

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterator[Offer]:
        """The gateway endpoints for the packet's destination that other route tables of the VPC are associated with.

        https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
        """
        target = packet.flow.destination
        asks = packet.direction == "request" and not is_private(target)
        tables = view.find("route_table", "vpc", packet.vpc, scope) if asks else ()
        for id, listed in dict.fromkeys(used for table in tables or () for used in table.endpoints):
            entries = view.get("prefix_list", listed, scope)
            if entries and any_holds(entries.networks, target):
                yield Offer(Place(kind=self.kind, id=id, scope=scope), listed)

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The encryption control of a VPC that has one in force; into the endpoint of a Gateway Load Balancer its subnet's
        network ACL too, even where the sender is in that subnet.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/gateway/gateway-load-balancers.html#load-balancer-network-acl
        """
        if place.role == EMERGE:
            return ()
        endpoint = _endpoint(place, packet.vpc, view)
        if not endpoint or endpoint.firewall or endpoint.type != "appliances" or not place.id.startswith("vpce-"):
            return _encryption_control(place, packet, view)
        acls = (Place(kind="network_acl", id=id, role="inbound", scope=endpoint.scope) for id in endpoint.subnet_ids[:1])
        return (*_encryption_control(place, packet, view), *acls)

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Whether the endpoint works, and whether its service takes this kind of packet."""
        if place.role == EMERGE:
            return None
        endpoint = _endpoint(place, packet.vpc, view)
        if endpoint and endpoint.firewall:
            return None
        name = endpoint.name if endpoint else place.id
        protocol = packet.flow.protocol
        return Observation(
            table="vpc_endpoint",
            inputs={
                "packet": _packet(place, packet, endpoint, view),
                "state": _state(endpoint),
                "type": endpoint.type if endpoint else "unknown",
                "service": _service(endpoint, view),
                "protocol": "tcp" if protocol == TCP else "ping" if protocol in (ICMP, ICMPV6) else "other",
            },
            words={
                "endpoint": name,
                "service": endpoint.service if endpoint else "the service",
                "state": endpoint.state if endpoint else "",
                "type": endpoint.vpc_endpoint_type if endpoint else "",
                "source": str(packet.flow.source),
                "flow": packet.flow.service(),
            },
            resource=endpoint.id if endpoint else place.id,
            name=name,
            detail=f"{endpoint.service}, {endpoint.state}" if endpoint else "",
            evidence=_said(endpoint) if endpoint else (),
            mtu=ENDPOINT_MTU if endpoint and endpoint.type in WITH_INTERFACES else None,
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """To what stands behind it, as far as that is shown; the answer of AWS's own service comes back into the VPC. An
        interface endpoint that does not work is left as if it had answered."""
        if place.role == EMERGE:
            return _out_of(place, packet, view)
        if place.role == "leave":
            to = Place(kind="vpc", id=packet.vpc, role="deliver", scope=place.scope)
            return (Move(to=to, packet=packet.but(subnet="")),) if packet.vpc else ()
        endpoint = _endpoint(place, packet.vpc, view)
        if endpoint and endpoint.firewall:
            return (Move(to=Place(kind="network_firewall", id=endpoint.id, scope=endpoint.scope), packet=packet),)
        if not endpoint:
            return ()
        if endpoint.type == "appliances" and place.id == endpoint.id:
            id = endpoint.service_id or endpoint.id
            return (Move(to=Place(kind="gateway_load_balancer", id=id, role=endpoint.id, scope=endpoint.scope), packet=packet),)
        if _service(endpoint, view) == "own" and endpoint.type == "interface" and packet.direction == "request":
            to = Place(kind="vpc_endpoint_service", id=endpoint.service_id, role=place.id, scope=place.scope)
            return (Move(to=to, packet=packet),)
        if _packet(place, packet, endpoint, view) == "request" and endpoint.type == "interface" and _state(endpoint) == "gone":
            return (unserved(place.id, place.scope, packet),) if packet.flow.protocol == TCP else ()
        return ()

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """What stands behind it: a firewall with its rules, or one's own service with the load balancers of its nodes."""
        endpoint = _endpoint(place, vpc, view)
        firewall = view.get("network_firewall", endpoint.firewall, endpoint.scope) if endpoint and endpoint.firewall else None
        if firewall:
            firewall.foresee(view)
        if not endpoint or not endpoint.service_id:
            return
        service = view.get("vpc_endpoint_service", endpoint.service_id, place.scope)
        for arn in (*service.network_load_balancer_arns, *service.gateway_load_balancer_arns) if service else ():
            balancer = view.get("load_balancer", arn, service.scope)
            if balancer and balancer.nodes(view) is not None:
                balancer.foresee(view)


def _encryption_control(place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
    vpc = view.get("vpc", packet.vpc, place.scope) if packet.vpc and packet.direction == "request" else None
    if not vpc or vpc.enforces_encryption == "no":
        return ()
    return (Place(kind="encryption_control", id=packet.vpc, scope=place.scope),)


def _out_of(place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
    """Out of the subnet of a Gateway Load Balancer's endpoint by its route table, or to a neighbour in it.

    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-load-balancer-endpoints.html
    """
    endpoint = view.get("vpc_endpoint", place.id, place.scope)
    subnet = next(iter(endpoint.subnet_ids), "") if endpoint else ""
    if not subnet:
        return ()
    onward = packet.but(subnet=subnet, vpc=endpoint.vpc_id, scope=endpoint.scope)
    if neighbours(subnet, endpoint.vpc_id, packet.flow.destination, endpoint.scope, view):
        return (Move(to=Place(kind="vpc", id=endpoint.vpc_id, role="deliver", scope=endpoint.scope), packet=onward),)
    acl = Place(kind="network_acl", id=subnet, role="outbound", scope=endpoint.scope)
    to = Place(kind="route_table", id=subnet, role="route", scope=endpoint.scope)
    return (Move(to=to, packet=onward, guards=(acl,)),)


def _service(endpoint: Any, view: View) -> str:
    """Whose service stands behind the endpoint: `aws`, the reader's `own`, of `others`, or `unknown`.

    AWS shows the configuration of a service to its owner alone:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServiceConfigurations.html
    """
    if not endpoint:
        return "unknown"
    if not endpoint.service_id:
        return "aws" if endpoint.service_name or endpoint.type not in ("interface", "appliances") else "unknown"
    found = view.get("vpc_endpoint_service", endpoint.service_id, endpoint.scope)
    if found is None and endpoint.type == "interface":
        query = Query(kind="vpc_endpoint_service", by="id", value=endpoint.service_id, scope=ANYWHERE)
        view.lack(Unread(query=query, reason=OWNER_ALONE, retry=False))
    return "own" if found else "unknown" if isinstance(found, Unread) else "others"


def _endpoint(place: Place, vpc: str, view: View) -> Any:
    """The endpoint; the participants of a shared VPC do not see it, and some service's interface may be of none that is shown."""
    if place.id.startswith("vpce-"):
        here = view.get("vpc_endpoint", place.id, place.scope)
        return here if here is not None else view.get("vpc_endpoint", place.id, owner_scope(vpc, place.scope, view))
    found = view.find("vpc_endpoint", "vpc", vpc, place.scope)
    return found if isinstance(found, Unread) else next((e for e in found if place.id in e.network_interface_ids), None)


def _packet(place: Place, packet: Packet, endpoint: Any, view: View) -> str:
    """A request, one that goes `through` to appliances, the service's answer, or a reply to what the endpoint would have
    had to start itself.

    A gateway endpoint takes up requests of its own VPC alone, `foreign` ones came over a peering or a transit gateway:
    https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
    """
    if place.id.startswith("vpce-") and endpoint and endpoint.type == "appliances":
        return "through"
    if packet.direction == "reply":
        return "answer" if place.role == "leave" else "reply"
    if not endpoint or endpoint.vpc_endpoint_type != "Gateway":
        return "request"
    vpc = view.get("vpc", endpoint.vpc_id, endpoint.scope)
    return ("request" if vpc.holds(packet.flow.source) else "foreign") if vpc else "doubtful"


def _state(endpoint: Any) -> str:
    state = endpoint.state.lower() if endpoint else ""
    return "available" if state == "available" else "gone" if state in GONE else "unknown"


def _said(endpoint: VpcEndpoint) -> tuple[Evidence, ...]:
    policy = endpoint.policy_document.replace("\n", " ")
    said = [f"State {endpoint.state}, {endpoint.vpc_endpoint_type} endpoint for {endpoint.service_name}"]
    said += [f"policy {policy}"] if policy else []
    return tuple(Evidence(where=endpoint.id, text=text) for text in said)
