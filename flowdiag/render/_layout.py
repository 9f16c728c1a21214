"""The columns that every surface with a fixed-width path shares: marks, display width, and the picture of the path."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from flowdiag.model import RuleVerdict
from flowdiag.picture import Group, Row

MARKS: dict[RuleVerdict | None, str] = {"allowed": "✓", "blocked": "✗", "partial": "~", "inconclusive": "?", None: "·"}
WIDEST_COLUMN = 40  # a longer name moves its own row only, not every row of the picture
_GAPS = {True: (3, 3, 6), False: (2, 3, 3)}  # after the cells of an endpoint, of a hop

Paint = Callable[[str, str], str]
"""(style, text) → text; the styles are the words of RuleVerdict, `dim` and `bold`."""


def plain(_style: str, text: str) -> str:
    """No paint."""
    return text


def display_width(text: str) -> int:
    """Columns a terminal gives the text: two for East Asian wide characters, none for combining and joining ones."""
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def padded(text: str, width: int) -> str:
    """The text, filled up with spaces to a display width."""
    return text + " " * max(0, width - display_width(text))


def picture(groups: Iterable[Group], paint: Paint = plain) -> list[str]:
    """The path as lines: endpoints at the margin, hops with their mark below them, columns aligned over all groups."""
    groups = tuple(groups)
    rows = [row for group in groups for row in group.rows]
    widths = {kind: _widths([row for row in rows if row.endpoint is kind]) for kind in (True, False)}
    lines: list[str] = []
    for group in groups:
        if group.title:
            lines += ([""] if lines else []) + [f"  {paint('bold', group.title)}"]
        lines += [_line(row, widths[row.endpoint], paint) for row in group.rows]
    return lines


def _widths(rows: Sequence[Row]) -> tuple[int, ...]:
    """The width of each column, measured on the rows in which something follows it."""
    columns: list[int] = []
    for place in range(3):
        cells = [row.cells[place] for row in rows if any((*row.cells[place + 1 :], row.note))]
        columns.append(max((min(display_width(cell), WIDEST_COLUMN) for cell in cells), default=0))
    return tuple(columns)


def _line(row: Row, widths: tuple[int, ...], paint: Paint) -> str:
    gaps = _GAPS[row.endpoint]
    note_column = widths[2] if row.endpoint else 0
    columns = (widths[0], widths[1], note_column)
    cells = [padded(cell, width) + " " * gap for cell, width, gap in zip(row.cells, columns, gaps, strict=True)]
    text = ("".join(cells) + row.note).rstrip()
    if row.endpoint:
        return f"  {paint('dim' if row.behind else 'bold', text)}"
    return f"    {paint(row.mark or 'dim', MARKS[row.mark])} {paint('dim', text) if row.behind else text}"
