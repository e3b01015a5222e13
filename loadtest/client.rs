//! The other process: it asks, counts and times.
//!
//! Orders come in on standard input and outcomes go out on standard output, a line of JSON each.
//! Between its connections standing and its first measured request it says so and waits for a line.

use crate::connection::{Connection, Expected};
use crate::requests::{Kind, Requests};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The argument that makes this program the client.
pub const ARGUMENT: &str = "--client";
/// A server that is silent for longer has failed.
const SILENCE: Duration = Duration::from_secs(10);

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub address: SocketAddr,
    pub connections: usize,
    /// Requests in one write; none is sent before all of them are answered.
    pub depth: usize,
    pub count: usize,
    /// The first request of the ring.
    pub first: usize,
    pub kind: Kind,
    pub fixed: bool,
    /// Requests a second, sent whether earlier ones are answered or not; else as fast as answered.
    pub rate: Option<f64>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub answers: usize,
    /// Of answers, heads included.
    pub bytes: usize,
    pub seconds: f64,
    /// Of an open loop: p50, p99, p99.9 and the longest, in microseconds.
    pub latencies: [f64; 4],
}

/// The client as its parent sees it; killed when dropped.
pub struct Client {
    child: Child,
    orders: ChildStdin,
    lines: io::Lines<io::BufReader<ChildStdout>>,
}

impl Client {
    /// Start it, with rings of so many requests.
    pub fn start(ring: usize, entries: usize) -> Result<Client, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args([ARGUMENT, &ring.to_string(), &entries.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the client: {error}"))?;
        let (orders, lines) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(lines)) = (orders, lines) else {
            unreachable!("both are piped");
        };
        Ok(Client { child, orders, lines: io::BufReader::new(lines).lines() })
    }

    /// Let it run an order. `started` is called when its connections stand and nothing is measured.
    pub fn run(&mut self, order: &Order, started: impl FnOnce()) -> Result<Outcome, String> {
        let order = serde_json::to_string(order).map_err(|error| error.to_string())?;
        self.tell(&order)?;
        self.hear::<()>()?;
        started();
        self.tell("")?;
        self.hear()
    }

    fn tell(&mut self, line: &str) -> Result<(), String> {
        writeln!(self.orders, "{line}").map_err(|error| format!("the client: {error}"))
    }

    fn hear<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, String> {
        let line =
            self.lines.next().ok_or("the client ended")?.map_err(|error| error.to_string())?;
        serde_json::from_str::<Result<T, String>>(&line).map_err(|error| error.to_string())?
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Be the client until standard input ends.
pub fn serve(ring: usize, entries: usize) -> Result<(), String> {
    let clear = Requests::new(Kind::Clear, ring, entries);
    let listed = Requests::new(Kind::Listed, ring / 8, entries);
    let mut lines = io::stdin().lines();
    while let Some(line) = lines.next() {
        let line = line.map_err(|error| error.to_string())?;
        let order: Order = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let requests = if order.kind == Kind::Clear { &clear } else { &listed };
        let expected = Expected::new(order.kind, order.fixed);
        let mut run = match Run::connect(&order, requests, &expected) {
            Ok(run) => run,
            Err(why) => return say::<()>(&Err(why)),
        };
        say(&Ok(()))?;
        if lines.next().is_none() {
            break;
        }
        let outcome = match order.rate {
            None => run.closed(),
            Some(rate) => run.open(rate),
        };
        say(&outcome)?;
    }
    Ok(())
}

fn say<T: Serialize>(line: &Result<T, String>) -> Result<(), String> {
    let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// A run under way.
struct Run<'a> {
    order: &'a Order,
    requests: &'a Requests,
    expected: &'a Expected,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    /// The next request of the ring.
    next: usize,
    heard: Instant,
}

impl<'a> Run<'a> {
    /// Connect, and ask once on each connection.
    fn connect(
        order: &'a Order,
        requests: &'a Requests,
        expected: &'a Expected,
    ) -> Result<Run<'a>, String> {
        let told = |error: io::Error| format!("connecting: {error}");
        let poll = Poll::new().map_err(told)?;
        let mut connections = Vec::new();
        for number in 0..order.connections {
            let stream = std::net::TcpStream::connect(order.address).map_err(told)?;
            stream.set_nodelay(true).map_err(told)?;
            stream.set_nonblocking(true).map_err(told)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest).map_err(told)?;
            connections.push(Connection::new(stream));
        }
        let (events, heard) = (Events::with_capacity(1024), Instant::now());
        let next = order.first % requests.count();
        let mut run = Run { order, requests, expected, poll, events, connections, next, heard };
        for number in 0..order.connections {
            run.ask(number, 1)?;
        }
        let mut missing = order.connections;
        while missing > 0 {
            run.turn(SILENCE, |_, _, answers, _| {
                missing -= answers;
                Ok(())
            })?;
        }
        Ok(run)
    }

