//! Bodies that are no requests, and bytes that are nothing at all.

use super::*;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Every path that takes JSON.
const PATHS: [&str; 10] = [
    "/v1/check",
    "/v1/screen",
    "/v1/evidence",
    "/v1/search",
    "/v1/suggest",
    "/v1/cross",
    "/v1/changes",
    "/v1/recalls",
    "/v1/data/refresh",
    "/match/default",
];

#[test]
fn bodies_that_are_not_text_too_deep_or_too_large_are_refused() {
    let attacked = Attacked::new(|_| ());
    let (open, close) = (["[", "{\"a\":"], ["]", "}"]);
    let deep = |at: usize| [open[at].repeat(100_000), close[at].repeat(100_000)].concat();
    let within = |name: &str| format!("{{\"{name}\":{}}}", deep(0)).into_bytes();
    let bodies = [
        ("not UTF-8", b"{\"matter\":\"\xff\xfe\"}".to_vec()),
        ("half a letter", b"{\"matter\":\"\xe4\xb8\"}".to_vec()),
        ("half a pair", b"{\"matter\":\"\\ud800\"}".to_vec()),
        ("a nul", b"{\"matter\":\"a\0\"}".to_vec()),
        ("nothing but a nul", b"\0".to_vec()),
        ("deep arrays", deep(0).into_bytes()),
        ("deep objects", deep(1).into_bytes()),
        ("deep, and cut", "[".repeat(1_000_000).into_bytes()),
        ("deep within subjects", within("subjects")),
        ("deep within queries", within("queries")),
        ("deep within changes", within("changes")),
        ("deep within a filter", within("name")),
        ("an endless number", [b"{\"limit\":1".as_slice(), &[b'0'; 100_000], b"}"].concat()),
        ("too large", vec![b' '; limits::BODY_BYTES_MAX + 1]),
    ];
    for path in PATHS {
        for (what, body) in &bodies {
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
            let mut client = attacked.0.connect();
            // It may be refused, and closed, before all of it is sent.
            let _ = client.stream.write_all(&[head.as_bytes(), body].concat());
            let status = client.hear(true);
            let refused = match *what {
                "too large" => matches!(status, None | Some(413 | 503)),
                // 503 is of what nobody loads here.
                _ => status.is_some_and(|status| (400..500).contains(&status) || status == 503),
            };
            assert!(refused, "{path}, {what}: {status:?}");
        }
    }
    attacked.is_sound();
}

/// Answers, where there are any, are refusals; and the server lives.
#[test]
fn random_bytes_are_no_requests() {
    let attacked = Attacked::new(|_| ());
    let mut random = StdRng::seed_from_u64(7);
    let mut bytes = vec![0; 4096];
    for _ in 0..300 {
        let length = random.random_range(1..bytes.len());
        random.fill_bytes(&mut bytes[..length]);
        let mut client = attacked.0.connect();
        let _ = client.stream.write_all(&bytes[..length]);
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let status = client.hear(true);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?}");
    }
    attacked.is_sound();
}

#[test]
fn honest_requests_with_some_bytes_changed_are_answered_once_or_refused() {
    let attacked = Attacked::new(|_| ());
    let body = ground::body(BLACK);
    let honest = request(&format!("content-length: {}\r\n", body.len()), &body);
    let mut random = StdRng::seed_from_u64(11);
    for _ in 0..1_000 {
        let mut altered = honest.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..altered.len());
            altered[at] = random.random();
        }
        let mut client = attacked.0.connect();
        let _ = client.stream.write_all(&altered);
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let statuses: Vec<u16> = std::iter::from_fn(|| client.hear(true)).collect();
        let fits = |status: &u16| *status == 200 || (400..500).contains(status);
        assert!(statuses.iter().all(fits), "{statuses:?}: {}", String::from_utf8_lossy(&altered));
        assert!(statuses.iter().filter(|status| **status == 200).count() <= 1, "{statuses:?}");
    }
    attacked.is_sound();
}
