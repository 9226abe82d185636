//! Patterns of IAM: `*` is any run of characters, `?` is one.

/// Whether `pattern` describes all of `text`. Letters are compared as they are.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on when the last star has to take one character more.
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                retry = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(&letter) if letter == '?' || letter == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((pattern_after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((pattern_after_star, taken + 1));
                at_pattern = pattern_after_star;
                at_text = taken + 1;
            }
        }
    }
    pattern[at_pattern..].iter().all(|&letter| letter == '*')
}

/// Like [`matches`], field by field: a star in one of the first five fields of an ARN does not reach over its colon.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let (patterns, fields): (Vec<&str>, Vec<&str>) = (
        pattern.splitn(6, ':').collect(),
        arn.splitn(6, ':').collect(),
    );
    patterns.len() == fields.len()
        && patterns
            .iter()
            .zip(fields)
            .all(|(pattern, field)| matches(pattern, field))
}

#[cfg(test)]
mod tests {
    use super::{matches, matches_arn};

    #[test]
    fn stars_and_question_marks() {
        let yes = [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("a*c", "abbc"),
            ("a?c", "abc"),
            ("*ab*ab", "abxabyab"),
            ("a**", "a"),
            ("ä?", "äö"),
        ];
        let no = [
            ("", "a"),
            ("?", ""),
            ("a*c", "abd"),
            ("abc", "ab"),
            ("a?c", "ac"),
            ("*ab", "aba"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in no {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_star_in_an_arn_stays_in_its_field() {
        assert!(matches_arn(
            "arn:aws:lambda:*:0:function:a*",
            "arn:aws:lambda:us-east-1:0:function:abc"
        ));
        assert!(matches_arn(
            "arn:*:*:*:*:*",
            "arn:aws:lambda:us-east-1:0:function:abc"
        ));
        assert!(!matches_arn(
            "arn:aws:*:function:abc",
            "arn:aws:lambda:us-east-1:0:function:abc"
        ));
        assert!(!matches_arn("*", "arn:aws:lambda:us-east-1:0:function:abc"));
    }
}
