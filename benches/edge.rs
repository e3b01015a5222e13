//! **Question.** What does everything around a check cost: knowing who asks, whether that may, the record in the
//! audit log with its receipt, the metrics?
//!
//! **Corpus.** As in the bench `check`: the same snapshot, strangers of whom none is listed.
//!
//! **How to read it.** The processor time of all threads, the log's sealing and writing included, that one check
//! takes with its edge more than without; medians of passes that take turns. The socket, HTTP and TLS are not in
//! it, nor is the signing of requests, which is the client's. A client with a key sends one head; those of signed
//! requests differ, and waiting for them in memory, which a service has just read them into, is in their figures.
//! Each way's answers are checked: a receipt stands in every one, and proves what was asked; a signed request
//! counts once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use http::{Request, StatusCode};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use sha2::Sha256;
use sm3::Sm3;
use std::net::Ipv4Addr;
use tempfile::TempDir;
use xincha::audit::reader::Reader;
use xincha::audit::{Algorithm, AuditConfig, Keeping, Log, Receipt};
use xincha::clients::{Clients, Hash, Key, Roll};
use xincha::http::gate::{Gate, Peer};
use xincha::http::metrics::{Route, Shard};
use xincha::http::{CheckIds, Refusals, Witness, Worker, answer, answer_to};
use xincha::live::{Generation, View};
use xincha::snapshot::Snapshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "support/corpus.rs"]
mod corpus;

const SECRET: &str = "a secret of the bench";
/// How a client is known.
const WAYS: [(&str, Way, Algorithm, f64); 4] = [
    ("API key", Way::Key, Algorithm::Sha256, 1_500.0),
    ("HMAC-SHA256", Way::Signed(Hash::Sha256), Algorithm::Sha256, 3_000.0),
    ("API key, SM3 chain", Way::Key, Algorithm::Sm3, f64::NAN),
    ("HMAC-SM3, SM3 chain", Way::Signed(Hash::Sm3), Algorithm::Sm3, f64::NAN),
];

#[derive(Clone, Copy)]
enum Way {
    Key,
    Signed(Hash),
}

impl Way {
    /// Different heads of so many requests. With a key they are all the same.
    fn heads(self, requests: u64) -> usize {
        match self {
            Way::Key => 1,
            Way::Signed(_) => requests as usize,
        }
    }
}

/// What stands around a check.
struct Edge {
    gate: Gate,
    shard: Shard,
    log: Log,
    worker: Worker,
    ids: CheckIds,
    _keeping: Keeping,
    _folder: TempDir,
}

fn main() {
    let entries = corpus::entries();
    let (passes, count) = if corpus::is_measured() { (15, 20_000) } else { (2, 200) };
    let snapshot = Snapshot::open(&corpus::snapshot(entries)).expect("a sound snapshot");
    let generation = Generation::new(snapshot, corpus::ground(entries));
    let view = View::of(std::sync::Arc::new(generation));
    let catalogue = view.generation.ground.catalogue.clone();
    let matter = &catalogue.matter(corpus::three_measures(&catalogue).0).code;
    let body = |number: u64| {
        serde_json::to_vec(&serde_json::json!({
            "matter": matter, "case": "1132050001414920XX300012345600120261101",
            "department": "市财政局", "operator": "u1024",
            "subjects": [{"ref": "applicant", "name": corpus::name(2 * number + 1),
                          "id": corpus::stranger(number).text()}],
        }))
        .expect("JSON")
    };
    let bodies: Vec<Vec<u8>> = (0..count).map(body).collect();
    let key = Key::generate().expect("a key");
    let text = format!(
        "[client.portal]\nkeys = [\"{}\"]\nmisses = 1000000\nmisses_total = 1000000\nscopes = [\"check\"]\nsecrets = [\n\
         {{ id = \"k256\", secret = \"{SECRET}\" }},\n\
         {{ id = \"ksm3\", secret = \"{SECRET}\", algorithm = \"hmac-sm3\" }},\n]\n",
        key.digest
    );
    let clients = Clients::of(Roll::parse(&text, None).expect("clients"));
    let mut edges = WAYS.map(|(_, _, hash, _)| Edge::new(&clients, hash));
    let (mut worker, mut ids, mut out) = (Worker::default(), CheckIds::new(), Vec::new());

    let mut added: [Vec<f64>; WAYS.len()] = Default::default();
    let mut bare = Vec::new();
    for pass in 0..passes {
        let alone = processor_time(|| {
            for body in &bodies {
                let (now, id) = (corpus::noon(), ids.next(millis()));
                answer(&view, now, id, body, &mut worker, &mut out).expect("an answer");
            }
        }) / count as f64;
        bare.push(alone);
        for (at, (_, way, ..)) in WAYS.iter().enumerate() {
            let heads: Vec<Parts> = bodies
                .iter()
                .enumerate()
                .take(way.heads(count))
                .map(|(number, body)| head(*way, &key, &format!("{pass:08}{number:08}"), body))
                .collect();
            let edge = &mut edges[at];
            let all = processor_time(|| {
                for (head, body) in heads.iter().cycle().zip(&bodies) {
                    edge.check(&view, head, body, &mut out);
                }
            }) / count as f64;
            added[at].push(all - alone);
            edge.prove(&bodies[bodies.len() - 1], &out);
            if let Way::Signed(_) = way {
                let again = edge.gate.admit(&peer(), &heads[0], now_ms());
                assert!(again.is_err(), "a signed request counts once");
            }
        }
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{entries} entries, {cores} cores; processor time of all threads, medians of {passes} passes:"
    );
    println!("  a check alone            {:>8.0} ns", median(&mut bare));
    for ((name, .., target), added) in WAYS.iter().zip(&mut added) {
        println!("  added: {name:<20} {:>6.0} ns   to reach {target:>6.0}", median(added));
    }
}

