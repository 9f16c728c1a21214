"""What transit gateways count as lost, and connections whose packets stop arriving."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenes import hubbed
from wires import FLAGGED, SECOND, Wires, both_kept, line, saved, short, sums
from world import World
from world_services import TransitGateway

from flowdiag import Diagnosis, diagnose
from flowdiag.logs.record import GATEWAY_FIELDS

A, B = "10.0.1.10", "10.9.2.20"
MTU, ROUTE = "packets-lost-mtu-exceeded", "packets-lost-no-route"


class Hub:
    """web-1 and db-1 in two VPCs at one transit gateway, all three with flow logs."""

    def __init__(self, folder: Path, world: World | None = None, gateway: TransitGateway | None = None) -> None:
        self.world, self.folder = world or World(), folder
        self.gateway = gateway or hubbed(self.world)[0]
        view = self.world.snapshot().view()
        self.web, self.db = (view.find("network_interface", "private_ip", one)[0].id for one in (A, B))

    def good(self, port: int, at: int = 0, **more: int) -> list[str]:
        """A connection that is answered, on both interfaces."""
        both = (self.web, self.db)
        there = [line(one, f"{A} {B} {port} 5432", flags=3, at=at, **more) for one in both]
        return there + [line(one, f"{B} {A} 5432 {port}", flags=19, at=at, **more) for one in both]

    def sent(self, port: int, at: int = 0) -> list[str]:
        """A request at the source alone."""
        return [line(self.web, f"{A} {B} {port} 5432", at=at)]

    def ask(self, *lines: str, counts: list[str], header: str = FLAGGED) -> Diagnosis:
        """The question, with records of interfaces and of the gateway."""
        (self.folder / "gateway.log").write_text("\n".join((" ".join(GATEWAY_FIELDS), *counts)) + "\n")
        return diagnose("web-1", "db-1", 5432, snapshot=self.world.snapshot(), flow_logs=saved(self.folder, lines, header))

    def count(self, ends: str, field: str, packets: int, at: int = 0) -> str:
        """A record of the gateway itself."""
        source, destination, port, other = ends.split()
        known = {
            "version": "6", "resource-type": "TransitGateway", "tgw-id": self.gateway.id, "tgw-attachment-id": "tgw-attach-0a1",
            "srcaddr": source, "dstaddr": destination, "srcport": port, "dstport": other, "protocol": "6", "packets": "9",
            "bytes": "900", "start": str(SECOND + at), "end": str(SECOND + at + 50), "log-status": "OK", field: str(packets),
        }  # fmt: skip
        return " ".join(known.get(name, "-") for name in GATEWAY_FIELDS)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """The two, and the gateway between them."""
    return Hub(tmp_path)


def test_what_is_lost_of_a_connection_that_works_is_told(hub: Hub) -> None:
    """Small packets pass and large ones do not: nothing else shows that, so it is no part of another conclusion."""
    found = hub.ask(*hub.good(4000), counts=[hub.count(f"{B} {A} 5432 4000", MTU, 12)])
    assert ("reachable", "healthy", "confirmed") == short(found)
    assert "tgw-attach-0a1 counts 12 packets of the reply lost: packets larger than the MTU" in found.headline


def test_a_loss_that_a_conclusion_names_is_told_once(hub: Hub) -> None:
    """One connection was lost for want of a route, the next one works."""
    found = hub.ask(*hub.sent(4000), *hub.good(4001, at=300), counts=[hub.count(f"{A} {B} 4000 5432", ROUTE, 3)])
    assert 1 == found.headline.count("no route")
    assert "what began since 2023-11-14T22:18:20Z works" in found.headline


def test_a_loss_is_of_the_connection_with_its_ports(hub: Hub) -> None:
    """What another connection lost at the same time says nothing of one that came through."""
    counted = [hub.count(f"{A} {B} {4000 + n} 5432", ROUTE, 1, at=20 * n) for n in range(0, 10, 2)]
    several = sums(*(hub.good(4000 + n, at=20 * n) if n % 2 else hub.sent(4000 + n, at=20 * n) for n in range(10)))
    found = hub.ask(*several, counts=counted)
    assert "5 of 10 connections failed" in found.headline
    assert "partial" == found.verdict


def test_a_loss_of_which_no_interface_tells_is_a_connection_too(hub: Hub) -> None:
    """The source's flow log holds nothing of it, and the gateway counts it all the same."""
    counted = [hub.count(f"{A} {B} {5000 + n} 5432", ROUTE, 2, at=900 + 60 * n) for n in range(3)]
    found = hub.ask(*hub.good(4000), counts=counted)
    assert "no_log" == found.symptom
    assert "2 packets lost there: no route" in found.headline
    assert "what began until 2023-11-14T22:13:20Z worked" in found.headline


