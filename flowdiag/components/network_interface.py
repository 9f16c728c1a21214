"""Elastic network interfaces: where packets start and end, and where appliances take them up to forward them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from flowdiag.address import holds, is_aws_own, network
from flowdiag.component import Component, Id, Lookup, Part, Read, Resource, View, by_id, by_name, neighbours, taken_back
from flowdiag.detour import UNSERVED
from flowdiag.model import Address, Evidence, Move, Observation, Packet, Place, Query, Unread

# InterfaceType values behind which a host of the customer's (or a managed host that simply answers) stands.
HOSTS = frozenset(
    ("", "interface", "efa", "efa-only", "branch", "trunk", "efs", "evs", "quicksight", "ec2_instance_connect_endpoint")
)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
NOT_RUNNING = frozenset(("pending", "shutting-down", "terminated", "stopping", "stopped"))
# Behind these stands something that only calls; whether anything takes a request in is not documented.
CALLERS = ("lambda",)
# What runs inside an instance, as places of choices and queries call it.
GUEST = "guest"
# Behind these stands something that tells by itself what it opens of its own accord, and to whom.
OPENERS = ("load_balancer", "network_load_balancer", "gateway_load_balancer")
# Descriptions of interfaces that AWS types as plain `interface` although a service forwards through them.
_GROUPED = re.compile(r"ELB (app/|[^/]+$)")  # Application and Classic Load Balancers
DESCRIBED = {
    "ELB gwy/": "gateway_load_balancer",
    "ELB ": "load_balancer",
    "VPC Endpoint Interface": "vpc_endpoint",
    "Interface for NAT Gateway": "nat_gateway",
    "Network Interface for Transit Gateway": "transit_gateway",
}


class PublicAssociation(Part):
    """The public side of a private address."""

    public_ip: str = ""
    carrier_ip: str = ""
    customer_owned_ip: str = ""


class PrivateAddress(Part):
    """One private IPv4 address of an interface."""

    private_ip_address: str = ""
    primary: bool = False
    association: PublicAssociation | None = None


class Ipv6Address(Part):
    """One IPv6 address of an interface."""

    ipv6_address: str = ""


class Ipv4Prefix(Part):
    """One delegated IPv4 prefix."""

    ipv4_prefix: str = ""


class Ipv6Prefix(Part):
    """One delegated IPv6 prefix."""

    ipv6_prefix: str = ""


class Group(Part):
    """A security group on an interface."""

    group_id: Id
    group_name: str = ""


class Attachment(Part):
    """What an interface is attached to."""

    instance_id: str = ""
    instance_owner_id: str = ""
    device_index: int = 0
    status: str = ""


class ConnectionTracking(Part):
    """For how many seconds idle connections are tracked, where somebody set it (API_ConnectionTrackingConfiguration.html)."""

    tcp_established_timeout: int | None = None
    udp_stream_timeout: int | None = None


class NetworkInterface(Resource):
    """An ENI (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html)."""

    kind: ClassVar[str] = "network_interface"
    network_interface_id: str
    vpc_id: Id
    subnet_id: Id
    private_ip_address: str = ""
    private_ip_addresses: tuple[PrivateAddress, ...] = ()
    ipv6_addresses: tuple[Ipv6Address, ...] = ()
    ipv4_prefixes: tuple[Ipv4Prefix, ...] = ()
    ipv6_prefixes: tuple[Ipv6Prefix, ...] = ()
    association: PublicAssociation | None = None
    groups: tuple[Group, ...] = ()
    source_dest_check: bool | None = None
    deny_all_igw_traffic: bool = False
    status: str = ""
    interface_type: str = ""
    description: str = ""
    requester_managed: bool = False
    owner_id: str = ""
    attachment: Attachment | None = None
    connection_tracking_configuration: ConnectionTracking = ConnectionTracking()

    @property
    def id(self) -> str:
        """The interface id."""
        return self.network_interface_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every private IPv4 and IPv6 address, the primary one first."""
        rest = [a.private_ip_address for a in self.private_ip_addresses] + [a.ipv6_address for a in self.ipv6_addresses]
        return tuple(dict.fromkeys(text for text in (self.private_ip_address, *rest) if text))

    @property
    def instance(self) -> str:
        """The id of the customer's instance it is attached to, or empty."""
        return self.attachment.instance_id if self.attachment else ""

    @property
    def has_several(self) -> bool:
        """Whether it has more than one private IPv4 address, or a prefix of them."""
        return len(self.private_ip_addresses) > 1 or bool(self.ipv4_prefixes)

    @property
    def service(self) -> str:
        """The service that forwards through this interface, or empty where a host stands behind it."""
        described = next((kind for start, kind in DESCRIBED.items() if self.description.startswith(start)), "")
        return described or ("" if self.interface_type in (*HOSTS, *CALLERS) else self.interface_type)

    @property
    def bare(self) -> bool:
        """True where it has no security group and needs none: that of a service, but for those that always have one."""
        return bool(self.service) and not self.groups and not _GROUPED.match(self.description)

    def serves(self, direction: str) -> str:
        """What stands behind it for a packet that arrives: a caller takes in replies like a host, and no requests.

        AWS describes what it manages; where it does not, nobody knows what a request would meet there.
        """
        unnamed = self.requester_managed and not self.description and self.interface_type in ("", "interface")
        if direction == "request" and (unnamed or self.interface_type in CALLERS):
            return "unnamed service" if unnamed else self.interface_type
        return self.service

    def owns(self, address: Address) -> bool:
        """True where the address is one of its own, delegated prefixes included."""
        return str(address) in self.addresses or self.delegated(address)

    def delegated(self, address: Address) -> bool:
        """True where one of its delegated prefixes holds the address."""
        prefixes = [p.ipv4_prefix for p in self.ipv4_prefixes] + [p.ipv6_prefix for p in self.ipv6_prefixes]
        return any(holds(prefix, address) for prefix in prefixes)

    @property
    def public(self) -> str:
        """Its public IPv4 address, that of the primary private one before any other, or empty."""
        associations = [self.association, *(a.association for a in self.private_ip_addresses)]
        return next((a.public_ip for a in associations if a and a.public_ip), "")

    def public_of(self, private: Address) -> str:
        """The public IPv4 address mapped to one of its private addresses, or empty."""
        for entry in self.private_ip_addresses:
            if entry.private_ip_address == str(private) and entry.association and entry.association.public_ip:
                return entry.association.public_ip
        return self.association.public_ip if self.association and str(private) == self.private_ip_address else ""

    def outer_of(self, private: Address, field: str) -> str:
        """The address of another network (`carrier_ip`, `customer_owned_ip`) mapped to one of its private addresses, or empty."""
        for entry in self.private_ip_addresses:
            if entry.private_ip_address == str(private) and entry.association and getattr(entry.association, field):
                return str(getattr(entry.association, field))
        own = self.association if str(private) == self.private_ip_address else None
        return str(getattr(own, field)) if own else ""

    def shares_guest(self, other: NetworkInterface) -> bool:
        """Whether both are interfaces of one instance."""
        return self.instance != "" and self.instance == other.instance and self.id != other.id

    def private_of(self, public: Address) -> str:
        """The private IPv4 address a public one is mapped to, or empty."""
        for entry in self.private_ip_addresses:
            if entry.association and entry.association.public_ip == str(public):
                return entry.private_ip_address
        return self.private_ip_address if self.association and self.association.public_ip == str(public) else ""


