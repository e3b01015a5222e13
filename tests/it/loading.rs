//! The loader while it serves: deliveries, guards, approval, rollback, what changes outlive.

use crate::town::{self, PROCUREMENT, id};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant as Moment};
use xincha::ledger::{FileLedger, Ledger, LedgerError};
use xincha::live::guards::{Guards, Trip};
use xincha::live::schedule::Schedule;
use xincha::live::states::Held;
use xincha::live::{
    Live, Loader, LoaderConfig, LoaderError, Loading, Outcome, Recorder, Recording, SourceConfig,
};
use xincha::record::{Act, Change, Sender};
use xincha::screen::find::Scratch;
use xincha::screen::{self, Decision, Question};
use xincha::snapshot::Store;

const HEADING: &str = "编号,名称,代码,列入,截止,决定,状态\n";
const A: &str = "91320500MA0000015D";
const B: &str = "91320505MA0000023G";

/// A source with feeds of two lists, and one of a third.
fn mapping(code: &str, lists: &[&str]) -> String {
    let feeds: String = lists
        .iter()
        .map(|list| {
            format!(
                "[[feed]]\nlist = '{list}'\nfiles = '{list}-*'\nregion = 320500\nas_of = 'build'\n"
            )
        })
        .collect();
    format!(
        "code = '{code}'\nname = '{code}'\n[columns]\nname = '名称'\nentry_id = '编号'\nfrom = '列入'\nto = '截止'\ndecided = '决定'\nstate = '状态'\n[[identifier]]\ncolumn = '代码'\n[values.state]\n'修复' = 'repaired'\n{feeds}"
    )
}

fn row(entry: usize, code: &str) -> String {
    format!("e{entry},苏州星河科技有限公司,{code},2025-01-01,2099-12-31,2025-01-01,\n")
}

/// Rows that nobody asks about, so that shares mean something.
fn many(rows: usize) -> String {
    (1_000..1_000 + rows)
        .map(|n| format!("e{n},苏州第{n}商贸有限公司,,2025-01-01,,2025-01-01,\n"))
        .collect()
}

/// A folder with feeds, and a service over it without its sockets.
struct House {
    folder: PathBuf,
    live: Live,
    loader: Loader,
    recorder: Recorder,
    ledger: Arc<FileLedger>,
    running: Option<(Loading, Recording)>,
}

