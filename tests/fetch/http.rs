//! From URLs.

use crate::keeper::{Came, Keeper, files};
use crate::servers::{Answer, Asked, Certificate, Web};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use xincha::source::fetch::FetchError;

fn origin(urls: &[String]) -> String {
    let files: Vec<String> = urls.iter().map(|url| format!("{{ url = '{url}' }}")).collect();
    format!("kind = 'http'\nfiles = [{}]\n", files.join(", "))
}

/// One file, from a server that answers so.
fn one(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Web, String) {
    let web = Web::start(answer);
    let origin = origin(&[web.url("/lists/sxbzxr-1.csv")]);
    (web, origin)
}

/// Answers as of a version, and 304 to who has it.
fn versioned(asked: &Asked, version: usize) -> Answer {
    let etag = format!("\"v{version}\"");
    match asked.headers.get("if-none-match") == Some(&etag) {
        true => Answer::status(304),
        false => Answer::ok(&format!("{} of {version}\n", asked.path)).with("ETag", etag),
    }
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let (first, second) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(1)));
    let versions = [Arc::clone(&first), Arc::clone(&second)];
    let web = Web::start(move |asked| {
        let of = usize::from(asked.path.contains('2'));
        versioned(asked, versions[of].load(Ordering::SeqCst))
    });
    let urls = [web.url("/sxbzxr-1.csv"), web.url("/sxbzxr-2.csv?day=2")];
    let (origin, mut keeper) = (origin(&urls), Keeper::new());
    let expected = |one: usize, two: usize| {
        files(&[
            ("sxbzxr-1.csv", &format!("/sxbzxr-1.csv of {one}\n")),
            ("sxbzxr-2.csv", &format!("/sxbzxr-2.csv?day=2 of {two}\n")),
        ])
    };
    assert_eq!(keeper.fetch(&origin).unwrap(), expected(1, 1));
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    second.store(2, Ordering::SeqCst);
    assert_eq!(keeper.fetch(&origin).unwrap(), expected(1, 2));
    assert_eq!(web.asked().len(), 6, "the first file was not asked for twice");
    // Without the last delivery, or with a damaged one, it is.
    second.store(3, Ordering::SeqCst);
    std::fs::write(keeper.previous.as_ref().unwrap().join("sxbzxr-1.csv"), "damaged").unwrap();
    assert_eq!(keeper.fetch(&origin).unwrap(), expected(1, 3));
    assert_eq!(web.asked().len(), 9);
    keeper.previous = None;
    second.store(4, Ordering::SeqCst);
    assert_eq!(keeper.fetch(&origin).unwrap(), expected(1, 4));
    assert_eq!(web.asked().len(), 12);
}

#[test]
fn the_day_and_second_of_a_file_serve_as_well() {
    let (web, origin) = one(|asked| match asked.headers.contains_key("if-modified-since") {
        true => Answer::status(304),
        false => Answer::ok("a\n")
            .with("Date", "Thu, 02 Jan 2025 10:00:00 GMT")
            .with("Last-Modified", "Thu, 02 Jan 2025 09:00:00 GMT"),
    });
    let mut keeper = Keeper::new();
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "a\n")]));
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    assert_eq!(web.asked()[1].headers["if-modified-since"], "Thu, 02 Jan 2025 09:00:00 GMT");
}

#[test]
fn unmarked_answers_are_compared() {
    let (_web, origin) = one(|asked| Answer::ok(if asked.before < 2 { "a" } else { "b" }));
    let mut keeper = Keeper::new();
    assert!(matches!(keeper.fetch(&origin).unwrap(), Came::Files(_)));
    assert_eq!(keeper.fetch(&origin).unwrap(), Came::Unchanged);
    assert_eq!(keeper.fetch(&origin).unwrap(), files(&[("sxbzxr-1.csv", "b")]));
}

