//! **Question.** What does one check cost from the bytes of the request to the bytes of the answer,
//! without a socket: for a subject on no list, and for one with two hits and three measures?
//!
//! **Corpus.** The snapshot of `support/corpus.rs` (`XINCHA_BENCH_ENTRIES`, default 1,000,000; the
//! figures are quoted at 10,000,000), the shipped catalogue; a hundred thousand different strangers
//! with name and identifier, so that no line of the index is warm by repetition.
//!
//! What is counted of each request is a line of its own: the same check with the clock read twice and a
//! histogram written, as the server does.
//!
//! **How to read it.** Medians of whole passes, in nanoseconds a check. The rival does the same work
//! as one would first write it: `serde_json::Value` in, a `HashMap` of the same identifiers,
//! `json!` out. Both answers are parsed and compared before anything is timed.

use criterion::{Criterion, criterion_group, criterion_main};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::hint::black_box;
use uuid::Uuid;
use xincha::http::metrics::{Route, Shard};
use xincha::http::{Worker, answer};
use xincha::index::IdentifierNo;
use xincha::live::{Generation, View};
use xincha::record::Identifier;
use xincha::snapshot::Snapshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "support/corpus.rs"]
mod corpus;

fn request(matter: &str, name: &str, id: &Identifier) -> Vec<u8> {
    let request = json!({
        "matter": matter, "case": "1132050001414920XX300012345600120261101", "department": "市财政局",
        "operator": "u1024", "subjects": [{"ref": "applicant", "name": name, "id": id.text()}],
    });
    serde_json::to_vec(&request).expect("JSON")
}

fn bench(criterion: &mut Criterion) {
    let entries = corpus::entries();
    let snapshot = Snapshot::open(&corpus::snapshot(entries)).expect("a sound snapshot");
    let generation = Generation::new(snapshot, corpus::ground(entries));
    let view = View::of(std::sync::Arc::new(generation));
    let generation = view.generation.clone();
    let catalogue = generation.ground.catalogue.clone();
    let (matter, _) = corpus::three_measures(&catalogue);
    let code = &catalogue.matter(matter).code;
    let strangers = if corpus::is_measured() { 100_000u64 } else { 1_000 };
    let clear: Vec<Vec<u8>> = (0..strangers)
        .map(|n| request(code, &corpus::name(2 * n + 1), &corpus::stranger(n)))
        .collect();
    let listed = request(code, &corpus::name(0), &corpus::twice_listed());

    let identifiers = generation.ground.index.identifiers();
    let plain: HashMap<String, u32> = (0..identifiers.len() as u32)
        .filter_map(|no| Some((identifiers.get(IdentifierNo(no))?.text().to_owned(), no)))
        .collect();
    let (mut worker, mut out) = (Worker::default(), Vec::new());
    let mut ours = |body: &[u8], out: &mut Vec<u8>| {
        answer(&view, corpus::noon(), Uuid::nil(), body, &mut worker, out).expect("an answer");
    };
    for body in clear.iter().step_by(97) {
        ours(body, &mut out);
        let answered: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(answered["verdict"], "clear");
        assert_eq!(plain_check(&plain, body)["verdict"], "clear");
    }
    ours(&listed, &mut out);
    let answered: Value = serde_json::from_slice(&out).expect("JSON");
    let count = |field: &str| answered["subjects"][0][field].as_array().map_or(0, Vec::len);
    assert_eq!((count("hits"), count("measures")), (2, 3), "{answered}");

    let mut group = criterion.benchmark_group("check");
    let mut at = 0;
    group.bench_function("clear", |bencher| {
        bencher.iter(|| {
            at = (at + 1) % clear.len();
            ours(&clear[at], &mut out);
            black_box(out.len())
        });
    });
    group.bench_function("two hits, three measures", |bencher| {
        bencher.iter(|| {
            ours(&listed, &mut out);
            black_box(out.len())
        });
    });
    group.bench_function("rival, clear", |bencher| {
        bencher.iter(|| {
            at = (at + 1) % clear.len();
            black_box(serde_json::to_vec(&plain_check(&plain, &clear[at])).expect("JSON").len())
        });
    });
    group.finish();

    let shard = Shard::default();
    let rows = [
        ("clear", 1_500.0, corpus::median(21, clear.len(), |at| ours(&clear[at], &mut out))),
        (
            "clear, measured",
            1_600.0,
            corpus::median(21, clear.len(), |at| {
                let measured = shard.begin();
                ours(&clear[at], &mut out);
                measured.end(Route::CHECK, StatusCode::OK, None);
            }),
        ),
        (
            "two hits, three measures",
            4_000.0,
            corpus::median(21, clear.len(), |_| ours(&listed, &mut out)),
        ),
        (
            "rival, clear",
            f64::NAN,
            corpus::median(21, clear.len(), |at| {
                black_box(serde_json::to_vec(&plain_check(&plain, &clear[at])).expect("JSON"));
            }),
        ),
    ];
    let rival = rows.last().map_or(f64::NAN, |row| row.2);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\n{entries} entries, {cores} cores; medians of whole passes:");
    for (name, target, median) in rows {
        println!(
            "  {name:<26} {median:>8.0} ns   to reach {target:>6.0}   {:.2} x the rival",
            median / rival
        );
    }
}

/// The rival: correct for a stranger and a plain "listed" for others.
fn plain_check(identifiers: &HashMap<String, u32>, body: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(body).expect("JSON");
    let subjects: Vec<Value> = request["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|subject| {
            let id = subject["id"].as_str().unwrap_or_default().to_uppercase();
            let verdict = if identifiers.contains_key(&id) { "review" } else { "clear" };
            json!({"ref": subject["ref"], "verdict": verdict, "flags": [], "hits": [], "measures": [],
                   "incentives": [], "conflicts": []})
        })
        .collect();
    let verdict = subjects.first().map_or(Value::Null, |subject| subject["verdict"].clone());
    json!({"check": Uuid::nil().to_string(), "verdict": verdict, "at": corpus::noon().to_string(),
           "data": {"snapshot": "s", "change": 0, "catalogue": "c", "stale": []}, "subjects": subjects,
           "receipt": null})
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(3));
    targets = bench
}
criterion_main!(benches);
