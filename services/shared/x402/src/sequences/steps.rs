//! What is done in a sequence, and what has to hold after it.

use super::chain::GRANT;
use super::world::{DAY_MAX, PRICE, SESSION_MAX, Seen, World};
use super::{Dice, set_clock, turns, within};
use crate::client::PayError;
use crate::exact::Domain;
use crate::wire::Authorization;
use crate::{B256, U256, header};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;

/// An hour before a midnight, so that some sequences see two days.
const START: u64 = 1_795_391_600;
const DAY_SECONDS: u64 = 86_400;
const STEPS: u64 = 14;
const THIEF: &str = "/thing?session=thief";

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) purchases: u64,
    pub(super) delivered: u64,
    pub(super) transfers: u64,
    pub(super) faults: u64,
    pub(super) unknown: u64,
    pub(super) limited: u64,
    pub(super) crashed: u64,
    pub(super) replays: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.purchases += other.purchases;
        self.delivered += other.delivered;
        self.transfers += other.transfers;
        self.faults += other.faults;
        self.unknown += other.unknown;
        self.limited += other.limited;
        self.crashed += other.crashed;
        self.replays += other.replays;
    }
}

struct Sequence {
    seed: u64,
    world: World,
    dice: Dice,
    now: u64,
    counts: Counts,
}

pub(super) async fn sequence(seed: u64) -> Counts {
    let mut dice = Dice(!seed);
    // Some begin minutes before midnight.
    let until_midnight = DAY_SECONDS - START % DAY_SECONDS;
    let now = START + until_midnight - 60 - dice.below(3600);
    set_clock(now);
    let mut sequence = Sequence {
        seed,
        world: World::new(seed),
        dice,
        now,
        counts: Counts::default(),
    };
    let one_in = [0, 30, 12, 6][sequence.dice.below(4) as usize];
    sequence.world.faults.set(one_in);
    for _ in 0..STEPS {
        sequence.step().await;
    }
    sequence.check().await;
    sequence.counts
}

