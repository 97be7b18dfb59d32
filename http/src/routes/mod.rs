//! The calls, one file per resource. A handler reads top to bottom: parse, ask the engine, answer.

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

pub mod charts;
pub mod events;
pub mod health;
pub mod reservations;
pub mod seats;
pub mod users;
pub mod venue;

/// Where the API stands.
pub(crate) const API: &str = "/api/v1";

/// Every call that is documented, without what stands before it.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.service(utoipa_actix_web::scope(API).configure(configure_api)).configure(configure_root);
}

/// The calls under `/api/v1`; those that are called most come first.
pub(crate) fn configure_api(config: &mut ServiceConfig) {
    config
        .service(reservations::reserve)
        .service(reservations::confirm)
        .service(reservations::cancel)
        .service(reservations::extend)
        .service(reservations::get)
        .service(seats::list)
        .service(events::list)
        .service(events::get)
        .service(events::create)
        .service(events::amend)
        .service(events::delete)
        .service(seats::statuses)
        .service(venue::get_layout)
        .service(venue::add_sections)
        .service(venue::get_allocations)
        .service(venue::set_allocations)
        .service(venue::add_allocations)
        .service(charts::list)
        .service(charts::get)
        .service(charts::chart_map)
        .service(charts::create)
        .service(users::reservations)
        .service(health::health)
        .route("/metrics", web::get().to(health::answer_metrics));
}

/// The calls at the root: for orchestrators and Prometheus.
pub(crate) fn configure_root(config: &mut ServiceConfig) {
    config.service(health::livez).service(health::readyz).service(health::metrics);
}

/// The second names at the root.
pub(crate) fn configure_aliases(config: &mut web::ServiceConfig) {
    config.route("/health", web::get().to(health::answer_health));
}
