"""GitHub-flavoured Markdown: for a ticket, a pull request or a post-mortem; the path stays in fixed width in a fence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flowdiag.render._layout import MARKS, picture
from flowdiag.report import Block, Line, Report

MOST_DETAILS = 50
_ACTIVE = re.compile(r"[\\`*_\[\]<>|~$&!]")
_HEADING = re.compile(r"#(?!\d)")
_LINKS = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp):")
_WWW = re.compile(r"(?i)\b(www)\.")
_SUMMONS = re.compile(r"(@|#(?=\d))(?=\w)")
_PAGE = re.compile(r"https://[\w./#?=%~:-]+")  # of nothing that could end a link
_OPENS_BLOCK = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")


def render(report: Report) -> str:
    """The report as Markdown with a final newline; foreign text can neither format, link, nor notify anybody."""
    code = f" `{report.code}`" if report.code else ""
    parts = [f"**{report.verdict.upper()}** {escaped(f'{report.subject}: {report.headline}')}{code}"]
    for block in report.blocks:
        parts += _block(block)
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """The text as GitHub shows it literally.

    Backslashes take the meaning from formatting characters (https://github.github.com/gfm/#backslash-escapes). They do
    not stop GitHub from turning `@name` and `#1` into links afterwards, so a zero-width space parts those.
    """
    text = _ACTIVE.sub(r"\\\g<0>", text)
    text = _HEADING.sub(r"\#", text)
    text = _LINKS.sub(r"\1\\:", text)
    text = _WWW.sub(r"\1\\.", text)
    text = _SUMMONS.sub("\\1\u200b", text)
    return _OPENS_BLOCK.sub(_literal_opening, text).strip()


def _literal_opening(match: re.Match[str]) -> str:
    """A list or heading sign at the start of a line; digits take the backslash behind them."""
    return f"{match[2]}\\" if match[2].isdigit() else f"\\{match[2]}"


def fenced(lines: Iterable[str], language: str = "") -> str:
    """The lines as a code block whose fence is longer than any run of backticks in it."""
    body = "\n".join(lines)
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _block(block: Block) -> Iterator[str]:
    if block.groups:
        yield fenced(picture(block.groups), "text")
    if len(block.lines) == 1:
        yield f"**{block.name}** {_sentence(block.lines[0])}"
    elif block.lines:
        yield f"**{block.name}**"
    commands = [line.command for line in block.lines if line.command]
    if len(block.lines) > 1:
        yield "\n".join(f"- {_sentence(line)}" for line in block.lines)
    if commands:
        yield fenced(commands, "sh")
    if block.details:
        yield from _details(block)


def _sentence(line: Line) -> str:
    parts = (MARKS[line.mark] if line.mark else "", _linked(line), escaped(line.note))
    return " ".join(part for part in parts if part)


def _linked(line: Line) -> str:
    """The text as GitHub shows it literally, but for the page of the line's table, which can be followed."""
    before, page, after = line.text.rpartition(line.page) if _PAGE.fullmatch(line.page) else (line.text, "", "")
    return f"{escaped(before)}<{page}>{escaped(after)}" if page else escaped(line.text)


def _details(block: Block) -> Iterator[str]:
    title = "evidence" if block.groups else "log lines"
    shown = [f"{line.text}  {line.note}".rstrip() for line in block.details[:MOST_DETAILS]]
    more = len(block.details) - len(shown)
    yield f"<details><summary>{title}</summary>"
    yield fenced([*shown, f"… {more} more"] if more else shown, "text")
    yield "</details>"
