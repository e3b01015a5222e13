//! The command as a newcomer uses it: exit codes, messages, the service from start to drain.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use xincha::ledger::FileLedger;

const MATTER: &str = "11320500000000019Y3000123456001";

/// A configuration of the sample with its snapshots in a folder of the test's.
pub struct Home {
    pub folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let text = format!(
            "catalogue = {:?}\n[jobs]\nfolder = \"jobs\"\n[audit]\nfolder = \"audit\"\n[data]\nfeeds = {:?}\nsources = {:?}\nsnapshots = \"snapshots\"\ndeliveries = \"deliveries\"\nledger = \"ledger.redb\"\nas_of_build = true\nbuild_on_start = true\n",
            config.join("catalogue"),
            folder.path().join("feeds"),
            config.join("sources"),
        );
        std::fs::write(folder.path().join("xincha.toml"), text).unwrap();
        let home = Home { folder };
        std::fs::create_dir(home.feeds()).unwrap();
        for feed in std::fs::read_dir(config.join("sample/feeds")).unwrap() {
            let feed = feed.unwrap();
            std::fs::copy(feed.path(), home.feeds().join(feed.file_name())).unwrap();
        }
        home
    }

    /// Its own copy of the sample.
    pub fn feeds(&self) -> PathBuf {
        self.folder.path().join("feeds")
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("xincha.toml")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xincha"));
        command
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .env("XINCHA_ADDRESS", "127.0.0.1:0");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

#[test]
fn checks_answer_offline_with_documented_exit_codes() {
    let home = Home::new();
    let (code, out, _) = home.run(&["build"]);
    assert!(code == 0 && out.contains("1193 of 1200 rows"), "{out}");
    let (code, out, _) = home.run(&["verify"]);
    assert!(code == 0 && out.contains("sound"), "{out}");
    let rows: [(&[&str], i32, &str); 7] = [
        (&["--matter", MATTER, "--id", "91320500MA0000015D"], 3, "prohibit"),
        (
            &["--matter", MATTER, "--id", "91320507MA00001031", "--name", "苏州清白商贸有限公司"],
            0,
            "clear",
        ),
        (&["--matter", "其他-02491-006", "--id", "91320505MA0000023G"], 3, "red and black"),
        (&["--matter", MATTER, "--name", "苏州星和科技有限责任公司"], 3, "similar_name 0."),
        (
            &["--matter", "其他-02491-007", "--name", "李四", "--id", "110101190001010006"],
            3,
            "masked_identifier",
        ),
        (
            &[
                "--matter",
                MATTER,
                "--id",
                "91320507MA00001031",
                "--at",
                "2024-01-01T00:00:00+08:00",
            ],
            0,
            "clear",
        ),
        (
            &["--matter", MATTER, "--id", "91320507MA00001031", "--json"],
            0,
            "\"verdict\": \"clear\"",
        ),
    ];
    for (arguments, expected, part) in rows {
        let (code, out, err) = home.run(&[&["check"], arguments].concat());
        assert_eq!(code, expected, "{arguments:?}: {out}{err}");
        assert!(out.contains(part), "{arguments:?}: {out}");
    }
    let wrong: [(&[&str], i32, &str); 5] = [
        (&["check", "--matter", "nothing", "--id", "91320500MA0000015D"], 1, "/v1/matters"),
        (&["check", "--matter", MATTER, "--id", "12"], 1, "/subjects/0/id"),
        (&["check", "--id", "91320500MA0000015D"], 2, "--matter"),
        (&["check", "--file", "no-such-file.json"], 1, "no-such-file.json"),
        (&["nonsense"], 2, "nonsense"),
    ];
    for (arguments, expected, part) in wrong {
        let (code, out, err) = home.run(arguments);
        assert_eq!(code, expected, "{arguments:?}: {out}{err}");
        assert!(err.contains(part), "{arguments:?}: {err}");
    }
}

#[test]
fn an_answer_is_kept_as_a_page_a_table_or_json() {
    let home = Home::new();
    let person =
        json!({"role": "legal_representative", "name": "赵甲乙", "id": "110101190001010022"});
    let section = json!({"matter": MATTER, "section": "E-1", "bidders": [
        {"ref": "=1", "name": "苏州星河科技有限公司", "id": "91320500MA0000015D", "persons": [person]},
        {"ref": "2", "name": "苏州某某有限公司", "persons": [person]},
    ]});
    let path = |name: &str| home.folder.path().join(name).display().to_string();
    std::fs::write(path("section.json"), section.to_string()).unwrap();
    let keep = |name: &str, more: &[&str]| {
        let arguments = ["tender", &path("section.json"), "-o", &path(name)];
        let (code, _, told) = home.run(&[&arguments[..], more].concat());
        assert_eq!(code, 3, "{told}");
        std::fs::read(path(name)).unwrap()
    };
    let page = String::from_utf8(keep("page.html", &[])).unwrap();
    assert!(page.contains("禁止 prohibit") && page.contains("赵**") && !page.contains("赵甲乙"));
    let page = String::from_utf8(keep("whole.html", &["--unmasked"])).unwrap();
    assert!(page.contains("赵甲乙") && page.contains("110101190001010022"));

    let bytes = keep("table.csv", &[]);
    let mut table = csv::Reader::from_reader(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap());
    let headings = table.headers().unwrap().clone();
    let at = |name: &str| headings.iter().position(|heading| heading.ends_with(name)).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let of = |reference: &str, role: &str| {
        let is_it = |row: &&csv::StringRecord| &row[0] == reference && &row[at(" role")] == role;
        rows.iter().filter(is_it).collect::<Vec<_>>()
    };
    let hits = of("'=1", "bidder");
    let lists: Vec<&str> = hits.iter().map(|row| &row[at(" list")]).collect();
    assert_eq!(lists, ["sxbzxr", "zfcg_yzwf"]);
    assert!(hits[0][at(" measures")].contains("财库〔2016〕125号"));
    assert_eq!(&of("'=1", "legal_representative")[0][at(" identifiers")], "110101********0022");
    assert_eq!(&of("2", "bidder")[0][at(" relations")], "'=1: same_manager (established)");
    let is_formula = |cell: &str| cell.starts_with(['=', '+', '-', '@']);
    assert!(!rows.iter().flatten().any(is_formula), "to whoever opens it in a spreadsheet");

    let mut book: calamine::Xlsx<_> =
        calamine::open_workbook_from_rs(std::io::Cursor::new(keep("t.xlsx", &[]))).unwrap();
    let sheet = calamine::Reader::worksheet_range_at(&mut book, 0).unwrap().unwrap();
    assert_eq!(
        sheet.get_value((1, 0)),
        Some(&calamine::Data::String("=1".to_owned())),
        "no formula"
    );
    assert_eq!(sheet.height(), rows.len() + 1);

    let kept: Value = serde_json::from_slice(&keep("a.json", &[])).unwrap();
    assert_eq!(kept["verdict"], "prohibit");
    let arguments = ["check", "--matter", MATTER, "--id", "91320500MA0000015D", "-o"];
    let (code, ..) = home.run(&[&arguments[..], &[&path("check.html")]].concat());
    assert_eq!(code, 3);
    assert!(std::fs::read_to_string(path("check.html")).unwrap().contains("政府采购"));
    let (code, _, told) = home.run(&[&arguments[..], &["check.pdf"]].concat());
    assert!(code != 0 && told.contains(".html .xlsx .csv .json"), "{told}");
}

#[test]
fn a_damaged_snapshot_and_a_missing_configuration_are_told() {
    let home = Home::new();
    assert_eq!(home.run(&["build"]).0, 0);
    let snapshots = home.folder.path().join("snapshots");
    let id = std::fs::read_to_string(snapshots.join("CURRENT")).unwrap();
    let path = snapshots.join(format!("{}.xcs", id.trim()));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (code, _, err) = home.run(&["verify"]);
    assert!(code == 1 && err.contains("is damaged"), "{err}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xincha"));
    let output = command.args(["--config", "no-such.toml", "serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such.toml"));
}

