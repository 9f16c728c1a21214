"""Flow logs in S3, over real HTTP against moto's server: what is listed and read, and what cannot be."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import boto3
import pytest
from aws_logs import HOME, START, Door, at, file, key, line
from aws_server import endpoint, served
from aws_world import no_waiting

from flowdiag.access import Access
from flowdiag.logs import Means, Sought, Window, open_source
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._keys import Slots, is_root, leads_on, root_of
from flowdiag.logs.record import DEFAULT_FIELDS
from flowdiag.logs.s3 import S3
from flowdiag.model import FlowdiagError, Scope

__all__ = ["endpoint", "no_waiting", "served"]

BUCKET = "vpc-archive"
BOTH = frozenset((ip_address("10.0.1.10"), ip_address("10.0.2.20")))
WANTED = Sought(addresses=BOTH, interfaces=frozenset(("eni-0a1",)), window=Window(start=at(0), end=at(3600)))


@pytest.fixture
def session(served: boto3.Session) -> boto3.Session:
    """A session on the server, and an empty bucket there."""
    s3 = served.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for stored in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        s3.delete_object(Bucket=BUCKET, Key=stored["Key"])
    return served


def put(session: boto3.Session, **files: bytes) -> None:
    """Put files into the bucket; keyword names do not do for keys, so they come as a dictionary too."""
    for name, body in files.items():
        session.client("s3").put_object(Bucket=BUCKET, Key=name, Body=body)


def door(session: boto3.Session) -> Access:
    """The access to the server, which knows whose it is."""
    access = Access(session)
    access.introduce()
    return access


def delivered(prefix: str = "", **layout: Any) -> Delivery:
    return Delivery(flow_log="fl-0a1", scope=HOME, kind="s3", destination=f"arn:aws:s3:::{BUCKET}/{prefix}".rstrip("/"), **layout)


def searched(source: Any, wanted: Sought = WANTED) -> tuple[list[Any], Any]:
    search = source.search(wanted)
    return list(search), search.tally


# ---------------------------------------------------------------- what is listed and read


@pytest.mark.parametrize("layout", [{}, {"hourly": True}, {"hive": True}, {"hive": True, "hourly": True}])
@pytest.mark.parametrize("prefix", ["", "network/logs/"])
def test_every_layout_of_prefixes(session: boto3.Session, prefix: str, layout: dict[str, bool]) -> None:
    """Default, hourly, Hive and hourly Hive: only the files of slots that can hold the window are read."""
    slots = ("20231114T2205", "20231114T2210", "20231114T2215", "20231114T2310", "20231114T2340", "20231115T0000")
    put(session, **{prefix + key(slot, **layout): file(line(start=300 * n)) for n, slot in enumerate(slots)})
    access = door(session)
    records, tally = searched(S3.of(Means(access=access), (delivered(prefix, **layout),)))
    read = [name.rsplit("_", 2)[1] for name in tally.files]
    assert ["20231114T2210Z", "20231114T2215Z", "20231114T2310Z", "20231114T2340Z"] == read
    assert [START + 300, START + 600, START + 900, START + 1200] == [record.start for record in records]
    assert [] == tally.notes


@pytest.mark.parametrize("layout", [{}, {"hourly": True}, {"hive": True}, {"hive": True, "hourly": True}])
@pytest.mark.parametrize("place", ["", "/AWSLogs", "/AWSLogs/"])
def test_a_named_bucket_is_looked_through(session: boto3.Session, place: str, layout: dict[str, bool]) -> None:
    """`s3://bucket` finds the folders of the path's accounts and Regions, however they are laid out."""
    other = key("20231114T2215").replace("us-east-1", "eu-west-1")
    put(session, **{key("20231114T2215", **layout): file(line()), other: file(line())})
    access = door(session)
    records, tally = searched(open_source(f"s3://{BUCKET}{place}", Means(access=access, scopes=(HOME,))))
    assert (1, 1, []) == (len(records), len(tally.files), tally.notes)


