"""What a snapshot of files answers: a resource, nothing, or Unread."""

import gc

import pytest
from small_reads import EAST, NETS, ONE, OTHER, READS, WEST, ids, load, named, vpc, written

from flowdiag.component import Lookup, Read
from flowdiag.model import ANYWHERE, Query, Scope, Unread
from flowdiag.snapshot import Snapshot

# ---------------------------------------------------------------- from a folder


def test_a_resource_is_found_by_id(tmp_path):
    """`get` gives the typed resource with the scope in which it was read."""
    found = written(tmp_path, {EAST: {"Vpcs": [vpc(1, Tags=named("prod"))]}}).get("net", "vpc-1", EAST)
    assert ("vpc-1", "10.1.0.0/16", "prod", EAST) == (found.id, found.cidr_block, found.name, found.scope)


def test_what_a_whole_reply_does_not_list_does_not_exist(tmp_path):
    """A miss in a (scope, kind) that was read is None or empty, not Unread."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}})
    assert (None, ()) == (snapshot.get("net", "vpc-9", EAST), snapshot.find("net", "cidr", "10.9.0.0/16", EAST))


def test_an_empty_reply_is_read(tmp_path):
    """`{"Vpcs": []}` says that there are no VPCs."""
    assert () == written(tmp_path, {EAST: {"Vpcs": []}}).find("net", "cidr", "10.1.0.0/16", EAST)


def test_a_kind_without_a_file_is_unread(tmp_path):
    """The absence of a file is told with its response key, the scope and the IAM action."""
    answer = written(tmp_path, {EAST: {"Vpcs": []}}).find("host", "name", "web", EAST)
    query = Query(kind="host", by="name", value="web", scope=EAST)
    reason = f"not read: no file with Reservations for {ONE}/us-east-1"
    assert Unread(query=query, reason=reason, action="ec2:DescribeInstances") == answer


def test_a_scope_without_a_folder_is_unread(tmp_path):
    """What was read of one Region says nothing of another."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}})
    assert isinstance(snapshot.find("net", "cidr", "10.1.0.0/16", WEST), Unread)
    assert isinstance(snapshot.get("net", "vpc-9", WEST), Unread)


def test_an_id_is_found_in_any_scope_its_own_first(tmp_path):
    """Ids are global; where two scopes show one (a shared VPC), the asked one answers."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}, OTHER: {"Vpcs": [vpc(1), vpc(2)]}})
    asked = [("vpc-1", EAST), ("vpc-1", OTHER), ("vpc-2", EAST), ("vpc-2", WEST)]
    assert [EAST, OTHER, OTHER, OTHER] == [snapshot.get("net", id, scope).scope for id, scope in asked]


def test_other_lookups_stay_in_their_scope(tmp_path):
    """The same CIDR in another account is another network; empty parts of a scope stand for any."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}, OTHER: {"Vpcs": [vpc(2, CidrBlock="10.1.0.0/16")]}})
    found = [
        ids(snapshot.find("net", "cidr", "10.1.0.0/16", scope)) for scope in (EAST, OTHER, ANYWHERE, Scope(region="us-east-1"))
    ]
    assert [["vpc-1"], ["vpc-2"], ["vpc-1", "vpc-2"], ["vpc-1", "vpc-2"]] == found


