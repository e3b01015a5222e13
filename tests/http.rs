//! The service over real sockets, and its wire contract.

#[path = "http/audit.rs"]
mod audit;
#[path = "http/clients.rs"]
mod clients;
#[path = "http/crossing.rs"]
mod crossing;
#[path = "http/evidence.rs"]
mod evidence;
mod ground;
#[path = "http/herald.rs"]
mod herald;
#[path = "http/hostile.rs"]
mod hostile;
#[path = "http/jobs.rs"]
mod jobs;
#[path = "http/matching.rs"]
mod matching;
#[path = "http/metrics.rs"]
mod metrics;
#[path = "http/overload.rs"]
mod overload;
#[path = "http/section.rs"]
mod section;
#[path = "http/suggest.rs"]
mod suggest;
#[path = "http/tls.rs"]
mod tls;
#[path = "http/traces.rs"]
mod traces;

use ground::{MATTER, NOW};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;
use xincha::http::{Code, Desk, Drained, HttpConfig, OPENAPI, Server, Worker, answer, routes};
use xincha::live::{Live, View, view::BEHIND_SECONDS_MAX};
use xincha::record::{Instant, limits};

/// A server on its own threads, stopped when dropped.
struct Running {
    address: SocketAddr,
    live: Live,
    shutdown: watch::Sender<bool>,
    thread: Option<JoinHandle<Drained>>,
    folder: Option<tempfile::TempDir>,
}

fn config() -> HttpConfig {
    HttpConfig {
        address: "127.0.0.1:0".parse().unwrap(),
        workers: 2,
        drain_timeout_ms: 2_000,
        // A debug build on a busy machine is behind without being overloaded.
        check_wait_ms_max: 60_000,
        aside_wait_ms_max: 60_000,
        ..HttpConfig::default()
    }
}

fn real_now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Instant(since.as_secs() as i64)
}

fn start(config: HttpConfig) -> Running {
    let (folder, view) = ground::view(real_now());
    start_desk(config, Desk::from(Live::new(Some(view))), Some(folder))
}

fn start_with(config: HttpConfig, view: Option<Arc<View>>) -> Running {
    start_desk(config, Desk::from(Live::new(view)), None)
}

/// A server of a desk, and the folder that must outlive it.
fn start_desk(config: HttpConfig, desk: Desk, folder: Option<tempfile::TempDir>) -> Running {
    let live = desk.live.clone();
    let bound = Server::bind(config, desk).unwrap();
    let (address, (shutdown, stopped)) = (bound.local_addr(), watch::channel(false));
    let thread = std::thread::spawn(move || bound.run(stopped).unwrap());
    Running { address, live, shutdown, thread: Some(thread), folder }
}

impl Running {
    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Client { stream, rest: Vec::new() }
    }

    fn stop(&mut self) -> Drained {
        self.shutdown.send_replace(true);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.stop();
        }
        self.folder.take();
    }
}

struct Client {
    stream: TcpStream,
    rest: Vec<u8>,
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.head))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// A problem of this code, its document whole.
    fn problem(&self, code: Code) -> Value {
        let document = self.json();
        assert_eq!(document["code"], code.name(), "{document}");
        assert_eq!(self.status, code.status().as_u16());
        assert_eq!(document["status"], self.status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        conforms(&document, "Problem");
        document
    }
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn request(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        self.send(head.as_bytes());
        self.send(body);
        self.reply(method != "HEAD")
    }

    fn post(&mut self, path: &str, body: &[u8]) -> Reply {
        self.request("POST", path, "content-type: application/json\r\n", body)
    }

    fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, "", b"")
    }

    fn check(&mut self, body: &str) -> Reply {
        self.request("POST", "/v1/check", "content-type: application/json\r\n", body.as_bytes())
    }

    fn reply(&mut self, with_body: bool) -> Reply {
        let mut chunk = [0; 16 * 1024];
        let end = loop {
            if let Some(end) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&self.rest));
            self.rest.extend_from_slice(&chunk[..read]);
        };
        let head = String::from_utf8(self.rest.drain(..end).collect()).unwrap();
        let mut reply = Reply { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        if with_body {
            // What has no content says no length.
            let length =
                if reply.status == 204 { "0" } else { reply.header("content-length").unwrap() };
            let length: usize = length.parse().unwrap();
            while self.rest.len() < length {
                let read = self.stream.read(&mut chunk).unwrap();
                assert!(read > 0, "closed within a body");
                self.rest.extend_from_slice(&chunk[..read]);
            }
            reply.body = self.rest.drain(..length).collect();
        }
        reply
    }

    fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }
}

fn openapi() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

/// Every field of a value is described by a schema of the description, and every required one is
/// there.
fn conforms(value: &Value, schema: &str) {
    let document = openapi();
    described(value, &document["components"]["schemas"][schema], &document, schema);
}

fn described(value: &Value, schema: &Value, document: &Value, way: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference}"));
        return described(value, schema, document, way);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let choice = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return described(value, choice.unwrap_or_else(|| panic!("{way}")), document, way);
    }
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = &schema["type"];
    let is_of_kind = kinds == name
        || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == name));
    assert!(is_of_kind, "{way} is {name}, described as {kinds}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{way}: {value} is not among the words");
    }
    match value {
        Value::Array(items) => {
            items.iter().for_each(|item| described(item, &schema["items"], document, way))
        }
        Value::Object(members) => {
            for (name, member) in members {
                let named = &schema["properties"][name];
                let schema =
                    if named.is_object() { named } else { &schema["additionalProperties"] };
                assert!(schema.is_object(), "{way}.{name} is not described");
                described(member, schema, document, &format!("{way}.{name}"));
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(members.contains_key(name.as_str().unwrap()), "{way}.{name} is missing");
            }
        }
        _ => {}
    }
}

fn check_with(subjects: &Value) -> String {
    json!({"matter": MATTER, "subjects": subjects}).to_string()
}

/// Decide without a socket, at a fixed time.
fn decide(view: &View, body: &str) -> Value {
    let (mut worker, mut out) = (Worker::searching(), Vec::new());
    let id = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
    answer(view, NOW, id, body.as_bytes(), &mut worker, &mut out).unwrap();
    let value: Value = serde_json::from_slice(&out).unwrap();
    conforms(&value, "CheckAnswer");
    value
}

mod contract {
    use super::*;