def test_the_record_that_counts_is_quoted(hub: Hub) -> None:
    """Whoever reads the conclusion sees the gateway's own line."""
    count = hub.count(f"{A} {B} 4000 5432", ROUTE, 3)
    assert count in hub.ask(*hub.sent(4000), counts=[count]).model_dump_json()


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loss_without_ports_is_told_and_decides_nothing(hub: Hub, reverse: bool) -> None:
    """It may be of another service of the two hosts, and of none of the connections; the order of the lines changes nothing."""
    bare = hub.count(f"{A} {B} 4001 2049", ROUTE, 3).replace(" 4001 2049 ", " - - ")
    both = [hub.good(4000), hub.sent(4001)]
    found = hub.ask(*sums(*(both[::-1] if reverse else both)), counts=[bare])
    assert "counts 3 packets of the request lost: no route (its record has no ports: it may be of another flow)" in found.headline
    assert "never reached what lies behind it" not in found.headline
    alone = hub.ask(counts=[bare])
    assert ("unobserved", True) == (alone.symptom, "counts 3 packets" in str(alone))


def test_packets_that_are_too_large_say_nothing_of_others(hub: Hub) -> None:
    """One of a hundred thousand was: the rest may have arrived."""
    found = hub.ask(counts=[hub.count(f"{A} {B} 4000 5432", MTU, 1)])
    assert ("reachable", "unobserved", "predicted") == short(found)
    assert "counts 1 packet of the request lost: packets larger than the MTU" in str(found)


def test_a_loss_without_times_orders_nothing(hub: Hub) -> None:
    """What failed last is the latest, whenever the gateway counted."""
    good = sums(*(hub.good(4000 + n, at=60 * n) for n in range(5)))
    lost = sums(*(hub.sent(5000 + n, at=600 + 60 * n) for n in range(5)))
    times = f" {SECOND} {SECOND + 50} OK"
    counts = [hub.count(f"{A} {B} {5000 + n} 5432", ROUTE, 3).replace(times, " - - OK") for n in range(5)]
    found = hub.ask(*good, *lost, counts=counts)
    assert "what began since 2023-11-14T22:23:20Z fails" in found.headline
    assert "15 packets of the request lost: no route (its record has no times)" in found.headline


def test_a_loss_behind_a_shared_gateway_may_be_of_any_client(tmp_path: Path) -> None:
    """Behind a private NAT gateway all clients have its address, and ports that it draws."""
    world = World()
    left, right = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16")
    app, inside, data = left.subnet("10.0.1.0/24"), left.subnet("10.0.100.0/24"), right.subnet("10.9.2.0/24")
    group = right.group("sg-db")
    group.ingress("tcp", 5432, "10.0.0.0/16")
    app.instance("web-1", A, left.group("sg-web"))
    data.instance("db-1", B, group)
    app.route("10.9.0.0/16", inside.nat("10.0.100.5"))
    gateway = TransitGateway(world)
    gateway.attach(left, left.subnet("10.0.9.0/28"))
    gateway.attach(right, right.subnet("10.9.9.0/28"))
    inside.route("10.9.0.0/16", gateway.id)
    right.route("10.0.0.0/16", gateway.id)
    hub = Hub(tmp_path, world, gateway)
    found = hub.ask(counts=[hub.count(f"10.0.100.5 {B} 40001 5432", ROUTE, 3)])
    assert ("reachable", "unobserved", "predicted") == short(found)
    assert "(it may be of any client behind nat-" in str(found)


