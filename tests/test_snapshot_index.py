"""How a snapshot finds what it holds: what is indexed when, values that several have, changes on top of very many."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_reads import EAST, NETS, ONE, OTHER, READS, WEST, ids, named, put, vpc, written

from flowdiag.capture import parse
from flowdiag.component import Lookup, Read
from flowdiag.components import reads
from flowdiag.model import ANYWHERE, Query, Scope, Unread
from flowdiag.snapshot import Snapshot

QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def nets(**lookups: Lookup) -> dict[str, tuple[Read, ...]]:
    """A table of reads with VPCs alone, and other lookups beside their id."""
    every = {"id": NETS.lookups["id"], **lookups}
    return {"net": (Read("ec2", "describe_vpcs", "ec2:DescribeVpcs", ("Vpcs",), "VpcId", NETS.resource, every),)}


# ---------------------------------------------------------------- what is indexed when


def test_only_eager_lookups_are_indexed_when_a_snapshot_is_loaded(tmp_path):
    """The first question pays for no index of an eager lookup, and loading pays for no other; each is built once."""
    read = []

    def reading(by, eager):
        return Lookup(keys=lambda raw: read.append(by) or [raw["CidrBlock"]], eager=eager)

    put(tmp_path, "x.json", {"Vpcs": [vpc(1), vpc(2)]})
    snapshot = Snapshot.load(tmp_path, nets(soon=reading("soon", True), late=reading("late", False)))
    assert ["soon", "soon"] == read
    for by in ("soon", "late", "soon", "late"):
        assert ["vpc-1"] == ids(snapshot.find("net", by, "10.1.0.0/16"))
    assert ["soon", "soon", "late", "late"] == read


def test_an_id_needs_no_index(tmp_path):
    """Resources stand by their ids, so no lookup reads a key for one."""
    put(tmp_path, "x.json", {"Vpcs": [vpc(1), vpc(2)]})
    never = Lookup(keys=lambda raw: pytest.fail("a key was read"))
    snapshot = Snapshot.load(tmp_path, nets(id=never))
    assert ["vpc-2", None] == [getattr(snapshot.get("net", id), "id", None) for id in ("vpc-2", "vpc-9")]


@pytest.mark.parametrize("read", [read for several in reads().values() for read in several], ids=lambda read: read.operation)
def test_every_component_is_looked_up_by_its_id_field(read):
    """What stands by its id and what AWS is asked for live is the same."""
    assert ["x-1"] == list(read.lookups["id"].keys({read.id_field: "x-1"}))


def test_an_answer_is_the_same_object_every_time(tmp_path):
    """The model of a resource is built once, whichever lookup leads to it."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1, Tags=named("prod"))]}})
    found = [snapshot.get("net", "vpc-1"), *snapshot.find("net", "name", "prod"), *snapshot.find("net", "cidr", "10.1.0.0/16")]
    assert 1 == len({id(resource) for resource in found})
    assert 3 == len(found)


def test_what_an_eager_lookup_cannot_read_is_noted_at_once(tmp_path):
    """Before any question, once for each resource; it can be had by its id."""
    put(tmp_path, "x.json", {"Vpcs": [vpc(1, CidrBlock=7), vpc(2)]})
    both = {by: Lookup(keys=lambda raw: [raw["CidrBlock"]], eager=True) for by in ("one", "other")}
    snapshot = Snapshot.load(tmp_path, nets(**both))
    reason = "cannot be looked up by one (TypeError: a key that is no string)"
    assert (f"net vpc-1 in {Scope(account=ONE)}: {reason}",) == snapshot.notes
    assert [True, True] == [isinstance(snapshot.find("net", by, "10.2.0.0/16"), Unread) for by in both]
    assert [True, True] == [hasattr(snapshot.get("net", id), "reason") == (id == "vpc-1") for id in ("vpc-1", "vpc-2")]


# ---------------------------------------------------------------- values


def test_a_value_that_several_have_finds_all_of_them_once(tmp_path):
    """Two, three or one that repeats its own."""
    shared = {"CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/8"}, {"CidrBlock": "10.0.0.0/8"}]}
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(number, **shared) for number in range(1, 4)]}})
    assert ["vpc-1", "vpc-2", "vpc-3"] == ids(snapshot.find("net", "cidr", "10.0.0.0/8"))
    assert ["vpc-2"] == ids(snapshot.find("net", "cidr", "10.2.0.0/16"))


def test_a_value_that_is_null_is_no_value(tmp_path):
    """A resource without the field is found by nothing there, and a miss is a miss."""
    none = [vpc(number, CidrBlock=None) for number in range(1, 4)]
    snapshot = written(tmp_path, {EAST: {"Vpcs": [*none, vpc(4)]}})
    assert [["vpc-4"], []] == [ids(snapshot.find("net", "cidr", value)) for value in ("10.4.0.0/16", "10.1.0.0/16")]
    assert () == snapshot.notes


