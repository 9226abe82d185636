//! Projections: which parts of an item are shown.

use std::collections::BTreeMap;

use super::{Parser, Placeholders, parsed, refuse_overlap};
use crate::attribute::{Attribute, Item};
use crate::path::{Path, Step};
use crate::refusal::Result;

#[derive(Debug, Clone)]
pub(crate) struct Projection(Vec<Path>);

pub(crate) fn projection(text: &str, placeholders: &mut Placeholders) -> Result<Projection> {
    parsed(
        "ProjectionExpression",
        text,
        placeholders,
        |parser: &mut Parser<'_>| {
            let mut paths = vec![parser.path()?];
            while parser.symbol(",") {
                paths.push(parser.path()?);
            }
            refuse_overlap(&paths.iter().collect::<Vec<_>>())?;
            Ok(Projection(paths))
        },
    )
}

/// What is wanted of one value: all of it, or some steps from there.
#[derive(Default)]
struct Wanted<'a>(BTreeMap<&'a Step, Wanted<'a>>);

impl Projection {
    pub(crate) fn of<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        Self(paths.cloned().collect())
    }

    pub(crate) fn shown(&self, item: &Item) -> Item {
        let mut wanted = Wanted::default();
        for path in &self.0 {
            let mut place = &mut wanted;
            for step in &path.0 {
                place = place.0.entry(step).or_default();
            }
        }
        wanted.of_map(item)
    }
}

impl Wanted<'_> {
    fn of_map(&self, map: &Item) -> Item {
        let parts = self.0.iter().filter_map(|(step, inner)| match step {
            Step::Name(name) => Some((name.clone(), inner.of(map.get(name)?)?)),
            Step::Index(_) => None,
        });
        parts.collect()
    }

    fn of(&self, value: &Attribute) -> Option<Attribute> {
        if self.0.is_empty() {
            return Some(value.clone());
        }
        match value {
            Attribute::M(map) => Some(self.of_map(map))
                .filter(|map| !map.is_empty())
                .map(Attribute::M),
            Attribute::L(list) => {
                let parts = self.0.iter().filter_map(|(step, inner)| match step {
                    Step::Index(index) => inner.of(list.get(*index)?),
                    Step::Name(_) => None,
                });
                let parts: Vec<Attribute> = parts.collect();
                (!parts.is_empty()).then_some(Attribute::L(parts))
            }
            _ => None,
        }
    }
}
