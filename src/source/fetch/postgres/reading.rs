//! One transaction over the table: what is new in it, and bringing that.

use super::PostgresConfig;
use super::name::Table;
use super::session::refusal;
use super::watermark::Watermark;
use crate::source::fetch::arrival::{Arrival, Incoming};
use crate::source::fetch::memory::Position;
use crate::source::fetch::{FetchError, Visit};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow, Transaction};

/// Rows written at once.
const ROWS: usize = 1024;

/// See the [module](self).
pub(super) struct Reading<'a> {
    config: &'a PostgresConfig,
    visit: &'a Visit<'a>,
    /// Host, port and database.
    at: &'a str,
    transaction: Transaction<'a>,
    table: Table,
    selected: String,
}

/// What was brought.
pub(super) enum Taken {
    /// Nothing is new since the last position.
    Nothing,
    /// Rows; and where reading stopped, where there is a watermark.
    Rows(Option<Position>),
}

impl<'a> Reading<'a> {
    pub fn new(
        config: &'a PostgresConfig,
        visit: &'a Visit<'a>,
        at: &'a str,
        transaction: Transaction<'a>,
    ) -> Result<Reading<'a>, FetchError> {
        let (table, selected) = (Table::parse(&config.table)?, config.selected()?);
        Ok(Reading { config, visit, at, transaction, table, selected })
    }

    /// Bring what is new.
    pub async fn take(self, arrival: &mut Arrival<'_>) -> Result<Taken, FetchError> {
        arrival.keep_only(|_| false);
        let taken = match &self.config.watermark {
            None => {
                self.copy(&self.config.whole(), "", arrival).await?;
                Taken::Rows(None)
            }
            Some(column) => {
                let watermark = self.watermark(column).await?;
                self.take_by(&watermark, arrival).await?
            }
        };
        let Reading { visit, at, transaction, .. } = self;
        let committed = visit.watch.hear(at, transaction.commit()).await?;
        committed.map_err(|error| refusal(at, &error))?;
        Ok(taken)
    }

    async fn watermark(&self, column: &str) -> Result<Watermark, FetchError> {
        let row = self.row(&Watermark::type_sql(&self.table, column)).await?;
        match row.as_ref().and_then(|row| row.get(0)) {
            Some(sql_type) => Watermark::of(column, sql_type, self.config.overlap),
            None => {
                let what = format!("watermark: 没有列 {column:?} / there is no such column");
                Err(FetchError::config(what))
            }
        }
    }

    async fn take_by(
        &self,
        watermark: &Watermark,
        arrival: &mut Arrival<'_>,
    ) -> Result<Taken, FetchError> {
        let newest = self.newest(watermark).await?;
        let last = self.visit.memory.position.as_ref();
        if let (Some(last), Some(newest)) = (last.filter(|_| !newest.is_before), &newest.watermark)
        {
            if self.window(watermark, &last.watermark).await? == last.window {
                return Ok(Taken::Nothing);
            }
            if last.increments < self.config.full_every && self.take_again(arrival)? {
                return self.increment(watermark, last, newest, arrival).await;
            }
        }
        self.full(watermark, newest.watermark, arrival).await
    }

    /// Take all files of the last delivery once more; false where one is not there as it was.
    fn take_again(&self, arrival: &mut Arrival<'_>) -> Result<bool, FetchError> {
        let Visit { memory, previous, .. } = self.visit;
        for name in memory.files.keys() {
            if !arrival.take_again(*previous, memory, name)? {
                arrival.keep_only(|_| false);
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn increment(
        &self,
        watermark: &Watermark,
        last: &Position,
        newest: &str,
        arrival: &mut Arrival<'_>,
    ) -> Result<Taken, FetchError> {
        let increments = last.increments + 1;
        let name = self.config.numbered(increments);
        let (window, column) = (watermark.window_sql(&last.watermark), watermark.column());
        let rows = format!("WHERE {window} ORDER BY {column} NULLS FIRST");
        self.copy(&name, &rows, arrival).await?;
        let window = self.window(watermark, newest).await?;
        Ok(Taken::Rows(Some(Position { watermark: newest.to_owned(), window, increments })))
    }

    async fn full(
        &self,
        watermark: &Watermark,
        newest: Option<String>,
        arrival: &mut Arrival<'_>,
    ) -> Result<Taken, FetchError> {
        let rows = format!("ORDER BY {} NULLS FIRST", watermark.column());
        self.copy(&self.config.whole(), &rows, arrival).await?;
        let Some(newest) = newest else { return Ok(Taken::Rows(None)) };
        let window = self.window(watermark, &newest).await?;
        Ok(Taken::Rows(Some(Position { watermark: newest, window, increments: 0 })))
    }

    async fn newest(&self, watermark: &Watermark) -> Result<Newest, FetchError> {
        let last = self.visit.memory.position.as_ref().map(|last| &*last.watermark);
        let row = self.row(&watermark.newest_sql(&self.table, last)).await?;
        let text = |at: usize| row.as_ref().and_then(|row| row.get(at)).map(str::to_owned);
        Ok(Newest { watermark: text(0), is_before: text(1).as_deref() != Some("false") })
    }

    /// Count and sum of hashes of the rows that an increment after `from` holds.
    async fn window(&self, watermark: &Watermark, from: &str) -> Result<String, FetchError> {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(r::text, 0)), 0)
             FROM (SELECT {} FROM {} WHERE {}) r",
            self.selected,
            self.table.sql(),
            watermark.window_sql(from)
        );
        let row = self.row(&sql).await?;
        Ok(row.as_ref().and_then(|row| row.get(0)).unwrap_or_default().to_owned())
    }

    /// The first row of an answer, whose columns are text. It may take the server long.
    async fn row(&self, sql: &str) -> Result<Option<SimpleQueryRow>, FetchError> {
        let answer = self.visit.watch.wait(self.transaction.simple_query(sql)).await?;
        let messages = answer.map_err(|error| refusal(self.at, &error))?;
        Ok(messages.into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        }))
    }

    /// Copy rows into a file; `which` is an SQL condition and order.
    async fn copy(
        &self,
        name: &str,
        which: &str,
        arrival: &mut Arrival<'_>,
    ) -> Result<(), FetchError> {
        let sql = format!(
            "COPY (SELECT {} FROM {} {which}) TO STDOUT (FORMAT csv, HEADER)",
            self.selected,
            self.table.sql()
        );
        let mut file = arrival.begin(name)?;
        self.stream(&sql, &mut file).await?;
        arrival.keep(file, None)
    }

    /// The first row may take the server as long as the whole fetch may: it sorts.
    async fn stream(&self, sql: &str, file: &mut Incoming<'_>) -> Result<(), FetchError> {
        let refused = |error| refusal(self.at, &error);
        let watch = &self.visit.watch;
        let rows = watch.wait(self.transaction.copy_out(sql)).await?.map_err(refused)?;
        let mut pieces = std::pin::pin!(rows.ready_chunks(ROWS));
        let mut next = watch.wait(pieces.next()).await?;
        while let Some(rows) = next {
            let rows: Vec<Bytes> = rows.into_iter().collect::<Result<_, _>>().map_err(refused)?;
            file.write(&rows.concat())?;
            next = watch.hear(self.at, pieces.next()).await?;
        }
        Ok(())
    }
}

/// How far the table is now.
struct Newest {
    /// The highest watermark; none in an empty table.
    watermark: Option<String>,
    /// It lies before the last one: the table was restored, emptied or begun anew. True too where
    /// there is no last one.
    is_before: bool,
}
