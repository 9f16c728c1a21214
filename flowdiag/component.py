"""What a component is: how an AWS resource is read, where it leads a packet, and what it observes of one.

Everything in `flowdiag/components/` is written in these few types and those of `model`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

from flowdiag.address import network, protocol_number
from flowdiag.model import ANYWHERE, Address, Hop, Move, Mtu, Observation, Packet, Place, Query, Scope, Translation, Unread
from flowdiag.named import Named, Vicinity


def _named_network(text: str) -> str:
    if network(text) is None:
        raise ValueError(f"{text!r} is no CIDR")
    return text


def _named_protocol(text: str) -> str:
    if protocol_number(text) is None:
        raise ValueError(f"{text!r} is no protocol")
    return text


# Texts that decide something: where one is half-written the resource is malformed, and so unread; a default would decide for it.
Id = Annotated[str, Field(min_length=1)]
Cidr = Annotated[str, AfterValidator(_named_network)]
ProtocolText = Annotated[str, AfterValidator(_named_protocol)]


class Part(BaseModel):
    """A part of an AWS reply under AWS's own names; unknown fields are ignored, missing and null ones take the default,
    and a field that has none is one that AWS always gives and that decides something."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, raw: Any) -> Any:
        return {key: value for key, value in raw.items() if value is not None} if isinstance(raw, Mapping) else raw


class Resource(Part):
    """One AWS resource as its describe call gives it."""

    kind: ClassVar[str]
    scope: Scope = Field(default=ANYWHERE, validation_alias="Scope")
    tags: tuple[Mapping[str, str], ...] = Field(default=(), validation_alias=AliasChoices("Tags", "TagSet", "tags"))

    @property
    def id(self) -> str:
        """The AWS id."""
        raise AttributeError(f"{type(self).__name__} names no id field")

    @property
    def name(self) -> str:
        """The Name tag where there is one, else the id."""
        return next((t["Value"] for t in self.tags if t.get("Key") == "Name" and t.get("Value")), self.id)

    @property
    def label(self) -> str:
        """The name with the id beside it, as a person finds it in the console."""
        return self.id if self.name == self.id else f"{self.name} ({self.id})"


