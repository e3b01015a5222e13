#!/usr/bin/env python3
"""**Question.** How many rows a second does the Spark job take, on two executors of a core each, beside
`xincha screen` of the same Parquet on the same machine?

**Corpus.** A synthetic city of `--entries` entries, and `--rows` rows with a sound identifier and a name, one in
ten listed (an identifier of the city's truth). Written into `--folder`, which is kept; what is there is used again.

**How to read it.** Parquet to Parquet, files in the page cache, the best of `--runs`. The job's time is that of
the query alone: Spark and its executors are up, and one query has run before. All answers are compared: rows,
rows that meet an entry, rows that are undetermined. The job reads and writes through Spark, or, with `--files`, the
same rows in `--parts` files past it. On a machine of few cores Spark's own JVMs, the Python
workers and the binary share them; what Spark alone takes to copy the rows through Python stands beside.

Run it with the interpreter of `target/spark-venv` (`integrations/spark/test` makes it) and a release build:

    target/spark-venv/bin/python integrations/spark/bench.py --xincha target/release/xincha --folder /tmp/spark-bench
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
from pyspark.sql import SparkSession

import xincha_spark

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AT = "2026-11-23T12:00:00+08:00"
LISTED_EVERY = 10
WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc(number):
    """A sound unified code of nobody."""
    body = f"91320599N{number:08d}"
    total = sum(weight * DIGITS.index(digit) for weight, digit in zip(WEIGHTS, body))
    return body + DIGITS[-total % 31]


def make(folder, xincha, entries, rows, count):
    """The city, its snapshot and the rows, in one file and in so many, where they are not there yet."""
    config, table = folder / "xincha.toml", folder / f"in-{rows}.parquet"
    sample = ROOT / "config"
    if not config.exists():
        run(xincha, "synth", "--entries", str(entries), "--csv", "--out", str(folder / "city"), "--force")
        config.write_text(
            f'catalogue = "{sample}/catalogue"\n[data]\nfeeds = "city"\nsources = "{sample}/sources"\n'
            'snapshots = "snapshots"\ndeliveries = "deliveries"\nledger = "ledger.redb"\nas_of_build = true\n'
        )
        run(xincha, "--config", str(config), "build")
    if not table.exists():
        listed = [
            identifier["value"]
            for entry in map(json.loads, open(folder / "city/truth.jsonl", encoding="utf-8"))
            for identifier in entry.get("identifiers", [])
            if identifier["kind"] == "uscc"
        ]
        draw = random.Random(1)
        ids = [draw.choice(listed) if at % LISTED_EVERY == 0 else uscc(at) for at in range(rows)]
        names = [f"苏州某某{at}号贸易有限公司" for at in range(rows)]
        columns = {"number": pa.array(range(rows), pa.int64()), "uscc": ids, "name": names}
        columns["amount"] = pa.array([at / 4 for at in range(rows)], pa.float64())
        pq.write_table(pa.table(columns), table, row_group_size=1 << 18)
    parts = folder / f"in-{rows}-{count}"
    if not parts.exists():
        parts.mkdir()
        whole = pq.read_table(table)
        for at in range(count):
            first, last = (rows * part // count for part in (at, at + 1))
            pq.write_table(whole.slice(first, last - first), parts / f"part-{at}.parquet", row_group_size=1 << 18)
    return config, table, parts


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def best(runs, work):
    """Seconds of the fastest, and what it came to."""
    times = []
    for _ in range(runs):
        start = time.monotonic()
        found = work()
        times.append(time.monotonic() - start)
    return min(times), found


def counted(path):
    """Rows, those that meet an entry, those that are undetermined."""
    columns = pq.read_table(path, columns=["xincha_verdict", "xincha_entries"])
    verdicts = {count["values"]: count["counts"] for count in columns["xincha_verdict"].value_counts().to_pylist()}
    hits = columns.num_rows - columns["xincha_entries"].null_count
    return columns.num_rows, hits, verdicts.get("undetermined", 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--xincha", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    xincha = str(pathlib.Path(given.xincha).resolve())
    config, table, parts = make(folder, xincha, given.entries, given.rows, given.parts)
    alone, spread, copied = (str(folder / name) for name in ("alone.parquet", "spread.parquet", "copied.parquet"))

    screen = [xincha, "--config", str(config), "screen", str(table), "-o", alone, "--snapshot-only", "--at", AT]
    of_binary, _ = best(given.runs, lambda: run(*screen))

    os.environ["SPARK_HOME"] = os.path.dirname(pyspark.__file__)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,1,1536]").appName("bench")
    builder = builder.config("spark.executor.memory", "1g").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.local.dir", str(folder / "spark"))
    spark = builder.config("spark.sql.files.maxPartitionBytes", "16m").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.sparkContext.addPyFile(xincha_spark.__file__)
    rows = spark.read.parquet(str(table))
    options = xincha_spark.Options(xincha=xincha, config=str(config), at=AT)

    def through_spark(frame, to):
        frame.write.mode("overwrite").parquet(to)

    through_spark(xincha_spark.screen(rows.limit(10_000), options), spread)
    of_job, _ = best(given.runs, lambda: through_spark(xincha_spark.screen(rows, options), spread))
    past = folder / "past"

    def of_files():
        shutil.rmtree(past, ignore_errors=True)
        xincha_spark.screen_files(spark, parts, past, options)

    of_parts, _ = best(given.runs, of_files)
    of_copy, _ = best(given.runs, lambda: through_spark(rows.mapInArrow(lambda batches: batches, rows.schema), copied))
    tasks = rows.rdd.getNumPartitions()
    spark.stop()

    found = counted(spread)
    assert found == counted(alone) == counted(past), (found, counted(alone), counted(past))
    assert found[0] == given.rows
    print(f"{given.rows:,} rows × {given.entries:,} entries, {os.cpu_count()} cores, {tasks} tasks")
    print(f"rows that meet an entry {found[1]:,}, undetermined {found[2]:,}")
    print("| | s | rows/s |\n|---|---|---|")
    for what, seconds in [("xincha screen", of_binary), ("Spark job", of_job), ("Spark job, --files", of_parts), ("Spark, rows copied through Python", of_copy)]:
        print(f"| {what} | {seconds:.1f} | {given.rows / seconds:,.0f} |")


if __name__ == "__main__":
    main()
