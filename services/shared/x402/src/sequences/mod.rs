//! Random sequences of purchases, replays, duplicates, cancellations, crashes, timeouts and lost answers between buyers, the
//! instances of a seller, a facilitator and a chain: the real seller and the real buyer over a transport, a store and a
//! facilitator that fail at random. Whatever happens, the money has to be right.
//!
//! A sequence is named by its seed. `TURNPIKE_TEST_SEED=123` runs one again; those that once failed are in `KEPT`.

mod bank;
pub(crate) mod chain;
pub(crate) mod clock;
pub(crate) mod faults;
mod outcome;
mod steps;
mod world;

pub(crate) use clock::clock;

/// Sequences that found something.
const KEPT: &[u64] = &[];
const SAMPLE: u64 = 200;
const WHOLE: u64 = 10_000;

/// Waits no time at all, and lets the others go on instead.
pub(crate) async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// A work, unless it takes more turns of the others than that: then whoever works on it is dead.
pub(crate) async fn within<T>(count: usize, work: impl Future<Output = T>) -> Option<T> {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(work), std::pin::pin!(turns(count))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

/// splitmix64: the same numbers for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

fn run(seeds: impl Iterator<Item = u64>) -> steps::Counts {
    let mut counts = steps::Counts::default();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let found = runtime.block_on(steps::sequence(seed));
        counts.add(&found);
    }
    clock::set_clock(0);
    clock::set_chain_ahead(0);
    counts
}

#[test]
#[expect(clippy::print_stderr, reason = "it says how much was tried")]
fn the_money_is_right_whatever_happens() {
    if let Ok(seed) = std::env::var("TURNPIKE_TEST_SEED") {
        run(std::iter::once(seed.parse().unwrap()));
        return;
    }
    let thorough = std::env::var_os("TURNPIKE_TEST_THOROUGH").is_some();
    let count = if thorough { WHOLE } else { SAMPLE };
    run(KEPT.iter().copied());
    let halves = [(0, count / 2), (count / 2, count)];
    let halves = halves.map(|(from, to)| std::thread::spawn(move || run(from..to)));
    let mut counts = steps::Counts::default();
    for half in halves {
        counts.add(&half.join().unwrap());
    }
    eprintln!("{count} sequences: {counts:?}");
    // A sequence in which nothing happens would show nothing.
    assert!(
        counts.delivered > count && counts.transfers > count,
        "{counts:?}"
    );
    assert!(counts.faults > count && counts.unknown > 0 && counts.limited > 0);
    assert!(counts.front_run > 0 && counts.void > 0, "{counts:?}");
}
