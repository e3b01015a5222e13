//! The service killed at any moment, and its data damaged between two starts: no acknowledged change
//! is lost, nothing half-written serves, and it recovers without hands.

use crate::command::{Home, Service, ask, served, served_by};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Resource, Rlimit};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MATTER: &str = "11320500000000019Y3000123456001";
/// Of the sample's: the entry that a drill repairs first.
const ENTRY: &str = "sxbzxr-2ee24935544946e86266";

/// A number of nobody; its check digit fails, which a check flags and looks up all the same.
fn number(n: usize) -> String {
    format!("91320500MA9{n:06}X")
}

fn listing(n: usize) -> Value {
    json!({"changes": [{
        "key": format!("drill-{n}"), "change": "list", "list": "sxbzxr", "entry": format!("drill-{n}"),
        "record": {"subject": {"name": format!("苏州第{n}演练有限公司"), "id": number(n)}},
    }]})
}

/// Ask once; `None` when the service is gone before it has answered.
fn try_ask(address: &str, path: &str, body: &Value) -> Option<Value> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let (body, mut answer) = (body.to_string(), Vec::new());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| serde_json::from_str(body).ok())?
}

fn meets(address: &str, id: &str, entry: &str) -> bool {
    let body = json!({"matter": MATTER, "subjects": [{"ref": "a", "id": id}]});
    let (status, answer) = ask(address, "POST", "/v1/check", &body.to_string());
    assert_eq!(status, 200, "{answer}");
    answer["subjects"][0]["hits"].to_string().contains(&format!("\"{entry}\""))
}

#[test]
fn what_was_acknowledged_outlives_any_number_of_kills() {
    const ROUNDS: u64 = 12;
    let home = Home::new();
    let mut random = StdRng::seed_from_u64(7);
    let (mut acknowledged, mut sent): (Vec<(usize, u64)>, usize) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        // Every start builds anew from what stands: kills fall into builds and commits alike.
        let (service, address, _log) = served(&home);
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, first) = (stop.clone(), sent);
        let client = std::thread::spawn(move || {
            let (mut acknowledged, mut n) = (Vec::new(), first);
            while !stopped.load(Ordering::Relaxed) {
                let answer = try_ask(&address, "/v1/changes", &listing(n));
                if let Some(answer) = answer {
                    let result = &answer["results"][0];
                    assert_eq!(result["status"], "recorded", "{answer}");
                    acknowledged.push((n, result["change"].as_u64().unwrap()));
                }
                n += 1;
            }
            (acknowledged, n)
        });
        std::thread::sleep(Duration::from_millis(random.random_range(50..400)));
        drop(service);
        stop.store(true, Ordering::Relaxed);
        let (more, next) = client.join().unwrap();
        acknowledged.extend(more);
        sent = next;
    }
    assert!(acknowledged.len() > ROUNDS as usize, "{} of {sent}", acknowledged.len());
    let mut numbers: Vec<u64> = acknowledged.iter().map(|(_, number)| *number).collect();
    numbers.dedup();
    assert!(numbers.is_sorted() && numbers.len() == acknowledged.len(), "each once, in order");

    let (_service, address, _log) = served(&home);
    for (n, number_of_change) in &acknowledged {
        let entry = format!("drill-{n}");
        assert!(meets(&address, &number(*n), &entry), "{entry} is lost");
        let again = try_ask(&address, "/v1/changes", &listing(*n)).unwrap();
        let result = &again["results"][0];
        assert_eq!(
            (&result["status"], &result["change"]),
            (&json!("repeated"), &json!(number_of_change)),
            "{again}"
        );
    }
    // What was not acknowledged is there whole, or not at all.
    for n in (0..sent).filter(|n| !acknowledged.iter().any(|(of, _)| of == n)) {
        let listed = meets(&address, &number(n), &format!("drill-{n}"));
        let again = try_ask(&address, "/v1/changes", &listing(n)).unwrap();
        let expected = if listed { "repeated" } else { "recorded" };
        assert_eq!(again["results"][0]["status"], expected, "{again}");
    }
    let names = std::fs::read_dir(home.folder.path().join("snapshots")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("building-")), "no wreck is left");
}

/// The file of the current snapshot.
fn current(home: &Home) -> PathBuf {
    let snapshots = home.folder.path().join("snapshots");
    let id = std::fs::read_to_string(snapshots.join("CURRENT")).unwrap();
    snapshots.join(format!("{}.xcs", id.trim()))
}

#[test]
fn a_damaged_snapshot_is_replaced_from_the_feeds_and_the_ledger() {
    let damages: [fn(&mut Vec<u8>); 3] = [
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        Vec::clear,
    ];
    let home = Home::new();
    let (service, address, _log) = served(&home);
    assert!(meets(&address, "91320500MA0000015D", ENTRY));
    let repair =
        json!({"changes": [{"key": "r", "change": "repair", "list": "sxbzxr", "entry": ENTRY}]});
    assert!(try_ask(&address, "/v1/changes", &repair).is_some());
    drop(service);
    for damage in damages {
        let path = current(&home);
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let (service, address, log) = served(&home);
        assert!(!meets(&address, "91320500MA0000015D", ENTRY), "the repair is not forgotten");
        assert_ne!(current(&home), path, "another serves");
        drop(service);
        drop(log);
    }
}

