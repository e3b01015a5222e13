#!/usr/bin/env python3
"""`xincha screen` on every executor of Spark: a table against all lists, each row with what its subject meets.

    partition ─► mapInArrow ─► one `xincha screen -` a task ─► the same rows, results behind them
                               (maps the host's one snapshot: the page cache is shared)
    file ─► one `xincha screen FILE` a task ─► a file of the same name, in a folder that every host sees

All rows are decided on one snapshot and for one instant: the driver asks the binary about no rows at all first,
and takes from that answer the columns of the results and what it is decided on; a task whose binary answers on
anything else fails before its first row. Needs Spark 4.0, pyarrow and pandas. See README.md.
"""

import argparse
import collections
import dataclasses
import datetime
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark import TaskContext
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

# What the answers of all machines must agree on, as the schema of the results says it.
BASIS = ("snapshot", "change", "catalogue", "at", "matter")
# What it says of a list that is missing or too old.
UNRELIABLE = "not to be relied on"
# Lines of standard error that a failure shows.
SHOWN_LINES = 40
# In the folder of the results: what is not whole yet, rows that could not be used, and the mark of a whole one.
PENDING, REJECTS, SUCCESS = "_pending", "_rejects", "_SUCCESS"


class XinchaError(Exception):
    """The binary failed, or decides on something else."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What is asked, and with which binary. Paths are those of every host, executors and driver."""

    xincha: str
    config: str
    # An RFC 3339 instant.
    at: str
    id_columns: tuple = ()
    name_column: str = None
    no_names: bool = False
    matter: str = None
    kind: str = None

    def command(self, *files):
        """The arguments of one process that reads and writes these."""
        command = [self.xincha, "--config", self.config, "screen", *files, "--snapshot-only", "--at", self.at]
        for column in self.id_columns:
            command += ["--id-column", column]
        given = {"--name-column": self.name_column, "--matter": self.matter, "--kind": self.kind}
        for option, value in given.items():
            command += [option, value] if value is not None else []
        return command + (["--no-names"] if self.no_names else [])


def task_environment():
    """Of a process of this task, which has so many cores: alone it would take all of the host."""
    context = TaskContext.get()
    return {**os.environ, "RAYON_NUM_THREADS": str(context.cpus() if context else 1)}


def failed(command, why):
    """What went wrong on which host with which process."""
    return XinchaError(f"{socket.gethostname()}: {' '.join(map(str, command))}: {why}")


class Child:
    """One process: a thread feeds it, whoever iterates over its answers reads it."""

    def __init__(self, options, schema, batches):
        self._command = options.command("-", "--format", "arrow")
        self._batches = batches
        self._schema = schema
        self._said = collections.deque(maxlen=SHOWN_LINES)
        self._unfed = None
        self._fed = 0
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=task_environment(),
            )
        except OSError as error:
            raise failed(self._command, f"无法运行 / cannot be run: {error}") from None
        self._feeder = threading.Thread(target=self._feed, name="feeder", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="listener", daemon=True)
        self._feeder.start()
        self._listener.start()

    def answers(self, is_expected):
        """The batches with their results. `is_expected` is shown their schema before the first."""
        answered = 0
        try:
            with pa.ipc.open_stream(self._process.stdout) as reader:
                is_expected(reader.schema)
                for batch in reader:
                    answered += batch.num_rows
                    yield batch.replace_schema_metadata(None)
        except pa.ArrowInvalid as error:
            self._fail(str(error))
        self._fail(None)
        if answered != self._fed:
            raise failed(self._command, f"{self._fed} rows were asked about, {answered} answered")

    def said_of_lists(self):
        """Which lists are not to be relied on, once the answers were read."""
        return [line for line in self._said if UNRELIABLE in line]

    def end(self):
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()
        self._process.stderr.close()

    def _feed(self):
        try:
            writer = pa.ipc.new_stream(self._process.stdin, self._schema)
            for batch in self._batches:
                writer.write_batch(batch)
                self._fed += batch.num_rows
            # Only what is whole gets the end mark.
            writer.close()
            self._process.stdin.close()
        except BrokenPipeError:
            # It has ended, and says why.
            pass
        except BaseException as error:
            self._unfed = error
            self._process.kill()

    def _listen(self):
        for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").rstrip())

    def _fail(self, why):
        """Raise what went wrong, where anything did: first what could not be fed, then what it says itself."""
        code = self._process.wait()
        self._listener.join()
        if code == 0:
            # It has read to the end. Where it has not, whoever feeds it may still wait for rows.
            self._feeder.join()
        if self._unfed is not None:
            raise self._unfed
        if code != 0 or why is not None:
            raise failed(self._command, "\n".join([f"exit code {code}", *self._said, why or ""]).rstrip())


