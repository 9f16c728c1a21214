"""The table reader: Markdown becomes a table or one sentence that says why not; `prove` finds every gap and overlap."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdiag.error import FlowdiagError
from flowdiag.table import Rules, TableError, manual, parse

NONE = "no Markdown table with a header, a rule line and a row was found: write one as rules/README.md shows"
HEAD = "| U | door (front, back) | open | verdict | headline |\n|---|---|---|---|---|\n"
FRONT = "| DO101 | front | - | blocked | {name} is the front door |\n"
BACK = "| DO100 | back | yes, no | allowed | {name} is the back door |\n"
UNKNOWN = "| DO190 | back | unknown | inconclusive | {name} was not seen |\n"
WHOLE = HEAD + FRONT + BACK + UNKNOWN
SECTION = """
## DO101 the front door

**Why**: the front door is always locked.
It has no key.

**Remedy**: Use the back door.

**AWS code**: `DOOR_RESTRICTION`
"""


def own_folder(path: Path, text: str, name: str = "doors") -> Rules:
    """A folder that holds one table, alone."""
    (path / f"{name}.md").write_text(text, encoding="utf-8")
    return Rules((path,))


# ---------------------------------------------------------------- reading


def test_a_table_is_read() -> None:
    """Inputs with their values, yes/no/unknown where none are named, `-` for all of them, and the outputs by name."""
    table = parse("doors", WHOLE)
    assert [("door", ("front", "back")), ("open", ("yes", "no", "unknown"))] == [(i.name, i.values) for i in table.inputs]
    assert ("verdict", "headline") == table.outputs
    assert (frozenset({"front"}), frozenset({"yes", "no", "unknown"})) == table.rules[0].cells
    assert "blocked" == table.rules[0]["verdict"]


def test_values_may_be_listed_above_the_table() -> None:
    """A header that would be too wide has its values in a list, which columns can share; prose of other names is none."""
    listed = "- `door`, `gate`: front, back\n- `hinge`: it squeaks\n\n"
    table = parse(
        "doors", listed + "| U | door | gate | open | verdict |\n|---|---|---|---|---|\n| DO100 | back | - | yes | allowed |\n"
    )
    assert [("front", "back")] * 2 + [("yes", "no", "unknown")] == [column.values for column in table.inputs]
    assert (frozenset({"back"}), frozenset({"front", "back"})) == table.rules[0].cells[:2]


def test_a_bar_in_a_cell_is_escaped() -> None:
    """`\\|` is a bar inside a cell, as in every Markdown table."""
    table = parse("doors", HEAD + "| DO101 | - | - | blocked | front \\| back |\n")
    assert "front | back" == table.rules[0]["headline"]


def test_evaluate_gives_the_rule_that_hits() -> None:
    """One rule hits; asking again gives the same."""
    table = parse("doors", WHOLE)
    values = {"door": "back", "open": "unknown"}
    assert ["DO190", "DO190"] == [table.evaluate(values).code for _ in range(2)]


def test_sections_are_read() -> None:
    """The manual section of a code, its AWS code without the backticks, its why on one line."""
    table = parse("doors", WHOLE + SECTION)
    assert ["Why", "Remedy", "AWS code"] == list(table.sections["DO101"])
    assert "DOOR_RESTRICTION" == table.aws_code("DO101")
    assert table.aws_code("DO100") is None
    assert "the front door is always locked. It has no key." == table.why("DO101")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no table here", f"table doors: {NONE}"),
        (HEAD, f"table doors: {NONE}"),
        (
            WHOLE.replace("| U |", "| F |"),
            "table doors: the header needs the hit policy U first and an output column"
            " (verdict, status, symptom, relation, cause, silence, answer, headline)",
        ),
        (
            "| U | door | open |\n|---|---|---|\n| DO101 | - | - |\n",
            "table doors: the header needs the hit policy U first and an output column"
            " (verdict, status, symptom, relation, cause, silence, answer, headline)",
        ),
        (WHOLE.replace("door (front, back)", "(front, back)"), "table doors: cannot read the input column '(front, back)'"),
        (
            WHOLE.replace("| front |", "| side |"),
            "table doors, DO101: 'side' is not among the values of door (front, back)",
        ),
        (
            WHOLE.replace("yes, no", "yes; no"),
            "table doors, DO100: 'yes; no' is not among the values of open (yes, no, unknown)",
        ),
        (WHOLE.replace("| front | - |", "| front |"), "table doors: row 'DO101' has 4 cells, the header 5"),
        (WHOLE.replace("DO101", "door-1"), "table doors: 'door-1' is no rule code (one to three capitals and three digits)"),
        (
            "| U | a | b | c | d | e | f | g | verdict |\n|-|-|-|-|-|-|-|-|-|\n| DO101 | - | - | - | - | - | - | - | blocked |\n",
            "table doors: 7 inputs, where 6 is the most a person can check",
        ),
    ],
)
def test_a_malformed_table_is_one_sentence(text: str, sentence: str) -> None:
    """What cannot be read is named: the table, the row or column, the reason."""
    with pytest.raises(TableError) as caught:
        parse("doors", text)
    assert sentence == str(caught.value)
    assert isinstance(caught.value, FlowdiagError)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"door": "back"}, "table doors: open is '', not one of yes, no, unknown"),
        ({"door": "side", "open": "yes"}, "table doors: door is 'side', not one of front, back"),
        ({"door": "back", "open": "yes", "lock": "no"}, "table doors: no input column named lock"),
    ],
)
def test_wrong_inputs_are_one_sentence(values: dict[str, str], sentence: str) -> None:
    """An observation that does not fit the table's inputs is an error and never a silent default."""
    with pytest.raises(TableError) as caught:
        parse("doors", WHOLE).evaluate(values)
    assert sentence == str(caught.value)


