//! Files that are handed in, screened beside, and fetched.

use super::*;
use std::fs;
use std::path::Path;
use std::time::{Instant as Clock, SystemTime};
use xincha::clients::{Clients, Roll};
use xincha::jobs::{Job, Jobs, JobsConfig, Order, Refused, State, Upload, Working};

/// Jobs give way to everything else that this machine does.
const PATIENCE: Duration = Duration::from_secs(120);
const BOUNDARY: &str = "------xincha";
/// Three rows: one listed, one not, one that cannot be asked about.
pub(super) const ROWS: &str =
    "编号,统一社会信用代码\n1,91320500MA0000015D\n2,91320500MA00000X21\n3,无\n";

/// A service that takes files.
struct Office {
    server: Running,
    working: Option<Working>,
    folder: tempfile::TempDir,
}

fn open(config: JobsConfig) -> Office {
    let folder = tempfile::tempdir().unwrap();
    open_in(folder, config, true)
}

fn jobs_in(folder: &Path, config: JobsConfig) -> JobsConfig {
    JobsConfig { folder: folder.join("jobs"), threads: 1, ..config }
}

fn open_in(folder: tempfile::TempDir, config: JobsConfig, has_data: bool) -> Office {
    let (snapshot, view) = ground::view(real_now());
    let live = Live::new(has_data.then_some(view));
    let (jobs, working) =
        Jobs::start(jobs_in(folder.path(), config), live.clone(), None, Clients::default(), None)
            .unwrap();
    let desk = Desk { jobs: Some(jobs), ..Desk::from(live) };
    let server = start_desk(super::config(), desk, Some(snapshot));
    Office { server, working: Some(working), folder }
}

impl Office {
    /// Stop it as SIGTERM does, and leave the folder.
    fn close(mut self) -> tempfile::TempDir {
        self.server.stop();
        self.working.take();
        self.folder
    }

    fn files(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![self.folder.path().join("jobs")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => names.push(path.file_name().unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        names.sort();
        names
    }
}

fn part(disposition: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), body, b"\r\n"].concat()
}

pub(super) fn form(options: Option<&Value>, name: &str, file: &[u8]) -> Vec<u8> {
    let options = options.map(|options| part("name=\"options\"", options.to_string().as_bytes()));
    let file = part(&format!("name=\"file\"; filename=\"{name}\""), file);
    [options.unwrap_or_default(), file, format!("--{BOUNDARY}--\r\n").into_bytes()].concat()
}

pub(super) fn post(client: &mut Client, body: &[u8]) -> Reply {
    let kind = format!("content-type: multipart/form-data; boundary={BOUNDARY}\r\n");
    client.request("POST", "/v1/jobs", &kind, body)
}

pub(super) fn taken(reply: &Reply) -> Value {
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
    let job = reply.json();
    conforms(&job, "Job");
    let place = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(reply.header("location"), Some(&*place));
    job
}

fn job(client: &mut Client, id: &Value) -> Value {
    let job = client.get(&format!("/v1/jobs/{}", id.as_str().unwrap())).json();
    conforms(&job, "Job");
    job
}

