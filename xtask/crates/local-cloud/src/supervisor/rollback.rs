//! The way back when a stack cannot be made what it should be.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::apply::Apply;
use super::live::Live;
use super::teardown;
use crate::balancer;
use crate::processes::{FirstFailure, SupervisedProcess};

/// A previous version that was well before gets this long to be so again.
const PUT_BACK_MAX: Duration = Duration::from_secs(40);

impl Apply<'_> {
    /// Takes back what was begun, and says so in the error.
    pub(super) async fn undo(
        &self,
        live: Live,
        before: Option<&Live>,
        error: anyhow::Error,
    ) -> anyhow::Error {
        teardown::abandoned(self.cloud, &live, before).await;
        let Some(before) = before else {
            return error.context(format!(
                "the stack {} was not created; nothing of it is left",
                self.name
            ));
        };
        let problem = match self.put_back(before).await {
            Ok(()) => format!(
                "the stack {} was not updated; its previous version is running",
                self.name
            ),
            Err(again) => format!(
                "the stack {} was not updated, and its previous version does not start again either ({again:#})",
                self.name
            ),
        };
        error.context(problem)
    }

    async fn put_back(&self, before: &Live) -> anyhow::Result<()> {
        self.put_identities(&before.plan)?;
        let stopped: Vec<&Arc<SupervisedProcess>> = before
            .supervised_processes()
            .filter(|supervised| supervised.is_stopped())
            .collect();
        for supervised in &stopped {
            supervised.start_again(
                self.cloud.launcher.clone(),
                self.cloud.client.clone(),
                FirstFailure::Retry,
            );
        }
        let healthy = try_join_all(
            stopped
                .iter()
                .map(|supervised| supervised.healthy(PUT_BACK_MAX)),
        )
        .await;
        for balancer in &before.plan.balancers {
            if let Some(old) = before.balancers.get(&balancer.logical_id) {
                balancer::set(
                    &old.shared,
                    before.routing(balancer, &before.plan.services, false),
                );
            }
        }
        healthy.map(drop)
    }
}
