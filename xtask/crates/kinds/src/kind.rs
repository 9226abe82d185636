//! What is said of every kind.

use std::fmt;

use crate::{EnvironmentLimits, Program, Size, SizeProblem};

/// Where and how a service runs. Two of the same name are the same.
pub struct Kind {
    /// As manifests say it, and as its template is called: `templates/fargate.yaml.tera`.
    pub name: &'static str,
    /// AWS's name for where it runs: `Fargate`.
    pub platform: &'static str,
    pub artifact: Artifact,
    /// The largest program, in bytes: one this small starts before anybody waits.
    pub program_bytes_max: u64,
    /// What the platform does not take of the numbers in a manifest.
    pub size_problems: fn(&Size) -> Vec<SizeProblem>,
    /// None where the limits are far above what a manifest says.
    pub environment: Option<EnvironmentLimits>,
    pub port: Port,
    pub answer_limit: AnswerLimit,
    /// Its containers are in the stage's network, and reach load balancers that only answer there.
    pub in_network: bool,
    pub callers: Callers,
    /// Its role may use a table.
    pub has_table: bool,
    /// The parameters that every template of the kind has.
    pub inputs: &'static [StackInput],
    /// What a link may ask for, and what the tool finds a running service by. The template's outputs have the same names in
    /// PascalCase.
    pub outputs: &'static [&'static str],
    /// The resource types without which there is no such service.
    pub resources: &'static [&'static str],
    /// The resource that says what its program is started with.
    pub program: &'static Program,
    pub regions: Option<Regions>,
}

/// What is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifact {
    /// A container image, made by the service's Dockerfile.
    Image,
    /// A zip with the program alone.
    Zip,
}

/// Where a program is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Where the Dockerfile's EXPOSE says.
    Exposed,
    /// The platform calls this port and no other.
    Fixed(u16),
    /// Nowhere: no port is needed.
    None,
}

/// What ends an answer that takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerLimit {
    /// The platform ends a program this long after it was told to stop, at the latest.
    Stop {
        /// The most that the platform waits.
        seconds_max: u32,
        /// From the end of the last answer to the end of the program, as the template has it.
        margin_seconds: u32,
    },
    /// The manifest's `timeout_seconds`.
    Timeout,
    None,
}

/// Who may call a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Whoever reaches it: the network decides, and no role. It is asked by paths after a deploy.
    Network,
    /// Whose role may do this to what an output names.
    Permitted {
        output: &'static str,
        grants: &'static [Grant],
    },
    /// Nobody: no service can link to it.
    Nobody,
}

/// One action that a caller's role has to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub action: &'static str,
    /// The action is asked for on everything under the resource as well: `<arn>/*`.
    pub and_below: bool,
}

/// A parameter that a deploy fills without any link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackInput {
    /// `ImageUri`: the image, by digest.
    Image,
    /// `CodeBucket`: where the zip is.
    CodeBucket,
    /// `CodeKey`: the zip, by its hash.
    CodeKey,
    /// An output of the stage's network, whose parameter has the same name: `VpcId`.
    Network(&'static str),
}

/// Where the platform is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regions {
    /// What is missing there: `Bedrock AgentCore`.
    pub service: &'static str,
    pub absent: &'static [&'static str],
}

impl Kind {
    pub fn has_image(&self) -> bool {
        self.artifact == Artifact::Image
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}
