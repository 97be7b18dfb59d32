//! The lines of the log on their way to the thread that writes them: bounded in bytes, since whoever reads
//! the log may stop. What does not fit is dropped, and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

use crate::metric;

/// What a line takes besides its text.
const LINE_BYTES: usize = 64;

/// Where lines go in.
#[derive(Clone)]
pub struct LogQueue {
    waiting: Waiting,
    most: usize,
    lines: NonBlocking,
}

/// How many bytes wait.
type Waiting = Arc<AtomicUsize>;

/// Where lines come out, in the thread that writes them.
struct Output<W> {
    waiting: Waiting,
    writer: W,
}

impl LogQueue {
    /// A queue of at most so many bytes, which ends in `writer`. What waits is written when the guard is
    /// dropped.
    pub fn new(writer: impl Write + Send + 'static, most: usize) -> (Self, WorkerGuard) {
        let waiting = Waiting::default();
        let output = Output { waiting: Arc::clone(&waiting), writer };
        // So many lines are never reached.
        let lines = NonBlockingBuilder::default().buffered_lines_limit(most / LINE_BYTES + 1);
        let (lines, guard) = lines.finish(output);
        (Self { waiting, most, lines }, guard)
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let grow =
            |waiting: usize| Some(waiting + line.len() + LINE_BYTES).filter(|waiting| *waiting <= self.most);
        if self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow).is_err() {
            metric::count_dropped_line();
            return Ok(line.len());
        }
        self.lines.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Write for Output<W> {
    /// A line, whole.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.writer.write_all(line);
        self.waiting.fetch_sub(line.len() + LINE_BYTES, Ordering::Relaxed);
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Writes when it is let.
    struct Slow {
        may: Receiver<()>,
        written: Sender<usize>,
    }

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.may.recv();
            self.written.send(line.len()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_takes_are_dropped_past_the_bound() {
        let ((let_it, may), (written, lines)) = (channel(), channel());
        let (mut queue, guard) = LogQueue::new(Slow { may, written }, 10_000);
        for _ in 0..100 {
            queue.write_all(&[b'x'; 936]).expect("it never fails");
        }
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 10_000);
        drop(let_it);
        drop(guard);
        assert_eq!(lines.try_iter().collect::<Vec<_>>(), [936; 10]);
        assert_eq!(queue.waiting.load(Ordering::Relaxed), 0);
    }
}
