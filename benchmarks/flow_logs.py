"""How fast archives of flow logs are searched, beside flowlogs-reader and beside unpacking them alone.

    python benchmarks/flow_logs.py --cache FOLDER [--records 20000000 --files 100] [--runs 3]

Archives are generated once into the cache (benchmarks/generate_records.py). The question is that of two hosts, as a
diagnosis asks it: all records of what passes between them, and when the flow logs of their interfaces were silent. Every
method runs in a process of its own, in turn, so that a slow moment of the machine hits all of them; medians are printed,
as Markdown. The records to a core are those to a second of processor time, which a busy machine changes less. What has to
be imported first is timed apart, for it is the same at any size. The peak is the resident memory of that process, the
interpreter and all imports included; nobody here starts others.
A method whose library is not installed is left out, and named: `pip install '.[fast,parquet]' flowlogs-reader` installs all.
Parquet as AWS writes it has to be unpacked for every row group that holds a record of the question: how fast that alone
is, by the fastest engine there is, bounds every search of it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from statistics import median
from typing import Any

from archive import FIRST_SECOND, PAIR, SPAN, Archive

TWO_HOURS = 0.24
"""The part of the archive's time that the bounded question asks about."""
NOBODY = ("192.0.2.1", "192.0.2.2")
"""Addresses that no record names."""
GZIP = b"\x1f\x8b\x08"


# ---------------------------------------------------------------- methods: folder → records read


@dataclass(frozen=True)
class Method:
    """A way to read an archive: what it imports, which is timed apart, and the reading."""

    imports: tuple[str, ...]
    read: Callable[[Path], int]
    without: tuple[str, ...] = ()


def unpacked(module: str, folder: Path) -> int:
    """Unpacking alone, on every core; the lines are those of the archive."""
    unpack = importlib.import_module(module)

    def one(path: Path) -> None:
        member = unpack.decompressobj(wbits=31)
        with path.open("rb", buffering=0) as file:
            for chunk in iter(lambda: file.read(1 << 14), b""):
                member.decompress(chunk)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, sorted(folder.iterdir())))
    return counted(folder)


def unpacked_pages(folder: Path) -> int:
    """The same of the pages of every column of Parquet files of gzip, which are members one behind another with a head each."""
    from isal import isal_zlib
    from pyarrow.parquet import read_metadata

    def one(path: Path) -> None:
        raw, footer = memoryview(path.read_bytes()), read_metadata(path)
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                begin = column.dictionary_page_offset or column.data_page_offset
                rest = bytes(raw[begin : begin + column.total_compressed_size])
                while (begin := rest.find(GZIP)) >= 0:
                    member = isal_zlib.decompressobj(wbits=31)
                    member.decompress(rest[begin:])
                    rest = member.unused_data

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, sorted(folder.iterdir())))
    return counted(folder)


def searched(question: str, folder: Path) -> int:
    """flowdiag's search; the question is of all time, two hours, or two hosts of which there is no record."""
    from flowdiag.logs import Sought, Window
    from flowdiag.logs.folder import Folder

    start = FIRST_SECOND + SPAN // 2
    hours = Window(start=datetime.fromtimestamp(start, UTC), end=datetime.fromtimestamp(start + SPAN * TWO_HOURS, UTC))
    far = NOBODY if question == "nobody" else tuple(reversed(PAIR.addresses))
    search = Folder(folder).search(
        Sought(
            addresses=frozenset(map(ip_address, (*PAIR.addresses, *far))),
            interfaces=frozenset(PAIR.interfaces),
            beyond=dict(zip(PAIR.interfaces, ({ip_address(one)} for one in far), strict=True)),
            window=hours if question == "hours" else Window(),
        )
    )
    found = len(list(search))
    if bool(found) == (question == "nobody") or not search.tally.interfaces or search.tally.notes or search.tally.refused:
        raise SystemExit(f"the search of {folder} is wrong: {found} records, {search.tally}")
    return search.tally.lines - search.tally.headers