impl Edge {
    fn new(clients: &Clients, hash: Algorithm) -> Edge {
        let folder = tempfile::tempdir().expect("a folder");
        let config = AuditConfig { hash, ..AuditConfig::at(folder.path()) };
        let (log, keeping) = Log::open(config, 1).expect("a log");
        Edge {
            gate: Gate::new(clients, Refusals::recorded(log.clone())),
            shard: Shard::default(),
            log,
            worker: Worker::default(),
            ids: CheckIds::new(),
            _keeping: keeping,
            _folder: folder,
        }
    }

    fn check(&mut self, view: &View, head: &Parts, body: &[u8], out: &mut Vec<u8>) {
        let measured = self.shard.begin();
        let millis = now_ms();
        let admitted = self.gate.admit(&peer(), head, millis).expect("somebody who may");
        self.gate.check_body(&admitted, body).expect("the body that was signed");
        let witness = Witness { who: &admitted.who, log: Some(&self.log), lane: 1 };
        let id = self.ids.next(millis);
        answer_to(&witness, view, corpus::noon(), id, body, &mut self.worker, out)
            .expect("an answer");
        measured.end(Route::CHECK, StatusCode::OK, None);
    }

    /// The answer has a receipt, which proves it.
    fn prove(&self, body: &[u8], answer: &[u8]) {
        let answered: Value = serde_json::from_slice(answer).expect("JSON");
        assert_eq!(answered["verdict"], "clear");
        let no = answered["receipt"].as_str().expect("a receipt").parse().expect("its number");
        let reader = Reader::new(self.log.folder());
        let receipt = Receipt::of(&reader, self.log.key(), &no).expect("a log").expect("a record");
        assert_eq!(receipt.record["client"], "portal");
        receipt.verify_texts(body, answer).expect("what was asked and answered");
    }
}

fn peer() -> Peer {
    Peer { address: Ipv4Addr::LOCALHOST.into(), certificate: None }
}

fn millis() -> u64 {
    corpus::noon().0 as u64 * 1_000
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock").as_millis() as u64
}

/// The head of a request of the client.
fn head(way: Way, key: &Key, nonce: &str, body: &[u8]) -> Parts {
    let authorization = match way {
        Way::Key => format!("Bearer {}", key.reveal()),
        Way::Signed(hash) => {
            let (time, digest) = (now_ms(), hex::encode(hash.of(body)));
            let text = format!("POST\n/v1/check\n{time}\n{nonce}\n{digest}");
            let (scheme, id, code) = match hash {
                Hash::Sha256 => ("XC-HMAC-SHA256", "k256", code::<Hmac<Sha256>>(&text)),
                Hash::Sm3 => ("XC-HMAC-SM3", "ksm3", code::<Hmac<Sm3>>(&text)),
            };
            format!(
                "{scheme} client=portal, key={id}, time={time}, nonce={nonce}, body={digest}, signature={code}"
            )
        }
    };
    let request = Request::post("/v1/check").header("authorization", authorization);
    request.body(()).expect("a head").into_parts().0
}

fn code<M: Mac + KeyInit>(text: &str) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("a secret");
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Nanoseconds of all threads.
fn processor_time(work: impl FnOnce()) -> f64 {
    let used = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
    };
    let start = used();
    work();
    used() - start
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
