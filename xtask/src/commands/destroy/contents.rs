//! What a stack takes along when it goes, and emptying what CloudFormation deletes only when nothing is in it.

use anyhow::Context as _;

use super::removal::{Container, Removal};
use aws::Aws;
use aws::cloudformation::{CloudFormation, Standing};
use aws::ecr::Ecr;
use aws::inventory::Inventory;
use aws::s3::S3;

pub(crate) async fn removal_of(
    aws: &Aws,
    cloud: &CloudFormation,
    standing: &Standing,
) -> anyhow::Result<Removal> {
    // A stack that was only planned has no template to speak of, and nothing is in it.
    if standing.status == "REVIEW_IN_PROGRESS" {
        return Ok(Removal::of(standing, &[], ""));
    }
    let inventory = Inventory::new(aws.config());
    let (resources, template) = tokio::try_join!(
        inventory.resources(&standing.stack_id),
        cloud.template(&standing.stack_id)
    )?;
    Ok(Removal::of(standing, &resources, &template))
}

/// Empties what has to be empty; `told` hears of each that was not, and how much was in it.
///
/// # Errors
/// S3 or ECR refuses, or cannot be reached: the stack would only get stuck.
pub(crate) async fn empty(
    aws: &Aws,
    removal: &Removal,
    told: impl Fn(&str, usize),
) -> anyhow::Result<()> {
    for container in &removal.empties {
        let count = match container {
            Container::Bucket(name) => S3::new(aws).empty_bucket(name).await,
            Container::Repository(name) => Ecr::new(aws).empty_repository(name).await,
        };
        let name = container.name();
        let count = count
            .with_context(|| format!("{} cannot go while {name} is not empty", removal.name))?;
        if count > 0 {
            told(name, count);
        }
    }
    Ok(())
}
