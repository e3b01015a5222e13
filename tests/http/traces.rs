//! What a collector of OpenTelemetry is told of requests.

use super::*;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Told;
use opentelemetry_proto::tonic::trace::v1::Span as Exported;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Mutex;
use xincha::audit::{AuditConfig, Keeping, Log};
use xincha::clients::{Clients, Key, Roll};
use xincha::jobs::{Jobs, JobsConfig, State, Working};
use xincha::ledger::FileLedger;
use xincha::live::{Recorder, Recording};
use xincha::traces::{Sending, Traces, TracesConfig};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// One that takes OTLP over HTTP on loopback.
struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn open() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, taken) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let taking = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut client = Client { stream: stream.unwrap(), rest: Vec::new() };
                let body = posted(&mut client);
                taking.lock().unwrap().push(body);
                client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Collector { address, taken }
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap().clone()
    }

    /// Every span, in the order of their beginnings.
    fn spans(&self) -> Vec<Exported> {
        let mut spans = Vec::new();
        for bytes in self.bytes() {
            let batch = ExportTraceServiceRequest::decode(&*bytes).unwrap();
            for of_resource in batch.resource_spans {
                let resource = attributes(&of_resource.resource.unwrap().attributes);
                assert_eq!(resource["service.name"], "xincha");
                assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
                spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans.sort_by_key(|span| span.start_time_unix_nano);
        spans
    }
}

/// The body of one POST of protobuf to the path of traces.
fn posted(client: &mut Client) -> Vec<u8> {
    let mut chunk = [0; 16 * 1024];
    loop {
        let read = client.stream.read(&mut chunk).unwrap();
        assert!(read > 0, "closed within a request");
        client.rest.extend_from_slice(&chunk[..read]);
        let end = client.rest.windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end else { continue };
        let head = String::from_utf8(client.rest[..end].to_vec()).unwrap().to_lowercase();
        assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if client.rest.len() == end + 4 + length.parse::<usize>().unwrap() {
            return client.rest.split_off(end + 4);
        }
    }
}

fn attributes(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let told = attributes.iter().map(|attribute| {
        let value = match attribute.value.clone().unwrap().value.unwrap() {
            Told::StringValue(text) => text,
            Told::IntValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        (attribute.key.clone(), value)
    });
    let all: BTreeMap<String, String> = told.collect();
    assert_eq!(all.len(), attributes.len(), "said once each: {attributes:?}");
    all
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A service that records and traces, of one client.
struct Traced {
    server: Running,
    key: Key,
    traces: Traces,
    sending: Option<Sending>,
    jobs: Jobs,
    recording: Option<Recording>,
    _keeping: Keeping,
    _working: Working,
    _folder: tempfile::TempDir,
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.server.thread.is_some() && !std::thread::panicking() {
            self.server.stop();
        }
        self.recording.take().into_iter().for_each(Recording::stop);
    }
}

fn traced(address: SocketAddr, sample: f64) -> Traced {
    let endpoint = format!("http://{address}").parse().unwrap();
    let traces = TracesConfig { sample, ..TracesConfig::of(endpoint) };
    let (traces, sending) = Traces::start(&traces).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let audit =
        AuditConfig { seal_ms: 20, segment_mib: 1, ..AuditConfig::at(folder.path().join("audit")) };
    let (log, keeping) = Log::open(audit, config().workers).unwrap();
    let (snapshot, view) = ground::view(real_now());
    let ledger = FileLedger::open(&folder.path().join("ledger.redb")).unwrap();
    let live = Live::default();
    let (recorder, recording) = Recorder::start(live.clone(), Arc::new(ledger)).unwrap();
    recorder.swap(view.generation.clone()).unwrap();
    let key = Key::generate().unwrap();
    let text = format!(
        "[client.portal]\nkeys = [\"{}\"]\n\
         scopes = [\"check\", \"search\", \"batch\", \"change\", \"read\"]\n",
        key.digest
    );
    let clients = Clients::of(Roll::parse(&text, None).unwrap());
    let jobs = JobsConfig { folder: folder.path().join("jobs"), threads: 1, ..Default::default() };
    let (recorded, of_jobs) = (Some(log.clone()), Some(traces.clone()));
    let (jobs, working) =
        Jobs::start(jobs, live.clone(), recorded, clients.clone(), of_jobs).unwrap();
    let desk = Desk {
        recorder: Some(recorder),
        jobs: Some(jobs.clone()),
        audit: Some(log),
        traces: Some(traces.clone()),
        clients,
        ..Desk::from(live)
    };
    let server = start_desk(config(), desk, Some(snapshot));
    Traced {
        server,
        key,
        traces,
        sending: Some(sending),
        jobs,
        recording: Some(recording),
        _keeping: keeping,
        _working: working,
        _folder: folder,
    }
}

impl Traced {
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let headers = format!("authorization: Bearer {}\r\n{headers}", self.key.reveal());
        self.server.connect().request(method, path, &headers, body.as_bytes())
    }

    fn check(&self, headers: &str, subject: (&str, &str)) -> Value {
        let reply = self.ask("POST", "/v1/check", headers, &ground::body(subject));
        assert_eq!(reply.status, 200);
        reply.json()
    }

    /// Stop, and send what is queued.
    fn end(&mut self) {
        self.server.stop();
        self.sending.take();
    }
}

fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}\r\n")
}

