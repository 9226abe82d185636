//! `Query` and `Scan`: many items, in pages.

use std::ops::Bound;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Names, Nothing, name};
use crate::Tables;
use crate::attribute::{Item, item_from_json, item_size_bytes, item_to_json};
use crate::expressions::Placeholders;
use crate::expressions::condition::{Condition, condition};
use crate::expressions::key_condition::{KeyCondition, key_condition};
use crate::expressions::projection::{Projection, projection};
use crate::refusal::{Refusal, Result};
use crate::schema::{Definition, partition_bytes};

/// What one page looks at.
const PAGE_BYTES_MAX: usize = 1024 * 1024;
const SEGMENTS_MAX: u32 = 1_000_000;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Query {
    pub table_name: String,
    key_condition_expression: String,
    scan_index_forward: Option<bool>,
    index_name: Option<String>,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<Json>,
    limit: Option<usize>,
    exclusive_start_key: Option<Json>,
    select: Option<Select>,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Scan {
    pub table_name: String,
    segment: Option<u32>,
    total_segments: Option<u32>,
    index_name: Option<String>,
    filter_expression: Option<String>,
    projection_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<Json>,
    limit: Option<usize>,
    exclusive_start_key: Option<Json>,
    select: Option<Select>,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<Nothing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Select {
    AllAttributes,
    SpecificAttributes,
    Count,
}

/// Which items a page shows, and how.
struct Page<'a> {
    table: &'a Definition,
    filter: Option<Condition>,
    projection: Option<Projection>,
    limit: Option<usize>,
    select: Option<Select>,
}

impl Tables {
    pub(super) fn query(&self, query: &Query) -> Result<Json> {
        let table = self.definition(name(&query.table_name))?;
        refuse_index(&table, query.index_name.as_deref())?;
        let mut placeholders = Placeholders::new(
            query.expression_attribute_names.as_ref(),
            query.expression_attribute_values.as_ref(),
            true,
        )?;
        let KeyCondition { partition, sort } =
            key_condition(&query.key_condition_expression, &table, &mut placeholders)?;
        let page = Page::new(
            &table,
            query.filter_expression.as_deref(),
            query.projection_expression.as_deref(),
            &mut placeholders,
            query.limit,
            query.select,
        )?;
        placeholders.finish()?;
        if let Some(key) = page
            .filter
            .iter()
            .flat_map(Condition::attributes)
            .find(|name| table.is_key(name))
        {
            return Err(Refusal::validation(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
            )));
        }
        let forward = query.scan_index_forward.unwrap_or(true);
        let begin = partition_bytes(&partition);
        let end = behind(&begin);
        let start = start(&table, query.exclusive_start_key.as_ref())?;
        let range = match (&start, forward) {
            (None, _) => (Bound::Included(&*begin), Bound::Excluded(&*end)),
            (Some(start), _) if !start.starts_with(&begin) => {
                return Err(Refusal::validation(
                    "The provided starting key is outside query boundaries based on provided conditions",
                ));
            }
            (Some(start), true) => (Bound::Excluded(&**start), Bound::Excluded(&*end)),
            (Some(start), false) => (Bound::Included(&*begin), Bound::Excluded(&**start)),
        };
        self.page(&page, range, forward, |_, item| {
            sort.as_ref().is_none_or(|sort| sort.holds(item))
        })
    }

    pub(super) fn scan(&self, scan: &Scan) -> Result<Json> {
        let table = self.definition(name(&scan.table_name))?;
        refuse_index(&table, scan.index_name.as_deref())?;
        let any_expression =
            scan.filter_expression.is_some() || scan.projection_expression.is_some();
        let mut placeholders = Placeholders::new(
            scan.expression_attribute_names.as_ref(),
            scan.expression_attribute_values.as_ref(),
            any_expression,
        )?;
        let page = Page::new(
            &table,
            scan.filter_expression.as_deref(),
            scan.projection_expression.as_deref(),
            &mut placeholders,
            scan.limit,
            scan.select,
        )?;
        placeholders.finish()?;
        let segments = match (scan.segment, scan.total_segments) {
            (None, None) => None,
            (Some(segment), Some(total)) if segment < total && total <= SEGMENTS_MAX => {
                Some((segment, total))
            }
            _ => {
                return Err(Refusal::validation(
                    "The Segment parameter is zero-based and must be less than parameter TotalSegments",
                ));
            }
        };
        let start = start(&table, scan.exclusive_start_key.as_ref())?;
        let begin = start
            .as_ref()
            .map_or(Bound::Unbounded, |start| Bound::Excluded(&**start));
        self.page(&page, (begin, Bound::Unbounded), true, |place, _| {
            segments.is_none_or(|(segment, total)| segment_of(place, total) == segment)
        })
    }

    fn page(
        &self,
        page: &Page<'_>,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        forward: bool,
        belongs: impl Fn(&[u8], &Item) -> bool,
    ) -> Result<Json> {
        let (mut shown, mut count, mut looked_at, mut bytes) =
            (Vec::new(), 0_usize, 0_usize, 0_usize);
        let mut last = None;
        self.database
            .walk(page.table, range, forward, |place, item| {
                if !belongs(place, &item) {
                    return true;
                }
                looked_at += 1;
                bytes += item_size_bytes(&item);
                let is_full = page.limit == Some(looked_at) || bytes >= PAGE_BYTES_MAX;
                last = is_full.then(|| page.table.key_of(&item));
                if page
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(&item))
                {
                    count += 1;
                    if page.select != Some(Select::Count) {
                        let item = page
                            .projection
                            .as_ref()
                            .map_or_else(|| item.clone(), |projection| projection.shown(&item));
                        shown.push(item_to_json(&item));
                    }
                }
                !is_full
            })?;
        let mut answer = json!({ "Count": count, "ScannedCount": looked_at });
        if page.select != Some(Select::Count) {
            answer["Items"] = Json::Array(shown);
        }
        if let Some(last) = last {
            answer["LastEvaluatedKey"] = last;
        }
        Ok(answer)
    }
}

