//! The files for whoever runs the service: systemd's unit, Prometheus' rules, Grafana's dashboard.

use crate::command::{Home, served};
use crate::privacy::{get, names};
use crate::promql::Exposed;
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

/// An expression, and what is written of its labels where its answer is told.
struct Written {
    expression: String,
    told: String,
}

/// Those of the rules; an expression and a summary stand on a line each.
fn rules() -> Vec<Written> {
    let rules = text("prometheus/alerts.yml");
    let of = |key: &str| {
        let lines = rules.lines().filter_map(move |line| line.trim().strip_prefix(key));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (alerts, expressions, told) = (of("- alert: "), of("expr: "), of("summary: "));
    assert!(alerts.len() == expressions.len() && alerts.len() == told.len());
    let told = told.into_iter().map(|told| told.replace("$labels.", ""));
    expressions
        .into_iter()
        .zip(told)
        .map(|(expression, told)| Written { expression, told })
        .collect()
}

/// Those of the dashboard, its variables filled in.
fn shown() -> Vec<Written> {
    let dashboard: Value = serde_json::from_str(&text("grafana/xincha.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let filled = |text: &str| {
        text.replace("$__rate_interval", "5m").replace("$instance", "127.0.0.1:8080|b")
    };
    targets
        .map(|target| Written {
            expression: filled(target["expr"].as_str().unwrap()),
            told: target["legendFormat"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

impl Written {
    /// The labels that it names as `{{label}}`.
    fn named(&self) -> impl Iterator<Item = &str> {
        let parts = self.told.split("{{").skip(1);
        parts.map(|part| part.split("}}").next().unwrap_or_default().trim())
    }
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
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/exposition.rs");
    let known = Exposed::read(&metrics, &std::fs::read_to_string(source).unwrap());
    for written in rules.iter().chain(&shown) {
        let expression = &written.expression;
        let labels = known.labels(expression);
        let labels = labels.unwrap_or_else(|why| panic!("{expression}: {why}"));
        let labels = labels.unwrap_or_else(|| panic!("{expression}: a number"));
        assert!(!expression.contains('$'), "{expression}: a variable that is not filled in");
        for label in written.named() {
            assert!(labels.contains(label), "{expression}: no label {label} of {}", written.told);
        }
    }
    let alerted: BTreeSet<&str> =
        rules.iter().flat_map(|rule| asked(&rule.expression)).map(of).collect();
    assert!(alerted.contains("xincha_ready") && alerted.contains("xincha_list_stale"));
    let seen: BTreeSet<&str> =
        shown.iter().flat_map(|shown| asked(&shown.expression)).map(of).collect();
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
