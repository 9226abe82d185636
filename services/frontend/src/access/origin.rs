//! Where a request comes from, according to the browser.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a call was made by this page, or by something that is not a browser: browsers always send `Origin` with a POST
/// from another site, and most send `Sec-Fetch-Site` with everything.
pub(super) fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE)
        && site != "same-origin"
        && site != "none"
    {
        return false;
    }
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => {
            let origin = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.split_once("://"));
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            matches!((origin, host), (Some(("http" | "https", from)), Some(host)) if from.eq_ignore_ascii_case(host))
        }
    }
}

/// Whether the page was asked for as `localhost` or by an IP address. Any other name may be an attacker's that points here
/// (DNS rebinding), and then the browser takes the attacker's page for ours.
pub(super) fn is_this_machine_or_an_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::{is_own, is_this_machine_or_an_address};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let entries = pairs.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        entries.collect()
    }

    #[test]
    fn calls_of_other_sites_are_not_own() {
        let host = ("host", "127.0.0.1:8080");
        let cases: [(&[(&str, &str)], bool); 10] = [
            (&[host], true),
            (
                &[
                    host,
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "http://127.0.0.1:8080"),
                ],
                true,
            ),
            (&[host, ("origin", "http://127.0.0.1:8080")], true),
            (&[host, ("sec-fetch-site", "none")], true),
            (&[host, ("sec-fetch-site", "cross-site")], false),
            (&[host, ("sec-fetch-site", "same-site")], false),
            (&[host, ("origin", "http://127.0.0.1:9999")], false),
            (&[host, ("origin", "https://evil.example")], false),
            (&[host, ("origin", "null")], false),
            (&[("origin", "http://127.0.0.1:8080")], false),
        ];
        for (pairs, expected) in cases {
            assert_eq!(is_own(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn names_that_somebody_else_could_own_are_told_apart() {
        let cases = [
            ("127.0.0.1:8080", true),
            ("192.168.1.7", true),
            ("[::1]:8080", true),
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("frontend.localhost:8080", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
        ];
        for (host, expected) in cases {
            assert_eq!(
                is_this_machine_or_an_address(&headers(&[("host", host)])),
                expected,
                "{host}"
            );
        }
        assert!(!is_this_machine_or_an_address(&HeaderMap::new()));
    }
}
