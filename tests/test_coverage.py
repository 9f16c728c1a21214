"""What silence is worth: who could have seen the packet, who watches there, and what nothing on record then says."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from scenes import Pair, balanced, behind_nat, hubbed
from world import World
from world_logs import flow_log

from flowdiag import diagnose
from flowdiag.coverage import Asked, Weighing, read_when
from flowdiag.listening import Listening, Station, listen
from flowdiag.logs import ALWAYS, Search, Tally, Window
from flowdiag.logs.folder import Folder
from flowdiag.model import UDP, Record, Watcher
from flowdiag.reach import Span, Times
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
    """The tally of a search that read lines of eni-0a2 in these spans of seconds, of so many packets in each."""
    tally = Tally(accepts=accepts, rejects=rejects)
    for start, end in spans:
        tally.cover("eni-0a2", start, end, 0, accepts, rejects)
    if skipped:
        tally.cover("eni-0a2", SECOND - 50, SECOND, True)
    return tally


def sent(first, last):
    """One record of web-1's interface, from its first packet to its last one."""
    return Span(first, first, last)


def weighed(*watchers, tally=None, now=THEN + timedelta(hours=1), window=ALWAYS, flow=FLOW, known=True, at=SECOND):
    """What silence on eni-0a2 is worth where the flow was seen elsewhere in the minute before `at`."""
    station = Station(interface="eni-0a2", name="db-1", watchers=watchers if known else None)
    asked = Asked(window, (sent(at - 50, at),) if at else (), tally, now)
    return Weighing(station, flow, False, asked, (), RULES).whole


def torn(*spans):
    """The same, where something could not be read that may hold more of it."""
    tally = seen(*spans)
    tally.lose(["eni-0a2"], "a.log.gz could not be read to its end")
    return tally


NODATA = (SECOND - 50, SECOND + 70)


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


@pytest.mark.parametrize(("interval", "silence"), [(60, "unproven"), (600, "absent")])
def test_a_gap_is_as_long_as_the_flow_log_leaves_none(interval, silence):
    """Nine minutes without a line are a hole in a log that tells of every minute, and none in one that tells of every ten."""
    log = LOG.model_copy(update={"interval": interval})
    assert silence == weighed(log, tally=seen((SECOND - 900, SECOND - 300), (SECOND + 240, SECOND + 900))).silence


def test_a_zone_goes_by_its_id_where_a_name_stands_for_two():
    """In another account the same name means another Availability Zone."""
    here = Station("eni-0a1", "a", addresses=frozenset((ip_address("10.0.1.1"),)), zone="us-east-1a", zone_id="use1-az1")
    there = Station("eni-0a2", "b", addresses=frozenset((ip_address("10.9.1.1"),)), zone="us-east-1a", zone_id="use1-az4")
    assert {"10.0.1.1": "us-east-1a"} == Listening((), {"eni-0a1": here}).zones
    assert ["use1-az1", "use1-az4"] == list(Listening((), {"eni-0a1": here, "eni-0a2": there}).zones.values())


@pytest.mark.parametrize(("until", "silence"), [(1200, "absent"), (-300, "unproven")])
def test_two_flow_logs_of_one_kind_of_traffic_each_have_to_deliver_both(until, silence):
    """Lines of rejected packets say nothing of a time at which the flow log of accepted ones had delivered none."""
    accepted, rejected = (LOG.model_copy(update={"id": f"fl-{kind}", "traffic": kind}) for kind in ("ACCEPT", "REJECT"))
    tally = seen((SECOND - 1200, SECOND + 1200), accepts=0)
    tally.cover("eni-0a2", SECOND - 1200, SECOND + until, 0, 1, 0)
    assert silence == weighed(accepted, rejected, tally=tally).silence


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
    due = THEN + timedelta(minutes=minutes, seconds=10)  # it began 50 seconds before, and its record may tell it 60 later
    early, late = (weighed(log, tally=seen(), now=due + timedelta(seconds=s)) for s in (-1, 0))
    assert ("pending", due) == (early.silence, early.until)
    assert ("unproven", None) == (late.silence, late.until)


