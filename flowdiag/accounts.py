"""Which AWS accounts and Regions may be asked, and how each is entered: a TOML file, or a mapping of sessions.

    regions = ["us-east-1"]          # of accounts that name none; without this, the session's own Region

    [222233334444]                   # by a role that the session may assume
    role = "arn:aws:iam::222233334444:role/flowdiag"
    external-id = "…"                # where the role's trust policy wants one
    session-name = "…"               # what CloudTrail of that account shows
    regions = ["us-east-1", "eu-west-1"]

    [333344445555]                   # by a profile of ~/.aws/config
    profile = "data"

    [111122223333]                   # by the session itself: more Regions of its own account
    regions = ["us-east-1", "eu-central-1"]

`role` beside `profile`: that profile's session assumes the role. `home = false` at the top: the session only assumes roles and
is not asked itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowdiag.error import FlowdiagError
from flowdiag.fault import Fault

Given = str | Path | Mapping[Any, Any] | None
SESSION_NAME = "flowdiag"
HOME, REGIONS = "home", "regions"
_KEYS = ("role", "external-id", "session-name", "profile", REGIONS)
_MEANT = {"region": "did you mean regions = ['us-east-1']"}
_NUMBER = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
_ROLE = re.compile(r"arn:[a-z0-9-]+:iam::(?P<account>[0-9]{12}):role/\S+")


@dataclass(frozen=True)
class Account:
    """How one account is entered: `session` (or that of `profile`, or the caller's own) as it is, or by assuming `role`.

    `regions` are those that a search without a place goes to; without any, the caller's own Region. `told_in` is the file
    that names the account, where one does.
    """

    number: str
    regions: tuple[str, ...] = ()
    role: str = ""
    external_id: str = ""
    session_name: str = SESSION_NAME
    profile: str = ""
    session: Any = None
    told_in: str = ""

    @property
    def by_caller(self) -> bool:
        """Whether it takes the caller's own session to enter."""
        return not self.profile and self.session is None


@dataclass(frozen=True)
class Accounts:
    """Every account that may be asked besides the caller's own; `home` is False where the caller's own is not."""

    each: tuple[Account, ...] = ()
    home: bool = True


@dataclass
class Door:
    """How calls to one account are made: by a session, of `role` once that was assumed; `shut` is why none can be.

    `account` is empty where nobody said whose session it is, until AWS does; `regions` are never none.
    """

    session: Any
    regions: tuple[str, ...]
    account: str = ""
    role: Account | None = None
    shut: Fault | None = None
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)


def read(given: Given) -> Accounts:
    """The accounts of a TOML file, or of a mapping of account numbers, or (number, Region), to sessions.

    In a mapping a value may also be what stands in the file under the account. Raises FlowdiagError, one sentence, for
    whatever a person can mend.
    """
    if given is None:
        return Accounts()
    told = _told(given) if isinstance(given, str | Path) else given
    if not isinstance(told, Mapping):
        raise FlowdiagError(f"accounts is {given!r}: give the path of a TOML file, or a mapping of account numbers to sessions")
    home, regions = told.get(HOME, True), _regions(told.get(REGIONS, ()), "accounts")
    if not isinstance(home, bool):
        raise FlowdiagError(f"accounts: home is {home!r}: write true or false")
    file = str(given) if isinstance(given, str | Path) else ""
    each = tuple(_account(key, value, regions, file) for key, value in told.items() if key not in (HOME, REGIONS))
    if not each:
        raise FlowdiagError("accounts names no account: write for example [222233334444] with a role under it")
    return Accounts(each, home)


def _told(path: str | Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # tomllib's and Unicode's errors are ValueErrors
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FlowdiagError(f"accounts {str(path)!r} cannot be read ({reason}): give a TOML file") from error


def _account(key: Any, value: Any, regions: tuple[str, ...], file: str) -> Account:
    number, *own = key if isinstance(key, tuple) else (key,)
    if key in ("region", *_KEYS):
        raise FlowdiagError(f"accounts: {key} at the top is no account: {_MEANT.get(key, 'write it below the account it is of')}")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise FlowdiagError(f"accounts: {number!r} is no account: write its twelve digits")
    if not isinstance(value, Mapping):
        return Account(number, _regions(own, number) or _session_region(number, value), session=value)
    surplus = sorted(str(name) for name in value if name not in _KEYS)
    if surplus:
        way = _MEANT.get(surplus[0], f"known are {', '.join(_KEYS)}")
        raise FlowdiagError(f"accounts: {number} has {surplus[0]!r}, which means nothing: {way}")
    texts = dict(_texts(number, value))
    _refuse_strange(number, texts)
    return Account(
        number,
        _regions(own, number) or _regions(value.get(REGIONS, ()), number) or regions,
        role=texts.get("role", ""),
        external_id=texts.get("external-id", ""),
        session_name=texts.get("session-name", SESSION_NAME),
        profile=texts.get("profile", ""),
        told_in=file,
    )


def _session_region(number: str, session: Any) -> tuple[str, ...]:
    if not hasattr(session, "client") or not hasattr(session, "region_name"):
        raise FlowdiagError(f"accounts: {number} is {session!r}: give a boto3 session, or a mapping with a role or a profile")
    return (session.region_name,) if session.region_name else ()


def _texts(number: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, told in value.items():
        if name != REGIONS:
            if not isinstance(told, str) or not told.strip():
                raise FlowdiagError(f"accounts: {name} of {number} is {told!r}: write a text, or leave it out")
            yield name, told


def _refuse_strange(number: str, texts: Mapping[str, str]) -> None:
    """Raise FlowdiagError for a role of another account, and for what goes with a role where there is none."""
    role = texts.get("role", "")
    match = _ROLE.fullmatch(role)
    if role and (match is None or match["account"] != number):
        raise FlowdiagError(f"accounts: {role!r} is no role of {number}: write arn:aws:iam::{number}:role/NAME")
    alone = next((name for name in ("external-id", "session-name") if name in texts and not role), None)
    if alone:
        raise FlowdiagError(f"accounts: {number} has {alone} and no role: name the role that it goes with")


def _regions(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(region, str) and region.strip() for region in given):
        raise FlowdiagError(f"accounts: {REGIONS} of {where} is {given!r}: write a list such as ['us-east-1']")
    return tuple(dict.fromkeys(given))