# ---------------------------------------------------------------- proving


def test_a_gap_is_found() -> None:
    """A combination that no row takes is named."""
    with pytest.raises(TableError) as caught:
        parse("doors", HEAD + FRONT + BACK).prove()
    assert "table doors: no rule hits door=back, open=unknown" == str(caught.value)


def test_an_overlap_is_found() -> None:
    """A combination that two rows take is named, with both codes, and evaluating it fails too."""
    table = parse("doors", WHOLE.replace("| back | unknown |", "| - | unknown |"))
    with pytest.raises(TableError) as caught:
        table.prove()
    assert "table doors: rules DO101, DO190 all hit door=front, open=unknown" == str(caught.value)
    with pytest.raises(TableError) as caught:
        table.evaluate({"door": "front", "open": "unknown"})
    assert "table doors: 2 rules hit {'door': 'front', 'open': 'unknown'}: ['DO101', 'DO190']" == str(caught.value)


Cells = tuple[tuple[str, ...], ...]
VALUES = ("a", "b", "c")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], list[Cells]]:
    """Columns with their values, and rows of cells: drawn freely, or a complete and disjoint table with some rows disturbed."""
    columns = [VALUES[: draw(st.integers(1, 3))] for _ in range(draw(st.integers(1, 3)))]
    cell = [st.sets(st.sampled_from(values), min_size=1).map(lambda chosen: tuple(sorted(chosen))) for values in columns]
    free = st.lists(st.tuples(*cell), min_size=1, max_size=6)
    if draw(st.booleans()):
        return columns, draw(free)
    rows: list[Cells] = [tuple((value,) for value in key) for key in itertools.product(*columns)]
    dropped = draw(st.integers(0, len(rows) - 1)) if len(rows) > 1 and draw(st.booleans()) else None
    rows = [row for number, row in enumerate(rows) if number != dropped]
    return columns, [*rows, *(draw(free)[:1] if draw(st.booleans()) else [])]


