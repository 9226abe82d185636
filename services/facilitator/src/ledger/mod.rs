//! A ledger that keeps to the rules of an EIP-3009 token: signature, window, nonce, balance. What differs from a chain is
//! only where the transfers are written: to a file.

mod book;
mod record;
#[cfg(test)]
mod tests;

pub use crate::file::FileError;
pub use record::Transfer;

use crate::claim::{Asker, IdempotencyKey, asker};
use crate::file::{self, Writer};
use crate::rules::Rules;
use book::Book;
use record::{Opened, Record};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use x402::wire::{FacilitatorRequest, SettlementResponse, VerifyResponse};
use x402::{Address, Asset, B256, U256, reason};

const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// The ledger of one token. Cheap to clone; all clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    rules: Rules,
    writer: Writer,
    book: Mutex<Book>,
}

impl Ledger {
    /// Reads the file at `path`, or makes it. Accounts that it does not name start with `grant` atomic units.
    ///
    /// # Errors
    /// When the file cannot be read or written, is in use, is damaged, or is another token's.
    pub fn open(path: &Path, asset: Asset, grant: U256) -> Result<Self, FileError> {
        let (mut file, records) = file::open(path)?;
        let opened = Opened::new(&asset, grant);
        let mut book = Book::default();
        let mut last_opened = None;
        for (index, record) in records.into_iter().enumerate() {
            replay(
                &mut book,
                &mut last_opened,
                record,
                &opened,
                path,
                index + 1,
            )?;
        }
        if last_opened.as_ref() != Some(&opened) {
            book.set_grant(grant);
            file::append(&mut file, path, &Record::Opened(opened))?;
        }
        let io_error = |source| FileError::Io {
            path: path.to_owned(),
            source,
        };
        let rules =
            Rules::new(asset, None).map_err(|error| io_error(std::io::Error::other(error)))?;
        let writer = Writer::start(file).map_err(io_error)?;
        let shared = Shared {
            rules,
            writer,
            book: Mutex::new(book),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub fn asset(&self) -> &Asset {
        self.shared.rules.asset()
    }

    /// Atomic units.
    pub fn balance(&self, account: Address) -> U256 {
        self.book().balance(account)
    }

    /// How many payments have been settled; also the number of the last block.
    pub fn height(&self) -> u64 {
        self.book().transfers.len() as u64
    }

    /// Settled payments that `wanted` accepts, with their block numbers, of one sender or of all.
    pub fn transfers(
        &self,
        sender: Option<Address>,
        wanted: impl Fn(u64, &Transfer) -> bool,
    ) -> Vec<(u64, Transfer)> {
        let book = self.book();
        let numbered = |index: usize| {
            book.transfers
                .get(index)
                .map(|transfer| (index as u64 + 1, transfer))
        };
        let keep = |(block, transfer): &(u64, &Transfer)| wanted(*block, transfer);
        let own = |(block, transfer): (u64, &Transfer)| (block, transfer.clone());
        match sender {
            Some(sender) => book
                .sent(sender)
                .iter()
                .copied()
                .filter_map(numbered)
                .filter(keep)
                .map(own)
                .collect(),
            None => (0..book.transfers.len())
                .filter_map(numbered)
                .filter(keep)
                .map(own)
                .collect(),
        }
    }

    /// The payment in a block; the first has number 1.
    pub fn in_block(&self, block: u64) -> Option<Transfer> {
        let index = usize::try_from(block.checked_sub(1)?).ok()?;
        self.book().transfers.get(index).cloned()
    }

    /// The payment that a transaction made, with its block's number.
    pub fn by_transaction(&self, transaction: B256) -> Option<(u64, Transfer)> {
        let book = self.book();
        let index = book.by_transaction(transaction)?;
        Some((index as u64 + 1, book.transfers.get(index)?.clone()))
    }

    /// Would this payment settle now?
    pub fn verify(&self, request: &FacilitatorRequest) -> VerifyResponse {
        let payment = &request.payment_payload.payload.authorization;
        let checked = self.shared.rules.check(request).and_then(|_| {
            self.book()
                .check(payment.from, payment.nonce, payment.value)
        });
        VerifyResponse {
            is_valid: checked.is_ok(),
            invalid_reason: checked.err().map(str::to_owned),
            payer: Some(payment.from.to_checksum(None)),
        }
    }

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
            // Sent under the lock, so that the lines stand in the order in which they were applied.
            book.apply(transfer)
                .map(|()| self.shared.writer.send(&record))
        };
        match applied {
            // Else the transfer may or may not be in the file; a restart tells.
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

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two changes that belong together.
        self.shared
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a settlement is no success.
enum Failed {
    Refused(&'static str),
    /// The nonce is used: by this transaction, where it may be named.
    Used(Option<B256>),
    /// Nobody knows whether it is on the disk.
    Open(Option<B256>),
}

/// A disk that hangs is not waited for.
async fn is_written(written: oneshot::Receiver<bool>) -> bool {
    matches!(
        tokio::time::timeout(WRITTEN_WITHIN, written).await,
        Ok(Ok(true))
    )
}

fn replay(
    book: &mut Book,
    last_opened: &mut Option<Opened>,
    record: Record,
    ours: &Opened,
    path: &Path,
    line: usize,
) -> Result<(), FileError> {
    let damaged = |problem: &str| FileError::Damaged {
        path: path.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    match record {
        Record::Opened(opened) => {
            if !opened.same_token(ours) {
                return Err(FileError::OtherToken {
                    path: path.to_owned(),
                    network: opened.network,
                    asset: opened.asset,
                });
            }
            book.set_grant(opened.grant);
            *last_opened = Some(opened);
            Ok(())
        }
        Record::Transfer(_) if last_opened.is_none() => {
            Err(damaged("the file does not say which token it is for"))
        }
        Record::Transfer(transfer) => book.apply(transfer).map_err(damaged),
    }
}
