"""The report: what an answer becomes before any surface draws it."""

from __future__ import annotations

import ast
import unicodedata
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flowdiag.report
from flowdiag.model import (
    Answer,
    Candidate,
    Change,
    Coverage,
    Endpoint,
    Evidence,
    Finding,
    Flow,
    Hop,
    Leg,
    Place,
    PortRange,
    Query,
    Question,
    Record,
    Remedy,
    Sighting,
    Trace,
    Unread,
    Watcher,
)
from flowdiag.picture import SUPPOSED, clean
from flowdiag.report import Block, Report, report

WEB = Endpoint(label="web-1", kind="eni", address=ip_address("10.0.1.10"), eni="eni-0a1")
DB = Endpoint(label="db-1", kind="eni", address=ip_address("10.0.2.20"), eni="eni-0b2")
FLOW = Flow(
    source=WEB.address,
    destination=DB.address,
    protocol=6,
    source_ports=PortRange(first=32768, last=60999),
    destination_ports=PortRange(first=5432, last=5432),
)
MORNING = datetime(2026, 11, 23, 12, 4, 31, tzinfo=UTC)


def hop(kind, name, role="", detail="", verdict="allowed", code="SG100", flow=FLOW, after=None, **more):
    """A hop whose table gave `verdict`; `verdict=None` is a hop without a finding."""
    direction = more.pop("direction", "request")
    as_if = more.pop("as_if", False)
    headline = more.pop("headline", f"{name} gives {verdict}")
    finding = verdict and Finding(
        code=code,
        table=kind,
        verdict=verdict,
        headline=headline,
        resource=name,
        name=name,
        role=role,
        direction=direction,
        detail=detail,
        **more,
    )
    return Hop(
        place=Place(kind=kind, id=name, role=role), name=name, before=flow, after=after or flow, finding=finding, as_if=as_if
    )


def end(endpoint, role, flow=FLOW):
    """The hop of an ENI that is an end of the flow."""
    return Hop(place=Place(kind="network_interface", id=endpoint.eni, role=role), name=endpoint.label, before=flow, after=flow)


NO_INGRESS = hop(
    "security_group",
    "sg-db",
    "ingress",
    verdict="blocked",
    code="SG102",
    headline="no ingress rule of sg-db admits the flow",
    near_miss="nearest rule: tcp/5432 from sg-bastion",
    evidence=(Evidence(where="sg-db", text="rule 0 allows tcp/5432 from sg-bastion"),),
)
REQUEST = (
    end(WEB, "leave"),
    hop("security_group", "sg-web", "egress", "rule 0 allows all to 0.0.0.0/0"),
    hop("network_acl", "acl-app", "outbound", "rule 100 allows all", code="NA100"),
    hop("route_table", "rtb-main", "route", "10.0.0.0/16 → local", code="RT100"),
    hop("vpc", "vpc-0a1", "deliver", verdict=None),
    hop("network_acl", "acl-db", "inbound", "rule 100 allows all", code="NA100"),
    NO_INGRESS,
    end(DB, "arrive"),
)
REPLY = tuple(
    hop("network_acl", name, role, "rule 100 allows all", code="NA100", flow=FLOW.reply(), direction="reply")
    for name, role in (("acl-db", "outbound"), ("acl-app", "inbound"))
)
REPLY_DENIED = (
    end(DB, "leave", FLOW.reply()),
    REPLY[0],
    hop(
        "network_acl",
        "acl-app",
        "inbound",
        "rule * denies all",
        verdict="blocked",
        code="NA103",
        flow=FLOW.reply(),
        direction="reply",
        headline="acl-app denies the reply",
    ),
    end(WEB, "arrive", FLOW.reply()),
)
OPEN = tuple(h for h in REQUEST if h is not NO_INGRESS)
COMMAND = "aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432 --source-group sg-web"


def leg(request=REQUEST, reply=REPLY, **more):
    """A leg that arrives both ways, with other hops where they are given."""
    return Leg(
        **{"source": WEB, "destination": DB, "request_arrived": True, "reply_arrived": True} | more, request=request, reply=reply
    )


