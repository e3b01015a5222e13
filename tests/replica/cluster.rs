//! Three machines that serve the same, through everything that can be killed.

use crate::eventually;
use crate::fleet::{
    Client, Fleet, KEEP, Machine, TERM_MS, act, changes, check_of, is_listed, listing,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Rows of the first feed: few enough for guards not to speak in shares.
const ROWS: usize = 20;
/// Companies of which no feed knows begin here.
const UNFED: usize = 1_000;
/// No acknowledged change is ignored anywhere for so long, however busy the cores are. What is usual is printed, and
/// is some milliseconds.
const LAG_MAX: Duration = Duration::from_secs(60);

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    xincha::record::Instant(since.as_secs() as i64).to_string()
}

/// Post changes that are recorded; the last number.
fn record(client: &mut Client, posted: &[Value]) -> u64 {
    let (status, answer) = client.json("POST", "/v1/changes", &changes(posted));
    assert_eq!((status, &answer["refused"]), (200, &json!(0)), "{answer}");
    answer["change"].as_u64().unwrap()
}

/// Until a check there sees a change that was just acknowledged.
fn lag(client: &mut Client, change: u64) -> Duration {
    let acknowledged = Instant::now();
    while client.change() < change {
        assert!(acknowledged.elapsed() < LAG_MAX, "{change}");
    }
    acknowledged.elapsed()
}

fn print_lags(what: &str, mut lags: Vec<Duration>) {
    lags.sort();
    let at = |of: usize| lags[(lags.len() - 1) * of / 100];
    let (half, most, worst) = (at(50), at(99), at(100));
    println!("{what}: {} lags, p50 {half:?}, p99 {most:?}, max {worst:?}", lags.len());
    assert!(worst < LAG_MAX);
}

#[test]
fn three_begin_with_nothing_and_answer_the_same_through_deliveries_and_rollbacks() {
    let mut fleet = Fleet::start(ROWS);
    let first = fleet.agreed();
    assert_eq!(first.change, 0);
    assert!(fleet.machines.iter().all(Machine::is_ready));
    for (at, machine) in fleet.machines.iter().enumerate() {
        record(&mut machine.client(), &[listing(&format!("k{at}"), UNFED + at)]);
    }
    assert_eq!(fleet.agreed().change, 3);
    let companies = || (0..ROWS + 10).chain(UNFED..UNFED + 4);
    let before = fleet.same_answers(companies(), &now());
    let hits = |answers: &[Value]| -> usize {
        answers.iter().filter(|answer| answer["subjects"][0]["hits"] != json!([])).count()
    };
    assert_eq!(hits(&before), ROWS + 3);

    // A delivery is built once and reaches all, with the changes of before.
    fleet.deliver(2, ROWS, 10);
    let second = fleet.refreshed(&first.snapshot);
    assert_eq!((second.builder, second.change), (first.builder, 3));
    let at = now();
    assert_eq!(hits(&fleet.same_answers(companies(), &at)), ROWS + 10 + 3);

    // Back, only where it is built.
    for (other, machine) in fleet.up().filter(|(at, _)| *at != second.builder) {
        for path in ["rollback", "refresh"] {
            let (status, told) = machine.json("POST", &format!("/v1/data/{path}"), &json!({}));
            assert_eq!((status, told["code"].as_str()), (503, Some("not_loaded_here")), "{other}");
        }
    }
    let builder = &fleet.machines[second.builder];
    let (status, told) = builder.json("POST", "/v1/data/rollback", &json!({}));
    assert_eq!((status, told), (200, json!({"snapshot": first.snapshot})));
    let back = eventually("all are back", || {
        fleet.agree().filter(|agreed| agreed.snapshot == first.snapshot)
    });
    assert_eq!(back.change, 3);
    assert_eq!(hits(&fleet.same_answers(companies(), &at)), ROWS + 3);
    record(&mut fleet.machines[0].client(), &[listing("after", UNFED + 3)]);
    assert_eq!(fleet.agreed().change, 4);
    assert_eq!(hits(&fleet.same_answers(companies(), &at)), ROWS + 4);
    // One that is stopped in order lets another build at once, which leaves out what was left out.
    fleet.machines[second.builder].stop();
    let stopped = Instant::now();
    let third = eventually("taken over", || fleet.agree());
    println!("taken over after a stop: {:?}", stopped.elapsed());
    let builder = &fleet.machines[third.builder];
    let held = || {
        let held = builder.data()?["sources"][0]["state"]["held"].clone();
        held.is_object().then_some(held)
    };
    assert_eq!(eventually("held", held)["why"][0]["reason"], "rolled_back");
    let still = fleet.agreed();
    assert_eq!((&still.snapshot, still.change), (&first.snapshot, 4));
    // And on again, when somebody says so.
    assert_eq!(builder.json("POST", "/v1/data/approve", &json!({"source": "court"})).0, 202);
    eventually("built again", || fleet.agree().filter(|agreed| agreed.snapshot != first.snapshot));
    assert_eq!(hits(&fleet.same_answers(companies(), &at)), ROWS + 10 + 4);
    fleet.machines[second.builder].start();
    fleet.agreed();
    fleet.same_answers(companies(), &at);
}

