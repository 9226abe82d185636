//! Pure: what is wrong with a stage before anything is touched. It reads the facts and the rendered templates of all stacks
//! together, since most of what breaks a system stands in no single one of them.

mod agentcore;
mod artifacts;
mod expect;
mod fargate;
mod functions;
mod images;
mod kept;
mod listing;
mod model;
mod network;
mod parameters;
mod place;

mod report;
mod roles;
mod schema;
mod secrets;

use template::Node;

use crate::error::Problem;
use crate::repo::{Repo, Stage};
use model::Model;
use report::Report;

pub(crate) use listing::notes;
pub(crate) use report::Finding;

/// A stage as it would be deployed.
#[derive(Debug)]
pub(crate) struct System<'a> {
    pub(crate) repo: &'a Repo,
    pub(crate) stage: &'a Stage,
    pub(crate) stacks: Vec<Stack<'a>>,
    /// The files of `templates/`: name and text.
    pub(crate) sources: Vec<(&'a str, &'a str)>,
}

/// One stack of it.
#[derive(Debug)]
pub(crate) struct Stack<'a> {
    /// `turnpike-dev-agent`.
    pub(crate) name: &'a str,
    /// A service's name, `network` or `artifacts`.
    pub(crate) owner: &'a str,
    /// The file that it was rendered from.
    pub(crate) file: &'a str,
    /// What came of it.
    pub(crate) text: &'a str,
    /// Each parameter that a deploy will give a value, and where that comes from.
    pub(crate) inputs: Vec<(&'a str, Origin<'a>)>,
    pub(crate) image: Option<ImageFacts>,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    Image,
    CodeBucket,
    CodeKey,
    Output { owner: &'a str, key: &'a str },
}

/// What a service's Dockerfile says.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageFacts {
    /// As people write it: `services/agent/Dockerfile`.
    pub(crate) file: String,
    pub(crate) ports: Vec<u16>,
    pub(crate) user: String,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) health_check: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    /// Where each COPY puts a file.
    pub(crate) copied: Vec<String>,
    /// What each WORKDIR makes, with the user who owns it.
    pub(crate) folders: Vec<(String, u32)>,
    pub(crate) volumes: Vec<String>,
    /// The ARGs that change the image.
    pub(crate) args_used: Vec<String>,
    /// False when a base image or a RUN may bring files, users and uses of ARGs that nobody knows of here.
    pub(crate) is_whole: bool,
    /// Every instruction with its line.
    pub(crate) steps: Vec<(usize, String)>,
}

/// Everything that is wrong with a stage.
pub(crate) fn find(system: &System<'_>) -> Vec<Finding> {
    let mut report = Report::new(system);
    let mut trees: Vec<(usize, Node)> = Vec::new();
    for (index, stack) in system.stacks.iter().enumerate() {
        match Node::parse(stack.text) {
            Ok(tree) => trees.push((index, tree)),
            Err(error) => report.add(index, error.line, error.problem, error.fix),
        }
    }
    if !report.is_empty() {
        // What a template that cannot be read says would be a guess.
        return report.placed(&[]);
    }
    let model = Model::new(system, &trees);
    schema::check(&model, &mut report);

    parameters::check(&model, &mut report);
    roles::check(&model, &mut report);
    fargate::check(&model, &mut report);
    functions::check(&model, &mut report);
    agentcore::check(&model, &mut report);
    network::check(&model, &mut report);
    artifacts::check(&model, &mut report);
    secrets::check(&model, &mut report);
    kept::check(&model, &mut report);
    images::check(&model, &mut report);
    report.placed(&trees)
}

/// The findings of any number of stages, each told once, with the stacks that it is about.
pub(crate) fn problems(findings: Vec<Finding>) -> Vec<Problem> {
    report::merged(findings)
}
