//! A synthetic city from its feeds to its answers, against the truth about each row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use xincha::catalogue::{Catalogue, MatterNo};
use xincha::index::{EntryNo, Index, Overlay};
use xincha::ingest::{self, IngestError, Order, Plan, Report};
use xincha::record::{Entry, Identifier, Instant, SubjectKind};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Basis, Decision, Grade, Ground, Question};
use xincha::snapshot::{Snapshot, Store};
use xincha::synth::{self, City, Expect, Listing, Trap};

fn shipped(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(folder)
}

fn catalogue() -> Arc<Catalogue> {
    let config = xincha::config::Config::load(&shipped("xincha.toml"), None).unwrap();
    config.load_catalogue().unwrap()
}

fn noon(city: &City) -> Instant {
    Instant(Instant::start_of(city.plan().today).0 + 12 * 3600)
}

/// Build the feeds of a folder into a store beside them.
fn build(feeds: &Path, out: &Path, now: Instant) -> Result<Report, IngestError> {
    let catalogue = catalogue();
    let plan = Plan::of(feeds, &shipped("sources"))?;
    let store = Store::open(out).unwrap();
    ingest::build(
        &Order {
            plan: &plan,
            kind_of: &|code| catalogue.list_no(code).map(|no| catalogue.list(no).kind),
            store: &store,
            rejects: &out.join("rejects.csv"),
            now,
            standing: &[],
            keys: &[],
            change: 0,
            as_of_build: true,
        },
        &(),
    )
}

struct Built {
    city: City,
    index: Index,
    report: Report,
    folder: tempfile::TempDir,
}

fn city(entries: usize, seed: u64) -> Built {
    let folder = tempfile::tempdir().unwrap();
    let plan = synth::Plan { entries, seed, ..synth::Plan::default() };
    let feeds = folder.path().join("feeds");
    synth::write(&plan, &feeds, &|_| {}).unwrap();
    let city = synth::city(&plan);
    let report = build(&feeds, &folder.path().join("out"), noon(&city)).unwrap();
    let index = Index::open(&Snapshot::open(&report.path).unwrap()).unwrap();
    index.validate().unwrap();
    Built { city, index, report, folder }
}

/// Entries by file and row.
fn by_place(index: &Index) -> BTreeMap<(String, u64), EntryNo> {
    let files = &index.meta().files;
    (0..index.meta().entries as u32)
        .map(|no| {
            let (file, row) = index.entry(EntryNo(no)).unwrap().file();
            ((files[usize::from(file)].name.clone(), u64::from(row)), EntryNo(no))
        })
        .collect()
}

fn place(listing: &Listing) -> (String, u64) {
    let provenance = &listing.entry.provenance;
    (provenance.file.clone(), provenance.row)
}

/// The row as its reader should have understood it, in the parts that decide.
fn parts(entry: &Entry) -> impl PartialEq + std::fmt::Debug {
    let mut ids: Vec<Identifier> = entry.subject.ids.clone();
    ids.sort_by(|a, b| a.text().cmp(b.text()));
    let ids: Vec<String> = ids.iter().map(|id| id.text().to_owned()).collect();
    let masked = entry.subject.masked.as_ref().map(|masked| masked.text().to_owned());
    (
        entry.list.clone(),
        entry.subject.name.trim().to_owned(),
        ids,
        masked,
        entry.term,
        entry.state,
        entry.objection,
    )
}

