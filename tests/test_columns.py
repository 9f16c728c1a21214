"""Records as columns: what is written as Parquet is read again as it was, and every library of data frames takes the rest."""

from __future__ import annotations

import json
import sys
import tempfile
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from command_line import refusal, run
from hypothesis import given
from hypothesis import strategies as st

from flowdiag import FlowdiagError, demo, diagnose, flow_records
from flowdiag.columns import arrow, write_parquet
from flowdiag.logs import Sought
from flowdiag.logs.folder import Folder
from flowdiag.logs.record import DEFAULT_FIELDS, fields_of, record_of
from flowdiag.model import Record

polars = pytest.importorskip("polars", reason="the extra flowdiag[parquet] is not installed")

LOGS = demo.folder() / "flow-logs"
ADDRESSES = ("10.0.1.10", "10.0.2.20", "2001:db8::10")
WORDS = st.from_regex(r"[A-Za-z0-9%_./:-]{1,12}", fullmatch=True).filter(lambda word: word != "-")
PORTS = st.integers(0, 65535).map(str)
COUNTS = st.integers(0, 10**18 - 1).map(str)
SECONDS = st.integers(1, 2**31 - 1).map(str)
VALUES = {
    "srcaddr": st.just(ADDRESSES[0]),
    "dstaddr": st.sampled_from(ADDRESSES),
    "interface-id": WORDS, "action": st.sampled_from(("ACCEPT", "REJECT")), "log-status": st.just("OK"),
    "srcport": PORTS, "dstport": PORTS, "protocol": st.integers(0, 255).map(str), "packets": COUNTS, "bytes": COUNTS,
    "start": SECONDS, "end": SECONDS, "tcp-flags": st.integers(0, 63).map(str), "version": st.integers(2, 11).map(str),
    "pkt-srcaddr": st.sampled_from(ADDRESSES), "flow-direction": st.sampled_from(("ingress", "egress")),
    "reject-reason": WORDS, "vpc-id": WORDS, "tgw-id": WORDS, "packets-lost-no-route": COUNTS, "a-field-of-tomorrow": WORDS,
}  # fmt: skip
DRAWN = st.fixed_dictionaries({"srcaddr": VALUES["srcaddr"]}, optional={n: v for n, v in VALUES.items() if n != "srcaddr"})


def told(record: Record) -> dict[str, Any]:
    """All of a record but where it stood."""
    return record.model_dump(exclude={"where", "line"})


@given(st.lists(DRAWN, max_size=8))
def test_what_is_written_is_read_again(drawn: list[dict[str, str]]) -> None:
    """Field by field, in order, whatever fields each record has."""
    records = [record_of(fields) for fields in drawn]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.parquet"
        assert len(records) == write_parquet(records, file)
        sought = Sought(addresses=frozenset((IPv4Address(ADDRESSES[0]), IPv6Address(ADDRESSES[2]))))
        assert [told(record) for record in records] == [told(record) for record in Folder(file).search(sought)]


@given(DRAWN)
def test_the_fields_of_a_record_make_the_record(drawn: dict[str, str]) -> None:
    """Nothing that a record holds is left out."""
    record = record_of(drawn)
    assert record == record_of({name: str(value) for name, value in fields_of(record).items()})


def test_many_batches_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that only a later batch has is a column of all; only the one file is left in the folder."""
    monkeypatch.setattr("flowdiag.columns.ROWS_A_BATCH", 2)
    records = [Record(interface=f"eni-{n}", source=ADDRESSES[0], destination="", packets=n) for n in range(5)]
    records.append(record_of({"interface-id": "eni-5", "srcaddr": ADDRESSES[0], "vpc-id": "vpc-0a1"}))
    assert 6 == write_parquet(iter(records), tmp_path / "a.parquet")
    written = polars.read_parquet(tmp_path / "a.parquet")
    assert [f"eni-{n}" for n in range(6)] == written["interface_id"].to_list()
    assert [None, "vpc-0a1"] == written["vpc_id"].to_list()[-2:]
    assert ["a.parquet"] == [file.name for file in tmp_path.iterdir()]


def test_the_columns_are_those_of_aws_and_typed(tmp_path: Path) -> None:
    """Those of the default format are always there, first and in their order; numbers are numbers, without records too."""
    for frame in (polars.DataFrame(arrow([])), polars.DataFrame(arrow([record_of({"srcaddr": "10.0.1.10", "vpc-id": "v"})]))):
        assert [name.replace("-", "_") for name in DEFAULT_FIELDS] == frame.columns[: len(DEFAULT_FIELDS)]
        assert (polars.Int64, polars.String) == (frame.schema["bytes"], frame.schema["srcaddr"])


def test_every_library_of_data_frames_takes_them() -> None:
    """By Arrow's own protocol, which names no library."""
    pyarrow = pytest.importorskip("pyarrow")
    found = flow_records("orders-fn", "orders-db", snapshot=demo.folder(), flow_logs=LOGS).to_arrow()
    assert 4 == len(found)
    assert [3] * 4 == polars.DataFrame(found)["packets"].to_list()
    assert [3] * 4 == pyarrow.table(found).column("packets").to_pylist()


