"""The command line: what each command says, its exit codes, and its surfaces. Mistakes and live AWS have files of their own."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from command_line import ASKED, ends, pair, refusal, run
from world import World

import flowdiag.cli
from flowdiag import demo
from flowdiag.cli import EXIT_CODES, main
from flowdiag.model import Verdict
from flowdiag.policy import iam_policy
from flowdiag.render import surfaces
from flowdiag.table import Rules

COMMANDS = ("capture", "demo", "diagnose", "explain", "flows", "iam-policy")
PROGRAM = "import sys; from flowdiag.cli import main; sys.argv[0] = 'flowdiag'; main()"


@pytest.fixture
def closed_world(world: World, tmp_path: Path) -> Path:
    """The folder of a world in which the security group of db-1 admits nobody."""
    pair(world, admits=False).save(tmp_path / "closed")
    return tmp_path / "closed"


# ---------------------------------------------------------------- help


def test_the_commands_are_these() -> None:
    """Commands neither appear nor vanish unnoticed."""
    assert sorted(main.commands) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself(command: str, option: str) -> None:
    """Help of every command starts with its usage and costs no evidence."""
    result = run(command, option)
    assert 0 == result.exit_code
    assert result.stdout.startswith("Usage: main ")


def test_help_lists_every_command_with_its_sentence() -> None:
    """The overview names each command and what it does."""
    shown = run("--help").stdout
    assert [] == [name for name, command in main.commands.items() if f"  {name}" not in shown or not command.short_help]


def test_version_is_that_of_the_package() -> None:
    """`--version` says which flowdiag answers."""
    assert flowdiag.__version__ in run("--version").stdout


def test_every_surface_can_be_chosen() -> None:
    """A surface is one file in `render/`: the command line finds it without being told."""
    shown = " ".join(run("diagnose", "--help").stdout.split())
    assert f"[{'|'.join(surfaces())}]" in shown


# ---------------------------------------------------------------- exit codes


def test_every_verdict_has_an_exit_code() -> None:
    """0 is reachable alone, 2 belongs to usage, and no verdict is left out."""
    assert set(get_args(Verdict)) == set(EXIT_CODES)
    assert ["reachable"] == [verdict for verdict, code in EXIT_CODES.items() if code == 0]
    assert 2 not in EXIT_CODES.values()


def test_reachable_exits_0(world: World, tmp_path: Path) -> None:
    """The configuration admits the flow both ways."""
    pair(world).save(tmp_path)
    result = run("diagnose", *ASKED, "--snapshot", tmp_path)
    assert (0, True) == (result.exit_code, result.stdout.startswith("REACHABLE  web-1 → db-1, tcp/5432: "))


def test_blocked_exits_1(closed_world: Path) -> None:
    """A security group admits nobody."""
    result = run("diagnose", *ASKED, "--snapshot", closed_world)
    assert (1, True) == (result.exit_code, result.stdout.startswith("BLOCKED  web-1 → db-1, tcp/5432: "))


def test_inconclusive_exits_3(world: World, tmp_path: Path) -> None:
    """Security groups were not saved, so nobody can say; what is missing is named with the reply to save."""
    pair(world).save(tmp_path, without={"SecurityGroups"})
    result = run("diagnose", *ASKED, "--snapshot", tmp_path)
    assert (3, True) == (result.exit_code, result.stdout.startswith("INCONCLUSIVE  "))
    assert "save aws ec2 describe-security-groups into the snapshot" in result.stdout


def test_partial_exits_4(world: World, tmp_path: Path) -> None:
    """A network ACL that lets only some of the client's ports back fails now and then."""
    vpc = world.vpc("10.0.0.0/16")
    web, db = vpc.group("sg-web"), vpc.group("sg-db")
    db.ingress("tcp", 5432, web)
    app = vpc.subnet("10.0.1.0/24")
    app.acl().allow(100, "egress").allow(100, "ingress", "tcp", (32768, 49151))
    app.instance("web-1", "10.0.1.10", web)
    vpc.subnet("10.0.2.0/24").instance("db-1", "10.0.2.20", db)
    world.save(tmp_path)
    result = run("diagnose", *ASKED, "--snapshot", tmp_path)
    assert (4, True) == (result.exit_code, result.stdout.startswith("PARTIAL  "))


def test_broken_exits_1(world: World, tmp_path: Path) -> None:
    """The network lets the request through and nobody answers it."""
    pair(world).save(tmp_path)
    source, destination = (interface.raw["NetworkInterfaceId"] for interface in ends(world))
    (tmp_path / "flow.log").write_text(silence(source, destination))
    result = run("diagnose", *ASKED, "--snapshot", tmp_path, "--flow-logs", tmp_path / "flow.log")
    assert (1, True) == (result.exit_code, result.stdout.startswith("BROKEN  ")), result.stdout


def silence(source: str, destination: str) -> str:
    """Flow log lines of SYNs that leave, arrive and are never answered."""
    header = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"
    syn = "10.0.1.10 10.0.2.20 40000 5432 6 3 180 1795176060 1795176110 ACCEPT OK 2"
    quiet = "- - - - - - - 1795176110 1795176180 - NODATA -"
    return "\n".join([header, *(f"{eni} {what}" for what in (syn, quiet) for eni in (source, destination)), ""])


