"""DuckDB's join of a register with the listed identifiers, for the bench `screen`.

Arguments: a folder with in.csv and entries.csv, the number of threads. Writes a line for each way: its
name, the median seconds of three runs, how many rows are listed.
"""

import statistics
import sys
from pathlib import Path
from time import perf_counter

import duckdb


def main():
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    db = duckdb.connect(config={"threads": threads, "preserve_insertion_order": True})
    csv = f"read_csv('{folder}/in.csv', all_varchar=true, header=true)"
    db.execute(f"create table entries as select * from read_csv('{folder}/entries.csv', all_varchar=true)")
    db.execute(f"copy (select * from {csv}) to '{folder}/in.parquet'")
    join = "select r.*, case when e.entry is null then 'clear' else 'remind' end as verdict, e.entry from {} r left join entries e using (uscc)"
    ways = [
        ("CSV to CSV", csv, "joined.csv", "(header)"),
        ("Parquet to Parquet", f"'{folder}/in.parquet'", "joined.parquet", "(format parquet)"),
    ]
    for name, source, out, options in ways:
        times = []
        for _ in range(3):
            (folder / out).unlink(missing_ok=True)
            start = perf_counter()
            db.execute(f"copy ({join.format(source)}) to '{folder}/{out}' {options}")
            times.append(perf_counter() - start)
        written = f"read_csv('{folder}/{out}', all_varchar=true)" if out.endswith("csv") else f"'{folder}/{out}'"
        hits = db.execute(f"select count(*) from {written} where verdict = 'remind'").fetchone()[0]
        print(name, statistics.median(times), hits, sep="\t")


main()