    #[test]
    fn a_check_of_two_hits_is_answered_as_it_ever_was() {
        let (_folder, view) = ground::view(NOW);
        let answer = decide(&view, &ground::body(ground::BLACK));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/check_two_hits.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, format!("{answer:#}\n")).unwrap();
        }
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(answer, golden, "the wire contract changed: {answer:#}");
    }

    #[test]
    fn every_path_is_described_and_every_description_is_a_path() {
        let document = openapi();
        let described = document["paths"].as_object().unwrap();
        for (path, methods) in routes::PATHS {
            let operations: Vec<String> =
                described[path].as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
            assert_eq!(operations, methods, "{path}");
        }
        assert_eq!(described.len(), routes::PATHS.len());
    }

    #[test]
    fn every_code_is_described_with_its_status() {
        let document = openapi();
        let words = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
            .as_array()
            .unwrap();
        let names: Vec<Value> = Code::all().map(|code| code.name().into()).collect();
        assert_eq!(*words, names);
        for code in Code::all().filter(|code| *code != Code::NotFound) {
            let is_told = document["paths"].as_object().unwrap().values().any(|path| {
                let operations = path.as_object().unwrap().values();
                operations.into_iter().any(|operation| {
                    let response = &operation["responses"][code.status().as_str()];
                    let told = response["description"].as_str().unwrap_or_default();
                    told.split(", ").any(|name| name == code.name())
                })
            });
            assert!(is_told, "{}", code.name());
        }
    }

    #[test]
    fn the_example_of_the_description_is_a_request() {
        let document = openapi();
        let content =
            &document["paths"]["/v1/check"]["post"]["requestBody"]["content"]["application/json"];
        conforms(&content["example"], "CheckRequest");
        let (_folder, view) = ground::view(NOW);
        assert_eq!(decide(&view, &content["example"].to_string())["verdict"], "prohibit");
    }
}

mod decisions {
    use super::*;

    #[test]
    fn numbers_alone_are_decided_as_subjects_and_only_who_is_found_is_told() {
        let (_folder, view) = ground::view(NOW);
        let numbers = [
            ground::BLACK.1,
            ground::CLEAR.1,
            "９１３２０５００ＭＡ０００００１５Ｄ",
            ground::PERSON.1,
            "320500190001010019",
            "MA000001-5",
            ground::CLEAR.1,
            "ABC12345",
            ground::HIDDEN.1,
        ];
        let mut many: Vec<&str> = (0..1_000).map(|at| numbers[at % numbers.len()]).collect();
        many.truncate(limits::SUBJECTS_MAX);
        for matter in [MATTER, ground::STALE_MATTER] {
            let subject = |(at, id): (usize, &&str)| json!({"ref": at.to_string(), "id": id});
            let subjects: Vec<Value> = many.iter().enumerate().map(subject).collect();
            let whole = decide(&view, &json!({"matter": matter, "subjects": subjects}).to_string());
            let request = json!({"matter": matter, "identifiers": many});
            conforms(&request, "CheckRequest");
            let alone = decide(&view, &request.to_string());
            let is_told = |subject: &&Value| {
                let quiet = json!(["number_only"]);
                subject["verdict"] != "clear"
                    || subject["hits"] != json!([])
                    || subject["flags"] != quiet
            };
            let all = whole["subjects"].as_array().unwrap();
            let told: Vec<&Value> = all.iter().filter(is_told).collect();
            assert_eq!(json!(told), alone["subjects"]);
            assert_eq!(alone["left_out"], all.len() - told.len());
            assert_eq!(alone["verdict"], whole["verdict"]);
            assert_eq!(
                alone["left_out"] == 0,
                matter == ground::STALE_MATTER,
                "nobody is clear there"
            );
        }
        let one =
            decide(&view, &json!({"matter": MATTER, "identifiers": [ground::CLEAR.1]}).to_string());
        assert_eq!(
            (&one["subjects"], &one["left_out"], &one["verdict"]),
            (&json!([]), &json!(1), &json!("clear"))
        );
    }

    #[test]
    fn numbers_alone_that_are_none_are_named() {
        let server = start(config());
        let mut client = server.connect();
        let clear = ground::CLEAR.1;
        let many = vec![clear; limits::SUBJECTS_MAX + 1];
        for (identifiers, code, pointer) in [
            (json!([clear, "无"]), Code::InvalidIdentifier, "/identifiers/1"),
            (json!([clear, clear, "110101********0006"]), Code::MaskedNeedsName, "/identifiers/2"),
            (json!(["1".repeat(500)]), Code::ValueTooLong, "/identifiers/0"),
            (json!([]), Code::EmptySubjects, "/identifiers"),
            (json!(many), Code::TooManySubjects, "/identifiers"),
            (json!([1]), Code::WrongType, "/identifiers/0"),
        ] {
            let body = json!({"matter": MATTER, "identifiers": identifiers}).to_string();
            assert_eq!(client.check(&body).problem(code)["pointer"], pointer);
        }
        let both = json!({"matter": MATTER, "identifiers": [clear], "subjects": [{"ref": "1", "id": clear}]});
        assert_eq!(
            client.check(&both.to_string()).problem(Code::InvalidOption)["pointer"],
            "/identifiers"
        );
    }

    fn one(subject: Value) -> Value {
        let (_folder, view) = ground::view(NOW);
        let mut answer = decide(&view, &check_with(&json!([subject])));
        answer["subjects"][0].take()
    }

    #[test]
    fn an_unknown_subject_is_clear() {
        let subject = one(json!({"ref": "a", "name": ground::CLEAR.0, "id": ground::CLEAR.1}));
        assert_eq!(
            subject,
            json!({"ref": "a", "verdict": "clear", "flags": [], "hits": [], "measures": [], "incentives": [], "conflicts": []})
        );
    }

    #[test]
    fn incentives_stand_beside_the_verdict_and_conflicts_end_them() {
        let red = one(json!({"ref": "a", "id": ground::RED.1}));
        assert_eq!(red["verdict"], "clear");
        assert_eq!(red["incentives"][0]["code"], "green.lane");
        assert_eq!(red["incentives"][0]["class"], Value::Null);
        assert_eq!(red["incentives"][0]["entry"], red["hits"][0]["entry"]);

        let both = one(json!({"ref": "a", "id": ground::RED_AND_BLACK.1}));
        assert_eq!(both["verdict"], "restrict");
        assert_eq!(both["incentives"], json!([]));
        assert_eq!(both["conflicts"][0]["red"]["list"], "nsxy_a");
        assert_eq!(both["conflicts"][0]["black"]["list"], "sxbzxr");
    }

