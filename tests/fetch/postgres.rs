//! From a table.

use crate::keeper::{Came, Keeper, files};
use crate::servers::{Certificate, Postgres, eventually};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use xincha::source::fetch::{FetchError, Limits, OriginConfig, Wake};

fn origin(postgres: &Postgres, table: &str, more: &str) -> String {
    with_dsn(&postgres.dsn(), table, more)
}

fn with_dsn(dsn: &str, table: &str, more: &str) -> String {
    format!("kind = 'postgres'\ndsn = '{dsn}'\ntable = '{table}'\nfile = 'sxbzxr-table'\n{more}")
}

/// The files of a delivery, by number, without their headings.
fn rows(came: Came) -> Vec<(String, Vec<String>)> {
    let Came::Files(files) = came else { panic!("{came:?}") };
    let rows = |text: &str| text.lines().skip(1).map(str::to_owned).collect();
    files
        .iter()
        .map(|(name, text)| {
            let number = name.trim_start_matches("sxbzxr-table-").trim_end_matches(".csv");
            (number.trim_start_matches('0').to_owned(), rows(text))
        })
        .collect()
}

fn expect(came: Came, expected: &[(&str, &[&str])]) {
    let expected: Vec<(String, Vec<String>)> = expected
        .iter()
        .map(|(number, rows)| {
            ((*number).to_owned(), rows.iter().map(|row| (*row).to_owned()).collect())
        })
        .collect();
    assert_eq!(rows(came), expected);
}

#[test]
fn a_whole_table_is_compared() {
    let (postgres, mut keeper) = (Postgres::start(), Keeper::new());
    let sql = postgres.sql();
    sql.run(
        r#"CREATE SCHEMA "共享.库";
           CREATE TABLE "共享.库"."名单""; DROP" (id int, "当事人 ""名称""" text, at timestamptz);
           INSERT INTO "共享.库"."名单""; DROP" VALUES
             (1, E'甲,"公司"\n二', '2025-01-01 23:30:00+00'), (2, NULL, NULL)"#,
    );
    let table = r#""共享.库".名单"; DROP"#;
    let whole = origin(&postgres, table, "");
    let text =
        "id,\"当事人 \"\"名称\"\"\",at\n1,\"甲,\"\"公司\"\"\n二\",2025-01-02 07:30:00+08\n2,,\n";
    assert_eq!(keeper.fetch(&whole).unwrap(), files(&[("sxbzxr-table.csv", text)]));
    assert_eq!(keeper.fetch(&whole).unwrap(), Came::Unchanged);
    let columns = r#"columns = ['当事人 "名称"', 'id']"#;
    let text = "\"当事人 \"\"名称\"\"\",id\n\"甲,\"\"公司\"\"\n二\",1\n,2\n";
    let some = origin(&postgres, table, columns);
    assert_eq!(Keeper::new().fetch(&some).unwrap(), files(&[("sxbzxr-table.csv", text)]));
    sql.run(r#"DELETE FROM "共享.库"."名单""; DROP" WHERE id = 1"#);
    let text = "id,\"当事人 \"\"名称\"\"\",at\n2,,\n";
    assert_eq!(keeper.fetch(&whole).unwrap(), files(&[("sxbzxr-table.csv", text)]));
    keeper.limits.bytes_max = 10;
    assert!(matches!(keeper.fetch(&whole), Err(FetchError::TooLarge { max: 10, .. })));
}

#[test]
fn increments_follow_a_full_copy() {
    let (postgres, mut keeper) = (Postgres::start(), Keeper::new());
    let sql = postgres.sql();
    sql.run("CREATE TABLE t (id text, seq bigint); INSERT INTO t VALUES ('a', 100), ('b', 200)");
    let origin = origin(&postgres, "t", "watermark = 'seq'\noverlap = 10\nfull_every = 3");
    let full = ("", &["a,100", "b,200"] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full]);
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    // An updated row, and a new one; the window's rows come once more.
    sql.run("UPDATE t SET seq = 300 WHERE id = 'a'; INSERT INTO t VALUES ('c', 301)");
    let first = ("1", &["b,200", "a,300", "c,301"] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full, first]);
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    // Below the highest watermark, within the overlap; and one without a watermark.
    sql.run("INSERT INTO t VALUES ('d', 295), ('e', NULL)");
    let second = ("2", &["e,", "d,295", "a,300", "c,301"] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full, first, second]);
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    // What is deleted is seen by the next full copy.
    sql.run("DELETE FROM t WHERE id IN ('b', 'e'); INSERT INTO t VALUES ('f', 400)");
    let third = ("3", &["d,295", "a,300", "c,301", "f,400"] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full, first, second, third]);
    sql.run("INSERT INTO t VALUES ('g', 401)");
    let all = &["d,295", "a,300", "c,301", "f,400", "g,401"] as &[&str];
    expect(keeper.fetch(&origin).unwrap(), &[("", all)]);
    // Without the last delivery there is nothing to add to.
    keeper.previous = None;
    sql.run("INSERT INTO t VALUES ('h', 402)");
    let all = &["d,295", "a,300", "c,301", "f,400", "g,401", "h,402"] as &[&str];
    expect(keeper.fetch(&origin).unwrap(), &[("", all)]);
    // A table that lies before the last watermark was begun anew.
    sql.run("TRUNCATE t; INSERT INTO t VALUES ('z', 1)");
    expect(keeper.fetch(&origin).unwrap(), &[("", &["z,1"])]);
    sql.run("TRUNCATE t");
    expect(keeper.fetch(&origin).unwrap(), &[("", &[])]);
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
}

