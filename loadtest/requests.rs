//! Requests, written before anything is measured, one after the other in one buffer.

use crate::corpus;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// 政府采购投标: being on either list of [`Kind::Listed`] prohibits it.
pub const MATTER: &str = "11320500000000019Y3000123456001";
/// Places in the shipped catalogue of sxbzxr and zdsssx, which are the places of the corpus's lists.
const FIRST_LIST: u64 = 0;
const SECOND_LIST: u64 = 3;

/// Who is asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// A subject on no list.
    Clear,
    /// A body with two codes, each on a list that prohibits.
    Listed,
    /// A name alone, which must be searched.
    Named,
    /// So many subjects on no list, by their identifiers alone.
    Many(usize),
}

impl Kind {
    /// What every answer contains.
    pub fn verdict(self) -> &'static str {
        match self {
            Kind::Clear | Kind::Many(_) => "\"verdict\":\"clear\"",
            Kind::Listed => "\"verdict\":\"prohibit\"",
            // It may be like somebody's.
            Kind::Named => "\"flags\":[\"name_only\"]",
        }
    }
}

/// A ring of requests.
pub struct Requests {
    bytes: Vec<u8>,
    /// Where each begins, and the end of the last.
    starts: Vec<usize>,
}

impl Requests {
    /// As many requests of a kind, no two with the same subject. `entries` are in the corpus.
    #[allow(dead_code, reason = "another bench asks with a key")]
    pub fn new(kind: Kind, count: usize, entries: usize) -> Requests {
        Requests::of_client(kind, count, entries, None)
    }

    /// The same of a client that has this key.
    pub fn of_client(kind: Kind, count: usize, entries: usize, key: Option<&str>) -> Requests {
        let known = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        let mut requests = Requests { bytes: Vec::new(), starts: vec![0] };
        for number in 0..count {
            let body = body(kind, number, entries);
            let head = format!(
                "POST /v1/check HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: loadtest\r\n{known}accept: application/json\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            requests.bytes.extend_from_slice(head.as_bytes());
            requests.bytes.extend_from_slice(body.as_bytes());
            requests.starts.push(requests.bytes.len());
        }
        requests
    }

    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where so many requests from this one on stand; they must not run over the ring's end.
    pub fn range(&self, number: usize, depth: usize) -> Range<usize> {
        self.starts[number]..self.starts[number + depth]
    }

    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}

/// The `ref` of a request's subject: as long for each, so that all clear answers are.
pub fn reference(number: usize) -> String {
    format!("s{number:07}")
}

/// The body of a request.
pub fn body(kind: Kind, number: usize, entries: usize) -> String {
    let subject = match kind {
        Kind::Many(count) => return many(number, count),
        Kind::Named => format!("\"name\":\"{}\"", corpus::name(2 * number as u64 + 1)),
        Kind::Clear => {
            let at = number as u64;
            format!(
                "\"name\":\"{}\",\"id\":\"{}\"",
                corpus::name(2 * at + 1),
                corpus::stranger(at).text()
            )
        }
        Kind::Listed => {
            let (first, second) =
                (body_on(FIRST_LIST, number, entries), body_on(SECOND_LIST, number, entries));
            format!(
                "\"name\":\"{}\",\"id\":\"{}\",\"ids\":[{{\"kind\":\"uscc\",\"value\":\"{}\"}}]",
                corpus::name(2 * first),
                corpus::listed(first).text(),
                corpus::listed(second).text()
            )
        }
    };
    format!(
        "{{\"matter\":\"{MATTER}\",\"case\":\"2026-{number:07}\",\"department\":\"市财政局\",\"operator\":\"u1024\",\"at\":\"{}\",\"subjects\":[{{\"ref\":\"{}\",\"role\":\"bidder\",{subject}}}]}}",
        corpus::noon(),
        reference(number),
    )
}

fn many(number: usize, count: usize) -> String {
    let quoted = |at: usize| format!("\"{}\"", corpus::stranger(at as u64).text());
    let ids: Vec<String> = (number * count..(number + 1) * count).map(quoted).collect();
    format!(
        "{{\"matter\":\"{MATTER}\",\"case\":\"2026-{number:07}\",\"department\":\"市财政局\",\"operator\":\"u1024\",\"at\":\"{}\",\"identifiers\":[{}]}}",
        corpus::noon(),
        ids.join(",")
    )
}

/// The number of an entry whose subject is a body and is prohibited for [`MATTER`].
#[allow(dead_code, reason = "one bench of several asks about many at once")]
pub fn prohibited(number: usize, entries: usize) -> u64 {
    body_on(FIRST_LIST, number, entries)
}

/// The number of an entry of the list at this place whose subject is a body, scattered over the
/// corpus.
fn body_on(list: u64, number: usize, entries: usize) -> u64 {
    /// Lists of the shipped catalogue; a test of the answers holds it.
    const LISTS: u64 = 26;
    let blocks = entries as u64 / LISTS / 5;
    // Five blocks of lists hold each last digit that the place's parity allows: at least three of
    // them are a body's.
    let block = (number as u64).wrapping_mul(2_654_435_761) % blocks * 5;
    (block..block + 5)
        .map(|block| block * LISTS + list)
        .find(|entry| (2 * entry) % 10 < 7)
        .expect("a body among five")
}
