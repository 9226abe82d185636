//! Against a deploy: settings with which money is lost. `cargo xtask check` finds them.

use super::mutation::{CHECK, Mutation, XTASK};

#[rustfmt::skip]
pub(crate) const MUTATIONS: &[Mutation] = &[
    XTASK.miss("a caller that is gone before the answer is there", "xtask/repo/times.rs",
        "Some(waits) if waits.seconds > seconds => {}", "Some(_) => {}",
        "repo::tests::callers_wait_longer_than_what_they_call_takes"),
    XTASK.miss("a function that ends in the middle of a payment", "xtask/repo/times.rs",
        "timeout <= within.seconds", "timeout == 0",
        "repo::tests::callers_wait_longer_than_what_they_call_takes"),
    CHECK.miss("a load balancer that hangs up first", "xtask/check/fargate/traffic.rs",
        "if idle <= within.seconds {", "if idle == 0 {",
        "every_fault_is_found_where_it_is"),
    XTASK.miss("a price above what the stage's own buyer pays", "xtask/repo/money.rs",
        "(atomic_units(text, decimals)? > atomic_units(limit, decimals)?)",
        "(atomic_units(text, decimals)? > atomic_units(limit, decimals)? + u128::MAX / 2)",
        "repo::tests::settings_are_what_the_manifests_say"),
    XTASK.miss("a price of zero", "xtask/repo/money.rs",
        "(atomic == 0 && !zero)", "(false && atomic == 0 && !zero)",
        "repo::tests::settings_are_what_the_manifests_say"),
    XTASK.miss("somebody between us and facilitator or node who says \"paid\"", "xtask/repo/money.rs",
        "(in_clear && !is_loopback(text))", "(false && in_clear && !is_loopback(text))",
        "repo::tests::settings_are_what_the_manifests_say"),
    XTASK.miss("two sellers at one address", "xtask/repo/money.rs",
        "let paid_at = (network.to_owned(), text.to_ascii_lowercase());",
        "let paid_at = (stage.name.clone() + &service.name + network, text.to_ascii_lowercase());",
        "repo::tests::settings_are_what_the_manifests_say"),
    XTASK.miss("play money on a public stage", "xtask/repo/money.rs",
        "(text == DEVELOPMENT_NETWORK && stage", "(text.is_empty() && stage",
        "repo::tests::settings_are_what_the_manifests_say"),
    XTASK.miss("a mistyped `pay_to`, whose money is nobody's", "xtask/repo/address.rs",
        "&& digits != checksummed(digits)", "&& false",
        "repo::address::tests::a_wrong_digit_shows"),
];
