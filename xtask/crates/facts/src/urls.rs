//! URLs in settings and arguments.

use url::{Host, Url};

/// http or https, a host, and nothing that a template would fill in.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && !rest.contains([' ', '$', '{', '<'])
    })
}

pub(crate) fn is_loopback(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| stays_here(&url))
}

/// What is sent there does not leave the machine.
pub fn stays_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
