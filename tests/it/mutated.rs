//! Parsers of outside bytes on what is almost right: none of them panics.

use crate::town;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;
use std::fs;
use std::path::Path;
use uuid::Uuid;
use xincha::catalogue::Catalogue;
use xincha::http::{Worker, answer, changes};
use xincha::ledger::Commit;
use xincha::live::View;
use xincha::record::{Act, Change, Identifier, IdentifierKind, Sender};
use xincha::snapshot::{Signature, SigningKey};
use xincha::source::Mapping;
use xincha::text::{Keys, Name};

const MATTER: &str = "11320500000000019Y3000123456001";

/// What replaces a part of a seed: pieces that parsers take for something.
const PIECES: [&str; 16] = [
    "",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\u",
    "\\ud800",
    "null",
    "18446744073709551615",
    "-1",
    "　",
    "（",
    "\u{0}",
    "𠮷",
];

/// A seed with some of its parts replaced, doubled or cut.
fn mutated(seed: &str, edits: &[(Index, Index, u8)]) -> String {
    let mut letters: Vec<char> = seed.chars().collect();
    for (at, length, what) in edits {
        let from = at.index(letters.len() + 1);
        let to = (from + length.index(8)).min(letters.len());
        let part: Vec<char> = match what % 4 {
            0 => letters[from..to].repeat(2),
            1 => Vec::new(),
            _ => PIECES[usize::from(what / 4) % PIECES.len()].chars().collect(),
        };
        letters.splice(from..to, part);
    }
    letters.into_iter().collect()
}

fn edits() -> impl Strategy<Value = Vec<(Index, Index, u8)>> {
    prop::collection::vec(any::<(Index, Index, u8)>(), 1..6)
}

/// So many, times `XINCHA_TIMES` for a longer run by hand.
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("XINCHA_TIMES").ok().and_then(|times| times.parse().ok());
    ProptestConfig::with_cases(few * times.unwrap_or(1))
}

fn config(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
    fs::read_to_string(path).unwrap()
}

fn catalogue(files: [&str; 3]) -> Option<Catalogue> {
    let names = ["lists.toml", "measures.toml", "matters.toml"];
    let files: Vec<(&str, &str)> = names.into_iter().zip(files).collect();
    Catalogue::parse(&files).ok()
}

#[test]
fn bodies_of_checks_and_changes() {
    let subjects = json!([{"ref": "a", "name": "苏州星河科技有限公司", "id": "91320500MA0000015D",
        "kind": "organisation"}, {"ref": "b", "name": "赵甲乙",
        "ids": [{"kind": "resident_id", "value": "110101********0022"}]}]);
    let check = json!({"matter": MATTER, "at": "2026-11-22T10:00:00+08:00", "subjects": subjects})
        .to_string();
    let many =
        json!({"matter": MATTER, "identifiers": ["91320500MA0000015D", "ABC12345"]}).to_string();
    let change = json!({"changes": [
        {"key": "1", "change": "list", "list": "sxbzxr", "entry": "e",
         "record": {"subject": {"name": "苏州", "id": "91320500MA0000015D"}}},
        {"key": "2", "change": "repair", "list": "sxbzxr", "entry": "e"}]})
    .to_string();
    let [lists, measures, matters] =
        ["lists", "measures", "matters"].map(|name| config(&format!("catalogue/{name}.toml")));
    let known = catalogue([&lists, &measures, &matters]).unwrap();
    let home = crate::command::Home::new();
    assert_eq!(home.run(&["build"]).0, 0);
    let snapshots = home.folder.path().join("snapshots");
    let id = fs::read_to_string(snapshots.join("CURRENT")).unwrap();
    let path = snapshots.join(format!("{}.xcs", id.trim()));
    let generation =
        xincha::live::Generation::open(&path, std::sync::Arc::new(known.clone()), None);
    let view = View::of(std::sync::Arc::new(generation.unwrap()));
    let (mut worker, mut out) = (Worker::searching(), Vec::new());
    let worker = std::cell::RefCell::new((&mut worker, &mut out));
    proptest!(cases(1_000), |(edits in edits())| {
        for seed in [&check, &many] {
            let body = mutated(seed, &edits);
            let (worker, out) = &mut *worker.borrow_mut();
            let _ = answer(&view, town::noon(), Uuid::nil(), body.as_bytes(), worker, out);
        }
        let _ = changes::read(mutated(&change, &edits).as_bytes(), &known);
    });
}

#[test]
fn identifiers_names_commits_and_signatures() {
    let numbers = ["91320500MA0000015D", "110101199003077777", "110101********0022", "MA000001-5"];
    let names =
        ["苏州工业园区星河（集团）科技有限责任公司第一分公司", "欧阳·娜娜", "STAR RIVER Co., Ltd."];
    let change = |act| Change {
        key: "k".to_owned(),
        list: "sxbzxr".to_owned(),
        entry: "e".to_owned(),
        act,
        sender: Sender::default(),
    };
    let changes = vec![change(Act::NoteObjection), change(Act::Extend { to: None })];
    let commit = Commit { first: 7, at: town::noon(), changes }.to_bytes();
    let commit = String::from_utf8(commit).unwrap();
    let key = SigningKey::generate().unwrap();
    let signature = Signature::sign(b"bytes", "20261122T020000Z-4f1c0a2b", &key).to_string();
    assert!(Commit::from_bytes(commit.as_bytes()).is_ok());
    assert!(Signature::parse(signature.as_bytes()).is_ok());
    let (mut keys, mut name) = (Keys::default(), Name::default());
    let scratch = std::cell::RefCell::new((&mut keys, &mut name));
    proptest!(cases(2_000), |(edits in edits())| {
        for number in numbers {
            let number = mutated(number, &edits);
            let _ = Identifier::of_sound(&number);
            let _ = Identifier::of(IdentifierKind::ResidentId, &number);
        }
        let (keys, folded) = &mut *scratch.borrow_mut();
        for name in names {
            let name = mutated(name, &edits);
            keys.of(&name);
            folded.of(&name);
        }
        if let Ok(commit) = Commit::from_bytes(mutated(&commit, &edits).as_bytes()) {
            let _ = (commit.last(), commit.after(commit.first));
        }
        let _ = Signature::parse(mutated(&signature, &edits).as_bytes());
    });
}

#[test]
fn mappings_and_catalogues() {
    let [lists, measures, matters] =
        ["lists", "measures", "matters"].map(|name| config(&format!("catalogue/{name}.toml")));
    let mappings = ["sxbzxr", "department"].map(|name| config(&format!("sources/{name}.toml")));
    proptest!(cases(100), |(edits in edits())| {
        for mapping in &mappings {
            let _ = Mapping::parse("m.toml", &mutated(mapping, &edits));
        }
        let changed = mutated(&lists, &edits);
        let _ = catalogue([&changed, &measures, &matters]);
    });
}
