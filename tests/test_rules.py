"""Laws over all decision tables of `rules/`: what holds for every row, so that no row needs a test of its own for it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from flowdiag.model import Candidate, Relation, RuleVerdict, Silence, Symptom, Verdict
from flowdiag.table import Rules, Table

REPOSITORY = Path(__file__).parent.parent
FOLDER = REPOSITORY / "rules"
SHARED = Path(os.environ.get("FLOWDIAG_SHARED", REPOSITORY.parent / "shared"))
EXPLANATION_CODES = SHARED / "knowledge" / "explanation-codes.md"
RULES = Rules((FOLDER,))
TABLES = RULES.names()
FINDING_TABLES = tuple(name for name in TABLES if RULES.table(name).outputs == ("verdict", "headline"))
CODES = tuple((name, rule.code) for name in TABLES for rule in RULES.table(name).rules)
WORDS = {
    "verdict": get_args(RuleVerdict),
    "symptom": get_args(Symptom),
    "relation": get_args(Relation),
    "status": get_args(Candidate.model_fields["status"].annotation),
    "silence": get_args(Silence),
}
UNDECIDED = {
    "verdict": ("inconclusive",),
    "status": ("possible",),
    "silence": ("unproven", "pending"),
    "answer": ("unknown",),
}  # rows that decide nothing

every_table = pytest.mark.parametrize("name", TABLES)
every_code = pytest.mark.parametrize(("name", "code"), CODES, ids=lambda value: value)


def output(table: Table, code: str, column: str) -> str:
    """One output of one row."""
    return next(rule[column] for rule in table.rules if rule.code == code)


# ---------------------------------------------------------------- tables


def test_there_are_tables() -> None:
    """The folder is found and holds the tables of the path and of the wire; otherwise every law below would hold of nothing."""
    assert {"security_group", "network_acl", "route_table", "arrival", "wire", "symptom", "verdict"} <= set(TABLES)


def test_a_code_that_is_no_longer_used_is_never_used_again() -> None:
    """rules/README.md lists them, so that an old report never means another rule."""
    section = (FOLDER / "README.md").read_text(encoding="utf-8").partition("## Codes that are no longer used")[2]
    gone = set(re.findall(r"\b[A-Z]{2}\d{3}\b", section))
    assert gone
    assert set() == gone & {code for _, code in CODES}


@every_table
def test_complete_and_disjoint(name: str) -> None:
    """For every combination of inputs exactly one row hits; `prove` raises otherwise."""
    RULES.table(name).prove()


@every_table
def test_the_cause_of_a_table_is_one_of_the_symptom_table(name: str) -> None:
    """Only tables of findings count for one, and it is held against the evidence there."""
    cause = RULES.table(name).cause
    causes = next(column.values for column in RULES.table("symptom").inputs if column.name == "cause")
    assert not cause or (cause in causes and name in FINDING_TABLES)


def test_routers_count_for_the_route_table() -> None:
    """Guards, hosts and what looks into traffic have causes of their own or none."""
    routing = {name for name in FINDING_TABLES if RULES.table(name).cause == "route table"}
    assert {"route_table", "transit_gateway", "internet_gateway", "nat_gateway", "arrival"} <= routing
    assert set() == routing & {"security_group", "network_acl", "network_interface", "load_balancer", "network_firewall"}


@every_table
def test_every_row_can_hit(name: str) -> None:
    """No cell is empty and every input value is named once, so there is no row that waits in vain."""
    table = RULES.table(name)
    assert [] == [rule.code for rule in table.rules if not all(rule.cells)]
    assert [] == [column.name for column in table.inputs if len(set(column.values)) != len(column.values)]


@every_table
def test_inputs_have_different_names(name: str) -> None:
    """Two columns of one name would share one observation."""
    names = [column.name for column in RULES.table(name).inputs]
    assert sorted(set(names)) == sorted(names)


def test_codes_are_unique() -> None:
    """One code is one row, over all tables: `flowdiag explain` must never have two pages to choose from."""
    codes = [code for _, code in CODES]
    assert sorted(set(codes)) == sorted(codes)


def test_every_table_has_a_prefix_of_its_own() -> None:
    """The letters of a code tell its table, and no two tables share them."""
    letters = {name: {code.rstrip("0123456789") for owner, code in CODES if owner == name} for name in TABLES}
    assert dict.fromkeys(TABLES, 1) == {name: len(found) for name, found in letters.items()}
    assert len(TABLES) == len({next(iter(found)) for found in letters.values()})


def test_the_manual_of_the_folder_names_every_table() -> None:
    """rules/README.md shows which table feeds which, so a new table appears there."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [] == [name for name in TABLES if not re.search(rf"\b{name}\b", text)]


