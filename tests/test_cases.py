"""Cases in prose: every page of `tests/cases/` tells small networks, a question about each, and the exact answer as text.

The form of a page is told in `tests/cases/README.md`. After a change of wording, `FLOWDIAG_UPDATE_CASES=1 pytest -n 0
tests/test_cases.py` writes the answers anew; they are then to be read like any other change.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import world_edges
from world import World, tags
from world_balancers import ClassicLoadBalancer, LoadBalancer, endpoint_service
from world_firewall import Firewall, match, rule
from world_logs import flow_log
from world_managed import database, function
from world_services import (
    TransitGateway,
    appliance_endpoint,
    block_public_access,
    egress_only_gateway,
    gateway_endpoint,
    interface_endpoint,
    regional_nat,
)

from flowdiag import Diagnosis, Snapshot, diagnose
from flowdiag.table import Rules

FOLDER = Path(__file__).parent / "cases"
UPDATE = os.environ.get("FLOWDIAG_UPDATE_CASES") == "1" and "PYTEST_XDIST_WORKER" not in os.environ  # a page is one file
RULES = Rules.load()
OF_THE_SNAPSHOT = ("without", "cut", "read")
BLOCKS = {"python world", "text question", "text flow-log", "text expected"}
MADE = (
    TransitGateway,
    LoadBalancer,
    ClassicLoadBalancer,
    endpoint_service,
    gateway_endpoint,
    interface_endpoint,
    appliance_endpoint,
    egress_only_gateway,
    flow_log,
    block_public_access,
    Firewall,
    regional_nat,
    match,
    rule,
    function,
    database,
)
SERVICES = {made.__name__: made for made in MADE}
EDGES = {name: made for name, made in vars(world_edges).items() if getattr(made, "__module__", "") == world_edges.__name__}
SAID_NOWHERE = "-"  # the headline of rows of the table of causes that no report shows
_BLOCK = re.compile(r"^```(\w+ [\w-]+)\n(.*?)^```$", flags=re.M | re.S)
_CODES = re.compile(r"^codes: (.+)$", flags=re.M)
_ASKED = re.compile(r"(?P<source>.+) → (?P<destination>.+), (?P<service>.+)")


# ---------------------------------------------------------------- a page and its cases


@dataclass(frozen=True)
class Case:
    """One `##` section of a page; `start` is the world block that all cases of the page begin with."""

    page: str
    title: str
    text: str
    start: str

    @cached_property
    def blocks(self) -> dict[str, str]:
        """The fenced blocks by their info string."""
        return dict(_BLOCK.findall(self.text))

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The codes this is a case of."""
        found = _CODES.search(self.text)
        return tuple(re.split(r",\s*", found[1].strip())) if found else ()

    @property
    def prose(self) -> str:
        """What stands outside the blocks and the line of codes."""
        return _CODES.sub("", _BLOCK.sub("", self.text)).strip()


def cases() -> Iterator[Case]:
    """Every case of every page."""
    for path in sorted(FOLDER.glob("*.md")):
        if path.stem == "README":
            continue
        head, *sections = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.M)
        start = dict(_BLOCK.findall(head)).get("python world", "")
        for section in sections:
            title, _, text = section.partition("\n")
            yield Case(path.stem, title.strip(), text, start)


CASES = tuple(cases())
every_case = pytest.mark.parametrize("case", CASES, ids=[f"{case.page}: {case.title}" for case in CASES])


# ---------------------------------------------------------------- the world of a case


class Account(World):
    """A world whose ids are short and told by kind: `eni-0a2` is the second interface of the first account."""

    def __init__(self, letter: str, account: str, region: str) -> None:
        self._letter, self._numbers = letter, Counter[str]()
        super().__init__(account, region)

    def id(self, prefix: str) -> str:
        self._numbers[prefix] += 1
        return f"{prefix}-0{self._letter}{self._numbers[prefix]}"


@dataclass
class Accounts:
    """The worlds a case makes, in order; calling it makes one more."""

    made: list[Account] = field(default_factory=list)

    def __call__(self, account: str = "111122223333", region: str = "us-east-1") -> Account:
        self.made.append(Account("abcdef"[len(self.made)], account, region))
        return self.made[-1]


def name(thing: Any, text: str) -> Any:
    """Give anything of a world a Name tag."""
    thing.raw["Tags"] = tags(text)
    return thing


def built(case: Case) -> Accounts:
    """The worlds that the blocks of a case make; `world` is the first."""
    accounts = Accounts()
    names: dict[str, Any] = {"World": accounts, "world": accounts(), "name": name, **SERVICES, **EDGES}
    for block in (case.start, case.blocks.get("python world", "")):
        exec(compile(block, f"{case.page}: {case.title}", "exec"), names)
    return accounts


# ---------------------------------------------------------------- the question of a case


