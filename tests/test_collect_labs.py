"""Every lookup of every component, asked of a replay of the labs: what comes back live is what the folder holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aws_replay import replay_session

from flowdiag.access import Access
from flowdiag.calls import askable
from flowdiag.collect import Collector
from flowdiag.components import reads
from flowdiag.model import Query, Scope, Unread
from flowdiag.policy import whole_vpc
from flowdiag.snapshot import Snapshot

LABS = Path(os.environ.get("FLOWDIAG_SHARED", Path(__file__).parent.parent.parent / "shared")) / "labs"
MOST_VALUES = 40
NOBODY = "nobody-has-this"


def folders() -> list[Any]:
    """The folder of every Region of every account of every lab."""
    found = sorted(file.parent for file in LABS.glob("*/snapshot/**/Vpcs.json"))
    none = pytest.param(None, marks=pytest.mark.skip(reason="the labs are not here"))
    return [pytest.param(folder, id=str(folder.relative_to(LABS)).replace("/", "-")) for folder in found] or [none]


def lab_of(folder: Path) -> Path:
    return LABS / folder.relative_to(LABS).parts[0] / "snapshot"


@cache
def offline(lab: Path) -> Snapshot:
    return Snapshot.load(lab)


def scope_of(folder: Path) -> Scope:
    """The scope under which the folder was loaded; where no folder names the account, the evidence itself may tell it."""
    account = folder.parent.name if "accounts" in folder.parts else ""
    return next(s for s in offline(lab_of(folder)).scopes if s.region == folder.name and account in ("", s.account))


def access(folder: Path) -> Access:
    """The door to a replay of this folder's account and Region; to make its clients takes longer than what they are asked."""
    scope = scope_of(folder)
    return Access(replay_session(lab_of(folder), account=scope.account or "111122223333", region=scope.region, page=7))


def lookups(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Every lookup that AWS can be asked by, with values that occur in the evidence and one that does not."""
    for kind, several in reads().items():
        for by in dict.fromkeys(by for read in several for by in read.lookups if askable(several, by)):
            values = sorted({value for read in several for value in _values(folder, read, by)})
            if any((folder / f"{key}.json").is_file() for read in several for key in read.responses):
                yield kind, by, [*values[:MOST_VALUES], NOBODY]


def _values(folder: Path, read: Any, by: str) -> Iterator[str]:
    files = [folder / f"{key}.json" for key in read.responses if by in read.lookups]
    for file in (file for file in files if file.is_file()):
        for raw in read.items(json.loads(file.read_text())[file.stem]):
            yield from (value for value in read.lookups[by].keys(raw) if value)


def shown(resources: Any) -> list[Any]:
    """Resources by id, without the scope: the session's account may be one that the folder did not know.

    Of a prefix list its networks and of a transit gateway route table its static routes, because the call that is made is
    not the one that was saved.
    """
    told = {
        "prefix_list": lambda r: r.networks,
        "transit_gateway_routes": lambda r: [str(route) for route in r.routes if route.type == "static"],
    }
    return sorted((r.id, told.get(r.kind, lambda r: repr(r.model_dump(exclude={"scope"})))(r)) for r in resources)


@pytest.mark.parametrize("folder", folders())
def test_every_lookup_answers_live_what_it_answers_offline(folder: Path) -> None:
    """A filter and its keys mean the same: equal resources for every value, none for an unknown one, and nothing besides.

    One collector for each lookup, so that what another brought cannot stand in.
    """
    door = access(folder)
    for kind, by, values in lookups(folder):
        live = Collector(door)
        live.fetch(Unread(query=Query(kind=kind, by=by, value=value)) for value in values)
        saved, scope = offline(lab_of(folder)), scope_of(folder)
        expected = {value: saved.find(kind, by, value, scope) for value in values if value != NOBODY}
        found = {value: live.snapshot.find(kind, by, value) for value in values}
        assert not [answer for answer in found.values() if isinstance(answer, Unread)], (kind, by)
        assert not found.pop(NOBODY)
        assert {value: shown(hits) for value, hits in found.items()} == {value: shown(hits) for value, hits in expected.items()}
        assert live.snapshot.counts().get(kind, 0) == len({r.id for resources in expected.values() for r in resources}), (
            kind,
            by,
        )


@pytest.mark.parametrize("folder", folders())
def test_a_whole_vpc_is_one_round(folder: Path) -> None:
    """Everything of a VPC is fetched in one round, one call a kind and one for the account, and equals the folder."""
    for vpc in json.loads((folder / "Vpcs.json").read_text())["Vpcs"][:1]:
        live, wanted = Collector(access(folder)), whole_vpc(vpc["VpcId"])
        live.fetch(wanted)
        assert live.rounds == 1
        assert len(live.calls) == 1 + len({unread.query.kind for unread in wanted})
        for query in (unread.query for unread in wanted):
            expected = offline(lab_of(folder)).find(query.kind, query.by, query.value, scope_of(folder))
            found = live.snapshot.find(query.kind, query.by, query.value)
            if isinstance(expected, Unread):  # nobody recorded this call when the lab was saved
                assert isinstance(found, Unread)
                continue
            assert shown(found) == shown(expected)
