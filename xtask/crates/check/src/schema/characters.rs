//! Sets of characters, as rows and most patterns name them: `[a-z0-9-]`.

/// The characters that a text may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Characters {
    is_negated: bool,
    ranges: Vec<(char, char)>,
}

/// A pattern that says nothing but which characters there may be, and how many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub characters: Characters,
    pub low: usize,
    pub high: usize,
}

impl Characters {
    /// What stands between the brackets; none when it says more than characters and ranges of them.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (is_negated, text) = match text.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut ranges = Vec::new();
        let mut rest = text.chars();
        while !rest.as_str().is_empty() {
            match piece(&mut rest)? {
                Piece::Class(class) => ranges.extend(class),
                Piece::Letter(low) => {
                    let mut ahead = rest.clone();
                    let is_range = ahead.next() == Some('-') && !ahead.as_str().is_empty();
                    let high = match is_range.then(|| piece(&mut ahead)) {
                        Some(Some(Piece::Letter(high))) => {
                            rest = ahead;
                            high
                        }
                        Some(_) => return None,
                        None => low,
                    };
                    ranges.push((low, high));
                }
            }
        }
        Some(Self { is_negated, ranges })
    }

    pub(super) fn has(&self, letter: char) -> bool {
        let is_named = self
            .ranges
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&letter));
        is_named != self.is_negated
    }

    /// The first character of a text that is none of them.
    pub(super) fn first_other(&self, text: &str) -> Option<char> {
        text.chars().find(|letter| !self.has(*letter))
    }
}

enum Piece {
    Letter(char),
    Class(&'static [(char, char)]),
}

/// The next character, or class of characters.
fn piece(rest: &mut std::str::Chars<'_>) -> Option<Piece> {
    Some(match rest.next()? {
        '\\' => match rest.next()? {
            'w' => Piece::Class(&[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')]),
            'd' => Piece::Class(&[('0', '9')]),
            's' => Piece::Class(&[(' ', ' '), ('\t', '\r')]),
            'n' => Piece::Letter('\n'),
            'r' => Piece::Letter('\r'),
            't' => Piece::Letter('\t'),
            'x' => Piece::Letter(hexadecimal(rest)?),
            letter if letter.is_ascii_alphanumeric() => return None,
            other => Piece::Letter(other),
        },
        '[' => return None,
        letter => Piece::Letter(letter),
    })
}

/// `{80}` after `\x`.
fn hexadecimal(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let text = rest.as_str().strip_prefix('{')?;
    let (digits, after) = text.split_once('}')?;
    *rest = after.chars();
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

impl Counted {
    /// `^[a-z-]{1,32}$`, and the same in parentheses.
    pub(super) fn of_pattern(pattern: &str) -> Option<Self> {
        let mut inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
        if let Some(within) = inner
            .strip_prefix("(?:")
            .or_else(|| inner.strip_prefix('('))
        {
            inner = within.strip_suffix(')')?;
        }
        let inner = inner.strip_prefix('[')?;
        let mut letters = inner.char_indices().skip(1);
        let end = loop {
            match letters.next()? {
                (_, '\\') => drop(letters.next()),
                (at, ']') if !inner[..at].ends_with('\\') || inner[..at].ends_with("\\\\") => {
                    break at;
                }
                _ => {}
            }
        };
        let (low, high) = count(&inner[end + 1..])?;
        let characters = Characters::read(&inner[..end])?;
        Some(Self {
            characters,
            low,
            high,
        })
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        let length = text.chars().count();
        (self.low..=self.high).contains(&length) && self.characters.first_other(text).is_none()
    }
}

fn count(text: &str) -> Option<(usize, usize)> {
    match text {
        "" => Some((1, 1)),
        "*" => Some((0, usize::MAX)),
        "+" => Some((1, usize::MAX)),
        _ => {
            let inner = text.strip_prefix('{')?.strip_suffix('}')?;
            let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
            let high = match high {
                "" => usize::MAX,
                high => high.parse().ok()?,
            };
            Some((low.parse().ok()?, high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_ranges_and_single_ones() {
        for (text, characters, fits) in [
            ("turnpike-dev", "a-z0-9-", true),
            ("Turnpike", "a-z0-9-", false),
            ("a_b", "a-z_-", true),
            ("a/b.c", "a-z/._-", true),
            ("a+b", "a-z/._-", false),
            ("a b\u{e9}", r"\w\x{80}-\x{10FFFF} ", true),
            ("a-b]", r"\w\-\]", true),
            ("<a>", "^<>", false),
            ("a", "^<>", true),
        ] {
            let found = Characters::read(characters).unwrap();
            assert_eq!(
                found.first_other(text).is_none(),
                fits,
                "{text} {characters}"
            );
        }
        assert_eq!(Characters::read(r"\S"), None);
    }

    /// Wherever a pattern is taken for a set, the set says what the pattern says.
    #[test]
    fn a_set_says_what_its_pattern_says() {
        let texts = [
            "",
            "a",
            "a-b",
            "A_9",
            "a b",
            "it's",
            "\u{e9}",
            "a/b",
            "arn:aws:x",
            "*",
            "]",
            "\\",
            "a\nb",
        ];
        let (mut sets, mut patterns) = (0, 0);
        for service in resource_types::services() {
            for name in resource_types::types_of(service) {
                let schema = &resource_types::find(name).unwrap().schema;
                let definitions = schema
                    .definitions
                    .values()
                    .flat_map(|one| one.properties.values());
                for one in schema.root.properties.values().chain(definitions) {
                    let Some(pattern) = &one.pattern else {
                        continue;
                    };
                    patterns += 1;
                    let Some(set) = Counted::of_pattern(pattern) else {
                        continue;
                    };
                    sets += 1;
                    let expression = regex_lite::Regex::new(pattern).unwrap();
                    for text in texts {
                        assert_eq!(
                            set.fits(text),
                            expression.is_match(text),
                            "{name}: {pattern} {text:?}"
                        );
                    }
                }
            }
        }
        assert!(sets * 4 > patterns, "{sets} of {patterns}");
    }
}
