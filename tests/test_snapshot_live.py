"""What changes the answers of a snapshot: live collection, changes on a copy; and what a view remembers."""

from datetime import UTC, datetime

import pytest
from small_reads import EAST, ONE, READS, WEST, ids, named, vpc, written

from flowdiag.model import ANYWHERE, Query, Unread
from flowdiag.snapshot import Snapshot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def live() -> Snapshot:
    """A snapshot that live collection fills."""
    return Snapshot.empty(READS)


# ---------------------------------------------------------------- live


def test_only_answered_queries_are_read_live(live):
    """AWS's answer to one query says nothing of another, even where the same resource would hit."""
    asked = Query(kind="net", by="id", value="vpc-1", scope=EAST)
    live.add(EAST, "Vpcs", [vpc(1)], [asked])
    assert "vpc-1" == live.get("net", "vpc-1", EAST).id
    assert isinstance(live.find("net", "cidr", "10.1.0.0/16", EAST), Unread)
    assert f"not read: only a part of Vpcs was read for {EAST}" == live.get("net", "vpc-2", EAST).reason


def test_an_answered_query_without_hits_is_absent(live):
    """AWS said that there is nothing; so it holds for the scope that was asked for and the one that answered."""
    live.add(EAST, "Vpcs", [], [Query(kind="net", by="cidr", value="10.9.0.0/16")])
    assert [(), ()] == [live.find("net", "cidr", "10.9.0.0/16", scope) for scope in (ANYWHERE, EAST)]
    assert isinstance(live.find("net", "cidr", "10.9.0.0/16", WEST), Unread)


def test_a_refused_query_stays_unread(live):
    """What AWS denied is answered with its reason; an id that another call showed is known all the same."""
    denied = Unread(query=Query(kind="net", by="cidr", value="10.1.0.0/16", scope=EAST), reason="denied", retry=False)
    live.add(EAST, "Vpcs", [vpc(1)], [Query(kind="net", by="id", value="vpc-1", scope=EAST)])
    live.refuse(denied)
    assert denied == live.find("net", "cidr", "10.1.0.0/16", EAST)
    assert "vpc-1" == live.get("net", "vpc-1", EAST).id


def test_indexes_follow_what_is_added(live):
    """A lookup that was used before sees what came later, and the newer reading of the same resource."""
    cidrs = ("10.1.0.0/16", "10.2.0.0/16")
    queries = [Query(kind="net", by="cidr", value=cidr, scope=EAST) for cidr in cidrs]
    live.add(EAST, "Vpcs", [vpc(1)], queries)
    assert [["vpc-1"], []] == [ids(live.find("net", "cidr", cidr, EAST)) for cidr in cidrs]
    live.add(EAST, "Vpcs", [vpc(2), vpc(1, CidrBlock="10.2.0.0/16")])
    assert [[], ["vpc-1", "vpc-2"]] == [ids(live.find("net", "cidr", cidr, EAST)) for cidr in cidrs]
    assert {"net": 2} == live.counts()


def test_indexes_follow_a_big_reply(live):
    """Very many entries at once are found as a few are."""
    query = Query(kind="net", by="cidr", value="10.1.0.0/16", scope=EAST)
    live.add(EAST, "Vpcs", [vpc(1)], [query])
    assert ["vpc-1"] == ids(live.find("net", "cidr", "10.1.0.0/16", EAST))
    live.add(EAST, "Vpcs", [vpc(number, CidrBlock="10.1.0.0/16") for number in range(1000)])
    assert 1000 == len(live.find("net", "cidr", "10.1.0.0/16", EAST))


def test_instances_of_a_split_reservation_are_one_each(live):
    """A filter shows a reservation with some of its instances; the newest reading of each instance counts."""
    query = Query(kind="host", by="name", value="new", scope=EAST)
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}], [query])
    assert () == live.find("host", "name", "new", EAST)
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": "i-1", "Tags": named("new")}]}])
    assert ["i-1"] == ids(live.find("host", "name", "new", EAST))
    assert {"host": 2} == live.counts()


def test_a_reading_repeated_is_the_newest(live):
    """The same reservation read again counts over a part of it that was read in between."""
    for name in ("first", "second", "third"):
        hosts = [{"InstanceId": "i-1", "Tags": named(name)}, {"InstanceId": "i-2"}]
        live.add(EAST, "Reservations", [{"Instances": hosts[:1] if name == "second" else hosts}])
        assert name == live.get("host", "i-1").name


