//! A client's command on its way to the node that decides it.

mod forward;

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use engine::route::{PeerFault, decide};
use engine::{CallError, Engine, EventId};

use self::forward::{Origin, To};
use crate::cluster::{Cluster, PassedOn};
use crate::log_fields::LogFields;
use crate::state::AppState;
use crate::wire::problem::{Code, Problem};

/// What a handler hands a command to: it is tried here, passed on to its event's owner, or the event taken
/// over.
pub struct CommandRoute {
    state: web::Data<AppState>,
    /// How often other nodes have passed the request on.
    hops: u8,
    /// What to pass on, where there are other nodes.
    origin: Option<(Cluster, Origin)>,
    log_fields: Rc<LogFields>,
}

impl FromRequest for CommandRoute {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(state) = request.app_data::<web::Data<AppState>>() else {
            return ready(Err(Problem::new(Code::Internal, "the server has no state")));
        };
        let origin = state.cluster.clone().zip(Origin::of(request));
        let passed_on = request.extensions().get::<Option<PassedOn>>().copied().flatten();
        let hops = passed_on.map_or(0, |passed_on| passed_on.hops);
        ready(Ok(Self { state: state.clone(), hops, origin, log_fields: LogFields::of(request) }))
    }
}

impl CommandRoute {
    async fn with_labels(&self, problem: Problem, event_id: EventId) -> Problem {
        match self.state.engine.event(event_id).await {
            Ok(event) => problem.with_labels(&event.info.seating.layout),
            Err(_) => problem,
        }
    }

    /// Has a command about an event decided. `here` asks an engine of this node; `body` is the request's, to
    /// be passed on.
    pub async fn decide(
        &self,
        event_id: EventId,
        body: Bytes,
        here: impl AsyncFn(Engine) -> Result<HttpResponse, CallError>,
    ) -> Result<HttpResponse, Problem> {
        self.log_fields.set_event(event_id);
        let there = async |owner: String, hops| match &self.origin {
            Some((cluster, origin)) => {
                let to = To { node: &owner, hops, now: self.state.engine.now() };
                origin.pass_on(cluster, to, body.clone()).await
            }
            None => Err(PeerFault::Unreached("this node is alone".to_owned())),
        };
        let answer = decide(&self.state.engine, self.hops, here, there).await;
        match answer.map_err(|error| Problem::from_call(error, event_id)) {
            Err(problem) if problem.has_seats() => Err(self.with_labels(problem, event_id).await),
            answer => answer,
        }
    }
}
