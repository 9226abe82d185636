//! Where in an item something is: `a.b[3]`.

use std::fmt;

use crate::attribute::{Attribute, Item};
use crate::refusal::{Refusal, Result};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// The attribute that it begins with.
    pub(crate) fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// The attribute, if it is one as a whole.
    pub(crate) fn top(&self) -> Option<&str> {
        (self.0.len() == 1).then(|| self.attribute())
    }

    pub(crate) fn get<'a>(&self, item: &'a Item) -> Option<&'a Attribute> {
        let mut found = item.get(self.attribute())?;
        for step in &self.0[1..] {
            found = match (step, found) {
                (Step::Name(name), Attribute::M(map)) => map.get(name)?,
                (Step::Index(index), Attribute::L(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(found)
    }

    /// What holds the last step, if all before it is there.
    fn parent<'a>(&self, item: &'a mut Item) -> Option<&'a mut Attribute> {
        let mut found = item.get_mut(self.attribute())?;
        for step in &self.0[1..self.0.len() - 1] {
            found = match (step, found) {
                (Step::Name(name), Attribute::M(map)) => map.get_mut(name)?,
                (Step::Index(index), Attribute::L(list)) => list.get_mut(*index)?,
                _ => return None,
            };
        }
        Some(found)
    }

    /// An index behind the end of a list appends.
    pub(crate) fn set(&self, item: &mut Item, value: Attribute) -> Result<()> {
        if let Some(name) = self.top() {
            item.insert(name.to_owned(), value);
            return Ok(());
        }
        match (self.0.last(), self.parent(item)) {
            (Some(Step::Name(name)), Some(Attribute::M(map))) => {
                drop(map.insert(name.clone(), value))
            }
            (Some(Step::Index(index)), Some(Attribute::L(list))) => match list.get_mut(*index) {
                Some(found) => *found = value,
                None => list.push(value),
            },
            _ => return Err(no_such_path()),
        }
        Ok(())
    }

    pub(crate) fn remove(&self, item: &mut Item) -> Result<()> {
        if let Some(name) = self.top() {
            item.remove(name);
            return Ok(());
        }
        match (self.0.last(), self.parent(item)) {
            (Some(Step::Name(name)), Some(Attribute::M(map))) => drop(map.remove(name)),
            (Some(Step::Index(index)), Some(Attribute::L(list))) => {
                if *index < list.len() {
                    list.remove(*index);
                }
            }
            _ => return Err(no_such_path()),
        }
        Ok(())
    }
}

fn no_such_path() -> Refusal {
    Refusal::validation("The document path provided in the update expression is invalid for update")
}

/// As messages show it: `[a, b, [3]]`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.0.iter().map(|step| match step {
            Step::Name(name) => name.clone(),
            Step::Index(index) => format!("[{index}]"),
        });
        write!(formatter, "[{}]", steps.collect::<Vec<_>>().join(", "))
    }
}
