//! Pure: from facts to steps, as data. Nothing here touches a file, a process or a network.

mod against;
mod described;
mod diff;
mod hash;
mod order;
mod parameters;
mod references;
mod stacks;

pub(crate) use against::{Cause, Compared, Fate, InputChange, Rendering, compare};
pub(crate) use described::{DescribedStack, DescribedStage};
pub(crate) use diff::{Desired, diff, moved_outputs};
pub(crate) use hash::inputs_hash;
pub(crate) use parameters::Source;
pub(crate) use stacks::{ArgValue, StackPlan, answers_the_world, stacks};