impl House {
    fn new(folder: &tempfile::TempDir, feeds: &[(&str, String)]) -> House {
        let folder = folder.path().to_owned();
        for name in ["feeds", "sources"] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
        }
        std::fs::write(folder.join("sources/courts.toml"), mapping("courts", &["court", "ban"]))
            .unwrap();
        std::fs::write(folder.join("sources/tax.toml"), mapping("tax", &["tax"])).unwrap();
        for (file, rows) in feeds {
            std::fs::write(folder.join("feeds").join(file), format!("{HEADING}{rows}")).unwrap();
        }
        House::start(folder, 2)
    }

    fn start(folder: PathBuf, keep: usize) -> House {
        let live = Live::default();
        let ledger = Arc::new(FileLedger::open(&folder.join("ledger.redb")).unwrap());
        let (recorder, recording) = Recorder::start(live.clone(), ledger.clone()).unwrap();
        let schedule = Schedule { every_seconds: Some(3_600), cron: None };
        let source = ["courts", "tax"].map(|code| {
            let schedule = schedule.clone();
            (code.to_owned(), SourceConfig { schedule, ..SourceConfig::default() })
        });
        let config = LoaderConfig {
            sources: folder.join("sources"),
            feeds: folder.join("feeds"),
            deliveries: folder.join("deliveries"),
            keep,
            builds: true,
            build_on_start: false,
            as_of_build: true,
            source: BTreeMap::from(source),
        };
        let store = Store::open(&folder.join("snapshots")).unwrap();
        let (loader, loading) =
            Loader::start(config, town::catalogue(), store, None, recorder.clone(), None, None)
                .unwrap();
        loader.first().unwrap();
        let house =
            House { folder, live, loader, recorder, ledger, running: Some((loading, recording)) };
        house.settle();
        house
    }

    /// Stop and start again over the same folder.
    fn restart(mut self) -> House {
        let folder = self.folder.clone();
        let (loading, recording) = self.running.take().unwrap();
        drop(loading);
        recording.stop();
        drop(self);
        House::start(folder, 2)
    }

    fn deliver(&self, file: &str, text: &str) {
        std::fs::write(self.folder.join("feeds").join(file), text).unwrap();
    }

    fn settle(&self) {
        let until = Moment::now() + Duration::from_secs(20);
        while self.loader.progress().is_running() {
            assert!(Moment::now() < until, "{:?}", self.loader.progress());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn refresh(&self) {
        self.settle();
        // Ids of snapshots are to the second.
        let second = || {
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        };
        let before = second();
        while second() == before {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.loader.refresh(None).unwrap();
        self.settle();
    }

    fn serving(&self) -> String {
        self.live.current().unwrap().generation.ground.index.meta().id.clone()
    }

    /// A check by this number meets an entry.
    fn meets(&self, raw: &str) -> bool {
        let view = self.live.current().unwrap();
        let matter = view.generation.ground.catalogue.matter_no(PROCUREMENT).unwrap();
        let mut question = Question::default();
        question.identified_by(id(raw));
        let (mut scratch, mut decision) = (Scratch::searching(), Decision::default());
        let basis = view.basis(town::noon());
        screen::check(&basis, matter, town::noon(), &[question], &mut scratch, &mut decision)
            .unwrap();
        !decision.subjects[0].hits.is_empty()
    }

    fn held(&self, code: &str) -> Option<Held> {
        self.loader.states().sources.get(code).and_then(|state| state.held.clone())
    }

    fn change(&self, key: &str, entry: &str, act: Act) -> Outcome {
        let (key, list, entry) = (key.to_owned(), "court".to_owned(), entry.to_owned());
        let change = Change { key, list, entry, act, sender: Sender::default() };
        let recorded =
            self.recorder.record(vec![change]).unwrap().blocking_recv().unwrap().unwrap();
        recorded.outcomes[0]
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some((loading, recording)) = self.running.take() {
            drop(loading);
            recording.stop();
        }
    }
}

/// Feeds that trip nothing.
fn sound() -> Vec<(&'static str, String)> {
    vec![("court-1.csv", row(1, A) + &many(100)), ("ban-1.csv", many(5)), ("tax-1.csv", many(5))]
}

#[test]
fn a_new_delivery_serves_without_a_restart_and_a_request_keeps_its_view() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    let (first, before) = (house.serving(), house.live.current().unwrap());
    assert_eq!((house.meets(A), house.meets(B)), (true, false));
    house.refresh();
    assert_eq!(house.serving(), first, "nothing new, nothing built");
    house.deliver("court-1.csv", &(HEADING.to_owned() + &row(2, B) + &many(100)));
    house.refresh();
    assert_ne!(house.serving(), first);
    assert_eq!((house.meets(A), house.meets(B)), (false, true));
    let meta = before.generation.ground.index.meta();
    assert_eq!(meta.id, first, "who began on the old one goes on with it");
    let restarted = house.restart();
    assert_eq!((restarted.meets(A), restarted.meets(B)), (false, true));
}

#[test]
fn each_guard_holds_its_source_and_nothing_else() {
    let renamed = HEADING.replace("状态", "备注");
    let future = "2040-01-01";
    let odd: String =
        (0..30).map(|n| format!("f{n},苏州第{n}贸易有限公司,,2025-01-01,,{future},\n")).collect();
    let broken: String = (0..30).map(|n| format!("b{n},,,2025-01-01,,2025-01-01,\n")).collect();
    let whole = |rows: String| HEADING.to_owned() + &rows;
    type Is = fn(&Trip) -> bool;
    let rows: [(&str, String, Is); 8] = [
        ("rejects", whole(many(100) + &broken), |t| matches!(t, Trip::Rejects { rejects: 30, .. })),
        ("shrink", whole(many(60)), |t| matches!(t, Trip::Shrunk { before: 101, now: 60, .. })),
        ("growth", whole(many(400)), |t| matches!(t, Trip::Grown { now: 400, .. })),
        ("future", whole(many(100) + &odd), |t| matches!(t, Trip::Future { rows: 30 })),
        (
            "schema",
            renamed + &many(101),
            |t| matches!(t, Trip::Schema { gone, .. } if gone == &["状态"]),
        ),
        ("vanished", String::new(), |t| matches!(t, Trip::Vanished { list } if list == "court")),
        ("empty", HEADING.to_owned(), |t| matches!(t, Trip::Shrunk { now: 0, .. })),
        ("unreadable", "名称\n苏州\n".to_owned(), |t| matches!(t, Trip::Unreadable { .. })),
    ];
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    for (number, (what, court, is)) in rows.into_iter().enumerate() {
        let path = house.folder.join("feeds/court-1.csv");
        match court.is_empty() {
            true => std::fs::remove_file(&path).unwrap(),
            false => house.deliver("court-1.csv", &court),
        }
        // The other source goes on.
        house.deliver("tax-1.csv", &(HEADING.to_owned() + &row(number, B) + &many(5)));
        house.refresh();
        let held = house.held("courts").unwrap_or_else(|| panic!("{what} is not held"));
        assert!(held.trips.iter().any(is), "{what}: {:?}", held.trips);
        assert!(house.meets(A), "{what}: the old data serves on");
        assert!(house.meets(B), "{what}: the other source is new");
        let entry = house.live.current().unwrap();
        assert!(entry.listed().entry_of("tax", &format!("e{number}")).is_some(), "{what}");
        house.refresh();
        assert!(house.held("courts").is_some(), "{what}: it stays so");
        house.deliver("court-1.csv", &(HEADING.to_owned() + &row(1, A) + &many(100)));
        house.refresh();
        assert!(house.held("courts").is_none(), "{what}: a sound one takes its place");
    }
}

#[test]
fn what_is_held_is_approved_or_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    assert_eq!(house.loader.approve("courts"), Err(LoaderError::NothingHeld));
    assert_eq!(house.loader.discard("nobody"), Err(LoaderError::UnknownSource));
    let small = HEADING.to_owned() + &row(2, B);
    house.deliver("court-1.csv", &small);
    house.refresh();
    assert!(house.held("courts").is_some() && !house.meets(B));
    house.loader.discard("courts").unwrap();
    house.refresh();
    assert!(house.held("courts").is_none(), "the same contents are not taken again");
    assert_eq!((house.meets(A), house.meets(B)), (true, false));
    // Other contents are, and a restart remembers what is held.
    house.deliver("court-1.csv", &(small + &row(3, B)));
    house.refresh();
    let house = house.restart();
    assert!(house.held("courts").is_some());
    house.loader.approve("courts").unwrap();
    let until = Moment::now() + Duration::from_secs(20);
    while house.held("courts").is_some() || !house.meets(B) {
        assert!(Moment::now() < until, "{:?}", house.loader.progress());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!house.meets(A));
}

