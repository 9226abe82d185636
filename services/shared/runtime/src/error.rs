/// Why a service could not go on. Any error turns into it with `?`, and a text does with `.into()`.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// An error with everything that caused it, in one line: many libraries print only their own layer.
pub fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn an_error_shows_its_causes_once() {
        let error = Outer(std::io::Error::other("no route"));
        assert_eq!(describe(&error), "cannot bind: no route");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot bind")]
    struct Outer(#[source] std::io::Error);
}