#[test]
fn a_request_is_one_span_of_the_trace_that_it_came_with() {
    let collector = Collector::open();
    let mut traced = traced(collector.address, 0.0);
    traced.check("", ground::BLACK);
    traced.check(&parent("00"), ground::BLACK);
    // Of two none is the caller's.
    traced.check(&format!("{}{}", parent("01"), parent("01")), ground::BLACK);
    let answer = traced.check(&parent("01"), ground::BLACK);
    traced.end();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let span = &spans[0];
    assert_eq!((hex(&span.trace_id), hex(&span.parent_span_id)), (TRACE.into(), SPAN.into()));
    assert_eq!((&*span.name, span.kind), ("POST /v1/check", SpanKind::Server as i32));
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    let port = traced.server.address.port().to_string();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/v1/check"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("url.scheme", "http"),
        ("xincha.change", &text(&answer["data"]["change"])),
        ("xincha.client", "portal"),
        ("xincha.outcome", &text(&answer["verdict"])),
        ("xincha.receipt", &text(&answer["receipt"])),
        ("xincha.record", &text(&answer["check"])),
        ("xincha.snapshot", &text(&answer["data"]["snapshot"])),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(attributes(&span.attributes), BTreeMap::from(expected));
    assert_eq!((traced.traces.sent(), traced.traces.dropped()), (1, 0));
}

#[test]
fn the_share_of_requests_is_followed_and_may_change() {
    let collector = Collector::open();
    let mut traced = traced(collector.address, 1.0);
    traced.check("", ground::CLEAR);
    traced.check(&parent("00"), ground::CLEAR);
    let endpoint = "http://127.0.0.1:1".parse().unwrap();
    traced.traces.set(&TracesConfig { sample: 0.0, ..TracesConfig::of(endpoint) });
    traced.check("", ground::CLEAR);
    traced.end();
    let spans = collector.spans();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert!(spans[0].parent_span_id.is_empty() && hex(&spans[0].trace_id) != TRACE);
    assert_eq!(attributes(&spans[0].attributes)["xincha.outcome"], "clear");
}

