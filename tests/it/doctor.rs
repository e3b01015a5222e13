//! `xincha doctor` on installations that are sound, and on such as are not.

use crate::command::{Home, served};
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

/// What it found: the exit code, and what stands at fault.
fn doctor(home: &Home) -> (i32, Vec<Value>) {
    doctor_at(home, "127.0.0.1:0")
}

fn doctor_at(home: &Home, address: &str) -> (i32, Vec<Value>) {
    let mut command = home.command(&["doctor", "--json"]);
    let output = command.env("XINCHA_ADDRESS", address).output().unwrap();
    let found: Vec<Value> = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    // Whether this machine's clock is set is its own affair.
    let of_us = found.into_iter().filter(|finding| finding["of"] != "clock").collect();
    (output.status.code().unwrap(), of_us)
}

/// The only thing wrong is this, and it says so with advice.
fn is_wrong(found: &[Value], of: &str, part: &str) {
    let wrong: Vec<&Value> = found.iter().filter(|finding| finding["level"] == "wrong").collect();
    let [wrong] = wrong[..] else { panic!("{found:#?}") };
    assert_eq!(wrong["of"], of, "{wrong}");
    assert!(wrong["found"].as_str().unwrap().contains(part), "{wrong}");
    assert!(wrong["advice"].as_str().unwrap().contains(" / "), "{wrong}");
}

fn add(home: &Home, settings: &str) {
    let text = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), text + settings).unwrap();
}

fn set(home: &Home, from: &str, to: &str) {
    let text = std::fs::read_to_string(home.config()).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(home.config(), text.replacen(from, to, 1)).unwrap();
}

/// The current snapshot's file.
fn current(home: &Home) -> PathBuf {
    let snapshots = home.folder.path().join("snapshots");
    let id = std::fs::read_to_string(snapshots.join("CURRENT")).unwrap();
    snapshots.join(format!("{}.xcs", id.trim()))
}

#[test]
fn a_sound_installation_is_well_before_it_has_data_and_while_it_serves() {
    let home = Home::new();
    let (_, found) = doctor(&home);
    assert!(found.iter().all(|finding| finding["level"] != "wrong"), "{found:#?}");
    assert!(found.iter().any(|finding| finding["of"] == "snapshot"), "{found:#?}");
    assert!(!home.folder.path().join("snapshots").exists(), "nothing is made");
    let (_service, address, _log) = served(&home);
    let (_, found) = doctor_at(&home, &address);
    assert!(found.iter().all(|finding| finding["level"] != "wrong"), "{found:#?}");
    let of = |of: &str| found.iter().find(|finding| finding["of"] == of).unwrap().to_string();
    assert!(of("address").contains("ready there") && of("ledger").contains("held by"));
    let (_, out, err) = home.run(&["doctor"]);
    assert!(out.contains("✓ catalogue"), "{out}{err}");
}

/// Root reads what another user's service could not. Only root may give files away.
#[test]
fn a_file_that_the_services_user_cannot_read_is_wrong() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not root: whose files are is not checked");
        return;
    }
    let home = Home::new();
    let audit = home.folder.path().join("audit");
    std::fs::create_dir(&audit).unwrap();
    chown(&audit, Some(61_184), Some(61_184)).unwrap();
    assert_eq!(home.run(&["client", "add", "portal", "--scope", "check"]).0, 0);
    is_wrong(&doctor(&home).1, "owner", "61184");
    chown(home.folder.path().join("clients.toml"), Some(61_184), None).unwrap();
    let (_, found) = doctor(&home);
    assert!(found.iter().all(|finding| finding["level"] != "wrong"), "{found:#?}");
}

#[test]
fn a_collector_that_is_away_is_doubtful_and_a_malformed_one_wrong() {
    let home = Home::new();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    add(&home, &format!("[traces]\nendpoint = \"http://{away}\"\n"));
    let (_, found) = doctor(&home);
    let traces = found.iter().find(|finding| finding["of"] == "traces").unwrap();
    assert_eq!(traces["level"], "doubtful", "{traces}");
    set(&home, "http://", "");
    let (code, found) = doctor(&home);
    assert_eq!(code, 3);
    is_wrong(&found, "config", "traces.endpoint");
}

#[test]
fn what_is_broken_is_told_with_what_to_do() {
    let home = Home::new();
    assert_eq!(home.run(&["build"]).0, 0);
    let snapshot = current(&home);
    let whole = std::fs::read(&snapshot).unwrap();
    let mut bytes = whole.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&snapshot, bytes).unwrap();
    let (code, found) = doctor(&home);
    assert_eq!(code, 3);
    is_wrong(&found, "snapshot", "is damaged");
    std::fs::write(&snapshot, whole).unwrap();

    let ledger = home.folder.path().join("ledger.redb");
    let kept = std::fs::read(&ledger).ok();
    std::fs::write(&ledger, [7; 5_000]).unwrap();
    is_wrong(&doctor(&home).1, "ledger", "ledger");
    std::fs::remove_file(&ledger).unwrap();
    kept.into_iter().for_each(|bytes| std::fs::write(&ledger, bytes).unwrap());

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    is_wrong(&doctor_at(&home, &address).1, "address", "another program");

    let (sound, feeds) = (std::fs::read_to_string(home.config()).unwrap(), home.feeds());
    let broken: [(&dyn Fn(), &str, &str); 5] = [
        (&|| set(&home, &format!("{feeds:?}"), "\"no-such-feeds\""), "folder", "no-such-feeds"),
        (&|| add(&home, "\n[source.nobody]\n"), "sources", "nobody"),
        (&|| add(&home, "\n[http]\nconnections_max = 100000000\n"), "files", "100000512"),
        (&|| set(&home, "folder = \"jobs\"", "folder = \"xincha.toml\""), "folder", "xincha.toml"),
        (
            &|| {
                add(
                    &home,
                    "\n[replicas]\nstream = { servers = [\"nats://127.0.0.1:1\"] }\nshelf = { endpoint = \"http://127.0.0.1:1\", bucket = \"b\" }\n",
                )
            },
            "",
            "",
        ),
    ];
    for (break_it, of, part) in broken {
        break_it();
        let (code, found) = doctor(&home);
        assert_eq!(code, 3, "{found:#?}");
        if of.is_empty() {
            let wrong = found.iter().filter(|finding| finding["level"] == "wrong");
            let wrong: Vec<&str> = wrong.filter_map(|finding| finding["of"].as_str()).collect();
            assert_eq!(wrong, ["stream", "shelf"]);
        } else {
            is_wrong(&found, of, part);
        }
        std::fs::write(home.config(), &sound).unwrap();
    }

    let key = home.folder.path().join("signing.pem");
    let (code, out, err) = home.run(&["keygen", "--out", key.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    set(&home, "[data]\n", "[data]\nsigning_key = \"signing.pem\"\n");
    assert!(doctor(&home).1.iter().all(|finding| finding["level"] != "wrong"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    is_wrong(&doctor(&home).1, "key", "chmod 600");
    std::fs::write(home.config(), "catalogue = 7").unwrap();
    is_wrong(&doctor(&home).1, "config", "xincha.toml:1");
}
