//! What a person at a terminal is told when the server starts: where to look, and in development how to try
//! it.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;

use engine::{Engine, EventView, SeatId, SeatNo, SeatStatus};
use holdfast_http::config::{Config, Environment};
use holdfast_http::release;

use crate::terminal::say;

/// Among how many events, the newest, one with a free seat is looked for.
const LOOKED_AT: u32 = 20;

/// Greets, if standard output is a terminal. In one piece: the log is written to the same terminal.
pub(crate) async fn greet(config: &Config, engine: &Engine, address: SocketAddr, env_file: Option<&Path>) {
    if !io::stdout().is_terminal() {
        return;
    }
    let base = format!("http://{address}");
    let mut lines = vec![
        format!("Holdfast {}", release::VERSION),
        format!("  API         {base}/api/v1/events"),
        format!("  Swagger UI  {base}/swagger/index.html"),
    ];
    lines.extend(env_file.map(|path| format!("  Settings    {}", path.display())));
    if config.environment == Environment::Development
        && let Some(seat_id) = free_seat(engine).await
    {
        // A key of somebody's own is not shown.
        let key = config.published_user_key().unwrap_or("$USER_API_KEY");
        let body = format!(r#"{{"event_id": "{}", "seat_ids": ["{seat_id}"]}}"#, seat_id.event_id());
        lines.push(format!("  Try         curl -s {base}/api/v1/reservations -H \"X-API-Key: {key}\" \\"));
        lines.push(format!("                -H 'Content-Type: application/json' -d '{body}'"));
    }
    say(&lines.join("\n"));
}

/// A seat that can be had now.
async fn free_seat(engine: &Engine) -> Option<SeatId> {
    let now = engine.now();
    let has_free = |event: &EventView| {
        let seats = event.info.seating.seats();
        event.counts.reserved + event.counts.confirmed < seats && event.info.details.end_at > now
    };
    let events = engine.events(None, LOOKED_AT).await.ok()?;
    for event in events.iter().filter(|event| has_free(event)) {
        let map = engine.seat_map(event.info.id).await.ok()?;
        let mut seats = (1..).zip(&map.statuses);
        if let Some((seat_no, _)) = seats.find(|(_, status)| **status == SeatStatus::Available) {
            return Some(event.info.id.seat(seat_no as SeatNo));
        }
    }
    None
}