def answer(*legs, **changes):
    """The answer of the design's sample, with other legs or fields where they are given."""
    sample = {
        "question": Question(source="web-1", destination="db-1", port=5432),
        "verdict": "blocked",
        "symptom": "reject",
        "relation": "confirmed",
        "code": "SG102",
        "headline": "no ingress rule of sg-db admits the flow",
        "why": "a security group admits only what a rule names; web-1 is not a member of sg-bastion",
        "findings": (NO_INGRESS.finding,),
        "path": Trace(legs=legs or (leg(),)),
        "sightings": (Sighting(interface="eni-0b2", point="request_destination", seen="reject", count=14, last=MORNING),),
        "candidates": (
            Candidate(code="SY1", cause="network ACLs", status="ruled out", headline="", note="both directions pass"),
            Candidate(code="SY2", cause="routes", status="ruled out", headline="", note="both directions pass"),
        ),
        "remedies": (Remedy(changes=(Change(summary="admit tcp/5432 from sg-web in sg-db", command=COMMAND),), verified=True),),
        "sources": ("custom format, CloudWatch Logs /vpc/prod",),
        "read_at": MORNING,
    }
    return Answer(**sample | changes)


def block(told: Report | Answer, name: str) -> Block:
    """The block of that name."""
    blocks = (told if isinstance(told, Report) else report(told)).blocks
    return next(b for b in blocks if b.name == name)


def texts(told, name):
    """The sentences of a block."""
    return [line.text for line in block(told, name).lines]


def test_order_of_blocks_is_fixed():
    """The blocks come in the order of the design, whatever an answer holds."""
    full = answer(leg(reply=REPLY_DENIED))
    assert ["path", "also", "why", "seen", "ruled out", "remedy", "unread", "more"] == [b.name for b in report(full).blocks]
    bare = answer(path=Trace(), findings=(), why="", sightings=(), candidates=(), remedies=())
    assert ["unread", "more"] == [b.name for b in report(bare).blocks]


def test_title_stands_alone():
    """The title names verdict, both ends, the service and the resource."""
    assert "BLOCKED  web-1 → db-1, tcp/5432: no ingress rule of sg-db admits the flow" == report(answer()).title


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        (Question(source="a", destination="b", port=443), "a → b, tcp/443"),
        (Question(source="a", destination="b", protocol=1), "a → b, icmp"),
        (Question(source="a", destination="b", protocol=50), "a → b, protocol 50"),
    ],
)
def test_subject_without_legs_is_what_was_typed(question, subject):
    """Where nothing was walked, the person's own words name the ends."""
    assert subject == report(answer(path=Trace(), question=question)).subject


def test_subject_names_resources_by_their_label():
    """A question by id is answered by the Name tag, unless the legs have different ends."""
    asked = Question(source="eni-0a1", destination="10.0.2.20", port=5432)
    assert "web-1 → db-1, tcp/5432" == report(answer(question=asked)).subject
    other = leg(destination=DB.model_copy(update={"label": "db-2"}))
    assert "web-1 → 10.0.2.20, tcp/5432" == report(answer(leg(), other, question=asked)).subject


def test_path_is_drawn_behind_the_blocker_and_says_not_reached():
    """Hops behind a blocker are rows, marked as behind it; the far end was not reached."""
    behind = hop("network_acl", "acl-late", "inbound", "rule 100 allows all")
    rows = block(answer(leg(request=(*REQUEST[:-1], behind, REQUEST[-1]))), "path").groups[0].rows
    assert [(r.cells[1], r.behind) for r in rows[-3:]] == [("sg-db", False), ("acl-late", True), ("10.0.2.20", True)]
    assert "not reached" == rows[-1].note


@pytest.mark.parametrize(
    ("verdict", "arrived", "note"),
    [
        ("allowed", True, ""),
        ("allowed", False, "not reached"),
        ("allowed", None, "not known to be reached"),
        ("inconclusive", True, "not known to be reached"),
        ("inconclusive", False, "not reached"),
        ("partial", True, ""),
        ("blocked", True, "not reached"),
        ("blocked", None, "not reached"),
    ],
)
def test_far_end_tells_what_is_known(verdict, arrived, note):
    """Only a blocker or a walk that ended makes `not reached`; what is not read makes it unknown."""
    request = (end(WEB, "leave"), hop("network_acl", "acl-1", "outbound", "seen", verdict=verdict), end(DB, "arrive"))
    rows = block(answer(leg(request=request, request_arrived=arrived)), "path").groups[0].rows
    assert note == rows[-1].note


