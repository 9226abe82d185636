//! A stack that failed for a reason that passes by itself is tried once more.

use std::time::Duration;

use super::job::Job;
use cloud::progress::Event;
use cloud::{Outputs, ReadySet, StackRequest};

/// A role that AWS has just made works everywhere within ten to twenty seconds (gravitational/teleport PR 44194 measured that;
/// aws-solutions-library-samples/guidance-for-claude-code-with-amazon-bedrock PR 252 waits ten). Some of them go by while the
/// stack is rolled back.
const WAIT: Duration = Duration::from_secs(10);

impl Job<'_> {
    /// Clears away what failed, and makes the change set of the second try; none when there is nothing left to do.
    pub(super) async fn once_more(
        &self,
        failed: &ReadySet,
        request: &StackRequest,
        outputs: &Outputs,
        passing: &str,
    ) -> anyhow::Result<Option<ReadySet>> {
        let run = &self.run;
        run.reporter.report(&Event::Again {
            name: &request.name,
            reason: passing,
            wait_seconds: WAIT.as_secs(),
        });
        tokio::time::sleep(WAIT).await;
        let deployed = run.cloud.deployed().await?;
        let stack = deployed.iter().find(|stack| stack.name == request.name);
        if let Some(stack) = stack
            && let Some(recovery) = run.cloud.recovery(stack).await?
        {
            run.cloud.recover(stack, &recovery, &run.reporter).await?;
        }
        self.new_change_set(request, outputs, &failed.changes).await
    }
}