def test_another_place_than_the_first_is_waited_for():
    """Where CloudWatch Logs could not be read and S3 was, lines that end early do not speak for what S3 has yet to deliver."""
    slow = LOG.model_copy(update={"id": "fl-0b2", "destination_type": "s3"})
    tally, window = seen((SECOND - 3600, SECOND - 50)), Window(start=THEN - timedelta(hours=1), end=THEN)
    more = {"now": THEN + timedelta(minutes=8), "window": window, "at": None}
    assert ("absent", None) == (weighed(LOG, slow, tally=tally, **more).silence, weighed(LOG, slow, tally=tally, **more).until)
    tally.instead.add("eni-0a2")
    later = weighed(LOG, slow, tally=tally, **more)
    assert ("absent", THEN + timedelta(minutes=11)) == (later.silence, later.until)


def test_a_new_flow_log_takes_its_time():
    """Ten minutes or more pass before the first record."""
    new = LOG.model_copy(update={"created": THEN - timedelta(seconds=30)})
    assert THEN - timedelta(seconds=30) + timedelta(minutes=10) == weighed(new, tally=seen(), now=THEN).until


HOUR = Window(start=THEN - timedelta(hours=1), end=THEN)


def hour(*watchers, now=THEN, **lines):
    """What silence is worth where the flow was seen nowhere in the hour before THEN; `lines` are as minutes before it."""
    spans = [(SECOND - 60 * first, SECOND - 60 * last) for first, last in lines.pop("read")]
    return weighed(*watchers, tally=seen(*spans), now=now, window=HOUR, at=None, **lines)


def test_the_last_minutes_of_an_hour_that_just_ended_are_pending_and_the_rest_of_it_speaks():
    """An attempt of two minutes ago is not delivered yet: until when records were looked at is told, and when to ask again."""
    found = hour(LOG, read=[(60, 6.5)])
    assert ("absent", "CO101", THEN + timedelta(minutes=6)) == (found.silence, found.code, found.until)
    assert "until 2023-11-14T22:07:40Z; later records are not due before 2023-11-14T22:20:10Z" == found.part
    assert f"a record of the flow would stand on eni-0a2 {found.part}" == found.headline


def test_newer_lines_do_not_bring_forward_what_is_not_due():
    """A line that came early speaks of its own packets; others of its minute may still be on their way."""
    assert "until 2023-11-14T22:08:10Z; later records" in hour(LOG, read=[(60, 0)]).part
    assert "pending" == weighed(LOG, tally=seen(NODATA), now=THEN + timedelta(minutes=2)).silence


def test_a_longer_interval_and_slower_delivery_take_longer():
    """Ten minutes of aggregation and ten of delivery to S3: what is due of the hour is the first forty minutes."""
    slow = LOG.model_copy(update={"interval": 600, "destination_type": "s3"})
    assert "until 2023-11-14T21:54:10Z" in hour(slow, read=[(60, 0)]).part
    assert "until 2023-11-14T21:54:10Z" in hour(read=[(60, 0)], known=False).part


def test_an_hour_that_is_due_and_read_throughout_is_told_without_a_part():
    """Nothing is left to say where the lines go through all of it."""
    found = hour(LOG, read=[(60, 30), (31, 0)], now=THEN + timedelta(hours=1))
    assert ("absent", "", None) == (found.silence, found.part, found.until)


@pytest.mark.parametrize(
    "read",
    [
        pytest.param([(59, 58)], id="one minute"),
        pytest.param([(60, 40), (20, 0)], id="a gap"),
        pytest.param([(60, 25)], id="the end is missing"),
        pytest.param([(13, 0)], id="the beginning is missing"),
    ],
)
def test_lines_of_a_part_of_the_hour_prove_nothing_of_all_of_it(read):
    """The packet may have been in the rest; which part has lines is told."""
    found = hour(LOG, read=read, now=THEN + timedelta(hours=1))
    first = THEN - timedelta(minutes=read[0][0])
    assert ("unproven", "CO295") == (found.silence, found.code)
    assert f"from {first:%Y-%m-%dT%H:%M:%SZ} to" in found.headline