def markdown(columns: list[tuple[str, ...]], rows: list[Cells]) -> str:
    """The table as a person would write it, with `-` for a cell that holds every value."""
    heads = [f"in{number} ({', '.join(values)})" for number, values in enumerate(columns)]
    lines = ["| " + " | ".join(("U", *heads, "verdict")) + " |", "|" + "---|" * (len(columns) + 2)]
    for number, row in enumerate(rows):
        cells = ["-" if cell == values else ", ".join(cell) for cell, values in zip(row, columns, strict=True)]
        lines.append("| " + " | ".join((f"R{number:03}", *cells, "allowed")) + " |")
    return "\n".join(lines)


@given(tables())
def test_prove_agrees_with_brute_force(drawn: tuple[list[tuple[str, ...]], list[Cells]]) -> None:
    """A table is proved exactly where counting the rows of every combination gives one; each is then evaluated to that row."""
    columns, rows = drawn
    hits = {
        key: [f"R{n:03}" for n, row in enumerate(rows) if all(key[i] in row[i] for i in range(len(key)))]
        for key in itertools.product(*columns)
    }
    table = parse("drawn", markdown(columns, rows))
    if any(len(found) != 1 for found in hits.values()):
        with pytest.raises(TableError):
            table.prove()
        return
    table.prove()
    evaluated = {key: [table.evaluate({f"in{i}": value for i, value in enumerate(key)}).code] for key in hits}
    assert hits == evaluated


# ---------------------------------------------------------------- folders and pages


def test_a_table_of_ones_own_stands_in(tmp_path: Path) -> None:
    """A table of one's own folder replaces the bundled one of that name; the others stay."""
    own_folder(tmp_path, WHOLE.replace("{name}", "{guard}"), "security_group")
    rules = Rules.load(tmp_path)
    assert {"DO101", "DO100", "DO190"} == {rule.code for rule in rules.table("security_group").rules}
    assert Rules.load().table("network_acl").rules == rules.table("network_acl").rules
    assert "SG102" not in rules.codes()


def test_a_table_of_ones_own_counts_for_the_same_cause(tmp_path: Path) -> None:
    """Otherwise what it denies would be held against the evidence of another cause, or of none."""
    bundled = (Path(__file__).parent.parent / "rules" / "route_table.md").read_text(encoding="utf-8")
    (tmp_path / "route_table.md").write_text(bundled.replace("**Cause**: route table\n", ""), encoding="utf-8")
    with pytest.raises(TableError) as caught:
        Rules.load(tmp_path)
    assert "table route_table: needs the line **Cause**: route table above its columns" == str(caught.value)


def test_a_folder_that_is_none_is_named() -> None:
    """A mistyped folder is an error and not the bundled tables alone."""
    with pytest.raises(TableError) as caught:
        Rules.load("no-such-folder")
    assert "rules='no-such-folder' is no folder: give a folder of Markdown decision tables" == str(caught.value)


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    """A component that asks for a table nobody wrote is told where it was looked for."""
    with pytest.raises(TableError) as caught:
        Rules((tmp_path,)).table("doors")
    assert f"no decision table named doors in {tmp_path}" == str(caught.value)


def test_the_manual_page_of_a_code(tmp_path: Path) -> None:
    """Code and headline, table and outputs, when it hits, and the section as it was written."""
    expected = """DO101  {name} is the front door

table doors · verdict: blocked

when door: front, open: any

Why
the front door is always locked.
It has no key.

Remedy
Use the back door.

AWS code
`DOOR_RESTRICTION`"""
    assert expected == manual(own_folder(tmp_path, WHOLE + SECTION), "DO101")


def test_a_code_that_is_none_is_named_with_its_neighbours(tmp_path: Path) -> None:
    """A mistyped code is answered with the codes of the same table."""
    with pytest.raises(TableError) as caught:
        manual(own_folder(tmp_path, WHOLE), "DO999")
    assert "no rule has the code 'DO999': did you mean one of DO100, DO101, DO190?" == str(caught.value)


def test_codes_and_headlines_are_listed(tmp_path: Path) -> None:
    """Every code once, sorted, with its headline."""
    rules = own_folder(tmp_path, WHOLE)
    assert ("DO100", "DO101", "DO190") == rules.codes()
    assert ("DO101", "{name} is the front door") == rules.headlines()[1]
