"""Flow logs that Athena searches: the SQL is run for real by an embedded engine, the calls go over a door from memory."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest
from aws_logs import HOME, START, Door, at, no_pause

from flowdiag.logs import Means, Sought, Window, open_source
from flowdiag.logs._delivery import Delivery
from flowdiag.logs._keys import Slots
from flowdiag.logs._sql import Query, Table, coverage_query, folders, partitions, records_query, spellings
from flowdiag.logs.athena import Athena
from flowdiag.model import FlowdiagError, Scope

duckdb = pytest.importorskip("duckdb")
sqlglot = pytest.importorskip("sqlglot")

BOTH = frozenset((ip_address("10.0.1.10"), ip_address("10.0.2.20")))
WANTED = Sought(addresses=BOTH, interfaces=frozenset(("eni-0a1", "eni-0b2")), window=Window(start=at(0), end=at(3600)))
FIELDS = {
    "version": "int", "account_id": "string", "interface_id": "string", "srcaddr": "string", "dstaddr": "string",
    "srcport": "int", "dstport": "int", "protocol": "bigint", "packets": "bigint", "bytes": "bigint", "start": "bigint",
    "end": "bigint", "action": "string", "log_status": "string", "pkt_srcaddr": "string", "pkt_dstaddr": "string",
}  # fmt: skip
OLD = {
    "version": "int", "account": "string", "interfaceid": "string", "sourceaddress": "string", "destinationaddress": "string",
    "sourceport": "int", "destinationport": "int", "protocol": "int", "numpackets": "int", "numbytes": "bigint",
    "starttime": "int", "endtime": "int", "action": "string", "logstatus": "string",
}  # fmt: skip
DATES = {"projection.date.format": "yyyy/MM/dd"}
DAYS = {"projection.day.format": "yyyy/MM/dd"}
HOURS = {"projection.datehour.format": "yyyy/MM/dd/HH"}
AT_BUCKET = "s3://vpc-archive/AWSLogs/"
LAYOUTS: Mapping[str, tuple[dict[str, str], dict[str, str], dict[str, Any]]] = {
    # name: (partition keys, properties, the values of a row of START)
    "text by date": ({"date": "date"}, {}, {"date": "2023-11-14"}),
    "hive hourly": (
        dict.fromkeys(("aws-account-id", "aws-service", "aws-region", "year", "month", "day", "hour"), "string"),
        {"location": AT_BUCKET},
        {"aws-account-id": HOME.account, "aws-service": "vpcflowlogs", "aws-region": "us-east-1",
         "year": "2023", "month": "11", "day": "14", "hour": "22"},
    ),
    "projected": (
        dict.fromkeys(("accid", "region", "day"), "string"),
        {**DAYS, "storage.location.template": AT_BUCKET + "${accid}/vpcflowlogs/${region}/${day}"},
        {"accid": HOME.account, "region": "us-east-1", "day": "2023/11/14"},
    ),
    "projected parquet": (
        dict.fromkeys(("region", "date", "hour"), "string"),
        {**DATES, "storage.location.template": AT_BUCKET + "x/vpcflowlogs/${region}/${date}/${hour}"},
        {"region": "us-east-1", "date": "2023/11/14", "hour": "22"},
    ),
    "projected by the hour": (
        {"datehour": "string"},
        {**HOURS, "storage.location.template": AT_BUCKET + "x/vpcflowlogs/us-east-1/${datehour}"},
        {"datehour": "2023/11/14/22"},
    ),
    "whole numbers": (dict.fromkeys(("year", "month", "day"), "int"), {}, {"year": 2023, "month": 11, "day": 14}),
    "unknown days": ({"day": "string"}, {}, {"day": "2023-11-14"}),
    "no partitions": ({}, {"location": AT_BUCKET}, {}),
}  # fmt: skip


def table(layout: str = "projected", columns: Mapping[str, str] = FIELDS) -> Table:
    keys, properties, _ = LAYOUTS[layout]
    return Table.of("logs", metadata(columns, keys, properties))


def metadata(columns: Mapping[str, str], keys: Mapping[str, str], properties: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Name": "vpc_flow_logs",
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()],
        "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in keys.items()],
        "Parameters": dict(properties),
    }


def row(
    eni: str = "eni-0a1", source: str = "10.0.1.10", destination: str = "10.0.2.20", start: int = 0, **more: Any
) -> dict[str, Any]:
    """A row of the columns FIELDS; `start` in seconds after START."""
    values = {
        "version": 5, "account_id": HOME.account, "interface_id": eni, "srcaddr": source, "dstaddr": destination,
        "srcport": 49200, "dstport": 5432, "protocol": 6, "packets": 3, "bytes": 180,
        "start": START + start, "end": START + start + 60,
        "action": "ACCEPT", "log_status": "OK", "pkt_srcaddr": source, "pkt_dstaddr": destination,
    }  # fmt: skip
    return {**values, **more}


class Engine:
    """The table in an embedded engine, which runs Athena's SQL translated to its own."""

    def __init__(self, made: Table, rows: list[dict[str, Any]]) -> None:
        self._names = list({**made.columns, **made.keys})
        kinds = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "date": "DATE"}
        types = [f'"{name}" {kinds[kind]}' for name, kind in {**made.columns, **made.keys}.items()]
        self._base = duckdb.connect()
        self._base.execute('CREATE SCHEMA "logs"')
        self._base.execute(f"CREATE TABLE {made.quoted} ({', '.join(types)})")
        for entry in rows:
            marks = ", ".join("?" * len(self._names))
            self._base.execute(f"INSERT INTO {made.quoted} VALUES ({marks})", [entry.get(name) for name in self._names])

    def run(self, text: str, parameters: tuple[str, ...] | list[str]) -> list[list[str | None]]:
        """The rows as Athena gives them: everything is text."""
        (statement,) = sqlglot.transpile(text, read="athena", write="duckdb")
        assert statement.count("?") == len(parameters)
        values = [value[1:-1].replace("''", "'") if value.startswith("'") else int(value) for value in parameters]
        found = self._base.cursor().execute(statement, values).fetchall()
        return [[None if value is None else str(value) for value in entry] for entry in found]

    def ask(self, query: Query | None) -> list[list[str | None]]:
        assert query
        return self.run(query.text, query.parameters)