def test_a_flow_log_made_within_the_hour_leaves_its_beginning_open():
    """What was before its creation is on no record, also where that is less than an interval."""
    log = LOG.model_copy(update={"created": THEN - timedelta(minutes=55)})
    assert "CO295" == hour(log, read=[(54, 0)], now=THEN + timedelta(hours=1)).code


def test_a_line_that_ended_before_the_packet_says_nothing_of_it():
    """Not even by a few seconds; nor does one that begins after it, for the record may be of an interval before."""
    before, after, at = seen((SECOND - 600, SECOND - 51)), seen((SECOND - 20, SECOND + 70)), seen((SECOND - 50, SECOND + 70))
    assert ["unproven", "unproven", "absent"] == [weighed(LOG, tally=tally).silence for tally in (before, after, at)]


@pytest.mark.parametrize(("interval", "until", "silence"), [(60, 69, "unproven"), (60, 70, "absent"), (600, 609, "unproven")])
def test_lines_have_to_go_on_until_a_record_of_it_would_be_there(interval, until, silence):
    """A record ends with its interval and tells its packets a minute late, so one may be in what was not read."""
    assert silence == told_at(sent(SECOND - 50, SECOND), seen((SECOND - 600, SECOND + until)), interval)


@pytest.mark.parametrize(("longest", "silence"), [(120, "absent"), (121, "unproven")])
def test_where_nothing_tells_the_interval_the_longest_line_does(longest, silence):
    """One of more than two minutes is of a flow log with intervals of ten."""
    lines = seen(*((SECOND - 600 + n, SECOND - 600 + n + longest) for n in range(0, 600, longest)), (SECOND, SECOND + 70))
    assert silence == weighed(tally=lines, known=False).silence


@pytest.mark.parametrize(
    ("first", "last", "silence"),
    [
        (-50, 10, "unproven"),
        (-50, 11, "absent"),
        (-70, -9, "unproven"),
        (-70, 11, "unproven"),
        (3550, 3600, "absent"),
        (3551, 3601, "unproven"),
    ],
)
def test_what_lies_at_the_edges_of_a_window_is_not_judged(first, last, silence):
    """What ended before it was not read, so a reply may be missing here that is there, and times are late; nor is what began
    after it asked about."""
    station, lines = Station(interface="eni-0a2", name="db-1", watchers=(LOG,)), seen((SECOND - 600, SECOND + 7200))
    window = Window(start=THEN - timedelta(seconds=50), end=THEN + timedelta(seconds=3550))
    asked = Asked(window, (sent(SECOND + first, SECOND + last),), lines)
    assert silence == Weighing(station, FLOW, False, asked, (), RULES).whole.silence


def test_of_many_records_of_a_minute_each_is_asked_about():
    """They are held as one; the one that began last needs lines for as long after it as the first one."""
    times = Times()
    for at in (0, 45):
        times.add(SECOND + at, SECOND + at + 2)
    (both,) = times.spans
    assert ["unproven", "absent"] == [told_at(both, seen((SECOND - 600, SECOND + until))) for until in (164, 165)]


def told_at(span, tally, interval=60):
    """What silence on eni-0a2 is worth at that time, where nothing tells when the logs were read."""
    station = Station(interface="eni-0a2", name="db-1", watchers=(LOG.model_copy(update={"interval": interval}),))
    return Weighing(station, FLOW, False, Asked(seen=(span,), tally=tally), (), RULES).whole.silence


def test_without_a_window_the_time_is_what_was_read_of_any_interface():
    """A hole in the lines, or an interface whose lines end before those of others, leaves part of it open."""
    whole, hole, short = (seen(*lines) for lines in ([(0, 7200)], [(0, 1200), (2400, 7200)], [(0, 1200)]))
    for tally in (whole, hole, short):
        tally.cover("eni-0a1", 0, 7200, 0, 1, 1)
    found = [weighed(LOG, tally=tally, at=None) for tally in (whole, hole, short)]
    assert ["CO101", "CO295", "CO295"] == [one.code for one in found]
    assert "from 1970-01-01T00:00:00Z to 1970-01-01T00:20:00Z, from 1970-01-01T00:40:00Z" in found[1].headline


