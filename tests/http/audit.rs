//! What is recorded of answers, and what proves them.

use super::*;
use std::fs;
use xincha::audit::find::Sought;
use xincha::audit::reader::Reader;
use xincha::audit::receipt::tell;
use xincha::audit::verify::verify;
use xincha::audit::{Act, Algorithm, AuditConfig, Keeping, Log, Receipt, Sync, with_target};
use xincha::clients::Clients;
use xincha::http::evidence::unnumbered;
use xincha::jobs::{Jobs, JobsConfig, State, Working};
use xincha::ledger::FileLedger;
use xincha::live::{self, Recorder};
use xincha::record::IdentifierKind;
use xincha::snapshot::{SigningKey, TrustedKeys};

/// A service that records.
struct Recording {
    server: Running,
    log: Log,
    keeping: Option<Keeping>,
    config: AuditConfig,
    changing: Option<live::Recording>,
    jobs: Jobs,
    _working: Working,
    _folder: tempfile::TempDir,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.server.thread.is_some() && !std::thread::panicking() {
            self.server.stop();
        }
        self.changing.take().into_iter().for_each(live::Recording::stop);
    }
}

fn open(alter: impl FnOnce(&mut AuditConfig)) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("audit");
    let mut audit = AuditConfig { seal_ms: 20, segment_mib: 1, ..AuditConfig::at(root) };
    alter(&mut audit);
    let (log, keeping) = Log::open(audit.clone(), config().workers).unwrap();
    let (snapshot, view) = ground::view(real_now());
    let ledger = FileLedger::open(&folder.path().join("ledger.redb")).unwrap();
    let live = Live::default();
    let (recorder, changing) = Recorder::start(live.clone(), Arc::new(ledger)).unwrap();
    recorder.swap(view.generation.clone()).unwrap();
    let jobs = JobsConfig { folder: folder.path().join("jobs"), threads: 1, ..Default::default() };
    let (jobs, working) =
        Jobs::start(jobs, live.clone(), Some(log.clone()), Clients::default(), None).unwrap();
    let desk = Desk {
        audit: Some(log.clone()),
        recorder: Some(recorder),
        jobs: Some(jobs.clone()),
        ..Desk::from(live)
    };
    let server = start_desk(config(), desk, Some(snapshot));
    let (keeping, changing) = (Some(keeping), Some(changing));
    Recording {
        server,
        log,
        keeping,
        config: audit,
        changing,
        jobs,
        _working: working,
        _folder: folder,
    }
}

/// An entry of who is listed, with its list.
fn listed(client: &mut Client) -> (String, String) {
    let answer = client.post("/v1/check", ground::body(ground::BLACK).as_bytes()).json();
    let hit = &answer["subjects"][0]["hits"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&hit["list"]["code"]), text(&hit["entry"]))
}

pub(super) fn objection(list: &str, entry: &str, key: &str) -> String {
    let change = json!({"key": key, "list": list, "change": "note_objection", "entry": entry});
    json!({ "changes": [change] }).to_string()
}

impl Recording {
    /// Let it refuse: no seal can be written.
    fn refuse(&self, client: &mut Client) {
        let seals = self.config.folder.join("seals");
        fs::rename(&seals, self.config.folder.join("aside")).unwrap();
        fs::write(&seals, "no folder").unwrap();
        client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
        while !self.log.standing().refusing {
            std::thread::yield_now();
        }
    }

    /// Let it take records again.
    fn take(&self) {
        let seals = self.config.folder.join("seals");
        fs::remove_file(&seals).unwrap();
        fs::rename(self.config.folder.join("aside"), &seals).unwrap();
        while self.log.standing().refusing {
            std::thread::yield_now();
        }
    }

    /// What the records of some acts say, one after the other.
    fn told(&self, acts: &[Act]) -> Vec<Value> {
        let mut told = Vec::new();
        let sought = Sought { acts: acts.to_vec(), ..Sought::default() };
        sought.each(&self.reader(), |kept| told.push(tell(&kept.record, &kept.no))).unwrap();
        told
    }

    fn trusted(&self) -> TrustedKeys {
        TrustedKeys::of(&SigningKey::load(&self.config.signing_key_path()).unwrap())
    }

    fn reader(&self) -> Reader {
        Reader::new(&self.config.folder)
    }

