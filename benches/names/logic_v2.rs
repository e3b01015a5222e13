//! logic-v2 of nomenklatura, as screening of sanctions uses it: the likest of those names that xincha
//! finds, since it has no index of its own. Of equally likely ones, the first listed.

use crate::answer::{Answer, number};
use crate::query::Query;
use crate::trial::Trial;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use xincha::index::{Distance, Likes, Listed};

#[derive(Serialize)]
struct Question<'a> {
    query: &'a str,
    names: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Scored {
    /// One a name.
    scores: Vec<f64>,
    micros: f64,
}

/// Nothing without `XINCHA_LOGIC_V2`, the interpreter.
pub fn trial<'a>(listed: Listed, names: &[String], queries: &'a [&'a Query]) -> Option<Trial<'a>> {
    let Some(python) = std::env::var_os("XINCHA_LOGIC_V2") else {
        println!(
            "\nlogic-v2: skipped; XINCHA_LOGIC_V2=python names an interpreter with nomenklatura (pip \
             install nomenklatura, for which libicu-dev, pkg-config and a C++ compiler are needed)"
        );
        return None;
    };
    let mut likes = Likes::default();
    let candidates: Vec<Vec<u32>> = queries
        .iter()
        .map(|query| {
            let found = likes.of(listed, &query.text, 0.0, Distance::TwoEdits);
            let mut numbers: Vec<u32> =
                found.iter().map(|like| number(listed, like.entry)).collect();
            numbers.sort_unstable();
            numbers
        })
        .collect();
    let questions = queries.iter().zip(&candidates).map(|(query, candidates)| Question {
        query: &query.text,
        names: candidates.iter().map(|&number| names[number as usize].as_str()).collect(),
    });
    // A name is certainly itself.
    let itself = Question { query: &names[0], names: vec![&names[0]] };
    let mut scored = ask(Path::new(&python), std::iter::once(itself).chain(questions)).into_iter();
    assert_eq!(scored.next().expect("an answer").scores, [1.0]);
    let (mut answers, mut micros) = (Vec::new(), Vec::new());
    for ((query, candidates), scored) in queries.iter().zip(&candidates).zip(scored) {
        assert_eq!(candidates.len(), scored.scores.len(), "scores of {}", query.text);
        let scores = candidates.iter().copied().zip(scored.scores);
        let likest = scores.reduce(|best, next| if next.1 > best.1 { next } else { best });
        answers.push(Answer::first(query, likest));
        micros.push(scored.micros);
    }
    assert_eq!(answers.len(), queries.len(), "one answer a query");
    Some(Trial { name: "logic-v2", queries, answers, micros })
}

/// What the script answers.
fn ask<'a>(python: &Path, questions: impl Iterator<Item = Question<'a>>) -> Vec<Scored> {
    let mut asked = tempfile::tempfile().expect("a file");
    write(&mut asked, questions).expect("questions written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/logic_v2.py");
    let answered = Command::new(python)
        .arg(script)
        .stdin(asked)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    assert!(answered.status.success(), "logic_v2.py failed");
    let lines = answered.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("an answer")).collect()
}

/// One a line, to be read from the start.
fn write<'a>(
    file: &mut File,
    questions: impl Iterator<Item = Question<'a>>,
) -> std::io::Result<()> {
    let mut lines = BufWriter::new(&mut *file);
    for question in questions {
        serde_json::to_writer(&mut lines, &question)?;
        lines.write_all(b"\n")?;
    }
    lines.flush()?;
    drop(lines);
    file.rewind()
}