#[test]
fn a_row_that_is_committed_late_is_not_lost() {
    let (postgres, mut keeper) = (Postgres::start(), Keeper::new());
    let sql = postgres.sql();
    sql.run(
        "CREATE TABLE t (id text, at timestamptz);
         INSERT INTO t VALUES ('a', '2025-01-01 10:00:00+08')",
    );
    let origin = origin(&postgres, "t", "watermark = 'at'\noverlap = 600");
    let full = ("", &["a,2025-01-01 10:00:00+08"] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full]);
    let late = postgres.sql();
    late.run("BEGIN; INSERT INTO t VALUES ('late', '2025-01-01 10:05:00+08')");
    sql.run("INSERT INTO t VALUES ('b', '2025-01-01 10:09:00.5+08')");
    let b = "b,2025-01-01 10:09:00.5+08";
    let first = ("1", &["a,2025-01-01 10:00:00+08", b] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full, first]);
    late.run("COMMIT");
    let second = ("2", &["a,2025-01-01 10:00:00+08", "late,2025-01-01 10:05:00+08", b] as &[&str]);
    expect(keeper.fetch(&origin).unwrap(), &[full, first, second]);
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
}

#[test]
fn watermarks_of_every_kind_serve() {
    let postgres = Postgres::start();
    let sql = postgres.sql();
    let rows = [
        ("text", "a'1", "a'2", "a'2"),
        ("date", "2025-01-01", "2025-01-02", "2025-01-02"),
        ("timestamp", "2025-01-01 00:00:00", "2025-01-02 00:00:00", "2025-01-02 00:00:00"),
        ("numeric", "1.5", "1000.5", "1000.5"),
        ("int", "1", "1000", "1000"),
    ];
    for (kind, first, second, shown) in rows {
        let quoted = |text: &str| text.replace('\'', "''");
        sql.run(&format!(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (w {kind}); INSERT INTO t VALUES ('{}')",
            quoted(first)
        ));
        let (mut keeper, origin) =
            (Keeper::new(), origin(&postgres, "public.t", "watermark = 'w'"));
        expect(keeper.fetch(&origin).unwrap(), &[("", &[first])]);
        assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged, "{kind}");
        sql.run(&format!("DELETE FROM t; INSERT INTO t VALUES ('{}')", quoted(second)));
        expect(keeper.fetch(&origin).unwrap(), &[("", &[first]), ("1", &[shown])]);
        assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged, "{kind}");
    }
    sql.run("DROP TABLE t; CREATE TABLE t (w boolean)");
    for column in ["w", "absent"] {
        let origin = origin(&postgres, "t", &format!("watermark = '{column}'"));
        let error = Keeper::new().fetch(&origin).unwrap_err();
        assert!(matches!(error, FetchError::Config { .. }), "{error}");
    }
}

