//! What a stack was made from, and how long it took.

use aws_sdk_cloudformation::types::TemplateStage;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::events::Feed;
use super::{CloudFormation, Since};
use crate::errors::refused;

impl CloudFormation {
    /// The template that the stack was made from, as it was given. It is this one that says what a deletion leaves behind.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn template(&self, name: &str) -> anyhow::Result<String> {
        let call = self.client.get_template().stack_name(name);
        let answer = call.template_stage(TemplateStage::Original).send().await;
        let answer =
            answer.map_err(|error| refused(&format!("read the template of {name}"), &error))?;
        Ok(answer.template_body.unwrap_or_default())
    }

    /// How long the last operation on the stack took; none when that cannot be told. Nobody needs it, so nothing fails for it.
    pub async fn last_seconds(&self, stack_id: &str) -> Option<f64> {
        let mut feed = Feed::new(stack_id, Since::Running);
        let events = feed.news(self).await.ok()?;
        let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let first = time(&events.first()?.at)?;
        let ended = events.iter().rev().find(|event| event.of_stack)?;
        let finished = ended.status.ends_with("_COMPLETE") && !ended.status.contains("ROLLBACK");
        finished.then(|| (time(&ended.at).unwrap_or(first) - first).as_seconds_f64())
    }
}
