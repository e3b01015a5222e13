//! **Question.** What does a look-up by identifier cost beside one random cache-line read of an array
//! of the same size, and how many bytes does it touch?
//!
//! **Corpus.** Distinct identifiers, 70 % USCCs and 30 % resident IDs, in a snapshot built by the
//! index's own builder: `XINCHA_BENCH_ENTRIES` of them (default 1,000,000; the figures are quoted at
//! 10,000,000). Built once a size into the system's folder for temporary files.
//!
//! **How to read it.** A fence after every look-up keeps the next from beginning early, so a number
//! is a latency. `line` is
//! the floor: one read of a random cache line of an array as large as the point table. Rivals in the
//! same run: `fst::Map` and `hashbrown` (std's HashMap) over the same keys. Printed last: bytes an
//! identifier, and the ratios of the medians to `line`.

use criterion::{Criterion, criterion_group, criterion_main};
use std::collections::HashMap;
use std::hint::black_box;
use xincha::index::IdentifierNo;
use xincha::record::Identifier;

#[path = "support/corpus.rs"]
mod corpus;

const ASKED: usize = 1 << 20;

fn bench(criterion: &mut Criterion) {
    let entries = corpus::entries();
    let index = corpus::index(entries);
    let identifiers = index.identifiers();
    let count = identifiers.len();
    println!("{entries} entries, {count} distinct identifiers");

    let hits: Vec<Identifier> = corpus::shuffled(count as u64)
        .take(ASKED)
        .map(|no| identifiers.get(IdentifierNo(no as u32)).expect("below the count"))
        .collect();
    let misses: Vec<Identifier> = (0..ASKED as u64).map(corpus::stranger).collect();
    for miss in &misses {
        index.identify(miss, |_, stored, _| panic!("{stored:?} is a stranger"));
    }
    for hit in &hits {
        let mut found = 0;
        index.identify(hit, |_, _, _| found += 1);
        assert!(found >= 1, "{hit:?} is listed");
    }

    let lines = vec![[1u64; 8]; index.points().bytes() / 64];
    let order: Vec<usize> =
        corpus::shuffled(lines.len() as u64).take(ASKED).map(|at| at as usize).collect();

    let mut group = criterion.benchmark_group("lookup");
    let mut medians = Vec::new();
    let mut run = |name: &'static str, step: &mut dyn FnMut(usize) -> usize| {
        let mut at = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                at = step(at & (ASKED - 1)) + at + 1;
                fence();
                black_box(at)
            });
        });
        medians.push((name, median(step)));
    };
    run("line", &mut |at| lines[order[at % order.len()]][0] as usize >> 40);
    run("clear", &mut |at| {
        let mut found = 0;
        index.identify(&misses[at], |no, _, _| found += no.0 as usize);
        found
    });
    run("hit", &mut |at| {
        let mut found = 0;
        index.identify(&hits[at], |no, _, _| found += no.0 as usize);
        found >> 40
    });
    run("hit with owner", &mut |at| {
        let mut found = 0;
        index.identify(&hits[at], |no, _, _| found += index.owners(no).count());
        found >> 40
    });
    group.finish();
    rivals(criterion, &hits, &misses, &mut medians, identifiers, count);

    let line = medians[0].1;
    println!("\nmedians of dependent look-ups:");
    for (name, median) in &medians {
        println!("  {name:<24} {median:>8.1} ns   {:>5.2} x line", median / line);
    }
    let points = index.points().bytes() as f64 / count as f64;
    let verified = identifiers.packed_bytes() as f64 / count as f64;
    println!(
        "bytes an identifier: points {points:.2} + dictionary {verified:.2} = {:.2}",
        points + verified
    );
}

/// Nothing begins before everything before it has its data. Without it the processor, predicting a
/// miss, reads the lines of several look-ups at once and the average is a throughput.
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a fence touches no memory.
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
}

/// The same identifiers in the structures that one would reach for first.
fn rivals(
    criterion: &mut Criterion,
    hits: &[Identifier],
    misses: &[Identifier],
    medians: &mut Vec<(&'static str, f64)>,
    identifiers: &xincha::index::identifiers::Identifiers,
    count: usize,
) {
    let mut texts: Vec<String> = (0..count as u32)
        .filter_map(|no| identifiers.get(IdentifierNo(no)))
        .map(|id| id.text().to_owned())
        .collect();
    let map: HashMap<Box<str>, u32> =
        texts.iter().enumerate().map(|(no, text)| (text.as_str().into(), no as u32)).collect();
    let mut group = criterion.benchmark_group("rivals");
    let mut run = |name: &'static str, step: &mut dyn FnMut(usize) -> usize| {
        let mut at = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                at = step(at & (ASKED - 1)) + at + 1;
                fence();
                black_box(at)
            });
        });
        medians.push((name, median(step)));
    };
    run("hash map, hit", &mut |at| map[hits[at].text()] as usize >> 40);
    run("hash map, clear", &mut |at| map.get(misses[at].text()).map_or(0, |&no| no as usize));
    drop(map);
    texts.sort_unstable();
    texts.dedup();
    let fst = fst::Map::from_iter(texts.iter().zip(0u64..)).expect("sorted");
    println!("fst: {:.2} bytes an identifier", fst.as_fst().size() as f64 / count as f64);
    run("fst, hit", &mut |at| fst.get(hits[at].text()).expect("listed") as usize >> 40);
    run("fst, clear", &mut |at| fst.get(misses[at].text()).map_or(0, |no| no as usize));
    group.finish();
}

/// Nanoseconds a dependent step.
fn median(step: &mut dyn FnMut(usize) -> usize) -> f64 {
    let steps = if corpus::is_measured() { 100_000 } else { 500 };
    let mut at = 0;
    corpus::median(31, steps, |_| {
        at = (step(at) + at + 1) & (ASKED - 1);
        fence();
    })
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(3));
    targets = bench
}
criterion_main!(benches);
