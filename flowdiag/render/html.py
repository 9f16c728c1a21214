"""Notebooks and web pages: one fragment that carries its own styles, runs no script and fits light and dark themes.

Foreign text is escaped; styles reach only what is inside the root's class. What a reader may want folded away (a reply
that passes, evidence, log lines, long lists of unread) is a `<details>`, open where it holds the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from flowdiag.picture import Group, Row
from flowdiag.render._layout import MARKS
from flowdiag.report import Block, Line, Report

ROOT = "flowdiag-report"
MOST_DETAILS = 200
FOLD_ABOVE = 3

_LIGHT = (
    "--fd-page:#ffffff;"
    "--fd-text:#1f2328;--fd-dim:#59636e;--fd-line:#d1d9e0;--fd-well:#f6f8fa;--fd-good:#1a7f37;--fd-bad:#cf222e;--fd-warn:#8a5a00"
)
_DARK = (
    "--fd-page:#0d1117;"
    "--fd-text:#e6edf3;--fd-dim:#9da7b1;--fd-line:#3d444d;--fd-well:#20262d;--fd-good:#4ac26b;--fd-bad:#ff7b72;--fd-warn:#e3b341"
)
# The reader's system decides, unless JupyterLab or VS Code says which theme the page really has.
_STYLE = f"""
.{ROOT}{{{_LIGHT};color:var(--fd-text);background:var(--fd-page);padding:.6em .8em;border-radius:6px}}
.{ROOT}{{font-size:13px;line-height:1.5;max-width:72em}}
@media (prefers-color-scheme:dark){{.{ROOT}{{{_DARK}}}}}
[data-jp-theme-light="true"] .{ROOT},body.vscode-light .{ROOT},body.vscode-high-contrast-light .{ROOT}{{{_LIGHT}}}
[data-jp-theme-light="false"] .{ROOT},body.vscode-dark .{ROOT},
body.vscode-high-contrast:not(.vscode-high-contrast-light) .{ROOT}{{{_DARK}}}
.{ROOT} .fd-title{{font-size:15px;font-weight:600;margin:0 0 .6em;overflow-wrap:anywhere}}
.{ROOT} .fd-code,.{ROOT} .fd-dim,.{ROOT} .fd-name,.{ROOT} summary{{color:var(--fd-dim);font-weight:400}}
.{ROOT} .fd-way{{display:table;border-spacing:0;margin:.2em 0 .6em;font-family:ui-monospace,Menlo,Consolas,monospace}}
.{ROOT} .fd-row{{display:table-row}}
.{ROOT} .fd-row>span{{display:table-cell;padding:1px 1em 1px 0;overflow-wrap:break-word}}
.{ROOT} .fd-row>.fd-mark{{padding:1px .6em 1px 1.2em;font-weight:700}}
.{ROOT} .fd-end>span{{font-weight:600}}
.{ROOT} .fd-end>span:first-child{{max-width:24em}}
.{ROOT} .fd-behind>span{{opacity:.75}}
.{ROOT} .fd-block{{display:flex;gap:1em;margin:.25em 0}}
.{ROOT} .fd-name{{flex:0 0 5.5em}}
.{ROOT} .fd-said{{flex:1;min-width:0;overflow-wrap:anywhere}}
.{ROOT} code.fd-command{{display:block;margin:.2em 0 .4em;padding:.4em .6em;background:var(--fd-well);
 border:1px solid var(--fd-line);border-radius:4px;color:var(--fd-text);white-space:pre-wrap;overflow-wrap:anywhere;
 font-family:ui-monospace,Menlo,Consolas,monospace}}
