//! Words as a Dockerfile has them: quotes, backslashes, `$x`, `${x}`, `${x:-default}`, `${x:+other}`.

use std::iter::Peekable;
use std::str::Chars;

/// Looks a variable up; none when nobody has set it.
pub(super) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Splits at unquoted spaces, removes the quotes and puts the variables in.
///
/// # Errors
/// An unclosed quote or brace, or a variable that has no value.
pub(super) fn split(text: &str, lookup: &Lookup<'_>) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
        if letters.peek().is_none() {
            return Ok(words);
        }
        words.push(word(&mut letters, lookup, &char::is_whitespace)?);
    }
}

/// One word: spaces belong to it.
pub(super) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    word(&mut text.chars().peekable(), lookup, &|_| false)
}

fn word(
    letters: &mut Peekable<Chars<'_>>,
    lookup: &Lookup<'_>,
    ends: &dyn Fn(char) -> bool,
) -> Result<String, String> {
    let mut text = String::new();
    while let Some(letter) = letters.next_if(|letter| !ends(*letter)) {
        match letter {
            '\'' => loop {
                match letters.next() {
                    Some('\'') => break,
                    Some(letter) => text.push(letter),
                    None => return Err("a single quote is not closed".to_owned()),
                }
            },
            '"' => loop {
                match letters.next() {
                    Some('"') => break,
                    Some('\\') => match letters.next() {
                        Some(letter @ ('"' | '$' | '\\')) => text.push(letter),
                        Some(letter) => text.extend(['\\', letter]),
                        None => return Err("a double quote is not closed".to_owned()),
                    },
                    Some('$') => text.push_str(&variable(letters, lookup)?),
                    Some(letter) => text.push(letter),
                    None => return Err("a double quote is not closed".to_owned()),
                }
            },
            '\\' => text.push(letters.next().unwrap_or('\\')),
            '$' => text.push_str(&variable(letters, lookup)?),
            letter => text.push(letter),
        }
    }
    Ok(text)
}

/// What stands after a `$`.
fn variable(letters: &mut Peekable<Chars<'_>>, lookup: &Lookup<'_>) -> Result<String, String> {
    if letters.next_if_eq(&'{').is_none() {
        let name = name(letters);
        return if name.is_empty() {
            Ok("$".to_owned())
        } else {
            value(&name, lookup)
        };
    }
    let name = name(letters);
    if name.is_empty() {
        return Err("`${` is not followed by a name".to_owned());
    }
    match letters.next() {
        Some('}') => value(&name, lookup),
        Some(':') => {
            let operator = letters.next();
            let other = word(letters, lookup, &|letter| letter == '}')?;
            if letters.next() != Some('}') {
                return Err(format!("`${{{name}` is not closed"));
            }
            let set = lookup(&name).filter(|value| !value.is_empty());
            match operator {
                Some('-') => Ok(set.unwrap_or(other)),
                Some('+') => Ok(set.map_or(String::new(), |_| other)),
                _ => Err(format!("`${{{name}:` is followed by neither `-` nor `+`")),
            }
        }
        Some(letter) => Err(format!("`${{{name}{letter}` is not supported")),
        None => Err(format!("`${{{name}` is not closed")),
    }
}

fn name(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut name = String::new();
    while let Some(letter) =
        letters.next_if(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
    {
        name.push(letter);
    }
    name
}

fn value(name: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    lookup(name)
        .ok_or_else(|| format!("${name} has no value: no ARG or ENV before this line sets it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_unquoted_and_expanded() {
        let lookup = |name: &str| match name {
            "url" => Some("http://a/b".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        let table: &[(&str, Result<&[&str], &str>)] = &[
            ("A=1 B=2", Ok(&["A=1", "B=2"])),
            ("  A=1\t B=2 ", Ok(&["A=1", "B=2"])),
            (r#"A="x y" B='p q'"#, Ok(&["A=x y", "B=p q"])),
            ("A=$url/c B=${url}", Ok(&["A=http://a/b/c", "B=http://a/b"])),
            ("A='$url' B=\\$url", Ok(&["A=$url", "B=$url"])),
            (r#"A="\"q\" \n $url""#, Ok(&[r#"A="q" \n http://a/b"#])),
            ("A=${none:-d e} B=${url:+on}", Ok(&["A=d e", "B=on"])),
            ("A=${empty:-d} B=${empty:+on}", Ok(&["A=d", "B="])),
            ("A=${none:-${url}}", Ok(&["A=http://a/b"])),
            ("A=$ B=5$", Ok(&["A=$", "B=5$"])),
            (
                "A=$none",
                Err("$none has no value: no ARG or ENV before this line sets it"),
            ),
            ("A='x", Err("a single quote is not closed")),
            ("A=\"x", Err("a double quote is not closed")),
            ("A=${url", Err("`${url` is not closed")),
            (
                "A=${url:=x}",
                Err("`${url:` is followed by neither `-` nor `+`"),
            ),
            ("A=${url#x}", Err("`${url#` is not supported")),
        ];
        for (text, expected) in table {
            let found = split(text, &lookup);
            let expected = expected
                .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
                .map_err(str::to_owned);
            assert_eq!(found, expected, "{text}");
        }
    }
}
