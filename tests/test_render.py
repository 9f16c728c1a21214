"""The surfaces: what each makes of a report, and that no foreign text breaks any of them."""

from __future__ import annotations

import json as standard_json
import re
import subprocess
import sys
from html.parser import HTMLParser
from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SlackBlock
from test_report import COMMAND, DB, FLOW, OPEN, REPLY_DENIED, REQUEST, WEB, answer, end, hop, leg

import flowdiag.render
from flowdiag.model import Answer, Candidate, Change, FlowdiagError, Query, Record, Remedy, Trace, Unread
from flowdiag.picture import clean
from flowdiag.render import render, surfaces
from flowdiag.render.html import ROOT
from flowdiag.render.json import Document, schema
from flowdiag.render.slack import _within_limits
from flowdiag.report import report

SAMPLE = """\
BLOCKED  web-1 → db-1, tcp/5432: no ingress rule of sg-db admits the flow                      [SG102]

  web-1   10.0.1.10   eni-0a1
    ✓ egress    sg-web     rule 0 allows all to 0.0.0.0/0
    ✓ outbound  acl-app    rule 100 allows all
    ✓ route     rtb-main   10.0.0.0/16 → local
    ✓ inbound   acl-db     rule 100 allows all
    ✗ ingress   sg-db      nearest rule: tcp/5432 from sg-bastion
  db-1    10.0.2.20   eni-0b2      not reached

why      a security group admits only what a rule names; web-1 is not a member of sg-bastion
seen     REJECT ×14 on eni-0b2, last 12:04:31Z (custom format, CloudWatch Logs /vpc/prod)
ruled out  network ACLs (both directions pass) · routes (both directions pass)
remedy   admit tcp/5432 from sg-web in sg-db          (verified: the flow then passes both ways)
         aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432 --source-group sg-web
unread   nothing
more     flowdiag explain SG102"""

BOTH_WAYS = """\
BLOCKED  web-1 → db-1, tcp/5432: no ingress rule of sg-db admits the flow                      [SG102]

  web-1   10.0.1.10   eni-0a1
    ✓ egress    sg-web     rule 0 allows all to 0.0.0.0/0
    ✓ outbound  acl-app    rule 100 allows all
    ✓ route     rtb-main   10.0.0.0/16 → local
    ✓ inbound   acl-db     rule 100 allows all
    ✗ ingress   sg-db      nearest rule: tcp/5432 from sg-bastion
  db-1    10.0.2.20   eni-0b2      not reached

  reply
  db-1    10.0.2.20   eni-0b2
    ✓ outbound  acl-db     rule 100 allows all
    ✗ inbound   acl-app    rule * denies all
  web-1   10.0.1.10   eni-0a1      not reached

also     ✗ on the reply: acl-app denies the reply     [NA103]
why      a security group admits only what a rule names; web-1 is not a member of sg-bastion
seen     REJECT ×14 on eni-0b2, last 12:04:31Z (custom format, CloudWatch Logs /vpc/prod)
remedy   no change to a security group, network ACL or route that opens it was found: see flowdiag explain SG102
unread   nothing
more     flowdiag explain SG102 · flowdiag explain NA103"""

REACHABLE = """\
REACHABLE  web-1 → 203.0.113.80, tcp/5432: the flow passes both ways                           [VD100]

  web-1   10.0.1.10   eni-0a1
    ✓ egress            sg-web   rule 0 allows all to 0.0.0.0/0
    ✓ internet gateway  igw-1    attached; 10.0.1.10 → 203.0.113.7
    · nat instance      nat-1
  203.0.113.80
    ✓ reply             passes back through igw-1

unread   nothing
more     flowdiag explain VD100"""

