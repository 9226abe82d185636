//! Where a member of a JSON document stands.

/// The line, counted from 1, of the name of a member, from the outside to the inside. The document is one that was read before.
pub(crate) fn line_of(json: &str, member: &[&str]) -> Option<usize> {
    let mut line = 1;
    let mut depth = 0;
    // How many of the names were found, each one level further in.
    let mut found = 0;
    let mut characters = json.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        match character {
            '\n' => line += 1,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => {
                let text = &json[start + 1..];
                let end = end_of(text)?;
                while characters
                    .peek()
                    .is_some_and(|(at, _)| *at <= start + 1 + end)
                {
                    characters.next();
                }
                let is_name = text[end + 1..].trim_start().starts_with(':');
                if is_name && depth == found + 1 && text[..end] == **member.get(found)? {
                    found += 1;
                    if found == member.len() {
                        return Some(line);
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The closing quote of a text that begins here.
fn end_of(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_at_its_depth() {
        let json = "{\n\"a\\\"b\": \"x\",\n\"c\": {\"x\": {\n\"y\": 1}, \"z\": \"y\",\n\"y\": \"é\"},\n\"y\": []}";
        for (member, expected) in [
            (&["c"][..], Some(3)),
            (&["c", "x"], Some(3)),
            (&["c", "y"], Some(5)),
            (&["c", "x", "y"], Some(4)),
            (&["y"], Some(6)),
            (&["z"], None),
            (&["c", "a"], None),
        ] {
            assert_eq!(line_of(json, member), expected, "{member:?}");
        }
    }
}