def _associations(raw: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = raw.get("Association")
    listed = [found for entry in raw.get("PrivateIpAddresses") or () if (found := entry.get("Association"))]
    return [own, *listed] if own else listed


def _public(raw: Mapping[str, Any]) -> list[str | None]:
    return [association.get("PublicIp") for association in found] if (found := _associations(raw)) else []


def _private(raw: Mapping[str, Any]) -> list[str | None]:
    """AWS repeats the first address in the list of all."""
    found = [raw.get("PrivateIpAddress")]
    for entry in raw.get("PrivateIpAddresses") or ():
        if (other := entry.get("PrivateIpAddress")) != found[0]:
            found.append(other)
    return found


def _ipv6(raw: Mapping[str, Any]) -> list[str | None]:
    return [entry.get("Ipv6Address") for entry in found] if (found := raw.get("Ipv6Addresses")) else []


def _delegated(raw: Mapping[str, Any]) -> list[str | None]:
    """The prefixes of which every address is this interface's."""
    found = [entry.get("Ipv4Prefix") for entry in raw.get("Ipv4Prefixes") or ()]
    return [*found, *(entry.get("Ipv6Prefix") for entry in raw.get("Ipv6Prefixes") or ())]


def _vpc_addresses(raw: Mapping[str, Any]) -> list[str | None]:
    """An address and the VPC in which it is this interface's alone."""
    return [f"{raw.get('VpcId')}/{one}" for one in (*_private(raw), *_ipv6(raw)) if one]


def _instance(raw: Mapping[str, Any]) -> list[str | None]:
    return [found.get("InstanceId")] if (found := raw.get("Attachment")) else []


def _group_ids(raw: Mapping[str, Any]) -> list[str | None]:
    return [group.get("GroupId") for group in raw.get("Groups") or ()]


def _dns(raw: Mapping[str, Any]) -> list[str | None]:
    entries = [raw, *(raw.get("PrivateIpAddresses") or ())]
    return [entry.get("PrivateDnsName") for entry in entries]


class NetworkInterfaceComponent(Component):
    """An interface in one of these roles: `leave` (the packet starts here), `arrive`, `forward` (a route sent it here), or
    `unserved` (it ended at the service behind, which does not take it up, and the walk goes on as if that answered)."""

    kind = "network_interface"
    traffic_paths = ("1",)
    connections = "kept"
    prefixes = ("eni",)
    target_role = "forward"
    reads = (
        Read(
            service="ec2",
            operation="describe_network_interfaces",
            action="ec2:DescribeNetworkInterfaces",
            responses=("NetworkInterfaces",),
            id_field="NetworkInterfaceId",
            resource=NetworkInterface,
            lookups={
                "id": by_id("NetworkInterfaceId", "network-interface-id"),
                "private_ip": Lookup(keys=_private, filter="addresses.private-ip-address", eager=True),
                "ipv6": Lookup(keys=_ipv6, filter="ipv6-addresses.ipv6-address", eager=True),
                "public_ip": Lookup(keys=_public, filter="addresses.association.public-ip", eager=True),
                "instance": Lookup(keys=_instance, filter="attachment.instance-id", eager=True),
                "subnet": Lookup(keys=lambda raw: [raw.get("SubnetId")], filter="subnet-id", eager=True),
                "vpc_address": Lookup(keys=_vpc_addresses, unique=True),
                "delegated": Lookup(keys=_delegated),
                "vpc": Lookup(keys=lambda raw: [raw.get("VpcId")], filter="vpc-id"),
                "description": Lookup(keys=lambda raw: [raw.get("Description")], filter="description"),
                "group": Lookup(keys=_group_ids, filter="group-id"),
                "private_dns": Lookup(keys=_dns, filter="private-dns-name"),
                "public_dns": Lookup(
                    keys=lambda raw: [a.get("PublicDnsName") for a in _associations(raw)], filter="association.public-dns-name"
                ),
                "name": by_name(eager=True),
            },
        ),
    )

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """Into an interface: the subnet's network ACL unless the packet is in the subnet already, then its security groups."""
        interface = view.get("network_interface", place.id, place.scope)
        if not interface or place.role in ("leave", UNSERVED) or packet.sender == place.id:
            return ()
        crossing = packet.subnet != interface.subnet_id
        acl = (Place(kind="network_acl", id=interface.subnet_id, role="inbound", scope=interface.scope),) if crossing else ()
        return acl + _groups(interface, "ingress")

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """Whether something runs behind the interface, and whether source/destination checking lets the packet be."""
        if place.role == UNSERVED:
            return None
        interface = view.get("network_interface", place.id, place.scope)
        if not interface:
            read = "no" if interface is None else "unknown"
            inputs = {"role": place.role, "read": read, "running": "unknown", "addresses": "unknown"}
            return Observation(table="network_interface", inputs=inputs, words={"interface": place.id}, resource=place.id)
        running, state = _running(interface, view)
        return Observation(
            table="network_interface",
            inputs={
                "role": place.role,
                "read": "yes",
                "running": running,
                "addresses": _addresses(interface, place, packet),
            },
            words={"interface": _labelled(interface), "state": state},
            resource=interface.id,
            name=interface.name,
            detail=state,
            evidence=(
                Evidence(
                    where=interface.id,
                    text=f"Status {interface.status or '-'}, SourceDestCheck {interface.source_dest_check}, {state}",
                ),
            ),
        )

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Out through the interface's guards; in to the service behind it; or through the guest of an appliance."""
        interface = view.get("network_interface", place.id, place.scope)
        if not interface or place.role == UNSERVED:
            return ()
        if place.role == "forward":
            return _through_guest(interface, packet, view)
        if place.role == "arrive" and packet.carried:
            to, inner = packet.carried
            return (Move(to=to, packet=inner.but(tracked=packet.tracked)),)
        if place.role == "arrive":
            behind = interface.serves(packet.direction)
            service = Place(kind="service_interface", id=interface.id, role=behind, scope=interface.scope)
            return (Move(to=service, packet=packet.but(subnet=interface.subnet_id, vpc=interface.vpc_id)),) if behind else ()
        if interface.service in OPENERS and packet.origin == interface.id and packet.direction == "request":
            service = Place(kind="service_interface", id=interface.id, role=interface.service, scope=interface.scope)
            return (Move(to=service, packet=packet),)
        return _leaving(interface, packet, view)


def _addresses(interface: NetworkInterface, place: Place, packet: Packet) -> str:
    """Source/destination checking: an interface passes only packets from or to its own addresses unless it is off.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html
    """
    own = place.role != "forward" and interface.owns(packet.flow.source if place.role == "leave" else packet.flow.destination)
    if own or interface.source_dest_check is False:
        return "admitted"
    return "dropped" if interface.source_dest_check else "unknown"


def _labelled(interface: NetworkInterface) -> str:
    return f"{interface.label} of {interface.instance}" if interface.instance else interface.label


def _groups(interface: NetworkInterface, role: str) -> tuple[Place, ...]:
    """Only a service's interface may have no security group; a host's without one is half-written, which the guard tells."""
    return () if interface.bare else (Place(kind="security_group", id=interface.id, role=role, scope=interface.scope),)


def _running(interface: NetworkInterface, view: View) -> tuple[str, str]:
    """Whether what the interface is attached to can answer: yes, no or unknown, and how AWS says it."""
    if not interface.instance:
        attachment = interface.attachment
        if attachment and attachment.instance_owner_id in ("", interface.owner_id):
            return "unknown", "attached to an instance that is not named"
        if attachment is None and interface.status == "in-use" and not interface.requester_managed:
            return "unknown", "in use, and what it is attached to is not shown"
        attached = interface.status in ("in-use", "associated", "") or interface.requester_managed
        return ("yes", "in use") if attached else ("no", f"attached to nothing (status {interface.status})")
    instance = view.get("instance", interface.instance, interface.scope)
    if isinstance(instance, Unread):
        return "unknown", f"{interface.instance} was not read"
    if instance is None:  # an interface outlives no instance of its own account: this one is another account's
        return "unknown", f"{interface.instance} is not among the instances read"
    state = instance.state.name
    running = "yes" if state == "running" else "no" if state in NOT_RUNNING else "unknown"
    return running, f"{interface.instance} is {state or 'of unknown state'}"


def _leaving(interface: NetworkInterface, packet: Packet, view: View) -> tuple[Move, ...]:
    """Out of the interface; to another one of the same instance perhaps inside the guest, past everything: most deliver to their
    own addresses themselves, which no AWS call shows. The reply goes the way of the request."""
    out = _out(interface, packet, view)
    before = next((place for place in packet.chosen if place.kind == GUEST), None) if packet.direction == "reply" else None
    if before:
        other = view.get("network_interface", before.id, before.scope)
        return (_inside(interface, other, packet) if other and before.role == "inside" else out,)
    other = view.get("network_interface", packet.receiver, interface.scope) if packet.receiver else None
    if packet.direction == "reply" or not other or not interface.shares_guest(other) or not interface.owns(packet.flow.source):
        return (out,)
    query = Query(kind=GUEST, by="id", value=interface.instance, scope=interface.scope)
    view.assume(query, "it may hand the packet to its own other interface by itself; no AWS call shows what it does")
    ways = (("inside", _inside(interface, other, packet)), ("out", out))
    return tuple(_chosen(interface, role, way) for role, way in ways)


def _inside(interface: NetworkInterface, other: NetworkInterface, packet: Packet) -> Move:
    """To another interface of the guest, as what that one sends to itself."""
    onward = packet.but(sender=other.id, subnet=other.subnet_id, vpc=other.vpc_id, scope=other.scope)
    return Move(to=Place(kind="network_interface", id=other.id, role="arrive", scope=other.scope), packet=onward)


def _chosen(interface: NetworkInterface, role: str, way: Move) -> Move:
    here = Place(kind=GUEST, id=interface.id, role=role, scope=interface.scope)
    return way.model_copy(update={"packet": way.packet.but(chosen=(*way.packet.chosen, here)), "guess": True})


def _out(interface: NetworkInterface, packet: Packet, view: View) -> Move:
    """Out of an interface: straight to a neighbour of the same subnet, else over the subnet's border to its route table.

    Inside a subnet neither route table nor network ACL applies:
    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html
    """
    outgoing = packet.but(subnet=interface.subnet_id, vpc=interface.vpc_id, scope=interface.scope)
    target = packet.flow.destination
    if interface.owns(target):
        return Move(to=Place(kind="network_interface", id=interface.id, role="arrive", scope=interface.scope), packet=outgoing)
    taken = taken_back(packet)
    if taken and taken.returns:
        return _handed_back(interface, outgoing, taken.returns, view)
    unguarded = is_aws_own(target) or _answers_itself(interface, target, view)
    if unguarded or neighbours(interface.subnet_id, interface.vpc_id, target, interface.scope, view):
        to = Place(kind="vpc", id=interface.vpc_id, role="deliver", scope=interface.scope)
        return Move(to=to, packet=outgoing, guards=() if unguarded else _groups(interface, "egress"))
    acl = Place(kind="network_acl", id=interface.subnet_id, role="outbound", scope=interface.scope)
    to = Place(kind="route_table", id=interface.subnet_id, role="route", scope=interface.scope)
    return Move(to=to, packet=outgoing, guards=(*_groups(interface, "egress"), acl))


def _answers_itself(interface: NetworkInterface, target: Address, view: View) -> bool:
    """Whether a private address is the VPC's resolver, at the second address of its first CIDR, or the router of the subnet:
    what goes there no guard filters. https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    """
    if target.version == 6:
        return False
    known = view.aside()  # where that is the address asked for, the VPC that has to deliver there asks for both
    vpc, subnet = known.get("vpc", interface.vpc_id, interface.scope), known.get("subnet", interface.subnet_id, interface.scope)
    own = ((vpc.cidr_block, 2) if vpc else ("", 0), (subnet.cidr_block, 1) if subnet else ("", 0))
    return any(outer[place] == target for cidr, place in own if (outer := network(cidr)) and holds(cidr, target))


def _handed_back(interface: NetworkInterface, packet: Packet, back: Place, view: View) -> Move:
    """To the load balancer's node, past no route table, and past the network ACLs where that is in another subnet."""
    node = view.get("network_interface", back.id, back.scope)
    acl = Place(kind="network_acl", id=interface.subnet_id, role="outbound", scope=interface.scope)
    crossing = () if node and node.subnet_id == interface.subnet_id else (acl,)
    return Move(to=back, packet=packet, guards=(*_groups(interface, "egress"), *crossing))


def _through_guest(interface: NetworkInterface, packet: Packet, view: View) -> tuple[Move, ...]:
    """An appliance: the guest sends the packet on by tables of its own, so every forwarding interface of it is a guess."""
    if packet.lost.startswith("eni-"):
        return ()  # behind one guest everything is a guess already; another would only multiply the guesses
    found = view.find("network_interface", "instance", interface.instance, interface.scope) if interface.instance else ()
    siblings = [s for s in found or () if s.source_dest_check is False] or [interface]
    view.assume(
        Query(kind=GUEST, by="id", value=interface.instance or interface.id, scope=interface.scope),
        "the appliance sends the packet on unchanged; no AWS call shows what its guest does",
    )
    moves = (_out(s, packet.but(sender=None, lost=interface.id), view) for s in siblings)
    return tuple(move.model_copy(update={"guess": len(siblings) > 1, "as_if": True}) for move in moves)