class View(Protocol):
    """What a component may ask of the evidence; answers are remembered, so the caller knows what was wanted and not had."""

    def get(self, kind: str, id: str, scope: Scope = ANYWHERE) -> Any:
        """The resource, None where it was read and does not exist, or Unread (which is false too: test it first)."""

    def find(self, kind: str, by: str, value: str, scope: Scope = ANYWHERE) -> Any:
        """Every resource that the lookup gives, as a tuple, or Unread."""

    def lack(self, unread: Unread) -> Unread:
        """Note something that reading more of this evidence would not settle, and give it back."""

    def named(self, kind: str, id: str, scope: Scope = ANYWHERE) -> str:
        """The name of a resource where it is known, else its id; nothing is wanted for the sake of a name."""

    def names(self, kinds: Iterable[str]) -> set[str]:
        """The ids and Name tags of all that was read of these kinds; nothing is wanted for their sake."""

    def advise(self, unread: Unread) -> Unread:
        """The same with the way out that this evidence leaves, such as the reply to save."""

    def assume(self, query: Query, assumed: str) -> None:
        """Note a documented default that stands in for something that was not read."""

    def aside(self) -> View:
        """A view of the same evidence that remembers for itself, for questions of which only some turn out to matter."""

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What was wanted and not had, each query once."""


@dataclass(frozen=True)
class Lookup:
    """One way to find resources of a kind: the keys of a raw item offline, and the request parameters live.

    `parameter` is the list parameter of the call (`GroupIds`), else `filter` is the name of a describe filter;
    `also` are filters that go with it, each with its values. Where one list or filter does not say it all, `request` makes
    the parameters of a call from values and the Region; values go into one call where `apart` gives the same for them, by
    default each into its own; `most` is how many one call takes, where that is less than usual. With none of them, the lookup
    cannot be asked of AWS and a live answer is Unread.
    `unique`: at most one resource has a value, so one that is found is all of them.
    `eager`: a question usually needs it and an account may hold very many, so it is indexed when a snapshot is loaded.
    """

    keys: Callable[[Mapping[str, Any]], Iterable[str | None]]
    parameter: str = ""
    filter: str = ""
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    eager: bool = False
    request: Callable[[Sequence[str], str], Mapping[str, Any]] | None = None
    apart: Callable[[str], str] = str
    most: int = 0
    unique: bool = False

    @property
    def askable(self) -> bool:
        """Whether AWS can be asked by this lookup."""
        return bool(self.parameter or self.filter or self.request)


WHOLE = "whole"
"""The lookup that lists everything of a kind in an account and Region, by itself as its only value. Where AWS answered it,
what it does not show does not exist."""


def by_listing(**constant: Any) -> Lookup:
    """The lookup `WHOLE`, for calls that need nothing to narrow them; `constant` are parameters that do not."""
    return Lookup(keys=lambda raw: [WHOLE], request=lambda values, region: constant)


def themselves(entries: Iterable[Any]) -> Iterable[Any]:
    """The resources of a reply that lists them as they are."""
    return entries


@dataclass(frozen=True)
class Read:
    """How one kind of resource is read: the call, the key its reply is recognised by, and the lookups it answers.

    `items` takes the resources out of the entries; the lookup `id` gives what stands in `id_field`.
    `single`: the call takes one id a request (its parameter is a scalar) and its reply does not name it, so replies are
    kept beside the id that was asked for, `{id_field: id, **reply}`, in a list under `responses[0]`.
    `lists_all`: False for a call that lists only some of the kind by nature, so that a miss under it proves nothing.
    `secret`: names of fields, wherever in a reply, that hold what is nobody's business (a function's environment): they are not
    kept, so that no capture holds them.
    `own_names`: an id is a name that every account and Region may give to a resource of its own, so the same one elsewhere is
    another resource.
    """

    service: str
    operation: str
    action: str
    responses: tuple[str, ...]
    id_field: str
    resource: type[Resource]
    lookups: Mapping[str, Lookup]
    items: Callable[[Iterable[Any]], Iterable[Any]] = themselves
    single: bool = False
    lists_all: bool = True
    own_names: bool = False
    secret: frozenset[str] = frozenset()


class CidrState(Part):
    """Whether a CIDR is in use."""

    state: str = ""


class Ipv6Association(Part):
    """One IPv6 CIDR of a subnet or VPC; one that was taken away stays listed for a while."""

    ipv6_cidr_block: str = ""
    ipv6_cidr_block_state: CidrState = CidrState()
    ipv6_address_attribute: str = ""
    ip_source: str = ""

    @property
    def private(self) -> bool:
        """Whether AWS does not advertise it on the internet, though its addresses look public.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcIpv6CidrBlockAssociation.html
        """
        return self.ipv6_address_attribute == "private" or self.ip_source == "none"

    @property
    def cidr(self) -> str:
        """The CIDR, or empty where it is no longer in use."""
        gone = self.ipv6_cidr_block_state.state in ("disassociating", "disassociated", "failed")
        return "" if gone else self.ipv6_cidr_block


def holder(vpc: str, target: Address, scope: Scope, view: View) -> Any:
    """The network interface of this VPC that holds the address, None where nobody does, or Unread.

    Delegated prefixes (EKS pods) hold addresses that no address lookup finds, so where no interface names the address
    the interfaces of its subnet are looked through: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-prefix-eni.html
    """
    lookup = "private_ip" if target.version == 4 else "ipv6"
    found = _claimants(vpc, target, lookup, scope, view)
    if isinstance(found, Unread):
        return found
    named = [interface for interface in found if interface.vpc_id == vpc]
    if len(named) > 1:
        query = Query(kind="network_interface", by=lookup, value=str(target), scope=scope)
        claim = f"{' and '.join(i.id for i in named)} both claim the address"
        return view.lack(Unread(query=query, reason=claim, retry=False))
    if named:
        return named[0]
    delegated = _prefix_holder(vpc, target, scope, view)
    return _others_holder(vpc, target, scope, view) if delegated is None else delegated


def _claimants(vpc: str, target: Address, lookup: str, scope: Scope, view: View) -> Any:
    """The interfaces with the address. Of a list that was cut off, one that lies in the VPC is enough.

    Subnets of a VPC do not overlap, so an address is nobody else's there:
    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
    """
    if isinstance(view.aside().find("network_interface", lookup, str(target), scope), Unread):
        known = view.aside().find("network_interface", "vpc_address", f"{vpc}/{target}", scope)
        if known:
            return known
    return view.find("network_interface", lookup, str(target), scope)


def _others_holder(vpc: str, target: Address, scope: Scope, view: View) -> Any:
    """In a shared VPC an account sees its own interfaces only: another's may hold the address, read or not.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    owner = view.get("vpc", vpc, scope)
    if not owner or not owner.owner_id or owner.owner_id == scope.account or not scope.account:
        return None
    lookup = "private_ip" if target.version == 4 else "ipv6"
    elsewhere = [i for i in view.find("network_interface", lookup, str(target)) or () if i.vpc_id == vpc]
    query = Query(
        kind="network_interface", by=lookup, value=str(target), scope=Scope(account=owner.owner_id, region=scope.region)
    )
    reason = f"{vpc} is shared by account {owner.owner_id}, whose other participants' interfaces are not seen here"
    return elsewhere[0] if elsewhere else view.lack(Unread(query=query, reason=reason, retry=False))