#[test]
fn a_rollback_serves_the_snapshot_before_and_changes_stay() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    let first = house.serving();
    assert_eq!(house.loader.rollback(None), Err(LoaderError::NoSuchSnapshot));
    house.deliver("court-1.csv", &(HEADING.to_owned() + &row(1, A) + &row(2, B) + &many(100)));
    house.refresh();
    assert!(house.meets(B));
    assert_eq!(house.change("k1", "e1", Act::Repair), Outcome::Recorded(1));
    assert_eq!(house.loader.rollback(None).unwrap(), first);
    assert!(!house.meets(B), "as it was");
    assert!(!house.meets(A), "what was repaired stays so");
    let held = house.held("courts").unwrap();
    assert_eq!(held.trips, [Trip::RolledBack]);
    house.refresh();
    assert_eq!(house.serving(), first, "the delivery that was rolled back does not come by itself");
    let house = house.restart();
    assert_eq!(house.serving(), first);
    house.loader.approve("courts").unwrap();
    let until = Moment::now() + Duration::from_secs(20);
    while !house.meets(B) {
        assert!(Moment::now() < until, "{:?}", house.loader.progress());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!house.meets(A));
}

#[test]
fn what_changes_say_outlives_builds_restarts_and_the_ledger_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    assert_eq!(house.change("repair", "e1", Act::Repair), Outcome::Recorded(1));
    let listed = town::listed("court", "苏州明珠建设有限公司", &[B]);
    let list = |listed: &xincha::record::Entry| Act::List(Box::new(listed.clone()));
    assert_eq!(house.change("list", "new", list(&listed)), Outcome::Recorded(2));
    assert_eq!((house.meets(A), house.meets(B)), (false, true));
    // The feeds know of neither, again and again, until no kept snapshot needs the ledger.
    for round in 0..4 {
        house.deliver("tax-1.csv", &(HEADING.to_owned() + &many(6 + round)));
        house.refresh();
        assert_eq!((house.meets(A), house.meets(B)), (false, true));
    }
    let kept = std::fs::read_dir(folder.path().join("snapshots")).unwrap();
    let kept =
        kept.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "xcs"));
    assert_eq!(kept.count(), 3, "the current one and two more");
    assert!(matches!(house.ledger.read(0), Err(LedgerError::Gap { after: 0, .. })));
    assert_eq!(house.ledger.last(), Ok(2));
    let house = house.restart();
    assert_eq!((house.meets(A), house.meets(B)), (false, true));
    assert_eq!(
        house.change("list", "new", list(&listed)),
        Outcome::Repeated(2),
        "known by its key"
    );
    // Once a feed carries the entry its word counts.
    let carries = row(1, A) + &many(100) + &row(0, B).replace("e0", "new");
    house.deliver("court-1.csv", &(HEADING.to_owned() + &carries));
    house.refresh();
    assert!(house.meets(B));
    house.deliver("court-1.csv", &(HEADING.to_owned() + &row(1, A) + &many(100)));
    house.refresh();
    assert_eq!((house.meets(A), house.meets(B)), (false, false));
    assert_eq!(
        house.change("late", "e1", Act::Repair),
        Outcome::Refused(xincha::record::Refusal::Ended)
    );
}