    fn acts(&self) -> Vec<Act> {
        let mut acts = Vec::new();
        Sought::default().each(&self.reader(), |kept| acts.push(kept.record.act)).unwrap();
        acts
    }

    /// A receipt, once it is sealed.
    fn receipt(&self, client: &mut Client, no: &str) -> Receipt {
        loop {
            let reply = client.get(&format!("/v1/receipts/{no}"));
            assert_eq!(reply.status, 200, "{}", reply.json());
            conforms(&reply.json(), "Receipt");
            let receipt: Receipt = serde_json::from_value(reply.json()).unwrap();
            if receipt.sealed.is_some() {
                return receipt;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn every_check_has_a_receipt_that_proves_it() {
    for hash in [Algorithm::Sha256, Algorithm::Sm3] {
        let recording = open(|audit| audit.hash = hash);
        let mut client = recording.server.connect();
        let ids = format!(
            r#"{{"matter":"{MATTER}","case":"c-9","operator":"u1","identifiers":["{}","91320500MA00000X21","无"]}}"#,
            ground::BLACK.1
        );
        let by_name = format!(
            r#"{{"matter":"{MATTER}","subjects":[{{"ref":"1","name":"苏州星和科技有限公司"}}]}}"#
        );
        let bodies = [ground::body(ground::BLACK), ground::body(ground::CLEAR), by_name];
        for body in bodies.iter().chain([&ids]).map(String::as_bytes) {
            let reply = client.post("/v1/check", body);
            if reply.status != 200 {
                // Of the numbers one is none.
                reply.problem(Code::InvalidIdentifier);
                continue;
            }
            conforms(&reply.json(), "CheckAnswer");
            let no = reply.json()["receipt"].as_str().unwrap().to_owned();
            let receipt = recording.receipt(&mut client, &no);
            receipt.verify(&recording.trusted()).unwrap();
            receipt.verify_texts(body, &reply.body).unwrap();
            let altered = String::from_utf8(reply.body.clone()).unwrap().replace("clear", "claer");
            if altered.as_bytes() != reply.body {
                assert!(receipt.verify_texts(body, altered.as_bytes()).is_err());
            }
            assert_eq!(receipt.record["outcome"], reply.json()["verdict"]);
            assert_eq!(receipt.record["matter"], MATTER);
            assert_eq!(receipt.record["data"]["snapshot"], reply.json()["data"]["snapshot"]);
            assert_eq!(receipt.record["id"], reply.json()["check"]);
            // What was decided is decided again from the record alone.
            let view = recording.server.live.current().unwrap();
            let now = Instant((receipt.record["millis"].as_u64().unwrap() / 1_000) as i64);
            let id: Uuid = receipt.record["id"].as_str().unwrap().parse().unwrap();
            let (mut worker, mut again) = (Worker::searching(), Vec::new());
            answer(&view, now, id, body, &mut worker, &mut again).unwrap();
            receipt.verify_texts(body, &again).unwrap();
        }
    }
}

#[test]
fn numbers_alone_are_recorded_one_by_one() {
    let mut recording = open(|_| ());
    let numbers = [ground::BLACK.1, "91320500MA00000X21", "MA0000066"];
    let body = json!({"matter": MATTER, "identifiers": numbers}).to_string();
    assert_eq!(recording.server.connect().post("/v1/check", body.as_bytes()).status, 200);
    recording.server.stop();
    for (number, verdict) in numbers.iter().zip(["prohibit", "clear", "clear"]) {
        let number = xincha::record::Identifier::recognise(number).unwrap();
        let digest = recording.log.key().identifier(&number);
        let mut verdicts = Vec::new();
        let sought = Sought { subjects: vec![digest], ..Sought::default() };
        sought
            .each(&recording.reader(), |kept| {
                let asked = kept.record.subjects.iter().find(|it| it.digests.contains(&digest));
                verdicts.push(asked.unwrap().verdict.to_owned());
            })
            .unwrap();
        assert_eq!(verdicts, [verdict]);
    }
}

#[test]
fn what_else_is_asked_and_done_is_recorded_and_its_receipt_is_in_a_header() {
    let mut recording = open(|_| ());
    let mut client = recording.server.connect();
    let subject = json!({"ref": "1", "name": ground::BLACK.0, "id": ground::BLACK.1});
    let rows = [
        ("/v1/search", Act::Search, json!({"name": ground::BLACK.0})),
        ("/v1/suggest", Act::Suggest, json!({"prefix": "苏州"})),
        ("/v1/screen", Act::Screen, json!({"matter": MATTER, "bidders": [subject]})),
        ("/v1/cross", Act::Cross, json!({"expression": "list:sxbzxr"})),
        (
            "/match/default",
            Act::Match,
            json!({"queries": {"q": {"schema": "Company", "properties": {"uscCode": [ground::BLACK.1]}}}}),
        ),
    ];
    let cites = [true, false, true, true, true];
    for ((path, act, body), cites) in rows.iter().zip(cites) {
        let body = body.to_string();
        let reply = client.post(path, body.as_bytes());
        assert_eq!(reply.status, 200, "{path} {}", reply.json());
        let no = reply.header("receipt").unwrap().to_owned();
        let receipt = recording.receipt(&mut client, &no);
        receipt.verify(&recording.trusted()).unwrap();
        let request = match act {
            Act::Match => with_target(path, body.as_bytes()),
            _ => body.into_bytes(),
        };
        receipt.verify_texts(&request, &reply.body).unwrap();
        assert_eq!(receipt.record["act"], json!(act));
        let cited = receipt.record["cited"].as_array().unwrap();
        assert_eq!(!cited.is_empty(), cites, "{path} {cited:?}");
    }
    let request = ground::body(ground::BLACK);
    let page = client.post("/v1/evidence", request.as_bytes());
    let no = page.header("receipt").unwrap().to_owned();
    let receipt = recording.receipt(&mut client, &no);
    assert_eq!(receipt.record["act"], "evidence");
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains(&no));
    let holds = |page: &str| {
        let page = unnumbered(page.as_bytes(), &no);
        receipt.verify_texts(request.as_bytes(), &page).is_ok()
    };
    assert!(holds(&page), "its holder has the page");
    let other = format!("{}{}", &no[..no.len() - 1], if no.ends_with('a') { 'b' } else { 'a' });
    for (one, another) in [("禁止", "通过"), ("<svg", "<svg "), (&*no, &*other)] {
        assert!(page.contains(one) && !holds(&page.replacen(one, another, 1)), "{one}");
    }
    let acts = recording.acts();
    // What is refused is answered with nothing, and is not recorded.
    client.post("/v1/search", b"{}").problem(Code::MissingField);
    assert_eq!(recording.acts().len(), acts.len());
    recording.server.stop();
    recording.keeping.take();
    let proven = verify(&recording.reader(), &recording.trusted(), |_| ()).unwrap();
    assert_eq!(proven.sealed, acts.len() as u64);
}

#[test]
fn whoever_relied_on_an_entry_is_found_and_told() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let body = |case: &str| {
        let subject = json!({"ref": "1", "name": ground::BLACK.0, "id": ground::BLACK.1});
        json!({"matter": MATTER, "case": case, "operator": "u7", "subjects": [subject]}).to_string()
    };
    let mut hits = Vec::new();
    for case in ["c-1", "c-2", "c-1"] {
        let reply = client.post("/v1/check", body(case).as_bytes()).json();
        hits.push(reply["subjects"][0]["hits"][0].clone());
    }
    client.post("/v1/check", ground::body(ground::CLEAR).as_bytes());
    let (list, entry) = (hits[0]["list"]["code"].clone(), hits[0]["entry"].clone());
    let request = json!({"list": list, "entry": entry, "reason": "法院撤销"}).to_string();
    let reply = client.post("/v1/recalls", request.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.json());
    conforms(&reply.json(), "Recall");
    let relied = reply.json()["relied"].clone();
    let counts: Vec<(&str, usize)> = relied
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["case"].as_str().unwrap(), it["answers"].as_array().unwrap().len()))
        .collect();
    assert_eq!(counts, [("c-1", 2), ("c-2", 1)]);
    assert_eq!(relied[0]["answers"][0]["operator"], "u7");
    let again = client.post("/v1/recalls", request.as_bytes()).json();
    assert_eq!((&again["number"], &again["relied"]), (&json!(2), &relied));
    let feed = client.get("/v1/recalls?after=1").json();
    assert_eq!(feed, json!({"recalls": [again]}));
    client.get("/v1/recalls?after=x").problem(Code::OutOfRange);
    for (field, value, code) in [
        ("list", json!("none"), Code::UnknownList),
        ("reason", json!(" "), Code::EmptyValue),
        ("since", json!("yesterday"), Code::InvalidTime),
    ] {
        let mut wrong: Value = serde_json::from_str(&request).unwrap();
        wrong[field] = value;
        client.post("/v1/recalls", wrong.to_string().as_bytes()).problem(code);
    }
}

