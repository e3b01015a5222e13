//! One record with what proves it, away from the log.
//!
//! A receipt tells the salt of its record's texts: whoever has the request and the answer can hold them
//! against the record, and nobody who has the log alone can guess them.

use super::reader::Reader;
use super::record::Record;
use super::seal::{Line, Sealed};
use super::{Algorithm, AuditError, AuditKey, Hash, merkle};
use crate::catalogue::Catalogue;
use crate::record::Instant;
use crate::snapshot::TrustedKeys;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

/// Where a record lies, and the first half of its hash: whoever holds the number of an answer can tell any
/// other record from its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReceiptNo {
    lane: u32,
    position: u64,
    half: [u8; 16],
}

impl ReceiptNo {
    pub(super) fn new(lane: u32, position: u64, hash: &Hash) -> ReceiptNo {
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        ReceiptNo { lane, position, half }
    }

    pub(super) fn lane(&self) -> u32 {
        self.lane
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Append it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut half = [0; 32];
        // Room and bytes are of one size.
        let _ = hex::encode_to_slice(self.half, &mut half);
        hex_number(u64::from(self.lane), out);
        out.push(b'-');
        hex_number(self.position, out);
        out.push(b'-');
        out.extend_from_slice(&half);
    }
}

/// Without leading zeros.
fn hex_number(number: u64, out: &mut Vec<u8>) {
    let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * digit) & 15) as usize]);
    }
}

impl fmt::Display for ReceiptNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// A text is no number of a receipt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("不是回执编号 / no number of a receipt")]
pub struct NoReceiptNo;

impl FromStr for ReceiptNo {
    type Err = NoReceiptNo;

    fn from_str(text: &str) -> Result<ReceiptNo, NoReceiptNo> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(NoReceiptNo);
        let (lane, position, half) = (part()?, part()?, part()?);
        let mut bytes = [0; 16];
        hex::decode_to_slice(half, &mut bytes).map_err(|_| NoReceiptNo)?;
        let no = ReceiptNo {
            lane: u32::from_str_radix(lane, 16).map_err(|_| NoReceiptNo)?,
            position: u64::from_str_radix(position, 16).map_err(|_| NoReceiptNo)?,
            half: bytes,
        };
        // One way to write it.
        if no.to_string() == text { Ok(no) } else { Err(NoReceiptNo) }
    }
}

/// See the [module](self).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Its number.
    pub receipt: String,
    /// What the record says, for people: `payload` is what is proven.
    pub record: Value,
    /// Base64 of the record's bytes.
    pub payload: String,
    /// The hash of the record before it.
    #[serde(with = "hex")]
    pub previous: Hash,
    /// Opens the digest of the request and the answer.
    #[serde(with = "hex")]
    pub salt: Hash,
    /// What proves it; absent until it is sealed.
    pub sealed: Option<InSeal>,
}

/// The way from a record to a signed seal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InSeal {
    /// The seal.
    pub line: Line,
    /// Which of its records this is, from 0.
    pub index: u64,
    /// Hashes beside the way to its root, in hexadecimal digits.
    pub path: Vec<String>,
}

/// Why a receipt proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unproven {
    /// It is damaged: which part.
    #[error("回执损坏 / the receipt is damaged: {0}")]
    Damaged(&'static str),
    /// It is not sealed yet, or not all that was sealed with it is kept.
    #[error(
        "尚未封存，请稍后再取；或一同封存的记录已不全 / \
         not sealed yet: fetch it again in a moment; or some of what was sealed with it is no longer kept"
    )]
    NotSealed,
    /// The seal does not hold.
    #[error("封存不成立 / the seal does not hold: {0}")]
    Seal(String),
    /// The seal is of other records.
    #[error("记录不在封存之中 / the record is not among those sealed")]
    NotInSeal,
    /// The texts are others.
    #[error("请求或回答与记录不符 / the request or the answer is not the recorded one")]
    OtherTexts,
    /// It has no texts.
    #[error("该记录不含请求与回答 / the record is of no request and answer")]
    NoTexts,
}

