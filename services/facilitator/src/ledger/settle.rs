//! One settlement: once, on the disk before anybody hears of it, and told again to the sale that it paid.

use super::Ledger;
use super::record::{Record, Transfer};
use crate::claim::{Asker, IdempotencyKey, asker};
use std::time::Duration;
use tokio::sync::oneshot;
use x402::wire::{FacilitatorRequest, SettlementResponse};
use x402::{B256, reason};

const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

impl Ledger {
    /// Moves the money, once. Returns when the transfer is on the disk. `key` names the sale: asked again, it hears "success"
    /// again, and no other sale does.
    pub async fn settle(
        &self,
        request: &FacilitatorRequest,
        key: Option<&IdempotencyKey>,
    ) -> SettlementResponse {
        let payment = &request.payment_payload.payload.authorization;
        let mut answer = SettlementResponse {
            success: false,
            error_reason: None,
            payer: Some(payment.from.to_checksum(None)),
            transaction: String::new(),
            network: self.asset().network.clone(),
            extra: None,
        };
        let failed = match self.transfer(request, key).await {
            Ok(transaction) => {
                answer.success = true;
                answer.transaction = transaction.to_string();
                return answer;
            }
            Err(failed) => failed,
        };
        let (reason, transaction) = match failed {
            Failed::Refused(reason) => (reason, None),
            Failed::Used(transaction) => (reason::NONCE_USED, transaction),
            Failed::Open(transaction) => (reason::SETTLEMENT_PENDING, transaction),
        };
        answer.error_reason = Some(reason.to_owned());
        let named = |hash: B256| [("transaction".to_owned(), hash.to_string().into())];
        answer.extra = transaction.map(|hash| named(hash).into_iter().collect());
        answer
    }

    async fn transfer(
        &self,
        request: &FacilitatorRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<B256, Failed> {
        let rules = &self.shared.rules;
        let transaction = rules.check_terms(request).map_err(Failed::Refused)?;
        // What was settled in time may be asked about for longer.
        if let Some(asker) = self.earlier(transaction, key) {
            return self.again(transaction, asker).await;
        }
        rules
            .check_signed(transaction, &request.payment_payload.payload)
            .map_err(Failed::Refused)?;
        rules.forget(&transaction);
        let transfer = Transfer {
            authorization: request.payment_payload.payload.authorization.clone(),
            transaction,
            settled_at: x402::now_seconds(),
            idempotency_key: key.cloned(),
        };
        let record = Record::Transfer(transfer.clone());
        let applied = {
            let mut book = self.book();
            // Sent under the lock, so that the lines have the order in which they were applied.
            book.apply(transfer)
                .map(|()| self.shared.writer.send(&record))
        };
        match applied {
            // Otherwise the transfer may or may not be in the file; a restart shows which.
            Ok(written) => match is_written(written).await {
                true => Ok(transaction),
                false => Err(Failed::Open(Some(transaction))),
            },
            Err(reason::NONCE_USED) => match self.earlier(transaction, key) {
                Some(asker) => self.again(transaction, asker).await,
                // The nonce paid for something else.
                None => Err(Failed::Used(None)),
            },
            Err(reason) => Err(Failed::Refused(reason)),
        }
    }

    /// Whether this very authorization was settled before, and who asks about it.
    fn earlier(&self, transaction: B256, key: Option<&IdempotencyKey>) -> Option<Asker> {
        let (_, transfer) = self.by_transaction(transaction)?;
        Some(asker(transfer.idempotency_key.as_ref(), key))
    }

    async fn again(&self, transaction: B256, asker: Asker) -> Result<B256, Failed> {
        // It was applied, and what we say of it has to be on the disk as well.
        if !is_written(self.shared.writer.barrier()).await {
            let named = (asker != Asker::Other).then_some(transaction);
            return Err(Failed::Open(named));
        }
        match asker {
            Asker::Same => Ok(transaction),
            Asker::Unnamed => Err(Failed::Used(Some(transaction))),
            Asker::Other => Err(Failed::Used(None)),
        }
    }
}

/// Why a settlement did not succeed.
enum Failed {
    Refused(&'static str),
    /// The nonce is used: by this transaction, where it may be named.
    Used(Option<B256>),
    /// It is not known whether it is on the disk.
    Open(Option<B256>),
}

/// A disk that hangs is not waited for.
async fn is_written(written: oneshot::Receiver<bool>) -> bool {
    matches!(
        tokio::time::timeout(WRITTEN_WITHIN, written).await,
        Ok(Ok(true))
    )
}
