"""Snapshots saved: the same when loaded again, never taken for more, never over anything else; and the laws of files."""

import importlib.util
import json
import os
import sys
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_reads import EAST, ONE, OTHER, READS, TWO, WEST, load, named, put, vpc

from flowdiag.model import ANYWHERE, FlowdiagError, Query, Scope, Unread
from flowdiag.snapshot import Snapshot

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).parent.parent
LABS = sorted((ROOT / os.environ.get("FLOWDIAG_SHARED", "../shared") / "labs").glob("*/snapshot"))


# ---------------------------------------------------------------- saved and loaded


def collected():
    """A snapshot as live collection leaves it."""
    snapshot = Snapshot.empty(READS)
    answered = [Query(kind="net", by="cidr", value="10.1.0.0/16", scope=EAST), Query(kind="net", by="id", value="vpc-9")]
    snapshot.add(EAST, "Vpcs", [vpc(1, Tags=named('größe 𝒳 " \n'))], answered, at=NOON)
    snapshot.add(Scope(), "Reservations", [])
    query = Query(kind="host", by="name", value="web", scope=EAST)
    snapshot.refuse(Unread(query=query, reason="denied", action="ec2:DescribeInstances", retry=False))
    return snapshot


def test_a_capture_is_the_same_when_loaded(tmp_path):
    """Raw entries, scopes, answered and refused queries and the time of reading come back."""
    collected().save(tmp_path / "c")
    again = load(tmp_path / "c")
    assert (collected(), NOON, ()) == (again, again.read_at, again.notes)
    assert ["Reservations.json", f"accounts/{ONE}/us-east-1/Vpcs.json", "capture.json"] == sorted(again.files)


def test_a_capture_stays_a_part(tmp_path):
    """What was answered and refused live is so offline; everything else is unread."""
    collected().save(tmp_path)
    again = load(tmp_path)
    assert "vpc-1" == again.find("net", "cidr", "10.1.0.0/16", EAST)[0].id
    assert "denied" == again.find("host", "name", "web", EAST).reason
    assert (None, None) == (again.get("net", "vpc-9"), again.get("net", "vpc-9", EAST))
    assert isinstance(again.get("net", "vpc-8", EAST), Unread)


@pytest.mark.parametrize("own", [None, "{", '{"FlowdiagCapture": {"answered": 7}}', "{}"], ids=str)
def test_the_files_of_a_capture_never_pass_for_all_there_is(tmp_path, own):
    """Whatever happens to `capture.json`, each file says itself that it is a part."""
    collected().save(tmp_path)
    (tmp_path / "capture.json").unlink()
    if own is not None:
        put(tmp_path, "capture.json", own)
    again = load(tmp_path)
    assert ("vpc-1", True) == (again.get("net", "vpc-1").id, isinstance(again.get("net", "vpc-9", EAST), Unread))


@pytest.mark.parametrize("mark", [None, 7, {}, {"whole": "x"}, {"colour": 1}], ids=str)
def test_a_mark_that_cannot_be_understood_is_a_parts(tmp_path, mark):
    """Doubt counts as not read."""
    put(tmp_path, "x.json", {"FlowdiagCapture": mark, "Vpcs": [vpc(1)]})
    assert isinstance(load(tmp_path).get("net", "vpc-9"), Unread)


def test_a_reply_added_to_a_capture_by_hand_counts_whole(tmp_path):
    """A colleague with more rights puts the missing file into the folder."""
    collected().save(tmp_path)
    put(tmp_path, f"accounts/{ONE}/us-east-1/hosts.json", {"Reservations": []})
    assert () == load(tmp_path).find("host", "name", "web", EAST)


def test_a_captures_files_do_not_say_where_others_were_read(tmp_path):
    """Where a capture names no account, a reply beside it is placed by its own owner alone."""
    snapshot = Snapshot.empty(READS)
    snapshot.add(ANYWHERE, "Vpcs", [vpc(1)])
    snapshot.save(tmp_path)
    put(tmp_path, "more.json", {"Vpcs": [vpc(2, OwnerId=TWO)]})
    assert {ANYWHERE, Scope(account=TWO)} == set(load(tmp_path).scopes)


def test_a_capture_replaces_the_one_before(tmp_path):
    """Nothing of the earlier one is left."""
    collected().save(tmp_path)
    newer = Snapshot.empty(READS)
    newer.add(WEST, "Vpcs", [vpc(2)])
    newer.save(tmp_path)
    assert newer == load(tmp_path)


