//! A ledger that keeps to the rules of an EIP-3009 token: signature, window, nonce, balance. What differs from a chain is
//! only where the transfers are written: to a file.

mod book;
mod record;
mod settle;
#[cfg(test)]
mod tests;

pub use crate::file::FileError;
pub use record::Transfer;

use crate::file::{self, Writer};
use crate::rules::Rules;
use book::Book;
use record::{Opened, Record};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use x402::wire::{FacilitatorRequest, VerifyResponse};
use x402::{Address, Asset, B256, U256};

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

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two changes that belong together.
        self.shared
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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
