//! Who may ask: keys, signatures, scopes, lists, pace, over real sockets.

use super::{Client, Reply, Running, config, ground, jobs, real_now, start_desk};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ground::{BLACK, MATTER, RED_AND_BLACK, RED_MATTER, STALE_MATTER};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use sm3::Sm3;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use xincha::audit::find::Sought;
use xincha::audit::reader::Reader;
use xincha::audit::{Act, AuditConfig, Keeping, Log};
use xincha::clients::{Clients, Hash, Key, Roll};
use xincha::http::gate::{FREE, NEEDS};
use xincha::http::{Code, Desk, Refusal, Refusals, routes};
use xincha::jobs::{Jobs, JobsConfig, Working};
use xincha::ledger::FileLedger;
use xincha::live::{Live, Recorder, Recording};

const SECRET: &str = "a secret of the tests";

/// A server that knows clients.
struct Guarded {
    server: Running,
    clients: Clients,
    refusals: Refusals,
    log: Log,
    _keeping: Keeping,
    _working: Working,
    recording: Option<Recording>,
    _folder: tempfile::TempDir,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.server.stop();
        self.recording.take().into_iter().for_each(Recording::stop);
    }
}

fn guarded(text: &str) -> Guarded {
    let (snapshot, view) = ground::view(real_now());
    let folder = tempfile::tempdir().unwrap();
    let generation = view.generation.clone();
    let ledger = FileLedger::open(&folder.path().join("ledger.redb")).unwrap();
    let live = Live::default();
    let (recorder, recording) = Recorder::start(live.clone(), Arc::new(ledger)).unwrap();
    recorder.swap(generation).unwrap();
    let jobs = JobsConfig { folder: folder.path().join("jobs"), threads: 1, ..Default::default() };
    let audit =
        AuditConfig { seal_ms: 20, segment_mib: 1, ..AuditConfig::at(folder.path().join("audit")) };
    let (log, keeping) = Log::open(audit, config().workers).unwrap();
    let clients = Clients::of(Roll::parse(text, None).unwrap());
    let (jobs, working) =
        Jobs::start(jobs, live.clone(), Some(log.clone()), clients.clone(), None).unwrap();
    let refusals = Refusals::recorded(log.clone());
    let desk = Desk {
        recorder: Some(recorder),
        jobs: Some(jobs),
        audit: Some(log.clone()),
        clients: clients.clone(),
        refusals: refusals.clone(),
        ..Desk::from(live)
    };
    let server = start_desk(config(), desk, Some(snapshot));
    Guarded {
        server,
        clients,
        refusals,
        log,
        _keeping: keeping,
        _working: working,
        recording: Some(recording),
        _folder: folder,
    }
}

fn bearer(key: &Key) -> String {
    format!("authorization: Bearer {}\r\n", key.reveal())
}

/// What asks under a header, on a connection of its own.
fn ask(server: &Running, method: &str, path: &str, header: &str, body: &Value) -> Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.connect().request(method, path, header, body.as_bytes())
}

fn check_body() -> Value {
    json!({"matter": MATTER, "subjects": [{"ref": "a", "name": BLACK.0, "id": BLACK.1}]})
}

#[test]
fn a_key_opens_what_its_scopes_say_and_nothing_else() {
    let (key, stranger) = (Key::generate().unwrap(), Key::generate().unwrap());
    let text = format!("[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\", \"read\"]\n", key.digest);
    let Guarded { server, refusals, .. } = &guarded(&text);
    assert_eq!(ask(server, "POST", "/v1/check", &bearer(&key), &check_body()).status, 200);
    for header in [
        String::new(),
        bearer(&stranger),
        "authorization: Basic eDp5\r\n".to_owned(),
        "authorization: Bearer\r\n".to_owned(),
        bearer(&key).replace("xc_", "xc-"),
        "authorization: XC-HMAC-SHA256 client=a\r\n".to_owned(),
    ] {
        let reply = ask(server, "POST", "/v1/check", &header, &check_body());
        reply.problem(Code::Unauthenticated);
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer realm="));
    }
    assert_eq!((refusals.count(Refusal::Nobody), refusals.count(Refusal::Unknown)), (1, 5));
    for path in FREE {
        assert_eq!(ask(server, "GET", path, "", &Value::Null).status, 200, "{path}");
    }
    ask(server, "GET", "/nothing", "", &Value::Null).problem(Code::NotFound);
    for (path, methods) in routes::PATHS {
        let Some((_, scope)) = NEEDS.iter().find(|(template, _)| *template == path) else {
            continue;
        };
        for method in methods {
            let reply = ask(server, method, path, &bearer(&key), &Value::Null);
            let is_open = ["check", "read"].contains(&scope.code());
            assert_eq!(reply.status != 403, is_open, "{method} {path}");
            if !is_open {
                let detail = reply.problem(Code::Forbidden)["detail"].to_string();
                assert!(detail.contains(scope.code()), "{detail}");
            }
        }
    }
    // A section's evidence is what its screening is.
    let section = json!({"matter": MATTER, "bidders": [{"ref": "a", "id": BLACK.1}]});
    ask(server, "POST", "/v1/evidence", &bearer(&key), &section).problem(Code::Forbidden);
    assert_eq!(ask(server, "POST", "/v1/evidence", &bearer(&key), &check_body()).status, 200);
}

