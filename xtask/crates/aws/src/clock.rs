//! The other side's clock, read off its answers. Two machines' clocks differ; one machine's does not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

/// Listens to one request and keeps what its answer says the time is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    said: Arc<OnceLock<DateTime>>,
}

impl Clock {
    /// How long ago something was; none when the answer did not say what time it is.
    pub(crate) fn since(&self, moment: Option<&DateTime>) -> Option<Duration> {
        let seconds = self.said.get()?.secs().checked_sub(moment?.secs())?;
        Some(Duration::from_secs(seconds.try_into().unwrap_or(0)))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _runtime_components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(said) = date.and_then(|date| DateTime::from_str(date, Format::HttpDate).ok()) {
            // An answer that is asked for again says much the same.
            self.said.get_or_init(|| said);
        }
        Ok(())
    }
}
