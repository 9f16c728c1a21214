"""The README is true: its commands exist and run, its Python runs and gives what it says, its links lead somewhere.

All offline: the default session is a replay of the bundled example, and `ticket-1432` is a copy of it.
After a change of wording `FLOWDIAG_UPDATE_README=1 pytest tests/test_readme.py` writes the demo's output anew.
"""

from __future__ import annotations

import ast
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
from aws_replay import organisation
from aws_world import no_waiting  # noqa: F401  retries without waiting
from click.testing import CliRunner, Result

from flowdiag import Snapshot, demo
from flowdiag.calls import askable
from flowdiag.cli import EXIT_CODES, main
from flowdiag.components import components, reads
from flowdiag.logs.folder import SUFFIXES
from flowdiag.render import surfaces
from flowdiag.table import Rules, bundled

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
SAVING = (ROOT / "docs" / "saving-evidence.md").read_text(encoding="utf-8")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "rules/README.md")
# Versions of the JSON schema, and files that CONTRIBUTING.md invents to show where a new one would go.
NOT_FILES = {
    "flowdiag/diagnosis/1",
    "flowdiag/diagnosis/2",
    "flowdiag/flows/1",
    "flowdiag/components/vpn_gateway.py",
    "flowdiag/logs/athena.py",
    "flowdiag/render/teams.py",
}
PROMISED = re.compile(r"^(?P<code>.*\S)\s+# → (?P<value>.*)$")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language in the README and in the page on saving evidence, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", f"{TEXT}\n{SAVING}", re.S | re.M)


def commands(program: str) -> list[str]:
    """Every line of the sh blocks that starts with this program."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.startswith(f"{program} ")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder as the README supposes it: `ticket-1432`, `my-rules`, and an AWS account to read."""
    shutil.copytree(demo.folder(), tmp_path / "ticket-1432" / "111122223333")
    (tmp_path / "ticket-1432" / "111122223333" / "flow-logs").rename(tmp_path / "ticket-1432" / "flow-logs")
    (tmp_path / "my-rules").mkdir()
    shutil.copy(bundled() / "unsupported.md", tmp_path / "my-rules")
    (tmp_path / "accounts.toml").write_text("".join(blocks("toml")), encoding="utf-8")
    session = organisation({"111122223333": account()})
    monkeypatch.setattr("flowdiag.access.session_for", lambda profile=None: session)
    monkeypatch.setattr(boto3, "Session", lambda **named: session)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def account() -> dict[str, list[Any]]:
    """What the describe calls of the bundled example's account give; where it has nothing, an empty list."""
    found: dict[str, list[Any]] = {read.responses[0]: [] for several in reads().values() for read in several}
    for file in demo.folder().rglob("*.json"):
        found |= {key: value for key, value in json.loads(file.read_text(encoding="utf-8")).items() if isinstance(value, list)}
    return found


# ---------------------------------------------------------------- the first block


def first_block() -> list[str]:
    """The lines of the very first fenced block."""
    found = re.search(r"^```(\w+)\n(.*?)^```", TEXT, re.S | re.M)
    assert found
    assert "sh" == found[1]
    return found[2].splitlines()


def test_the_first_block_is_two_commands_that_need_nothing_of_each_other() -> None:
    """Each makes a folder of its own, which git ignores, installs into it, and does its work there."""
    one, other = first_block()
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for line, folder in ((one, ".venv-demo"), (other, ".venv")):
        assert line.startswith(f"python3 -m venv {folder} && {folder}/bin/python -m pip install --quiet ")
        assert [folder] == sorted(set(re.findall(r"\.venv[\w-]*", line)))
        assert f"{folder}/" in ignored
    assert one.endswith("/bin/flowdiag demo")
    assert other.endswith("/bin/python -m pytest")


def test_the_commands_are_lines_that_a_shell_understands() -> None:
    """Every sh block is read by the shell without a complaint; nothing is run."""
    for block in blocks("sh"):
        assert 0 == subprocess.run(["bash", "-n"], input=block, text=True, check=False).returncode, block


def test_no_block_of_the_readme_leaves_the_reader_in_another_folder() -> None:
    """Later blocks speak of the same folders as earlier ones."""
    assert [] == re.findall(r"^(?!\().*\bcd .*$", "".join(re.findall(r"^```sh\n(.*?)^```", TEXT, re.S | re.M)), re.M)


