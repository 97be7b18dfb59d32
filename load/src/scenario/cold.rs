//! The first answers of events that the server has only in its store: start it anew before.
//!
//! Each event is asked for its first seat, one event after the other, and then once more. The first answer
//! has the event's way into memory in it.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use crate::api::{Api, ApiError, Counts, House, NewEvent, outcome};
use crate::http::Target;
use crate::report::Report;
use crate::stats::Recorder;

/// The options of `load cold`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many seats the event has that is made to see an empty one. It is asked, and the newest others, a
    /// hundred in all.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) seats: u32,
}

pub(crate) async fn run(target: Arc<Target>, options: Options) -> Result<Report, ApiError> {
    let mut api = Api::new(&target);
    let new = NewEvent {
        name: "Cold event".to_owned(),
        seats: options.seats,
        hold_ttl_s: 3600,
        house: House::Rows,
    };
    api.create_event(&new).await?;
    let events = api.newest_events().await?;
    let recorder = Recorder::new(Instant::now());
    let mut seats = 0;
    for event in &events {
        let counts = &event.counts;
        seats += counts.available_seats + counts.reserved_seats + counts.confirmed_seats;
        for operation in [first_answer(counts), "second answer"] {
            let begin = Instant::now();
            let answer = api.reserve(&event.id, &[first_seat(&event.id)]).await;
            recorder.note(operation, begin, outcome(&answer, 201));
        }
    }

    let mut report = Report::new("cold", recorder.summary());
    report.fact("events", events.len());
    report.fact("seats", seats);
    report.check_some_done();
    report.check_no_failures();
    Ok(report)
}

fn first_answer(counts: &Counts) -> &'static str {
    match counts {
        Counts { available_seats: 0, .. } => "first, sold out",
        Counts { reserved_seats: 0, confirmed_seats: 0, .. } => "first, empty",
        _ => "first, partly sold",
    }
}

/// The id of seat 1, by the layout of the ids (docs/adr/0002): a seat map to look it up in would stay in the
/// server's memory for a while, which is being measured.
fn first_seat(event: &str) -> String {
    format!("00000000-0001-8000-{}", event.get(19..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seat_has_its_events_tag() {
        let seat = first_seat("0199b0e6-d3c1-8000-99b0-e6d3c1a00f2b");
        assert_eq!(seat, "00000000-0001-8000-99b0-e6d3c1a00f2b");
    }
}