#[test]
fn a_receipt_that_is_none_is_not_found() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let reply = client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
    let no = reply.json()["receipt"].as_str().unwrap().to_owned();
    let other = no.replace(&no[no.len() - 1..], if no.ends_with('a') { "b" } else { "a" });
    for no in ["x", "0-0-00", &other, &format!("ffff{no}")] {
        client.get(&format!("/v1/receipts/{no}")).problem(Code::NoSuchReceipt);
    }
    // Without a log there is none.
    let without = start(config());
    let mut client = without.connect();
    client.get(&format!("/v1/receipts/{no}")).problem(Code::NotLoadedHere);
    let reply = client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
    assert_eq!(reply.json()["receipt"], Value::Null);
}

#[test]
fn nothing_is_answered_that_cannot_be_recorded() {
    let recording = open(|audit| audit.unsealed_seconds_max = 0);
    let mut client = recording.server.connect();
    let check =
        |client: &mut Client| client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
    assert_eq!(check(&mut client).status, 200);
    recording.refuse(&mut client);
    check(&mut client).problem(Code::AuditUnavailable);
    for (path, body) in [
        ("/v1/search", json!({"name": "星河"})),
        ("/v1/cross", json!({"expression": "list:sxbzxr"})),
    ] {
        client.post(path, body.to_string().as_bytes()).problem(Code::AuditUnavailable);
    }
    assert_eq!(client.get("/healthz").status, 200);
    recording.take();
    assert_eq!(check(&mut client).status, 200);
}

