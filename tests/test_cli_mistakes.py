"""Everything a person can mend at the command line is one plain sentence on standard error, exit code 2, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import ASKED, ends, pair, refusal, run
from world import World


@pytest.fixture
def open_world(world: World, tmp_path: Path) -> Path:
    """The folder of a world in which web-1 reaches db-1."""
    pair(world).save(tmp_path / "open")
    return tmp_path / "open"


MALFORMED = {
    "no port": (["web-1", "db-1"], "a tcp question needs a destination port: give one from 1 to 65535"),
    "port of icmp": ([*ASKED, "--protocol", "icmp"], "port '5432' has no meaning for protocol icmp: leave it out"),
    "port too high": (["web-1", "db-1", "65536"], "port '65536' is no port: give a whole number from 1 to 65535"),
    "port as a word": (["web-1", "db-1", "https"], "port 'https' is no port: give a whole number from 1 to 65535"),
    "port of many digits": (["web-1", "db-1", "9" * 6], "port '999999' is no port: give a whole number from 1 to 65535"),
    "source port of a protocol without ports": (
        ["web-1", "db-1", "--protocol", "50", "--source-port", "4000"],
        "source_port '4000' has no meaning for protocol 50: leave it out",
    ),
    "source port": ([*ASKED, "--source-port", "0"], "source_port '0' is no port: give a whole number from 1 to 65535"),
    "protocol": (
        [*ASKED, "--protocol", "tcpp"],
        "protocol 'tcpp' is not known: use tcp, udp, icmp, icmpv6 or an IANA number from 0 to 255",
    ),
    "day": ([*ASKED, "--at", "2026-11-23"], "at='2026-11-23' has no time of day: write it as 2026-11-23T12:04Z"),
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
    """A name that nothing carries is said, with the names like it and what else to give."""
    sentence = refusal(run("diagnose", "web-9", "db-1", "5432", "--snapshot", open_world))
    assert sentence.startswith("'web-9' is no network interface or instance in what was read (near it: 'web-1'): ")


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


@pytest.mark.parametrize("option", ["--snapshot", "--flow-logs", "--rules"])
def test_an_empty_path_is_one_sentence(option: str, open_world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell variable that was not set must not become the current folder, which may hold anything."""
    monkeypatch.chdir(open_world)
    name = option.removeprefix("--").replace("-", "_")
    expected = f"{name} is '': give the path of a folder, or leave it out"
    given = {"--snapshot": str(open_world), option: ""}
    assert expected == refusal(run("diagnose", *ASKED, *(part for pair in given.items() for part in pair)))


@pytest.mark.parametrize("command", [["explain"], ["explain", "SG102"], ["diagnose", *ASKED]])
def test_a_table_that_is_no_text_is_one_sentence(command: list[str], open_world: Path, tmp_path: Path) -> None:
    """A table of one's own that is not UTF-8 is named."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "security_group.md").write_bytes(b"\xff\xfe| U")
    evidence = ["--snapshot", open_world] if command[0] == "diagnose" else []
    sentence = refusal(run(*command, *evidence, "--rules", tmp_path / "own"))
    assert sentence.startswith(f"table {str(tmp_path / 'own' / 'security_group.md')!r} cannot be read (")


def test_an_unknown_command_option_and_surface_exit_2(open_world: Path) -> None:
    """Usage errors are click's own, and take the same exit code."""
    lines = (["diagnos"], ["diagnose", *ASKED, "--fast"], ["diagnose", *ASKED, "--snapshot", open_world, "--format", "fax"])
    assert [2, 2, 2] == [run(*line).exit_code for line in lines]


def test_a_fault_of_our_own_has_no_verdicts_exit_code(monkeypatch):
    """An exception nobody foresaw is one sentence and exit code 70, never the 1 of `blocked`."""

    def broken(*_args, **_options):
        raise RuntimeError("surprise")

    monkeypatch.setattr("flowdiag.diagnosis.diagnose", broken)
    told = run("diagnose", "a", "b", "1", "--snapshot", "somewhere")
    assert 70 == told.exit_code
    assert "this is a fault of flowdiag (RuntimeError: surprise)" in told.stderr
    assert "Traceback" not in told.stderr


def test_files_that_are_no_flow_logs_are_one_sentence(open_world: Path, tmp_path: Path) -> None:
    """Not one of each file and each interface: nothing in there is a record."""
    for name in ("1.log", "2.log"):
        (tmp_path / "junk").mkdir(exist_ok=True)
        (tmp_path / "junk" / name).write_text("hello world\nfoo bar\n", encoding="utf-8")
    told = run("diagnose", *ASKED, "--snapshot", open_world, "--flow-logs", tmp_path / "junk").stdout
    assert 1 == told.count("none of the 4 lines in it is a flow log record, such as 1.log:1")
    assert "flow log of interface" not in told
