"""Why can't SOURCE reach DESTINATION on PORT? The whole story, from the question to the diagnosis. START READING HERE.

question → gather → walk, there and back → listen → witness → conclude → prove remedies → Diagnosis
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from flowdiag.conclude import conclude, passes
from flowdiag.graph import Path, look
from flowdiag.hosts import hosts
from flowdiag.listening import listen
from flowdiag.logs import Window, in_aws
from flowdiag.model import Answer, Question
from flowdiag.path_mtu import narrows
from flowdiag.question import LAST_HOUR, ask, refuse_future
from flowdiag.reading import door, flow_logs_of, format_of, live, refuse_empty, saved
from flowdiag.remedy import prove
from flowdiag.snapshot import Snapshot
from flowdiag.table import Rules
from flowdiag.wire import witness

if TYPE_CHECKING:
    import boto3

    from flowdiag.access import Access
    from flowdiag.accounts import Given


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
    accounts: Given = None,
    flow_logs: str | FilePath | None = None,
    log_format: str | None = None,
    at: str | datetime | None = None,
    window: str | timedelta | None = None,
    rules: str | FilePath | None = None,
    yes: bool = False,
) -> Diagnosis:
    """Explain why `source` can or cannot reach `destination`.

    An end is an instance or interface id, a private or public address, a Name tag, the name, ARN or endpoint of a service
    (Lambda, RDS and Aurora, ElastiCache, Redshift, OpenSearch, MSK, EFS, ECS, EKS, load balancers, gateways, endpoints,
    Elastic IPs), a DNS name, or `internet`; `vpc-…/address`, `eni-…/address` and `rds:name` where one fits several.
    `protocol` is tcp, udp, icmp, icmpv6 or an IANA number; `port` belongs to TCP and UDP. `snapshot` (a Snapshot or its
    folder) answers offline; without one AWS is read live, and only read, with `session` or the default one; `accounts`
    are further accounts and Regions that may be asked: a TOML file, or sessions by account number. `flow_logs` is a folder
    or file of flow log records, or a place in AWS: `cloudwatch:GROUP`, `s3://bucket/prefix`,
    `athena:database.table` or `athena:`, `flow-log:fl-…`; without one the flow logs that watch the path are read live, and
    `none` reads none. `log_format` is the LogFormat, as AWS shows it, of files without a line of field names; without one it
    is that of the flow logs which the evidence knows. `at` (UTC) and `window` (`30m`, `2h`) bound the records in time: those
    in AWS to the last hour by default. `yes` agrees to a large amount of them.
    `rules` is a folder of one's own decision tables.

    Raises FlowdiagError, one sentence, for anything a person can mend.
    """
    refuse_empty(snapshot=snapshot, flow_logs=flow_logs, rules=rules, accounts=accounts, log_format=log_format)
    where = None if flow_logs is None else str(flow_logs)
    layout = format_of(log_format, where)
    asks_aws = in_aws(where) if where is not None else snapshot is None
    span = LAST_HOUR if window is None and asks_aws else window
    question = ask(source, destination, port, protocol, source_port, at, span)
    if asks_aws:
        refuse_future(question)
    tables = Rules.load(rules)
    kept = None if snapshot is None else saved(snapshot)
    access = door(session, region, accounts, kept) if kept is None or asks_aws else None
    evidence = live(question, tables, access, where, judged=True) if access and kept is None else saved(kept)
    return explain(question, evidence, tables, where, access, yes, layout)


def explain(
    question: Question,
    evidence: Snapshot,
    tables: Rules,
    flow_logs: str | None = None,
    access: Access | None = None,
    agreed: bool = False,
    log_format: str = "",
) -> Diagnosis:
    """The half that is the same from live AWS and from a folder; only a source of flow logs in AWS uses `access`."""
    view = evidence.view()
    path = look(question, view, tables)
    window = Window(start=question.start, end=question.end)
    records = flow_logs_of(path, evidence, window, flow_logs, access, agreed, log_format)
    beside = evidence.view()  # what is asked for here is listed as unread only where it would have said something
    wire = witness(path, records, window, tables, listen(path, beside), evidence.read_at, hosts(path, beside))
    said = conclude(path, wire.inputs, wire.words, evidence.read_at, tables, wire.reach)
    remedies = prove(path, evidence, lambda changed: look(question, changed.view(), tables), passes)
    return Diagnosis(
        question=question,
        verdict=said.verdict,
        symptom=wire.symptom,
        relation=said.relation,
        code=said.code,
        headline=said.headline,
        codes=tuple(dict.fromkeys((said.rule, *wire.codes))),
        why=said.why,
        findings=said.findings,
        path=path,
        narrows=narrows(path, tables),
        coverage=wire.coverage,
        sightings=wire.sightings,
        course=wire.course,
        records=wire.records,
        candidates=wire.candidates,
        remedies=remedies,
        unread=evidence.advise((*view.unread, *wire.unread)),
        sources=wire.sources,
        files=(*evidence.files, *wire.files),
        notes=evidence.notes,
        unused=evidence.unused,
        read_at=evidence.read_at,
    )
