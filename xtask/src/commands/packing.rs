//! What `build` and `verify` share: the chosen services, compiled and packed with values for their ARGs.

use std::time::Instant;

use anyhow::Context as _;
use build::packing::{self, Builder, Packed};
use facts::Context;
use stacks::StackPlan;

use super::arguments::{Values, arguments};

/// Builds the programs of these services in one cargo call and packs each.
pub(super) async fn pack<'a>(
    context: &'a Context,
    values: &Values,
    services: &[String],
    builder: Option<Builder>,
) -> anyhow::Result<Vec<Packed<'a>>> {
    let stage = context.stage(&values.stage)?;
    context.check_services(services)?;
    let stacks = stacks::stacks(&context.repo, stage);
    let chosen: Vec<&StackPlan> = stacks
        .iter()
        .filter(|stack| {
            stack.kind.is_some() && (services.is_empty() || services.contains(&stack.owner))
        })
        .collect();
    let (arguments, problem) = arguments(context, stage, &chosen, &values.set).await?;
    let ready = chosen.iter().filter_map(|stack| {
        let service = context.repo.service(&stack.owner)?;
        Some((service, arguments[&service.name].clone()))
    });
    let ready: Vec<_> = ready.collect();
    let missing = problem.map(anyhow::Error::new).into_iter().collect();
    let tools = packing::ready(context, &ready, builder, missing).await?;
    let begun = Instant::now();
    let names: Vec<&str> = chosen.iter().map(|stack| stack.owner.as_str()).collect();
    let title = format!("{} for 64-bit Arm", names.join(", "));
    context.out.step("compile", &title);
    let programs = packing::compile(context, tools, &names)?;
    let seconds = begun.elapsed().as_secs_f64();
    context.out.step("compiled", &format!("in {seconds:.1} s"));
    let mut packed = Vec::new();
    for stack in chosen {
        let service = context
            .repo
            .service(&stack.owner)
            .context("a stack without its service")?;
        let arguments = &arguments[&service.name];
        packed.push(packing::pack_with(context, &programs, service, arguments, builder).await?);
    }
    Ok(packed)
}