def test_packets_at_several_times_are_told_apart():
    """Absent only for those that the lines speak for, and that is said."""
    station = Station(interface="eni-0a2", name="db-1", watchers=(LOG,))
    both = (sent(SECOND - 50, SECOND), sent(SECOND + 3600, SECOND + 3650))
    late = THEN + timedelta(hours=4)
    one, between = (
        Weighing(station, FLOW, False, Asked(seen=both, tally=seen(lines), now=late), (), RULES).whole
        for lines in (NODATA, (SECOND + 1800, SECOND + 1850))
    )
    assert ("absent", "for what was sent from 2023-11-14T22:13:20Z to 2023-11-14T22:14:10Z and for no more") == (
        one.silence,
        one.part,
    )
    assert "CO197" == between.code


def test_each_time_can_be_asked_about_by_itself():
    """A connection that the lines speak for, one between them, and one that is not due yet."""
    station = Station(interface="eni-0a2", name="db-1", watchers=(LOG,))
    now = THEN + timedelta(minutes=30)
    weighing = Weighing(station, FLOW, False, Asked(tally=seen(NODATA), now=now), (), RULES)
    times = [sent(SECOND + at - 50, SECOND + at) for at in (0, 950, 1750)]
    assert ["absent", "unproven", "pending"] == [weighing.at(time).silence for time in times]
    assert ["CO101", "CO197", "CO290"] == [weighing.at(time).code for time in times]


def test_skipped_records_void_the_packets_of_their_time():
    """A packet an hour earlier is not concerned; a window that holds the skipped time is."""
    early = seen((SECOND - 3650, SECOND - 3530), skipped=1)
    assert "absent" == weighed(LOG, tally=early, at=SECOND - 3600).silence
    assert "CO192" == weighed(LOG, tally=early, window=HOUR, at=None).code


def test_lines_without_times_prove_nothing():
    """They may be of any time."""
    tally = Tally(accepts=1, rejects=1)
    tally.cover("eni-0a2", None, None, 0, 1, 1)
    assert ["CO296", "CO296"] == [weighed(LOG, tally=tally, at=at, window=HOUR).code for at in (SECOND, None)]


def test_a_throttled_flow_log_leaves_lines_out():
    """While it delivers some, others may be missing."""
    log = LOG.model_copy(update={"failure": "Rate limited"})
    assert ["CO293", "CO194"] == [weighed(log, tally=tally).code for tally in (seen(NODATA), seen())]
    assert "CO101" == weighed(log, LOG, tally=seen(NODATA)).code


# ---------------------------------------------------------------- which traffic the lines are of

ACCEPTS, REJECTS = (
    LOG.model_copy(update={"id": id, "traffic": kind}) for id, kind in (("fl-0a2", "ACCEPT"), ("fl-0a3", "REJECT"))
)


def kept(*watchers, accepts=0, rejects=0, known=True, read=()):
    """The worth of silence where so many lines of each action stand on eni-0a2, and of both kinds on other interfaces."""
    tally = seen(NODATA, accepts=accepts, rejects=rejects)
    tally.accepts = tally.rejects = 1
    tally.flow_logs |= set(read)
    return weighed(*watchers, tally=tally, known=known).code


@pytest.mark.parametrize(("accepts", "rejects", "code"), [(1, 1, "CO101"), (1, 0, "CO102"), (0, 1, "CO191"), (0, 0, "CO103")])
def test_without_a_type_the_lines_of_the_interface_itself_tell(accepts, rejects, code):
    """What other interfaces have on record says nothing of the flow log here, unless all that was read is of one flow log."""
    assert code == kept(accepts=accepts, rejects=rejects, known=False)
    assert "CO101" == kept(accepts=accepts, rejects=rejects, known=False, read=["fl-0a9"])


def test_flow_logs_of_several_types_are_told_apart_by_what_was_read():
    """Only those whose records were read count; where nothing tells which were, only lines of the traffic do."""
    assert "CO294" == kept(ACCEPTS, REJECTS)
    assert ["CO102", "CO191", "CO101"] == [kept(ACCEPTS, REJECTS, read=read) for read in READ]
    assert "CO191" == kept(LOG, REJECTS, read=["fl-0a3"])
    assert "CO101" == kept(LOG, REJECTS, accepts=1)


