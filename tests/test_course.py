"""Many connections of one flow: each is judged by itself, and the latest state of them tells."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scenes import ask, behind_nat, peered
from wires import BARE, FLAGGED, SECOND, A, B, Wires, X, both_kept, line, quiet, saved, short, sums
from world import World
from world_balancers import LoadBalancer
from world_logs import flow_log

from flowdiag import Diagnosis, flow_records
from flowdiag.connection import connections
from flowdiag.contrast import follows
from flowdiag.course import Spell, course
from flowdiag.judging import Bench, judge
from flowdiag.model import Record
from flowdiag.points import journeys
from flowdiag.sighting import RECORDS_KEPT, Catch, kept, spots
from flowdiag.stretches import stretches
from flowdiag.table import Rules

RULES = Rules.load()


@pytest.fixture
def pair() -> Wires:
    """Two instances of one VPC whose configuration admits tcp/5432."""
    return Wires()


@pytest.fixture
def told(tmp_path: Path, pair: Wires):
    """A function that asks the question of the pair with these records."""

    def asked(*lines: str, header: str = FLAGGED, **question: object) -> Diagnosis:
        return pair.ask(flow_logs=saved(tmp_path, lines, header), **question)

    return asked


# ---------------------------------------------------------------- one that worked hides nothing


def test_a_reset_of_every_later_connection_tells(pair: Wires, told):
    """One connection that worked does not speak for twenty that are reset later, and the headline says since when."""
    found = told(*pair.good(4000), *sums(*(pair.refused(41000 + n, 600 + 60 * n) for n in range(20))))
    assert ("broken", "accept_broken", "confirmed") == short(found)
    assert "until 2023-11-14T22:13:20Z worked, what began since 2023-11-14T22:23:20Z fails" in found.headline


@pytest.mark.parametrize("off", [-45, -1, 0, 1, 45])
def test_a_second_more_or_less_changes_no_verdict(pair: Wires, told, off: int):
    """One reset of thirty connections, about when the first of them began: clocks are not exact enough to tell."""
    good = sums(*(pair.good(4000 + n, 60 + 120 * n) for n in range(30)))
    found = told(*pair.refused(41000, 60 + off), *good)
    assert ("reachable", "healthy", "confirmed") == short(found)
    assert "failed" in found.headline


@pytest.mark.parametrize(("off", "verdict"), [(0, "reachable"), (15, "reachable"), (45, "partial")])
def test_one_failure_within_a_burst(pair: Wires, told, off: int, verdict: str):
    """All of them lie within a minute: the last one to begin tells whether it is over."""
    found = told(*pair.refused(41000, off), *sums(*(pair.good(4000 + n, 4 * n) for n in range(10))))
    assert verdict == found.verdict
    assert "one of 11 connections, of 2023-11-14T22:1" in found.headline


def test_a_loss_of_every_later_connection_tells(pair: Wires, told):
    """Silence is weighed at the time of the connection that is missed, not over the whole time."""
    lost = (pair.there(41000 + n, pair.web_eni, at=600 + 60 * n) + pair.quiet(pair.db_eni, at=600 + 60 * n) for n in range(20))
    assert ("inconclusive", "no_log", "contradicted") == short(told(*pair.good(4000), *sums(*lost), *both_kept(pair.db_eni)))


def test_no_answer_to_every_later_connection_tells(pair: Wires, told):
    """The host answered once, and not since."""
    later = (pair.there(41000 + n, at=600 + 60 * n, packets=6) for n in range(20))
    assert ("broken", "accept_broken", "confirmed") == short(told(*pair.good(4000), *sums(*later), *both_kept(pair.db_eni)))


def test_a_connection_that_is_reset_at_once_was_not_answered(pair: Wires, told):
    """SYN-ACK and RST in one record of the reply, and no data, are no answer."""
    taken = (pair.there(41000 + n, at=60 * n) + pair.back(41000 + n, flags=22, at=60 * n, packets=2, size=50) for n in range(20))
    found = told(*sums(*taken))
    assert ("broken", "accept_broken", "confirmed") == short(found)
    assert "(inferred from flags and sizes)" in found.headline


@pytest.mark.parametrize(
    ("flags", "size"), [((3, 23), 60), ((2, 22), 400), ((6, 22), 60)], ids=["closed", "data", "client resets"]
)
def test_a_reset_that_ends_an_exchange_is_an_answer(pair: Wires, told, flags, size):
    """Servers close with a reset too, after a FIN or data; and a client that looks whether a port is open resets first."""
    taken = pair.there(41000, flags=flags[0]) + pair.back(41000, flags=flags[1], packets=2, size=size)
    assert "healthy" == told(*taken).symptom


def test_the_time_of_an_answer_is_that_of_the_answer(pair: Wires, told):
    """`answered at` never quotes a packet that got no answer."""
    found = told(*pair.good(4000), *pair.refused(41000, 300), *pair.good(4001, 600))
    assert ("reachable", True) == (found.verdict, "answered at 2023-11-14T22:24:10Z" in found.headline)
    assert "of 2023-11-14T22:18:20Z, failed" in found.headline


# ---------------------------------------------------------------- the course


def spells(text: str, firm: bool = False) -> list[Spell]:
    """A course, a letter every five minutes: `w` works, `f` fails, `u` tells nothing."""
    states = {"w": "works", "f": "fails", "u": "unclear"}
    return [Spell(1000 + 300 * n, states[letter], number=n, firm=firm) for n, letter in enumerate(text)]  # type: ignore[arg-type]


def test_an_answer_is_as_late_as_it_came_back(pair: Wires, told):
    """A server that sends on for minutes after its answers ceased to arrive: the source's interface tells until when they did."""
    there = pair.there(4000, flags=2, packets=9, size=400, lasts=180)
    back = [
        *pair.back(4000, pair.db_eni, flags=18, packets=30, size=900, lasts=560),
        *pair.back(4000, pair.web_eni, flags=18, packets=9, size=900, lasts=180),
    ]
    assert "answered at 2023-11-14T22:16:20Z" in told(*there, *back).headline


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("www", "CR101"), ("f", "CR102"), ("fff", "CR102"), ("u", "CR190"), ("wuw", "CR101"), ("uf", "CR102"),
        ("wff", "CR201"), ("wwf", "CR202"), ("fww", "CR203"), ("ffw", "CR203"), ("wfw", "CR204"), ("wfwfw", "CR302"),
        ("wffw", "CR302"), ("fwf", "CR302"), ("", "CR190"),
    ],
)  # fmt: skip
def test_course(text: str, code: str):
    """The order of what works and fails decides; what tells nothing counts only alone."""
    assert code == course(spells(text), RULES).code


