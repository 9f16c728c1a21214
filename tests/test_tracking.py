"""How long connection tracking remembers an idle connection: what was set, what AWS documents, and when nothing is claimed."""

from __future__ import annotations

import pytest
from scenes import Pair, ask
from world import World


@pytest.fixture
def pair() -> Pair:
    return Pair()


def forgotten(pair: Pair, **more: object) -> dict[str, int]:
    """What forgets the connection web-1 → db-1, and after how many seconds."""
    found = pair.ask(**more)
    return {f.forgets or f.name: f.idle_timeout for f in found.path.findings if f.idle_timeout}


def tracking(interface: str) -> str:
    return f"connection tracking of {interface}"


def test_what_was_set_on_an_interface_counts(pair: Pair) -> None:
    """TcpEstablishedTimeout of either end is told with the interface, and stands in the evidence."""
    pair.web.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 60}
    pair.db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 3600, "UdpTimeout": 30}
    assert {tracking(pair.web.eni.id): 60, tracking(pair.db.eni.id): 3600} == forgotten(pair)
    said = [e for f in pair.ask().path.findings for e in f.evidence]
    assert (pair.web.eni.id, "TcpEstablishedTimeout 60") in [(e.where, e.text) for e in said]


@pytest.mark.parametrize(
    ("type", "seconds"),
    [("m8i.large", 350), ("c8i-flex.xlarge", 350), ("m8g.large", None), ("t3.micro", None), ("z99.large", None), ("", None)],
)
def test_the_default_is_that_of_the_instance_type(pair: Pair, type: str, seconds: int | None) -> None:
    """350 seconds on what AWS lists as Nitro v6; on older types it is days, and of unknown ones nothing is claimed."""
    pair.db.raw["InstanceType"] = type
    assert ({tracking(pair.db.eni.id): seconds} if seconds else {}) == forgotten(pair)


def test_what_was_set_stands_before_the_default(pair: Pair) -> None:
    """An interface of a Nitro v6 instance that was given five days keeps them."""
    pair.db.raw["InstanceType"] = "m8i.large"
    pair.db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 432000}
    assert {tracking(pair.db.eni.id): 432000} == forgotten(pair)


def test_udp_has_a_timeout_of_its_own_and_ping_none(pair: Pair) -> None:
    """A stream of datagrams is forgotten after UdpStreamTimeout, where it was set; AWS documents none for ICMP."""
    pair.sg_db.ingress("-1", None, pair.sg_web)
    pair.db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 60, "UdpStreamTimeout": 120}
    assert {tracking(pair.db.eni.id): 120} == forgotten(pair, protocol="udp")
    assert {} == forgotten(pair, port=None, protocol="icmp")


def wide(pair: Pair, *egress: tuple[str, object, str]) -> None:
    """sg-db lets everybody in to the port, and lets out what is told."""
    pair.db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 60}
    pair.sg_db.ingress("tcp", 5432, "0.0.0.0/0")
    pair.sg_db.raw["IpPermissionsEgress"] = []
    for protocol, ports, cidr in egress:
        pair.sg_db.egress(protocol, ports, cidr)


@pytest.mark.parametrize("egress", [("-1", None, "0.0.0.0/0"), ("tcp", None, "0.0.0.0/0"), ("tcp", (0, 65535), "0.0.0.0/0")])
def test_a_connection_that_is_not_tracked_is_not_forgotten(pair: Pair, egress: tuple[str, object, str]) -> None:
    """Where everybody may open it and everybody may be answered on any port, AWS tracks nothing."""
    wide(pair, egress)
    assert {} == forgotten(pair)


@pytest.mark.parametrize(
    "egress", [("-1", None, "10.0.0.0/8"), ("udp", None, "0.0.0.0/0"), ("tcp", (1024, 65535), "0.0.0.0/0"), ("-1", None, "::/0")]
)
def test_without_everybody_both_ways_it_is_tracked(pair: Pair, egress: tuple[str, object, str]) -> None:
    """Another range, protocol, part of the ports or IP version in the other direction leaves the connection tracked."""
    wide(pair, egress)
    assert {tracking(pair.db.eni.id): 60} == forgotten(pair)


def test_what_is_not_read_or_not_admitted_claims_nothing(pair: Pair) -> None:
    """A group that was not read may leave the flow untracked, and a connection that is not let in is none."""
    pair.db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 60}
    assert {} == forgotten(pair, without=["SecurityGroups"])
    assert {} == forgotten(pair, port=22)


def test_of_several_groups_any_may_leave_it_untracked() -> None:
    """The rules of all groups count together, in each direction."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    subnet = vpc.subnet("10.0.1.0/24")
    narrow, wide = vpc.group("narrow", egress=False), vpc.group("wide")
    narrow.ingress("tcp", 5432, "0.0.0.0/0")
    subnet.instance("web-1", "10.0.1.10", vpc.group("sg-web"))
    for name, address, *groups in (("one", "10.0.1.20", narrow), ("both", "10.0.1.21", narrow, wide)):
        db = subnet.instance(name, address, *groups)
        db.eni.raw["ConnectionTrackingConfiguration"] = {"TcpEstablishedTimeout": 60}
    told = [any(f.idle_timeout for f in ask(world, "web-1", name).path.findings) for name in ("one", "both")]
    assert [True, False] == told
