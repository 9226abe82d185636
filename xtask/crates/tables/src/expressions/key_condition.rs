//! Key conditions of a query: the partition, and a range of its items.

use super::Placeholders;
use super::condition::{Comparator, Condition, Operand, condition};
use crate::attribute::Attribute;
use crate::refusal::{Refusal, Result};
use crate::schema::Definition;

/// The partition's key, and what the sort key has to fulfil.
pub(crate) struct KeyCondition {
    pub partition: Attribute,
    pub sort: Option<Condition>,
}

const KIND: &str = "KeyConditionExpression";

pub(crate) fn key_condition(
    text: &str,
    table: &Definition,
    placeholders: &mut Placeholders,
) -> Result<KeyCondition> {
    let not_supported = || Refusal::validation("Query key condition not supported");
    let missed = |name: &str| {
        Refusal::validation(format!("Query condition missed key schema element: {name}"))
    };
    let mut parts = Vec::new();
    flatten(condition(KIND, text, placeholders)?, &mut parts)?;
    let mut partition = None;
    let mut sort = None;
    for part in parts {
        let name = attribute(&part).ok_or_else(not_supported)?.to_owned();
        if name == table.partition_key.name && partition.is_none() {
            let Condition::Compare(_, Comparator::Equal, Operand::Value(value)) = part else {
                return Err(not_supported());
            };
            partition = Some(value);
        } else if table.sort_key.as_ref().is_some_and(|key| key.name == name) && sort.is_none() {
            sort = Some(part);
        } else {
            let missing = match (&partition, &table.sort_key) {
                (Some(_), Some(key)) => &key.name,
                _ => &table.partition_key.name,
            };
            return Err(missed(missing));
        }
    }
    let partition = partition.ok_or_else(|| missed(&table.partition_key.name))?;
    table.partition_key.check_value(&partition)?;
    if let (Some(sort), Some(key)) = (&sort, &table.sort_key) {
        for value in values(sort) {
            key.check_value(value)?;
        }
    }
    Ok(KeyCondition { partition, sort })
}

fn flatten(condition: Condition, parts: &mut Vec<Condition>) -> Result<()> {
    match condition {
        Condition::And(left, right) => {
            flatten(*left, parts)?;
            flatten(*right, parts)
        }
        Condition::Or(..) | Condition::Not(_) => {
            let operator = if matches!(condition, Condition::Or(..)) {
                "OR"
            } else {
                "NOT"
            };
            Err(Refusal::validation(format!(
                "Invalid operator used in {KIND}: {operator}"
            )))
        }
        one => {
            parts.push(one);
            Ok(())
        }
    }
}

/// The attribute that a part is about, compared with values only.
fn attribute(part: &Condition) -> Option<&str> {
    let is_value = |operand: &Operand| matches!(operand, Operand::Value(_));
    let path = match part {
        Condition::Compare(Operand::Path(path), comparator, right)
            if is_value(right) && *comparator != Comparator::NotEqual =>
        {
            path
        }
        Condition::Between(Operand::Path(path), low, high) if is_value(low) && is_value(high) => {
            path
        }
        Condition::BeginsWith(Operand::Path(path), start) if is_value(start) => path,
        _ => return None,
    };
    path.top()
}

fn values(part: &Condition) -> Vec<&Attribute> {
    let operands = match part {
        Condition::Compare(_, _, right) | Condition::BeginsWith(_, right) => vec![right],
        Condition::Between(_, low, high) => vec![low, high],
        _ => Vec::new(),
    };
    let values = operands.into_iter().filter_map(|operand| match operand {
        Operand::Value(value) => Some(value),
        _ => None,
    });
    values.collect()
}
