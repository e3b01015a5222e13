//! Entries for benches at any scale, made from a number each, so that nothing is kept in memory, and
//! their snapshot, kept between runs.

#![allow(dead_code)]

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xincha::catalogue::{Action, Catalogue, ListNo, MatterNo, Reach};
use xincha::index::builder::Described;
use xincha::index::{Builder, Encoder, Index, ListMeta};
use xincha::record::{
    Day, Entry, Identifier, IdentifierKind, Instant, Provenance, State, Subject, SubjectKind, Term,
    check,
};
use xincha::screen::Ground;
use xincha::snapshot::Snapshot;

/// How many entries: `XINCHA_BENCH_ENTRIES`, or a million.
pub fn entries() -> usize {
    let given = std::env::var("XINCHA_BENCH_ENTRIES").ok();
    given.map_or(1_000_000, |text| text.parse().expect("XINCHA_BENCH_ENTRIES is a number"))
}

/// Whether figures are wanted: `cargo bench` says `--bench`, `cargo test` does not.
pub fn is_measured() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// The instant of all questions.
pub fn noon() -> Instant {
    "2026-11-01T12:00:00+08:00".parse().expect("an instant")
}

/// The shipped catalogue.
pub fn catalogue() -> Arc<Catalogue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalogue");
    let texts = ["lists.toml", "measures.toml", "matters.toml"]
        .map(|name| (name, fs::read_to_string(folder.join(name)).expect("the shipped catalogue")));
    let files: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Arc::new(Catalogue::parse(&files).expect("a sound catalogue"))
}

/// A bijection of 0..2^32 that scatters neighbours (an odd multiplier and a fold).
fn scatter(number: u64) -> u64 {
    let mut n = number & 0xffff_ffff;
    n = (n ^ (n >> 16)).wrapping_mul(0x045d_9f3b) & 0xffff_ffff;
    n = (n ^ (n >> 16)).wrapping_mul(0x045d_9f3b) & 0xffff_ffff;
    n ^ (n >> 16)
}

const REGIONS: [&str; 12] = [
    "320500", "320505", "320506", "320507", "320508", "320509", "320581", "320582", "320583",
    "320585", "320594", "310115",
];

/// The identifier of a number: 70 % USCCs, 30 % resident IDs of 1900. Distinct below 500 million.
pub fn identifier(number: u64) -> Identifier {
    let mut text = String::with_capacity(18);
    if number % 10 < 7 {
        // Multiplying by a number coprime to the modulus is a bijection below it.
        let mut code = number * 387_420_489 % 31u64.pow(6);
        text.push_str("91");
        text.push_str(REGIONS[scatter(number) as usize % REGIONS.len()]);
        text.push_str("MA");
        let mut digits = [0u8; 6];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789ABCDEFGHJKLMNPQRTUWXY"[(code % 31) as usize];
            code /= 31;
        }
        text.push_str(std::str::from_utf8(&digits).expect("ASCII"));
        text.push(char::from(
            check::organisation_code(&text.as_bytes()[8..16]).expect("8 of the alphabet"),
        ));
        text.push(char::from(check::uscc(text.as_bytes()).expect("17 of the alphabet")));
    } else {
        let n = scatter(number);
        let day = Day::from_ymd(1900, 1, 1).expect("a day").plus((n % 365) as i32);
        let (year, month, of_month) = day.ymd();
        let rest = n / 365;
        let region = 110_000 + (rest / 1000) % 540_000;
        text.push_str(&format!("{region}{year}{month:02}{of_month:02}{:03}", rest % 1000));
        text.push(char::from(check::resident_id(text.as_bytes()).expect("17 digits")));
    }
    Identifier::recognise(&text).expect("an identifier")
}

/// Listed numbers are even, strangers odd.
pub fn stranger(number: u64) -> Identifier {
    identifier(2 * number + 1)
}

/// The identifier of a listed entry.
pub fn listed(number: u64) -> Identifier {
    identifier(2 * number)
}

/// A name for a number.
pub fn name(number: u64) -> String {
    const FIRST: &str = "星明华金瑞恒安泰和兴宏盛达通联创新科远东方国海天龙云";
    let of = |n: u64| FIRST.chars().nth((n % 26) as usize).expect("one of 26");
    let n = scatter(number);
    let trade: String =
        [of(n), of(n / 26), of(n / 676), of(n / 17_576), of(n / 456_976)].iter().collect();
    if number % 10 < 7 {
        format!("苏州{trade}科技有限公司")
    } else {
        trade.chars().take(3).collect()
    }
}

/// The entry of a number.
pub fn entry(number: u64, lists: &[ListMeta]) -> Entry {
    let id = listed(number);
    let personal = id.kind() != IdentifierKind::Uscc;
    let list = &lists[(number % lists.len() as u64) as usize];
    Entry {
        id: format!("{}-{number:010}", list.code),
        list: list.code.clone(),
        subject: Subject {
            kind: if personal { SubjectKind::NaturalPerson } else { SubjectKind::Organisation },
            name: name(2 * number),
            other_names: Vec::new(),
            ids: vec![id],
            masked: None,
            related: Vec::new(),
        },
        reason: "有履行能力而拒不履行生效法律文书确定义务".to_owned(),
        document: format!("(2025)苏05执{number}号"),
        authority: format!("苏州市第{}法院", number % 50),
        region: 320_500,
        decided: None,
        published: None,
        term: Term { from: Day::from_ymd(2025, 1, 1), to: Day::from_ymd(2031, 12, 31) },
        publicity_until: None,
        state: State::InForce,
        objection: false,
        extended: false,
        provenance: Provenance {
            source: "bench".to_owned(),
            file: "bench".to_owned(),
            row: number,
        },
    }
}

