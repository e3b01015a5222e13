"""Real Spark on two executors: row for row what `xincha screen` writes of the same Parquet, and clear failures.

XINCHA is the binary; the sample city is built with it into a folder of the test's.
"""

import dataclasses
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
XINCHA = os.environ.get("XINCHA", str(ROOT / "target/debug/xincha"))
AT = "2026-11-23T12:00:00+08:00"
MATTER = "11320500000000019Y3000123456001"
ROWS = 5_000
# Listed, clear, of a wrong check digit, masked, digits lost, no identifier, nothing.
IDS = ["91320500MA0000015D", "91320507MA00001031", "91320500MA0000016X", "9132************5D", "3.2E+17", "?!", "", None]
NAMES = ["苏州星河科技有限公司", "苏州清白商贸有限公司", "苏州星和科技有限责任公司", "李四", "", None]

sys.path.insert(0, str(HERE))
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")

import pyspark  # noqa: E402

# An executor of its own process is started from here.
os.environ["SPARK_HOME"] = os.path.dirname(pyspark.__file__)

import xincha_spark  # noqa: E402
from pyspark.errors import PythonException  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402


def table(rows):
    """So many rows with identifiers and names of every kind, and columns that nobody asks about."""
    draw = random.Random(7)
    at = range(rows)
    return pa.table(
        {
            "编号": pa.array(at, pa.int64()),
            "统一社会信用代码": pa.array([draw.choice(IDS) for _ in at], pa.string()),
            "企业名称": pa.array([draw.choice(NAMES) for _ in at], pa.string()),
            "登记日期": pa.array([None if n % 5 == 0 else n for n in at], pa.date32()),
            "金额": pa.array([n / 4 for n in at], pa.float64()),
            "标签": pa.array([[str(n)] * (n % 3) for n in at], pa.list_(pa.string())),
        }
    )


