//! The engine's values from the columns of a row. The two databases have different types for the same
//! column; [`Columns`] hides that, so that each row is put together in one place.

use std::fmt::Write;
use std::sync::Arc;

use engine::{
    Batch, Change, Chart, ChartId, Currency, EndedKey, EventDetails, EventId, EventInfo, EventRow,
    JournalRow, KeyHash, Layout, LayoutId, RequestHash, Reservation, ReservationId, ReservationStatus,
    SeatCounts, SeatMap, SeatNo, SeatStatus, Seating, Timestamp, UsedEventKey, UserId,
};
use sqlx::Error;
use uuid::Uuid;

/// Reads columns by name, whatever the database's type for them is.
pub(crate) trait Columns {
    fn uuid(&self, column: &'static str) -> Result<Uuid, Error>;
    fn optional_text(&self, column: &'static str) -> Result<Option<String>, Error>;
    fn integer(&self, column: &'static str) -> Result<i64, Error>;
    fn boolean(&self, column: &'static str) -> Result<bool, Error>;
    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error>;
    fn seats(&self, column: &'static str) -> Result<Vec<SeatNo>, Error>;
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, Error>;

    fn text(&self, column: &'static str) -> Result<String, Error> {
        self.optional_text(column)?.ok_or_else(|| is_null(column))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.optional_time(column)?.ok_or_else(|| is_null(column))
    }

    /// A number in the range of `T`.
    fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, Error> {
        let value = self.integer(column)?;
        T::try_from(value).map_err(|_| corrupt(format!("{column} is {value}")))
    }

    /// An id of the kind `T`.
    fn id<T: TryFrom<Uuid>>(&self, column: &'static str) -> Result<T, Error> {
        let value = self.uuid(column)?;
        T::try_from(value).map_err(|_| corrupt(format!("{column} is {value}")))
    }
}

/// Which layout an event has.
pub(crate) fn layout_id(row: &impl Columns) -> Result<LayoutId, Error> {
    row.uuid("layout_id").map(LayoutId)
}

/// A layout from its row, shared with those who have it already.
pub(crate) fn layout(row: &impl Columns) -> Result<Arc<Layout>, Error> {
    let (id, layout) = (layout_id(row)?, parse::<Layout>(&row.text("layout")?)?);
    if layout.id() == id {
        Ok(layout.shared())
    } else {
        Err(corrupt(format!("layout {id:?} is another one")))
    }
}

/// An event from its row, with its layout.
pub(crate) fn event_row(row: &impl Columns, layout: Arc<Layout>) -> Result<EventRow, Error> {
    let currency = row.text("currency")?;
    let info = EventInfo {
        id: row.id("event_id")?,
        details: event_details(row)?,
        currency: currency.parse::<Currency>().map_err(|error| corrupt(error.to_string()))?,
        seating: Seating { layout, prices: Arc::new(parse(&row.text("prices")?)?) },
        allocations: parse(&row.text("allocations")?)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    let version = row.number("version")?;
    Ok(EventRow {
        counts: if version == 0 { info.free_counts() } else { counts(row)? },
        info,
        version,
        epoch: row.number("epoch")?,
        owner: row.optional_text("owner")?,
        deleted: row.boolean("deleted")?,
    })
}

/// A chart from its row, with its layout.
pub(crate) fn chart(row: &impl Columns, layout: Arc<Layout>) -> Result<Chart, Error> {
    Ok(Chart {
        id: ChartId(row.uuid("chart_id")?),
        name: row.text("name")?,
        created_at: row.time("created_at")?,
        layout,
        allocations: parse(&row.text("allocations")?)?,
        map: row.optional_text("map")?.map(Into::into),
    })
}

fn counts(row: &impl Columns) -> Result<SeatCounts, Error> {
    Ok(SeatCounts {
        reserved: row.number("reserved_seats")?,
        confirmed: row.number("confirmed_seats")?,
        not_for_sale: row.number("not_for_sale_seats")?,
    })
}

fn event_details(row: &impl Columns) -> Result<EventDetails, Error> {
    Ok(EventDetails {
        name: row.text("name")?,
        description: row.text("description")?,
        venue: row.text("venue")?,
        start_at: row.time("start_at")?,
        end_at: row.time("end_at")?,
        hold_ttl_s: row.number("hold_ttl_s")?,
        max_hold_s: row.number("max_hold_s")?,
        max_seats_per_reservation: row.number("max_seats_per_reservation")?,
        rules: parse(&row.text("rules")?)?,
    })
}

/// A reservation from its row.
pub(crate) fn reservation(row: &impl Columns) -> Result<Reservation, Error> {
    Ok(Reservation {
        id: row.id("reservation_id")?,
        user_id: UserId::new(row.uuid("user_id")?),
        seats: row.seats("seat_nos")?,
        status: status_from_code(row.integer("status")?)?,
        total_minor: row.integer("total_minor")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        updated_at: row.time("updated_at")?,
        confirmed_at: row.optional_time("confirmed_at")?,
        cancelled_at: row.optional_time("cancelled_at")?,
        idempotency_key: row.optional_text("idempotency_key")?,
        terms: row.optional_text("terms")?.map(|terms| parse(&terms)).transpose()?,
        seq: row.number("seq")?,
    })
}

/// The key of a reservation that has ended.
pub(crate) fn ended_key(row: &impl Columns) -> Result<EndedKey, Error> {
    Ok(EndedKey {
        key_hash: KeyHash(row.uuid("key_hash")?.into_bytes()),
        reservation_id: row.id("reservation_id")?,
        request_hash: RequestHash(row.integer("request_hash")?.cast_unsigned()),
    })
}

/// An event that is down as due.
pub(crate) struct Due {
    pub(crate) event_id: EventId,
    pub(crate) due_at: Timestamp,
    pub(crate) next_expires_at: Option<Timestamp>,
}

impl Due {
    pub(crate) fn from_row(row: &impl Columns) -> Result<Self, Error> {
        Ok(Self {
            event_id: row.id("event_id")?,
            due_at: row.time("due_at")?,
            next_expires_at: row.optional_time("next_expires_at")?,
        })
    }

    /// Those that have a hold that has run out, and those to be put down for another time, or taken off: what
    /// has been due since this time without such a hold.
    pub(crate) fn sort(due: Vec<Self>, now: Timestamp) -> (Vec<EventId>, Vec<Self>, Timestamp) {
        let since = now.minus_s(NOT_DUE_AFTER_S);
        let is_overdue = |due: &Self| due.next_expires_at.is_some_and(|at| at <= now);
        let (overdue, mut not_due): (Vec<_>, Vec<_>) = due.into_iter().partition(is_overdue);
        not_due.retain(|due| due.due_at <= since);
        (overdue.into_iter().map(|due| due.event_id).collect(), not_due, since)
    }
}

/// For how long an event is down as due, without a hold that has run out, before it is taken off: what its
/// owner knows by its clock still lies ahead may not be touched, and the clocks differ a little.
const NOT_DUE_AFTER_S: u32 = 60;

/// What the key of a request for an event was used for, from its row.
pub(crate) fn used_event_key(row: &impl Columns) -> Result<UsedEventKey, Error> {
    let hash = row.bytes("request_hash")?;
    let request_hash = hash.try_into().map_err(|_| corrupt("request_hash has another length".to_owned()))?;
    Ok(UsedEventKey { event_id: row.id("event_id")?, request_hash })
}

/// A batch from its row in the journal.
pub(crate) fn journal_row(row: &impl Columns) -> Result<JournalRow, Error> {
    Ok(JournalRow {
        seq: row.number("seq")?,
        batch_id: row.id("batch_id")?,
        epoch: row.number("epoch")?,
        decided_at: row.time("decided_at")?,
        ordered_at: row.time("ordered_at")?,
        changes: parse(&row.text("changes")?)?,
    })
}

/// A claim from its row.
pub(crate) fn claim(row: &impl Columns) -> Result<(SeatNo, ReservationId), Error> {
    Ok((row.number("seat_no")?, row.id("reservation_id")?))
}

/// A seat map from an event and its claims: seat number and code of the reservation's status.
pub(crate) fn seat_map(
    event: EventRow,
    claims: impl IntoIterator<Item = (SeatNo, i64)>,
) -> Result<SeatMap, Error> {
    let mut statuses = event.info.free_statuses();
    for (seat_no, code) in claims {
        let status = match status_from_code(code)? {
            ReservationStatus::Pending => SeatStatus::Reserved,
            ReservationStatus::Confirmed => SeatStatus::Confirmed,
            ended => {
                return Err(corrupt(format!("seat {seat_no} is claimed, and its reservation is {ended:?}")));
            }
        };
        *statuses.get_mut((seat_no as usize).wrapping_sub(1)).ok_or_else(|| {
            corrupt(format!("seat {seat_no} is claimed, and the event has none of this number"))
        })? = status;
    }
    Ok(SeatMap { info: Arc::new(event.info), version: event.version, counts: event.counts, statuses })
}

/// The fixed code of a status, the same in both databases.
pub(crate) fn status_code(status: ReservationStatus) -> i16 {
    match status {
        ReservationStatus::Pending => 0,
        ReservationStatus::Confirmed => 1,
        ReservationStatus::Cancelled => 2,
        ReservationStatus::Expired => 3,
    }
}

/// The status of a code.
fn status_from_code(code: i64) -> Result<ReservationStatus, Error> {
    Ok(match code {
        0 => ReservationStatus::Pending,
        1 => ReservationStatus::Confirmed,
        2 => ReservationStatus::Cancelled,
        3 => ReservationStatus::Expired,
        _ => return Err(corrupt(format!("status is {code}"))),
    })
}

/// An event's details and the rest that a batch can change of it, as the columns are called.
pub(crate) fn info_json(info: &EventInfo) -> Result<String, Error> {
    let details = &info.details;
    to_json(&serde_json::json!({
        "name": details.name,
        "description": details.description,
        "venue": details.venue,
        "hold_ttl_s": details.hold_ttl_s,
        "max_hold_s": details.max_hold_s,
        "max_seats_per_reservation": details.max_seats_per_reservation,
        "rules": to_json(&details.rules)?,
        "prices": to_json(&*info.seating.prices)?,
        "allocations": to_json(&info.allocations)?,
    }))
}

/// The layout of an event as JSON, where a batch made it.
pub(crate) fn new_layout(batch: &Batch, info: &EventInfo) -> Result<Option<String>, Error> {
    let is_new = batch.changes.iter().any(|change| matches!(change, Change::SectionsAdded { .. }));
    is_new.then(|| to_json(&*info.seating.layout)).transpose()
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Encode(Box::new(error)))
}

/// What was asked for besides which seats, as JSON.
pub(crate) fn terms_json(reservation: &Reservation) -> Option<String> {
    let terms = reservation.terms.as_ref()?;
    Some(serde_json::to_string(terms).expect("terms have string keys, and memory takes all"))
}

/// The value of a JSON text.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Error> {
    serde_json::from_str(json).map_err(|error| Error::Decode(Box::new(error)))
}

/// A row that no part of Holdfast can have written.
pub(crate) fn corrupt(what: String) -> Error {
    Error::Decode(what.into())
}

fn is_null(column: &'static str) -> Error {
    corrupt(format!("{column} is null"))
}

/// Seat numbers with commas between them, in the brackets of a database's lists.
pub(crate) fn listed(open: char, seats: &[SeatNo], close: char) -> String {
    let mut text = String::with_capacity(2 + 8 * seats.len());
    text.push(open);
    for (index, seat_no) in seats.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{seat_no}", if index == 0 { "" } else { "," });
    }
    text.push(close);
    text
}
