//! The writes: a group of batches as one function call, a new event as one statement.

use engine::{Batch, SeatNo, Timestamp};
use sqlx::error::DatabaseError;
use sqlx::{Error, PgConnection};
use std::sync::{Arc, LazyLock};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::columns::{info_json, listed, new_layout, status_code, terms_json, to_json};

/// What `holdfast_append` raises where an event has another epoch or version than its batch.
const FENCED: &str = "HF001";

/// Writes the batches of several events, all or none; `false` if one of the events has another epoch or
/// version, and then nothing is written. See the migration.
pub(crate) async fn append(connection: &mut PgConnection, group: &[Arc<Batch>]) -> Result<bool, Error> {
    // Two groups with the same events wait for each other in one order, and never in a circle.
    let mut batches: Vec<&Batch> = group.iter().map(Arc::as_ref).collect();
    batches.sort_unstable_by_key(|batch| batch.event_id.as_uuid());
    match write(connection, &batches).await {
        Ok(()) => Ok(true),
        Err(Error::Database(error)) if is_fenced(&*error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Two batches of one event that come at the same moment both find the version that they expect; the
/// journal's key lets one of them in.
fn is_fenced(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some(FENCED) || error.constraint() == Some("journal_pkey")
}

/// A call of a function with named arguments, so that each name stands beside its value.
macro_rules! call {
    ($function:ident, $($name:ident = $value:expr),* $(,)?) => {{
        static TEXT: LazyLock<String> =
            LazyLock::new(|| call_text(stringify!($function), &[$(stringify!($name)),*]));
        sqlx::query(TEXT.as_str())$(.bind($value))*
    }};
}

/// `SELECT f(a => $1, b => $2)`.
fn call_text(function: &str, names: &[&str]) -> String {
    let arguments: Vec<_> = (1..).zip(names).map(|(number, name)| format!("{name} => ${number}")).collect();
    format!("SELECT {function}({})", arguments.join(", "))
}

async fn write(connection: &mut PgConnection, batches: &[&Batch]) -> Result<(), Error> {
    let changes = batches.iter().map(|batch| to_json(&batch.changes)).collect::<Result<Vec<_>, _>>()?;
    let created = Rows::of(batches, |batch| &batch.created);
    let updated = Rows::of(batches, |batch| &batch.updated);
    let released = Rows::of(batches, |batch| &batch.released);
    let claimed = Rows::of(batches, |batch| &batch.claimed);
    let ended = Rows::of(batches, |batch| &batch.ended_keys);
    let amended = Rows::of(batches, |batch| batch.info.as_slice());
    let details = amended.0.iter().map(|(_, info)| info_json(info)).collect::<Result<Vec<_>, _>>()?;
    let layouts = amended.0.iter().map(|(number, info)| new_layout(batches[*number as usize - 1], info));
    let layouts = layouts.collect::<Result<Vec<_>, _>>()?;

    call!(
        holdfast_append,
        p_event_ids = column(batches, |b| b.event_id.as_uuid()),
        p_batch_ids = column(batches, |b| Uuid::from(b.batch_id)),
        p_seqs = column(batches, |b| b.seq.cast_signed()),
        p_epochs = column(batches, |b| b.epoch.cast_signed()),
        p_decided_at = column(batches, |b| time(b.decided_at)),
        p_ordered_at = column(batches, |b| time(b.ordered_at)),
        p_changes = changes,
        p_reserved_seats = column(batches, |b| b.counts.reserved.cast_signed()),
        p_confirmed_seats = column(batches, |b| b.counts.confirmed.cast_signed()),
        p_not_for_sale_seats = column(batches, |b| b.counts.not_for_sale.cast_signed()),
        p_next_expires_at = column(batches, |b| b.next_expires_at.map(time)),
        p_due_at = column(batches, |b| b.due_at.map(time)),
        p_deleted = column(batches, |b| b.deleted),
        c_batches = created.batches(),
        c_ids = created.column(|r| r.id.as_uuid()),
        c_user_ids = created.column(|r| r.user_id.as_uuid()),
        c_seat_nos = created.column(|r| array_text(&r.seats)),
        c_statuses = created.column(|r| status_code(r.status)),
        c_totals_minor = created.column(|r| r.total_minor),
        c_created_at = created.column(|r| time(r.created_at)),
        c_expires_at = created.column(|r| time(r.expires_at)),
        c_updated_at = created.column(|r| time(r.updated_at)),
        c_confirmed_at = created.column(|r| r.confirmed_at.map(time)),
        c_cancelled_at = created.column(|r| r.cancelled_at.map(time)),
        c_keys = created.column(|r| r.idempotency_key.as_deref()),
        c_terms = created.column(|r| terms_json(r)),
        u_batches = updated.batches(),
        u_ids = updated.column(|r| r.id.as_uuid()),
        u_statuses = updated.column(|r| status_code(r.status)),
        u_expires_at = updated.column(|r| time(r.expires_at)),
        u_updated_at = updated.column(|r| time(r.updated_at)),
        u_confirmed_at = updated.column(|r| r.confirmed_at.map(time)),
        u_cancelled_at = updated.column(|r| r.cancelled_at.map(time)),
        r_batches = released.batches(),
        r_seat_nos = released.column(|seat_no| seat_no.cast_signed()),
        n_batches = claimed.batches(),
        n_seat_nos = claimed.column(|(seat_no, _)| seat_no.cast_signed()),
        n_claimed_by = claimed.column(|(_, id)| id.as_uuid()),
        k_batches = ended.batches(),
        k_hashes = ended.column(|key| Uuid::from_bytes(key.key_hash.0)),
        k_ids = ended.column(|key| key.reservation_id.as_uuid()),
        k_requests = ended.column(|key| key.request_hash.0.cast_signed()),
        d_batches = amended.batches(),
        d_details = details,
        d_layout_ids = amended.column(|info| info.seating.layout.id().0),
        d_layouts = layouts,
        d_start_at = amended.column(|info| time(info.details.start_at)),
        d_end_at = amended.column(|info| time(info.details.end_at)),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The rows of one kind of all batches, each with the position of its batch, from 1.
struct Rows<'a, T>(Vec<(i32, &'a T)>);

impl<'a, T> Rows<'a, T> {
    fn of(batches: &[&'a Batch], rows: impl Fn(&'a Batch) -> &'a [T]) -> Self {
        let numbered = (1..).zip(batches);
        Self(numbered.flat_map(|(number, batch)| rows(batch).iter().map(move |row| (number, row))).collect())
    }

    fn batches(&self) -> Vec<i32> {
        self.0.iter().map(|(number, _)| *number).collect()
    }

    fn column<V>(&self, value: impl Fn(&'a T) -> V) -> Vec<V> {
        self.0.iter().map(|(_, row)| value(row)).collect()
    }
}

fn column<V>(batches: &[&Batch], value: impl Fn(&Batch) -> V) -> Vec<V> {
    batches.iter().map(|batch| value(batch)).collect()
}

/// `{4,5}`: how Postgres writes an array.
fn array_text(seats: &[SeatNo]) -> String {
    listed('{', seats, '}')
}

pub(super) fn time(time: Timestamp) -> OffsetDateTime {
    time.into()
}