SAMPLE_MARKDOWN = """\
**BLOCKED** web-1 → db-1, tcp/5432: no ingress rule of sg-db admits the flow `SG102`

```text
  web-1   10.0.1.10   eni-0a1
    ✓ egress    sg-web     rule 0 allows all to 0.0.0.0/0
    ✓ outbound  acl-app    rule 100 allows all
    ✓ route     rtb-main   10.0.0.0/16 → local
    ✓ inbound   acl-db     rule 100 allows all
    ✗ ingress   sg-db      nearest rule: tcp/5432 from sg-bastion
  db-1    10.0.2.20   eni-0b2      not reached
```

<details><summary>evidence</summary>

```text
sg-db: rule 0 allows tcp/5432 from sg-bastion
```

</details>

**why** a security group admits only what a rule names; web-1 is not a member of sg-bastion

**seen** REJECT ×14 on eni-0b2, last 12:04:31Z (custom format, CloudWatch Logs /vpc/prod)

**ruled out** network ACLs (both directions pass) · routes (both directions pass)

**remedy** admit tcp/5432 from sg-web in sg-db (verified: the flow then passes both ways)

```sh
aws ec2 authorize-security-group-ingress --group-id sg-db --protocol tcp --port 5432 --source-group sg-web
```

**unread** nothing

**more** flowdiag explain SG102
"""

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>",
    "</details></div>",
    "\x1b[31mred\x1b[0m",
    "two\nlines",
    "```\n# heading\n```",
    "a|b`c`[d](e)*f*_g_~h~",
    "\u202eevil\u2066",
    "<!channel> @here @everyone &amp;",
    "x" * 10_000,
    "&<>" * 4_000,
    "\ud800",
    "データベース",
    "",
)
foreign = st.one_of(st.sampled_from(NASTY), st.text(max_size=80))


def told_of(text: str) -> Answer:
    """The sample answer with one foreign text in every place that can hold one; one that cleans to nothing is an `x`."""
    text = text if clean(text).strip() else "x"
    public = FLOW.rewritten(source=ip_address("203.0.113.7"))
    denied = hop("security_group", text, "ingress", text, verdict="blocked", code="SG102", headline=text, near_miss=text)
    rewriting = hop("nat_gateway", text, detail=text, after=public)
    source = WEB.model_copy(update={"label": text})
    return answer(
        leg(request=(end(WEB, "leave"), rewriting, denied, end(DB, "arrive")), reply=REPLY_DENIED, source=source),
        findings=(denied.finding,),
        headline=text,
        why=text,
        candidates=(Candidate(code="SY1", cause=text, status="ruled out", headline=text, note=text),),
        remedies=(Remedy(changes=(Change(summary=text, command=text),), note=text),),
        unread=(Unread(query=Query(kind="vpc", by="id", value=text), reason=text, assumed=text),),
        records=(Record(interface=text, source=text, destination=text, line=text, where=text),),
        sources=(text,),
    )


def test_surfaces_are_found():
    """Every module without a leading underscore is a surface."""
    assert {"html", "json", "markdown", "slack", "text"} <= set(surfaces())


def test_new_surface_is_one_new_file(tmp_path, monkeypatch):
    """A file put into the package is a surface at once, and gets the report and its options."""
    (tmp_path / "shout.py").write_text(
        "def render(report, *, end=''):\n    return report.title.upper() + end\n", encoding="utf-8"
    )
    monkeypatch.setattr(flowdiag.render, "__path__", [*flowdiag.render.__path__, str(tmp_path)])
    try:
        assert "shout" in surfaces()
        assert report(answer()).title.upper() + "!" == render(answer(), "shout", end="!")
    finally:
        sys.modules.pop("flowdiag.render.shout", None)


def test_unknown_surface_names_the_known_ones():
    """A surface that does not exist is an error that lists those that do."""
    with pytest.raises(FlowdiagError, match=r"no surface is named 'fax': choose one of html, json, markdown, slack, text"):
        render(answer(), "fax")


def test_answer_and_report_give_the_same():
    """A report that was made before is drawn as it is."""
    assert render(answer(), "text") == render(report(answer()), "text")


def test_surfaces_import_nothing_heavy_before_they_are_used():
    """Drawing text or HTML does not load slack_sdk."""
    program = "import sys, flowdiag.render, flowdiag.render.text, flowdiag.render.html; print('slack_sdk' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False" == done.stdout.strip()


# ---------------------------------------------------------------- text


def test_text_is_the_design_sample():
    """The sample of the design comes out letter by letter."""
    assert SAMPLE == render(answer(), "text")


def test_text_draws_a_failing_reply():
    """Both directions are drawn, the second blocker is listed, and the columns are aligned over both."""
    told = answer(leg(reply=REPLY_DENIED), candidates=(), remedies=())
    assert BOTH_WAYS == render(told, "text")


def test_text_of_a_flow_that_passes_is_short():
    """A reply that passes is one row, a rewritten header stands on its writer's row, an outside end is its address."""
    public = FLOW.rewritten(source=ip_address("203.0.113.7"))
    far = DB.model_copy(update={"label": "203.0.113.80", "kind": "address", "address": ip_address("203.0.113.80"), "eni": ""})
    gateway = hop("internet_gateway", "igw-1", detail="attached", after=public)
    way = (REQUEST[0], REQUEST[1], gateway, hop("nat_instance", "nat-1", verdict=None))
    told = answer(
        leg(request=way, reply=(gateway,), destination=far),
        verdict="reachable",
        code="VD100",
        headline="the flow passes both ways",
        findings=(),
        why="",
        sightings=(),
        candidates=(),
        remedies=(),
    )
    assert REACHABLE == render(told, "text")


