//! A request as it is written: its first line, some of its headers, an empty line, its body. What else HTTP
//! needs is added; a request that does not say who asks is made by a client that may ask everything.

use crate::{Corpus, GROUND, folder};
use std::cell::RefCell;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::sync::watch;
use xincha::audit::{AuditConfig, Log};
use xincha::clients::{Clients, Key, Roll};
use xincha::http::{Desk, HttpConfig, Server};
use xincha::live::Live;

/// Headers that are passed on.
const HEADERS: [&str; 11] = [
    "authorization",
    "x-app-id",
    "x-timestamp",
    "x-signature",
    "x-tif-paasid",
    "x-tif-timestamp",
    "x-tif-nonce",
    "x-tif-signature",
    "content-type",
    "accept",
    "if-none-match",
];
/// Requests after which what the log and the recalls have grown by is removed.
const TIDY_AFTER: u32 = 2_000;

/// A server of this process.
struct Served {
    address: SocketAddr,
    bearer: String,
    audit: PathBuf,
    _shutdown: watch::Sender<bool>,
}

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    let key = Key::generate().expect("a key");
    let scopes = r#"["check", "screen", "search", "batch", "read", "change", "admin", "audit"]"#;
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nscopes = {scopes}\npurpose = false\nsecrets = [\
         {{ id = \"k\", secret = \"sixteen bytes, or more\" }}, \
         {{ id = \"t\", secret = \"sixteen bytes, or more\", style = \"id_time\" }}, \
         {{ id = \"n\", secret = \"sixteen bytes, or more\", style = \"token_nonce\" }}]\n",
        key.digest
    );
    let audit = folder();
    let (log, keeping) =
        Log::open(AuditConfig { segment_mib: 1, ..AuditConfig::at(&audit) }, 1).expect("a log");
    std::mem::forget(keeping);
    let desk = Desk {
        audit: Some(log),
        clients: Clients::of(Roll::parse(&text, None).expect("clients")),
        ..Desk::from(Live::new(Some(GROUND.1.clone())))
    };
    let config = HttpConfig {
        address: "127.0.0.1:0".parse().expect("an address"),
        workers: 1,
        search_threads: 1,
        ..HttpConfig::default()
    };
    let bound = Server::bind(config, desk).expect("a server");
    let (address, (_shutdown, stopped)) = (bound.local_addr(), watch::channel(false));
    std::thread::spawn(move || bound.run(stopped));
    Served {
        address,
        bearer: format!("authorization: Bearer {}\r\n", key.reveal()),
        audit,
        _shutdown,
    }
});

thread_local! {
    static CONNECTION: RefCell<(Option<TcpStream>, u32)> = const { RefCell::new((None, 0)) };
}

/// Every request is answered, never with a fault of ours, and in JSON where that is said.
pub fn run(data: &[u8]) -> Corpus {
    let Some(request) = request(data) else { return Corpus::Reject };
    CONNECTION.with_borrow_mut(|(connection, count)| {
        let mut stream = connection.take().unwrap_or_else(connect);
        stream.write_all(&request).expect("a server that reads");
        if answered(&mut stream) {
            *connection = Some(stream);
        }
        *count += 1;
        if count.is_multiple_of(TIDY_AFTER) {
            tidy(&SERVED.audit);
        }
    });
    Corpus::Keep
}

fn connect() -> TcpStream {
    let stream = TcpStream::connect(SERVED.address).expect("a server that listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
    stream.set_nodelay(true).expect("a socket");
    stream
}

/// What is sent.
fn request(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (std::str::from_utf8(&data[..end]).ok()?, &data[end + 2..]);
    let is_plain = |text: &str| text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let mut lines = head.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let is_target = target.starts_with('/') && is_plain(target) && !target.contains([' ', '#']);
    if !["GET", "POST", "DELETE"].contains(&method) || !is_target || target.len() > 1_000 {
        return None;
    }
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
    let mut says_who = false;
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        if !HEADERS.contains(&name) || !is_plain(value) {
            return None;
        }
        says_who |= name == "authorization" || name.starts_with("x-");
        request.push_str(&format!("{line}\r\n"));
    }
    request.push_str(if says_who { "\r\n" } else { &SERVED.bearer });
    request.push_str(if says_who { "" } else { "\r\n" });
    Some([request.as_bytes(), body].concat())
}

/// Read the answer; whether another request may follow.
fn answered(stream: &mut TcpStream) -> bool {
    let (mut bytes, mut piece) = (Vec::new(), [0; 16 * 1024]);
    let mut more = |bytes: &mut Vec<u8>| {
        let read = loop {
            match stream.read(&mut piece) {
                // By the clock of libFuzzer.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.expect("an answer in time"),
            }
        };
        assert!(read > 0, "closed within an answer");
        bytes.extend_from_slice(&piece[..read]);
    };
    let (end, status, kind, length, closes) = loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut headers);
        if let httparse::Status::Complete(end) = head.parse(&bytes).expect("an answer") {
            let of = |name: &str| {
                let header =
                    head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
                header
                    .map_or("", |header| std::str::from_utf8(header.value).expect("a text"))
                    .to_owned()
            };
            let length = of("content-length").parse().unwrap_or(0);
            break (
                end,
                head.code.expect("a status"),
                of("content-type"),
                length,
                of("connection") == "close",
            );
        }
        more(&mut bytes);
    };
    while bytes.len() < end + length {
        more(&mut bytes);
    }
    assert_ne!(status, 500, "{}", String::from_utf8_lossy(&bytes));
    if kind.ends_with("json") {
        serde_json::from_slice::<serde_json::Value>(&bytes[end..]).expect("JSON");
    }
    !closes
}

/// Remove what no answer needs: the log's older files, the recalls.
fn tidy(audit: &Path) {
    let _ = fs::remove_file(audit.join("recalls.jsonl"));
    for lane in ["00", "01"] {
        let lane = fs::read_dir(audit.join("lanes").join(lane)).expect("a lane");
        let mut files: Vec<PathBuf> = lane.flatten().map(|file| file.path()).collect();
        files.retain(|path| path.extension().is_some_and(|ending| ending == "xca"));
        files.sort_unstable();
        files.iter().rev().skip(2).for_each(|path| drop(fs::remove_file(path)));
    }
}