def test_ci_runs_the_second_command() -> None:
    """The CI script looks for the test command where it stands; its own expression finds it."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    program = re.search(r"<<'PY'\n(.*?)\nPY\n", script, re.S)
    assert program
    shown = subprocess.run([sys.executable, "-c", program[1]], cwd=ROOT, capture_output=True, text=True, check=True)
    assert first_block()[1] == shown.stdout.strip()


# ---------------------------------------------------------------- output and Python


def test_the_sample_is_what_the_demo_prints() -> None:
    """The explanation shown is the one a newcomer gets from the first command."""
    printed = CliRunner().invoke(main, ["demo"], catch_exceptions=False).stdout.split("\nfiles read")[0]
    shown = blocks("text")[0]
    if os.environ.get("FLOWDIAG_UPDATE_README"):
        (ROOT / "README.md").write_text(TEXT.replace(f"```text\n{shown}", f"```text\n{printed}", 1), encoding="utf-8")
        pytest.skip("README.md was written anew: read it")
    assert printed == shown


def promises(block: str) -> Iterator[tuple[int, str]]:
    """(line number, value) of every line that ends in `# → value`."""
    for number, line in enumerate(block.splitlines(), 1):
        found = PROMISED.match(line)
        if found:
            yield number, found["value"]


def execute(block: str, names: dict[str, Any]) -> None:
    """Run a block statement by statement; a line with `# → value` is an expression whose text is that value."""
    kept: list[tuple[int, str]] = []
    tree = ast.parse(block)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and (node.end_lineno in dict(promises(block))):
            node.value = ast.copy_location(
                ast.Call(ast.Name("_keep", ast.Load()), [ast.Constant(node.end_lineno), node.value], []), node.value
            )
    names["_keep"] = lambda number, value: kept.append((number, str(value)))
    exec(compile(ast.fix_missing_locations(tree), "README.md", "exec"), names)
    assert list(promises(block)) == kept


def test_every_python_block_runs_and_keeps_its_promises(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The blocks are one story, run in order with the names they leave behind."""
    pytest.importorskip("slack_sdk", reason="the extra flowdiag[slack] is not installed")
    names: dict[str, Any] = {"__name__": "readme"}
    for block in blocks("python"):
        execute(block, names)
    assert capsys.readouterr().out.startswith("BLOCKED  orders-fn → orders-db, tcp/3306: ")


def test_a_promise_that_is_not_kept_is_noticed() -> None:
    """The test above can fail: a wrong value does, and one on a line that is no expression too."""
    with pytest.raises(AssertionError):
        execute("1 + 1  # → 3", {})
    with pytest.raises(AssertionError):
        execute("x = 1  # → 1", {})


# ---------------------------------------------------------------- commands


def run(line: str) -> tuple[Result, str]:
    """The result of a flowdiag line, and the file it was to be written to."""
    words = shlex.split(line, comments=True)[1:]
    target = words[words.index(">") + 1] if ">" in words else ""
    return CliRunner().invoke(main, words[: words.index(">")] if target else words, catch_exceptions=False), target


def test_every_flowdiag_line_runs(desk: Path) -> None:
    """In the order of the page, against the replay of AWS and the folder: none is a usage error."""
    lines = commands("flowdiag")
    for line in lines:
        result, target = run(line)
        assert result.exit_code in {0, *EXIT_CODES.values()} - {2}, f"{line}\n{result.output}"
        if target.endswith(".json"):
            assert json.loads(result.stdout)
    assert set(main.commands) == {line.split()[1] for line in lines}


def test_every_command_named_in_the_text_exists() -> None:
    """`flowdiag …` in running text names a command there is, and a code there is."""
    told = re.findall(r"`flowdiag ([a-z-]+)([^`]*)`", TEXT)
    codes = set(re.findall(r"\b[A-Z]{2}\d{3}\b", TEXT))
    assert [] == [name for name, _ in told if name not in main.commands]
    assert set() == codes - set(Rules.load().codes())


def test_the_exit_codes_are_those_of_the_command_line() -> None:
    """The table of exit codes and verdicts says what the code says."""
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", TEXT, re.M)
    assert EXIT_CODES == {verdict: int(code) for code, verdict in rows}


