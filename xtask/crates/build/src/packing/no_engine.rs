//! In place of the Docker engine, in a build of the tool without it.

use facts::Context;
use image::{BuiltImage, Image};
use words::error::NotInThisBuild;

use super::images::{Ingredients, Source};

#[expect(
    clippy::unused_async,
    reason = "it stands for the one that asks the engine"
)]
pub(super) async fn build(
    _: &Context,
    _: &Ingredients<'_>,
    _: &Source,
    _: Image,
) -> anyhow::Result<BuiltImage> {
    Err(NotInThisBuild::DockerEngine.into())
}

pub(super) fn asked_for(_: &str) -> String {
    String::new()
}

#[expect(
    clippy::unused_async,
    reason = "it stands for the one that asks the engine"
)]
pub(super) async fn missing(_: String) -> Option<anyhow::Error> {
    Some(NotInThisBuild::DockerEngine.into())
}