/// Let every write beyond so many bytes of a file fail, in a process that is running.
fn limit_files(service: &Service, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    let id = Pid::from_child(&service.0);
    rustix::process::prlimit(Some(id), Resource::Fsize, limit).unwrap();
}

#[test]
fn a_disk_that_takes_no_more_loses_nothing_and_all_goes_on_once_there_is_room() {
    let home = Home::new();
    let xincha = home.command(&[]);
    // A process that ignores the signal is told of the failure, as of that of a full disk.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(xincha.get_program());
    command.args(xincha.get_args()).envs(xincha.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let (service, address, _log) = served_by(&mut command);
    assert!(try_ask(&address, "/v1/changes", &listing(1)).is_some());

    let feed = home.feeds().join("zyz-0001.csv");
    std::fs::copy(&feed, feed.with_file_name("zyz-0002.csv")).unwrap();
    let data = || ask(&address, "GET", "/v1/data", "").1;
    let refresh = || {
        // What already runs may have looked before.
        while ask(&address, "POST", "/v1/data/refresh", "{}").0 != 202 {
            std::thread::sleep(Duration::from_millis(20));
        }
        while data()["refresh"]["running"] == true {
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let before = data()["snapshot"].clone();
    // Less than a delivery takes, and than a snapshot.
    for bytes in [4_096, 200_000] {
        limit_files(&service, Some(bytes));
        refresh();
        let full = data();
        assert_eq!(full["snapshot"], before);
        assert!(full.to_string().contains("File too large"), "{bytes}: {full}");
    }
    limit_files(&service, Some(4_096));
    let (status, refused) = ask(&address, "POST", "/v1/changes", &listing(2).to_string());
    assert_eq!(status, 503, "{refused}");
    assert!(meets(&address, &number(1), "drill-1"), "what serves goes on");
    assert!(!meets(&address, &number(2), "drill-2"), "what was not acknowledged is not there");

    limit_files(&service, None);
    refresh();
    let recovered = data();
    assert_eq!(recovered["refresh"]["failure"], Value::Null, "{recovered}");
    assert_ne!(recovered["snapshot"], before, "the delivery was not forgotten");
    assert!(try_ask(&address, "/v1/changes", &listing(2)).is_some());
    assert!(meets(&address, &number(1), "drill-1") && meets(&address, &number(2), "drill-2"));
    drop(service);
    let (_service, address, _log) = served(&home);
    assert!(meets(&address, &number(1), "drill-1") && meets(&address, &number(2), "drill-2"));
}

/// Lets a process believe another time; `None` where it is not installed.
fn faketime() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|folder| folder.path());
    let library =
        found.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|it| it.exists());
    library.expect("libfaketime is installed: tests/run does that")
}

#[test]
fn clocks_that_are_set_forth_and_back_change_no_answer_but_by_their_date() {
    let home = Home::new();
    let mut text = std::fs::read_to_string(home.config()).unwrap();
    text.push_str("[source.sxbzxr.schedule]\nevery_seconds = 1\n");
    std::fs::write(home.config(), text).unwrap();
    let clock = home.folder.path().join("clock");
    let set = |days: i64| std::fs::write(&clock, format!("{:+}d\n", days)).unwrap();
    set(0);
    let mut command = home.command(&[]);
    command
        .env("LD_PRELOAD", faketime())
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let (_service, address, _log) = served_by(&mut command);
    let snapshot = || ask(&address, "GET", "/v1/data", "").1["snapshot"].clone();
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let tomorrow = xincha::record::Instant(seconds + 86_400).day().to_string();
    let send = |change: Value| {
        let answer = try_ask(&address, "/v1/changes", &json!({"changes": [change]})).unwrap();
        assert_eq!(answer["results"][0]["status"], "recorded", "{answer}");
        answer["results"][0]["change"].as_u64().unwrap()
    };
    let mut first = listing(1)["changes"][0].take();
    first["record"]["to"] = json!(tomorrow);
    assert_eq!(send(first), 1);

    // A term is over where the clock says so, and not where it was set back.
    for (days, counts) in [(0, true), (30, false), (-2, true), (400, false), (0, true)] {
        set(days);
        assert_eq!(meets(&address, &number(1), "drill-1"), counts, "{days} days");
    }
    // Changes keep their order, and stand, whatever the clock says.
    for (n, days) in [(2, 30), (3, -30), (4, 0)] {
        set(days);
        assert_eq!(send(listing(n)["changes"][0].take()), n as u64);
    }
    set(0);
    for n in 1..=4 {
        assert!(meets(&address, &number(n), &format!("drill-{n}")));
    }
    // A delivery is not waited for until the clock has caught up, nor does what was built of it seem old.
    let feed = home.feeds().join("sxbzxr-0001.csv");
    let mut rows = std::fs::read(&feed).unwrap();
    for days in [20, -20, 0] {
        set(days);
        let before = snapshot();
        let last = rows[..rows.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap();
        rows.truncate(last + 1);
        std::fs::write(&feed, &rows).unwrap();
        for _ in 0..600 {
            if snapshot() != before {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let (before, after) = (before.to_string(), snapshot().to_string());
        assert!(before < after, "{days} days: {before}, {after}");
        for n in 1..=4 {
            set(0);
            assert!(meets(&address, &number(n), &format!("drill-{n}")));
        }
    }
}
