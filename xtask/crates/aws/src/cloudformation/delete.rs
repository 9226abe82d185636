//! Ending things: deletion, cancellation, and the protection against the first.

use super::{CloudFormation, Since};
use crate::errors::{Refusal, refused};
use words::error::UserError;

impl CloudFormation {
    /// Starts deleting a stack, and returns from where to watch. `retain` names resources to leave behind, which
    /// CloudFormation allows once a deletion has failed because of them.
    ///
    /// # Errors
    /// The stack is protected, others use its exports, or CloudFormation cannot be reached.
    pub async fn delete(&self, stack_id: &str, retain: &[String]) -> anyhow::Result<Since> {
        let doing = format!("delete the stack {}", short(stack_id));
        let since = self
            .now(stack_id)
            .await
            .map_err(|refusal| refusal.into_error(&doing))?;
        let retain = (!retain.is_empty()).then(|| retain.to_vec());
        let call = self
            .client
            .delete_stack()
            .stack_name(stack_id)
            .client_request_token(super::token())
            .set_retain_resources(retain);
        let Err(error) = call.send().await else {
            return Ok(since);
        };
        let refusal = Refusal::of(&error);
        if refusal.message.contains("TerminationProtection") {
            let problem = format!(
                "the stack {} is protected against deletion",
                short(stack_id)
            );
            let hint = "nothing was deleted; take `protect` off the stage in Cargo.toml and deploy it, if the stage is really to go";
            return Err(UserError::new(problem).hint(hint).into());
        }
        // The first try may have been accepted and its answer lost.
        if refusal.passing && self.has_begun(stack_id, &since).await? {
            return Ok(since);
        }
        Err(refusal.into_error(&doing))
    }

    /// Rolls a running update back. False when it is too late, or it is not an update: the creation of a stack can only be ended
    /// by deleting it.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn cancel(&self, stack_id: &str) -> anyhow::Result<bool> {
        let call = self
            .client
            .cancel_update_stack()
            .stack_name(stack_id)
            .client_request_token(super::token());
        let Err(error) = call.send().await else {
            return Ok(true);
        };
        match Refusal::of(&error) {
            refusal if refusal.is("ValidationError") => Ok(false),
            refusal => {
                Err(refusal.into_error(&format!("cancel the update of {}", short(stack_id))))
            }
        }
    }

    /// Turns termination protection on or off.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn protect(&self, stack_id: &str, on: bool) -> anyhow::Result<()> {
        self.client
            .update_termination_protection()
            .stack_name(stack_id)
            .enable_termination_protection(on)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| {
                refused(
                    &format!("change the protection of {}", short(stack_id)),
                    &error,
                )
            })
    }
}

/// The name out of an ARN, or the name itself.
pub(super) fn short(stack_id: &str) -> &str {
    stack_id
        .split_once(":stack/")
        .and_then(|(_, rest)| rest.split('/').next())
        .unwrap_or(stack_id)
}
