"""Raw describe replies read from files, for `snapshot` to answer questions from.

A file is recognised by the response keys inside it, never by its name; folders named like an account or a Region say
where the files below were read. Whatever cannot be used is named in a note, and everything else is.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flowdiag.capture import MARK, Capture, Mark, malformed, parse, type_name
from flowdiag.model import FlowdiagError, Scope

# Keys of a reply that say how it was delivered, not what AWS holds.
_DELIVERY = frozenset(("ResponseMetadata", "RequestId", "requestId", "$metadata", "MaxResults", "maxResults", "IsTruncated"))
# Where one of these holds a value, AWS had more to tell: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-pagination.html
_MORE = frozenset(("NextToken", "nextToken", "NextMarker", "nextMarker", "Marker"))
_ACCOUNT = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]{2,4})?-(?:central|north|south|(?:north|south)?(?:east|west))-[0-9]{1,2}")
_OWNED = ("Vpcs", "Subnets", "NetworkInterfaces", "RouteTables")
_ZONED = ("AvailabilityZones", "Subnets", "NetworkInterfaces")


@dataclass(frozen=True)
class Reply:
    """What one file holds under one response key.

    `whole` is False where there is or may be more in that scope; `fixed` is True where the file itself names its scope.
    """

    file: str
    scope: Scope
    key: str
    entries: list[dict[str, Any]]
    whole: bool = True
    fixed: bool = False


@dataclass
class Contents:
    """All that was read from a folder.

    `hints` are replies that only tell where their neighbours were read, `unknown` is a file by unknown response key, of
    which `unused` tells; `spoilt` names what a broken file may have held: scope, response key, file.
    """

    replies: list[Reply] = field(default_factory=list)
    hints: list[Reply] = field(default_factory=list)
    captures: list[Capture] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    spoilt: list[tuple[Scope, str, str]] = field(default_factory=list)


# ---------------------------------------------------------------- reading


def read(path: str | Path, keys: Mapping[str, str]) -> Contents:
    """Every reply under `path` (a folder or one file) whose response key is in `keys`, which gives its entries' id field.

    Raises FlowdiagError where the path does not exist or holds no such reply.
    """
    root = Path(path)
    if not os.path.exists(root):
        raise FlowdiagError(f"snapshot {str(root)!r} does not exist: give a folder of `aws … describe-*` JSON replies")
    contents = Contents()
    for file in [root] if root.is_file() else sorted(_json_files(root, keys, contents)):
        _read_file(file, root, keys, contents)
    if not contents.replies and not contents.captures:
        raise FlowdiagError(_nothing(root, contents))
    _fill(contents)
    contents.unused += [f"{file}: the key {key} is not one that flowdiag uses" for key, file in sorted(contents.unknown.items())]
    return contents


def _nothing(root: Path, contents: Contents) -> str:
    first = f" ({contents.notes[0]})" if contents.notes else ""
    return f"snapshot {str(root)!r} holds no reply that flowdiag knows{first}: save `aws ec2 describe-…` output there as JSON"


def _json_files(root: Path, keys: Mapping[str, str], contents: Contents) -> Iterator[Path]:
    """Plain and gzipped JSON files, links followed, each folder once, hidden ones left out."""

    def locked(error: OSError) -> None:
        contents.notes.append(f"{error.filename}: {_reason(error)}")
        scope = _path_scope(Path(error.filename, "any"), root)
        contents.spoilt += [(scope, key, f"the folder {error.filename}") for key in keys]

    seen: set[tuple[int, int]] = set()
    for folder, inner, names in os.walk(root, followlinks=True, onerror=locked):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            inner.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        inner[:] = sorted(name for name in inner if not name.startswith((".", "__MACOSX")))
        for name in names:
            if name.lower().endswith((".json", ".json.gz")) and not name.startswith("."):
                yield Path(folder, name)


def _read_file(file: Path, root: Path, keys: Mapping[str, str], contents: Contents) -> None:
    name = file.name if file == root else file.relative_to(root).as_posix()
    scope = _path_scope(file, root)
    text: bytes | None = None
    try:
        text = _bytes(file)
        reply = parse(text)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        contents.notes.append(f"{name}: {_reason(error)}")
        contents.spoilt += [(scope, key, name) for key in keys if _mentions(text, key)]
        return
    contents.files.append(name)
    _sort(name, scope, reply, keys, contents)


def _mentions(text: bytes | None, key: str) -> bool:
    """Whether a broken file may have been a reply with this key; one that gave no text at all may have held any."""
    return text is None or f'"{key}"'.encode() in text.replace(b"\0", b"")


def _bytes(file: Path) -> bytes:
    if not file.is_file():
        raise ValueError("it is no regular file, or a link that leads nowhere")
    packed = file.read_bytes()
    return gzip.decompress(packed) if file.name.lower().endswith(".gz") else packed


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
        case UnicodeDecodeError():
            line = error.object.count(b"\n", 0, error.start) + 1
            return f"line {line}: not {error.encoding} text ({error.reason})"
        case UnicodeEncodeError():
            return "a \\u escape that stands for no character"
        case RecursionError():
            return "nested too deep to be a describe reply"
        case OSError() | EOFError() | zlib.error():
            return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return str(error)


def _sort(name: str, scope: Scope, reply: dict[str, Any], keys: Mapping[str, str], contents: Contents) -> None:
    """Put what one file holds under its headings."""
    mark = _mark(name, reply, contents)
    whole = not any(reply.get(more) for more in _MORE)
    if mark:
        scope, whole = Scope(account=mark.account, region=mark.region), mark.whole
    elif not whole:
        contents.notes.append(f"{name}: cut off by a NextToken: what it does not list counts as not read")
    for key, value in reply.items():
        if key in keys:
            entries, sound = _entries(f"{name}: {key}", value, keys[key], contents.notes)
            contents.replies.append(Reply(name, scope, key, entries, whole, mark is not None))
            contents.spoilt += [] if sound else [(scope, key, name)]
        elif key not in _DELIVERY and key not in _MORE:
            contents.unknown.setdefault(key, name)
            contents.hints += [Reply(name, scope, key, _entries("", value, "", [])[0])] if key in _ZONED else []


def _mark(name: str, reply: dict[str, Any], contents: Contents) -> Mark | None:
    """Take the mark of a captured file out of the reply; the capture's own file is kept as a Capture.

    A mark that cannot be understood is a partial file's.
    """
    if MARK not in reply:
        return None
    value = reply.pop(MARK)
    try:
        if not isinstance(value, dict) or "answered" not in value:
            return Mark.model_validate(value)
        contents.captures.append(Capture.model_validate(value))
    except ValidationError as error:
        contents.notes.append(f"{name}: {MARK} cannot be understood: {malformed(error)}")
    return Mark()


def _entries(where: str, value: Any, id_field: str, notes: list[str]) -> tuple[list[dict[str, Any]], bool]:
    """The objects of a reply's list, and whether that is all of it; what is no object is noted."""
    # A few calls answer with one object where others list (DescribeVpcBlockPublicAccessOptions).
    listed = [value] if isinstance(value, dict) and id_field in value else value
    if not isinstance(listed, list):
        notes.append(f"{where} is {type_name(value)}, not a list")
        return [], False
    if set(map(type, listed)) <= {dict}:
        return listed, True
    odd = [(position, entry) for position, entry in enumerate(listed) if not isinstance(entry, dict)]
    notes += [f"{where}[{position}] is {type_name(entry)}, not an object" for position, entry in odd]
    return [entry for entry in listed if isinstance(entry, dict)], False


