//! Who calls waits longer than who is called takes: otherwise an answer, and what was paid for it, reaches nobody.

use kinds::AnswerLimit;

use super::Repo;
use super::manifest::ManifestFile;
use super::service::{Service, Value};
use words::error::Problem;

const HEADER: &str = "package.metadata.service";
const KEY: &str = "answers_within_seconds";

pub(crate) fn check(repo: &Repo, problems: &mut Vec<Problem>) {
    for service in &repo.services {
        let file = ManifestFile::new(&repo.root, &service.manifest);
        let mut refuse =
            |text: String, fix: String| problems.push(file.problem(HEADER, KEY, text, fix));
        within_timeout(service, &mut refuse);
        for (_, _, value) in service.values() {
            if let Value::Link(link) = value
                && let Some(callee) = repo.service(&link.service)
            {
                longer_than(service, callee, &mut refuse);
            }
        }
    }
}

fn within_timeout(service: &Service, refuse: &mut impl FnMut(String, String)) {
    let Some(within) = &service.answers_within else {
        return;
    };
    if within.seconds == 0 {
        let text = "no service answers within 0 s".to_owned();
        refuse(text, format!("write {KEY} = 30, or another number"));
    }
    let (name, seconds, platform) = (&service.name, within.seconds, service.kind.platform);
    match service.kind.answer_limit {
        AnswerLimit::Stop {
            seconds_max,
            margin_seconds,
        } => {
            let longest = seconds_max - margin_seconds;
            if seconds > longest {
                refuse(
                    format!(
                        "{name} says that it answers within {seconds} s, and {platform} ends a task {seconds_max} s after it was told to stop: an answer that was under way is lost"
                    ),
                    format!("write {KEY} = {longest}, or less"),
                );
            }
        }
        AnswerLimit::Timeout => {
            let timeout = service.timeout_seconds;
            if timeout <= seconds {
                refuse(
                    format!(
                        "{name} says that it answers within {seconds} s, and {platform} ends it after {timeout}"
                    ),
                    format!(
                        "write timeout_seconds = {}, or a smaller {KEY}",
                        seconds + 5
                    ),
                );
            }
        }
        AnswerLimit::None => {}
    }
}

fn longer_than(caller: &Service, callee: &Service, refuse: &mut impl FnMut(String, String)) {
    let Some(called) = &callee.answers_within else {
        if caller.answers_within.is_some() {
            refuse(
                format!(
                    "{} calls {}, which does not say how long that takes",
                    caller.name, callee.name
                ),
                format!(
                    "write {KEY} into the manifest of {}: less than here",
                    callee.name
                ),
            );
        }
        return;
    };
    let seconds = called.seconds;
    match &caller.answers_within {
        Some(waits) if waits.seconds > seconds => {}
        Some(waits) => refuse(
            format!(
                "{} answers within {} s, and {}, which it calls, takes up to {seconds} ({}): whoever waits for {0} is gone before the answer is there",
                caller.name, waits.seconds, callee.name, called.place
            ),
            format!(
                "write {KEY} of more than {seconds}, or a smaller one for {}",
                callee.name
            ),
        ),
        None => refuse(
            format!(
                "{} calls {}, which takes up to {seconds} s ({}), and does not say how long it takes itself",
                caller.name, callee.name, called.place
            ),
            format!(
                "write {KEY} = {}, or another number above {seconds}",
                seconds + 10
            ),
        ),
    }
}
