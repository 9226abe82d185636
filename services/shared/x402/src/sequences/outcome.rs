//! What has to hold after a sequence, for everybody's money and for what everybody was told.

use super::chain::GRANT;
use super::clock::ahead;
use super::steps::{DAY_SECONDS, START, Sequence};
use super::world::{DAY_MAX, SESSION_MAX, Seen};
use crate::U256;
use http::StatusCode;
use std::collections::BTreeMap;

impl Sequence {
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

    pub(super) async fn check(&mut self) {
        let seed = self.seed;
        self.counts.faults = self.world.faults.struck();
        self.world.faults.set(0);
        self.world.token.mine();
        self.deliverable().await;
        self.money();
        // Later everything is decided, by the chain's own time, and the wallets know it.
        self.pass(300 + self.chain_ahead.unsigned_abs());
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
