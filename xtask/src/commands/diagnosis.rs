use crate::tools::aws::Aws;
use crate::tools::aws::cloudformation::StackEvent;
use std::collections::BTreeMap;
pub(crate) async fn collect(
    _aws: &Aws,
    _outputs: Option<&BTreeMap<String, String>>,
    _event: &StackEvent,
) -> Vec<String> {
    Vec::new()
}
