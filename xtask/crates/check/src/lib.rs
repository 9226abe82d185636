//! Pure: what is wrong with a stage before anything is touched. It reads the facts and the rendered templates of all stacks
//! together, since most of what breaks a system stands in no single one of them.

mod advice;
mod agentcore;
mod artifacts;
mod blocks;
mod ecs;
mod expect;
mod functions;
mod given;
mod images;
mod kept;
mod listing;
mod model;
mod network;
mod parameters;
mod place;
mod report;
mod required;
mod roles;
mod schema;
mod secrets;
mod twice;

use template::Node;

use facts::{Repo, Stage};
use model::Model;
use report::Report;
use words::error::Problem;

pub use advice::{RULES, Rule};
pub use given::{findings, listing_notes, look, refuse};
pub use report::Finding;

/// A stage as it would be deployed.
#[derive(Debug)]
pub struct System<'a> {
    pub repo: &'a Repo,
    pub stage: &'a Stage,
    pub stacks: Vec<Stack<'a>>,
    /// The files of `templates/`: name and text.
    pub sources: Vec<(&'a str, &'a str)>,
}

/// One stack of it.
#[derive(Debug)]
pub struct Stack<'a> {
    /// `turnpike-dev-agent`.
    pub name: &'a str,
    /// A service's name, `network` or `artifacts`.
    pub owner: &'a str,
    /// The file that it was rendered from.
    pub file: &'a str,
    /// What came of it.
    pub text: &'a str,
    /// Each parameter that a deploy will give a value, and where that comes from.
    pub inputs: Vec<(&'a str, Origin<'a>)>,
    pub image: Option<ImageFacts>,
}

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    Image,
    CodeBucket,
    CodeKey,
    Output { owner: &'a str, key: &'a str },
}

/// What a service's Dockerfile says.
#[derive(Debug, Clone, Default)]
pub struct ImageFacts {
    /// As people write it: `services/agent/Dockerfile`.
    pub file: String,
    pub ports: Vec<u16>,
    pub user: String,
    pub environment: Vec<(String, String)>,
    pub health_check: Vec<String>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// Where each COPY puts a file.
    pub copied: Vec<String>,
    /// What each WORKDIR makes, with the user who owns it.
    pub folders: Vec<(String, u32)>,
    pub volumes: Vec<String>,
    /// The ARGs that change the image.
    pub args_used: Vec<String>,
    /// False when a base image or a RUN may bring files, users and uses of ARGs that nobody knows of here.
    pub is_whole: bool,
    /// Every instruction with its line.
    pub steps: Vec<(usize, String)>,
}

/// Everything that is wrong with a stage.
pub fn find(system: &System<'_>) -> Vec<Finding> {
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
    advice::check(system, &mut report);
    schema::check(&model, &mut report);

    parameters::check(&model, &mut report);
    roles::check(&model, &mut report);
    required::check(&model, &mut report);
    ecs::check(&model, &mut report);
    functions::check(&model, &mut report);
    agentcore::check(&model, &mut report);
    network::check(&model, &mut report);
    artifacts::check(&model, &mut report);
    secrets::check(&model, &mut report);
    kept::check(&model, &mut report);
    images::check(&model, &mut report);
    twice::check(&model, &mut report);
    report.placed(&trees)
}

/// The findings of any number of stages, each told once, with the stacks that it is about.
pub fn problems(findings: Vec<Finding>) -> Vec<Problem> {
    report::merged(findings)
}