def test_the_surfaces_are_all_named() -> None:
    """A new surface gets its row."""
    rows = re.findall(r"^\| `(\w+)` \| ", TEXT.split("## Surfaces")[1].split("\n## ")[0], re.M)
    assert list(surfaces()) == sorted(rows)


# ---------------------------------------------------------------- snapshots and logs


def test_the_aws_commands_are_every_read_there_is() -> None:
    """A snapshot made by the page's commands lacks nothing that flowdiag reads, and holds nothing it does not.

    What a saved folder may hold instead of something else, and a session never asks for, is left out.
    """
    every = {(read.service, read.operation.replace("_", "-")) for several in reads().values() for read in several}
    wanted = every - {("ec2", "get-transit-gateway-route-table-propagations")}
    told = {
        (words[1], words[2]) for line in commands("aws") if (words := line.split())[1] != "s3" and words[2] != "filter-log-events"
    }
    assert wanted == told


def test_the_aws_commands_alone_answer_the_question(tmp_path: Path) -> None:
    """Each describe command's reply under the file name given there: nothing is left unread."""
    replies = account()
    place = tmp_path / "111122223333" / "us-east-1"
    place.mkdir(parents=True)
    for several in reads().values():
        for read in several:
            name = f" describe-{read.operation.removeprefix('describe_').replace('_', '-')} > "
            line = next((line for line in commands("aws") if name in line), None)
            if line:
                (place / Path(line.split(" > ")[1]).name).write_text(
                    json.dumps({read.responses[0]: replies.get(read.responses[0], [])})
                )
    result = CliRunner().invoke(main, ["diagnose", *map(str, demo.QUESTION), "--snapshot", str(tmp_path)], catch_exceptions=False)
    assert 1 == result.exit_code
    assert "\nunread   nothing\n" in result.stdout


def test_the_prefix_list_query_makes_a_reply_that_is_understood(tmp_path: Path) -> None:
    """The JMESPath of the command, applied to what AWS answers, gives a file from which the list is read."""
    (line,) = (line for line in commands("aws") if " get-managed-prefix-list-entries " in line)
    words = shlex.split(line)
    reply = jmespath.search(words[words.index("--query") + 1], {"Entries": [{"Cidr": "203.0.113.0/24"}]})
    (tmp_path / Path(words[-1]).name).write_text(json.dumps(reply))
    assert ("203.0.113.0/24",) == Snapshot.load(tmp_path).get("prefix_list", "pl-0a1").networks


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("search-transit-gateway-routes", {"Routes": [], "AdditionalRoutesAvailable": False}),
        ("describe-listeners", {"Listeners": []}),
        ("elbv2 describe-load-balancer-attributes", {"Attributes": []}),
        ("elb describe-load-balancer-attributes", {"LoadBalancerAttributes": {"CrossZoneLoadBalancing": {"Enabled": False}}}),
        ("describe-rules", {"Rules": []}),
        ("describe-listener-attributes", {"Attributes": []}),
        ("describe-instance-health", {"InstanceStates": []}),
        ("describe-target-group-attributes", {"Attributes": []}),
        ("describe-target-health", {"TargetHealthDescriptions": []}),
        ("describe-firewall", {"Firewall": {"FirewallPolicyArn": "arn:aws:network-firewall:::"}, "FirewallStatus": {}}),
        ("describe-firewall-policy", {"FirewallPolicy": {"StatelessDefaultActions": ["aws:drop"]}}),
        ("get-function-configuration", {"FunctionName": "orders-fn", "FunctionArn": "arn:aws:lambda:::function:orders-fn"}),
        ("eks list-clusters", {"clusters": []}),
        ("ecs list-clusters", {"clusterArns": []}),
        ("list-services", {"serviceArns": []}),
        ("list-hosted-zones-by-name", {"HostedZones": []}),
        ("get-hosted-zone", {"VPCs": []}),
        ("list-nodes", {"NodeInfoList": []}),
        ("describe-mount-targets", {"MountTargets": []}),
        ("list-tasks", {"taskArns": []}),
        ("list-hosted-zones-by-vpc", {"HostedZoneSummaries": []}),
        ("list-resource-record-sets", {"ResourceRecordSets": []}),
        ("search-local-gateway-routes", {"Routes": []}),
        ("describe-direct-connect-gateway-associations", {"directConnectGatewayAssociations": []}),
        ("describe-direct-connect-gateway-attachments", {"directConnectGatewayAttachments": []}),
        ("get-core-network", {"CoreNetwork": {"GlobalNetworkId": "global-network-1"}}),
        ("get-vpc-attachment", {"VpcAttachment": {"SubnetArns": []}}),
    ],
)
def test_a_query_that_names_what_a_reply_is_about_makes_one_that_is_understood(
    operation: str, answer: Any, tmp_path: Path
) -> None:
    """The JMESPath of the command, applied to what AWS answers, gives a file from which the resource is read."""
    (line,) = (line for line in commands("aws") if f" {operation} " in line)
    words = shlex.split(line)
    (tmp_path / Path(words[-1]).name).write_text(json.dumps(jmespath.search(words[words.index("--query") + 1], answer)))
    (kind,) = (kind for kind, count in Snapshot.load(tmp_path).counts().items() if count)
    named = re.search(r": '([^']+)'", line) or re.search(r"--function-name (\S+)", line)
    assert named
    assert Snapshot.load(tmp_path).get(kind, named[1])