# ---------------------------------------------------------------- where it was read


def _path_scope(file: Path, root: Path) -> Scope:
    """The account and Region that the folders name, the innermost first; the given folder and its parent count too."""
    base = root.parent if root.is_file() else root
    parts = (*Path(os.path.abspath(base)).parts[-2:], *file.parent.relative_to(base).parts)
    account = next((part for part in reversed(parts) if _ACCOUNT.fullmatch(part)), "")
    region = next((part for part in reversed(parts) if _REGION.fullmatch(part)), "")
    return Scope(account=account, region=region)


def _fill(contents: Contents) -> None:
    """Complete the scopes that the folders left open from what was read there."""
    loose = [reply for reply in (*contents.replies, *contents.hints) if not reply.fixed]
    full = {scope: _filled(scope, loose) for scope in {reply.scope for reply in loose}}
    contents.replies = [reply if reply.fixed else replace(reply, scope=full[reply.scope]) for reply in contents.replies]
    contents.spoilt = [(full.get(scope, scope), key, name) for scope, key, name in contents.spoilt]


def _filled(scope: Scope, loose: Iterable[Reply]) -> Scope:
    """The scope with each empty part taken from the resources read there, where they agree on exactly one."""
    there = [reply for reply in loose if reply.scope == scope]
    account, region = scope.account, scope.region
    if not account:
        account = _only({entry.get("OwnerId") for reply in there if reply.key in _OWNED for entry in reply.entries})
    if not region:
        region = _only({_region(entry) for reply in there if reply.key in _ZONED for entry in reply.entries})
    return Scope(account=account, region=region)


def _only(found: set[Any]) -> str:
    named = [value for value in found if isinstance(value, str) and value]
    return named[0] if len(named) == 1 else ""


def _region(entry: Mapping[str, Any]) -> str:
    """`us-east-1` of the zone `us-east-1a`, of the Local Zone `us-west-2-lax-1a`, of an ARN, or as it stands."""
    arn = str(entry.get("SubnetArn") or "").split(":")
    for text in (entry.get("RegionName"), entry.get("AvailabilityZone"), arn[3] if len(arn) > 3 else ""):
        found = _REGION.match(text) if isinstance(text, str) else None
        if found:
            return found[0]
    return ""
