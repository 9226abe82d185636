use super::*;

fn environment(network: &str, grant: &str) -> Environment {
    Environment::from_pairs([
        ("NETWORK", network),
        ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
        ("ASSET_NAME", "USDC"),
        ("ASSET_VERSION", "2"),
        ("LEDGER_GRANT", grant),
    ])
}

#[test]
fn development_chain_only() {
    let mut good = environment("eip155:31337", "2.50");
    let config = Config::from_environment(&mut good);
    assert!(
        matches!(config.settlement, Settlement::Ledger { grant, .. } if grant == U256::from(2_500_000))
    );
    assert!(good.finish().is_ok());

    for network in ["eip155:84532", "eip155:8453", "eip155:1", "base", ""] {
        let mut bad = environment(network, "2.50");
        drop(Config::from_environment(&mut bad));
        let problems = bad.finish().unwrap_err().to_string();
        assert!(problems.contains("NETWORK"), "{problems}");
    }
}

#[test]
fn the_grant_is_money() {
    let mut bad = environment("eip155:31337", "much");
    drop(Config::from_environment(&mut bad));
    assert!(
        bad.finish()
            .unwrap_err()
            .to_string()
            .contains("LEDGER_GRANT")
    );
}

#[test]
fn a_chain_needs_a_key_and_shows_it_to_nobody() {
    let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    let with_key = |key: &str| {
        Environment::from_pairs([
            ("NETWORK", "eip155:84532"),
            (
                "ASSET_ADDRESS",
                "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            ),
            ("ASSET_NAME", "USDC"),
            ("ASSET_VERSION", "2"),
            ("CHAIN_RPC_URL", "http://127.0.0.1:8545"),
            ("SETTLEMENT_KEY", key),
        ])
    };
    let mut good = with_key(key);
    let config = Config::from_environment(&mut good);
    assert!(good.finish().is_ok());
    let shown = format!("{config:?}");
    assert!(shown.contains("84532") && !shown.contains("ac0974"));
    assert!(matches!(
        config.settlement,
        Settlement::Chain(OnChain {
            fee_cap: 20_000_000_000,
            pay_to_allowed: None,
            ..
        })
    ));

    for bad in ["", "0x12"] {
        let mut environment = with_key(bad);
        drop(Config::from_environment(&mut environment));
        let problems = environment.finish().unwrap_err().to_string();
        assert!(problems.contains("SETTLEMENT_KEY"), "{problems}");
        assert!(bad.is_empty() || !problems.contains(bad));
    }
}

#[test]
fn bounds_of_a_chain() {
    let with = |name: &str, value: &str| {
        let mut environment = Environment::from_pairs([
            ("NETWORK", "eip155:84532"),
            ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
            ("ASSET_NAME", "USDC"),
            ("ASSET_VERSION", "2"),
            ("CHAIN_RPC_URL", "http://127.0.0.1:8545"),
            ("SETTLEMENT_KEY", &"11".repeat(32)),
            (name, value),
        ]);
        let config = Config::from_environment(&mut environment);
        let Settlement::Chain(chain) = config.settlement else {
            panic!("it settles on a chain");
        };
        (chain, environment.finish())
    };
    let address = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
    let two = format!("{address}, {}", Address::ZERO);
    for (name, value, good) in [
        ("PAY_TO_ALLOWED", address, true),
        ("PAY_TO_ALLOWED", two.as_str(), true),
        ("PAY_TO_ALLOWED", "0x12", false),
        ("PAY_TO_ALLOWED", ",", false),
        ("ANSWER_WITHIN_SECONDS", "5", true),
        ("ANSWER_WITHIN_SECONDS", "0", false),
        ("ANSWER_WITHIN_SECONDS", "soon", false),
    ] {
        let (_, finished) = with(name, value);
        assert_eq!(finished.is_ok(), good, "{name}={value}");
        if let Err(problems) = finished {
            assert!(problems.to_string().contains(name), "{problems}");
        }
    }
    let allowed = with("PAY_TO_ALLOWED", &two).0.pay_to_allowed.unwrap();
    assert_eq!(allowed, [address.parse().unwrap(), Address::ZERO]);
}

#[test]
fn no_play_money_in_the_cloud() {
    let task = ("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/1");
    for (told, good) in [("", false), ("no", false), ("yes", true)] {
        let mut environment = Environment::from_pairs([
            ("NETWORK", "eip155:31337"),
            ("ASSET_ADDRESS", x402::testing::DEVELOPMENT_ASSET_ADDRESS),
            ("ASSET_NAME", "USDC"),
            ("ASSET_VERSION", "2"),
            ("LEDGER_ON_AWS", told),
            task,
        ]);
        drop(Config::from_environment(&mut environment));
        let finished = environment.finish();
        assert_eq!(finished.is_ok(), good, "{told}");
        if let Err(problems) = finished {
            assert!(problems.to_string().contains("LEDGER_ON_AWS"), "{problems}");
        }
    }
}
