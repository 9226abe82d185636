//! What is in a stack: its resources.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;

use super::errors::refused;

/// Reads what CloudFormation knows of single stacks.
#[derive(Debug, Clone)]
pub struct Inventory {
    client: Client,
}

/// One resource as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub logical_id: String,
    /// Empty when it never came to be.
    pub physical_id: String,
    pub resource_type: String,
}

impl Inventory {
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The resources that are there.
    ///
    /// # Errors
    /// CloudFormation refuses, or cannot be reached.
    pub async fn resources(&self, stack_id: &str) -> anyhow::Result<Vec<Resource>> {
        let call = self.client.list_stack_resources().stack_name(stack_id);
        let mut pages = call.into_paginator().send();
        let mut resources = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused("list what is in a stack", &error))?;
            for summary in page.stack_resource_summaries.unwrap_or_default() {
                let status = summary
                    .resource_status
                    .map_or_else(String::new, |status| status.as_str().to_owned());
                if status != "DELETE_COMPLETE" {
                    resources.push(Resource {
                        logical_id: summary.logical_resource_id.unwrap_or_default(),
                        physical_id: summary.physical_resource_id.unwrap_or_default(),
                        resource_type: summary.resource_type.unwrap_or_default(),
                    });
                }
            }
        }
        Ok(resources)
    }
}