impl<'a> Page<'a> {
    fn new(
        table: &'a Definition,
        filter: Option<&str>,
        shown: Option<&str>,
        placeholders: &mut Placeholders,
        limit: Option<usize>,
        select: Option<Select>,
    ) -> Result<Self> {
        if limit == Some(0) {
            return Err(Refusal::validation(
                "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
            ));
        }
        let filter = filter
            .map(|text| condition("FilterExpression", text, placeholders))
            .transpose()?;
        let projection = shown
            .map(|text| projection(text, placeholders))
            .transpose()?;
        let wrong = match select {
            Some(Select::SpecificAttributes) => projection.is_none(),
            Some(Select::AllAttributes | Select::Count) => projection.is_some(),
            None => false,
        };
        if wrong {
            return Err(Refusal::validation(
                "Select and ProjectionExpression do not go together",
            ));
        }
        Ok(Self {
            table,
            filter,
            projection,
            limit,
            select,
        })
    }
}

fn refuse_index(table: &Definition, index: Option<&str>) -> Result<()> {
    let Some(index) = index else { return Ok(()) };
    Err(Refusal::validation(
        if table.indexes.iter().any(|own| own == index) {
            format!(
                "The local cloud does not serve secondary indexes: {index} of the table {} can be asked on a stage on AWS. Here ask the table itself.",
                table.name
            )
        } else {
            format!("The table does not have the specified index: {index}")
        },
    ))
}

fn start(table: &Definition, key: Option<&Json>) -> Result<Option<Vec<u8>>> {
    let Some(key) = key else { return Ok(None) };
    let place = table.place_of_key(&item_from_json(key)?);
    place
        .map(Some)
        .map_err(|_| Refusal::validation("The provided starting key is invalid"))
}

/// The first place behind all that begin so.
fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

/// By FNV-1a: the same place is in the same segment every time.
fn segment_of(place: &[u8], total: u32) -> u32 {
    let hash = place.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    hash % total
}
