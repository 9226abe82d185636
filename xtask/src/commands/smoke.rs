use crate::commands::rollout::Outputs;
use crate::context::Context;
use crate::repo::Stage;
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}
pub(crate) async fn check(_context: &Context, _stage: &Stage, _outputs: &Outputs) -> Vec<Check> {
    Vec::new()
}
