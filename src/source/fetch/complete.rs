//! When the files of a folder or bucket count as a delivery.

use super::manifest::Manifest;
use super::{FetchError, Memory};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Ends the name of the file that says of another that it is all there.
const OK: &str = ".ok";

/// What makes a delivery of files that the mapping claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complete {
    /// Their being there. A file that is written to while it is copied is not taken; one whose writer
    /// pauses is, so this is for departments that move finished files into place.
    #[default]
    Any,
    /// A file counts when `<name>.ok` is beside it. While one that counted before has none, it is
    /// being replaced, and the delivery is awaited: without it a part of the list would vanish.
    Ok,
    /// A `manifest.json` lists the files with their bytes, and a SHA-256 where it likes; a delivery is
    /// all of them that the mapping claims, just so.
    Manifest,
}

/// A file of the delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub name: String,
    /// As the manifest says.
    pub bytes: Option<u64>,
    /// As the manifest says, in small letters.
    pub sha256: Option<String>,
}

/// What to do about the files that are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Choice {
    /// Bring these.
    Take(Vec<Wanted>),
    /// These are not there yet.
    Await(Vec<String>),
}

impl Complete {
    /// Choose among the `names` that are there. `manifest` is there only where it is asked for.
    pub(super) fn choose(
        self,
        names: &BTreeSet<&str>,
        manifest: Option<Manifest>,
        matches: &dyn Fn(&str) -> bool,
        memory: &Memory,
    ) -> Choice {
        let claimed: Vec<&str> = names.iter().copied().filter(|name| matches(name)).collect();
        match (self, manifest) {
            (Complete::Any, _) => Choice::Take(claimed.into_iter().map(plain).collect()),
            (Complete::Ok, _) => choose_by_ok(names, &claimed, memory),
            (Complete::Manifest, Some(manifest)) => choose_by_manifest(names, manifest, matches),
            (Complete::Manifest, None) => Choice::Await(vec![super::manifest::NAME.to_owned()]),
        }
    }
}

fn plain(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), bytes: None, sha256: None }
}

fn choose_by_ok(names: &BTreeSet<&str>, claimed: &[&str], memory: &Memory) -> Choice {
    let is_ok = |name: &&str| names.contains(&*format!("{name}{OK}"));
    let (counts, others): (Vec<&str>, Vec<&str>) = claimed.iter().partition(|name| is_ok(name));
    let awaits = |name: &&str| counts.is_empty() || memory.files.contains_key(*name);
    let awaited: Vec<String> =
        others.into_iter().filter(awaits).map(|name| format!("{name}{OK}")).collect();
    if awaited.is_empty() {
        Choice::Take(counts.into_iter().map(plain).collect())
    } else {
        Choice::Await(awaited)
    }
}

fn choose_by_manifest(
    names: &BTreeSet<&str>,
    manifest: Manifest,
    matches: &dyn Fn(&str) -> bool,
) -> Choice {
    let listed = manifest.files.into_iter().filter(|file| matches(&file.name));
    let mut wanted: Vec<Wanted> = listed
        .map(|file| Wanted {
            name: file.name,
            bytes: Some(file.bytes),
            sha256: file.sha256.map(|digits| digits.to_ascii_lowercase()),
        })
        .collect();
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let is_there = |file: &&Wanted| names.contains(&*file.name);
    let awaited: Vec<String> =
        wanted.iter().filter(|file| !is_there(file)).map(|file| file.name.clone()).collect();
    if awaited.is_empty() { Choice::Take(wanted) } else { Choice::Await(awaited) }
}

impl Wanted {
    /// Errors when the file has another length than the manifest says.
    pub(super) fn check_bytes(&self, got: u64) -> Result<(), FetchError> {
        match self.bytes {
            Some(expected) if expected != got => {
                Err(self.mismatch("bytes", expected.to_string(), got.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Errors when the file has another hash than the manifest says.
    pub(super) fn check_sha256(&self, got: String) -> Result<(), FetchError> {
        match &self.sha256 {
            Some(expected) if *expected != got => {
                Err(self.mismatch("sha256", expected.clone(), got))
            }
            _ => Ok(()),
        }
    }

    fn mismatch(&self, what: &'static str, expected: String, got: String) -> FetchError {
        FetchError::Mismatch { file: self.name.clone(), what, expected, got }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fetch::memory::Remembered;

    fn choose(complete: Complete, names: &[&str], manifest: Option<&str>, had: &[&str]) -> String {
        let manifest = manifest.map(|text| Manifest::parse("m", text.as_bytes()).unwrap());
        let mut memory = Memory::default();
        for name in had {
            memory.files.insert((*name).to_owned(), Remembered { bytes: 0, hash: 0, mark: None });
        }
        let names = names.iter().copied().collect();
        let claims = |name: &str| name.ends_with(".csv");
        match complete.choose(&names, manifest, &claims, &memory) {
            Choice::Take(files) => {
                let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
                format!("take {}", names.join(" "))
            }
            Choice::Await(names) => format!("await {}", names.join(" ")),
        }
    }

    #[test]
    fn any_takes_what_is_claimed() {
        assert_eq!(
            choose(Complete::Any, &["a.csv", "b.csv", "README"], None, &[]),
            "take a.csv b.csv"
        );
        assert_eq!(choose(Complete::Any, &[], None, &["a.csv"]), "take ");
    }

    #[test]
    fn ok_awaits_what_counted_before() {
        let rows: [(&[&str], &[&str], &str); 5] = [
            (&["a.csv", "a.csv.ok"], &[], "take a.csv"),
            (&["a.csv"], &[], "await a.csv.ok"),
            (&["a.csv", "a.csv.ok", "b.csv"], &[], "take a.csv"),
            (&["a.csv", "a.csv.ok", "b.csv"], &["a.csv", "b.csv"], "await b.csv.ok"),
            (&["a.csv", "a.csv.ok"], &["a.csv", "b.csv"], "take a.csv"),
        ];
        for (names, had, expected) in rows {
            assert_eq!(choose(Complete::Ok, names, None, had), expected, "{names:?}");
        }
    }

    #[test]
    fn a_manifest_decides_alone() {
        let manifest = r#"{"files":[{"name":"b.csv","bytes":1},{"name":"a.csv","bytes":1},{"name":"x.pdf","bytes":1}]}"#;
        let rows: [(&[&str], Option<&str>, &str); 4] = [
            (&["a.csv"], None, "await manifest.json"),
            (&["a.csv"], Some(manifest), "await b.csv"),
            (&["a.csv", "b.csv", "c.csv"], Some(manifest), "take a.csv b.csv"),
            (&["c.csv"], Some(r#"{"files":[]}"#), "take "),
        ];
        for (names, manifest, expected) in rows {
            assert_eq!(choose(Complete::Manifest, names, manifest, &[]), expected, "{names:?}");
        }
    }
}