impl Receipt {
    /// That of a number; `None` where the log has no such record.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or is not as it was written.
    pub fn of(
        reader: &Reader,
        key: &AuditKey,
        no: &ReceiptNo,
    ) -> Result<Option<Receipt>, AuditError> {
        let mut walk = match reader.walk_from(no.lane, no.position) {
            Err(AuditError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(None);
            }
            walk => walk?,
        };
        loop {
            let Some(kept) = walk.next()? else { return Ok(None) };
            if kept.no.position < no.position {
                continue;
            }
            if kept.no != *no {
                return Ok(None);
            }
            return Ok(Some(Receipt {
                receipt: no.to_string(),
                record: tell(&kept.record, no),
                payload: BASE64_STANDARD.encode(kept.payload),
                previous: kept.previous,
                salt: key.salt(kept.record.id),
                sealed: in_seal(reader, no, kept.record.millis)?,
            }));
        }
    }

    fn no(&self) -> Result<ReceiptNo, Unproven> {
        self.receipt.parse().map_err(|_| Unproven::Damaged("编号 / its number"))
    }

    /// The record, if all but the seal holds together.
    ///
    /// # Errors
    ///
    /// The part that is damaged.
    pub fn opened<'p>(&self, payload: &'p mut Vec<u8>) -> Result<Record<'p>, Unproven> {
        let no = self.no()?;
        *payload =
            BASE64_STANDARD.decode(&self.payload).map_err(|_| Unproven::Damaged("payload"))?;
        let record = Record::read(payload).map_err(|_| Unproven::Damaged("payload"))?;
        if tell(&record, &no) != self.record {
            return Err(Unproven::Damaged("record"));
        }
        Ok(record)
    }

    /// Prove offline that the record was in the log when somebody who is trusted sealed it.
    ///
    /// # Errors
    ///
    /// What does not hold.
    pub fn verify(&self, trusted: &TrustedKeys) -> Result<(), Unproven> {
        let mut payload = Vec::new();
        self.opened(&mut payload)?;
        let InSeal { line, index, path } = self.sealed.as_ref().ok_or(Unproven::NotSealed)?;
        line.verify(trusted).map_err(Unproven::Seal)?;
        let algorithm = line.seal.algorithm;
        let (no, hash) = (self.no()?, algorithm.link(&self.previous, &payload));
        if ReceiptNo::new(no.lane, no.position, &hash) != no {
            return Err(Unproven::Damaged("编号与记录不符 / its number is of another record"));
        }
        let is_of =
            |lane: &Sealed| lane.lane == no.lane && (lane.from..lane.to).contains(&no.position);
        if !line.seal.lanes.iter().any(is_of) {
            return Err(Unproven::NotInSeal);
        }
        let path: Result<Vec<Hash>, _> = path
            .iter()
            .map(|node| {
                let mut hash = Hash::default();
                hex::decode_to_slice(node, &mut hash).map(|()| hash)
            })
            .collect();
        let path = path.map_err(|_| Unproven::Damaged("path"))?;
        let (index, count) = (*index as usize, line.seal.records as usize);
        match merkle::root_of_path(algorithm, hash, index, count, &path) {
            Some(root) if root == line.seal.root => Ok(()),
            _ => Err(Unproven::NotInSeal),
        }
    }

    /// Prove that this was asked and that answered. `answer` is all of its bytes: the number of the receipt
    /// in it, which came later, counts as `null`.
    ///
    /// # Errors
    ///
    /// They are others, or there is nothing to hold them against.
    pub fn verify_texts(&self, request: &[u8], answer: &[u8]) -> Result<(), Unproven> {
        let mut payload = Vec::new();
        let texts = self.opened(&mut payload)?.texts.ok_or(Unproven::NoTexts)?;
        let answer = without_number(answer, &self.receipt);
        // An unsealed one does not say which hash it is of.
        let algorithms = match &self.sealed {
            Some(sealed) => vec![sealed.line.seal.algorithm],
            None => vec![Algorithm::Sha256, Algorithm::Sm3],
        };
        let holds = |by: Algorithm| by.commit(&self.salt, request, &[&answer]) == texts;
        if algorithms.into_iter().any(holds) { Ok(()) } else { Err(Unproven::OtherTexts) }
    }
}

/// An answer as it was before its member `receipt` was told its number.
pub fn without_number(answer: &[u8], receipt: &str) -> Vec<u8> {
    let member = format!("\"receipt\":\"{receipt}\"");
    match memchr::memmem::rfind(answer, member.as_bytes()) {
        Some(at) => [&answer[..at], b"\"receipt\":null", &answer[at + member.len()..]].concat(),
        None => answer.to_vec(),
    }
}

