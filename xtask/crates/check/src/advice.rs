//! What we would not write, though AWS takes it. Each rule has a name, and can be allowed with a reason in the root manifest.

use super::System;
use super::report::Report;
use facts::nearest;

/// A rule whose findings are advice.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub name: &'static str,
    /// What it is about, for a list of all rules.
    pub about: &'static str,
}

/// Every rule of advice, by name.
pub const RULES: [Rule; 6] = [
    Rule {
        name: "data-left-behind",
        about: "a stage without protection deletes everything of it when it is destroyed",
    },
    Rule {
        name: "listens-for-all",
        about: "an image says on which address its program listens",
    },
    Rule {
        name: "log-retention",
        about: "logs are deleted after a time",
    },
    Rule {
        name: "managed-policy",
        about: "a role has the permissions that its service needs, and no policy of AWS's own",
    },
    Rule {
        name: "read-only-files",
        about: "a container cannot write to its own files",
    },
    Rule {
        name: "wide-permissions",
        about: "a policy names actions and resources one by one",
    },
];

/// A rule that is allowed is one that there is.
pub(crate) fn check(system: &System<'_>, report: &mut Report<'_>) {
    let names = RULES.map(|rule| rule.name);
    for (name, allowed) in &system.repo.allowed {
        if !names.contains(&name.as_str()) {
            let fix = match nearest(name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            report.add_at(
                allowed.place.clone(),
                format!("`check` has no advice called `{name}`"),
                fix,
            );
        }
    }
}
