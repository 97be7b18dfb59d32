//! Rules that can be broken on purpose, to prove that the simulator notices. Without the feature `mutations`
//! none can.

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The store takes batches of any epoch.
    NoFence,
    /// What changed nothing is told without a look whether this is still the owner.
    NoEpochLook,
    /// A batch of unknown outcome is taken for one that was not written.
    UnknownIsAborted,
    /// A batch in doubt is taken for written if any batch stands at its place.
    InDoubtByPlace,
    /// The idempotency keys of ended reservations are not loaded on activation.
    KeysNotLoaded,
    /// A key that is not in memory counts as unused, without a look into the store.
    KeysNotLookedUp,
    /// Keys are left to the store before it has them.
    KeysLeftTooEarly,
    /// A hold is judged by the time when its command is decided, not when it came.
    JudgedLate,
    /// An owner goes by its node's clock.
    OwnClock,
    /// It is not written down when an event is due.
    NotDue,
    /// An event is shown as it will be, before its batch is committed.
    ShownBeforeCommit,
    /// The answers leave before their batch is committed.
    ToldBeforeCommit,
    /// Rejections leave before the batch is committed that they may rest on.
    RefusedBeforeCommit,
    /// An owner that takes its state from the store again keeps its epoch.
    EpochNotRaised,
    /// A hold runs out, and its seats stay claimed.
    ClaimNotReleased,
    /// A publication is shown though a later version was.
    PublicationGoesBack,
    /// A drain forgets the commands that wait.
    DrainForgets,
    /// A command that another node may have carried out is sent to this one, too.
    TakesOverUnanswered,
    /// Time goes back when the clock does, also in the journal.
    TimeGoesBack,
    /// Commands are decided before all holds that are due have ended.
    DueHoldsLater,
    /// An owner that another node has replaced does not notice while nobody writes.
    NeverGivesUp,
    /// A crash while a batch is at the store is said to have done nothing.
    CrashIsNotDone,
}

#[cfg(feature = "mutations")]
impl Mutation {
    /// Every one.
    pub const ALL: [Self; 22] = [
        Self::NoFence,
        Self::NoEpochLook,
        Self::UnknownIsAborted,
        Self::InDoubtByPlace,
        Self::KeysNotLoaded,
        Self::KeysNotLookedUp,
        Self::KeysLeftTooEarly,
        Self::JudgedLate,
        Self::OwnClock,
        Self::NotDue,
        Self::ShownBeforeCommit,
        Self::ToldBeforeCommit,
        Self::RefusedBeforeCommit,
        Self::EpochNotRaised,
        Self::ClaimNotReleased,
        Self::PublicationGoesBack,
        Self::DrainForgets,
        Self::TakesOverUnanswered,
        Self::TimeGoesBack,
        Self::DueHoldsLater,
        Self::NeverGivesUp,
        Self::CrashIsNotDone,
    ];
}

#[cfg(feature = "mutations")]
thread_local! {
    static BROKEN: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

/// Breaks a rule on this thread, or none.
#[cfg(feature = "mutations")]
pub fn mutate(mutation: Option<Mutation>) {
    BROKEN.set(mutation);
}

/// Whether this rule is broken on this thread.
#[cfg(feature = "mutations")]
pub fn mutated(mutation: Mutation) -> bool {
    BROKEN.get() == Some(mutation)
}

/// Whether this rule is broken: never.
#[cfg(not(feature = "mutations"))]
#[inline(always)]
pub const fn mutated(_: Mutation) -> bool {
    false
}