/// The job once it has ended.
pub(super) fn ended(client: &mut Client, id: &Value) -> Value {
    let begun = Clock::now();
    loop {
        let job = job(client, id);
        if !["queued", "running"].contains(&job["state"].as_str().unwrap()) {
            return job;
        }
        assert!(begun.elapsed() < PATIENCE, "{job}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(super) fn fetch(client: &mut Client, job: &Value, what: &str) -> Reply {
    client.get(job[what].as_str().unwrap())
}

#[test]
fn a_job_names_the_lists_that_are_not_to_be_relied_on() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let mut stale = |options: Value| {
        let form = form(Some(&options), "企业.csv", ROWS.as_bytes());
        let job = post(&mut client, &form).json();
        ended(&mut client, &job["id"])["summary"]["stale"].clone()
    };
    let (all, of_matter) = (stale(json!({})), stale(json!({"matter": MATTER})));
    let named = |stale: &Value| {
        let lists = stale.as_array().unwrap().iter();
        lists.map(|stale| stale["list"].clone()).collect::<Value>()
    };
    assert_eq!(all, named(&client.get("/v1/data").json()["stale"]));
    assert!(all.as_array().unwrap().contains(&json!("jycm")), "{all}");
    let checked = client.check(&check_with(&json!([{"ref": "1", "id": "91320500MA0000015D"}])));
    assert_eq!(of_matter, named(&checked.json()["data"]["stale"]));
}

#[test]
fn a_file_is_taken_screened_fetched_and_removed() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let options = json!({"matter": MATTER, "at": null, "hits_only": false});
    conforms(&options, "JobOptions");
    let taken = taken(&post(&mut client, &form(Some(&options), "企业.csv", ROWS.as_bytes())));
    let done = ended(&mut client, &taken["id"]);
    assert_eq!((&done["state"], &done["failure"]), (&json!("done"), &Value::Null));
    let summary = &done["summary"];
    assert_eq!((&summary["rows"], &summary["hits"]), (&json!(3), &json!(1)));
    assert_eq!((&summary["unaskable"], &summary["rejects"]), (&json!(1), &json!(1)));
    assert_eq!(summary["verdicts"]["prohibit"], 1);
    let single = client.check(&check_with(&json!([{"ref": "1", "id": "91320500MA0000015D"}])));
    assert_eq!(single.json()["verdict"], "prohibit");
    assert_eq!(summary["snapshot"], single.json()["data"]["snapshot"]);

    let result = fetch(&mut client, &done, "result");
    assert_eq!(result.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(result.header("cache-control"), Some("no-store"));
    let named = format!("attachment; filename=\"{}.result.csv\"", done["id"].as_str().unwrap());
    assert_eq!(result.header("content-disposition"), Some(&*named));
    let text = String::from_utf8(result.body).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert!(rows[0].starts_with("编号,统一社会信用代码,xincha_verdict"), "{text}");
    assert!(rows[1].starts_with("1,91320500MA0000015D,prohibit,sxbzxr"), "{text}");
    assert!(rows[2].starts_with("2,91320500MA00000X21,clear,"), "{text}");
    let some = client.request("GET", done["result"].as_str().unwrap(), "range: bytes=0-5\r\n", b"");
    assert_eq!((some.status, &*some.body), (206, "编号".as_bytes()));
    let rejects = fetch(&mut client, &done, "rejects");
    assert!(String::from_utf8(rejects.body).unwrap().contains("3,"));
    assert_eq!(office.files(), ["job.json", "lock", "rejects.csv", "result.csv"]);

    let listed = client.get("/v1/jobs").json();
    conforms(&listed, "Jobs");
    assert_eq!(listed["jobs"], json!([done]));
    let place = format!("/v1/jobs/{}", done["id"].as_str().unwrap());
    assert_eq!(client.request("DELETE", &place, "", b"").status, 204);
    client.get(&place).problem(Code::NoSuchJob);
    client.get(&format!("{place}/result")).problem(Code::NoSuchJob);
    client.get("/v1/jobs/no-id").problem(Code::NoSuchJob);
    assert_eq!(office.files(), ["lock"]);
}

#[test]
fn what_came_of_a_file_is_a_page_that_names_nobody() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let bad = "<img src=x>";
    let options = json!({"matter": MATTER, "case": "C-7", "operator": "u1024", "reason": bad});
    let taken = post(&mut client, &form(Some(&options), "企业.csv", ROWS.as_bytes())).json();
    let done = ended(&mut client, &taken["id"]);
    let page = evidence::page_of(fetch(&mut client, &done, "page"));
    assert!(!page.contains(bad) && page.contains("&lt;img src=x"), "{page}");
    assert!(!page.contains("91320500MA"), "{page}");
    let text = evidence::printed(&page, 1);
    let (input, summary) = (&done["input"], &done["summary"]);
    for told in [
        done["id"].as_str().unwrap(),
        input["sha256"].as_str().unwrap(),
        summary["snapshot"].as_str().unwrap(),
        summary["catalogue"].as_str().unwrap(),
        MATTER,
        "C-7",
        "u1024",
        "1/3行",
        "禁止prohibit1",
        "无法确定undetermined1",
        "号码一致identifier1",
        "失信被执行人",
        "sxbzxr",
        "Receipt无none",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }

    let nothing = post(&mut client, &form(None, "空.csv", b"")).json();
    let failed = ended(&mut client, &nothing["id"]);
    assert_eq!((&failed["state"], &failed["page"]), (&json!("failed"), &Value::Null));
    client
        .get(&format!("/v1/jobs/{}/page", failed["id"].as_str().unwrap()))
        .problem(Code::NoResult);
    client.get("/v1/jobs/no-id/page").problem(Code::NoSuchJob);
}

