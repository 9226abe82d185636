//! A stack that stands: its processes, its ports, and what they were made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::balancer::{self, Front, Routing, Target};
use crate::processes::{FunctionStarter, SupervisedProcess};
use crate::resources::{Balancer, Plan, ServicePlan};
use cloud::{ProcessState, StackState};

/// One process of a service, as a target of load balancers.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub supervised: Arc<SupervisedProcess>,
    pub target: Target,
}

impl Member {
    pub(super) fn new(supervised: SupervisedProcess) -> Self {
        let supervised = Arc::new(supervised);
        Self {
            target: Target::new(supervised.target()),
            supervised,
        }
    }
}

#[derive(Debug)]
pub(super) struct LiveBalancer {
    pub shared: balancer::Shared,
    pub front: Front,
}

/// Everything is by logical id. A new version of a stack is a new `Live` that shares what did not change.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub plan: Plan,
    pub services: BTreeMap<String, Vec<Member>>,
    pub runtimes: BTreeMap<String, Arc<SupervisedProcess>>,
    pub functions: BTreeMap<String, Arc<FunctionStarter>>,
    pub balancers: BTreeMap<String, Arc<LiveBalancer>>,
    pub urls: BTreeMap<String, Arc<Front>>,
}

impl Live {
    pub(super) fn supervised_processes(&self) -> impl Iterator<Item = &Arc<SupervisedProcess>> {
        self.services
            .values()
            .flatten()
            .map(|member| &member.supervised)
            .chain(self.runtimes.values())
    }

    /// True when the port of this resource is open already.
    pub(super) fn holds_port(&self, logical_id: &str, port: u16) -> bool {
        self.balancers
            .get(logical_id)
            .is_some_and(|balancer| balancer.front.port == port)
            || self
                .urls
                .get(logical_id)
                .is_some_and(|front| front.port == port)
    }

    /// What a balancer of the plan does, given the services of this stack.
    pub(super) fn routing(&self, plan: &Balancer, services: &[ServicePlan], hold: bool) -> Routing {
        let mut targets: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for service in services {
            let members = self
                .services
                .get(&service.logical_id)
                .map_or(&[][..], Vec::as_slice);
            for group in &service.target_groups {
                targets
                    .entry(group.clone())
                    .or_default()
                    .extend(members.iter().map(|member| member.target.clone()));
            }
        }
        Routing {
            plan: plan.clone(),
            targets,
            hold,
        }
    }

    pub(super) fn state(&self, name: &str, owner: &str) -> StackState {
        let mut processes: Vec<ProcessState> = self
            .supervised_processes()
            .map(|supervised| supervised.state())
            .collect();
        processes.extend(
            self.functions
                .values()
                .flat_map(|function| function.states()),
        );
        StackState {
            name: name.to_owned(),
            owner: owner.to_owned(),
            healthy: self
                .supervised_processes()
                .all(|supervised| supervised.is_healthy()),
            status: None,
            outputs: self.plan.outputs.clone(),
            processes,
            log_groups: self.plan.log_groups.clone(),
            remarks: Vec::new(),
        }
    }
}
