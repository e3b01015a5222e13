//! The service killed at any moment under load: every answer that a client received is in the log, and the log
//! is whole. And the commands that prove, find and recall.

use crate::command::{Home, ask, served};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use xincha::audit::find::Sought;
use xincha::audit::reader::Reader;
use xincha::audit::verify::verify;
use xincha::audit::{Act, Receipt};
use xincha::snapshot::{SigningKey, TrustedKeys};

const MATTER: &str = "11320500000000019Y3000123456001";
/// Of the sample: on a list, and on none.
const LISTED: &str = "91320500MA0000015D";
const CLEAR: &str = "91320507MA00001031";
/// Checks that are under way at once on a connection.
const PIPELINED: usize = 8;

fn check(id: &str, case: &str) -> String {
    let subject = json!({"ref": "1", "id": id});
    json!({"matter": MATTER, "case": case, "operator": "u1", "subjects": [subject]}).to_string()
}

/// Ask until the service is gone; the receipts of all answers that came.
fn receipts_until_gone(address: &str) -> Vec<String> {
    let mut receipts = Vec::new();
    let Ok(mut stream) = TcpStream::connect(address) else { return receipts };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = check(LISTED, "drill");
    let request = format!(
        "POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut read, mut piece) = (Vec::new(), vec![0; 64 * 1024]);
    let mut under_way = 0;
    loop {
        while under_way < PIPELINED {
            if stream.write_all(request.as_bytes()).is_err() {
                break;
            }
            under_way += 1;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return receipts,
            Ok(bytes) => read.extend_from_slice(&piece[..bytes]),
        }
        let marker = b"\"receipt\":\"";
        let mut done = 0;
        while let Some(at) = memchr::memmem::find(&read[done..], marker) {
            let start = done + at + marker.len();
            let Some(length) = read[start..].iter().position(|&byte| byte == b'"') else { break };
            receipts.push(String::from_utf8(read[start..start + length].to_vec()).unwrap());
            done = start + length;
            under_way -= 1;
        }
        read.drain(..done);
    }
}

/// A dozen times; as often as `XINCHA_KILLS` says where that is set.
#[test]
fn every_answer_that_was_received_outlives_any_number_of_kills() {
    let kills = std::env::var("XINCHA_KILLS").map_or(12, |kills| kills.parse::<u64>().unwrap());
    let home = Home::new();
    let config = std::fs::read_to_string(home.config()).unwrap();
    let (service, address, log) = served(&home);
    ask(&address, "POST", "/v1/check", &check(LISTED, "first"));
    drop((service, log));
    // What serves is not built anew at every start, which would be most of the time.
    std::fs::write(
        home.config(),
        config.replace("build_on_start = true", "build_on_start = false"),
    )
    .unwrap();
    let (mut random, mut received) = (StdRng::seed_from_u64(7), Vec::new());
    for _ in 0..kills {
        let (service, address, _log) = served(&home);
        let clients = [0; 2].map(|_| {
            let address = address.clone();
            std::thread::spawn(move || receipts_until_gone(&address))
        });
        std::thread::sleep(Duration::from_millis(random.random_range(5..250)));
        // SIGKILL.
        drop(service);
        clients.into_iter().for_each(|client| received.extend(client.join().unwrap()));
    }
    assert!(received.len() as u64 > kills * 10, "{}", received.len());
    let folder = home.folder.path().join("audit");
    let reader = Reader::new(&folder);
    let key = SigningKey::load(&folder.join("signing.pem")).unwrap();
    let proven = verify(&reader, &TrustedKeys::of(&key), |_| ()).unwrap();
    let mut recorded = std::collections::HashSet::new();
    let sought = Sought { acts: vec![Act::Check], ..Sought::default() };
    sought
        .each(&reader, |kept| {
            recorded.insert(kept.no.to_string());
        })
        .unwrap();
    let missing = received.iter().filter(|no| !recorded.contains(*no)).count();
    println!(
        "{kills} kills, {} answers received, {} records proven, {missing} missing",
        received.len(),
        proven.sealed + proven.unsealed
    );
    assert_eq!(missing, 0);
}

/// The head and the body of an answer as they came.
fn ask_raw(address: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
    write!(stream, "{head}content-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn header(head: &str, name: &str) -> String {
    let value = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("{head}")).to_owned()
}

/// Fetch a receipt until it is sealed.
fn fetch(home: &Home, server: &str, no: &str, file: &str) {
    loop {
        let (code, _, err) = home.run(&["receipt", "get", no, "--server", server, "-o", file]);
        assert_eq!(code, 0, "{err}");
        let receipt: Receipt = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        if receipt.sealed.is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_commands_prove_find_and_recall() {
    let home = Home::new();
    let (service, address, _log) = served(&home);
    let server = format!("http://{address}");
    let write = |name: &str, text: &str| {
        let path = home.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let request = check(LISTED, "c-1");
    let (status, answer) = ask(&address, "POST", "/v1/check", &request);
    assert_eq!(status, 200);
    let (_, clear) = ask(&address, "POST", "/v1/check", &check(CLEAR, "c-2"));
    let no = answer["receipt"].as_str().unwrap();
    let file = write("receipt.json", "");
    let of_request = write("request.json", &request);
    // A parsed answer is not the bytes that came: those are not held against it here.
    fetch(&home, &server, no, &file);
    let replayed = home.run(&["receipt", "verify", &file, "--request", &of_request, "--replay"]);
    assert_eq!(replayed.0, 0, "{}", replayed.2);
    assert!(replayed.1.contains("the answer is the same"), "{}", replayed.1);
    let other = write("other.json", &check(LISTED, "c-3"));
    let (code, _, err) = home.run(&["receipt", "verify", &file, "--request", &other, "--replay"]);
    assert!(code == 1 && err.contains("another than the recorded one"), "{err}");
    let stranger = SigningKey::generate().unwrap().public();
    let (code, _, err) = home.run(&["receipt", "verify", &file, "--public-key", &stranger]);
    assert!(code == 1 && err.contains("not trusted"), "{err}");
    let none = no.replace(&no[no.len() - 1..], "x");
    let (code, _, err) = home.run(&["receipt", "get", &none, "--server", &server]);
    assert!(code == 1 && err.contains("receipt"), "{err}");

    // Of a match the path and the query are part of what was asked.
    let query = json!({"schema": "Company", "properties": {"uscCode": [LISTED]}});
    let body = json!({"queries": {"q": query}}).to_string();
    let target = "/match/default?limit=1";
    let (head, matched) = ask_raw(&address, target, &body);
    let no_of_match = header(&head, "receipt");
    let (of_body, of_answer) = (write("match.json", &body), write("matched.json", &matched));
    let fetched = write("match-receipt.json", "");
    fetch(&home, &server, &no_of_match, &fetched);
    let verify = ["receipt", "verify", &fetched, "--request", &of_body, "--answer", &of_answer];
    for (more, expected, part) in [
        (&["--target", target][..], 0, "those that were recorded"),
        (&["--target", "/match/default"], 1, "not the recorded one"),
        (&[], 1, "--target"),
    ] {
        let (code, out, err) = home.run(&[&verify, more].concat());
        assert!(code == expected && (out.contains(part) || err.contains(part)), "{out}{err}");
    }

    // Whoever has a page of evidence holds that against its receipt.
    let (head, page) = ask_raw(&address, "/v1/evidence", &request);
    fetch(&home, &server, &header(&head, "receipt"), &fetched);
    let altered = write("altered.html", &page.replacen("禁止", "通过", 1));
    let page = write("page.html", &page);
    for (page, expected, part) in
        [(page, 0, "those that were recorded"), (altered, 1, "not the recorded one")]
    {
        let verify = ["receipt", "verify", &fetched, "--request", &of_request, "--answer", &page];
        let (code, out, err) = home.run(&verify);
        assert!(code == expected && (out.contains(part) || err.contains(part)), "{out}{err}");
    }

    let found = |arguments: &[&str]| -> Vec<Value> {
        let (code, out, err) = home.run(&[&["audit", "find"], arguments].concat());
        assert_eq!(code, 0, "{err}");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let of_subject = found(&["--id", CLEAR]);
    assert_eq!(of_subject.len(), 1);
    assert_eq!(of_subject[0]["id"], clear["check"]);
    assert_eq!(found(&["--case", "c-1", "--act", "check"])[0]["receipt"], no);
    assert!(found(&["--id", CLEAR, "--until", "2026-01-01T00:00:00+08:00"]).is_empty());
    let (code, _, err) = home.run(&["audit", "find", "--id", "无"]);
    assert!(code == 1 && err.contains("--id"), "{err}");

    let hit = &answer["subjects"][0]["hits"][0];
    let (list, entry) = (hit["list"]["code"].as_str().unwrap(), hit["entry"].as_str().unwrap());
    let (code, out, err) = home.run(&[
        "recall",
        "--list",
        list,
        "--entry",
        entry,
        "--reason",
        "法院撤销",
        "--server",
        &server,
    ]);
    assert!(code == 0 && out.contains("c-1") && out.contains("3 次回答"), "{out}{err}");

    // A revocation is recalled by itself.
    let revoked = json!({"changes": [{"key": "k1", "change": "revoke", "list": list, "entry": entry, "document": "（2026）苏01号"}]});
    let (status, answered) = ask(&address, "POST", "/v1/changes", &revoked.to_string());
    assert_eq!((status, &answered["results"][0]["status"]), (200, &json!("recorded")));
    let recalls = || ask(&address, "GET", "/v1/recalls?after=1", "").1["recalls"].clone();
    while recalls() == json!([]) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(recalls()[0]["reason"].as_str().unwrap().contains("（2026）苏01号"));
    assert_eq!(recalls()[0]["relied"][1]["answers"][0]["receipt"], no);

    let (code, out, err) = home.run(&["audit", "verify"]);
    assert!(code == 0 && out.contains("sound"), "{out}{err}");
    drop(service);
    let exported = home.folder.path().join("audit.jsonl");
    let (code, ..) = home.run(&["audit", "export", "-o", exported.to_str().unwrap()]);
    let exported = std::fs::read_to_string(exported).unwrap();
    let acts: Vec<Value> = exported
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["act"].clone())
        .collect();
    assert_eq!(code, 0);
    for act in ["start", "serve", "check", "recall"] {
        assert!(acts.contains(&json!(act)), "{acts:?}");
    }
    // One bit of a record.
    let lane = home.folder.path().join("audit/lanes/00/0000000000000000.xca");
    let mut bytes = std::fs::read(&lane).unwrap();
    bytes[90] ^= 1;
    std::fs::write(&lane, bytes).unwrap();
    let (code, _, err) = home.run(&["audit", "verify"]);
    assert!(code == 1 && err.contains("position 0"), "{err}");
}

/// Killed after the acknowledgement, before anybody is told; then with a notice half written, and one of a version
/// that did not tell its change.
#[test]
fn a_revocation_is_recalled_once_whenever_the_process_ends() {
    let home = Home::new();
    let (service, address, _log) = served(&home);
    let ids = [LISTED, "91320505MA0000023G"].map(|id| json!({"ref": id, "id": id}));
    let asked = json!({"matter": MATTER, "case": "c-1", "operator": "u1", "subjects": ids});
    let (_, answered) = ask(&address, "POST", "/v1/check", &asked.to_string());
    let subjects = answered["subjects"].as_array().unwrap();
    let hits = subjects.iter().flat_map(|subject| subject["hits"].as_array().unwrap());
    let revoke = |(at, hit): (usize, &Value)| json!({"key": format!("k{at}"), "change": "revoke", "list": hit["list"]["code"], "entry": hit["entry"]});
    let changes: Vec<Value> = hits.enumerate().map(revoke).collect();
    let most = changes.len();
    assert!(most > 1);
    let (_, recorded) =
        ask(&address, "POST", "/v1/changes", &json!({ "changes": changes }).to_string());
    // SIGKILL.
    drop(service);
    assert_eq!((&recorded["refused"], &recorded["change"]), (&json!(0), &json!(most)));
    let path = home.folder.path().join("audit/recalls.jsonl");
    let noted = || std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(noted(), "", "it was killed too late for what is tested here");

    // Each start builds a snapshot that holds the changes.
    let recalled = || {
        let (service, address, _log) = served(&home);
        let recalls = || ask(&address, "GET", "/v1/recalls", "").1["recalls"].clone();
        let begun = std::time::Instant::now();
        while recalls().as_array().unwrap().len() < most {
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", recalls());
            std::thread::sleep(Duration::from_millis(20));
        }
        let recalls = recalls();
        drop(service);
        recalls
    };
    let first = recalled();
    for (at, (recall, change)) in first.as_array().unwrap().iter().zip(&changes).enumerate() {
        assert_eq!((&recall["number"], &recall["change"]), (&json!(at + 1), &json!(at + 1)));
        assert_eq!((&recall["list"], &recall["entry"]), (&change["list"], &change["entry"]));
        assert_eq!(recall["relied"][0]["answers"][0]["receipt"], answered["receipt"]);
    }
    let text = noted().replacen("\"change\":1,", "", 1);
    std::fs::write(&path, &text[..text.len() - 9]).unwrap();
    let again = recalled();
    assert_eq!(again.as_array().unwrap().len(), most, "{again}");
    assert_eq!((&again[0]["change"], &again[most - 1]["change"]), (&Value::Null, &json!(most)));
    assert_eq!(again[most - 1]["relied"], first[most - 1]["relied"]);
}
