//! All stacks of one local cloud: apply, delete, describe, restore, stop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio_util::task::TaskTracker;

use super::live::Live;
use super::ports::{Reserved, bind_first};
use super::slot::{Slot, Standing};
use super::state::{self, Record};
use super::{apply, teardown};
use crate::aws::Aws;
use crate::folder::{remove_file, remove_folder};
use crate::http_client::Client;
use crate::processes::{FirstFailure, Launcher, note};
use crate::resources::{Builder, Made, Plan, changes, plan};
use crate::store::ImageStore;
use cloud::{Applied, DeployedStack, Prepared, ReadySet, StackRequest, StackState, inputs_hash};

/// How long a deploy waits for a process that is not well although nothing changed.
const RECOVERY: Duration = Duration::from_secs(40);

pub(super) struct Cloud {
    pub account: String,
    pub aws: Aws,
    pub launcher: Launcher,
    pub client: Client,
    stacks: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// Old processes that still finish their requests.
    pub drains: TaskTracker,
}

impl Cloud {
    pub(super) fn new(account: &str, aws: Aws, launcher: Launcher, client: Client) -> Self {
        Self {
            account: account.to_owned(),
            aws,
            launcher,
            client,
            stacks: Mutex::default(),
            drains: TaskTracker::new(),
        }
    }

    pub(super) fn slot(&self, name: &str) -> Arc<Slot> {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks.entry(name.to_owned()).or_default().clone()
    }

    pub(super) fn slots(&self) -> Vec<(String, Arc<Slot>)> {
        let stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks
            .iter()
            .map(|(name, slot)| (name.clone(), slot.clone()))
            .collect()
    }

    /// Makes the stack what the request says, and returns once it is healthy. After a failure it is what it was before.
    pub(super) async fn apply(&self, request: &StackRequest) -> anyhow::Result<Applied> {
        check_name(&request.name)?;
        check_name(&request.owner)?;
        let slot = self.slot(&request.name);
        let _gate = slot.gate.lock().await;
        let result = self.apply_gated(&slot, request).await;
        if let Err(error) = &result {
            note(
                &self.launcher.folder,
                "ERROR",
                "a stack could not be applied",
                &[
                    ("stack", request.name.clone()),
                    ("error", format!("{error:#}")),
                ],
            );
            self.forget_empty(&request.name, &slot);
        }
        result
    }

    async fn apply_gated(&self, slot: &Slot, request: &StackRequest) -> anyhow::Result<Applied> {
        let before = slot.get();
        let previous: Vec<Made> = before
            .record
            .as_ref()
            .map(|record| record.resources.clone())
            .unwrap_or_default();
        let mut reserved = Reserved::new();
        let plan = self.plan(request, &previous, before.live.as_deref(), &mut reserved)?;
        let changes = changes(&previous, &plan.resources);
        let outputs = plan.outputs.clone();
        if let (true, Some(live)) = (changes.is_empty(), &before.live) {
            for supervised in live.supervised_processes() {
                supervised.healthy(RECOVERY).await.with_context(|| {
                    format!(
                        "the stack {} has not changed, but it is not well",
                        request.name
                    )
                })?;
            }
            if before
                .record
                .as_ref()
                .is_some_and(|record| record.request != *request || live.plan.outputs != outputs)
            {
                // The template's text or an output differs, though no resource does.
                self.keep(slot, request, plan, live)?;
            }
            return Ok(Applied {
                changed: false,
                changes,
                outputs,
            });
        }
        let stack = apply::Apply {
            cloud: self,
            name: &request.name,
            first: FirstFailure::GiveUp,
        };
        let live = stack.make(plan, before.live.as_deref(), reserved).await?;
        let live = Arc::new(live);
        let record = Record {
            request: request.clone(),
            resources: live.plan.resources.clone(),
        };
        state::write_stack(&self.launcher.folder, &record)?;
        slot.set(Standing {
            record: Some(record),
            live: Some(live.clone()),
            problem: None,
        });
        teardown::replaced(self, before.live.as_deref(), &live).await;
        note(
            &self.launcher.folder,
            "INFO",
            "a stack was applied",
            &[
                ("stack", request.name.clone()),
                ("changes", changes.len().to_string()),
            ],
        );
        Ok(Applied {
            changed: !changes.is_empty(),
            changes,
            outputs,
        })
    }

