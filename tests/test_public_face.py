"""The public face: what `import flowdiag` gives, what it says of itself, and what it does not load."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import flowdiag

HEAVY = ("boto3", "botocore", "networkx", "pydantic", "slack_sdk", "click")


def loaded_by(*code: str) -> set[str]:
    """The modules that a fresh interpreter holds after running these lines; what the lines print is dropped."""
    told = "import json, sys; sys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", "\n".join([*code, told])], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def heavy(loaded: set[str]) -> list[str]:
    """The costly packages among them."""
    return [name for name in HEAVY if name in loaded]


def test_all_names_everything_that_can_be_had() -> None:
    """`__all__` is sorted and complete: what the face can import lazily, and what it imports at once."""
    public = {name for name in vars(flowdiag) if not name.startswith("_") and not inspect.ismodule(getattr(flowdiag, name))}
    assert sorted(flowdiag.__all__) == flowdiag.__all__
    assert set(flowdiag.__all__) == (public | set(flowdiag._HOMES)) - {"annotations", "import_module", "TYPE_CHECKING"}
    assert flowdiag.__all__ == dir(flowdiag)


@pytest.mark.parametrize("name", flowdiag.__all__)
def test_every_name_is_there_and_explains_itself(name: str) -> None:
    """Each public name imports and has a docstring, and so has everything public on it."""
    thing = getattr(flowdiag, name)
    own = [member for member, value in vars(thing).items() if not member.startswith("_") and inspect.isroutine(value)]
    assert inspect.getdoc(thing)
    assert [] == [member for member in own if not inspect.getdoc(getattr(thing, member))]


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A typo fails as in any other module, with the name in the sentence."""
    with pytest.raises(AttributeError, match="'flowdiag' has no attribute 'diagnosee'"):
        _ = flowdiag.diagnosee


def test_a_name_is_the_same_whoever_asks() -> None:
    """A lazily imported name is the one of its module: one class, not two."""
    from flowdiag.diagnosis import Diagnosis, diagnose
    from flowdiag.snapshot import Snapshot

    assert (Diagnosis, diagnose, Snapshot) == (flowdiag.Diagnosis, flowdiag.diagnose, flowdiag.Snapshot)


def test_the_version_is_that_of_the_distribution() -> None:
    """`__version__` is what pip shows."""
    assert version("flowdiag") == flowdiag.__version__


def test_the_import_loads_nothing_costly() -> None:
    """`import flowdiag` brings neither AWS's library nor networkx nor pydantic, and no surface."""
    loaded = loaded_by("import flowdiag")
    assert [] == heavy(loaded)
    assert {"flowdiag", "flowdiag.error"} == {name for name in loaded if name.split(".")[0] == "flowdiag"}


def test_explain_loads_nothing_costly() -> None:
    """The manual page of a code needs the tables and the command line alone, so it is there at once."""
    loaded = loaded_by(
        "from flowdiag.cli import main",
        "main(['explain', 'SG102'], standalone_mode=False)",
    )
    assert ["click"] == heavy(loaded)
    assert "flowdiag.table" in loaded


def test_an_offline_answer_needs_no_library_of_aws() -> None:
    """Answering from a folder loads neither boto3 nor, until somebody wants the graph, networkx."""
    loaded = loaded_by("import flowdiag", "flowdiag.diagnose, flowdiag.Snapshot")
    assert ["pydantic"] == heavy(loaded)
    assert not any(name.startswith("flowdiag.render") for name in loaded)


def test_what_is_no_session_and_no_folder_is_one_sentence() -> None:
    """The name of a profile is taken for a session easily; nothing was given for a folder."""
    with pytest.raises(flowdiag.FlowdiagError) as caught:
        flowdiag.diagnose("web-1", "db-1", 5432, session="prod")  # type: ignore[arg-type]
    assert "session is 'prod', and no boto3 session: give boto3.Session(profile_name='prod')" == str(caught.value)
    with pytest.raises(flowdiag.FlowdiagError) as caught:
        flowdiag.Snapshot.load(None)  # type: ignore[arg-type]
    assert "snapshot is None: give the path of its folder" == str(caught.value)


def test_the_package_runs_as_a_module() -> None:
    """`python -m flowdiag` is the command line."""
    told = subprocess.run([sys.executable, "-m", "flowdiag", "explain", "SG102"], capture_output=True, text=True, check=True)
    assert "SG102" in told.stdout.splitlines()[0]