def test_anywhere_is_only_read_where_every_scope_is(tmp_path):
    """A miss anywhere needs every scope to have been read; a hit does not."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1)]}, WEST: {"Reservations": []}})
    assert ["vpc-1"] == ids(snapshot.find("net", "cidr", "10.1.0.0/16"))
    assert snapshot.find("net", "cidr", "10.9.0.0/16").reason == f"not read: no file with Vpcs for {ONE}/us-west-2"
    assert isinstance(snapshot.get("net", "vpc-9"), Unread)


def test_resources_inside_entries_are_found(tmp_path):
    """Instances stand inside reservations; one that two reservations show is one instance."""
    entries = [{"Instances": [{"InstanceId": "i-1", "Tags": named("web")}, {"InstanceId": "i-2", "Tags": named("web")}]}]
    again = {"Instances": [{"InstanceId": "i-1", "Tags": named("web")}]}
    snapshot = written(tmp_path, {EAST: {"Reservations": [*entries, again]}})
    assert ["i-1", "i-2"] == ids(snapshot.find("host", "name", "web", EAST))
    assert {"host": 2} == snapshot.counts()


def test_a_resource_with_a_value_twice_is_found_once(tmp_path):
    """AWS repeats the first CIDR of a VPC among all its CIDRs."""
    twice = vpc(1, CidrBlockAssociationSet=[{"CidrBlock": "10.1.0.0/16"}, {"CidrBlock": "10.7.0.0/16"}])
    snapshot = written(tmp_path, {EAST: {"Vpcs": [twice]}})
    assert [["vpc-1"]] * 2 == [ids(snapshot.find("net", "cidr", cidr, EAST)) for cidr in ("10.1.0.0/16", "10.7.0.0/16")]


def test_several_reads_make_one_kind(tmp_path):
    """A prefix list is found whichever of two calls showed it."""
    both = {"PrefixLists": [{"PrefixListId": "pl-1"}], "ManagedPrefixListEntries": [{"PrefixListId": "pl-2"}]}
    snapshot = written(tmp_path, {EAST: both})
    assert ["pl-1", "pl-2", None] == [getattr(snapshot.get("pl", id, EAST), "id", None) for id in ("pl-1", "pl-2", "pl-3")]


def test_a_call_made_once_per_id_says_nothing_of_other_ids(tmp_path):
    """A file of single replies holds the ids that were asked for, so another id is unread, not absent."""
    snapshot = written(tmp_path, {EAST: {"ManagedPrefixListEntries": [{"PrefixListId": "pl-1"}]}})
    assert "pl-1" == snapshot.get("pl", "pl-1", EAST).id
    assert isinstance(snapshot.get("pl", "pl-2", EAST), Unread)


def test_a_reply_that_is_one_object_is_one_entry(tmp_path):
    """DescribeVpcBlockPublicAccessOptions answers with an object instead of a list."""
    snapshot = written(tmp_path, {EAST: {"VpcBlockPublicAccessOptions": {"AwsAccountId": ONE}}})
    assert ONE == snapshot.get("settings", ONE, EAST).id


def test_an_unknown_kind_or_lookup_is_a_programming_error(tmp_path):
    """Neither is an answer."""
    with pytest.raises(KeyError):
        written(tmp_path, {EAST: {"Vpcs": []}}).get("no such kind", "x")
    with pytest.raises(KeyError, match="no component reads net by 'colour'"):
        load(tmp_path).find("net", "colour", "red")


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path, on):
    """Whether loading succeeds or raises."""
    (tmp_path / "x.json").write_text('{"Vpcs": []}')
    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        Snapshot.load(tmp_path, READS).get("net", "vpc-1")
        with pytest.raises(Exception, match="does not exist"):
            Snapshot.load(tmp_path / "absent", READS)
        assert on == gc.isenabled()
    finally:
        (gc.enable if was else gc.disable)()
    assert 0 == gc.get_freeze_count()


# ---------------------------------------------------------------- half-written


def test_a_resource_that_cannot_be_understood_is_unread(tmp_path):
    """The reason names the id and the field; the query is not worth repeating."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [vpc(1, CidrBlock=["odd"]), vpc(2)]}})
    answer = snapshot.get("net", "vpc-1", EAST)
    assert ("malformed: vpc-1: CidrBlock: input should be a valid string", False) == (answer.reason, answer.retry)
    assert "vpc-2" == snapshot.get("net", "vpc-2", EAST).id


@pytest.mark.parametrize("broken", [{}, {"VpcId": None}, {"VpcId": 7}, {"VpcId": ["vpc-1"]}], ids=str)
def test_an_entry_without_an_id_makes_every_miss_unread(tmp_path, broken):
    """It might be the one that was asked for; it is noted once, and the others are found."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [{"CidrBlock": "10.9.0.0/16", **broken}, vpc(1)]}})
    answers = [snapshot.get("net", id, EAST) for id in ("vpc-9", "vpc-8")]
    assert ["malformed: a net is too half-written to be looked up by id"] * 2 == [answer.reason for answer in answers]
    assert "vpc-1" == snapshot.get("net", "vpc-1", EAST).id
    assert [True, True] == [isinstance(snapshot.find("net", by, "10.9.0.0/16", EAST), Unread) for by in ("cidr", "name")]
    assert (f"Vpcs in {EAST}: an entry has no VpcId",) == snapshot.notes


@pytest.mark.parametrize("tags", [7, [7], ["Name"], {"Name": "x"}, [{"Key": "Name", "Value": {}}]], ids=str)
def test_a_lookup_that_cannot_read_an_entry_is_no_exception(tmp_path, tags):
    """Tags of an odd shape cost the answer by name, not the answer by id."""
    snapshot = written(tmp_path, {EAST: {"Vpcs": [{"VpcId": "vpc-1", "Tags": tags}, vpc(2, Tags=named("prod"))]}})
    assert isinstance(snapshot.find("net", "name", "prod", EAST), Unread)
    assert "vpc-2" == snapshot.get("net", "vpc-2", EAST).id
    assert "net vpc-1" in " ".join(snapshot.notes)


@pytest.mark.parametrize("inside", [None, 5, [5], "i-1", [None]], ids=str)
def test_an_entry_that_cannot_be_taken_apart_makes_misses_unread(tmp_path, inside):
    """A reservation without a list of instances hides whatever stood there."""
    snapshot = written(tmp_path, {EAST: {"Reservations": [{"Instances": inside}, {"Instances": [{"InstanceId": "i-1"}]}]}})
    assert "i-1" == snapshot.get("host", "i-1", EAST).id
    assert isinstance(snapshot.get("host", "i-2", EAST), Unread)
    assert ["Reservations in 111122223333/us-east-1: an entry cannot be taken apart"] == [
        n.split(" (")[0] for n in snapshot.notes
    ]


def test_a_key_that_raises_anything_odd_is_noted(tmp_path):
    """A lookup that computes (an address, say) may raise ValueError on a half-written value."""
    lookups = {"id": NETS.lookups["id"], "n": Lookup(keys=lambda raw: [str(int(raw["CidrBlock"]))])}
    read = Read("ec2", "describe_vpcs", "ec2:DescribeVpcs", ("Vpcs",), "VpcId", NETS.resource, lookups)
    (tmp_path / "x.json").write_text('{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "odd"}]}')
    snapshot = Snapshot.load(tmp_path, {"net": (read,)})
    assert isinstance(snapshot.find("net", "n", "7"), Unread)
    assert ["net vpc-1 in this snapshot: cannot be looked up by n"] == [note.split(" (")[0] for note in snapshot.notes]
