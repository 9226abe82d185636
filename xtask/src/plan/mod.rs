//! Pure: from facts to steps, as data. Nothing here touches a file, a process or a network.

mod order;
mod parameters;
mod stacks;

pub(crate) use parameters::Source;
pub(crate) use stacks::{ArgValue, StackPlan, stacks};
