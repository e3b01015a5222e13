//! Three machines on one: `xincha` processes that share a stream, a lease, a shelf and a folder of feeds.

use crate::eventually;
use crate::servers::nats::Nats;
use crate::servers::s3::S3;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Short, so that a test sees it end; a third of it outlasts what the cores are busy with otherwise.
pub const TERM_MS: u64 = 2_000;
/// Snapshots kept beside the current one.
pub const KEEP: usize = 2;
/// 公司设立登记: consults the list that the feeds deliver.
pub const MATTER: &str = "11320500000000019Y3000123456003";
const LIST: &str = "sxbzxr";
const MAPPING: &str = r#"
code = "court"
name = "法院 失信被执行人"

[columns]
name = "名称"
document = "案号"
from = "发布时间"

[[identifier]]
column = "代码"

[[feed]]
list = "sxbzxr"
files = "sxbzxr-*"
authority = "人民法院"
region = 320500
"#;

/// What the machines share, and the machines.
pub struct Fleet {
    pub nats: Nats,
    pub s3: S3,
    shared: TempDir,
    pub machines: Vec<Machine>,
}

impl Fleet {
    /// Three that know nothing yet, and a feed of so many rows for them.
    pub fn start(rows: usize) -> Fleet {
        let mut fleet = Fleet::without_machines(rows);
        for _ in 0..3 {
            fleet.add("");
        }
        fleet
    }

    pub fn without_machines(rows: usize) -> Fleet {
        let shared = tempfile::tempdir().unwrap();
        fs::create_dir(shared.path().join("feeds")).unwrap();
        fs::create_dir(shared.path().join("sources")).unwrap();
        fs::write(shared.path().join("sources/court.toml"), MAPPING).unwrap();
        let fleet = Fleet { nats: Nats::start(), s3: S3::start(), shared, machines: Vec::new() };
        fleet.deliver(1, 0, rows);
        fleet
    }

    /// One more machine, with further settings of `[data]`; its place.
    pub fn add(&mut self, data: &str) -> usize {
        let folder = tempfile::tempdir().unwrap();
        self.machines.push(Machine { folder, running: None });
        let at = self.machines.len() - 1;
        self.configure(at, data);
        self.machines[at].start();
        at
    }

    /// What the next start of a machine is told.
    pub fn configure(&self, at: usize, data: &str) {
        let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/catalogue");
        let (feeds, sources) =
            (self.shared.path().join("feeds"), self.shared.path().join("sources"));
        let (nats, s3) = (self.nats.url(), self.s3.endpoint());
        let (bucket, access, secret) = (S3::BUCKET, S3::ACCESS_KEY, S3::SECRET_KEY);
        let text = format!(
            r#"
catalogue = {catalogue:?}
[data]
feeds = {feeds:?}
sources = {sources:?}
snapshots = "snapshots"
deliveries = "deliveries"
as_of_build = true
keep = {KEEP}
{data}
[jobs]
folder = "jobs"
[audit]
folder = "audit"
[http]
workers = 1
# Longer than any wait: what is fetched was asked for, or is fetched by whoever begins to build.
[source.court]
schedule = {{ every_seconds = 3600 }}
[replicas.stream]
servers = [{nats:?}]
[replicas.lease]
holder = "machine-{at}"
term_ms = {TERM_MS}
[replicas.shelf]
endpoint = {s3:?}
bucket = {bucket:?}
allow_http = true
access_key = {access:?}
secret_key = {secret:?}
"#
        );
        fs::write(self.machines[at].config(), text).unwrap();
    }

