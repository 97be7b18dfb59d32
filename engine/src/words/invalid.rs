//! What is wrong with a command by itself.

/// A rule that a command breaks, whatever the event's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A reservation is of no seat.
    #[error("no seat is asked for")]
    NoSeats,
    /// A reservation is of more seats than the event allows.
    #[error("{given} seats are asked for, {most} are allowed")]
    TooManySeats {
        /// How many are asked for.
        given: usize,
        /// How many are allowed.
        most: u32,
    },
    /// A reservation names a seat twice.
    #[error("a seat is asked for twice")]
    RepeatedSeat,
    /// An event ends before it begins.
    #[error("the event ends before it begins")]
    EndsBeforeStart,
    /// No hold could last as long as the event says that holds last.
    #[error("holds last longer than the longest hold")]
    HoldBeyondLongest,
    /// An event has no seats, or too many.
    #[error("an event has {given} seats")]
    SeatsOfEvent {
        /// How many it would have.
        given: u32,
    },
    /// A price is negative, or so great that sums of prices could overflow; or the prices are not those of
    /// the layout's categories.
    #[error("a price is out of range, or of no category")]
    Price,
    /// A block that sells only together is larger than a reservation can be.
    #[error("{given} seats sell only together, a reservation can have {most}")]
    TogetherBeyondMost {
        /// How many seats the block has.
        given: u32,
        /// How many are allowed.
        most: u32,
    },
    /// An allocation names no seats of the event, or seats twice or in no order, or there are too many.
    #[error("an allocation is of seats that the event does not have, or names them twice or in no order")]
    Allocation,
    /// The sections that are added change what there was.
    #[error("what is added changes what there was")]
    NotAdded,
}