def test_what_came_out_of_the_gateway_was_not_lost_in_it(tmp_path: Path) -> None:
    """The attachment's interface in the far VPC has the packets on record: only some were lost."""
    world = World()
    left, right = world.vpc("10.0.0.0/16"), world.vpc("10.9.0.0/16")
    group = right.group("sg-db")
    group.ingress("tcp", 5432, "10.0.0.0/16")
    web = left.subnet("10.0.1.0/24").instance("web-1", A, left.group("sg-web"))
    right.subnet("10.9.2.0/24").instance("db-1", B, group)
    gateway, near, far = TransitGateway(world), left.subnet("10.0.9.0/28"), right.subnet("10.9.9.0/28")
    own = []
    for vpc, subnet, address in ((left, near, "10.0.9.5"), (right, far, "10.9.9.5")):
        told = f"Network Interface for Transit Gateway Attachment {gateway.attach(vpc, subnet)}"
        own.append(subnet.interface(address, type="transit_gateway", Description=told, RequesterManaged=True).id)
    left.route("10.9.0.0/16", gateway.id)
    right.route("10.0.0.0/16", gateway.id)
    packet, layout = f"{A} {B}", f"{FLAGGED} pkt-srcaddr pkt-dstaddr flow-direction"
    lines = [
        f"{line(web.eni.id, f'{packet} 4000 5432')} {packet} egress",
        f"{line(own[0], f'{A} 10.0.9.5 4000 5432')} {packet} ingress",
        f"{line(own[1], f'10.9.9.5 {B} 4000 5432')} {packet} egress",
    ]
    hub = Hub(tmp_path, world, gateway)
    for seen, lost in ((lines, False), (lines[:2], True)):
        found = hub.ask(*seen, counts=[hub.count(f"{packet} 4000 5432", ROUTE, 1)], header=layout)
        assert lost == ("never reached what lies behind it" in found.headline)


def test_a_record_that_ends_before_it_starts_breaks_nothing(tmp_path: Path) -> None:
    """Its times tell two moments, and no order."""
    pair = Wires()
    odd = line(pair.db_eni, "10.0.1.10 10.0.2.20 4000 5432", at=900, lasts=-900)
    found = pair.ask(flow_logs=saved(tmp_path, [odd, *pair.there(4000, pair.web_eni, at=600), *both_kept(pair.db_eni)]))
    assert found.verdict in ("reachable", "inconclusive")


def test_what_one_end_sends_of_its_own_is_no_answer(tmp_path: Path) -> None:
    """Where both ends use one port, as IKE does, only the order tells who asked; here one of them never sent anything."""
    pair = Wires()
    pair.sg_db.ingress("udp", 500, pair.sg_web)
    own = [line(one, "10.0.2.20 10.0.1.10 500 500", flags=0, protocol=17) for one in (pair.db_eni, pair.web_eni)]
    asked = [line(one, "10.0.1.10 10.0.2.20 500 500", flags=0, protocol=17) for one in (pair.web_eni, pair.db_eni)]
    kept = both_kept(pair.db_eni, pair.web_eni)
    assert "unobserved" == pair.ask(500, protocol="udp", flow_logs=saved(tmp_path, [*own, *kept])).symptom
    assert "healthy" == pair.ask(500, protocol="udp", flow_logs=saved(tmp_path, [*own, *asked, *kept])).symptom


# ---------------------------------------------------------------- packets that stop arriving


@pytest.fixture
def pair() -> Wires:
    """Two instances of one VPC."""
    return Wires()