def test_colour_is_only_added():
    """Colour changes no letter of the text, and comes only when asked for."""
    coloured = render(answer(leg(reply=REPLY_DENIED), leg()), "text", colour=True)
    assert render(answer(leg(reply=REPLY_DENIED), leg()), "text") == re.sub(r"\x1b\[\d+m", "", coloured)
    assert "\x1b[31m✗\x1b[0m" in coloured
    assert "\x1b" not in render(answer(), "text")


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_width_wraps_sentences_and_keeps_commands_whole(width):
    """No sentence is wider than asked, no word is lost, and a command stays on its own line."""
    text = render(answer(leg(reply=REPLY_DENIED)), "text", width=width)
    sentences = [line for line in text.splitlines() if "aws ec2" not in line and not line.startswith("  ")]
    assert [] == [line for line in sentences if len(line) > width]
    assert COMMAND in text.splitlines()[-3]
    assert render(answer(leg(reply=REPLY_DENIED)), "text").split() == text.split()


def test_wide_characters_keep_columns_aligned():
    """A Japanese name takes two columns a character, so what follows it still stands in line."""
    wide = hop("network_acl", "基幹網", "inbound", "rule 100 allows all")
    narrow = hop("network_acl", "acl-db", "inbound", "rule 100 allows all")
    text = render(answer(leg(request=(REQUEST[0], wide, narrow, REQUEST[-1]))), "text")
    assert "    ✓ inbound  基幹網   rule 100 allows all\n    ✓ inbound  acl-db   rule 100 allows all" in text


def test_one_endless_name_does_not_move_the_other_rows():
    """A name of 10,000 characters pushes its own row only."""
    long = hop("network_acl", "n" * 10_000, "inbound", "rule 100 allows all")
    rows = render(answer(leg(request=(REQUEST[0], long, OPEN[2], REQUEST[-1]))), "text").splitlines()
    assert [] == [row for row in rows if len(row) > 200 and "nnn" not in row]


@settings(max_examples=80, deadline=None)
@given(foreign)
def test_foreign_text_adds_no_line_and_no_escape(text):
    """Whatever a name holds, the terminal gets the same number of lines and no control character."""
    drawn = render(told_of(text), "text")
    assert len(render(told_of("x"), "text").split("\n")) == len(drawn.splitlines())
    assert drawn.replace("\n", "").isprintable() or not re.search(
        r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", drawn.replace("\n", "")
    )
    drawn.encode()


# ---------------------------------------------------------------- markdown


def test_markdown_of_the_sample():
    """The sample as Markdown: headline, fence, sentences, commands in fences of their own."""
    assert SAMPLE_MARKDOWN == render(answer(), "markdown")


def test_markdown_escapes_what_formats_links_or_notifies():
    """Foreign text shows as it is: no formatting, no HTML, no link, no mention, no table cell."""
    drawn = render(answer(why="*a* `b` [c](d) <i>|~ @team #12 http://x www.x # h", headline="1. x"), "markdown")
    assert "**why** \\*a\\* \\`b\\` \\[c\\](d) \\<i\\>\\|\\~ @\u200bteam #\u200b12 http\\://x www\\.x \\# h" in drawn, drawn


def test_markdown_links_the_pages_of_tables_and_no_others():
    """A documentation page that a table names can be followed; the same text from elsewhere stays as it is."""
    page = "https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html#a_b"
    cause = Candidate(code="SY201", cause="security group", status="corrected", headline="https://x.example", page=page)
    drawn = render(answer(candidates=(cause,)), "markdown")
    assert f"documented: https\\://x.example (<{page}>)" in drawn, drawn
    hostile = cause.model_copy(update={"page": "https://x.example/> <b>"})
    assert "<b>" not in render(answer(candidates=(hostile,)), "markdown").replace("\\<b\\>", "")


