//! Pure: what was found out, in lines that fit on a screen.

use super::containers::Seen;
use crate::control::AgentState;
use crate::ecs::StoppedTask;
use crate::explain::explain;
use crate::logs::Group;
use cloud::LogLine;

/// How many different reasons are told.
const REASONS_MAX: usize = 3;
/// How much of one line of a log is told.
const LETTERS_MAX: usize = 300;

/// Why containers stopped, what that means where it is known, and what the last one said.
pub(super) fn containers(seen: &Seen) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if seen.stopped.is_empty() {
        // Nothing ran at all, or nothing ended: only the service itself can say why.
        lines.extend(
            seen.remarks
                .iter()
                .map(|remark| format!("ECS says: {remark}")),
        );
        lines.extend(
            seen.remarks
                .iter()
                .find_map(|text| meaning(text))
                .into_iter()
                .flatten(),
        );
    } else {
        lines.extend(reasons(&seen.stopped));
        let verdict = seen.remarks.iter().find(|text| text.contains("unhealthy"));
        lines.extend(verdict.map(|text| format!("ECS says: {text}")));
        lines.extend(
            seen.stopped
                .first()
                .and_then(|task| meaning(&task.reason))
                .into_iter()
                .flatten(),
        );
    }
    match &seen.log {
        Some((groups, said)) => lines.extend(log(groups, said)),
        None if seen.stopped.iter().any(|task| task.ran) => {
            lines.push("its log has no line: it ended before it said anything".to_owned());
        }
        None => {}
    }
    lines.extend(seen.trouble.clone().filter(|_| lines.is_empty()));
    lines
}

fn meaning(reason: &str) -> Option<[String; 2]> {
    let known = explain(reason)?;
    Some([
        format!("  meaning: {}", known.meaning),
        format!("  fix: {}", known.fix),
    ])
}

/// Each reason once, the newest first, with how often it was met.
fn reasons(stopped: &[StoppedTask]) -> Vec<String> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for task in stopped {
        match reasons
            .iter_mut()
            .find(|(reason, _)| *reason == task.reason)
        {
            Some((_, count)) => *count += 1,
            None => reasons.push((&task.reason, 1)),
        }
    }
    let words = |(reason, count): (&str, usize)| match count {
        1 => format!("a task stopped: {reason}"),
        count => format!("{count} tasks stopped: {reason}"),
    };
    reasons.into_iter().take(REASONS_MAX).map(words).collect()
}

/// What AgentCore says, and what its reason means where it is known.
pub(super) fn agent(state: &AgentState) -> Vec<String> {
    let mut lines = vec![format!("AgentCore says: {}", state.words())];
    let known = state.failure.as_deref().and_then(meaning);
    lines.extend(known.into_iter().flatten());
    lines
}

pub(super) fn log(groups: &[Group], lines: &[LogLine]) -> Vec<String> {
    let mut told = vec![format!("the last lines of {}:", names(groups))];
    told.extend(lines.iter().map(|line| {
        let text = line.in_short();
        match text.char_indices().nth(LETTERS_MAX) {
            Some((end, _)) => format!("  {}...", &text[..end]),
            None => format!("  {text}"),
        }
    }));
    told
}

pub(super) fn silent(groups: &[Group]) -> Vec<String> {
    match groups {
        [] => Vec::new(),
        groups => vec![format!("{} has no line: nothing ever ran", names(groups))],
    }
}

fn names(groups: &[Group]) -> String {
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    names.join(", ")
}

pub(super) fn unknown(what: &str, error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let first = text.lines().next().unwrap_or_default();
    format!("nothing more is known of {what}: {first}")
}

/// Cluster and service out of an ECS service's ARN: `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE`.
pub(super) fn service<'a>(id: &'a str, cluster: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    let path = id.split_once(":service/").map_or(id, |(_, path)| path);
    match (path.split_once('/'), cluster) {
        (Some(found), _) => Some(found),
        (None, Some(cluster)) => Some((cluster, path)),
        (None, None) => None,
    }
}

