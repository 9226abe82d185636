//! Pure: from facts to steps, as data. Nothing here touches a file, a process or a network.

mod order;
mod stacks;

pub(crate) use stacks::{ArgValue, Source, StackPlan, stacks};
