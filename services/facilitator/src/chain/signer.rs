//! Who decides about a signature, asked of the chain: an account without code is a key, one with code is asked by ERC-1271.
//!
//! The same rule as in the reference facilitator (`@x402/evm`, `shared/verifySignature`): where there is code, a key that signs
//! for the account counts for nothing.

use super::fees::GAS_MAX;
use super::shared::Shared;
use super::token::{self, Form, MULTICALL};
use alloy_primitives::{Address, B256};
use x402::chain::RpcError;
use x402::reason;
use x402::signature;
use x402::wire::ExactPayload;

/// Why it is not known who signed.
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
                tracing::warn!(%error, "cannot determine who has signed");
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
    ) -> Result<Form, NotSigned> {
        let refused = NotSigned::Refused;
        // Verified a moment ago; if the account has had code deployed since, the token asks that code.
        if self.rules.was_signed(&digest, payload) {
            return Ok(Form::Key);
        }
        let from = payload.authorization.from;
        let signature = signature::parse(&payload.signature).ok_or(refused(reason::SIGNATURE))?;
        let wrapped = match signature::is_counterfactual(&signature) {
            true => Some(signature::counterfactual(&signature).ok_or(refused(reason::SIGNATURE))?),
            false => None,
        };
        let has_code = self.node.has_code(from).await.map_err(NotSigned::Unknown)?;
        let inner = match &wrapped {
            Some(wrapped) if !has_code => return self.deployed_by(wrapped.factory).await,
            Some(wrapped) => &wrapped.signature,
            None if !has_code => {
                let signed = self.rules.check_signed(digest, payload);
                return signed.map(|()| Form::Key).map_err(refused);
            }
            None => &signature,
        };
        if self.memory.distrusts(from) {
            return Err(refused(reason::WALLET_REVERTED));
        }
        let question = token::is_valid_signature(from, digest, inner);
        // The wallet sees the token ask, as it does when the money moves.
        let answer = self.node.simulate(self.token(), &question, GAS_MAX).await;
        match answer {
            Ok(answer) if token::says_yes(&answer) => Ok(Form::Contract),
            Ok(_) | Err(RpcError::Refused { .. }) => Err(refused(reason::SIGNATURE)),
            Err(error) => Err(NotSigned::Unknown(error)),
        }
    }

    /// A wallet that its factory is still to deploy. Nobody can be asked whether it has signed, so the transfer that follows
    /// the deployment decides. A factory can spend our gas on anything, so only allowed ones are called.
    async fn deployed_by(&self, factory: Address) -> Result<Form, NotSigned> {
        if !self.factories_allowed.contains(&factory) {
            return Err(NotSigned::Refused(reason::FACTORY_NOT_ALLOWED));
        }
        // A call of nothing succeeds.
        let there = self.node.has_code(MULTICALL).await;
        if !there.map_err(NotSigned::Unknown)? {
            tracing::warn!(%MULTICALL, "this chain has no Multicall3, so no wallet is deployed");
            return Err(NotSigned::Refused(reason::FACTORY_NOT_ALLOWED));
        }
        Ok(Form::Deploying)
    }
}
