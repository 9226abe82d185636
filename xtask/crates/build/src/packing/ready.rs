//! What is missing to build services, looked for before anything is compiled.

use std::collections::BTreeMap;

use anyhow::Context as _;
use facts::{Context, Service};
use words::error::{NotInThisBuild, UserError, hint};

use super::{Builder, engine};
use crate::cross::Tools;

/// What compiles these services, once it is certain that they can be built with these values for their ARGs.
///
/// # Errors
/// The `problems` that are known already, everything that this machine lacks (compilers, the Docker engine), and what Dockerfiles
/// get wrong, at once.
pub async fn ready(
    context: &Context,
    services: &[(&Service, BTreeMap<String, String>)],
    builder: Option<Builder>,
    mut problems: Vec<anyhow::Error>,
) -> anyhow::Result<Tools> {
    let repo = &context.repo;
    let tools = match Tools::find(&repo.root, &repo.target) {
        Ok(tools) => Some(tools),
        Err(missing) => {
            problems.extend(missing);
            None
        }
    };
    let mut needs_engine = None;
    for (service, arguments) in services {
        if !service.kind.has_image() || builder == Some(Builder::Embedded) {
            continue;
        }
        let (path, shown) = facts::dockerfile_path(repo, service);
        match image::read(&shown, &files::read(&path)?, arguments) {
            Err(problem) => problems.push(UserError::new(problem).into()),
            Ok(image) => {
                let why = match (&image.outside, builder) {
                    (Some(outside), _) => Some(outside.sentence(&shown)),
                    (None, Some(_)) => Some(engine::asked_for(&shown)),
                    (None, None) => None,
                };
                needs_engine = needs_engine.or(why);
            }
        }
    }
    if let Some(why) = needs_engine {
        problems.extend(engine::missing(why).await);
    }
    refuse(problems)?;
    tools.context("the tools for the target were not found")
}

/// Fails with all problems at once.
///
/// # Errors
/// The only problem as it is, or one that lists them all with their ways out.
fn refuse(mut problems: Vec<anyhow::Error>) -> anyhow::Result<()> {
    // Another build of the tool looks again. Nobody should wait for that build when something else is missing.
    if problems.len() > 1 {
        problems.retain(|problem| problem.downcast_ref::<NotInThisBuild>().is_none());
    }
    if problems.len() < 2 {
        return problems.pop().map_or(Ok(()), Err);
    }
    let mut text = format!(
        "these services cannot be built yet ({} problems)",
        problems.len()
    );
    for problem in &problems {
        text += &format!("\n{problem:#}").replace('\n', "\n  ");
        if let Some(hint) = hint(problem) {
            text += &format!("\n    fix: {hint}");
        }
    }
    Err(UserError::new(text).into())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use words::error::Failure;

    use super::*;

    fn said(problems: Vec<anyhow::Error>) -> String {
        refuse(problems).map_or_else(|error| format!("{error:#}"), |()| "fine".to_owned())
    }

    fn compiler() -> anyhow::Error {
        Failure::new("there is no C compiler", "apt-get install gcc").into()
    }

    #[test]
    fn what_is_missing_is_said_at_once() {
        let dockerfile = UserError::new("some ARGs have no value\n  a: b\n    fix: c");
        let engine = || NotInThisBuild::DockerEngine.into();
        assert_eq!(said(Vec::new()), "fine");
        assert_eq!(said(vec![compiler()]), "there is no C compiler");
        assert_eq!(said(vec![compiler(), engine()]), "there is no C compiler");
        assert!(said(vec![engine()]).contains("no support for the Docker engine"));
        expect![[r#"
            these services cannot be built yet (2 problems)
              some ARGs have no value
                a: b
                  fix: c
              there is no C compiler
                fix: apt-get install gcc"#]]
        .assert_eq(&said(vec![dockerfile.into(), compiler()]));
    }
}