@pytest.mark.parametrize(("text", "code"), [("wfw", "CR301"), ("wwf", "CR201"), ("fww", "CR203")])
def test_a_denial_is_no_chance(text: str, code: str):
    """A rule decides alike every time, so one REJECT counts as a state where one reset does not."""
    assert code == course(spells(text, firm=True), RULES).code


def test_what_lies_within_a_minute_has_an_order_only_with_what_lies_beyond():
    """Clocks differ by up to 60 seconds: steady traffic has no gap, and two packets of one minute no order."""
    assert follows(range(0, 600, 20), range(560, 1200, 20))
    assert not follows(range(0, 700, 20), range(600, 1200, 20))
    assert (False, False) == (follows([100], [130]), follows([], [1]))


def test_a_rule_changed_in_steady_traffic_is_found(pair: Wires, told):
    """Ten minutes of REJECT, ten minutes of answers, no pause between them: the latest state agrees with the configuration."""
    found = told(
        *sums(*(pair.denied(40000 + n, 60 * n) for n in range(10)), *(pair.good(40010 + n, 600 + 60 * n) for n in range(10)))
    )
    assert ("reachable", "healthy", "confirmed") == short(found)
    assert "until 2023-11-14T22:22:20Z failed, what began since 2023-11-14T22:23:20Z works (REJECT" in found.headline


def test_what_sets_failures_apart_is_told(pair: Wires, told):
    """Failures in turn with successes: partial, and the client's ports that fail are named."""
    lines = sums(*((pair.denied if n % 2 else pair.good)((1500 if n % 2 else 40000) + n, 120 * n) for n in range(6)))
    found = told(*lines)
    assert ("partial", "reject", "contradicted") == short(found)
    assert (
        "3 of 6 connections failed, in turn with others that worked: client ports 1501-1505, and not ports 40000-40004"
        in found.headline
    )


# ---------------------------------------------------------------- behind a load balancer


@pytest.fixture
def balanced(tmp_path: Path):
    """A function that asks for an application load balancer that answers its client, with these records of its targets."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    front, behind = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.2.0/24")
    app, lb = vpc.group("app"), vpc.group("lb")
    app.ingress("tcp", 8080, "10.0.0.0/16")
    lb.ingress("tcp", 80, "10.0.0.0/16")
    web = front.instance("web-1", A, vpc.group("web"))
    targets = [behind.instance(f"app-{n}", f"10.0.2.{20 + n}", app) for n in range(2)]
    balancer = LoadBalancer("shop", {front: "10.0.1.50"}, lb, type="application")
    balancer.listen(80, targets, 8080)
    node = balancer.nodes[0].id
    own = [line(eni, f"{A} 10.0.1.50 40000 80", flags=3) for eni in (web.eni.id, node)]
    own += [line(eni, f"10.0.1.50 {A} 80 40000", flags=19) for eni in (node, web.eni.id)]

    def asked(*how: tuple[int, str], client: bool = True) -> Diagnosis:
        lines = list(own) if client else quiet(web.eni.id)
        for number, (target, what) in enumerate(how):
            eni, there, back = targets[target].eni.id, f"10.0.1.50 10.0.2.{20 + target} {5000 + number} 8080", ""
            back = f"10.0.2.{20 + target} 10.0.1.50 8080 {5000 + number}"
            at = 120 * number
            lines += [line(node, there, at=at, flags=3 if what == "good" else 2)]
            if what == "lost":
                continue
            lines.append(line(eni, there, at=at, flags=3 if what == "good" else 2))
            if what != "silent":
                flags = 19 if what == "good" else 4
                lines += [line(one, back, at=at, flags=flags, size=60 if what == "good" else 40) for one in (eni, node)]
        enis = [node, *(target.eni.id for target in targets)]
        silent = [one for n in range(len(how) + 2) for one in quiet(*enis, at=120 * n)]
        return ask(world, "web-1", "shop", 80, flow_logs=saved(tmp_path, (*lines, *silent, *both_kept(*enis[1:]))))

    return asked


@pytest.mark.parametrize(
    ("what", "verdict", "symptom"),
    [("refused", "broken", "accept_broken"), ("silent", "broken", "accept_broken"), ("lost", "inconclusive", "no_log")],
)
def test_a_load_balancer_that_answers_for_targets_that_fail_is_no_success(balanced, what, verdict, symptom):
    """Its client gets an error page: the targets' half tells."""
    found = balanced((0, what), (1, what))
    assert (verdict, symptom) == (found.verdict, found.symptom)
    assert "the load balancer answers, and the connections to its targets fail" in found.headline


