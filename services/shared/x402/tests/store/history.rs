//! Workers that write down what they did and saw, and a check that one order explains all of it.

use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use x402::store::{Change, Stamp, Store, Write};

const KEYS: usize = 3;

/// Something that was asked, from the moment before to the moment after.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    key: usize,
    from: u64,
    to: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Taken from nobody.
    Taken(Stamp),
    Refused,
    /// Written by its holder over the first, as the second.
    Changed(Stamp, Stamp),
    Freed(Stamp),
    Read(Option<Stamp>),
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) held: usize,
    pub(crate) refused: usize,
    pub(crate) reads: usize,
}

/// Shared by all workers.
#[derive(Clone, Default)]
pub(crate) struct Client {
    clock: Arc<AtomicU64>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Client {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) async fn work(self, store: Arc<dyn Store>, worker: usize, rounds: usize) {
        for round in 0..rounds {
            let key = (worker + round) % KEYS;
            self.read(&*store, key).await;
            let Some(stamp) = self.take(&*store, key, worker).await else {
                self.read(&*store, key).await;
                continue;
            };
            let stamp = self.change(&*store, key, stamp).await;
            self.read(&*store, key).await;
            let stamp = self.change(&*store, key, stamp).await;
            self.free(&*store, key, stamp).await;
        }
    }

    fn note(&self, key: usize, from: u64, what: What) {
        let to = self.now();
        self.events.lock().unwrap().push(Event {
            key,
            from,
            to,
            what,
        });
    }

    async fn read(&self, store: &dyn Store, key: usize) {
        let from = self.now();
        let found = store.get(&name(key)).await.unwrap();
        self.note(key, from, What::Read(found.map(|found| found.stamp)));
    }

    /// Every second worker takes a record of its own with it, as an identified payment does.
    async fn take(&self, store: &dyn Store, key: usize, worker: usize) -> Option<Stamp> {
        let stamp = Stamp::new().unwrap();
        let mut changes = vec![put(name(key), None)];
        if worker.is_multiple_of(2) {
            changes.push(put(format!("of/{worker}/{stamp:?}"), None));
        }
        let from = self.now();
        let made = store.change(changes, stamp).await.unwrap();
        let what = if made {
            What::Taken(stamp)
        } else {
            What::Refused
        };
        self.note(key, from, what);
        made.then_some(stamp)
    }

    async fn change(&self, store: &dyn Store, key: usize, before: Stamp) -> Stamp {
        let stamp = Stamp::new().unwrap();
        let from = self.now();
        let made = store
            .change(vec![put(name(key), Some(before))], stamp)
            .await
            .unwrap();
        assert!(made, "nobody but its holder changes a record");
        self.note(key, from, What::Changed(before, stamp));
        let stale = store
            .change(vec![put(name(key), Some(before))], Stamp::new().unwrap())
            .await
            .unwrap();
        assert!(!stale, "what has changed is not as it was");
        stamp
    }

    async fn free(&self, store: &dyn Store, key: usize, before: Stamp) {
        let change = Change {
            key: name(key),
            expected: Some(before),
            write: Write::Delete,
        };
        let from = self.now();
        let made = store
            .change(vec![change], Stamp::new().unwrap())
            .await
            .unwrap();
        assert!(made, "nobody but its holder gives a record free");
        self.note(key, from, What::Freed(before));
    }
}

fn name(key: usize) -> String {
    format!("shared/{key}")
}

pub(crate) fn put(key: String, expected: Option<Stamp>) -> Change {
    Change {
        key,
        expected,
        write: Write::Put {
            value: Bytes::from_static(b"value"),
            expires_at: x402::now_seconds() + 600,
        },
    }
}

/// One holder's time with a record, and its writings in order, each with the time it was asked for and confirmed.
#[derive(Default)]
struct Hold {
    writings: Vec<(Stamp, u64, u64)>,
    freed: (u64, u64),
}

/// Panics unless there is one order of everything that explains what everybody saw.
pub(crate) fn check(events: &[Event]) -> Seen {
    let mut seen = Seen::default();
    for key in 0..KEYS {
        let of_key: Vec<&Event> = events.iter().filter(|event| event.key == key).collect();
        let holds = holds(&of_key);
        for pair in holds.windows(2) {
            assert!(
                pair[0].freed.0 < pair[1].writings[0].2,
                "two held record {key} at once"
            );
        }
        seen.held += holds.len();
        // Until when a writing stood, at the latest.
        let mut stood = HashMap::new();
        for hold in &holds {
            for (index, (stamp, from, _)) in hold.writings.iter().enumerate() {
                let next = hold.writings.get(index + 1);
                stood.insert(*stamp, (*from, next.map_or(hold.freed.1, |next| next.2)));
            }
        }
        for event in &of_key {
            match &event.what {
                What::Read(Some(stamp)) => {
                    let (from, to) = stood[stamp];
                    assert!(
                        event.to > from && event.from < to,
                        "a stale read: {event:?}"
                    );
                    seen.reads += 1;
                }
                What::Read(None) => {
                    let surely_held = holds
                        .iter()
                        .any(|hold| hold.writings[0].2 < event.from && hold.freed.0 > event.to);
                    assert!(!surely_held, "a record was not seen: {event:?}");
                }
                What::Refused => {
                    let maybe_held = holds
                        .iter()
                        .any(|hold| hold.writings[0].1 < event.to && hold.freed.1 > event.from);
                    assert!(maybe_held, "refused for nothing: {event:?}");
                    seen.refused += 1;
                }
                What::Taken(_) | What::Changed(..) | What::Freed(_) => {}
            }
        }
    }
    seen
}

/// In the order in which the record was taken: a holder confirms its taking before it gives the record free.
fn holds(events: &[&Event]) -> Vec<Hold> {
    let mut of_stamp: HashMap<Stamp, u64> = HashMap::new();
    let mut holds: BTreeMap<u64, Hold> = BTreeMap::new();
    let mut writes: Vec<&&Event> = events.iter().collect();
    writes.sort_by_key(|event| event.to);
    for event in writes {
        match event.what {
            What::Taken(stamp) => {
                of_stamp.insert(stamp, event.to);
                holds.entry(event.to).or_default().writings = vec![(stamp, event.from, event.to)];
            }
            What::Changed(before, stamp) => {
                let hold = of_stamp[&before];
                of_stamp.insert(stamp, hold);
                let writing = (stamp, event.from, event.to);
                holds.entry(hold).or_default().writings.push(writing);
            }
            What::Freed(before) => {
                let hold = of_stamp[&before];
                holds.entry(hold).or_default().freed = (event.from, event.to);
            }
            What::Refused | What::Read(_) => {}
        }
    }
    holds.into_values().collect()
}
