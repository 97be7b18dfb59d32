//! The names of the server's metrics with their descriptions, and the handles to them.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use metrics::{Counter, Histogram, Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use crate::release;

/// Answered requests by route, method and status.
pub const REQUESTS: &str = "holdfast_http_requests_total";
/// Seconds from a request's headers to its answer, by route and method.
pub const REQUEST_SECONDS: &str = "holdfast_http_request_seconds";
/// Refused requests by the code of the problem.
pub const REFUSALS: &str = "holdfast_refusals_total";
/// Connections that were closed on clients, by what they were too slow at or too many of.
pub const CLOSED: &str = "holdfast_http_connections_closed_total";
/// Lines of the log that did not fit into its queue.
pub const LOG_LINES_DROPPED: &str = "holdfast_log_lines_dropped_total";
/// Always 1: its labels name the release.
pub const BUILD_INFO: &str = "holdfast_build_info";

/// The metrics of the process (`process_…`), as Prometheus names them for every program.
static PROCESS: LazyLock<Collector> = LazyLock::new(Collector::default);

const SECONDS_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.0, 2.5, 10.0];
const COUNT_BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Methods that get a label of their own; the rest of what clients may think up shares the last.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "other"];
const STATUSES: [u16; 17] =
    [200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 503];

/// Installs the recorder of this process, once, before any handle is made.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Full(engine::metric::BATCH_CHANGES.to_owned()), &COUNT_BUCKETS)?
        .install_recorder()?;
    describe();
    let commit = release::COMMIT.unwrap_or("unknown");
    gauge!(BUILD_INFO, "version" => release::VERSION, "commit" => commit).set(1.0);
    Ok(handle)
}

/// Reads how the process is; before its metrics are shown.
pub(crate) fn read_process() {
    PROCESS.collect();
}

/// Counts a refusal.
pub(crate) fn count_refusal(code: String) {
    counter!(REFUSALS, "code" => code).increment(1);
}

/// Counts a connection that is closed on its client: for a `head`, a `body` or an `answer` that took too
/// long, or for the number of connections that its `address` has.
pub(crate) fn count_closed(reason: &'static str) {
    counter!(CLOSED, "reason" => reason).increment(1);
}

/// Counts a line of the log that is not written.
pub(crate) fn count_dropped_line() {
    counter!(LOG_LINES_DROPPED).increment(1);
}

fn describe() {
    engine::metric::describe();
    PROCESS.describe();
    metrics::describe_gauge!(BUILD_INFO, "Always 1: the labels name the release");
    metrics::describe_counter!(REFUSALS, Unit::Count, "Refused requests by the code of the problem");
    metrics::describe_counter!(REQUESTS, Unit::Count, "Answered requests by route, method and status");
    metrics::describe_counter!(
        CLOSED,
        Unit::Count,
        "Connections that were closed on slow or numerous clients"
    );
    metrics::describe_counter!(LOG_LINES_DROPPED, Unit::Count, "Lines of the log that nobody took in time");
    metrics::describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "From a request's headers to its answer, by route and method"
    );
}

/// The metrics of one route; handles are made on first use and kept, so that a request looks no name up.
pub struct RouteMetrics {
    template: Arc<str>,
    methods: [OnceLock<MethodMetrics>; METHODS.len()],
}

struct MethodMetrics {
    latency: Histogram,
    requests: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    pub(crate) fn new(template: &str) -> Self {
        Self { template: template.into(), methods: Default::default() }
    }

    /// Counts an answer.
    pub fn record(&self, method: &Method, status: StatusCode, latency: Duration) {
        let index = METHODS.iter().position(|name| *name == method.as_str()).unwrap_or(METHODS.len() - 1);
        let method = METHODS[index];
        let metrics = self.methods[index].get_or_init(|| MethodMetrics {
            latency: histogram!(REQUEST_SECONDS, "route" => Arc::clone(&self.template), "method" => method),
            requests: Default::default(),
        });
        metrics.latency.record(latency.as_secs_f64());
        match STATUSES.iter().position(|known| *known == status.as_u16()) {
            Some(index) => {
                metrics.requests[index].get_or_init(|| self.counter(method, status)).increment(1);
            }
            None => self.counter(method, status).increment(1),
        }
    }

    fn counter(&self, method: &'static str, status: StatusCode) -> Counter {
        let route = Arc::clone(&self.template);
        counter!(REQUESTS, "route" => route, "method" => method, "status" => status.as_str().to_owned())
    }
}
