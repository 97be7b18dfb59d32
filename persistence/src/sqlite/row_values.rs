//! Statements that take many rows at once, their values bound.
//!
//! A call of a statement for each row costs several times as much, and so do rows in JSON. The rows stand in
//! a `VALUES` list, of a few fixed lengths so that each statement is prepared once; what is left of it is
//! unbound, and so `NULL`.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Error, Row, Sqlite, SqliteConnection};

/// For how many rows there is a statement: few lengths to prepare, and little that stays unbound.
const ROWS: [usize; 4] = [1, 8, 64, 512];
const MOST_ROWS: usize = ROWS[ROWS.len() - 1];

/// A query to which values are bound.
pub(super) type Bound = Query<'static, Sqlite, SqliteArguments>;

/// One statement, in each of the lengths.
pub(super) struct RowsStatement([String; ROWS.len()]);

impl RowsStatement {
    /// `before` and `after` enclose the rows, which are a table of `column1`, `column2`, … A row that is not
    /// there has `NULL` in all of them.
    pub(super) fn new(before: &str, columns: usize, after: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        Self(ROWS.map(|rows| format!("{before} (VALUES {}) {after}", vec![row.as_str(); rows].join(", "))))
    }

    /// Runs it for all rows, and says how many rows of the database it made or changed.
    pub(super) async fn execute<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(Bound, &T) -> Bound,
    ) -> Result<u64, Error> {
        let mut affected = 0;
        for some in rows.chunks(MOST_ROWS) {
            let query = some.iter().fold(sqlx::query(self.text_for(some.len())), &bind);
            affected += query.execute(&mut *connection).await?.rows_affected();
        }
        Ok(affected)
    }

    /// Runs it for all rows, and adds up the numbers that it returns.
    pub(super) async fn count<T>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(Bound, &T) -> Bound,
    ) -> Result<u64, Error> {
        let mut count = 0;
        for some in rows.chunks(MOST_ROWS) {
            let query = some.iter().fold(sqlx::query(self.text_for(some.len())), &bind);
            count += query.fetch_one(&mut *connection).await?.try_get::<i64, _>(0)?.cast_unsigned();
        }
        Ok(count)
    }

    /// The text has nothing in it but what this crate wrote.
    fn text_for(&'static self, rows: usize) -> AssertSqlSafe<&'static str> {
        let length = ROWS.iter().position(|&most| rows <= most).unwrap_or(ROWS.len() - 1);
        AssertSqlSafe(&self.0[length])
    }
}
