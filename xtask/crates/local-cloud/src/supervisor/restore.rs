//! The beginning and the end of a supervisor: all stacks stand again, or all are stopped.

use std::sync::Arc;

use super::apply::Apply;
use super::cloud::Cloud;
use super::live::Live;
use super::ports::Reserved;
use super::slot::Standing;
use super::state::{self, Record};
use super::teardown;
use crate::processes::{FirstFailure, note};
use crate::resources::changes;

impl Cloud {
    /// Makes all stacks on disk stand again. What fails is noted and shown; it stops nothing else.
    pub(super) async fn restore(&self) -> anyhow::Result<()> {
        for record in state::read_stacks(&self.launcher.folder)? {
            let name = record.request.name.clone();
            let slot = self.slot(&name);
            let _gate = slot.gate.lock().await;
            let restored = self.restore_one(&record).await;
            let problem = restored.as_ref().err().map(|error| format!("{error:#}"));
            if let Some(problem) = &problem {
                note(
                    &self.launcher.folder,
                    "ERROR",
                    "a stack could not be restored",
                    &[("stack", name.clone()), ("error", problem.clone())],
                );
            }
            slot.set(Standing {
                record: Some(record),
                live: restored.ok().map(Arc::new),
                problem,
            });
        }
        Ok(())
    }

    async fn restore_one(&self, record: &Record) -> anyhow::Result<Live> {
        let mut reserved = Reserved::new();
        let plan = self.plan(&record.request, &record.resources, None, &mut reserved)?;
        let moved = changes(&record.resources, &plan.resources);
        let live = Apply {
            cloud: self,
            name: &record.request.name,
            first: FirstFailure::Retry,
        }
        .make(plan, None, reserved)
        .await?;
        if !moved.is_empty() {
            // A port was taken by somebody else meanwhile: the next deploy sees the new outputs.
            state::write_stack(
                &self.launcher.folder,
                &Record {
                    request: record.request.clone(),
                    resources: live.plan.resources.clone(),
                },
            )?;
        }
        Ok(live)
    }

    /// Stops everything and keeps it on disk.
    pub(super) async fn stop(&self) {
        let slots = self.slots();
        let stopping = slots.iter().map(|(_, slot)| async move {
            let _gate = slot.gate.lock().await;
            let standing = slot.get();
            if let Some(live) = &standing.live {
                teardown::down(self, live, false).await;
            }
            slot.set(Standing {
                live: None,
                ..standing
            });
        });
        futures_util::future::join_all(stopping).await;
        self.drains.close();
        self.drains.wait().await;
        self.aws.stop().await;
    }
}
