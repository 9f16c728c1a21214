"""Snapshots from files: what is recognised, where it was read, what is noted."""

import gzip
import json
import os

import pytest
from small_reads import EAST, ONE, OTHER, TWO, WEST, load, put, vpc

from flowdiag.model import FlowdiagError, Scope, Unread
from flowdiag.store import AGAIN, FURTHER

# ---------------------------------------------------------------- what is recognised


def test_a_file_is_recognised_by_what_is_inside(tmp_path):
    """Names mean nothing, one file may hold several replies, and delivery keys are passed over."""
    both = {"Vpcs": [vpc(1)], "Reservations": [], "ResponseMetadata": {"RequestId": "r"}, "NextToken": None}
    put(tmp_path, "whatever.json", both)
    snapshot = load(tmp_path)
    assert ({"host": 0, "net": 1}, (), ("whatever.json",)) == (snapshot.counts(), snapshot.notes, snapshot.files)


def test_one_file_is_a_snapshot(tmp_path):
    """A path to a file loads that file alone."""
    put(tmp_path, "other.json", {"Vpcs": [vpc(2)]})
    assert {"net": 1} == load(put(tmp_path, "vpcs.json", {"Vpcs": [vpc(1)]})).counts()


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + json.dumps({"Vpcs": [vpc(1)]}).encode(),
        json.dumps({"Vpcs": [vpc(1)]}).encode("utf-16"),
        json.dumps({"Vpcs": [vpc(1)]}).replace(" ", "\r\n").encode(),
    ],
    ids=["byte order mark", "PowerShell's UTF-16", "CRLF"],
)
def test_text_as_windows_writes_it_is_read(tmp_path, text):
    """`aws … > vpcs.json` leaves different bytes on different systems."""
    put(tmp_path, "vpcs.json", text)
    assert ({"net": 1}, ()) == (load(tmp_path).counts(), load(tmp_path).notes)


def test_gzipped_files_are_read(tmp_path):
    """`.json.gz` is a reply too."""
    put(tmp_path, "vpcs.json.gz", gzip.compress(json.dumps({"Vpcs": [vpc(1)]}).encode()))
    assert {"net": 1} == load(tmp_path).counts()


def test_other_and_hidden_files_are_left_alone(tmp_path):
    """A ticket's folder holds more than replies."""
    put(tmp_path, "vpcs.json", {"Vpcs": [vpc(1)]})
    for name in ("notes.md", ".cache.json", ".git/x.json", "__MACOSX/y.json", "flow.log.gz"):
        put(tmp_path, name, b"\xff not json")
    assert (("vpcs.json",), ()) == (load(tmp_path).files, load(tmp_path).notes)


def test_a_loop_of_links_ends(tmp_path):
    """A folder that links to its parent is read once."""
    put(tmp_path, "a/vpcs.json", {"Vpcs": [vpc(1)]})
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self.json").symlink_to(tmp_path / "a" / "self.json")
    snapshot = load(tmp_path)
    assert (("a/vpcs.json",), {"net": 1}) == (snapshot.files, snapshot.counts())
    assert ("a/self.json: it is no regular file, or a link that leads nowhere",) == snapshot.notes


# ---------------------------------------------------------------- where it was read


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        (f"accounts/{ONE}/us-east-1/x.json", EAST),
        (f"{ONE}/us-east-1/x.json", EAST),
        (f"us-east-1/{ONE}/deeper/x.json", EAST),
        ("us-gov-west-1/x.json", Scope(account=ONE, region="us-gov-west-1")),
        ("eu-isoe-west-1/x.json", Scope(account=ONE, region="eu-isoe-west-1")),
        ("eusc-de-east-1/x.json", Scope(account=ONE, region="eusc-de-east-1")),
        ("mx-central-1/x.json", Scope(account=ONE, region="mx-central-1")),
        ("ap-southeast-7/x.json", Scope(account=ONE, region="ap-southeast-7")),
        ("case-study-1/web-server-1/x.json", Scope(account=ONE)),
        ("us-east-1a/x.json", Scope(account=ONE)),
        (f"{TWO}/x.json", Scope(account=TWO)),
    ],
)
def test_folders_say_where_the_files_below_were_read(tmp_path, name, scope):
    """Twelve digits are an account, a Region's name is a Region; where no folder says, the owner of what was read does."""
    put(tmp_path, name, {"Vpcs": [vpc(1)]})
    assert (scope,) == load(tmp_path).scopes


def test_the_given_folder_says_where_too(tmp_path):
    """`load("…/accounts/111122223333/us-east-1")` is as good as loading from further up."""
    put(tmp_path, f"{TWO}/us-east-1/x.json", {"Vpcs": [vpc(1)]})
    assert [(OTHER,)] * 2 == [load(tmp_path / TWO / name).scopes for name in ("us-east-1", "us-east-1/x.json")]


