//! The names of the engine's metrics, and their handles. Handles are made when the engine starts: install
//! the recorder before.

use std::collections::HashSet;

use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};

use crate::words::{Batch, Change, ReservationId};

/// Commands and expiries written in one batch.
pub const BATCH_CHANGES: &str = "holdfast_batch_changes";
/// Seconds from handing a batch to the store until its answer.
pub const BATCH_SECONDS: &str = "holdfast_batch_seconds";
/// Events in memory on this node.
pub const LIVE_EVENTS: &str = "holdfast_live_events";
/// Commands waiting or being written, over all events of this node.
pub const QUEUED_COMMANDS: &str = "holdfast_queued_commands";
/// Committed changes by kind: `reserved`, `confirmed`, `cancelled`, `extended`, `expired`, ….
pub const CHANGES: &str = "holdfast_changes_total";
/// Seats that were sold. What is given back later stays counted.
pub const SEATS_SOLD: &str = "holdfast_seats_sold_total";
/// Batches that the store did not acknowledge, by kind: `fenced`, `aborted`, `unknown`.
pub const STORE_FAULTS: &str = "holdfast_store_faults_total";
/// Publications by owners to the other nodes, by outcome: `published`, `refused` (too old), `failed`.
pub const PUBLICATIONS: &str = "holdfast_publications_total";
/// Reads of an event or its seats by source: `owner` (this node's memory), `published` (by another node),
/// `store`.
pub const READS: &str = "holdfast_reads_total";
/// By how many seconds the store's clock is ahead of this node's.
pub const CLOCK_DIFFERENCE_SECONDS: &str = "holdfast_clock_difference_seconds";
/// Actors that ended by a panic.
pub const ACTOR_CRASHES: &str = "holdfast_actor_crashes_total";

/// Tells the recorder what the metrics are.
pub fn describe() {
    metrics::describe_histogram!(BATCH_CHANGES, Unit::Count, "Changes written in one batch");
    metrics::describe_histogram!(
        BATCH_SECONDS,
        Unit::Seconds,
        "From handing a batch to the store until its answer"
    );
    metrics::describe_gauge!(LIVE_EVENTS, Unit::Count, "Events in memory on this node");
    metrics::describe_gauge!(QUEUED_COMMANDS, Unit::Count, "Commands waiting or being written");
    metrics::describe_counter!(CHANGES, Unit::Count, "Committed changes by kind");
    metrics::describe_counter!(SEATS_SOLD, Unit::Count, "Seats of confirmed reservations");
    metrics::describe_counter!(
        STORE_FAULTS,
        Unit::Count,
        "Batches that the store did not acknowledge, by kind"
    );
    metrics::describe_counter!(
        PUBLICATIONS,
        Unit::Count,
        "Publications by owners to other nodes, by outcome"
    );
    metrics::describe_counter!(READS, Unit::Count, "Reads of an event or its seats, by source");
    metrics::describe_gauge!(
        CLOCK_DIFFERENCE_SECONDS,
        Unit::Seconds,
        "By how much the store's clock is ahead of this node's"
    );
    metrics::describe_counter!(ACTOR_CRASHES, Unit::Count, "Event actors that ended by a panic");
}

/// Handles to the engine's metrics, so that the way of a command looks no name up.
pub(crate) struct Metrics {
    pub(crate) batch_changes: Histogram,
    pub(crate) batch_seconds: Histogram,
    pub(crate) live_events: Gauge,
    pub(crate) queued_commands: Gauge,
    pub(crate) clock_difference_seconds: Gauge,
    pub(crate) fenced: Counter,
    pub(crate) aborted: Counter,
    pub(crate) unknown: Counter,
    pub(crate) crashes: Counter,
    pub(crate) published: Counter,
    pub(crate) publications_refused: Counter,
    pub(crate) publications_failed: Counter,
    pub(crate) reads_of_owner: Counter,
    pub(crate) reads_of_published: Counter,
    pub(crate) reads_of_store: Counter,
    reserved: Counter,
    confirmed: Counter,
    cancelled: Counter,
    extended: Counter,
    expired: Counter,
    amended: Counter,
    allocated: Counter,
    sections_added: Counter,
    deleted: Counter,
    seats_sold: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let change = |kind: &'static str| counter!(CHANGES, "change" => kind);
        let fault = |kind: &'static str| counter!(STORE_FAULTS, "fault" => kind);
        let publication = |outcome: &'static str| counter!(PUBLICATIONS, "outcome" => outcome);
        let read = |source: &'static str| counter!(READS, "source" => source);
        Self {
            batch_changes: histogram!(BATCH_CHANGES),
            batch_seconds: histogram!(BATCH_SECONDS),
            live_events: gauge!(LIVE_EVENTS),
            queued_commands: gauge!(QUEUED_COMMANDS),
            clock_difference_seconds: gauge!(CLOCK_DIFFERENCE_SECONDS),
            fenced: fault("fenced"),
            aborted: fault("aborted"),
            unknown: fault("unknown"),
            crashes: counter!(ACTOR_CRASHES),
            published: publication("published"),
            publications_refused: publication("refused"),
            publications_failed: publication("failed"),
            reads_of_owner: read("owner"),
            reads_of_published: read("published"),
            reads_of_store: read("store"),
            reserved: change("reserved"),
            confirmed: change("confirmed"),
            cancelled: change("cancelled"),
            extended: change("extended"),
            expired: change("expired"),
            amended: change("amended"),
            allocated: change("allocated"),
            sections_added: change("sections_added"),
            deleted: change("deleted"),
            seats_sold: counter!(SEATS_SOLD),
        }
    }

    pub(crate) fn count_changes(&self, batch: &Batch) {
        self.seats_sold.increment(seats_sold(batch));
        for change in &batch.changes {
            let counter = match change {
                Change::Reserved { .. } => &self.reserved,
                Change::Confirmed { .. } => &self.confirmed,
                Change::Cancelled { .. } => &self.cancelled,
                Change::Extended { .. } => &self.extended,
                Change::Expired { .. } => &self.expired,
                Change::Amended { .. } => &self.amended,
                Change::Allocated { .. } => &self.allocated,
                Change::SectionsAdded { .. } => &self.sections_added,
                Change::Deleted => &self.deleted,
            };
            counter.increment(1);
        }
    }
}

fn seats_sold(batch: &Batch) -> u64 {
    let confirmed: HashSet<ReservationId> = batch
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Confirmed { id } => Some(*id),
            _ => None,
        })
        .collect();
    let rows = batch.created.iter().chain(&batch.updated).filter(|row| confirmed.contains(&row.id));
    rows.map(|row| row.seats.len() as u64).sum()
}