def flowlogs_reader(folder: Path) -> int:
    """flowlogs-reader as it reads S3, one of the files standing in for the bucket: it would need minutes for all."""
    from flowlogs_reader import S3FlowLogsReader

    class Bucket:
        def get_object(self, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
            return {"Body": open(Key, "rb"), "ContentLength": os.path.getsize(Key)}

    class Reader(S3FlowLogsReader):  # type: ignore[misc]
        def _get_all_keys(self) -> list[str]:
            return [str(min(folder.iterdir()))]

    read, wanted, found = 0, set(PAIR.addresses), []
    for read, record in enumerate(Reader("bucket", boto_client=Bucket()), 1):  # noqa: B007
        if record.srcaddr in wanted or record.dstaddr in wanted:
            found.append(record)
    return read


def counted(folder: Path) -> int:
    return int(folder.name.split("-")[1])


SEARCH = ("flowdiag.logs.folder", "isal.isal_zlib")
TEXT = {
    "unpacking alone, isal": Method(("isal.isal_zlib",), partial(unpacked, "isal.isal_zlib")),
    "flowdiag[fast]": Method(SEARCH, partial(searched, "all")),
    "unpacking alone, zlib": Method(("zlib",), partial(unpacked, "zlib")),
    "flowdiag": Method(SEARCH[:1], partial(searched, "all"), without=("isal",)),
    "flowlogs-reader (one of the files)": Method(("flowlogs_reader",), flowlogs_reader),
}
COLUMNS = {
    "flowdiag[parquet]": Method((*SEARCH, "polars"), partial(searched, "all")),
    "flowdiag[parquet], hosts without a record": Method((*SEARCH, "polars"), partial(searched, "nobody")),
    "flowdiag[parquet], two of 8.3 hours": Method((*SEARCH, "polars"), partial(searched, "hours")),
}
PAGES = {"unpacking alone, isal": Method(("isal.isal_zlib", "pyarrow.parquet"), unpacked_pages)}
METHODS: dict[str, dict[str, Method]] = {"text": TEXT, "parquet": {**PAGES, **COLUMNS}, "snappy": COLUMNS}


# ---------------------------------------------------------------- measuring


def lacking(method: Method) -> str:
    """The first library of a method that is not installed; empty where all are."""
    return next((name for name in (module.partition(".")[0] for module in method.imports) if find_spec(name) is None), "")


def run(form: str, method: str, folder: Path) -> dict[str, float]:
    """Seconds, records and peak memory of one method, in a process of its own."""
    command = [sys.executable, __file__, "--only", form, method, str(folder)]
    told: dict[str, float] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return told


def only(form: str, name: str, folder: Path) -> None:
    """One method, timed inside of its process: starting Python is not part of it."""
    method = METHODS[form][name]
    sys.modules.update(dict.fromkeys(method.without))  # type: ignore[arg-type]
    begun = time.perf_counter()
    for module in method.imports:
        importlib.import_module(module)
    start, before = time.perf_counter(), time.process_time()
    records = method.read(folder)
    taken, worked = time.perf_counter() - start, time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found = {"records": records, "imports": start - begun, "seconds": taken, "worked": worked, "peak": peak * 1024}
    print(json.dumps(found))


def written(root: Path, archive: Archive) -> Path:
    """The folder of an archive. What writes it has to import polars, which a process that measures must not have."""
    from generate_records import write

    return write(root, archive)


def report(form: str, folder: Path, runs: int) -> None:
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"\n{counted(folder):,} records as {form}, {size / 1e6:.0f} MB\n")
    print("| method | M records/s | to the core | imports, ms | peak MB |\n|---|--:|--:|--:|--:|")
    taken: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS[form]}
    for _ in range(runs):
        for method, found in taken.items():
            if not lacking(METHODS[form][method]):
                found.append(run(form, method, folder))
    for method, found in taken.items():
        if not found:
            print(f"| {method}: {lacking(METHODS[form][method])} is not installed | - | - | - | - |")
            continue
        speed = median(each["records"] / each["seconds"] for each in found) / 1e6
        a_core = median(each["records"] / each["worked"] for each in found) / 1e6
        imports = median(each["imports"] for each in found) * 1e3
        peak = max(each["peak"] for each in found) / 1e6
        print(f"| {method} | {speed:.2f} | {a_core:.2f} | {imports:.0f} | {peak:.0f} |", flush=True)


def small(cache: Path, runs: int) -> None:
    """What 10,000 records cost, beside importing the engines that are not needed for them."""
    folder = written(cache, Archive(10_000, 1, "text"))
    timed = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
    ready = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import flow_logs, pathlib, flowdiag.logs.folder; "
    search = f"flow_logs.searched('all', pathlib.Path({str(folder)!r}))"
    programs = {"flowdiag, 10,000 records": ready + timed.format(search), "import polars": timed.format("import polars")}
    print("\n| small input | ms |\n|---|--:|")
    for name, program in programs.items():
        found = [float(subprocess.check_output([sys.executable, "-c", program], text=True)) for _ in range(max(3, runs))]
        print(f"| {name} | {median(found) * 1e3:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the search of flow log archives.")
    parser.add_argument("--cache", type=Path, help="the folder that archives are generated into and kept in")
    parser.add_argument("--records", type=int, default=Archive.records, help="20000000 is the full size")
    parser.add_argument("--files", type=int, default=Archive.files, help="100 is the full size")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--forms", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--only", nargs=3, metavar=("FORM", "METHOD", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        only(given.only[0], given.only[1], Path(given.only[2]))
        return
    if given.cache is None:
        parser.error("--cache is needed: archives are large")
    for form in given.forms:
        report(form, written(given.cache, Archive(given.records, given.files, form)), given.runs)
    small(given.cache, given.runs)


if __name__ == "__main__":
    main()
