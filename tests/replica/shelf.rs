//! Snapshots to the object storage and back.

use super::*;
use crate::servers::proxy::Proxy;
use crate::servers::s3::S3;
use object_store::memory::InMemory;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xincha::snapshot::{Current, Look, Shelf, ShelfConfig, ShelfError, Snapshot, Store, Writer};

/// More than two parts of an upload.
const LARGE_BYTES: usize = 20 << 20;

fn config(endpoint: String) -> ShelfConfig {
    ShelfConfig {
        endpoint,
        bucket: S3::BUCKET.to_owned(),
        prefix: "snapshots/city".to_owned(),
        region: "us-east-1".to_owned(),
        allow_http: true,
        path_style: true,
        access_key: Some(Secret::new(S3::ACCESS_KEY)),
        secret_key: Some(Secret::new(S3::SECRET_KEY)),
    }
}

fn shelf_of(s3: &S3) -> Shelf {
    Shelf::open(&config(s3.endpoint())).unwrap()
}

/// A snapshot file of one section, with a signature beside it where there is to be one.
fn snapshot(folder: &Path, id: &str, bytes: usize, signature: Option<&str>) -> PathBuf {
    let path = folder.join(format!("{id}.xcs"));
    let mut writer = Writer::new(BufWriter::new(File::create(&path).unwrap())).unwrap();
    let section: Vec<u8> = id.bytes().cycle().take(bytes).collect();
    writer.section("section", &section).unwrap();
    writer.finish().unwrap();
    if let Some(signature) = signature {
        fs::write(folder.join(format!("{id}.sig")), signature).unwrap();
    }
    path
}

fn new(look: Look) -> Current {
    match look {
        Look::New(current) => current,
        other => panic!("{other:?}"),
    }
}

