//! `PutItem`, `UpdateItem`, `DeleteItem`, and the check of a condition: alone, or as parts of a transaction.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Names, Nothing, name};
use crate::Tables;
use crate::attribute::{Item, item_from_json, item_size_bytes, item_to_json};
use crate::database::Change;
use crate::expressions::Placeholders;
use crate::expressions::condition::{Condition, condition};
use crate::expressions::projection::Projection;
use crate::expressions::update::{Update, update};
use crate::refusal::{Refusal, Result};
use crate::schema::Definition;

/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const ITEM_BYTES_MAX: usize = 400 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Put,
    Update,
    Delete,
    Check,
}

impl Kind {
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Put => "dynamodb:PutItem",
            Self::Update => "dynamodb:UpdateItem",
            Self::Delete => "dynamodb:DeleteItem",
            Self::Check => "dynamodb:ConditionCheckItem",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct WriteItem {
    pub table_name: String,
    item: Option<Json>,
    key: Option<Json>,
    update_expression: Option<String>,
    condition_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<Json>,
    return_values: Option<Returned>,
    return_values_on_condition_check_failure: Option<OnFailure>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
    #[serde(rename = "ReturnItemCollectionMetrics")]
    _return_item_collection_metrics: Option<Nothing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Returned {
    None,
    AllOld,
    UpdatedOld,
    AllNew,
    UpdatedNew,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OnFailure {
    None,
    AllOld,
}

enum Effect {
    Put(Item),
    Update(Option<Update>),
    Delete,
    Check,
}

/// A write that was read and fits its table.
pub(super) struct Prepared {
    pub table: Arc<Definition>,
    pub place: Vec<u8>,
    /// What a new item begins with.
    key: Item,
    effect: Effect,
    condition: Option<Condition>,
    returned: Returned,
    shows_failure: bool,
}

/// What a write makes of an item.
pub(super) struct Outcome {
    pub before: Option<Item>,
    after: Option<Item>,
}

impl WriteItem {
    /// Whether it has the parameters of its kind, and no others.
    fn check(&self, kind: Kind) -> Result<()> {
        let missing = |what: &str| {
            Refusal::validation(format!(
                "The parameter {what} is required, or does not belong here"
            ))
        };
        let returned = self.return_values.unwrap_or(Returned::None);
        if kind != Kind::Update && !matches!(returned, Returned::None | Returned::AllOld) {
            return Err(Refusal::validation(
                "ReturnValues can only be ALL_OLD or NONE",
            ));
        }
        if (kind == Kind::Put) != self.item.is_some() {
            return Err(missing("Item"));
        }
        if (kind == Kind::Put) == self.key.is_some() {
            return Err(missing("Key"));
        }
        if kind != Kind::Update && self.update_expression.is_some() {
            return Err(missing("UpdateExpression"));
        }
        if kind == Kind::Check && self.condition_expression.is_none() {
            return Err(missing("ConditionExpression"));
        }
        Ok(())
    }
}

impl Tables {
    pub(super) async fn write_item(&self, kind: Kind, write: &WriteItem) -> Result<Json> {
        let prepared = self.prepare(kind, write)?;
        self.database
            .change(move |change| {
                let outcome = prepared.outcome(change.get(&prepared.table, &prepared.place)?)?;
                prepared.make(change, &outcome)?;
                Ok(prepared.answer(&outcome))
            })
            .await
    }

    pub(super) fn prepare(&self, kind: Kind, write: &WriteItem) -> Result<Prepared> {
        write.check(kind)?;
        let returned = write.return_values.unwrap_or(Returned::None);
        let given = item_from_json(
            write
                .item
                .as_ref()
                .or(write.key.as_ref())
                .unwrap_or(&Json::Null),
        )?;
        let any_expression =
            write.update_expression.is_some() || write.condition_expression.is_some();
        let mut placeholders = Placeholders::new(
            write.expression_attribute_names.as_ref(),
            write.expression_attribute_values.as_ref(),
            any_expression,
        )?;
        let update = write
            .update_expression
            .as_deref()
            .map(|text| update(text, &mut placeholders))
            .transpose()?;
        let condition = write.condition_expression.as_deref();
        let condition = condition
            .map(|text| condition_of(text, &mut placeholders))
            .transpose()?;
        placeholders.finish()?;
        let table = self.definition(name(&write.table_name))?;
        let place = match kind {
            Kind::Put => table.place_of_item(&given)?,
            _ => table.place_of_key(&given)?,
        };
        for path in update.iter().flat_map(Update::paths) {
            if table.is_key(path.attribute()) {
                return Err(Refusal::parameter(format!(
                    "Cannot update attribute {}. This attribute is part of the key",
                    path.attribute()
                )));
            }
        }
        let (key, effect) = match kind {
            Kind::Put => {
                check_size(&given, "Item size")?;
                (Item::new(), Effect::Put(given))
            }
            Kind::Update => (given, Effect::Update(update)),
            Kind::Delete => (given, Effect::Delete),
            Kind::Check => (given, Effect::Check),
        };
        let shows_failure =
            write.return_values_on_condition_check_failure == Some(OnFailure::AllOld);
        Ok(Prepared {
            table,
            place,
            key,
            effect,
            condition,
            returned,
            shows_failure,
        })
    }
}

fn condition_of(text: &str, placeholders: &mut Placeholders) -> Result<Condition> {
    condition("ConditionExpression", text, placeholders)
}

fn check_size(item: &Item, what: &str) -> Result<()> {
    if item_size_bytes(item) > ITEM_BYTES_MAX {
        return Err(Refusal::validation(format!(
            "{what} has exceeded the maximum allowed size"
        )));
    }
    Ok(())
}

impl Prepared {
    /// What would become of `before`, or why it may not.
    pub(super) fn outcome(&self, before: Option<Item>) -> Result<Outcome> {
        let nothing = Item::new();
        if let Some(condition) = &self.condition
            && !condition.holds(before.as_ref().unwrap_or(&nothing))
        {
            let shown = before.as_ref().filter(|_| self.shows_failure);
            return Err(Refusal::condition(shown.map(item_to_json)));
        }
        let after = match &self.effect {
            Effect::Put(item) => Some(item.clone()),
            Effect::Delete => None,
            Effect::Check => before.clone(),
            Effect::Update(update) => {
                let begin = before.as_ref().unwrap_or(&self.key);
                let after = match update {
                    Some(update) => update.applied(begin)?,
                    None => begin.clone(),
                };
                check_size(&after, "Item size to update")?;
                Some(after)
            }
        };
        Ok(Outcome { before, after })
    }

    pub(super) fn make(&self, change: &Change<'_>, outcome: &Outcome) -> Result<()> {
        if matches!(self.effect, Effect::Check) || outcome.before == outcome.after {
            return Ok(());
        }
        change.put(
            &self.table,
            &self.place,
            outcome.before.as_ref(),
            outcome.after.as_ref(),
        )
    }

    fn answer(&self, outcome: &Outcome) -> Json {
        let item = match self.returned {
            Returned::None => None,
            Returned::AllOld | Returned::UpdatedOld => outcome.before.as_ref(),
            Returned::AllNew | Returned::UpdatedNew => outcome.after.as_ref(),
        };
        let (Some(item), update) = (item, &self.effect) else {
            return json!({});
        };
        let shown = match (self.returned, update) {
            (Returned::UpdatedOld | Returned::UpdatedNew, Effect::Update(update)) => {
                Projection::of(update.iter().flat_map(Update::paths)).shown(item)
            }
            _ => item.clone(),
        };
        if shown.is_empty() {
            json!({})
        } else {
            json!({ "Attributes": item_to_json(&shown) })
        }
    }
}