#[test]
fn every_row_becomes_what_the_truth_says() {
    let built = city(3_000, 7);
    let places = by_place(&built.index);
    let (mut entries, mut rejects) = (0, BTreeSet::new());
    let mut superseded = 0;
    for listing in built.city.iter() {
        let at = place(&listing);
        match (listing.expect, places.get(&at)) {
            (Expect::Reject, None) => {
                rejects.insert(at);
            }
            (Expect::Reject, Some(_)) => panic!(
                "{at:?} should be rejected: {:?}",
                listing.traps.iter().map(|t| t.code()).collect::<Vec<_>>()
            ),
            (Expect::Entry, None) => superseded += 1,
            (Expect::Entry, Some(&no)) => {
                entries += 1;
                let view = built.index.entry(no).unwrap();
                let mut read = listing.entry.clone();
                read.subject.name = view.name().to_owned();
                read.subject.masked = view.text().masked;
                read.term = view.term();
                read.state = view.state();
                read.objection = view.objection();
                assert_eq!(parts(&read), parts(&listing.entry), "{at:?}");
                let stored: BTreeSet<String> = built
                    .index
                    .identifiers_of(view.subject())
                    .map(|id| id.text().to_owned())
                    .collect();
                for id in &listing.entry.subject.ids {
                    assert!(stored.contains(id.text()), "{at:?} {id:?}");
                }
            }
        }
    }
    assert_eq!(superseded, built.report.meta.superseded);
    assert_eq!((entries, rejects.len() as u64), (built.report.meta.entries, built.report.rejects));
    // the rejects file names the same rows
    let file = std::fs::read(built.report.rejects_file.as_ref().unwrap()).unwrap();
    let mut reader = csv::Reader::from_reader(file.strip_prefix(b"\xef\xbb\xbf").unwrap());
    let written: BTreeSet<(String, u64)> = reader
        .records()
        .map(|record| record.unwrap())
        .map(|record| (record[1].to_owned(), record[2].parse().unwrap()))
        .collect();
    assert_eq!(written, rejects);
    drop(built.folder);
}

/// Asked with what the subject really is, every entry is met exactly while it counts.
#[test]
fn every_listed_subject_is_found_and_every_clean_one_is_clear() {
    let built = city(2_000, 11);
    let catalogue = catalogue();
    let places = by_place(&built.index);
    let ground = Ground::new(built.index.clone(), catalogue.clone());
    let overlay = Overlay::of(&ground.index);
    let at = noon(&built.city);
    let (mut scratch, mut decision) = (Scratch::searching(), Decision::default());
    let mut grades: BTreeMap<Grade, u32> = BTreeMap::new();
    for listing in built.city.iter().filter(|listing| listing.expect == Expect::Entry) {
        let Some(&no) = places.get(&place(&listing)) else { continue };
        let Some(matter) = consulting(&catalogue, &listing.entry.list) else { continue };
        let mut question = Question {
            kind: Some(listing.entry.subject.kind),
            name: Some(listing.real_name()),
            ..Question::default()
        };
        listing.real_ids.iter().cloned().for_each(|id| question.identified_by(id));
        screen::check(
            &Basis::new(&ground, &overlay),
            matter,
            at,
            &[question],
            &mut scratch,
            &mut decision,
        )
        .unwrap();
        let hit = decision.subjects[0].hits.iter().find(|hit| hit.entry == no);
        let traps: Vec<&str> = listing.traps.iter().map(Trap::code).collect();
        let entry = &listing.entry;
        if !entry.counts_on(at.day()) {
            assert!(hit.is_none(), "{:?} ended and is met, {traps:?}", place(&listing));
            continue;
        }
        // a row without any number lists a person nobody can tell apart
        let anonymous = entry.subject.ids.is_empty()
            && entry.subject.masked.is_none()
            && entry.subject.kind == SubjectKind::NaturalPerson;
        // and a name that the row writes otherwise is for fuzzy matching
        let renamed = entry.subject.ids.is_empty() && listing.real_name.is_some();
        match hit {
            Some(hit) => *grades.entry(hit.grade).or_default() += 1,
            None => assert!(anonymous || renamed, "{:?} is not met, {traps:?}", place(&listing)),
        }
    }
    assert!(
        grades[&Grade::Identifier] > 1_000 && grades[&Grade::MaskedIdentifier] > 50,
        "{grades:?}"
    );

    for i in 0..500 {
        let clean = synth::question::clean(&built.city, i);
        assert_eq!(clean.listed, None);
        let mut question = Question {
            kind: Some(clean.subject.kind),
            name: Some(&clean.subject.name),
            ..Question::default()
        };
        clean.subject.ids.iter().cloned().for_each(|id| question.identified_by(id));
        screen::check(
            &Basis::new(&ground, &overlay),
            MatterNo(0),
            at,
            &[question],
            &mut scratch,
            &mut decision,
        )
        .unwrap();
        let subject = &decision.subjects[0];
        let confirmed = subject.hits.iter().filter(|hit| hit.grade == Grade::Identifier).count();
        assert_eq!((confirmed, subject.measures.len()), (0, 0), "{i}");
    }
}

