//! A file to be screened.
//!
//! | letter | the rest is | written as |
//! |---|---|---|
//! | `c`, `e` | CSV | CSV; .xlsx |
//! | `j` | JSON lines | JSON lines |
//! | `x` | parts of an .xlsx, as [`feeds`](crate::feeds) has them | CSV |
//! | `p`, `q` | Parquet | Parquet; CSV |
//! | `a`, `b` | a stream, a file of Arrow | Arrow; Parquet |

use crate::ground::{MATTER, NOW};
use crate::{Corpus, GROUND, feeds, folder, forgive_caught_panics};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use xincha::batch::{Format, Job, Terms, Told, screen};
use xincha::source::mapping::Layout;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder);

/// Every row is decided or rejected, and each that is decided is written; of what fails nothing is left.
pub fn run(data: &[u8]) -> Corpus {
    let Some((letter, bytes)) = data.split_first() else { return Corpus::Reject };
    let Some((from, to)) = names(*letter) else { return Corpus::Reject };
    forgive_caught_panics();
    let [input, output, rejects] = [from, to, "rejects.csv"].map(|name| FOLDER.join(name));
    let bytes = if *letter == b'x' { feeds::workbook(bytes) } else { bytes.to_vec() };
    fs::write(&input, bytes).expect("a file");
    let _ = (fs::remove_file(&output), fs::remove_file(&rejects));
    let job = Job {
        input: Some(&input),
        input_format: Format::of(&input).expect("a format"),
        output: Some(&output),
        output_format: Format::of(&output).expect("a format"),
        rejects: Some(&rejects),
        layout: &Layout::default(),
        told: &Told::default(),
        hits_only: false,
        threads: 1,
        progress: &|_, _| {},
        cancelled: &AtomicBool::new(false),
    };
    let view = &GROUND.1;
    let matter = view.generation.ground.catalogue.matter_no(MATTER).expect("a matter");
    let terms = Terms { basis: view.basis(NOW), matter, at: NOW, kind: None, only: None };
    match screen(&job, terms) {
        Err(_) => assert!(!output.exists(), "a result of what failed"),
        Ok(outcome) => {
            let tally = outcome.tally;
            assert_eq!(outcome.rejects, tally.rejected + tally.unaskable);
            assert_eq!(rejects.exists(), outcome.rejects > 0);
            let written = match *letter {
                b'c' | b'x' | b'q' => Some(records(&output) - 1),
                b'j' => Some(lines(&output)),
                _ => None,
            };
            assert!(
                written.is_none_or(|written| written == tally.rows - tally.rejected),
                "{written:?} of {}",
                tally.rows
            );
        }
    }
    Corpus::Keep
}

fn names(letter: u8) -> Option<(&'static str, &'static str)> {
    Some(match letter {
        b'c' => ("c.csv", "c.out.csv"),
        b'e' => ("e.csv", "e.xlsx"),
        b'j' => ("j.jsonl", "j.out.jsonl"),
        b'x' => ("x.xlsx", "x.csv"),
        b'p' => ("p.parquet", "p.out.parquet"),
        b'q' => ("q.parquet", "q.csv"),
        b'a' => ("a.arrows", "a.out.arrows"),
        b'b' => ("b.arrow", "b.parquet"),
        _ => return None,
    })
}

fn records(path: &Path) -> u64 {
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).flexible(true).from_path(path).expect("a file");
    reader
        .into_byte_records()
        .try_fold(0, |count, record| record.map(|_| count + 1))
        .expect("records")
}

fn lines(path: &Path) -> u64 {
    let text = fs::read(path).expect("a file");
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64
}