READ = (["fl-0a2"], ["fl-0a3"], ["fl-0a2", "fl-0a3"])


def test_the_names_of_files_tell_which_flow_log_was_read():
    """As S3 names them; one file of another name leaves it open."""
    named = "111122223333_vpcflowlogs_us-east-1_fl-0a3_20231114T2210Z_0a1b2c3d.log.gz"
    assert frozenset({"fl-0a3"}) == Tally(files=[named]).read_from
    assert [None, None] == [Tally(files=[named, "saved.log"]).read_from, Tally().read_from]


def test_flow_logs_in_aws_are_read_when_they_are_asked_and_not_with_the_configuration():
    """A snapshot is asked about days later: what was not due when it was captured is there."""
    saved, now = THEN, THEN + timedelta(days=2)
    assert [now, now, saved] == [
        read_when(Tally(asked=now), saved),
        read_when(Tally(asked=now), None),
        read_when(Tally(), saved),
    ]
    live = Search(lambda tally: iter(()), live=True)
    together = Tally()
    together.add(live.tally)
    assert live.tally.asked == together.asked is not None


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
    assert "CO291" == Weighing(station, flow, True, Asked(), (), RULES).whole.code


def test_dhcp_and_mirrored_traffic_are_never_logged():
    """DHCP by its ports; the source of mirrored traffic by udp/4789, its target is logged."""
    ports = FLOW.destination_ports
    dhcp, mirrored = (
        FLOW.rewritten(protocol=UDP, destination_ports=ports.model_copy(update={"first": port, "last": port}))
        for port in (67, 4789)
    )
    station = Station("eni-0a2", "db-1", watchers=(LOG,))
    codes = [
        Weighing(station, flow, way, Asked(), (), RULES).whole.code
        for flow, way in ((dhcp, False), (mirrored, True), (mirrored, False))
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
    times, minute, made = f"{SECOND - 50} {SECOND}", f"{SECOND - 50} {SECOND + 70}", []
    for line in lines:
        ends = len(line.split()) > 1
        made.append(f"{line} 49200 5432 6 {times} ACCEPT OK" if ends else f"{line} - - - - - - - {minute} - NODATA")
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


def test_what_was_passed_is_not_named_between(tmp_path, attached):
    """The packet left the gateway by its interface in the far VPC, so the gateway is not where it was lost."""
    path, world, at = attached
    out = f"{at['out']} 10.9.9.9 10.9.2.20 10.0.1.10 10.9.2.20"
    wire = on_the_wire(tmp_path, path, world, f"{at['web']} 10.0.1.10 10.9.2.20 10.0.1.10 10.9.2.20", out, at["db"])
    assert "never reached" in wire.finding.headline
    assert "tgw-" not in wire.finding.headline.partition("(between them")[2]


def test_what_a_transit_gateway_lost_adds_up_over_its_records():
    """Ten minutes of three packets each are thirty; a line that is delivered twice counts once."""
    pair = Pair()
    path = pair.ask().path
    ends = {"source": str(FLOW.source), "destination": str(FLOW.destination), "source_port": 49200, "destination_port": 5432}
    lost = {"tgw-id": "tgw-0a1", "packets-lost-no-route": "3"}
    web = Record(interface=pair.web.eni.id, **ends, protocol=6, action="ACCEPT", start=SECOND - 50, end=SECOND, line="w")
    times = [SECOND + 60 * number for number in range(10)]
    minutes = [Record(interface="", **ends, protocol=6, more=lost, start=at, end=at, line=str(at)) for at in times]
    source = SimpleNamespace(search=lambda sought: Search(lambda tally: iter((web, *minutes, minutes[0]))))
    assert "30 packets lost there" in witness(path, source, ALWAYS, RULES).finding.headline


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
    early = weighed(known=False, at=int(last.timestamp()), now=last)
    assert ("pending", datetime.max.replace(tzinfo=UTC)) == (early.silence, early.until)