def test_an_organisations_id_may_stand_between(session: boto3.Session) -> None:
    """Before the account's folder or before AWSLogs."""
    inside = key("20231114T2215").replace("AWSLogs/", "AWSLogs/o-a1b2c3d4e5/")
    before = f"o-a1b2c3d4e5/{key('20231114T2220')}"
    put(session, **{inside: file(line()), before: file(line(start=300))})
    records, _ = searched(open_source(f"s3://{BUCKET}", Means(access=door(session), scopes=(HOME,))))
    assert {START, START + 300} == {record.start for record in records}


def test_a_day_can_be_named(session: boto3.Session) -> None:
    """A prefix inside the folder of one account and Region is listed as it is."""
    put(session, **{key("20231114T2215"): file(line())})
    day = "AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/"
    records, _ = searched(open_source(f"s3://{BUCKET}/{day}", Means(access=door(session), scopes=(HOME,))))
    assert 1 == len(records)


def test_the_calls_of_a_typical_question(session: boto3.Session) -> None:
    """An hour of one flow log: one listing, and one call for each file that can hold it."""
    put(session, **{key(f"20231114T{hour:02}{minute:02}"): file(line()) for hour in (21, 22, 23) for minute in range(0, 60, 5)})
    access = door(session)
    searched(S3.of(Means(access=access), (delivered(),)))
    calls = [name for name, _, _ in access.calls]
    assert (1, 19) == (calls.count("list_objects_v2"), calls.count("get_object"))


def test_files_are_read_by_their_header_whatever_the_format_says(session: boto3.Session) -> None:
    """A header in the file overrules the LogFormat, and an uncompressed file is read too."""
    put(
        session,
        **{key("20231114T2215", suffix="log"): f"srcaddr dstaddr start action\n10.0.1.10 10.0.2.20 {START} REJECT\n".encode()},
    )
    records, _ = searched(S3.of(Means(access=door(session)), (delivered(log_format="${action}"),)))
    assert ["REJECT"] == [record.action for record in records]


