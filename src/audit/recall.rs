//! Past answers that relied on an entry, and who is to be told.

use super::find::Sought;
use super::reader::Reader;
use super::{AuditError, ReceiptNo};
use crate::record::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// Past answers of one client in one case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Relied {
    /// Name of the client, empty where there was none.
    pub client: String,
    /// Number of the case, empty where none was told.
    pub case: String,
    /// Its answers, the earliest first.
    pub answers: Vec<Past>,
}

/// An answer that relied on the entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Past {
    /// Its receipt.
    pub receipt: String,
    /// Id of the check.
    pub id: String,
    /// When.
    pub time: String,
    /// What was asked.
    pub act: super::Act,
    /// Code of the matter.
    pub matter: String,
    /// The department that handled it.
    pub department: String,
    /// Who handled it there.
    pub operator: String,
    /// What followed.
    pub outcome: String,
}

/// Find them, by client and case.
///
/// Cost: a reading of the log from `since` on, in milliseconds since 1970.
///
/// # Errors
///
/// The log cannot be read, or is not as it was written.
pub fn recall(
    reader: &Reader,
    list: &str,
    entry: &str,
    since: u64,
) -> Result<Vec<Relied>, AuditError> {
    let sought = Sought {
        list: Some(list.to_owned()),
        entry: Some(entry.to_owned()),
        since,
        ..Sought::default()
    };
    let mut found: BTreeMap<(String, String), BTreeMap<(u64, ReceiptNo), Past>> = BTreeMap::new();
    sought.each(reader, |kept| {
        let record = &kept.record;
        // A recall names the entry itself.
        if record.act == super::Act::Recall {
            return;
        }
        let of = (record.client.to_owned(), record.purpose.case.to_owned());
        let past = Past {
            receipt: kept.no.to_string(),
            id: record.id.to_string(),
            time: Instant((record.millis / 1_000) as i64).to_string(),
            act: record.act,
            matter: record.purpose.matter.to_owned(),
            department: record.purpose.department.to_owned(),
            operator: record.purpose.operator.to_owned(),
            outcome: record.outcome.to_owned(),
        };
        found.entry(of).or_default().insert((record.millis, kept.no), past);
    })?;
    let relied = found.into_iter().map(|((client, case), answers)| Relied {
        client,
        case,
        answers: answers.into_values().collect(),
    });
    Ok(relied.collect())
}