def test_the_query_for_routes_of_a_segment_makes_a_reply_that_is_understood(tmp_path: Path) -> None:
    """The routes of one segment at one edge stand by the four names that were asked for."""
    (line,) = (line for line in commands("aws") if " get-network-routes " in line)
    words = shlex.split(line)
    reply = jmespath.search(words[words.index("--query") + 1], {"NetworkRoutes": []})
    (tmp_path / Path(words[-1]).name).write_text(json.dumps(reply))
    assert Snapshot.load(tmp_path).get("core_network_routes", "$WORLD/$CORE/$SEGMENT/$EDGE")


def test_a_snapshot_is_read_as_the_page_says(desk: Path) -> None:
    """UTF-16, gzip and any name are read."""
    file = next((desk / "ticket-1432").rglob("describe-vpcs.json"))
    text = file.read_text(encoding="utf-8")
    file.with_name("a.json").write_text(text, encoding="utf-16")
    file.with_name("b.json.gz").write_bytes(gzip.compress(text.encode()))
    file.unlink()
    assert 1 == Snapshot.load(desk / "ticket-1432").counts()["vpc"]


def test_the_kinds_of_log_files_are_named() -> None:
    """Each ending that the folder source reads stands in the section about flow logs."""
    section = TEXT.split("## Flow logs")[1].split("\n## ")[0]
    assert [] == [ending for ending in SUFFIXES if f"`{ending}`" not in section]


def test_every_component_is_named_as_followed() -> None:
    """A new component changes what is followed, and the page says so."""
    section = TEXT.split("## What is followed")[1].split("Anything else")[0].lower().replace("-", " ")
    names = [kind.replace("_", " ") for kind in components() if kind not in ("dead_end", "unsupported", "vpc_peering")]
    assert [] == [name for name in [*names, "vpc peering"] if name not in section]


def test_what_is_called_live_is_what_the_policy_allows() -> None:
    """The page promises describe, get, list and search calls only."""
    called = {
        read.operation for several in reads().values() for read in several if any(askable([read], by) for by in read.lookups)
    }
    assert {"describe", "get", "list", "search"} == {operation.split("_")[0] for operation in called}


# ---------------------------------------------------------------- links


def test_every_module_is_on_the_map() -> None:
    """CONTRIBUTING.md names each file of the package, or the folder it is in."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    mapped = set(re.findall(r"`(flowdiag/[\w./]*)`", text))
    files = [file.relative_to(ROOT) for file in sorted((ROOT / "flowdiag").rglob("*.py"))]
    assert [] == [str(file) for file in files if str(file) not in mapped and f"{file.parent}/" not in mapped]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_paths_lead_somewhere(document: str) -> None:
    """Every relative link, and every path of this repository in backticks, is there."""
    file = ROOT / document
    text = file.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http", "#"))]
    assert [] == [link for link in links if not (file.parent / link.split("#")[0]).exists()]
    paths = re.findall(r"`((?:flowdiag|rules|tests|benchmarks|notebooks)/[\w./-]*)`", text)
    assert [] == [path for path in paths if path not in NOT_FILES and not (ROOT / path).exists()]
