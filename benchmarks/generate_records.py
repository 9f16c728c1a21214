"""Write a believable archive of flow log records, as gzip text or as Parquet; the same bytes for the same sizes.

    python benchmarks/generate_records.py FOLDER --records 20000000 --files 100 --form text

What they hold is told in archive.py. A file that is there already is kept, so a folder is generated once.
"""

from __future__ import annotations

import argparse
import gzip
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import polars as pl
from archive import ACCOUNT, EVERY, FIRST_SECOND, INTERFACES, SPAN, Archive, address, interface_id, public

FIELDS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport",
    "protocol", "packets", "bytes", "start", "end", "action", "log-status",
)  # fmt: skip
PARQUET_TYPES: dict[Any, Any] = {
    **dict.fromkeys(("version", "srcport", "dstport", "protocol"), pl.Int32),
    **dict.fromkeys(("packets", "bytes", "start", "end"), pl.Int64),
}
"""https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html gives the types of Parquet columns."""
ROWS_A_GROUP = 65_536


# ---------------------------------------------------------------- one file


def frame(archive: Archive, number: int) -> pl.DataFrame:
    """The records of one file, in the columns and types of Parquet."""
    each = archive.records // archive.files
    index = pl.int_range(number * each, (number + 1) * each, dtype=pl.UInt64, eager=True).alias("n")
    return _columns(pl.DataFrame([index]).with_columns(_draws()), archive)


_DRAWS = ("host", "peer", "port", "size", "kind")


def _draws() -> list[pl.Expr]:
    """Five numbers below 2^31 for every record: multiplied, folded, multiplied again."""
    found = []
    for place, name in enumerate(_DRAWS):
        first = (pl.col("n") + place * 0x51_7C_C1) * pl.lit(0x9E3779B97F4A7C15, pl.UInt64)
        folded = (first ^ (first // 2**29)) * pl.lit(0xBF58476D1CE4E5B9, pl.UInt64)
        found.append((folded // 2**33).alias(name))
    return found


def _columns(drawn: pl.DataFrame, archive: Archive) -> pl.DataFrame:
    asked = pl.col("n") % EVERY == 0
    host = pl.when(asked).then(pl.lit(1234, pl.UInt64)).otherwise(pl.col("host") % INTERFACES)
    own = _named([address(n) for n in range(INTERFACES)], host)
    outside = _named([public(n) for n in range(2**14)], pl.col("peer") % 2**14)
    inside = _named(
        [address(n) for n in range(INTERFACES)],
        pl.when(asked).then(pl.lit(3210, pl.UInt64)).otherwise(pl.col("peer") % INTERFACES),
    )
    other = pl.when(asked | (pl.col("peer") % 10 < 7)).then(inside).otherwise(outside)
    leaving = pl.col("kind") // 1024 % 2 == 0
    silent = ~asked & (pl.col("kind") % 100 == 0)
    start = pl.lit(FIRST_SECOND) + (pl.col("n") * SPAN // archive.records).cast(pl.Int64)
    client, service = 32768 + pl.col("port") % 28000, pl.Series([22, 80, 443, 3306, 5432, 6379, 8080, 9092], dtype=pl.UInt64)
    served = pl.lit(service).gather(pl.col("port") // 65536 % 8)
    packets = 1 + pl.col("size") % 40
    status = (
        pl.when(~silent)
        .then(pl.lit("OK"))
        .when(pl.col("kind") % 10_000 == 0)
        .then(pl.lit("SKIPDATA"))
        .otherwise(pl.lit("NODATA"))
    )
    action = pl.when(pl.col("size") % 20 == 0).then(pl.lit("REJECT")).otherwise(pl.lit("ACCEPT"))
    return drawn.select(
        pl.lit(2).alias("version"),
        pl.lit(ACCOUNT).alias("account-id"),
        _named([interface_id(n) for n in range(INTERFACES)], host).alias("interface-id"),
        *(
            pl.when(silent).then(None).otherwise(value).alias(name)
            for name, value in {
                "srcaddr": pl.when(leaving).then(own).otherwise(other),
                "dstaddr": pl.when(leaving).then(other).otherwise(own),
                "srcport": pl.when(leaving).then(client).otherwise(served),
                "dstport": pl.when(leaving).then(served).otherwise(client),
                "protocol": pl.when(pl.col("port") % 16 == 0).then(17).otherwise(6),
                "packets": packets,
                "bytes": packets * (40 + pl.col("size") // 64 % 1400),
            }.items()
        ),
        start.alias("start"),
        (start + 10 + (pl.col("size") % 50).cast(pl.Int64)).alias("end"),
        pl.when(silent).then(None).otherwise(action).alias("action"),
        status.alias("log-status"),
    ).cast(PARQUET_TYPES)


def _named(names: list[str], number: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(names)).gather(number)


def write_file(folder: Path, archive: Archive, number: int) -> None:
    """One file, unless it is there; written beside and moved, so that a file is whole or absent."""
    ending = "log.gz" if archive.form == "text" else "log.parquet"
    path = folder / f"{ACCOUNT}_vpcflowlogs_us-east-1_fl-0a1b2c3d4e5f60718_{number:05}.{ending}"
    if path.exists():
        return
    beside = path.with_suffix(f".{os.getpid()}")
    records = frame(archive, number)
    if archive.form == "text":
        text = BytesIO()
        records.write_csv(text, separator=" ", null_value="-")
        beside.write_bytes(gzip.compress(text.getbuffer(), 6, mtime=0))
    else:
        codec: Literal["gzip", "snappy"] = "gzip" if archive.form == "parquet" else "snappy"
        named = records.rename({name: name.replace("-", "_") for name in FIELDS})
        named.write_parquet(beside, compression=codec, row_group_size=ROWS_A_GROUP, statistics=True)
    beside.rename(path)


def write(root: Path, archive: Archive) -> Path:
    """The folder of an archive, generated where it is not there yet; uses every core."""
    folder = root / archive.name
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(write_file, folder, archive), range(archive.files)))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="Write an archive of flow log records.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=Archive.records)
    parser.add_argument("--files", type=int, default=Archive.files)
    parser.add_argument("--form", choices=["text", "parquet", "snappy"], default="text")
    given = parser.parse_args()
    print(write(given.folder, Archive(given.records, given.files, given.form)))


if __name__ == "__main__":
    main()
