//! One text against its length, its words and its characters.

use super::characters::{Characters, Counted};
use super::meant;
use super::scalars::{fits, spanned, words};
use super::values::Walk;
use resource_types::{Addition, Schema};

impl Walk<'_, '_> {
    pub(super) fn text(
        &mut self,
        line: usize,
        text: &str,
        is_written: bool,
        schema: &Schema,
        addition: Option<&Addition>,
    ) {
        let row = addition
            .filter(|_| !self.is_item)
            .and_then(|addition| addition.range);
        let low = schema
            .min_length
            .map(|low| i64::try_from(low).unwrap_or(i64::MAX));
        let high = schema
            .max_length
            .map(|high| i64::try_from(high).unwrap_or(i64::MAX));
        let (low, high) = match row {
            Some((below, above)) => (
                Some(low.unwrap_or(0).max(below)),
                Some(high.unwrap_or(i64::MAX).min(above)),
            ),
            None => (low, high),
        };
        if is_written && text.is_empty() && low != Some(0) && !self.is_named_freely {
            return self.problem(line, "is empty", "give it a value, or remove the line");
        }
        if is_written && self.word(line, text, schema, addition) {
            return;
        }
        let written = without_references(text);
        if self.character(line, text, &written, is_written, schema, addition) {
            return;
        }
        let length = i64::try_from(written.chars().count()).unwrap_or(i64::MAX);
        let is_long = high.is_some_and(|high| length > high);
        if is_long || (is_written && low.is_some_and(|low| length < low)) {
            #[expect(
                clippy::cast_precision_loss,
                reason = "lengths that AWS takes are small"
            )]
            let span = spanned(low.map(|low| low as f64), high.map(|high| high as f64));
            self.problem(
                line,
                &format!("has {length} characters: `{text}`"),
                format!("AWS takes {span}"),
            );
        }
    }

    /// True when the text is none of the words that it may be.
    fn word(
        &mut self,
        line: usize,
        text: &str,
        schema: &Schema,
        addition: Option<&Addition>,
    ) -> bool {
        let words = words(schema, addition);
        let same = |word: &String| match schema.enum_case_insensitive.is_empty() {
            true => word == text,
            false => word.eq_ignore_ascii_case(text),
        };
        if words.is_empty() || words.iter().any(same) {
            return false;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // Of an open list only what looks like one of its words is a mistake.
        let is_open = addition.is_some_and(|addition| addition.is_open);
        if is_open && facts::nearest(text, &words).is_none() {
            return false;
        }
        self.problem(line, &format!("is `{text}`"), meant(text, &words));
        true
    }

    /// True when the text has a character, or a form, that AWS refuses.
    fn character(
        &mut self,
        line: usize,
        text: &str,
        written: &str,
        is_written: bool,
        schema: &Schema,
        addition: Option<&Addition>,
    ) -> bool {
        if let Some(characters) = addition.and_then(|addition| addition.characters)
            && let Some(set) = Characters::read(characters)
            && let Some(wrong) = set.first_other(written)
        {
            let fix = format!("AWS takes these characters: {characters}");
            self.problem(
                line,
                &format!("is `{text}`, with the character `{wrong}`"),
                fix,
            );
            return true;
        }
        let Some(pattern) = &schema.pattern else {
            return false;
        };
        let fix = format!("AWS takes what fits {pattern}");
        let set = Counted::of_pattern(pattern);
        // Of a text that a deploy completes, each character can be looked at where the pattern is nothing but a set of them.
        if let Some(wrong) = set
            .as_ref()
            .and_then(|set| set.characters.first_other(written))
        {
            self.problem(
                line,
                &format!("is `{text}`, with the character `{wrong}`"),
                fix,
            );
            return true;
        }
        if !is_written {
            return false;
        }
        let fits = match &set {
            Some(set) => set.fits(text),
            None => fits(pattern, text).unwrap_or(true),
        };
        if !fits {
            self.problem(line, &format!("is `{text}`"), fix);
        }
        !fits
    }
}

/// What stands in a text apart from `${...}`.
fn without_references(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        written.push_str(&rest[..start]);
        let end = rest[start..]
            .find('}')
            .map_or(rest.len(), |end| start + end + 1);
        rest = &rest[end..];
    }
    written.push_str(rest);
    written
}