# ---------------------------------------------------------------- rows


@every_code
def test_outputs_are_words_of_the_model(name: str, code: str) -> None:
    """Verdict, symptom, relation and status are words the model knows; the table `verdict` speaks the final verdicts."""
    table = RULES.table(name)
    words = {**WORDS, "verdict": get_args(Verdict)} if name == "verdict" else WORDS
    wrong = {c: output(table, code, c) for c in table.outputs if c in words and output(table, code, c) not in words[c]}
    assert {} == wrong


@every_code
def test_a_nine_in_the_middle_means_undecided(name: str, code: str) -> None:
    """x9y decides nothing (inconclusive, possible for a cause, unproven or pending for silence), and only x9y does."""
    table = RULES.table(name)
    column = next(c for c in UNDECIDED if c in table.outputs)
    assert (code[-2] == "9") == (output(table, code, column) in UNDECIDED[column])


@every_code
def test_headlines_are_one_clean_line(name: str, code: str) -> None:
    """A headline is there, has no final period, and its braces hold plain words."""
    headline = output(RULES.table(name), code, "headline")
    places = [field for _, field, form, conversion in Formatter().parse(headline) if field is not None]
    assert "" != headline
    assert not headline.endswith(".")
    assert [] == [field for field in places if not re.fullmatch(r"[a-z_]+", field)]


# ---------------------------------------------------------------- sections


@every_table
def test_every_section_has_a_row(name: str) -> None:
    """A manual section without a row is about a code that no longer exists; one code has one section."""
    table = RULES.table(name)
    headers = re.findall(r"^## (\S+)", (FOLDER / f"{name}.md").read_text(encoding="utf-8"), flags=re.M)
    assert sorted(rule.code for rule in table.rules) == sorted(headers)


SECTIONS = ("Why", "Remedy", "Example", "Known gaps", "References")


@every_code
def test_every_row_has_a_whole_section(name: str, code: str) -> None:
    """Why, Remedy, Example, Known gaps and References are there and say something; nothing else but AWS code is."""
    section = RULES.table(name).sections.get(code, {})
    assert [] == [title for title in SECTIONS if not section.get(title)]
    assert set() == set(section) - {*SECTIONS, "AWS code"}


@pytest.mark.parametrize(("name", "code"), [c for c in CODES if c[0] in FINDING_TABLES], ids=lambda value: value)
def test_why_reads_as_a_clause(name: str, code: str) -> None:
    """The Why of a finding goes into the report as it stands: it starts in lower case or with a name, no final period."""
    why = RULES.table(name).why(code)
    assert re.match(r"[a-z]|IPv6|VPC ", why), why
    assert not why.endswith("."), why


@every_code
def test_references_are_pages_of_aws(name: str, code: str) -> None:
    """Every reference is an https page of AWS's documentation, and there is at least one."""
    references = RULES.table(name).sections[code]["References"]
    urls = re.findall(r"\bhttps?://[^\s)>]+", references)
    assert urls
    assert [] == [url for url in urls if not re.fullmatch(r"https://docs\.aws\.amazon\.com/\S+\.html(#[\w-]+)?", url)]


def test_aws_codes_are_known_to_aws() -> None:
    """The codes of AWS's analyzer that sections name are those that AWS documents."""
    if not EXPLANATION_CODES.is_file():
        pytest.skip(f"{EXPLANATION_CODES} is not there: set FLOWDIAG_SHARED")
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", EXPLANATION_CODES.read_text(encoding="utf-8"), flags=re.M))
    named = {code: RULES.table(name).aws_code(code) for name, code in CODES}
    assert {} == {code: aws for code, aws in named.items() if aws is not None and aws not in documented}


@every_code
def test_nothing_undecided_or_allowed_has_an_aws_code(name: str, code: str) -> None:
    """AWS's codes explain why a path is not reachable, so only a row that blocks can have one."""
    table = RULES.table(name)
    if table.aws_code(code) is not None:
        assert output(table, code, "verdict") in ("blocked", "partial")
