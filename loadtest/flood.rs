//! Requests of several kinds at rates of their own, sent whether earlier ones are answered or not, by a process of
//! its own; what of them was served, what was refused, and how long each waited.
//!
//! A request falls due at a fixed rate. It waits for a connection that is free, and its waiting counts. The
//! process never sleeps: a sleeping core wakes up later than a request takes.

use crate::connection::{Connection, Expected};
use crate::corpus;
use crate::options;
use crate::requests::{Kind, Requests};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The argument that makes this program the sender.
const ARGUMENT: &str = "--flood";
/// Connections of a stream at most.
const CONNECTIONS_MAX: usize = 1 << 16;
/// Identifiers of which none shares its organisation code with a listed one.
const STRANGERS: usize = 200_000;
/// After the end: until what was sent is answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flood {
    pub address: SocketAddr,
    pub key: String,
    /// Seconds at the beginning that are not measured.
    pub warm: f64,
    pub seconds: f64,
    /// What was due and is not sent in the end is sent all the same.
    pub patient: bool,
    pub streams: Vec<Stream>,
}

/// Requests of one kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    pub kind: Kind,
    /// Requests a second; `None`: each as soon as a connection is free.
    pub rate: Option<f64>,
    pub connections: usize,
    /// Requests in one write at most: those that are due when a connection is free.
    pub depth: usize,
}

/// What came of a stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    pub served: Waits,
    /// Answered 503 or 429.
    pub refused: Waits,
    /// Sent, and not answered when the connection or all patience ended.
    pub lost: u64,
    /// Due, and never sent: no connection was free.
    pub unsent: u64,
    pub seconds: f64,
}

impl Told {
    pub fn served_a_second(&self) -> f64 {
        self.served.count as f64 / self.seconds
    }
}

/// From when a request was due to when its answer was there, in microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Waits {
    pub count: u64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub p9999: f64,
    pub max: f64,
}

impl Waits {
    fn of(waits: &Histogram<u64>) -> Waits {
        let [p50, p99, p999, p9999, max] = [0.5, 0.99, 0.999, 0.9999, 1.0]
            .map(|quantile| waits.value_at_quantile(quantile) as f64 / 1_000.0);
        Waits { count: waits.len(), p50, p99, p999, p9999, max }
    }
}

impl Flood {
    /// Let another process send it, and wait for its end: what came of each stream.
    pub fn run(&self) -> Result<Vec<Told>, String> {
        let told = |error: io::Error| format!("the sender: {error}");
        let program = std::env::current_exe().map_err(told)?;
        let mut child = Command::new(program)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(told)?;
        let order = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        let Some(mut orders) = child.stdin.take() else { unreachable!("it is piped") };
        orders.write_all(&order).map_err(told)?;
        drop(orders);
        let output = child.wait_with_output().map_err(told)?;
        serde_json::from_slice::<Result<Vec<Told>, String>>(&output.stdout)
            .map_err(|error| format!("the sender: {error}"))?
    }
}

/// Measure with so many rows and for so long, or be the sender that it starts. `seconds` is what it takes where
/// nothing else is told, `small` where nothing is measured.
pub fn main(seconds: f64, small: f64, measure: fn(usize, f64) -> Result<(), String>) -> ExitCode {
    options::ended(match (options::is(ARGUMENT), corpus::is_measured()) {
        (true, _) => serve(),
        (false, true) => measure(options::entries(100_000), options::seconds(seconds)),
        (false, false) => measure(1_200, options::seconds(small)),
    })
}

/// Be the sender of the flood on standard input.
fn serve() -> Result<(), String> {
    let flood: Flood =
        serde_json::from_reader(io::stdin().lock()).map_err(|error| error.to_string())?;
    let told = send(&flood);
    let told = serde_json::to_string(&told).map_err(|error| error.to_string())?;
    io::stdout().write_all(told.as_bytes()).map_err(|error| error.to_string())
}

fn send(flood: &Flood) -> Result<Vec<Told>, String> {
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    let mut lanes: Vec<Lane> = Vec::new();
    for (number, stream) in flood.streams.iter().enumerate() {
        lanes.push(Lane::open(flood, stream, number * CONNECTIONS_MAX, &poll)?);
    }
    let mut events = Events::with_capacity(1024);
    let (start, end) = (Instant::now(), Duration::from_secs_f64(flood.warm + flood.seconds));
    loop {
        let now = start.elapsed();
        let is_over = now >= end;
        if !is_over || flood.patient {
            lanes.iter_mut().try_for_each(|lane| lane.ask(now.min(end)))?;
        }
        if is_over && (lanes.iter().all(Lane::is_idle) || now > end + PATIENCE) {
            break;
        }
        let told = poll.poll(&mut events, Some(Duration::ZERO));
        if let Err(error) = told
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(format!("waiting: {error}"));
        }
        for event in &events {
            let Token(token) = event.token();
            let (lane, number) = (&mut lanes[token / CONNECTIONS_MAX], token % CONNECTIONS_MAX);
            if event.is_writable() {
                lane.connections[number].flush(&lane.requests)?;
            }
            if event.is_readable() && !lane.hear(number, start)? {
                lane.again(number, &poll)?;
            }
        }
    }
    Ok(lanes.into_iter().map(|lane| lane.told(flood)).collect())
}