#[test]
fn changes_at_any_are_seen_at_all_whatever_is_built_meanwhile() {
    let fleet = Fleet::start(ROWS);
    let begun = fleet.agreed();
    let mut clients: Vec<Client> = fleet.machines.iter().map(Machine::client).collect();
    let mut lags = Vec::new();
    for at in 0..120 {
        let change = record(&mut clients[at % 3], &[listing(&format!("k{at}"), UNFED + at)]);
        assert_eq!(change, at as u64 + 1);
        for other in [(at + 1) % 3, (at + 2) % 3] {
            lags.push(lag(&mut clients[other], change));
        }
    }
    print_lags("one at a time", lags);

    let ended = AtomicBool::new(false);
    let (recorded, lags) = thread::scope(|scope| {
        let fleet = &fleet;
        let writers: Vec<_> =
            (0..3).map(|writer| scope.spawn(move || write(fleet, writer))).collect();
        // Deliveries meanwhile, of which every other one says what the one before last did.
        scope.spawn(|| {
            let mut delivery = 0;
            while !ended.load(Ordering::Relaxed) {
                delivery += 1;
                fleet.deliver(2, ROWS, 5 + delivery % 2);
                fleet.refresh();
                thread::sleep(Duration::from_millis(300));
            }
        });
        let end = End(&ended);
        while !writers.iter().all(ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(10));
        }
        drop(end);
        let done = writers.into_iter().map(|writer| writer.join().unwrap());
        done.fold((Vec::new(), Vec::new()), |mut all, (recorded, lags)| {
            all.0.extend(recorded);
            all.1.extend(lags);
            all
        })
    });
    print_lags("all at once, while building", lags);
    let mut numbers: Vec<u64> = recorded;
    numbers.sort_unstable();
    let agreed = fleet.agreed();
    assert_eq!(numbers, (121..=agreed.change).collect::<Vec<u64>>(), "gapless and unique");
    assert_ne!(agreed.snapshot, begun.snapshot);
    let at = now();
    fleet.same_answers((0..ROWS + 10).chain(UNFED..UNFED + 120).chain(SHARED..SHARED + 12), &at);
    fleet.same_answers((0..3).flat_map(|writer| (0..WRITES).map(move |n| own(writer, n))), &at);
    let mut newest = agreed.snapshot;
    for more in 0..KEEP + 2 {
        fleet.deliver(3, ROWS + 10, 5 + more % 2);
        newest = fleet.refreshed(&newest).snapshot;
    }
    // The builder tidies up after it serves.
    thread::sleep(Duration::from_millis(500));
    for (at, machine) in fleet.up() {
        assert!(machine.snapshots() <= KEEP + 1, "{at} keeps {}", machine.snapshots());
    }
}

/// Companies to whose entries all writers do something.
const SHARED: usize = 5_000;
/// Requests of one writer.
const WRITES: usize = 60;

/// A company that one writer alone lists, with its so many-eth request.
fn own(writer: usize, request: usize) -> usize {
    10_000 * (writer + 1) + request
}

