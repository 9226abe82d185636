//! A stage as data: its stacks in order, and where each value comes from. `plan --offline --json` prints it, and `render` keeps
//! it beside the templates.

use serde::{Deserialize, Serialize};

use super::parameters::Input;
use super::stacks::{ArgValue, StackPlan};
use facts::Stage;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribedStage {
    pub stage: String,
    pub stacks: Vec<DescribedStack>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribedStack {
    pub name: String,
    pub owner: String,
    pub kind: Option<String>,
    /// The template's file under `templates/`.
    pub template: String,
    /// The owners of the stacks that must stand before this one.
    pub after: Vec<String>,
    pub args: Vec<Arg>,
    pub parameters: Vec<Input>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    pub name: String,
    pub value: ArgValue,
}

impl DescribedStage {
    pub fn of<'a>(stage: &Stage, stacks: impl IntoIterator<Item = &'a StackPlan>) -> Self {
        Self {
            stage: stage.name.clone(),
            stacks: stacks.into_iter().map(DescribedStack::of).collect(),
        }
    }
}

impl DescribedStack {
    pub fn of(plan: &StackPlan) -> Self {
        let arg = |(name, value): &(String, ArgValue)| Arg {
            name: name.clone(),
            value: value.clone(),
        };
        Self {
            name: plan.name.clone(),
            owner: plan.owner.clone(),
            kind: plan.kind.map(|kind| kind.name.to_owned()),
            template: plan.template.clone(),
            after: plan.after.clone(),
            args: plan.args.iter().map(arg).collect(),
            parameters: plan.inputs.clone(),
        }
    }
}
