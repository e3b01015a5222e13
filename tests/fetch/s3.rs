//! From object storage.

use crate::keeper::{Came, Keeper, files};
use crate::servers::S3;
use xincha::source::fetch::{FetchError, OriginConfig};

fn origin(s3: &S3, more: &str) -> String {
    with_keys(s3, S3::ACCESS_KEY, S3::SECRET_KEY, more)
}

fn with_keys(s3: &S3, access_key: &str, secret_key: &str, more: &str) -> String {
    format!(
        "kind = 's3'\nendpoint = '{}'\nbucket = '{}'\nprefix = 'lists/sxbzxr'\nallow_http = true\n\
         access_key = '{access_key}'\nsecret_key = '{secret_key}'\n{more}",
        s3.endpoint(),
        S3::BUCKET
    )
}

#[test]
fn claimed_objects_are_brought_once() {
    let (s3, mut keeper) = (S3::start(), Keeper::new());
    let origin = origin(&s3, "");
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"one");
    s3.put("lists/sxbzxr/sxbzxr-名单 2.csv", b"two");
    s3.put("lists/sxbzxr/README.txt", b"no feed");
    s3.put("lists/sxbzxr/old/sxbzxr-0.csv", b"of another folder");
    s3.put("lists/other/sxbzxr-3.csv", b"of another folder");
    let both = files(&[("sxbzxr-1.csv", "one"), ("sxbzxr-名单 2.csv", "two")]);
    assert_eq!(keeper.fetch(&origin).unwrap(), both);
    // By the marks alone: not one byte is allowed.
    keeper.limits.bytes_max = 0;
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"uno");
    assert!(matches!(keeper.fetch(&origin), Err(FetchError::TooLarge { .. })));
    keeper.limits.bytes_max = 6;
    let both = files(&[("sxbzxr-1.csv", "uno"), ("sxbzxr-名单 2.csv", "two")]);
    assert_eq!(keeper.fetch(&origin).unwrap(), both);
    s3.delete("lists/sxbzxr/sxbzxr-1.csv");
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-名单 2.csv", "two")]));
}

#[test]
fn objects_count_by_ok_and_by_manifest() {
    let (s3, mut keeper) = (S3::start(), Keeper::new());
    let by_ok = origin(&s3, "complete = 'ok'");
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"one");
    s3.put("lists/sxbzxr/sxbzxr-2.csv", b"two");
    s3.put("lists/sxbzxr/sxbzxr-2.csv.ok", b"");
    assert_eq!(keeper.fetch(&by_ok).unwrap(), files(&[("sxbzxr-2.csv", "two")]));
    let (mut keeper, by_manifest) = (Keeper::new(), origin(&s3, "complete = 'manifest'"));
    assert_eq!(
        keeper.fetch(&by_manifest).unwrap(),
        Came::Incomplete(vec!["manifest.json".to_owned()])
    );
    s3.put(
        "lists/sxbzxr/manifest.json",
        br#"{"files":[{"name":"sxbzxr-1.csv","bytes":3,"sha256":"7692C3AD3540BB803C020B3AEE66CD8887123234EA0C6E7143C0ADD73FF431ED"}]}"#,
    );
    assert_eq!(keeper.fetch(&by_manifest).unwrap(), files(&[("sxbzxr-1.csv", "one")]));
    assert_eq!(keeper.fetch(&by_manifest).unwrap(), Came::Unchanged);
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"eno");
    let error = keeper.fetch(&by_manifest).unwrap_err();
    assert!(matches!(error, FetchError::Mismatch { what: "sha256", .. }), "{error}");
}

#[test]
fn an_empty_prefix_is_an_error() {
    let s3 = S3::start();
    let error = Keeper::new().fetch(&origin(&s3, "")).unwrap_err();
    assert!(matches!(error, FetchError::Nothing { .. }), "{error}");
}

#[test]
fn a_killed_store_is_tried_again_and_recovers() {
    let (mut s3, mut keeper) = (S3::start(), Keeper::new());
    let origin = origin(&s3, "");
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"one");
    s3.kill();
    let error = keeper.fetch(&origin).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }) && error.is_retryable(), "{error}");
    s3.restart();
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "one")]));
    s3.kill();
    keeper.limits.attempts = 100;
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"two");
    let came = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(300));
            s3.restart();
        });
        keeper.fetch(&origin).unwrap()
    });
    assert_eq!(came, files(&[("sxbzxr-1.csv", "two")]));
}

#[test]
fn no_error_shows_a_key() {
    let s3 = S3::start();
    s3.put("lists/sxbzxr/sxbzxr-1.csv", b"one");
    let rows = [
        with_keys(&s3, S3::ACCESS_KEY, "wr0ng", ""),
        with_keys(&s3, "AKIAN0NE", S3::SECRET_KEY, ""),
        origin(&s3, "").replace("credit", "no-such-bucket"),
        origin(&s3, "").replace("http://", "http://user:pa55@"),
        origin(&s3, "").replace("allow_http = true", "allow_http = false"),
    ];
    for text in rows {
        let error = Keeper::new().fetch(&text).unwrap_err();
        let config: OriginConfig = toml::from_str(&text).unwrap();
        assert!(!error.is_retryable(), "{error}");
        let shown = format!("{error} {error:?} {config:?}");
        for secret in [S3::ACCESS_KEY, S3::SECRET_KEY, "wr0ng", "AKIAN0NE", "pa55"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
