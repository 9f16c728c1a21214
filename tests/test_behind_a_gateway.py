"""Records behind a gateway that gives many clients its own address, and those of a gateway without an interface."""

from __future__ import annotations

import pytest
from scenes import behind_nat
from world import World
from world_logs import flow_log
from world_services import regional_nat

from flowdiag import diagnose, flow_records

AT = 1_700_000_000
FAR, CLIENT, OTHER, NAT_ADDRESS, PUBLIC = "198.51.100.7", "10.0.1.10", "10.0.1.99", "10.0.100.5", "203.0.113.6"
FIELDS = "resource-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action tcp-flags log-status"
HEADER = f"{FIELDS} pkt-srcaddr pkt-dstaddr"
DEFAULT = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"


def row(place, ends, ports, *, real="", action="ACCEPT", flags=3, packets=5, at=AT):
    """One record; `ends` and `real` are `source destination` as shown and as the packet has them, `ports` likewise."""
    resource, interface = (place, "-") if place.startswith("nat-") else ("-", place)
    return f"{resource} {interface} {ends} {ports} 6 {packets} {60 * packets} {at} {at + 50} {action} {flags} OK {real or ends}"


def nodata(place, at=AT):
    """Nothing passed there in that minute."""
    resource, interface = (place, "-") if place.startswith("nat-") else ("-", place)
    return f"{resource} {interface} - - - - - - - {at} {at + 60} - - NODATA - -"


class Scene:
    """app-1 behind a NAT gateway, which stands in a subnet of its own, and the interfaces of both."""

    def __init__(self, folder):
        self.folder, self.world = folder, World()
        behind_nat(self.world)
        flow_log(self.world, self.world.raw()[self.world.account, self.world.region]["Vpcs"][0]["VpcId"])
        faces = self.world.raw()[self.world.account, self.world.region]["NetworkInterfaces"]
        by_address = {face["PrivateIpAddress"]: face["NetworkInterfaceId"] for face in faces}
        self.app, self.nat = by_address[CLIENT], by_address[NAT_ADDRESS]

    def ask(self, *lines, header=HEADER):
        """The diagnosis of app-1 → the server with these records."""
        (self.folder / "flow.log").write_text("\n".join((header, *lines)))
        return diagnose("app-1", FAR, 443, snapshot=self.world.snapshot(), flow_logs=self.folder)

    def inside(self, client=CLIENT, port=40000, **more):
        """What the gateway takes in of a client."""
        return row(self.nat, f"{client} {NAT_ADDRESS}", f"{port} 443", real=f"{client} {FAR}", **more)

    def outside(self, port=1500, **more):
        """What the gateway sends to the server."""
        return row(self.nat, f"{NAT_ADDRESS} {FAR}", f"{port} 443", **more)

    def answer(self, port=1500, **more):
        """What the server sends to the gateway."""
        return row(self.nat, f"{FAR} {NAT_ADDRESS}", f"443 {port}", **{"flags": 19, **more})

    def sent(self, **more):
        """What leaves app-1."""
        return row(self.app, f"{CLIENT} {FAR}", "40000 443", **more)

    def received(self):
        """What the gateway hands on to app-1, and what arrives there."""
        ends, ports = f"{FAR} {CLIENT}", "443 40000"
        back = row(self.nat, f"{NAT_ADDRESS} {CLIENT}", ports, real=ends, flags=19)
        return (back, row(self.app, ends, ports, flags=19))


@pytest.fixture
def scene(tmp_path):
    """app-1 behind a NAT gateway."""
    return Scene(tmp_path)


def saw(diagnosis, point, leaving):
    """What was seen at a point between the ends."""
    return next(s for s in diagnosis.sightings if s.point == point and s.leaving is leaving)


def test_a_whole_exchange_is_the_clients_and_says_that_this_is_inferred(scene):
    """The outer half has the same number of packets at the same time; no field says whose it is."""
    found = scene.ask(scene.sent(), scene.inside(), scene.outside(), scene.answer(), *scene.received())
    assert ("reachable", "healthy") == (found.verdict, found.symptom)
    assert [("accept", True), ("accept", True)] == [
        (one.seen, "an inference" in one.note)
        for one in (saw(found, "request_between", True), saw(found, "reply_between", False))
    ]
    assert "inference" not in saw(found, "request_between", False).note


