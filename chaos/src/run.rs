//! One run: load, faults, recovery, and the verdict.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use engine::{EventId, UserId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::client::Client;
use crate::cluster::{Cluster, SetupError};
use crate::fault::{Fault, Target};
use crate::load::{Customers, SEATS};
use crate::records::{ReadError, Records};
use checker::history::{Answer, Ask, Call, Log};
use checker::{EventRecord, Tolerances, check};

/// A slow machine, and an owner that was paused and shows its last state until it notices that it was
/// superseded.
const TOLERANCES: Tolerances = Tolerances { expiry: Duration::from_secs(12), view: Duration::from_secs(5) };

/// How long holds last, one event each.
const HOLD_TTLS_S: [u32; 3] = [2, 3, 5];
const WARM_UP: Duration = Duration::from_millis(1_500);
const AFTERGLOW: Duration = Duration::from_secs(2);
const SETTLE_PATIENCE: Duration = Duration::from_secs(25);
/// So old may be what a node shows of an event that another one owns.
const MAX_READ_AGE: Duration = Duration::from_secs(1);
/// How many of the last requests to each node must succeed.
const LAST_REQUESTS: u32 = 20;
/// A run in which hardly anything succeeded proves nothing.
const MIN_SUCCESSES: usize = 100;

/// What to do to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// One kind of fault, again and again.
    Alone(Fault),
    /// These, by the seed, sometimes two at a time.
    Mixed(Vec<Fault>),
}

impl Plan {
    /// Whether nodes are only ever asked to stop: then no request behind a load balancer may fail.
    fn is_graceful(&self) -> bool {
        matches!(self, Self::Alone(Fault::Sigterm | Fault::RollingRestart))
    }
}

/// What came of a run.
pub struct Report {
    /// What was done to the cluster.
    pub plan: String,
    /// How often a fault struck.
    pub strikes: u32,
    /// Commands that were carried out.
    pub successes: usize,
    /// Commands that the rules refused.
    pub rejections: usize,
    /// Requests that were answered 503, or not at all.
    pub unanswered: usize,
    /// The longest time between two decisions, under load.
    pub longest_gap: Duration,
    /// Whether everything held.
    pub verdict: Verdict,
}

/// Whether everything held.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All rules held.
    Pass,
    /// These did not.
    Fail(Vec<String>),
    /// It could not be found out.
    Unknown(String),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "FAIL",
            Verdict::Unknown(_) => "UNKNOWN",
        };
        write!(
            f,
            "{:<28} {:>7} {:>9} {:>10} {:>10} {:>8.2} s  {verdict}",
            self.plan,
            self.strikes,
            self.successes,
            self.rejections,
            self.unanswered,
            self.longest_gap.as_secs_f64(),
        )
    }
}

/// The head of a table of reports.
pub fn table_head() -> String {
    format!(
        "{:<28} {:>7} {:>9} {:>10} {:>10} {:>10}  verdict",
        "fault", "strikes", "done", "rejected", "no answer", "longest gap"
    )
}

/// Runs load and faults on new events of the cluster for `duration`, then judges.
pub async fn run(
    cluster: &Cluster,
    plan: &Plan,
    duration: Duration,
    seed: u64,
) -> Result<Report, SetupError> {
    let log = Log::default();
    let client = Client::new(cluster.nodes.iter().map(|node| node.url()).collect(), log.clone())?;
    let mut events = Vec::new();
    for hold_ttl_s in HOLD_TTLS_S {
        events.push(client.create_event(SEATS, hold_ttl_s).await?);
    }

    let customers = if plan.is_graceful() {
        Customers::start(&client.balanced(), &events, seed)
    } else {
        Customers::start(&client, &events, seed)
    };
    tokio::time::sleep(WARM_UP).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let target = Target { cluster, events: &events, log: &log };
    let mut problems = Vec::new();
    let strikes = strike_for(duration, plan, &target, &mut rng, &mut problems).await;
    let healed = cluster.heal().await;
    tokio::time::sleep(AFTERGLOW).await;
    let load_ended = client.elapsed();
    customers.stop().await;
    let under_load = log.calls();

    if plan.is_graceful() {
        problems.extend(failed_requests(&under_load));
    }
    // A node that does not come back is a finding, and so is what follows from it.
    if let Err(error) = healed {
        problems.push(format!("not healed: {error}"));
    }
    ask_last_requests(&client, &events, &mut problems).await;
    let verdict = match judge(cluster, &client, &events, problems).await {
        Ok(verdict) => verdict,
        Err(error) => Verdict::Unknown(error.to_string()),
    };
    Ok(report(plan, strikes, &under_load, load_ended, verdict))
}

async fn strike_for(
    duration: Duration,
    plan: &Plan,
    target: &Target<'_>,
    rng: &mut StdRng,
    problems: &mut Vec<String>,
) -> u32 {
    let ends_at = tokio::time::Instant::now() + duration;
    let mut strikes = 0;
    while tokio::time::Instant::now() < ends_at {
        let struck = match plan {
            Plan::Alone(fault) => target.strike(*fault, rng).await,
            Plan::Mixed(faults) => strike_mixed(faults, target, rng).await,
        };
        match struck {
            Ok(has_struck) => strikes += u32::from(has_struck),
            Err(error) => problems.push(error.to_string()),
        }
        let pause_ms = rng.random_range(300..1_200);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        if let Err(error) = target.cluster.heal().await {
            problems.push(format!("not healed: {error}"));
            break;
        }
    }
    if strikes == 0 {
        problems.push("the fault never struck".to_owned());
    }
    strikes
}

