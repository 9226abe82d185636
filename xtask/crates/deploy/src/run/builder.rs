//! What stacks run: compiled once, packed once for each set of ARGs, and sent where the cloud looks for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, OnceCell, Semaphore};

use cloud::progress::{Event, Reporter};
use cloud::{Artifact, Cloud};

/// Packing is deflating: more of it at once than there are cores gains nothing.
const PACKS_AT_ONCE: usize = 2;
const UPLOADS_AT_ONCE: usize = 4;

/// By service and the values of its ARGs.
type Artifacts = BTreeMap<(String, BTreeMap<String, String>), Artifact>;

/// Cheap to clone: every clone shares what is done.
#[derive(Clone)]
pub(super) struct Builder {
    shared: Arc<Shared>,
}

struct Shared {
    cloud: Arc<dyn Cloud>,
    reporter: Reporter,
    /// The services that are compiled, in one go.
    services: Vec<String>,
    compiled: OnceCell<()>,
    artifacts: Mutex<Artifacts>,
    packs: Semaphore,
    uploads: Semaphore,
}

impl Builder {
    pub(super) fn new(cloud: &Arc<dyn Cloud>, services: Vec<String>, reporter: &Reporter) -> Self {
        Self {
            shared: Arc::new(Shared {
                cloud: cloud.clone(),
                reporter: reporter.clone(),
                services,
                compiled: OnceCell::new(),
                artifacts: Mutex::new(BTreeMap::new()),
                packs: Semaphore::new(PACKS_AT_ONCE),
                uploads: Semaphore::new(UPLOADS_AT_ONCE),
            }),
        }
    }

    /// The programs of all services; compiled by the first who asks.
    pub(super) async fn compile(&self) -> anyhow::Result<()> {
        let shared = &self.shared;
        let compile = || async {
            let begun = Instant::now();
            let names: Vec<&str> = shared.services.iter().map(String::as_str).collect();
            shared.reporter.report(&Event::Build { services: &names });
            shared.cloud.compile(&shared.services).await?;
            shared.reporter.report(&Event::Built {
                seconds: begun.elapsed().as_secs_f64(),
            });
            anyhow::Ok(())
        };
        shared.compiled.get_or_try_init(compile).await.copied()
    }

    /// The service with these values for its ARGs.
    pub(super) async fn pack(
        &self,
        service: &str,
        args: &BTreeMap<String, String>,
    ) -> anyhow::Result<Artifact> {
        let shared = &self.shared;
        let key = (service.to_owned(), args.clone());
        if let Some(found) = shared.artifacts.lock().await.get(&key) {
            return Ok(found.clone());
        }
        self.compile().await?;
        let _permit = shared.packs.acquire().await?;
        shared.reporter.work(service, Some("packing"));
        let artifact = shared.cloud.pack(service, args).await?;
        shared.reporter.work(service, None);
        shared.artifacts.lock().await.insert(key, artifact.clone());
        Ok(artifact)
    }

    /// Sends an artifact to its repository or bucket, unless it is there.
    pub(super) async fn send(&self, artifact: &Artifact, destination: &str) -> anyhow::Result<()> {
        let shared = &self.shared;
        let _permit = shared.uploads.acquire().await?;
        shared.reporter.work(&artifact.service, Some("sending"));
        let begun = Instant::now();
        if let Some(bytes) = shared.cloud.send(artifact, destination).await? {
            shared.reporter.report(&Event::Sent {
                service: &artifact.service,
                digest: &artifact.digest,
                bytes,
                seconds: begun.elapsed().as_secs_f64(),
            });
        }
        Ok(())
    }
}
