//! Payments that somebody has damaged, on purpose or not: none panics, none is sold for, none takes memory.

use super::shop::Shop;
use crate::header;
use crate::wire::{PaymentRequired, SettlementResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use std::time::Instant;

const SEED: u64 = 0x5eed;

/// xorshift64*: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }

    /// Changes a few bytes, cuts, doubles or fills in pieces that parsers trip over.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        const PIECES: [&[u8]; 12] = [
            b"null",
            b"{}",
            b"[[[[[[[[",
            b"\"",
            b"1e999",
            b"-0",
            b"\\ud800",
            b"\xff\xfe",
            b"99999999999999999999999999999999",
            b"0x",
            b"=",
            b"\0",
        ];
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                2 => {
                    let to = at + self.below(bytes.len() - at);
                    let piece = bytes[at..to].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => {
                    let to = at + self.below((bytes.len() - at).min(40));
                    bytes.drain(at..to);
                }
                _ if !bytes.is_empty() => bytes[at] = self.below(256) as u8,
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn damaged_headers_do_not_panic_and_buy_nothing() {
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let executions = if thorough { 100_000 } else { 2_000 };
    let shop = Shop::new("eip155:84532");
    let mut dice = Dice(SEED);
    let good = serde_json::to_vec(&shop.identified()).unwrap();
    let offer = shop.get("/thing", HeaderMap::new()).await;
    let offer = STANDARD
        .decode(&offer.headers[header::PAYMENT_REQUIRED])
        .unwrap();
    let mut sold = 0;
    for _ in 0..executions {
        let mut payment = good.clone();
        dice.damage(&mut payment);
        let mut encoded = STANDARD.encode(&payment).into_bytes();
        if dice.below(4) == 0 {
            dice.damage(&mut encoded);
        }
        let name = [header::PAYMENT_SIGNATURE, header::X_PAYMENT][dice.below(2)].clone();
        // What no HTTP server lets in does not come here.
        if let Ok(value) = HeaderValue::from_bytes(&encoded) {
            let headers = HeaderMap::from_iter([(name, value)]);
            let reply = shop.get("/thing", headers).await;
            // Only a change that changes nothing is paid for: white space, an unknown field.
            sold += usize::from(reply.status == 200);
            assert!(matches!(reply.status, 200 | 402 | 409), "{reply:?}");
        }
        let mut required = offer.clone();
        dice.damage(&mut required);
        let value = STANDARD.encode(&required);
        drop(header::decode::<PaymentRequired>(value.as_bytes()));
        drop(header::decode::<SettlementResponse>(value.as_bytes()));
    }
    let (runs, transfers) = shop.counts();
    assert_eq!(runs, transfers, "{sold}");
    assert!(
        transfers <= 1,
        "one payment is one payment, however it is written"
    );
}

#[test]
fn an_oversized_header_is_refused_unread() {
    let started = Instant::now();
    let huge = vec![b'A'; 64 * 1024 * 1024];
    for _ in 0..1000 {
        let refused = header::decode::<PaymentRequired>(&huge);
        assert_eq!(refused.unwrap_err(), header::HeaderError::TooLarge);
    }
    // Sixty-four gigabytes are not read in this time.
    assert!(started.elapsed().as_secs() < 5);
    // As deep as a header can be: an error, and no overflow of the stack.
    let deep = STANDARD.encode(vec![b'['; 6 * 1024]);
    assert!(header::decode::<serde_json::Value>(deep.as_bytes()).is_err());
}