/// A stream under way.
struct Lane {
    stream: Stream,
    address: SocketAddr,
    first_token: usize,
    requests: Requests,
    expected: Expected,
    connections: Vec<Connection>,
    /// When the requests of each connection were due that are not answered.
    dues: Vec<VecDeque<Duration>>,
    free: VecDeque<usize>,
    asked: u64,
    /// The next request of the ring.
    next: usize,
    /// Requests that were due before this are not measured.
    warm: Duration,
    served: Histogram<u64>,
    refused: Histogram<u64>,
    lost: u64,
}

impl Lane {
    fn open(
        flood: &Flood,
        stream: &Stream,
        first_token: usize,
        poll: &Poll,
    ) -> Result<Lane, String> {
        let ring = match stream.kind {
            Kind::Many(count) => STRANGERS / count,
            _ => 1 << 16,
        };
        let waits = || Histogram::new(3).map_err(|error| error.to_string());
        let mut lane = Lane {
            stream: stream.clone(),
            address: flood.address,
            first_token,
            requests: Requests::of_client(stream.kind, ring, 0, Some(&flood.key)),
            expected: Expected::new(stream.kind, false).or_refused(),
            connections: Vec::new(),
            dues: vec![VecDeque::new(); stream.connections],
            free: (0..stream.connections).collect(),
            asked: 0,
            next: 0,
            warm: Duration::from_secs_f64(flood.warm),
            served: waits()?,
            refused: waits()?,
            lost: 0,
        };
        for number in 0..stream.connections {
            lane.connections.push(lane.connect(number, poll)?);
        }
        Ok(lane)
    }

    fn connect(&self, number: usize, poll: &Poll) -> Result<Connection, String> {
        let told = |error: io::Error| format!("connecting: {error}");
        let stream = std::net::TcpStream::connect(self.address).map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        stream.set_nonblocking(true).map_err(told)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(self.first_token + number);
        poll.registry().register(&mut stream, token, interest).map_err(told)?;
        Ok(Connection::new(stream))
    }

    /// Send what is due, as far as connections are free.
    fn ask(&mut self, now: Duration) -> Result<(), String> {
        loop {
            let due = match self.stream.rate {
                None => self.stream.depth as u64,
                Some(rate) => ((now.as_secs_f64() * rate) as u64).saturating_sub(self.asked),
            };
            let depth = due.min(self.stream.depth as u64);
            let Some(number) = (depth > 0).then(|| self.free.pop_front()).flatten() else {
                return Ok(());
            };
            for request in self.asked..self.asked + depth {
                let due = |rate| Duration::from_secs_f64((request + 1) as f64 / rate);
                self.dues[number].push_back(self.stream.rate.map_or(now, due));
            }
            let depth = depth as usize;
            if self.next + depth > self.requests.count() {
                self.next = 0;
            }
            self.connections[number].ask(&self.requests, self.next, depth)?;
            self.next += depth;
            self.asked += depth as u64;
        }
    }

    /// Hear what a connection says; `false` where it has ended.
    fn hear(&mut self, number: usize, start: Instant) -> Result<bool, String> {
        let Lane { connections, dues, warm, served, refused, expected, .. } = self;
        let (now, dues) = (start.elapsed(), &mut dues[number]);
        let (mut heard, mut recorded) = (0, Ok(()));
        let open = connections[number].hear_each(expected, |status| {
            heard += 1;
            let due = dues.pop_front().unwrap_or(now);
            let waits = if status == 200 { &mut *served } else { &mut *refused };
            if due >= *warm {
                recorded = recorded.and(waits.record(now.saturating_sub(due).as_nanos() as u64));
            }
        })?;
        recorded.map_err(|error| error.to_string())?;
        if heard > 0 && dues.is_empty() {
            self.free.push_back(number);
        }
        Ok(open.is_some())
    }

    /// Connect again. What was under way is lost.
    fn again(&mut self, number: usize, poll: &Poll) -> Result<(), String> {
        if !self.dues[number].is_empty() {
            self.lost += self.dues[number].len() as u64;
            self.dues[number].clear();
            self.free.push_back(number);
        }
        self.connections[number] = self.connect(number, poll)?;
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.free.len() == self.connections.len()
    }

    fn told(self, flood: &Flood) -> Told {
        let under_way: usize = self.dues.iter().map(VecDeque::len).sum();
        let due = self
            .stream
            .rate
            .map_or(self.asked, |rate| (rate * (flood.warm + flood.seconds)) as u64);
        Told {
            served: Waits::of(&self.served),
            refused: Waits::of(&self.refused),
            lost: self.lost + under_way as u64,
            unsent: due.saturating_sub(self.asked),
            seconds: flood.seconds,
        }
    }
}
