"""How long a snapshot takes to load, side by side with reading the same files by `json.loads` alone, in one run.

    python benchmarks/snapshot_load.py --enis 100000 --groups 20000 --subnets 500 --runs 5

The runs of the methods alternate, so that a slow moment of the machine hits all of them; the medians and their ratio to
`json.loads` with the garbage collector off are printed, then what the first and the following questions cost.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from generate import Sizes, interface_id, size_arguments, write

from flowdiag.snapshot import Snapshot

FLOOR = "json.loads, collector off"


def parsed(folder: Path) -> list[Any]:
    """Every file of the folder, parsed and kept, as any reader has to."""
    return [json.loads(file.read_bytes()) for file in sorted(folder.rglob("*.json"))]


def parsed_without_collector(folder: Path) -> list[Any]:
    gc.disable()
    try:
        return parsed(folder)
    finally:
        gc.enable()


METHODS: dict[str, Callable[[Path], Any]] = {
    FLOOR: parsed_without_collector,
    "json.loads, collector on": parsed,
    "Snapshot.load": Snapshot.load,
}


def seconds(action: Callable[[], Any]) -> float:
    """The time an action takes; what it made is thrown away outside of the clock, and the collector starts clean."""
    gc.collect()
    start = time.perf_counter()
    made = action()
    taken = time.perf_counter() - start
    del made
    return taken


def compare(folder: Path, runs: int) -> dict[str, float]:
    """The median seconds of every method over alternating runs, after one run that warms the page cache."""
    parsed_without_collector(folder)
    taken: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(runs):
        for method, load in METHODS.items():
            taken[method].append(seconds(lambda load=load: load(folder)))  # type: ignore[misc]
    return {method: median(several) for method, several in taken.items()}


def questions(folder: Path, sizes: Sizes) -> dict[str, float]:
    """Seconds of one question to a loaded snapshot: the first of a lookup builds its index, the first of an id its model."""
    snapshot = Snapshot.load(folder)
    scope, several = snapshot.scopes[0], [interface_id(number) for number in range(min(1000, sizes.enis))]

    def get_all() -> None:
        for id in several:
            snapshot.get("network_interface", id, scope)

    def find_all() -> None:
        for host in range(4, 255):
            snapshot.find("network_interface", "private_ip", f"10.0.0.{host}", scope)

    return {
        "get, the very first": seconds(lambda: snapshot.get("network_interface", several[0], scope)),
        "get, another interface": seconds(get_all) / len(several),
        "get, the same again": seconds(get_all) / len(several),
        "find, the very first": seconds(lambda: snapshot.find("network_interface", "private_ip", "10.0.0.4", scope)),
        "find, another address": seconds(find_all) / 251,
    }


def report(folder: Path, sizes: Sizes, runs: int) -> None:
    megabytes = sum(file.stat().st_size for file in folder.rglob("*.json")) / 1e6
    print(f"{sizes.enis:,} interfaces, {sizes.groups:,} groups, {sizes.subnets:,} subnets: {megabytes:.0f} MB, {runs} runs")
    medians = compare(folder, runs)
    for method, taken in medians.items():
        print(f"  {method:<26} {taken:7.2f} s   {taken / medians[FLOOR]:5.2f} x")
    for question, taken in questions(folder, sizes).items():
        print(f"  {question:<26} {taken * 1e6:9.1f} µs")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time Snapshot.load beside json.loads on a generated account.")
    size_arguments(parser)
    parser.add_argument("--runs", type=int, default=5, help="runs of every method")
    given = parser.parse_args()
    sizes = Sizes(given.enis, given.groups, given.subnets)
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), sizes)
        report(Path(name), sizes, given.runs)


if __name__ == "__main__":
    main()