class Screening:
    """What each task does: `DataFrame.mapInArrow` takes it."""

    def __init__(self, options, basis):
        self.options = options
        self.basis = basis

    def __call__(self, batches):
        first = next(batches, None)
        if first is None:
            return
        child = Child(self.options, first.schema, itertools.chain([first], batches))
        try:
            yield from child.answers(lambda schema: check(schema, self.basis))
        finally:
            child.end()


class FileScreening:
    """What each task does with a file: the binary reads and writes it itself. The result waits beside the others
    until all are whole."""

    def __init__(self, options, basis, source, target):
        self.options = options
        self.basis = basis
        self.source = source
        self.target = target

    def __call__(self, name):
        """The name, what was written, and how many rows have which verdict."""
        # Of a task that is tried twice each has its own.
        attempt = TaskContext.get().taskAttemptId()
        result = pending(self.target, attempt, name)
        # Where the driver has given up the folder of the results is gone, and must not come back.
        for part in reversed(result.relative_to(self.target / PENDING).parents):
            (self.target / PENDING / part).mkdir(exist_ok=True)
        rejects = result.with_suffix(".rejects.csv")
        command = self.options.command(str(self.source / name), "-o", str(result), "--rejects", str(rejects))
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=task_environment()
            )
        except OSError as error:
            raise failed(command, f"无法运行 / cannot be run: {error}") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").splitlines()[-SHOWN_LINES:]
            raise failed(command, "\n".join([f"exit code {done.returncode}", *said]))
        schema = pq.read_schema(result)
        check(schema, self.basis)
        columns = pq.read_table(result, columns=["xincha_verdict", "xincha_entries"])
        verdicts = {count["values"]: count["counts"] for count in columns["xincha_verdict"].value_counts().to_pylist()}
        return Screened(
            name=name,
            attempt=attempt,
            columns=tuple((field.name, str(field.type)) for field in schema),
            rows=columns.num_rows,
            hits=columns.num_rows - columns["xincha_entries"].null_count,
            undetermined=verdicts.get("undetermined", 0),
        )


@dataclasses.dataclass(frozen=True)
class Screened:
    """A file that was screened: its name under the folder, and what came of it."""

    name: str
    attempt: int
    columns: tuple
    rows: int
    hits: int
    undetermined: int


def pending(target, attempt, name):
    """Where the result for a file waits."""
    return target / PENDING / str(attempt) / name


def check(schema, basis):
    """Results of such a schema are decided on what the driver saw."""
    found = basis_of(schema)
    for word, expected in basis.items():
        if found.get(word) != expected:
            raise XinchaError(
                f"{socket.gethostname()}: {word} 不一致 / differs: {found.get(word)}, the driver saw {expected}; "
                "每台主机须使用同一快照与目录 / every host needs the same snapshot and catalogue"
            )


def basis_of(schema):
    """What answers of such a schema are decided on."""
    told = schema.metadata or {}
    keys = {word: f"xincha_{word}".encode() for word in BASIS}
    return {word: told[key].decode() for word, key in keys.items() if key in told}


def ask(options, schema):
    """Ask about no rows of these columns: the columns of the results, what they are decided on, and what is said of
    lists.

    Raises XinchaError where the binary cannot be run, has no snapshot or refuses the columns.
    """
    seen = []
    child = Child(options, schema, [])
    try:
        for _ in child.answers(seen.append):
            pass
    finally:
        child.end()
    results = list(seen[0])[len(schema) :]
    if any(field.type != pa.string() for field in results):
        raise XinchaError(f"results that are no text: {results}")
    fields = [StructField(field.name, StringType(), field.nullable) for field in results]
    return fields, basis_of(seen[0]), child.said_of_lists()


def prepare(rows: DataFrame, options: Options):
    """The schema of the rows with their results, and what each task does. Runs the binary once, on the driver."""
    # With the types that the tasks will have.
    results, basis, said = ask(options, rows.limit(0).toArrow().schema)
    for line in said:
        print(line, file=sys.stderr)
    return StructType([*rows.schema.fields, *results]), Screening(options, basis)


def screen(rows: DataFrame, options: Options) -> DataFrame:
    """The rows with their results behind them, in the order of each partition."""
    schema, screening = prepare(rows, options)
    return rows.mapInArrow(screening, schema)


def files_of(source):
    """Names of the Parquet files of a folder and the folders in it, the largest first: the last tasks are short."""
    is_hidden = lambda path: any(part.startswith(("_", ".")) for part in path.relative_to(source).parts)
    files = [path for path in source.rglob("*.parquet") if path.is_file() and not is_hidden(path)]
    if not files:
        raise XinchaError(f"{source}: 没有 Parquet 文件 / no Parquet files")
    files.sort(key=lambda path: (-path.stat().st_size, path))
    return [str(path.relative_to(source)) for path in files]


