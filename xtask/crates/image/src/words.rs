//! Words as a Dockerfile has them: quotes, backslashes, `$x`, `${x}`, `${x:-default}`, `${x:+other}`, `${x:?problem}`.
//!
//! BuildKit first splits a line into words, quotes and all, and then expands each word alone; so does this.

use std::iter::Peekable;
use std::str::Chars;

/// Looks a variable up; none when nobody has set it.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// `${a:-${b:-...}}` goes no deeper than this.
const DEPTH_MAX: usize = 32;

/// Splits at unquoted spaces. Quotes and escapes stay as they are, for [`expand`].
pub(crate) fn split(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match quote {
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            _ => {}
        }
        if letter == escape && quote != Some('\'') {
            // An escape at the very end escapes nothing and vanishes.
            if let Some(next) = letters.next() {
                word.extend([letter, next]);
            }
            continue;
        }
        word.push(letter);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Removes the quotes of one word and puts the variables in; spaces belong to the word.
///
/// # Errors
/// An unclosed quote or brace, or a variable that has no value.
pub(crate) fn expand(text: &str, escape: char, lookup: &Lookup<'_>) -> Result<String, String> {
    let mut expansion = Expansion {
        letters: text.chars().peekable(),
        escape,
        lookup,
        depth: 0,
    };
    expansion.word(None)
}

struct Expansion<'a> {
    letters: Peekable<Chars<'a>>,
    escape: char,
    lookup: &'a Lookup<'a>,
    depth: usize,
}

