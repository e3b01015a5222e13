//! The invariants of the crate doc that are absences, held by reading the source.

use std::fs;
use std::path::{Path, PathBuf};

fn files_of(module: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join(format!("{module}.rs"))];
    let mut folders = vec![source.join(module)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let paths = entries.map(|entry| entry.unwrap().path());
        let (inner, found): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(found);
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files
}

/// The code of a module without comments and without its tests.
fn code_of(module: &str) -> Vec<(PathBuf, String)> {
    let code = |path: PathBuf| {
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        (path, lines.collect::<Vec<_>>().join("\n"))
    };
    files_of(module).into_iter().filter(|path| !path.ends_with("tests.rs")).map(code).collect()
}

fn check(modules: &[&str], absent: &[&str]) {
    for module in modules {
        for (path, code) in code_of(module) {
            for word in absent {
                assert!(!code.contains(word), "{} holds `{word}`", path.display());
            }
        }
    }
}

#[test]
fn the_pure_modules_touch_no_clock_file_socket_thread_or_randomness() {
    let absent = [
        "SystemTime",
        "crate::clock",
        "std::time::Instant",
        "Timestamp::now",
        "std::fs",
        "File::",
        "std::net",
        "tokio",
        "std::thread",
        "rand::",
        "std::env",
        "Uuid",
    ];
    check(&["record", "text", "catalogue", "index", "screen"], &absent);
}

#[test]
fn screen_knows_nothing_above_or_beside_it() {
    check(
        &["screen"],
        &[
            "crate::live",
            "crate::http",
            "crate::snapshot",
            "crate::source",
            "crate::ingest",
            "crate::audit",
        ],
    );
}

#[test]
fn lower_rows_import_nothing_above_them() {
    let above =
        |names: &[&str]| names.iter().map(|name| format!("crate::{name}")).collect::<Vec<_>>();
    let rows: [(&[&str], &[&str]); 15] = [
        (&["traces"], &["record", "audit", "clients", "screen", "live", "jobs", "http", "config"]),
        (
            &["output"],
            &["source", "text", "catalogue", "clients", "audit", "index", "batch", "http"],
        ),
        (&["herald"], &["index", "screen", "ingest", "live", "jobs", "http", "config", "app"]),
        (&["clients"], &["catalogue", "source", "output", "snapshot", "index", "live", "http"]),
        (
            &["record"],
            &[
                "text",
                "catalogue",
                "source",
                "snapshot",
                "index",
                "screen",
                "ingest",
                "live",
                "http",
            ],
        ),
        (
            &["text", "catalogue", "source", "snapshot", "ledger"],
            &["index", "screen", "ingest", "live", "http", "app"],
        ),
        (&["audit"], &["index", "screen", "ingest", "live", "jobs", "http", "config", "app"]),
        (&["index"], &["screen", "ingest", "live", "http", "catalogue", "source"]),
        (&["screen"], &["ingest", "live", "http", "config", "app"]),
        (&["ingest"], &["live", "http", "config", "app", "screen"]),
        (&["cross"], &["live", "http", "config", "app", "ingest", "ledger", "source", "snapshot"]),
        (&["tender"], &["live", "http", "config", "app", "ingest", "ledger", "index", "screen"]),
        (&["batch"], &["live", "jobs", "http", "config", "app", "ingest", "ledger"]),
        (&["live"], &["jobs", "http", "config", "app"]),
        (&["jobs"], &["http", "config", "app"]),
    ];
    for (modules, names) in rows {
        let words = above(names);
        check(modules, &words.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn list_formats_and_api_formats_never_meet() {
    check(&["source"], &["crate::http", "hyper", "axum"]);
    check(&["http"], &["crate::source", "calamine", "parquet", "csv::"]);
}

#[test]
fn clients_know_nothing_of_the_edge() {
    check(&["clients"], &["hyper", "axum", "StatusCode"]);
}

#[test]
fn nothing_below_the_top_imports_the_configuration() {
    let below = [
        "record",
        "secret",
        "traces",
        "audit",
        "text",
        "catalogue",
        "clients",
        "source",
        "snapshot",
        "ledger",
        "index",
        "screen",
        "ingest",
        "batch",
        "live",
        "jobs",
        "herald",
        "http",
        "synth",
    ];
    check(&below, &["crate::config", "crate::app"]);
}

#[test]
fn fst_and_roaring_live_in_the_index_and_unsafe_where_files_are_mapped() {
    let all = [
        "record",
        "secret",
        "traces",
        "audit",
        "text",
        "catalogue",
        "clients",
        "source",
        "snapshot",
        "ledger",
        "screen",
        "ingest",
        "batch",
        "live",
        "jobs",
        "http",
        "synth",
        "config",
        "app",
    ];
    check(&all, &["fst::", "roaring::"]);
    for module in all.iter().chain(&["index"]) {
        for (path, code) in code_of(module) {
            assert!(
                !code.contains("unsafe ")
                    || path.ends_with("snapshot/array.rs")
                    || path.ends_with("audit/segment.rs"),
                "{}",
                path.display()
            );
        }
    }
}
