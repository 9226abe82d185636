//! What the verbs that operate a stage share: reaching what runs, and naming it.

use std::collections::BTreeMap;

use super::{deploy, rollout};
use crate::cloud::StackState;
use crate::context::Context;
use crate::error::UserError;
use crate::local::LocalCloud;
use crate::repo::Stage;

/// The stage's cloud, which must be running.
pub(crate) async fn cloud(
    context: &Context,
    stage: &Stage,
    verb: &str,
) -> anyhow::Result<LocalCloud> {
    deploy::local_only(stage, verb)?;
    let folder = rollout::folder(context, stage);
    LocalCloud::connect(&folder).await?.ok_or_else(|| {
        UserError::new(format!("nothing runs on the stage {}", stage.name))
            .hint("start it: cargo xtask deploy")
            .into()
    })
}

/// A stack's outputs as scripts read them: `runtimeArn`, not `RuntimeArn`.
pub(crate) fn camel_case_outputs(state: &StackState) -> BTreeMap<String, String> {
    let camel_case = |key: &str| {
        let mut letters = key.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_lowercase().to_string() + letters.as_str()
        })
    };
    state
        .outputs
        .iter()
        .map(|(key, value)| (camel_case(key), value.clone()))
        .collect()
}