fn consulting(catalogue: &Catalogue, list: &str) -> Option<MatterNo> {
    let list = catalogue.list_no(list)?;
    (0..catalogue.matters().len() as u16)
        .map(MatterNo)
        .find(|&matter| catalogue.consults(matter, list))
}

#[test]
fn the_same_feeds_make_the_same_bytes() {
    let bytes = |built: &Built| std::fs::read(&built.report.path).unwrap();
    assert!(bytes(&city(600, 3)) == bytes(&city(600, 3)));
    assert!(bytes(&city(600, 3)) != bytes(&city(600, 4)));
}

#[test]
fn a_failed_build_leaves_the_snapshot_before_it() {
    let built = city(400, 5);
    let (feeds, out) = (built.folder.path().join("feeds"), built.folder.path().join("out"));
    let current = || Store::open(&out).unwrap().current().unwrap();
    let before = current();
    let rows: [(&str, &[u8], &str); 4] = [
        ("aqsc-0002.xlsx", b"PK cut short", "aqsc-0002.xlsx"),
        ("zdsssx-0009.csv", "别的,表头\n1,2\n".as_bytes(), "当事人姓名/单位名称"),
        ("xzxk-0007.parquet", b"PAR1 nothing", "Parquet"),
        ("sxbzxr-0009.csv", b"\"never closed", "sxbzxr-0009.csv"),
    ];
    for (name, bytes, expected) in rows {
        std::fs::write(feeds.join(name), bytes).unwrap();
        let error = build(&feeds, &out, noon(&built.city)).expect_err(name).to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(current(), before, "{name}");
        std::fs::remove_file(feeds.join(name)).unwrap();
    }
    // a file that no mapping claims is told, an empty folder refused
    std::fs::write(feeds.join("unknown.csv"), "a,b\n").unwrap();
    let report = build(&feeds, &out, Instant(noon(&built.city).0 + 1)).unwrap();
    assert!(report.ignored.contains(&"unknown.csv".to_owned()));
    let empty = built.folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(build(&empty, &out, noon(&built.city)).unwrap_err().to_string().contains("no file"));
}

/// A delta amends what the full feed said; the later of two rows of one record counts.
#[test]
fn a_delta_supersedes() {
    let folder = tempfile::tempdir().unwrap();
    let (feeds, sources) = (folder.path().join("feeds"), folder.path().join("sources"));
    std::fs::create_dir_all(&feeds).unwrap();
    std::fs::create_dir_all(&sources).unwrap();
    let mapping = "code = 'd'\nname = 'd'\n[columns]\nname = 'name'\ndocument = 'doc'\nto = 'to'\n[[identifier]]\ncolumn = 'id'\n[[feed]]\nlist = 'aqsc'\nfiles = 'full-*'\n[[feed]]\nlist = 'aqsc'\nfiles = 'delta-*'\nmode = 'delta'\n";
    std::fs::write(sources.join("d.toml"), mapping).unwrap();
    std::fs::write(
        feeds.join("delta-1.csv"),
        "name,id,doc,to\n甲公司,91320500MA0000015D,1,2030-01-01\n",
    )
    .unwrap();
    std::fs::write(
        feeds.join("full-1.csv"),
        "name,id,doc,to\n甲公司,91320500MA0000015D,1,2027-01-01\n乙公司,91320505MA0000023G,2,2027-01-01\n",
    )
    .unwrap();
    let catalogue = catalogue();
    let plan = Plan::of(&feeds, &sources).unwrap();
    let store = Store::open(&folder.path().join("out")).unwrap();
    let order = Order {
        plan: &plan,
        kind_of: &|code| catalogue.list_no(code).map(|no| catalogue.list(no).kind),
        store: &store,
        rejects: &folder.path().join("rejects.csv"),
        now: Instant(1_790_000_000),
        standing: &[],
        keys: &[],
        change: 0,
        as_of_build: false,
    };
    let report = ingest::build(&order, &()).unwrap();
    assert_eq!((report.meta.entries, report.meta.superseded, report.rejects_file), (2, 1, None));
    let index = Index::open(&Snapshot::open(&report.path).unwrap()).unwrap();
    let ends: Vec<String> =
        (0..2).map(|no| index.entry(EntryNo(no)).unwrap().term().to.unwrap().to_string()).collect();
    assert_eq!(ends, ["2030-01-01", "2027-01-01"]);
}