def test_passing_reply_is_one_row_where_the_request_passes():
    """A flow that passes both ways shows its reply in one row, which names what it passes."""
    (group,) = block(answer(leg(request=OPEN)), "path").groups
    assert ("reply", "passes back through acl-db, acl-app", "") == group.rows[-1].cells
    assert "allowed" == group.rows[-1].mark


def test_passing_reply_is_left_out_where_the_request_is_blocked():
    """Nothing of the reply is drawn for a request that never gets there, where the reply would pass."""
    (group,) = block(answer(), "path").groups
    assert [] == [row for row in group.rows if "reply" in row.cells]


def test_failing_reply_is_a_group_of_its_own():
    """A blocker on the reply is drawn from the far end back, and is listed beside the headline."""
    told = answer(leg(reply=REPLY_DENIED))
    request, reply = block(told, "path").groups
    assert ("", "request", "reply", "reply") == (request.title, request.direction, reply.title, reply.direction)
    assert ["db-1", "outbound", "inbound", "web-1"] == [row.cells[0] for row in reply.rows]
    assert ["on the reply: acl-app denies the reply"] == texts(told, "also")
    assert "flowdiag explain SG102 · flowdiag explain NA103" == texts(told, "more")[0]


def test_reply_that_was_not_walked_to_its_end_is_not_drawn_as_passing():
    """A reply that ended at something unread is never `passes back`."""
    request, reply = block(answer(leg(request=OPEN, reply=(), reply_arrived=None)), "path").groups
    assert [] == [row for row in request.rows if "reply" in row.cells]
    assert "not known to be reached" == reply.rows[-1].note


def test_second_finding_of_the_same_code_is_not_lost():
    """Two blockers of one code on different resources: the first is the headline, the other is listed."""
    second = NO_INGRESS.model_copy(
        update={"finding": NO_INGRESS.finding.model_copy(update={"resource": "sg-2", "headline": "no ingress rule of sg-2"})}
    )
    other = leg(request=(*REQUEST[:-2], second, REQUEST[-1]))
    assert ["no ingress rule of sg-2"] == texts(answer(leg(), other), "also")


def test_headline_of_another_table_lists_every_finding():
    """Where the headline is no finding's (the wire says so), no blocker is taken for it."""
    assert ["no ingress rule of sg-db admits the flow"] == texts(answer(code="V201", headline="both disagree"), "also")


def test_several_legs_have_titles_of_their_own():
    """Each of several legs says which one it is, and whether it is a guess."""
    groups = block(answer(leg(), leg(guess=True)), "path").groups
    assert "leg 1 of 2: web-1 10.0.1.10 → db-1 10.0.2.20" == groups[0].title
    assert groups[1].title.endswith("(one of several ways, and nothing readable says which is taken)")


def test_rewrite_stands_on_the_row_of_its_writer():
    """The component that wrote the header anew shows old and new, also without a finding."""
    public = FLOW.rewritten(source=ip_address("203.0.113.7"))
    rewriting = hop("internet_gateway", "igw-1", detail="attached", after=public)
    silent = hop("nat_gateway", "nat-1", verdict=None, flow=public, after=FLOW)
    rows = block(answer(leg(request=(REQUEST[0], rewriting, silent, REQUEST[-1]))), "path").groups[0].rows
    assert ("internet gateway", "igw-1", "attached; 10.0.1.10 → 203.0.113.7") == rows[1].cells
    assert ("nat gateway", "nat-1", "203.0.113.7 → 10.0.1.10") == rows[2].cells
    assert (None, "allowed") == (rows[2].mark, rows[1].mark)


def test_rewrite_that_the_detail_tells_is_not_told_twice():
    """A component that speaks of the addresses itself gets only the other header fields added."""
    ports = PortRange(first=1024, last=65535)
    after = FLOW.rewritten(source=ip_address("10.0.9.9"), source_ports=ports)
    nat = hop("nat_gateway", "nat-1", detail="10.0.1.10 → 10.0.9.9", after=after)
    rows = block(answer(leg(request=(REQUEST[0], nat, REQUEST[-1]))), "path").groups[0].rows
    assert "10.0.1.10 → 10.0.9.9; source port 32768-60999 → 1024-65535" == rows[1].cells[2]


