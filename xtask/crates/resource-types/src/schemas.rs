//! Reads `schemas/schemas.bin`, and of it only the services that are asked for.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::schema::TypeSchema;

static FILE: &[u8] = include_bytes!("../schemas/schemas.bin");
static INDEX: LazyLock<Index> = LazyLock::new(Index::read);
/// The services that have been unpacked. They stay: a run asks for a few of them, and for each again and again.
static UNPACKED: Mutex<Option<HashMap<&'static str, &'static Service>>> = Mutex::new(None);

/// A type's name and the JSON of its schema.
type Service = HashMap<&'static str, &'static str>;

struct Index {
    /// The package and its version, and the date of the schemas.
    source: &'static str,
    /// Where each service is in `body`, and how long it is unpacked.
    services: HashMap<&'static str, (usize, usize, usize)>,
    body: &'static [u8],
}

impl Index {
    fn read() -> Self {
        // The head is lines of text: it ends at the first empty one.
        let is_end = |at: &usize| FILE.get(at + 1) == Some(&b'\n');
        let mut ends = (0..FILE.len()).filter(|at| FILE[*at] == b'\n');
        let end = ends.find(is_end).unwrap_or(0);
        let head = std::str::from_utf8(&FILE[..end]).unwrap_or_default();
        let mut lines = head.lines();
        let source = lines.next().unwrap_or_default();
        let services = lines.filter_map(|line| {
            let mut words = line.split(' ');
            let name = words.next()?;
            let mut number = || words.next()?.parse::<usize>().ok();
            Some((name, (number()?, number()?, number()?)))
        });
        Self {
            source,
            services: services.collect(),
            body: FILE.get(end + 2..).unwrap_or_default(),
        }
    }
}

/// Which schemas these are: `cfn-lint 1.58.0, schemas of 2026-10-20`.
pub fn source() -> &'static str {
    INDEX.source
}

/// The services there are schemas of: `AWS::ECS`.
pub fn services() -> impl Iterator<Item = &'static str> {
    INDEX.services.keys().copied()
}

/// The types of a service: `AWS::ECS::Service`.
pub fn types_of(service: &str) -> Vec<&'static str> {
    unpacked(service).map_or_else(Vec::new, |types| types.keys().copied().collect())
}

/// The schema of a type, if AWS has one.
pub(crate) fn find(name: &str) -> Option<(&'static str, TypeSchema)> {
    let (service, _) = name.rsplit_once("::")?;
    let (name, text) = unpacked(service)?.get_key_value(name)?;
    Some((name, serde_json::from_str(text).ok()?))
}

fn unpacked(service: &str) -> Option<&'static Service> {
    let (name, place) = INDEX.services.get_key_value(service)?;
    let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
    let unpacked = unpacked.get_or_insert_default();
    if let Some(known) = unpacked.get(name) {
        return Some(known);
    }
    let &(offset, length, unpacked_length) = place;
    let packed = INDEX.body.get(offset..offset + length)?;
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, unpacked_length).ok()?;
    let text: &'static str = String::from_utf8(bytes).ok()?.leak();
    let types: Service = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    let types: &'static Service = Box::leak(Box::new(types));
    unpacked.insert(name, types);
    Some(types)
}
