"""What silence is worth: who could have seen the packet, who watches there, and what nothing on record then says."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from scenes import Pair, balanced, behind_nat, hubbed
from world import World
from world_logs import flow_log

from flowdiag import diagnose
from flowdiag.coverage import Asked, _due, weigh
from flowdiag.listening import Station, listen
from flowdiag.logs import ALWAYS, Search, Tally, Window
from flowdiag.logs.folder import Folder
from flowdiag.model import UDP, Record, Watcher
from flowdiag.table import Rules
from flowdiag.wire import witness

RULES = Rules.load()
THEN = datetime(2023, 11, 14, 22, 14, 10, tzinfo=UTC)
SECOND = int(THEN.timestamp())
LOG = Watcher(id="fl-0a1", level="vpc", traffic="ALL", destination_type="cloud-watch-logs", destination="/vpc/prod", interval=60)


def pair_flow():
    """The header of web-1 → db-1."""
    leg = Pair().ask().path.legs[0]
    return leg.request[0].before


FLOW = pair_flow()


def seen(*spans, skipped=0, accepts=1, rejects=1):
    """The tally of a search that read lines of eni-0a2 in these spans of seconds."""
    tally = Tally(accepts=accepts, rejects=rejects)
    for start, end in spans:
        tally.cover("eni-0a2", start, end, False)
    if skipped:
        tally.cover("eni-0a2", SECOND - 50, SECOND, True)
    return tally


def weighed(*watchers, tally=None, now=THEN + timedelta(hours=1), window=ALWAYS, flow=FLOW, known=True, at=SECOND):
    """What silence on eni-0a2 is worth where the flow was seen elsewhere in the minute before `at`."""
    station = Station(interface="eni-0a2", name="db-1", watchers=watchers if known else None)
    asked = Asked(window, (at - 50, at) if at else None, tally, now)
    return weigh(station, flow, False, asked, (), RULES)


def torn(*spans):
    """The same, where something could not be read that may hold more of it."""
    tally = seen(*spans)
    tally.lose(["eni-0a2"], "a.log.gz could not be read to its end")
    return tally


NODATA = (SECOND - 50, SECOND)


@pytest.mark.parametrize(
    ("watchers", "tally", "code"),
    [
        pytest.param((LOG,), seen(NODATA), "CO101", id="watched"),
        pytest.param((LOG,), seen(NODATA, rejects=0), "CO101", id="the traffic type outranks what happened to be read"),
        pytest.param((LOG.model_copy(update={"traffic": "ACCEPT"}),), seen(NODATA), "CO102", id="accepted traffic"),
        pytest.param((LOG.model_copy(update={"traffic": "REJECT"}),), seen(NODATA), "CO191", id="rejected traffic"),
        pytest.param((LOG,), seen(NODATA, skipped=1), "CO192", id="skipped"),
        pytest.param((), seen(), "CO193", id="nobody listens"),
        pytest.param((LOG.model_copy(update={"failure": "Access error"}),), seen(), "CO194", id="failing"),
        pytest.param((LOG.model_copy(update={"failure": "x"}),), seen(NODATA), "CO101", id="it delivered then"),
        pytest.param((LOG.model_copy(update={"created": THEN + timedelta(minutes=1)}),), seen(), "CO195", id="created later"),
        pytest.param((LOG,), seen((SECOND - 9000, SECOND - 8000)), "CO197", id="lines of another time"),
        pytest.param((LOG,), None, "CO197", id="nothing read"),
        pytest.param((LOG,), torn(NODATA), "CO199", id="not all was read"),
        pytest.param((), torn(NODATA), "CO193", id="nobody listens, whatever was not read"),
    ],
)
def test_what_a_silence_is_worth(watchers, tally, code):
    """The row that the evidence leads to."""
    assert code == weighed(*watchers, tally=tally).code


def test_a_source_that_failed_is_never_waited_for():
    """Records that were not due yet do not explain what could not be read; nor is it DescribeFlowLogs that is lacking."""
    early = weighed(LOG, tally=torn(), now=THEN)
    assert ("unproven", "CO199", None) == (early.silence, early.code, early.until)
    assert "CO199" == weighed(tally=torn(), known=False).code


def test_without_knowing_who_listens_the_lines_alone_tell():
    """Lines of both kinds stand in for the traffic type, ACCEPT lines alone leave a denial open."""
    both, one = (weighed(tally=seen(NODATA, rejects=n), known=False) for n in (1, 0))
    assert ("absent", "unaccepted") == (both.silence, one.silence)
    assert ("unproven", "CO198") == (lambda c: (c.silence, c.code))(weighed(tally=seen(), known=False))


@pytest.mark.parametrize(("kind", "minutes"), [("cloud-watch-logs", 6), ("s3", 11), ("", 11)])
def test_records_are_pending_until_interval_and_delivery_have_passed(kind, minutes):
    """About 5 minutes to CloudWatch Logs, about 10 to S3, after the interval of a minute; the time to come back is told."""
    log = LOG.model_copy(update={"destination_type": kind})
    due = THEN + timedelta(minutes=minutes)
    early, late = (weighed(log, tally=seen(), now=due + timedelta(seconds=s)) for s in (-1, 0))
    assert ("pending", due) == (early.silence, early.until)
    assert ("unproven", None) == (late.silence, late.until)


def test_another_place_than_the_first_is_waited_for():
    """Where CloudWatch Logs could not be read and S3 was, lines that end early do not speak for what S3 has yet to deliver."""
    slow = LOG.model_copy(update={"id": "fl-0b2", "destination_type": "s3"})
    tally, window = seen((SECOND - 3600, SECOND - 900)), Window(start=THEN - timedelta(hours=1), end=THEN)
    more = {"now": THEN + timedelta(minutes=8), "window": window, "at": None}
    assert "absent" == weighed(LOG, slow, tally=tally, **more).silence
    tally.instead.add("eni-0a2")
    later = weighed(LOG, slow, tally=tally, **more)
    assert ("pending", THEN + timedelta(minutes=11)) == (later.silence, later.until)


def test_a_new_flow_log_takes_its_time():
    """Ten minutes or more pass before the first record."""
    new = LOG.model_copy(update={"created": THEN - timedelta(seconds=30)})
    assert THEN - timedelta(seconds=30) + timedelta(minutes=10) == weighed(new, tally=seen(), now=THEN).until


def test_the_end_of_a_window_is_pending_where_lines_do_not_reach_it():
    """Lines from the beginning of the window do not speak for its end."""
    window = Window(start=THEN - timedelta(hours=1), end=THEN)
    early = seen((SECOND - 3600, SECOND - 3000))
    assert "pending" == weighed(LOG, tally=early, now=THEN, window=window, at=None).silence
    assert "absent" == weighed(LOG, tally=seen((SECOND - 3600, SECOND - 60)), now=THEN, window=window, at=None).silence


def test_without_a_clock_nothing_is_pending():
    """A folder that does not say when it was read."""
    assert "CO197" == weighed(LOG, tally=seen(), now=None).code


@pytest.mark.parametrize(("days", "code"), [(7, "CO196"), (60, "CO197"), (None, "CO197")])
def test_retention(days, code):
    """Gone only where every flow log's destination forgets sooner."""
    log = LOG.model_copy(update={"retention": days})
    assert code == weighed(log, tally=seen(), now=THEN + timedelta(days=30)).code