def test_some_targets_that_fail_are_partial(balanced):
    """One target refuses and the other answers; the headline tells which."""
    found = balanced((0, "refused"), (1, "good"), (0, "refused"), (1, "good"))
    assert ("partial", "accept_broken") == (found.verdict, found.symptom)
    assert "all of 10.0.1.50 → 10.0.2.20, none of 10.0.1.50 → 10.0.2.21" in found.headline


@pytest.mark.parametrize(
    ("works", "fails", "told"),
    [
        ("aa", "ab", "all to zone-b, none to zone-a"),
        ("ab", "bb", "all from zone-b, none from zone-a"),
        ("aa bb", "ab ba", "all from one Availability Zone to another, none within one Availability Zone"),
        ("ab ba", "aa bb", "all within one Availability Zone, none from one Availability Zone to another"),
        ("aa ab", "ab", ""),
        ("a?", "ab", ""),
    ],
)
def test_availability_zones_set_connections_apart(works, fails, told):
    """Those that fail go to another zone, come from another one, or cross from one to the other."""

    def spells(text: str, state: str, at: int) -> Iterable[Spell]:
        for number, both in enumerate(text.split()):
            zones = tuple("" if one == "?" else f"zone-{one}" for one in both)
            yield Spell(at + 400 * number, state, zones=zones)  # type: ignore[arg-type]

    found = course([*spells(f"{works} {works}", "works", 1000), *spells(f"{fails} {fails}", "fails", 1200)], RULES)
    assert told == found.headline.partition("in turn with others that worked")[2].lstrip(": ")


def test_many_ends_are_not_listed():
    """Of hundreds of clients no person reads which of them fail."""
    states = ("works", "fails")
    several = [Spell(1000 + 200 * n, states[n % 2], ends=(f"10.0.{n}.1", "10.0.0.1")) for n in range(40)]  # type: ignore[arg-type]
    assert "20 of 40 connections failed, in turn with others that worked" == course(several, RULES).headline


def test_the_node_of_one_zone_that_fails_is_told_with_its_zone(tmp_path: Path):
    """The name stands for a node in each of two zones, and one of them answers nobody."""
    world = World()
    vpc = world.vpc("10.0.0.0/16")
    front, far = vpc.subnet("10.0.1.0/24"), vpc.subnet("10.0.3.0/24", zone="b")
    lb, app = vpc.group("lb"), vpc.group("app")
    lb.ingress("tcp", 80, "10.0.0.0/16")
    app.ingress("tcp", 8080, "10.0.0.0/16")
    web = front.instance("web-1", A, vpc.group("web"))
    targets = [subnet.instance(f"app-{n}", f"10.0.{n}.99", app) for n, subnet in ((1, front), (3, far))]
    balancer = LoadBalancer("shop", {front: "10.0.1.50", far: "10.0.3.50"}, lb, type="application")
    balancer.listen(80, targets, 8080)
    lines = []
    for number in range(6):
        node, there, back = balancer.nodes[number % 2].id, f"10.0.{1 + number % 2 * 2}.50 {40000 + number} 80", ""
        back = f"10.0.{1 + number % 2 * 2}.50 {A} 80 {40000 + number}"
        lines += [line(one, f"{A} {there}", at=200 * number, flags=2 if number % 2 else 3) for one in (web.eni.id, node)]
        answers = [line(one, back, at=200 * number, flags=19) for one in (node, web.eni.id)]
        lines += [line(one, back, at=200 * number, flags=4, size=40) for one in (node, web.eni.id)] if number % 2 else answers
    found = ask(world, "web-1", "shop", 80, flow_logs=saved(tmp_path, lines))
    assert f"none of {A} → 10.0.1.50; all to us-east-1b, none to us-east-1a" in found.headline


def test_health_checks_are_not_the_flow(balanced):
    """What the balancer asks its targets of its own accord says nothing of a client that sent nothing."""
    found = balanced((0, "good"), (1, "lost"), (0, "good"), client=False)
    assert ("no_log", ()) == (found.symptom, tuple(r for r in found.records if r.source == A))
    assert "reachable" == found.verdict


def test_targets_that_work_let_the_front_tell(balanced):
    """Both halves are answered."""
    assert ("reachable", "healthy", "confirmed") == short(balanced((0, "good"), (1, "good")))


