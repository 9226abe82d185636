//! Values of attributes: their wire form, their sizes, and what they may not be.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::number::Number;
use crate::refusal::{Refusal, Result};

/// Lists and maps in each other.
const DEPTH_MAX: usize = 32;

pub(crate) type Item = BTreeMap<String, Attribute>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Attribute {
    S(String),
    N(Number),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<Attribute>),
    M(Item),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Number>),
    Bs(BTreeSet<Vec<u8>>),
}

impl Attribute {
    fn read(json: &Json, depth: usize) -> Result<Self> {
        if depth > DEPTH_MAX {
            return Err(Refusal::validation(
                "Nesting Levels have exceeded supported limits",
            ));
        }
        let members = json.as_object().ok_or_else(wrong_shape)?;
        let mut members = members.iter();
        let (Some((kind, value)), None) = (members.next(), members.next()) else {
            let what = if json.as_object().is_some_and(Map::is_empty) {
                "is empty"
            } else {
                "has more than one datatypes set"
            };
            return Err(Refusal::validation(format!(
                "Supplied AttributeValue {what}, must contain exactly one of the supported datatypes"
            )));
        };
        Ok(match kind.as_str() {
            "S" => Self::S(text(value)?.to_owned()),
            "N" => Self::N(Number::parse(text(value)?)?),
            "B" => Self::B(bytes(value)?),
            "BOOL" => Self::Bool(value.as_bool().ok_or_else(wrong_shape)?),
            "NULL" => match value.as_bool() {
                Some(true) => Self::Null,
                Some(false) => {
                    return Err(Refusal::parameter(
                        "Null attribute value types must have the value of true",
                    ));
                }
                None => return Err(wrong_shape()),
            },
            "L" => Self::L(
                list(value)?
                    .iter()
                    .map(|value| Self::read(value, depth + 1))
                    .collect::<Result<_>>()?,
            ),
            "M" => Self::M(members_of(value, depth + 1)?),
            "SS" => Self::Ss(set(value, "string", |value| Ok(text(value)?.to_owned()))?),
            "NS" => Self::Ns(set(value, "number", |value| Number::parse(text(value)?))?),
            "BS" => Self::Bs(set(value, "binary", bytes)?),
            _ => {
                return Err(Refusal::validation(
                    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
                ));
            }
        })
    }

    pub(crate) fn to_json(&self) -> Json {
        let encoded = |bytes: &Vec<u8>| STANDARD.encode(bytes);
        match self {
            Self::S(text) => json!({ "S": text }),
            Self::N(number) => json!({ "N": number.to_string() }),
            Self::B(bytes) => json!({ "B": encoded(bytes) }),
            Self::Bool(flag) => json!({ "BOOL": flag }),
            Self::Null => json!({ "NULL": true }),
            Self::L(list) => json!({ "L": list.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::M(item) => json!({ "M": item_to_json(item) }),
            Self::Ss(set) => json!({ "SS": set }),
            Self::Ns(set) => json!({ "NS": set.iter().map(Number::to_string).collect::<Vec<_>>() }),
            Self::Bs(set) => json!({ "BS": set.iter().map(encoded).collect::<Vec<_>>() }),
        }
    }

    /// The name of its type in requests and in messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// What counts of it towards an item's limit.
    /// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size_bytes(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::L(list) => {
                3 + list
                    .iter()
                    .map(|value| value.size_bytes() + 1)
                    .sum::<usize>()
            }
            Self::M(item) => 3 + item_size_bytes(item) + item.len(),
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(|number| number.size_bytes()).sum(),
            Self::Bs(set) => set.iter().map(Vec::len).sum(),
        }
    }
}

pub(crate) fn item_from_json(json: &Json) -> Result<Item> {
    members_of(json, 0)
}

pub(crate) fn item_to_json(item: &Item) -> Json {
    let members = item
        .iter()
        .map(|(name, value)| (name.clone(), value.to_json()));
    Json::Object(members.collect())
}

pub(crate) fn item_size_bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value.size_bytes())
        .sum()
}

fn members_of(json: &Json, depth: usize) -> Result<Item> {
    let members = json.as_object().ok_or_else(wrong_shape)?;
    members
        .iter()
        .map(|(name, value)| Ok((name.clone(), Attribute::read(value, depth)?)))
        .collect()
}

fn wrong_shape() -> Refusal {
    Refusal::serialization("an attribute's value is not of the shape that its type has")
}

fn text(json: &Json) -> Result<&str> {
    json.as_str().ok_or_else(wrong_shape)
}

fn bytes(json: &Json) -> Result<Vec<u8>> {
    STANDARD.decode(text(json)?).map_err(|_| {
        Refusal::serialization(
            "Base64 encoded length is expected a multiple of 4 bytes, and only its characters",
        )
    })
}

fn list(json: &Json) -> Result<&Vec<Json>> {
    json.as_array().ok_or_else(wrong_shape)
}

fn set<T: Ord>(json: &Json, kind: &str, read: impl Fn(&Json) -> Result<T>) -> Result<BTreeSet<T>> {
    let list = list(json)?;
    if list.is_empty() {
        return Err(Refusal::parameter(format!(
            "An {kind} set  may not be empty"
        )));
    }
    let found: BTreeSet<T> = list.iter().map(read).collect::<Result<_>>()?;
    if found.len() < list.len() {
        let shown: Vec<&str> = list.iter().filter_map(Json::as_str).collect();
        return Err(Refusal::parameter(format!(
            "Input collection [{}] contains duplicates.",
            shown.join(", ")
        )));
    }
    Ok(found)
}
