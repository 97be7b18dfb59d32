//! The seat maps that the nodes show at rest against the claims. The owner's comes from its memory.

use engine::{EventTables, ReservationStatus, SeatStatus};

use super::{EventRecord, Findings, Rule};

pub(super) fn check(event: &EventRecord, findings: &mut Findings) {
    let (version, claimed) = (event.tables.event.version, claimed(&event.tables));
    for map in &event.seat_maps {
        let node = map.node;
        if map.version != version {
            let text =
                format!("node {node} shows the seats of version {}, the table has {version}", map.version);
            findings.add(Rule::Invariant(5), text);
        } else if map.statuses != claimed {
            let text = format!("node {node} shows {:?}, the claims are {claimed:?}", map.statuses);
            findings.add(Rule::Invariant(5), text);
        }
    }
}

/// The status of every seat, by the claims and their reservations.
fn claimed(tables: &EventTables) -> Vec<SeatStatus> {
    let mut statuses = tables.event.info.free_statuses();
    for &(seat_no, id) in &tables.claims {
        let is_confirmed = tables
            .reservations
            .iter()
            .any(|reservation| reservation.id == id && reservation.status == ReservationStatus::Confirmed);
        let status = if is_confirmed { SeatStatus::Confirmed } else { SeatStatus::Reserved };
        if let Some(seat) = statuses.get_mut(seat_no as usize - 1) {
            *seat = status;
        }
    }
    statuses
}
