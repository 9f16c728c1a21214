"""The direction of imports: a module knows only those below it, its neighbours of one layer are strangers to it.

Read LAYERS from the top: that is the order in which the code is told, and the order to read it in.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "flowdiag"
FACE = "flowdiag"  # the package itself, whose names a user imports

LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),  # python -m flowdiag
    ("cli",),  # the command line
    (FACE,),  # the public face
    ("listing",),  # records as a person or a machine reads them
    ("diagnosis", "flows"),  # the story from the question to the diagnosis, and to the records alone
    ("pair",),  # where records of two ends would stand
    ("reading",),  # what a question is answered from
    ("gather",),  # live evidence: walk and fetch in turn
    ("collect", "graph", "remedy", "wire", "conclude", "question", "render", "render.[!_]*"),  # the stages
    ("render._*",),  # what surfaces share
    ("openings", "openings.[!b]*"),  # how one kind of blocker is opened
    ("openings.blocker",),
    ("outcome",),  # which connections tell
    ("judging",),  # how each connection fared
    ("symptom",),
    (
        "passage",
        "connection",
        "agreement",
        "traffic_path",
        "silence",
        "consulted",
    ),  # where on the path a packet was lost, what one connection is
    (
        "resolve",
        "snapshot",
        "report",
        "policy",
        "path_mtu",
        "sighting",
        "coverage",
        "signs",
        "parting",
        "stretches",
        "course",
        "differential",
        "sources",
        "columns",
        "conversations",
    ),
    ("table",),
    ("loss",),  # what gateways count as lost
    ("listening", "hosts", "contrast", "reach", "halves", "repeats", "points", "tcp"),  # who could have seen it, and when
    ("naming", "store", "calls", "picture", "lacking"),
    ("folder", "index", "unnamed"),
    ("capture",),
    ("components", "components.*", "logs.[!lr_]*"),  # one AWS resource, one log source: a file each
    ("logs._tables",),  # which tables there are to ask
    ("logs._several", "logs._insights", "logs._objects", "logs._sql", "logs._contents"),  # what log sources share
    ("logs._parallel", "logs._waiting", "logs._delivery", "logs._keys", "logs._amount", "logs._grant", "logs._ranges"),
    ("access",),  # the one door to AWS
    ("accounts",),  # which accounts it opens to
    ("fault",),
    ("service", "nameservers", "detour"),  # what managed services share; whom hosts ask for names; where routers would send
    ("logs._stream", "logs._parquet"),  # text packed or not, and columns
    ("logs._unpack", "logs._rows"),  # chunks to text; the rows of files of the same columns
    ("logs._columns", "logs._scan", "logs._footer"),  # which rows of a file matter
    ("logs._layouts",),  # which layout a line has
    ("logs.lines", "logs._wrapped"),
    ("logs._block", "logs._json", "logs.record"),
    ("logs._needle",),
    ("logs", "component"),  # what a log source is, what a component is
    ("logs._tally",),  # what it saw
    ("logs._sought",),  # what it is asked
    ("address", "named", "balancing", "inspection"),
    ("model",),  # the words
    ("error", "demo", "times"),
)

# Edges that go down as they should and still need a word, because one file would seem enough for the work.
UNUSUAL = {
    ("openings.network_acl", "components.network_acl"): "which entry matches first is known there; a second copy could differ",
}

# The libraries that may be imported, and by whom; a pattern as in LAYERS.
ONLY_IN = {
    "boto3": ("access",),
    "botocore": ("access",),
    "networkx": ("graph",),
    "slack_sdk": ("render.slack",),
    "click": ("cli",),
    "polars": ("columns", "logs._parquet"),
    "pyarrow": ("logs._footer",),
}

EDGE = tuple[str, str]


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its name without the leading `flowdiag.`."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__") or FACE] = file
    return found


def layers_of(module: str) -> list[int]:
    """The numbers of the layers that name the module, the top one first."""
    return [number for number, layer in enumerate(LAYERS) if any(fnmatchcase(module, pattern) for pattern in layer)]


def statements(file: Path, types_too: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import of a file, those inside functions too; without those that only a type checker sees, where asked."""
    pending: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        pending += node.orelse if typing_only and not types_too else ast.iter_child_nodes(node)


def imported(file: Path, types_too: bool = True) -> Iterator[str]:
    """The full names that a file imports: `flowdiag.model` where `Flow` comes from there, a module where it is one."""
    for statement in statements(file, types_too):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
            continue
        assert statement.level == 0, f"{file}: a relative import hides which module it means"
        base = statement.module or ""
        for alias in statement.names:
            whole = f"{base}.{alias.name}"
            yield whole if whole.removeprefix("flowdiag.") in modules() else base


@cache
def edges() -> tuple[EDGE, ...]:
    """Every (module, module it imports) inside the package."""
    return tuple(
        (module, name.removeprefix("flowdiag."))
        for module, file in modules().items()
        for name in dict.fromkeys(imported(file))
        if name == FACE or name.startswith("flowdiag.")
    )


def test_every_module_has_one_layer() -> None:
    """A new file finds its place by a pattern, or somebody decides where it belongs."""
    assert dict.fromkeys(modules(), 1) == {module: len(layers_of(module)) for module in modules()}


def test_every_layer_names_something() -> None:
    """A pattern that fits no module is left over from one that is gone."""
    patterns = [pattern for layer in LAYERS for pattern in layer]
    assert [] == [pattern for pattern in patterns if not any(fnmatchcase(module, pattern) for module in modules())]


def test_imports_go_down_and_never_sideways() -> None:
    """Each import leads to a lower layer; modules of one layer do not know each other."""
    wrong = [(one, other) for one, other in edges() if layers_of(one)[0] >= layers_of(other)[0]]
    assert [] == wrong


def test_nobody_names_a_single_component_or_source_or_surface() -> None:
    """They are found by discovery, so that a new one is one new file; exceptions carry their reason."""
    shared = {"logs.lines", "logs.record", "openings.blocker"}
    shared |= {module for module in modules() if module.startswith(("render._", "logs._"))}
    found = {"components", "logs", "openings", "render"}
    named = {
        (one, other)
        for one, other in edges()
        if "." in other and other.split(".")[0] in found and other not in shared and not one.startswith(other)
    }
    assert set(UNUSUAL) == named


def test_a_component_knows_only_the_words() -> None:
    """A component is written in these few modules alone."""
    known = {other for one, other in edges() if one.startswith("components.")}
    assert known <= {
        "component", "model", "address", "named", "service", "nameservers", "balancing", "inspection", "detour",
    }  # fmt: skip


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_has_one_door(library: str) -> None:
    """What talks to AWS, draws graphs, builds Slack messages or reads the command line can be replaced in one file."""
    users = [
        module
        for module, file in modules().items()
        if any(name.split(".")[0] == library for name in imported(file, types_too=False))
    ]
    assert list(ONLY_IN[library]) == users


def test_no_other_library_is_used() -> None:
    """Every foreign import is the standard library's or one that pyproject.toml declares; pydantic_core is a part of pydantic."""
    import sys

    foreign = {name.split(".")[0] for file in modules().values() for name in imported(file)}
    assert {"pydantic", "pydantic_core", *ONLY_IN} == foreign - {FACE} - set(sys.stdlib_module_names)