def _prefix_holder(vpc: str, target: Address, scope: Scope, view: View) -> Any:
    subnets = view.find("subnet", "vpc", vpc, scope)
    if isinstance(subnets, Unread):
        return subnets
    for subnet in subnets:
        if subnet.holds(target):
            found = view.find("network_interface", "subnet", subnet.id, scope)
            return found if isinstance(found, Unread) else next((i for i in found if i.delegated(target)), None)
    return None


def neighbours(subnet_id: str, vpc: str, target: Address, scope: Scope, view: View) -> bool:
    """Whether the address lies in the subnet; where that was not read, whoever holds the address tells."""
    subnet = view.get("subnet", subnet_id, scope)
    if subnet:
        return bool(subnet.holds(target))
    found = holder(vpc, target, scope, view)
    return bool(found) and found.subnet_id == subnet_id


def taken_back(packet: Packet) -> Translation | None:
    """The translation whose maker takes this reply back, whatever the route tables say: it kept the client's address."""
    if packet.direction != "reply":
        return None
    return next((t for t in reversed(packet.translations) if t.returns and t.after.reply() == packet.flow), None)


def owner_scope(vpc: str, scope: Scope, view: View) -> Scope:
    """Where the owner of a VPC reads: the gateways and endpoints of a shared VPC are shown to its owner alone.

    https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html
    """
    found = view.get("vpc", vpc, scope) if vpc else None
    return Scope(account=found.owner_id, region=scope.region) if found and found.owner_id and scope.account else scope


def required(field_name: str) -> Callable[[Mapping[str, Any]], list[str | None]]:
    """The keys of a lookup by a field that AWS always gives: a resource without it is half-written."""

    def keys(raw: Mapping[str, Any]) -> list[str | None]:
        return [given(raw, field_name)]

    return keys


def given(entry: Mapping[str, Any], field_name: str) -> str:
    """A text that AWS always gives, for keys inside a list; KeyError without it: the entry may be anybody's, and a miss
    would prove nothing. TypeError where it is no text: nobody asks for what `str` would make of it."""
    value = entry[field_name]
    if not value:
        raise KeyError(field_name)
    if not isinstance(value, str):
        raise TypeError(f"{field_name} is no text")
    return value


