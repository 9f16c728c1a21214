"""The notebooks run from top to bottom, offline and with this very interpreter, and are stored without their outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra flowdiag[notebook] is not installed")
pytest.importorskip("nbclient", reason="the extra flowdiag[notebook] is not installed")
pytest.importorskip("ipykernel", reason="the extra flowdiag[notebook] is not installed")

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# What the reader should see: text that some cell of the notebook gives.
SHOWS = {
    "lambda_to_rds.ipynb": (
        "SG102  no ingress rule of orders-db admits the flow",
        "nearest rule: tcp/3306 from orders-api",
        "blocked · reject · confirmed",
        "blocked: ['security_group:eni-0f6f7c949776919dc']",
        "a way without it: False",
        "aws ec2 authorize-security-group-ingress --group-id ",
        "verified",
        "**BLOCKED** orders-fn → orders-db, tcp/3306",
        "REACHABLE  orders-api-1 → orders-db, tcp/3306",
        "49154 → 3306  3 packets  ('SYN',)",
    )
}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def test_there_are_notebooks() -> None:
    """Each notebook says what it shows; otherwise the tests below would hold of nothing."""
    assert sorted(SHOWS) == [path.name for path in NOTEBOOKS]


# In a process of its own: the libraries leave sockets to the garbage collector, which is none of these tests' affair.
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, kernel_name="this", timeout=120, resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, sys.argv[3])
"""


def executed(path: Path, scratch: Path) -> Any:
    """The notebook with its outputs, run by this interpreter, whatever kernels are installed, and with no way to AWS."""
    spec = scratch / "kernels" / "this"
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": command, "display_name": "this", "language": "python"}))
    own = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JUPYTER_"))}
    places = {**dict.fromkeys(own, str(scratch)), "JUPYTER_PATH": str(scratch), "AWS_EC2_METADATA_DISABLED": "true"}
    words = [sys.executable, "-c", EXECUTE, str(path), str(scratch), str(scratch / path.name)]
    done = subprocess.run(words, env={**kept, **places}, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return nbformat.read(scratch / path.name, as_version=4)


def texts(notebook: Any) -> str:
    """Everything the cells printed or showed as plain text; what is printed may come in pieces, wherever a kernel flushes."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.get("text") or f"\n{output.get('data', {}).get('text/plain', '')}\n" for output in outputs)


@every_notebook
def test_it_runs_and_shows_what_it_promises(path: Path, tmp_path: Path) -> None:
    """No cell fails, the diagnosis draws itself as HTML, and the promised text is there."""
    notebook = executed(path, tmp_path)
    shown = texts(notebook)
    assert [] == [text for text in SHOWS[path.name] if text not in shown]
    drawn = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "text/html" in output.get("data", {})]
    assert 1 == len(drawn)
    assert "no ingress rule of orders-db admits the flow" in drawn[0]["data"]["text/html"]


@every_notebook
def test_it_is_stored_clean(path: Path) -> None:
    """Valid, and without outputs and counters, so that a change shows what was changed."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [([], None)] * len(code) == [(cell.outputs, cell.execution_count) for cell in code]