async fn strike_mixed(faults: &[Fault], target: &Target<'_>, rng: &mut StdRng) -> Result<bool, SetupError> {
    let Some(&first) = faults.choose(rng) else { return Ok(false) };
    let second = faults.choose(rng).copied().filter(|&second| second != first && rng.random_bool(0.5));
    println!(
        "  {} {}",
        first.name(),
        second.map(|second| format!("with {}", second.name())).unwrap_or_default()
    );
    let Some(second) = second else { return target.strike(first, rng).await };
    let mut other_rng = StdRng::seed_from_u64(rng.random());
    let later = Duration::from_millis(rng.random_range(0..500));
    let delayed = async {
        tokio::time::sleep(later).await;
        target.strike(second, &mut other_rng).await
    };
    // Of two at a time, one can take away what the other needs: a server that is down takes no commands.
    let (_, _) = tokio::join!(target.strike(first, rng), delayed);
    Ok(true)
}

fn failed_requests(calls: &[Call]) -> Option<String> {
    let mut failed = calls.iter().filter(|call| !call.answer.is_decided());
    let first = failed.next()?;
    Some(format!("{} requests failed in a graceful stop, first {first}", 1 + failed.count()))
}

/// Now that nothing is broken, each node must serve, at the first try.
async fn ask_last_requests(client: &Client, events: &[EventId], problems: &mut Vec<String>) {
    for node in 0..client.nodes() {
        for number in 0..LAST_REQUESTS {
            let event_id = events[number as usize % events.len()];
            let ask = Ask::Reserve {
                event_id,
                user_id: UserId::new(Uuid::from_u128(99)),
                seats: vec![number % SEATS + 1],
                key: format!("last-{node}-{number}"),
            };
            let answer = client.ask(&Arc::new(ask), node, 0).await;
            if !answer.is_decided() {
                problems.push(format!("request {number} of the last to node {node}: {answer:?}"));
            }
            if let Answer::Done(seen) = answer {
                client.ask(&Arc::new(Ask::Cancel(seen.id)), node, 0).await;
            }
        }
        for &event_id in events {
            client.ask(&Arc::new(Ask::View(event_id)), node, 0).await;
        }
    }
}

async fn judge(
    cluster: &Cluster,
    client: &Client,
    events: &[EventId],
    mut problems: Vec<String>,
) -> Result<Verdict, ReadError> {
    let records = Records::connect(&cluster.postgres.url()).await?;
    records.wait_until_settled(events, SETTLE_PATIENCE).await?;
    let calls = client.log().calls();
    let mut stored = records.read(events).await?;
    tokio::time::sleep(MAX_READ_AGE).await;
    if let Err(error) = read_seat_maps(client, &mut stored).await {
        return Ok(Verdict::Unknown(error.to_string()));
    }
    let found = check(&calls, &stored, cluster.now(), &TOLERANCES);
    problems.extend(found.iter().map(ToString::to_string));
    problems.extend(records.verify().await?.iter().map(ToString::to_string));
    match cluster.panics() {
        Ok(panics) => problems.extend(panics.into_iter().map(|panic| format!("invariant 9: {panic}"))),
        Err(error) => return Ok(Verdict::Unknown(error.to_string())),
    }
    let successes = calls.iter().filter(|call| is_success(call)).count();
    if successes < MIN_SUCCESSES {
        problems
            .push(format!("only {successes} commands were carried out, at least {MIN_SUCCESSES} must be"));
    }
    Ok(if problems.is_empty() { Verdict::Pass } else { Verdict::Fail(problems) })
}

async fn read_seat_maps(client: &Client, events: &mut [EventRecord]) -> Result<(), SetupError> {
    for event in events {
        for node in 0..client.nodes() {
            event.seat_maps.push(client.seat_map(node, event.tables.event.info.id).await?);
        }
    }
    Ok(())
}

fn is_success(call: &Call) -> bool {
    call.ask.is_command() && matches!(call.answer, Answer::Done(_))
}

fn report(plan: &Plan, strikes: u32, calls: &[Call], load_ended: Duration, verdict: Verdict) -> Report {
    let mut decided: Vec<Duration> = calls
        .iter()
        .filter(|call| call.ask.is_command() && call.answer.is_decided() && call.ended_at <= load_ended)
        .map(|call| call.ended_at)
        .collect();
    decided.push(load_ended);
    decided.sort_unstable();
    let gaps = decided.windows(2).map(|pair| pair[1] - pair[0]);
    let count = |matches: fn(&Call) -> bool| calls.iter().filter(|call| matches(call)).count();
    Report {
        plan: match plan {
            Plan::Alone(fault) => fault.name(),
            Plan::Mixed(_) => "mixed".to_owned(),
        },
        strikes,
        successes: count(is_success),
        rejections: count(|call| matches!(call.answer, Answer::Rejected { .. })),
        unanswered: count(|call| matches!(call.answer, Answer::NotDone(_) | Answer::Nothing(_))),
        longest_gap: gaps.max().unwrap_or_default(),
        verdict,
    }
}