#[test]
fn every_format_comes_back_as_it_is_wanted() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let lines = "{\"id\":\"91320500MA0000015D\"}\n";
    let rows = [
        ("rows.jsonl", lines, None, "application/jsonl"),
        (
            "no ending",
            ROWS,
            Some(json!({"format": "csv", "output_format": "parquet"})),
            "application/vnd.apache.parquet",
        ),
        (
            "rows.CSV",
            ROWS,
            Some(json!({"output_format": "xlsx"})),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (
            "rows.txt",
            ROWS,
            Some(json!({"output_format": "arrows"})),
            "application/vnd.apache.arrow.stream",
        ),
    ];
    for (name, file, options, kind) in rows {
        let taken = taken(&post(&mut client, &form(options.as_ref(), name, file.as_bytes())));
        let done = ended(&mut client, &taken["id"]);
        assert_eq!(done["state"], "done", "{done}");
        assert_eq!(done["summary"]["hits"], 1);
        assert_eq!(fetch(&mut client, &done, "result").header("content-type"), Some(kind));
    }
}

#[test]
fn what_cannot_be_screened_fails_and_says_why() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    for (name, file, why) in [
        ("rows.csv", "甲,乙\n1,2\n", "甲"),
        ("rows.csv", "", "input.csv"),
        ("rows.xlsx", "no workbook", "input.xlsx"),
    ] {
        let taken = taken(&post(&mut client, &form(None, name, file.as_bytes())));
        let failed = ended(&mut client, &taken["id"]);
        assert_eq!(failed["state"], "failed", "{failed}");
        let told = failed["failure"].as_str().unwrap();
        assert!(told.contains(why), "{told}");
        assert!(!told.contains(office.folder.path().to_str().unwrap()), "{told}");
        let place = format!("/v1/jobs/{}", failed["id"].as_str().unwrap());
        client.get(&format!("{place}/result")).problem(Code::NoResult);
        client.get(&format!("{place}/rejects")).problem(Code::NoResult);
        assert_eq!(client.request("DELETE", &place, "", b"").status, 204);
    }
}