#[test]
fn nothing_is_altered_that_cannot_be_recorded() {
    let recording = open(|audit| audit.unsealed_seconds_max = 0);
    let mut client = recording.server.connect();
    let (list, entry) = listed(&mut client);
    let change = objection(&list, &entry, "k-1");
    let recall = json!({"list": list, "entry": entry, "reason": "更正"}).to_string();
    let before = recording.server.live.current().unwrap().overlay.change();
    recording.refuse(&mut client);
    for (path, body) in [("/v1/changes", &change), ("/v1/recalls", &recall)] {
        client.post(path, body.as_bytes()).problem(Code::AuditUnavailable);
    }
    let after = recording.server.live.current().unwrap().overlay.change();
    assert_eq!(after, before, "nothing was done");
    recording.take();
    assert_eq!(client.get("/v1/recalls").json(), json!({"recalls": []}));
    let done = client.post("/v1/changes", change.as_bytes()).json();
    assert_eq!(done["results"][0]["status"], "recorded");
}

#[test]
fn what_is_altered_is_recorded_before_and_after() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let (list, entry) = listed(&mut client);
    let reply = client.post("/v1/changes", objection(&list, &entry, "k-1").as_bytes());
    let no = reply.header("receipt").unwrap().to_owned();
    client.post("/v1/changes", b"{}").problem(Code::MissingField);
    let told = recording.told(&[Act::Change]);
    let all = |field: &str| told.iter().map(|told| told[field].clone()).collect::<Vec<_>>();
    assert_eq!(all("outcome").len(), 4, "{told:?}");
    // Workers have lanes of their own, but this was one connection's.
    assert_eq!(all("outcome"), ["begun", "done", "begun", "missing_field"]);
    assert!(told[0]["id"] == told[1]["id"] && told[2]["id"] == told[3]["id"]);
    assert!(told[0]["id"] != told[2]["id"]);
    assert_eq!(told[1]["receipt"], no, "it proves what was done");
    assert_eq!(told[0]["cited"], json!([]));
    assert_eq!(told[1]["cited"], json!([{"list": list, "entry": entry}]));
}

