//! A stage that says `protect = true`: nobody deletes it by mistake, and what it keeps it finds again.

use aws_sdk_secretsmanager::Client as Secrets;

use crate::deploy::WITHOUT_SMOKE;
use crate::emulator::Emulator;
use crate::fixture::{OWNERS, PROJECT, Workspace};
use crate::state::State;

const DESTROY: [&str; 4] = ["destroy", "--stage", "dev", "--yes"];
const REGION: &str = "region = \"us-west-2\"\n";
const PROTECTED: &str = "region = \"us-west-2\"\nprotect = true\n";

fn protected() -> Workspace {
    let workspace = Workspace::new();
    workspace.replace("Cargo.toml", REGION, PROTECTED);
    workspace
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_protected_stage_goes_only_after_a_deploy_without_protection() {
    let (emulator, workspace) = (Emulator::instant(), protected());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    assert_eq!(state.protected().await.len(), OWNERS.len());

    // Somebody else's tool, by the way.
    let stack = format!("{PROJECT}-dev-agent");
    let deletion = state.cloudformation.delete_stack().stack_name(&stack);
    let refusal = deletion.send().await.unwrap_err().into_service_error();
    let refusal = format!("{refusal:?}");
    assert!(
        refusal.contains("TerminationProtection is enabled"),
        "{refusal}"
    );

    let said = workspace.fail(&emulator, &DESTROY);
    assert!(
        said.contains("the stage dev is protected, and nothing was deleted"),
        "{said}"
    );
    workspace.replace("Cargo.toml", PROTECTED, REGION);
    let said = workspace.fail(&emulator, &DESTROY);
    assert!(
        said.contains("protected against deletion: small-dev-agent, "),
        "{said}"
    );
    assert!(
        said.contains("cargo xtask deploy --stage dev, then cargo xtask destroy --stage dev"),
        "{said}"
    );
    assert_eq!(state.stacks().await.len(), OWNERS.len());

    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    assert_eq!(state.protected().await, [] as [String; 0]);
    drop(workspace.succeed(&emulator, &DESTROY));
    assert_eq!(state.belongings().await, [] as [String; 0]);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_deploy_that_changes_nothing_protects_what_is_not_protected() {
    let (emulator, workspace) = (Emulator::instant(), protected());
    let state = State::of(&emulator).await;
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let stack = format!("{PROJECT}-dev-network");
    let change = state.cloudformation.update_termination_protection();
    let change = change
        .stack_name(&stack)
        .enable_termination_protection(false);
    drop(change.send().await.unwrap());
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    assert_eq!(state.protected().await.len(), OWNERS.len());
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_service_that_comes_back_finds_what_was_kept() {
    let (emulator, workspace) = (Emulator::instant(), protected());
    let state = State::of(&emulator).await;
    workspace.replace(
        "services/frontend/Cargo.toml",
        "public = true\n",
        "public = true\ntable = \"visits\"\n",
    );
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let secrets = Secrets::new(&state.config);
    let read = async || {
        let value = secrets
            .get_secret_value()
            .secret_id("small/dev/frontend/access-key");
        value.send().await.unwrap().secret_string.unwrap()
    };
    let key = read().await;

    let service = workspace.take_service("frontend");
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    assert!(!state.stacks().await.contains_key("small-dev-frontend"));
    let kept: Vec<String> = state
        .belongings()
        .await
        .into_iter()
        .filter(|thing| thing.contains("frontend"))
        .collect();
    assert_eq!(
        kept,
        [
            "repository small/dev/frontend",
            "log group /ecs/small-dev-frontend",
            "secret small/dev/frontend/access-key",
            "table small-dev-frontend-visits"
        ]
    );

    workspace.put_service("frontend", service);
    // The stack of the artifacts is there; that of the service is made when the repository is.
    let plan = workspace.succeed(&emulator, &["plan", "--stage", "dev"]);
    assert!(
        plan.contains("FrontendRepository kept from before"),
        "{plan}"
    );
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let stack = &state.stacks().await["small-dev-frontend"];
    assert_eq!(stack.0, "UPDATE_COMPLETE");
    for resource in [
        "AccessKeySecret: AWS::SecretsManager::Secret",
        "LogGroup: AWS::Logs::LogGroup",
    ] {
        assert!(stack.1.iter().any(|there| there == resource), "{stack:?}");
    }
    assert_eq!(read().await, key);
    assert_eq!(state.protected().await.len(), OWNERS.len());
    assert_eq!(state.change_sets().await, [] as [String; 0]);
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_first_deploy_that_fails_leaves_nothing_in_its_own_way() {
    let (emulator, workspace) = (Emulator::instant(), protected());
    let state = State::of(&emulator).await;
    emulator.fault(&serde_json::json!([{"resource": "AWS::ECS::Service", "stack": "small-dev-frontend", "reason": "not today"}]));
    let said = workspace.fail(&emulator, &WITHOUT_SMOKE);
    assert!(
        said.contains("ROLLBACK_COMPLETE: everything that it had made was removed again"),
        "{said}"
    );
    // What stands is protected, although the deploy failed.
    assert_eq!(state.protected().await.len(), OWNERS.len() - 1);
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    assert_eq!(state.protected().await.len(), OWNERS.len());
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn the_first_deploy_of_an_account_may_be_of_a_protected_stage() {
    let (emulator, workspace) = (Emulator::instant(), protected());
    emulator.be_new();
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let state = State::of(&emulator).await;
    assert_eq!(state.protected().await.len(), OWNERS.len());
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn a_stage_that_went_away_comes_back() {
    let (emulator, workspace) = (Emulator::instant(), Workspace::new());
    for _ in 0..2 {
        drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
        drop(workspace.succeed(&emulator, &DESTROY));
    }
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn money_in_the_wallet_keeps_a_stage() {
    let (emulator, workspace) = (Emulator::start(), Workspace::new());
    let state = State::of(&emulator).await;
    let setting = "NETWORK = { stage = \"network\", type = \"network\" }\nRESOURCE_SERVER_URL =";
    workspace.replace(
        "services/mcp-server/Cargo.toml",
        "RESOURCE_SERVER_URL =",
        setting,
    );
    workspace.replace(
        "Cargo.toml",
        "price = \"0.01\"\n",
        "price = \"0.01\"\nnetwork = \"eip155:84532\"\n",
    );
    workspace.replace(
        "services/agent/Dockerfile",
        "PORT=8080",
        "PORT=8080 WALLET=9990000",
    );
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let said = workspace.fail(&emulator, &DESTROY);
    assert!(
        said.contains("0001 holds 9990000 USDC on eip155:84532, and its key"),
        "{said}"
    );
    let forget = |wallet: &'static str| {
        [
            "destroy",
            "--stage",
            "dev",
            "--yes",
            "--forget-wallet",
            wallet,
        ]
    };
    let said = workspace.fail(
        &emulator,
        &forget("0xAbC0000000000000000000000000000000000002"),
    );
    assert!(
        said.contains("is 0xAbC0000000000000000000000000000000000001, and not "),
        "{said}"
    );

    // An agent that does not answer with a wallet says nothing about the money in it.
    workspace.replace(
        "services/agent/Dockerfile",
        "WALLET=9990000",
        "WALLETS=none",
    );
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let said = workspace.fail(&emulator, &DESTROY);
    assert!(
        said.contains("cannot be told: the agent cannot show its wallet"),
        "{said}"
    );
    assert_eq!(state.stacks().await.len(), OWNERS.len());

    workspace.replace("services/agent/Dockerfile", "WALLETS=none", "WALLET=0");
    drop(workspace.succeed(&emulator, &WITHOUT_SMOKE));
    let shown = workspace.run(&emulator, &["destroy", "--stage", "dev"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("secret small/dev/mcp-server/wallet-key, for good"),
        "{shown}"
    );
    drop(workspace.succeed(&emulator, &DESTROY));
    assert_eq!(state.stacks().await.len(), 0);
}