    /// A file of rows about the companies from a number on, whole at once.
    pub fn deliver(&self, file: usize, from: usize, rows: usize) {
        let mut text = "名称,代码,案号,发布时间\n".to_owned();
        for company in from..from + rows {
            let (name, code) = company_of(company);
            text += &format!("{name},{code},案{company},2025-03-01\n");
        }
        let aside = self.shared.path().join("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.shared.path().join(format!("feeds/sxbzxr-{file:04}.csv"))).unwrap();
    }

    /// The machines that run.
    pub fn up(&self) -> impl Iterator<Item = (usize, &Machine)> {
        self.machines.iter().enumerate().filter(|(_, machine)| machine.running.is_some())
    }

    /// Where all agree: on the snapshot, on the last change, on who builds; nobody is behind.
    pub fn agreed(&self) -> Agreed {
        eventually("all agree", || self.agree())
    }

    pub fn agree(&self) -> Option<Agreed> {
        let all: Option<Vec<(usize, Value)>> =
            self.up().map(|(at, machine)| Some((at, machine.data()?))).collect();
        let all = all?;
        let builders: Vec<usize> =
            all.iter().filter(|(_, data)| data["builds"] == true).map(|(at, _)| *at).collect();
        let first = &all.first()?.1;
        let same = |what: &str| all.iter().all(|(_, data)| data[what] == first[what]);
        let is_agreed = builders.len() == 1
            && same("snapshot")
            && same("change")
            && same("behind")
            && first["behind"].is_null();
        is_agreed.then(|| Agreed {
            snapshot: first["snapshot"].as_str().unwrap().to_owned(),
            change: first["change"].as_u64().unwrap(),
            builder: builders[0],
        })
    }

    /// Let whoever builds ask its sources, until another snapshot than this is agreed on.
    pub fn refreshed(&self, before: &str) -> Agreed {
        self.refresh();
        eventually("another snapshot", || self.agree().filter(|now| now.snapshot != before))
    }

    /// Ask whoever builds to refresh.
    pub fn refresh(&self) {
        eventually("a refresh begins", || {
            self.up().find(|(_, machine)| {
                matches!(machine.ask("POST", "/v1/data/refresh", "{}"), Some((202, _)))
            })
        });
    }

    /// All answer the same about these companies, to the byte; the answers, by company.
    pub fn same_answers(&self, companies: impl Iterator<Item = usize>, at: &str) -> Vec<Value> {
        companies.map(|company| self.same_answer(company, at)).collect()
    }

    /// Asked again while a build that was under way is not yet everywhere.
    fn same_answer(&self, company: usize, at: &str) -> Value {
        let request = check_of(company, Some(at), None).to_string();
        // But for the id before and the receipt after.
        let told = |answer: &[u8]| {
            let text = std::str::from_utf8(answer).unwrap();
            let parts = ["\"verdict\"", "\"receipt\""].map(|part| text.find(part).unwrap());
            text[parts[0]..parts[1]].to_owned()
        };
        let first = eventually("all answer the same", || {
            let mut answers = self.up().map(|(_, machine)| {
                let (status, answer) =
                    machine.ask("POST", "/v1/check", &request).expect("an answer");
                assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
                answer
            });
            let first = answers.next().expect("a machine");
            answers.all(|answer| told(&answer) == told(&first)).then_some(first)
        });
        serde_json::from_slice(&first).unwrap()
    }
}

/// What all agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    pub snapshot: String,
    pub change: u64,
    pub builder: usize,
}

/// A machine: its folder, and its process while it runs.
pub struct Machine {
    folder: TempDir,
    running: Option<Running>,
}

struct Running {
    child: Child,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Machine {
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("xincha.toml")
    }

