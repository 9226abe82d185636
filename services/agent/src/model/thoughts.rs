//! Leaves out what a model thinks aloud.
//!
//! Amazon Nova writes its reasoning into the text, between these tags, and AWS advises to drop it there
//! (<https://docs.aws.amazon.com/nova/latest/userguide/prompting-tool-troubleshooting.html>). Another model that writes them
//! means the same.

const BEGIN: &str = "<thinking>";
const END: &str = "</thinking>";

/// The text of one block, piece by piece, without what is between the tags.
#[derive(Debug, Default)]
pub(crate) struct Thoughts {
    /// What may be the beginning of a tag.
    held: String,
    is_thinking: bool,
    /// What has been thought since the last tag began: it may turn out to be an answer whose end is missing.
    thought: String,
    /// Something has been said in this block.
    has_spoken: bool,
}

impl Thoughts {
    /// Takes a piece and gives what is to be said of it.
    pub(crate) fn add(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut said = String::new();
        loop {
            let tag = if self.is_thinking { END } else { BEGIN };
            let Some(at) = self.held.find(tag) else { break };
            let before: String = self.held.drain(..at + tag.len()).collect();
            self.pass_on(&before[..at], &mut said);
            self.is_thinking = !self.is_thinking;
            if !self.is_thinking {
                self.thought.clear();
            }
        }
        let tag = if self.is_thinking { END } else { BEGIN };
        let sure = self.held.len() - beginning_of(tag, &self.held);
        let before: String = self.held.drain(..sure).collect();
        self.pass_on(&before, &mut said);
        said
    }

    /// The block has ended: what was held was no tag.
    pub(crate) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        let mut said = String::new();
        self.pass_on(&held, &mut said);
        said
    }

    /// What was thought without an end, when nothing else was said.
    pub(crate) fn unfinished(&self) -> Option<&str> {
        let thought = self.thought.trim();
        (self.is_thinking && !self.has_spoken && !thought.is_empty()).then_some(thought)
    }

    fn pass_on(&mut self, text: &str, said: &mut String) {
        if self.is_thinking {
            self.thought.push_str(text);
            return;
        }
        // The empty lines after a thought are its own.
        let text = match self.has_spoken {
            true => text,
            false => text.trim_start(),
        };
        self.has_spoken |= !text.is_empty();
        said.push_str(text);
    }
}

/// How many bytes at the end of the text may be the beginning of the tag.
fn beginning_of(tag: &str, text: &str) -> usize {
    let longest = (tag.len() - 1).min(text.len());
    (1..=longest)
        .rev()
        .find(|length| text.ends_with(&tag[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a text that comes in pieces of this many bytes, or the nearest letter after.
    fn said(text: &str, bytes: usize) -> (String, Option<String>) {
        let mut thoughts = Thoughts::default();
        let mut said = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let mut end = bytes.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            said.push_str(&thoughts.add(&rest[..end]));
            rest = &rest[end..];
        }
        said.push_str(&thoughts.finish());
        (said, thoughts.unfinished().map(str::to_owned))
    }

    #[test]
    fn thoughts_are_left_out_wherever_the_pieces_are_cut() {
        for (text, expected, unfinished) in [
            ("11.6 °C.", "11.6 °C.", None),
            (
                "<thinking> The user asks. </thinking>\n\n11.6 °C.",
                "11.6 °C.",
                None,
            ),
            (
                "<thinking>a</thinking>\n<thinking>b < c</thinking>\nYes.",
                "Yes.",
                None,
            ),
            ("So: <thinking>hm</thinking>no.", "So: no.", None),
            ("5 < 6 and <think harder>", "5 < 6 and <think harder>", None),
            ("a <thinkin", "a <thinkin", None),
            ("<thinking>only that</thinking>", "", None),
            ("Yes. <thinking>and", "Yes. ", None),
            ("<thinking>It is 11.6 °C.", "", Some("It is 11.6 °C.")),
            ("<thinking>a</thinking", "", Some("a</thinking")),
        ] {
            for bytes in 1..=text.len() {
                let found = said(text, bytes);
                assert_eq!(found.0, expected, "{text:?} by {bytes}");
                assert_eq!(found.1.as_deref(), unfinished, "{text:?} by {bytes}");
            }
        }
    }

    #[test]
    fn nothing_is_held_that_cannot_be_a_tag() {
        let mut thoughts = Thoughts::default();
        assert_eq!(thoughts.add("Let me "), "Let me ");
        assert_eq!(thoughts.add("look <"), "look ");
        assert_eq!(thoughts.add("b"), "<b");
    }
}
