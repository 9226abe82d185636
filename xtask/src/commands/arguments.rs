//! Values for the ARGs of images: the stage's settings, the outputs of what runs, and what was typed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use cloud::Outputs;
use facts::Context;
use facts::{CloudKind, Stage, looks_secret};
use local_cloud::LocalCloud;
use stacks::{ArgValue, StackPlan};
use words::error::{Problem, UserError};

/// Where the values of ARGs come from.
#[derive(Debug, Args)]
pub(crate) struct Values {
    /// The stage, from Cargo.toml
    #[arg(long, default_value = "local")]
    pub(crate) stage: String,
    /// A value for an ARG, in place of its link: NAME=VALUE (can be repeated)
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
}

/// The values of the ARGs of these services, by service, and what is wrong when some have none: these get a stand-in.
pub(super) async fn arguments(
    context: &Context,
    stage: &Stage,
    stacks: &[&StackPlan],
    set: &[String],
) -> anyhow::Result<(
    BTreeMap<String, BTreeMap<String, String>>,
    Option<UserError>,
)> {
    let set = parse_set(stacks, set)?;
    let outputs = deployed_outputs(context, stage).await?;
    let mut problems = Vec::new();
    let mut arguments = BTreeMap::new();
    for stack in stacks {
        let mut values = BTreeMap::new();
        for (name, value) in &stack.args {
            let found = match (set.get(name.as_str()), value) {
                (Some(value), _) => Some((*value).to_owned()),
                (None, ArgValue::Text(text)) => Some(text.clone()),
                (None, ArgValue::Output { owner, key }) => outputs
                    .get(owner)
                    .and_then(|outputs| outputs.get(key))
                    .cloned(),
            };
            match (found, value) {
                (Some(found), _) => drop(values.insert(name.clone(), found)),
                (None, ArgValue::Output { owner, key }) => {
                    values.insert(name.clone(), value.or_stand_in());
                    problems.push(Problem {
                        place: format!("services/{}/Cargo.toml", stack.owner),
                        text: format!(
                            "{name} is {key} of {owner}, which is not deployed to the stage {}",
                            stage.name
                        ),
                        fix: format!("deploy {owner} first, or give a value: --set {name}=..."),
                    });
                }
                (None, ArgValue::Text(_)) => {}
            }
        }
        arguments.insert(stack.owner.clone(), values);
    }
    let problem = match problems.as_slice() {
        [] => None,
        problems => Some(UserError::all("some ARGs have no value", problems)),
    };
    Ok((arguments, problem))
}

/// `NAME=VALUE` as it was typed, checked against the ARGs that there are.
fn parse_set<'a>(
    stacks: &[&StackPlan],
    set: &'a [String],
) -> Result<BTreeMap<&'a str, &'a str>, UserError> {
    let mut values = BTreeMap::new();
    for text in set {
        let Some((name, value)) = text
            .split_once('=')
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        else {
            return Err(UserError::new(format!("--set {text} is not NAME=VALUE")));
        };
        let names: Vec<&str> = stacks
            .iter()
            .flat_map(|stack| &stack.args)
            .map(|(name, _)| name.as_str())
            .collect();
        if !names.contains(&name) {
            return Err(
                UserError::new(format!("--set {name}: no chosen service has such an ARG"))
                    .hint(format!("ARGs: {}", names.join(", "))),
            );
        }
        if let Some(reason) = looks_secret(value) {
            let problem = format!(
                "--set {name} looks like a secret ({reason}), and anyone who has the image can read it"
            );
            return Err(UserError::new(problem)
                .hint("let the cloud make it: [package.metadata.service.secrets]"));
        }
        values.insert(name, value);
    }
    Ok(values)
}

/// What runs on the stage, by owner; nothing when nothing runs or it cannot be asked.
async fn deployed_outputs(context: &Context, stage: &Stage) -> anyhow::Result<Outputs> {
    if stage.cloud != CloudKind::Local {
        return Ok(Outputs::new());
    }
    let folder: PathBuf = local_cloud::stage_folder(context, stage);
    let Some(cloud) = LocalCloud::connect(&folder).await? else {
        return Ok(Outputs::new());
    };
    Ok(cloud
        .describe()
        .await?
        .into_iter()
        .map(|state| (state.owner, state.outputs))
        .collect())
}
