//! Which action of a listener a request meets.

use http::Uri;

use crate::resources::{Action, Balancer, Rule};

/// The action of the first rule that fits, else the default; `None` without a listener.
pub(super) fn action<'a>(plan: &'a Balancer, host: &str, path: &str) -> Option<&'a Action> {
    let listener = plan.listener.as_ref()?;
    let host = host
        .split(':')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let fits = |rule: &&Rule| {
        let any = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, text))
        };
        any(&rule.paths, path) && any(&rule.hosts, &host)
    };
    Some(
        listener
            .rules
            .iter()
            .find(fits)
            .map_or(&listener.default_action, |rule| &rule.action),
    )
}

/// `*` is any text, `?` any one character.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        if at < pattern.len() && pattern[at] == '*' {
            star = Some((at, read));
            at += 1;
        } else if at < pattern.len() && (pattern[at] == '?' || pattern[at] == text[read]) {
            at += 1;
            read += 1;
        } else if let Some((position, taken)) = star {
            // Let the last star take one character more.
            star = Some((position, taken + 1));
            at = position + 1;
            read = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

/// A redirect's location with its placeholders filled.
pub(super) fn location(template: &str, host: &str, port: u16, uri: &Uri) -> String {
    let path = uri.path().trim_start_matches('/');
    template
        .replace("#{protocol}", "http")
        .replace("#{host}", host)
        .replace("#{port}", &port.to_string())
        .replace("#{path}", path)
        .replace("#{query}", uri.query().unwrap_or_default())
        .trim_end_matches('?')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_elb_does() {
        for (pattern, text, right) in [
            ("/api/*", "/api/x/y", true),
            ("/api/*", "/apix", false),
            ("*.png", "/a.png.png", true),
            ("/?", "/a", true),
            ("/?", "/", false),
            ("*", "", true),
            ("/a*b*c", "/aXbYbZc", true),
            ("/a", "/a/", false),
        ] {
            assert_eq!(matches(pattern, text), right, "{pattern} {text}");
        }
    }
}