impl Expansion<'_> {
    /// Everything up to `end`, which is taken too, or up to the end of the text.
    fn word(&mut self, end: Option<char>) -> Result<String, String> {
        let mut text = String::new();
        while let Some(letter) = self.letters.next() {
            match letter {
                letter if Some(letter) == end => return Ok(text),
                '\'' => loop {
                    match self.letters.next() {
                        Some('\'') => break,
                        Some(letter) => text.push(letter),
                        None => return Err("a single quote is not closed".to_owned()),
                    }
                },
                '"' => self.double_quoted(&mut text)?,
                '$' => text.push_str(&self.variable()?),
                letter if letter == self.escape => text.extend(self.letters.next()),
                letter => text.push(letter),
            }
        }
        match end {
            Some(end) => Err(format!("`{end}` is missing after `${{`")),
            None => Ok(text),
        }
    }

    /// Between double quotes an escape counts only before `"`, `$` and itself.
    fn double_quoted(&mut self, text: &mut String) -> Result<(), String> {
        loop {
            match self.letters.next() {
                Some('"') => return Ok(()),
                Some('$') => text.push_str(&self.variable()?),
                Some(letter) if letter == self.escape => match self.letters.next() {
                    Some(next) if matches!(next, '"' | '$') || next == self.escape => {
                        text.push(next)
                    }
                    Some(next) => text.extend([letter, next]),
                    None => return Err("a double quote is not closed".to_owned()),
                },
                Some(letter) => text.push(letter),
                None => return Err("a double quote is not closed".to_owned()),
            }
        }
    }

    /// What stands after a `$`.
    fn variable(&mut self) -> Result<String, String> {
        if self.letters.next_if_eq(&'{').is_none() {
            let name = self.name();
            return match self.letters.peek() {
                // A shell's own parameters; Docker silently makes nothing of them.
                Some(letter) if name.is_empty() && "@*#?-$!".contains(*letter) => Err(format!(
                    "`${letter}` means something only to a shell; write {}$",
                    self.escape
                )),
                _ if name.is_empty() => Ok("$".to_owned()),
                _ => self.value(&name),
            };
        }
        let name = self.name();
        if name.is_empty() {
            return Err("`${` is not followed by a name".to_owned());
        }
        match self.letters.next() {
            Some('}') => self.value(&name),
            Some(':') => match self.letters.next() {
                Some(operator @ ('-' | '+' | '?')) => self.choice(&name, operator, true),
                _ => Err(format!(
                    "`${{{name}:` is followed by none of `-`, `+` and `?`"
                )),
            },
            Some(operator @ ('-' | '+' | '?')) => self.choice(&name, operator, false),
            Some(letter) => Err(format!("`${{{name}{letter}` is not supported")),
            None => Err(format!("`${{{name}` is not closed")),
        }
    }

    /// With a colon, an empty value counts as none.
    fn choice(&mut self, name: &str, operator: char, colon: bool) -> Result<String, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("`${{{name}` is nested too deeply"));
        }
        let other = self
            .word(Some('}'))
            .map_err(|problem| match problem.starts_with("`}`") {
                true => format!("`${{{name}` is not closed"),
                false => problem,
            })?;
        self.depth -= 1;
        let set = (self.lookup)(name).filter(|value| !colon || !value.is_empty());
        match (operator, set) {
            ('+', set) => Ok(set.map_or(String::new(), |_| other)),
            ('-', set) => Ok(set.unwrap_or(other)),
            (_, Some(set)) => Ok(set),
            (_, None) if other.is_empty() => Err(format!("${name} has no value")),
            (_, None) => Err(format!("${name}: {other}")),
        }
    }

    /// A name, or only the digits when it begins with one: `$1x` is `$1` and an x.
    fn name(&mut self) -> String {
        let mut name = String::new();
        let digits = self.letters.peek().is_some_and(char::is_ascii_digit);
        while let Some(letter) = self.letters.next_if(|letter| {
            letter.is_ascii_digit() || (!digits && (letter.is_alphanumeric() || *letter == '_'))
        }) {
            name.push(letter);
        }
        name
    }

    fn value(&self, name: &str) -> Result<String, String> {
        (self.lookup)(name)
            .ok_or_else(|| format!("${name} has no value: no ARG or ENV before this line sets it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "url" => Some("http://a/b".to_owned()),
            "empty" => Some(String::new()),
            "two" => Some("p q".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn words_are_split_unquoted_and_expanded() {
        let table: &[(&str, Result<&[&str], &str>)] = &[
            ("A=1 B=2", Ok(&["A=1", "B=2"])),
            ("  A=1\t B=2 ", Ok(&["A=1", "B=2"])),
            (r#"A="x y" B='p q'"#, Ok(&["A=x y", "B=p q"])),
            (r"A=x\ y B=z", Ok(&["A=x y", "B=z"])),
            ("A=$url/c B=${url}", Ok(&["A=http://a/b/c", "B=http://a/b"])),
            ("A='$url' B=\\$url", Ok(&["A=$url", "B=$url"])),
            (r#"A="\"q\" \n $url""#, Ok(&[r#"A="q" \n http://a/b"#])),
            (r#"A=a"b"'c'd"#, Ok(&["A=abcd"])),
            (r#"A="""#, Ok(&["A="])),
            ("A=\"${none:-d e}\" B=${url:+on}", Ok(&["A=d e", "B=on"])),
            ("A=${empty:-d} B=${empty:+on}", Ok(&["A=d", "B="])),
            ("A=${empty-d} B=${empty+on}", Ok(&["A=", "B=on"])),
            ("A=${none-d} B=${none+on}", Ok(&["A=d", "B="])),
            ("A=${none:-${url}}", Ok(&["A=http://a/b"])),
            ("A=${none:-'}'}", Ok(&["A=}"])),
            ("A=${url:?no-url} B=${empty?x}", Ok(&["A=http://a/b", "B="])),
            // The value of a variable is never split, nor read again.
            ("A=$two", Ok(&["A=p q"])),
            ("A=$ B=5$ C=$/", Ok(&["A=$", "B=5$", "C=$/"])),
            ("A=\\", Ok(&["A="])),
            (
                "A=$none",
                Err("$none has no value: no ARG or ENV before this line sets it"),
            ),
            (
                "A=$1x",
                Err("$1 has no value: no ARG or ENV before this line sets it"),
            ),
            ("A='x", Err("a single quote is not closed")),
            ("A=\"x", Err("a double quote is not closed")),
            ("A=${url", Err("`${url` is not closed")),
            ("A=${url:-x", Err("`${url` is not closed")),
            // Docker splits here too, and then misses the brace.
            ("A=${none:-d e}", Err("`${none` is not closed")),
            (
                "A=${url:=x}",
                Err("`${url:` is followed by none of `-`, `+` and `?`"),
            ),
            ("A=${url#x}", Err("`${url#` is not supported")),
            ("A=${}", Err("`${` is not followed by a name")),
            ("A=\"${empty:?not set}\"", Err("$empty: not set")),
            (
                "A=$$",
                Err("`$$` means something only to a shell; write \\$"),
            ),
        ];
        for (text, expected) in table {
            let found: Result<Vec<String>, String> = split(text, '\\')
                .iter()
                .map(|word| expand(word, '\\', &lookup))
                .collect();
            let expected = expected
                .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
                .map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn another_escape_letter() {
        assert_eq!(
            split("A=a` b B=c\\d", '`'),
            ["A=a` b".to_owned(), "B=c\\d".to_owned()]
        );
        assert_eq!(expand("a` b\\`$", '`', &lookup), Ok("a b\\$".to_owned()));
    }

    #[test]
    fn a_nest_of_braces_ends() {
        let text = "${a:-".repeat(100_000);
        assert_eq!(
            expand(&text, '\\', &lookup),
            Err("`${a` is nested too deeply".to_owned())
        );
    }
}