@pytest.mark.parametrize("end", ["169.254.169.254", "169.254.169.123", "169.254.169.253", "10.0.0.2", "10.0.2.1"])
def test_what_aws_never_logs(end):
    """Instance metadata, time sync, both addresses of the resolver, and the router of the subnet."""
    pair = Pair()
    station = listen(pair.ask().path, pair.world.snapshot().view()).at(pair.db.eni.id)
    flow = FLOW.rewritten(destination=next(a for a in station.unlogged if str(a) == end))
    assert "CO291" == weigh(station, flow, True, Asked(), (), RULES).code


def test_dhcp_and_mirrored_traffic_are_never_logged():
    """DHCP by its ports; the source of mirrored traffic by udp/4789, its target is logged."""
    ports = FLOW.destination_ports
    dhcp, mirrored = (
        FLOW.rewritten(protocol=UDP, destination_ports=ports.model_copy(update={"first": port, "last": port}))
        for port in (67, 4789)
    )
    station = Station("eni-0a2", "db-1", watchers=(LOG,))
    codes = [
        weigh(station, flow, way, Asked(), (), RULES).code for flow, way in ((dhcp, False), (mirrored, True), (mirrored, False))
    ]
    assert ["CO291", "CO291", "CO197"] == codes


# ---------------------------------------------------------------- who could have seen it


