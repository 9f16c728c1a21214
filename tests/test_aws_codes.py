"""The pages of `docs/` that say what is told of AWS's codes and of known causes: held to rules, cases and facts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from test_cases import CASES, Case, diagnosed
from test_rules import EXPLANATION_CODES, SHARED

from flowdiag.table import Rules

DOCS = Path(__file__).parent.parent / "docs"
CAUSES = SHARED / "knowledge" / "causes.md"
RULES = Rules.load()
TABLES = {rule.code: table.name for table in map(RULES.table, RULES.names()) for rule in table.rules}
AWS_CODES = {code: aws for code, name in TABLES.items() if (aws := RULES.table(name).aws_code(code))}
CASES_OF = {code: [case for case in CASES if code in case.codes] for code in TABLES}
NOTHING = "-"
_CODE = re.compile(r"\[([A-Z]{1,3}\d{3})\]\(\.\./rules/(\w+)\.md\)")
_CASE = re.compile(r"\[([A-Z]{1,3}\d{3}: [^\]]+)\]\(\.\./tests/cases/(\w+)\.md\)")
_BARE = re.compile(r"(?<!\[)\b[A-Z]{1,3}\d{3}\b")
_PAGE = re.compile(r"<(https://docs\.aws\.amazon\.com/\S+\.html)>")


def rows(page: str, first: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell, which looks like `first`."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {cells[0].strip("`"): cells[1:] for cells in found if re.fullmatch(first, cells[0])}


@cache
def codes() -> dict[str, list[str]]:
    """AWS's code → what it means, what carries it, what is said instead."""
    return rows("aws-explanation-codes.md", r"`[A-Z0-9_]+`")


@cache
def causes() -> dict[str, list[str]]:
    """Number → cause, what tells it, cases, what is said instead, pages."""
    return rows("causes.md", r"\d+")


def named(cell: str) -> list[str]:
    """The codes of flowdiag's that a cell links to."""
    return [code for code, _ in _CODE.findall(cell)]


def documented(path: Path, section: str, first: str) -> set[str]:
    """First cells of the tables in a section of a fact sheet; skips where the sheet is not there."""
    if not path.is_file():
        pytest.skip(f"{path} is not there: set FLOWDIAG_SHARED")
    text = path.read_text(encoding="utf-8").split(section, 1)[1]
    return set(re.findall(first, text, flags=re.M))


# ---------------------------------------------------------------- both pages


@pytest.mark.parametrize("page", ["aws-explanation-codes.md", "causes.md"])
def test_every_code_named_is_linked_to_its_table(page: str) -> None:
    """A code that exists, with a link to the table it is a row of; none stands there without one."""
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [] == [(code, table) for code, table in _CODE.findall(text) if TABLES.get(code) != table]
    assert [] == _BARE.findall(text)


@pytest.mark.parametrize(("page", "reason"), [(codes, 2), (causes, 3)], ids=["codes", "causes"])
def test_a_row_without_codes_has_a_reason(page: Callable[[], dict[str, list[str]]], reason: int) -> None:
    """What nothing tells is said to be so, with the reason or the evidence it would take."""
    assert page()
    assert [] == [first for first, cells in page().items() if not named(cells[1]) and cells[reason] == NOTHING]


def test_every_code_named_has_a_case() -> None:
    """What the pages say is told, a small network shows."""
    told = {code for page in (codes(), causes()) for cells in page.values() for code in named(" ".join(cells))}
    assert set() == {code for code in told if not CASES_OF[code]}


# ---------------------------------------------------------------- AWS's codes


def test_the_page_names_the_rules_that_carry_a_code() -> None:
    """All of them and no others: those whose section names it."""
    carried = defaultdict(list)
    for code, aws in AWS_CODES.items():
        carried[aws].append(code)
    assert {aws: sorted(carried[aws]) for aws in codes()} == {aws: sorted(named(cells[1])) for aws, cells in codes().items()}
    assert set() == set(carried) - set(codes())


def test_the_codes_are_those_that_aws_documents() -> None:
    """Every code for a path that is not reachable, and nothing else."""
    everything = documented(EXPLANATION_CODES, "## Path is not reachable", r"^\| `([A-Z0-9_]+)` \|")
    others = documented(EXPLANATION_CODES, "## Configuration", r"^\| `([A-Z0-9_]+)` \|")
    assert everything - others == set(codes())


@pytest.mark.parametrize("code", sorted(AWS_CODES))
def test_a_finding_carries_the_code(code: str, tmp_path: Path) -> None:
    """In a case of its rule the finding has AWS's code."""
    found, _ = diagnosed(CASES_OF[code][0], tmp_path)
    assert {AWS_CODES[code]} == {finding.aws_code for finding in found.path.findings if finding.code == code}


# ---------------------------------------------------------------- causes


def test_the_causes_are_those_of_the_fact_sheet() -> None:
    """None is left out."""
    assert documented(CAUSES, "# ", r"^\| (\d+) \|") == set(causes())


def test_a_cause_that_is_told_has_a_case_of_its_own() -> None:
    """The case is there under its title, and one of the codes that tell the cause had a part in its answer."""
    known = {(case.title, case.page): case for case in CASES}
    for number, (_, told, shown, *_) in causes().items():
        found = [known.get(case) for case in _CASE.findall(shown)]
        assert bool(named(told)) == bool(found), number
        assert [] == [shown for case in found if case is None or not answered(case) & set(named(told))], number


@cache
def answered(case: Case) -> set[str]:
    """Every code that had a part in the answer to a case."""
    with TemporaryDirectory() as folder:
        return diagnosed(case, Path(folder))[1]


def test_every_cause_has_a_page_of_aws() -> None:
    """A fact about AWS carries the page that states it."""
    assert [] == [number for number, cells in causes().items() if not _PAGE.findall(cells[4])]