/// Runtime and name out of an endpoint's ARN: `...:runtime/ID/runtime-endpoint/NAME`.
pub(super) fn endpoint(arn: &str) -> Option<(&str, &str)> {
    arn.split_once(":runtime/")?
        .1
        .split_once("/runtime-endpoint/")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn names_out_of_physical_ids() {
        let arn = "arn:aws:ecs:us-west-2:123456789012:service/cluster-1/turnpike-dev-agent";
        assert_eq!(
            service(arn, None),
            Some(("cluster-1", "turnpike-dev-agent"))
        );
        assert_eq!(
            service("old-style", Some("cluster-2")),
            Some(("cluster-2", "old-style"))
        );
        assert_eq!(service("old-style", None), None);
        let arn = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/agent-a1/runtime-endpoint/live";
        assert_eq!(endpoint(arn), Some(("agent-a1", "live")));
        assert_eq!(endpoint("live"), None);
    }

    fn task(reason: &str, ran: bool) -> StoppedTask {
        StoppedTask {
            id: "0123".to_owned(),
            stopped_at: String::new(),
            reason: reason.to_owned(),
            task_definition: String::new(),
            ran,
            was_wanted: false,
        }
    }

    fn said(lines: &[&str]) -> Option<(Vec<Group>, Vec<LogLine>)> {
        let group = super::super::group("/ecs/small-dev-agent".to_owned());
        let line = |text: &&str| LogLine::plain("", text, datetime!(2026-11-22 12:00:01 UTC));
        Some((vec![group], lines.iter().map(line).collect()))
    }

    fn cases() -> Vec<Seen> {
        let crashed = "Essential container in task exited; agent: exit code 3";
        vec![
            Seen {
                stopped: vec![
                    task(crashed, true),
                    task(crashed, true),
                    task("it was told to", true),
                ],
                log: said(&["listening", &"long ".repeat(100)]),
                ..Seen::default()
            },
            Seen {
                stopped: vec![task(
                    "CannotPullContainerError: manifest for a@sha256:00 not found",
                    false,
                )],
                ..Seen::default()
            },
            Seen {
                stopped: vec![task("Task failed ELB health checks in (target-group agent)", true)],
                remarks: vec![
                    "IN_PROGRESS".to_owned(),
                    "12:00 (service agent) (port 8080) is unhealthy due to (reason Health checks failed with these codes: [503])".to_owned(),
                ],
                log: said(&["agent answers 503"]),
                ..Seen::default()
            },
            Seen {
                stopped: vec![task(crashed, true)],
                ..Seen::default()
            },
            Seen {
                remarks: vec![
                    "IN_PROGRESS".to_owned(),
                    "unable to place a task. Reason: Capacity is unavailable at this time."
                        .to_owned(),
                ],
                ..Seen::default()
            },
            Seen {
                trouble: Some("nothing more is known of the service: refused".to_owned()),
                ..Seen::default()
            },
        ]
    }

    #[test]
    fn what_is_told_of_containers() {
        let told: Vec<String> = cases()
            .iter()
            .map(|seen| containers(seen).join("\n"))
            .collect();
        expect![[r#"
            2 tasks stopped: Essential container in task exited; agent: exit code 3
            a task stopped: it was told to
              meaning: the program ended by itself
              fix: its last lines say why: fix that and deploy again
            the last lines of /ecs/small-dev-agent:
              12:00:01 listening
              12:00:01 long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long long l...
            --
            a task stopped: CannotPullContainerError: manifest for a@sha256:00 not found
              meaning: the image is not in the repository: it was never pushed, or a lifecycle rule has removed it
              fix: deploy again: what is missing is pushed anew
            --
            a task stopped: Task failed ELB health checks in (target-group agent)
            ECS says: 12:00 (service agent) (port 8080) is unhealthy due to (reason Health checks failed with these codes: [503])
              meaning: the container runs, and does not answer its load balancer's health check with 200
              fix: does it listen on its port on 0.0.0.0, is it quick enough to start, and does its health page say 200? Its last lines may tell
            the last lines of /ecs/small-dev-agent:
              12:00:01 agent answers 503
            --
            a task stopped: Essential container in task exited; agent: exit code 3
              meaning: the program ended by itself
              fix: its last lines say why: fix that and deploy again
            its log has no line: it ended before it said anything
            --
            ECS says: IN_PROGRESS
            ECS says: unable to place a task. Reason: Capacity is unavailable at this time.
              meaning: Fargate has no room of this kind in these zones at the moment
              fix: run the same command again in a few minutes
            --
            nothing more is known of the service: refused"#]].assert_eq(&told.join("\n--\n"));
    }
}
