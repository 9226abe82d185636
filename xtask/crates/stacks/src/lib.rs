//! Pure: from facts to the stacks of a stage, in the order of their deploy, with their templates. Nothing here touches a file, a
//! process or a network.

mod plan;
mod render;
mod rendered;

pub use plan::{
    Arg, ArgValue, DescribedStack, DescribedStage, Input, Source, StackPlan, answers_the_world,
    stacks,
};
pub use render::{
    CallValues, Engine, EnvironmentValue, ExistingSecretValues, HealthCheck, ParameterValues,
    SecretValues, ServiceValues, StackValues, StageValues, TableValues, names,
};
pub use rendered::{RenderedStack, check_part_of_stage, chosen, interpret, render};
