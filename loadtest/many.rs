//! **Question.** A caller that knows a thousand identifiers asks about all of them in one request: what does
//! the server's processor spend on each, beside Redis that is asked whether a set has them?
//!
//! **Corpus.** `XINCHA_BENCH_ENTRIES` entries (default 1,000,000; the figure is quoted at 10,000,000), the
//! same identifiers as members of one set. Requests of a thousand subjects, one in a hundred listed, no two
//! of them about one stranger.
//!
//! **How to read it.** Nanoseconds of processor time of the server's thread an identifier, kernel included,
//! as the scheduler counts them (`/proc/…/schedstat`); one connection, one request at a time; the servers
//! take turns. Redis answers with a bit each; xincha with the verdict of a matter, its data and, of whoever is
//! listed, entries and measures. Every answer is checked against what is known to be listed.
//!
//! **Rival.** `SMISMEMBER` of a Redis server, where `redis-tools` is installed; without it its column is empty.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;
use xincha::live::{Generation, Live, View};

#[path = "../benches/support/corpus.rs"]
mod corpus;
#[expect(dead_code, reason = "another bench asks about one subject at a time")]
mod requests;
#[expect(dead_code, reason = "another bench has a rival that speaks HTTP")]
mod servers;

/// As shipped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBJECTS: u64 = 1_000;
/// Of so many subjects one is listed.
const LISTED_EVERY: u64 = 100;
const ROUNDS: usize = 7;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let is_measured = corpus::is_measured();
    let (entries, requests) = if is_measured { (corpus::entries(), 200) } else { (10_000, 4) };
    let generation = Generation::open(&corpus::snapshot(entries), corpus::catalogue(), None)?;
    let live = Live::new(Some(Arc::new(View::of(Arc::new(generation)))));
    let asked: Vec<Vec<String>> =
        (0..requests).map(|number| subjects(number, entries as u64)).collect();
    let whole: Vec<Vec<u8>> = asked.iter().map(|ids| request(of_subjects(ids))).collect();
    let alone: Vec<Vec<u8>> =
        asked.iter().map(|ids| request(json!({"identifiers": ids}))).collect();
    let server = servers::xincha(live)?;
    let mut service = Service::connect(server.address)?;
    let mut redis = Redis::start(entries as u64)?;
    println!("{entries} entries, {requests} requests of {SUBJECTS} subjects");
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    let rounds = if is_measured { ROUNDS } else { 1 };
    // Round 0 warms up.
    for round in 0..=rounds {
        let of_redis = redis.as_mut().map(|redis| redis.run(&asked)).transpose()?;
        let times = [Some(service.run(&whole)?), Some(service.run(&alone)?), of_redis];
        for (figure, time) in figures.iter_mut().zip(times).filter(|_| round > 0) {
            figure.extend(time);
        }
    }
    println!("| | ns an identifier | least–greatest | × Redis |\n|---|---|---|---|");
    let rival = figures[2].clone();
    for (name, figure) in
        ["as subjects, all told", "as identifiers, who is found told", "Redis SMISMEMBER"]
            .iter()
            .zip(&figures)
    {
        if figure.is_empty() {
            println!("| {name} | not installed | | |");
            continue;
        }
        let (least, greatest) = (
            figure.iter().copied().fold(f64::MAX, f64::min),
            figure.iter().copied().fold(0.0, f64::max),
        );
        let ratio = if rival.is_empty() {
            String::new()
        } else {
            format!("{:.2}", median(&rival) / median(figure))
        };
        println!("| {name} | {:.0} | {least:.0}–{greatest:.0} | {ratio} |", median(figure));
    }
    drop(service);
    Ok(server.stop()?)
}

/// Who is asked about in a request: the last of each hundred is listed.
fn subjects(number: u64, entries: u64) -> Vec<String> {
    let subject = |at: u64| {
        let number = number * SUBJECTS + at;
        match (at + 1).is_multiple_of(LISTED_EVERY) {
            true => corpus::listed(requests::prohibited(
                (number / LISTED_EVERY) as usize,
                entries as usize,
            )),
            false => corpus::stranger(number),
        }
    };
    (0..SUBJECTS).map(subject).map(|id| id.text().to_owned()).collect()
}

fn of_subjects(ids: &[String]) -> Value {
    let subjects = ids.iter().enumerate().map(|(at, id)| json!({"ref": at.to_string(), "id": id}));
    json!({"subjects": subjects.collect::<Vec<_>>()})
}

