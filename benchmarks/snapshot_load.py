"""How long a snapshot takes to load, beside reading the same files by the json module alone, and what diagnoses then cost.

    python benchmarks/snapshot_load.py --sizes 1000 10000 100000 --runs 5

A size is a number of network interfaces; there is a security group to every five of them and a subnet to every two
hundred. The runs of the methods alternate, so that a slow moment of the machine hits all of them; medians are printed, as
Markdown. The first diagnosis is that of a snapshot just loaded, with what Python has to import paid before; the following
ones are of other pairs of hosts each.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

from generate import SERVICE, Sizes, host_name, interface_address, interface_id, open_pairs, write
from pydantic_core import from_json

from flowdiag import Snapshot, diagnose

FLOOR = "json.loads, collector off"
FOLLOWING = 50


# ---------------------------------------------------------------- loading


def without_collector(parse: Callable[[bytes], Any]) -> Callable[[Path], list[Any]]:
    """Every file of a folder, parsed and kept, as any reader has to, while the garbage collector is off."""

    def load(folder: Path) -> list[Any]:
        gc.disable()
        try:
            return [parse(file.read_bytes()) for file in sorted(folder.rglob("*.json"))]
        finally:
            gc.enable()

    return load


METHODS: dict[str, Callable[[Path], Any]] = {
    FLOOR: without_collector(json.loads),
    "json.loads, collector on": lambda folder: [json.loads(file.read_bytes()) for file in sorted(folder.rglob("*.json"))],
    "pydantic's parser, collector off": without_collector(from_json),
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


def loading(folder: Path, runs: int) -> dict[str, float]:
    """The median seconds of every method over alternating runs, after one run that warms the page cache."""
    METHODS[FLOOR](folder)
    taken: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(runs):
        for method, load in METHODS.items():
            taken[method].append(seconds(lambda load=load: load(folder)))  # type: ignore[misc]
    return {method: median(several) for method, several in taken.items()}


# ---------------------------------------------------------------- diagnosing

WAYS: dict[str, Callable[[int, Sizes], str]] = {
    "interface id": lambda number, sizes: interface_id(number),
    "address": interface_address,
    "Name tag": lambda number, sizes: host_name(number),
}


def diagnosing(folder: Path, sizes: Sizes, way: str, runs: int) -> tuple[float, float]:
    """The median seconds of the first diagnosis of a loaded snapshot, and of those that follow."""
    first: list[float] = []
    following: list[float] = []
    for _ in range(runs):
        snapshot = Snapshot.load(folder)
        taken = [one_diagnosis(snapshot, *(WAYS[way](end, sizes) for end in pair)) for pair in open_pairs(sizes, 1 + FOLLOWING)]
        first.append(taken[0])
        following += taken[1:]
    return median(first), median(following)


def one_diagnosis(snapshot: Snapshot, source: str, destination: str) -> float:
    """The seconds of a diagnosis, which must find the flow open."""
    start = time.perf_counter()
    diagnosis = diagnose(source, destination, SERVICE, snapshot=snapshot)
    taken = time.perf_counter() - start
    if diagnosis.verdict != "reachable":
        raise SystemExit(f"{source} → {destination}: {diagnosis.headline}")
    return taken


# ---------------------------------------------------------------- what is printed


def report(folders: dict[Sizes, Path], runs: int) -> None:
    print(f"| interfaces | JSON | {' | '.join(METHODS)} | to the floor |")
    print(f"|--:|--:|{'--:|' * len(METHODS)}--:|")
    for sizes, folder in folders.items():
        megabytes = sum(file.stat().st_size for file in folder.rglob("*.json")) / 1e6
        taken = loading(folder, runs)
        cells = " | ".join(f"{taken[method]:.2f} s" for method in METHODS)
        print(f"| {sizes.enis:,} | {megabytes:.0f} MB | {cells} | {taken['Snapshot.load'] / taken[FLOOR]:.2f} × |", flush=True)
    print("\n| interfaces | asked by | first diagnosis | following |\n|--:|--|--:|--:|")
    for sizes, folder in folders.items():
        for way in WAYS:
            first, following = diagnosing(folder, sizes, way, runs)
            print(f"| {sizes.enis:,} | {way} | {first * 1e3:.1f} ms | {following * 1e3:.1f} ms |", flush=True)


def written(root: Path, sizes: Iterable[Sizes]) -> dict[Sizes, Path]:
    """A folder for every size; the smallest has been asked a question, so that nothing is left to import."""
    folders = {size: root / str(size.enis) for size in sizes}
    for size, folder in folders.items():
        write(folder, size)
    smallest = min(folders, key=lambda size: size.enis)
    diagnosing(folders[smallest], smallest, "interface id", 1)
    return folders


def main() -> None:
    parser = argparse.ArgumentParser(description="Time Snapshot.load and diagnoses on generated accounts.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="network interfaces")
    parser.add_argument("--runs", type=int, default=5, help="runs of everything")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report(written(Path(name), [Sizes(enis, max(1, enis // 5), max(2, enis // 200)) for enis in given.sizes]), given.runs)


if __name__ == "__main__":
    main()