#[test]
fn synth_writes_the_same_city_twice() {
    let home = Home::new();
    let write = |name: &str| {
        let out = home.folder.path().join(name);
        let (code, text, err) =
            home.run(&["synth", "--entries", "400", "--seed", "9", "--out", out.to_str().unwrap()]);
        assert!(code == 0 && text.contains("400: "), "{text}{err}");
        std::fs::read(out.join("truth.jsonl")).unwrap()
    };
    assert_eq!(write("a"), write("b"));
}

/// Ends the service when a test fails before it did.
pub struct Service(pub Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service of a home, its address, and the rest of its log.
pub fn served(home: &Home) -> (Service, String, std::thread::JoinHandle<String>) {
    served_by(&mut home.command(&[]))
}

/// The same of a command that says more.
pub fn served_by(command: &mut Command) -> (Service, String, std::thread::JoinHandle<String>) {
    let mut service =
        Service(command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(service.0.stderr.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map(|line| line.unwrap())
        .find_map(|line| {
            let url = line.split_once("serving on ")?.1.trim();
            url.split_once("://").map(|(_, address)| address.to_owned())
        })
        .expect("an address in the log");
    let log =
        std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    (service, address, log)
}

/// As `head` does once it has enough.
#[test]
fn a_reader_that_leaves_early_is_no_fault() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Home::new().command(&["doctor"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_running_service_is_steered_by_commands_and_remembers() {
    const ENTRY: &str = "sxbzxr-2ee24935544946e86266";
    let home = Home::new();
    let (service, address, _log) = served(&home);
    let server = format!("http://{address}");
    let steer = |arguments: &[&str]| {
        let output = home
            .command(arguments)
            .env("XINCHA_ADDRESS", &address)
            .args(if arguments[0] == "check" { vec![] } else { vec!["--server", &server] })
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let check = ["check", "--matter", MATTER, "--id", "91320500MA0000015D", "--json"];
    let (code, out, err) = steer(&["status"]);
    assert!(code == 0 && out.contains("sxbzxr") && out.contains("truth.jsonl"), "{out}{err}");
    let (code, out, _) = steer(&check);
    assert!(code == 3 && out.contains(ENTRY), "asked of whoever holds the ledger: {out}");
    let (code, _, err) = home.run(&["build"]);
    assert!(code == 1 && err.contains("held by another process"), "{err}");
    let repair = ["change", "repair", "--list", "sxbzxr", "--entry", ENTRY, "--key", "k1"];
    let (code, out, err) = steer(&repair);
    assert!(code == 0 && out.contains("recorded  1"), "{out}{err}");
    let (code, out, _) = steer(&repair);
    assert!(code == 0 && out.contains("repeated  1"), "{out}");
    let (code, out, _) =
        steer(&["change", "repair", "--list", "sxbzxr", "--entry", ENTRY, "--key", "k2"]);
    assert!(code == 3 && out.contains("The entry has ended"), "{out}");
    let (code, _, err) = steer(&["change", "erase", "--list", "x", "--entry", "e", "--key", "k"]);
    assert!(code == 1 && err.contains("/changes/0/list"), "{err}");
    assert!(!steer(&check).1.contains(ENTRY), "repaired");
    let (code, _, err) = steer(&["refresh", "nowhere"]);
    assert!(code == 1 && err.contains("/source"), "{err}");
    let (code, out, err) = steer(&["refresh"]);
    assert!(code == 0 && out.contains("change       1"), "{out}{err}");
    let (code, _, err) = steer(&["approve", "sxbzxr"]);
    assert!(code == 1 && err.contains("held"), "{err}");
    let (code, _, err) = steer(&["rollback"]);
    assert!(code == 1 && err.contains("kept"), "there is none before: {err}");
    drop(service);

    // Killed. Offline the ledger says it, and so does the next start, which builds anew.
    let (_, out, err) = home.run(&check);
    assert!(!out.contains(ENTRY) && out.contains("\"change\": 1"), "{out}{err}");
    let (_service, address, _log) = served(&home);
    let body = json!({"matter": MATTER, "subjects": [{"ref": "a", "id": "91320500MA0000015D"}]});
    let (status, answer) = ask(&address, "POST", "/v1/check", &body.to_string());
    assert!(status == 200 && !answer.to_string().contains(ENTRY), "{answer}");
    assert_eq!(answer["data"]["change"], 1);
    let (_, data) = ask(&address, "GET", "/v1/data", "");
    assert_eq!(data["change_of_snapshot"], 1, "folded in: {data}");
    assert_eq!(data["snapshots"].as_array().unwrap().len(), 2, "{data}");
    let again =
        json!({"changes": [{"key": "k1", "change": "repair", "list": "sxbzxr", "entry": ENTRY}]});
    let (_, again) = ask(&address, "POST", "/v1/changes", &again.to_string());
    let again = &again["results"][0];
    assert_eq!((&again["status"], &again["change"]), (&json!("repeated"), &json!(1)), "{again}");
}

#[test]
fn a_file_is_screened_by_the_service_that_runs() {
    const ENTRY: &str = "sxbzxr-2ee24935544946e86266";
    let home = Home::new();
    let path = |name: &str| home.folder.path().join(name).display().to_string();
    let rows = "序号;代码;企业名称\n1;91320500MA0000015D;甲\n2;91320507MA00001031;乙\n3;无;\n";
    std::fs::write(path("in.csv"), rows).unwrap();
    let told = [
        "--matter",
        MATTER,
        "--id-column",
        "代码",
        "--delimiter",
        ";",
        "--at",
        "2026-11-23T12:00:00+08:00",
    ];
    let [input, offline, online] = ["in.csv", "offline.csv", "online.csv"].map(path);
    let offline = [&["screen", &input, "-o", &offline], &told[..]].concat();
    assert_eq!(home.run(&offline).0, 0);
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    assert!(read("offline.csv").contains(ENTRY));

    let (_service, address, _log) = served(&home);
    let screen = |arguments: &[&str]| {
        let output = home.command(arguments).env("XINCHA_ADDRESS", &address).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let online = [&["screen", &input, "-o", &online], &told[..]].concat();
    let (code, err) = screen(&online);
    assert!(code == 0 && err.contains("change 0") && err.contains("rejects"), "{err}");
    assert_eq!(read("online.csv"), read("offline.csv"), "the same rows");
    assert_eq!(read("online.rejects.csv").lines().count(), 2);
    assert_eq!(read("online.rejects.csv"), read("offline.rejects.csv"), "of the same file");
    let mode = std::fs::metadata(path("online.rejects.csv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let revoke =
        json!({"changes": [{"key": "k", "change": "revoke", "list": "sxbzxr", "entry": ENTRY}]});
    assert_eq!(ask(&address, "POST", "/v1/changes", &revoke.to_string()).0, 200);
    let (code, err) = screen(&online);
    assert!(code == 0 && err.contains("change 1"), "{err}");
    assert!(!read("online.csv").contains(ENTRY), "with the changes since the snapshot");
    let without = [&online[..], &["--snapshot-only"]].concat();
    assert_eq!(screen(&without).0, 0);
    assert!(read("online.csv").contains(ENTRY), "and without");
    std::fs::write(path("sound.csv"), "代码;企业名称\n91320500MA0000015D;甲\n").unwrap();
    let sound = path("sound.csv");
    assert_eq!(screen(&[&["screen", &sound], &online[2..]].concat()).0, 0);
    assert!(!Path::new(&path("online.rejects.csv")).exists(), "those of an earlier run go");
    let (code, err) = screen(&["screen", &input, "-o", &path("none.csv")]);
    assert!(code == 1 && err.contains("序号;代码"), "{err}");
    assert!(err.contains(&format!("{input}: ")), "its own name: {err}");
    assert!(!Path::new(&path("none.csv")).exists());
    let (code, err) = screen(&[&["screen", &input, "-o", &input], &told[..]].concat());
    assert!(code == 1 && err.contains("the output is the input"), "{err}");
    assert_eq!(read("in.csv"), rows, "and stands as it was");
    let (_, jobs) = ask(&address, "GET", "/v1/jobs", "");
    assert_eq!(jobs, json!({"jobs": []}), "nothing is left with the service");
}

/// A service that says of a job that it is done, sends the beginning of its result and no more, and hands out the
/// lines that it is asked with.
fn stalling() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, asked) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut line, mut length) = (String::new(), 0);
                stream.read_line(&mut line).unwrap();
                let mut header = line.clone();
                while header != "\r\n" {
                    header.clear();
                    stream.read_line(&mut header).unwrap();
                    let value = header.to_ascii_lowercase();
                    let value = value.strip_prefix("content-length: ").map(str::trim);
                    length = value.map_or(length, |value| value.parse().unwrap());
                }
                std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).unwrap();
                let is_result = line.contains("/result");
                let body = match is_result {
                    true => "uscc,xincha_verdict\n".to_owned(),
                    false => {
                        json!({"id": "1", "state": "done", "progress": {"bytes": 0, "rows": 0},
                        "result": "/v1/jobs/1/result", "rejects": null, "failure": null})
                        .to_string()
                    }
                };
                let length = body.len() + usize::from(is_result);
                let stream = stream.get_mut();
                write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                )
                .unwrap();
                tell.send(line).unwrap();
                if is_result {
                    std::thread::sleep(Duration::from_secs(60));
                }
            });
        }
    });
    (address, asked)
}