#[test]
fn what_is_no_such_form_or_has_such_options_is_refused_and_leaves_nothing() {
    let office = open(JobsConfig::default());
    let file = |options: Value| form(Some(&options), "rows.csv", ROWS.as_bytes());
    let none = format!("--{BOUNDARY}--\r\n").into_bytes();
    let other = [part("name=\"other\"", b"x"), none.clone()].concat();
    let late = [
        part("name=\"file\"; filename=\"a.csv\"", ROWS.as_bytes()),
        part("name=\"options\"", b"{}"),
        none.clone(),
    ]
    .concat();
    let rows = [
        (none, Code::MissingField, Some("/file")),
        (other, Code::InvalidForm, None),
        (late, Code::InvalidForm, None),
        (ROWS.into(), Code::InvalidForm, None),
        (file(json!({"matter": "no"})), Code::UnknownMatter, Some("/matter")),
        (file(json!({"kind": "ship"})), Code::UnknownSubjectKind, Some("/kind")),
        (file(json!({"encoding": "ebcdic"})), Code::InvalidOption, Some("/encoding")),
        (file(json!({"delimiter": "ab"})), Code::InvalidOption, Some("/delimiter")),
        (file(json!({"at": "1970-01-01T00:00:00Z"})), Code::InvalidTime, Some("/at")),
        (file(json!({"format": "pdf"})), Code::InvalidOption, Some("/format")),
        (file(json!({"output_format": "xls"})), Code::InvalidOption, Some("/output_format")),
        (file(json!({"output_format": "jsonl"})), Code::InvalidOption, Some("/output_format")),
        (file(json!({"sheet": "x".repeat(201)})), Code::ValueTooLong, Some("/sheet")),
        (file(json!({"id_columns": vec!["a"; 21]})), Code::TooManyIdentifiers, Some("/id_columns")),
        (file(json!({"subject": 1})), Code::UnknownField, Some("/subject")),
        (form(None, "no ending", b"x"), Code::InvalidOption, Some("/format")),
        (form(None, "x.a/b", b"x"), Code::InvalidOption, Some("/format")),
        (file(json!({"format": "../csv"})), Code::InvalidOption, Some("/format")),
        (file(json!({"output_format": "x/y"})), Code::InvalidOption, Some("/output_format")),
        (vec![b'a'; 8 << 20], Code::InvalidForm, None),
        (part(&"x".repeat(8 << 20), b""), Code::InvalidForm, None),
        (file(json!({"name_column": "x".repeat(3 << 20)})), Code::BodyTooLarge, Some("/options")),
    ];
    for (body, code, pointer) in rows {
        let problem = post(&mut office.server.connect(), &body).problem(code);
        assert_eq!(problem["pointer"].as_str(), pointer, "{problem}");
    }
    let mut client = office.server.connect();
    let plain = client.request("POST", "/v1/jobs", "content-type: text/csv\r\n", b"x");
    plain.problem(Code::InvalidForm);
    assert_eq!(office.files(), ["lock"]);
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing_and_gives_back_its_place() {
    let office = open(JobsConfig { unfinished_max: 1, ..JobsConfig::default() });
    let body = form(None, "rows.csv", ROWS.as_bytes());
    let mut client = office.server.connect();
    let head = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n",
        body.len()
    );
    client.send(head.as_bytes());
    client.send(&body[..body.len() - 20]);
    let begun = Clock::now();
    while !office.files().contains(&"input.csv".to_owned()) {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut other = office.server.connect();
    assert_eq!(other.get("/v1/jobs").json(), json!({"jobs": []}), "it is none yet");
    post(&mut other, &body).problem(Code::QuotaExceeded);
    drop(client);
    while office.files() != ["lock"] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", office.files());
        std::thread::sleep(Duration::from_millis(5));
    }
    taken(&post(&mut office.server.connect(), &body));
}

