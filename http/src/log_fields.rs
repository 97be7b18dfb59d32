//! What the log's line of a request has besides the request itself: who asked, and about what. The outermost
//! middleware leaves it in the request, and what comes after fills it in.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::HttpMessage;
use actix_web::http::header::{HeaderMap, LOCATION};
use engine::{EventId, ReservationId};

use crate::auth::Identity;

/// How much of what a client chose stands in a line.
const MOST_BYTES: usize = 256;

/// What a client chose, as it stands in the log.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_BYTES)]
}

/// Who asked, and about which event.
#[derive(Default)]
pub struct LogFields {
    identity: Cell<Option<Identity>>,
    event_id: Cell<Option<EventId>>,
}

impl LogFields {
    /// Of a request, from now on.
    pub(crate) fn attach(request: &impl HttpMessage) -> Rc<Self> {
        let fields = Rc::new(Self::default());
        request.extensions_mut().insert(Rc::clone(&fields));
        fields
    }

    /// Of a request, in case it has them.
    pub(crate) fn of(request: &impl HttpMessage) -> Rc<Self> {
        request.extensions().get::<Rc<Self>>().cloned().unwrap_or_default()
    }

    pub(crate) fn set_identity(&self, identity: Identity) {
        self.identity.set(Some(identity));
    }

    pub(crate) fn set_event(&self, event_id: EventId) {
        self.event_id.set(Some(event_id));
    }

    /// `None`: the request was refused before that was known, or did not need it.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.get()
    }

    /// The event and the reservation that a request was about: by its path, by what it made, or by its body.
    pub(crate) fn subject(&self, path: &str, answer: &HeaderMap) -> (Option<EventId>, Option<ReservationId>) {
        let made = answer.get(LOCATION).and_then(|location| location.to_str().ok());
        let (event_id, reservation_id) = [Some(path), made].into_iter().flatten().map(named).fold(
            (None, None),
            |(event, reservation), (next_event, next_reservation)| {
                (event.or(next_event), reservation.or(next_reservation))
            },
        );
        (self.event_id.get().or(event_id), reservation_id)
    }
}

/// The ids in a path of the API.
fn named(path: &str) -> (Option<EventId>, Option<ReservationId>) {
    let mut segments = path.trim_start_matches("/api/v1").split('/').skip(1);
    match (segments.next(), segments.next()) {
        (Some("events"), Some(id)) => (id.parse().ok(), None),
        (Some("reservations"), Some(id)) => {
            let id: Option<ReservationId> = id.parse().ok();
            (id.map(ReservationId::event_id), id)
        }
        _ => (None, None),
    }
}
