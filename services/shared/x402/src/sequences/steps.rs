//! What is done in a sequence, and what has to hold after it.

use super::chain::GRANT;
use super::clock::{ahead, set_chain_ahead, set_clock};
use super::world::{DAY_MAX, OTHER_SHOP, SESSION_MAX, SHOP, Seen, World};
use super::{Dice, turns, within};
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

struct Sequence {
    seed: u64,
    world: World,
    dice: Dice,
    now: u64,
    counts: Counts,
    /// By the number of a purchase: whether it was said to be charged.
    said: Vec<(u64, bool)>,
}

pub(super) async fn sequence(seed: u64) -> Counts {
    let mut dice = Dice(!seed);
    // Some begin minutes before midnight.
    let until_midnight = DAY_SECONDS - START % DAY_SECONDS;
    let now = START + until_midnight - 60 - dice.below(3600);
    set_clock(now);
    // Half a minute for the chain and half a minute for each wallet.
    set_chain_ahead(dice.below(61) as i64 - 30);
    let mut sequence = Sequence {
        seed,
        world: World::new(seed),
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

    /// What a buyer was told for certain is what the chain has in the end.
    fn truth(&self) {
        let world = &self.world;
        let seen = world.wire.seen.lock().unwrap();
        for (number, charged) in &self.said {
            let mark = format!("number={number}&");
            let of_purchase = seen.values().filter(|seen| seen.target.contains(&mark));
            let on_chain = of_purchase
                .filter(|seen| world.token.paid(seen.payer, seen.nonce, world.price.pay_to));
            assert_eq!(
                on_chain.count(),
                usize::from(*charged),
                "seed {}: purchase {number} was told {charged}",
                self.seed
            );
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
    fn targets(&self, seen: &Seen) -> Vec<String> {
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
            let look = buyer.instances[0].account("0");
            let account = ahead(buyer.ahead, look).await.unwrap();
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
        self.truth();
        self.counts.delivered = self.world.wire.delivered.lock().unwrap().len() as u64;
        self.counts.transfers = self.world.token.transfers().len() as u64;
    }

    /// No payment without an answer that was delivered or can be had for the asking.
    async fn deliverable(&mut self) {
        // Leases of those who died.
        self.pass(121);
        let wire = self.world.wire.clone();
        let concealed = self.world.bank.concealed.lock().unwrap().clone();
        for (authorization, transaction) in self.world.token.transfers() {
            if authorization.to != self.world.price.pay_to
                || !self.world.bank.sent(transaction)
                || concealed.contains(&authorization.nonce)
            {
                // Somebody else has sent it, or the facilitator has and denies it.
                continue;
            }
            let seen = wire.seen.lock().unwrap()[&authorization.nonce].clone();
            if !seen.identified {
                // Without an identifier a payment cannot be asked about, and an answer can be lost on its way.
                continue;
            }
            let delivered = || wire.delivered.lock().unwrap().contains_key(&seen.nonce);
            // Whoever sees a payment can spend it on something else of the same price: a thief may have been faster.
            let mut statuses = Vec::new();
            for target in self.targets(&seen) {
                let answer = wire.deliver(&target, &seen.headers).await.unwrap();
                statuses.push(answer.status);
                if answer.status == StatusCode::OK {
                    break;
                }
            }
            // What was given away long ago need not be kept for ever.
            let forgotten = delivered() && seen.at + 450 < self.now;
            assert!(
                statuses.contains(&StatusCode::OK) || forgotten,
                "seed {}: {} was paid for, and asking again answers {statuses:?}",
                self.seed,
                seen.target,
            );
        }
    }

    fn spent(&self, payer: crate::Address, counts: impl Fn(&Seen, u64) -> bool) -> U256 {
        let seen = self.world.wire.seen.lock().unwrap();
        let transfers = self.world.token.transfers();
        let of_payer = transfers.iter().map(|(transfer, _)| transfer);
        of_payer
            .filter(|transfer| transfer.from == payer)
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
        let income = transfers
            .iter()
            .filter(|(transfer, _)| transfer.to == world.price.pay_to)
            .map(|(transfer, _)| transfer.value)
            .sum::<U256>();
        assert_eq!(
            world.token.balance(world.price.pay_to),
            income,
            "seed {seed}"
        );
        // Each answer belongs to one payment, which was made.
        let mut paid_by = BTreeMap::new();
        for (nonce, answers) in world.wire.delivered.lock().unwrap().iter() {
            assert!(
                transfers
                    .iter()
                    .any(|(transfer, _)| transfer.nonce == *nonce),
                "seed {seed}: an answer was not paid for"
            );
            let identified = world.wire.seen.lock().unwrap()[nonce].identified;
            assert!(
                identified || answers.len() == 1,
                "seed {seed}: a payment without an identifier was answered twice"
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