# ---------------------------------------------------------------- surfaces, colour


@pytest.mark.parametrize("surface", surfaces())
def test_every_surface_is_printed(surface: str, closed_world: Path) -> None:
    """Each shows the headline's resource, without a colour, and JSON surfaces parse."""
    if surface == "slack":
        pytest.importorskip("slack_sdk", reason="the extra flowdiag[slack] is not installed")
    result = run("diagnose", *ASKED, "--snapshot", closed_world, "--format", surface)
    assert (1, False) == (result.exit_code, "\x1b" in result.stdout)
    assert "sg-db has no ingress rules" in result.stdout
    if surface in ("json", "slack"):
        assert isinstance(json.loads(result.stdout), dict)


def test_json_names_its_version(closed_world: Path) -> None:
    """Machines find the verdict and the schema where they are promised."""
    told = json.loads(run("diagnose", *ASKED, "--snapshot", closed_world, "--format", "json").stdout)
    assert ("flowdiag/diagnosis/1", "blocked", "SG103") == (
        told["schema"],
        told["diagnosis"]["verdict"],
        told["diagnosis"]["code"],
    )


@pytest.mark.parametrize("option", [[], ["--no-colour"]])
def test_a_terminal_gets_colour_unless_it_is_not_wanted(option: list[str], closed_world: Path) -> None:
    """On a terminal the verdict is coloured; the same words go there without a colour where `--no-colour` says so."""
    master, slave = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "diagnose", *ASKED, "--snapshot", str(closed_world), *option]
    done = subprocess.run(command, stdout=slave, env={**os.environ, "TERM": "xterm"}, check=False)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert (1, not option) == (done.returncode, "\x1b[" in shown)
    assert "sg-db has no ingress rules" in shown


def test_a_pipe_that_knows_no_tick_is_no_traceback(closed_world: Path) -> None:
    """Where the output cannot hold ✓ or →, it is written as an escape; the words and the exit code stay."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", PROGRAM, "diagnose", *ASKED, "--snapshot", str(closed_world)]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (1, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(rb"BLOCKED  web-1 \u2192 db-1, tcp/5432: sg-db has no ingress rules")


# ---------------------------------------------------------------- the other commands


def test_explain_prints_the_page_of_a_code() -> None:
    """Upper or lower case, the page of SG102 has its headline and every section."""
    result = run("explain", "sg102")
    assert (0, result.stdout) == (run("explain", "SG102").exit_code, run("explain", "SG102").stdout)
    assert result.stdout.startswith("SG102  no ingress rule of {guard} admits the flow\n")
    sections = Rules.load().table("security_group").sections["SG102"]
    assert [] == [title for title in sections if f"\n{title}\n" not in result.stdout]


def test_explain_without_a_code_lists_all() -> None:
    """Every code is there with its headline, a line each."""
    lines = run("explain").stdout.splitlines()
    assert list(Rules.load().codes()) == [line.split()[0] for line in lines]


def test_an_unknown_code_is_one_sentence() -> None:
    """The sentence offers the codes that begin alike."""
    sentence = refusal(run("explain", "SG999"))
    assert sentence.startswith("no rule has the code 'SG999': did you mean one of SG100, ")


def test_explain_reads_a_folder_of_ones_own(tmp_path: Path) -> None:
    """A table of the user's stands in for the bundled one of the same name."""
    bundled = Path(__file__).parents[1] / "rules" / "unsupported.md"
    text = bundled.read_text(encoding="utf-8").replace("{resource}, which is not followed", "{resource}, ask the network team")
    (tmp_path / "unsupported.md").write_text(text, encoding="utf-8")
    assert "ask the network team" in run("explain", "UN190", "--rules", tmp_path).stdout


def test_the_policy_is_json() -> None:
    """What is printed can be given to IAM as it is."""
    assert iam_policy() == json.loads(run("iam-policy").stdout)


def test_the_demo_explains_and_names_the_files_it_read() -> None:
    """The bundled example is explained as by `diagnose`, every file is named, and the exit code says that the demo worked."""
    result = run("demo")
    folder = demo.folder()
    source, destination, port = demo.QUESTION
    by_hand = run("diagnose", source, destination, str(port), "--snapshot", folder, "--flow-logs", folder / "flow-logs")
    assert 0 == result.exit_code
    explained, named = result.stdout.split(f"\nfiles read, of {folder}\n")
    assert by_hand.stdout == explained
    present = sorted(file.name for file in folder.rglob("*") if file.is_file())
    assert present == sorted(Path(line.strip()).name for line in named.splitlines())


def test_the_demo_on_another_surface_is_that_surface_alone() -> None:
    """JSON stays JSON: no list of files behind it."""
    assert "blocked" == json.loads(run("demo", "--format", "json").stdout)["diagnosis"]["verdict"]


def test_nothing_is_imported_before_a_command_needs_it() -> None:
    """The module imports at its top only click, the standard library and the error, so that `explain` starts at once."""
    tree = ast.parse(Path(flowdiag.cli.__file__).read_text(encoding="utf-8"))
    own = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flowdiag")]
    assert ["flowdiag.error"] == own
