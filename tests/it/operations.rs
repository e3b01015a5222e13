//! The files for whoever runs the service: systemd's unit, Prometheus' rules, Grafana's dashboard.

use crate::command::{Home, served};
use crate::privacy::{get, names};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(config(name)).unwrap()
}

/// Every expression of the rules; each stands on one line.
fn rules() -> Vec<String> {
    let lines = text("prometheus/alerts.yml");
    lines.lines().filter_map(|line| Some(line.trim().strip_prefix("expr: ")?.to_owned())).collect()
}

/// Every expression of the dashboard, its variables filled in.
fn shown() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text("grafana/xincha.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets
        .map(|target| target["expr"].as_str().unwrap())
        .map(|expression| expression.replace("$__rate_interval", "5m").replace("$instance", ".*"))
        .collect()
}

/// The metrics that an expression asks for: its words that are names of ours.
fn asked(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_ours = |word: &&str| word.starts_with("xincha_") || word.starts_with("process_");
    expression.split(move |letter| !is_part(letter)).filter(is_ours)
}

#[test]
fn rules_and_dashboard_ask_for_what_is_exposed_and_the_dashboard_shows_all_of_it() {
    let home = Home::new();
    let (_service, address, _log) = served(&home);
    let metrics = get(&address, "/metrics");
    let exposed = names(&metrics);
    let of = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let whole = parts.iter().find_map(|part| name.strip_suffix(part));
        let found = [Some(name), whole].into_iter().flatten().find_map(|name| exposed.get(name));
        *found.unwrap_or_else(|| panic!("{name} is not exposed"))
    };
    let (rules, shown) = (rules(), shown());
    assert!(rules.len() > 10 && shown.len() > 20);
    let alerted: BTreeSet<&str> = rules.iter().flat_map(|rule| asked(rule)).map(of).collect();
    assert!(alerted.contains("xincha_ready") && alerted.contains("xincha_list_stale"));
    let seen: BTreeSet<&str> = shown.iter().flat_map(|shown| asked(shown)).map(of).collect();
    assert_eq!(seen, exposed);
}

/// Where systemd is absent the unit is not checked, which is said.
#[test]
fn systemd_takes_the_unit_and_finds_it_guarded() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("xincha.service");
    let binary = env!("CARGO_BIN_EXE_xincha");
    std::fs::write(&unit, text("xincha.service").replace("/usr/local/bin/xincha", binary)).unwrap();
    let asked: [&[&str]; 2] = [
        &["verify", "--man=no", "--recursive-errors=no"],
        // Of 100: the lower, the less it could do.
        &["security", "--offline=true", "--threshold=15"],
    ];
    for arguments in asked {
        let Ok(output) = Command::new("systemd-analyze").args(arguments).arg(&unit).output() else {
            eprintln!("systemd-analyze is not here: config/xincha.service is not checked");
            return;
        };
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(arguments[0] != "verify" || said.trim().is_empty(), "{said}");
    }
}