def heard(world, path):
    """What each interface of the path stands for, by id."""
    return {id: station.stands_for for id, station in listen(path, world.snapshot().view()).stations.items()}


def test_a_nat_gateway_and_a_load_balancer_have_interfaces_on_the_path():
    """The interface of the address that the gateway gives, and the node with the target behind it."""
    world = World()
    *_, nat = behind_nat(world)
    path = diagnose("app-1", "198.51.100.7", 443, snapshot=world.snapshot()).path
    assert f"nat gateway {nat}" in heard(world, path).values()
    world = World()
    shop, app, sg_web, sg_app, *_ = balanced(world)
    sg_app.ingress("tcp", 8443, sg_web)
    shop.listen(443, [app], to=8443)
    found = heard(world, diagnose("web-1", "10.0.1.50", 443, snapshot=world.snapshot()).path)
    assert {"load balancer shop", ""} == set(found.values())
    assert app.eni.id in found


def test_a_transit_gateway_has_one_interface_in_each_attachment_subnet():
    """The packet enters by one and leaves by another; each is an interface of its own."""
    world = World()
    hub, *_ = hubbed(world)
    for subnet in world.raw()[world.account, world.region]["Subnets"]:
        if subnet["CidrBlock"].endswith("/28"):
            place = {"SubnetId": subnet["SubnetId"], "VpcId": subnet["VpcId"], "OwnerId": world.account}
            more = {"PrivateIpAddress": subnet["CidrBlock"].replace(".0/28", ".9"), "InterfaceType": "transit_gateway"}
            world.add("NetworkInterfaces", "eni", {**place, **more, "Status": "in-use", "SourceDestCheck": False, "Groups": []})
    found = heard(world, diagnose("web-1", "db-1", 5432, snapshot=world.snapshot()).path)
    assert 2 == list(found.values()).count(f"transit gateway {hub.id}")


def test_the_levels_of_flow_logs():
    """A flow log of the interface, of its subnet and of its VPC all watch it; another subnet's does not."""
    pair = Pair()
    made = [flow_log(pair.world, thing, group=f"/{n}") for n, thing in enumerate((pair.db.eni, pair.data, pair.vpc))]
    flow_log(pair.world, pair.app, group="/app")
    station = listen(pair.ask().path, pair.world.snapshot().view()).at(pair.db.eni.id)
    assert list(zip(made, ("interface", "subnet", "vpc"), strict=True)) == [(w.id, w.level) for w in station.watchers]


def test_the_owners_flow_logs_of_a_shared_vpc_are_not_known():
    """A participant is not shown them, so an empty list is no answer."""
    pair = Pair()
    flow_log(pair.world, pair.db.eni)
    pair.vpc.raw["OwnerId"] = "444455556666"
    assert listen(pair.ask().path, pair.world.snapshot().view()).at(pair.db.eni.id).watchers is None


def test_the_diagnosis_tells_where_a_flow_log_would_show_the_flow():
    """Also without any flow log: every interface of the path, and that the end outside has none."""
    world = World()
    behind_nat(world)
    told = diagnose("app-1", "198.51.100.7", 443, snapshot=world.snapshot())
    assert 2 == len([c for c in told.coverage if c.interface])
    assert ["CO292"] == [c.code for c in told.coverage if not c.interface]


# ---------------------------------------------------------------- transit gateways count what they lose


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("packets-lost-no-route", "no route"),
        ("packets-lost-blackhole", "a blackhole route"),
        ("packets-lost-ttl-expired", "loop"),
    ],
)
def test_a_transit_gateway_that_counts_lost_packets_names_the_drop(field, reason):
    """Its own flow log says why, which no interface's does."""
    pair = Pair()
    path, flow = pair.ask().path, FLOW
    ends = {"source": str(flow.source), "destination": str(flow.destination), "source_port": 49200, "destination_port": 5432}
    web = Record(
        interface=pair.web.eni.id, **ends, protocol=6, action="ACCEPT", tcp_flags=2, start=SECOND - 50, end=SECOND, line="w"
    )
    gateway = Record(interface="", **ends, protocol=6, more={"tgw-id": "tgw-0a1", field: "3"}, start=SECOND, end=SECOND)
    source = SimpleNamespace(search=lambda sought: Search(lambda tally: iter((web, gateway))))
    wire = witness(path, source, ALWAYS, RULES, listen(path, pair.world.snapshot().view()))
    assert ("no_log", "WI404") == (wire.symptom, wire.finding.code)
    assert "tgw-0a1" in wire.finding.headline
    assert reason in wire.finding.headline
    causes = {cause.cause: cause.status for cause in wire.candidates}
    assert ("confirmed" if "route" in reason else "possible") == causes["route table"]


