//! Words of foreign parties: sellers, facilitators, nodes, models, tools. Nothing of theirs reaches a model, a log, a terminal
//! or a page before it went through here.
//!
//! What goes is what a reader does not see and a program obeys: control characters, ANSI escapes, marks that turn the direction
//! of writing around (CVE-2021-42574), and characters without width or shape, by which text is hidden from people and not from
//! models (Unicode tags, variation selectors). Letters of every language stay.

use std::borrow::Cow;

/// Marks where a text was cut.
pub(crate) const CUT: &str = " [cut]";
/// A longer sequence is not a terminal command.
const COMMAND_CHARACTERS_MAX: usize = 1_000;

/// One line of at most `characters_max` characters, and ` [cut]` where there were more.
pub fn clean(text: &str, characters_max: usize) -> String {
    let mut line = String::new();
    let mut characters = 0;
    let mut gap = false;
    for character in Visible::of(text) {
        if character.is_whitespace() {
            gap = characters > 0;
            continue;
        }
        let needed = 1 + usize::from(gap);
        if characters + needed > characters_max {
            line.push_str(CUT);
            break;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
        }
        line.push(character);
        characters += needed;
    }
    line
}

/// Like [`clean`], and lines, tabs and spaces stay as they are.
pub fn clean_lines(text: &str, characters_max: usize) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.len() <= characters_max && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut visible = Visible::of(text);
    let mut lines: String = visible.by_ref().take(characters_max).collect();
    if visible.next().is_some() {
        lines.push_str(CUT);
    }
    Cow::Owned(lines)
}

/// The characters that a reader sees, and white space.
struct Visible<'a> {
    rest: std::str::Chars<'a>,
}

impl<'a> Visible<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text.chars() }
    }

    /// Passes over the rest of a terminal's command (ECMA-48): `ESC [` to its final byte, `ESC ]` and the like to their end.
    fn skip_escape(&mut self, introducer: char) {
        let kind = match introducer {
            '\u{1b}' => self.rest.next(),
            '\u{9b}' => Some('['),
            _ => Some(']'),
        };
        match kind {
            Some('[' | ' '..='/') => {
                let parameter = |character: &char| matches!(character, ' '..='?');
                while self.rest.clone().next().as_ref().is_some_and(parameter) {
                    self.rest.next();
                }
                self.rest.next();
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                let mut ahead = self.rest.clone();
                // Without an end it is not a command, and hides nothing.
                for _ in 0..COMMAND_CHARACTERS_MAX {
                    let Some(character) = ahead.next() else {
                        return;
                    };
                    if character == '\u{1b}' {
                        ahead.next();
                    }
                    if matches!(character, '\u{7}' | '\u{9c}' | '\u{1b}') {
                        self.rest = ahead;
                        return;
                    }
                }
            }
            _ => {}
        }
    }
}

impl Iterator for Visible<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let character = self.rest.next()?;
            match character {
                '\n' | '\t' => return Some(character),
                // A lone carriage return overwrites the line before it.
                '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    let before_feed = character == '\r' && self.rest.as_str().starts_with('\n');
                    if !before_feed {
                        return Some('\n');
                    }
                }
                '\u{1b}' | '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}' => {
                    self.skip_escape(character);
                }
                _ if is_hidden(character) => {}
                _ => return Some(character),
            }
        }
    }
}

/// Control characters, the format characters of Unicode's category Cf, and others that draw nothing.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_does_not_see_is_gone() {
        for (text, expected) in [
            ("plain words", "plain words"),
            (
                "São Paulo, 東京, القاهرة, Zürich",
                "São Paulo, 東京, القاهرة, Zürich",
            ),
            ("  two\r\n\tlines \n", "two lines"),
            ("red \u{1b}[1;31mtext\u{1b}[0m", "red text"),
            ("\u{1b}]0;a title\u{7}after", "after"),
            (
                "\u{1b}]8;;http://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\",
                "link",
            ),
            ("\u{9b}2Jcleared", "cleared"),
            ("an end that \u{1b}]never comes", "an end that never comes"),
            ("over\rwritten", "over written"),
            (
                "bell\u{7} back\u{8}space nul\0 delete\u{7f}",
                "bell backspace nul delete",
            ),
            ("ab\u{202e}dc\u{2066}e\u{2069}", "abdce"),
            ("in\u{200b}vi\u{2060}si\u{feff}ble\u{ad}", "invisible"),
            (
                "tags\u{e0041}\u{e0042} and selectors\u{fe0f}\u{e0100}",
                "tags and selectors",
            ),
            ("\u{1b}(Bdrawn\u{1b}c", "drawn"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("", ""),
        ] {
            assert_eq!(clean(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        assert_eq!(clean("12345", 5), "12345");
        assert_eq!(clean("123456", 5), "12345 [cut]");
        assert_eq!(clean("1234 6", 5), "1234 [cut]");
        assert_eq!(clean("12345   \n ", 5), "12345");
        assert_eq!(clean("äöüäöü", 3), "äöü [cut]");
        assert_eq!(clean_lines("a\n b\r\nc", 100), "a\n b\nc");
        assert_eq!(clean_lines("12345\n7", 6), "12345\n [cut]");
        assert_eq!(clean(&"x".repeat(3_000_000), 500).len(), 506);
        // In a time that grows with the length, not with its square.
        assert_eq!(clean(&"\u{9d}".repeat(300_000), 500), "");
    }
}
