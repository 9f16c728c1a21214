"""The terminal: aligned columns of plain text, with colour where the caller knows that the terminal shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from flowdiag.render._layout import MARKS, Paint, display_width, padded, picture, plain
from flowdiag.report import Block, Line, Report

CODE_ENDS, NOTE_STARTS, LABEL = 102, 54, 9
_SGR = {"allowed": "32", "blocked": "31", "partial": "33", "inconclusive": "33", "dim": "2", "bold": "1"}
_VERDICT_STYLE = {"reachable": "allowed", "blocked": "blocked", "broken": "blocked"}


def render(report: Report, *, colour: bool = False, width: int | None = None) -> str:
    """The report as text without a final newline.

    `colour` adds ANSI colours; `width` wraps sentences at that many columns (the path and commands stay on their line,
    so that they can be read and pasted), None leaves them to the terminal.
    """
    paint = _ansi if colour else plain
    lines = [*_headline(report, paint, width), ""]
    for block in report.blocks:
        lines += [*picture(block.groups, paint), ""] if block.groups else []
        lines += _block(block, paint, width)
    return "\n".join(lines)


def _ansi(style: str, text: str) -> str:
    return f"\x1b[{_SGR[style]}m{text}\x1b[0m" if text else text


def _headline(report: Report, paint: Paint, width: int | None) -> Iterator[str]:
    """The title, and the code at the right margin."""
    code = f"[{report.code}]" if report.code else ""
    *above, last = _wrapped(report.title, width, hang=LABEL)
    end = min(width or CODE_ENDS, CODE_ENDS)
    if code and width and display_width(last) + 2 + len(code) > width:
        above, last = [*above, last], " " * LABEL
    whole = [*above, f"{padded(last, end - len(code) - 2)}  {code}".rstrip() if code else last]
    word = report.verdict.upper()
    style = _VERDICT_STYLE.get(report.verdict, "partial")
    yield paint("bold", paint(style, word)) + whole[0].removeprefix(word)
    yield from whole[1:]


def _block(block: Block, paint: Paint, width: int | None) -> Iterator[str]:
    indent = max(LABEL, len(block.name) + 2)
    for position, line in enumerate(block.lines):
        label = padded(block.name if position == 0 else "", indent)
        first, *rest = _sentence(line, paint, width, indent)
        yield f"{paint('dim', label)}{first}" if label.strip() else f"{label}{first}"
        yield from (" " * indent + text for text in rest)


def _sentence(line: Line, paint: Paint, width: int | None, indent: int) -> Iterator[str]:
    """The text with its note beside it (below it where there is no room), then the command on a line of its own."""
    mark = f"{MARKS[line.mark]} " if line.mark else ""
    *above, last = _wrapped(mark + line.text, width and width - indent)
    beside = f"{padded(last, NOTE_STARTS - indent - 2)}  {line.note}" if line.note else last
    if width and line.note and indent + display_width(beside) > width:
        beside = f"{last}  {line.note}" if indent + display_width(f"{last}  {line.note}") <= width else ""
    lines = [*above, beside] if beside else [*above, last, line.note]
    if mark and line.mark:
        lines[0] = paint(line.mark, mark[0]) + lines[0][1:]
    yield from lines
    if line.command:
        yield line.command


def _wrapped(text: str, width: int | None, hang: int = 0) -> list[str]:
    """The text in lines of at most `width` columns, the later ones indented by `hang`; long words stay whole."""
    if width is None:
        return [text]
    room = max(width, 20)
    return textwrap.wrap(text, room, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False) or [""]
