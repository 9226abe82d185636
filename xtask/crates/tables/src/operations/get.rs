//! `GetItem`.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Names, Nothing, name};
use crate::Tables;
use crate::attribute::{item_from_json, item_to_json};
use crate::expressions::Placeholders;
use crate::expressions::projection::{Projection, projection};
use crate::refusal::Result;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetItem {
    pub table_name: String,
    pub key: Json,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Names,
    /// Every read is consistent here.
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
}

impl GetItem {
    pub(super) fn projection(&self) -> Result<Option<Projection>> {
        shown(
            self.projection_expression.as_deref(),
            &self.expression_attribute_names,
        )
    }
}

/// The projection of a request that has no other expression.
pub(super) fn shown(text: Option<&str>, names: &Names) -> Result<Option<Projection>> {
    let mut placeholders = Placeholders::new(names.as_ref(), None, text.is_some())?;
    let projection = text
        .map(|text| projection(text, &mut placeholders))
        .transpose()?;
    placeholders.finish()?;
    Ok(projection)
}

impl Tables {
    pub(super) fn get_item(&self, get: &GetItem) -> Result<Json> {
        let projection = get.projection()?;
        let key = item_from_json(&get.key)?;
        let table = self.definition(name(&get.table_name))?;
        let place = table.place_of_key(&key)?;
        let mut found = self.database.get(&[(&*table, &*place)])?;
        Ok(match found.pop().flatten() {
            Some(item) => {
                let item = projection
                    .as_ref()
                    .map_or_else(|| item.clone(), |projection| projection.shown(&item));
                json!({ "Item": item_to_json(&item) })
            }
            None => json!({}),
        })
    }
}