impl Sequence {
    fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        set_clock(self.now);
    }

    async fn step(&mut self) {
        match self.dice.below(16) {
            0..=7 => self.buy(1).await,
            8 => self.buy(3).await,
            9 | 10 => self.replay().await,
            11 => self.cheat().await,
            12 => {
                let seconds = [1, 11, 61][self.dice.below(3) as usize];
                self.pass(seconds);
            }
            13 => self.world.token.mine(),
            14 => {
                if self.dice.below(3) == 0 {
                    self.pass(130);
                }
            }
            _ => {
                // Somebody looks into a wallet.
                let buyer = &self.world.buyers[self.dice.below(2) as usize];
                let look = buyer.instances[0].account("0");
                drop(within(100, look).await);
            }
        }
        // What was left to itself goes on, or waits for ever.
        turns(8).await;
    }

    /// Buyers that are honest, some of which crash.
    async fn buy(&mut self, count: usize) {
        let mut purchases = Vec::new();
        for _ in 0..count {
            let buyer = self.dice.below(2) as usize;
            let instance = self.dice.below(2) as usize;
            let session = self.dice.below(3).to_string();
            let path = ["thing", "paid-first"][self.dice.below(2) as usize];
            let url = format!("http://shop.test/{path}?session={session}");
            let client = self.world.buyers[buyer].instances[instance].clone();
            self.counts.purchases += 1;
            purchases.push(async move {
                let url = Url::parse(&url).unwrap();
                let purchase = client.get_in_session(&session, url);
                within(700, purchase).await
            });
        }
        for outcome in futures_util::future::join_all(purchases).await {
            match outcome {
                None => self.counts.crashed += 1,
                Some(Err(PayError::OutcomeUnknown { .. })) => self.counts.unknown += 1,
                Some(Err(PayError::LimitReached { .. })) => self.counts.limited += 1,
                Some(_) => {}
            }
        }
    }

    fn any_seen(&mut self) -> Option<Seen> {
        let seen = self.world.wire.seen.lock().unwrap();
        if seen.is_empty() {
            return None;
        }
        let index = self.dice.below(seen.len() as u64) as usize;
        // Nonces are random: the order of sending is not.
        let mut all: Vec<&Seen> = seen.values().collect();
        all.sort_by_key(|seen| seen.order);
        all.get(index).map(|seen| (*seen).clone())
    }

    /// Somebody sends what he has seen on the wire, for the same thing or another, once or at once.
    async fn replay(&mut self) {
        let Some(seen) = self.any_seen() else { return };
        self.counts.replays += 1;
        let target = match self.dice.below(3) {
            0 => THIEF.to_owned(),
            _ => seen.target.clone(),
        };
        let wire = self.world.wire.clone();
        let send = || wire.deliver(&target, &seen.headers);
        if self.dice.below(2) == 0 {
            drop(send().await);
        } else {
            drop(tokio::join!(send(), send(), send()));
        }
    }

    /// A stranger signs by hand, and takes it back while it is being looked at.
    async fn cheat(&mut self) {
        let mut nonce = B256::ZERO;
        for chunk in nonce.0.chunks_mut(8) {
            chunk.copy_from_slice(&self.dice.next().to_le_bytes());
        }
        let world = &self.world;
        let authorization = Authorization {
            from: world.stranger.address(),
            to: world.price.pay_to,
            value: world.price.amount,
            valid_after: U256::ZERO,
            valid_before: U256::from(self.now + 60),
            nonce,
        };
        let domain = Domain::of(&world.price.asset).unwrap();
        let mut payment = json!({
            "x402Version": 2,
            "accepted": world.price.requirements(),
            "payload": { "signature": world.stranger.sign(&authorization, domain), "authorization": authorization },
        });
        if self.dice.below(2) == 0 {
            let id = format!("pay_{:032}", self.dice.below(3));
            payment["extensions"] = json!({ "payment-identifier": { "info": { "id": id } } });
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::PAYMENT_SIGNATURE, header::encode(&payment));
        let target = ["/thing?", "/paid-first?"][self.dice.below(2) as usize];
        let (wire, token, payer) = (world.wire.clone(), world.token.clone(), authorization.from);
        let yields = self.dice.below(40);
        let cancel = async {
            turns(yields as usize).await;
            if yields.is_multiple_of(2) {
                token.cancel(payer, nonce);
            }
        };
        drop(tokio::join!(wire.deliver(target, &headers), cancel));
    }

    async fn check(&mut self) {
        let seed = self.seed;
        self.counts.faults = self.world.faults.struck();
        self.world.faults.set(0);
        self.world.token.mine();
        self.deliverable().await;
        self.money();
        // Later everything is decided, and the wallets know it.
        self.pass(300);
        self.world.token.mine();
        for buyer in &self.world.buyers {
            let account = buyer.instances[0].account("0").await.unwrap();
            assert_eq!(
                account.open,
                U256::ZERO,
                "seed {seed}: something stays open"
            );
            let of_session =
                self.spent(buyer.address, |seen, _| seen.target.ends_with("session=0"));
            assert_eq!(
                account.spent_in_session, of_session,
                "seed {seed}: the budget of a session is not what the chain says"
            );
        }
        self.money();
        self.counts.delivered = self.world.wire.delivered.lock().unwrap().len() as u64;
        self.counts.transfers = self.world.token.transfers().len() as u64;
    }

    /// No payment without an answer that was delivered or can be had for the asking.
    async fn deliverable(&mut self) {
        // Leases of those who died.
        self.pass(61);
        let wire = self.world.wire.clone();
        for authorization in self.world.token.transfers() {
            let seen = wire.seen.lock().unwrap()[&authorization.nonce].clone();
            if !seen.identified {
                // Without an identifier a payment cannot be asked about, and an answer can be lost on its way.
                continue;
            }
            let delivered = || wire.delivered.lock().unwrap().contains_key(&seen.nonce);
            let mut answer = wire.deliver(&seen.target, &seen.headers).await.unwrap();
            if answer.status != StatusCode::OK {
                // Whoever sees a payment can spend it on something else of the same price: a thief was faster.
                answer = wire.deliver(THIEF, &seen.headers).await.unwrap();
            }
            // What was given away long ago need not be kept for ever.
            let forgotten = delivered() && seen.at + 450 < self.now;
            assert!(
                answer.status == StatusCode::OK || forgotten,
                "seed {}: {} was paid for, and asking again answers {}",
                self.seed,
                seen.target,
                answer.status
            );
        }
    }

    fn spent(&self, payer: crate::Address, counts: impl Fn(&Seen, u64) -> bool) -> U256 {
        let seen = self.world.wire.seen.lock().unwrap();
        let transfers = self.world.token.transfers();
        let of_payer = transfers.iter().filter(|transfer| transfer.from == payer);
        of_payer
            .filter(|transfer| {
                let seen = &seen[&transfer.nonce];
                counts(seen, seen.at / DAY_SECONDS)
            })
            .map(|transfer| transfer.value)
            .sum()
    }

    fn money(&self) {
        let (seed, world) = (self.seed, &self.world);
        assert_eq!(world.token.sum(), U256::from(3 * GRANT), "seed {seed}");
        let transfers = world.token.transfers();
        let income = U256::from(PRICE) * U256::from(transfers.len());
        assert_eq!(
            world.token.balance(world.price.pay_to),
            income,
            "seed {seed}"
        );
        // Each answer belongs to one payment, which was made.
        let mut paid_by = BTreeMap::new();
        for (nonce, answers) in world.wire.delivered.lock().unwrap().iter() {
            assert!(
                transfers.iter().any(|transfer| transfer.nonce == *nonce),
                "seed {seed}: an answer was not paid for"
            );
            for answer in answers {
                let before = paid_by.insert(answer.clone(), *nonce);
                assert!(
                    before.is_none_or(|before| before == *nonce),
                    "seed {seed}: {answer} was sold twice"
                );
                assert_eq!(
                    answer, &answers[0],
                    "seed {seed}: one payment bought two answers"
                );
            }
        }
        for buyer in &world.buyers {
            for session in 0..3 {
                let of_session = format!("session={session}");
                let spent = self.spent(buyer.address, |seen, _| seen.target.ends_with(&of_session));
                assert!(
                    spent <= U256::from(SESSION_MAX),
                    "seed {seed}: the limit of a session was passed"
                );
            }
            for day in START / DAY_SECONDS..=self.now / DAY_SECONDS {
                let spent = self.spent(buyer.address, |_, of| of == day);
                assert!(
                    spent <= U256::from(DAY_MAX),
                    "seed {seed}: the limit of a day was passed"
                );
            }
        }
    }
}
