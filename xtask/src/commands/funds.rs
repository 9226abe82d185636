//! Whether a stage may go although there is money in its wallet. The wallet's key goes with its stack, and CloudFormation deletes a
//! secret at once, without the days in which it could be brought back (aws-cloudformation/cloudformation-coverage-roadmap#1999).

use serde_json::Value as Json;

use super::{invoke, wallet};
use cloud::Cloud;
use facts::{Context, Stage, typed};
use words::error::UserError;
use words::text::clean;

/// For a wallet that cannot be asked.
const UNSEEN: &str = "unseen";

/// Asks the wallet, where a service that is deployed may hold money. A stage on the development chain is not asked: its money
/// is given to everybody, and a stage that is broken has to be removable.
///
/// # Errors
/// There is money in the wallet, or nobody can say, and no person has named it.
pub(super) async fn may_go(
    context: &Context,
    stage: &Stage,
    cloud: &dyn Cloud,
    forgotten: Option<&str>,
) -> anyhow::Result<()> {
    let mut holders = facts::money_holders(&context.repo, stage);
    let deployed = cloud.deployed().await?;
    if !holders.any(|service| deployed.iter().any(|stack| stack.owner == service.name)) {
        return Ok(());
    }
    let answer = invoke::read_from(cloud, stage, &wallet::question()).await;
    match answer.and_then(|answer| Ok(wallet::of_agent(answer)?)) {
        Ok(wallet) => Ok(judge(stage, &wallet, forgotten)?),
        // Whoever names the wallet knows which one it is.
        Err(_) if forgotten.is_some() => Ok(()),
        Err(error) => Err(unread(stage, &error).into()),
    }
}

fn judge(stage: &Stage, wallet: &Json, forgotten: Option<&str>) -> Result<(), UserError> {
    let text = |key: &str| clean(wallet[key].as_str().unwrap_or("?"), 200);
    let nothing = |key: &str| {
        wallet[key]
            .as_str()
            .is_some_and(|amount| !amount.is_empty() && amount.chars().all(|digit| digit == '0'))
    };
    let address = text("address");
    match forgotten {
        Some(named) if named.eq_ignore_ascii_case(&address) => return Ok(()),
        Some(named) => {
            let problem = format!(
                "nothing was deleted: the wallet of the stage is {address}, and not {}",
                clean(named, 100)
            );
            return Err(UserError::new(problem).hint(way_out(stage, &address)));
        }
        None if nothing("balance") => return Ok(()),
        None => {}
    }
    let problem = format!(
        "nothing was deleted: the wallet {address} holds {} {} on {}, and its key would be gone for good",
        text("displayBalance"),
        text("currency"),
        text("network")
    );
    Err(UserError::new(problem).hint(way_out(stage, &address)))
}

/// No verb shows the key, so money leaves the wallet by being spent, or by whoever may read the secret.
fn way_out(stage: &Stage, address: &str) -> String {
    format!(
        "spend it, or move it with the key, which is among the stage's secrets; if it may be lost: {}",
        typed(stage, &format!("destroy --forget-wallet {address}"))
    )
}

fn unread(stage: &Stage, error: &anyhow::Error) -> UserError {
    let problem = format!(
        "nothing was deleted: whether there is money in the wallet cannot be told: {error:#}"
    );
    let hint = format!(
        "{} asks it again; if it may be lost unseen: {}",
        typed(stage, "wallet"),
        typed(stage, &format!("destroy --forget-wallet {UNSEEN}"))
    );
    UserError::new(problem).hint(hint)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;
    use words::error::hint;

    const ADDRESS: &str = "0xAbC0000000000000000000000000000000000001";

    fn said(balance: &str, shown: &str, forgotten: Option<&str>) -> String {
        let wallet = json!({
            "address": ADDRESS, "network": "eip155:84532", "currency": "USDC",
            "balance": balance, "displayBalance": shown,
        });
        match judge(&stage(), &wallet, forgotten) {
            Ok(()) => "it goes".to_owned(),
            Err(error) => with_hint(error),
        }
    }

    fn with_hint(error: UserError) -> String {
        let error = error.into();
        format!("{error}\n  {}", hint(&error).unwrap_or_default())
    }

    fn stage() -> Stage {
        Stage {
            name: "dev".to_owned(),
            cloud: facts::CloudKind::Cloudformation,
            region: "us-west-2".to_owned(),
            account: None,
            vpc_cidr: String::new(),
            log_retention_days: 30,
            protect: false,
            settings: Default::default(),
        }
    }

    #[test]
    fn money_goes_only_when_it_is_named() {
        let other = "0xabc0000000000000000000000000000000000002";
        let cases = [
            said("0", "0.00", None),
            said("9990000", "9.99", None),
            said("9990000", "9.99", Some(&ADDRESS.to_lowercase())),
            said("9990000", "9.99", Some(other)),
            said("9990000", "9.99", Some(UNSEEN)),
            // What is not a number is not nothing.
            said("", "?", None),
        ];
        expect![[r#"
            it goes
            nothing was deleted: the wallet 0xAbC0000000000000000000000000000000000001 holds 9.99 USDC on eip155:84532, and its key would be gone for good
              spend it, or move it with the key, which is among the stage's secrets; if it may be lost: cargo xtask destroy --forget-wallet 0xAbC0000000000000000000000000000000000001 --stage dev
            it goes
            nothing was deleted: the wallet of the stage is 0xAbC0000000000000000000000000000000000001, and not 0xabc0000000000000000000000000000000000002
              spend it, or move it with the key, which is among the stage's secrets; if it may be lost: cargo xtask destroy --forget-wallet 0xAbC0000000000000000000000000000000000001 --stage dev
            nothing was deleted: the wallet of the stage is 0xAbC0000000000000000000000000000000000001, and not unseen
              spend it, or move it with the key, which is among the stage's secrets; if it may be lost: cargo xtask destroy --forget-wallet 0xAbC0000000000000000000000000000000000001 --stage dev
            nothing was deleted: the wallet 0xAbC0000000000000000000000000000000000001 holds ? USDC on eip155:84532, and its key would be gone for good
              spend it, or move it with the key, which is among the stage's secrets; if it may be lost: cargo xtask destroy --forget-wallet 0xAbC0000000000000000000000000000000000001 --stage dev"#]].assert_eq(&cases.join("\n"));
        let unread = unread(
            &stage(),
            &anyhow::anyhow!("the agent cannot show its wallet: why"),
        );
        expect![[r#"
            nothing was deleted: whether there is money in the wallet cannot be told: the agent cannot show its wallet: why
              cargo xtask wallet --stage dev asks it again; if it may be lost unseen: cargo xtask destroy --forget-wallet unseen --stage dev"#]].assert_eq(&with_hint(unread));
    }
}
