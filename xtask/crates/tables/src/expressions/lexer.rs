//! Expressions in tokens.

use super::Fault;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An attribute, a function or a keyword.
    Word(String),
    /// `#name`
    Name(String),
    /// `:value`
    Value(String),
    Index(usize),
    Symbol(&'static str),
    End,
}

const SYMBOLS: [&str; 15] = [
    "<>", "<=", ">=", "=", "<", ">", "(", ")", ",", ".", "[", "]", "+", "-", "/",
];

/// Tokens with where each begins and ends.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize, usize)>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (token, length) =
            if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                (Token::Symbol(symbol), symbol.len())
            } else {
                let marked = usize::from(first == '#' || first == ':');
                let length = marked
                    + rest[marked..]
                        .bytes()
                        .take_while(|byte| is_part(*byte))
                        .count();
                let word = &rest[..length];
                let token = match first {
                    '#' if length > 1 => Token::Name(word.to_owned()),
                    ':' if length > 1 => Token::Value(word.to_owned()),
                    '0'..='9' => match word.parse() {
                        Ok(index) => Token::Index(index),
                        Err(_) => return Err(Fault::syntax(word, rest)),
                    },
                    'a'..='z' | 'A'..='Z' | '_' => Token::Word(word.to_owned()),
                    _ => return Err(Fault::syntax(&first.to_string(), rest)),
                };
                (token, length)
            };
        found.push((token, at, at + length));
        at += length;
    }
    found.push((Token::End, text.len(), text.len()));
    Ok(found)
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