#[test]
fn what_may_pass_is_tried_again() {
    let cut = |chunked| Answer { cut: Some(3), chunked, ..Answer::ok("whole") };
    let rows = [
        ("503", Answer::status(503)),
        ("429", Answer::status(429)),
        ("408", Answer::status(408)),
        ("short", cut(false)),
        ("short chunks", cut(true)),
    ];
    for (what, failing) in rows {
        let first = failing.clone();
        let (web, origin) = one(move |asked| match asked.before {
            0 => first.clone(),
            _ => Answer::ok("whole"),
        });
        let came = Keeper::new().fetch(&origin).unwrap();
        assert_eq!(came, files(&[("sxbzxr-1.csv", "whole")]), "{what}");
        assert_eq!(web.asked().len(), 2, "{what}");
        let (web, origin) = one(move |_| failing.clone());
        let error = Keeper::new().fetch(&origin).unwrap_err();
        assert!(error.is_retryable(), "{what}: {error}");
        assert_eq!(web.asked().len(), 3, "{what}");
    }
}

#[test]
fn what_will_not_pass_is_not() {
    for status in [400, 401, 403, 404, 410, 206, 304] {
        let (web, origin) = one(move |_| Answer::status(status));
        let error = Keeper::new().fetch(&origin).unwrap_err();
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert!(!error.is_retryable() && web.asked().len() == 1, "{error}");
    }
}

#[test]
fn a_server_says_how_long_to_wait() {
    let (_web, origin) = one(|asked| match asked.before {
        0 => Answer::status(503).with("Retry-After", "1"),
        _ => Answer::ok("a"),
    });
    let started = Instant::now();
    assert!(matches!(Keeper::new().fetch(&origin), Ok(Came::Files(_))));
    assert!(started.elapsed() >= Duration::from_secs(1));
    // Longer than there is time: no use in waiting.
    for when in ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"] {
        let (web, origin) = one(move |_| Answer::status(503).with("Retry-After", when));
        let error = Keeper::new().fetch(&origin).unwrap_err();
        assert!(matches!(error, FetchError::Status { status: 503, .. }), "{error}");
        assert_eq!(web.asked().len(), 1);
    }
}

#[test]
fn size_silence_and_time_are_limited() {
    let slow = || Answer { pause: Duration::from_secs(4), ..Answer::ok("0123456789") };
    let check = |answer: Answer, change: &dyn Fn(&mut Keeper), expected: &str| {
        let (_web, origin) = one(move |_| answer.clone());
        let mut keeper = Keeper::new();
        keeper.limits.attempts = 1;
        change(&mut keeper);
        // A server that is waited for to its end answers.
        let error = keeper.fetch(&origin).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
    };
    check(Answer::ok("0123456789"), &|keeper| keeper.limits.bytes_max = 9, "TooLarge");
    let chunked = Answer { chunked: true, ..Answer::ok("0123456789") };
    check(chunked, &|keeper| keeper.limits.bytes_max = 9, "TooLarge");
    check(slow(), &|keeper| keeper.limits.stall_seconds = 1, "Stalled");
    check(slow(), &|keeper| keeper.limits.timeout_seconds = 1, "TimedOut");
}

#[test]
fn a_fetch_is_cancelled_in_the_middle() {
    let pause = Duration::from_secs(4);
    let (_web, origin) = one(move |_| Answer { pause, ..Answer::ok("01234") });
    let (started, mut keeper) = (Instant::now(), Keeper::new());
    let cancelled = || started.elapsed() > Duration::from_millis(300);
    let error = keeper.fetch_until(&origin, &cancelled).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled), "{error}");
    assert!(started.elapsed() < pause);
}