    #[test]
    fn a_legal_representative_meets_the_entry_of_the_body() {
        let subject = one(
            json!({"ref": "a", "name": "张三", "ids": [{"kind": "resident_id", "value": ground::REPRESENTATIVE.1}]}),
        );
        assert_eq!(
            subject["hits"][0]["relation"],
            json!({"role": "legal_representative", "to": ground::BLACK.0})
        );
        assert_eq!(subject["measures"][0]["code"], "bid.restrict");
    }

    #[test]
    fn names_of_persons_are_masked_unless_asked_about() {
        let by_id = one(json!({"ref": "a", "id": ground::PERSON.1}));
        assert_eq!(by_id["hits"][0]["name"], "戴**");
        let with_name = one(json!({"ref": "a", "name": "戴 小明", "id": ground::PERSON.1}));
        assert_eq!(with_name["hits"][0]["name"], ground::PERSON.0);
        let other_name = one(json!({"ref": "a", "name": "孙行者", "id": ground::PERSON.1}));
        assert_eq!(other_name["hits"][0]["name"], "戴**");
        assert_eq!(other_name["hits"][0]["flags"], json!(["name_differs"]));
    }

    #[test]
    fn hidden_digits_meet_hidden_digits() {
        let stated = |value: &str| json!({"ref": "a", "name": ground::HIDDEN.0, "ids": [{"kind": "resident_id", "value": value}]});
        let values = [
            "110101********0014",
            "110101●●●●●●●●0014",
            "1101011900XXXX0014",
            "110101 1900 #### 0014",
            ground::HIDDEN.1,
        ];
        for value in values {
            for subject in
                [json!({"ref": "a", "name": ground::HIDDEN.0, "id": value}), stated(value)]
            {
                let subject = one(subject);
                assert_eq!(subject["verdict"], "review", "{value}");
                assert_eq!(subject["hits"][0]["grade"], "masked_identifier");
                assert_eq!(subject["measures"], json!([]));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_an_identifier_is_flagged() {
        let subject = one(json!({"ref": "a", "id": "91320500MA0000015E"}));
        assert_eq!(subject["flags"], json!(["check_digit", "number_only"]));
        let subject = one(json!({"ref": "a", "name": ground::CLEAR.0}));
        assert_eq!(subject["flags"], json!(["name_only"]));
    }

    #[test]
    fn a_list_that_was_not_delivered_leaves_a_check_undetermined() {
        let (_folder, view) = ground::view(NOW);
        let body = json!({"matter": ground::STALE_MATTER, "subjects": [{"ref": "a", "id": ground::CLEAR.1}]});
        let answer = decide(&view, &body.to_string());
        assert_eq!(answer["verdict"], "undetermined");
        assert_eq!(
            answer["data"]["stale"],
            json!([{"list": "jycm", "reason": "unavailable", "as_of": null, "effect": "undetermined"}])
        );
        let (_folder, old) = ground::view(Instant(NOW.0 - 10 * 86_400));
        let answer = decide(&old, &check_with(&json!([{"ref": "a", "id": ground::CLEAR.1}])));
        assert_eq!(answer["data"]["stale"][0]["reason"], "too_old");
        assert_eq!(answer["data"]["stale"][0]["as_of"], "2026-11-12T10:00:00+08:00");
    }

    #[test]
    fn a_ledger_lost_for_long_leaves_checks_undetermined_and_a_moment_is_only_told() {
        let (_folder, view) = ground::view(NOW);
        // Seconds since it was lost, how long before now is asked about, the verdict.
        for (lost, before, verdict) in [
            (0, 0, "clear"),
            (BEHIND_SECONDS_MAX, 0, "clear"),
            (BEHIND_SECONDS_MAX + 1, 0, "undetermined"),
            (3_600, 3_599, "undetermined"),
            (3_600, 3_601, "undetermined"),
        ] {
            let since = Instant(NOW.0 - lost);
            let view = View { behind: Some(since), ..View::clone(&view) };
            let at = Instant(NOW.0 - before).to_string();
            let body = json!({"matter": MATTER, "at": at, "subjects": [{"ref": "a", "id": ground::CLEAR.1}]});
            let answer = decide(&view, &body.to_string());
            assert_eq!(answer["verdict"], verdict, "{lost} {before}");
            assert_eq!(answer["data"]["behind"], since.to_string());
            let stale = answer["data"]["stale"].as_array().unwrap();
            assert_eq!(stale.is_empty(), verdict == "clear", "{stale:?}");
            let is_told =
                |stale: &Value| stale["reason"] == "behind" && stale["as_of"] == since.to_string();
            assert!(stale.iter().all(is_told), "{stale:?}");
        }
    }

    #[test]
    fn an_instant_decides_which_terms_count() {
        let (_folder, view) = ground::view(NOW);
        for (at, verdict) in
            [("2025-02-28T23:59:59+08:00", "clear"), ("2025-02-28T16:00:00Z", "prohibit")]
        {
            let body = json!({"matter": MATTER, "at": at, "subjects": [{"ref": "a", "id": ground::BLACK.1}]});
            assert_eq!(decide(&view, &body.to_string())["verdict"], verdict, "{at}");
        }
    }

    #[test]
    fn one_worker_serves_checks_of_every_shape_in_turn() {
        let (_folder, view) = ground::view(NOW);
        let (_other_folder, other) = ground::view(NOW);
        let many: Vec<Value> = (0..1_000)
            .map(|number| json!({"ref": format!("s{number}"), "id": ground::BLACK.1}))
            .collect();
        let bodies =
            [ground::body(ground::CLEAR), ground::body(ground::BLACK), check_with(&json!(many))];
        let (mut worker, mut out) = (Worker::default(), Vec::new());
        for round in 0..6 {
            for body in &bodies {
                let view = if round % 2 == 0 { &view } else { &other };
                answer(view, NOW, Uuid::nil(), body.as_bytes(), &mut worker, &mut out).unwrap();
                let mut answered: Value = serde_json::from_slice(&out).unwrap();
                answered["check"] = decide(view, body)["check"].clone();
                assert_eq!(answered, decide(view, body));
                assert!(answer(view, NOW, Uuid::nil(), b"{}", &mut worker, &mut out).is_err());
                assert!(out.is_empty());
            }
        }
    }
}

mod problems {
    use super::*;

    #[test]
    fn every_problem_of_a_request_names_its_field() {
        let server = start(config());
        let mut client = server.connect();
        let mut row = |body: &str, code: Code, pointer: Option<&str>| {
            let reply = client.check(body);
            let document = reply.problem(code);
            assert_eq!(document.get("pointer").and_then(Value::as_str), pointer, "{body}");
            for value in ["张三", "9132", "secret"] {
                assert!(!document.to_string().contains(value), "{document}");
            }
        };
        let named = json!({"ref": "a", "name": "张三"});
        let of = |subject: Value| check_with(&json!([named, subject]));
        let whole = |fields: Value| {
            let mut request = json!({"matter": MATTER, "subjects": [named]});
            request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            request.to_string()
        };
        let long = "secret".repeat(200);

        row("{\"matter\":", Code::InvalidJson, None);
        row(&whole(json!({"mater": 1})), Code::UnknownField, Some("/mater"));
        row(&format!(r#"{{"matter":"{MATTER}"}}"#), Code::MissingField, Some("/subjects"));
        row(&of(json!({"ref": "b", "name": 7})), Code::WrongType, Some("/subjects/1/name"));
        row(&of(json!({"ref": "b", "nmae": "张三"})), Code::UnknownField, Some("/subjects/1/nmae"));
        row(r#"{"matter":"a","matter":"b"}"#, Code::DuplicateField, Some("/matter"));
        row(&whole(json!({"matter": "nothing"})), Code::UnknownMatter, Some("/matter"));
        row(&whole(json!({"matter": long})), Code::ValueTooLong, Some("/matter"));
        row(&whole(json!({"operator": long})), Code::ValueTooLong, Some("/operator"));
        row(&whole(json!({"subjects": []})), Code::EmptySubjects, Some("/subjects"));
        row(
            &check_with(&json!(vec![&named; limits::SUBJECTS_MAX + 1])),
            Code::TooManySubjects,
            Some("/subjects"),
        );
        row(&of(json!({"ref": "a", "name": "b"})), Code::DuplicateRef, Some("/subjects/1/ref"));
        row(&of(json!({"ref": "", "name": "b"})), Code::EmptyValue, Some("/subjects/1/ref"));
        row(&of(json!({"ref": "b", "name": long})), Code::ValueTooLong, Some("/subjects/1/name"));
        row(&of(json!({"ref": "b", "id": long})), Code::ValueTooLong, Some("/subjects/1/id"));
        row(&of(json!({"ref": "b", "id": "无"})), Code::InvalidIdentifier, Some("/subjects/1/id"));
        row(
            &of(json!({"ref": "b", "name": "b", "id": "1****2"})),
            Code::InvalidIdentifier,
            Some("/subjects/1/id"),
        );
        row(
            &of(json!({"ref": "b", "id": "110101********0014"})),
            Code::MaskedNeedsName,
            Some("/subjects/1/name"),
        );
        row(&of(json!({"ref": "b"})), Code::SubjectUnidentified, Some("/subjects/1"));
        row(&of(json!({"ref": "b", "name": " "})), Code::SubjectUnidentified, Some("/subjects/1"));
        row(
            &of(json!({"ref": "b", "name": "b", "role": "guarantor"})),
            Code::UnknownRole,
            Some("/subjects/1/role"),
        );
        row(
            &of(json!({"ref": "b", "name": "b", "kind": "ship"})),
            Code::UnknownSubjectKind,
            Some("/subjects/1/kind"),
        );
        let ids = |kind: &str, value: &str, count: usize| {
            of(
                json!({"ref": "b", "name": "b", "ids": vec![json!({"kind": kind, "value": value}); count]}),
            )
        };
        row(&ids("secret", "x", 1), Code::UnknownIdentifierKind, Some("/subjects/1/ids/0/kind"));
        row(&ids("passport", "", 1), Code::InvalidIdentifier, Some("/subjects/1/ids/0/value"));
        row(&ids("passport", "E12345678", 17), Code::TooManyIdentifiers, Some("/subjects/1/ids"));
        row(
            &ids("resident_id", "110101********0014", 2),
            Code::TooManyIdentifiers,
            Some("/subjects/1/ids/1/value"),
        );
        for at in ["1989-12-31T23:59:59+08:00", "2190-01-01T00:00:00Z", "2026-11-22", "yesterday"] {
            row(&whole(json!({"at": at})), Code::InvalidTime, Some("/at"));
        }
    }

    #[test]
    fn paths_methods_and_media_types() {
        let server = start(config());
        let mut client = server.connect();
        client.get("/v1/chek").problem(Code::NotFound);
        client.get("/v1/check/").problem(Code::NotFound);
        let reply = client.get("/v1/check");
        reply.problem(Code::MethodNotAllowed);
        assert_eq!(reply.header("allow"), Some("POST"));
        for path in ["/v1/lists", "/v1/data", "/healthz", "/readyz", "/openapi.json"] {
            let reply = client.request("DELETE", path, "", b"");
            reply.problem(Code::MethodNotAllowed);
            assert_eq!(reply.header("allow"), Some("GET,HEAD"), "{path}");
        }
        let body = ground::body(ground::CLEAR);
        for (headers, status) in [
            ("", 200),
            ("content-type: application/json\r\n", 200),
            ("content-type: Application/JSON; charset=utf-8\r\n", 200),
            ("content-type: application/jsonp\r\n", 415),
            ("content-type: text/plain\r\n", 415),
            ("content-type: application/json\r\ncontent-encoding: gzip\r\n", 415),
        ] {
            let reply = client.request("POST", "/v1/check", headers, body.as_bytes());
            assert_eq!(reply.status, status, "{headers}");
        }
    }

    #[test]
    fn a_body_too_large_is_refused_by_its_length_and_by_its_chunks() {
        let server = start(config());
        let mut client = server.connect();
        let length = limits::BODY_BYTES_MAX + 1;
        client.send(
            format!("POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n")
                .as_bytes(),
        );
        let reply = client.reply(true);
        assert_eq!(reply.problem(Code::BodyTooLarge)["max"], limits::BODY_BYTES_MAX);

        let mut client = server.connect();
        client.send(b"POST /v1/check HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        let mut writer = client.stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
            // The server closes in the middle: what it answered is read beside this.
            (0..=limits::BODY_BYTES_MAX / 0x10000).all(|_| writer.write_all(&chunk).is_ok())
        });
        client.reply(true).problem(Code::BodyTooLarge);
        sender.join().unwrap();
    }

    #[test]
    fn a_body_that_does_not_come_and_a_head_that_does_not_end() {
        let server = start(HttpConfig { body_timeout_ms: 100, header_timeout_ms: 300, ..config() });
        let mut client = server.connect();
        client.send(b"POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
        client.reply(true).problem(Code::RequestTimeout);

        let mut slow = server.connect();
        slow.send(b"POST /v1/check HTTP/1.1\r\nhost");
        assert!(slow.is_closed());
        let mut idle = server.connect();
        assert_eq!(idle.get("/healthz").status, 200);
        assert!(idle.is_closed(), "an idle connection is closed after the head's time");
    }

    #[test]
    fn nothing_is_answered_before_there_is_data() {
        let server = start_with(config(), None);
        let mut client = server.connect();
        client.check(&ground::body(ground::CLEAR)).problem(Code::NotReady);
        client.get("/v1/lists").problem(Code::NotReady);
        assert_eq!(client.get("/healthz").status, 200);
        let reply = client.get("/readyz");
        assert_eq!((reply.status, &reply.json()["reasons"]), (503, &json!(["no_data"])));
        conforms(&reply.json(), "Ready");

        let (_folder, first) = ground::view(real_now());
        server.live.swap(first);
        assert_eq!(client.check(&ground::body(ground::CLEAR)).status, 200);
        let (_folder, old) = ground::view(Instant(0));
        server.live.swap(old);
        let reply = client.get("/readyz");
        assert_eq!((reply.status, &reply.json()["reasons"]), (503, &json!(["all_lists_stale"])));
        assert_eq!(client.check(&ground::body(ground::CLEAR)).json()["verdict"], "undetermined");
    }

    #[test]
    fn a_lost_ledger_is_told_and_only_a_long_loss_ends_the_readiness() {
        let server = start_with(config(), None);
        let mut client = server.connect();
        let (_folder, view) = ground::view(real_now());
        for (lost, status, reasons) in [
            (1, 200, json!(["behind"])),
            (BEHIND_SECONDS_MAX + 1, 503, json!(["all_lists_stale", "behind"])),
        ] {
            let since = Instant(real_now().0 - lost);
            server.live.publish(Arc::new(View { behind: Some(since), ..View::clone(&view) }));
            let reply = client.get("/readyz");
            assert_eq!((reply.status, &reply.json()["reasons"]), (status, &reasons));
            assert_eq!(reply.json()["behind"], since.to_string());
            conforms(&reply.json(), "Ready");
        }
    }
}

mod connections {
    use super::*;

    fn post(body: &str) -> Vec<u8> {
        format!(
            "POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    #[test]
    fn pipelined_requests_are_answered_in_order() {
        let server = start(config());
        let mut client = server.connect();
        let bodies: Vec<String> = (0..16)
            .map(|number| ground::body(if number % 3 == 0 { ground::BLACK } else { ground::CLEAR }))
            .collect();
        let all: Vec<u8> = bodies.iter().flat_map(|body| post(body)).collect();
        client.send(&all);
        let mut ids = Vec::new();
        for number in 0..16 {
            let answer = client.reply(true).json();
            assert_eq!(answer["verdict"], if number % 3 == 0 { "prohibit" } else { "clear" });
            conforms(&answer, "CheckAnswer");
            ids.push(answer["check"].as_str().unwrap().to_owned());
        }
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        // a problem in the middle does not end the connection
        client.send(&[post("{}"), post(&bodies[1])].concat());
        client.reply(true).problem(Code::MissingField);
        assert_eq!(client.reply(true).status, 200);
    }

    #[test]
    fn a_body_in_chunks_and_a_body_in_drops() {
        let server = start(config());
        let mut client = server.connect();
        let body = ground::body(ground::BLACK);
        let mut chunked =
            b"POST /v1/check HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for part in body.as_bytes().chunks(7) {
            chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            chunked.extend_from_slice(part);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        client.send(&chunked);
        assert_eq!(client.reply(true).json()["verdict"], "prohibit");
        for part in post(&body).chunks(90) {
            client.send(part);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(client.reply(true).json()["verdict"], "prohibit");
    }

    #[test]
    fn an_address_is_served_once() {
        let server = start(config());
        let taken =
            Server::bind(HttpConfig { address: server.address, ..config() }, Live::default());
        assert_eq!(taken.err().unwrap().kind(), std::io::ErrorKind::AddrInUse);
    }

    #[test]
    fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
        let server = start(config());
        let mut client = server.connect();
        let request = post(&ground::body(ground::CLEAR));
        client.send(&[&request, &request[..30]].concat());
        assert_eq!(client.reply(true).status, 200);
        client.send(&request[30..]);
        assert_eq!(client.reply(true).status, 200);
    }

    #[test]
    fn a_peer_that_reads_late_gets_every_answer() {
        let server = start(config());
        let mut client = server.connect();
        let many: Vec<Value> = (0..200)
            .map(|number| json!({"ref": format!("s{number}"), "id": ground::BLACK.1}))
            .collect();
        let request = post(&check_with(&json!(many)));
        let mut writer = client.stream.try_clone().unwrap();
        let sender =
            std::thread::spawn(move || (0..40).for_each(|_| writer.write_all(&request).unwrap()));
        std::thread::sleep(Duration::from_millis(300));
        for _ in 0..40 {
            assert_eq!(client.reply(true).json()["subjects"].as_array().unwrap().len(), 200);
        }
        sender.join().unwrap();
    }

    #[test]
    fn a_peer_that_reads_nothing_is_let_go() {
        let mut server =
            start(HttpConfig { write_timeout_ms: 300, drain_timeout_ms: 50, ..config() });
        let mut client = server.connect();
        let many: Vec<Value> = (0..1_000)
            .map(|number| json!({"ref": format!("s{number}"), "id": ground::BLACK.1}))
            .collect();
        let request = post(&check_with(&json!(many)));
        client.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        // What the service holds for it is bounded, so it is not read from for ever.
        let taken = (0..2_000).take_while(|_| client.stream.write_all(&request).is_ok()).count();
        assert!(taken < 2_000, "{taken} requests were taken");
        std::thread::sleep(Duration::from_millis(2_000));
        assert_eq!(server.stop(), Drained { cut: 0 });
    }

    #[test]
    fn connections_beyond_the_bound_are_told_so() {
        let server = start(HttpConfig { connections_max: 2, ..config() });
        let (mut first, mut second) = (server.connect(), server.connect());
        assert_eq!((first.get("/healthz").status, second.get("/healthz").status), (200, 200));
        server.connect().reply(true).problem(Code::Overloaded);
        drop(first);
        let again = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            let mut client = server.connect();
            client.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
            client.reply(true).status == 200
        });
        assert!(again);
    }

    #[test]
    fn a_drain_lets_requests_finish_and_closes_idle_connections() {
        let mut server = start(config());
        let (mut busy, mut idle) = (server.connect(), server.connect());
        assert_eq!(idle.get("/healthz").status, 200);
        let body = ground::body(ground::CLEAR);
        let request = post(&body);
        let (early, late) = request.split_at(request.len() - 5);
        busy.send(early);
        std::thread::sleep(Duration::from_millis(500));
        server.shutdown.send_replace(true);
        assert!(idle.is_closed());
        busy.send(late);
        assert_eq!(busy.reply(true).status, 200);
        assert!(busy.is_closed());
        assert_eq!(server.stop(), Drained { cut: 0 });
        assert!(TcpStream::connect(server.address).is_err());
    }

    #[test]
    fn a_drain_ends_at_its_time() {
        let mut server = start(HttpConfig { drain_timeout_ms: 100, ..config() });
        let mut busy = server.connect();
        busy.send(b"POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{");
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(server.stop(), Drained { cut: 1 });
        assert!(busy.is_closed());
    }

    #[test]
    fn a_swap_reaches_idle_workers_and_the_old_generation_is_let_go() {
        let server = start(config());
        let mut client = server.connect();
        assert_eq!(client.check(&ground::body(ground::CLEAR)).status, 200);
        let (_folder, next) = ground::view(real_now());
        server.live.swap(next);
        let gone = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            server.live.reap() == 0
        });
        assert!(gone, "no worker holds the old generation");
        assert_eq!(client.check(&ground::body(ground::CLEAR)).status, 200);
    }
}

mod cool_routes {
    use super::*;

    #[test]
    fn everything_is_answered_as_described_and_head_goes_with_get() {
        let server = start(config());
        let mut client = server.connect();
        let rows = [
            ("/v1/lists", "Lists"),
            ("/v1/measures", "Measures"),
            ("/v1/matters", "Matters"),
            ("/v1/data", "Data"),
            ("/v1/problems", "Problems"),
            ("/catalog", "Catalog"),
            ("/algorithms", "Algorithms"),
            ("/healthz", "Alive"),
            ("/readyz", "Ready"),
        ];
        for (path, schema) in rows {
            let reply = client.get(path);
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
            conforms(&reply.json(), schema);
            let head = client.request("HEAD", path, "", b"");
            assert_eq!(
                (head.status, head.header("content-length")),
                (200, reply.header("content-length")),
                "{path}"
            );
        }
        assert_eq!(client.get("/openapi.json").json(), openapi());
        for (path, methods) in routes::PATHS {
            for method in methods {
                assert_ne!(client.request(method, path, "", b"").status, 404, "{method} {path}");
            }
        }
        let lists = client.get("/v1/lists").json();
        assert_eq!(lists["lists"][0]["entries"], 4);
        assert_eq!(lists["lists"][3]["as_of"], Value::Null);
        assert_eq!(client.get("/v1/data").json()["stale"][0]["list"], "jycm");
    }
}

mod changes {
    use super::*;
    use xincha::ledger::FileLedger;
    use xincha::live::{Recorder, Recording};

    /// A server that records, and what must outlive it.
    pub fn start() -> (Running, Recording) {
        let (folder, view) = ground::view(real_now());
        let generation = view.generation.clone();
        let ledger = FileLedger::open(&folder.path().join("ledger.redb")).unwrap();
        let live = Live::default();
        let (recorder, recording) = Recorder::start(live.clone(), Arc::new(ledger)).unwrap();
        recorder.swap(generation).unwrap();
        let desk = Desk { recorder: Some(recorder), ..Desk::from(live) };
        (start_desk(config(), desk, Some(folder)), recording)
    }

    pub fn change(client: &mut Client, body: &Value) -> Reply {
        client.request("POST", "/v1/changes", "", body.to_string().as_bytes())
    }

    fn one(fields: Value) -> Value {
        let mut change = json!({"key": "k", "change": "repair", "list": "sxbzxr", "entry": "e"});
        for (field, value) in fields.as_object().unwrap() {
            match value {
                Value::String(absent) if absent == "absent" => {
                    change.as_object_mut().unwrap().remove(field);
                }
                value => change[field] = value.clone(),
            }
        }
        json!({"changes": [change]})
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named_and_nothing_of_it_is_recorded() {
        let (server, recording) = start();
        let mut client = server.connect();
        let record = json!({"subject": {"name": "苏州明珠建设有限公司"}});
        let with = |path: &str, value: Value| {
            let mut record = record.clone();
            record.pointer_mut(path).map(|field| *field = value.clone()).unwrap_or_else(|| {
                let (parent, name) = path.rsplit_once('/').unwrap();
                record.pointer_mut(parent).unwrap()[name] = value;
            });
            one(json!({"change": "list", "record": record}))
        };
        let rows = [
            (json!({"changes": []}), Code::EmptyChanges, "/changes"),
            (json!({"changes": [{}]}), Code::MissingField, "/changes/0/key"),
            (json!({"change": []}), Code::UnknownField, "/change"),
            (one(json!({"key": ""})), Code::EmptyValue, "/changes/0/key"),
            (one(json!({"key": "k".repeat(201)})), Code::ValueTooLong, "/changes/0/key"),
            (one(json!({"change": "erase"})), Code::UnknownChange, "/changes/0/change"),
            (one(json!({"list": "nowhere"})), Code::UnknownList, "/changes/0/list"),
            (one(json!({"entry": "absent"})), Code::MissingField, "/changes/0/entry"),
            (one(json!({"entry": ""})), Code::EmptyValue, "/changes/0/entry"),
            (one(json!({"to": null})), Code::UnknownField, "/changes/0/to"),
            (one(json!({"record": record})), Code::UnknownField, "/changes/0/record"),
            (one(json!({"change": "extend"})), Code::MissingField, "/changes/0/to"),
            (
                one(json!({"change": "extend", "to": "2026-02-30"})),
                Code::InvalidDay,
                "/changes/0/to",
            ),
            (one(json!({"change": "extend", "to": 5})), Code::WrongType, "/changes/0/to"),
            (one(json!({"change": "exit", "on": "tomorrow"})), Code::InvalidDay, "/changes/0/on"),
            (one(json!({"change": "amend", "fields": {}})), Code::EmptyValue, "/changes/0/fields"),
            (
                one(json!({"change": "amend", "fields": {"state": "x"}})),
                Code::UnknownField,
                "/changes/0/fields/state",
            ),
            (with("/from", json!("20260101")), Code::InvalidDay, "/changes/0/record/from"),
            (with("/subject/name", json!(" ")), Code::EmptyValue, "/changes/0/record/subject/name"),
            (
                with("/subject/id", json!("0000")),
                Code::InvalidIdentifier,
                "/changes/0/record/subject/id",
            ),
            (
                with("/subject/kind", json!("ghost")),
                Code::UnknownSubjectKind,
                "/changes/0/record/subject/kind",
            ),
            (with("/region", json!(1_000_000)), Code::WrongType, "/changes/0/record/region"),
            (
                with("/subject/related", json!([{"role": "friend", "name": "李四"}])),
                Code::UnknownRole,
                "/changes/0/record/subject/related/0/role",
            ),
        ];
        for (body, code, pointer) in rows {
            let problem = change(&mut client, &body).problem(code);
            assert_eq!(problem["pointer"], pointer, "{body}");
        }
        let many: Vec<Value> = (0..=limits::CHANGES_MAX)
            .map(|n| json!({"key": n.to_string(), "change": "repair", "list": "sxbzxr", "entry": "e"}))
            .collect();
        change(&mut client, &json!({"changes": many})).problem(Code::TooManyChanges);
        assert_eq!(server.live.current().unwrap().overlay.change(), 1234, "as the snapshot says");
        recording.stop();
    }

    #[test]
    fn what_was_recorded_is_seen_by_the_next_check_and_may_be_waited_for() {
        let (server, recording) = start();
        let mut client = server.connect();
        let example = &openapi()["paths"]["/v1/changes"]["post"]["requestBody"]["content"]["application/json"]
            ["example"];
        conforms(example, "ChangesRequest");
        let verdict = |client: &mut Client, subject, min_change: Option<u64>| {
            let mut body: Value = serde_json::from_str(&ground::body(subject)).unwrap();
            body["min_change"] = json!(min_change);
            let reply = client.check(&body.to_string());
            (reply.status, reply.json())
        };
        assert_eq!(verdict(&mut client, ground::CLEAR, None).1["verdict"], "clear");
        let (_, hit) = verdict(&mut client, ground::BLACK, None);
        let entry = hit["subjects"][0]["hits"][0]["entry"].clone();
        let (name, id) = ground::CLEAR;
        let list = json!({"key": "a", "change": "list", "list": "sxbzxr",
            "record": {"subject": {"name": name, "id": id}, "document": "（2026）1号"}});
        let repair = json!({"key": "b", "change": "repair", "list": "sxbzxr", "entry": entry});
        let late =
            json!({"key": "c", "change": "extend", "list": "sxbzxr", "entry": entry, "to": null});
        let reply = change(&mut client, &json!({"changes": [list, repair, late]}));
        assert_eq!(reply.status, 200);
        let answer = reply.json();
        conforms(&answer, "ChangesAnswer");
        assert_eq!((&answer["change"], &answer["refused"]), (&json!(1236), &json!(1)), "{answer}");
        assert_eq!(answer["results"][2]["refusal"]["code"], "entry_ended");
        let (_, listed) = verdict(&mut client, ground::CLEAR, Some(1236));
        assert_eq!(listed["verdict"], "restrict", "{listed}");
        assert_eq!(listed["data"]["change"], 1236);
        let (_, repaired) = verdict(&mut client, ground::BLACK, None);
        let entries = repaired["subjects"][0]["hits"].as_array().unwrap();
        assert!(entries.iter().all(|hit| hit["entry"] != entry), "{repaired}");
        let again = change(&mut client, &json!({"changes": [list]})).json();
        assert_eq!(again["results"][0]["status"], "repeated");
        assert_eq!(again["results"][0]["change"], 1235);

        // A change to come is waited for, a while.
        let (status, problem) = verdict(&mut client, ground::CLEAR, Some(1237));
        assert_eq!((status, &problem["code"]), (503, &json!("change_not_reached")));
        let address = server.address;
        let sender = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            let mut client =
                Client { stream: TcpStream::connect(address).unwrap(), rest: Vec::new() };
            let key =
                json!({"entry": listed["subjects"][0]["hits"][0]["entry"], "change": "revoke"});
            change(&mut client, &one(key)).json()
        });
        let (status, revoked) = verdict(&mut client, ground::CLEAR, Some(1237));
        assert_eq!((status, &revoked["verdict"]), (200, &json!("clear")), "{revoked}");
        assert_eq!(sender.join().unwrap()["results"][0]["change"], 1237);
        recording.stop();
    }

    #[test]
    fn a_view_that_nobody_changes_says_so() {
        let server = super::start(config());
        let mut client = server.connect();
        change(&mut client, &one(json!({}))).problem(Code::NotLoadedHere);
        let refresh = client.request("POST", "/v1/data/refresh", "", b"");
        refresh.problem(Code::NotLoadedHere);
    }
}

mod search {
    use super::*;

    fn search(client: &mut Client, body: &Value) -> Value {
        let reply = client.request("POST", "/v1/search", "", body.to_string().as_bytes());
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let answer = reply.json();
        conforms(&answer, "SearchAnswer");
        answer
    }

    fn names(answer: &Value) -> Vec<&str> {
        let results = answer["results"].as_array().unwrap();
        results.iter().map(|result| result["entries"][0]["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_check_without_an_identifier_finds_them_too_and_asks_for_a_review() {
        let server = start(config());
        let mut client = server.connect();
        let body = |name: &str| check_with(&json!([{"ref": "a", "name": name}]));
        let mut check = |name: &str| {
            let reply = client.check(&body(name));
            assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
            let answer = reply.json();
            conforms(&answer, "CheckAnswer");
            answer
        };
        let answered = check("苏州星和科技有限责任公司");
        let hit = &answered["subjects"][0]["hits"][0];
        assert_eq!(
            (&hit["grade"], &hit["name"]),
            (&json!("similar_name"), &json!(ground::BLACK.0))
        );
        assert!(hit["likeness"]["score"].as_f64().unwrap() >= 0.5, "{hit}");
        let parts = hit["likeness"]["parts"].as_array().unwrap();
        assert!(parts.iter().any(|part| part["part"] == "sound_and_shape"), "{hit}");
        assert_eq!(answered["verdict"], "review");
        assert_eq!(answered["subjects"][0]["measures"], json!([]));
        let equal = check("蘇州星河科技有限责任公司");
        let hit = &equal["subjects"][0]["hits"][0];
        assert_eq!((&hit["grade"], &hit["likeness"]), (&json!("name"), &Value::Null));
        assert_eq!(hit["flags"], json!(["name_variant"]));
        // A worker that does not search says so, and answers nothing.
        let (_folder, view) = ground::view(NOW);
        let (mut worker, mut out) = (Worker::default(), Vec::new());
        let body = body("苏州星和科技有限责任公司");
        let answered = answer(&view, NOW, Uuid::nil(), body.as_bytes(), &mut worker, &mut out);
        assert!(matches!(answered, Err(xincha::http::Unanswered::MustSearch)) && out.is_empty());
    }

    #[test]
    fn names_that_are_like_it_are_found_scored_and_explained() {
        let server = start(config());
        let mut client = server.connect();
        let asked = json!({"name": "苏州星和科技有限责任公司", "explain": true});
        let answer = search(&mut client, &asked);
        assert_eq!(names(&answer)[0], ground::BLACK.0);
        let first = &answer["results"][0];
        assert_eq!(first["same_name"], false);
        assert!((0.1..=1.0).contains(&first["score"].as_f64().unwrap()), "{first}");
        let parts = first["parts"].as_array().unwrap();
        assert!(parts.iter().any(|part| part["part"] == "sound_and_shape"), "{first}");
        assert_eq!(first["entries"][0]["list"]["code"], "sxbzxr");

        let same = search(&mut client, &json!({"name": "蘇州星河科技有限責任公司"}));
        assert_eq!(
            (names(&same)[0], &same["results"][0]["same_name"]),
            (ground::BLACK.0, &json!(true))
        );
        assert_eq!(same["results"][0]["parts"], Value::Null);
        assert!(same["results"][0]["score"].as_f64().unwrap() > 0.9, "{same}");

        // A short name is found as it is written, and says little.
        let person = search(&mut client, &json!({"name": ground::PERSON.0}));
        assert_eq!(
            (names(&person), &person["results"][0]["score"]),
            (vec![ground::PERSON.0], &Value::Null)
        );
        // So it is by the other way in which its surname is written, and not shown as if it had been asked.
        let variant = search(&mut client, &json!({"name": "代小明"}));
        let first = &variant["results"][0];
        assert_eq!(
            (names(&variant), &first["same_name"], &first["score"]),
            (vec!["戴**"], &json!(false), &Value::Null)
        );
        for stranger in ["王大明", "杭州无名商贸有限公司"] {
            assert_eq!(
                search(&mut client, &json!({"name": stranger}))["results"],
                json!([]),
                "{stranger}"
            );
        }
        let other_list = json!({"name": ground::BLACK.0, "list": "nsxy_a"});
        assert_eq!(search(&mut client, &other_list)["results"], json!([]));
        let sure = json!({"name": "苏州星和科技有限公司", "score_min": 1.0});
        assert_eq!(search(&mut client, &sure)["results"], json!([]));
        // Every list that has it.
        let body = search(&mut client, &json!({"name": ground::RED_AND_BLACK.0}));
        assert_eq!(body["results"][0]["entries"].as_array().unwrap().len(), 2, "{body}");
    }

    #[test]
    fn searches_are_counted_and_checks_that_search_among_them() {
        let server = start(HttpConfig { search_threads: 3, ..config() });
        let mut client = server.connect();
        let count = |client: &mut Client| client.get("/v1/data").json()["searches"].clone();
        let none = json!({"threads": 3, "waiting": 0, "served": 0, "refused": 0});
        assert_eq!(count(&mut client), none);
        client.check(&ground::body(ground::BLACK));
        assert_eq!(count(&mut client), none, "an identifier decides");
        let by_name = client.check(&check_with(&json!([{"ref": "a", "name": ground::BLACK.0}])));
        assert_eq!((by_name.status, &count(&mut client)["served"]), (200, &json!(1)));
        search(&mut client, &json!({"name": ground::BLACK.0}));
        let company = json!({"schema": "Company", "properties": {"name": ground::BLACK.0}});
        for (path, body) in [
            ("/v1/suggest", json!({"prefix": "苏"})),
            ("/match/default", json!({"queries": {"q": company}})),
        ] {
            let reply = client.request("POST", path, "", body.to_string().as_bytes());
            assert_eq!(reply.status, 200, "{path}");
        }
        assert_eq!(
            count(&mut client),
            json!({"threads": 3, "waiting": 0, "served": 4, "refused": 0})
        );
    }

    #[test]
    fn what_is_wrong_with_a_search_is_named() {
        let server = start(config());
        let mut client = server.connect();
        for (body, code, pointer) in [
            (json!({}), Code::MissingField, "/name"),
            (json!({"name": " "}), Code::EmptyValue, "/name"),
            (json!({"name": "星".repeat(201)}), Code::ValueTooLong, "/name"),
            (json!({"name": "星河", "list": "nowhere"}), Code::UnknownList, "/list"),
            (json!({"name": "星河", "limit": 0}), Code::OutOfRange, "/limit"),
            (json!({"name": "星河", "limit": 101}), Code::OutOfRange, "/limit"),
            (json!({"name": "星河", "score_min": 1.5}), Code::OutOfRange, "/score_min"),
            (json!({"name": "星河", "fuzzy": true}), Code::UnknownField, "/fuzzy"),
        ] {
            let reply = client.request("POST", "/v1/search", "", body.to_string().as_bytes());
            assert_eq!(reply.problem(code)["pointer"], pointer, "{body}");
        }
    }
}