# ---------------------------------------------------------------- late packets, and denials without SYN


def test_an_open_connection_that_begins_to_be_rejected_is_denied(pair: Wires, told):
    """No FIN and no RST was seen, so nothing came late: a network ACL breaks connections at once."""
    opened = pair.there(4000) + pair.back(4000, flags=18)
    cut = (pair.there(4000, pair.db_eni, action="REJECT", flags=0, at=120 + 60 * n, packets=5, size=100) for n in range(20))
    found = told(*opened, *sums(*cut))
    assert ("blocked", "reject", "contradicted") == short(found)
    assert "since 2023-11-14T22:15:20Z fails" in found.headline


def test_a_ping_that_begins_to_be_rejected_is_denied(pair: Wires, told):
    """Protocols without ports have one connection; it too is cut where what was let pass is rejected."""
    ping, pong = f"{A} {B} 0 0", f"{B} {A} 0 0"
    good = [
        line(e, way, flags="-", protocol=1, at=60 * n)
        for n in range(5)
        for e in (pair.web_eni, pair.db_eni)
        for way in (ping, pong)
    ]
    bad = [line(pair.db_eni, ping, "REJECT", "-", protocol=1, at=60 * n) for n in range(5, 10)]
    assert "reject" == told(*good, *bad, port=None, protocol="icmp").symptom


def test_a_reset_that_is_rejected_as_it_leaves_is_a_denied_reply(pair: Wires, told):
    """The request was let in and its first reply rejected: of all rules only a network ACL does that."""
    lines = (
        pair.there(40 + n, at=60 * n) + pair.back(40 + n, pair.db_eni, action="REJECT", flags=4, size=40, at=60 * n)
        for n in range(7)
    )
    found = told(*sums(*lines))
    assert ("reject", "WI103") == (found.symptom, "WI103" if "rejected its own reply" in found.headline else found.headline)


@pytest.mark.parametrize(("size", "symptom"), [(40, "healthy"), (52, "healthy"), (60, "reject")])
def test_without_flags_an_empty_packet_of_a_connection_that_worked_may_be_late(pair: Wires, told, size, symptom):
    """The default format tells no close: a bare header is set aside and told, an opening or data is a denial."""
    whole = [
        text
        for way in (pair.there(4, flags=None, packets=10, size=120), pair.back(4, flags=None, packets=10, size=120))
        for text in way
    ]
    found = told(*whole, *pair.back(4, pair.web_eni, action="REJECT", flags=None, size=size, at=120), header=BARE)
    assert symptom == found.symptom
    assert (symptom == "healthy") == any("may be late" in sighting.note for sighting in found.sightings)


def test_a_reject_of_a_connection_of_which_nothing_else_is_known_shows_nothing(pair: Wires, told):
    """Without its opening it may be late: neither a denial, nor an answer, nor silence."""
    found = told(*pair.there(4000, pair.db_eni, action="REJECT", flags=0))
    assert ("unobserved", "unobserved") == (
        found.symptom,
        next(s.seen for s in found.sightings if s.point == "request_destination"),
    )


def test_a_reject_by_public_access_names_no_network_acl(pair: Wires, told):
    """Where the record tells the reason, no other is claimed."""
    header = FLAGGED + " reject-reason"
    lines = [f"{text} -" for text in pair.there(4, pair.db_eni)] + [
        f"{text} BPA" for text in pair.back(4, pair.db_eni, action="REJECT", flags=18)
    ]
    found = told(*lines, header=header)
    assert ("(reject-reason BPA)" in found.headline, "network ACL" in found.headline) == (True, False)


# ---------------------------------------------------------------- place and direction


def nobody(pair: Wires) -> None:
    """The destination's group admits nobody any more."""
    pair.sg_db.raw["IpPermissions"].clear()


def test_a_denied_reply_confirms_no_group_that_denies_the_request(pair: Wires, told):
    """The wire shows the request let in where the configuration stops it."""
    nobody(pair)
    found = told(*pair.there(4), *pair.back(4, pair.db_eni, action="REJECT", flags=18))
    assert ("blocked", "reject", "contradicted") == short(found)


def test_a_denial_at_the_source_confirms_no_group_of_the_destination(pair: Wires, told):
    """The packet never came to the group, and no cause of the REJECT is confirmed by it."""
    nobody(pair)
    found = told(*pair.there(4, pair.web_eni, action="REJECT"))
    assert ("blocked", "reject", "contradicted") == short(found)
    assert "confirmed" not in {cause.status for cause in found.candidates}


def test_a_denial_where_the_group_stands_confirms_it(pair: Wires, told):
    """Same interface, same direction."""
    nobody(pair)
    assert ("blocked", "reject", "confirmed") == short(told(*pair.denied(4)))


def test_the_state_nearest_to_the_configuration_is_compared_with_it(pair: Wires, told):
    """Rejected for five minutes, answered for an hour: what the configuration denies now was answered last."""
    nobody(pair)
    found = told(*sums(*(pair.denied(30 + n, 60 * n) for n in range(5)), *(pair.good(40 + n, 60 * n) for n in range(5, 60))))
    assert ("blocked", "healthy", "contradicted") == short(found)
    assert "answered at 2023-11-14T23:13:10Z; what began until 2023-11-14T22:17:20Z failed" in found.headline