def test_a_denial_of_another_clients_reply_is_not_this_clients(scene):
    """It came to a port that this client's packets did not leave from."""
    whole = (scene.sent(), scene.inside(), scene.outside(), scene.answer(), *scene.received())
    found = scene.ask(*whole, scene.answer(61000, action="REJECT", flags=18, at=AT + 600))
    assert ("reachable", "healthy", "accept") == (found.verdict, found.symptom, saw(found, "reply_between", False).seen)


def test_a_denial_of_the_clients_own_reply_is_found_by_its_port(scene):
    """It came to the port that the client's request left the gateway from."""
    found = scene.ask(scene.sent(), scene.inside(), scene.outside(), scene.answer(action="REJECT", flags=18, packets=2))
    assert ("reject", "reject") == (found.symptom, saw(found, "reply_between", False).seen)


def test_other_clients_do_not_hide_a_loss_in_front_of_the_gateway(scene):
    """The gateway has nothing of this client: what leaves it is another's, though it goes to the same server."""
    others = (
        *(scene.inside(OTHER, 40001, at=AT + n) for n in (10, 70)),
        scene.outside(),
        scene.answer(),
        scene.outside(1501, action="REJECT"),
    )
    found = scene.ask(scene.sent(flags=2), *others)
    assert ("no_log", "unobserved") == (found.symptom, saw(found, "request_between", True).seen)
    assert f"never reached {scene.nat}" in found.headline
    assert "may be of any client behind it" in saw(found, "request_between", True).note


def test_of_more_connections_outside_than_inside_none_is_taken(scene):
    """One of two equal ones is the client's, and nothing tells which."""
    found = scene.ask(scene.sent(), scene.inside(), scene.outside(), scene.outside(1501, action="REJECT"))
    assert "unobserved" == saw(found, "request_between", True).seen


@pytest.mark.parametrize("other", [{"packets": 50}, {"at": AT + 300}])
def test_a_record_of_another_size_or_time_is_not_taken(scene, other):
    """Packets alike and at the same time: both are needed."""
    assert "unobserved" == saw(scene.ask(scene.sent(), scene.inside(), scene.outside(**other)), "request_between", True).seen


def test_where_nobody_listens_at_the_gateway_the_clients_own_records_serve(scene, tmp_path):
    """In the default format the inner half does not name the server: what app-1 sent stands in for it."""
    lines = [
        f"{place} {ends} 6 5 300 {AT} {AT + 50} ACCEPT OK"
        for place, ends in (
            (scene.app, f"{CLIENT} {FAR} 40000 443"),
            (scene.nat, f"{CLIENT} {NAT_ADDRESS} 40000 443"),
            (scene.nat, f"{NAT_ADDRESS} {FAR} 1500 443"),
        )
    ]
    assert "accept" == saw(scene.ask(*lines, header=DEFAULT), "request_between", True).seen


def test_a_listing_says_which_records_may_be_of_other_clients(scene):
    """It lists what is there; whose it is no field tells."""
    scene.ask(scene.sent(), scene.inside(), scene.outside(), scene.answer(), *scene.received())
    found = flow_records("app-1", FAR, 443, snapshot=scene.world.snapshot(), flow_logs=scene.folder)
    assert 6 == len(list(found))
    assert [True] == [
        note.startswith("2 records with the address of nat-") for note in found.notes if "many clients share" in note
    ]


# ---------------------------------------------------------------- a gateway without an interface


class Regional:
    """app-1 behind a regional NAT gateway, which is told by resource-id."""

    def __init__(self, folder):
        self.folder, self.world = folder, World()
        vpc = self.world.vpc("10.0.0.0/16")
        subnet = vpc.subnet("10.0.1.0/24")
        self.app = subnet.instance("app-1", CLIENT, vpc.default_group).eni.id
        self.nat = regional_nat(vpc, ("a", PUBLIC), gateway=vpc.internet_gateway())["NatGatewayId"]
        subnet.route("0.0.0.0/0", self.nat)

    def exchange(self, answer="ACCEPT"):
        """A request of app-1 through the gateway, and what became of its answer there."""
        there, back = f"{CLIENT} {FAR}", f"{FAR} {CLIENT}"
        request = (row(self.app, there, "40000 443"), row(self.nat, there, "40000 443"))
        lines = (*request, row(self.nat, f"{PUBLIC} {FAR}", "1500 443"))
        denied = row(self.nat, f"{FAR} {PUBLIC}", "443 1500", action=answer, flags=19)
        if answer == "REJECT":
            return (*lines, denied)
        return (*lines, denied, row(self.nat, back, "443 40000", flags=19), row(self.app, back, "443 40000", flags=19))

    def write(self, *lines):
        """The lines in a file."""
        (self.folder / "flow.log").write_text("\n".join((HEADER, *lines)))
        return {"snapshot": self.world.snapshot(), "flow_logs": self.folder}


