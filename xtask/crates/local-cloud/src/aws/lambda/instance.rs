//! The life of one instance: start, then one event at a time until it is not needed, breaks down or takes too long.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::super::events::Fact;
use super::super::types::Instance;
use super::pool::Pool;
use super::runtime_api::{Call, Event, RuntimeApi};
use super::{Failure, Invocation, Outcome};

const INIT_MAX: Duration = Duration::from_secs(10);
/// After this time without an event an instance goes, unless it is the last one.
const IDLE_MAX: Duration = Duration::from_secs(5 * 60);

/// In which state an instance ended: that is what the pool counts.
pub(super) enum End {
    NotStarted(Failure),
    /// It had an event, whose caller has been told.
    Busy,
    Free,
    /// It was not needed any more.
    Idle,
}

/// Runs an instance from its start to its end. Its process has gone when this returns.
pub(super) async fn live(pool: &Pool) -> End {
    let begun = Instant::now();
    let (mut api, process) = match start(pool).await {
        Ok(started) => started,
        Err(problem) => {
            return not_started(pool, Failure::new("Runtime.InvalidEntrypoint", problem));
        }
    };
    let pid = process.pid();
    let end = match initialise(&mut api, &*process).await {
        Err(failure) => not_started(pool, failure),
        Ok(poller) => {
            pool.has_started();
            let milliseconds = begun.elapsed().as_millis();
            pool.tell(
                Fact::info(format!("cold start took {milliseconds} ms"))
                    .with("pid", pid.to_string()),
            );
            Session {
                pool,
                api: &mut api,
                process: &*process,
            }
            .run(poller)
            .await
        }
    };
    process.stop().await;
    pool.tell(Fact::info("instance has ended").with("pid", pid.to_string()));
    end
}

async fn start(pool: &Pool) -> Result<(RuntimeApi, Box<dyn Instance>), String> {
    let api = RuntimeApi::bind()
        .await
        .map_err(|error| format!("no port for the Runtime API: {error}"))?;
    let address: SocketAddr = api.address;
    let process = pool
        .function()
        .starter
        .start(address, pool.environment(address))
        .await;
    process
        .map(|process| (api, process))
        .map_err(|error| format!("{error:#}"))
}

fn not_started(pool: &Pool, failure: Failure) -> End {
    pool.tell(
        Fact::warn(format!("an instance did not start: {}", failure.message))
            .with("errorType", &*failure.error_type),
    );
    End::NotStarted(failure)
}