def test_a_denied_request_confirms_no_acl_that_denies_the_reply(pair: Wires, told):
    """The reply never was."""
    pair.app.acl().allow(100, "egress")
    assert "contradicted" == told(*pair.denied(4)).relation


@pytest.mark.parametrize(
    ("flags", "relation", "cause"),
    [(4, "contradicted", "ruled out"), (None, "predicted", "possible")],
    ids=["came back", "never left"],
)
def test_a_missing_way_back_is_confirmed_only_where_a_reply_took_it(tmp_path, flags, relation, cause):
    """A reset that reached the source speaks against it; where no answer left, it was not put to the test."""
    world = World()
    _, right, *_ = peered(world)
    for table in world.raw()[world.account, world.region]["RouteTables"]:
        if table["VpcId"] == right.id:
            table["Routes"] = [route for route in table["Routes"] if not route.get("VpcPeeringConnectionId")]
    enis = {e["PrivateIpAddress"]: e["NetworkInterfaceId"] for e in world.raw()[world.account, world.region]["NetworkInterfaces"]}
    web, db, there = enis[A], enis["10.9.2.20"], f"{A} 10.9.2.20 4000 5432"
    lines = [line(web, there), line(db, there), *both_kept(web, db)]
    lines += [line(eni, f"10.9.2.20 {A} 5432 4000", flags=flags, size=40) for eni in (db, web)] if flags else []
    found = ask(world, "web-1", "db-1", 5432, flow_logs=saved(tmp_path, lines))
    assert ("blocked", relation) == (found.verdict, found.relation)
    assert {cause} == {one.status for one in found.candidates if one.cause == "route back"}


def test_a_reply_that_is_lost_contradicts_the_configuration(pair: Wires, told):
    """It left the host, which is not at fault."""
    found = told(*pair.there(4), *pair.back(4, pair.db_eni, flags=18, packets=5), *both_kept(pair.web_eni))
    assert ("inconclusive", "accept_broken", "contradicted") == short(found)


# ---------------------------------------------------------------- which end asked


def test_what_the_far_end_opened_is_not_the_flow(pair: Wires, told):
    """A SYN-ACK opens nothing: db-1 is the client here, from the port that was asked about."""
    nobody(pair)
    there, back = f"{B} {A} 50051 443", f"{A} {B} 443 50051"
    lines = [line(eni, there, flags=3) for eni in (pair.db_eni, pair.web_eni)] + [
        line(eni, back, flags=19) for eni in (pair.web_eni, pair.db_eni)
    ]
    found = told(*lines, port=50051)
    assert ("blocked", "predicted") == (found.verdict, found.relation)
    assert any("the far end opened" in sighting.note for sighting in found.sightings)


def test_where_nothing_tells_which_end_asked_nothing_is_contradicted(pair: Wires, told):
    """Records without an opening, between a port that clients draw and a lower one."""
    nobody(pair)
    lines = [
        line(eni, way, flags=0, size=100)
        for eni in (pair.db_eni, pair.web_eni)
        for way in (f"{B} {A} 50051 443", f"{A} {B} 443 50051")
    ]
    assert ("blocked", "unobserved", "predicted") == short(told(*lines, port=50051))


def test_a_ping_of_the_far_end_contradicts_nothing(pair: Wires, told):
    """Records hold no ICMP type, so packets both ways may be the far end's own pings."""
    lines = [
        line(eni, f"{ends} 0 0", flags="-", protocol=1, size=84)
        for eni in (pair.db_eni, pair.web_eni)
        for ends in (f"{A} {B}", f"{B} {A}")
    ]
    assert ("blocked", "unobserved", "predicted") == short(told(*lines, port=None, protocol="icmp"))


def test_a_reply_of_which_nothing_is_known_is_no_answer(pair: Wires, told):
    """Bare headers both ways and no flags may be a refusal: not healthy, and not confirmed."""
    lines = pair.there(4, flags=None, packets=4, size=100) + pair.back(4, flags=None, packets=3, size=40)
    assert ("reachable", "unobserved", "predicted") == short(told(*lines, header=BARE))


# ---------------------------------------------------------------- idle, then reset


@pytest.fixture
def outward(tmp_path: Path):
    """A function that asks for a host outside, through a NAT gateway, with these lines of the client's interface."""
    world = World()
    behind_nat(world)
    interfaces = world.raw()[world.account, world.region]["NetworkInterfaces"]
    eni = next(e["NetworkInterfaceId"] for e in interfaces if e["PrivateIpAddress"] == A)

    def asked(*exchanges: tuple[int, int, int, int | None]) -> Diagnosis:
        lines = []
        for port, at, there, back in exchanges:
            size = 40 if back == 4 else 200
            lines += [line(eni, f"{A} {X} {port} 443", flags=there, at=at, size=200 if there != 2 else 60)]
            lines += [line(eni, f"{X} {A} 443 {port}", flags=back, at=at, size=size)] if back is not None else []
        return ask(world, "app-1", X, 443, flow_logs=saved(tmp_path, lines))

    return asked


