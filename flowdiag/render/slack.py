"""Slack: a Block Kit message through slack_sdk's own models, inside the limits that Slack refuses messages for.

Only the tail is ever cut, and the last block says what was cut. Block Kit and its limits:
https://docs.slack.dev/reference/block-kit/blocks, escaping: https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flowdiag.model import FlowdiagError
from flowdiag.render._layout import MARKS, picture
from flowdiag.report import Block, Line, Report

HEADER, SECTION, BLOCKS = 150, 3000, 50
TOTAL = 9_800  # of JSON; messages beyond about 11,000 characters are refused although no document says so
RESERVE = 400  # what the last block, which names the cut, may take of TOTAL
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SUMMONS = re.compile(r"@(?=\w)")
_UNITS = re.compile(r"&(?:amp|lt|gt);|.", re.DOTALL)  # what may not be split

Part = tuple[str, str]
"""(name of the report's block, mrkdwn of one section)."""


def render(report: Report) -> dict[str, Any]:
    """`{"text": fallback, "blocks": […]}`, to be given to `chat.postMessage` or a webhook as it is.

    Foreign text neither notifies nor links. Raises FlowdiagError where the extra `flowdiag[slack]` is not installed.
    """
    whole = report.title + (f"  [{report.code}]" if report.code else "")
    short = _shortened(whole, HEADER)
    again = [("title", text) for text in _chunks(whole, SECTION)] if short.endswith("…") else []
    parts = [*again, *(part for block in report.blocks for part in _parts(block))]
    return {"text": _shortened(whole, SECTION), "blocks": _within_limits(_header(short), parts)}


def escaped(text: str) -> str:
    """The text with `& < >` as entities; a zero-width space keeps `@name` and three backticks from meaning anything."""
    return _literal(_SUMMONS.sub("@\u200b", text))


def _literal(text: str) -> str:
    """The text as a fence shows it: nobody is notified from within one, and a command must stay as it is."""
    return "".join(_ENTITIES.get(character, character) for character in text.replace("```", "`\u200b`\u200b`"))


def _shortened(text: str, limit: int) -> str:
    """The text escaped, in at most `limit` characters; one that had to be cut ends in `…`."""
    first, *rest = _chunks(text, limit)
    return f"{next(_chunks(text, limit - 1))}…" if rest else first


def _chunks(text: str, limit: int, escape: Callable[[str], str] = escaped) -> Iterator[str]:
    """The text escaped, in pieces of at most `limit` characters that split no entity."""
    piece = ""
    for unit in _UNITS.findall(escape(text)):
        if len(piece) + len(unit) > limit:
            yield piece
            piece = ""
        piece += unit
    yield piece


# ---------------------------------------------------------------- the report as sections of mrkdwn


def _parts(block: Block) -> Iterator[Part]:
    """The sections of one block; each stands on its own as far as formatting goes."""
    room = SECTION - len(_fenced(""))
    rows = (piece for row in picture(block.groups) for piece in _chunks(row, room))
    yield from ((block.name, _fenced(body)) for body in _packed(rows, room))
    yield from ((block.name, body) for body in _packed(_pieces(block), SECTION))


def _pieces(block: Block) -> Iterator[str]:
    label = f"*{block.name}*  "
    for line in block.lines:
        for piece in _chunks(_sentence(line), SECTION - len(label)):
            yield label + piece
            label = ""
        if line.command:
            yield from map(_fenced, _chunks(line.command, SECTION - len(_fenced("")), _literal))


def _sentence(line: Line) -> str:
    mark = f"{MARKS[line.mark]} " if line.mark else ""
    return f"{mark}{line.text}  {line.note}".rstrip()


def _fenced(body: str) -> str:
    return f"```\n{body}\n```"


def _packed(pieces: Iterable[str], limit: int) -> Iterator[str]:
    """The pieces, a line each, put together into as few texts as fit the limit."""
    body = ""
    for piece in pieces:
        if body and len(body) + 1 + len(piece) > limit:
            yield body
            body = ""
        body = f"{body}\n{piece}" if body else piece
    if body:
        yield body


# ---------------------------------------------------------------- the limits of a message


def _within_limits(header: dict[str, Any], parts: list[Part]) -> list[dict[str, Any]]:
    """As many sections as Slack takes; from the first that does not fit on, all are named in the last one instead."""
    blocks, room = [header], TOTAL - RESERVE - _size(header)
    for position, (_, text) in enumerate(parts):
        section = _section(text)
        room -= _size(section)
        if room < 0 or len(blocks) == BLOCKS - 1:
            names = ", ".join(dict.fromkeys(name for name, _ in parts[position:]))
            return [*blocks, _section(f"cut here, for Slack takes no longer message: {names}; the text surface shows all of it")]
        blocks.append(section)
    return blocks


def _size(block: dict[str, Any]) -> int:
    return len(json.dumps(block, ensure_ascii=False)) + 2


def _header(text: str) -> dict[str, Any]:
    blocks = _models()
    return dict(blocks.HeaderBlock(text=blocks.PlainTextObject(text=text, emoji=False)).to_dict())


def _section(text: str) -> dict[str, Any]:
    """`verbatim` keeps Slack from looking for addresses, channels and people in the text."""
    blocks = _models()
    return dict(blocks.SectionBlock(text=blocks.MarkdownTextObject(text=text, verbatim=True)).to_dict())


def _models() -> Any:
    try:
        from slack_sdk.models import blocks
    except ImportError as missing:
        raise FlowdiagError(
            "the slack surface needs slack_sdk, which is not installed: pip install 'flowdiag[slack]'"
        ) from missing
    return blocks