fn names_in(store: &Store) -> Vec<String> {
    let entries = fs::read_dir(store.folder()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn ids(shelf: &Shelf) -> Vec<String> {
    shelf.list().unwrap().into_iter().map(|listed| listed.id).collect()
}

/// What is put is current for everyone, and the same bytes when fetched.
fn check(shelf: &Shelf, other: &Shelf) {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(to.path()).unwrap();
    assert_eq!(other.current(None).unwrap(), Look::Empty);
    assert_eq!(ids(other), [""; 0]);

    let small = snapshot(from.path(), "20261122-1", 1_000, Some("signed"));
    let put = shelf.put(&small, "20261122-1", 7, 3).unwrap();
    let seen = new(other.current(None).unwrap());
    assert_eq!(seen, put);
    assert_eq!((seen.id.as_str(), seen.change, seen.token), ("20261122-1", 7, 3));
    let opened = Snapshot::open(&small).unwrap();
    assert_eq!(seen.contents, format!("{:016x}", opened.contents()));
    assert_eq!(seen.bytes, opened.length());
    assert_eq!(other.current(Some(&seen)).unwrap(), Look::Unchanged);

    let fetched = other.fetch("20261122-1", &store).unwrap();
    // Whether it is to be served is not said by its being there.
    assert_eq!(store.current().unwrap(), None);
    assert_eq!(fs::read(&fetched).unwrap(), fs::read(&small).unwrap());
    assert_eq!(names_in(&store), ["20261122-1.sig", "20261122-1.xcs"]);
    assert_eq!(fs::read(to.path().join("20261122-1.sig")).unwrap(), b"signed");

    let large = snapshot(from.path(), "20261123-1", LARGE_BYTES, None);
    let put = shelf.put(&large, "20261123-1", 9, 3).unwrap();
    assert_eq!(new(other.current(Some(&seen)).unwrap()), put);
    let fetched = other.fetch("20261123-1", &store).unwrap();
    assert_eq!(Snapshot::open(&fetched).unwrap().contents(), hex(&put.contents));
    assert_eq!(fs::read(&fetched).unwrap(), fs::read(&large).unwrap());
    // Back to what lies there: not fetched again.
    let written = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let first = store.published("20261122-1").unwrap();
    let before = written(&first);
    assert_eq!(other.fetch("20261122-1", &store).unwrap(), first);
    assert_eq!(written(&first), before);

    // Another holder's token is lower, the same or higher.
    let third = snapshot(from.path(), "20261124-1", 1_000, None);
    let refused = other.put(&third, "20261124-1", 10, 2);
    assert!(matches!(refused, Err(ShelfError::Outdated { token: 2, current: 3 })), "{refused:?}");
    assert_eq!(other.current(Some(&put)).unwrap(), Look::Unchanged);
    assert_eq!(ids(other), ["20261122-1", "20261123-1"]);
    assert_eq!(other.put(&third, "20261124-1", 10, 4).unwrap().token, 4);

    let aside = BTreeMap::from([("court".to_owned(), "0123456789abcdef".to_owned())]);
    let put = shelf.put_setting_aside(&third, "20261124-1", 10, 4, aside.clone()).unwrap();
    let seen = new(other.current(None).unwrap());
    assert_eq!((&seen, &seen.set_aside), (&put, &aside));

    // The current one and the newest other stay.
    shelf.prune(1).unwrap();
    assert_eq!(ids(other), ["20261123-1", "20261124-1"]);
    let gone = other.fetch("20261122-2", &store);
    assert!(matches!(gone, Err(ShelfError::Absent { .. })), "{gone:?}");
    assert!(names_in(&store).iter().all(|name| !name.starts_with("building")));
    for id in ["", "../a", "a/b", ".hidden", "名单"] {
        assert!(matches!(shelf.fetch(id, &store), Err(ShelfError::Id { .. })), "{id}");
    }
}

fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap()
}

#[test]
fn what_is_put_is_fetched_from_a_server() {
    let s3 = S3::start();
    check(&shelf_of(&s3), &shelf_of(&s3));
}

#[test]
fn what_is_put_is_fetched_from_any_storage() {
    let storage = Arc::new(InMemory::new());
    let shelf = || Shelf::over(storage.clone(), "a").unwrap();
    check(&shelf(), &shelf());
}

#[test]
fn an_interrupted_upload_leaves_the_old_one_current() {
    let s3 = S3::start();
    let proxy = Proxy::to(s3.endpoint().rsplit_once(':').unwrap().1.parse().unwrap());
    let through = Shelf::open(&config(format!("http://127.0.0.1:{}", proxy.port()))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let before = snapshot(folder.path(), "1", 1_000, None);
    let before = through.put(&before, "1", 1, 1).unwrap();
    let next = snapshot(folder.path(), "2", LARGE_BYTES, None);
    // Nothing at all; in the middle of the first part; after two of them.
    for bytes in [0, 3 << 20, 17 << 20] {
        proxy.cut_after(bytes);
        let cut = through.put(&next, "2", 2, 1);
        assert!(matches!(cut, Err(ShelfError::Storage { .. })), "{cut:?}");
        proxy.mend();
        assert_eq!(through.current(Some(&before)).unwrap(), Look::Unchanged);
        assert_eq!(ids(&through), ["1"]);
    }
    assert_eq!(through.put(&next, "2", 2, 1).unwrap().id, "2");
    assert_eq!(ids(&through), ["1", "2"]);
}

#[test]
fn what_is_damaged_on_the_way_gets_no_name() {
    let s3 = S3::start();
    let shelf = shelf_of(&s3);
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(to.path()).unwrap();
    let file = snapshot(from.path(), "1", 100_000, None);
    shelf.put(&file, "1", 1, 1).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes.truncate(50_000);
    s3.put("snapshots/city/1.xcs", &bytes);
    let cut = shelf.fetch("1", &store);
    assert!(matches!(cut, Err(ShelfError::Snapshot(_))), "{cut:?}");
    assert_eq!(names_in(&store), [""; 0]);
    s3.put("snapshots/city/current.json", b"{}");
    let damaged = shelf.current(None);
    assert!(matches!(damaged, Err(ShelfError::Pointer { .. })), "{damaged:?}");
}

#[test]
fn the_settings_are_checked_and_no_answer_is_shown() {
    let s3 = S3::start();
    let told: ShelfConfig =
        toml::from_str("endpoint = \"https://oss.example\"\nbucket = \"b\"").unwrap();
    assert_eq!(
        (told.region.as_str(), told.path_style, told.allow_http),
        ("us-east-1", true, false)
    );
    assert!(toml::from_str::<ShelfConfig>("endpoint = \"\"\nbucket = \"\"\nkey = 1").is_err());
    for endpoint in ["http://oss.example", "https://user:hush@oss.example"] {
        let config = ShelfConfig { allow_http: false, ..config(endpoint.to_owned()) };
        let refused = Shelf::open(&config).err().expect(endpoint);
        assert!(matches!(refused, ShelfError::Config(_)) && !refused.to_string().contains("hush"));
    }
    let wrong = Some(Secret::new("wrong"));
    let stranger = ShelfConfig { secret_key: wrong, ..config(s3.endpoint()) };
    let refused = Shelf::open(&stranger).unwrap().current(None).unwrap_err().to_string();
    assert!(refused.contains("current.json") && !refused.contains(S3::ACCESS_KEY), "{refused}");
}