def test_a_port_used_again_after_a_close_is_another_connection(outward):
    """A FIN, and ten minutes later a refusal of the next connection: nothing was idle."""
    found = outward((40000, 0, 3, 19), (40000, 600, 2, 4))
    assert ("partial", False) == (found.verdict, "idle" in found.headline)


def test_a_client_that_resets_what_it_needs_no_more_is_no_gateway_that_forgot(outward) -> None:
    """After as long without a packet, and nothing was sent that something on the way would reset."""
    cut, own = outward((40000, 0, 2, 18), (40000, 420, 0, 4)), outward((40000, 0, 2, 18), (40000, 420, 4, None))
    assert ("broken", True) == (cut.verdict, "idle" in cut.headline)
    assert ("reachable", False) == (own.verdict, "idle" in own.headline)


def test_an_idle_time_below_the_limit_blames_no_gateway(outward):
    """300 seconds are no 350."""
    assert "idle" not in outward((40000, 0, 2, 18), (40000, 350, 0, 4)).headline


def test_an_idle_time_of_the_limit_is_an_inference_that_is_marked(outward):
    """400 seconds without a packet, then a reset."""
    found = outward((40000, 0, 2, 18), (40000, 450, 0, 4))
    assert ("broken", True, True) == (
        found.verdict,
        "idle for 400 s" in found.headline,
        "(inferred from times)" in found.headline,
    )


def test_one_idle_cut_among_connections_that_work_is_told_and_decides_nothing(outward):
    """Thirty others were answered since."""
    found = outward((40000, 0, 2, 18), (40000, 450, 0, 4), *((41000 + n, 500 + 10 * n, 3, 19) for n in range(30)))
    assert ("reachable", True) == (found.verdict, "idle for 400 s" in found.headline)


# ---------------------------------------------------------------- behind a gateway that draws its own ports

PACKET = f"{FLAGGED} pkt-srcaddr pkt-dstaddr"
NAT_SIDE = "10.0.100.5"


@pytest.fixture
def translated(tmp_path: Path):
    """A function that asks for a host outside, through a NAT gateway, with records of both its sides; `client` and `nat`
    are the interfaces."""
    world = World()
    behind_nat(world)
    interfaces = world.raw()[world.account, world.region]["NetworkInterfaces"]
    client, nat = (next(e["NetworkInterfaceId"] for e in interfaces if e["PrivateIpAddress"] == own) for own in (A, NAT_SIDE))

    def asked(*lines: str) -> Diagnosis:
        named = (text.replace("client", client).replace("nat", nat) for text in lines)
        return ask(world, "app-1", X, 443, flow_logs=saved(tmp_path, named, PACKET))

    return asked


def inside(host: str, flags: int = 3) -> list[str]:
    """A host's request on its way in at the NAT gateway."""
    return [line("nat", f"{host} {NAT_SIDE} 40000 443", flags=flags) + f" {host} {X}"]


def outside(action: str = "ACCEPT", at: int = 0, port: int = 1500) -> list[str]:
    """What leaves the NAT gateway, and what comes back to it: whose it is, no field tells."""
    there, back = f"{NAT_SIDE} {X} {port} 443", f"{X} {NAT_SIDE} 443 {port}"
    ends = [(there, f"{NAT_SIDE} {X}", "ACCEPT", 2), (back, f"{X} {NAT_SIDE}", action, 18)]
    return [line("nat", one, acted, flags, at=at) + f" {meant}" for one, meant, acted, flags in ends]


def test_a_denial_of_the_outside_half_is_not_of_a_client_that_was_answered(translated):
    """Many clients share the gateway; what this one sent was answered, and the denial is of another time and port."""
    own = [line("client", f"{A} {X} 40000 443", flags=3) + f" {A} {X}", *inside(A), *outside()]
    back = [
        line("nat", f"{NAT_SIDE} {A} 443 40000", flags=19) + f" {X} {A}",
        line("client", f"{X} {A} 443 40000", flags=19) + f" {X} {A}",
    ]
    assert "healthy" == translated(*own, *back, *outside("REJECT", at=600, port=61000)).symptom
    assert "healthy" == translated(*own, *back, *outside("REJECT", port=61000)).symptom


def test_what_another_client_sends_through_a_gateway_hides_no_loss_before_it(translated):
    """The request left and is missing at the gateway, whose outside half is of somebody else."""
    lost = [
        line("client", f"{A} {X} 40000 443") + f" {A} {X}",
        *inside("10.0.1.99"),
        *outside(),
        *(one + " 192.0.2.1 192.0.2.2" for one in both_kept("nat")),
    ]
    found = translated(*lost)
    assert ("no_log", "inconclusive") == (found.symptom, found.verdict)


def test_the_outside_half_tells_how_far_a_request_got(translated):
    """At the same time and behind the same gateway: an inference, for want of a field that joins the two."""
    own = [line("client", f"{A} {X} 40000 443") + f" {A} {X}", *inside(A, flags=2)]
    assert "reject" == translated(*own, *outside("REJECT")).symptom


# ---------------------------------------------------------------- the work is bounded


