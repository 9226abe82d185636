//! `DescribeTable`, `DescribeTimeToLive` and `ListTables`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::name;
use crate::Tables;
use crate::refusal::{Refusal, Result};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfTable {
    pub table_name: String,
}

/// There are few tables: a page has them all.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTables {
    exclusive_start_table_name: Option<String>,
    limit: Option<usize>,
}

impl Tables {
    pub(super) fn describe_table(&self, of: &OfTable) -> Result<Json> {
        let asked = name(&of.table_name);
        let table = self.definition(asked).map_err(|mut refusal: Refusal| {
            refusal.message = format!("Requested resource not found: Table: {asked} not found");
            refusal
        })?;
        let keys = [
            Some((&table.partition_key, "HASH")),
            table.sort_key.as_ref().map(|key| (key, "RANGE")),
        ];
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        let schema = keys
            .iter()
            .map(|(key, part)| json!({ "AttributeName": key.name, "KeyType": part }));
        let attributes = keys
            .iter()
            .map(|(key, _)| json!({ "AttributeName": key.name, "AttributeType": key.kind }));
        Ok(json!({ "Table": {
            "TableName": table.name,
            "TableArn": table.arn,
            "TableStatus": "ACTIVE",
            "KeySchema": schema.collect::<Vec<_>>(),
            "AttributeDefinitions": attributes.collect::<Vec<_>>(),
            "ItemCount": self.database.count(&table)?,
        } }))
    }

    pub(super) fn describe_time_to_live(&self, of: &OfTable) -> Result<Json> {
        let table = self.definition(name(&of.table_name))?;
        Ok(match &table.expires_by {
            Some(attribute) => {
                json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "ENABLED", "AttributeName": attribute } })
            }
            None => json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } }),
        })
    }

    pub(super) fn list_tables(&self, list: &ListTables) -> Json {
        let after = list
            .exclusive_start_table_name
            .as_deref()
            .unwrap_or_default();
        let mut names = self.names();
        names.retain(|name| name.as_str() > after);
        let limit = list.limit.unwrap_or(100);
        if names.len() <= limit {
            return json!({ "TableNames": names });
        }
        names.truncate(limit);
        json!({ "LastEvaluatedTableName": names.last(), "TableNames": names })
    }
}
