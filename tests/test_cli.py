"""The command line: what each command says, its exit codes, and one plain sentence for everything a person can mend."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_replay import ReplaySession, replay_session
from aws_world import no_waiting  # noqa: F401  retries without waiting
from click.testing import CliRunner, Result
from world import World

from flowdiag import Snapshot, demo
from flowdiag.cli import EXIT_CODES, main
from flowdiag.model import Verdict
from flowdiag.policy import iam_policy
from flowdiag.render import surfaces

COMMANDS = ("capture", "demo", "diagnose", "explain", "iam-policy")
ASKED = ("web-1", "db-1", "5432")


def run(*arguments: str | Path) -> Result:
    """One command line; an exception that is not an exit code is a bug and fails the test."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def refusal(result: Result) -> str:
    """The one sentence of a command that could not answer: exit code 2, nothing on standard output."""
    assert (2, "") == (result.exit_code, result.stdout)
    *before, last = result.stderr.splitlines()
    assert [] == [line for line in before if line != "reading AWS"], result.stderr
    assert last.startswith("flowdiag: ")
    return last.removeprefix("flowdiag: ")


def pair(world: World, admits: bool = True) -> World:
    """web-1 and db-1 in two subnets of one VPC, whose groups let 5432 through or nothing."""
    vpc = world.vpc("10.0.0.0/16")
    web, db = vpc.group("sg-web"), vpc.group("sg-db")
    if admits:
        db.ingress("tcp", 5432, web)
    vpc.subnet("10.0.1.0/24").instance("web-1", "10.0.1.10", web)
    vpc.subnet("10.0.2.0/24").instance("db-1", "10.0.2.20", db)
    return world


@pytest.fixture
def open_world(world: World, tmp_path: Path) -> Path:
    """The folder of a world in which web-1 reaches db-1."""
    pair(world).save(tmp_path / "open")
    return tmp_path / "open"


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
    import flowdiag

    assert flowdiag.__version__ in run("--version").stdout


def test_every_surface_can_be_chosen() -> None:
    """A surface is one file in `render/`: the command line finds it without being told."""
    shown = " ".join(run("diagnose", "--help").stdout.split())
    assert f"[{'|'.join(surfaces())}]" in shown


# ---------------------------------------------------------------- exit codes


def test_every_verdict_has_an_exit_code() -> None:
    """0 is reachable alone, 2 belongs to usage, and no verdict is left out."""
    from typing import get_args

    assert set(get_args(Verdict)) == set(EXIT_CODES)
    assert ["reachable"] == [verdict for verdict, code in EXIT_CODES.items() if code == 0]
    assert 2 not in EXIT_CODES.values()


def test_reachable_exits_0(open_world: Path) -> None:
    """The configuration admits the flow both ways."""
    result = run("diagnose", *ASKED, "--snapshot", open_world)
    assert (0, True) == (result.exit_code, result.stdout.startswith("REACHABLE  web-1 → db-1, tcp/5432: "))


def test_blocked_exits_1(closed_world: Path) -> None:
    """A security group admits nobody."""
    result = run("diagnose", *ASKED, "--snapshot", closed_world)
    assert (1, True) == (result.exit_code, result.stdout.startswith("BLOCKED  web-1 → db-1, tcp/5432: "))


def test_inconclusive_exits_3(world: World, tmp_path: Path) -> None:
    """Security groups were not saved, so nobody can say; what is missing is named with the action that grants it."""
    pair(world).save(tmp_path, without={"SecurityGroups"})
    result = run("diagnose", *ASKED, "--snapshot", tmp_path)
    assert (3, True) == (result.exit_code, result.stdout.startswith("INCONCLUSIVE  "))
    assert "ec2:DescribeSecurityGroups" in result.stdout


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


def ends(world: World) -> list[Any]:
    """The interfaces of web-1 and db-1."""
    from world import Interface

    (entries,) = world.raw().values()
    return [Interface(raw) for raw in entries["NetworkInterfaces"]]


def silence(source: str, destination: str) -> str:
    """Flow log lines of SYNs that leave, arrive and are never answered."""
    header = "interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"
    syn = "10.0.1.10 10.0.2.20 40000 5432 6 3 180 1795176060 1795176110 ACCEPT OK 2"
    return "\n".join([header, f"{source} {syn}", f"{destination} {syn}", ""])


# ---------------------------------------------------------------- one sentence for what a person can mend

