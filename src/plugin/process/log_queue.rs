//! Log lines on their way to standard error. The host reads them from a pipe: if it reads slowly, or not
//! at all, lines are left out and counted, and no request waits for it.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest lines that wait together, in bytes.
const MAX_WAITING: usize = 1024 * 1024;
/// How long the end of the process waits for the last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Lines that wait for the thread that writes them.
#[derive(Default)]
pub(crate) struct LogQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    left_out: u64,
    is_closed: bool,
    is_written: bool,
}

impl LogQueue {
    /// Adds a line, or leaves it out. It never waits for whoever reads the lines.
    pub(crate) fn add(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if line.len() > MAX_WAITING.saturating_sub(waiting.lines.len()) {
            waiting.left_out = waiting.left_out.saturating_add(1);
        } else {
            waiting.lines.extend_from_slice(line);
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// Writes lines until the queue is closed. `notice` is the line that tells how many were left out. When
    /// the host is gone there is nobody to tell about a failure.
    pub(crate) fn write_to(&self, mut sink: impl Write, notice: impl Fn(u64) -> Vec<u8>) {
        loop {
            let idle = |waiting: &mut Waiting| {
                waiting.lines.is_empty() && waiting.left_out == 0 && !waiting.is_closed
            };
            let waiting = self.changed.wait_while(self.waiting(), idle);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            let (lines, left_out) =
                (std::mem::take(&mut waiting.lines), std::mem::take(&mut waiting.left_out));
            if lines.is_empty() && left_out == 0 {
                waiting.is_written = true;
                drop(waiting);
                self.changed.notify_all();
                return;
            }
            drop(waiting);
            let _ = sink.write_all(&lines);
            if left_out > 0 {
                let _ = sink.write_all(&notice(left_out));
            }
        }
    }

    fn close(&self) {
        self.waiting().is_closed = true;
        self.changed.notify_all();
        let unwritten = |waiting: &mut Waiting| !waiting.is_written;
        drop(self.changed.wait_timeout_while(self.waiting(), LAST_LINES, unwritten));
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits, when it is dropped, until the last lines are written; not for long.
pub(crate) struct LastLines(pub(crate) Arc<LogQueue>);

impl Drop for LastLines {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader that takes each piece only when it is told to.
    struct Reluctant {
        leave: Receiver<()>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Reluctant {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.leave.recv().map_err(io::Error::other)?;
            self.taken.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_nobody_and_is_told_what_was_left_out() {
        const LINE: usize = 1024;
        let queue = Arc::new(LogQueue::default());
        let (go, leave) = channel();
        let (taken, pieces) = channel();
        let writer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            let notice = |count: u64| format!("{count} left out\n").into_bytes();
            move || queue.write_to(Reluctant { leave, taken }, notice)
        });
        let line = [b'x'; LINE];
        for _ in 0..2 * MAX_WAITING / LINE + 7 {
            queue.add(&line);
        }
        // Wherever the writer was: what it took at once and what waited are within the bound.
        drop((0..16).map(|_| go.send(())).collect::<Vec<_>>());
        let last = LastLines(queue);
        drop(last);
        drop(go);
        writer.join().unwrap();
        let pieces: Vec<Vec<u8>> = pieces.iter().collect();
        let notices: Vec<String> = pieces
            .iter()
            .filter(|piece| piece.ends_with(b"left out\n"))
            .map(|piece| String::from_utf8(piece.clone()).unwrap())
            .collect();
        let left_out: usize =
            notices.iter().map(|notice| notice.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
        let written: usize = pieces.iter().filter(|piece| piece.starts_with(b"x")).map(Vec::len).sum();
        assert_eq!(written / LINE + left_out, 2 * MAX_WAITING / LINE + 7, "each is written or counted");
        assert!(left_out >= 7, "{left_out}");
    }

    #[test]
    fn the_last_lines_are_written_before_the_end() {
        let queue = Arc::new(LogQueue::default());
        let written = Arc::new(Mutex::new(Vec::new()));
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let last = LastLines(Arc::clone(&queue));
        queue.add(b"a\n");
        let sink = Sink(Arc::clone(&written));
        let writer = std::thread::spawn(move || queue.write_to(sink, |_| Vec::new()));
        last.0.add(b"b\n");
        drop(last);
        assert_eq!(*written.lock().unwrap(), b"a\nb\n");
        writer.join().unwrap();
    }
}
