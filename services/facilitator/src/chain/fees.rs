//! What a settlement may cost.

use super::transaction::Fees;

/// A settlement takes about 90,000; a token that wants more than this is not one that we want to serve.
pub(super) const GAS_MAX: u64 = 500_000;

/// With the deployment of a smart wallet, which takes some hundred thousands more.
pub(super) const GAS_WITH_DEPLOYMENT_MAX: u64 = 1_500_000;

/// Fees for now: room for the base fee to double, never above the cap. `None` when the chain asks for more than the cap.
pub(super) fn first(base: u64, tip: u64, cap: u64) -> Option<Fees> {
    if base.saturating_add(tip) > cap {
        return None;
    }
    let most = base.saturating_mul(2).saturating_add(tip).min(cap);
    Some(Fees { tip, most })
}

/// Fees that a node takes in place of `old`: both a quarter higher, and no less than what is asked now. `None` when the cap
/// leaves no room for that.
pub(super) fn higher(old: Fees, base: u64, tip: u64, cap: u64) -> Option<Fees> {
    let raised = |fee: u64| fee.saturating_add(fee / 4).saturating_add(1);
    let tip = raised(old.tip).max(tip);
    let most = raised(old.most)
        .max(base.saturating_mul(2).saturating_add(tip))
        .min(cap);
    let enough = most >= raised(old.most).min(old.most.saturating_add(old.most / 8 + 1));
    (enough && tip <= most).then_some(Fees { tip, most })
}

/// Room for what the estimate did not see. `None` for a call that is not a settlement.
pub(super) fn gas(estimate: u64, most: u64) -> Option<u64> {
    (estimate <= most).then(|| estimate + estimate / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_above_the_cap_and_always_enough_to_replace() {
        assert_eq!(first(10, 1, 100), Some(Fees { tip: 1, most: 21 }));
        assert_eq!(first(60, 1, 100), Some(Fees { tip: 1, most: 100 }));
        assert_eq!(first(100, 1, 100), None);
        let old = Fees { tip: 8, most: 80 };
        assert_eq!(higher(old, 10, 1, 1000), Some(Fees { tip: 11, most: 101 }));
        assert_eq!(higher(old, 90, 20, 1000), Some(Fees { tip: 20, most: 200 }));
        assert_eq!(higher(old, 10, 1, 95), Some(Fees { tip: 11, most: 95 }));
        assert_eq!(higher(old, 10, 1, 85), None);
        assert_eq!(higher(old, u64::MAX, u64::MAX, 1000), None);
        assert_eq!(gas(80_000, 80_000), Some(100_000));
        assert_eq!(gas(80_001, 80_000), None);
    }
}
