//! Recalls that are sent to their clients: a receiver that fails, a restart between, a wrong host.

use super::*;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use std::collections::VecDeque;
use std::net::TcpListener;
use std::sync::mpsc;
use xincha::audit::find::Sought;
use xincha::audit::reader::Reader;
use xincha::audit::recall::{Notice, Notices};
use xincha::audit::{Act, AuditConfig, Cited, Keeping, Log, Record};
use xincha::clients::{Clients, Key, Roll};
use xincha::herald::{Crying, Herald, HeraldConfig};
use xincha::snapshot::SigningKey;

const LIST: &str = "sxbzxr";

/// A log of which answers were given to clients.
struct House {
    log: Log,
    _keeping: Keeping,
    folder: tempfile::TempDir,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let config = AuditConfig { segment_mib: 1, ..AuditConfig::at(folder.path()) };
    let (log, keeping) = Log::open(config, 1).unwrap();
    House { log, _keeping: keeping, folder }
}

impl House {
    fn key(&self) -> SigningKey {
        SigningKey::load(&self.folder.path().join("signing.pem")).unwrap()
    }

    /// Some clients relied on an entry, which is recalled.
    fn recall(&self, entry: &str, clients: &[&str]) -> Notice {
        let cited = [Cited { list: LIST, entry }];
        for client in clients {
            let record = self.log.now(Act::Check);
            let record = Record { client, cited: cited.as_slice().into(), ..record };
            self.log.append(1, &record).unwrap();
        }
        Notices::of(self.folder.path()).note(LIST, entry, "法院撤销", 0).unwrap()
    }

    fn start(&self, clients: &Clients) -> (Herald, Crying) {
        let config = HeraldConfig {
            timeout_ms: 60_000,
            retry_ms: 5,
            retry_ms_max: 10,
            ..HeraldConfig::default()
        };
        Herald::start(config, clients.clone(), self.log.clone(), self.key()).unwrap()
    }
}

/// What a receiver was sent: its head and its body.
type Sent = (String, Vec<u8>);

/// One on loopback that answers one delivery after the other, as it is told, and then takes all.
struct Receiver {
    url: String,
    sent: mpsc::Receiver<Sent>,
}

impl Receiver {
    /// Answers are heads; an empty one is none.
    fn start(answers: &[&str]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/recalls", listener.local_addr().unwrap());
        let (tell, sent) = mpsc::channel();
        let mut answers: VecDeque<String> = answers.iter().map(ToString::to_string).collect();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut client = Client { stream: stream.unwrap(), rest: Vec::new() };
                let Some(sent) = client.read_request() else { continue };
                let taken = "HTTP/1.1 204 No Content".to_owned();
                let answer = answers.pop_front().unwrap_or(taken);
                if !answer.is_empty() {
                    client.send(format!("{answer}\r\ncontent-length: 0\r\n\r\n").as_bytes());
                }
                if tell.send(sent).is_err() {
                    return;
                }
            }
        });
        Receiver { url, sent }
    }

    fn next(&self) -> Sent {
        self.sent.recv().unwrap()
    }
}

impl Client {
    fn read_request(&mut self) -> Option<Sent> {
        let mut chunk = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&self.rest).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length?.parse().ok()? {
                    let at = memchr::memmem::find(&self.rest, b"\r\n\r\n")?;
                    let head = String::from_utf8(self.rest[..at].to_vec()).ok()?;
                    return Some((head, self.rest[at + 4..].to_vec()));
                }
            }
            match self.stream.read(&mut chunk) {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.rest.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("{head}"))
}

fn clients(text: &str) -> Clients {
    Clients::of(Roll::parse(text, None).unwrap())
}

fn numbers(sent: &Sent) -> Vec<u64> {
    let body: Value = serde_json::from_slice(&sent.1).unwrap();
    let recalls = body["recalls"].as_array().unwrap();
    recalls.iter().map(|notice| notice["number"].as_u64().unwrap()).collect()
}