#[test]
fn a_client_sees_its_own_receipts_and_recalls_and_who_audits_sees_all() {
    let [one, other, auditor, stranger] = [0; 4].map(|_| Key::generate().unwrap());
    let of = |name: &str, key: &Key, scopes: &str| {
        format!("[client.{name}]\nkeys = [\"{}\"]\nscopes = [{scopes}]\n", key.digest)
    };
    let text = [
        of("one", &one, "\"check\""),
        of("other", &other, "\"check\", \"search\""),
        of("auditor", &auditor, "\"audit\""),
    ];
    let guarded = guarded(&text.concat());
    let server = &guarded.server;
    let asked = |key: &Key, method: &str, path: &str, body: &Value| {
        ask(server, method, path, &bearer(key), body)
    };
    let answer = asked(&one, "POST", "/v1/check", &check_body()).json();
    asked(&other, "POST", "/v1/check", &check_body());
    let path = format!("/v1/receipts/{}", answer["receipt"].as_str().unwrap());
    for (key, may) in [(&one, true), (&other, false), (&auditor, true)] {
        let reply = asked(key, "GET", &path, &Value::Null);
        if may {
            assert_eq!(reply.json()["record"]["client"], "one");
        } else {
            reply.problem(Code::NoSuchReceipt);
        }
    }
    asked(&stranger, "GET", &path, &Value::Null).problem(Code::Unauthenticated);
    let hit = &answer["subjects"][0]["hits"][0];
    let recall = json!({"list": hit["list"]["code"], "entry": hit["entry"], "reason": "更正"});
    asked(&one, "POST", "/v1/recalls", &recall).problem(Code::Forbidden);
    let all = asked(&auditor, "POST", "/v1/recalls", &recall).json();
    let clients = |notice: &Value| -> Vec<String> {
        let relied = notice["relied"].as_array().unwrap().iter();
        relied.map(|it| it["client"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(clients(&all), ["one", "other"]);
    for (key, seen) in
        [(&one, vec!["one"]), (&other, vec!["other"]), (&auditor, vec!["one", "other"])]
    {
        let feed = asked(key, "GET", "/v1/recalls", &Value::Null).json();
        assert_eq!(clients(&feed["recalls"][0]), seen);
    }

    // Who was not let in is recorded too, a bounded number a second.
    for _ in 0..100 {
        asked(&stranger, "POST", "/v1/check", &check_body()).problem(Code::Unauthenticated);
    }
    let mut refused = 0;
    let sought = Sought { acts: vec![Act::Refused], ..Sought::default() };
    sought
        .each(&Reader::new(guarded.log.folder()), |kept| {
            assert!(["unknown", "scope"].contains(&kept.record.outcome));
            refused += 1;
        })
        .unwrap();
    assert!((3..100).contains(&refused), "{refused}");
}

#[test]
fn expiry_and_address_are_told_apart() {
    let [late, far, here] = [0; 3].map(|_| Key::generate().unwrap());
    let today = real_now().day();
    let of = |name: &str, key: &Key, more: String| {
        format!("[client.{name}]\nkeys = [\"{}\"]\nscopes = [\"read\"]\n{more}\n", key.digest)
    };
    let text = [
        of("late", &late, format!("expires = \"{}\"", today.plus(-1))),
        of("far", &far, "addresses = [\"10.0.0.0/8\"]".to_owned()),
        of("here", &here, format!("addresses = [\"127.0.0.1\"]\nexpires = \"{}\"", today.plus(1))),
    ];
    let Guarded { server, refusals, .. } = &guarded(&text.concat());
    for (key, word) in [(&late, "expired"), (&far, "address")] {
        let reply = ask(server, "GET", "/v1/lists", &bearer(key), &Value::Null);
        let detail = reply.problem(Code::Forbidden)["detail"].to_string();
        assert!(detail.contains(word), "{detail}");
    }
    assert_eq!(ask(server, "GET", "/v1/lists", &bearer(&here), &Value::Null).status, 200);
    assert_eq!((refusals.count(Refusal::Expired), refusals.count(Refusal::Address)), (1, 1));
}

#[test]
fn matters_and_lists_are_held_wherever_they_are_asked_for() {
    let (by_matter, by_list) = (Key::generate().unwrap(), Key::generate().unwrap());
    let scopes = r#"scopes = ["check", "screen", "search", "batch", "change"]"#;
    let text = format!(
        "[client.m]\nkeys = [\"{}\"]\n{scopes}\nmatters = [\"{MATTER}\"]\nchange_lists = [\"zfcg\"]\n\
         [client.l]\nkeys = [\"{}\"]\n{scopes}\nlists = [\"sxbzxr\"]\npurpose = false\n",
        by_matter.digest, by_list.digest
    );
    let Guarded { server, .. } = &guarded(&text);
    let forbidden = |key: &Key, path: &str, body: Value, pointer: &str| {
        let reply = ask(server, "POST", path, &bearer(key), &body);
        assert_eq!(reply.problem(Code::Forbidden)["pointer"], pointer, "{path}");
    };
    let other = json!({"matter": STALE_MATTER, "subjects": [{"ref": "a", "id": BLACK.1}]});
    forbidden(&by_matter, "/v1/check", other.clone(), "/matter");
    forbidden(&by_matter, "/v1/evidence", other, "/matter");
    let section = json!({"matter": STALE_MATTER, "bidders": [{"ref": "a", "id": BLACK.1}]});
    forbidden(&by_matter, "/v1/screen", section, "/matter");
    assert_eq!(ask(server, "POST", "/v1/check", &bearer(&by_matter), &check_body()).status, 200);
    let change = |list: &str| json!({"changes": [{"key": "k", "change": "repair", "list": list, "entry": "e"}]});
    forbidden(&by_matter, "/v1/changes", change("sxbzxr"), "/changes/0/list");
    let reply = ask(server, "POST", "/v1/changes", &bearer(&by_matter), &change("zfcg"));
    assert_eq!(reply.status, 200);

    forbidden(&by_list, "/v1/check", check_body(), "/matter");
    forbidden(&by_list, "/v1/search", json!({"name": "某某"}), "/list");
    forbidden(&by_list, "/v1/suggest", json!({"prefix": "某", "list": "zfcg"}), "/list");
    forbidden(
        &by_list,
        "/v1/cross",
        json!({"expression": "list:sxbzxr & list:zfcg"}),
        "/expression",
    );
    forbidden(&by_list, "/v1/cross", json!({"matrix": true}), "/expression");
    let query = json!({"queries": {"a": {"schema": "Company", "properties": {"name": ["某某"]}}}});
    forbidden(&by_list, "/match/default", query.clone(), "/params/include_dataset");
    for (path, body) in [
        ("/v1/search", json!({"name": "某某", "list": "sxbzxr"})),
        ("/v1/cross", json!({"expression": "list:sxbzxr"})),
        ("/match/sxbzxr", query),
    ] {
        assert_eq!(ask(server, "POST", path, &bearer(&by_list), &body).status, 200, "{path}");
    }
    let upload = |key: &Key, options: Value| {
        let form = format!(
            "--x\r\ncontent-disposition: form-data; name=\"options\"\r\n\r\n{options}\r\n\
             --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nid\n1\n\r\n--x--\r\n"
        );
        let headers = format!("{}content-type: multipart/form-data; boundary=x\r\n", bearer(key));
        server.connect().request("POST", "/v1/jobs", &headers, form.as_bytes())
    };
    for (key, options) in [
        (&by_list, json!({})),
        (&by_list, json!({"matter": MATTER})),
        (&by_matter, json!({})),
        (&by_matter, json!({"matter": STALE_MATTER})),
    ] {
        let problem = upload(key, options).problem(Code::Forbidden);
        assert_eq!(problem["pointer"], "/matter");
    }
    let told = json!({"matter": MATTER, "reason": "年度核查"});
    assert_eq!(upload(&by_matter, told).status, 202);
    let mine = |key: &Key| {
        let reply = ask(server, "GET", "/v1/jobs", &bearer(key), &Value::Null);
        reply.json()["jobs"].as_array().unwrap().len()
    };
    assert_eq!((mine(&by_matter), mine(&by_list)), (1, 0), "jobs are a client's, not an address's");
}

#[test]
fn a_crossing_tells_only_lists_that_its_client_may_use() {
    let [few, all] = [0; 2].map(|_| Key::generate().unwrap());
    let text = format!(
        "[client.few]\nkeys = [\"{}\"]\nscopes = [\"batch\"]\nlists = [\"sxbzxr\"]\n\
         [client.all]\nkeys = [\"{}\"]\nscopes = [\"batch\"]\n",
        few.digest, all.digest
    );
    let Guarded { server, .. } = &guarded(&text);
    let crossed = |key: &Key| {
        let body = json!({"expression": "list:sxbzxr", "limit": 100});
        ask(server, "POST", "/v1/cross", &bearer(key), &body).json()
    };
    let (few, all) = (crossed(&few), crossed(&all));
    for list in ["zfcg", "nsxy_a"] {
        assert!(all.to_string().contains(list) && !few.to_string().contains(list), "{few}");
    }
    assert_eq!(few["lists"][0]["subjects"], few["subjects"]);
    for what in ["subjects", "unidentified"] {
        assert_eq!(few[what], all[what]);
    }
    let found = |answer: &Value| {
        let findings = answer["findings"].as_array().unwrap().iter();
        findings.map(|it| [&it["kind"], &it["left"]].map(Value::clone)).collect::<Vec<_>>()
    };
    assert_eq!(found(&few), found(&all));
}

#[test]
fn red_against_black_is_told_to_whom_may_use_both_lists() {
    let [few, all, red] = [0; 3].map(|_| Key::generate().unwrap());
    let scopes = r#"scopes = ["check", "screen", "search", "batch"]"#;
    let of = |name: &str, key: &Key, lists: &str| {
        format!(
            "[client.{name}]\nkeys = [\"{}\"]\n{scopes}\npurpose = false\n{lists}\n",
            key.digest
        )
    };
    let text = [
        of("few", &few, "lists = [\"sxbzxr\", \"jycm\"]"),
        of("all", &all, ""),
        of("red", &red, "lists = [\"sxbzxr\", \"nsxy_a\"]"),
    ];
    let Guarded { server, .. } = &guarded(&text.concat());
    let subject = json!({"ref": "a", "name": RED_AND_BLACK.0, "id": RED_AND_BLACK.1});
    let check = |matter: &str| json!({"matter": matter, "subjects": [subject]});
    let section = |matter: &str| json!({"matter": matter, "bidders": [subject]});
    let post = |key: &Key, path: &str, body: &Value| ask(server, "POST", path, &bearer(key), body);
    let told = |key: &Key, path: &str, body: &Value| {
        let reply = post(key, path, body);
        assert_eq!(reply.status, 200, "{path}");
        String::from_utf8(reply.body).unwrap()
    };
    for (path, body) in [
        ("/v1/check", check(STALE_MATTER)),
        ("/v1/screen", section(STALE_MATTER)),
        ("/v1/evidence", check(STALE_MATTER)),
        ("/v1/evidence", section(STALE_MATTER)),
    ] {
        assert!(told(&all, path, &body).contains("nsxy_a"), "{path}");
        assert!(!told(&few, path, &body).contains("nsxy_a"), "{path}");
    }
    let rests_on = |key: &Key| {
        let answer: Value =
            serde_json::from_str(&told(key, "/v1/check", &check(STALE_MATTER))).unwrap();
        let path = format!("/v1/receipts/{}", answer["receipt"].as_str().unwrap());
        let receipt = ask(server, "GET", &path, &bearer(key), &Value::Null);
        receipt.json()["record"]["cited"].as_array().unwrap().len()
    };
    assert_eq!((rests_on(&few), rests_on(&all)), (1, 2));
    let hand_in = |key: &Key, matter: &str| {
        let options = json!({"matter": matter});
        let row = format!("name,uscc\n{},{}\n", RED_AND_BLACK.0, RED_AND_BLACK.1);
        let form = jobs::form(Some(&options), "a.csv", row.as_bytes());
        let kind = "content-type: multipart/form-data; boundary=------xincha\r\n";
        server.connect().request("POST", "/v1/jobs", &(bearer(key) + kind), &form)
    };
    let result = |key: &Key| {
        let job = jobs::taken(&hand_in(key, STALE_MATTER));
        let get = |path: &str| ask(server, "GET", path, &bearer(key), &Value::Null);
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        while get(&path).json()["state"] != "done" {
            std::thread::sleep(Duration::from_millis(10));
        }
        String::from_utf8(get(&format!("{path}/result")).body).unwrap()
    };
    assert!(result(&all).contains("red_and_black"));
    assert!(!result(&few).contains("red_and_black"));

    // What favours a subject rests on all lists that may stand against it.
    let query = json!({
        "queries": {"a": {"schema": "Company", "properties": {"uscCode": [RED_AND_BLACK.1]}}},
        "params": {"matter": RED_MATTER, "include_dataset": ["sxbzxr"]},
    });
    for (path, body, pointer) in [
        ("/v1/check", check(RED_MATTER), "/matter"),
        ("/v1/screen", section(RED_MATTER), "/matter"),
        ("/v1/evidence", check(RED_MATTER), "/matter"),
        ("/match/default", query, "/params/matter"),
    ] {
        let problem = post(&red, path, &body).problem(Code::Forbidden);
        assert_eq!(problem["pointer"], pointer, "{path}");
        assert!(problem["detail"].to_string().contains("zfcg"), "{problem}");
        assert_eq!(post(&all, path, &body).status, 200, "{path}");
    }
    hand_in(&red, RED_MATTER).problem(Code::Forbidden);
}

#[test]
fn who_asks_too_much_is_told_when_to_come_again() {
    let key = Key::generate().unwrap();
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\"]\nper_second = 1\nburst = 3\n",
        key.digest
    );
    let Guarded { server, refusals, .. } = &guarded(&text);
    let mut client = server.connect();
    let mut ask =
        || client.request("POST", "/v1/check", &bearer(&key), check_body().to_string().as_bytes());
    let statuses: Vec<u16> = (0..4).map(|_| ask().status).collect();
    assert_eq!(statuses[..3], [200; 3]);
    let reply = ask();
    reply.problem(Code::TooManyRequests);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert!(refusals.count(Refusal::Pace) >= 1);
}

#[test]
fn as_many_requests_of_a_client_are_answered_at_once_as_may_be() {
    let key = Key::generate().unwrap();
    let text =
        format!("[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\"]\nconcurrency = 1\n", key.digest);
    let Guarded { server, .. } = &guarded(&text);
    let body = check_body().to_string();
    let mut slow = server.connect();
    slow.send(
        format!(
            "POST /v1/check HTTP/1.1\r\nhost: x\r\n{}content-length: {}\r\n\r\n",
            bearer(&key),
            body.len()
        )
        .as_bytes(),
    );
    std::thread::sleep(Duration::from_millis(200));
    let reply = ask(server, "POST", "/v1/check", &bearer(&key), &check_body());
    reply.problem(Code::TooManyRequests);
    assert_eq!(reply.header("retry-after"), Some("1"));
    slow.send(body.as_bytes());
    assert_eq!(slow.reply(true).status, 200);
    assert_eq!(ask(server, "POST", "/v1/check", &bearer(&key), &check_body()).status, 200);
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

fn code(hash: Hash, text: &str) -> String {
    fn of<M: Mac + KeyInit>(text: &str) -> Vec<u8> {
        let mut mac = <M as KeyInit>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
    BASE64_STANDARD.encode(match hash {
        Hash::Sha256 => of::<Hmac<Sha256>>(text),
        Hash::Sm3 => of::<Hmac<Sm3>>(text),
    })
}

fn signed(hash: Hash, key: &str, time: u64, nonce: &str, body: &str) -> String {
    let digest = BASE64_STANDARD.encode(hash.of(body.as_bytes()));
    let signature = code(hash, &format!("POST\n/v1/check\n{time}\n{nonce}\n{digest}"));
    let scheme = if hash == Hash::Sm3 { "XC-HMAC-SM3" } else { "XC-HMAC-SHA256" };
    format!(
        "authorization: {scheme} client=a, key={key}, time={time}, nonce={nonce}, body={digest}, signature={signature}\r\n"
    )
}

#[test]
fn what_is_refused_uses_no_nonce_up() {
    let secret = format!("secrets = [{{ id = \"k\", secret = \"{SECRET}\" }}]\n");
    let pace = "per_second = 1\nburst = 1\n";
    let text = format!("[client.a]\nscopes = [\"check\"]\n{pace}{secret}");
    let Guarded { server, .. } = &guarded(&text);
    let body = check_body().to_string();
    let header = |nonce| signed(Hash::Sha256, "k", now_ms(), nonce, &body);
    let send =
        |header: &str| server.connect().request("POST", "/v1/check", header, body.as_bytes());
    let (first, second) = (header("0123456789abcdef"), header("0123456789abcdeg"));
    assert_eq!(send(&first).status, 200);
    let refused = send(&second);
    refused.problem(Code::TooManyRequests);
    send(&first).problem(Code::Unauthenticated);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    std::thread::sleep(Duration::from_secs(wait));
    assert_eq!(send(&second).status, 200, "it was not answered yet");
    send(&second).problem(Code::Unauthenticated);
}

#[test]
fn a_signed_request_counts_once_and_as_it_was_signed() {
    let text = format!(
        "[client.a]\nscopes = [\"check\", \"read\", \"change\"]\nsecrets = [\n\
         {{ id = \"k256\", secret = \"{SECRET}\" }},\n\
         {{ id = \"ksm3\", secret = \"{SECRET}\", algorithm = \"hmac-sm3\" }},\n\
         {{ id = \"time\", secret = \"{SECRET}\", style = \"id_time\" }},\n\
         {{ id = \"tif\", secret = \"{SECRET}\", style = \"token_nonce\" }},\n]\n"
    );
    let Guarded { server, refusals, .. } = &guarded(&text);
    let body = check_body().to_string();
    let send = |header: &str, body: &str| {
        server.connect().request("POST", "/v1/check", header, body.as_bytes())
    };
    for (hash, key) in [(Hash::Sha256, "k256"), (Hash::Sm3, "ksm3")] {
        let header = signed(hash, key, now_ms(), "0123456789abcdef", &body);
        assert_eq!(send(&header, &body).status, 200, "{header}");
        let again = send(&header, &body).problem(Code::Unauthenticated);
        assert!(again["detail"].to_string().contains("nonce"), "{again}");
        let other = signed(hash, key, now_ms(), "another nonce of it", &body);
        let altered = send(&other, &body.replace("\"a\"", "\"b\"")).problem(Code::Unauthenticated);
        assert!(altered["detail"].to_string().contains("body"), "{altered}");
        let stale = signed(hash, key, now_ms() - 301_000, "a third nonce of it", &body);
        send(&stale, &body).problem(Code::Unauthenticated);
        let forged = header.replace("nonce=0", "nonce=1");
        send(&forged, &body).problem(Code::Unauthenticated);
        let exchanged =
            header.replace("k256", "tmp").replace("ksm3", "k256").replace("tmp", "ksm3");
        send(&exchanged, &body).problem(Code::Unauthenticated);
    }
    assert_eq!((refusals.count(Refusal::Replayed), refusals.count(Refusal::Altered)), (2, 2));
    assert_eq!(refusals.count(Refusal::Unsigned), 4);

    // What is routed is read before anything is done with it.
    let change =
        json!({"changes": [{"key": "k", "change": "repair", "list": "zfcg", "entry": "e"}]});
    let (change, time) = (change.to_string(), now_ms());
    let digest = hex::encode(Hash::Sha256.of(change.as_bytes()));
    for (sent, status) in [(change.replace("repair", "revoke"), 401), (change, 200)] {
        let nonce = format!("nonce of the change {status}").replace(' ', "-");
        let signature =
            code(Hash::Sha256, &format!("POST\n/v1/changes\n{time}\n{nonce}\n{digest}"));
        let header = format!(
            "authorization: XC-HMAC-SHA256 client=a,key=k256,time={time},nonce={nonce},body={digest},signature={signature}\r\n"
        );
        let reply = server.connect().request("POST", "/v1/changes", &header, sent.as_bytes());
        assert_eq!(reply.status, status);
    }

    let seconds = now_ms() / 1000;
    let header = |id: &str, signature: &str| {
        format!("x-app-id: {id}\r\nx-timestamp: {seconds}\r\nx-signature: {signature}\r\n")
    };
    let signature = code(Hash::Sha256, &format!("time{seconds}"));
    assert_eq!(send(&header("time", &signature), &body).status, 200);
    send(&header("tif", &signature), &body).problem(Code::Unauthenticated);
    send(&header("time", &signature.to_lowercase()), &body).problem(Code::Unauthenticated);
    let nonce = "0123456789abcdef";
    let signature = Hash::Sha256.of(format!("{seconds}{SECRET}{nonce}{seconds}").as_bytes());
    let header = format!(
        "x-tif-paasid: tif\r\nx-tif-timestamp: {seconds}\r\nx-tif-nonce: {nonce}\r\nx-tif-signature: {}\r\n",
        hex::encode_upper(signature)
    );
    assert_eq!(send(&header, &body).status, 200);
    send(&header, &body).problem(Code::Unauthenticated);
}

#[test]
fn what_was_signed_before_the_start_alters_nothing() {
    let text = format!(
        "[client.a]\nscopes = [\"check\", \"change\"]\n\
         secrets = [{{ id = \"k\", secret = \"{SECRET}\" }}]\n"
    );
    let before = now_ms() - 1;
    let Guarded { server, refusals, .. } = &guarded(&text);
    let change =
        json!({"changes": [{"key": "k", "change": "repair", "list": "zfcg", "entry": "e"}]});
    let send = |path: &str, body: &Value, time: u64, nonce: &str| {
        let body = body.to_string();
        let digest = hex::encode(Hash::Sha256.of(body.as_bytes()));
        let signature = code(Hash::Sha256, &format!("POST\n{path}\n{time}\n{nonce}\n{digest}"));
        let header = format!(
            "authorization: XC-HMAC-SHA256 client=a,key=k,time={time},nonce={nonce},body={digest},signature={signature}\r\n"
        );
        server.connect().request("POST", path, &header, body.as_bytes())
    };
    let problem =
        send("/v1/changes", &change, before, "0123456789abcdef").problem(Code::Unauthenticated);
    assert!(problem["detail"].to_string().contains("sign it anew"), "{problem}");
    assert_eq!(refusals.count(Refusal::Early), 1);
    assert_eq!(send("/v1/changes", &change, now_ms(), "0123456789abcdef").status, 200);
    assert_eq!(send("/v1/check", &check_body(), before, "0123456789abcdeg").status, 200);
}

#[test]
fn a_file_is_applied_while_the_service_runs_unless_it_is_broken() {
    let (first, second) = (Key::generate().unwrap(), Key::generate().unwrap());
    let of = |key: &Key| format!("[client.a]\nkeys = [\"{}\"]\nscopes = [\"read\"]\n", key.digest);
    let Guarded { server, clients, .. } = &guarded(&of(&first));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clients.toml");
    let _watching = clients.watch(path.clone(), |_| ()).unwrap();
    let mut connection: Client = server.connect();
    let mut opens =
        |key: &Key| connection.request("GET", "/v1/lists", &bearer(key), b"").status == 200;
    assert!(opens(&first) && !opens(&second));
    std::fs::write(&path, of(&second)).unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!opens(&first) && opens(&second));
    std::fs::write(&path, of(&first) + "colour = \"red\"\n").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!opens(&first) && opens(&second), "nothing of a broken file counts");
    std::fs::write(&path, "").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(!opens(&first) && !opens(&second), "nobody is left, and the door stays shut");
}

#[test]
fn natural_persons_are_asked_about_for_a_purpose() {
    let (key, free) = (Key::generate().unwrap(), Key::generate().unwrap());
    let scopes = r#"scopes = ["check", "screen", "search"]"#;
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\n{scopes}\n[client.b]\nkeys = [\"{}\"]\n{scopes}\npurpose = false\n",
        key.digest, free.digest
    );
    let Guarded { server, .. } = &guarded(&text);
    let post = |key: &Key, path: &str, body: &Value| ask(server, "POST", path, &bearer(key), body);
    let person = json!({"ref": "a", "name": "李清照", "id": "110101190001010022"});
    let named = json!({"ref": "a", "name": "李清照", "kind": "natural_person"});
    let hidden = json!({"ref": "a", "name": "李清照", "id": "1101011900****0022"});
    let disguised = json!({"ref": "a", "ids": [{"kind": "uscc", "value": "110101190001010022"}]});
    for subject in [&person, &named, &hidden, &disguised] {
        let mut body = json!({"matter": MATTER, "subjects": [subject]});
        for path in ["/v1/check", "/v1/evidence"] {
            let problem = post(&key, path, &body).problem(Code::MissingPurpose);
            assert_eq!(problem["pointer"], "/case", "{path} {subject}");
            assert_eq!(post(&free, path, &body).status, 200);
        }
        body["case"] = json!("c1");
        body["operator"] = json!(" ");
        let problem = post(&key, "/v1/check", &body).problem(Code::MissingPurpose);
        assert_eq!(problem["pointer"], "/operator");
        body["operator"] = json!("u1");
        assert_eq!(post(&key, "/v1/check", &body).status, 200);
    }
    let numbers = json!({"matter": MATTER, "identifiers": [BLACK.1, "110101190001010022"]});
    post(&key, "/v1/check", &numbers).problem(Code::MissingPurpose);
    assert_eq!(post(&key, "/v1/check", &check_body()).status, 200, "a company needs none");
    let mut section = json!({"matter": MATTER, "bidders": [{"ref": "a", "id": BLACK.1, "persons": [
        {"role": "legal_representative", "name": "李清照"}]}]});
    post(&key, "/v1/screen", &section).problem(Code::MissingPurpose);
    section["case"] = json!("c1");
    section["operator"] = json!("u1");
    assert_eq!(post(&key, "/v1/screen", &section).status, 200);

    let query = json!({"queries": {"a": {"schema": "Company", "properties": {"name": ["某某"]}}}});
    let mut with_params = query.clone();
    with_params["params"] = json!({});
    for (path, body, pointer) in [
        ("/v1/search", json!({"name": "某某"}), "/reason"),
        ("/v1/suggest", json!({"prefix": "某"}), "/reason"),
        ("/match/default", with_params, "/params/reason"),
    ] {
        assert_eq!(post(&key, path, &body).problem(Code::MissingPurpose)["pointer"], pointer);
        assert_eq!(post(&free, path, &body).status, 200, "{path}");
        let told = |reason: &str| {
            let mut body = body.clone();
            *match path {
                "/match/default" => &mut body["params"]["reason"],
                _ => &mut body["reason"],
            } = json!(reason);
            body
        };
        assert_eq!(post(&key, path, &told("办件核对")).status, 200, "{path}");
        post(&key, path, &told(&"x".repeat(201))).problem(Code::ValueTooLong);
    }
    let in_url = ask(server, "POST", "/match/default?reason=x", &bearer(&key), &query);
    in_url.problem(Code::MissingPurpose);
}

#[test]
fn who_asks_about_one_stranger_after_the_other_is_slowed() {
    let key = Key::generate().unwrap();
    let text =
        format!("[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\"]\nmisses = 3\n", key.digest);
    let Guarded { server, .. } = &guarded(&text);
    let post = |body: &Value| ask(server, "POST", "/v1/check", &bearer(&key), body);
    let about = |operator: &str, number: usize| {
        let person =
            json!({"ref": "a", "name": "某某", "id": format!("11010119000101{number:04}")});
        post(&json!({"matter": MATTER, "case": "c", "operator": operator, "subjects": [person]}))
    };
    for _ in 0..5 {
        assert_eq!(about("u1", 1000).status, 200, "one person again and again is one");
    }
    for number in 1001..1004 {
        assert_eq!(about("u1", number).status, 200);
    }
    let reply = about("u1", 1000);
    assert_eq!(reply.problem(Code::TooManyRequests)["pointer"], "/operator");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((500..=600).contains(&wait), "{wait}");
    assert_eq!(about("u2", 1005).status, 200, "others are not");
    assert_eq!(post(&check_body()).status, 200, "nor is who asks about bodies");
    let persons: Vec<String> = (2000..2004).map(|n| format!("11010119000101{n:04}")).collect();
    let numbers = json!({"matter": MATTER, "case": "c", "operator": "u3", "identifiers": persons});
    assert_eq!(post(&numbers).status, 200);
    post(&numbers).problem(Code::TooManyRequests);
    // Of several numbers of one subject each is a guess, though another of them is on a list.
    let several = |ids: &[&str]| {
        let ids: Vec<Value> =
            ids.iter().map(|id| json!({"kind": "resident_id", "value": id})).collect();
        let person = json!({"ref": "a", "name": ground::PERSON.0, "ids": ids});
        post(&json!({"matter": MATTER, "case": "c", "operator": "u4", "subjects": [person]}))
    };
    let guesses = &persons.iter().map(String::as_str).collect::<Vec<_>>();
    for _ in 0..2 {
        assert_eq!(several(&[ground::PERSON.1, guesses[0]]).status, 200);
    }
    assert_eq!(several(&[&[ground::PERSON.1], &guesses[..]].concat()).status, 200);
    several(&[ground::PERSON.1]).problem(Code::TooManyRequests);
}

#[test]
fn operators_that_are_invented_and_matches_are_slowed_too() {
    let [one, other] = [0; 2].map(|_| Key::generate().unwrap());
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nscopes = [\"check\"]\nmisses_total = 3\n\
         [client.b]\nkeys = [\"{}\"]\nscopes = [\"search\"]\nmisses = 3\n",
        one.digest, other.digest
    );
    let Guarded { server, .. } = &guarded(&text);
    let number = |at: usize| format!("11010119000101{at:04}");
    let check = |at: usize| {
        let person = json!({"ref": "a", "name": "某某", "id": number(at)});
        let (case, operator) = ("c", format!("u{at}"));
        let body =
            json!({"matter": MATTER, "case": case, "operator": operator, "subjects": [person]});
        ask(server, "POST", "/v1/check", &bearer(&one), &body)
    };
    for at in 1000..1004 {
        assert_eq!(check(at).status, 200);
    }
    check(1004).problem(Code::TooManyRequests);
    let of = |schema: &str, number: &str| {
        let query = json!({"schema": schema, "properties": {"idNumber": [number]}});
        let body = json!({"queries": {"q": query}, "params": {"reason": "办件核对"}});
        ask(server, "POST", "/match/default", &bearer(&other), &body)
    };
    for at in 1000..1004 {
        assert_eq!(of(["Person", "LegalEntity"][at % 2], &number(at)).status, 200);
    }
    let reply = of("Person", &number(1004));
    assert_eq!(reply.problem(Code::TooManyRequests)["pointer"], "/queries");
    assert_eq!(of("Company", BLACK.1).status, 200, "who asks about bodies is not");
}

#[test]
fn days_of_birth_that_are_tried_are_counted_each() {
    let [one, other] = [0; 2].map(|_| Key::generate().unwrap());
    let of = |name: &str, key: &Key| {
        format!("[client.{name}]\nkeys = [\"{}\"]\nscopes = [\"search\"]\nmisses = 3\n", key.digest)
    };
    let Guarded { server, .. } = &guarded(&(of("a", &one) + &of("b", &other)));
    let params = json!({"reason": "办件核对", "cutoff": 0.1, "threshold": 0.2});
    let ask_with = |key: &Key, schema: &str, properties: Value| {
        let query = json!({"schema": schema, "properties": properties});
        let body = json!({"queries": {"q": query}, "params": params});
        ask(server, "POST", "/match/default", &bearer(key), &body)
    };
    let named = |day: &str| json!({"name": [ground::PERSON.0], "birthDate": [day]});
    for _ in 0..5 {
        assert_eq!(ask_with(&one, "Person", named("1900-01-01")).status, 200, "it is the person's");
        assert_eq!(ask_with(&one, "Person", named("1900")).status, 200, "it is not compared");
    }
    for day in 2..6 {
        let schema = ["Person", "Thing"][day % 2];
        assert_eq!(ask_with(&one, schema, named(&format!("1900-01-0{day}"))).status, 200);
    }
    ask_with(&one, "Thing", named("1900-01-06")).problem(Code::TooManyRequests);
    // With whatever else, and for several names at once.
    let several = json!({"name": [ground::PERSON.0, ground::HIDDEN.0], "passportNumber": "E12345678",
        "birthDate": ["1901-01-02", "1901-01-03"]});
    assert_eq!(ask_with(&other, "Person", several).status, 200);
    ask_with(&other, "Person", named("1900-01-01")).problem(Code::TooManyRequests);
}

#[test]
fn a_file_is_handed_in_for_something_where_its_client_must_say_for_what() {
    let [key, free] = [0; 2].map(|_| Key::generate().unwrap());
    let text = format!(
        "[client.a]\nkeys = [\"{}\"]\nscopes = [\"batch\"]\n\
         [client.b]\nkeys = [\"{}\"]\nscopes = [\"batch\"]\npurpose = false\n",
        key.digest, free.digest
    );
    let guarded = guarded(&text);
    let kind = "content-type: multipart/form-data; boundary=------xincha\r\n";
    let hand_in = |key: &Key, options: Option<Value>| {
        let form = jobs::form(options.as_ref(), "a.csv", jobs::ROWS.as_bytes());
        let head = bearer(key) + kind;
        guarded.server.connect().request("POST", "/v1/jobs", &head, &form)
    };
    for options in [None, Some(json!({"case": "c-1"})), Some(json!({"reason": " "}))] {
        let reply = hand_in(&key, options);
        assert_eq!(reply.problem(Code::MissingPurpose)["pointer"], "/reason");
    }
    let long = json!({"reason": "x".repeat(201)});
    hand_in(&key, Some(long)).problem(Code::ValueTooLong);
    jobs::taken(&hand_in(&free, None));
    jobs::taken(&hand_in(&key, Some(json!({"case": "c-1", "operator": "u-1"}))));
    let job = jobs::taken(&hand_in(&key, Some(json!({"reason": "年度核查"}))));
    assert_eq!(job["options"]["reason"], "年度核查");
    let acts = vec![Act::Job, Act::JobDone];
    let sought = Sought { client: Some("a".to_owned()), acts, ..Sought::default() };
    let mut told = Vec::new();
    while told.len() < 4 {
        told.clear();
        let reader = Reader::new(guarded.log.folder());
        sought
            .each(&reader, |kept| {
                let purpose = kept.record.purpose;
                told.push([purpose.case, purpose.operator, purpose.reason].map(str::to_owned));
            })
            .unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    told.sort();
    let of_case = ["c-1", "u-1", ""].map(str::to_owned);
    let of_reason = ["", "", "年度核查"].map(str::to_owned);
    assert_eq!(told, [of_reason.clone(), of_reason, of_case.clone(), of_case]);
}

#[test]
fn a_page_shows_persons_whole_to_whom_may_see_them() {
    let (key, other) = (Key::generate().unwrap(), Key::generate().unwrap());
    let of = |name: &str, key: &Key, scopes: &str| {
        format!("[client.{name}]\nkeys = [\"{}\"]\nscopes = [{scopes}]\n", key.digest)
    };
    let text = of("a", &key, r#""check""#) + &of("b", &other, r#""check", "unmasked""#);
    let Guarded { server, .. } = &guarded(&text);
    let person = json!({"ref": "a", "name": "李清照", "id": "110101190001010022"});
    let body = json!({"matter": MATTER, "case": "c", "operator": "u", "subjects": [person]});
    for (key, is_whole) in [(&key, false), (&other, true)] {
        let reply = ask(server, "POST", "/v1/evidence", &bearer(key), &body);
        let page = String::from_utf8(reply.body).unwrap();
        assert_eq!(page.contains("110101190001010022"), is_whole);
    }
}
