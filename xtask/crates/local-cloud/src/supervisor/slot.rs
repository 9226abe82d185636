//! The place of one stack: what stands there, and who may change it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::live::Live;
use super::state::Record;
use cloud::{DeployedStack, ProcessState, StackState, inputs_hash};

/// One stack's place. `gate` lets one apply or delete in at a time; what stands can be looked at meanwhile.
#[derive(Default)]
pub(super) struct Slot {
    pub gate: tokio::sync::Mutex<()>,
    standing: Mutex<Standing>,
}

#[derive(Default, Clone)]
pub(super) struct Standing {
    pub record: Option<Record>,
    pub live: Option<Arc<Live>>,
    /// Why a stack that is on disk does not stand.
    pub problem: Option<String>,
}

impl Slot {
    pub(super) fn get(&self) -> Standing {
        self.standing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set(&self, standing: Standing) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

/// The status of a stack that stands; one that does not has none.
const DEPLOYED: &str = "DEPLOYED";

impl Standing {
    /// The stack as a deploy compares with it.
    pub(super) fn deployed(&self) -> Option<DeployedStack> {
        let request = &self.record.as_ref()?.request;
        Some(DeployedStack {
            name: request.name.clone(),
            owner: request.owner.clone(),
            stack_id: request.name.clone(),
            status: self.live.as_ref().map_or("", |_| DEPLOYED).to_owned(),
            status_reason: self.problem.clone(),
            outputs: self
                .live
                .as_ref()
                .map(|live| live.plan.outputs.clone())
                .unwrap_or_default(),
            parameters: request.parameters.clone(),
            inputs_hash: Some(inputs_hash(request)),
            ..DeployedStack::default()
        })
    }

    pub(super) fn state(&self, name: &str) -> Option<StackState> {
        let record = self.record.as_ref()?;
        let owner = &record.request.owner;
        Some(match &self.live {
            Some(live) => live.state(name, owner),
            None => StackState {
                name: name.to_owned(),
                owner: owner.clone(),
                healthy: false,
                status: None,
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
                remarks: Vec::new(),
            },
        })
    }
}