@pytest.mark.parametrize(
    ("replies", "scope"),
    [
        ({"AvailabilityZones": [{"RegionName": "us-west-2"}]}, WEST),
        ({"Subnets": [{"AvailabilityZone": "us-west-2b"}]}, WEST),
        ({"Subnets": [{"AvailabilityZone": "us-west-2-lax-1a"}]}, WEST),
        ({"Subnets": [{"SubnetArn": "arn:aws:ec2:us-west-2:111122223333:subnet/subnet-1"}]}, WEST),
        ({"NetworkInterfaces": [{"AvailabilityZone": "us-west-2b"}, {"AvailabilityZone": None}]}, WEST),
        ({"Subnets": [{"AvailabilityZone": "us-west-2b"}, {"AvailabilityZone": "us-east-1b"}]}, Scope(account=ONE)),
        ({"Subnets": [{"OwnerId": TWO, "AvailabilityZone": "us-west-2b"}]}, Scope(region="us-west-2")),
        ({"Subnets": [7, {"OwnerId": 5, "AvailabilityZone": ["x"], "SubnetArn": 3}]}, Scope(account=ONE)),
        ({"Subnets": "odd"}, Scope(account=ONE)),
    ],
    ids=str,
)
def test_what_was_read_says_where_if_it_agrees(tmp_path, replies, scope):
    """Accounts come from owners, Regions from zones and ARNs; two of them are none."""
    put(tmp_path, "vpcs.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "more.json", replies)
    assert (scope,) == load(tmp_path).scopes


def test_every_folder_is_completed_by_its_own(tmp_path):
    """One Region's resources say nothing of the folder beside it."""
    put(tmp_path, "us-east-1/x.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "us-west-2/x.json", {"Vpcs": [vpc(2, OwnerId=TWO)]})
    assert (EAST, Scope(account=TWO, region="us-west-2")) == load(tmp_path).scopes


# ---------------------------------------------------------------- what is noted


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (b"", "bad.json: the file is empty"),
        (b" \n", "bad.json: the file is empty"),
        (b'{\n "Vpcs": [}', "bad.json: line 2, column 11: expecting value"),
        (b'{"Vpcs": []}{"Vpcs": []}', "bad.json: line 1, column 13: extra data"),
        (b"[]", "bad.json: line 1: a describe reply is an object, this is a list"),
        (b"null", "bad.json: line 1: a describe reply is an object, this is null"),
        (b'{\n"Vpcs": ["\xff\xfe"]}', "bad.json: line 2: not utf-8 text (invalid start byte)"),
        (b'{"Vpcs": [{"VpcId": "\\ud800"}]}', "bad.json: a \\u escape that stands for no character"),
        (b'{"Vpcs":' + b"[" * 100_000, "bad.json: nested too deep to be a describe reply"),
        (b'{"Vpcs": null}', "bad.json: Vpcs is null, not a list"),
        (b'{"Vpcs": {}}', "bad.json: Vpcs is an object, not a list"),
        (b'{"Vpcs": "none"}', "bad.json: Vpcs is a string, not a list"),
        (b'{"Vpcs": [1, {"VpcId": "vpc-9"}]}', "bad.json: Vpcs[0] is a number, not an object"),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_what_cannot_be_used_is_noted_and_the_rest_is_used(tmp_path, text, note):
    """A note names the file, the line where there is one, and the reason."""
    put(tmp_path, "good.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "bad.json", text)
    snapshot = load(tmp_path)
    assert ((note,), "vpc-1") == (snapshot.notes, snapshot.get("net", "vpc-1").id)


def test_a_truncated_gzip_file_is_noted(tmp_path):
    """It gave no text, so it may have held anything: a miss is not absence."""
    put(tmp_path, "good.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "bad.json.gz", gzip.compress(json.dumps({"Vpcs": [vpc(9)]}).encode())[:-12])
    snapshot = load(tmp_path)
    assert ["bad.json.gz"] == [note.split(":")[0] for note in snapshot.notes]
    assert "not read: bad.json.gz cannot be used" == snapshot.get("net", "vpc-9").reason


@pytest.mark.parametrize(
    "text", [b'{"Vpcs": [{"VpcId": "vpc-9"', b'{"Vpcs": [1]}', b'{"Vpcs": 7}', b'{"Vpcs": {}}', '{"Vpcs": ['.encode("utf-16")]
)
def test_a_broken_file_makes_misses_of_its_kind_unread(tmp_path, text):
    """The other file of that scope may not be all there is; other kinds are not touched."""
    put(tmp_path, "good.json", {"Vpcs": [vpc(1)], "Reservations": []})
    put(tmp_path, "page-2.json", text)
    snapshot = load(tmp_path)
    missed = snapshot.get("net", "vpc-9")
    assert ("not read: page-2.json cannot be used", AGAIN) == (missed.reason, missed.way_out)
    assert isinstance(snapshot.find("net", "cidr", "10.1.0.0/16"), Unread)
    assert None is snapshot.get("host", "i-1")


def test_a_broken_file_may_hold_the_rest_of_a_kind_of_two_calls(tmp_path):
    """Load balancers of the older kind stand under another key than the others."""
    put(tmp_path, "good.json", {"LoadBalancers": []})
    assert None is load(tmp_path).get("balancer", "web")
    put(tmp_path, "bad.json", '{"LoadBalancerDescriptions": [')
    assert "not read: bad.json cannot be used" == load(tmp_path).get("balancer", "web").reason


def test_a_broken_file_stands_for_its_scope(tmp_path):
    """A Region of which only a broken file is there was not read, so nothing is absent anywhere."""
    put(tmp_path, f"{ONE}/us-east-1/good.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, f"{ONE}/us-west-2/bad.json", '{"Vpcs": [')
    assert [None, True] == [load(tmp_path).get("net", "vpc-9", EAST), isinstance(load(tmp_path).get("net", "vpc-9"), Unread)]


def test_an_empty_file_spoils_nothing(tmp_path):
    """A denied `aws …` call leaves an empty file behind: it held nothing of what other files hold."""
    put(tmp_path, "good.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "denied.json", b"")
    assert None is load(tmp_path).get("net", "vpc-9")


def test_a_reply_that_is_cut_off_is_a_part(tmp_path):
    """A NextToken means that AWS had more to list; with the last page beside it nothing is missing."""
    put(tmp_path, "1.json", {"Vpcs": [vpc(1)], "NextToken": "more"})
    snapshot = load(tmp_path)
    assert "vpc-1" == snapshot.get("net", "vpc-1").id
    missed = snapshot.get("net", "vpc-9")
    assert ("not read: 1.json was cut off by a NextToken", FURTHER) == (missed.reason, missed.way_out)
    assert ("1.json: cut off by a NextToken: what it does not list counts as not read",) == snapshot.notes
    put(tmp_path, "2.json", {"Vpcs": [vpc(2)]})
    assert None is load(tmp_path).get("net", "vpc-9")


def test_an_unknown_key_is_noted_once(tmp_path):
    """With one file in which it was seen."""
    put(tmp_path, "us-east-1/x.json", {"Vpcs": [], "Colours": []})
    put(tmp_path, "us-west-2/x.json", {"Vpcs": [], "Colours": []})
    snapshot = load(tmp_path)
    assert ((), ("us-east-1/x.json: the key Colours is not one that flowdiag uses",)) == (snapshot.notes, snapshot.unused)


def test_two_files_with_one_reply_are_one(tmp_path):
    """The same resource in two files counts once, without a note; so does an entry without an id, which is noted."""
    for name in ("a.json", "b.json"):
        put(tmp_path, name, {"Vpcs": [vpc(1), {"odd": name}]})
    put(tmp_path, "c.json", {"Vpcs": [vpc(2), {"odd": "a.json"}]})
    snapshot = load(tmp_path)
    assert ({"net": 2}, (f"Vpcs in {Scope(account=ONE)}: an entry has no VpcId",) * 2) == (snapshot.counts(), snapshot.notes)


def test_two_files_that_disagree_are_noted(tmp_path):
    """The later file by name is used, and the note says so."""
    put(tmp_path, "a.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, "b.json", {"Vpcs": [vpc(1, CidrBlock="10.7.0.0/16")]})
    snapshot = load(tmp_path)
    assert "10.7.0.0/16" == snapshot.get("net", "vpc-1").cidr_block
    assert ("b.json: vpc-1 differs from what was read of it before: this one is used",) == snapshot.notes


@pytest.mark.parametrize("path", ["absent", "empty", "foreign", "foreign/x.json", "foreign\0"])
def test_a_folder_without_a_reply_is_an_error(tmp_path, path):
    """One sentence names the folder, the reason and the way out."""
    (tmp_path / "empty").mkdir()
    put(tmp_path, "foreign/x.json", {"name": "x"})
    with pytest.raises(FlowdiagError, match=r"snapshot '.*' (does not exist: give|holds no reply that flowdiag knows: save) "):
        load(tmp_path / path)


def test_the_first_fault_is_in_the_error(tmp_path):
    """Where nothing could be used, the reason is worth more than the fact."""
    put(tmp_path, "x.json", b"{")
    with pytest.raises(FlowdiagError, match=r"knows \(x.json: line 1, column 2: expecting property name"):
        load(tmp_path)


def test_a_folder_that_cannot_be_entered_is_noted(tmp_path, monkeypatch):
    """It may have held anything of its scope."""
    put(tmp_path, f"{ONE}/us-east-1/x.json", {"Vpcs": [vpc(1)]})
    put(tmp_path, f"{ONE}/us-east-1/locked/y.json", {"Vpcs": [vpc(2)]})
    real = os.scandir

    def scandir(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    snapshot = load(tmp_path)
    assert [": cannot be read: Permission denied"] == [
        note.removeprefix(str(tmp_path / ONE / "us-east-1/locked")) for note in snapshot.notes
    ]
    assert isinstance(snapshot.get("net", "vpc-2", EAST), Unread)
