//! From a folder.

use crate::keeper::{Came, Keeper, files, let_a_tick_pass};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;
use xincha::source::fetch::FetchError;

fn origin(folder: &TempDir, more: &str) -> String {
    format!("kind = 'folder'\npath = '{}'\n{more}", folder.path().display())
}

fn put(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn claimed_files_are_brought_once() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let origin = origin(&folder, "");
    put(&folder, "sxbzxr-1.csv", "a\n1\n");
    put(&folder, "sxbzxr-2.csv", "a\n2\n");
    put(&folder, "README.txt", "no feed");
    fs::create_dir(folder.path().join("sxbzxr-3.csv")).unwrap();
    let both = [("sxbzxr-1.csv", "a\n1\n"), ("sxbzxr-2.csv", "a\n2\n")];
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&both));
    // The files are too young for their marks to count: they are copied, and are the same.
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    put(&folder, "sxbzxr-2.csv", "a\n3\n");
    let both = [("sxbzxr-1.csv", "a\n1\n"), ("sxbzxr-2.csv", "a\n3\n")];
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&both));
    fs::remove_file(folder.path().join("sxbzxr-1.csv")).unwrap();
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-2.csv", "a\n3\n")]));
}

#[test]
fn marks_save_the_copy() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let origin = origin(&folder, "");
    put(&folder, "sxbzxr-1.csv", "a\n1\n");
    let_a_tick_pass();
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "a\n1\n")]));
    // Nothing may be copied now: not one byte is allowed.
    keeper.limits.bytes_max = 0;
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    put(&folder, "sxbzxr-1.csv", "a\n2\n");
    assert!(matches!(keeper.fetch(&origin), Err(FetchError::TooLarge { max: 0, .. })));
}

#[test]
fn a_memory_of_another_folder_is_not_used() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut keeper = Keeper::new();
    put(&one, "sxbzxr-1.csv", "a\n");
    put(&other, "sxbzxr-1.csv", "a\n");
    assert!(matches!(keeper.fetch(&origin(&one, "")), Ok(Came::Files(_))));
    assert!(matches!(keeper.fetch(&origin(&other, "")), Ok(Came::Files(_))));
}

#[test]
fn an_empty_folder_and_none_are_errors() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let error = keeper.fetch(&origin(&folder, "")).unwrap_err();
    assert!(matches!(error, FetchError::Nothing { .. }) && !error.is_retryable());
    let error = keeper.fetch("kind = 'folder'\npath = '/no/such/folder'").unwrap_err();
    assert!(matches!(error, FetchError::Io { .. }), "{error}");
}

#[test]
fn a_file_counts_with_its_ok() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let origin = origin(&folder, "complete = 'ok'");
    put(&folder, "sxbzxr-1.csv", "1");
    let awaited = |name: &str| Came::Incomplete(vec![name.to_owned()]);
    assert_eq!(keeper.fetch(&origin).unwrap(), awaited("sxbzxr-1.csv.ok"));
    put(&folder, "sxbzxr-1.csv.ok", "");
    put(&folder, "sxbzxr-2.csv", "2");
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "1")]));
    put(&folder, "sxbzxr-2.csv.ok", "");
    let both = files(&[("sxbzxr-1.csv", "1"), ("sxbzxr-2.csv", "2")]);
    assert_eq!(keeper.fetch(&origin).unwrap(), both);
    // Being replaced: it does not vanish from the list meanwhile.
    fs::remove_file(folder.path().join("sxbzxr-2.csv.ok")).unwrap();
    assert_eq!(keeper.fetch(&origin).unwrap(), awaited("sxbzxr-2.csv.ok"));
}

#[test]
fn a_manifest_is_kept_to() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let origin = origin(&folder, "complete = 'manifest'");
    let manifest = |bytes: u64, hash: &str| {
        let text = format!(
            r#"{{"files":[{{"name":"sxbzxr-1.csv","bytes":{bytes},"sha256":"{hash}"}},{{"name":"x.pdf","bytes":9}}]}}"#
        );
        put(&folder, "manifest.json", &text);
    };
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Incomplete(vec!["manifest.json".to_owned()]));
    manifest(4, &sha256("a\n1\n"));
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Incomplete(vec!["sxbzxr-1.csv".to_owned()]));
    put(&folder, "sxbzxr-1.csv", "a\n1\n");
    put(&folder, "sxbzxr-2.csv", "not listed");
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "a\n1\n")]));
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    for (bytes, hash, what) in [(5, sha256("a\n1\n"), "bytes"), (4, sha256("b"), "sha256")] {
        manifest(bytes, &hash);
        let error = keeper.fetch(&origin).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, FetchError::Mismatch { .. }) && !error.is_retryable());
        assert!(text.contains("sxbzxr-1.csv") && text.contains(what), "{text}");
    }
    put(&folder, "manifest.json", "{\"files\": [");
    assert!(matches!(keeper.fetch(&origin), Err(FetchError::Manifest { .. })));
    put(&folder, "manifest.json", r#"{"files":[{"name":"../sxbzxr-1.csv","bytes":4}]}"#);
    assert!(matches!(keeper.fetch(&origin), Err(FetchError::Nothing { .. })));
}

#[test]
fn a_file_that_is_written_to_is_not_taken() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    let path = folder.path().join("sxbzxr-1.csv");
    fs::write(&path, vec![b'x'; 8 << 20]).unwrap();
    let stop = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                append(&path);
            }
        });
        let error = keeper.fetch(&origin(&folder, ""));
        stop.store(true, Ordering::SeqCst);
        error.unwrap_err()
    });
    assert!(matches!(error, FetchError::Changed { .. }) && error.is_retryable(), "{error}");
    assert!(matches!(keeper.fetch(&origin(&folder, "")), Ok(Came::Files(_))));
    append(&path);
    let settled = origin(&folder, "settled_seconds = 3600");
    assert_eq!(keeper.fetch(&settled).unwrap(), Came::Incomplete(vec!["sxbzxr-1.csv".to_owned()]));
}

#[test]
fn files_of_a_delivery_belong_together() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    put(&folder, "sxbzxr-1.csv", "old");
    put(&folder, "sxbzxr-2.csv", "new");
    // Asked after every piece: the first file is overwritten once it is copied.
    let pieces = AtomicUsize::new(0);
    let meanwhile = || {
        if pieces.fetch_add(1, Ordering::SeqCst) == 1 {
            put(&folder, "sxbzxr-1.csv", "new");
        }
        false
    };
    let both = files(&[("sxbzxr-1.csv", "new"), ("sxbzxr-2.csv", "new")]);
    assert_eq!(keeper.fetch_until(&origin(&folder, ""), &meanwhile).unwrap(), both);
}

fn append(path: &Path) {
    use std::io::Write;
    fs::File::options().append(true).open(path).unwrap().write_all(b"y").unwrap();
}

#[test]
fn the_size_is_limited_and_a_full_folder_refused() {
    let (folder, mut keeper) = (tempfile::tempdir().unwrap(), Keeper::new());
    put(&folder, "sxbzxr-1.csv", "12345");
    put(&folder, "sxbzxr-2.csv", "12345");
    keeper.limits.bytes_max = 9;
    let error = keeper.fetch(&origin(&folder, "")).unwrap_err();
    assert!(error.to_string().contains("sxbzxr-2.csv"), "{error}");
    keeper.limits.bytes_max = 10;
    assert!(matches!(keeper.fetch(&origin(&folder, "")), Ok(Came::Files(_))));
    let error = keeper.fetch_until(&origin(&folder, ""), &|| true).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
}
