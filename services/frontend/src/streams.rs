//! How many answers may stream at once: an answer costs money and memory, so there is an end to both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All answers of this process.
const TOTAL_MAX: usize = 64;
/// The answers of one visitor, for instance in several tabs.
const PER_VISITOR_MAX: usize = 3;

/// Counts the answers that stream now.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place for one answer, given back when it is dropped.
pub(crate) struct Place {
    streams: Streams,
    visitor: String,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Visitor,
    Everybody,
}

impl Streams {
    /// Takes a place for a visitor.
    pub(crate) fn take(&self, visitor: &str) -> Result<Place, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= TOTAL_MAX {
            return Err(Full::Everybody);
        }
        let count = open.entry(visitor.to_owned()).or_default();
        if *count >= PER_VISITOR_MAX {
            return Err(Full::Visitor);
        }
        *count += 1;
        Ok(Place {
            streams: self.clone(),
            visitor: visitor.to_owned(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .streams
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.visitor) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.visitor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, PER_VISITOR_MAX, Streams, TOTAL_MAX};

    #[test]
    fn places_run_out_and_come_back() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..PER_VISITOR_MAX)
            .map(|_| streams.take("ann").unwrap())
            .collect();
        assert_eq!(streams.take("ann").err(), Some(Full::Visitor));
        places.pop();
        places.push(streams.take("ann").unwrap());
        places.extend(
            (PER_VISITOR_MAX..TOTAL_MAX).map(|count| streams.take(&count.to_string()).unwrap()),
        );
        assert_eq!(streams.take("ben").err(), Some(Full::Everybody));
        places.clear();
        assert!(streams.open.lock().unwrap().is_empty());
    }
}
