//! Pure: the kinds of services. Each has a folder that says what it is, as data and small functions, and a line in [`ALL`];
//! everything that differs from kind to kind is read from there. See docs/adding-a-kind.md.

pub mod agentcore;
mod environment;
pub mod fargate;
mod kind;
pub mod lambda;
mod program;
mod size;
pub mod worker;

pub use environment::{EnvironmentLimits, VariableLimits};
pub use kind::{AnswerLimit, Artifact, Callers, Grant, Kind, Port, Regions, StackInput};
pub use program::{Program, RoleProperty, SecretsIn, Use};
pub use size::{Size, SizeProblem};

/// Every kind.
pub const ALL: [&Kind; 4] = [
    &fargate::KIND,
    &lambda::KIND,
    &agentcore::KIND,
    &worker::KIND,
];

/// The kind with this name, as manifests say it.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.into_iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_found_and_belong_to_one_kind() {
        let names: BTreeSet<&str> = ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|kind| find(kind.name) == Some(kind)));
        assert_eq!(find("fargat"), None);
    }

    #[test]
    fn what_a_permission_is_for_is_an_output() {
        for kind in ALL {
            if let Callers::Permitted { output, grants } = kind.callers {
                assert!(kind.outputs.contains(&output), "{}: {output}", kind.name);
                assert!(!grants.is_empty(), "{}", kind.name);
            }
        }
    }

    #[test]
    fn a_kind_needs_the_resource_that_starts_its_program() {
        for kind in ALL {
            let program = kind.program.resource_type;
            assert!(kind.resources.contains(&program), "{}", kind.name);
        }
    }
}