#[test]
fn parts_follow_their_request_and_nothing_of_a_subject_or_a_caller_is_told() {
    let collector = Collector::open();
    let mut traced = traced(collector.address, 1.0);
    let hidden = "91320500MA0000777X";
    let answer = traced.check(&format!("tracestate: who={hidden}\r\n"), ground::BLACK);
    traced.check("", ground::PERSON);
    let search = json!({"name": ground::BLACK.0, "reason": hidden}).to_string();
    assert_eq!(traced.ask("POST", "/v1/search", "", &search).status, 200);
    let hit = &answer["subjects"][0]["hits"][0];
    let [list, entry] = [&hit["list"]["code"], &hit["entry"]].map(|it| it.as_str().unwrap());
    let change = audit::objection(list, entry, "k-1");
    let changed = traced.ask("POST", "/v1/changes", "", &change);
    let hidden_job = "0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
    traced.ask("GET", &format!("/v1/jobs/{hidden_job}?name={hidden}"), "", "");
    traced.ask("GET", &format!("/{hidden}"), "", "");
    traced.ask(hidden, "/v1/lists", "", "");
    traced.ask("POST", "/v1/check", "", &format!("{{\"matter\": \"{hidden}\"}}"));
    let id = jobs::hand_in(&traced.jobs, "portal", jobs::ROWS.as_bytes()).unwrap();
    jobs::await_state(&traced.jobs, "portal", id, State::Done);
    traced.end();

    let spans = collector.spans();
    let told: Vec<_> = spans.iter().map(|span| (span, attributes(&span.attributes))).collect();
    let of = |name: &str| {
        let mut found = told.iter().filter(|(span, _)| span.name == name);
        let (span, told) = found.next().unwrap_or_else(|| panic!("{name}: {spans:?}"));
        (*span, told)
    };
    let (searched, told_of_it) = of("POST /v1/search");
    assert_eq!(told_of_it["xincha.outcome"], "done");
    for (name, whole) in [
        ("search wait", searched),
        ("search", searched),
        ("changes record", of("POST /v1/changes").0),
    ] {
        let part = of(name).0;
        assert_eq!((&part.parent_span_id, &part.trace_id), (&whole.span_id, &whole.trace_id));
        assert_eq!(part.kind, SpanKind::Internal as i32);
        assert!(part.start_time_unix_nano >= whole.start_time_unix_nano);
        assert!(part.end_time_unix_nano <= whole.end_time_unix_nano, "{name}");
    }
    let told_of_change = of("POST /v1/changes").1;
    assert_eq!(changed.status, 200, "{}", String::from_utf8_lossy(&changed.body));
    assert_eq!(told_of_change["xincha.receipt"], changed.header("receipt").unwrap());
    assert_eq!(told_of_change["xincha.outcome"], "done");
    assert_eq!(of("GET /v1/jobs/{id}").1["xincha.problem"], "no_such_job");
    assert_eq!(of("GET").1["http.response.status_code"], "404");
    assert_eq!(of("_OTHER").1["http.request.method"], "_OTHER");
    let (job, told_of_job) = of("job");
    assert_eq!((&*told_of_job["xincha.job"], job.parent_span_id.len()), (&*id.to_string(), 0));
    assert_eq!(
        (&*told_of_job["xincha.outcome"], &*told_of_job["xincha.client"]),
        ("done", "portal")
    );

    let all = collector.bytes().concat();
    let subjects = [ground::BLACK, ground::PERSON, ground::REPRESENTATIVE];
    let of_subjects = subjects.iter().flat_map(|subject| [subject.0, subject.1]);
    let key = traced.key.reveal();
    for text in of_subjects.chain([hidden, hidden_job, key, "k-1", MATTER, "127.0.0.1:"]) {
        let is_told = all.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!is_told, "{text}");
    }
    assert!(all.windows(6).any(|window| window == b"portal"), "what is told would be found");
}

#[test]
fn what_fails_on_our_side_is_an_error_and_what_a_caller_did_is_none() {
    let collector = Collector::open();
    let endpoint = format!("http://{}", collector.address).parse().unwrap();
    let config = TracesConfig { sample: 1.0, ..TracesConfig::of(endpoint) };
    let (traces, sending) = Traces::start(&config).unwrap();
    let desk = Desk { traces: Some(traces), ..Desk::from(Live::default()) };
    let mut server = start_desk(super::config(), desk, None);
    let mut client = server.connect();
    client.get("/v1/check").problem(Code::MethodNotAllowed);
    client.check(&ground::body(ground::CLEAR)).problem(Code::NotReady);
    drop(client);
    server.stop();
    drop(sending);
    let spans = collector.spans();
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            let told = attributes(&span.attributes);
            let status = span.status.as_ref().map_or(0, |status| status.code);
            (status, told.get("error.type").cloned(), told["xincha.problem"].clone())
        })
        .collect();
    let not_ready = "not_ready".to_owned();
    let expected = [
        (StatusCode::Unset as i32, None, "method_not_allowed".to_owned()),
        (StatusCode::Error as i32, Some(not_ready.clone()), not_ready),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_collector_that_is_away_or_silent_disturbs_neither_answers_nor_the_drain() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (address, count) in [(away, 3), (silent.local_addr().unwrap(), 30)] {
        let mut traced = traced(address, 1.0);
        let mut client = traced.server.connect();
        let headers = format!("authorization: Bearer {}\r\n", traced.key.reveal());
        for _ in 0..count {
            let body = ground::body(ground::CLEAR);
            let reply = client.request("POST", "/v1/check", &headers, body.as_bytes());
            assert_eq!(reply.status, 200);
        }
        let metrics = client.request("GET", "/metrics", &headers, b"").body;
        let metrics = String::from_utf8(metrics).unwrap();
        assert!(metrics.contains("xincha_traces_sent_total 0"), "{metrics}");
        assert!(metrics.contains("xincha_traces_dropped_total "), "{metrics}");
        drop(client);
        let begun = std::time::Instant::now();
        traced.end();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!((traced.traces.sent(), traced.traces.dropped()), (0, count + 1));
    }
}
