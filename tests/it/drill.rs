//! The service killed at any moment, and its data damaged between two starts: no acknowledged change
//! is lost, nothing half-written serves, and it recovers without hands.

use crate::command::{Home, ask, served};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
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

#[test]
fn without_room_for_a_new_snapshot_the_old_one_serves_and_says_why() {
    let home = Home::new();
    let (_service, address, _log) = served(&home);
    let snapshots = home.folder.path().join("snapshots");
    // A folder in the way stands for a disk that refuses: root may write anywhere else.
    let aside = home.folder.path().join("aside");
    std::fs::rename(&snapshots, &aside).unwrap();
    std::fs::write(&snapshots, "").unwrap();
    std::fs::write(
        home.feeds().join("zyz-0002.csv"),
        std::fs::read(home.feeds().join("zyz-0001.csv")).unwrap(),
    )
    .unwrap();
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
    refresh();
    let failed = data();
    assert!(
        failed["refresh"]["failure"].as_str().is_some_and(|why| why.contains("snapshots")),
        "{failed}"
    );
    assert!(meets(&address, "91320500MA0000015D", ENTRY), "what serves goes on");
    std::fs::remove_file(&snapshots).unwrap();
    std::fs::rename(&aside, &snapshots).unwrap();
    refresh();
    let recovered = data();
    assert_eq!(recovered["refresh"]["failure"], Value::Null, "{recovered}");
    assert_ne!(recovered["snapshot"], failed["snapshot"]);
}
