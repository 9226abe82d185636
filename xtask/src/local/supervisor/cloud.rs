//! All stacks of one local cloud: apply, delete, describe, restore, stop.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use tokio_util::task::TaskTracker;

use super::live::Live;
use super::state::{self, Record};
use super::{apply, teardown};
use crate::cloud::{Applied, ProcessState, StackRequest, StackState};
use crate::local::aws::Aws;
use crate::local::balancer;
use crate::local::folder::{remove_file, remove_folder};
use crate::local::http_client::Client;
use crate::local::processes::{FirstFailure, Launcher, note};
use crate::local::resources::{Builder, Made, Plan, changes, plan};
use crate::local::store::ImageStore;

/// The page that people open has a port that they can remember.
const FRONTEND_PORT: u16 = 3000;
/// Every other load balancer and Function URL gets the first free port from here on.
const FIRST_PORT: u16 = 4300;

/// How long a deploy waits for a process that is not well although nothing changed.
const RECOVERY: Duration = Duration::from_secs(40);

pub(super) struct Cloud {
    pub(super) account: String,
    pub(super) aws: Aws,
    pub(super) launcher: Launcher,
    pub(super) client: Client,
    stacks: Mutex<BTreeMap<String, Arc<Slot>>>,
    /// Old processes that still finish their requests.
    pub(super) drains: TaskTracker,
}

/// One stack's place. `gate` lets one apply or delete in at a time; what stands can be looked at meanwhile.
pub(super) struct Slot {
    gate: tokio::sync::Mutex<()>,
    standing: Mutex<Standing>,
}

#[derive(Default, Clone)]
pub(super) struct Standing {
    pub(super) record: Option<Record>,
    pub(super) live: Option<Arc<Live>>,
    /// Why a stack that is on disk does not stand.
    problem: Option<String>,
}

/// Ports that were bound for resources which are about to be made.
pub(super) type Reserved = BTreeMap<String, TcpListener>;

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

    fn slot(&self, name: &str) -> Arc<Slot> {
        let mut stacks = self.stacks.lock().unwrap_or_else(PoisonError::into_inner);
        stacks
            .entry(name.to_owned())
            .or_insert_with(|| {
                Arc::new(Slot {
                    gate: tokio::sync::Mutex::default(),
                    standing: Mutex::default(),
                })
            })
            .clone()
    }

    fn slots(&self) -> Vec<(String, Arc<Slot>)> {
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
            for keeper in live.keepers() {
                keeper.healthy(RECOVERY).await.with_context(|| {
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

    fn plan(
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

    pub(super) fn describe(&self) -> Vec<StackState> {
        self.slots()
            .iter()
            .filter_map(|(name, slot)| slot.get().state(name))
            .collect()
    }

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
        let live = apply::Apply {
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

impl Slot {
    fn get(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

impl Standing {
    fn state(&self, name: &str) -> Option<StackState> {
        let record = self.record.as_ref()?;
        let owner = &record.request.owner;
        Some(match &self.live {
            Some(live) => live.state(name, owner),
            None => StackState {
                name: name.to_owned(),
                owner: owner.clone(),
                healthy: false,
                outputs: BTreeMap::new(),
                processes: vec![ProcessState {
                    name: owner.clone(),
                    pid: None,
                    state: format!(
                        "failed: {}",
                        self.problem.as_deref().unwrap_or("it does not stand")
                    ),
                    restarts: 0,
                    started_at: None,
                    last_exit: None,
                }],
                log_groups: Vec::new(),
            },
        })
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
        "`{name}` is no name for a stack or its owner: use letters, digits and hyphens"
    );
    Ok(())
}

/// Binds the port that is wanted, else the first that is free.
fn bind_first(owner: &str, wanted: Option<u16>) -> anyhow::Result<TcpListener> {
    let preferred = (owner == "frontend").then_some(FRONTEND_PORT);
    // Tests run side by side and would take each other's ports while a supervisor restarts.
    let usual = if cfg!(test) {
        0..0
    } else {
        FIRST_PORT..FIRST_PORT + 500
    };
    let candidates = wanted.into_iter().chain(preferred).chain(usual).chain([0]);
    candidates
        .map(balancer::bind)
        .find_map(Result::ok)
        .context("no free port on 127.0.0.1")
}
