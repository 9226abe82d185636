//! One purchase, from the signature to what became of it. Once the signature has left, the seller's words decide nothing: a
//! payment is made when the chain has it or a good receipt came with the goods, and not made when the chain says so.

use super::answer::{self, ReceiptFault};
use super::budget::{Fate, Open};
use super::deadline::Deadline;
use super::outcome::{Answered, Paid, PayError};
use super::transport::Answer;
use super::{PayingClient, Signed};
use crate::receipt::Evidence;
use crate::{B256, Receipt};
use http::StatusCode;
use std::time::Duration;
use url::Url;

/// Waits before the same payment is sent again, when its answer was lost.
const RESEND_AFTER: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
/// Waits before the chain is asked: a block may come in between, and nodes are some seconds behind each other.
const LOOK_AFTER: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(2),
];
/// The same after a refusal in the words of x402. Who refuses honestly never settles, and the chain has nothing to show for it
/// until the authorization ends, however long one waits. Who has settled before he refuses is caught by a look at once.
const LOOK_AFTER_REFUSAL: usize = 2;
/// What is kept of a purchase's time for asking the chain.
const LOOK_WITHIN: Duration = Duration::from_secs(6);

/// What came back for a payment.
struct Sent {
    /// The last answer, or the one that says that it was charged.
    answer: Option<Answer>,
    /// Why there is no answer.
    lost: String,
}

impl PayingClient {
    /// Sends a payment, and finds out what has become of it.
    pub(super) async fn buy(
        &self,
        url: &Url,
        signed: &Signed,
        open: &Open,
        deadline: Deadline,
    ) -> Result<Paid, PayError> {
        let sent = self.send_until_answered(url, signed, deadline).await;
        let asset = &self.policy.asset;
        let claimed = match &sent.answer {
            Some(answer) => answer::claimed(answer, asset),
            None => Err(ReceiptFault::Missing),
        };
        let delivered =
            |sent: &Sent| matches!(&sent.answer, Some(answer) if answer.status.is_success());
        let fate = match &claimed {
            // The goods with a good receipt. The budget keeps the payment open until the chain bears it out.
            Ok(transaction) if delivered(&sent) || !self.budget.has_chain() => {
                Some((Fate::Paid(*transaction), Evidence::Seller))
            }
            _ => {
                let looks = match &sent.answer {
                    Some(answer)
                        if answer.status == StatusCode::PAYMENT_REQUIRED && claimed.is_err() =>
                    {
                        &LOOK_AFTER[..LOOK_AFTER_REFUSAL]
                    }
                    _ => &LOOK_AFTER[..],
                };
                let fate = self.ask_chain(signed.nonce, open, deadline, looks).await;
                fate.map(|fate| (fate, Evidence::Chain))
            }
        };
        let fault = claimed.err();
        match fate {
            Some((Fate::Paid(transaction), evidence)) => {
                let receipt = self.budget.receipt(open, transaction, evidence);
                self.keep(signed.nonce, &receipt).await;
                paid(sent, receipt, fault)
            }
            Some((Fate::Never, _)) => {
                if let Err(error) = self.budget.release(signed.nonce).await {
                    tracing::warn!(%error, nonce = %signed.nonce, "an amount stays reserved for now");
                }
                not_paid(sent, fault)
            }
            None => Err(unknown(sent, signed.nonce, open, fault.as_ref())),
        }
    }

    async fn keep(&self, nonce: B256, receipt: &Receipt) {
        if let Err(error) = self.budget.paid(nonce, receipt).await {
            // It stays set aside, and is looked up on the chain later.
            tracing::error!(%error, %nonce, "a receipt cannot be kept");
        }
    }

    /// Sends one payment until it is answered. It is always the same one: an offer that comes with a refusal is never signed.
    async fn send_until_answered(&self, url: &Url, signed: &Signed, deadline: Deadline) -> Sent {
        let mut sent = Sent {
            answer: None,
            lost: "it expired before it was sent".into(),
        };
        let mut is_charged = false;
        for attempt in 0..=RESEND_AFTER.len() {
            let left = deadline.left_before(LOOK_WITHIN);
            if left.is_zero() {
                break;
            }
            match self.send(url, Some(&signed.header), left).await {
                Ok(answer) => {
                    let again = answer::is_worth_repeating(&answer, &self.policy.asset);
                    let says_charged = answer::claimed(&answer, &self.policy.asset).is_ok();
                    if says_charged || !is_charged || answer.status.is_success() {
                        sent.answer = Some(answer);
                    }
                    is_charged |= says_charged;
                    if !again {
                        break;
                    }
                }
                Err(problem) => sent.lost = problem,
            }
            if let Some(pause) = RESEND_AFTER.get(attempt) {
                crate::sleep(*pause).await;
            }
        }
        sent
    }

    /// What the chain says once it is certain; `None` when that takes too long.
    async fn ask_chain(
        &self,
        nonce: B256,
        open: &Open,
        deadline: Deadline,
        looks: &[Duration],
    ) -> Option<Fate> {
        if !self.budget.has_chain() {
            return None;
        }
        for &pause in looks {
            if pause > deadline.left() {
                break;
            }
            crate::sleep(pause).await;
            let look = self.budget.fate(nonce, open);
            if let Some(fate) = crate::within(deadline.left(), look).await.flatten() {
                return Some(fate);
            }
        }
        None
    }
}

fn paid(sent: Sent, receipt: Receipt, fault: Option<ReceiptFault>) -> Result<Paid, PayError> {
    let Some(Answer { status, body, .. }) = sent.answer else {
        return Err(PayError::PaidUnanswered {
            receipt: Box::new(receipt),
            problem: sent.lost,
        });
    };
    Ok(Paid {
        status,
        body,
        receipt: Some(receipt),
        fault,
    })
}

/// A refusal is an error; any other answer is one, and was free.
fn not_paid(sent: Sent, fault: Option<ReceiptFault>) -> Result<Paid, PayError> {
    match sent.answer {
        Some(answer) if answer.status != StatusCode::PAYMENT_REQUIRED => Ok(Paid {
            status: answer.status,
            body: answer.body,
            receipt: None,
            fault,
        }),
        Some(answer) => Err(PayError::NotPaid {
            problem: answer::described(&answer, None),
        }),
        None => Err(PayError::NotPaid { problem: sent.lost }),
    }
}

fn unknown(sent: Sent, nonce: B256, open: &Open, fault: Option<&ReceiptFault>) -> PayError {
    let problem = match &sent.answer {
        Some(answer) => answer::described(answer, fault),
        None => format!("the seller did not answer: {}", sent.lost),
    };
    PayError::OutcomeUnknown {
        nonce,
        amount: open.amount,
        valid_before: open.valid_before,
        problem,
        answer: sent.answer.map(|answer| {
            let Answer { status, body, .. } = answer;
            Box::new(Answered { status, body })
        }),
    }
}