/// Ends a thread beside, also when a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Random changes at one machine, each looked for at another: the numbers of those recorded, and lags.
fn write(fleet: &Fleet, writer: usize) -> (Vec<u64>, Vec<Duration>) {
    let mut random = StdRng::seed_from_u64(writer as u64);
    let mut clients: Vec<Client> = fleet.machines.iter().map(Machine::client).collect();
    let (mut recorded, mut lags) = (Vec::new(), Vec::new());
    for request in 0..WRITES {
        let company = own(writer, request);
        let mut posted = vec![listing(&format!("w{writer}-{request}"), company)];
        for more in 0..random.random_range(0..4) {
            let key = format!("w{writer}-{request}-{more}");
            let shared = SHARED + random.random_range(0..12);
            let acts = ["note_objection", "lift_objection", "suspend", "resume", "repair"];
            posted.push(match random.random_range(0..8) {
                // Repair ends an entry: it is not to be all that is left of them.
                at @ 0..5 if at < 4 || request > WRITES / 2 => act(&key, shared, acts[at]),
                _ => listing(&key, shared),
            });
        }
        let (status, answer) = clients[writer].json("POST", "/v1/changes", &changes(&posted));
        assert_eq!(status, 200, "{answer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results[0]["status"], "recorded", "{answer}");
        let of_these = results.iter().filter(|result| result["status"] == "recorded");
        recorded.extend(of_these.map(|result| result["change"].as_u64().unwrap()));
        let change = answer["change"].as_u64().unwrap();
        let other = (writer + random.random_range(1..3)) % 3;
        if random.random() {
            lags.push(lag(&mut clients[other], change));
        }
        let answer = clients[other].check_since(company, change);
        assert!(
            answer["data"]["change"].as_u64().unwrap() >= change && is_listed(&answer, company)
        );
    }
    (recorded, lags)
}

#[test]
fn another_builds_when_the_builder_is_killed() {
    let mut fleet = Fleet::start(ROWS);
    let first = fleet.agreed();
    fleet.deliver(2, ROWS, 10);
    fleet.machines[first.builder].kill();
    let killed = Instant::now();
    let second = eventually("taken over and built", || {
        fleet.agree().filter(|now| now.snapshot != first.snapshot)
    });
    println!("taken over and built after a kill: {:?}", killed.elapsed());
    assert_ne!(second.builder, first.builder);
    fleet.machines[first.builder].start();
    let third = fleet.agreed();
    assert_eq!((&third.snapshot, third.builder), (&second.snapshot, second.builder));
    let answers = fleet.same_answers(ROWS..ROWS + 10, &now());
    assert!(answers.iter().all(|answer| answer["subjects"][0]["hits"] != json!([])));
}

#[test]
fn a_machine_killed_under_changes_has_them_all_again_from_its_own_snapshot_and_the_stream() {
    let mut fleet = Fleet::start(ROWS);
    let first = fleet.agreed();
    let victim = (first.builder + 1) % 3;
    let written = Written::default();
    thread::scope(|scope| {
        let end = written.begin(&fleet, scope);
        written.wait_for_more(60);
        fleet.machines[victim].kill();
        written.wait_for_more(20);
        // Nothing can come from the shelf.
        fleet.s3.kill();
        fleet.machines[victim].start();
        let started = Instant::now();
        eventually("ready", || fleet.machines[victim].is_ready().then_some(()));
        println!("ready again after {:?}", started.elapsed());
        written.wait_for_more(20);
        drop(end);
    });
    fleet.s3.restart();
    assert_eq!(fleet.agreed().snapshot, first.snapshot);
    written.check(&fleet);
}

/// What a writer at each machine lists, through whatever happens.
#[derive(Default)]
struct Written {
    /// The companies that were acknowledged, by the writer.
    acknowledged: [Mutex<Vec<usize>>; 3],
    ended: AtomicBool,
}

impl Written {
    fn counts(&self) -> [usize; 3] {
        self.acknowledged.each_ref().map(|acknowledged| acknowledged.lock().unwrap().len())
    }

    fn companies(&self) -> Vec<usize> {
        self.acknowledged
            .iter()
            .flat_map(|acknowledged| acknowledged.lock().unwrap().clone())
            .collect()
    }

    /// Begin, until what is returned is dropped.
    fn begin<'s>(&'s self, fleet: &Fleet, scope: &'s Scope<'s, '_>) -> End<'s> {
        for (writer, machine) in fleet.machines.iter().enumerate() {
            let client = machine.client();
            scope.spawn(move || self.write(client, writer));
        }
        End(&self.ended)
    }

    /// Post listings, one after the other.
    fn write(&self, mut client: Client, writer: usize) {
        for request in 0.. {
            if self.ended.load(Ordering::Relaxed) {
                break;
            }
            let company = own(writer, request);
            let body = changes(&[listing(&format!("w{writer}-{request}"), company)]).to_string();
            match client.ask("POST", "/v1/changes", &body) {
                Ok((200, _)) => self.acknowledged[writer].lock().unwrap().push(company),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Wait until so many more are acknowledged, and some of every writer: one that is killed soon may have few, since
    /// whoever appends first is ahead in the next race too.
    fn wait_for_more(&self, more: usize) {
        let all = self.counts().iter().sum::<usize>() + more;
        let is_so =
            |counts: [usize; 3]| !counts.contains(&0) && counts.iter().sum::<usize>() >= all;
        eventually("acknowledged", || is_so(self.counts()).then_some(()));
    }

    /// Every machine has what was acknowledged.
    fn check(&self, fleet: &Fleet) {
        println!("acknowledged: {:?}", self.counts());
        let companies = self.companies();
        assert!(fleet.agreed().change >= companies.len() as u64);
        let answers = fleet.same_answers(companies.iter().copied(), &now());
        assert!(answers.iter().zip(companies).all(|(answer, company)| is_listed(answer, company)));
    }
}

#[test]
fn a_revocation_at_one_is_recalled_from_the_log_of_each() {
    let fleet = Fleet::start(ROWS);
    fleet.agreed();
    let listed = record(&mut fleet.machines[0].client(), &[listing("k1", UNFED)]);
    let receipts = fleet.machines.iter().map(|machine| {
        let answer = machine.client().check_since(UNFED, listed);
        assert!(is_listed(&answer, UNFED), "{answer}");
        answer["receipt"].clone()
    });
    let receipts: Vec<Value> = receipts.collect();
    let revoked = record(&mut fleet.machines[0].client(), &[act("k2", UNFED, "revoke")]);
    for (machine, receipt) in fleet.machines.iter().zip(receipts) {
        let recalls = eventually("a recall", || {
            let (_, told) = machine.client().json("GET", "/v1/recalls", &Value::Null);
            Some(told["recalls"].clone()).filter(|recalls| *recalls != json!([]))
        });
        assert_eq!(recalls.as_array().unwrap().len(), 1, "{recalls}");
        assert_eq!(recalls[0]["change"], revoked);
        assert_eq!(recalls[0]["relied"][0]["answers"][0]["receipt"], receipt);
        assert_eq!(recalls[0]["relied"][0]["answers"][1], Value::Null);
    }
}

#[test]
fn without_the_stream_changes_are_refused_and_checks_go_on() {
    let mut fleet = Fleet::start(ROWS);
    let first = fleet.agreed();
    let written = Written::default();
    thread::scope(|scope| {
        let end = written.begin(&fleet, scope);
        written.wait_for_more(60);
        fleet.nats.kill();
        for (at, machine) in fleet.up() {
            eventually("behind is told", || told_behind(machine));
            let body = changes(&[listing(&format!("lost-{at}"), UNFED + at)]);
            let (status, told) = machine.json("POST", "/v1/changes", &body);
            assert_eq!((status, told["code"].as_str()), (503, Some("ledger_unavailable")));
            // It may ask for the change that it saw last.
            let seen = machine.client().change();
            let check = check_of(0, None, Some(seen));
            assert_eq!(machine.json("POST", "/v1/check", &check).0, 200);
        }
        // One that is started meanwhile has to wait for the stream, and serves then.
        let restarted = (first.builder + 1) % 3;
        fleet.machines[restarted].restart();
        thread::sleep(Duration::from_millis(1_500));
        assert!(!fleet.machines[restarted].is_ready());
        fleet.nats.restart();
        let back = Instant::now();
        let agree = || fleet.up().all(|(_, machine)| is_served(machine)).then_some(());
        eventually("all are there again", agree);
        println!("all there again after {:?}", back.elapsed());
        written.wait_for_more(40);
        drop(end);
    });
    fleet.agreed();
    written.check(&fleet);
    // What was refused may be sent again, anywhere.
    for (at, machine) in fleet.up() {
        let key = format!("lost-{}", (at + 1) % 3);
        record(&mut machine.client(), &[listing(&key, UNFED + (at + 1) % 3)]);
    }
    fleet.agreed();
    let answers = fleet.same_answers(UNFED..UNFED + 3, &now());
    assert!((0..3).all(|at| is_listed(&answers[at], UNFED + at)));
}

/// A check and the readiness say alike that changes may be missing.
fn told_behind(machine: &Machine) -> Option<()> {
    let (status, answer) = machine.json("POST", "/v1/check", &check_of(0, None, None));
    assert_eq!(status, 200, "{answer}");
    assert_ne!(answer["subjects"][0]["hits"], json!([]));
    let (status, ready) = machine.json("GET", "/readyz", &Value::Null);
    assert_eq!(status, 200, "{ready}");
    let is_told =
        !answer["data"]["behind"].is_null() && ready["behind"] == answer["data"]["behind"];
    is_told.then(|| assert_eq!(ready["reasons"], json!(["behind"])))
}

fn is_served(machine: &Machine) -> bool {
    machine.data().is_some_and(|data| data["behind"].is_null())
}

#[test]
fn without_the_shelf_what_serves_goes_on_and_a_refresh_says_why_it_fails() {
    let mut fleet = Fleet::start(ROWS);
    let first = fleet.agreed();
    fleet.s3.kill();
    fleet.deliver(2, ROWS, 10);
    fleet.refresh();
    let builder = &fleet.machines[first.builder];
    let failure = eventually("a failure is told", || {
        builder.data()?["refresh"]["failure"].as_str().map(str::to_owned)
    });
    assert!(failure.contains("current.json"), "{failure}");
    let at = now();
    for (at, machine) in fleet.up() {
        record(&mut machine.client(), &[listing(&format!("k{at}"), UNFED + at)]);
    }
    let still = fleet.agreed();
    assert_eq!((&still.snapshot, still.change), (&first.snapshot, 3));
    let answers = fleet.same_answers((ROWS..ROWS + 1).chain(UNFED..UNFED + 3), &at);
    assert_eq!(answers[0]["subjects"][0]["hits"], json!([]));
    fleet.s3.restart();
    let second = fleet.refreshed(&first.snapshot);
    assert_eq!(second.change, 3);
    let data = fleet.machines[second.builder].data().unwrap();
    assert_eq!(data["refresh"]["failure"], Value::Null);
    let answers = fleet.same_answers((ROWS..ROWS + 1).chain(UNFED..UNFED + 3), &at);
    assert!(answers.iter().all(|answer| answer["subjects"][0]["hits"] != json!([])));
}

#[test]
fn one_that_trusts_a_key_takes_only_what_it_signed() {
    let mut fleet = Fleet::without_machines(ROWS);
    let builder = fleet.add("");
    let first = fleet.agreed();
    let keys = fleet.machines[builder].command(&["keygen", "--out", "signing.pem"]);
    let told = |name: &str| keys.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let (signing, trusting) = (told("signing_key"), told("trusted_keys"));

    // It cannot build, and so it must not keep others from it either.
    let truster = fleet.add(&trusting);
    let refused = || fleet.machines[truster].logged("cannot be served");
    eventually("refused", || (!refused().is_empty()).then_some(()));
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(refused().len(), 1, "told once: {:?}", refused());
    let (status, told) = fleet.machines[truster].json("GET", "/readyz", &Value::Null);
    assert_eq!((status, told["reasons"].clone()), (503, json!(["no_data"])));
    assert!(refused()[0].contains(&first.snapshot), "{:?}", refused());
    fleet.machines[builder].kill();
    thread::sleep(Duration::from_millis(2 * TERM_MS));

    fleet.configure(builder, &format!("{signing}\n{trusting}"));
    fleet.deliver(2, ROWS, 10);
    fleet.machines[builder].start();
    let signed = fleet.agreed();
    assert_ne!(signed.snapshot, first.snapshot);
    assert_eq!(signed.builder, builder);
    assert!(fleet.machines[truster].is_ready());

    // Unsigned once more: the signed one serves on, also after a restart.
    fleet.configure(builder, "");
    fleet.deliver(3, ROWS + 10, 5);
    fleet.machines[builder].restart();
    let newer = eventually("built", || {
        let data = fleet.machines[builder].data()?;
        let snapshot = data["snapshot"].as_str()?.to_owned();
        (snapshot != signed.snapshot && data["builds"] == true).then_some(snapshot)
    });
    eventually("refused", || (!fleet.machines[truster].logged(&newer).is_empty()).then_some(()));
    let serves = |machine: &Machine| machine.data()?["snapshot"].as_str().map(str::to_owned);
    assert_eq!(serves(&fleet.machines[truster]), Some(signed.snapshot.clone()));
    fleet.machines[truster].restart();
    let again = eventually("ready", || serves(&fleet.machines[truster]));
    assert_eq!(again, signed.snapshot);
    let change = record(&mut fleet.machines[builder].client(), &[listing("k", UNFED)]);
    assert!(lag(&mut fleet.machines[truster].client(), change) < LAG_MAX);
}
