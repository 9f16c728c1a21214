"""Decision tables: read one from Markdown, prove it complete and disjoint, evaluate it, and find the page of a code.

A table file in `rules/` holds one Markdown table in the manner of DMN (https://www.omg.org/spec/DMN): the top-left
cell is the hit policy, columns up to `verdict` (or the first output named in OUTPUTS) are inputs, the rest outputs. The
values of a column stand in its header in brackets, or in a list above the table: - `column`: one, other.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import Formatter

from flowdiag.error import FlowdiagError

OUTPUTS = ("verdict", "status", "symptom", "relation", "cause", "silence", "answer", "headline")
DEFAULT_VALUES = ("yes", "no", "unknown")
MOST_INPUTS = 6
_HEADER = re.compile(r"^(?P<name>[^()]+?)\s*(?:\((?P<values>[^)]*)\))?$")
_LISTED = re.compile(r"^- (?P<names>`[^`]+`(?:, `[^`]+`)*): (?P<values>.+)$", re.M)
_CAUSE = re.compile(r"^\*\*Cause\*\*: (.+)$", re.M)
_CODE = re.compile(r"^[A-Z]{1,3}\d{3}$")


class TableError(FlowdiagError):
    """A table that cannot be read or proved: the sentence names the file, the row and the reason."""


@dataclass(frozen=True)
class Input:
    """One input column: its name and every value it can take."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """One row: its code, the values each input cell admits, and its outputs."""

    code: str
    cells: tuple[frozenset[str], ...]
    outputs: Mapping[str, str]

    def __getitem__(self, output: str) -> str:
        return self.outputs[output]


@dataclass
class Table:
    """A decision table: inputs, rules in order, and the manual section of every rule.

    `cause` is the cause of the table `symptom` that its findings count for, empty for none.
    """

    name: str
    policy: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    rules: tuple[Rule, ...]
    sections: Mapping[str, Mapping[str, str]]
    titles: Mapping[str, str]
    cause: str = ""
    _hits: dict[tuple[str, ...], Rule] = field(default_factory=dict, repr=False)

    def evaluate(self, values: Mapping[str, str]) -> Rule:
        """The one rule that hits; raises TableError where an input is missing, unknown to the table, or none hits."""
        key = tuple(values.get(column.name, "") for column in self.inputs)
        hit = self._hits.get(key)
        if hit is None:
            hit = self._hits[key] = self._search(key, values)
        return hit

    def speaks_like(self, other: Table) -> None:
        """Raise TableError where this table uses an output word or a `{…}` that the other, whose place it takes, does not."""
        if self.outputs != other.outputs:
            raise TableError(f"table {self.name}: its outputs have to be {', '.join(other.outputs)}, in this order")
        if self.cause != other.cause:
            needed = f"needs the line **Cause**: {other.cause}" if other.cause else "takes no line **Cause**"
            raise TableError(f"table {self.name}: {needed} above its columns")
        for output, rule in ((output, rule) for rule in self.rules for output in self.outputs):
            if output == "headline":
                strange = _placeholders(self.name, rule) - {n for r in other.rules for n in _placeholders(other.name, r)}
            else:
                strange = {rule.outputs[output]} - {r.outputs[output] for r in other.rules}
            if strange:
                said = sorted(strange)[0]
                raise TableError(f"table {self.name}, {rule.code}: {output} says {said!r}, which nothing produces")

    def aws_code(self, code: str) -> str | None:
        """The Reachability Analyzer's code for a rule, where AWS has one."""
        return self.sections.get(code, {}).get("AWS code", "").strip().strip("`") or None

    def page(self, code: str) -> str:
        """The first documentation page of a rule's References."""
        return next(iter(self.sections.get(code, {}).get("References", "").split()), "")

    def why(self, code: str) -> str:
        """The first sentence of a rule's Why."""
        return self.sections.get(code, {}).get("Why", "").split("\n\n")[0].replace("\n", " ")

    def _search(self, key: tuple[str, ...], values: Mapping[str, str]) -> Rule:
        surplus = set(values) - {column.name for column in self.inputs}
        if surplus:
            raise TableError(f"table {self.name}: no input column named {', '.join(sorted(surplus))}")
        for column, value in zip(self.inputs, key, strict=True):
            if value not in column.values:
                raise TableError(f"table {self.name}: {column.name} is {value!r}, not one of {', '.join(column.values)}")
        hits = _hits(self.rules, key)
        if len(hits) != 1:
            raise TableError(f"table {self.name}: {len(hits)} rules hit {dict(values)}: {[rule.code for rule in hits]}")
        return hits[0]

    def prove(self) -> None:
        """Enumerate every combination of inputs; raises TableError at the first gap or overlap."""
        for key in itertools.product(*(column.values for column in self.inputs)):
            hits = _hits(self.rules, key)
            if len(hits) != 1:
                named = ", ".join(f"{c.name}={v}" for c, v in zip(self.inputs, key, strict=True))
                rules = f"rules {', '.join(rule.code for rule in hits)} all hit" if hits else "no rule hits"
                raise TableError(f"table {self.name}: {rules} {named}")


