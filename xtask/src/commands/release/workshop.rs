//! What stacks run: compiled once, packed once for each set of ARGs, and sent where AWS will look for it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::{Mutex, OnceCell, Semaphore};

use aws::ecr::{EcrLogin, split_uri};
use aws::s3::S3;
use build::packing::{self, Artifact, Programs};
use build::registry::{self, Limits, Registry};
use cloud::progress::{Event, Reporter};
use facts::Context;
use stacks::RenderedStack;

/// Packing is deflating: more of it at once than there are cores gains nothing.
const PACKS_AT_ONCE: usize = 2;
const UPLOADS_AT_ONCE: usize = 4;

/// One service, ready to be sent.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) service: String,
    /// `sha256:...` of the image's manifest or of the zip.
    pub(super) digest: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Image(registry::Image),
    Code(Vec<u8>),
}

/// Where AWS takes artifacts from.
#[derive(Debug, Clone)]
pub(super) struct Depot {
    pub(super) login: Arc<EcrLogin>,
    pub(super) s3: S3,
}

/// Cheap to clone: every clone shares what is done.
#[derive(Clone)]
pub(super) struct Workshop {
    shared: Arc<Shared>,
}

/// By service and the values of its ARGs.
type Shipments = BTreeMap<(String, BTreeMap<String, String>), Arc<Shipment>>;

struct Shared {
    context: Context,
    reporter: Reporter,
    /// The services that this deploy is of, with values for their ARGs as far as they are known.
    services: OnceLock<BTreeMap<String, BTreeMap<String, String>>>,
    programs: OnceCell<Arc<Programs>>,
    shipments: Mutex<Shipments>,
    packs: Semaphore,
    uploads: Semaphore,
}

impl Workshop {
    pub(super) fn new(context: &Context, reporter: &Reporter) -> Self {
        Self {
            shared: Arc::new(Shared {
                context: context.clone(),
                reporter: reporter.clone(),
                services: OnceLock::new(),
                programs: OnceCell::new(),
                shipments: Mutex::new(BTreeMap::new()),
                packs: Semaphore::new(PACKS_AT_ONCE),
                uploads: Semaphore::new(UPLOADS_AT_ONCE),
            }),
        }
    }