#[test]
fn a_match_is_recorded_with_its_path_its_query_and_its_params() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let query = json!({"schema": "Company", "properties": {"uscCode": [ground::BLACK.1]}});
    let params = json!({"matter": MATTER, "reason": "资格审查"});
    let body = json!({"queries": {"q": query}, "params": params, "matter": "other"}).to_string();
    let target = "/match/sxbzxr?limit=1&threshold=0.9";
    let reply = client.post(target, body.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.json());
    let no = reply.header("receipt").unwrap().to_owned();
    let receipt = recording.receipt(&mut client, &no);
    receipt.verify(&recording.trusted()).unwrap();
    let told = |field: &str| receipt.record[field].clone();
    assert_eq!([told("matter"), told("reason"), told("note")], [MATTER, "资格审查", "sxbzxr"]);
    let holds = |request: &[u8]| receipt.verify_texts(request, &reply.body).is_ok();
    assert!(holds(&with_target(target, body.as_bytes())));
    assert!(!holds(body.as_bytes()));
    assert!(!holds(&with_target("/match/default?limit=1&threshold=0.9", body.as_bytes())));
}

#[test]
fn whoever_is_asked_about_is_found_however_that_is_written() {
    let mut recording = open(|_| ());
    let mut client = recording.server.connect();
    let key = recording.log.key();
    let number = |kind: IdentifierKind, text: &str| {
        key.identifier(&xincha::record::Identifier::of(kind, text).unwrap())
    };
    let resident = number(IdentifierKind::ResidentId, ground::PERSON.1);
    let hidden = xincha::record::MaskedIdentifier::parse("1101011900****0014").unwrap();
    let asked = |properties: &str, more: &str| {
        let query = format!("{{\"schema\": \"Person\", \"properties\": {{{properties}}}}}");
        format!("{{\"queries\": {{\"q\": {query}}}{more}}}")
    };
    let person = format!("\"idNumber\": [\"{}\"]", ground::PERSON.1);
    let deep = format!(", \"x\": {}{}", "[".repeat(200), "]".repeat(200));
    let tax = number(IdentifierKind::TaxpayerNumber, "320500000000009");
    let rows = [
        (asked(&person, ", \"x\": 1e999"), resident),
        (asked(&person, &deep), resident),
        (asked("\"taxNumber\": \"320500000000009\"", ""), tax),
        (
            asked("\"passportNumber\": \"E12345678\"", ""),
            number(IdentifierKind::Passport, "E12345678"),
        ),
        (asked("\"firstName\": \"小明\", \"lastName\": \"王\"", ""), key.name("王小明")),
        (asked("\"idNumber\": \"1101011900****0014\"", ""), key.masked(&hidden)),
    ];
    let matches = rows.iter().map(|(body, digest)| ("/match/default", body.clone(), *digest));
    let subject = json!({"ref": "1", "name": ground::HIDDEN.0, "id": hidden.text()});
    let page = json!({"matter": MATTER, "subjects": [subject]}).to_string();
    let mut receipts = Vec::new();
    for (path, body, digest) in matches.chain([("/v1/evidence", page, key.masked(&hidden))]) {
        let reply = client.post(path, body.as_bytes());
        assert_eq!(reply.status, 200, "{body}");
        receipts.push((reply.header("receipt").unwrap().to_owned(), digest, body));
    }
    recording.server.stop();
    for (receipt, digest, body) in receipts {
        let mut found = Vec::new();
        let sought = Sought { subjects: vec![digest], ..Sought::default() };
        sought.each(&recording.reader(), |kept| found.push(kept.no.to_string())).unwrap();
        assert!(found.contains(&receipt), "{body}");
    }
}

