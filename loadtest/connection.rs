//! One connection of the client: requests out, answers in and checked.

use crate::requests::{Kind, Requests, reference};
use memchr::memmem;
use mio::net::TcpStream;
use std::io::{self, Read, Write};
use std::ops::Range;

/// One answer in so many is parsed whole and compared with its question.
const SAMPLED: usize = 512;

/// What the answers must be.
pub struct Expected {
    pub kind: Kind,
    /// The answers are one fixed answer: their `ref` is not the question's.
    pub fixed: bool,
    refusable: bool,
    verdict: memmem::Finder<'static>,
    head_end: memmem::Finder<'static>,
    length: memmem::Finder<'static>,
}

impl Expected {
    pub fn new(kind: Kind, fixed: bool) -> Expected {
        Expected {
            kind,
            fixed,
            refusable: false,
            verdict: memmem::Finder::new(kind.verdict()),
            head_end: memmem::Finder::new("\r\n\r\n"),
            length: memmem::Finder::new("\r\ncontent-length: "),
        }
    }

    /// 503 and 429 are answers too.
    #[allow(dead_code, reason = "another bench is refused nothing")]
    pub fn or_refused(self) -> Expected {
        Expected { refusable: true, ..self }
    }

    /// Bytes of the first answer in `bytes`, checked, and its status; `None` while it is not whole.
    fn check(&self, bytes: &[u8], number: usize) -> Result<Option<(usize, u16)>, String> {
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).into_owned();
        let Some(end) = self.head_end.find(bytes) else { return Ok(None) };
        let (head, rest) = bytes.split_at(end + 4);
        let status = match head.get(9..12) {
            Some(b"200") => 200,
            Some(b"503") if self.refusable => 503,
            Some(b"429") if self.refusable => 429,
            _ => return Err(format!("not 200: {}", shown())),
        };
        let Some(at) = self.length.find(head) else {
            return Err(format!("no length: {}", shown()));
        };
        let digits =
            head[at + self.length.needle().len()..].iter().take_while(|b| b.is_ascii_digit());
        let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
        if rest.len() < length {
            return Ok(None);
        }
        let body = &rest[..length];
        if status != 200 {
            return Ok(Some((end + 4 + length, status)));
        }
        if self.verdict.find(body).is_none() {
            return Err(format!("not {}: {}", self.kind.verdict(), shown()));
        }
        if number.is_multiple_of(SAMPLED) {
            self.compare(body, number).map_err(|why| format!("{why}: {}", shown()))?;
        }
        Ok(Some((end + 4 + length, status)))
    }

    /// The whole answer fits the question.
    fn compare(&self, body: &[u8], number: usize) -> Result<(), String> {
        let answer: serde_json::Value =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let subjects = answer["subjects"].as_array().ok_or("no subjects")?;
        if let Kind::Many(count) = self.kind {
            let all = subjects.is_empty() && answer["left_out"] == count;
            return if all { Ok(()) } else { Err(format!("somebody of request {number}")) };
        }
        let [subject] = subjects.as_slice() else { return Err("not one subject".to_owned()) };
        let listed = self.kind == Kind::Listed;
        let verdict = if listed { "prohibit" } else { "clear" };
        let hits = subject["hits"].as_array().map_or(0, Vec::len);
        let measures = subject["measures"].as_array().map_or(0, Vec::len);
        if self.kind == Kind::Named {
            let rest = subject["ref"] == reference(number).as_str() && measures == 0;
            return if rest { Ok(()) } else { Err(format!("the name of request {number}")) };
        }
        let rows = [
            ("the verdict", answer["verdict"] == verdict && subject["verdict"] == verdict),
            ("the hits", hits == if listed { 2 } else { 0 }),
            ("the measures", (measures >= 2) == listed),
            ("the ref", self.fixed || subject["ref"] == reference(number).as_str()),
        ];
        match rows.iter().find(|(_, holds)| !holds) {
            None => Ok(()),
            Some((what, _)) => Err(format!("{what} of request {number}")),
        }
    }
}

/// A connection and what it waits for.
pub struct Connection {
    pub stream: TcpStream,
    unsent: Range<usize>,
    /// The requests that are not answered yet.
    pub waiting: Range<usize>,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Connection {
        Connection { stream, unsent: 0..0, waiting: 0..0, buffer: vec![0; 64 * 1024], filled: 0 }
    }

    /// Send so many requests in one write.
    pub fn ask(&mut self, requests: &Requests, number: usize, depth: usize) -> Result<(), String> {
        self.waiting = number..number + depth;
        self.unsent = requests.range(number, depth);
        self.flush(requests)
    }

    /// Send what the socket did not take before.
    pub fn flush(&mut self, requests: &Requests) -> Result<(), String> {
        while !self.unsent.is_empty() {
            match self.stream.write(requests.bytes(self.unsent.clone())) {
                Ok(sent) => self.unsent.start += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(format!("sending: {error}")),
            }
        }
        Ok(())
    }

    /// Read and check what has arrived: how many answers and bytes of answers.
    #[allow(dead_code, reason = "another bench hears each of them")]
    pub fn hear(&mut self, expected: &Expected) -> Result<(usize, usize), String> {
        let mut answers = 0;
        match self.hear_each(expected, |_| answers += 1)? {
            Some(bytes) => Ok((answers, bytes)),
            None => Err("the server closed a connection".to_owned()),
        }
    }

    /// Read and check what has arrived, and hand on the status of each answer: their bytes; `None` where the
    /// connection has ended.
    pub fn hear_each(
        &mut self,
        expected: &Expected,
        mut each: impl FnMut(u16),
    ) -> Result<Option<usize>, String> {
        let mut bytes = 0;
        loop {
            let room = &mut self.buffer[self.filled..];
            let asked = room.len();
            let read = match self.stream.read(room) {
                Ok(0) => return Ok(None),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(format!("receiving: {error}")),
            };
            self.filled += read;
            let mut at = 0;
            while at < self.filled {
                let Some((length, status)) =
                    expected.check(&self.buffer[at..self.filled], self.waiting.start)?
                else {
                    break;
                };
                if self.waiting.next().is_none() {
                    return Err("an answer that nobody asked for".to_owned());
                }
                at += length;
                each(status);
            }
            bytes += at;
            self.buffer.copy_within(at..self.filled, 0);
            self.filled -= at;
            // Less than there was room for: nothing is left, and the next arrival is told of.
            if read < asked {
                break;
            }
        }
        Ok(Some(bytes))
    }
}
