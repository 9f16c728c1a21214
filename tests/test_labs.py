"""Every measured probe of every lab: the answer is what was measured on live AWS."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from measured import LABS, needs_labs


def benchmark() -> ModuleType:
    """The benchmark that prints the same figures for a person."""
    place = Path(__file__).parents[1] / "benchmarks" / "labs.py"
    spec = importlib.util.spec_from_file_location("labs_benchmark", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_labs
@pytest.mark.parametrize("lab", sorted(probes.parent.name for probes in LABS.glob("*/probes.jsonl")))
def test_a_lab_is_answered_as_it_was_measured(lab: str) -> None:
    """No false reachable, no false blocked, nothing inconclusive, no exception."""
    counts, _ = benchmark().run(LABS / lab, verbose=True)
    assert counts["probes"] == counts["correct"]


def test_a_verdict_is_graded_by_what_was_measured() -> None:
    """Inconclusive is never counted as correct, and a wrong word is counted as the false answer that it is."""
    grade = benchmark().grade
    assert "correct" == grade({"expected": "reachable"}, "reachable")
    assert "correct" == grade({"expected": "blocked"}, "blocked")
    assert "false reachable" == grade({"expected": "blocked"}, "reachable")
    assert "false blocked" == grade({"expected": "reachable"}, "partial")
    assert "inconclusive" == grade({"expected": "reachable"}, "inconclusive")
