//! A board as rows that fit a terminal. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::board::{Board, Changing, Entry, State};
use words::output::{Row, Size};

/// Rows of the terminal that stay free for the line above and for the cursor below.
const FREE: usize = 2;
/// Narrower than this, a stack is not moved in below what it waits for.
const COLUMNS_FOR_TREE: usize = 60;
/// Narrower than this, nothing can be told.
const COLUMNS_MIN: usize = 20;

/// One row for the whole deploy, then one for each stack; what does not fit is counted.
pub(super) fn rows(board: &Board, now: Duration, size: Size) -> Vec<Row> {
    let room = size.rows.saturating_sub(FREE);
    if room == 0 || size.columns < COLUMNS_MIN || board.entries.is_empty() {
        return Vec::new();
    }
    let shown = most_telling(board, room - 1);
    let indents = indents(board, size.columns);
    let name =
        |entry: &Entry| indents[entry.place.owner.as_str()] + entry.place.owner.chars().count();
    let names = shown.iter().map(|entry| name(entry)).max().unwrap_or(0);
    let mut rows = vec![whole(board, shown.len(), now)];
    for entry in &shown {
        let mut row = Row::default();
        let indent = indents[entry.place.owner.as_str()];
        row.push("", &" ".repeat(2 + indent));
        let rest = names - indent;
        row.push("", &format!("{:<rest$}  ", entry.place.owner));
        describe(&mut row, board, entry, now);
        rows.push(row);
    }
    for row in &mut rows {
        // A character in the last column makes some terminals begin another row.
        row.cut(size.columns.saturating_sub(1));
    }
    rows
}

/// `   deploy 2 of 6 stacks, 41 s`
fn whole(board: &Board, shown: usize, now: Duration) -> Row {
    let entries = &board.entries;
    let stand = entries.iter().filter(|entry| entry.state.has_succeeded());
    let mut text = format!(
        "{} of {} stacks, {}",
        stand.count(),
        entries.len(),
        seconds(now)
    );
    if shown < entries.len() && shown > 0 {
        text.push_str(&format!("; {} more", entries.len() - shown));
    }
    let mut row = Row::default();
    row.push("1;36", &format!("{:>9}", "deploy"));
    row.push("", &format!(" {text}"));
    row
}

/// The entries in their order. Where there is no room for all, first what ended is left out, what ended first before the rest;
/// then what waits longest.
fn most_telling(board: &Board, room: usize) -> Vec<&Entry> {
    let count = board.entries.len();
    let rank = |index: &usize| match &board.entries[*index].state {
        State::Changing(_) => (0, *index),
        State::Working { .. } => (1, *index),
        State::Ended { how: "failed", .. } => (2, *index),
        State::Waiting => (3, *index),
        State::Ended { .. } => (4, count - *index),
    };
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(rank);
    order.truncate(room);
    order.sort_unstable();
    order
        .into_iter()
        .map(|index| &board.entries[index])
        .collect()
}

/// How far each stack is moved in: below the last of those that it waits for.
fn indents(board: &Board, columns: usize) -> BTreeMap<&str, usize> {
    let step = if columns < COLUMNS_FOR_TREE { 0 } else { 2 };
    let mut indents = BTreeMap::new();
    for entry in &board.entries {
        let before = entry.place.after.iter();
        let deepest = before.filter_map(|owner| indents.get(owner.as_str())).max();
        let indent = deepest.map_or(0, |deepest: &usize| deepest + step);
        indents.insert(entry.place.owner.as_str(), indent);
    }
    indents
}

fn describe(row: &mut Row, board: &Board, entry: &Entry, now: Duration) {
    match &entry.state {
        State::Waiting => match awaited(board, entry).join(", ").as_str() {
            "" => row.push("2", "waiting"),
            owners => row.push("2", &format!("waiting for {owners}")),
        },
        State::Working { what, since } => {
            row.push("36", what);
            row.push("", &format!("  {}", seconds(now.saturating_sub(*since))));
        }
        State::Changing(changing) => change(row, changing, now),
        State::Ended { how, seconds } => {
            let code = match *how {
                "failed" => "1;31",
                "created" | "updated" => "32",
                _ => "2",
            };
            row.push(code, how);
            if let Some(seconds) = seconds {
                row.push("2", &format!("  {seconds:.1} s"));
            }
        }
    }
}

/// `creating 3/12  41 s of about 60 s  Service, TargetGroup`
fn change(row: &mut Row, changing: &Changing, now: Duration) {
    row.push("36", changing.what);
    if let Some(total) = changing.total {
        // What an update removes at its end was not announced.
        let done = changing.done.len().min(total);
        row.push("36", &format!(" {done}/{total}"));
    }
    let elapsed = seconds(now.saturating_sub(changing.since));
    row.push("", &format!("  {elapsed}"));
    if let Some(expected) = changing.expected_seconds {
        row.push("", &format!(" of about {expected:.0} s"));
    }
    if !changing.running.is_empty() {
        row.push("2", &format!("  {}", changing.running.join(", ")));
    }
}

/// The stacks that this one still waits for, without those that another of them waits for itself.
fn awaited<'a>(board: &'a Board, entry: &'a Entry) -> Vec<&'a str> {
    let find = |owner: &str| {
        let mut entries = board.entries.iter();
        entries.find(|other| other.place.owner == owner)
    };
    let open = |owner: &str| find(owner).is_some_and(|other| !other.state.has_ended());
    let owners = entry.place.after.iter().filter(|owner| open(owner));
    let owners: Vec<&str> = owners.map(String::as_str).collect();
    let behind_another = |owner: &str| {
        let others = owners.iter().filter_map(|other| find(other));
        let mut afters = others.flat_map(|other| &other.place.after);
        afters.any(|after| after == owner)
    };
    let mut nearest = owners.clone();
    nearest.retain(|owner| !behind_another(owner));
    nearest
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}