@settings(max_examples=80, deadline=None)
@given(foreign)
@example("`" * 30)
def test_markdown_fences_hold(text):
    """Every fence that is opened is closed by the same number of backticks, and none is closed by what it holds."""
    inside, opened = None, 0
    for line in render(told_of(text), "markdown").splitlines():
        fence = re.match(r"^(`{3,})(text|sh)?$", line)
        if inside is None and fence:
            inside, opened = fence[1], opened + 1
        elif inside is not None and line == inside:
            inside = None
        else:
            assert not (inside and fence and len(fence[1]) >= len(inside))
            assert inside or not re.search(r"(?<!\\)<(?!details>|/details>|summary>|/summary>)", line)
    assert (None, 3) == (inside, opened)


# ---------------------------------------------------------------- html


class Tags(HTMLParser):
    """Collects the tags of a fragment and proves that they are closed in order."""

    def __init__(self, fragment):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def test_html_has_everything_in_order():
    """All blocks are in the fragment, in the fixed order, with the mark of the blocker."""
    words = " ".join(Tags(render(answer(leg(reply=REPLY_DENIED)), "html")).words)
    order = [
        "BLOCKED",
        "sg-web",
        "✗",
        "reply",
        "also",
        "why",
        "seen",
        "ruled out",
        "remedy",
        COMMAND,
        "unread",
        "nothing",
        "more",
    ]
    places = [words.index(word) for word in order]
    assert sorted(places) == places


def test_html_styles_are_scoped_and_fit_both_themes():
    """Every selector begins at the root's class or at a theme's sign; dark comes from the system or the notebook."""
    style = re.search(r"<style>(.*?)</style>", render(answer(), "html"), re.S)[1]
    flat = re.sub(r"@media[^{]*\{(.*?\})\}", r"\1", style, flags=re.S)
    selectors = [s.strip() for rule in re.findall(r"([^{}]+)\{", flat) for s in re.split(r",(?![^(]*\))", rule)]
    assert [] == [s for s in selectors if f".{ROOT}" not in s]
    for theme in (
        "prefers-color-scheme:dark",
        '[data-jp-theme-light="false"]',
        '[data-jp-theme-light="true"]',
        "body.vscode-dark",
    ):
        assert theme in style


def test_html_folds_what_passes_and_opens_what_fails():
    """A failing reply is unfolded, evidence and a leg that passes are folded away."""
    failing = render(answer(leg(reply=REPLY_DENIED)), "html")
    assert "<details open><summary>reply</summary>" in failing
    assert "<details><summary>evidence (1)</summary>" in failing
    two = render(answer(leg(), leg(request=OPEN)), "html")
    assert ["<details open><summary>leg 1", "<details><summary>leg 2"] == re.findall(r"<details[^>]*><summary>leg \d", two)


def test_html_folds_many_unread():
    """A long list of what was not read can be unfolded; a short one, or one that leaves no verdict, stands open."""
    lacking = tuple(Unread(query=Query(kind="vpc", by="id", value=f"vpc-{n}")) for n in range(5))
    assert "<details><summary>5 things were not read</summary>" in render(answer(unread=lacking), "html")
    assert "<details><summary>" not in render(answer(unread=lacking[:3], path=Trace(), findings=()), "html")
    assert "things were not read" not in render(answer(unread=lacking, verdict="inconclusive"), "html")


@settings(max_examples=80, deadline=None)
@given(foreign)
def test_html_gets_no_tag_from_foreign_text(text):
    """Foreign text adds no tag, no attribute and no style, and every tag is closed."""
    calm, drawn = Tags(render(told_of("x"), "html")), Tags(render(told_of(text), "html"))
    assert (calm.tags, []) == (drawn.tags, drawn.open)
    assert calm.attributes == drawn.attributes
    assert "script" not in drawn.tags


# ---------------------------------------------------------------- slack


def sections(message):
    """The texts of a message's blocks."""
    return [block["text"]["text"] for block in message["blocks"]]


def test_slack_message_of_the_sample():
    """Header, path in a fence, then a section a block, in the fixed order; the fallback is the headline."""
    message = render(answer(), "slack")
    title = "BLOCKED  web-1 → db-1, tcp/5432: no ingress rule of sg-db admits the flow  [SG102]"
    header, path, *rest = sections(message)
    assert (title, title) == (message["text"], header)
    assert path == "```\n" + "\n".join(SAMPLE.splitlines()[2:9]) + "\n```"
    assert ["*why*", "*seen*", "*ruled out*", "*remedy*", "*unread*", "*more*"] == [text.split("  ")[0] for text in rest]
    assert f"```\n{COMMAND}\n```" in rest[3]