def _placeholders(table: str, rule: Rule) -> set[str]:
    """The names in braces of a headline; raises TableError where its braces do not fit."""
    try:
        return {name for _, name, _, _ in Formatter().parse(rule.outputs.get("headline", "")) if name is not None}
    except ValueError as error:
        raise TableError(f"table {table}, {rule.code}: the headline cannot be read ({error})") from None


def _hits(rules: tuple[Rule, ...], key: tuple[str, ...]) -> list[Rule]:
    return [rule for rule in rules if all(value in cell for value, cell in zip(key, rule.cells, strict=True))]


# ---------------------------------------------------------------- where tables are


def _is_folder(path: str | Path) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # a name longer than the file system takes, or a folder one may not enter
        return False


def bundled() -> Path:
    """The folder of tables that ships with flowdiag: inside the wheel, or beside the package in a source tree."""
    inside = Path(__file__).parent / "rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "rules"


@dataclass(frozen=True)
class Rules:
    """All tables by name; a table of the user's own folder stands in for the bundled one of the same name.

    A table is read once, so that one question is answered by one state of it; what was edited since is read by the next.
    """

    folders: tuple[Path, ...]
    _known: dict[str, Table] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def load(cls, own: str | Path | None = None) -> Rules:
        """The bundled tables, with those of `own` in front; raises TableError where one's own cannot be read or proved."""
        if own is None:
            return cls((bundled(),))
        if not _is_folder(own):
            raise TableError(f"rules={str(own)!r} is no folder: give a folder of Markdown decision tables")
        rules, known = cls((Path(own), bundled())), cls((bundled(),)).names()
        names = sorted(path.stem for path in Path(own).glob("*.md") if path.stem != "README")
        strange = [name for name in names if name not in known]
        if strange or not names:
            what = f"holds {strange[0]}.md, which no question asks" if strange else "holds no decision table"
            raise TableError(f"rules={str(own)!r} {what}: name a table like one of {', '.join(known)} (.md)")
        for name in names:
            rules.table(name).prove()
            rules.table(name).speaks_like(cls((bundled(),)).table(name))
        return rules

    def table(self, name: str) -> Table:
        """The table called `name`; raises TableError where there is none."""
        if name not in self._known:
            path = next((folder / f"{name}.md" for folder in self.folders if (folder / f"{name}.md").is_file()), None)
            if path is None:
                raise TableError(f"no decision table named {name} in {', '.join(map(str, self.folders))}")
            self._known[name] = _read(path, path.stat().st_mtime_ns)
        return self._known[name]

    def names(self) -> tuple[str, ...]:
        """Every table's name, sorted."""
        return tuple(sorted({p.stem for folder in self.folders for p in folder.glob("*.md") if p.stem != "README"}))

    def page(self, code: str) -> tuple[str, Rule, Mapping[str, str]] | None:
        """The table name, row and manual section of a code; None where no table has it."""
        for name in self.names():
            path = next(f / f"{name}.md" for f in self.folders if (f / f"{name}.md").is_file())
            if re.search(rf"^\|\s*{re.escape(code)}\s*\|", _text(path), flags=re.M):
                table = self.table(name)
                rule = next((r for r in table.rules if r.code == code), None)
                if rule:
                    return name, rule, table.sections.get(code, {})
        return None

    def headlines(self) -> tuple[tuple[str, str], ...]:
        """Every code with its headline, sorted."""
        rules = (rule for name in self.names() for rule in self.table(name).rules)
        return tuple(sorted((rule.code, self._title(rule)) for rule in rules))

    def _title(self, rule: Rule) -> str:
        """The headline, or the title of the manual page where the headline is only somebody else's words."""
        headline = rule.outputs.get("headline", "")
        if headline.strip("{}-") not in ("headline", "wire", ""):
            return headline
        return next((table.titles[rule.code] for name in self.names() if rule in (table := self.table(name)).rules), "")

    def codes(self) -> tuple[str, ...]:
        """Every code of every table, sorted."""
        return tuple(sorted(rule.code for name in self.names() for rule in self.table(name).rules))