    /// Run a command with its configuration; what it prints.
    pub fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xincha"));
        command.current_dir(self.folder.path()).arg("--config").arg(self.config());
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Start it; returns when it listens.
    pub fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xincha"));
        command.arg("--config").arg(self.config()).env("XINCHA_ADDRESS", "127.0.0.1:0");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let kept = log.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line));
        });
        let address = eventually("an address in the log", || {
            let log = log.lock().unwrap();
            log.iter().find_map(|line| Some(line.split_once("serving on http://")?.1.to_owned()))
        });
        self.running = Some(Running { child, address, log });
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().unwrap();
            running.child.wait().unwrap();
        }
    }

    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// SIGTERM, and wait for its end.
    pub fn stop(&mut self) {
        let mut running = self.running.take().unwrap();
        let id = running.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(running.child.wait().unwrap().success());
    }

    /// The lines of the log of this run that hold a text.
    pub fn logged(&self, text: &str) -> Vec<String> {
        let log = self.running.as_ref().unwrap().log.lock().unwrap();
        log.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    pub fn client(&self) -> Client {
        Client { address: self.running.as_ref().unwrap().address.clone(), stream: None }
    }

    /// Ask once; nothing when it cannot be reached.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        self.client().ask(method, path, body).ok()
    }

    /// The same, of what is JSON.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.client().json(method, path, body)
    }

    /// `/v1/data`; nothing before it has any.
    pub fn data(&self) -> Option<Value> {
        let (status, data) = self.ask("GET", "/v1/data", "")?;
        (status == 200).then(|| serde_json::from_slice(&data).unwrap())
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.ask("GET", "/readyz", ""), Some((200, _)))
    }

    /// Snapshots in its folder.
    pub fn snapshots(&self) -> usize {
        let entries = fs::read_dir(self.path("snapshots")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().path().extension() == Some("xcs".as_ref()))
            .count()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(running) = &self.running
        {
            println!(
                "{}:\n{}",
                self.folder.path().display(),
                running.log.lock().unwrap().join("\n")
            );
        }
        self.kill();
    }
}

/// A connection that is kept.
pub struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// Ask, over a new connection where there is none that works.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(20)))?;
                BufReader::new(stream)
            }
        };
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = hear(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }

    pub fn json(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.ask(method, path, &body.to_string()).unwrap();
        (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// A check of a company that sees a change, asked again as whoever asks is told to while a busy machine does not.
    pub fn check_since(&mut self, company: usize, change: u64) -> Value {
        let check = check_of(company, None, Some(change));
        eventually("the change is seen", || {
            let (status, answer) = self.json("POST", "/v1/check", &check);
            if (status, answer["code"].as_str()) == (503, Some("change_not_reached")) {
                return None;
            }
            assert_eq!(status, 200, "{answer}");
            Some(answer)
        })
    }

    /// The last change that a check sees here.
    pub fn change(&mut self) -> u64 {
        let (status, answer) = self.json("POST", "/v1/check", &check_of(0, None, None));
        assert_eq!(status, 200, "{answer}");
        answer["data"]["change"].as_u64().unwrap()
    }
}

fn hear(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, Vec<u8>)> {
    let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(broken());
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if status.is_none() {
            status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        } else if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = told.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status.ok_or_else(broken)?, body))
}

/// The name and the code of a company.
fn company_of(company: usize) -> (String, String) {
    (format!("苏州第{company}号有限公司"), format!("91320500MA{company:07}X"))
}

/// A check of a company.
pub fn check_of(company: usize, at: Option<&str>, min_change: Option<u64>) -> Value {
    let (name, code) = company_of(company);
    let mut check = json!({"matter": MATTER, "subjects": [{"ref": "a", "name": name, "id": code}]});
    if let Some(at) = at {
        check["at"] = json!(at);
    }
    if let Some(change) = min_change {
        check["min_change"] = json!(change);
    }
    check
}

/// A company is listed, under an entry of its own.
pub fn listing(key: &str, company: usize) -> Value {
    let (name, code) = company_of(company);
    json!({"key": key, "change": "list", "list": LIST, "entry": entry_of(company),
        "record": {"subject": {"name": name, "id": code}, "reason": "拒不履行", "from": "2025-01-01"}})
}

/// Something that happens to the entry of a company.
pub fn act(key: &str, company: usize, change: &str) -> Value {
    json!({"key": key, "change": change, "list": LIST, "entry": entry_of(company)})
}

fn entry_of(company: usize) -> String {
    format!("e{company}")
}

/// The body of a request.
pub fn changes(changes: &[Value]) -> Value {
    json!({ "changes": changes })
}

/// An answer to a check hits the entry that [`listing`] made.
pub fn is_listed(answer: &Value, company: usize) -> bool {
    let hits = answer["subjects"][0]["hits"].as_array().unwrap();
    hits.iter().any(|hit| hit["entry"] == entry_of(company).as_str())
}
