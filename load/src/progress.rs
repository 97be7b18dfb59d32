//! A progress bar on standard error, where that is a terminal.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use crate::stats::Recorder;

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    /// `duration` may be an estimate: the bar stays full when it is over.
    pub(crate) fn show(recorder: &Arc<Recorder>, duration: Duration) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let recorder = Arc::clone(recorder);
        Self(Some(tokio::spawn(draw(recorder, duration))))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn draw(recorder: Arc<Recorder>, duration: Duration) {
    let bar = ProgressBar::new(duration.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {elapsed} {msg}") {
        bar.set_style(style);
    }
    let begin = Instant::now();
    let (mut before, mut before_at) = (0, begin);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (done, refused, failed) = recorder.counts();
        let now = Instant::now();
        let rate = (done - before) as f64 / (now - before_at).as_secs_f64();
        bar.set_position(((now - begin).as_millis() as u64).min(duration.as_millis() as u64));
        bar.set_message(format!("{rate:.0}/s, {done} done, {refused} refused, {failed} failed"));
        (before, before_at) = (done, now);
    }
}