#[test]
fn no_error_shows_a_credential_or_a_row() {
    let postgres = Postgres::start();
    postgres.sql().run(
        "CREATE TABLE t (name text); INSERT INTO t VALUES ('张三');
         CREATE VIEW v AS SELECT name::int FROM t",
    );
    let dsn = postgres.dsn();
    let rows = [
        (with_dsn(&dsn.replace("s3cret", "wr0ng"), "t", ""), "28P01"),
        (with_dsn(&dsn.replace("dbname=postgres", "dbname=none"), "t", ""), "3D000"),
        (with_dsn(&dsn, "none", ""), "42P01"),
        (with_dsn(&dsn, "v", ""), "22P02"),
        (with_dsn(&format!("{dsn} s3cret-p4ss"), "t", ""), "dsn"),
        (with_dsn(&format!("{dsn} sslmode=require"), "t", ""), "TLS"),
        (with_dsn(&dsn, "a.b.c", ""), "a.b.c"),
        (with_dsn(&dsn, "t", "").replace("sxbzxr-table", "other"), "other.csv"),
    ];
    for (text, expected) in rows {
        let error = Keeper::new().fetch(&text).unwrap_err();
        let config: OriginConfig = toml::from_str(&text).unwrap();
        let shown = format!("{error} {error:?} {config:?}");
        assert!(shown.contains(expected) && !error.is_retryable(), "{shown}");
        for secret in ["p4ss", "张三"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn a_killed_server_is_tried_again_and_recovers() {
    let (mut postgres, mut keeper) = (Postgres::start(), Keeper::new());
    postgres.sql().run("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    let wakes = Arc::new(AtomicUsize::new(0));
    let text = origin(&postgres, "t", "listen = 'Neu \"es'");
    let OriginConfig::Postgres(config) = toml::from_str(&text).unwrap() else { panic!() };
    let counted = Arc::clone(&wakes);
    let count = move || {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let limits = Limits { backoff_first_ms: 20, backoff_max_ms: 200, ..Limits::default() };
    let wake = Wake::listen(&config, &limits, count).unwrap().unwrap();
    let count = || wakes.load(Ordering::SeqCst);
    eventually("no wake at the connection", || count() == 1);
    postgres.sql().run("NOTIFY other; NOTIFY \"Neu \"\"es\", 'x'");
    eventually("no wake by NOTIFY", || count() == 2);
    assert_eq!(keeper.fetch(&text).unwrap(), files(&[("sxbzxr-table.csv", "id\n1\n")]));
    postgres.kill();
    let error = keeper.fetch(&text).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }) && error.is_retryable(), "{error}");
    postgres.restart();
    assert_eq!(keeper.fetch(&text).unwrap(), Came::Unchanged);
    eventually("no wake after the server came back", || count() >= 3);
    let before = count();
    postgres.sql().run("NOTIFY \"Neu \"\"es\"");
    eventually("no wake by NOTIFY after the server came back", || count() > before);
    drop(wake);
    let silent = toml::from_str(&origin(&postgres, "t", "")).unwrap();
    let OriginConfig::Postgres(silent) = silent else { panic!() };
    assert!(Wake::listen(&silent, &limits, || ()).unwrap().is_none());
}

#[test]
fn a_server_may_be_killed_in_the_middle() {
    let (mut postgres, mut keeper) = (Postgres::start(), Keeper::new());
    postgres.sql().run(
        "CREATE VIEW t AS SELECT n, repeat('x', 9000) AS x, pg_sleep(0.01)::text AS s
         FROM generate_series(1, 150) n",
    );
    keeper.limits.attempts = 100;
    let origin = origin(&postgres, "t", "");
    let came = std::thread::scope(|scope| {
        let fetching = scope.spawn(|| keeper.fetch(&origin).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert!(!fetching.is_finished(), "the server is killed in the middle");
        postgres.kill();
        postgres.restart();
        fetching.join().unwrap()
    });
    assert_eq!(rows(came)[0].1.len(), 150);
}

#[test]
fn encryption_is_verified_where_it_is_asked_for() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let (postgres, mut keeper) = (Postgres::start_with(Some(&certificate)), Keeper::new());
    postgres.sql().run("CREATE VIEW t AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    let with = |mode: &str, certificate: &Certificate, keeper: &Keeper| {
        let file = certificate.write(keeper.folder.path());
        let dsn = format!("{} sslmode={mode}", postgres.dsn());
        with_dsn(&dsn, "t", &format!("ca_file = '{}'", file.display()))
    };
    for (mode, expected) in [("verify-full", "t"), ("require", "t"), ("disable", "f")] {
        let origin = with(mode, &certificate, &keeper);
        keeper.memory = Default::default();
        let text = format!("ssl\n{expected}\n");
        assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-table.csv", &text)]), "{mode}");
    }
    let error = keeper.fetch(&with("require", &other, &keeper)).unwrap_err();
    assert!(!error.is_retryable(), "{error}");
}

#[test]
fn a_statement_does_not_outlast_the_fetch() {
    let (postgres, mut keeper) = (Postgres::start(), Keeper::new());
    let sql = postgres.sql();
    sql.run("CREATE VIEW t AS SELECT pg_sleep(600)::text AS slept");
    keeper.limits.timeout_seconds = 1;
    let error = keeper.fetch(&origin(&postgres, "t", "")).unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { .. } | FetchError::Database { .. }), "{error}");
    eventually("the statement goes on", || {
        let active = "SELECT count(*) FROM pg_stat_activity
             WHERE application_name = 'xincha' AND state = 'active'";
        sql.ask(active).as_deref() == Some("0")
    });
}
