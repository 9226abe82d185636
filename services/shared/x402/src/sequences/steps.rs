//! What is done in a sequence.

use super::clock::{ahead, set_chain_ahead, set_clock};
use super::world::{OTHER_SHOP, SHOP, Seen, World};
use super::{Dice, turns, within};
use crate::client::PayError;
use crate::exact::Domain;
use crate::wire::Authorization;
use crate::{B256, U256, header};
use http::HeaderMap;
use serde_json::json;
use url::Url;

/// An hour before a midnight, so that some sequences see two days.
pub(super) const START: u64 = 1_795_391_600;
pub(super) const DAY_SECONDS: u64 = 86_400;
const STEPS: u64 = 14;
/// What a thief asks for with what he has seen.
const THIEF: &str = "shop.test/thing?session=thief";

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
    /// Payments that somebody else has sent to the chain.
    pub(super) front_run: u64,
    /// Nonces that their owner has used for something else, or taken back.
    pub(super) void: u64,
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
        self.front_run += other.front_run;
        self.void += other.void;
    }
}

pub(super) struct Sequence {
    pub(super) seed: u64,
    pub(super) world: World,
    dice: Dice,
    pub(super) now: u64,
    /// Seconds by which the chain's clock is ahead of the shop's.
    pub(super) chain_ahead: i64,
    pub(super) counts: Counts,
    /// By the number of a purchase: whether it was said to be charged.
    pub(super) said: Vec<(u64, bool)>,
}

pub(super) async fn sequence(seed: u64) -> Counts {
    let mut dice = Dice(!seed);
    // Some begin minutes before midnight.
    let until_midnight = DAY_SECONDS - START % DAY_SECONDS;
    let now = START + until_midnight - 60 - dice.below(3600);
    set_clock(now);
    let world = World::new(seed);
    // Half a minute for the chain and half a minute for each wallet. A chain that has stood still is behind by more, and then
    // only a facilitator that tells sales apart can say whose a transfer is: see docs/payments.md.
    let is_far_behind = world.bank.knows_keys && dice.below(3) == 0;
    let chain_ahead = match is_far_behind {
        true => -(dice.below(900) as i64),
        false => dice.below(61) as i64 - 30,
    };
    set_chain_ahead(chain_ahead);
    let mut sequence = Sequence {
        seed,
        world,
        chain_ahead,
        dice,
        now,
        counts: Counts::default(),
        said: Vec::new(),
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
    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        set_clock(self.now);
    }

    async fn step(&mut self) {
        match self.dice.below(16) {
            0..=7 => self.buy(1).await,
            8 => self.buy(3).await,
            9 | 10 => self.replay().await,
            11 => self.cheat().await,
            12 if self.dice.below(2) == 0 => self.front_run(),
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
                let look = ahead(buyer.ahead, buyer.instances[0].account("0"));
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
            let number = self.counts.purchases;
            let url = format!("http://{SHOP}/{path}?number={number}&session={session}");
            let buyer = &self.world.buyers[buyer];
            let (client, seconds) = (buyer.instances[instance].clone(), buyer.ahead);
            self.counts.purchases += 1;
            purchases.push(async move {
                let url = Url::parse(&url).unwrap();
                let purchase = client.get_in_session(&session, url);
                (number, within(700, ahead(seconds, purchase)).await)
            });
        }
        for (number, outcome) in futures_util::future::join_all(purchases).await {
            let charged = match outcome {
                None => {
                    self.counts.crashed += 1;
                    continue;
                }
                Some(Err(PayError::OutcomeUnknown { .. })) => {
                    self.counts.unknown += 1;
                    continue;
                }
                Some(Err(PayError::PaidUnanswered { .. })) => true,
                Some(Ok(paid)) => paid.receipt.is_some(),
                Some(Err(error)) => {
                    let limited = matches!(error, PayError::LimitReached { .. });
                    self.counts.limited += u64::from(limited);
                    false
                }
            };
            self.said.push((number, charged));
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
        let targets = self.targets(&seen);
        let target = targets[self.dice.below(targets.len() as u64) as usize].clone();
        let wire = self.world.wire.clone();
        let send = || wire.deliver(&target, &seen.headers);
        if self.dice.below(2) == 0 {
            drop(send().await);
        } else {
            drop(tokio::join!(send(), send(), send()));
        }
    }

    /// Where a payment can be sent: for what it was signed, for something else, and to the owner's other shop.
    pub(super) fn targets(&self, seen: &Seen) -> Vec<String> {
        let mut targets = vec![seen.target.clone(), THIEF.to_owned()];
        if self.world.bank.knows_keys {
            let elsewhere = targets.clone().into_iter();
            targets.extend(elsewhere.map(|target| target.replacen(SHOP, OTHER_SHOP, 1)));
        }
        targets
    }

    /// Somebody sends a payment to the chain himself, before, while or after the facilitator does.
    fn front_run(&mut self) {
        let Some(seen) = self.any_seen() else { return };
        if self.world.token.transfer(&seen.authorization).is_ok() {
            self.counts.front_run += 1;
        }
    }

    /// A stranger signs by hand, and while it is being looked at he takes it back, uses its nonce to pay himself, or sends it to
    /// the chain himself.
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
        let path = ["/thing?", "/paid-first?"][self.dice.below(2) as usize];
        let target = format!("{SHOP}{path}");
        let other = format!("{OTHER_SHOP}{path}");
        let to_himself = Authorization {
            to: authorization.from,
            value: U256::from(1),
            ..authorization.clone()
        };
        let (wire, token, payer) = (world.wire.clone(), world.token.clone(), authorization.from);
        let (yields, trick) = (self.dice.below(40), self.dice.below(4));
        let before = token.transaction(payer, nonce);
        let cheating = async {
            turns(yields as usize).await;
            match trick {
                0 => token.cancel(payer, nonce),
                1 => drop(token.transfer(&to_himself)),
                2 => drop(token.transfer(&authorization)),
                _ => {}
            }
        };
        let elsewhere = async {
            if world.bank.knows_keys && yields.is_multiple_of(3) {
                drop(wire.deliver(&other, &headers).await);
            }
        };
        drop(tokio::join!(
            wire.deliver(&target, &headers),
            cheating,
            elsewhere
        ));
        if before.is_none()
            && token.transaction(payer, nonce).is_some()
            && !token.paid(payer, nonce, world.price.pay_to)
        {
            self.counts.void += 1;
        }
    }
}
