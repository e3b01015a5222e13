//! An exchange table of a PostgreSQL database.
//!
//! Without a watermark the whole table is copied every time.
//!
//! With one, a full copy is followed by increments, each a file of its own whose name sorts after the
//! ones before, so that later rows supersede earlier ones of the same record:
//!
//! ```text
//! sxbzxr-table-000000000000.csv    the whole table, in the order of the watermark
//! sxbzxr-table-000000000001.csv    rows at or above the highest watermark then seen, less the overlap
//! sxbzxr-table-000000000002.csv    …
//! ```
//!
//! A transaction may take its watermark, run on, and commit only after a later one was read. So an
//! increment begins below the highest watermark by [`PostgresConfig::overlap`]; rows of that window
//! come twice, which is harmless, and where count and hashes of the window are what they were, nothing
//! is new. What commits later than the overlap, and what is deleted, is seen by the next full copy.
//! Rows without a watermark come with every increment.
//!
//! Everything of one fetch is read in one `REPEATABLE READ` transaction, so the watermark and the rows
//! are of one moment. Days and times are written as of Asia/Shanghai, where the lists' days are.
//!
//! | file | noun |
//! |---|---|
//! | `name` | names and literals, quoted |
//! | `session` | a connection: TLS, settings, what its errors mean |
//! | `watermark` | the column that tells what is new |
//! | `reading` | one transaction over the table |
//! | `wake` | a notification that something is new |

mod name;
mod reading;
mod session;
mod wake;
mod watermark;

pub use wake::Wake;

use super::arrival::Arrival;
use super::{FetchError, Fetched, Visit};
use crate::secret::Secret;
use reading::{Reading, Taken};
use serde::Deserialize;
use session::Session;
use std::path::PathBuf;

/// A table.
///
/// ```toml
/// kind = "postgres"
/// dsn = "env:SXBZXR_DSN"          # host=… user=… password=… dbname=… sslmode=require
/// table = "exchange.sxbzxr"
/// columns = ["id", "name", "uscc"]
/// watermark = "updated_at"
/// overlap = 600
/// full_every = 100
/// file = "sxbzxr-table"
/// listen = "sxbzxr_changed"
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresConfig {
    /// Where and who, as key words or a `postgresql://` URL. With `sslmode=require`, `verify-ca` or
    /// `verify-full` the connection is encrypted and the server's certificate and name are verified;
    /// without, it is plain.
    pub dsn: Secret,
    /// A PEM file: only servers certified by one of its authorities are trusted. Default: those that
    /// the system trusts.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// `table` or `schema.table`, each as it is stored: no case is folded. A part with a full stop in
    /// it stands in double quotes, as in SQL.
    pub table: String,
    /// The columns, in this order. Default: all.
    #[serde(default)]
    pub columns: Vec<String>,
    /// A column that grows with every change of a row, and has an index: a whole number, a date or
    /// time, or text. Default: none.
    #[serde(default)]
    pub watermark: Option<String>,
    /// How far below the highest watermark an increment begins: seconds for times, units for numbers;
    /// nothing for text. More than the longest transaction that writes to the table. Default: 600.
    #[serde(default = "overlap")]
    pub overlap: u32,
    /// Increments after which the whole table is copied again. Default: 100.
    #[serde(default = "full_every")]
    pub full_every: u32,
    /// The file's name without its ending.
    pub file: String,
    /// The channel of which a notification says that something is new, see [`Wake`]. Default: none.
    #[serde(default)]
    pub listen: Option<String>,
}

fn overlap() -> u32 {
    600
}

fn full_every() -> u32 {
    100
}

impl PostgresConfig {
    pub(super) fn identity(&self) -> Result<String, FetchError> {
        let PostgresConfig { table, columns, watermark, overlap, file, .. } = self;
        let at = session::place(self)?;
        Ok(format!("{at} {table} {columns:?} {watermark:?} {overlap} {file}"))
    }

    /// What is selected, as SQL.
    fn selected(&self) -> Result<String, FetchError> {
        if self.columns.is_empty() {
            return Ok("*".to_owned());
        }
        let quoted: Result<Vec<String>, _> =
            self.columns.iter().map(|column| name::quoted("columns", column)).collect();
        Ok(quoted?.join(", "))
    }

    /// The file of an increment; the full copy is number 0.
    fn numbered(&self, increment: u32) -> String {
        format!("{}-{increment:012}.csv", self.file)
    }

    /// The file of a full copy.
    fn whole(&self) -> String {
        match self.watermark {
            Some(_) => self.numbered(0),
            None => format!("{}.csv", self.file),
        }
    }
}

pub(super) async fn bring(
    config: &PostgresConfig,
    visit: &Visit<'_>,
    mut arrival: Arrival<'_>,
) -> Result<Fetched, FetchError> {
    visit.claimed(&config.whole())?;
    if config.watermark.is_some() {
        visit.claimed(&config.numbered(1))?;
    }
    let taken = visit
        .watch
        .persist(async || {
            let mut session = Session::open(config, &visit.watch).await?;
            let (at, transaction) = session.begin().await?;
            Reading::new(config, visit, at, transaction)?.take(&mut arrival).await
        })
        .await?;
    let Taken::Rows(position) = taken else {
        return Ok(Fetched::Unchanged { memory: visit.memory.clone() });
    };
    let mut fetched = arrival.conclude(visit.memory, None)?;
    if let Fetched::Delivery { memory, .. } | Fetched::Unchanged { memory } = &mut fetched {
        memory.position = position;
    }
    Ok(fetched)
}
