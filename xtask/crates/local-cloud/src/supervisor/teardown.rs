//! Takes down what a stack no longer needs.

use std::sync::Arc;
use std::time::Duration;

use super::cloud::Cloud;
use super::live::{Live, Member};
use crate::processes::{SupervisedProcess, note};
use crate::resources::Plan;

/// A caller that has just read an old address gets this long to connect to it.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// After an update: drains and stops the old processes in the background, closes ports, forgets names.
pub(super) async fn replaced(cloud: &Cloud, before: Option<&Live>, now: &Live) {
    let Some(before) = before else { return };
    for (logical_id, members) in &before.services {
        let kept = now.services.get(logical_id).map_or(&[][..], Vec::as_slice);
        let patience = drain_time(&before.plan, logical_id);
        for member in members.iter().filter(|old| {
            !kept
                .iter()
                .any(|new| Arc::ptr_eq(&old.supervised, &new.supervised))
        }) {
            drain(cloud, member.clone(), patience);
        }
    }
    for (logical_id, supervised) in &before.runtimes {
        if now
            .runtimes
            .get(logical_id)
            .is_none_or(|new| !Arc::ptr_eq(new, supervised))
        {
            let supervised = supervised.clone();
            cloud.drains.spawn(async move {
                tokio::time::sleep(LAST_LOOK).await;
                supervised.stop().await;
            });
        }
    }
    close_ports(before, Some(now)).await;
    forget(cloud, &before.plan, Some(&now.plan), true).await;
}

fn drain(cloud: &Cloud, member: Member, patience: Duration) {
    cloud.drains.spawn(async move {
        tokio::time::sleep(LAST_LOOK).await;
        member.target.drained(patience).await;
        member.supervised.stop().await;
    });
}

/// How long open requests of a service may go on: its target groups' deregistration delay.
pub(super) fn drain_time(plan: &Plan, logical_id: &str) -> Duration {
    let groups = plan
        .services
        .iter()
        .filter(|service| service.logical_id == logical_id)
        .flat_map(|service| &service.target_groups);
    let seconds = groups
        .filter_map(|arn| plan.target_groups.get(arn))
        .map(|group| group.drain_seconds)
        .max()
        .unwrap_or(0);
    Duration::from_secs(u64::from(seconds))
}

/// How long what is open may go on when a stack goes: as long as the platform lets it when a service is replaced.
fn last_answers(plan: &Plan) -> Duration {
    let services = plan.services.iter();
    let services = services.map(|service| drain_time(plan, &service.logical_id));
    let functions = plan.functions.iter();
    let functions = functions.map(|function| Duration::from_secs(function.timeout_seconds.into()));
    services.chain(functions).max().unwrap_or_default()
}

/// Takes a whole stack down. With `forget_all` its names, secrets and credentials go too.
pub(super) async fn down(cloud: &Cloud, live: &Live, forget_all: bool) {
    close_ports(live, None).await;
    let supervised_processes: Vec<&Arc<SupervisedProcess>> = live.supervised_processes().collect();
    futures_util::future::join_all(
        supervised_processes
            .iter()
            .map(|supervised| supervised.stop()),
    )
    .await;
    forget(cloud, &live.plan, None, forget_all).await;
}

/// After a failure: stops what was new, and forgets names that the previous version does not have.
pub(super) async fn abandoned(cloud: &Cloud, live: &Live, before: Option<&Live>) {
    let is_old = |supervised: &Arc<SupervisedProcess>| {
        before.is_some_and(|before| {
            before
                .supervised_processes()
                .any(|old| Arc::ptr_eq(old, supervised))
        })
    };
    let new: Vec<&Arc<SupervisedProcess>> = live
        .supervised_processes()
        .filter(|supervised| !is_old(supervised))
        .collect();
    futures_util::future::join_all(new.iter().map(|supervised| supervised.stop())).await;
    for (logical_id, balancer) in &live.balancers {
        if before.is_none_or(|before| !before.balancers.contains_key(logical_id)) {
            balancer.front.close(last_answers(&live.plan)).await;
        }
    }
    for (logical_id, front) in &live.urls {
        if before.is_none_or(|before| !before.urls.contains_key(logical_id)) {
            front.close(last_answers(&live.plan)).await;
        }
    }
    forget(cloud, &live.plan, before.map(|before| &before.plan), true).await;
}

/// Closes the ports that `now` does not keep.
async fn close_ports(before: &Live, now: Option<&Live>) {
    let patience = last_answers(&before.plan);
    let mut closing: Vec<futures_util::future::BoxFuture<'_, ()>> = Vec::new();
    for (logical_id, balancer) in &before.balancers {
        if now
            .and_then(|now| now.balancers.get(logical_id))
            .is_none_or(|new| !Arc::ptr_eq(new, balancer))
        {
            closing.push(Box::pin(balancer.front.close(patience)));
        }
    }
    for (logical_id, front) in &before.urls {
        if now
            .and_then(|now| now.urls.get(logical_id))
            .is_none_or(|new| !Arc::ptr_eq(new, front))
        {
            closing.push(Box::pin(front.close(patience)));
        }
    }
    futures_util::future::join_all(closing).await;
}

/// Makes the local AWS forget what `now` does not have; with `for_good` the vault too.
async fn forget(cloud: &Cloud, before: &Plan, now: Option<&Plan>, for_good: bool) {
    let vault = &cloud.launcher.vault;
    let told = |result: anyhow::Result<()>| {
        if let Err(error) = result {
            note(
                &cloud.launcher.folder,
                "ERROR",
                "something could not be forgotten",
                &[("error", format!("{error:#}"))],
            );
        }
    };
    for function in before
        .functions
        .iter()
        .filter(|old| now.is_none_or(|now| !now.functions.iter().any(|new| new.arn == old.arn)))
    {
        cloud.aws.remove_function(&function.arn).await;
    }
    for runtime in before
        .runtimes
        .iter()
        .filter(|old| now.is_none_or(|now| !now.runtimes.iter().any(|new| new.arn == old.arn)))
    {
        cloud.aws.remove_runtime(&runtime.arn);
    }
    for role in before
        .roles
        .iter()
        .filter(|old| now.is_none_or(|now| !now.roles.iter().any(|new| new.arn == old.arn)))
    {
        cloud.aws.remove_role(&role.arn);
        if for_good {
            told(vault.remove_credentials(&role.arn));
        }
    }
    for table in before.tables.iter().filter(|old| {
        let name = &old.definition.name;
        now.is_none_or(|now| !now.tables.iter().any(|new| new.definition.name == *name))
    }) {
        let gone = for_good && !table.retained;
        told(cloud.aws.remove_table(&table.definition.name, gone));
    }
    for secret in before
        .secrets
        .iter()
        .filter(|old| now.is_none_or(|now| !now.secrets.iter().any(|new| new.arn == old.arn)))
    {
        cloud.aws.remove_secret(&secret.arn);
        if for_good && !secret.retained {
            told(vault.remove_secret(&secret.arn));
        }
    }
}