def manual(rules: Rules, code: str) -> str:
    """The manual page of a code as text; raises TableError where no table has it."""
    found = rules.page(code)
    if found is None:
        near = ", ".join(c for c in rules.codes() if c.startswith(code[:2]))
        way = f"did you mean one of {near}?" if near else "`flowdiag explain` lists them all"
        raise TableError(f"no rule has the code {code!r}: {way}")
    name, rule, section = found
    table = rules.table(name)
    when = ", ".join(f"{column.name}: {_shown(column, cell)}" for column, cell in zip(table.inputs, rule.cells, strict=True))
    says = " · ".join(f"{output}: {word}" for output, word in rule.outputs.items() if output != "headline" and word)
    parts = [f"{code}  {rule.outputs.get('headline', '')}", f"table {name} · {says}", f"when {when}"]
    return "\n\n".join([*parts, *(f"{title}\n{body}" for title, body in section.items())])


def _shown(column: Input, cell: frozenset[str]) -> str:
    return "any" if cell == frozenset(column.values) else " or ".join(value for value in column.values if value in cell)


# ---------------------------------------------------------------- reading Markdown


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Table:
    try:
        return parse(path.stem, _text(path))
    except TableError as error:
        raise error if str(path) in str(error) else TableError(f"{str(path)!r}: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"table {str(path)!r} cannot be read ({error}): save it as UTF-8 text") from error


def parse(name: str, text: str) -> Table:
    """A table from its Markdown; raises TableError with the row that cannot be read."""
    head = text.split("\n## ", 1)[0]
    lines = [line for line in head.splitlines() if line.startswith("|")]
    if len(lines) < 3:
        raise TableError(
            f"table {name}: no Markdown table with a header, a rule line and a row was found: write one as rules/README.md shows"
        )
    header, rows = _cells(lines[0]), [_cells(line) for line in lines[2:]]
    listed = _listed(head.split("\n|", 1)[0])
    first_output = next((i for i, cell in enumerate(header) if cell in OUTPUTS and cell not in listed), None)
    if header[0] != "U" or first_output is None:
        raise TableError(f"table {name}: the header needs the hit policy U first and an output column ({', '.join(OUTPUTS)})")
    inputs = tuple(_input(name, cell, listed) for cell in header[1:first_output])
    if len(inputs) > MOST_INPUTS:
        raise TableError(f"table {name}: {len(inputs)} inputs, where {MOST_INPUTS} is the most a person can check")
    outputs = tuple(header[first_output:])
    rules = tuple(_rule(name, row, inputs, outputs) for row in rows)
    titles = dict(re.findall(r"^## (\S+) +(.+)$", text, flags=re.M))
    cause = _CAUSE.search(head)
    return Table(name, header[0], inputs, outputs, rules, dict(_sections(text)), titles, cause[1].strip() if cause else "")


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _listed(prose: str) -> dict[str, str]:
    """The values of columns that are listed above the table, for headers that would be too wide to read with them."""
    return {name: found["values"] for found in _LISTED.finditer(prose) for name in re.findall(r"`([^`]+)`", found["names"])}


def _input(table: str, cell: str, listed: Mapping[str, str]) -> Input:
    match = _HEADER.match(cell)
    if not match:
        raise TableError(f"table {table}: cannot read the input column {cell!r}")
    given = match["values"] or listed.get(match["name"].strip(), "")
    values = tuple(v.strip() for v in given.split(",")) if given else DEFAULT_VALUES
    return Input(match["name"].strip(), values)


def _rule(table: str, row: list[str], inputs: tuple[Input, ...], outputs: tuple[str, ...]) -> Rule:
    if len(row) != 1 + len(inputs) + len(outputs):
        raise TableError(f"table {table}: row {row[0]!r} has {len(row)} cells, the header {1 + len(inputs) + len(outputs)}")
    if not _CODE.match(row[0]):
        raise TableError(f"table {table}: {row[0]!r} is no rule code (one to three capitals and three digits)")
    cells = tuple(_cell(table, row[0], column, cell) for column, cell in zip(inputs, row[1:], strict=False))
    return Rule(row[0], cells, dict(zip(outputs, row[1 + len(inputs) :], strict=True)))


def _cell(table: str, code: str, column: Input, cell: str) -> frozenset[str]:
    if cell == "-":
        return frozenset(column.values)
    values = frozenset(value.strip() for value in cell.split(","))
    if not values <= set(column.values):
        raise TableError(f"table {table}, {code}: {cell!r} is not among the values of {column.name} ({', '.join(column.values)})")
    return values


def _sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """`## SG102 …` followed by `**Why**: …` paragraphs, by code."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        code, _, body = part.partition("\n")
        found = re.split(r"^\*\*([A-Z][A-Za-z ]+)\*\*:?\s*", body, flags=re.M)
        section = {title: words.strip() for title, words in zip(found[1::2], found[2::2], strict=True)}
        yield code.split()[0], section