# ---------------------------------------------------------------- lost between two interfaces

LAYOUT = "interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol start end action log-status"


def on_the_wire(tmp_path, path, world, *lines):
    """What the records show, each `interface srcaddr dstaddr pkt-srcaddr pkt-dstaddr` of a request; a bare id is NODATA."""
    times, made = f"{SECOND - 50} {SECOND}", []
    for line in lines:
        ends = len(line.split()) > 1
        made.append(f"{line} 49200 5432 6 {times} ACCEPT OK" if ends else f"{line} - - - - - - - {times} - NODATA")
    denied = f"eni-0ff 192.0.2.1 192.0.2.2 192.0.2.1 192.0.2.2 1 2 6 {times} REJECT OK"
    (tmp_path / "flow.log").write_text("\n".join((LAYOUT, *made, denied)))
    return witness(path, Folder(tmp_path), ALWAYS, RULES, listen(path, world.snapshot().view()))


@pytest.fixture
def attached():
    """web-1 and db-1 on a transit gateway: the path, the world, and the interfaces on it by name."""
    world = World()
    hubbed(world)
    faces = {}
    for subnet in world.raw()[world.account, world.region]["Subnets"]:
        if subnet["CidrBlock"].endswith("/28"):
            own = subnet["CidrBlock"].replace(".0/28", ".9")
            place = {"SubnetId": subnet["SubnetId"], "VpcId": subnet["VpcId"], "OwnerId": world.account, "Status": "in-use"}
            more = {"PrivateIpAddress": own, "InterfaceType": "transit_gateway", "SourceDestCheck": False, "Groups": []}
            faces[own] = str(world.add("NetworkInterfaces", "eni", {**place, **more})["NetworkInterfaceId"])
    path = diagnose("web-1", "db-1", 5432, snapshot=world.snapshot()).path
    leg = path.legs[0]
    return path, world, {"web": leg.source.eni, "db": leg.destination.eni, "in": faces["10.0.9.9"], "out": faces["10.9.9.9"]}


def test_each_attachment_interface_shows_one_half_of_the_packet(tmp_path, attached):
    """It takes in on one side and gives out on the other, and srcaddr is its own address there: nothing is lost on the way."""
    path, world, at = attached
    header = "10.0.1.10 10.9.2.20 10.0.1.10 10.9.2.20"
    out = f"{at['out']} 10.9.9.9 10.9.2.20 10.0.1.10 10.9.2.20"
    wire = on_the_wire(
        tmp_path, path, world, f"{at['web']} {header}", f"{at['in']} 10.0.1.10 10.0.9.9 10.0.1.10 10.9.2.20", out, at["db"]
    )
    assert ("no_log", "WI401") == (wire.symptom, wire.finding.code)
    assert "10.9.2.20" not in wire.finding.headline


def test_a_packet_is_lost_between_the_last_interface_that_saw_it_and_the_first_that_did_not(tmp_path, attached):
    """The transit gateway took it in and never gave it out: the gateway lies between them, the routes behind it do not."""
    path, world, at = attached
    lines = (
        f"{at['web']} 10.0.1.10 10.9.2.20 10.0.1.10 10.9.2.20",
        f"{at['in']} 10.0.1.10 10.0.9.9 10.0.1.10 10.9.2.20",
        at["out"],
    )
    wire = on_the_wire(tmp_path, path, world, *lines)
    assert "WI404" == wire.finding.code
    assert f"was last seen on {at['in']}" in wire.finding.headline
    assert f"never reached {at['out']}" in wire.finding.headline
    assert "(between them: tgw-" in wire.finding.headline


def test_a_time_at_the_end_of_the_calendar_is_a_time():
    """Nothing arrives later than a calendar goes; that is no reason to break."""
    last = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert datetime.max.replace(tzinfo=UTC) == _due((), Asked(Window(end=last)))
