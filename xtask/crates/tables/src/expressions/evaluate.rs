//! Conditions and filters: whether they hold for an item.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::condition::{Comparator, Condition, Operand};
use crate::attribute::{Attribute, Item};
use crate::number::Number;

impl Operand {
    pub(super) fn of<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, Attribute>> {
        match self {
            Self::Path(path) => path.get(item).map(Cow::Borrowed),
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Size(path) => {
                let size = match path.get(item)? {
                    Attribute::S(text) => text.chars().count(),
                    Attribute::B(bytes) => bytes.len(),
                    Attribute::L(list) => list.len(),
                    Attribute::M(map) => map.len(),
                    Attribute::Ss(set) => set.len(),
                    Attribute::Ns(set) => set.len(),
                    Attribute::Bs(set) => set.len(),
                    Attribute::N(_) | Attribute::Bool(_) | Attribute::Null => return None,
                };
                Some(Cow::Owned(Attribute::N(
                    Number::parse(&size.to_string()).ok()?,
                )))
            }
        }
    }
}

impl Condition {
    pub(crate) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Compare(left, comparator, right) => compare(left, *comparator, right, item),
            Self::Between(value, low, high) => {
                compare(value, Comparator::GreaterOrEqual, low, item)
                    && compare(value, Comparator::LessOrEqual, high, item)
            }
            Self::In(value, choices) => choices
                .iter()
                .any(|choice| compare(value, Comparator::Equal, choice, item)),
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::HasType(path, kind) => path.get(item).is_some_and(|value| value.kind() == kind),
            Self::BeginsWith(whole, start) => {
                match (whole.of(item).as_deref(), start.of(item).as_deref()) {
                    (Some(Attribute::S(whole)), Some(Attribute::S(start))) => {
                        whole.starts_with(start.as_str())
                    }
                    (Some(Attribute::B(whole)), Some(Attribute::B(start))) => {
                        whole.starts_with(start)
                    }
                    _ => false,
                }
            }
            Self::Contains(whole, part) => {
                match (whole.of(item).as_deref(), part.of(item).as_deref()) {
                    (Some(whole), Some(part)) => contains(whole, part),
                    _ => false,
                }
            }
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::Not(inner) => !inner.holds(item),
        }
    }
}

/// Values of different types are never equal and have no order; what is not there equals nothing.
fn compare(left: &Operand, comparator: Comparator, right: &Operand, item: &Item) -> bool {
    let (Some(left), Some(right)) = (left.of(item), right.of(item)) else {
        return comparator == Comparator::NotEqual;
    };
    let order = match (left.as_ref(), right.as_ref()) {
        (Attribute::S(left), Attribute::S(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        (Attribute::N(left), Attribute::N(right)) => Some(left.cmp(right)),
        (Attribute::B(left), Attribute::B(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match comparator {
        Comparator::Equal => left == right,
        Comparator::NotEqual => left != right,
        Comparator::Less => order == Some(Ordering::Less),
        Comparator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparator::Greater => order == Some(Ordering::Greater),
        Comparator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn contains(whole: &Attribute, part: &Attribute) -> bool {
    match (whole, part) {
        (Attribute::S(whole), Attribute::S(part)) => whole.contains(part.as_str()),
        (Attribute::B(whole), Attribute::B(part)) => {
            part.is_empty()
                || whole
                    .windows(part.len())
                    .any(|window| window == part.as_slice())
        }
        (Attribute::L(list), part) => list.contains(part),
        (Attribute::Ss(set), Attribute::S(part)) => set.contains(part),
        (Attribute::Ns(set), Attribute::N(part)) => set.contains(part),
        (Attribute::Bs(set), Attribute::B(part)) => set.contains(part),
        _ => false,
    }
}