#[test]
fn quotas_hold_for_jobs_and_bytes() {
    // Without data nothing is begun.
    let folder = tempfile::tempdir().unwrap();
    let told = JobsConfig {
        input_bytes_max: 3_000,
        client_bytes_max: 5_000,
        unfinished_max: 9,
        ..JobsConfig::default()
    };
    let office = open_in(folder, told, false);
    let view = ground::view(real_now());
    let mut client = office.server.connect();
    let body = |bytes: usize| form(None, "a.csv", &vec![b'a'; bytes]);
    post(&mut client, &body(10)).problem(Code::NotReady);
    office.server.live.swap(view.1);
    let problem = post(&mut office.server.connect(), &body(3_001)).problem(Code::BodyTooLarge);
    assert_eq!((&problem["pointer"], &problem["max"]), (&json!("/file"), &json!(3_000)));
    drop(office);

    let told = JobsConfig { unfinished_max: 2, ..JobsConfig::default() };
    let office = open(told);
    let mut client = office.server.connect();
    let big = "x,统一社会信用代码\n".to_owned() + &"1,91320500MA0000015D\n".repeat(100_000);
    let body = form(None, "a.csv", big.as_bytes());
    let ids: Vec<Value> = (0..2).map(|_| taken(&post(&mut client, &body))["id"].clone()).collect();
    let problem = post(&mut office.server.connect(), &body).problem(Code::QuotaExceeded);
    assert_eq!((&problem["pointer"], &problem["max"]), (&json!("/jobs"), &json!(2)));
    let mut waiting = office.server.connect();
    waiting.send(b"POST /v1/jobs HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n\r\n");
    waiting.reply(true).problem(Code::QuotaExceeded);
    ids.iter().for_each(|id| {
        ended(&mut client, id);
    });
    taken(&post(&mut client, &body));
}

/// Jobs of a desk without data: the first begins and waits for it, the others wait for the first.
fn waiting(config: JobsConfig) -> (tempfile::TempDir, Live, Jobs, Working) {
    let (folder, live) = (tempfile::tempdir().unwrap(), Live::new(None));
    let (jobs, working) =
        Jobs::start(jobs_in(folder.path(), config), live.clone(), None, Clients::default(), None)
            .unwrap();
    (folder, live, jobs, working)
}

fn order() -> Order {
    Order { format: "csv".to_owned(), output_format: "csv".to_owned(), ..Order::default() }
}

pub(super) fn hand_in(jobs: &Jobs, client: &str, bytes: &[u8]) -> Result<Uuid, Refused> {
    let mut upload = jobs.accept(client, order())?;
    upload.write(bytes)?;
    Ok(upload.finish()?.job.id)
}