def test_supposed_arrival_is_not_known():
    """Where a hop is as if and nothing blocks, the far end is not known to be reached, and the end itself is no row."""
    arrive = REQUEST[-1].model_copy(update={"as_if": True})
    rows = block(answer(leg(request=(REQUEST[0], REQUEST[1], arrive), reply=())), "path").groups[0].rows
    assert ["web-1", "egress", "db-1"] == [row.cells[0] for row in rows]
    assert "not known to be reached" == rows[-1].note


def test_vpc_that_hands_on_is_no_row():
    """A VPC that only hands the packet on is left out; one that objects is drawn."""
    silent = hop("vpc", "vpc-0a1", "deliver", "10.0.2.20 is held by a network interface")
    objecting = hop("vpc", "vpc-0b2", "deliver", "no interface holds 10.0.2.20", verdict="blocked")
    rows = block(answer(leg(request=(REQUEST[0], silent, objecting, REQUEST[-1]))), "path").groups[0].rows
    assert ["10.0.1.10", "vpc-0b2", "10.0.2.20"] == [row.cells[1] for row in rows]


def test_end_that_objects_is_a_row_as_well():
    """A finding at an end that does not pass is drawn, and not swallowed by the line of the endpoint."""
    stopped = hop("network_interface", "eni-0b2", "arrive", verdict="blocked", code="EP101", headline="db-1 is stopped")
    rows = block(answer(leg(request=(*OPEN[:-1], stopped))), "path").groups[0].rows
    assert ("network interface", "eni-0b2", "db-1 is stopped") == rows[-2].cells
    assert "not reached" == rows[-1].note


def test_as_if_rows_say_so():
    """What the packet does not really get to carries that in words, not by colour alone, at the first such row."""
    after = [hop("network_acl", name, "inbound", "rule 100 allows all", as_if=True) for name in ("acl-1", "acl-2")]
    (group,) = block(answer(leg(request=(*REQUEST[:2], *after, REQUEST[-1]), reply=())), "path").groups
    expected = [("", False), (SUPPOSED, True), ("", True), ("not known to be reached", False)]
    assert expected == [(row.note, row.behind) for row in group.rows[-4:]]


def test_reply_of_a_request_that_got_there_as_if_stands_on_its_own():
    """A reply is drawn for its own blockers; that its request is supposed does not mark every row of it."""
    supposed = tuple(h.model_copy(update={"as_if": True}) for h in REPLY_DENIED)
    assert block(answer(leg(reply=REPLY_DENIED)), "path").groups[1] == block(answer(leg(reply=supposed)), "path").groups[1]
    passing = tuple(h.model_copy(update={"as_if": True}) for h in REPLY)
    assert 1 == len(block(answer(leg(reply=passing)), "path").groups)


def test_seen_tells_action_count_place_and_time():
    """Each point at which somebody looked is one sentence, those at which nobody looked are named together."""
    yesterday = datetime(2026, 11, 22, 23, 59, 0, tzinfo=UTC)
    sightings = (
        Sighting(interface="eni-0a1", point="request_source", seen="accept", count=3, last=yesterday, note="late delivery"),
        Sighting(interface="eni-0b2", point="request_destination", seen="absent"),
        Sighting(interface="eni-0b2", point="reply_source", seen="mixed", count=2, last=MORNING),
        Sighting(interface="eni-0c3", point="reply_destination", seen="unobserved"),
    )
    expected = [
        "ACCEPT ×3 on eni-0a1, last 2026-11-22T23:59:00Z (late delivery; custom format, CloudWatch Logs /vpc/prod)",
        "no record on eni-0b2, which a flow log covers",
        "ACCEPT and REJECT ×2 on eni-0b2 (reply), last 12:04:31Z",
        "not observed: eni-0c3",
    ]
    assert expected == texts(answer(sightings=sightings), "seen")


def test_prediction_and_contradiction_are_told_with_their_time():
    """What rests on configuration alone says so; where wire and configuration disagree, both times are given."""
    alone = answer(sightings=(), relation="predicted")
    assert ["nothing: predicted from the configuration alone, read 2026-11-23T12:04:31Z"] == texts(alone, "seen")
    disagreeing = texts(answer(relation="contradicted"), "seen")
    assert "the configuration, read 2026-11-23T12:04:31Z, says otherwise: see path" == disagreeing[-1]


