//! An answer on its way to the page.

use std::convert::Infallible;
use std::time::Duration;

use aws_sdk_bedrockagentcore::primitives::ByteStream;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::time::timeout;

use super::events::{Event, EventReader};
use super::refusal;
use crate::problem::Problem;

/// Load balancers close a connection on which nothing has moved for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events of the agent, as it sends them.
pub(crate) struct Answer {
    body: ByteStream,
    reader: EventReader,
    /// An agent that sends nothing for this long is given up.
    silence_max: Duration,
    silent_periods: u32,
    /// An `error` event came: the answer has told how it ends.
    told: bool,
}

enum Step {
    Events(Vec<Event>),
    KeepAlive,
    End(Problem),
}

impl Answer {
    pub(super) fn new(body: ByteStream, silence_max: Duration) -> Self {
        Self {
            body,
            reader: EventReader::default(),
            silence_max,
            silent_periods: 0,
            told: false,
        }
    }

    /// The events, framed again: each is one line of JSON, whatever the agent's bytes looked like. The stream always ends
    /// with `done` or with an `error`. Dropping it closes the connection to the agent.
    pub(crate) fn into_frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(Some(self), |answer| async {
            let mut answer = answer?;
            let step = answer.step().await;
            let (frames, goes_on) = answer.frames(step);
            Some((Ok(frames), goes_on.then_some(answer)))
        })
    }

    async fn step(&mut self) -> Step {
        match timeout(KEEP_ALIVE, self.body.next()).await {
            // There is no time for another period.
            Err(_) if KEEP_ALIVE * (self.silent_periods + 2) > self.silence_max => {
                Step::End(refusal::silent())
            }
            Err(_) => Step::KeepAlive,
            Ok(None) => Step::End(refusal::cut_off()),
            Ok(Some(Err(error))) => {
                tracing::error!(%error, "the agent's answer was cut off");
                Step::End(refusal::cut_off())
            }
            Ok(Some(Ok(bytes))) => match self.reader.push(&bytes) {
                Ok(events) => Step::Events(events),
                Err(error) => {
                    tracing::error!(%error, "the agent's answer cannot be read");
                    Step::End(refusal::unreadable())
                }
            },
        }
    }

    /// The bytes for the page, and whether more follow.
    fn frames(&mut self, step: Step) -> (Bytes, bool) {
        match step {
            Step::KeepAlive => {
                self.silent_periods += 1;
                (
                    Bytes::from_static(b": the agent is still working\n\n"),
                    true,
                )
            }
            Step::End(_) if self.told => (Bytes::new(), false),
            Step::End(problem) => (frame(&problem.event().to_string()).into(), false),
            Step::Events(events) => {
                self.silent_periods = 0;
                let mut frames = String::new();
                for event in events {
                    frames.push_str(&frame(&event.json));
                    self.told |= event.kind == "error";
                    if event.kind == "done" {
                        return (frames.into(), false);
                    }
                }
                (frames.into(), true)
            }
        }
    }
}

fn frame(event: &str) -> String {
    format!("data: {event}\n\n")
}
