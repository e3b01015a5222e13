//! A block's lines of JSON, answered: the same objects, the result under one more key.

use super::Told;
use super::blocks::Answered;
use super::columns::{ColumnError, Columns};
use super::csv::is_text;
use super::screener::{Row, Screener};
use crate::screen::Hit;
use crate::source::jsonl::{cell, object};
use crate::source::mapper::reason_of;
use crate::source::reject::Reason;
use serde_json::{Map, Value, json};

/// The key of the result.
pub const KEY: &str = "xincha";

/// Answers blocks.
pub struct JsonScreener<'a> {
    screener: Screener<'a>,
    told: &'a Told,
    hits_only: bool,
    /// The keys of the object before, and what they are: most lines have the same.
    keys: Vec<String>,
    columns: Result<Columns, ColumnError>,
    /// Which of the columns that were told it has.
    seen: u64,
}

impl<'a> JsonScreener<'a> {
    /// Of objects with such keys.
    pub fn new(screener: Screener<'a>, told: &'a Told, hits_only: bool) -> JsonScreener<'a> {
        let (keys, columns) = (Vec::new(), Ok(Columns::default()));
        JsonScreener { screener, told, hits_only, keys, columns, seen: 0 }
    }

    /// Answer a block.
    pub fn answer(&mut self, block: &[u8], out: &mut Vec<u8>) -> Answered {
        let (bytes, is_text) = (block.len() as u64, is_text(block));
        let mut answered = Answered { bytes, is_text, ..Answered::default() };
        for line in block.split_inclusive(|&byte| byte == b'\n') {
            answered.records += 1;
            let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line).trim_ascii();
            if line.is_empty() {
                continue;
            }
            let row = self.answer_line(line, out);
            answered.told_seen |= self.seen;
            if let Err(reason) = row {
                self.screener.tally.count_rejected();
                answered.rejects.push((answered.records - 1, reason, shown(line)));
            } else if let Ok(Row::Unaskable(reason)) = row {
                answered.rejects.push((answered.records - 1, reason, shown(line)));
            }
        }
        answered.tally = std::mem::take(&mut self.screener.tally);
        answered
    }

    fn answer_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<Row, Reason> {
        let object = object(line).map_err(reason_of)?;
        if object.contains_key(KEY) {
            return Err(Reason::AlreadyScreened);
        }
        self.find(&object);
        let columns = self.columns.as_ref().map_err(|_| Reason::ColumnTwice)?;
        let text = |at: &usize| cell(object.get(&self.keys[*at])).map_err(reason_of);
        // Several in an array are parted as those in a cell are.
        let identifiers = columns.identifiers.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let name = columns.name.as_ref().map(text).transpose()?.unwrap_or_default();
        let row = self.screener.screen(identifiers.iter().map(String::as_str), &name);
        if !self.hits_only || self.screener.has_hits() {
            // An object ends with a brace, which nothing follows.
            out.extend_from_slice(line[..line.len() - 1].trim_ascii_end());
            let comma = if object.is_empty() { "" } else { "," };
            out.extend_from_slice(format!("{comma}\"{KEY}\":{}}}\n", self.result()).as_bytes());
        }
        Ok(row)
    }

    /// What the keys are. An object without any that is known says nothing of its subject.
    fn find(&mut self, object: &Map<String, Value>) {
        if self.keys.len() == object.len() && self.keys.iter().eq(object.keys()) {
            return;
        }
        self.keys = object.keys().cloned().collect();
        (self.columns, self.seen) = Columns::of_object(&self.keys, self.told);
    }

    fn result(&self) -> Value {
        let cells = &self.screener.cells;
        let listed = self.screener.terms().basis.listed();
        let catalogue = &self.screener.terms().basis.ground.catalogue;
        let hit = |hit: &Hit| {
            let entry = listed.entry(hit.entry)?;
            let term = entry.term();
            Some(json!({
                "list": catalogue.list(hit.list).code, "entry": entry.id(), "grade": hit.grade.code(),
                "from": term.from.map(|day| day.to_string()),
                "to": term.to.map(|day| day.to_string()),
            }))
        };
        let decided = self.screener.decided().filter(|_| self.screener.has_hits());
        let hits: Vec<Value> =
            decided.iter().flat_map(|decided| decided.hits.iter().filter_map(hit)).collect();
        let flags: Vec<&str> = cells.flags.split(';').filter(|flag| !flag.is_empty()).collect();
        json!({"verdict": cells.verdict, "hits": hits, "flags": flags})
    }
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}
