//! A stage as data: its stacks in order, and where each value comes from. `plan --offline --json` prints it, and `render` keeps
//! it beside the templates.

use serde::{Deserialize, Serialize};

use super::parameters::Input;
use super::stacks::{ArgValue, StackPlan};
use crate::repo::Stage;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedStage {
    pub(crate) stage: String,
    pub(crate) stacks: Vec<DescribedStack>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DescribedStack {
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) kind: Option<String>,
    /// The template's file under `templates/`.
    pub(crate) template: String,
    /// The owners of the stacks that must stand before this one.
    pub(crate) after: Vec<String>,
    pub(crate) args: Vec<Arg>,
    pub(crate) parameters: Vec<Input>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arg {
    pub(crate) name: String,
    pub(crate) value: ArgValue,
}

impl DescribedStage {
    pub(crate) fn of<'a>(stage: &Stage, stacks: impl IntoIterator<Item = &'a StackPlan>) -> Self {
        Self {
            stage: stage.name.clone(),
            stacks: stacks.into_iter().map(DescribedStack::of).collect(),
        }
    }
}

impl DescribedStack {
    pub(crate) fn of(plan: &StackPlan) -> Self {
        let arg = |(name, value): &(String, ArgValue)| Arg {
            name: name.clone(),
            value: value.clone(),
        };
        Self {
            name: plan.name.clone(),
            owner: plan.owner.clone(),
            kind: plan.kind.map(|kind| kind.name().to_owned()),
            template: plan.template.clone(),
            after: plan.after.clone(),
            args: plan.args.iter().map(arg).collect(),
            parameters: plan.inputs.clone(),
        }
    }
}
