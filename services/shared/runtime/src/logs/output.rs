//! Where lines go: stdout, one at a time, or under load many with one write.
//!
//! A write for each line costs a service that is busy more than making the line, since it wakes up whoever reads. So while
//! lines come fast, those that can wait are gathered for a hundredth of a second. A line that comes alone is written at once,
//! and so is a warning, after everything before it: what explains the end of a process is there.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a line may wait, and how far apart lines are that do not wait.
const WAIT: Duration = Duration::from_millis(10);
/// More than this is written by whoever brings it: a reader that is too slow holds up the service instead of filling its memory.
const GATHERED_BYTES_MAX: usize = 64 * 1024;

/// Lines on their way to `W`.
pub(super) struct Output<W> {
    gathered: Mutex<Gathered<W>>,
    is_gathering: AtomicBool,
    /// The first line has come that waits.
    waiting: Condvar,
}

struct Gathered<W> {
    lines: Vec<u8>,
    written_at: Option<Instant>,
    to: W,
}

static STDOUT: OnceLock<Output<io::Stdout>> = OnceLock::new();

impl Output<io::Stdout> {
    pub(super) fn stdout() -> &'static Self {
        STDOUT.get_or_init(|| Self::new(io::stdout()))
    }
}

/// Lines that come fast may wait from now on, until this is dropped. For a process that runs on between requests: one that is
/// frozen after each answer, as in Lambda, would keep its lines to itself.
pub(crate) fn gather() -> Gathering {
    let output = Output::stdout();
    let started = std::thread::Builder::new()
        .name("log lines".to_owned())
        .spawn(|| output.write_what_waits());
    output
        .is_gathering
        .store(started.is_ok(), Ordering::Relaxed);
    Gathering
}

/// While it is there, lines may wait.
pub(crate) struct Gathering;

impl Drop for Gathering {
    fn drop(&mut self) {
        let output = Output::stdout();
        output.is_gathering.store(false, Ordering::Relaxed);
        output.lock().write_all();
    }
}

impl<W: Write> Output<W> {
    fn new(to: W) -> Self {
        Self {
            gathered: Mutex::new(Gathered {
                lines: Vec::new(),
                written_at: None,
                to,
            }),
            is_gathering: AtomicBool::new(false),
            waiting: Condvar::new(),
        }
    }

    /// Takes one whole line.
    pub(super) fn write(&self, line: &[u8], is_urgent: bool) {
        let mut gathered = self.lock();
        let is_first = gathered.lines.is_empty();
        gathered.lines.extend_from_slice(line);
        let is_recent = gathered.written_at.is_some_and(|at| at.elapsed() < WAIT);
        let may_wait = self.is_gathering.load(Ordering::Relaxed)
            && !is_urgent
            && gathered.lines.len() < GATHERED_BYTES_MAX;
        if !may_wait || (is_first && !is_recent) {
            gathered.write_all();
        } else if is_first {
            self.waiting.notify_one();
        }
    }

    fn write_what_waits(&self) {
        loop {
            let gathered = self
                .waiting
                .wait_while(self.lock(), |gathered| gathered.lines.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            drop(gathered);
            std::thread::sleep(WAIT);
            self.lock().write_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered<W>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Gathered<W> {
    fn write_all(&mut self) {
        // There is nowhere to report that the log itself cannot be written.
        let _written = self
            .to
            .write_all(&self.lines)
            .and_then(|()| self.to.flush());
        self.lines.clear();
        self.written_at = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Remembers each write.
    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<String>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.0.lock().unwrap().push(text);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output() -> (Output<Writes>, impl Fn() -> Vec<String>) {
        let writes = Writes::default();
        let seen = writes.clone();
        let taken = move || std::mem::take(&mut *seen.0.lock().unwrap());
        (Output::new(writes), taken)
    }

    #[test]
    fn every_line_is_written_at_once_where_none_may_wait() {
        let (output, taken) = output();
        for line in ["a\n", "b\n"] {
            output.write(line.as_bytes(), false);
        }
        assert_eq!(taken(), ["a\n", "b\n"]);
    }

    #[test]
    fn lines_that_come_fast_wait_and_warnings_do_not() {
        let (output, taken) = output();
        output.is_gathering.store(true, Ordering::Relaxed);
        output.write(b"alone\n", false);
        assert_eq!(taken(), ["alone\n"]);
        // As if the test were never held up.
        output.lock().written_at = Some(Instant::now() + Duration::from_secs(60));
        output.write(b"second\n", false);
        output.write(b"third\n", false);
        assert_eq!(taken(), [""; 0]);
        output.write(b"warning\n", true);
        assert_eq!(taken(), ["second\nthird\nwarning\n"]);
    }

    #[test]
    fn what_waits_is_written_soon_and_memory_has_an_end() {
        let (output, taken) = output();
        output.is_gathering.store(true, Ordering::Relaxed);
        let output = Arc::new(output);
        let writer = Arc::clone(&output);
        // It waits for lines for as long as the process runs.
        std::thread::spawn(move || writer.write_what_waits());
        output.write(b"first\n", false);
        output.write(b"second\n", false);
        let started = Instant::now();
        let mut written = String::new();
        while written != "first\nsecond\n" {
            assert!(started.elapsed() < Duration::from_secs(20), "{written}");
            std::thread::sleep(Duration::from_millis(1));
            written.extend(taken());
        }
        let line = "x".repeat(1_000) + "\n";
        for _ in 0..1_000 {
            output.write(line.as_bytes(), false);
            assert!(output.lock().lines.len() < GATHERED_BYTES_MAX);
        }
    }
}