    /// Says which stacks this deploy is of, before the first of them is packed.
    pub(super) fn choose<'a>(&self, stacks: impl Iterator<Item = &'a RenderedStack>) {
        let services = stacks.filter(|stack| stack.plan.kind.is_some());
        let with_args = services.map(|stack| {
            let args = stack.plan.args.iter();
            let args = args.map(|(name, value)| (name.clone(), value.or_stand_in()));
            (stack.plan.owner.clone(), args.collect())
        });
        self.shared.services.get_or_init(|| with_args.collect());
    }

    /// The programs of the chosen services for the cloud; compiled by the first who asks.
    pub(super) async fn compile(&self) -> anyhow::Result<Arc<Programs>> {
        let compile = || async {
            let begun = Instant::now();
            let context = self.shared.context.clone();
            let chosen = self.shared.services.get().cloned().unwrap_or_default();
            let ready = chosen
                .iter()
                .filter_map(|(name, args)| Some((context.repo.service(name)?, args)));
            let ready: Vec<_> = ready.collect();
            packing::refuse(packing::lacks(&context, &ready, None).await?)?;
            let names: Vec<&str> = chosen.keys().map(String::as_str).collect();
            self.shared
                .reporter
                .report(&Event::Build { services: &names });
            let work = move || {
                let names: Vec<&str> = chosen.keys().map(String::as_str).collect();
                packing::compile(&context, &names)
            };
            let programs = tokio::task::spawn_blocking(work).await??;
            self.shared.reporter.report(&Event::Built {
                seconds: begun.elapsed().as_secs_f64(),
            });
            anyhow::Ok(Arc::new(programs))
        };
        self.shared.programs.get_or_try_init(compile).await.cloned()
    }

    /// The service with these values for its ARGs.
    pub(super) async fn pack(
        &self,
        service: &str,
        args: &BTreeMap<String, String>,
    ) -> anyhow::Result<Arc<Shipment>> {
        let key = (service.to_owned(), args.clone());
        if let Some(found) = self.shared.shipments.lock().await.get(&key) {
            return Ok(found.clone());
        }
        let programs = self.compile().await?;
        let _permit = self.shared.packs.acquire().await?;
        self.shared.reporter.work(service, Some("packing"));
        let (context, name, args) = (self.shared.context.clone(), key.0.clone(), args.clone());
        let runtime = tokio::runtime::Handle::current();
        let packed = tokio::task::spawn_blocking(move || {
            runtime.block_on(pack(&context, &programs, &name, &args))
        });
        let shipment = Arc::new(packed.await??);
        self.shared.reporter.work(service, None);
        self.shared
            .shipments
            .lock()
            .await
            .insert(key, shipment.clone());
        Ok(shipment)
    }

    /// Pushes an image to its repository, unless it is there.
    pub(super) async fn push(
        &self,
        depot: &Depot,
        repository_uri: &str,
        shipment: &Shipment,
    ) -> anyhow::Result<()> {
        let Content::Image(image) = &shipment.content else {
            anyhow::bail!("{} is a function and has no image", shipment.service);
        };
        let _permit = self.shared.uploads.acquire().await?;
        self.shared
            .reporter
            .work(&shipment.service, Some("pushing"));
        let begun = Instant::now();
        let (host, repository) = split_uri(repository_uri)?;
        let registry = Registry::new(host, depot.login.clone(), Limits::default())?;
        if registry
            .manifest_digest(repository, &shipment.digest)
            .await?
            .is_some()
        {
            return Ok(());
        }
        let tag = image::short_digest(&shipment.digest);
        let pushed = registry.push(repository, tag, image).await?;
        self.sent(shipment, pushed.bytes_sent, begun);
        Ok(())
    }

    /// Uploads a function's zip, unless it is there.
    pub(super) async fn upload(
        &self,
        depot: &Depot,
        bucket: &str,
        shipment: &Shipment,
    ) -> anyhow::Result<()> {
        let Content::Code(bytes) = &shipment.content else {
            anyhow::bail!("{} is an image and has no zip", shipment.service);
        };
        let _permit = self.shared.uploads.acquire().await?;
        self.shared
            .reporter
            .work(&shipment.service, Some("uploading"));
        let begun = Instant::now();
        let key = code_key(shipment);
        if depot
            .s3
            .put_if_absent(bucket, &key, bytes.clone().into())
            .await?
        {
            self.sent(shipment, bytes.len() as u64, begun);
        }
        Ok(())
    }

    fn sent(&self, shipment: &Shipment, bytes: u64, begun: Instant) {
        self.shared.reporter.report(&Event::Sent {
            service: &shipment.service,
            digest: &shipment.digest,
            bytes,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }
}

/// An image's name by digest.
pub(super) fn reference(repository_uri: &str, shipment: &Shipment) -> String {
    format!("{repository_uri}@{}", shipment.digest)
}

/// Where a function's zip lies in the bucket: the same bytes always lie in the same place.
pub(super) fn code_key(shipment: &Shipment) -> String {
    let digits = shipment.digest.trim_start_matches("sha256:");
    format!("code/{}-{digits}.zip", shipment.service)
}

async fn pack(
    context: &Context,
    programs: &Programs,
    name: &str,
    args: &BTreeMap<String, String>,
) -> anyhow::Result<Shipment> {
    let service = context
        .repo
        .service(name)
        .with_context(|| format!("{name} is no service"))?;
    let packed = packing::pack_one(context, programs, service, args).await?;
    let digest = packed.artifact.digest().to_owned();
    let content = match packed.artifact {
        Artifact::Code(code) => Content::Code(code.bytes),
        Artifact::Image(built) => Content::Image(packing::for_registry(&built)),
    };
    Ok(Shipment {
        service: name.to_owned(),
        digest,
        content,
    })
}
