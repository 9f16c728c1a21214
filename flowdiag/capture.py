"""A capture: the folder that a snapshot is saved as, and what it says about itself so that it is never taken for more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, ValidationError
from pydantic_core import from_json

from flowdiag.model import FlowdiagError, Query, Scope, Unread, Value

MARK = "FlowdiagCapture"
CAPTURE_FILE = "capture.json"
Held = tuple[Scope, str]  # one response key in one scope
Part = tuple[Iterable[Mapping[str, Any]], bool]  # its entries, and whether that is all of them


class Capture(Value):
    """What a capture says about itself: which queries AWS answered, which it refused, when, and the files written.

    `places` are the accounts and Regions that were asked where a query names none; left out where it was one.
    """

    read_at: AwareDatetime | None = None
    answered: tuple[Query, ...] = ()
    refused: tuple[Unread, ...] = ()
    files: tuple[str, ...] = ()
    places: tuple[Scope, ...] = ()


class Mark(Value):
    """What each file of a capture says about itself, so that it is never taken for all there is."""

    account: str = ""
    region: str = ""
    whole: bool = False


def write(path: str | Path, parts: Mapping[Held, Part], capture: Capture) -> None:
    """Write the entries of every (scope, response key), each with whether that is all of them, and the capture's own file.

    An earlier capture in the folder is replaced. Raises FlowdiagError where the folder holds anything else, and where
    it cannot be written.
    """
    root = Path(path)
    names = {held: _file_name(*held) for held in parts}
    try:
        for old in _ours(root):
            old.unlink()
        for held, (entries, whole) in parts.items():
            _write(root / names[held], _text(*held, entries, whole))
        _write(root / CAPTURE_FILE, _own_text(capture, tuple(names.values())))
    except OSError as error:
        raise FlowdiagError(
            f"snapshot {str(root)!r} cannot be written ({error.strerror or error}): give another folder"
        ) from error


def _ours(root: Path) -> list[Path]:
    """The files of the capture that stands in the folder, its own file first; FlowdiagError where others stand there."""
    if root.exists() and not root.is_dir():
        raise FlowdiagError(f"snapshot {str(root)!r} is a file: give a folder to write to")
    present = sorted(file for file in root.rglob("*") if not file.is_dir()) if root.exists() else []
    known = {root / name for name in (CAPTURE_FILE, *_listed(root / CAPTURE_FILE))}
    other = next((file for file in present if file not in known), None)
    if other or (present and not _listed(root / CAPTURE_FILE)):
        named = (other or present[0]).relative_to(root)
        raise FlowdiagError(f"folder {str(root)!r} holds {str(named)!r}, which is no part of a capture: give an empty folder")
    return sorted(present, key=lambda file: file.name != CAPTURE_FILE)


def _listed(file: Path) -> tuple[str, ...]:
    """The files that a capture's own file names, with itself; nothing where it is none."""
    try:
        return (CAPTURE_FILE, *Capture.model_validate(parse(file.read_bytes())[MARK]).files)
    except (OSError, ValueError, KeyError):
        return ()


def _file_name(scope: Scope, key: str) -> str:
    parts = [*(("accounts", scope.account) if scope.account else ()), *((scope.region,) if scope.region else ()), key]
    if not all(re.fullmatch(r"[A-Za-z0-9_-]+", part) for part in parts):
        raise FlowdiagError(f"{'/'.join(parts)!r} cannot be a file name: name account and Region by letters, digits and dashes")
    return "/".join(parts) + ".json"


def _text(scope: Scope, key: str, entries: Iterable[Mapping[str, Any]], whole: bool) -> str:
    """A reply with its mark, an entry a line."""
    mark = Mark(account=scope.account, region=scope.region, whole=whole).model_dump_json()
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    return f'{{"{MARK}": {mark},\n"{key}": [\n{lines}\n]}}\n'


def _own_text(capture: Capture, files: tuple[str, ...]) -> str:
    own = capture.model_copy(update={"files": files}).model_dump(mode="json")
    # `retry` concerns only the session that asked, so a dump leaves it out; a capture that is read again keeps it.
    own |= {} if own.pop("places") == [] else {"places": [place.model_dump() for place in capture.places]}
    own["refused"] = [dumped | {"retry": unread.retry} for dumped, unread in zip(own["refused"], capture.refused, strict=True)]
    return json.dumps({MARK: own}, indent=1) + "\n"


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- understanding


def parse(text: bytes) -> dict[str, Any]:
    """The JSON object that a file holds, in any UTF encoding; raises ValueError with the line where it holds none."""
    if not text or text.isspace():
        raise ValueError("the file is empty")
    reply = _decoded(text)
    if not isinstance(reply, dict):
        raise ValueError(f"line 1: a describe reply is an object, this is {type_name(reply)}")
    return reply


def _decoded(text: bytes) -> Any:
    """Any JSON value. pydantic's parser (https://docs.pydantic.dev/latest/concepts/json/) is the faster one and gives the same.

    What it refuses the json module tries again, which knows UTF-16 and byte order marks, and in which line it failed.
    """
    with suppress(ValueError):
        return from_json(text, cache_strings="keys")
    value = json.loads(text.decode(json.detect_encoding(text)).removeprefix("\ufeff"))
    json.dumps(value, ensure_ascii=False).encode()  # half of an escaped pair would break every string it gets into
    return value


def type_name(value: Any) -> str:
    """A JSON value's type as a person calls it."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def malformed(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, as `field: reason`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'value'}: {first['msg'][:1].lower()}{first['msg'][1:]}"
