//! Patterns over paths, as Go has them: `*` and `?` stay within a folder, `[a-z]` and `[^a-z]` are sets of letters.

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Letter(char),
    /// `?`: one letter, not a slash.
    One,
    /// `*`: any letters, no slash.
    Some,
    /// `**/`: any number of folders, also none. [`Token::Within`] always comes next.
    Folders,
    /// Inside the folders of a `**/`, up to the last slash of them.
    Within,
    /// `**` at the end: anything.
    Rest,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Whether a source of a COPY is a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '*' | '?' | '[' => return true,
            '\\' => {
                letters.next();
            }
            _ => {}
        }
    }
    false
}

/// Reads a pattern; `folders` says whether `**` has a meaning of its own (`.dockerignore`) or is two stars (COPY).
///
/// # Errors
/// A set of letters that is not closed or empty, a backslash at the end.
pub(crate) fn compile(text: &str, folders: bool) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let token = match letter {
            '*' if folders && letters.next_if_eq(&'*').is_some() => {
                letters.next_if_eq(&'/');
                if letters.peek().is_none() {
                    Token::Rest
                } else {
                    tokens.push(Token::Folders);
                    Token::Within
                }
            }
            '*' => Token::Some,
            '?' => Token::One,
            '\\' => Token::Letter(
                letters
                    .next()
                    .ok_or_else(|| format!("`{text}` ends in a backslash"))?,
            ),
            '[' => {
                set(&mut letters).ok_or_else(|| format!("`{text}` has a `[` that is not closed"))?
            }
            letter => Token::Letter(letter),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// What stands after a `[`.
fn set(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = letters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match letters.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Set { negated, ranges }),
            ']' | '-' => return None,
            '\\' => letters.next()?,
            letter => letter,
        };
        let to = match letters.next_if_eq(&'-') {
            None => from,
            Some(_) => match letters.next()? {
                ']' | '-' => return None,
                '\\' => letters.next()?,
                letter => letter,
            },
        };
        ranges.push((from, to));
    }
}

/// Whether a pattern matches the whole of a path. Takes time proportional to both lengths, whatever the pattern.
pub(crate) fn matches(tokens: &[Token], path: &str) -> bool {
    // `reached[i]`: the first `i` tokens match what has been read so far.
    let mut reached = vec![false; tokens.len() + 1];
    reached[0] = true;
    match_nothing(tokens, &mut reached);
    for letter in path.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (index, token) in tokens.iter().enumerate() {
            if !reached[index] {
                continue;
            }
            match token {
                Token::Letter(expected) => next[index + 1] |= letter == *expected,
                Token::One => next[index + 1] |= letter != '/',
                Token::Some => next[index] |= letter != '/',
                Token::Rest => next[index] = true,
                Token::Folders => {}
                Token::Within => {
                    next[index] = true;
                    next[index + 1] |= letter == '/';
                }
                Token::Set { negated, ranges } => {
                    let mut ranges = ranges.iter();
                    let inside = ranges.any(|(from, to)| (*from..=*to).contains(&letter));
                    next[index + 1] |= inside != *negated;
                }
            }
        }
        reached = next;
        match_nothing(tokens, &mut reached);
    }
    reached[tokens.len()]
}

/// Goes on past the tokens that match an empty text as well.
fn match_nothing(tokens: &[Token], reached: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if !reached[index] {
            continue;
        }
        match token {
            Token::Some | Token::Rest => reached[index + 1] = true,
            Token::Folders => {
                reached[index + 1] = true;
                reached[index + 2] = true;
            }
            _ => {}
        }
    }
}