#[test]
fn a_match_asks_with_each_property_once() {
    let recording = open(|_| ());
    let properties =
        format!(r#"{{"idNumber":"{}","idNumber":"{}"}}"#, ground::PERSON.1, ground::HIDDEN.1);
    let body = format!(r#"{{"queries":{{"q":{{"schema":"Person","properties":{properties}}}}}}}"#);
    let reply = recording.server.connect().post("/match/default", body.as_bytes());
    let problem = reply.problem(Code::DuplicateField);
    assert_eq!(problem["pointer"], "/queries/q/properties/idNumber");
}

#[test]
fn a_match_cites_what_its_verdict_rests_on_though_it_is_not_shown() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let (list, entry) = listed(&mut client);
    let query = json!({"schema": "Company", "properties": {"uscCode": [ground::BLACK.1]}});
    let body = json!({"queries": {"q": query}}).to_string();
    let reply = client.post("/match/default?limit=0", body.as_bytes());
    let response = &reply.json()["responses"]["q"];
    assert_eq!((&response["results"], &response["total"]["value"]), (&json!([]), &json!(1)));
    let receipt = recording.receipt(&mut client, reply.header("receipt").unwrap());
    let cited = receipt.record["cited"].as_array().unwrap();
    assert!(cited.contains(&json!({"list": list, "entry": entry})), "{cited:?}");
    let subjects = &receipt.record["subjects"];
    assert_eq!(subjects[0]["verdict"], response["xincha"]["verdict"]);
}

#[test]
fn nobody_writes_a_text_of_its_own_as_the_id_of_an_entry() {
    let mut recording = open(|_| ());
    let mut client = recording.server.connect();
    let hidden = "李四光远";
    let (list, entry) = listed(&mut client);
    let query = json!({"schema": "Company", "properties": {"uscCode": [ground::BLACK.1]}});
    let own = json!({"list": list, "entry": hidden});
    let body = json!({"queries": {"q": query}, "params": {}, "own": own, "case": hidden});
    assert_eq!(client.post("/match/default", body.to_string().as_bytes()).status, 200);
    let refused = client.post("/v1/changes", objection(&list, hidden, "k-1").as_bytes()).json();
    assert_eq!(refused["results"][0]["refusal"]["code"], "unknown_entry");
    for path in ["/v1/changes", "/v1/recalls"] {
        let body = json!({"case": hidden, "operator": hidden, "reason": hidden, "name": hidden});
        client.post(path, body.to_string().as_bytes()).problem(Code::UnknownField);
    }
    let recall = json!({"list": list, "entry": hidden, "reason": "更正"}).to_string();
    assert_eq!(client.post("/v1/recalls", recall.as_bytes()).json()["relied"], json!([]));
    let recall = json!({"list": list, "entry": entry, "reason": "更正"}).to_string();
    assert_eq!(client.post("/v1/recalls", recall.as_bytes()).status, 200);
    recording.server.stop();
    recording.keeping.take();
    let told = recording.told(&[]);
    assert!(told.iter().all(|told| !told.to_string().contains(hidden)), "{told:?}");
    let recalls = told.iter().filter(|told| told["act"] == "recall" && told["outcome"] == "done");
    let cited: Vec<&Value> = recalls.map(|told| &told["cited"]).collect();
    assert_eq!(cited, [&json!([]), &json!([{"list": list, "entry": entry}])]);
}

#[test]
fn answers_that_wait_for_the_disk_are_the_same() {
    let recording = open(|audit| audit.sync = Sync::Answer);
    let mut client = recording.server.connect();
    for _ in 0..3 {
        let reply = client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
        let no = reply.json()["receipt"].as_str().unwrap().to_owned();
        recording.receipt(&mut client, &no).verify(&recording.trusted()).unwrap();
        assert_eq!(client.post("/v1/search", "{\"name\":\"苏州星河科技\"}".as_bytes()).status, 200);
    }
}

#[test]
fn what_came_of_a_job_has_a_receipt_that_proves_it() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let (_, entry) = listed(&mut client);
    let form = jobs::form(None, "a.csv", jobs::ROWS.as_bytes());
    let taken = jobs::taken(&jobs::post(&mut client, &form));
    let done = jobs::ended(&mut client, &taken["id"]);
    let no = done["summary"]["receipt"].as_str().unwrap();
    let receipt = recording.receipt(&mut client, no);
    receipt.verify(&recording.trusted()).unwrap();
    let told = serde_json::to_string(&receipt).unwrap();
    assert!(told.contains("job_done") && told.contains(&entry), "{told}");
    assert!(told.contains(taken["id"].as_str().unwrap()), "{told}");
    let page = evidence::page_of(jobs::fetch(&mut client, &done, "page"));
    assert!(page.contains(no), "{page}");
    assert_eq!(recording.acts().last(), Some(&Act::JobFetched));
}

