//! What comes from whoever means harm, at a pace that is bounded, until it is told to stop.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Sockets that are held open at one time, and those that are more than there may be.
const SOCKETS: usize = 1_000;
const TOO_MANY: usize = 2_500;
/// Parts of a second in which some of them send: they do not know of one another.
const PARTS: u32 = 20;
/// Connections a second of what comes and goes.
const RATE: u64 = 500;

/// A kind of abuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Abuse {
    SlowHeads,
    SlowBodies,
    HalfOpen,
    TooMany,
    HugeHeads,
    Smuggled,
    Chunks,
    NotText,
    Deep,
    Random,
    Replies,
}

impl Abuse {
    pub const ALL: [(Abuse, &str); 11] = [
        (Abuse::SlowHeads, "1,000 slow heads, a byte a second each"),
        (Abuse::SlowBodies, "1,000 slow bodies, a byte a second each"),
        (Abuse::HalfOpen, "1,000 connections that say nothing"),
        (Abuse::TooMany, "2,500 connections where 2,000 may be, again each second"),
        (Abuse::HugeHeads, "heads of 100 KB, 500 a second"),
        (Abuse::Smuggled, "two lengths, a request hidden, 500 a second"),
        (Abuse::Chunks, "chunks of broken sizes, 500 a second"),
        (Abuse::NotText, "bodies that are not UTF-8, 500 a second"),
        (Abuse::Deep, "JSON 100,000 deep, 500 a second"),
        (Abuse::Random, "random bytes, 500 a second"),
        (Abuse::Replies, "answers that nobody reads, 200 connections, 400 a second"),
    ];

    /// Go on until it is told to stop: connections that were made.
    pub fn run(self, address: SocketAddr, key: &str, stopped: &AtomicBool) -> Result<u64, String> {
        let known = format!("host: x\r\nauthorization: Bearer {key}\r\n");
        let post = |headers: &str| format!("POST /v1/check HTTP/1.1\r\n{known}{headers}\r\n");
        let with = |body: &[u8]| {
            let head = post(&format!("content-length: {}\r\n", body.len()));
            [head.as_bytes(), body].concat()
        };
        match self {
            Abuse::SlowHeads => {
                trickle(address, SOCKETS, b"GET / HTTP/1.1\r\nhost: x\r\nx: ", stopped)
            }
            Abuse::SlowBodies => {
                trickle(address, SOCKETS, post("content-length: 100000\r\n").as_bytes(), stopped)
            }
            Abuse::HalfOpen => trickle(address, SOCKETS, b"", stopped),
            Abuse::TooMany => trickle(address, TOO_MANY, b"", stopped),
            Abuse::HugeHeads => {
                burst(address, post(&format!("x: {}\r\n", "y".repeat(100_000))).as_bytes(), stopped)
            }
            Abuse::Smuggled => {
                let hidden = "0\r\n\r\nGET /v1/lists HTTP/1.1\r\nhost: x\r\n\r\n";
                let length = hidden.len();
                let head = format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n");
                burst(address, format!("{}{hidden}", post(&head)).as_bytes(), stopped)
            }
            Abuse::Chunks => {
                let head = post("transfer-encoding: chunked\r\n");
                burst(address, format!("{head}FFFFFFFFFFFFFFFFF\r\nx").as_bytes(), stopped)
            }
            Abuse::NotText => burst(address, &with(b"{\"matter\":\"\xff\xfe\"}"), stopped),
            Abuse::Deep => burst(address, &with("[".repeat(100_000).as_bytes()), stopped),
            Abuse::Random => {
                let noise = |at: u64| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                let bytes: Vec<u8> = (1..500).flat_map(noise).collect();
                burst(address, &bytes, stopped)
            }
            Abuse::Replies => unread(address, &post("content-length: 2\r\n"), stopped),
        }
    }
}

/// Hold sockets open, each of which sends a byte a second after this, and those that were closed are made again.
fn trickle(
    address: SocketAddr,
    sockets: usize,
    begin: &[u8],
    stopped: &AtomicBool,
) -> Result<u64, String> {
    let mut made = 0;
    let mut connect = || -> Result<TcpStream, String> {
        made += 1;
        let mut stream = TcpStream::connect(address).map_err(text)?;
        // It may have been refused already.
        let _ = stream.write_all(begin);
        stream.set_nonblocking(true).map_err(text)?;
        Ok(stream)
    };
    let mut open = (0..sockets).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
    let mut due = Instant::now();
    while !stopped.load(Relaxed) {
        for some in open.chunks_mut(sockets.div_ceil(PARTS as usize)) {
            for stream in some {
                let silent = stream
                    .read(&mut [0; 512])
                    .is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
                let sent = begin.is_empty() || stream.write(b"z").is_ok();
                if !(silent && sent) {
                    *stream = connect()?;
                }
            }
            due += Duration::from_secs(1) / PARTS;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if stopped.load(Relaxed) {
                break;
            }
        }
    }
    Ok(made)
}

/// Send the same on one connection after the other. The answer, where there is one, is a refusal.
fn burst(address: SocketAddr, bytes: &[u8], stopped: &AtomicBool) -> Result<u64, String> {
    paced(stopped, || {
        let mut stream = TcpStream::connect(address).map_err(text)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(text)?;
        // It may be refused before all of it is sent.
        let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        let told = String::from_utf8_lossy(&told);
        let answers = told.matches("HTTP/1.1 ").count();
        match answers <= 1 && (told.is_empty() || told.starts_with("HTTP/1.1 4")) {
            true => Ok(()),
            false => Err(format!("abuse was told {told}")),
        }
    })
}

/// Ask again and again, and read nothing.
fn unread(address: SocketAddr, head: &str, stopped: &AtomicBool) -> Result<u64, String> {
    const CONNECTIONS: usize = 200;
    let one = format!("{head}{{}}");
    let mut all = one.repeat(10);
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nonblocking(true).map_err(text)?;
        open.push(stream);
    }
    while !stopped.load(Relaxed) {
        for stream in &mut open {
            // It takes no more, or has closed.
            let _ = stream.write(all.as_bytes());
        }
        // More of them would be a flood.
        all.clone_from(&one);
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(CONNECTIONS as u64)
}

fn paced(stopped: &AtomicBool, mut act: impl FnMut() -> Result<(), String>) -> Result<u64, String> {
    let (begun, mut made) = (Instant::now(), 0);
    while !stopped.load(Relaxed) {
        act()?;
        made += 1;
        let due = Duration::from_secs_f64(made as f64 / RATE as f64);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    Ok(made)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