def internet_firewall(subnet: str, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
    """The guard in front of a gateway to the internet, where the packet's VPC has an Automated Internet Firewall that may drop
    what this subnet sends and gets: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkFirewallAssociation.html
    """
    vpc = view.get("vpc", packet.vpc, packet.scope) if packet.vpc else None
    if not vpc or vpc.internet_firewall is None:
        return ()
    return (Place(kind="internet_firewall", id=subnet, role=place.role, scope=packet.scope),)


def public_access_blocked(packet: Packet, subnets: tuple[str, ...], outward: bool, carries_both: bool, view: View) -> str:
    """Whether VPC Block Public Access stops a packet at a gateway to the internet: `on`, `off` or `unknown`.

    `subnets` are those whose exclusions count; where they tell different things nothing is certain. `carries_both` is False
    for what only lets out what is started inside (NAT and egress-only internet gateways), which mode block-ingress spares.
    Off is what AWS documents for accounts that never touched it, so that is assumed where nothing was read.

    https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
    """
    vpc = view.get("vpc", packet.vpc, packet.scope) if packet.vpc else None
    known = {id: view.get("subnet", id, packet.scope) if id else None for id in subnets or ("",)}
    shown = {id: _shown_mode((subnet, vpc)) for id, subnet in known.items()}
    if set(shown.values()) == {"off"}:
        return "off"
    owner, home = _owner(vpc, packet.scope)
    options, excluded = public_access(vpc, packet.scope, view)
    untouched = not options and not excluded and not any(shown.values())
    if untouched and not (isinstance(options, Unread) and options.malformed):
        view.assume(Query(kind="block_public_access_options", by="id", value=owner, scope=home), "off")
        if isinstance(excluded, Unread):
            view.assume(excluded.query, "none")
        return "off"
    started_inside = outward == (packet.direction == "request")
    modes = {id: options.mode if options else mode for id, mode in shown.items()}
    words = {_stopped(modes[id], _excluded(id, packet.vpc, excluded), started_inside, carries_both) for id in modes}
    doubtful = len(words) > 1 or any(isinstance(subnet, Unread) for subnet in known.values())
    return "unknown" if doubtful and words != {"off"} else next(iter(words))


def public_access(vpc: Any, scope: Scope, view: View) -> tuple[Any, Any]:
    """The options of VPC Block Public Access for the account that a VPC belongs to, and its exclusions, or Unread."""
    owner, home = _owner(vpc, scope)
    options = view.get("block_public_access_options", owner, home)
    return options, view.find("block_public_access_exclusion", "account", owner, home)


def _owner(vpc: Any, scope: Scope) -> tuple[str, Scope]:
    owner = (vpc.owner_id if vpc else "") or scope.account
    return owner, Scope(account=owner, region=scope.region)


def _shown_mode(places: Iterable[Any]) -> str:
    """The mode that AWS shows with the subnet, else with its VPC; off with a subnet may be so by an exclusion."""
    return next((place.block_public_access for place in places if place and place.block_public_access), "")


def _excluded(subnet: str, vpc: str, exclusions: Any) -> str:
    """The one mode in which the subnet or its VPC is excluded; `none`, or `unknown` where that is not certain."""
    if isinstance(exclusions, Unread):
        return "unknown"
    found = {exclusion.mode for exclusion in exclusions if exclusion.resource in (subnet, vpc)} - {"none"}
    return next(iter(found), "none") if len(found) < 2 else "unknown"


def _stopped(mode: str, excluded: str, started_inside: bool, carries_both: bool) -> str:
    if mode == "off" or (mode == "block-ingress" and not carries_both):
        return "off"
    if mode not in ("block-ingress", "block-bidirectional") or excluded == "unknown":
        return "unknown"
    egress = excluded == "allow-egress" and mode == "block-bidirectional" and started_inside
    return "off" if egress or excluded == "allow-bidirectional" else "on"


def by_id(field_name: str, filter: str) -> Lookup:
    """The lookup by AWS id; a filter rather than an id list, because one unknown id would fail the whole call."""
    return Lookup(keys=lambda raw: [raw[field_name]], filter=filter)


def by_name(eager: bool = False) -> Lookup:
    """The lookup by Name tag."""
    return Lookup(keys=_name_tags, filter="tag:Name", eager=eager)


def _name_tags(raw: Mapping[str, Any]) -> list[str | None]:
    return [tag.get("Value") for tag in raw.get("Tags") or raw.get("TagSet") or () if tag.get("Key") == "Name"]


@dataclass(frozen=True)
class Offer:
    """A gateway that could carry a packet out of a VPC if a route led there: what a remedy would point a route to.

    `cidr` is what the route would be for.
    """

    place: Place
    cidr: str


EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
# Of every endpoint behind which PrivateLink stands: https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-limits-endpoints.html
ENDPOINT_MTU = Mtu(most=8500, tells="no", holds_tcp=True)


def is_outside(target: Address, view: View) -> str:
    """Whether an address is of no interface that was read, as far as a decision table asks: yes, no or unknown.

    Where it is, that the network outside delivers the packet and answers by the same gateway is assumed.
    """
    lookups = ("private_ip", "public_ip") if target.version == 4 else ("ipv6",)
    found = [view.find("network_interface", lookup, str(target)) for lookup in lookups]
    if any(found):
        return "no"
    if any(isinstance(answer, Unread) for answer in found):
        return "unknown"
    assumed = "it delivers the packet, and sends the answer back by the same gateway"
    view.assume(Query(kind="customer_network", by="address", value=str(target)), assumed)
    return "yes"


def entrance(packet: Packet, *kinds: str) -> Translation | None:
    """The gateway of one of these kinds at which a packet from outside AWS comes in: that by which the request went out,
    or that which was found to lead in."""
    noted = (t for t in reversed(packet.translations) if t.place.kind in kinds)
    return next((t for t in noted if t.after.source == packet.flow.destination), None)


class Component:
    """One AWS resource on the path, in three answers: how it is read, where it leads a packet, what it observes of one.

    A subclass in `flowdiag/components/` is found by itself.

    `kind` names it in a Place; `reads` are its describe calls; `prefixes` the id prefixes of a route target that mean this
    component, and `target_role` the role it then plays; `interface_types` the InterfaceType values of ENIs that stand for
    it; `outside` is true for what stands at the edge of AWS's sight: a flow to an address that is no ENI arrives there;
    `route_field` is the field of a route that names this component as its target, where a route may; `offer_rank` is its
    place among those that make `offers`, the lowest first: the VPC itself, then what leads to private networks, then what
    leads to the internet. `spoken` is the word before a colon that says which service is meant (`rds:orders-db`); a
    component that has one is asked for bare words too. `passed_by` is how the table `arrival` calls a reply that came back
    without meeting it, though it keeps state of the request (`Packet.watched`). `connections` tells
    what becomes of a connection whose addresses it rewrites: `kept`, one for one and with its ports; `shared`, for many
    clients go on with one address and ports that it draws; `own`, for it opens one of its own; empty where only the
    headers tell. `traffic_paths` are the values of the flow log field traffic-path that a packet bears which leaves for it;
    none where AWS documents none.
    """

    kind: ClassVar[str]
    reads: ClassVar[tuple[Read, ...]] = ()
    prefixes: ClassVar[tuple[str, ...]] = ()
    target_role: ClassVar[str] = ""
    interface_types: ClassVar[tuple[str, ...]] = ()
    outside: ClassVar[bool] = False
    spoken: ClassVar[str] = ""
    route_field: ClassVar[str] = ""
    offer_rank: ClassVar[int | None] = None
    passed_by: ClassVar[str] = "past"
    connections: ClassVar[Literal["", "kept", "shared", "own"]] = ""
    traffic_paths: ClassVar[tuple[str, ...]] = ()

    def claims(self, text: str) -> bool:
        """Whether the shape of a text (an ARN, an id, a DNS suffix) says that it names a resource of this kind."""
        return False

    def named(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """Everything of this kind that a text names, or Unread; without `spoken` only texts that it claims are asked.

        `near` are the interfaces of the other end, as far as they are known: some names mean another thing in another
        VPC or zone. What one call does not tell is looked up here and there, but whether the name exists at all is told
        by lookups that depend on nothing else.
        """
        return ()

    def sought(self, text: str, near: tuple[Any, ...], view: View) -> tuple[Named, ...] | Unread:
        """The same where it takes a search through what an account has: asked where nothing goes by the name otherwise."""
        return ()

    def guards(self, place: Place, packet: Packet, view: View) -> tuple[Place, ...]:
        """The guards a packet meets on its way into this place."""
        return ()

    def observe(self, place: Place, packet: Packet, view: View) -> Observation | None:
        """What this component sees of the packet; None where it has no say."""
        return None

    def lead(self, place: Place, packet: Packet, view: View) -> tuple[Move, ...]:
        """Where the packet goes from here; nothing where it ends."""
        return ()

    def interfaces(self, hop: Hop, subnets: tuple[str, ...], view: View) -> tuple[str, ...]:
        """The interfaces on which a flow log shows the packet of this hop, where the place is not an interface itself.

        `subnets` are those whose border the packet crosses right before and right after, in this order.
        """
        return ()

    def offers(self, packet: Packet, scope: Scope, view: View) -> Iterable[Offer]:
        """The gateways of this kind that could carry the packet out of `packet.vpc` if a route led there; `scope` is that
        of the route table."""
        return ()

    def residents(self, place: Vicinity, view: View) -> Iterable[str]:
        """The texts by which people name what a VPC holds of this kind; captures of whole VPCs ask what each stands for."""
        return ()

    def foresee(self, place: Place, vpc: str, view: View) -> None:
        """Ask for what any packet of the VPC may need here and no search by VPC gives; captures of whole VPCs do."""
        return


def attached(attachment: Any, gateway: str, scope: Scope, view: View) -> str:
    """The id of what a route's attachment joins, or empty where it is not known.

    A route need not name it (then the attachment itself tells), and adds to a VPN connection's id the address of a tunnel:
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TransitGatewayRouteAttachment.html
    """
    told: str = attachment.resource_id
    if not told:
        sides = view.find("transit_gateway_side", "attachment", attachment.transit_gateway_attachment_id, scope)
        told = next((side.resource_id for side in sides or () if side.transit_gateway_id == gateway), "")
    return told.partition("(")[0].strip()