@pytest.fixture
def told(tmp_path: Path, pair: Wires):
    """A function that asks the question of the pair with these records."""
    return lambda *lines: pair.ask(flow_logs=saved(tmp_path, lines, FLAGGED))


def open_for(pair: Wires, minutes: range, *enis: str, back: bool = True, flags: int = 0) -> list[str]:
    """Packets of one connection in each of these minutes, at these interfaces."""
    there = sums(*(pair.there(4000, one, at=60 * n, flags=flags) for n in minutes for one in enis))
    return there + (sums(*(pair.back(4000, one, at=60 * n, flags=flags) for n in minutes for one in enis)) if back else [])


def covered(pair: Wires, minutes: range) -> list[str]:
    """Lines of the destination in each of these minutes."""
    return [*sums(*(pair.quiet(pair.db_eni, at=60 * n) for n in minutes)), *both_kept(pair.db_eni, pair.web_eni)]


def test_a_connection_whose_packets_stop_arriving_is_cut_there(pair: Wires, told) -> None:
    """It worked for ten minutes; for ten more the source sends, and the destination, which is covered, sees nothing."""
    both = [*pair.good(4000), *open_for(pair, range(1, 10), pair.web_eni, pair.db_eni)]
    later = [*open_for(pair, range(12, 20), pair.web_eni, back=False), *covered(pair, range(10, 21))]
    found = told(*both, *later)
    assert "no_log" == found.symptom
    assert "what was sent until 2023-11-14T22:23:10Z worked, what was sent since 2023-11-14T22:25:20Z fails" in found.headline


def test_an_outage_in_the_middle_of_a_connection_is_told(pair: Wires, told) -> None:
    """It worked, for ten minutes nothing arrived, and it went on: it works, and that it did not for a while is said."""
    ends = pair.web_eni, pair.db_eni
    both = [*pair.good(4000), *open_for(pair, range(1, 5), *ends), *open_for(pair, range(17, 21), *ends)]
    lost = open_for(pair, range(6, 16), pair.web_eni, back=False)
    found = told(*both, *lost, *covered(pair, range(5, 17)))
    assert ("reachable", "healthy", "confirmed") == short(found)
    assert (
        "what was sent from 2023-11-14T22:19:20Z to 2023-11-14T22:29:10Z failed, and what was sent before and after it worked"
        in found.headline
    )
    assert f"never reached {pair.db_eni}" in found.headline


def test_what_a_server_sends_again_is_no_answer(pair: Wires, told) -> None:
    """Its last data was never acknowledged, for the client's packets do not arrive any more."""
    ends = pair.web_eni, pair.db_eni
    again = sums(*(pair.back(4000, at=60 * n, flags=0) for n in range(6, 16)))
    lost = open_for(pair, range(6, 20), pair.web_eni, back=False)
    found = told(*pair.good(4000), *open_for(pair, range(1, 5), *ends), *again, *lost, *covered(pair, range(5, 22)))
    assert ("inconclusive", "no_log") == short(found)[:2]
    assert "what was sent until 2023-11-14T22:18:10Z worked" in found.headline


def test_what_one_record_tells_of_an_outage_and_of_the_time_after_it_is_no_silence(pair: Wires, told) -> None:
    """Both interfaces tell of ten minutes at a time: the replies go on in records that began in the outage."""
    ends = pair.web_eni, pair.db_eni
    both = [*pair.good(4000), *open_for(pair, range(1, 5), *ends)]
    lost = open_for(pair, range(6, 12), pair.web_eni, back=False)
    later = [*open_for(pair, range(14, 22), *ends, back=False), *pair.back(4000, at=700, lasts=590, flags=0)]
    found = told(*both, *lost, *later, *covered(pair, range(5, 24)))
    assert ("reachable", "healthy", "confirmed") == short(found)