#[test]
fn the_ledger_is_cut_behind_the_oldest_kept_snapshot_only() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    for round in 1..=5u64 {
        let act = if round % 2 == 1 { Act::NoteObjection } else { Act::LiftObjection };
        assert_eq!(house.change(&round.to_string(), "e1", act), Outcome::Recorded(round));
        house.deliver("tax-1.csv", &(HEADING.to_owned() + &many(6 + round as usize)));
        house.refresh();
        let states = house.loader.states();
        let oldest = states.oldest_change();
        assert_eq!(oldest, round.saturating_sub(2), "snapshots of the last three rounds are kept");
        assert!(house.ledger.read(oldest).is_ok(), "whatever a kept snapshot lacks is there");
    }
    // Every kept snapshot can serve.
    for id in house.loader.states().builds.keys().rev() {
        assert_eq!(&house.loader.rollback(Some(id)).unwrap(), id);
        assert_eq!(house.live.current().unwrap().overlay.change(), 5);
    }
}

#[test]
fn a_refresh_is_one_at_a_time_and_unread_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(&folder, &sound());
    assert_eq!(house.loader.refresh(Some("nobody")), Err(LoaderError::UnknownSource));
    house.deliver("court-1.csv", &(HEADING.to_owned() + &row(1, A) + &many(100) + &many(90)));
    house.loader.refresh(Some("courts")).unwrap();
    assert_eq!(house.loader.refresh(None), Err(LoaderError::Running));
    house.settle();
    house.deliver("readme.txt", "x");
    house.refresh();
    assert_eq!(house.loader.progress().unread, ["readme.txt"]);
}

#[test]
fn guards_are_a_source_s_own() {
    let strict: SourceConfig = toml::from_str("guards = { shrink_max = 0.01, few = 1 }").unwrap();
    assert_eq!(strict.guards, Guards { shrink_max: 0.01, few: 1, ..Guards::default() });
    assert!(toml::from_str::<SourceConfig>("guards = { shrink = 1 }").is_err());
}