/// The way of a record to the seal that covers it.
fn in_seal(reader: &Reader, no: &ReceiptNo, millis: u64) -> Result<Option<InSeal>, AuditError> {
    let mut found = None;
    reader.seals(millis, |_, _, line| {
        let mut lanes = line.seal.lanes.iter();
        if lanes.any(|lane| lane.lane == no.lane && lane.to > no.position) {
            found = Some(line);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let Some(line) = found else { return Ok(None) };
    let (mut leaves, mut index) = (Vec::new(), None);
    for sealed in &line.seal.lanes {
        if sealed.from == sealed.to {
            continue;
        }
        let mut walk = reader.walk_from(sealed.lane, sealed.from)?;
        while walk.end.position < sealed.to {
            let Some(kept) = walk.next()? else { return Ok(None) };
            if kept.no.position < sealed.from {
                continue;
            }
            if kept.no == *no {
                index = Some(leaves.len());
            }
            leaves.push(kept.hash);
        }
    }
    let Some(index) = index else { return Ok(None) };
    // Its beginning is too old to be kept.
    if leaves.len() as u64 != line.seal.records {
        return Ok(None);
    }
    let path = merkle::path(line.seal.algorithm, &leaves, index);
    let path = path.iter().map(hex::encode).collect();
    Ok(Some(InSeal { line, index: index as u64, path }))
}

/// What a record says, for people and for export.
pub fn tell(record: &Record, no: &ReceiptNo) -> Value {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let purpose = &record.purpose;
    let subjects = record.subjects.iter().map(|asked| {
        let digests: Vec<String> = asked.digests.iter().map(ToString::to_string).collect();
        json!({"verdict": some(asked.verdict), "digests": digests})
    });
    let cited = record.cited.iter().map(|cited| json!({"list": cited.list, "entry": cited.entry}));
    let time = Instant::of_millis(record.millis).to_string();
    json!({
        "receipt": no.to_string(),
        "id": record.id.to_string(),
        "time": time,
        "millis": record.millis,
        "act": record.act,
        "client": some(record.client),
        "peer": record.peer,
        "matter": some(purpose.matter),
        "case": some(purpose.case),
        "department": some(purpose.department),
        "operator": some(purpose.operator),
        "reason": some(purpose.reason),
        "data": record.ground.map(|ground| json!({
            "snapshot": ground.snapshot,
            "change": ground.change,
            "catalogue": Catalogue::digest_of(&ground.catalogue),
            "behind": ground.behind.map(|since| Instant(since).to_string()),
        })),
        "at": record.at.map(|at| Instant(at).to_string()),
        "outcome": some(record.outcome),
        "subjects": subjects.collect::<Value>(),
        "cited": cited.collect::<Value>(),
        "texts": record.texts.map(hex::encode),
        "note": some(record.note),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_was_written() {
        for (lane, position) in [(0, 0), (3, 0x1234_5678), (u32::MAX, u64::MAX)] {
            let no = ReceiptNo::new(lane, position, &[0xab; 32]);
            let mut written = Vec::new();
            no.write(&mut written);
            assert_eq!(String::from_utf8(written).unwrap(), no.to_string());
            assert_eq!(no.to_string().parse(), Ok(no));
        }
        let half = "ab".repeat(16);
        for text in ["", "0", "0-0", &format!("00-0-{half}"), &format!("0-0-{half}-0")] {
            assert_eq!(text.parse::<ReceiptNo>(), Err(NoReceiptNo), "{text}");
        }
        assert_eq!(format!("0-0-{}", half.to_uppercase()).parse::<ReceiptNo>(), Err(NoReceiptNo));
    }

    #[test]
    fn an_answer_is_read_without_its_number_alone() {
        let answer = br#"{"check":"c","receipt":"0-0-ab","note":"0-0-ab"}"#;
        let without = br#"{"check":"c","receipt":null,"note":"0-0-ab"}"#;
        assert_eq!(without_number(answer, "0-0-ab"), without);
        assert_eq!(without_number(answer, "0-0-cd"), answer);
    }
}