@pytest.mark.parametrize("other", ["notes.md", "accounts/x.json", ".hidden", "capture.json"])
def test_a_folder_with_anything_else_is_not_written_to(tmp_path, other):
    """One foreign file is enough, and it is left as it was."""
    file = put(tmp_path, other, "{}")
    with pytest.raises(FlowdiagError, match=f"holds '{other}', which is no part of a capture: give an empty folder"):
        collected().save(tmp_path)
    assert ([file], "{}") == ([f for f in tmp_path.rglob("*") if f.is_file()], file.read_text())


def test_a_capture_with_a_foreign_file_is_not_replaced(tmp_path):
    """Not even the capture's own files are."""
    collected().save(tmp_path)
    put(tmp_path, f"accounts/{ONE}/us-east-1/mine.json", {"Vpcs": []})
    with pytest.raises(FlowdiagError, match=r"mine\.json"):
        Snapshot.empty(READS).save(tmp_path)
    assert "vpc-1" == load(tmp_path).get("net", "vpc-1").id


@pytest.mark.parametrize("name", ["file", "file/inside"])
def test_where_nothing_can_be_written_is_an_error(tmp_path, name):
    """One sentence, with the way out."""
    put(tmp_path, "file", "x")
    with pytest.raises(FlowdiagError, match="give a"):
        collected().save(tmp_path / name)


@pytest.mark.parametrize("account", ["../../elsewhere", "a/b", "..", "a\0"])
def test_an_account_cannot_lead_out_of_the_folder(tmp_path, account):
    """A scope becomes a path only where it is a plain name."""
    snapshot = Snapshot.empty(READS)
    snapshot.add(Scope(account=account), "Vpcs", [])
    with pytest.raises(FlowdiagError, match="cannot be a file name"):
        snapshot.save(tmp_path / "c")
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_was_read_whole_is_saved_as_that(tmp_path):
    """Whole, cut off and spoilt replies keep what they prove; so do scopes that could not be completed."""
    put(tmp_path, "a/us-east-1/x.json", {"Vpcs": [vpc(1), vpc(2, OwnerId=TWO)]})
    put(tmp_path, "a/us-west-2/x.json", {"Vpcs": [vpc(3)], "Reservations": [{"Instances": []}], "NextToken": "more"})
    put(tmp_path, f"a/{TWO}/eu-west-1/x.json", {"Vpcs": [vpc(4), 7]})
    before = load(tmp_path / "a")
    before.save(tmp_path / "b")
    after = load(tmp_path / "b")
    assert before == after
    scopes = (Scope(region="us-east-1"), WEST, Scope(account=TWO, region="eu-west-1"), ANYWHERE)
    for snapshot in (before, after):
        assert [False, True, True, True] == [isinstance(snapshot.get("net", "vpc-9", scope), Unread) for scope in scopes]


def test_snapshots_differ_by_what_they_hold():
    """An entry, an answer, a refusal, a scope or the time makes another snapshot."""
    query = Query(kind="net", by="id", value="vpc-1")

    def snapshot(scope=EAST, entries=(), answered=(), refused=(), at=None):
        made = Snapshot.empty(READS)
        made.add(scope, "Vpcs", list(entries), answered, at)
        for unread in refused:
            made.refuse(unread)
        return made

    made = [
        snapshot(),
        snapshot(scope=WEST),
        snapshot(entries=[vpc(1)]),
        snapshot(answered=[query]),
        snapshot(refused=[Unread(query=query)]),
        snapshot(at=NOON),
    ]
    assert not [pair for pair in permutations(made, 2) if pair[0] == pair[1]]
    assert snapshot() == snapshot() != 7


