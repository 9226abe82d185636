//! The end of a log, and which logs there are.

use time::OffsetDateTime;

use super::{Group, Logs, trouble};
use cloud::{LogLine, LogQuery};

impl Logs {
    /// The last lines of a group since a point in time; none when the group or its stream is not there.
    pub async fn last_lines(
        &self,
        group: &Group,
        count: usize,
        since: OffsetDateTime,
    ) -> anyhow::Result<Vec<LogLine>> {
        let query = LogQuery {
            since: Some(since),
            ..LogQuery::default()
        };
        let mut lines = self.read(std::slice::from_ref(group), &query).await?;
        let first = lines.len().saturating_sub(count);
        Ok(lines.split_off(first))
    }

    /// The groups whose names begin so.
    pub async fn group_names(&self, prefix: &str) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut pages = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| trouble(prefix, &error).error)?;
            names.extend(
                page.log_groups
                    .into_iter()
                    .flatten()
                    .filter_map(|group| group.log_group_name),
            );
        }
        Ok(names)
    }
}