async fn initialise(
    api: &mut RuntimeApi,
    process: &dyn Instance,
) -> Result<oneshot::Sender<Event>, Failure> {
    let first_call = async {
        loop {
            match api.calls.recv().await {
                Some(Call::Next(poller)) => return Ok(poller),
                Some(Call::InitError(failure)) => return Err(failure),
                // Dropping `accepted` tells the instance that it has no event to answer.
                Some(Call::Answer { .. }) => {}
                None => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        biased;
        first = first_call => first,
        exit = process.exited() => Err(Failure::new("Runtime.ExitError", format!("Runtime exited before it asked for an event: {exit}"))),
        () = sleep(INIT_MAX) => Err(Failure::new("Sandbox.Timedout", format!("Init phase timed out after {} seconds", INIT_MAX.as_secs()))),
    }
}

struct Session<'a> {
    pool: &'a Pool,
    api: &'a mut RuntimeApi,
    process: &'a dyn Instance,
}

/// What follows when an instance that is free has waited.
enum Work {
    Invocation(Invocation),
    PollerGone,
    End(End),
}

impl Session<'_> {
    async fn run(&mut self, mut poller: oneshot::Sender<Event>) -> End {
        loop {
            let mut invocation = match self.wait_for_work(&mut poller).await {
                Work::Invocation(invocation) => invocation,
                Work::End(end) => return end,
                Work::PollerGone => match self.next_poll().await {
                    Some(next) => {
                        poller = next;
                        continue;
                    }
                    None => return End::Free,
                },
            };
            if let Some(started) = invocation.started.take() {
                // Who has stopped waiting needs not be told.
                started.send(()).ok();
            }
            // The instance may have broken its connection just now; then its exit or the timeout tells the caller.
            poller.send(self.event(&invocation)).ok();
            let (outcome, alive) = self.handle(&invocation).await;
            invocation.reply.send(outcome).ok();
            if !alive {
                return End::Busy;
            }
            self.pool.available_again();
            match self.next_poll().await {
                Some(next) => poller = next,
                None => return End::Free,
            }
        }
    }

    async fn wait_for_work(&self, poller: &mut oneshot::Sender<Event>) -> Work {
        loop {
            tokio::select! {
                biased;
                exit = self.process.exited() => {
                    self.pool.tell(Fact::warn(format!("an idle instance exited: {exit}")).with("pid", self.process.pid().to_string()));
                    return Work::End(End::Free);
                }
                () = poller.closed() => return Work::PollerGone,
                invocation = self.pool.take() => return Work::Invocation(invocation),
                () = self.pool.closing() => return Work::End(End::Free),
                () = sleep(IDLE_MAX) => {
                    if self.pool.may_shrink() {
                        return Work::End(End::Idle);
                    }
                }
            }
        }
    }

    /// The instance's next question for an event; `None` if it will not come.
    async fn next_poll(&mut self) -> Option<oneshot::Sender<Event>> {
        let patience = self.timeout();
        let next = async {
            loop {
                match self.api.calls.recv().await {
                    Some(Call::Next(poller)) => return Some(poller),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        tokio::select! {
            biased;
            poller = next => poller,
            _ = self.process.exited() => None,
            () = sleep(patience) => None,
        }
    }

    /// Waits for the answer to the event; the flag tells whether the instance can take another one.
    async fn handle(&mut self, invocation: &Invocation) -> (Outcome, bool) {
        let request_id = &invocation.request_id;
        let patience = self.timeout();
        let answer = async {
            loop {
                match self.api.calls.recv().await {
                    Some(Call::Answer {
                        request_id: id,
                        result,
                        accepted,
                    }) if id == *request_id => {
                        accepted.send(StatusCode::ACCEPTED).ok();
                        return result;
                    }
                    Some(Call::Answer { accepted, .. }) => {
                        accepted.send(StatusCode::BAD_REQUEST).ok();
                    }
                    Some(Call::Next(_) | Call::InitError(_)) => {}
                    None => std::future::pending().await,
                }
            }
        };
        let failure = tokio::select! {
            biased;
            result = answer => {
                let outcome = result.map_or_else(Outcome::Failed, Outcome::Answered);
                return (outcome, true);
            }
            exit = self.process.exited() => {
                Failure::new("Runtime.ExitError", format!("RequestId: {request_id} Error: Runtime exited with error: {exit}"))
            }
            () = sleep(patience) => {
                let seconds = patience.as_secs_f64();
                Failure::new("Sandbox.Timedout", format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"))
            }
        };
        let fact = Fact::warn(failure.message.clone()).with("errorType", &*failure.error_type);
        self.pool
            .tell(fact.with("pid", self.process.pid().to_string()));
        (Outcome::Failed(failure), false)
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.pool.function().timeout_seconds.max(1).into())
    }

    fn event(&self, invocation: &Invocation) -> Event {
        let deadline = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            + self.timeout();
        let headers = [
            (
                "lambda-runtime-aws-request-id",
                invocation.request_id.clone(),
            ),
            (
                "lambda-runtime-deadline-ms",
                deadline.as_millis().to_string(),
            ),
            (
                "lambda-runtime-invoked-function-arn",
                self.pool.function().arn.clone(),
            ),
            ("lambda-runtime-trace-id", invocation.trace_id.clone()),
        ];
        let mut all =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                all.insert(HeaderName::from_static(name), value);
            }
        }
        Event {
            headers: all,
            body: Bytes::clone(&invocation.event),
        }
    }
}