#[test]
fn what_waits_for_the_disk_is_not_answered_before() {
    let mut recording = open(|audit| {
        audit.sync = Sync::Answer;
        audit.seal_ms = 600_000;
    });
    let mut client = recording.server.connect();
    let (list, entry) = listed(&mut client);
    let form = jobs::form(None, "a.csv", jobs::ROWS.as_bytes());
    let taken = jobs::taken(&jobs::post(&mut client, &form));
    let done = jobs::ended(&mut client, &taken["id"]);
    assert_eq!(jobs::fetch(&mut client, &done, "result").status, 200);
    // From here on nothing is brought to the disk.
    recording.keeping.take();
    let mut told = Vec::new();
    let mut note = |what: &'static str, reply: Reply| {
        let unavailable = Code::AuditUnavailable.name().as_bytes();
        let is_told = memchr::memmem::find(&reply.body, unavailable).is_some();
        told.push((what, reply.status == 503 && is_told));
    };
    let body = ground::body(ground::BLACK);
    note("check", client.post("/v1/check", body.as_bytes()));
    note("evidence", client.post("/v1/evidence", body.as_bytes()));
    let recall = json!({"list": list, "entry": entry, "reason": "更正"}).to_string();
    note("recall", client.post("/v1/recalls", recall.as_bytes()));
    let change = objection(&list, &entry, "k-1");
    note("change", client.post("/v1/changes", change.as_bytes()));
    note("job", jobs::post(&mut client, &form));
    note("result", jobs::fetch(&mut client, &done, "result"));
    note("page", jobs::fetch(&mut client, &done, "page"));
    let all =
        ["check", "evidence", "recall", "change", "job", "result", "page"].map(|it| (it, true));
    assert_eq!(told, all);
    let id = jobs::hand_in(&recording.jobs, "a", jobs::ROWS.as_bytes()).unwrap();
    jobs::await_state(&recording.jobs, "a", id, State::Failed);
}

#[test]
fn as_many_read_the_log_as_may_and_more_are_told_to_come_again() {
    const ASKED: usize = 40;
    const ACCEPTED: usize = 16;
    let recording = open(|_| ());
    // Whoever reads it waits for somebody who writes.
    let recalls = recording.config.folder.join("recalls.jsonl");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &recalls, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..ASKED)
        .map(|_| {
            let (mut client, tell) = (recording.server.connect(), tell.clone());
            std::thread::spawn(move || tell.send(client.get("/v1/recalls")).unwrap())
        })
        .collect();
    drop(tell);
    for _ in ACCEPTED..ASKED {
        let reply = told.recv().unwrap();
        reply.problem(Code::Overloaded);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    let writer = fs::OpenOptions::new().write(true).open(&recalls).unwrap();
    fs::remove_file(&recalls).unwrap();
    drop(writer);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let statuses: Vec<u16> = told.try_iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200; ACCEPTED]);
}

#[test]
fn every_name_of_the_largest_match_is_recorded() {
    let recording = open(|_| ());
    let mut client = recording.server.connect();
    let names: Vec<String> = (0..50).map(|at| format!("苏州无名{at}号商贸有限公司")).collect();
    let query = json!({"schema": "Company", "properties": {"name": names}});
    let queries: serde_json::Map<String, Value> =
        (0..100).map(|at| (format!("q{at}"), query.clone())).collect();
    let body = json!({ "queries": queries }).to_string();
    let reply = client.post("/match/default", body.as_bytes());
    assert_eq!(reply.status, 200);
    let no = reply.header("receipt").unwrap().to_owned();
    let receipt = recording.receipt(&mut client, &no);
    let subjects = receipt.record["subjects"].as_array().unwrap();
    assert!(subjects.len() == 100);
    assert!(subjects.iter().all(|asked| asked["digests"].as_array().unwrap().len() == 50));
}

#[test]
fn no_subject_is_in_the_log() {
    let mut recording = open(|_| ());
    let mut client = recording.server.connect();
    client.post("/v1/check", ground::body(ground::BLACK).as_bytes());
    let person = json!({"matter": MATTER, "subjects": [{"ref": "李四-110101190001010022", "name": "李四光远", "kind": "natural_person",
        "ids": [{"kind": "resident_id", "value": "110101190001010022"}]}]});
    client.post("/v1/check", person.to_string().as_bytes());
    client.post("/v1/search", json!({"name": "李四光远"}).to_string().as_bytes());
    recording.server.stop();
    recording.keeping.take();
    let mut folders = vec![recording.config.folder.clone()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            read += bytes.len();
            for hidden in ["110101190001010022", "李四", ground::BLACK.0, ground::BLACK.1] {
                let found = memchr::memmem::find(&bytes, hidden.as_bytes());
                assert_eq!(found, None, "{hidden} in {}", path.display());
            }
        }
    }
    assert!(read > 1_000);
}