MALFORMED = {
    "no port": (["web-1", "db-1"], "a tcp question needs a destination port: give one from 1 to 65535"),
    "port of icmp": ([*ASKED, "--protocol", "icmp"], "port '5432' has no meaning for protocol icmp: leave it out"),
    "port too high": (["web-1", "db-1", "65536"], "port '65536' is no port: give a whole number from 1 to 65535"),
    "port as a word": (["web-1", "db-1", "https"], "port 'https' is no port: give a whole number from 1 to 65535"),
    "port of many digits": (["web-1", "db-1", "9" * 6], "port '999999' is no port: give a whole number from 1 to 65535"),
    "source port": ([*ASKED, "--source-port", "0"], "source_port '0' is no port: give a whole number from 1 to 65535"),
    "protocol": (
        [*ASKED, "--protocol", "tcpp"],
        "protocol 'tcpp' is not known: use tcp, udp, icmp, icmpv6 or an IANA number from 0 to 255",
    ),
    "time": ([*ASKED, "--at", "noon"], "at='noon' is no time: write it as 2026-11-23T12:04Z"),
    "time beyond the calendar": (
        [*ASKED, "--at", "9999-12-31T23:59-12:00"],
        "at='9999-12-31T23:59-12:00' is no time: write it as 2026-11-23T12:04Z",
    ),
    "window": ([*ASKED, "--window", "soon"], "window='soon' is no length of time: write it as 90s, 30m, 2h or 7d"),
    "window of nothing": ([*ASKED, "--window", "0m"], "window='0m' is no length of time: write it as 90s, 30m, 2h or 7d"),
    "window beyond the calendar": (
        [*ASKED, "--at", "2026-11-23T12:04Z", "--window", "999999d"],
        "999999 days, 0:00:00 before 2026-11-23T12:04Z is before the year 1: give a shorter window",
    ),
    "empty source": (["  ", "db-1", "5432"], "the source is '  ': give an address, a name, an id, an ARN or 'internet'"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_question_is_one_sentence(name: str, open_world: Path) -> None:
    """The sentence names what was typed, the reason and the way out."""
    arguments, sentence = MALFORMED[name]
    assert sentence == refusal(run("diagnose", *arguments, "--snapshot", open_world))


@pytest.mark.parametrize("digits", [5000])
@pytest.mark.parametrize("option", ["--protocol", "--source-port", "--window"])
def test_a_number_without_end_is_one_sentence(option: str, digits: int, open_world: Path) -> None:
    """Python refuses to read thousands of digits; a person still gets a sentence."""
    assert "9" * digits in refusal(run("diagnose", *ASKED, option, "9" * digits, "--snapshot", open_world))


def test_an_unknown_name_is_one_sentence(open_world: Path) -> None:
    """A name that nothing carries is said, with what else to give."""
    sentence = refusal(run("diagnose", "web-9", "db-1", "5432", "--snapshot", open_world))
    assert sentence.startswith("'web-9' is no network interface or instance in what was read: ")


def test_another_accounts_snapshot_is_one_sentence(open_world: Path, tmp_path: Path, world: World) -> None:
    """An id of this account is not found in the folder of another one."""
    source, _ = ends(world)
    pair(World(account="444455556666")).save(tmp_path / "other")
    sentence = refusal(run("diagnose", source.id, "10.0.2.20", "5432", "--snapshot", tmp_path / "other"))
    assert sentence.startswith(f"{source.id!r} is no network interface or instance in what was read: ")


def test_an_ambiguous_address_lists_what_settles_it(tmp_path: Path) -> None:
    """One address in two VPCs: the sentence lists both ways to write it, and each of them is understood."""
    one, other = World(), World(region="eu-west-1")
    pair(one).save(tmp_path, pair(other))
    sentence = refusal(run("diagnose", "10.0.1.10", "10.0.2.20", "5432", "--snapshot", tmp_path))
    assert sentence.startswith("'10.0.1.10' fits 2 network interfaces: say which with one of vpc-")
    offered = [part.split(" (")[0] for part in sentence.split(" one of ")[1].split(", ")]
    assert [0, 0] == [
        run("diagnose", end, end.replace("10.0.1.10", "10.0.2.20"), "5432", "--snapshot", tmp_path).exit_code for end in offered
    ]


def test_an_ambiguous_name_lists_the_candidates(world: World, tmp_path: Path) -> None:
    """Two instances of one name: the sentence lists their ids."""
    pair(pair(world)).save(tmp_path)
    sentence = refusal(run("diagnose", "web-1", "10.0.2.20", "5432", "--snapshot", tmp_path))
    assert sentence.startswith("'web-1' is the name of 2 resources: say which with one of i-")


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    """Nothing to answer from."""
    sentence = refusal(run("diagnose", *ASKED, "--snapshot", tmp_path))
    assert sentence.startswith(f"snapshot {str(tmp_path)!r} holds no reply that flowdiag knows: ")


@pytest.mark.parametrize("option", ["--snapshot", "--flow-logs", "--rules"])
def test_no_such_folder_is_one_sentence(option: str, open_world: Path, tmp_path: Path) -> None:
    """Whatever folder is meant, the sentence names it."""
    given = {"--snapshot": str(open_world), option: str(tmp_path / "nowhere")}
    sentence = refusal(run("diagnose", *ASKED, *(part for pair in given.items() for part in pair)))
    assert repr(str(tmp_path / "nowhere")) in sentence


def test_an_unknown_command_option_and_surface_exit_2(open_world: Path) -> None:
    """Usage errors are click's own, and take the same exit code."""
    lines = (["diagnos"], ["diagnose", *ASKED, "--fast"], ["diagnose", *ASKED, "--snapshot", open_world, "--format", "fax"])
    assert [2, 2, 2] == [run(*line).exit_code for line in lines]


# ---------------------------------------------------------------- live


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that knows nothing of AWS: no variables, empty files, no metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(empty))
    monkeypatch.setenv("BOTO_CONFIG", str(empty))
    return tmp_path


def test_no_region_is_one_sentence(no_aws: Path) -> None:
    """AWS is asked in a Region; without one nothing is sent."""
    expected = "no AWS Region is known: give region=, set AWS_DEFAULT_REGION, or name one in the profile"
    assert expected == refusal(run("diagnose", *ASKED))
    assert expected == refusal(run("capture", no_aws / "ticket", *ASKED))


def test_no_credentials_is_one_sentence(no_aws: Path) -> None:
    """boto3 finds no credentials: nothing is sent, and the way to sign in is named."""
    sentence = refusal(run("diagnose", *ASKED, "--region", "us-east-1"))
    assert sentence.startswith("AWS cannot be read: Unable to locate credentials: sign in again ")
    assert sentence == refusal(run("capture", no_aws / "ticket", *ASKED, "--region", "us-east-1"))
    assert not (no_aws / "ticket").exists()


def test_no_such_profile_is_one_sentence(no_aws: Path) -> None:
    """A profile that no file names."""
    assert "nobody" in refusal(run("diagnose", *ASKED, "--profile", "nobody", "--region", "us-east-1"))


Live = Callable[..., ReplaySession]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    """Have the command line read a world by a session that never touches the network."""

    def make(world: World, **more: Any) -> ReplaySession:
        (replies,) = world.raw().values()
        session = replay_session(replies, account=world.account, region=world.region, **more)
        monkeypatch.setattr("flowdiag.collect.session_for", lambda profile=None: session)
        return session

    return make


def test_diagnose_reads_aws_where_no_snapshot_is_given(live: Live, world: World, open_world: Path) -> None:
    """The live answer is the offline one; only the time of reading is added."""
    session = live(world)
    result = run("diagnose", *ASKED)
    offline = run("diagnose", *ASKED, "--snapshot", open_world)
    assert (0, offline.stdout.splitlines()[0]) == (result.exit_code, result.stdout.splitlines()[0])
    assert session.replay.count("DescribeNetworkInterfaces") > 0


def test_what_a_question_needs_is_captured(live: Live, world: World, tmp_path: Path) -> None:
    """The folder holds the evidence of the question alone and answers it offline."""
    live(pair(world, admits=False))
    result = run("capture", tmp_path / "ticket", *ASKED)
    assert 0 == result.exit_code
    assert result.stdout.startswith("saved 2 instances, 1 network acl") or "2 network interfaces" in result.stdout
    assert f" in {tmp_path / 'ticket'} (" in result.stdout
    assert 1 == run("diagnose", *ASKED, "--snapshot", tmp_path / "ticket").exit_code


def test_a_whole_vpc_is_captured(live: Live, world: World, tmp_path: Path) -> None:
    """With --vpc the folder answers any question inside the VPC, and holds nothing of another."""
    vpc_id = pair(world).raw()[world.account, world.region]["Vpcs"][0]["VpcId"]
    world.vpc("10.9.0.0/16").subnet("10.9.1.0/24").instance("elsewhere", "10.9.1.10")
    live(world)
    assert 0 == run("capture", tmp_path / "prod", "--vpc", vpc_id).exit_code
    held = Snapshot.load(tmp_path / "prod").counts()
    assert (2, 2, 1) == (held["network_interface"], held["subnet"], held["vpc"])
    assert 1 == run("diagnose", "db-1", "web-1", "22", "--snapshot", tmp_path / "prod").exit_code


def test_what_was_denied_is_told_on_standard_error(live: Live, world: World, tmp_path: Path) -> None:
    """A capture with a hole says which, and with which action it would be whole; the offline answer says so too."""
    live(pair(world), deny={"ec2:DescribeNetworkAcls"})
    result = run("capture", tmp_path / "ticket", *ASKED)
    assert 0 == result.exit_code
    assert "not read: network acl subnet-" in result.stderr
    assert "ec2:DescribeNetworkAcls" in result.stderr
    assert 3 == run("diagnose", *ASKED, "--snapshot", tmp_path / "ticket").exit_code


@pytest.mark.parametrize("arguments", [[], ["web-1"], ["web-1", "db-1", "5432", "--vpc", "vpc-1"]])
def test_capture_wants_a_question_or_a_vpc(arguments: list[str], tmp_path: Path) -> None:
    """Neither, half of one, or both is a usage error, before AWS is asked anything."""
    expected = "capture needs either SOURCE and DESTINATION (and PORT) or --vpc: give one of the two"
    assert expected == refusal(run("capture", tmp_path, *arguments))


def test_capture_leaves_foreign_files_alone(live: Live, world: World, tmp_path: Path) -> None:
    """A folder that holds anything but a capture is refused, and nothing in it is touched."""
    live(pair(world))
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "'thesis.txt', which is no part of a capture" in refusal(run("capture", tmp_path, *ASKED))
    assert ["thesis.txt"] == [file.name for file in tmp_path.iterdir()]


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


@pytest.mark.parametrize(("terminal", "option", "coloured"), [(True, [], True), (False, [], False), (True, ["--no-colour"], False)])
def test_colour_only_on_a_terminal(
    terminal: bool, option: list[str], coloured: bool, closed_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escape sequences go to a terminal alone, and not there where they are not wanted."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: terminal, raising=False)
    result = CliRunner().invoke(main, ["diagnose", *ASKED, "--snapshot", str(closed_world), *option], color=True)
    assert coloured == ("\x1b[" in result.stdout)


def test_a_pipe_that_knows_no_tick_is_no_traceback(closed_world: Path) -> None:
    """Where the output cannot hold ✓ or →, it is written as an escape; the words and the exit code stay."""
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "flowdiag.cli", "diagnose", *ASKED, "--snapshot", str(closed_world)]
    code = "import sys; from flowdiag.cli import main; sys.argv[0] = 'flowdiag'; main()"
    done = subprocess.run([sys.executable, "-c", code, *command[3:]], capture_output=True, env=environment, check=False)
    assert (1, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(rb"BLOCKED  web-1 \u2192 db-1, tcp/5432: sg-db has no ingress rules")


# ---------------------------------------------------------------- the other commands


def test_explain_prints_the_page_of_a_code() -> None:
    """Upper or lower case, the page of SG102 has its headline and every section."""
    result = run("explain", "sg102")
    assert (0, result.stdout) == (run("explain", "SG102").exit_code, run("explain", "SG102").stdout)
    assert result.stdout.startswith("SG102  no ingress rule of {guard} admits the flow\n")
    assert [] == [title for title in ("Why", "Remedy", "Example", "Known gaps", "References") if f"\n{title}\n" not in result.stdout]


def test_explain_without_a_code_lists_all() -> None:
    """Every code is there with its headline, a line each."""
    from flowdiag.table import Rules

    lines = run("explain").stdout.splitlines()
    assert list(Rules.load().codes()) == [line.split()[0] for line in lines]


def test_an_unknown_code_is_one_sentence() -> None:
    """The sentence offers the codes that begin alike."""
    sentence = refusal(run("explain", "SG999"))
    assert sentence.startswith("no rule has the code 'SG999': did you mean one of SG100, ")


def test_explain_reads_a_folder_of_ones_own(tmp_path: Path) -> None:
    """A table of the user's stands in for the bundled one of the same name."""
    bundled = Path(__file__).parents[1] / "rules" / "unsupported.md"
    text = bundled.read_text(encoding="utf-8").replace("which is not followed |", "ask the network team |")
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
    import flowdiag.cli

    tree = ast.parse(Path(flowdiag.cli.__file__).read_text(encoding="utf-8"))
    own = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("flowdiag")]
    assert ["flowdiag.error"] == own