def test_the_command_writes_a_file_that_answers_again(tmp_path: Path) -> None:
    """The listing of the file is that of the logs; one that is there is never overwritten."""
    file = tmp_path / "orders.parquet"
    asked = ("flows", "orders-api-1", "orders-db", "--snapshot", demo.folder())
    first = run(*asked, "--flow-logs", LOGS, "--parquet", file)
    again = run(*asked, "--flow-logs", file)
    assert (0, 0) == (first.exit_code, again.exit_code)
    assert first.stdout.split("\n\n")[1] == again.stdout.split("\n\n")[1]
    before = file.read_bytes()
    assert f"{str(file)!r} is there already: name a new one" in refusal(run(*asked, "--flow-logs", LOGS, "--parquet", file))
    assert before == file.read_bytes()
    assert "is in no folder that exists" in refusal(run(*asked, "--flow-logs", LOGS, "--parquet", tmp_path / "no" / "a.parquet"))
    assert "is a folder" in refusal(run(*asked, "--flow-logs", LOGS, "--parquet", tmp_path))
    assert "cannot be written (" in refusal(run(*asked, "--flow-logs", LOGS, "--parquet", tmp_path / ("a" * 300)))


def test_a_document_and_a_file_are_written_by_one_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search in AWS costs, so both hold what one found."""
    searched = []
    search = Folder.search
    monkeypatch.setattr(Folder, "search", lambda folder, sought: searched.append(sought) or search(folder, sought))
    asked = ("flows", "orders-api-1", "orders-db", "--snapshot", demo.folder(), "--flow-logs", LOGS)
    found = json.loads(run(*asked, "--json", "--parquet", tmp_path / "a.parquet").stdout)
    assert (1, found["totals"]["records"]) == (len(searched), polars.read_parquet(tmp_path / "a.parquet").height)
    assert found["totals"]["records"] == len(found["records"]) > 0


def test_what_was_written_for_one_question_proves_no_absence_to_another(tmp_path: Path) -> None:
    """It is no whole flow log: what is found in it counts, and what is not says nothing."""
    file = tmp_path / "pair.parquet"
    flow_records("orders-fn", "orders-db", 3306, snapshot=demo.folder(), flow_logs=LOGS).write_parquet(file)
    found = diagnose("orders-api-1", "orders-db", 3306, snapshot=demo.folder(), flow_logs=file)
    assert "unobserved" == found.symptom
    assert [] == [one.interface for one in found.coverage if one.silence == "absent"]
    assert any("holds the records of one question alone" in unread.reason for unread in found.unread)
    assert list(flow_records("orders-fn", "orders-db", 3306, snapshot=demo.folder(), flow_logs=file))


def test_nothing_is_left_of_a_file_where_reading_fails(tmp_path: Path) -> None:
    """Neither it nor its parts."""

    def failing():
        yield Record(interface="eni-1", source=ADDRESSES[0], destination="")
        raise FlowdiagError("gone")

    with pytest.raises(FlowdiagError, match="gone"):
        write_parquet(failing(), tmp_path / "a.parquet")
    assert [] == list(tmp_path.iterdir())


def test_without_polars_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read."""
    monkeypatch.setitem(sys.modules, "polars", None)
    records = flow_records("orders-fn", "orders-db", snapshot=demo.folder(), flow_logs=LOGS)
    for write in (records.to_arrow, lambda: records.write_parquet(tmp_path / "a.parquet")):
        with pytest.raises(FlowdiagError, match=r"need polars: pip install 'flowdiag\[parquet\]'"):
            write()
    assert 4 == len(list(records))


def test_a_number_beyond_64_bits_is_no_exception() -> None:
    """Nothing counts so far; a line that says so gives no value."""
    frame = polars.DataFrame(arrow([record_of({"srcaddr": "10.0.1.10", "bytes": "9" * 19})]))
    assert [None] == frame["bytes"].to_list()