    /// What a request would change. Ports are looked for and let go again.
    pub(super) async fn compare(&self, request: &StackRequest) -> anyhow::Result<Prepared> {
        check_name(&request.name)?;
        check_name(&request.owner)?;
        let slot = self.slot(&request.name);
        let _gate = slot.gate.lock().await;
        let before = slot.get();
        let previous = before.record.as_ref();
        let resources = previous.map_or(&[][..], |record| &record.resources);
        let planned = self.plan(
            request,
            resources,
            before.live.as_deref(),
            &mut Reserved::new(),
        );
        self.forget_empty(&request.name, &slot);
        let changes = changes(resources, &planned?.resources);
        let same = previous.is_some_and(|record| record.request == *request);
        if same && changes.is_empty() && before.live.is_some() {
            return Ok(Prepared::Nothing);
        }
        Ok(Prepared::Ready(ReadySet {
            id: inputs_hash(request),
            stack_name: request.name.clone(),
            stack_id: request.name.clone(),
            create: previous.is_none(),
            changes,
        }))
    }

    /// Notes a template that differs in nothing that stands.
    fn keep(
        &self,
        slot: &Slot,
        request: &StackRequest,
        plan: Plan,
        live: &Live,
    ) -> anyhow::Result<()> {
        let record = Record {
            request: request.clone(),
            resources: plan.resources.clone(),
        };
        state::write_stack(&self.launcher.folder, &record)?;
        let copy = Live {
            plan,
            services: live.services.clone(),
            runtimes: live.runtimes.clone(),
            functions: live.functions.clone(),
            balancers: live.balancers.clone(),
            urls: live.urls.clone(),
        };
        slot.set(Standing {
            record: Some(record),
            live: Some(Arc::new(copy)),
            problem: None,
        });
        Ok(())
    }

    pub(super) fn plan(
        &self,
        request: &StackRequest,
        previous: &[Made],
        live: Option<&Live>,
        reserved: &mut Reserved,
    ) -> anyhow::Result<Plan> {
        let store = ImageStore::of(&self.launcher.folder);
        let mut take_port = |logical_id: &str, wanted: Option<u16>| {
            if let Some(port) =
                wanted.filter(|port| live.is_some_and(|live| live.holds_port(logical_id, *port)))
            {
                return Ok(port);
            }
            let listener = bind_first(&request.owner, wanted)?;
            let port = listener.local_addr()?.port();
            reserved.insert(logical_id.to_owned(), listener);
            Ok(port)
        };
        let builder = Builder {
            stack: &request.name,
            owner: &request.owner,
            region: &self.launcher.region,
            account: &self.account,
            store: &store,
            volumes: self.launcher.folder.volumes(&request.owner),
            previous: previous
                .iter()
                .map(|made| (made.logical_id.clone(), made.clone()))
                .collect(),
            take_port: &mut take_port,
            plan: Plan::default(),
        };
        plan(builder, request).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
            anyhow::anyhow!(
                "the template of the stack {} cannot be applied:{}",
                request.name,
                lines.concat()
            )
        })
    }

    /// Takes a stack down: its processes, its ports, its data. A stack that is not there is no error.
    pub(super) async fn delete(&self, name: &str) -> anyhow::Result<()> {
        check_name(name)?;
        let slot = self.slot(name);
        let _gate = slot.gate.lock().await;
        let standing = slot.get();
        if let Some(live) = &standing.live {
            teardown::down(self, live, true).await;
        }
        remove_file(&self.launcher.folder.stack(name))?;
        if let Some(record) = &standing.record {
            remove_folder(&self.launcher.folder.volumes(&record.request.owner))?;
            note(
                &self.launcher.folder,
                "INFO",
                "a stack was deleted",
                &[("stack", name.to_owned())],
            );
        }
        slot.set(Standing::default());
        self.forget_empty(name, &slot);
        Ok(())
    }

    fn forget_empty(&self, name: &str, slot: &Slot) {
        let standing = slot.get();
        if standing.record.is_none() && standing.live.is_none() {
            self.stacks
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(name);
        }
    }

    /// Every stack with what it was made from.
    pub(super) fn deployed(&self) -> Vec<DeployedStack> {
        self.slots()
            .iter()
            .filter_map(|(_, slot)| slot.get().deployed())
            .collect()
    }

    pub(super) fn request_of(&self, name: &str) -> Option<StackRequest> {
        let slots = self.slots();
        let (_, slot) = slots.iter().find(|(other, _)| other == name)?;
        Some(slot.get().record?.request)
    }

    pub(super) fn describe(&self) -> Vec<StackState> {
        self.slots()
            .iter()
            .filter_map(|(name, slot)| slot.get().state(name))
            .collect()
    }
}

/// Names become file names.
fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = !name.is_empty()
        && name.len() <= 128
        && name.chars().all(|character| {
            character.is_ascii_alphanumeric() || character == '-' || character == '_'
        });
    anyhow::ensure!(
        fits,
        "`{name}` is not a name for a stack or its owner: use letters, digits and hyphens"
    );
    Ok(())
}