def test_what_is_added_to_a_folder_may_leave_more_open(tmp_path):
    """Another Region, read in part, takes away that nothing is anywhere."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": []}})
    assert None is snapshot.get("net", "vpc-9")
    snapshot.add(WEST, "Vpcs", [vpc(1)])
    assert isinstance(snapshot.get("net", "vpc-9"), Unread)


def test_the_newest_reading_dates_the_snapshot(live):
    """`read_at` is told by live collection only."""
    assert live.read_at is None
    for hour in (12, 13, 11):
        live.add(EAST, "Vpcs", [], at=NOON.replace(hour=hour))
    assert NOON.replace(hour=13) == live.read_at


# ---------------------------------------------------------------- a changed copy


def test_a_change_shows_in_the_copy_alone(tmp_path):
    """The copy finds the resource by its new values, the original by its old ones."""
    before = written(tmp_path, {EAST: {"Vpcs": [vpc(1), vpc(2)]}})
    assert ["vpc-1"] == ids(before.find("net", "cidr", "10.1.0.0/16", EAST))
    after = before.changed("net", "vpc-1", EAST, lambda raw: {**raw, "CidrBlock": "10.2.0.0/16"})
    asked = [(snapshot, cidr) for snapshot in (before, after) for cidr in ("10.1.0.0/16", "10.2.0.0/16")]
    found = [ids(snapshot.find("net", "cidr", cidr, EAST)) for snapshot, cidr in asked]
    assert [["vpc-1"], ["vpc-2"], [], ["vpc-1", "vpc-2"]] == found
    assert "10.1.0.0/16" == before.get("net", "vpc-1").cidr_block


def test_a_change_may_write_into_what_it_is_given(tmp_path):
    """`change` gets a deep copy."""
    before = written(tmp_path, {EAST: {"Vpcs": [vpc(1, Tags=named("old"))]}})

    def rename(raw):
        raw["Tags"][0]["Value"] = "new"
        return raw

    after = before.changed("net", "vpc-1", EAST, rename)
    assert ["old", "new"] == [snapshot.get("net", "vpc-1").name for snapshot in (before, after)]


def test_a_resource_inside_an_entry_can_be_changed(tmp_path):
    """Its neighbours in the same reservation stay."""
    hosts = [{"InstanceId": "i-1", "Tags": named("a")}, {"InstanceId": "i-2", "Tags": named("b")}]
    before = written(tmp_path, {EAST: {"Reservations": [{"Instances": hosts}]}})
    after = before.changed("host", "i-1", EAST, lambda raw: {**raw, "Tags": named("c")})
    assert ["a", "b", "c", "b"] == [snapshot.get("host", id).name for snapshot in (before, after) for id in ("i-1", "i-2")]


def test_changes_add_up(tmp_path):
    """A changed copy can be changed again, and the first copy does not see it."""
    start = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}})
    one = start.changed("net", "vpc-1", EAST, lambda raw: {**raw, "CidrBlock": "10.2.0.0/16"})
    two = one.changed("net", "vpc-1", EAST, lambda raw: {**raw, "Tags": named("two")})
    found = [(s.get("net", "vpc-1").cidr_block, s.get("net", "vpc-1").name) for s in (start, one, two)]
    assert [("10.1.0.0/16", "vpc-1"), ("10.2.0.0/16", "vpc-1"), ("10.2.0.0/16", "two")] == found


def test_what_is_added_to_the_original_does_not_reach_the_copy(live):
    """Copies and live collection do not disturb each other."""
    live.add(EAST, "Vpcs", [vpc(1)], [Query(kind="net", by="cidr", value="10.2.0.0/16", scope=EAST)])
    assert () == live.find("net", "cidr", "10.2.0.0/16", EAST)
    copy = live.changed("net", "vpc-1", EAST, lambda raw: raw)
    live.add(EAST, "Vpcs", [vpc(2)], [Query(kind="net", by="cidr", value="10.3.0.0/16", scope=EAST)])
    live.refuse(Unread(query=Query(kind="net", by="cidr", value="10.4.0.0/16", scope=EAST), reason="denied"))
    assert [(), ["vpc-2"]] == [copy.find("net", "cidr", "10.2.0.0/16", EAST), ids(live.find("net", "cidr", "10.2.0.0/16", EAST))]
    assert isinstance(copy.find("net", "cidr", "10.3.0.0/16", EAST), Unread)
    assert "denied" != copy.find("net", "cidr", "10.4.0.0/16", EAST).reason


def test_what_was_not_read_cannot_be_changed(live):
    """A remedy on it is a programming error."""
    with pytest.raises(KeyError, match="net vpc-1 was not read"):
        live.changed("net", "vpc-1", EAST, lambda raw: raw)


# ---------------------------------------------------------------- a view


def test_a_view_remembers_what_was_not_had_once_and_in_order(tmp_path):
    """Answers are not remembered, each unread query is, in the order of the first asking."""
    view = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}}).view()
    view.get("net", "vpc-1", EAST)
    view.get("net", "vpc-9", EAST)
    for name in ("b", "a", "b"):
        view.find("host", "name", name, EAST)
    assert ["b", "a"] == [unread.query.value for unread in view.unread]


def test_an_assumption_stands_beside_what_was_not_read(live):
    """The default that stands in for an unread answer is listed with it, the reason and the action kept."""
    view, query = live.view(), Query(kind="settings", by="id", value=ONE, scope=EAST)
    answer = view.get("settings", ONE, EAST)
    view.assume(query, "off")
    view.get("settings", ONE, EAST)
    assert (answer.model_copy(update={"assumed": "off"}),) == view.unread


def test_an_assumption_needs_no_question(live):
    """A default that was assumed without asking is listed too."""
    view, query = live.view(), Query(kind="settings", by="id", value=ONE, scope=EAST)
    view.assume(query, "off")
    assert (Unread(query=query, assumed="off"),) == view.unread