pub(super) fn await_state(jobs: &Jobs, client: &str, id: Uuid, state: State) {
    let begun = Clock::now();
    while jobs.get(client, id).unwrap().job.state != state {
        assert!(begun.elapsed() < PATIENCE, "{:?}", jobs.get(client, id));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn bytes_are_bounded_for_a_client_and_for_all() {
    let told = JobsConfig {
        client_bytes_max: 1_000,
        bytes_max: 1_500,
        unfinished_max: 9,
        ..JobsConfig::default()
    };
    let (_folder, _live, jobs, _working) = waiting(told);
    hand_in(&jobs, "a", &[b'x'; 600]).unwrap();
    assert!(matches!(hand_in(&jobs, "a", &[b'x'; 500]), Err(Refused::TooManyBytes(1_000))));
    hand_in(&jobs, "a", &[b'x'; 400]).unwrap();
    assert!(matches!(hand_in(&jobs, "b", &[b'x'; 600]), Err(Refused::Full)));
    let id = hand_in(&jobs, "b", &[b'x'; 500]).unwrap();
    jobs.remove("b", id).unwrap();
    hand_in(&jobs, "b", &[b'x'; 400]).unwrap();

    let (_folder, _live, jobs, _working) =
        waiting(JobsConfig { unfinished_max: 99, ..JobsConfig::default() });
    let uploads: Vec<Upload> = (0..16).map(|_| jobs.accept("a", order()).unwrap()).collect();
    assert!(matches!(jobs.accept("b", order()), Err(Refused::Full)));
    drop(uploads);
    jobs.accept("b", order()).unwrap();
}

#[test]
fn a_result_is_bounded_by_what_is_kept_for_a_client() {
    // Several blocks: what is written is looked at before each.
    let rows = "统一社会信用代码\n".to_owned() + &"91320500MA0000015D\n".repeat(30_000);
    let told = JobsConfig { client_bytes_max: rows.len() as u64 + 10_000, ..JobsConfig::default() };
    let (_folder, live, jobs, _working) = waiting(told);
    let id = hand_in(&jobs, "a", rows.as_bytes()).unwrap();
    let (_snapshot, view) = ground::view(real_now());
    live.swap(view);
    await_state(&jobs, "a", id, State::Failed);
    let job = jobs.get("a", id).unwrap().job;
    assert!(job.failure.unwrap().contains("more than is kept"), "and not another reason");
    assert!(matches!(jobs.result("a", id), Err(Refused::NoResult)));
}

#[test]
fn what_runs_and_what_waits_can_be_given_up_and_removed() {
    let (folder, _live, jobs, working) = waiting(JobsConfig::default());
    let ids: Vec<Uuid> = (0..4).map(|_| hand_in(&jobs, "a", ROWS.as_bytes()).unwrap()).collect();
    await_state(&jobs, "a", ids[0], State::Running);
    assert_eq!(jobs.cancel("a", ids[1]).unwrap().job.state, State::Cancelled, "it was waiting");
    jobs.cancel("a", ids[0]).unwrap();
    await_state(&jobs, "a", ids[0], State::Cancelled);
    await_state(&jobs, "a", ids[2], State::Running);
    jobs.remove("a", ids[2]).unwrap();
    await_state(&jobs, "a", ids[3], State::Running);
    jobs.remove("a", ids[3]).unwrap();
    assert!(matches!(jobs.get("a", ids[2]), Err(Refused::NoSuchJob)));
    drop((jobs, working));
    let mut left: Vec<String> = Vec::new();
    for job in fs::read_dir(folder.path().join("jobs")).unwrap() {
        let job = job.unwrap().path();
        let files = fs::read_dir(&job).into_iter().flatten();
        left.extend(files.map(|file| file.unwrap().file_name().into_string().unwrap()));
    }
    assert_eq!(left, ["job.json", "job.json"], "of the two that were cancelled");
}

#[test]
fn what_was_begun_when_it_was_stopped_is_begun_anew() {
    let (folder, _live, jobs, working) = waiting(JobsConfig::default());
    let id = hand_in(&jobs, "a", ROWS.as_bytes()).unwrap();
    await_state(&jobs, "a", id, State::Running);
    drop((jobs, working));
    let (_snapshot, view) = ground::view(real_now());
    let config = jobs_in(folder.path(), JobsConfig::default());
    let (jobs, _working) =
        Jobs::start(config, Live::new(Some(view)), None, Clients::default(), None).unwrap();
    await_state(&jobs, "a", id, State::Done);
    let job = jobs.get("a", id).unwrap().job;
    assert_eq!(job.attempts, 1, "a stop is no failure");
    assert_eq!(job.summary.unwrap().hits, 1);
}

#[test]
fn what_waits_over_a_restart_is_done_only_if_its_client_may_still_ask_it() {
    let (folder, _live, jobs, working) =
        waiting(JobsConfig { unfinished_max: 9, ..JobsConfig::default() });
    let of = |client: &str, matter: Option<&str>| {
        let order = Order { matter: matter.map(str::to_owned), ..order() };
        let mut upload = jobs.accept(client, order).unwrap();
        upload.write(ROWS.as_bytes()).unwrap();
        (client.to_owned(), upload.finish().unwrap().job.id)
    };
    let asked = [
        of("may", Some(MATTER)),
        of("may-all", None),
        of("gone", None),
        of("no-batch", None),
        of("late", None),
        of("other-matter", Some(MATTER)),
        of("no-matter", None),
        of("other-list", Some(MATTER)),
    ];
    drop((jobs, working));
    let batch = "scopes = [\"batch\"]\n";
    let text = [
        format!("[client.may]\n{batch}matters = [\"{MATTER}\"]\n"),
        format!("[client.may-all]\n{batch}"),
        "[client.no-batch]\nscopes = [\"check\"]\n".to_owned(),
        format!("[client.late]\n{batch}expires = \"2020-01-01\"\n"),
        format!("[client.other-matter]\n{batch}matters = [\"other\"]\n"),
        format!("[client.no-matter]\n{batch}matters = [\"{MATTER}\"]\n"),
        format!("[client.other-list]\n{batch}lists = [\"nsxy_a\"]\n"),
    ];
    let clients = Clients::of(Roll::parse(&text.concat(), None).unwrap());
    let (_snapshot, view) = ground::view(real_now());
    let config = jobs_in(folder.path(), JobsConfig::default());
    let (jobs, _working) = Jobs::start(config, Live::new(Some(view)), None, clients, None).unwrap();
    let mut states = Vec::new();
    for (client, id) in &asked {
        let begun = Clock::now();
        while !jobs.get(client, *id).unwrap().job.state.has_ended() {
            assert!(begun.elapsed() < PATIENCE, "{client}");
            std::thread::sleep(Duration::from_millis(5));
        }
        states.push((&**client, jobs.get(client, *id).unwrap().job.state == State::Done));
    }
    let may = |name: &str| name == "may" || name == "may-all";
    assert_eq!(states, asked.iter().map(|(name, _)| (&**name, may(name))).collect::<Vec<_>>());
}

#[test]
fn clients_take_turns() {
    let (_folder, live, jobs, _working) =
        waiting(JobsConfig { unfinished_max: 9, ..JobsConfig::default() });
    let of_a: Vec<Uuid> = (0..3).map(|_| hand_in(&jobs, "a", ROWS.as_bytes()).unwrap()).collect();
    await_state(&jobs, "a", of_a[0], State::Running);
    let of_b = hand_in(&jobs, "b", ROWS.as_bytes()).unwrap();
    jobs.remove("a", of_a[0]).unwrap();
    await_state(&jobs, "b", of_b, State::Running);
    assert_eq!(jobs.get("a", of_a[1]).unwrap().job.state, State::Queued);
    let (_snapshot, view) = ground::view(real_now());
    live.swap(view);
    await_state(&jobs, "a", of_a[2], State::Done);
}

#[test]
fn a_restart_loses_no_result_and_begins_anew_what_was_not_done() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let body = form(None, "rows.csv", ROWS.as_bytes());
    let id = taken(&post(&mut client, &body))["id"].clone();
    let done = ended(&mut client, &id);
    drop(client);
    let folder = office.close();

    // As a process leaves it that is killed while it works on another: its input, and half a result.
    let path = |id: &str, name: &str| folder.path().join("jobs").join(id).join(name);
    let id = id.as_str().unwrap().to_owned();
    let mut killed: Job =
        serde_json::from_slice(&fs::read(path(&id, "job.json")).unwrap()).unwrap();
    let halves =
        [("019b0000-0000-7000-8000-000000000001", 1), ("019b0000-0000-7000-8000-000000000002", 2)];
    for (other, attempts) in halves {
        fs::create_dir(path(other, "")).unwrap();
        fs::write(path(other, "input.csv"), ROWS).unwrap();
        fs::write(path(other, "result.csv.part-1"), "half").unwrap();
        killed = Job {
            id: other.parse().unwrap(),
            state: State::Running,
            attempts,
            summary: None,
            ended: None,
            ..killed
        };
        fs::write(path(other, "job.json"), serde_json::to_vec(&killed).unwrap()).unwrap();
    }
    // And one whose upload had not ended.
    fs::create_dir(path("019b0000-0000-7000-8000-000000000003", "")).unwrap();
    fs::write(path("019b0000-0000-7000-8000-000000000003", "input.csv"), "1,").unwrap();
    // One that cannot be recovered, and one whose result is lost.
    let broken = ["019b0000-0000-7000-8000-000000000004", "019b0000-0000-7000-8000-000000000005"];
    for id in broken {
        fs::create_dir(path(id, "")).unwrap();
        killed = Job { id: id.parse().unwrap(), state: State::Done, ..killed };
        fs::write(path(id, "job.json"), serde_json::to_vec(&killed).unwrap()).unwrap();
    }
    fs::create_dir(path(broken[0], "result.csv")).unwrap();

    // Two that cannot be read, one for longer than jobs are kept.
    let unreadable =
        ["019b0000-0000-7000-8000-000000000006", "019b0000-0000-7000-8000-000000000007"];
    for (id, hours) in unreadable.into_iter().zip([1, 25]) {
        fs::create_dir(path(id, "")).unwrap();
        fs::write(path(id, "job.json"), "{}").unwrap();
        let changed = SystemTime::now() - Duration::from_secs(hours * 3_600);
        let file = fs::File::options().write(true).open(path(id, "job.json")).unwrap();
        file.set_modified(changed).unwrap();
    }

    let office = open_in(folder, JobsConfig::default(), true);
    let [kept, removed] = unreadable.map(|id| office.folder.path().join("jobs").join(id).exists());
    assert!(kept && !removed);
    let mut client = office.server.connect();
    assert_eq!(job(&mut client, &json!(id)), done, "as it was");
    assert_eq!(fetch(&mut client, &done, "result").status, 200);
    let again = ended(&mut client, &json!(halves[0].0));
    assert_eq!((&again["state"], &again["attempts"]), (&json!("done"), &json!(2)), "{again}");
    assert_eq!(again["summary"]["hits"], 1);
    let given_up = job(&mut client, &json!(halves[1].0));
    assert_eq!((&given_up["state"], &given_up["attempts"]), (&json!("failed"), &json!(2)));
    for id in broken {
        let lost = job(&mut client, &json!(id));
        assert_eq!((&lost["state"], &lost["result"]), (&json!("failed"), &Value::Null), "{lost}");
    }
    assert_eq!(client.get("/v1/jobs").json()["jobs"].as_array().unwrap().len(), 5);
    let left = office.files();
    assert!(
        !left.iter().any(|name| name.contains("part") || name.starts_with("input")),
        "{left:?}"
    );
}

#[test]
fn what_has_ended_goes_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let office = open_in(folder, JobsConfig { keep_hours: 1, ..JobsConfig::default() }, true);
    let mut client = office.server.connect();
    let id = taken(&post(&mut client, &form(None, "rows.csv", ROWS.as_bytes())))["id"].clone();
    let done = ended(&mut client, &id);
    assert_ne!(done["expires"], Value::Null);
    drop(client);
    let folder = office.close();
    let office = open_in(folder, JobsConfig { keep_hours: 0, ..JobsConfig::default() }, true);
    let begun = Clock::now();
    while office.files() != ["lock"] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", office.files());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_folder_has_one_process() {
    let office = open(JobsConfig::default());
    let config = jobs_in(office.folder.path(), JobsConfig::default());
    let error = Jobs::start(config, office.server.live.clone(), None, Clients::default(), None)
        .err()
        .unwrap();
    assert!(error.to_string().contains("another process"), "{error}");
}

#[test]
fn another_clients_job_is_none() {
    let office = open(JobsConfig::default());
    let mut client = office.server.connect();
    let id = taken(&post(&mut client, &form(None, "rows.csv", ROWS.as_bytes())))["id"].clone();
    ended(&mut client, &id);
    let place = format!("/v1/jobs/{}", id.as_str().unwrap());
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let elsewhere: SocketAddr = "127.0.0.2:0".parse().unwrap();
    socket.bind(&elsewhere.into()).unwrap();
    socket.connect(&office.server.address.into()).unwrap();
    let mut other = Client { stream: socket.into(), rest: Vec::new() };
    other.get(&place).problem(Code::NoSuchJob);
    other.get(&format!("{place}/result")).problem(Code::NoSuchJob);
    other.request("POST", &format!("{place}/cancel"), "", b"").problem(Code::NoSuchJob);
    other.request("DELETE", &place, "", b"").problem(Code::NoSuchJob);
    assert_eq!(other.get("/v1/jobs").json(), json!({"jobs": []}));
    assert_eq!(client.get(&place).status, 200);
}