@pytest.fixture
def regional(tmp_path):
    """app-1 behind a regional NAT gateway."""
    return Regional(tmp_path)


def test_the_denial_of_a_regional_gateway_is_found(regional):
    """Its records have no interface, and packet-level addresses."""
    found = diagnose("app-1", FAR, 443, **regional.write(*regional.exchange("REJECT")))
    assert ("reject", "reject") == (found.symptom, saw(found, "reply_between", False).seen)
    assert f"REJECT on {regional.nat}" in found.headline


def test_an_exchange_through_a_regional_gateway_is_listed_whole(regional):
    """Six records, four of them the gateway's, each under its id."""
    found = flow_records("app-1", FAR, 443, **regional.write(*regional.exchange()))
    assert {regional.app: 2, regional.nat: 4} == {
        place: sum(one.records for one in found.summary if one.interface == place) for place in (regional.app, regional.nat)
    }


@pytest.mark.parametrize("level", ["gateway", "vpc"])
def test_a_regional_gateway_has_its_statement_of_coverage(regional, level):
    """Its own flow log, of type RegionalNatGateway, and that of its VPC; its NODATA lines are read by resource-id."""
    vpc = regional.world.raw()[regional.world.account, regional.world.region]["Vpcs"][0]["VpcId"]
    log = flow_log(regional.world, regional.nat if level == "gateway" else vpc)
    sent = row(regional.app, f"{CLIENT} {FAR}", "40000 443")
    found = diagnose("app-1", FAR, 443, **regional.write(sent, nodata(regional.nat), nodata(regional.nat, AT + 60)))
    here = next(one for one in found.coverage if one.interface == regional.nat)
    assert ("absent", [(log, level)]) == (here.silence, [(w.id, w.level) for w in here.watchers])
    assert f"never reached {regional.nat}" in found.headline


# ---------------------------------------------------------------- one record, several deliveries


@pytest.mark.parametrize("order", [1, -1])
def test_a_record_in_two_formats_counts_once_and_the_richer_line_stays(tmp_path, order):
    """Two flow logs of one interface: interface, header, action, times and counts agree."""
    scene = Scene(tmp_path)
    ends = f"{scene.app} {CLIENT} {FAR} 40000 443 6 5 300 {AT} {AT + 50} ACCEPT"
    files = [("a.log", DEFAULT, f"{ends} OK"), ("b.log", DEFAULT.replace(" log-status", " tcp-flags log-status"), f"{ends} 3 OK")]
    for number, (_, header, line) in enumerate(files[::order]):
        (tmp_path / f"{number}.log").write_text(f"{header}\n{line}\n")
    places = {"snapshot": scene.world.snapshot(), "flow_logs": tmp_path}
    found = diagnose("app-1", FAR, 443, **places)
    assert [(1, 3)] == [(one.count, one.records[0].tcp_flags) for one in found.sightings if one.records]
    assert (1, 5) == (lambda totals: (totals.records, totals.packets))(flow_records("app-1", FAR, 443, **places).totals)


def test_records_that_a_field_tells_apart_are_two(scene):
    """Flow logs with a field more tell two records of one header apart, as by what they were sent."""
    both = [f"{scene.sent()} {path}" for path in ("1", "2")]
    found = scene.ask(*both, header=f"{HEADER} traffic-path")
    assert [2] == [one.count for one in found.sightings if one.records]


def test_a_record_that_tells_its_direction_is_of_that_direction(scene):
    """What came into an interface is not what left it, though the header is the same."""
    both = [f"{scene.sent()} {way}" for way in ("ingress", "egress")]
    found = scene.ask(*both, header=f"{HEADER} flow-direction")
    assert [["egress"]] == [[r.direction for r in one.records] for one in found.sightings if one.records]


def test_a_record_that_claims_to_last_for_decades_costs_no_more_than_others(scene):
    """A start of 0 is half-written: the record counts, and neither time nor memory grows with what it claims."""
    since = [line.replace(f" {AT} ", " 0 ", 1) for line in (scene.sent(), scene.inside(), scene.outside())]
    found = scene.ask(*since, scene.answer(), *scene.received())
    assert found.records
