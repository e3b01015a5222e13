//! Names to be listed and what is asked of them.

use crate::corpus;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// A text, the number of the name that it means, and how it was damaged.
pub struct Query {
    pub text: String,
    pub means: Option<u32>,
    pub class: String,
}

/// Real names and queries, labelled.
pub fn labelled(folder: &Path) -> (Vec<String>, Vec<Query>) {
    let (mut names, mut numbers) = (Vec::new(), HashMap::new());
    let listed = read(&folder.join("listed.tsv"));
    let more = std::env::var_os("XINCHA_NAMES_MORE").map(|file| read(Path::new(&file)));
    for line in listed.lines().chain(more.iter().flat_map(|more| more.lines())) {
        let (code, name) = line.split_once('\t').expect("code and name");
        numbers.entry(code.to_owned()).or_insert(names.len() as u32);
        names.push(name.to_owned());
    }
    let queries = read(&folder.join("queries.tsv"));
    let queries = queries.lines().map(|line| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut cell = || cells.next().expect("three cells");
        let (text, code, class) = (cell(), cell(), cell());
        Query { text, means: numbers.get(&code).copied(), class }
    });
    let queries = queries.collect();
    (names, queries)
}

/// Invented names, each damaged by one edit of its core.
pub fn invented(count: u64) -> (Vec<String>, Vec<Query>) {
    // Of two names alike only one would be found.
    let mut given = HashSet::new();
    let names = (0..count).map(|number| corpus::name(number * 10));
    let names: Vec<String> = names.filter(|name| given.insert(name.clone())).collect();
    let mut queries = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let chars: Vec<char> = name.chars().collect();
        let place = 2 + at % 5;
        let edited = |class: &str, chars: Vec<char>| Query {
            text: chars.into_iter().collect(),
            means: Some(at as u32),
            class: class.to_owned(),
        };
        let with = |edit: &dyn Fn(&mut Vec<char>)| {
            let mut chars = chars.clone();
            edit(&mut chars);
            chars
        };
        queries.push(edited("same", chars.clone()));
        queries.push(edited("substitute", with(&|chars| chars[place] = '鑫')));
        queries.push(edited(
            "drop",
            with(&|chars| {
                chars.remove(place);
            }),
        ));
        queries.push(edited("insert", with(&|chars| chars.insert(place, '鑫'))));
        queries.push(edited("swap", with(&|chars| chars.swap(place, place + 1))));
        let stranger = format!("无锡{}商行", corpus::name(at as u64 * 10 + 9));
        queries.push(Query { text: stranger, means: None, class: "other".to_owned() });
    }
    (names, queries)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