def test_slack_text_notifies_nobody():
    """Mentions, links and entities of foreign text come out as letters."""
    message = render(answer(headline="<!channel> @here & <https://x|y>", why="<@U1> @everyone"), "slack")
    everything = standard_json.dumps(message, ensure_ascii=False)
    assert [] == re.findall(r"<[!@#h]|@(?:here|everyone)", everything)
    assert "&lt;!channel&gt; @\u200bhere &amp; &lt;https://x|y&gt;" in message["text"]
    assert [True] == list({b["text"]["verbatim"] for b in message["blocks"] if b["text"]["type"] == "mrkdwn"})


def test_slack_cuts_the_tail_and_says_what():
    """A message that Slack would refuse ends in a section that names what was left out; the rest is in order."""
    legs = [leg(reply=REPLY_DENIED) for _ in range(40)]
    message = render(answer(*legs), "slack")
    *_, last = sections(message)
    assert last.startswith("cut here, for Slack takes no longer message: path, also, why, seen, ruled out, remedy, unread, more;")
    assert "leg 1 of 40" in sections(message)[1]


def test_slack_takes_no_more_than_fifty_blocks():
    """Many short sections stop at 50 blocks, the last of which names the cut."""
    blocks = _within_limits({}, [("why", "x")] * 60)
    assert (50, "cut here") == (len(blocks), blocks[-1]["text"]["text"][:8])


def test_slack_shows_a_long_headline_in_full():
    """A header that Slack would refuse is cut there, and repeated whole below it."""
    message = render(answer(headline="h" * 400), "slack")
    header, whole, *_ = sections(message)
    assert (150, "…") == (len(header), header[-1])
    assert "h" * 400 in whole


@settings(max_examples=60, deadline=None)
@given(st.lists(foreign, min_size=1, max_size=6))
@example(["&" * 149])
def test_slack_limits_hold(texts):
    """Whatever the names and however many legs: 50 blocks, 150 and 3,000 characters, under 10,000 together, entities whole."""
    told = told_of(texts[0])
    legs = tuple(leg for text in texts for leg in told_of(text).path.legs)
    lacking = tuple(Unread(query=Query(kind="vpc", by="id", value=text)) for text in texts * 20)
    message = render(told.model_copy(update={"path": Trace(legs=legs), "unread": lacking}), "slack")
    assert len(message["blocks"]) <= 50
    assert len(standard_json.dumps(message["blocks"], ensure_ascii=False)) < 10_000
    for block, text in zip(message["blocks"], sections(message), strict=True):
        SlackBlock.parse(block).validate_json()
        assert 0 < len(text) <= (150 if block["type"] == "header" else 3000)
        assert [] == re.findall(r"&(?!amp;|lt;|gt;)|[<>]", text)
        *bodies, after = re.split(r"(?m)^```$", text)
        assert len(bodies) % 2 == 0
        assert [] == [body for body in (*bodies, after) if "```" in body]
    assert 0 < len(message["text"]) <= 3000


def test_slack_without_its_package_names_the_extra(monkeypatch):
    """Where slack_sdk is not installed, the error tells what to install."""
    for name in [name for name in sys.modules if name.split(".")[0] == "slack_sdk"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    with pytest.raises(FlowdiagError, match=re.escape("pip install 'flowdiag[slack]'")):
        render(answer(), "slack")


# ---------------------------------------------------------------- json


@settings(max_examples=40, deadline=None)
@given(foreign)
def test_json_gives_the_answer_back(text):
    """The document is plain JSON, and the answer can be had from it unchanged."""
    told = told_of(text.encode("utf-8", "replace").decode())
    document = standard_json.loads(standard_json.dumps(render(told, "json")))
    assert "flowdiag/diagnosis/1" == document["schema"]
    assert told == Answer.model_validate(document["diagnosis"])


def test_json_of_a_richer_answer_speaks_the_same_names():
    """An Answer that carries more (a path with a graph) is told in the names of Answer."""

    class Graphed(Trace):
        graph: str = "a graph"

    class Rich(Answer):
        surface: str = "a surface"

    rich = Rich(**(dict(answer()) | {"path": Graphed(legs=answer().path.legs)}))
    assert render(answer(), "json") == render(rich, "json")


def test_json_schema_describes_the_document():
    """The schema is versioned, names every field of Answer, and the models it is made from read the document."""
    described = schema()
    assert "flowdiag/diagnosis/1" == described["properties"]["schema"]["const"]
    assert sorted(Answer.model_fields) == sorted(described["$defs"]["Answer"]["properties"])
    assert answer() == Document.model_validate(render(answer(), "json")).diagnosis
