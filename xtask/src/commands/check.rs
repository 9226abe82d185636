use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;

use check::Finding;
use facts::CloudKind;
use facts::Context;

/// Check the facts, the Dockerfiles and the rendered templates, offline
#[derive(Debug, Args)]
#[command(after_help = concat!("Source: ", file!()))]
pub(crate) struct Check {
    /// The stage [default: every stage]
    #[arg(long)]
    stage: Option<String>,
    /// List every rule of advice, and why those that are allowed are
    #[arg(long)]
    all: bool,
}

impl Check {
    pub(crate) fn run(&self, context: &Context) -> anyhow::Result<ExitCode> {
        let stages = match &self.stage {
            Some(name) => vec![context.stage(name)?],
            None => context.repo.stages.iter().collect(),
        };
        let sources = facts::sources(&context.repo)?;
        let mut findings = Vec::new();
        let mut advice = Vec::new();
        let mut lines = Vec::new();
        for stage in stages {
            let stacks = stacks::render(&context.repo, stage, &sources)?;
            let found = check::look(&context.repo, stage, &sources, &stacks);
            let (of_rules, wrong): (Vec<Finding>, Vec<Finding>) = found
                .into_iter()
                .partition(|finding| finding.rule.is_some());
            findings.extend(wrong);
            advice.extend(of_rules);
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
            lines.push((
                line,
                check::listing_notes(&context.repo, stage, &sources, &stacks),
            ));
        }
        check::refuse(findings)?;
        for (line, notes) in &lines {
            context.out.data(line);
            for note in notes {
                context.out.note(&note.to_string());
            }
        }
        self.advise(context, advice);
        Ok(ExitCode::SUCCESS)
    }

    /// Tells what is not allowed, and what is allowed for nothing.
    fn advise(&self, context: &Context, advice: Vec<Finding>) {
        let allowed = &context.repo.allowed;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut told = Vec::new();
        for mut finding in advice {
            let rule = finding.rule.unwrap_or_default();
            *counts.entry(rule).or_default() += 1;
            if !allowed.contains_key(rule) {
                finding.text.push_str(&format!(" [{rule}]"));
                told.push(finding);
            }
        }
        for problem in check::problems(told) {
            context.out.note(&problem.to_string());
        }
        let every_stage = self.stage.is_none();
        for (rule, allowed) in allowed {
            if every_stage && !counts.contains_key(rule.as_str()) {
                let place = &allowed.place;
                context.out.note(&format!(
                    "{place}: nothing needs the advice `{rule}` to be allowed: remove the line"
                ));
            }
        }
        if self.all {
            for rule in check::RULES {
                let state = match (allowed.get(rule.name), counts.get(rule.name)) {
                    (Some(allowed), _) => format!("allowed: {}", allowed.reason),
                    (None, Some(count)) => format!("not followed in {count} places"),
                    (None, None) => "followed".to_owned(),
                };
                context
                    .out
                    .data(&format!("{}: {}; {state}", rule.name, rule.about));
            }
        }
    }
}