/// A matter and two lists from which exactly three punishing measures follow for a direct hit.
pub fn three_measures(catalogue: &Catalogue) -> (MatterNo, [ListNo; 2]) {
    let of = |matter, list| {
        let measures = catalogue.measures_of(matter, list).iter().map(|&no| catalogue.measure(no));
        measures
            .filter(|m| m.action != Action::Incentive && m.reach.contains(&Reach::Direct))
            .count()
    };
    let matters = (0..catalogue.matters().len() as u16).map(MatterNo);
    for matter in matters {
        let consults = &catalogue.matter(matter).consults;
        for (at, &a) in consults.iter().enumerate() {
            for &b in &consults[at + 1..] {
                if of(matter, a) + of(matter, b) == 3 {
                    return (matter, [a, b]);
                }
            }
        }
    }
    panic!("no two lists of a matter have three measures")
}

/// The subject that is on the two lists of [`three_measures`].
pub fn twice_listed() -> Identifier {
    identifier(800_000_000)
}

/// The lists of the shipped catalogue, delivered at noon.
pub fn lists(catalogue: &Catalogue) -> Vec<ListMeta> {
    let meta = |list: &xincha::catalogue::List| ListMeta {
        code: list.code.clone(),
        kind: list.kind,
        as_of: noon().0,
        entries: 0,
    };
    catalogue.lists().iter().map(meta).collect()
}

/// The snapshot of so many entries, built unless it is there.
pub fn snapshot(entries: usize) -> PathBuf {
    let path = std::env::temp_dir().join(format!("xincha-bench3-{entries}.xcs"));
    if Snapshot::open(&path).is_ok_and(|snapshot| Index::open(&snapshot).is_ok()) {
        return path;
    }
    let lists = lists(&catalogue());
    let of_list = lists.len() as u64;
    let numbered =
        (0..entries as u64).map(|number| (entry(number, &lists), (number % of_list) as u16));
    let twice = three_measures(&catalogue()).1.map(|list| {
        let mut entry = entry(0, &lists);
        entry.list.clone_from(&lists[usize::from(list.0)].code);
        entry.id = format!("{}-twice", entry.list);
        entry.subject.ids = vec![twice_listed()];
        entry.subject.kind = SubjectKind::Organisation;
        (entry, list.0)
    });
    write(&path, &format!("20261101T0400Z-bench{entries}"), &lists, numbered.chain(twice));
    path
}

/// Write a snapshot of entries, each with the number of its list.
pub fn write(
    path: &Path,
    id: &str,
    lists: &[ListMeta],
    entries: impl Iterator<Item = (Entry, u16)>,
) {
    let building = path.with_extension("building");
    let file = File::options().create(true).truncate(true).read(true).write(true).open(&building);
    let mut builder = Builder::new(BufWriter::new(file.expect("a file"))).expect("a builder");
    let mut encoder = Encoder::default();
    for (at, (entry, list)) in entries.enumerate() {
        encoder.push(&entry, list, 0);
        if at % 65_536 == 65_535 {
            builder.append(&encoder.take()).expect("appended");
        }
    }
    builder.append(&encoder.take()).expect("appended");
    let described = Described {
        id: id.to_owned(),
        built: noon().0,
        change: 0,
        lists: lists.to_vec(),
        sources: Vec::new(),
        files: Vec::new(),
        standing: Vec::new(),
        keys: Vec::new(),
    };
    let start = std::time::Instant::now();
    let step = |name: &'static str| eprintln!("  {:>6.1} s  {name}", start.elapsed().as_secs_f64());
    builder.finish(described, &step).expect("a snapshot");
    step("done");
    fs::rename(&building, path).expect("renamed");
}

/// The index of so many entries.
pub fn index(entries: usize) -> Index {
    let snapshot = Snapshot::open(&snapshot(entries)).expect("a sound snapshot");
    Index::open(&snapshot).expect("an index")
}

/// Index and shipped catalogue.
pub fn ground(entries: usize) -> Ground {
    Ground::new(index(entries), catalogue())
}

/// Numbers below `count` in an order without pattern, for ever; repeats are possible.
pub fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    (0u64..).map(move |at| ((u128::from(scatter(at)) * u128::from(count)) >> 32) as u64)
}

/// Median of so many runs of so many steps, in nanoseconds a step; one run where no figure is wanted.
pub fn median(runs: usize, steps: usize, mut step: impl FnMut(usize)) -> f64 {
    let runs = if is_measured() { runs } else { 1 };
    let mut runs: Vec<f64> = (0..runs)
        .map(|_| {
            let start = std::time::Instant::now();
            (0..steps).for_each(&mut step);
            start.elapsed().as_nanos() as f64 / steps as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}