# ---------------------------------------------------------------- the SQL, run


def quiet(status: str, start: int = 0) -> dict[str, Any]:
    """A row without a flow: there was none, or it was skipped."""
    nothing = {"pkt_srcaddr": None, "pkt_dstaddr": None, "action": None, "log_status": status}
    return row("eni-0b2", None, None, start, **nothing)


ROWS = [
    row(),
    row(source="10.0.2.20", destination="10.0.1.10", action="REJECT", start=60),
    row(source="192.0.2.1", destination="192.0.2.2", start=120),
    row(source="192.0.2.1", destination="192.0.2.2", pkt_srcaddr="10.0.1.10", start=180),
    row(start=86_400),
    row("eni-0b2", source=None, destination=None, pkt_srcaddr=None, pkt_dstaddr=None, action=None, log_status="NODATA"),
    row(
        "eni-0b2",
        source=None,
        destination=None,
        pkt_srcaddr=None,
        pkt_dstaddr=None,
        action=None,
        log_status="SKIPDATA",
        start=900,
    ),
    row("eni-0c3", source="192.0.2.1", destination="192.0.2.2"),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_records_of_every_layout_of_partitions(layout):
    """The query finds what names an address, in the header or in the packet, within the window and its partitions."""
    made = table(layout)
    values = LAYOUTS[layout][2]
    engine = Engine(made, [{**entry, **values} for entry in ROWS])
    found = engine.ask(records_query(made, WANTED, (HOME,)))
    starts = sorted(int(entry[list(made.columns).index("start")] or 0) - START for entry in found)
    assert [0, 60, 180] == starts


@pytest.mark.parametrize("layout", [name for name, (keys, _, _) in LAYOUTS.items() if keys])
def test_other_partitions_are_not_read(layout):
    """A row whose partition is of another day is left out, whatever its time says: the predicate is on the partition."""
    made = table(layout)
    values = LAYOUTS[layout][2]
    elsewhere = {key: _later(value) if key in ("date", "day", "datehour") else value for key, value in values.items()}
    engine = Engine(made, [{**row(), **elsewhere}])
    assert [] == engine.ask(records_query(made, WANTED, (HOME,)))
    assert [] == engine.ask(coverage_query(made, WANTED, (HOME,)))


def _later(day: Any) -> Any:
    return day.replace("14", "20") if isinstance(day, str) else day + 6


def test_when_each_interface_has_lines():
    """In bins of one minute, with its status, and how many of each action: NODATA is a line too."""
    made = table()
    engine = Engine(made, [{**entry, **LAYOUTS["projected"][2]} for entry in ROWS])
    found = sorted(engine.ask(coverage_query(made, WANTED, (HOME,))))
    assert [
        ["eni-0a1", "OK", str(START), str(START + 60), "1", "0"],
        ["eni-0a1", "OK", str(START + 60), str(START + 120), "0", "1"],
        ["eni-0a1", "OK", str(START + 120), str(START + 180), "1", "0"],
        ["eni-0a1", "OK", str(START + 180), str(START + 240), "1", "0"],
        ["eni-0b2", "NODATA", str(START), str(START + 60), "0", "0"],
        ["eni-0b2", "SKIPDATA", str(START + 900), str(START + 960), "0", "0"],
    ] == found


def test_the_older_names_of_columns():
    """Tables made after an older page of AWS's documentation are known too."""
    made = table("text by date", OLD)
    values = dict(zip(OLD, row().values(), strict=False)) | {"date": "2023-11-14"}
    assert 1 == len(Engine(made, [values]).ask(records_query(made, WANTED, (HOME,))))
    assert {"srcaddr", "dstaddr", "srcport", "dstport", "packets", "bytes", "start", "end", "log-status"} <= set(made.fields)


def test_times_that_are_texts_are_compared_as_numbers():
    """Plain text tables may declare every column a string."""
    made = table("no partitions", dict.fromkeys(FIELDS, "string"))
    texts = [
        {name: None if value is None else str(value) for name, value in entry.items()} for entry in (row(), row(start=86_400))
    ]
    assert 1 == len(Engine(made, texts).ask(records_query(made, WANTED, (HOME,))))


def test_ipv6_in_any_of_its_spellings():
    """Short, in full, and in full without leading zeros."""
    made = table("no partitions")
    written = ("2001:db8::a", "2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8:0:0:0:0:0:a")
    assert set(written) == set(spellings(ip_address("2001:db8::a")))
    wanted = WANTED.model_copy(update={"addresses": frozenset((ip_address("2001:db8::a"),))})
    engine = Engine(made, [row(source=text, destination="2001:db8::b") for text in written])
    assert 3 == len(engine.ask(records_query(made, wanted, (HOME,))))


def test_records_of_other_interfaces_are_not_asked_for():
    """Another interface's record may name the same address; where no interface is sought, or none is told, it counts."""
    made = table()
    engine = Engine(made, [{**entry, **LAYOUTS["projected"][2]} for entry in (row(), row("eni-0c3"), row("eni-0b2"))])
    anybody = WANTED.model_copy(update={"interfaces": frozenset()})
    assert (2, 3) == tuple(len(engine.ask(records_query(made, wanted, (HOME,)))) for wanted in (WANTED, anybody))
    without = {name: kind for name, kind in FIELDS.items() if name != "interface_id"}
    bare = table(columns=without)
    rows = [{name: value for name, value in {**row(), **LAYOUTS["projected"][2]}.items() if name != "interface_id"}]
    assert 1 == len(Engine(bare, rows).ask(records_query(bare, WANTED, (HOME,))))


@pytest.mark.parametrize("none", ["-", "", None])
def test_a_regional_nat_gateway_is_told_by_its_resource_id(none):
    """It has no interface; where the table lacks the column nothing is of it."""
    made = table("no partitions", {**FIELDS, "resource_id": "string"})
    rows = [row(none, resource_id="nat-0a1"), row(none, resource_id="nat-0b2"), row(resource_id="-"), row("eni-0c3")]
    wanted = WANTED.model_copy(update={"interfaces": frozenset(("eni-0a1", "nat-0a1"))})
    engine = Engine(made, rows)
    assert ["nat-0a1", "-"] == [found[-1] for found in engine.ask(records_query(made, wanted, (HOME,)))]
    assert {"nat-0a1", "eni-0a1"} == {found[0] for found in engine.ask(coverage_query(made, wanted, (HOME,)))}
    bare = table("no partitions")
    assert 1 == len(Engine(bare, [row(none), row()]).ask(records_query(bare, wanted, (HOME,))))


def test_names_are_quoted_and_values_are_parameters():
    """Nothing of a log or a person stands in the text; a name with a quote in it stays a name."""
    odd = Table.of('lo"gs', metadata({**FIELDS, 'x" OR "1': "string"}, {}, {}))
    query = records_query(odd, WANTED, (HOME,))
    assert '"lo""gs"."vpc_flow_logs"' in query.text
    assert '"x"" OR ""1"' in query.text
    assert not any(text in query.text for text in ("10.0.1.10", str(START), "2023"))


# ---------------------------------------------------------------- what is scanned


def test_only_the_folders_of_the_window_are_scanned():
    """From the projection's template, or from AWS's Hive-compatible prefixes; unknown where partitions were added by hand."""
    slots = Slots.of(WANTED.window)
    days = folders(table("projected"), slots, (HOME,))
    hours = folders(table("hive hourly"), slots, (HOME,))
    assert [("vpc-archive", f"AWSLogs/{HOME.account}/vpcflowlogs/us-east-1/2023/11/14")] == days
    hive = f"AWSLogs/aws-account-id={HOME.account}/aws-service=vpcflowlogs/aws-region=us-east-1/year=2023/month=11/day=14/hour="
    assert [("vpc-archive", f"{hive}{hour}/") for hour in (22, 23)] == hours
    assert [] == folders(table("text by date"), slots, (HOME,))


def test_a_long_window_names_days():
    """Not each of its hours."""
    slots = Slots.of(Window(start=at(0), end=at(30 * 86_400)))
    found = partitions(table("hive hourly"), slots, (HOME,))
    assert (31, True) == (len(found), all("hour" not in one for one in found))


@pytest.mark.parametrize(("days", "hours"), [(1, 25), (30, 721)])
def test_each_hour_of_the_window_is_asked_for_where_one_key_holds_day_and_hour(days, hours):
    """No day can be named without its hour; what is estimated is what is scanned."""
    made, window = table("projected by the hour"), Window(start=at(0), end=at(days * 86_400))
    found = [one["datehour"] for one in partitions(made, Slots.of(window), (HOME,))]
    assert (hours, "2023/11/14/22", "2023/11/14/23") == (len(found), *found[:2])
    query = records_query(made, WANTED.model_copy(update={"window": window}), (HOME,))
    assert {f"'{hour}'" for hour in found} <= set(query.parameters)
    assert [f"AWSLogs/x/vpcflowlogs/us-east-1/{hour}" for hour in found] == [
        prefix for _, prefix in folders(made, Slots.of(window), (HOME,))
    ]


@pytest.mark.parametrize(
    ("keys", "properties", "days"),
    [
        ({"datehour": "string"}, HOURS, 60),
        ({"datehour": "string"}, {}, 1),
        ({"day": "string"}, {"projection.day.format": "dd MMM yyyy"}, 1),
    ],
    ids=["more hours than a query takes", "in which form nobody says", "in a form that is not known"],
)
def test_a_key_whose_values_cannot_be_named_is_left_open(keys, properties, days):
    """Any of its partitions may hold the window, and so the estimate is of all of them; silence would be false otherwise."""
    place = {"storage.location.template": f"{AT_BUCKET}x/${{{next(iter(keys))}}}"}
    made = Table.of("logs", metadata(FIELDS, keys, {**properties, **place}))
    slots = Slots.of(Window(start=at(0), end=at(days * 86_400)))
    assert [{}] == partitions(made, slots, (HOME,))
    assert [("vpc-archive", "AWSLogs/x/")] == folders(made, slots, (HOME,))


def test_a_month_of_many_accounts_stays_a_query_that_athena_takes():
    """Parameters grow by days plus accounts, not by days times accounts."""
    wanted = WANTED.model_copy(update={"window": Window(start=at(0), end=at(30 * 86_400))})
    accounts = tuple(Scope(account=f"{number:012}", region="us-east-1") for number in range(50))
    query = records_query(table("hive hourly"), wanted, accounts)
    assert len(query.parameters) < 200
    assert len(query.text) < 10_000


def test_accounts_that_are_not_known_are_all_read():
    """Without an account on the path its partition stays open."""
    assert ["region", "day"] == list(partitions(table(), Slots.of(WANTED.window), (Scope(region="us-east-1"),))[0])


# ---------------------------------------------------------------- the calls

STATES = ("QUEUED", "RUNNING", "SUCCEEDED")


def answers(
    made: Table, engine: Engine, size: int = 1000, states: tuple[str, ...] = ("QUEUED", "RUNNING", "SUCCEEDED")
) -> dict[str, Any]:
    """Athena over an engine, and the bucket that its table lies in."""
    started: list[Mapping[str, Any]] = []
    asked: dict[str, int] = {}

    def start(request):
        started.append(request)
        return [{"QueryExecutionId": f"query-{len(started) - 1}"}]

    def execution(request):
        id = request["QueryExecutionId"]
        asked[id] = asked.get(id, 0) + 1
        state = states[min(asked[id], len(states)) - 1]
        return [
            {
                "QueryExecution": {
                    "Status": {"State": state, "StateChangeReason": "a\nreason"},
                    "Statistics": {"DataScannedInBytes": 5 * 10**8},
                }
            }
        ]

    def results(request):
        query = started[int(request["QueryExecutionId"].removeprefix("query-"))]
        found = [["column"], *engine.run(query["QueryString"], query["ExecutionParameters"])]
        rows = [{"Data": [{} if value is None else {"VarCharValue": value} for value in entry]} for entry in found]
        yield from ({"ResultSet": {"Rows": rows[first : first + 2]}} for first in range(0, len(rows), 2))

    raw = metadata(made.columns, made.keys, made.properties)
    return {
        "get_table_metadata": lambda request: [{"TableMetadata": raw}],
        "list_table_metadata": lambda request: [{"TableMetadataList": [raw, {"Name": "other", "Columns": []}]}],
        "list_objects_v2": lambda request: [{"Contents": [{"Key": "x", "Size": size}]}],
        "start_query_execution": start,
        "get_query_execution": execution,
        "get_query_results": results,
        "stop_query_execution": lambda request: [{}],
    }


def athena(door: Door, agreed: bool = False, **more: Any) -> Athena:
    return Athena(door, HOME, "logs", "vpc_flow_logs", scopes=(HOME,), agreed=agreed, pause=no_pause, **more)


def engine_of(made: Table, layout: str = "projected") -> Engine:
    return Engine(made, [{**entry, **LAYOUTS[layout][2]} for entry in ROWS])


def test_a_search():
    """Two queries, polled until they are done; records and coverage come out."""
    door = Door(answers(table(), engine_of(table())))
    search = athena(door, workgroup="network", output="s3://outcomes/").search(WANTED)
    records = list(search)
    assert {(START, "ACCEPT"), (START + 60, "REJECT"), (START + 180, "ACCEPT")} == {(r.start, r.action) for r in records}
    assert {"eni-0a1", "eni-0b2"} == set(search.tally.interfaces)
    assert (1, 3, 1) == (search.tally.interfaces["eni-0b2"].skips, search.tally.accepts, search.tally.rejects)
    assert "Athena logs.vpc_flow_logs (about 0.0 MB to scan)" == search.source
    request = next(request for name, request in door.calls if name == "start_query_execution")
    assert ("network", {"OutputLocation": "s3://outcomes/"}) == (request["WorkGroup"], request["ResultConfiguration"])


def test_a_large_scan_needs_a_word():
    """The amount is shown before anything is started; with `yes` it goes ahead."""
    door = Door(answers(table(), engine_of(table()), size=30 * 10**9))
    with pytest.raises(FlowdiagError, match=r"would have about 60.0 GB to scan, .* at most 10.0 GB are: agree with yes=True"):
        athena(door).search(WANTED)
    assert 0 == door.count("start_query_execution")
    assert 3 == len(list(athena(door, agreed=True).search(WANTED)))


def test_an_unknown_scan_needs_a_word():
    """Where the table does not tell where it lies, or the bucket may not be listed, nobody knows what it costs."""
    by_hand = table("text by date")
    for made in (Door(answers(by_hand, engine_of(by_hand, "text by date"))), Door(answers(table(), engine_of(table())))):
        made.answers = {name: answer for name, answer in made.answers.items() if name != "list_objects_v2"}
        with pytest.raises(FlowdiagError, match="an unknown amount to scan"):
            athena(made).search(WANTED)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_ends_badly_is_said(state):
    """With Athena's reason; nothing counts as watched."""
    search = athena(Door(answers(table(), engine_of(table()), states=(state,)))).search(WANTED)
    assert [] == list(search)
    assert ({}, {"eni-0a1", "eni-0b2"}) == (search.tally.interfaces, search.tally.lost)
    assert {f"the query {state.lower()}: a reason" in note for note in search.tally.notes} == {True}


def test_a_query_that_takes_too_long_is_stopped():
    """And said."""
    door = Door(answers(table(), engine_of(table()), states=("RUNNING",)))
    search = athena(door).search(WANTED)
    assert [] == list(search)
    assert 2 == door.count("stop_query_execution")
    assert {"given up after 900 s" in note for note in search.tally.notes} == {True}


def test_denied_is_said():
    """Nothing is started where the query may not be."""
    made = answers(table(), engine_of(table()))
    del made["start_query_execution"]
    search = athena(Door(made)).search(WANTED)
    assert [] == list(search)
    assert "Athena logs.vpc_flow_logs could not be searched (denied, athena:StartQueryExecution)" in search.tally.notes


def test_a_row_that_is_no_record_voids_the_silence_of_its_interface():
    """What it says nobody knows; the other interface is as well covered as before."""
    made = table(columns={**FIELDS, "protocol": "string"})
    rows = [{**entry, **LAYOUTS["projected"][2], "protocol": str(entry["protocol"])} for entry in ROWS]
    rows[0]["protocol"] = "six"
    search = athena(Door(answers(made, Engine(made, rows)))).search(WANTED)
    list(search)
    assert (1, {"eni-0b2"}) == (search.tally.refused, set(search.tally.interfaces))
    assert search.tally.records + search.tally.refused == search.tally.lines


def test_a_cut_result_is_said(monkeypatch):
    """More rows than are read take the proof from silence."""
    monkeypatch.setattr("flowdiag.logs.athena.MOST_ROWS", 2)
    search = athena(Door(answers(table(), engine_of(table())))).search(WANTED)
    assert 2 == len(list(search))
    assert ({}, True) == (search.tally.interfaces, "more than 2 records" in search.tally.notes[0])


# ---------------------------------------------------------------- the place


def test_a_table_is_told_or_found():
    """`athena:DATABASE.TABLE`, or `athena:DATABASE` where one table of it holds flow logs."""
    door = Door(answers(table(), engine_of(table())))
    told = open_source("athena:logs.vpc_flow_logs?workgroup=network&output=s3://outcomes/x", Means(access=door))
    found = open_source("athena:logs", Means(access=door))
    assert ("vpc_flow_logs", "network", "s3://outcomes/x") == (told.table, told.workgroup, told.output)
    assert ("logs", "vpc_flow_logs", "") == (found.database, found.table, found.workgroup)


@pytest.mark.parametrize("where", ["athena:?limit=3", "athena:logs.vpc?limit=3"])
def test_a_malformed_place(where):
    """Refused with the way to write it."""
    with pytest.raises(FlowdiagError, match=r"write athena:DATABASE\.TABLE"):
        open_source(where, Means(access=Door({})))


# ---------------------------------------------------------------- the table, found

ROOT = f"s3://vpc-archive/AWSLogs/{HOME.account}/vpcflowlogs/us-east-1/"
TEXT = {
    "inputformat": "org.apache.hadoop.mapred.TextInputFormat",
    "serde.serialization.lib": "org.apache.hadoop.x.LazySimpleSerDe",
}
PARQUET = {
    "inputformat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "serde.serialization.lib": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
}
HIVE_KEYS = dict.fromkeys(("aws-account-id", "aws-service", "aws-region", "year", "month", "day"), "string")


def listed(name: str, keys: Mapping[str, str] | None = None, **properties: str) -> dict[str, Any]:
    """A table of flow logs as ListTableMetadata shows it; in the names of properties `__` stands for a dot."""
    return metadata(FIELDS, keys or {}, {key.replace("__", "."): text for key, text in properties.items()}) | {"Name": name}


def catalog(**databases: Any) -> Door:
    """Athena with these tables by database; a database of None cannot be listed."""

    def tables(request: Mapping[str, Any]) -> Any:
        held = databases[request["DatabaseName"]]
        if held is None:
            raise FlowdiagError("denied")
        yield from ({"TableMetadataList": [raw]} for raw in (metadata({"name": "string"}, {}, {}), *held))

    names = [{"DatabaseList": [{"Name": name}]} for name in databases]
    return Door({"list_databases": lambda request: names, "list_table_metadata": tables})


def archive(prefix: str = "", scope: Scope = HOME, **more: Any) -> Delivery:
    destination = f"arn:aws:s3:::vpc-archive/{prefix}".rstrip("/")
    return Delivery(flow_log="fl-0a1", scope=scope, kind="s3", destination=destination, **more)


def found(door: Door, *watching: Delivery, where: str = "athena:") -> str:
    source = open_source(where, Means(access=door, watching=watching, scopes=(HOME,)))
    return f"{source.database}.{source.table}"


BY_ACCOUNT = {
    "storage__location__template": AT_BUCKET + "${accid}/vpcflowlogs/${region}/${day}",
    "projection__day__format": "yyyy/MM/dd",
}
OVER: Mapping[str, tuple[dict[str, Any], Delivery]] = {
    "location": (listed("t", location=ROOT), archive()),
    "location without a slash": (listed("t", location=ROOT.rstrip("/")), archive()),
    "a location further up": (listed("t", location=AT_BUCKET), archive()),
    "a prefix": (listed("t", location=ROOT.replace("AWSLogs", "network/AWSLogs")), archive("network/")),
    "partitions by date": (listed("t", {"date": "date"}, location=ROOT), archive()),
    "projected": (listed("t", LAYOUTS["projected"][0], location="s3://x/", **BY_ACCOUNT), archive()),
    "an account that nobody told": (listed("t", LAYOUTS["projected"][0], **BY_ACCOUNT), archive(scope=Scope(region="us-east-1"))),
    "hive": (listed("t", HIVE_KEYS, location=AT_BUCKET), archive(hive=True)),
    "text": (listed("t", location=ROOT, **TEXT), archive()),
    "Parquet": (listed("t", location=ROOT, **PARQUET), archive(parquet=True)),
    "a listed account": (
        listed("t", LAYOUTS["projected"][0], **BY_ACCOUNT, projection__accid__values=f"111122223333, {HOME.account}"), archive()
    ),
}  # fmt: skip
ELSEWHERE: Mapping[str, tuple[dict[str, Any], Delivery]] = {
    "another bucket": (listed("t", location=ROOT.replace("vpc-archive", "vpc-archive-2")), archive()),
    "another account": (listed("t", location=ROOT.replace(HOME.account, "222233334444")), archive()),
    "another Region": (listed("t", location=ROOT.replace("us-east-1", "us-east-10")), archive()),
    "a Region that begins alike": (listed("t", location=ROOT.rstrip("1/")), archive()),
    "another prefix": (listed("t", location=ROOT), archive("network/")),
    "a part of the archive": (listed("t", location=ROOT + "2023/"), archive()),
    "text, not Parquet": (listed("t", location=ROOT, **TEXT), archive(parquet=True)),
    "Parquet, not text": (listed("t", location=ROOT, **PARQUET), archive()),
    "folders of another form": (listed("t", HIVE_KEYS, location=AT_BUCKET), archive()),
    "an account that is not listed": (
        listed("t", LAYOUTS["projected"][0], **BY_ACCOUNT, projection__accid__values="111122223333"), archive()
    ),
    "nowhere told": (listed("t"), archive()),
}  # fmt: skip


@pytest.mark.parametrize("name", OVER)
def test_the_table_over_the_archive_is_found(name):
    """Among the tables of all databases, by its location or the template of its partitions, its format and the flow log's."""
    made, delivery = OVER[name]
    other = listed("other", location="s3://elsewhere/AWSLogs/")
    assert "net.t" == found(catalog(audit=[other], net=[made]), delivery)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_table_elsewhere_is_not_taken(name):
    """What there is, is listed, and where the flow logs deliver."""
    made, delivery = ELSEWHERE[name]
    with pytest.raises(FlowdiagError) as caught:
        found(catalog(net=[made]), delivery)
    place = f"s3://vpc-archive{'/network' if delivery.bucket[1] else ''} (fl-0a1)"
    expected = f"Athena has no table over {place}, where the path's flow logs deliver: write one of athena:net.t"
    assert expected == str(caught.value)


def test_the_table_that_holds_most_of_the_path_is_taken():
    """One of the whole organisation before one of a single account, where the path crosses two."""
    theirs = archive(scope=Scope(account="222233334444", region="us-east-1"))
    whole = listed("all", LAYOUTS["projected"][0], **BY_ACCOUNT)
    assert "net.all" == found(catalog(net=[listed("ours", location=ROOT), whole]), archive(), theirs)


def test_where_no_archive_is_known_the_only_table_is_taken():
    """The flow logs were not read, or deliver to CloudWatch Logs alone."""
    door = catalog(audit=[], net=[listed("t", location=ROOT)])
    for watching in ((), (Delivery(flow_log="fl-0a1", scope=HOME, log_group="/vpc/prod"),)):
        assert "net.t" == found(door, *watching)


@pytest.mark.parametrize(
    ("door", "watching", "where", "said"),
    [
        (
            catalog(audit=[listed("b", location=ROOT)], net=[listed("a", location=ROOT), listed("c", location="s3://x/")]),
            (archive(),), "athena:",
            "Athena has several tables of flow logs over s3://vpc-archive (fl-0a1): write one of athena:audit.b, athena:net.a",
        ),
        (
            catalog(net=[listed("a"), listed("b")]), (), "athena:net",
            "Athena database 'net' has several tables of flow logs: write one of athena:net.a, athena:net.b",
        ),
        (catalog(net=[]), (), "athena:", "Athena has no table of flow logs: write athena:DATABASE.TABLE"),
        (catalog(net=[]), (), "athena:net", "Athena database 'net' has no table of flow logs: write athena:net.TABLE"),
        (
            Door({}), (), "athena:",
            "no table of flow logs is known, for the databases of Athena cannot be listed (denied, athena:ListDatabases): write "
            "athena:DATABASE.TABLE",
        ),
        (
            catalog(net=None, audit=[]), (), "athena:",
            "no table of flow logs is known, for database 'net' cannot be listed (denied, athena:ListTableMetadata): write "
            "athena:DATABASE.TABLE",
        ),
        (
            catalog(net=None, audit=[listed("b")]), (archive(),), "athena:",
            "Athena has no table over s3://vpc-archive (fl-0a1), where the path's flow logs deliver; database 'net' cannot be "
            "listed (denied, athena:ListTableMetadata): write one of athena:audit.b",
        ),
    ],
    ids=["several", "several of a database", "none", "none in a database", "denied", "one denied", "one denied, none fits"],
)  # fmt: skip
def test_where_no_table_can_be_chosen_it_is_one_sentence(door, watching, where, said):
    """It lists the candidates and how to write one; what could not be listed is never called empty."""
    with pytest.raises(FlowdiagError) as caught:
        found(door, *watching, where=where)
    assert said == str(caught.value)


def test_one_database_that_cannot_be_listed_does_not_hide_the_table():
    """And of several in one database the path's is taken as well."""
    door = catalog(audit=None, net=[listed("a", location=ROOT), listed("c", location="s3://x/")])
    assert ["net.a", "net.a"] == [found(door, archive(), where=where) for where in ("athena:", "athena:net")]


def test_a_workgroup_goes_with_a_table_that_is_found():
    """`athena:?workgroup=…&output=…`."""
    door = catalog(net=[listed("t", location=ROOT)])
    source = open_source("athena:?workgroup=network&output=s3://outcomes/x", Means(access=door))
    assert ("net", "t", "network", "s3://outcomes/x") == (source.database, source.table, source.workgroup, source.output)


def test_a_table_of_something_else():
    """Is refused, with the column it lacks."""
    raw = metadata({"name": "string"}, {}, {})
    with pytest.raises(FlowdiagError, match="has no column srcaddr: name one of VPC flow logs"):
        athena(Door({"get_table_metadata": lambda request: [{"TableMetadata": raw}]})).search(WANTED)
