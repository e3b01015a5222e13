//! From the three texts to a catalogue, or to every mistake in them.

use super::matter::tail;
use super::mistake::{CatalogueError, Fault, Mistake};
use super::page::{Page, Table};
use super::{Catalogue, list, matter, measure};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The files of a catalogue, in the order in which they need each other.
const LISTS: &str = "lists.toml";
const MATTERS: &str = "matters.toml";
const MEASURES: &str = "measures.toml";

pub(super) fn parse(files: &[(&str, &str)]) -> Result<Catalogue, CatalogueError> {
    let mut mistakes = misnamed(files);
    let lists = read_file(files, LISTS, &mut mistakes, |page, text| {
        page.read(text, "list", list::FIELDS, list::read)
    });
    let matters = read_file(files, MATTERS, &mut mistakes, |page, text| {
        let matters = page.read(text, "matter", matter::FIELDS, |row| matter::read(row, &lists));
        refuse_equal_tails(page, &matters);
        matters
    });
    let measures = read_file(files, MEASURES, &mut mistakes, |page, text| {
        page.read(text, "measure", measure::FIELDS, |row| measure::read(row, &lists, &matters))
    });
    if mistakes.is_empty() {
        return Ok(Catalogue::new(lists.rows, measures.rows, matters.rows, hash(files)));
    }
    mistakes.sort();
    mistakes.dedup();
    Err(CatalogueError { mistakes })
}

/// SHA-256 over every file's name and text, each after its length (64 bits, little end first), in the order of
/// names.
pub(super) fn hash(files: &[(&str, &str)]) -> [u8; 32] {
    let mut sorted = files.to_vec();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for part in sorted.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Files that a catalogue does not have, or has once.
fn misnamed(files: &[(&str, &str)]) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let whole = |name: &str, fault| Mistake { file: name.to_owned(), line: 0, fault };
    for (number, (name, _)) in files.iter().enumerate() {
        if ![LISTS, MATTERS, MEASURES].contains(name) {
            mistakes.push(whole(name, Fault::UnknownFile));
        } else if files[..number].iter().any(|(earlier, _)| earlier == name) {
            mistakes.push(whole(name, Fault::RepeatedFile));
        }
    }
    mistakes
}

fn read_file<T>(
    files: &[(&str, &str)],
    name: &str,
    mistakes: &mut Vec<Mistake>,
    read: impl FnOnce(&mut Page<'_>, &str) -> Table<T>,
) -> Table<T> {
    let Some((_, text)) = files.iter().find(|(given, _)| *given == name) else {
        mistakes.push(Mistake { file: name.to_owned(), line: 0, fault: Fault::MissingFile });
        return Table::absent();
    };
    let mut page = Page::new(name, text);
    let table = read(&mut page, text);
    mistakes.append(&mut page.mistakes);
    table
}

/// Two matters must not answer to the same last 12 characters. Equal codes are refused already.
fn refuse_equal_tails(page: &mut Page<'_>, matters: &Table<matter::Matter>) {
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (number, matter) in matters.rows.iter().enumerate() {
        match first.entry(tail(&matter.code)) {
            Entry::Vacant(place) => {
                place.insert(number);
            }
            Entry::Occupied(place) if matters.rows[*place.get()].code != matter.code => {
                let fault = Fault::DuplicateTail {
                    tail: (*place.key()).to_owned(),
                    first_line: matters.line(*place.get()),
                };
                page.refuse_line(matters.line(number), fault);
            }
            Entry::Occupied(_) => {}
        }
    }
}
