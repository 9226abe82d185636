use std::process::ExitCode;

use clap::Args;

use facts::CloudKind;
use facts::Context;

/// Check the facts, the Dockerfiles and the rendered templates, offline
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Check {
    /// The stage [default: every stage]
    #[arg(long)]
    stage: Option<String>,
}

impl Check {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stages = match &self.stage {
            Some(name) => vec![context.stage(name)?],
            None => context.repo.stages.iter().collect(),
        };
        let sources = facts::sources(&context.repo)?;
        let mut findings = Vec::new();
        let mut lines = Vec::new();
        for stage in stages {
            let stacks = stacks::render(&context.repo, stage, &sources)?;
            findings.extend(check::findings(&context.repo, stage, &sources, &stacks));
            if stage.cloud == CloudKind::Local {
                for why in stacks
                    .iter()
                    .filter_map(|stack| stack.needs_engine.as_ref())
                {
                    let text = format!(
                        "{why}, so the stage {} cannot be deployed; stages on AWS can",
                        stage.name
                    );
                    context.out.warning(&text);
                }
            }
            let services = stacks
                .iter()
                .filter(|stack| stack.plan.kind.is_some())
                .count();
            let line = format!(
                "stage {}: {services} services, {} stacks, no problem found",
                stage.name,
                stacks.len()
            );
            lines.push((line, check::notes(&context.repo, stage, &sources, &stacks)));
        }
        check::refuse(findings)?;
        for (line, notes) in &lines {
            context.out.data(line);
            for note in notes {
                context.out.note(&note.to_string());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