class Home:
    """The sample city, built where the test is."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "xincha.toml"
        sample = ROOT / "config"
        self.config.write_text(
            f'catalogue = "{sample}/catalogue"\n[data]\nfeeds = "{sample}/sample/feeds"\n'
            f'sources = "{sample}/sources"\nsnapshots = "snapshots"\ndeliveries = "deliveries"\n'
            'ledger = "ledger.redb"\nas_of_build = true\n'
        )
        self.run("build")

    def run(self, *arguments):
        done = subprocess.run([XINCHA, "--config", self.config, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    def path(self, name):
        return str(self.folder / name)


class SparkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.home = Home(folder.name)
        # In several row groups, so that both executors read.
        pq.write_table(table(ROWS), cls.home.path("in.parquet"), row_group_size=500)
        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("test_spark")
        for key, value in {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.executor.memory": "512m",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.files.maxPartitionBytes": "16k",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "300",
            "spark.local.dir": cls.home.path("spark"),
            "spark.task.maxFailures": "1",
        }.items():
            builder = builder.config(key, value)
        cls.spark = builder.getOrCreate()
        cls.addClassCleanup(cls.spark.stop)
        cls.spark.sparkContext.setLogLevel("OFF")
        cls.spark.sparkContext.addPyFile(str(HERE / "xincha_spark.py"))
        cls.rows = cls.spark.read.parquet(cls.home.path("in.parquet"))

    def options(self, **given):
        return xincha_spark.Options(xincha=XINCHA, config=str(self.home.config), at=AT, **given)

    def check(self, options, *arguments):
        """What Spark answers is what the binary writes of the same file."""
        out = self.home.path("out.parquet")
        self.home.run("screen", self.home.path("in.parquet"), "-o", out, "--snapshot-only", "--at", AT, *arguments)
        expected = pq.read_table(out)
        screened = xincha_spark.screen(self.rows, options)
        answered = screened.toArrow().sort_by("编号")
        self.assertEqual(answered.schema.names, expected.schema.names)
        self.assertEqual(answered.to_pylist(), expected.to_pylist())
        return screened, expected.to_pylist()

    def test_every_row_is_what_the_binary_writes(self):
        self.assertGreater(self.rows.rdd.getNumPartitions(), 1)
        for options, arguments in [
            (self.options(), []),
            (self.options(matter=MATTER, id_columns=("统一社会信用代码",), name_column="企业名称"), ["--matter", MATTER]),
            (self.options(no_names=True), ["--no-names"]),
        ]:
            screened, rows = self.check(options, *arguments)
            verdicts = {row["xincha_verdict"] for row in rows}
            self.assertLessEqual({"clear", "undetermined"}, verdicts)
            self.assertTrue(any(row["xincha_entries"] for row in rows))
        self.assertEqual(screened.schema[:6], self.rows.schema)

    def test_the_command_writes_parquet(self):
        submit = [sys.executable, str(HERE / "xincha_spark.py"), "--xincha", XINCHA, "--config", self.home.config]
        submit += ["--input", self.home.path("in.parquet"), "--output", self.home.path("screened")]
        done = subprocess.run(submit, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"行数 / rows: {ROWS:,}", done.stderr)
        self.assertEqual(pq.read_table(self.home.path("screened")).num_rows, ROWS)
        refused = subprocess.run([*submit, "--snapshot", "another"], capture_output=True, text=True)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("wanted another", refused.stderr)

    def files(self, name, *tables):
        """A folder of files, in folders as Spark parts them."""
        folder = pathlib.Path(self.home.path(name))
        folder.mkdir()
        for at, part in enumerate(tables):
            path = folder / f"region={3205 + at % 2}" / f"part-{at}.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(part, path)
        (folder / "_SUCCESS").touch()
        return folder

    def test_files_are_what_the_binary_writes(self):
        whole = table(ROWS)
        parts = [whole.slice(at, ROWS // 5) for at in range(0, ROWS, ROWS // 5)]
        source, target = self.files("files", *parts), pathlib.Path(self.home.path("files-screened"))
        submit = [sys.executable, str(HERE / "xincha_spark.py"), "--files", "--xincha", XINCHA]
        submit += ["--config", self.home.config, "--at", AT, "--input", source, "--output", target]
        refused = subprocess.run([*submit, "--snapshot", "another"], capture_output=True, text=True)
        self.assertIn("wanted another", refused.stderr)
        self.assertFalse(target.exists())
        done = subprocess.run(submit, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"行数 / rows: {ROWS:,}", done.stderr)
        expected = {}
        for path in source.rglob("*.parquet"):
            name, out = str(path.relative_to(source)), self.home.path("out.parquet")
            self.home.run("screen", path, "-o", out, "--snapshot-only", "--at", AT)
            expected[name] = pq.ParquetFile(out).read()
            self.assertEqual(pq.ParquetFile(target / name).read(), expected[name])
            rejects = pathlib.Path(out).with_suffix(".rejects.csv").read_bytes()
            self.assertEqual((target / "_rejects" / f"{name}.csv").read_bytes(), rejects)
        undetermined = sum(part["xincha_verdict"].to_pylist().count("undetermined") for part in expected.values())
        self.assertIn(f"无法确定 / undetermined: {undetermined:,}", done.stderr)
        written = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
        rejects = {f"_rejects/{name}.csv" for name in expected}
        self.assertEqual(written, {"_SUCCESS", *expected, *rejects})
        # As any folder of Spark's it can be read again, but not be written again.
        self.assertEqual(self.spark.read.parquet(str(target)).count(), ROWS)
        again = subprocess.run(submit, capture_output=True, text=True)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("is there already", again.stderr)

    def test_files_that_fail_leave_nothing(self):
        target = pathlib.Path(self.home.path("none"))
        broken = self.files("broken", table(10), table(10))
        (broken / "part-2.parquet").write_bytes(b"PAR1 no more than that PAR1")
        differing = self.files("differing", table(10), table(10).drop(["标签"]))
        empty = self.files("empty")
        for source, expected, options in [
            (broken, "part-2.parquet", self.options()),
            (differing, "has other columns", self.options()),
            (empty, "no Parquet files", self.options()),
            (differing, "cannot be run", dataclasses.replace(self.options(), xincha="/no/xincha")),
        ]:
            with self.assertRaisesRegex((PythonException, xincha_spark.XinchaError), expected):
                xincha_spark.screen_files(self.spark, source, target, options)
            self.assertFalse(target.exists())

    def test_a_task_that_outlives_the_failure_of_another_leaves_nothing(self):
        source, target = self.files("late", table(10)), pathlib.Path(self.home.path("late-screened"))
        seen = []

        class Refused(Exception):
            pass

        def refuse(basis):
            seen.append(basis)
            raise Refused

        with self.assertRaises(Refused):
            xincha_spark.screen_files(self.spark, source, target, self.options(), refuse)
        names = xincha_spark.files_of(source.resolve())
        late = xincha_spark.FileScreening(self.options(), seen[0], source.resolve(), target)
        with self.assertRaisesRegex(PythonException, "FileNotFoundError"):
            self.spark.sparkContext.parallelize(names, 1).map(late).collect()
        self.assertFalse(target.exists())

    def test_files_on_another_snapshot_are_refused(self):
        source, target = self.files("stale", table(10)), pathlib.Path(self.home.path("stale-screened"))

        def publish(_):
            self.home.run("build")

        with self.assertRaisesRegex(PythonException, "snapshot 不一致 / differs"):
            xincha_spark.screen_files(self.spark, source, target, self.options(), publish)
        self.assertFalse(target.exists())

    def test_no_rows_are_no_rows(self):
        screened = xincha_spark.screen(self.rows.where("`编号` < 0"), self.options())
        self.assertEqual(screened.count(), 0)

    def test_rows_that_nobody_waits_for_end_quietly(self):
        screened = xincha_spark.screen(self.rows, self.options(no_names=True))
        self.assertEqual(len(screened.limit(3).collect()), 3)

    def test_a_missing_binary_is_told(self):
        with self.assertRaisesRegex(xincha_spark.XinchaError, "cannot be run"):
            xincha_spark.screen(self.rows, dataclasses.replace(self.options(), xincha="/no/xincha"))
        self.on_executors("cannot be run", xincha="/no/xincha")

    def test_what_the_binary_says_is_told(self):
        with self.assertRaisesRegex(xincha_spark.XinchaError, "缺少列"):
            xincha_spark.screen(self.rows, self.options(id_columns=("没有",)))
        with self.assertRaisesRegex(xincha_spark.XinchaError, "类型无法读取"):
            xincha_spark.screen(self.rows, self.options(id_columns=("标签",)))
        self.on_executors("无此事项", matter="none")

    def test_another_snapshot_is_refused(self):
        schema, screening = xincha_spark.prepare(self.rows, self.options())
        self.home.run("build")
        with self.assertRaisesRegex(PythonException, "snapshot 不一致 / differs"):
            self.rows.mapInArrow(screening, schema).collect()

    def test_another_instant_is_refused(self):
        self.on_executors("at 不一致 / differs", at="2026-01-01T00:00:00+08:00")

    def on_executors(self, expected, **changed):
        """The driver is well, its executors have something else: the job fails and says what."""
        schema, screening = xincha_spark.prepare(self.rows, self.options())
        screening.options = dataclasses.replace(screening.options, **changed)
        with self.assertRaisesRegex(PythonException, expected):
            self.rows.mapInArrow(screening, schema).collect()


if __name__ == "__main__":
    unittest.main()
