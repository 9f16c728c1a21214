"""Why can't SOURCE reach DESTINATION on PORT? The whole story, from the question to the diagnosis. START READING HERE.

question → gather → walk, there and back → listen → witness → conclude → prove remedies → Diagnosis
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from flowdiag.conclude import conclude, passes
from flowdiag.graph import Path, look
from flowdiag.listening import listen
from flowdiag.logs import Window, open_source
from flowdiag.model import Answer, FlowdiagError, Question
from flowdiag.question import ask
from flowdiag.remedy import prove
from flowdiag.snapshot import Snapshot
from flowdiag.table import Rules
from flowdiag.wire import witness

if TYPE_CHECKING:
    import boto3


class Diagnosis(Answer):
    """An Answer that can be drawn: `print(d)`, `d` in a notebook, `d.to("slack")`, and `d.path.graph` for networkx."""

    path: Path = Path()

    def to(self, surface: str, **options: Any) -> Any:
        """The diagnosis on a surface: text, markdown, html, slack or json; raises FlowdiagError for an unknown one."""
        from flowdiag.render import render

        return render(self, surface, **options)

    def __str__(self) -> str:
        return str(self.to("text"))

    def _repr_html_(self) -> str:
        return str(self.to("html"))

    def _repr_markdown_(self) -> str:
        return str(self.to("markdown"))


def diagnose(
    source: str,
    destination: str,
    port: int | str | None = None,
    *,
    protocol: str | int = "tcp",
    source_port: int | str | None = None,
    snapshot: Snapshot | str | FilePath | None = None,
    session: boto3.Session | None = None,
    region: str | None = None,
    flow_logs: str | FilePath | None = None,
    at: str | datetime | None = None,
    window: str | timedelta | None = None,
    rules: str | FilePath | None = None,
) -> Diagnosis:
    """Explain why `source` can or cannot reach `destination`.

    An end is an instance or interface id, a private or public address, a Name tag, a DNS name, an EC2 ARN, `internet`,
    or `vpc-…/address` and `eni-…/address` where an address alone fits several. `protocol` is tcp, udp, icmp, icmpv6 or
    an IANA number; `port` belongs to TCP and UDP. `snapshot` (a Snapshot or its folder) answers offline; without one
    AWS is read live, and only read, with `session` or the default one. `flow_logs` is a folder or file of flow log
    records; `at` (UTC) and `window` (`30m`, `2h`) bound them in time. `rules` is a folder of one's own decision tables.

    Raises FlowdiagError, one sentence, for anything a person can mend.
    """
    question = ask(source, destination, port, protocol, source_port, at, window)
    _refuse_empty(snapshot=snapshot, flow_logs=flow_logs, rules=rules)
    tables = Rules.load(rules)
    evidence = _evidence(snapshot) if snapshot is not None else live(question, tables, session, region)
    return explain(question, evidence, tables, flow_logs)


def explain(question: Question, evidence: Snapshot, tables: Rules, flow_logs: str | FilePath | None = None) -> Diagnosis:
    """The pure half: the same from live AWS and from a folder."""
    view = evidence.view()
    path = look(question, view, tables)
    records = open_source(str(flow_logs)) if flow_logs is not None else None
    window = Window(start=question.start, end=question.end)
    wire = witness(path, records, window, tables, listen(path, evidence.view()), evidence.read_at)
    said = conclude(path, wire.inputs, wire.words, evidence.read_at, tables)
    remedies = prove(path, evidence, lambda changed: look(question, changed.view(), tables), passes)
    return Diagnosis(
        question=question,
        verdict=said.verdict,
        symptom=wire.symptom,
        relation=said.relation,
        code=said.code,
        headline=said.headline,
        why=said.why,
        findings=said.findings,
        path=path,
        coverage=wire.coverage,
        sightings=wire.sightings,
        records=wire.records,
        candidates=wire.candidates,
        remedies=remedies,
        unread=(*view.unread, *wire.unread),
        sources=wire.sources,
        files=(*evidence.files, *wire.files),
        notes=evidence.notes,
        read_at=evidence.read_at,
    )


def live(question: Question, tables: Rules, session: boto3.Session | None, region: str | None) -> Snapshot:
    """What AWS tells now about everything the question touches."""
    from flowdiag.gather import gather

    return gather(question, tables, session, region).snapshot


def _evidence(snapshot: Snapshot | str | FilePath) -> Snapshot:
    if isinstance(snapshot, Snapshot):
        return snapshot
    if not isinstance(snapshot, str | FilePath):
        raise FlowdiagError(f"snapshot is {snapshot!r}: give a Snapshot or the path of its folder")
    return Snapshot.load(snapshot)


def _refuse_empty(**places: object) -> None:
    """An empty text is a shell variable that was not set; as a path it would be the current folder."""
    for name, place in places.items():
        if isinstance(place, str) and not place.strip():
            raise FlowdiagError(f"{name} is {place!r}: give the path of a folder, or leave it out")