@dataclass(frozen=True)
class Asked:
    """A question as the block tells it: `web-1 → db-1, tcp/5432`, then a line for each option."""

    text: str

    @property
    def arguments(self) -> dict[str, Any]:
        """What `diagnose` is called with, evidence apart."""
        asked = _ASKED.fullmatch(self.text.splitlines()[0])
        assert asked, f"no question: {self.text!r}"
        protocol, _, port = asked["service"].removeprefix("protocol ").partition("/")
        given = {option.replace("-", "_"): value for option, value in self.options.items() if option not in OF_THE_SNAPSHOT}
        ends = {"source": asked["source"], "destination": asked["destination"]}
        return {**ends, "protocol": protocol, "port": port or None, **given}

    @property
    def options(self) -> dict[str, str]:
        """The lines below the first, by their first word."""
        return dict(line.split(" ", 1) for line in self.text.splitlines()[1:])

    def listed(self, option: str) -> list[str]:
        """The words of an option that is a list."""
        return self.options.get(option, "").split()


def diagnosed(case: Case, folder: Path) -> tuple[Diagnosis, set[str]]:
    """The diagnosis of a case, and every code that had a part in it."""
    asked = Asked(case.blocks["text question"])
    snapshot = _snapshot(case, asked, folder / "snapshot")
    logs = _saved(case, folder)
    found = diagnose(**asked.arguments, snapshot=snapshot, flow_logs=logs)
    return found, _codes(found)


def _snapshot(case: Case, asked: Asked, folder: Path) -> Snapshot:
    first, *others = built(case).made
    first.save(folder, *others, without=asked.listed("without"))
    for key in asked.listed("cut"):
        for path in folder.rglob(f"{key}.json"):
            path.write_text(json.dumps({**json.loads(path.read_text()), "NextToken": "more"}))
    snapshot = Snapshot.load(folder)
    read = asked.options.get("read")
    snapshot.read_at = datetime.fromisoformat(read) if read else None
    return snapshot


def _saved(case: Case, folder: Path) -> Path | None:
    if "text flow-log" not in case.blocks:
        return None
    place = folder / "flow-logs"
    place.mkdir()
    (place / "flow.log").write_text(case.blocks["text flow-log"], encoding="utf-8")
    return place


def _codes(found: Diagnosis) -> set[str]:
    """Of the answer, the tables it rests on, its findings, causes, silences and narrow places."""
    findings = {finding.code for finding in (*found.findings, *found.path.findings, *found.narrows)}
    causes = {cause.code for cause in found.candidates}
    silences = {coverage.code for coverage in found.coverage}
    return findings | causes | silences | {found.code, *found.codes}


# ---------------------------------------------------------------- tests


@every_case
def test_case(case: Case, tmp_path: Path) -> None:
    """The world, asked the question, gives the text word for word, and the codes named had a part in the answer.

    With FLOWDIAG_UPDATE_CASES=1 the text is written into the page instead; the codes are held to all the same.
    """
    found, codes = diagnosed(case, tmp_path)
    if UPDATE:
        _write(case, f"{found}\n")
    else:
        difference = _difference(case.blocks["text expected"], f"{found}\n")
        assert "" == difference, difference  # said twice, because pytest shortens what it compares and not what is said
    assert set() == set(case.codes) - codes


def _difference(expected: str, actual: str) -> str:
    lines = difflib.unified_diff(expected.splitlines(), actual.splitlines(), "expected", "actual", n=99, lineterm="")
    return "\n".join(lines)


def _write(case: Case, actual: str) -> None:
    path = FOLDER / f"{case.page}.md"
    old = f"```text expected\n{case.blocks['text expected']}```"
    section = f"## {case.title}\n{case.text}"
    new = section.replace(old, f"```text expected\n{actual}```")
    path.write_text(path.read_text(encoding="utf-8").replace(section, new), encoding="utf-8")


def _rows() -> Iterator[tuple[str, str, str]]:
    """Table, code and headline of every row."""
    for table in map(RULES.table, RULES.names()):
        yield from ((table.name, rule.code, rule["headline"]) for rule in table.rules)


def test_every_code_has_a_case() -> None:
    """A rule that no small network comes to is a rule nobody has seen; it needs a reason. Rows no report shows have no case."""
    shown = {code for _, code, headline in _rows() if headline != SAID_NOWHERE}
    assert set() == shown - {code for case in CASES for code in case.codes}


@every_case
def test_form(case: Case) -> None:
    """A case says in prose what happens, is named after the first of its codes, and names codes that exist."""
    owners = {code: table for table, code, _ in _rows()}
    assert case.prose
    assert [] == [code for code in case.codes if code not in owners]
    assert f"{case.codes[0]}:" == case.title.split()[0]
    assert case.page == owners[case.codes[0]]
    assert {"text question", "text expected"} <= set(case.blocks) <= BLOCKS


def test_titles_are_unique() -> None:
    """A case is known by its page and title."""
    assert [] == [key for key, count in Counter((case.page, case.title) for case in CASES).items() if count > 1]