.{ROOT} details{{margin:.2em 0}}
.{ROOT} summary{{cursor:pointer}}
.{ROOT} .fd-allowed{{color:var(--fd-good)}}
.{ROOT} .fd-blocked{{color:var(--fd-bad)}}
.{ROOT} .fd-partial,.{ROOT} .fd-inconclusive{{color:var(--fd-warn)}}
"""
_VERDICT_STYLE = {"reachable": "allowed", "blocked": "blocked", "broken": "blocked"}


def render(report: Report) -> str:
    """The report as an HTML fragment: one `<div class="flowdiag-report">` with its styles inside."""
    fragment = f'<div class="{ROOT}"><style>{_STYLE}</style>{_title(report)}{_blocks(report)}</div>'
    # ASCII alone reads the same whatever character set a page or a server claims.
    return fragment.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _title(report: Report) -> str:
    style = _VERDICT_STYLE.get(report.verdict, "partial")
    code = f' <span class="fd-code">[{escape(report.code)}]</span>' if report.code else ""
    told = escape(f"{report.subject}: {report.headline}")
    return f'<p class="fd-title"><span class="fd-{style}">{escape(report.verdict.upper())}</span> {told}{code}</p>'


def _blocks(report: Report) -> str:
    """Every block; a long list of unread is folded away unless it is why there is no verdict."""
    folds = {"unread"} if report.verdict != "inconclusive" else set()
    return "".join(_block(block, fold=block.name in folds and len(block.lines) > FOLD_ABOVE) for block in report.blocks)


def _block(block: Block, *, fold: bool) -> str:
    details = _details(block) if block.details else ""
    if block.groups:
        return "".join(map(_group, block.groups)) + details
    lines = "".join(map(_line, block.lines))
    said = _fold(f"{len(block.lines)} things were not read", lines, unfolded=False) if fold else lines
    name = f'<div class="fd-name">{escape(block.name)}</div>'
    return f'<div class="fd-block">{name}<div class="fd-said">{said}{details}</div></div>'


# ---------------------------------------------------------------- the path


def _group(group: Group) -> str:
    """The only way stands open; one of several, or a reply, is open where something on it does not pass."""
    rows = f'<div class="fd-way">{"".join(map(_row, group.rows))}</div>'
    if not group.title:
        return rows
    troubled = any(row.mark not in (None, "allowed") for row in group.rows)
    return _fold(escape(group.title), rows, unfolded=troubled)


def _row(row: Row) -> str:
    style = "fd-row fd-end" if row.endpoint else "fd-row"
    style += " fd-behind" if row.behind else ""
    cells = row.cells if row.endpoint else ("", *row.cells)
    spans = [f"<span>{escape(cell)}</span>" for cell in cells]
    if not row.endpoint:
        word = row.mark or "passes on"
        spans[0] = f'<span class="fd-mark fd-{row.mark or "dim"}" title="{word}">{MARKS[row.mark]}</span>'
    note = f"<span>{escape(row.note)}</span>" if row.note else ""
    return f'<div class="{style}">{"".join(spans)}{note}</div>'


# ---------------------------------------------------------------- the sentences


def _line(line: Line) -> str:
    mark = f'<span class="fd-{line.mark}">{MARKS[line.mark]}</span> ' if line.mark else ""
    note = f' <span class="fd-dim">{escape(line.note)}</span>' if line.note else ""
    command = f'<code class="fd-command">{escape(line.command)}</code>' if line.command else ""
    return f"<div>{mark}{escape(line.text)}{note}{command}</div>"


def _details(block: Block) -> str:
    title = "evidence" if block.groups else "log lines"
    return _fold(f"{title} ({len(block.details)})", "".join(_capped(block.details)), unfolded=False)


def _capped(lines: Iterable[Line]) -> Iterator[str]:
    lines = tuple(lines)
    yield from map(_line, lines[:MOST_DETAILS])
    if len(lines) > MOST_DETAILS:
        yield f"<div>… {len(lines) - MOST_DETAILS} more</div>"


def _fold(summary: str, body: str, *, unfolded: bool) -> str:
    return f"<details{' open' if unfolded else ''}><summary>{summary}</summary>{body}</details>"
