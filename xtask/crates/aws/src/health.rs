//! How a stack on AWS does: what CloudFormation says of it, and what ECS and AgentCore say of what runs in it.

use crate::Aws;
use crate::control::{AgentState, Control};
use crate::ecs::Ecs;
use cloud::{Condition, DeployedStack, ProcessState, StackState, condition};

/// What the stack's status says: whether what it made may be healthy, and what a person should know.
pub(super) fn of_stack(deployed: &DeployedStack) -> (bool, Vec<String>) {
    let because = |text: &str| match &deployed.status_reason {
        Some(reason) => format!("{text}: {reason}"),
        None => text.to_owned(),
    };
    match condition(&deployed.status) {
        Condition::Steady if deployed.status == "UPDATE_ROLLBACK_COMPLETE" => (
            true,
            vec![because(
                "its last update failed, and what ran before runs on",
            )],
        ),
        Condition::Steady => (true, Vec::new()),
        Condition::InProgress(operation) => {
            let since = deployed.updated_at.as_ref().unwrap_or(&deployed.created_at);
            // While it is updated, the old version serves.
            let serves = deployed.status.starts_with("UPDATE");
            (
                serves,
                vec![format!("it {} since {since}", operation.words())],
            )
        }
        Condition::ReviewInProgress => (
            false,
            vec!["it was planned and never created; the next deploy goes on from here".to_owned()],
        ),
        _ => (false, vec![because(&deployed.status)]),
    }
}

/// Asks the services behind a stack. What cannot be asked is not known to be healthy.
pub(super) async fn ask(aws: &Aws, mut stack: StackState) -> StackState {
    let output = |key: &str| stack.outputs.get(key).cloned();
    let asked = if let (Some(cluster), Some(service)) =
        (output("ClusterName"), output("ServiceName"))
    {
        of_service(&Ecs::new(aws.config()), &cluster, &service, &mut stack).await
    } else if let (Some(runtime), Some(endpoint)) = (output("RuntimeId"), output("EndpointName")) {
        of_agent(&Control::new(aws.config()), &runtime, &endpoint, &mut stack).await
    } else {
        if let Some(function) = output("FunctionName") {
            stack
                .processes
                .push(process(function, "started on demand".to_owned()));
        }
        Ok(())
    };
    if let Err(error) = asked {
        stack.healthy = false;
        stack.remarks.push(format!("{error:#}"));
    }
    stack
}

async fn of_service(
    ecs: &Ecs,
    cluster: &str,
    service: &str,
    stack: &mut StackState,
) -> anyhow::Result<()> {
    let Some(state) = ecs.service(cluster, service).await? else {
        stack.healthy = false;
        stack
            .remarks
            .push(format!("the service {service} is not there"));
        return Ok(());
    };
    stack.processes = ecs.running_tasks(cluster, service).await?;
    if state.is_healthy() {
        return Ok(());
    }
    stack.healthy = false;
    let (running, desired) = (state.running, state.desired);
    stack.remarks.push(format!(
        "{running} of {desired} tasks run, {} start",
        state.pending
    ));
    stack
        .remarks
        .extend(state.rollout.map(|rollout| format!("rollout {rollout}")));
    if let Some(task) = ecs.stopped_tasks(cluster, service).await?.first() {
        stack.remarks.push(format!(
            "the last task to stop, at {}: {}",
            task.stopped_at, task.reason
        ));
    }
    stack.remarks.extend(state.events);
    Ok(())
}

async fn of_agent(
    control: &Control,
    runtime: &str,
    endpoint: &str,
    stack: &mut StackState,
) -> anyhow::Result<()> {
    let (version, serving) = tokio::try_join!(
        control.runtime(runtime),
        control.endpoint(runtime, endpoint)
    )?;
    for (name, state) in [
        (format!("runtime {runtime}"), &version),
        (format!("endpoint {endpoint}"), &serving),
    ] {
        match state {
            Some(state) => stack.processes.push(process(name, state.words())),
            None => stack.remarks.push(format!("the {name} is not there")),
        }
    }
    let ready = |state: &Option<AgentState>| state.as_ref().is_some_and(AgentState::is_ready);
    stack.healthy &= ready(&version) && ready(&serving);
    let live = serving.and_then(|serving| serving.version);
    if let Some(remark) = stays_behind(stack.outputs.get("RuntimeVersion"), live.as_ref()) {
        stack.healthy = false;
        stack.remarks.push(remark);
    }
    Ok(())
}

/// An endpoint that serves another version than the stack made last.
pub(crate) fn stays_behind(made: Option<&String>, live: Option<&String>) -> Option<String> {
    match (made, live) {
        (Some(made), Some(live)) if made != live => Some(format!(
            "the endpoint serves version {live}, and the stack made version {made} last"
        )),
        _ => None,
    }
}

fn process(name: String, state: String) -> ProcessState {
    ProcessState {
        name,
        pid: None,
        state,
        restarts: 0,
        started_at: None,
        last_exit: None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_a_status_says() {
        let told = [
            ("CREATE_COMPLETE", None),
            ("UPDATE_COMPLETE", None),
            (
                "UPDATE_ROLLBACK_COMPLETE",
                Some("The following resource(s) failed to update: [Service]."),
            ),
            ("CREATE_IN_PROGRESS", None),
            ("UPDATE_IN_PROGRESS", None),
            ("UPDATE_ROLLBACK_IN_PROGRESS", None),
            ("DELETE_IN_PROGRESS", None),
            ("REVIEW_IN_PROGRESS", None),
            ("ROLLBACK_COMPLETE", None),
            (
                "UPDATE_ROLLBACK_FAILED",
                Some("The following resource(s) failed to update: [Role]."),
            ),
            (
                "DELETE_FAILED",
                Some("The following resource(s) failed to delete: [Bucket]."),
            ),
        ]
        .map(|(status, reason)| {
            let deployed = DeployedStack {
                name: "turnpike-dev-agent".to_owned(),
                owner: "agent".to_owned(),
                stack_id: String::new(),
                status: status.to_owned(),
                status_reason: reason.map(str::to_owned),
                outputs: Default::default(),
                parameters: Default::default(),
                inputs_hash: None,
                protected: false,
                created_at: "2026-11-22T12:00:00Z".to_owned(),
                updated_at: None,
            };
            let (healthy, remarks) = of_stack(&deployed);
            let well = if healthy { "well" } else { "not well" };
            format!("{status}: {well} {}", remarks.join("; "))
                .trim_end()
                .to_owned()
        });
        expect![[r#"
            CREATE_COMPLETE: well
            UPDATE_COMPLETE: well
            UPDATE_ROLLBACK_COMPLETE: well its last update failed, and what ran before runs on: The following resource(s) failed to update: [Service].
            CREATE_IN_PROGRESS: not well it is being created since 2026-11-22T12:00:00Z
            UPDATE_IN_PROGRESS: well it is being updated since 2026-11-22T12:00:00Z
            UPDATE_ROLLBACK_IN_PROGRESS: well it is being rolled back since 2026-11-22T12:00:00Z
            DELETE_IN_PROGRESS: not well it is being deleted since 2026-11-22T12:00:00Z
            REVIEW_IN_PROGRESS: not well it was planned and never created; the next deploy goes on from here
            ROLLBACK_COMPLETE: not well ROLLBACK_COMPLETE
            UPDATE_ROLLBACK_FAILED: not well UPDATE_ROLLBACK_FAILED: The following resource(s) failed to update: [Role].
            DELETE_FAILED: not well DELETE_FAILED: The following resource(s) failed to delete: [Bucket]."#]].assert_eq(&told.join("\n"));
    }
}
