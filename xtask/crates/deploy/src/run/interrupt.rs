//! Ctrl-C: no to an open question, and otherwise the wish to stop waiting.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;

/// How long a signal may be on its way.
const SIGNAL_DELAY: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Interrupt {
    asking: AtomicBool,
    begun: AtomicBool,
}

impl Interrupt {
    /// From here on, something is changed.
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Waits for Ctrl-C that is meant for the whole deploy. True when something had been begun by then.
    pub(super) async fn stops_waiting(&self) -> bool {
        loop {
            ctrl_c().await;
            // The question has heard the same Ctrl-C. One more is not for it.
            if !self.asking.swap(false, Ordering::Relaxed) {
                break;
            }
        }
        // Once more ends the program, however far it has tidied up.
        tokio::spawn(async {
            ctrl_c().await;
            std::process::exit(130);
        });
        self.begun.load(Ordering::Relaxed)
    }

    /// The answer; none when Ctrl-C came before it.
    pub(super) async fn means_no<Answer>(
        &self,
        question: impl Future<Output = Answer>,
    ) -> Option<Answer> {
        self.asking.store(true, Ordering::Relaxed);
        tokio::select! {
            answer = question => {
                self.asking.store(false, Ordering::Relaxed);
                Some(answer)
            }
            () = ctrl_c() => None,
        }
    }
}

/// The work, or what `stopped` makes of Ctrl-C. Cargo hears Ctrl-C too, and may have ended of it before it is heard here: then it is
/// not cargo that failed.
pub(super) async fn until<Done>(
    interrupt: &Interrupt,
    work: impl Future<Output = anyhow::Result<Done>>,
    stopped: impl Fn(bool) -> anyhow::Error,
) -> anyhow::Result<Done> {
    let mut stops = pin!(interrupt.stops_waiting());
    let result = tokio::select! {
        begun = &mut stops => return Err(stopped(begun)),
        result = work => result,
    };
    match result {
        Err(error) => match timeout(SIGNAL_DELAY, stops).await {
            Ok(begun) => Err(stopped(begun)),
            Err(_) => Err(error),
        },
        done => done,
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Signals cannot be heard, so none will come.
        std::future::pending::<()>().await;
    }
}