@pytest.mark.parametrize("odd", [7, True, 1.5, ["10.9.0.0/16"], {"a": 1}], ids=str)
def test_a_resource_with_one_odd_value_makes_misses_unread(tmp_path, odd):
    """However many others have the same odd value, and though its other values can be read."""
    several = [vpc(number, CidrBlockAssociationSet=[{"CidrBlock": odd}]) for number in (1, 2)]
    snapshot = written(tmp_path, {EAST: {"Vpcs": [*several, vpc(3)]}})
    assert [True] * 3 == [isinstance(snapshot.find("net", "cidr", f"10.{number}.0.0/16"), Unread) for number in (1, 3, 9)]
    assert ["net vpc-1", "net vpc-2"] == [note.split(" in ")[0] for note in snapshot.notes]


def test_a_full_scope_asks_its_own_replies_alone(tmp_path):
    """What is odd in one Region leaves the answers of another as they are."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1, CidrBlock=7)]}, WEST: {"Vpcs": [vpc(2)]}, OTHER: {"Vpcs": []}})
    found = [snapshot.find("net", "cidr", "10.9.0.0/16", scope) for scope in (EAST, WEST, OTHER, Scope(account=ONE), ANYWHERE)]
    assert [True, False, False, True, True] == [isinstance(answer, Unread) for answer in found]


def test_a_call_that_lists_only_some_proves_no_absence(tmp_path):
    """DescribePrefixLists knows only AWS's own lists: what it does not show may be the customer's."""
    (single, listed) = READS["pl"]
    some = Read(**{**vars(listed), "lists_all": False})
    put(tmp_path, "us-east-1/x.json", {"PrefixLists": [{"PrefixListId": "pl-1"}]})
    snapshot = Snapshot.load(tmp_path, {"pl": (single, some)})
    assert "pl-1" == snapshot.get("pl", "pl-1").id
    assert "not read: no file with ManagedPrefixListEntries for us-east-1" == snapshot.get("pl", "pl-2").reason
    assert isinstance(Snapshot.load(tmp_path).get("prefix_list", "pl-2"), Unread)


# ---------------------------------------------------------------- newer readings on top of others


def test_very_many_changes_are_all_found(tmp_path):
    """One by one on copies, each of which finds every earlier change and not the values before it."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(number) for number in range(120)]}})
    for number in range(120):
        snapshot = snapshot.changed("net", f"vpc-{number}", EAST, lambda raw: {**raw, "CidrBlock": "10.200.0.0/16"})
        assert number + 1 == len(snapshot.find("net", "cidr", "10.200.0.0/16", EAST))
        assert () == snapshot.find("net", "cidr", f"10.{number}.0.0/16", EAST)
    assert {"net": 120} == snapshot.counts()


def test_a_newer_reading_without_an_id_is_not_passed_over():
    """Beside very many good ones it still makes every miss unread."""
    live = Snapshot.empty(READS)
    live.add(EAST, "Vpcs", [vpc(1)], [Query(kind="net", by="id", value="vpc-9", scope=EAST)])
    assert None is live.get("net", "vpc-9", EAST)
    live.add(EAST, "Vpcs", [{"CidrBlock": "10.9.0.0/16"}])
    assert "malformed" in live.get("net", "vpc-9", EAST).reason


def test_a_newer_reading_mends_an_odd_one():
    """Once the resource was read again in a shape that can be read, a miss is a miss."""
    live, query = Snapshot.empty(READS), Query(kind="net", by="cidr", value="10.9.0.0/16", scope=EAST)
    live.add(EAST, "Vpcs", [vpc(1, CidrBlock=7), vpc(2)], [query])
    assert "malformed" in live.find("net", "cidr", "10.9.0.0/16", EAST).reason
    live.add(EAST, "Vpcs", [vpc(1)])
    assert () == live.find("net", "cidr", "10.9.0.0/16", EAST)


def test_a_change_inside_an_entry_keeps_newer_readings_of_its_neighbours():
    """The reservation of a changed instance shows an older reading of the other one, which stays hidden."""
    live = Snapshot.empty(READS)
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": id, "Tags": named("old")} for id in ("i-1", "i-2")]}])
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": "i-2", "Tags": named("new")}]}])
    after = live.changed("host", "i-1", EAST, lambda raw: {**raw, "Tags": named("changed")})
    assert ["changed", "new"] == [after.get("host", id).name for id in ("i-1", "i-2")]


