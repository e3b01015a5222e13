//! Records of a subject, an entry, a client, a case, a time.

use super::reader::{Kept, Reader};
use super::{Act, AuditError, Digest, Record};
use std::ops::ControlFlow;

/// What is looked for: all that is given must be so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sought {
    /// One of these is a subject's.
    pub subjects: Vec<Digest>,
    /// Code of a list; all where it is absent.
    pub list: Option<String>,
    /// The id of an entry that was cited.
    pub entry: Option<String>,
    /// The name of a client.
    pub client: Option<String>,
    /// The number of a case.
    pub case: Option<String>,
    /// Code of a matter.
    pub matter: Option<String>,
    /// Whoever handled it.
    pub operator: Option<String>,
    /// What was done; all where it is empty.
    pub acts: Vec<Act>,
    /// From this moment on, in milliseconds since 1970.
    pub since: u64,
    /// Before this moment.
    pub until: Option<u64>,
}

impl Sought {
    /// The record is one of them.
    pub fn has(&self, record: &Record) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        record.millis >= self.since
            && self.until.is_none_or(|until| record.millis < until)
            && (self.acts.is_empty() || self.acts.contains(&record.act))
            && is(&self.client, record.client)
            && is(&self.case, record.purpose.case)
            && is(&self.matter, record.purpose.matter)
            && is(&self.operator, record.purpose.operator)
            && (self.entry.is_none() && self.list.is_none()
                || record
                    .cited
                    .iter()
                    .any(|cited| is(&self.entry, cited.entry) && is(&self.list, cited.list)))
            && (self.subjects.is_empty()
                || record
                    .subjects
                    .iter()
                    .any(|asked| asked.digests.iter().any(|of| self.subjects.contains(of))))
    }

    /// Tell `each` of them, lane after lane, in the order of their time in each.
    ///
    /// Cost: a reading of the log from `since` on.
    ///
    /// # Errors
    ///
    /// The log cannot be read, or is not as it was written.
    pub fn each(&self, reader: &Reader, mut each: impl FnMut(Kept)) -> Result<(), AuditError> {
        for lane in reader.lanes()? {
            reader.each(lane, self.since, |kept| {
                if self.has(&kept.record) {
                    each(kept);
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok(())
    }
}
