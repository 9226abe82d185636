//! Who decides about a signature, asked of the chain: an account without code is a key, one with code is asked by ERC-1271.
//!
//! The same rule as in the reference facilitator (`@x402/evm`, `shared/verifySignature`): where there is code, a key that signs
//! for the account counts for nothing.

use super::shared::Shared;
use super::token;
use alloy_primitives::B256;
use x402::chain::RpcError;
use x402::reason;
use x402::signature::{self, SignedBy};
use x402::wire::ExactPayload;

/// Why nobody is known to have signed.
pub(super) enum NotSigned {
    Refused(&'static str),
    /// The chain cannot be asked.
    Unknown(RpcError),
}

impl NotSigned {
    /// The reason code; `unknown` when the chain cannot be asked.
    pub(super) fn reason(self, unknown: &'static str) -> &'static str {
        match self {
            Self::Refused(reason) => reason,
            Self::Unknown(error) => {
                tracing::warn!(%error, "it is not known who has signed");
                unknown
            }
        }
    }
}

impl Shared {
    /// # Errors
    /// The signature is not the account's, or the chain cannot be asked.
    pub(super) async fn signed_by(
        &self,
        digest: B256,
        payload: &ExactPayload,
    ) -> Result<SignedBy, NotSigned> {
        let refused = NotSigned::Refused;
        // Verified a moment ago; should the account have got code since, the token asks that.
        if self.rules.was_signed(&digest, payload) {
            return Ok(SignedBy::Key);
        }
        let from = payload.authorization.from;
        let signature = signature::parse(&payload.signature).ok_or(refused(reason::SIGNATURE))?;
        if signature::is_counterfactual(&signature) {
            return Err(refused(reason::FACTORY_NOT_ALLOWED));
        }
        if !self.node.has_code(from).await.map_err(NotSigned::Unknown)? {
            let signed = self.rules.check_signed(digest, payload);
            return signed.map(|()| SignedBy::Key).map_err(refused);
        }
        let question = token::is_valid_signature(digest, &signature);
        // The wallet sees the token ask, as it does when the money moves.
        match self.node.simulate(self.token(), from, &question).await {
            Ok(answer) if token::says_yes(&answer) => Ok(SignedBy::Contract),
            Ok(_) | Err(RpcError::Refused { .. }) => Err(refused(reason::SIGNATURE)),
            Err(error) => Err(NotSigned::Unknown(error)),
        }
    }
}
