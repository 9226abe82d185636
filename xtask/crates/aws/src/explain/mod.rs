//! What well-known failures of AWS mean, and the way out. A table of texts, nothing else.

mod access;
mod containers;
mod passing;
mod resources;
mod stacks;
#[cfg(test)]
mod tests;

pub use passing::passing;

/// A failure that we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub meaning: String,
    pub fix: String,
}

/// A line of the table. The first one whose words are all in the text counts, whatever their case.
struct Known {
    words: &'static [&'static str],
    meaning: &'static str,
    fix: &'static str,
}

const fn known(words: &'static [&'static str], meaning: &'static str, fix: &'static str) -> Known {
    Known {
        words,
        meaning,
        fix,
    }
}

/// From the particular to the general.
const TABLES: &[&[Known]] = &[
    containers::KNOWN,
    resources::PARTICULAR,
    stacks::KNOWN,
    access::KNOWN,
    resources::GENERAL,
];

/// Looks an error text (code and message, or a resource's reason) up; none when nothing more is known than AWS said.
pub fn explain(text: &str) -> Option<Explanation> {
    let lower = text.to_lowercase();
    let found = TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|known| known.words.iter().all(|word| lower.contains(word)))?;
    let fill = |sentence: &str| {
        let sentence = match access::Denied::read(text) {
            Some(denied) => denied.fill(sentence),
            None => sentence.to_owned(),
        };
        sentence.replace("{name}", identifier(text).unwrap_or("NAME"))
    };
    Some(Explanation {
        meaning: fill(found.meaning),
        fix: fill(found.fix),
    })
}

/// The name in `with identifier 'X' already exists`, in `with identifier '{"/properties/LogGroupName":"X"}' already exists`, and in
/// `because the secret X already exists`.
fn identifier(text: &str) -> Option<&str> {
    if let Some((_, rest)) = text.split_once("because the secret ") {
        return rest.split_whitespace().next();
    }
    let (_, rest) = text.split_once("with identifier '")?;
    let named = rest.split_once('\'')?.0;
    match named.strip_suffix("\"}") {
        Some(pointed) => pointed.rsplit_once('"').map(|(_, name)| name),
        None => Some(named),
    }
}