def test_parquet(session: boto3.Session) -> None:
    """AWS's columns; the copy is gone afterwards, and a torn file makes interfaces unseen."""
    polars = pytest.importorskip("polars")
    columns = [name.replace("-", "_") for name in DEFAULT_FIELDS]
    numbers = ("version", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end")
    values = [dict(zip(columns, line(start=n).split(), strict=True)) for n in (0, 60)]
    rows = [{name: int(text) if name in numbers else text for name, text in row.items()} for row in values]
    written = io.BytesIO()
    polars.DataFrame(rows).write_parquet(written)
    put(session, **{key("20231114T2215", suffix="log.parquet"): written.getvalue()})
    records, tally = searched(S3.of(Means(access=door(session)), (delivered(parquet=True),)))
    assert ([START, START + 60], ["eni-0a1"], []) == ([r.start for r in records], list(tally.interfaces), tally.notes)
    put(session, **{key("20231114T2220", suffix="log.parquet"): written.getvalue()[:-9]})
    _, tally = searched(S3.of(Means(access=door(session)), (delivered(parquet=True),)))
    assert ({}, 1) == (tally.interfaces, len(tally.notes))


def test_a_transit_gateways_flow_logs(session: boto3.Session) -> None:
    """They lie in the same folders and have counters of what was lost instead of an action."""
    fields = ("version", "resource-type", "tgw-id", "tgw-attachment-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol")
    fields += ("packets", "bytes", "start", "end", "packets-lost-no-route")
    values = f"6 TransitGateway tgw-0a1 tgw-attach-0a1 10.0.1.10 10.0.2.20 49200 5432 6 3 180 {START} {START + 60} 3"
    put(session, **{key("20231114T2215"): gzip.compress(f"{' '.join(fields)}\n{values}\n".encode())})
    (record,), _ = searched(S3.of(Means(access=door(session)), (delivered(resource="tgw-0a1"),)))
    assert ("3", "") == (record.more["packets-lost-no-route"], record.action)


# ---------------------------------------------------------------- what cannot be read


def test_a_missing_bucket_is_said(session: boto3.Session) -> None:
    """Never an archive without records."""
    _, tally = searched(open_source("s3://no-such-bucket", Means(access=door(session))))
    assert ({"eni-0a1"}, 1) == (tally.lost, len(tally.notes))
    assert tally.notes[0].startswith("s3://no-such-bucket could not be listed (NoSuchBucket")


def test_a_bucket_without_flow_logs_is_said(session: boto3.Session) -> None:
    """Nothing found is told apart from nothing there."""
    put(session, **{"something/else.txt": b"x"})
    _, tally = searched(open_source(f"s3://{BUCKET}", Means(access=door(session), scopes=(HOME,))))
    expected = f"s3://{BUCKET} could not be listed (no folder AWSLogs/…/vpcflowlogs/ of these accounts and Regions is there"
    assert [f"{expected}, s3:ListBucket)"] == tally.notes


def test_a_torn_file_makes_interfaces_unseen(session: boto3.Session) -> None:
    """What stands before the tear is used; what may have stood behind it takes the proof from silence."""
    whole = gzip.compress("\n".join([*file_lines(), ""]).encode(), compresslevel=0)
    put(session, **{key("20231114T2215"): whole[:-20]})
    records, tally = searched(S3.of(Means(access=door(session)), (delivered(),)))
    assert (199, {}) == (len(records), tally.interfaces)
    assert tally.notes[0].endswith("could not be read to its end (the gzip stream is torn): only what stands before was used")


def file_lines() -> list[str]:
    return [gzip.decompress(file()).decode().strip(), *(line(start=n) for n in range(200))]


def test_denied_files_are_counted_and_named() -> None:
    """Each reason once, with the number of files, the first of them, and what would be needed."""
    names = [key(slot) for slot in ("20231114T2215", "20231114T2220")]
    closed = Door({"list_objects_v2": lambda request: [{"Contents": [{"Key": name, "Size": 1} for name in names]}]})
    _, tally = searched(S3.of(Means(access=closed), (delivered(),)))
    expected = (
        f"2 files of s3://{BUCKET} could not be read "
        f"(denied; needs s3:GetObject, and kms:Decrypt for the key that encrypts it): {names[0]}"
    )
    assert [expected] == tally.notes
    assert {"eni-0a1"} == tally.lost


def test_a_listing_that_breaks_off_is_said() -> None:
    """The files listed before are read all the same."""

    def breaks(request: Any) -> Iterator[dict[str, Any]]:
        yield {"Contents": [{"Key": key("20231114T2215"), "Size": 1}]}
        raise FlowdiagError("throttled, try again later")

    broken = Door({"list_objects_v2": breaks, "get_object": lambda _: [file(line())]})
    records, tally = searched(S3.of(Means(access=broken), (delivered(),)))
    assert (1, {}) == (len(records), tally.interfaces)
    assert [f"s3://{BUCKET} could not be listed (throttled, try again later, s3:ListBucket)"] == tally.notes


def test_more_than_one_machine_should_pull_is_refused_with_the_way_out() -> None:
    """Nothing is read without a word; Athena is named."""
    large = {"list_objects_v2": lambda request: [{"Contents": [{"Key": key("20231114T2215"), "Size": 11 * 10**9}]}]}
    closed = Door({**large, "get_object": lambda request: [file(line())]})
    place = "s3://vpc-archive/AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/"
    records, tally = searched(open_source(place, Means(access=closed)))
    assert ([], 0) == (records, closed.count("get_object"))
    said = "11.0 GB of files are not read: narrow the window, let Athena search them (athena:DATABASE.TABLE), or agree"
    assert said in tally.notes[0]
    assert 1 == len(searched(open_source(place, Means(access=closed, agreed=True)))[0])


@pytest.mark.parametrize(
    ("location", "named"),
    [("s3://vpc-archive/AWSLogs/", "athena:net.flow_logs"), ("s3://vpc-archive/other/", "athena:DATABASE.TABLE")],
)
@pytest.mark.parametrize("by_name", [True, False])
def test_the_table_over_a_large_archive_is_named(location: str, named: str, by_name: bool) -> None:
    """So that the next question is one word away; one that lies elsewhere is not."""
    columns = [{"Name": name.replace("-", "_"), "Type": "string"} for name in DEFAULT_FIELDS]
    large = Door({
        "list_objects_v2": lambda request: [{"Contents": [{"Key": key("20231114T2215"), "Size": 11 * 10**9}]}],
        "list_databases": lambda request: [{"DatabaseList": [{"Name": "net"}]}],
        "list_table_metadata": lambda request: [
            {"TableMetadataList": [{"Name": "flow_logs", "Columns": columns, "Parameters": {"location": location}}]}
        ],
    })  # fmt: skip
    place = "s3://vpc-archive/AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/"
    source = open_source(place, Means(access=large)) if by_name else S3.of(Means(access=large), (delivered(),))
    _, tally = searched(source)
    assert f"let Athena search them ({named}), or agree" in tally.notes[0]


def test_an_archive_in_an_account_of_its_own_is_asked_there() -> None:
    """Where the flow log's account may not list the bucket, the other accounts that can be asked are."""
    central = Scope(account="222233334444", region="us-east-1")
    asked = []

    class Doors(Door):
        def scopes(self) -> tuple[Scope, ...]:
            return (HOME, central)

        def each(self, scope: Scope, service: str, operation: str, parameters: Any) -> Iterator[Any]:
            asked.append(scope.account)
            if scope == HOME:
                raise FlowdiagError("denied")
            return super().each(scope, service, operation, parameters)

    listing = {"list_objects_v2": lambda request: [{"Contents": [{"Key": key("20231114T2215"), "Size": 1}]}]}
    doors = Doors({**listing, "get_object": lambda request: [file(line())]})
    records, tally = searched(S3.of(Means(access=doors), (delivered(),)))
    assert (1, [], [HOME.account, central.account]) == (len(records), tally.notes, asked)


def test_a_destination_that_is_no_bucket() -> None:
    """Refused in a sentence."""
    with pytest.raises(FlowdiagError, match="fl-0a1 delivers to 'arn:aws:firehose', which is no bucket"):
        S3.of(Means(access=Door({})), (Delivery(flow_log="fl-0a1", scope=HOME, destination="arn:aws:firehose"),))


# ---------------------------------------------------------------- keys


def test_slots_across_midnight() -> None:
    """Both days are listed, or the hours on both sides."""
    slots = Slots.of(Window(start=at(5400), end=at(9000)))
    days = [prefix for prefix, _ in root_of("", HOME).listings(slots)]
    hours = [prefix[-14:] for prefix, _ in root_of("", HOME, hourly=True).listings(slots)]
    assert ["2023/11/14/", "2023/11/15/"] == [day[-11:] for day in days]
    assert ["2023/11/14/23/", "2023/11/15/00/", "2023/11/15/01/"] == hours


def test_folders_that_lead_to_other_accounts_are_left_aside() -> None:
    """An account or Region of nobody on the path is not looked into; where the account is unknown, all are."""
    folders = (
        "AWSLogs/",
        "AWSLogs/123456789012/",
        "AWSLogs/222233334444/",
        "x/us-east-1/",
        "x/eu-west-1/",
        "AWSLogs/CloudTrail/",
    )
    assert [True, True, False, True, False, False] == [leads_on(folder, (HOME,)) for folder in folders]
    assert leads_on("AWSLogs/222233334444/", (Scope(region="us-east-1"),))


def test_a_name_that_is_none_of_a_flow_logs_file_is_not_read() -> None:
    """Other logs may lie in the same bucket, and a time that is none is never in a window."""
    slots = Slots.of(WANTED.window)
    names = (key("20231114T2215"), key("20231314T2215"), "AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/notes.txt")
    assert [True, False, None] == [slots.hold(name) for name in names]
    assert is_root("AWSLogs/123456789012/elasticloadbalancing/us-east-1/") is None
