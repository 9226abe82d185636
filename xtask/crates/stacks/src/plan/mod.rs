//! From facts to stacks, as data.

mod described;
mod order;
mod parameters;
mod stacks;

pub use described::{Arg, DescribedStack, DescribedStage};
pub use parameters::{Input, Source};
pub use stacks::{ArgValue, StackPlan, answers_the_world, stacks};