def screen_files(spark: SparkSession, source, target, options: Options, is_expected=lambda basis: None):
    """Screen each Parquet file of a folder into one of the same name in another, which must not be there yet. Both
    paths are those of every host: of a file system that all of them see. `is_expected` is shown what is decided on
    before the first. What each file came to is answered with.

    A file is a task. Where one fails nothing is left; a folder of results is whole once it holds `_SUCCESS`.

    Raises XinchaError where there is nothing to read, the results are there already, the binary cannot be run or
    refuses the columns, or files have other columns than the others.
    """
    source, target = pathlib.Path(source).resolve(), pathlib.Path(target).resolve()
    names = files_of(source)
    _, basis, said = ask(options, pq.read_schema(source / names[0]).remove_metadata())
    for line in said:
        print(line, file=sys.stderr)
    is_expected(basis)
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise XinchaError(f"{target}: 已存在 / is there already") from None
    try:
        screening = FileScreening(options, basis, source, target)
        screened = spark.sparkContext.parallelize(names, len(names)).map(screening).collect()
        for other in screened[1:]:
            if other.columns != screened[0].columns:
                raise XinchaError(f"{other.name}: 与 {screened[0].name} 列不同 / has other columns")
        for one in screened:
            result = pending(target, one.attempt, one.name)
            rejects = result.with_suffix(".rejects.csv")
            for path, final in [(result, target / one.name), (rejects, target / REJECTS / f"{one.name}.csv")]:
                if path.exists():
                    final.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(final)
        shutil.rmtree(target / PENDING)
        (target / SUCCESS).touch()
    except BaseException:
        # Tasks may go on after the first that failed: under its own name nothing can be made in it any more.
        failing = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        target.rename(failing)
        shutil.rmtree(failing)
        raise
    return screened


def now():
    """The instant that all tasks decide for where none is given: whole seconds, as the binary counts."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def arguments():
    parser = argparse.ArgumentParser(description="xincha screen on every executor: Parquet to Parquet")
    parser.add_argument("--xincha", required=True, metavar="PATH", help="the binary, on every host")
    parser.add_argument("--config", required=True, metavar="FILE", help="its configuration, on every host")
    parser.add_argument("--snapshot", metavar="ID", help="refuse any other snapshot")
    parser.add_argument("--input", required=True, metavar="PARQUET")
    parser.add_argument("--output", required=True, metavar="PARQUET")
    parser.add_argument(
        "--files",
        action="store_true",
        help="both are folders that every host sees: the binary reads and writes their files itself, a task a file",
    )
    parser.add_argument("--mode", default="errorifexists", choices=["errorifexists", "overwrite", "append"])
    parser.add_argument("--id-column", action="append", default=[], metavar="HEADING")
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--name-column", metavar="HEADING")
    names.add_argument("--no-names", action="store_true")
    parser.add_argument("--matter", metavar="CODE")
    parser.add_argument("--kind", metavar="KIND")
    parser.add_argument("--at", metavar="TIME", help="RFC 3339; default: when the driver starts")
    given = parser.parse_args()
    if given.files and given.mode != "errorifexists":
        parser.error("--files: 输出目录须不存在 / the folder of the output must not be there yet")
    return given


def main():
    given = arguments()
    options = Options(
        xincha=given.xincha,
        config=given.config,
        at=given.at or now(),
        id_columns=tuple(given.id_column),
        name_column=given.name_column,
        no_names=given.no_names,
        matter=given.matter,
        kind=given.kind,
    )
    spark = SparkSession.builder.appName("xincha screen").getOrCreate()
    try:
        through = screen_folder if given.files else screen_table
        for word, (title, count) in through(spark, given, options).items():
            print(f"{title} / {word}: {count:,}", file=sys.stderr)
    except XinchaError as error:
        sys.exit(f"xincha: {error}")
    finally:
        spark.stop()


def agree(basis, wanted):
    """The snapshot is the wanted one, and is told."""
    if wanted not in (None, basis["snapshot"]):
        raise XinchaError(f"快照 / snapshot {basis['snapshot']}, wanted {wanted}")
    print(f"快照 / snapshot     {basis['snapshot']}，时点 / at {basis['at']}", file=sys.stderr)


def screen_table(spark, given, options):
    """Through Spark's readers and writers."""
    rows = spark.read.parquet(given.input)
    schema, screening = prepare(rows, options)
    agree(screening.basis, given.snapshot)
    seen = Observation("xincha")
    screened = rows.mapInArrow(screening, schema).observe(
        seen,
        F.count(F.lit(1)).alias("rows"),
        F.count("xincha_entries").alias("hits"),
        F.count_if(F.col("xincha_verdict") == "undetermined").alias("undetermined"),
    )
    screened.write.mode(given.mode).parquet(given.output)
    return counts(seen.get.__getitem__)


def screen_folder(spark, given, options):
    """Past them."""
    screened = screen_files(spark, given.input, given.output, options, lambda basis: agree(basis, given.snapshot))
    return counts(lambda word: sum(getattr(one, word) for one in screened))


def counts(of):
    titles = {"rows": "行数", "hits": "命中", "undetermined": "无法确定"}
    return {word: (title, of(word)) for word, title in titles.items()}


if __name__ == "__main__":
    main()
