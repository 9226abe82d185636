//! From a plan to a stack that stands: new processes start beside the old ones and take over once they are well.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;

use super::cloud::Cloud;
use super::live::{Live, LiveBalancer, Member};
use super::ports::Reserved;
use super::teardown::drain_time;
use crate::aws::{AgentRuntime, EndpointFacts, Function, Role};
use crate::balancer::{self, Front};
use crate::processes::{FirstFailure, FunctionStarter, SupervisedProcess};
use crate::resources::{Plan, ProcessPlan, ServicePlan};
use facts::secret_name;

/// The process's own limit counts from its start; this only has to be longer.
const START_MAX: Duration = Duration::from_secs(180);

pub(super) struct Apply<'a> {
    pub cloud: &'a Cloud,
    pub name: &'a str,
    /// A deploy waits for health and gives up; a restore goes on and keeps trying.
    pub first: FirstFailure,
}

impl Apply<'_> {
    /// Makes `plan` stand. On an error everything new has gone, and `before` stands as it did.
    pub(super) async fn make(
        &self,
        plan: Plan,
        before: Option<&Live>,
        reserved: Reserved,
    ) -> anyhow::Result<Live> {
        let mut live = Live {
            plan,
            ..Live::default()
        };
        let started = match self.put_identities(&live.plan) {
            Ok(()) => self.start(&mut live, before).await,
            Err(error) => Err(error),
        };
        let finished = match started {
            Ok(()) => self.switch(&mut live, before, reserved),
            Err(error) => Err(error),
        };
        match finished {
            Ok(()) => Ok(live),
            Err(error) => Err(self.undo(live, before, error).await),
        }
    }

    /// Roles, secrets and tables, before anything that uses them.
    pub(super) fn put_identities(&self, plan: &Plan) -> anyhow::Result<()> {
        let (aws, vault) = (&self.cloud.aws, &self.cloud.launcher.vault);
        for role in &plan.roles {
            let identity = Role {
                arn: role.arn.clone(),
                name: role.name.clone(),
                policies: role.policies.clone(),
            };
            match vault.credentials(&role.arn) {
                Some(credentials) => aws.put_role_with(identity, credentials),
                None => vault.put_credentials(&role.arn, &aws.put_role(identity))?,
            }
        }
        for secret in &plan.secrets {
            aws.put_secret(&secret.arn, &secret.name, &vault.secret(secret)?);
        }
        for table in &plan.tables {
            let file = self.cloud.launcher.folder.tables();
            aws.put_table(&file, table.definition.clone())?;
        }
        for arn in plan.existing_secrets() {
            let name = secret_name(arn).unwrap_or(arn);
            aws.put_secret(arn, name, &vault.existing(arn)?);
        }
        Ok(())
    }

    /// Starts what is new or different, keeps what is not, and waits until all of it is healthy.
    async fn start(&self, live: &mut Live, before: Option<&Live>) -> anyhow::Result<()> {
        let plan = live.plan.clone();
        for service in &plan.services {
            let members = self.members(service, before).await;
            live.services.insert(service.logical_id.clone(), members);
        }
        for runtime in &plan.runtimes {
            let old = before
                .and_then(|before| before.runtimes.get(&runtime.logical_id))
                .filter(|supervised| *supervised.plan() == runtime.process);
            let supervised = old
                .cloned()
                .unwrap_or_else(|| Arc::new(self.supervised(&runtime.process)));
            live.runtimes.insert(runtime.logical_id.clone(), supervised);
        }
        let mut trials = Vec::new();
        for function in &plan.functions {
            let old = before
                .and_then(|before| before.functions.get(&function.logical_id))
                .filter(|starter| starter.plan() == function);
            let starter = old.cloned().unwrap_or_else(|| {
                let starter = FunctionStarter::new(function.clone(), self.cloud.launcher.clone());
                trials.push(starter.clone());
                starter
            });
            live.functions.insert(function.logical_id.clone(), starter);
        }
        if self.first == FirstFailure::Retry {
            return Ok(());
        }
        let supervised_processes = try_join_all(
            live.supervised_processes()
                .map(|supervised| supervised.healthy(START_MAX)),
        );
        let trials = try_join_all(trials.iter().map(|starter| starter.trial()));
        futures_util::future::try_join(supervised_processes, trials).await?;
        Ok(())
    }

    /// The processes of a service: the old ones when nothing about them differs.
    async fn members(&self, service: &ServicePlan, before: Option<&Live>) -> Vec<Member> {
        let old = before
            .and_then(|before| before.services.get(&service.logical_id))
            .map_or(&[][..], Vec::as_slice);
        let wanted = service.desired_count as usize;
        let same = old
            .iter()
            .all(|member| *member.supervised.plan() == service.process);
        if same && old.len() == wanted {
            return old.to_vec();
        }
        if let (true, Some(before)) = (service.stop_first && !old.is_empty(), before) {
            hold(before, true);
            for member in old {
                member
                    .target
                    .drained(drain_time(&before.plan, &service.logical_id))
                    .await;
                member.supervised.stop().await;
            }
        }
        // A process that was stopped to make room is not there any more.
        let kept: Vec<Member> = if same && !service.stop_first {
            old.iter().take(wanted).cloned().collect()
        } else {
            Vec::new()
        };
        let missing = wanted - kept.len();
        kept.into_iter()
            .chain((0..missing).map(|_| Member::new(self.supervised(&service.process))))
            .collect()
    }

    fn supervised(&self, process: &ProcessPlan) -> SupervisedProcess {
        SupervisedProcess::start(
            self.cloud.launcher.clone(),
            self.cloud.client.clone(),
            process.clone(),
            self.first,
        )
    }

    /// Lets requests through to what is new. Nothing here waits, so no request falls between old and new.
    fn switch(
        &self,
        live: &mut Live,
        before: Option<&Live>,
        mut reserved: Reserved,
    ) -> anyhow::Result<()> {
        let aws = &self.cloud.aws;
        let plan = live.plan.clone();
        for function in &plan.functions {
            let starter = live
                .functions
                .get(&function.logical_id)
                .cloned()
                .context("a function without a starter")?;
            let is_old = before
                .and_then(|before| before.functions.get(&function.logical_id))
                .is_some_and(|old| Arc::ptr_eq(old, &starter));
            if !is_old {
                aws.put_function(Function {
                    arn: function.arn.clone(),
                    name: function.name.clone(),
                    timeout_seconds: function.timeout_seconds,
                    memory_mib: function.memory_mib,
                    instances_max: function.instances_max,
                    starter,
                });
            }
        }
        for runtime in &plan.runtimes {
            let supervised = live
                .runtimes
                .get(&runtime.logical_id)
                .context("a runtime without a process")?;
            aws.put_runtime(AgentRuntime {
                arn: runtime.arn.clone(),
                id: runtime.id.clone(),
                name: runtime.name.clone(),
                version: runtime.version,
                header_allow_list: runtime.header_allow_list.clone(),
                target: supervised.target(),
            });
        }
        for endpoint in &plan.endpoints {
            aws.put_endpoint(
                &endpoint.runtime_arn,
                EndpointFacts {
                    name: endpoint.name.clone(),
                    version: endpoint.version,
                },
            );
        }
        self.open_ports(live, before, &plan, &mut reserved)
    }

    fn open_ports(
        &self,
        live: &mut Live,
        before: Option<&Live>,
        plan: &Plan,
        reserved: &mut Reserved,
    ) -> anyhow::Result<()> {
        let mut take = |logical_id: &str| {
            reserved
                .remove(logical_id)
                .with_context(|| format!("no port was set aside for {logical_id}"))
        };
        let mut urls = BTreeMap::new();
        for url in &plan.function_urls {
            let old = before
                .and_then(|before| before.urls.get(&url.logical_id))
                .filter(|front| front.port == url.port);
            let front = match old {
                Some(front) => front.clone(),
                None => Arc::new(Front::open(
                    take(&url.logical_id)?,
                    self.cloud.aws.function_url(&url.function_arn),
                )?),
            };
            urls.insert(url.logical_id.clone(), front);
        }
        live.urls = urls;
        let mut balancers = BTreeMap::new();
        for balancer in &plan.balancers {
            let routing = live.routing(balancer, &plan.services, false);
            let old = before
                .and_then(|before| before.balancers.get(&balancer.logical_id))
                .filter(|old| old.front.port == balancer.port);
            let made = match old {
                Some(old) => {
                    balancer::set(&old.shared, routing);
                    old.clone()
                }
                None => {
                    let shared = Arc::new(RwLock::new(routing));
                    let front = Front::open(
                        take(&balancer.logical_id)?,
                        balancer::router(shared.clone(), self.cloud.client.clone()),
                    )?;
                    Arc::new(LiveBalancer { shared, front })
                }
            };
            balancers.insert(balancer.logical_id.clone(), made);
        }
        live.balancers = balancers;
        Ok(())
    }
}

/// Lets requests wait, or not, while the only process behind a balancer is replaced.
fn hold(live: &Live, hold: bool) {
    for balancer in &live.plan.balancers {
        if let Some(standing) = live.balancers.get(&balancer.logical_id) {
            balancer::set(
                &standing.shared,
                live.routing(balancer, &live.plan.services, hold),
            );
        }
    }
}
