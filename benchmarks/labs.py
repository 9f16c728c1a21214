"""Hold flowdiag's answers against networks that were measured on live AWS.

    python benchmarks/labs.py PATH-TO-LABS [--verbose]

A lab is a folder with `snapshot/` (raw describe JSON) and `probes.jsonl` (one measured probe a line), as published by
the batfish/lab-validation project. `false reachable` and `false blocked` must be 0; `inconclusive` is an honest answer.
Exit code 1 where an answer is false or an exception was raised.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowdiag import Diagnosis, Snapshot, diagnose

COLUMNS = ("probes", "correct", "false reachable", "false blocked", "inconclusive", "errors")


def labs(root: Path) -> Iterator[Path]:
    """Every folder that holds a lab."""
    return (probes.parent for probes in sorted(root.glob("*/probes.jsonl")))


def probes(lab: Path) -> Iterator[dict[str, Any]]:
    """The measured probes of a lab."""
    with (lab / "probes.jsonl").open(encoding="utf-8") as lines:
        return iter([json.loads(line) for line in lines])


def ends(probe: dict[str, Any]) -> tuple[str, str]:
    """Source and destination as a person would type them."""
    source = probe["source"]
    return f"{source['eni']}/{source['ip']}" if source.get("eni") else source["ip"], probe["destination_ip"]


def ask(probe: dict[str, Any], snapshot: Snapshot | None = None, **live: Any) -> Diagnosis:
    """The diagnosis of one probe."""
    return diagnose(*ends(probe), probe["port"], protocol=probe["protocol"], snapshot=snapshot, **live)


def grade(probe: dict[str, Any], verdict: str) -> str:
    """The column a verdict counts in: what was measured is `reachable` or `blocked`."""
    if verdict == "inconclusive":
        return "inconclusive"
    answered = "reachable" if verdict == "reachable" else "blocked"
    return "correct" if answered == probe["expected"] else f"false {answered}"


def run(lab: Path, verbose: bool) -> tuple[Counter[str], list[float]]:
    """Ask every probe of a lab; returns the counts by column and the seconds of every diagnosis."""
    snapshot = Snapshot.load(lab / "snapshot")
    counts: Counter[str] = Counter()
    seconds = []
    for probe in probes(lab):
        began = time.perf_counter()
        try:
            column, told = _graded(probe, snapshot)
        except Exception as error:  # noqa: BLE001  an exception of any kind is what this column counts
            column, told = "errors", repr(error)
        seconds.append(time.perf_counter() - began)
        counts.update(("probes", column))
        if verbose and column != "correct":
            print(f"  {column:15}  {probe['id']}  {told}")
    return counts, seconds


def _graded(probe: dict[str, Any], snapshot: Snapshot) -> tuple[str, str]:
    diagnosis = ask(probe, snapshot)
    return grade(probe, diagnosis.verdict), f"{diagnosis.verdict} {diagnosis.code} {diagnosis.headline}"


def main() -> None:
    """Print one line a lab, the sum, and the time a diagnosis takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="the folder that holds the labs")
    parser.add_argument("--verbose", action="store_true", help="name every probe that was not answered correctly")
    asked = parser.parse_args()
    found = list(labs(asked.path))
    if not found:
        sys.exit(f"no lab with a probes.jsonl was found in {asked.path}: give the folder that holds the labs")
    print(f"{'lab':40}" + "".join(f"{column:>17}" for column in COLUMNS))
    total: Counter[str] = Counter()
    seconds: list[float] = []
    began = time.perf_counter()
    for lab in found:
        counts, took = run(lab, asked.verbose)
        total += counts
        seconds += took
        print(f"{lab.name:40}" + "".join(f"{counts[column]:17}" for column in COLUMNS))
    print(f"{'all':40}" + "".join(f"{total[column]:17}" for column in COLUMNS))
    took_all = time.perf_counter() - began
    print(f"\n{took_all:.1f} s in all; median {statistics.median(seconds) * 1000:.1f} ms a diagnosis, remedies included")
    sys.exit(1 if total["false reachable"] or total["false blocked"] or total["errors"] else 0)


if __name__ == "__main__":
    main()