#[test]
fn an_interrupt_while_a_result_is_fetched_leaves_nothing_here_or_there() {
    let home = Home::new();
    let _held = FileLedger::open(&home.folder.path().join("ledger.redb")).unwrap();
    let path = |name: &str| home.folder.path().join(name).display().to_string();
    std::fs::write(path("in.csv"), "uscc\n91320500MA0000015D\n").unwrap();
    let (address, asked) = stalling();
    let mut child = home
        .command(&["screen", &path("in.csv"), "-o", &path("out.csv")])
        .env("XINCHA_ADDRESS", &address)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let next = || asked.recv_timeout(Duration::from_secs(10)).unwrap();
    while !next().contains("/result") {}
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(next(), "DELETE /v1/jobs/1 HTTP/1.1\r\n");
    let files = std::fs::read_dir(home.folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with("out.")));
}

#[test]
fn the_service_builds_serves_and_drains() {
    let home = Home::new();
    let (mut service, address, log) = served(&home);

    let body = json!({"matter": MATTER, "case": "c1", "department": "市财政局", "operator": "u1",
        "subjects": [{"ref": "a", "name": "苏州星河科技有限公司", "id": "91320500MA0000015D"}]});
    let (status, answer) = ask(&address, "POST", "/v1/check", &body.to_string());
    assert_eq!((status, answer["verdict"].as_str()), (200, Some("prohibit")));
    assert_eq!(answer["subjects"][0]["hits"].as_array().unwrap().len(), 2);
    for path in [
        "/v1/lists",
        "/v1/measures",
        "/v1/matters",
        "/v1/data",
        "/healthz",
        "/readyz",
        "/openapi.json",
    ] {
        assert_eq!(ask(&address, "GET", path, "").0, 200, "{path}");
    }
    assert_eq!(ask(&address, "GET", "/v1/check", "").0, 405);

    let pid = service.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(service.0.wait().unwrap().success(), "SIGTERM ends in a clean exit");
    let log = log.join().unwrap();
    for secret in ["91320500MA0000015D", "星河"] {
        assert!(!log.contains(secret), "the log holds a subject's data: {log}");
    }
}

pub fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