def test_two_outages_of_a_connection_are_two_failures(pair: Wires, told) -> None:
    """What comes again is told as something that happens in turn."""
    ends = pair.web_eni, pair.db_eni
    both = [*pair.good(4000), *(m for n in (4, 12, 20) for m in open_for(pair, range(n, n + 2), *ends))]
    lost = [m for n in (7, 15) for m in open_for(pair, range(n, n + 4), pair.web_eni, back=False)]
    found = told(*both, *lost, *covered(pair, range(22)))
    assert "2 of 5 parts of one connection failed, in turn with others that worked" in found.headline


def test_replies_that_stop_arriving_are_cut_too(pair: Wires, told) -> None:
    """The server goes on answering, and the source, which is covered, has none of it any more."""
    both = [*pair.good(4000), *open_for(pair, range(1, 10), pair.web_eni, pair.db_eni)]
    later = sums(*(pair.back(4000, pair.db_eni, at=60 * n, flags=0) for n in range(12, 20)))
    quiet = sums(*(pair.quiet(pair.web_eni, pair.db_eni, at=60 * n) for n in range(10, 21)))
    found = told(*both, *later, *quiet, *both_kept(pair.web_eni, pair.db_eni))
    assert ("inconclusive", "accept_broken") == short(found)[:2]
    assert "never reached" in found.headline
    assert "what was sent until 2023-11-14T22:23:10Z worked, what was sent since 2023-11-14T22:25:20Z fails" in found.headline


def test_a_connection_that_is_answered_no_more_is_cut_there(pair: Wires, told) -> None:
    """It worked for ten minutes; for ten more what the source sends arrives, and nothing comes back."""
    ends = pair.web_eni, pair.db_eni
    both = [*pair.good(4000), *open_for(pair, range(1, 10), *ends)]
    found = told(*both, *open_for(pair, range(12, 20), *ends, back=False), *covered(pair, range(10, 21)))
    assert ("broken", "accept_broken") == short(found)[:2]
    assert "what was sent until 2023-11-14T22:23:10Z worked, what was sent since 2023-11-14T22:25:20Z fails" in found.headline


@pytest.mark.parametrize("flags", [4, 20])
def test_a_reset_after_an_idle_time_is_not_answered(pair: Wires, told, flags: int) -> None:
    """TCP acknowledges no reset, so the silence after it is no failure."""
    ends = pair.web_eni, pair.db_eni
    reset = [m for one in ends for m in pair.there(4000, one, at=900, flags=flags, lasts=0, packets=1)]
    found = told(*pair.good(4000), *open_for(pair, range(1, 10), *ends), *reset, *covered(pair, range(22)))
    assert "healthy" == found.symptom


@pytest.mark.parametrize("late", [50, 110])
def test_clocks_that_differ_cut_nothing(pair: Wires, told, late: int) -> None:
    """The last packet at the source begins up to a minute after the end of what the destination saw."""
    found = told(*pair.good(4000), *pair.there(4000, pair.web_eni, at=late, flags=0), *covered(pair, range(1, 21)))
    assert ("reachable", "healthy", "confirmed") == short(found)


def test_without_lines_at_that_time_nothing_is_known(pair: Wires, told) -> None:
    """The destination's records end there, as those of a delivery that is late: what it would have seen is not known."""
    both = [*pair.good(4000), *open_for(pair, range(1, 10), pair.web_eni, pair.db_eni)]
    found = told(*both, *open_for(pair, range(30, 40), pair.web_eni), *both_kept(pair.db_eni))
    assert ("reachable", "healthy", "confirmed") == short(found)


def test_a_balancer_that_answers_for_the_target_is_no_loss(pair: Wires, told) -> None:
    """What comes back to the source shows that its packets got somewhere."""
    both = [*pair.good(4000), *open_for(pair, range(1, 5), pair.web_eni, pair.db_eni)]
    found = told(*both, *open_for(pair, range(12, 20), pair.web_eni), *covered(pair, range(5, 21)))
    assert "healthy" == found.symptom