fn request(mut body: Value) -> Vec<u8> {
    body["matter"] = json!(requests::MATTER);
    body["at"] = json!(corpus::noon().to_string());
    let body = body.to_string();
    let length = body.len();
    format!(
        "POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The service over one connection.
struct Service {
    stream: BufReader<TcpStream>,
    threads: Vec<PathBuf>,
}

impl Service {
    fn connect(address: SocketAddr) -> std::io::Result<Service> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Service { stream: BufReader::with_capacity(1 << 20, stream), threads: Vec::new() })
    }

    /// Its threads, which there are when it has answered.
    fn find_threads(&mut self) -> std::io::Result<()> {
        self.threads.clear();
        for task in fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            if fs::read_to_string(task.join("comm"))?.starts_with("http-") {
                self.threads.push(task.join("schedstat"));
            }
        }
        Ok(())
    }

    /// Nanoseconds an identifier.
    fn run(&mut self, requests: &[Vec<u8>]) -> Result<f64, Box<dyn std::error::Error>> {
        self.find_threads()?;
        let before = spent(&self.threads)?;
        for request in requests {
            self.stream.get_mut().write_all(request)?;
            let answer = self.answer()?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let subjects = answer["subjects"].as_array().ok_or("no subjects")?;
            let hit =
                |subject: &&Value| subject["hits"].as_array().is_some_and(|hits| !hits.is_empty());
            let hits: Vec<u64> = subjects
                .iter()
                .filter(hit)
                .filter_map(|subject| subject["ref"].as_str()?.parse().ok())
                .collect();
            let expected: Vec<u64> =
                (1..=SUBJECTS / LISTED_EVERY).map(|at| at * LISTED_EVERY - 1).collect();
            if hits != expected {
                return Err(format!("found {hits:?}").into());
            }
        }
        Ok((spent(&self.threads)? - before) as f64 / (requests.len() as u64 * SUBJECTS) as f64)
    }

    fn answer(&mut self) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        if !line.contains(" 200 ") {
            return Err(line.into());
        }
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line)?;
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

/// A server of its own, stopped when dropped.
struct Redis {
    process: Child,
    connection: redis::Connection,
    threads: Vec<PathBuf>,
    _folder: tempfile::TempDir,
}

const SET: &str = "listed";

impl Redis {
    /// `None` where it is not installed.
    fn start(entries: u64) -> Result<Option<Redis>, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        // The same binary under another name; its package starts no service where it is installed.
        let mut command = Command::new("redis-check-rdb");
        command.arg0("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--port",
            &port.to_string(),
        ]);
        command.arg("--dir").arg(folder.path()).stdout(Stdio::null());
        let process = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            started => started?,
        };
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
        let mut tries = 0;
        let connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                Err(_) if tries < 100 => std::thread::sleep(Duration::from_millis(50)),
                Err(error) => return Err(error.into()),
            }
            tries += 1;
        };
        let mut redis = Redis { process, connection, threads: Vec::new(), _folder: folder };
        for first in (0..entries).step_by(10_000) {
            let mut add = redis::cmd("SADD");
            add.arg(SET);
            (first..entries.min(first + 10_000)).for_each(|at| {
                add.arg(corpus::listed(at).text());
            });
            add.exec(&mut redis.connection)?;
        }
        for task in fs::read_dir(format!("/proc/{}/task", redis.process.id()))? {
            redis.threads.push(task?.path().join("schedstat"));
        }
        Ok(Some(redis))
    }

    /// Nanoseconds an identifier.
    fn run(&mut self, requests: &[Vec<String>]) -> Result<f64, Box<dyn std::error::Error>> {
        let before = spent(&self.threads)?;
        for ids in requests {
            let found: Vec<u8> =
                redis::cmd("SMISMEMBER").arg(SET).arg(ids).query(&mut self.connection)?;
            let is_listed = |at: usize| (at as u64 + 1).is_multiple_of(LISTED_EVERY);
            if found.len() != ids.len()
                || !(0..found.len()).all(|at| (found[at] == 1) == is_listed(at))
            {
                return Err("Redis found others".into());
            }
        }
        Ok((spent(&self.threads)? - before) as f64 / (requests.len() as u64 * SUBJECTS) as f64)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.process.id() as i32) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

/// Nanoseconds on a processor of these threads so far.
fn spent(threads: &[PathBuf]) -> Result<u64, Box<dyn std::error::Error>> {
    let mut sum = 0;
    for thread in threads {
        let told = fs::read_to_string(thread)?;
        sum += told.split(' ').next().ok_or("no figure")?.parse::<u64>()?;
    }
    Ok(sum)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