    fn ask(&mut self, number: usize, depth: usize) -> Result<(), String> {
        if self.next + depth > self.requests.count() {
            self.next = 0;
        }
        let first = self.next;
        self.next += depth;
        self.connections[number].ask(self.requests, first, depth)
    }

    /// Wait for what happens next, and hand on each connection's answers and their bytes.
    fn turn(
        &mut self,
        timeout: Duration,
        mut answered: impl FnMut(&mut Self, usize, usize, usize) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(format!("waiting: {error}"));
            }
            _ => {}
        }
        if !events.is_empty() {
            self.heard = Instant::now();
        } else if self.heard.elapsed() > SILENCE {
            return Err(format!("no answer for {SILENCE:?}"));
        }
        for event in &events {
            let Token(number) = event.token();
            if event.is_writable() {
                self.connections[number].flush(self.requests)?;
            }
            if event.is_readable() {
                let (answers, bytes) = self.connections[number].hear(self.expected)?;
                answered(self, number, answers, bytes)?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// Each connection asks again as soon as it is answered.
    fn closed(&mut self) -> Result<Outcome, String> {
        let (depth, count) = (self.order.depth, self.order.count);
        let mut outcome = Outcome::default();
        let mut asked = 0;
        let start = Instant::now();
        for number in 0..self.connections.len() {
            if asked < count {
                self.ask(number, depth)?;
                asked += depth;
            }
        }
        while outcome.answers < asked {
            self.turn(SILENCE, |run, number, answers, bytes| {
                outcome.answers += answers;
                outcome.bytes += bytes;
                if answers > 0 && run.connections[number].waiting.is_empty() && asked < count {
                    run.ask(number, depth)?;
                    asked += depth;
                }
                Ok(())
            })?;
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        Ok(outcome)
    }

    /// A request falls due at a fixed rate. One that finds no connection free waits for it, and its
    /// waiting counts. Never sleeps: a sleeping core wakes up later than a request takes.
    fn open(&mut self, rate: f64) -> Result<Outcome, String> {
        let count = self.order.count;
        let due = |number: usize| Duration::from_secs_f64(number as f64 / rate);
        let mut latencies = Histogram::<u64>::new(3).map_err(|error| error.to_string())?;
        let mut free: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut dues = vec![Duration::ZERO; self.connections.len()];
        let mut outcome = Outcome::default();
        let mut asked = 0;
        let start = Instant::now();
        while outcome.answers < count {
            while asked < count && due(asked) <= start.elapsed() {
                let Some(number) = free.pop_front() else { break };
                dues[number] = due(asked);
                self.ask(number, 1)?;
                asked += 1;
            }
            self.turn(Duration::ZERO, |_, number, answers, bytes| {
                if answers > 0 {
                    let waited = start.elapsed() - dues[number];
                    let recorded = latencies.record(waited.as_nanos() as u64);
                    recorded.map_err(|error| error.to_string())?;
                    free.push_back(number);
                    outcome.answers += answers;
                    outcome.bytes += bytes;
                }
                Ok(())
            })?;
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        outcome.latencies = [0.5, 0.99, 0.999, 1.0]
            .map(|quantile| latencies.value_at_quantile(quantile) as f64 / 1_000.0);
        Ok(outcome)
    }
}
