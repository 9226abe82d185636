//! The long-lived process of a local cloud: it holds the folder's lock, keeps the stacks standing and serves the endpoint.

mod apply;
mod cloud;
mod control;
mod live;
mod ports;
mod restore;
mod rollback;
mod slot;
mod state;
mod teardown;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::aws::{Aws, Credentials, Role};
use super::balancer::{Front, bind};
use super::folder::{Folder, write_json};
use super::processes::{Launcher, Ports, SIZE_MAX, bound, note, reap};
use super::vault::Vault;
use super::{ACCOUNT, BUILD_VARIABLE, REGION, http_client};
use cloud::Cloud;

pub(crate) use control::Problem;
pub(crate) use state::{Contact, read};

/// Where the endpoint goes when it may: below the range of outgoing connections, beside the load balancers' ports.
const ENDPOINT_PORT: u16 = 4290;

const OPERATOR: &str = "turnpike-operator";

/// Runs the supervisor of `folder` until it is told to end. Fails when another one holds the folder.
pub async fn supervise(folder: PathBuf) -> anyhow::Result<()> {
    let folder = Folder::create(&folder)?;
    let _lock = take_lock(&folder).await?;
    let stop = CancellationToken::new();
    let outcome = run(&folder, &stop).await;
    if let Err(error) = &outcome {
        note(
            &folder,
            "ERROR",
            "the supervisor ends with an error",
            &[("error", format!("{error:#}"))],
        );
    }
    outcome
}

async fn run(folder: &Folder, stop: &CancellationToken) -> anyhow::Result<()> {
    listen_for_signals(stop)?;
    let earlier: Option<Contact> = read(folder, &folder.supervisor());
    let leftovers = tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || reap(&folder)
    });
    let leftovers = leftovers.await.context("cannot look for leftovers")??;
    let listener = endpoint_listener(earlier.as_ref())?;
    let endpoint = format!(
        "http://{}",
        listener
            .local_addr()
            .context("an endpoint without an address")?
    );
    let vault = Arc::new(open_vault(folder)?);
    let aws = Aws::new(REGION, ACCOUNT);
    let operator = put_operator(&aws, &vault)?;
    let facts = tokio::spawn(copy_facts(aws.clone(), folder.clone()));
    let launcher = Launcher {
        folder: folder.clone(),
        region: REGION.to_owned(),
        endpoint: endpoint.clone(),
        vault,
        ports: Arc::new(Ports::new()),
    };
    let cloud = Arc::new(Cloud::new(
        ACCOUNT,
        aws.clone(),
        launcher,
        http_client::client(),
    ));
    let control_token = token()?;
    let router =
        control::router(cloud.clone(), stop.clone(), &control_token).fallback_service(aws.router());
    let front = Front::open(listener, router)?;
    note(
        folder,
        "INFO",
        "the supervisor begins",
        &[
            ("endpoint", endpoint.clone()),
            ("leftovers_ended", leftovers.to_string()),
        ],
    );
    cloud.restore().await?;
    let build = std::env::var(BUILD_VARIABLE).unwrap_or_default();
    let contact = Contact {
        pid: std::process::id(),
        endpoint,
        control_token,
        build,
        operator,
    };
    write_json(&folder.supervisor(), &contact)?;

    let housekeeping = tokio::spawn(bound_logs(folder.clone()));
    stop.cancelled().await;
    note(folder, "INFO", "the supervisor ends", &[]);
    cloud.stop().await;
    front.close(LAST_CALLS).await;
    housekeeping.abort();
    facts.abort();
    Ok(())
}

/// For the command that has just told the supervisor to end, and waits for its answer.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// The folder's lock, which goes with the process, whatever ends it.
async fn take_lock(folder: &Folder) -> anyhow::Result<File> {
    let path = folder.lock();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // Somebody may just be looking whether the lock is free.
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            Err(TryLockError::WouldBlock) => {
                bail!("another supervisor runs in {}", folder.root().display())
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}

/// SIGTERM and SIGINT end it in good order; the end of the terminal it was started from does not.
fn listen_for_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    for (kind, ends) in [
        (SignalKind::terminate(), true),
        (SignalKind::interrupt(), true),
        (SignalKind::hangup(), false),
    ] {
        let mut signals = signal(kind).context("cannot listen for signals")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if ends {
                    stop.cancel();
                }
            }
        });
    }
    Ok(())
}

/// The endpoint's port: the same as before when that can be, so that what knows it goes on.
fn endpoint_listener(earlier: Option<&Contact>) -> anyhow::Result<std::net::TcpListener> {
    let before = earlier.and_then(|contact| contact.endpoint.rsplit(':').next()?.parse().ok());
    let usual = (!cfg!(test)).then_some(ENDPOINT_PORT);
    before
        .into_iter()
        .chain(usual)
        .chain([0])
        .map(bind)
        .find_map(Result::ok)
        .context("no free port on 127.0.0.1 for the endpoint")
}

fn open_vault(folder: &Folder) -> anyhow::Result<Vault> {
    Vault::open(folder.secrets()).or_else(|error| {
        state::set_aside(
            folder,
            &folder.secrets(),
            &format!("{error:#}; secrets are drawn anew"),
        );
        Vault::open(folder.secrets())
    })
}

/// The person at the command line may do everything here.
fn put_operator(aws: &Aws, vault: &Vault) -> anyhow::Result<Credentials> {
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/{OPERATOR}");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let role = Role {
        arn: arn.clone(),
        name: OPERATOR.to_owned(),
        policies: vec![policy],
    };
    if let Some(credentials) = vault.credentials(&arn) {
        aws.put_role_with(role, credentials.clone());
        return Ok(credentials);
    }
    let credentials = aws.put_role(role);
    vault.put_credentials(&arn, &credentials)?;
    Ok(credentials)
}

fn token() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("no randomness from the operating system: {error}"))?;
    Ok(hex::encode(bytes))
}

async fn copy_facts(aws: Aws, folder: Folder) {
    let mut facts = aws.events();
    loop {
        match facts.recv().await {
            Ok(fact) => {
                let fields: Vec<(&str, String)> = fact.fields.into_iter().collect();
                note(&folder, fact.level, &fact.message, &fields);
            }
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}

async fn bound_logs(folder: Folder) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        if let Err(error) = bound(&folder, SIZE_MAX) {
            note(
                &folder,
                "WARN",
                "a log could not be bounded",
                &[("error", format!("{error:#}"))],
            );
        }
    }
}