def test_corrections_of_the_field_notes_are_shown():
    """Both columns of the documented table stay visible: what the notes say, and what AWS documents."""
    candidates = (
        Candidate(
            code="SY3", cause="the SG drops silently", status="corrected", headline="", note="a denial is logged as REJECT"
        ),
        Candidate(code="SY4", cause="application", status="possible", headline="the host may fail"),
    )
    told = answer(candidates=candidates)
    assert ["field notes: the SG drops silently; documented: a denial is logged as REJECT"] == texts(told, "ruled out")
    assert "still possible: application" == texts(told, "why")[-1]


def test_only_a_proved_remedy_is_called_verified():
    """`verified` stands behind a set of changes that was walked, on a line of its own where there are several."""
    changes = (Change(summary="open the request", command="one"), Change(summary="open the reply", command="two"))
    lines = block(
        answer(remedies=(Remedy(changes=changes, verified=True), Remedy(changes=changes[:1], note="wide"))), "remedy"
    ).lines
    assert ["open the request", "and: open the reply", "all 2 together", "or: open the request", "wide"] == [
        line.text for line in lines
    ]
    assert ["", "", "(verified: the flow then passes both ways)", "(not verified)", ""] == [line.note for line in lines]
    assert ["one", "two", "", "one", ""] == [line.command for line in lines]


def test_unread_names_the_action_and_marks_assumptions():
    """What was not had is listed with the permission that grants it; a default that stands in for it is called assumed."""
    acl = Query(kind="network_acl", by="subnet", value="subnet-0a1")
    options = Query(kind="block_public_access", by="region", value="eu-west-1")
    unread = (
        Unread(query=acl, reason="access denied", action="ec2:DescribeNetworkAcls"),
        Unread(query=options, assumed="off"),
    )
    expected = [
        "network acl of subnet subnet-0a1: access denied, grant ec2:DescribeNetworkAcls",
        "assumed: block public access of region eu-west-1: off (not read)",
    ]
    assert expected == texts(answer(unread=unread), "unread")
    assert ["nothing"] == texts(answer(), "unread")


def test_evidence_and_log_lines_are_kept_as_details():
    """What AWS said and the lines of the flow log are there for a surface that can fold them away."""
    told = answer(
        records=(Record(interface="eni-0b2", source="10.0.1.10", destination="10.0.2.20", where="stream:7", line="2 … REJECT"),)
    )
    assert ["sg-db: rule 0 allows tcp/5432 from sg-bastion"] == [line.text for line in block(told, "path").details]
    assert [("2 … REJECT", "stream:7")] == [(line.text, line.note) for line in block(told, "seen").details]


@pytest.mark.parametrize(
    ("foreign", "cleaned"),
    [
        ("web\x1b[31m-1\x1b[0m", "web-1"),
        ("\x1b]0;owned\x07db", "db"),
        ("two\nlines\ttab", "two lines tab"),
        ("abc\u202etxt\u2066", "abctxt"),
        ("\u200b\ufeffx", "x"),
        ("line\u2028end", "line end"),
        ("lone \ud800", "lone \ufffd"),
        ("データベース 🗄", "データベース 🗄"),
    ],
)
def test_foreign_text_is_cleaned(foreign, cleaned):
    """Escape sequences, control characters, line ends and invisible marks never reach a surface; scripts of the world do."""
    assert cleaned == clean(foreign)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_cleaning_leaves_one_harmless_line(text):
    """Whatever comes in, one line without control or direction characters comes out, and cleaning it again changes nothing."""
    cleaned = clean(text)
    steering = [
        c
        for c in cleaned
        if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d")
    ]
    assert [] == steering
    assert len(cleaned.splitlines()) <= 1
    assert cleaned == clean(cleaned)


def test_every_string_of_a_report_is_cleaned():
    """No field of a Report takes foreign text as it is: the types clean it."""
    dirty = "x\x1b[1m\n"
    dirt = answer(headline=dirty, why=dirty, findings=(), code="Z100")
    assert "x " == report(dirt).headline
    for module in ("report.py", "picture.py"):
        tree = ast.parse((Path(flowdiag.report.__file__).parent / module).read_text(encoding="utf-8"))
        fields = [
            node for cls in tree.body if isinstance(cls, ast.ClassDef) for node in cls.body if isinstance(node, ast.AnnAssign)
        ]
        assert [] == [ast.unparse(node) for node in fields if "str" in ast.unparse(node.annotation)]


