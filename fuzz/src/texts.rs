//! What an operator writes: TOML.
//!
//! | letter | the rest is |
//! |---|---|
//! | `m` | a mapping |
//! | `l`, `e`, `a` | lists, measures, matters of a catalogue of which the rest is sound |
//! | `c` | clients |
//! | `x` | the configuration |

use crate::{Corpus, folder};
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use xincha::catalogue::Catalogue;
use xincha::clients::{Draft, Roll};
use xincha::config::Config;
use xincha::source::Mapping;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder);

/// The catalogue of the sample.
const CATALOGUE: [(&str, &str); 3] = [
    ("lists.toml", include_str!("../../config/catalogue/lists.toml")),
    ("measures.toml", include_str!("../../config/catalogue/measures.toml")),
    ("matters.toml", include_str!("../../config/catalogue/matters.toml")),
];

/// What is refused is refused with a reason.
pub fn run(data: &[u8]) -> Corpus {
    let Some((letter, text)) = data.split_first() else { return Corpus::Reject };
    let Ok(text) = std::str::from_utf8(text) else { return Corpus::Reject };
    match letter {
        b'm' => mapping(text),
        b'l' => catalogue(0, text),
        b'e' => catalogue(1, text),
        b'a' => catalogue(2, text),
        b'c' => clients(text),
        b'x' => config(text),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
}

fn mapping(text: &str) {
    match Mapping::parse("m.toml", text) {
        Ok(mapping) => mapping.feeds.iter().for_each(|feed| {
            feed.matcher().expect("a pattern that was checked").is_match("a.csv");
        }),
        Err(error) => assert!(!error.mistakes.is_empty()),
    }
}

fn catalogue(at: usize, text: &str) {
    let mut files = CATALOGUE;
    files[at].1 = text;
    if let Ok(catalogue) = Catalogue::parse(&files) {
        assert!(
            catalogue.matters().iter().all(|matter| catalogue.matter_no(&matter.code).is_some())
        );
    }
}

/// A file that is read can be edited, and what was edited is read.
fn clients(text: &str) {
    let path = FOLDER.join("clients.toml");
    fs::write(&path, text).expect("a file");
    let roll = match Roll::parse(text, None) {
        Ok(roll) => roll,
        Err(mistakes) => {
            let last = text.matches('\n').count() + 1;
            assert!(!mistakes.0.is_empty());
            return assert!(mistakes.0.iter().all(|mistake| (1..=last).contains(&mistake.line)));
        }
    };
    let Ok(mut draft) = Draft::open(&path) else { return };
    let names: Vec<String> = roll.clients().map(|client| client.name.clone()).collect();
    if let Some(name) = names.first() {
        let key = draft.add_key(name).expect("a client that is there");
        if let Ok(edited) = draft.roll() {
            let found = edited.by_key(key.reveal()).expect("the key that was added");
            assert_eq!(&found.name, name);
        }
        draft.remove(name).expect("a client that is there");
    }
    if let Ok(key) = draft.add("fuzz-client", []) {
        let edited = draft.roll().expect("what was edited");
        assert_eq!(
            edited.by_key(key.reveal()).expect("the client that was added").name,
            "fuzz-client"
        );
        assert_eq!(edited.clients().count(), names.len().saturating_sub(1) + 1);
    }
}

fn config(text: &str) {
    let path = FOLDER.join("xincha.toml");
    fs::write(&path, text).expect("a file");
    if let Ok(config) = Config::load(&path, None) {
        config.loader();
    }
}