#[test]
fn a_receiver_that_fails_is_sent_the_same_until_it_takes_it() {
    let house = house();
    house.recall("e-1", &["a", "b"]);
    house.recall("e-2", &["b"]);
    house.recall("e-3", &["a"]);
    let receiver = Receiver::start(&["HTTP/1.1 500 Internal Server Error", ""]);
    let key = Key::generate().unwrap();
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nrecall_url = \"{}\"\n[client.b]\n",
        key.digest, receiver.url
    );
    let clients = clients(&text);
    let (herald, crying) = house.start(&clients);
    let sent = [receiver.next(), receiver.next(), receiver.next()];
    let (head, body) = &sent[2];
    assert!(sent.iter().all(|(_, other)| other == body));
    assert!(head.starts_with("POST /recalls HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(head, "content-type"), "application/json");
    // It is the feed, of what concerns the client.
    let desk = Desk {
        audit: Some(house.log.clone()),
        clients: clients.clone(),
        ..Desk::from(Live::default())
    };
    let server = start_desk(config(), desk, None);
    let bearer = format!("authorization: Bearer {}\r\n", key.reveal());
    let feed = server.connect().request("GET", "/v1/recalls", &bearer, b"");
    assert_eq!(feed.json(), serde_json::from_slice::<Value>(body).unwrap());
    assert_eq!(numbers(&sent[2]), [1, 3]);
    conforms(&feed.json()["recalls"][0], "Recall");
    assert!(!String::from_utf8_lossy(body).contains("\"client\":\"b\""));
    // And signed by the key of the log's seals.
    let [time, client, signature] =
        ["xincha-time", "xincha-client", "xincha-signature"].map(|name| header(head, name));
    assert_eq!(header(head, "xincha-key"), house.key().id().to_string());
    let public = BASE64_STANDARD.decode(house.key().public()).unwrap();
    let public = VerifyingKey::from_bytes(&public.try_into().unwrap()).unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    let signature = Signature::from_slice(&signature).unwrap();
    let message =
        |client: &str| [format!("xincha-recalls\n{time}\n{client}\n").as_bytes(), body].concat();
    public.verify_strict(&message(client), &signature).unwrap();
    assert!(public.verify_strict(&message("b"), &signature).is_err());
    while herald.standings()["a"].taken == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((herald.standings()["a"].failures, herald.standings().len()), (0, 1));
    drop(crying);
    let mut told = Vec::new();
    let sought = Sought { acts: vec![Act::Recall], ..Sought::default() };
    let note = |kept: xincha::audit::reader::Kept| {
        let record = &kept.record;
        told.push([record.client, record.outcome, record.note].map(str::to_owned));
    };
    sought.each(&Reader::new(house.folder.path()), note).unwrap();
    assert_eq!(told, [["a", "told", "1-3"].map(str::to_owned)]);
}

#[test]
fn after_a_restart_it_goes_on_where_the_client_is() {
    let house = house();
    let receiver = Receiver::start(&[]);
    let clients = clients(&format!("[client.a]\nrecall_url = \"{}\"\n", receiver.url));
    house.recall("e-1", &["a"]);
    let (herald, crying) = house.start(&clients);
    assert_eq!(numbers(&receiver.next()), [1]);
    while herald.standings()["a"].taken == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    // A recall that comes while it runs is found.
    house.recall("e-2", &["a"]);
    assert_eq!(numbers(&receiver.next()), [2]);
    while herald.standings()["a"].taken == 1 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(crying);
    house.recall("e-3", &["a"]);
    house.recall("e-4", &["a"]);
    let (_herald, _crying) = house.start(&clients);
    assert_eq!(numbers(&receiver.next()), [3, 4]);
}

#[test]
fn a_wrong_host_is_told_nothing_and_holds_up_nobody() {
    let house = house();
    house.recall("e-1", &["right", "led", "lost"]);
    let (right, other) = (Receiver::start(&[]), Receiver::start(&[]));
    let elsewhere = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {}", other.url);
    let led = Receiver::start(&[&*elsewhere; 3]);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let lost = format!("http://{}/", nobody.local_addr().unwrap());
    drop(nobody);
    let text: String = [("right", &right.url), ("led", &led.url), ("lost", &lost)]
        .iter()
        .map(|(name, url)| format!("[client.{name}]\nrecall_url = \"{url}\"\n"))
        .collect();
    let (herald, _crying) = house.start(&clients(&text));
    assert_eq!(numbers(&right.next()), [1]);
    for _ in 0..4 {
        assert_eq!(numbers(&led.next()), [1], "it is sent there, again and again");
    }
    while herald.standings()["lost"].failures < 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(herald.standings()["lost"].waiting_since.is_some());
    assert!(other.sent.try_recv().is_err(), "nobody else is told");
}
