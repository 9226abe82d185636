//! What a service says of itself under `[package.metadata.service]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kinds::Kind;
use serde::Serialize;

use super::existing::ExistingSecret;
use super::listing::ListingFile;
use super::smoke::Smoke;
use super::stage::{Resolved, Stage};

/// One deployable service.
#[derive(Debug, Clone)]
pub struct Service {
    /// The package's name, which is also the binary's, the image's and the stack's.
    pub name: String,
    pub manifest: PathBuf,
    /// Where the source is published, if the manifest says so.
    pub repository: Option<String>,
    pub kind: &'static Kind,
    /// Deployed only on a stage where a link reaches it.
    pub optional: bool,
    /// People open it in a browser.
    pub public: bool,
    /// The name of the table that its instances share: `payments`, which the variable `PAYMENTS_TABLE` names.
    pub table: Option<String>,
    /// A folder of the container that outlives it.
    pub data: Option<String>,
    pub cpu_units: u32,
    pub memory_mib: u32,
    pub timeout_seconds: u32,
    /// How long its callers may have to wait for an answer, or for the next piece of one that streams.
    pub answers_within: Option<AnswersWithin>,
    /// Docker ARGs: baked into the image.
    pub args: BTreeMap<String, Value>,
    /// Environment variables that the template sets.
    pub env: BTreeMap<String, Value>,
    /// What the settings behind ARGs and environment variables have to be, by the variable.
    pub types: BTreeMap<String, ValueType>,
    /// Secrets, by the environment variable that the service reads them from.
    pub secrets: BTreeMap<String, Secret>,
    /// The same for those that a person has made.
    pub existing_secrets: BTreeMap<String, ExistingSecret>,
    /// What lists of paid APIs show of it.
    pub listing: Option<ListingFile>,
    /// What it is asked after each deploy.
    pub smoke: Vec<Smoke>,
}

/// The promise of a service about time, and where its manifest makes it: `services/agent/Cargo.toml:12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswersWithin {
    pub seconds: u32,
    pub place: String,
}

/// How long a program that is not told otherwise lets requests end when it is stopped; see `Limits` of the services.
const ANSWERS_WITHIN_SECONDS: u32 = 10;

impl Service {
    /// How long an answer that has begun may take, and so how long a service that stops has to be left alone.
    pub fn answers_within_seconds(&self) -> u32 {
        let promised = self.answers_within.as_ref();
        promised.map_or(ANSWERS_WITHIN_SECONDS, |within| within.seconds)
    }

    /// Every value with the table it stands in.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &String, &Value)> {
        let args = self.args.iter().map(|(name, value)| ("args", name, value));
        let env = self.env.iter().map(|(name, value)| ("env", name, value));
        args.chain(env)
    }

    /// Whether it is paid: it says so for lists, or at an address of its own.
    pub fn sells(&self) -> bool {
        let is_paid = |of_type: &ValueType| {
            matches!(
                of_type,
                ValueType::Address { exclusive: true } | ValueType::Prices { .. }
            )
        };
        self.listing.is_some() || self.types.values().any(is_paid)
    }

    /// The values of type `model`: the tables and the names of the variables.
    pub(crate) fn models(&self) -> impl Iterator<Item = (&'static str, &String, &Value)> {
        self.values()
            .filter(|(_, name, _)| self.types.get(*name) == Some(&ValueType::Model))
    }

    /// The one model that the service's role may invoke.
    pub fn model<'a>(&'a self, stage: &'a Stage) -> Option<&'a str> {
        self.models()
            .find_map(|(_, _, value)| match stage.resolve(value)? {
                Resolved::Text(model) => Some(model),
                Resolved::Link(_) => None,
            })
    }

    /// The folder of the service's manifest.
    pub fn folder(&self) -> PathBuf {
        self.manifest
            .parent()
            .map(PathBuf::from)
            .unwrap_or_default()
    }
}

/// Where the value of an ARG or of an environment variable comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Written in the manifest.
    Text(String),
    /// A setting of the stage, by its key.
    Stage(String),
    /// A setting that a stage may do without; the variable is left out then.
    OptionalStage(String),
    /// An output of another service.
    Link(Link),
}

impl Value {
    /// The setting of the stage that it may be.
    pub fn setting(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Stage(key) | Self::OptionalStage(key) => Some(key),
            Self::Link(link) => link.hosted.as_deref(),
        }
    }
}

/// What the setting behind a value has to be. It is said in the manifest: the tool knows no setting by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueType {
    /// A decimal number of an asset's units: `0.01`.
    Amount {
        /// Decimal places of the asset.
        decimals: Decimals,
        /// It may be zero.
        zero: bool,
        /// Another setting that it may not be above.
        at_most: Option<String>,
    },
    Url {
        /// Plain http is for loopback and the local cloud only.
        https: bool,
        /// Payments to the service are settled there.
        facilitator: bool,
    },
    /// An account or a contract of an EVM chain.
    Address {
        /// Payments to it are told apart by nothing else: it belongs to one service of one stage on its network.
        exclusive: bool,
    },
    /// The decimal places of an asset: a whole number up to 36.
    Decimals,
    /// The CAIP-2 name of an EVM chain: `eip155:84532`.
    Network {
        /// The setting without which the chain of development nodes is for the local cloud only.
        development_needs: Option<String>,
    },
    /// Ways to pay beside the service's own price: a JSON array (`listing::OtherPrice`).
    Prices {
        /// The setting with the asset of the own price, which is on the service's own network.
        own_asset: Option<String>,
    },
    /// The id of a Bedrock model or of a system-defined inference profile. The service's role may invoke it, and no other.
    Model,
    /// One of a few texts.
    Choice {
        one_of: Vec<String>,
        /// Those that no stage on AWS may have, each with the reason.
        refused_on_aws: BTreeMap<String, String>,
    },
}

/// How many decimal places the amounts of an asset have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimals {
    /// The stage's setting that says so.
    pub setting: Option<String>,
    /// What holds where there is no such setting, or a stage does without it.
    pub default: u32,
}

/// One service's need of another: an order, a value and a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub service: String,
    pub output: String,
    /// The stage's setting that, where it is set, names a hosted one to use instead.
    pub hosted: Option<String>,
}

/// A secret that the cloud makes and nobody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    pub name: String,
    pub length: u32,
    pub alphabet: Alphabet,
}

/// The characters of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// `0-9a-f`.
    Hex,
    /// Letters and digits.
    Password,
}
