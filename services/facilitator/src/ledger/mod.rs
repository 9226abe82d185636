//! A ledger that keeps to the rules of an EIP-3009 token: signature, window, nonce, balance. What differs from a chain is
//! only where the transfers are written: to a file.

mod book;
mod file;
mod record;
#[cfg(test)]
mod tests;

pub use file::FileError;
pub use record::Transfer;

use book::Book;
use file::Writer;
use record::{Opened, Record};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use x402::exact::{self, Domain};
use x402::wire::{FacilitatorRequest, SCHEME_EXACT, SettlementResponse, VERSION, VerifyResponse};
use x402::{Address, Asset, B256, U256, reason};

/// Signatures that were found good, so that settling does not recover again what verifying just did.
const KNOWN_MAX: usize = 4096;

/// The ledger of one token. Cheap to clone; all clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    asset: Asset,
    domain: Domain,
    writer: Writer,
    book: Mutex<Book>,
    known: Mutex<HashMap<B256, String>>,
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
        let domain = Domain::of(&asset).map_err(|error| io_error(std::io::Error::other(error)))?;
        let writer = Writer::start(file).map_err(io_error)?;
        let shared = Shared {
            asset,
            domain,
            writer,
            book: Mutex::new(book),
            known: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub fn asset(&self) -> &Asset {
        &self.shared.asset
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

    /// Would this payment settle now?
    pub fn verify(&self, request: &FacilitatorRequest) -> VerifyResponse {
        let payment = &request.payment_payload.payload.authorization;
        let checked = self.check(request).and_then(|_| {
            self.book()
                .check(payment.from, payment.nonce, payment.value)
        });
        VerifyResponse {
            is_valid: checked.is_ok(),
            invalid_reason: checked.err().map(str::to_owned),
            payer: Some(payment.from.to_checksum(None)),
        }
    }

    /// Moves the money, once. Returns when the transfer is on the disk.
    pub async fn settle(&self, request: &FacilitatorRequest) -> SettlementResponse {
        let payment = &request.payment_payload.payload.authorization;
        let mut answer = SettlementResponse {
            success: false,
            error_reason: None,
            payer: Some(payment.from.to_checksum(None)),
            transaction: String::new(),
            network: self.shared.asset.network.clone(),
            extra: None,
        };
        match self.transfer(request).await {
            Ok(transaction) => {
                answer.success = true;
                answer.transaction = transaction.to_string();
            }
            Err(reason) => {
                answer.error_reason = Some(reason.to_owned());
                answer.extra = self.earlier(request, reason);
            }
        }
        answer
    }

    async fn transfer(&self, request: &FacilitatorRequest) -> Result<B256, &'static str> {
        let transaction = self.check(request)?;
        self.shared.known().remove(&transaction);
        let authorization = request.payment_payload.payload.authorization.clone();
        let transfer = Transfer {
            authorization,
            transaction,
            settled_at: x402::now_seconds(),
        };
        let record = Record::Transfer(transfer.clone());
        let applied = {
            let mut book = self.book();
            // Sent under the lock, so that the lines stand in the order in which they were applied.
            book.apply(transfer)
                .map(|()| self.shared.writer.send(&record))
        };
        let written = match applied {
            Ok(written) => written,
            // "Used" is a receipt for whoever reconciles: it has to be on the disk as well.
            Err(reason::NONCE_USED) => match self.shared.writer.barrier().await {
                Ok(true) => return Err(reason::NONCE_USED),
                _ => return Err(reason::SETTLEMENT_PENDING),
            },
            Err(reason) => return Err(reason),
        };
        match written.await {
            Ok(true) => Ok(transaction),
            // The transfer may or may not be in the file; a restart tells.
            _ => Err(reason::SETTLEMENT_PENDING),
        }
    }

    /// When the very same authorization was settled before, its transaction: what a seller needs whose answer was lost.
    fn earlier(
        &self,
        request: &FacilitatorRequest,
        reason: &str,
    ) -> Option<serde_json::Map<String, serde_json::Value>> {
        let payment = &request.payment_payload.payload.authorization;
        let book = self.book();
        let transfer = book
            .used(payment.from, payment.nonce)
            .filter(|_| reason == reason::NONCE_USED)?;
        if transfer.authorization != *payment {
            return None;
        }
        Some(
            [(
                "transaction".to_owned(),
                transfer.transaction.to_string().into(),
            )]
            .into_iter()
            .collect(),
        )
    }

    /// Everything that does not depend on the book. Returns the digest, which serves as the transaction's hash.
    fn check(&self, request: &FacilitatorRequest) -> Result<B256, &'static str> {
        let Shared { asset, domain, .. } = &*self.shared;
        let (payment, wanted) = (&request.payment_payload, &request.payment_requirements);
        if request.x402_version != VERSION || payment.x402_version != VERSION {
            return Err(reason::INVALID_VERSION);
        }
        let accepted = payment.accepted.as_ref().ok_or(reason::INVALID_PAYLOAD)?;
        if wanted.scheme != SCHEME_EXACT || accepted.scheme != SCHEME_EXACT {
            return Err(reason::UNSUPPORTED_SCHEME);
        }
        let (Some(name), Some(version)) = (wanted.extra_text("name"), wanted.extra_text("version"))
        else {
            return Err(reason::MISSING_DOMAIN);
        };
        if wanted.network != asset.network || accepted.network != asset.network {
            return Err(reason::NETWORK_MISMATCH);
        }
        if wanted.asset != asset.address {
            return Err(reason::NO_CONTRACT);
        }
        if name != asset.name || version != asset.version {
            return Err(reason::SIGNATURE);
        }
        let digest = exact::digest(&payment.payload.authorization, *domain);
        let known = self.shared.known().get(&digest) == Some(&payment.payload.signature);
        if !known {
            exact::check_signature(&payment.payload, *domain)?;
        }
        exact::check_terms(
            &payment.payload.authorization,
            wanted.pay_to,
            wanted.amount,
            x402::now_seconds(),
        )?;
        if !known {
            self.shared
                .remember(digest, payment.payload.signature.clone());
        }
        Ok(digest)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics between two changes that belong together.
        self.shared
            .book
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, HashMap<B256, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, digest: B256, signature: String) {
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(digest, signature);
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
