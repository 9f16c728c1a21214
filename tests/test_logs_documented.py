"""Every example record of AWS's user guide means what the guide says it means, from text and from Parquet."""

from __future__ import annotations

import json

import polars as pl
import pytest
from measured import SHARED
from world_records import seek, shown

from flowdiag.logs import Tally
from flowdiag.logs._parquet import records as columns
from flowdiag.logs._stream import records as stream

SAMPLES = SHARED / "flow-log-samples" / "aws-docs" / "examples.json"
EXAMPLES = json.loads(SAMPLES.read_text())["records"] if SAMPLES.is_file() else []


def sought(parsed):
    """What a search for this record's hosts and interface asks for."""
    named = {parsed.get(name, "-") for name in ("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")} - {"-"}
    return seek(named, {parsed.get("interface-id", "-")} - {"-"})


def as_text(example, _):
    """The search of the record below its header."""
    tally = Tally()
    text = " ".join(example["fields"]) + "\n" + example["record"] + "\n"
    return list(stream([text.encode()], "guide", sought(example["parsed"]), tally)), tally


def as_parquet(example, folder):
    """The search of the record as a row, all columns text."""
    row = {name.replace("-", "_"): [None if text == "-" else text] for name, text in example["parsed"].items()}
    pl.DataFrame(row, schema=dict.fromkeys(row, pl.String)).write_parquet(folder / "guide.parquet")
    tally = Tally()
    return list(columns([(folder / "guide.parquet", "guide")], sought(example["parsed"]), tally)), tally


@pytest.mark.parametrize("form", [as_text, as_parquet])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e["section"] + ": " + e["record"][:60])
def test_documented_record(example, form, tmp_path):
    """Traffic is found by each host; NODATA covers its interface; SKIPDATA says that silence there proves nothing."""
    parsed = example["parsed"]
    found, tally = form(example, tmp_path)
    status, interface = parsed.get("log-status", "OK"), parsed.get("interface-id", "-")
    silent = status in ("NODATA", "SKIPDATA")
    assert [] == tally.notes
    assert (1, 0) == (tally.records, tally.refused)
    assert ([] if silent else [parsed]) == [shown(record, example["fields"]) for record in found]
    assert int(status == "SKIPDATA") == sum(coverage.skips for coverage in tally.interfaces.values())
    assert ({interface} - {"-"}) == set(tally.interfaces)
    assert (parsed.get("action") == "ACCEPT", parsed.get("action") == "REJECT") == (tally.accepts > 0, tally.rejects > 0)