def test_report_is_frozen():
    """A report cannot be changed by a surface."""
    with pytest.raises(ValueError, match="frozen"):
        report(answer()).headline = "other"


WATCHED = Watcher(id="fl-0a1", level="vpc", destination_type="cloud-watch-logs", destination="/vpc/prod")
ARCHIVED = Watcher(id="fl-0a2", level="subnet", destination_type="s3", destination="arn:aws:s3:::archive/vpc logs")


@pytest.mark.parametrize(
    ("watchers", "told"),
    [
        (None, "no flow log was read, nor which ones watch the path (ec2:DescribeFlowLogs)"),
        ((), "no flow log watches eni-0a1, eni-0b2"),
        ((WATCHED,), "fl-0a1 (vpc) delivers to /vpc/prod and was not read: give --flow-logs cloudwatch:/vpc/prod"),
        (
            (ARCHIVED, WATCHED),
            "fl-0a2 (subnet) delivers to arn:aws:s3:::archive/vpc logs, fl-0a1 (vpc) delivers to /vpc/prod and were not read: "
            "give --flow-logs 's3://archive/vpc logs'",
        ),
    ],
)
def test_why_no_records_were_read_is_told(watchers, told):
    """Nobody watches, somebody does and was not read, or nothing tells: three things, told apart."""
    known = tuple(
        Coverage(interface=id, name=id, silence="unproven", code="CO1", headline="", watchers=watchers)
        for id in ("eni-0a1", "eni-0b2")
    )
    drawn = answer(coverage=known, sightings=(), sources=(), relation="predicted")
    first = block(report(drawn), "seen").lines[0].text
    assert f"nothing: {told}; predicted from the configuration alone" == first.rpartition(", read ")[0]


def test_files_that_nobody_dated_are_not_asked_for_flow_logs():
    """A folder of hand-made replies without flow logs is the usual case, and lacks nothing."""
    first = block(report(answer(sightings=(), sources=(), relation="predicted", read_at=None)), "seen").lines[0].text
    assert "nothing: no flow log was given; predicted from the configuration alone" == first


def test_the_time_asked_about_is_shown_in_utc():
    """A time that was given without a date or in another zone shows."""
    asked = Question(source="web-1", destination="db-1", port=5432, start=MORNING - timedelta(hours=1), end=MORNING)
    shown = [line.text for line in block(report(answer(question=asked)), "seen").lines]
    assert "the time asked about: 2026-11-23T11:04:31Z to 2026-11-23T12:04:31Z" in shown
    assert not any("asked about" in line.text for line in block(report(answer()), "seen").lines)


def test_the_packet_that_was_not_observed_is_named():
    """An interface that saw the request is not called unobserved where only the reply is not to be told."""
    seen = (
        Sighting(interface="eni-0a1", point="request_source", seen="accept", count=2),
        Sighting(interface="eni-0b2", point="request_destination", seen="unobserved"),
        Sighting(interface="eni-0b2", point="reply_destination", seen="unobserved"),
        Sighting(interface="eni-0a1", point="reply_source", seen="unobserved"),
    )
    shown = [line.text for line in block(report(answer(sightings=seen, sources=("x",))), "seen").lines]
    assert "not observed: eni-0b2, the reply on eni-0a1" in shown


@pytest.mark.parametrize(
    ("source", "reason", "text"),
    [
        ("flow logs in t", "a.log.gz could not be read", "flow logs in t: a.log.gz could not be read"),
        ("CloudWatch Logs /nope", "CloudWatch Logs /nope could not be searched", "CloudWatch Logs /nope could not be searched"),
        ("flow logs in s3://b/p, CloudWatch Logs /x", "s3://b/p could not be listed", "s3://b/p could not be listed"),
        ("", "fl-0a1 to arn: Firehose delivers on", "fl-0a1 to arn: Firehose delivers on"),
    ],
)
def test_a_place_that_could_not_be_read_is_named_once(source, reason, text):
    """The place is what people call it, without its kind before it, and not twice where the reason begins with it."""
    unread = Unread(query=Query(kind="flow_log", by="source", value=source), reason=reason)
    assert (text,) == tuple(line.text for line in block(report(answer(unread=(unread,))), "unread").lines)
