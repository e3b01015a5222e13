//! The column that tells what is new.

use super::name::{Table, literal, quoted};
use crate::source::fetch::FetchError;

/// A watermark of a known type.
pub(super) struct Watermark {
    /// The column as SQL.
    column: String,
    kind: Kind,
    overlap: u32,
}

/// What can be done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The SQL type to compute with.
    Number(&'static str),
    /// The SQL type to compute with.
    Time(&'static str),
    Text,
}

impl Watermark {
    /// The statement that tells a column's type: no row where there is no such column.
    pub fn type_sql(table: &Table, column: &str) -> String {
        format!(
            "SELECT format_type(atttypid, NULL) FROM pg_attribute
             WHERE attrelid = {}::regclass AND attname = {} AND NOT attisdropped",
            literal(table.sql()),
            literal(column)
        )
    }

    /// Of a column of a type, as the statement told it.
    pub fn of(column: &str, sql_type: &str, overlap: u32) -> Result<Watermark, FetchError> {
        let kind = match sql_type {
            "smallint" | "integer" | "bigint" => Kind::Number("bigint"),
            "numeric" => Kind::Number("numeric"),
            "timestamp without time zone" => Kind::Time("timestamp"),
            "timestamp with time zone" => Kind::Time("timestamptz"),
            "date" => Kind::Time("date"),
            "text" | "character varying" => Kind::Text,
            other => {
                return Err(FetchError::config(format!(
                    "watermark: 类型 {other} 不适用 / type {other} does not serve"
                )));
            }
        };
        Ok(Watermark { column: quoted("watermark", column)?, kind, overlap })
    }

    /// The column as SQL.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The statement that tells the highest watermark as text, and whether it is below the `last`
    /// one: true too where either is none.
    pub fn newest_sql(&self, table: &Table, last: Option<&str>) -> String {
        let (column, table) = (&self.column, table.sql());
        let watermark = last.map_or_else(|| "NULL".to_owned(), |last| self.value(last));
        format!(
            "SELECT max({column})::text, coalesce(max({column}) < {watermark}, true)::text
             FROM {table}"
        )
    }

    /// The condition of the rows that come with the increment after `watermark`.
    pub fn window_sql(&self, watermark: &str) -> String {
        let (column, value) = (&self.column, self.value(watermark));
        let from = match self.kind {
            Kind::Number(_) => format!("{value} - {}", self.overlap),
            Kind::Time(_) => format!("{value} - interval '{} seconds'", self.overlap),
            Kind::Text => value,
        };
        format!("({column} >= {from} OR {column} IS NULL)")
    }

    fn value(&self, watermark: &str) -> String {
        let sql_type = match self.kind {
            Kind::Number(sql_type) | Kind::Time(sql_type) => sql_type,
            Kind::Text => "text",
        };
        format!("{}::{sql_type}", literal(watermark))
    }
}
