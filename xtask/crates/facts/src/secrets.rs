//! Tells what looks like a secret, by its name or by its value, before it gets into an image or a template.

/// The word in an ARG's name that tells of a secret.
pub(crate) fn secret_word(name: &str) -> Option<&'static str> {
    let words: Vec<&str> = name.split('_').collect();
    [
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "CREDENTIAL",
        "CREDENTIALS",
        "MNEMONIC",
        "PRIVATE",
        "KEY",
        "APIKEY",
    ]
    .into_iter()
    .find(|word| words.contains(word))
}

/// What a value has in common with a secret.
pub fn looks_secret(value: &str) -> Option<&'static str> {
    let bare = value.trim();
    let digits = bare.strip_prefix("0x").unwrap_or(bare);
    let hex = |text: &str| text.chars().all(|letter| letter.is_ascii_hexdigit());
    if digits.len() == 64 && hex(digits) {
        return Some("its value is 64 hexadecimal digits, the form of a private key");
    }
    let upper = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
    };
    if bare.len() == 20 && (bare.starts_with("AKIA") || bare.starts_with("ASIA")) && upper(bare) {
        return Some("its value is an AWS access key");
    }
    if bare.contains("-----BEGIN") && bare.contains("PRIVATE KEY") {
        return Some("its value is a private key in PEM form");
    }
    if ["ghp_", "github_pat_", "xoxb-", "sk-ant-", "sk_live_"]
        .iter()
        .any(|prefix| bare.starts_with(prefix))
    {
        return Some("its value has the form of an access token");
    }
    let password = bare
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next()?.split_once('@'));
    if password.is_some_and(|(user, _)| user.contains(':')) {
        return Some("its value is a URL with a password");
    }
    None
}