# ---------------------------------------------------------------- laws

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SCOPES = st.sampled_from([EAST, WEST, OTHER, ANYWHERE, Scope(account=ONE)])
VPCS = st.lists(
    st.builds(vpc, st.integers(0, 9), CidrBlock=JSON, Tags=JSON) | st.dictionaries(st.text(max_size=3), JSON, max_size=2),
    max_size=4,
)
HOSTS = st.lists(
    st.builds(lambda host: {"Instances": [host]}, st.fixed_dictionaries({"InstanceId": JSON})) | st.dictionaries(st.text(), JSON)
)
QUERIES = st.builds(Query, kind=st.just("net"), by=st.sampled_from(["id", "cidr"]), value=st.text(max_size=5), scope=SCOPES)
QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@QUIET
@given(
    adds=st.lists(st.tuples(SCOPES, st.one_of(st.tuples(st.just("Vpcs"), VPCS), st.tuples(st.just("Reservations"), HOSTS)))),
    answered=st.lists(QUERIES, max_size=3),
    refused=st.lists(st.builds(Unread, query=QUERIES, reason=st.text(), retry=st.booleans()), max_size=3),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_whatever_was_collected_is_the_same_when_loaded(tmp_path_factory, adds, answered, refused, at):
    """load(save(s)) == s, for odd entries and foreign text too."""
    snapshot, folder = Snapshot.empty(READS), tmp_path_factory.mktemp("capture")
    for scope, (key, entries) in adds:
        snapshot.add(scope, key, entries, answered, at)
    for unread in refused:
        snapshot.refuse(unread)
    snapshot.save(folder)
    assert snapshot == load(folder)


@QUIET
@given(st.data())
def test_the_order_of_entries_and_files_is_irrelevant(tmp_path_factory, data):
    """The same entries shuffled, and dealt to files otherwise, answer every question alike."""
    entries = [vpc(number, CidrBlock=f"10.{number % 3}.0.0/16") for number in range(6)]
    seen = []
    for _ in range(2):
        folder = tmp_path_factory.mktemp("order")
        shuffled, cut = data.draw(st.permutations(entries)), data.draw(st.integers(0, 6))
        put(folder, "a.json", {"Vpcs": shuffled[:cut]})
        put(folder, "b.json", {"Vpcs": shuffled[cut:]})
        snapshot = load(folder)
        found = [snapshot.find("net", "cidr", f"10.{number}.0.0/16", ANYWHERE) for number in range(4)]
        seen.append((snapshot, [sorted(resource.id for resource in several) for several in found]))
    assert seen[0] == seen[1]


@QUIET
@given(text=st.binary(max_size=40) | JSON.map(lambda value: json.dumps({"Vpcs": value, "Reservations": value}).encode()))
def test_no_file_makes_an_exception(tmp_path_factory, text):
    """Any bytes at all give a snapshot or an error that a person can mend, and questions have answers."""
    folder = tmp_path_factory.mktemp("odd")
    put(folder, "odd.json", text)
    put(folder, "good.json", {"PrefixLists": []})
    snapshot = load(folder)
    for kind, by in (("net", "id"), ("net", "cidr"), ("net", "name"), ("host", "id"), ("host", "name")):
        assert isinstance(snapshot.find(kind, by, "x"), Unread | tuple)
    snapshot.save(folder / "again")
    assert snapshot == load(folder / "again")


# ---------------------------------------------------------------- the real thing


@pytest.mark.skipif(not LABS, reason="the measured labs are not here")
@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.parent.name)
def test_every_measured_lab_loads_and_saves(lab, tmp_path):
    """Raw replies of real networks: every file is used, nothing is malformed, and a saved copy is the same."""
    snapshot = Snapshot.load(lab)
    assert () == snapshot.notes
    assert len(list(lab.rglob("*.json"))) == len(snapshot.files)
    assert all(snapshot.counts()[kind] for kind in ("vpc", "subnet", "network_interface", "route_table", "security_group"))
    snapshot.save(tmp_path)
    assert snapshot == Snapshot.load(tmp_path)


def test_a_generated_account_is_believable(tmp_path, monkeypatch):
    """The benchmark's account loads without a note, is the same every time, and holds what was ordered."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "benchmarks" / "generate.py")
    generate = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "generate", generate)
    spec.loader.exec_module(generate)
    sizes = generate.Sizes(enis=300, groups=40, subnets=60)
    for name in ("a", "b"):
        generate.write(tmp_path / name, sizes)
    snapshot = Snapshot.load(tmp_path / "a")
    assert (snapshot, ()) == (Snapshot.load(tmp_path / "b"), snapshot.notes)
    counts = snapshot.counts()
    assert (2, 60, 302, 40) == tuple(counts[kind] for kind in ("vpc", "subnet", "network_interface", "security_group"))
    assert 300 == counts["instance"]
    source, destination, _ = generate.open_pair(sizes)
    assert snapshot.get("network_interface", source).vpc_id == snapshot.get("network_interface", destination).vpc_id
    for number, other in generate.open_pairs(sizes, 100):
        found = snapshot.find("network_interface", "private_ip", generate.interface_address(number, sizes))
        assert [(generate.interface_id(number), generate.host_name(number))] == [(one.id, one.name) for one in found]
        assert found[0].vpc_id == snapshot.get("network_interface", generate.interface_id(other)).vpc_id
