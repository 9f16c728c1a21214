"""What a question is answered from: a folder or live AWS, and the flow logs of its path. Shared by every public question."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from flowdiag.graph import Path, look
from flowdiag.hosts import hosts
from flowdiag.listening import listen
from flowdiag.logs import Source, Window, in_aws
from flowdiag.model import FlowdiagError, Question
from flowdiag.snapshot import Snapshot
from flowdiag.sources import NOWHERE, named, survey, watching
from flowdiag.table import Rules

if TYPE_CHECKING:
    import boto3

    from flowdiag.access import Access
    from flowdiag.accounts import Given
    from flowdiag.component import View


def live(
    question: Question,
    tables: Rules,
    access: Access,
    flow_logs: str | None,
    further: Iterable[Question] = (),
    judged: bool = False,
) -> Snapshot:
    """What AWS tells now about everything the question touches, and of its flow logs unless none are to be read: of records
    in a place that is named they tell the format, and what their silence is worth.

    `further` are questions between the same two ends, of other protocols; `judged`: the records are to be judged and not
    only listed, for which the hosts' status checks are a witness too.
    """
    from flowdiag.gather import gather

    others = tuple(further)

    def besides(path: Path, view: View) -> None:
        for one in (path, *(look(other, view, tables) for other in others)):
            if flow_logs != NOWHERE:
                listeners(one, view)
        if judged and flow_logs != NOWHERE:
            hosts(path, view)

    return gather(question, tables, access, besides=besides).snapshot


def listeners(path: Path, view: View) -> None:
    """Ask for the flow logs of the path, and for what tells whether their silence means anything."""
    survey(path, view)
    listen(path, view)


def witnesses(path: Path, view: View) -> None:
    """Ask for everything beside the configuration that a diagnosis of the path would ask for."""
    listeners(path, view)
    hosts(path, view)


def flow_logs_of(
    path: Path,
    evidence: Snapshot,
    window: Window,
    flow_logs: str | None,
    access: Access | None,
    agreed: bool,
    log_format: str = "",
) -> Source | None:
    """The place that was named, or the flow logs that watch the path where AWS may be asked; None where there are none."""
    if flow_logs is not None:
        return named(flow_logs, path, evidence.view(), access, agreed, log_format)
    return watching(path, evidence.view(), access, window, evidence.read_at, agreed) if access else None


def format_of(log_format: str | None, flow_logs: str | None) -> str:
    """The LogFormat of files; raises FlowdiagError where no file is named, for of flow logs in AWS it is read there."""
    if log_format is not None and (flow_logs is None or in_aws(flow_logs)):
        raise FlowdiagError("log_format= (--log-format) is of files: name them with flow_logs= (--flow-logs), or leave it out")
    return log_format or ""


def door(session: boto3.Session | None, region: str | None, accounts: Given, kept: Snapshot | None) -> Access:
    """The door to AWS, in the one Region of the snapshot where no other is named; where nothing is gathered, whose session it
    is has to be asked first."""
    from flowdiag.access import Access

    access = Access(session, region=region or (_only_region(kept) if kept is not None else None), accounts=accounts)
    if kept is not None:
        access.introduce()
    return access


def _only_region(snapshot: Snapshot) -> str | None:
    """The Region that all of the snapshot was read in; None where there are several, or none is told."""
    told = {scope.region for scope in snapshot.scopes if scope.region}
    return told.pop() if len(told) == 1 else None


def saved(snapshot: Snapshot | str | FilePath | None) -> Snapshot:
    """The evidence that was given; raises FlowdiagError where it is none."""
    if isinstance(snapshot, Snapshot):
        return snapshot
    if not isinstance(snapshot, str | FilePath):
        raise FlowdiagError(f"snapshot is {snapshot!r}: give a Snapshot or the path of its folder")
    return Snapshot.load(snapshot)


def refuse_empty(**given: object) -> None:
    """An empty text is a shell variable that was not set; as a path it would be the current folder."""
    for name, text in given.items():
        if isinstance(text, str) and not text.strip():
            wanted = "the LogFormat of the flow log" if name == "log_format" else "the path of a folder"
            raise FlowdiagError(f"{name} is {text!r}: give {wanted}, or leave it out")