#[test]
fn headers_go_to_the_configured_host_alone() {
    let elsewhere = Web::start(|_| Answer::ok("stolen"));
    let to = elsewhere.url("/sxbzxr-1.csv?token=t0ken");
    let web = Web::start(move |asked| match &*asked.path {
        "/near/sxbzxr-1.csv" => Answer::status(302).with("Location", "/there.csv"),
        "/far/sxbzxr-1.csv" => Answer::status(302).with("Location", &*to),
        "/loop/sxbzxr-1.csv" => Answer::status(302).with("Location", "/loop/sxbzxr-1.csv"),
        _ => Answer::ok(&asked.headers["x-key"]),
    });
    let origin = |path: &str| {
        // A variable that is always there.
        format!("{}headers = {{ X-Key = 'env:PATH' }}", origin(&[web.url(path)]))
    };
    let came = Keeper::new().fetch(&origin("/near/sxbzxr-1.csv")).unwrap();
    assert_eq!(came, files(&[("sxbzxr-1.csv", &std::env::var("PATH").unwrap())]));
    for path in ["/far/sxbzxr-1.csv", "/loop/sxbzxr-1.csv"] {
        let error = Keeper::new().fetch(&origin(path)).unwrap_err();
        assert!(matches!(error, FetchError::Redirected { .. }), "{error}");
        assert!(!error.to_string().contains("t0ken"), "{error}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn no_error_shows_a_credential() {
    let web = Web::start(|asked| match &*asked.path {
        "/cut/sxbzxr-1.csv?token=t0ken" => Answer { cut: Some(1), ..Answer::ok("abc") },
        "/busy/sxbzxr-1.csv?token=t0ken" => Answer::status(503),
        _ => Answer::status(403),
    });
    let at = |host: String, path: &str| format!("http://user:pa55@{host}{path}?token=t0ken");
    let here = web.address().to_string();
    let urls = [
        at(here.clone(), "/cut/sxbzxr-1.csv"),
        at(here.clone(), "/busy/sxbzxr-1.csv"),
        at(here.clone(), "/denied/sxbzxr-1.csv"),
        at(here, "/sxbzxr-1.pdf"),
        at("127.0.0.1:1".to_owned(), "/sxbzxr-1.csv"),
        at("no.such.host.invalid".to_owned(), "/sxbzxr-1.csv"),
        "ftp://user:pa55@host/sxbzxr-1.csv?token=t0ken".to_owned(),
    ];
    for url in urls {
        let text = format!("{}headers = {{ Authorization = 'Bearer b3arer' }}", origin(&[url]));
        let error = Keeper::new().fetch(&text).unwrap_err();
        let config: xincha::source::fetch::OriginConfig = toml::from_str(&text).unwrap();
        let shown = format!("{error} {error:?} {config:?}");
        for secret in ["user", "pa55", "t0ken", "b3arer"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let sent = &web.asked()[0].headers["authorization"];
    assert!(sent == "Bearer b3arer" || sent.starts_with("Basic "), "{sent}");
}

#[test]
fn names_are_checked_before_anything_is_asked_for() {
    let web = Web::start(|_| Answer::ok("a"));
    let twice = origin(&[web.url("/sxbzxr-1.csv"), web.url("/b/sxbzxr-1.csv")]);
    assert!(matches!(Keeper::new().fetch(&twice), Err(FetchError::Config { .. })));
    let unclaimed = origin(&[web.url("/other.csv")]);
    assert!(matches!(Keeper::new().fetch(&unclaimed), Err(FetchError::Unclaimed { .. })));
    let named = format!(
        "kind = 'http'\nfiles = [{{ url = '{}', name = 'sxbzxr-9.csv' }}]",
        web.url("/export?list=9")
    );
    assert_eq!(Keeper::new().fetch(&named).unwrap(), files(&[("sxbzxr-9.csv", "a")]));
    let absent =
        format!("{}headers = {{ X = 'env:XINCHA_NO_SUCH' }}", origin(&[web.url("/sxbzxr-1.csv")]));
    let error = Keeper::new().fetch(&absent).unwrap_err();
    assert!(error.to_string().contains("XINCHA_NO_SUCH"), "{error}");
    assert_eq!(web.asked().len(), 1);
}

#[test]
fn only_the_configured_authority_is_trusted() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let web = Web::start_tls(&certificate, |_| Answer::ok("a"));
    let mut keeper = Keeper::new();
    let with_ca = |certificate: &Certificate, keeper: &Keeper| {
        let file = certificate.write(keeper.folder.path());
        format!("{}ca_file = '{}'", origin(&[web.url("/sxbzxr-1.csv")]), file.display())
    };
    let trusted = with_ca(&certificate, &keeper);
    assert_eq!(keeper.fetch(&trusted).unwrap(), files(&[("sxbzxr-1.csv", "a")]));
    let untrusted = with_ca(&other, &keeper);
    let error = Keeper::new().fetch(&untrusted).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    let error = Keeper::new().fetch(&origin(&[web.url("/sxbzxr-1.csv")])).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
}
