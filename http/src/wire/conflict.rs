//! Seats that cannot be had, and why.

use engine::{ReservationId, SeatId};
use serde::Serialize;
use utoipa::ToSchema;

/// A seat that a reservation has already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Conflict {
    /// The seat.
    #[schema(value_type = uuid::Uuid)]
    pub seat_id: SeatId,
    /// Its label, as the house calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    pub seat_number: Option<String>,
    /// Why it is not available.
    pub reason: ConflictReason,
    /// With `yours`: the reservation. Whose seat it is else is nobody's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = uuid::Uuid)]
    pub reservation_id: Option<ReservationId>,
}

/// Why a seat is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// A pending reservation of another user holds it.
    Reserved,
    /// Another user bought it.
    Confirmed,
    /// The user that asks has it, by the reservation `reservation_id`.
    Yours,
    /// It is not on open sale.
    NotForSale,
    /// It sells only together with the other seats of its block.
    SoldTogether,
    /// It is free, and would be left single.
    LeftSingle,
}

impl Conflict {
    pub(crate) fn of(seat_id: SeatId, reason: ConflictReason) -> Self {
        Self { seat_id, seat_number: None, reason, reservation_id: None }
    }
}

impl From<engine::ConflictReason> for ConflictReason {
    fn from(reason: engine::ConflictReason) -> Self {
        match reason {
            engine::ConflictReason::Reserved => Self::Reserved,
            engine::ConflictReason::Confirmed => Self::Confirmed,
            engine::ConflictReason::Yours(_) => Self::Yours,
            engine::ConflictReason::NotForSale => Self::NotForSale,
        }
    }
}