def test_a_change_inside_entries_is_made_where_the_newest_reading_stands():
    """An instance alone in a reservation, and then seen together with its neighbour."""
    live = Snapshot.empty(READS)
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": "i-1"}]}])
    live.add(EAST, "Reservations", [{"Instances": [{"InstanceId": id} for id in ("i-1", "i-2")]}])
    after = live.changed("host", "i-1", EAST, lambda raw: {**raw, "Tags": named("changed")})
    assert ["changed", "i-2"] == [after.get("host", id).name for id in ("i-1", "i-2")]


ENTRIES = st.lists(
    st.builds(vpc, st.integers(0, 5), CidrBlock=st.sampled_from(["10.1.0.0/16", "10.2.0.0/16", None, 7]))
    | st.just({"CidrBlock": "10.1.0.0/16"}),
    max_size=3,
)
HOSTS = st.lists(
    st.lists(st.sampled_from(["i-1", "i-2", "i-3"]), max_size=2, unique=True).map(
        lambda several: {"Instances": [{"InstanceId": id, "Tags": named("web")} for id in several]}
    ),
    max_size=2,
)
REPLIES = st.tuples(st.just("Vpcs"), ENTRIES) | st.tuples(st.just("Reservations"), HOSTS)
ADDS = st.lists(st.tuples(st.sampled_from([EAST, WEST]), REPLIES), max_size=6)


@QUIET
@given(ADDS)
def test_asking_in_between_changes_no_answer(adds):
    """A snapshot that was asked after every reading answers as one that is asked for the first time."""
    queries = [
        Query(kind=kind, by=by, value=value, scope=scope)
        for kind, by, values in (
            ("net", "cidr", ["10.1.0.0/16", "10.2.0.0/16"]),
            ("net", "id", ["vpc-1", "vpc-2", "vpc-3"]),
            ("host", "name", ["web"]),
            ("host", "id", ["i-1", "i-2"]),
        )
        for value in values
        for scope in (EAST, WEST, ANYWHERE)
    ]
    asked, quiet = Snapshot.empty(READS), Snapshot.empty(READS)
    for scope, (key, entries) in adds:
        for snapshot in (asked, quiet):
            snapshot.add(scope, key, entries, queries)
        answers(asked, queries)
    assert answers(quiet, queries) == answers(asked, queries)
    assert quiet.counts() == asked.counts()


def answers(snapshot, queries):
    """Every answer in a form that compares whatever the order."""
    found = [snapshot.find(query.kind, query.by, query.value, query.scope) for query in queries]
    return [answer if isinstance(answer, Unread) else sorted(map(repr, answer)) for answer in found]


# ---------------------------------------------------------------- both parsers


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2, "b": {"c": []}}',
        b'{"n": [0, -0, 123456789012345678901234567890, 1.5e3, 1e400, -0.0, 5e-324, NaN, -Infinity]}',
        '{"größe": "𝒳 \\ud83d\\ude00 \\u00e9 \\n \\u007f"}'.encode(),
        b'\xef\xbb\xbf{"a": true}',
        '{"a": null}'.encode("utf-16"),
        b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}",
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a_reply_is_what_the_json_module_makes_of_it(text):
    """Types, signs, the order of fields and the last of two equal ones included."""
    assert made_of(text, by_the_json_module) == made_of(text, parse) != "nothing"


FRAGMENTS = [b'"', b",", b":", b"\\", b"\0", b"\n", b"\x1f", b"\x7f", b"0", b"1", b"e", b"-", b"+", b".", b"{", b"}", b"[", b"]"]
FRAGMENTS += [b"\xff", b"\xc3\xa9", b"NaN", b"Infinity", b"\\u00", b"\\ud83d", b"//", b"'", b"null", b" ", b"\xef\xbb\xbf"]


@QUIET
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3), st.sampled_from(FRAGMENTS)), max_size=3))
def test_what_the_json_module_refuses_is_refused(edits):
    """A reply that somebody's editor went over is parsed as the json module does it, or not at all."""
    text = b'{"a": [1, 2.5, "x\\u00e9", null], "b": {"c": true, "d": -7e2}}'
    for at, cut, fragment in edits:
        text = text[:at] + fragment + text[at + cut :]
    assert made_of(text, by_the_json_module) == made_of(text, parse)


def by_the_json_module(text):
    """A JSON object without half of an escaped pair, as the json module gives it."""
    value = json.loads(text.decode(json.detect_encoding(text)).removeprefix("\ufeff"))
    json.dumps(value, ensure_ascii=False).encode()
    return dict(value.items())


def made_of(text, parser):
    """What a parser makes of a text, the order of fields and the signs of zeros included."""
    try:
        return repr(parser(text))
    except (ValueError, AttributeError):
        return "nothing"
