//! Every stack of a stage with its template, as it goes to a cloud.

use std::collections::BTreeMap;

use anyhow::Context as _;
use facts::{Dockerfile, Repo, Service, Sources, Stage};
use image::Image;
use kinds::Port;
use words::error::UserError;

use crate::plan::{self, StackPlan};
use crate::render::{Engine, HealthCheck};

/// One stack with its template as it goes to a cloud.
#[derive(Debug)]
pub struct RenderedStack {
    pub plan: StackPlan,
    pub template: String,
    /// `services/agent/Dockerfile:3: RUN needs the Docker engine`, if something in its Dockerfile does.
    pub needs_engine: Option<String>,
    /// What the Dockerfile says, with stand-ins for values that only a deploy knows.
    pub image: Option<Image>,
}

/// Renders every stack of the stage, in the order of the deploy.
pub fn render(repo: &Repo, stage: &Stage, sources: &Sources) -> anyhow::Result<Vec<RenderedStack>> {
    let engine = Engine::new(&sources.templates)
        .with_context(|| format!("cannot render the stacks of the stage {}", stage.name))?;
    let mut stacks = Vec::new();
    for mut plan in plan::stacks(repo, stage) {
        let mut needs_engine = None;
        let mut of_image = None;
        if let Some(service) = repo
            .service(&plan.owner)
            .filter(|service| service.kind.has_image())
        {
            // The health check, the user and the port stand in the Dockerfile alone. No ARG that is still unknown can
            // change them, so a stand-in is good enough here.
            let stand_ins = plan.args_with_stand_ins();
            let dockerfile = sources
                .dockerfiles
                .get(&service.name)
                .with_context(|| format!("the Dockerfile of {} was not read", service.name))?;
            let image = interpret(service, dockerfile, &stand_ins)?;
            take_image_facts(&dockerfile.shown, &image, service.kind.port, &mut plan)?;
            needs_engine = image
                .outside
                .as_ref()
                .map(|outside| outside.sentence(&dockerfile.shown));
            of_image = Some(image);
        }
        check_environment(&plan)?;
        let template = engine
            .render(&plan.template, &plan.values)
            .with_context(|| format!("cannot render the stack {}", plan.name))?;
        stacks.push(RenderedStack {
            plan,
            template,
            needs_engine,
            image: of_image,
        });
    }
    Ok(stacks)
}

/// The stacks of these owners, or all when nobody names one.
pub fn chosen<'a>(
    stacks: &'a [RenderedStack],
    only: &[String],
) -> impl Iterator<Item = &'a RenderedStack> {
    let wanted = |stack: &&RenderedStack| only.is_empty() || only.contains(&stack.plan.owner);
    stacks.iter().filter(wanted)
}

/// Refuses names of services that the stage does not have.
pub fn check_part_of_stage(
    stage: &Stage,
    stacks: &[RenderedStack],
    names: &[String],
) -> Result<(), UserError> {
    let missing = names
        .iter()
        .find(|name| !stacks.iter().any(|stack| stack.plan.owner == **name));
    match missing {
        None => Ok(()),
        Some(name) => {
            let hint = format!(
                "no service of the stage links to it; `cargo xtask plan --stage {}` lists what there is",
                stage.name
            );
            Err(
                UserError::new(format!("{name} is not part of the stage {}", stage.name))
                    .hint(hint),
            )
        }
    }
}

/// Refuses an environment that is larger than the platform takes. A value that only a deploy knows counts as a long URL.
fn check_environment(plan: &StackPlan) -> Result<(), UserError> {
    const UNKNOWN: &str = "https://0123456789abcdefghijklmnopqrstuv.lambda-url.us-west-2.on.aws/0123456789abcdefghijklmnop";
    let (Some(kind), Some(service)) = (plan.kind, &plan.values.service) else {
        return Ok(());
    };
    let variables = service.environment.iter().map(|variable| {
        (
            variable.name.as_str(),
            variable.value.as_deref().unwrap_or(UNKNOWN),
        )
    });
    let problems = image::environment_problems(&service.name, kind, variables);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(UserError::new(problems.join("\n")))
    }
}

/// Reads a service's Dockerfile with values for its ARGs; of one that only the Docker engine builds, what it says about the
/// image.
pub fn interpret(
    service: &Service,
    dockerfile: &Dockerfile,
    args: &BTreeMap<String, String>,
) -> Result<Image, UserError> {
    let shown = &dockerfile.shown;
    let Some(text) = &dockerfile.text else {
        let problem = format!("{shown}: there is no such file");
        let hint = format!(
            "{} is of the kind {}, which is shipped as an image",
            service.name, service.kind.name
        );
        return Err(UserError::new(problem).hint(hint));
    };
    image::read(shown, text, args).map_err(UserError::new)
}

fn take_image_facts(
    shown: &str,
    image: &Image,
    port: Port,
    plan: &mut StackPlan,
) -> anyhow::Result<()> {
    let Some(values) = &mut plan.values.service else {
        return Ok(());
    };
    let missing =
        |line: &str, why: &str| UserError::new(format!("{shown}: there is no {line}; {why}"));
    let exposed = image
        .config
        .exposed_ports
        .first()
        .and_then(|port| port.split('/').next()?.parse().ok());
    match (exposed, port) {
        (Some(exposed), _) => values.port = exposed,
        (None, Port::None) => {}
        (None, Port::Exposed | Port::Fixed(_)) => {
            let why = "the load balancer has to know the port: EXPOSE 8080";
            return Err(missing("EXPOSE", why).into());
        }
    }
    values.user.clone_from(&image.config.user);
    if values.user.is_empty() {
        return Err(missing("USER", "the container would run as root: USER 65532:65532").into());
    }
    if values.user.split(':').next() == Some("0") {
        let problem = format!(
            "{shown}: USER {} is root; write USER 65532:65532",
            values.user
        );
        return Err(UserError::new(problem).into());
    }
    let why = "ECS and the local stage ask it whether the service is well: HEALTHCHECK CMD [\"/program\", \"health\"]";
    let check = image
        .config
        .health_check
        .as_ref()
        .ok_or_else(|| missing("HEALTHCHECK", why))?;
    values.health_check = Some(HealthCheck {
        command: check.command.clone(),
        interval_seconds: check.interval_seconds,
        timeout_seconds: check.timeout_seconds,
        start_period_seconds: check.start_period_seconds,
        retries: check.retries,
    });
    Ok(())
}