def test_connections_that_look_alike_are_judged_together():
    """Thousands of one minute take as many looks at silence as one of them."""
    path, asked, minute = Wires().ask().path, [], SECOND - SECOND % 60
    wanted = spots(path)
    weigh = lambda place, span: (asked.append(span) or "absent", "")  # type: ignore[func-returns-value]  # noqa: E731
    bench = Bench(journeys(path), wanted, stretches(path, wanted), RULES, weigh)
    several = [
        Record(
            interface=wanted[0].interface, source=A, destination=B, source_port=30000 + n, destination_port=5432, protocol=6,
            action="ACCEPT", tcp_flags=2, packets=1, bytes=60, start=minute + n % 60, end=minute + n % 60,
        )
        for n in range(3000)
    ]  # fmt: skip
    found = connections(
        [Catch(spot, tuple(several if n == 0 else ()), (), 0) for n, spot in enumerate(wanted)], bench.stretches.of
    )
    fares = judge(bench, found.connections)
    assert (3000, 1, 3) == (len(found.connections), len(fares), len(asked))


# ---------------------------------------------------------------- the evidence


def test_what_the_conclusion_rests_on_is_kept():
    """Of many records the newest are kept, and the first and the last of each kind."""
    records = [
        Record(interface="eni-0a1", source=A, destination=B, action="REJECT" if n == 0 else "ACCEPT", start=n, end=n)
        for n in range(120)
    ]
    found = kept(records)
    assert (RECORDS_KEPT, "REJECT", 0, 119) == (len(found), found[0].action, found[0].start, found[-1].end)
    assert tuple(sorted(found, key=lambda record: record.start or 0)) == found
    assert tuple(records[:3]) == kept(records[:3])


def test_a_headline_quotes_the_time_of_the_denial(pair: Wires, told):
    """One REJECT, then answers: the time of the denial is the denial's."""
    found = told(*pair.denied(4), *sums(*(pair.good(50 + n, 600 + 10 * n) for n in range(119))))
    assert "REJECT on" in found.headline
    assert "last 2023-11-14T22:14:10Z" in found.headline
    assert {"ACCEPT", "REJECT"} == {record.action for record in found.records}


def test_an_outage_of_several_connections_is_told_by_its_time():
    """Five that work, four that are rejected one after another, and five that work again."""
    states = ["works"] * 5 + ["fails"] * 4 + ["works"] * 5
    several = [Spell(SECOND + 120 * n, state, firm=True, client=40000 + n % 3) for n, state in enumerate(states)]
    told = (
        "4 of 14 connections failed, in turn with others that worked: all from 2023-11-14T22:23:20Z to 2023-11-14T22:29:20Z, none"
    )
    assert told in course(several, RULES).headline


@pytest.mark.parametrize("port", [4000, 4001])
def test_a_client_that_comes_again_with_its_port_is_another_connection(pair: Wires, told, port: int) -> None:
    """A health check draws the same port for weeks: that it worked yesterday says nothing of today."""
    day = 86_400
    tries = sums(*(pair.there(port, at=day + 3600 * n, packets=3) for n in range(3)))
    quiet_day = [one for n in range(4) for one in pair.quiet(pair.web_eni, pair.db_eni, at=day + 3600 * n)]
    found = told(*pair.good(4000), *tries, *quiet_day, *both_kept(pair.web_eni, pair.db_eni))
    assert ("broken", "accept_broken") == short(found)[:2]


def test_pings_that_are_answered_no_more_are_no_connection_that_works(pair: Wires, told) -> None:
    """They have no openings, whatever stands in tcp-flags."""
    pair.sg_db.ingress("icmp", None, pair.sg_web)
    enis = (pair.web_eni, pair.db_eni)
    ways = {n: [f"{A} {B} 0 0", f"{B} {A} 0 0"] if n < 10 else [f"{A} {B} 0 0"] for n in (*range(10), *range(30, 40))}
    pings = [line(e, way, flags=0, protocol=1, at=60 * n) for n, both in ways.items() for way in both for e in enis]
    quiet_after = [one for n in range(10, 44) for one in pair.quiet(*enis, at=60 * n)]
    found = told(*pings, *quiet_after, *both_kept(*enis), port=None, protocol="icmp")
    assert "accept_broken" == found.symptom


def test_what_comes_after_a_window_tells_of_silence_in_it_and_of_nothing_else(tmp_path: Path, pair: Wires) -> None:
    """A flow log tells of ten minutes at a time: its lines are read on until a record of the last packet would have ended."""
    flow_log(pair.world, pair.vpc, MaxAggregationInterval=600)
    ten = [
        f"{eni} - - - - - - - {SECOND + n} {SECOND + n + 599} - NODATA -" for eni in (pair.db_eni,) for n in range(0, 1800, 600)
    ]
    lines = [*pair.there(4000, pair.web_eni, at=200), *ten, *pair.good(4001, at=700)]
    moment = datetime.fromtimestamp(SECOND + 300, UTC)
    found = pair.ask(flow_logs=saved(tmp_path, lines), at=moment, window="5m")
    assert ("no_log", [4000]) == (found.symptom, [record.source_port for record in found.records])
    seen = flow_records("web-1", "db-1", 5432, snapshot=pair.world.snapshot(), flow_logs=tmp_path, at=moment, window="5m")
    assert [4000] == [record.source_port for record in seen]


