"""DuckDB's joins of lists with lists, for the bench `cross`.

Arguments: a folder with entries.csv (id, list, starts, ends), a day. Writes a line for each question: its name,
the median milliseconds of five runs on one thread, what was found.
"""

import statistics
import sys
from time import perf_counter

import duckdb


def main():
    folder, day = sys.argv[1:]
    db = duckdb.connect(config={"threads": 1})
    db.execute(
        f"create table entries as select id, list::utinyint as list, starts::date as starts, ends::date as ends "
        f"from read_csv('{folder}/entries.csv', all_varchar=true)"
    )
    on = f"(select distinct id, list from entries where date '{day}' between starts and ends)"
    questions = [
        (
            "the two lists",
            f"select count(*) from {on} a join {on} b using (id) where a.list = 0 and b.list = 1",
        ),
        (
            "the matrix",
            f"select sum(n) from (select a.list, b.list, count(*) n from {on} a join {on} b using (id) "
            f"where a.list < b.list group by all)",
        ),
    ]
    for name, question in questions:
        times = []
        for _ in range(5):
            start = perf_counter()
            found = db.execute(question).fetchone()[0]
            times.append((perf_counter() - start) * 1e3)
        print(name, f"{statistics.median(times):.3f}", found, sep="\t")


main()