def test_a_rejection_that_begins_beside_a_late_record_is_one(pair: Wires, told) -> None:
    """The last packet that was let pass is told forty seconds late, after the first that was rejected."""
    works = [*pair.there(4000, flags=2), *pair.back(4000, flags=18)]
    works += sums(*([*pair.there(4000, flags=0, at=n), *pair.back(4000, flags=0, at=n)] for n in (60, 120)))
    late = [*pair.there(4000, flags=0, at=180, lasts=70), *pair.back(4000, flags=0, at=180, lasts=10)]
    fails = [one for n in range(5) for one in pair.there(4000, pair.web_eni, flags=0, at=210 + 60 * n)]
    fails += [one for n in range(5) for one in pair.there(4000, pair.db_eni, flags=0, action="REJECT", at=210 + 60 * n)]
    found = told(*works, *late, *fails)
    assert ("blocked", "reject") == (found.verdict, found.symptom)
    assert "CR201" in found.codes


def test_parts_of_one_connection_are_in_order_however_near() -> None:
    """An answer was lost, and fifteen seconds later the connection goes on to work for an hour."""
    works = Spell(1000, "works", client=4000, ended=1590), Spell(1615, "works", client=4000, ended=5000, part=True)
    lost = Spell(1600, "fails", client=4000, ended=1610, part=True)
    assert "CR204" == course((*works, lost), RULES).code
    assert "CR202" == course((works[0], lost), RULES).code


def test_a_single_packet_of_which_nothing_is_told_need_not_be_answered(pair: Wires, told) -> None:
    """It may be the reset of a connection of before; what goes on for a minute is none."""
    bare = "interface-id srcaddr dstaddr srcport dstport protocol start end action log-status"

    def short_of(text: str) -> str:
        fields = text.split()
        return " ".join((*fields[:6], *fields[8:]))

    answered = sums(*([*pair.there(4000 + n, flags=None), *pair.back(4000 + n, flags=None)] for n in range(5)))
    single, several = (pair.there(5000, flags=None, lasts=lasts) for lasts in (0, 60))
    around = [one.replace(" 1 60 ", " ").removesuffix(" 2") for one in both_kept(pair.web_eni, pair.db_eni)]
    found = [told(*map(short_of, (*answered, *some)), *around, header=bare) for some in (single, several)]
    assert ["reachable", "broken"] == [one.verdict for one in found]


def test_without_flags_what_is_reset_long_after_is_no_refusal(pair: Wires, told) -> None:
    """A FIN of 52 bytes is as large as a SYN: the port was in use before, or nothing tells. Three are a SYN tried again."""
    before = [*pair.there(4000, flags=None, packets=4, size=300), *pair.back(4000, flags=None, packets=4, size=300)]
    once, thrice = (
        [
            *pair.there(4000, flags=None, size=52, packets=packets, at=900, lasts=packets - 1),
            *pair.back(4000, flags=None, size=40, packets=packets, at=900, lasts=packets - 1),
        ]
        for packets in (1, 3)
    )
    minutes = [one.removesuffix(" -") for n in range(16) for one in pair.quiet(pair.web_eni, pair.db_eni, at=60 * n)]
    found = [told(*lines, *minutes, header=BARE).verdict for lines in ((*before, *once), (*before, *thrice), once, thrice)]
    assert ["reachable", "reachable", "reachable", "broken"] == found


def test_a_server_that_sends_its_answer_again_is_not_answering(pair: Wires, told) -> None:
    """Requests arrive no more, and the source goes on to see what the server sends again: it was answered until they ceased."""
    there = [
        *pair.there(4000, pair.db_eni, flags=2, packets=9, size=300, lasts=180),
        *pair.there(4000, pair.web_eni, flags=2, packets=20, size=300, lasts=290),
    ]
    assert "answered at 2023-11-14T22:16:20Z" in told(*there, *pair.back(4000, flags=18, packets=9, lasts=290)).headline


def test_a_long_record_at_the_source_tells_of_no_outage_after_a_rejection_began(pair: Wires, told) -> None:
    """It goes on while the destination rejects what it tells, and sends its last answer again."""
    there = [*pair.there(4000, pair.web_eni, flags=2, packets=20, size=300, lasts=590), *pair.there(4000, pair.db_eni, lasts=50)]
    back = [*pair.back(4000, pair.web_eni, flags=18, packets=9, size=300, lasts=590), *pair.back(4000, pair.db_eni, flags=18)]
    back += sums(*(pair.back(4000, pair.db_eni, flags=0, at=60 * n) for n in range(2, 9)))
    rejected = [one for n in range(2, 9) for one in pair.there(4000, pair.db_eni, flags=0, action="REJECT", at=60 * n)]
    later = pair.there(4000, pair.web_eni, flags=0, packets=3, size=300, at=600, lasts=100)
    found = told(*there, *back, *rejected, *later)
    assert ("blocked", "reject") == (found.verdict, found.symptom)
    assert "CR201" in found.codes
