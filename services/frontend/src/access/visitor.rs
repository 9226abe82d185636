//! A visit: a random id in a signed cookie, nothing else. The server keeps no list.

use http::{HeaderMap, HeaderValue, header};

use crate::seal::{Seal, random_hex};

/// How long a visit lasts.
const VISIT_SECONDS: u64 = 12 * 60 * 60;
const NAME: &str = "turnpike_visit";

/// Somebody who may use the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visitor {
    /// 32 hex digits.
    pub(crate) id: String,
}

impl Visitor {
    pub(crate) fn new() -> Self {
        Self {
            id: random_hex::<16>(),
        }
    }

    /// The visitor of a cookie that is signed and not expired. Of several cookies with our name the first good one counts.
    pub(super) fn from_headers(seal: &Seal, headers: &HeaderMap, now_seconds: u64) -> Option<Self> {
        let lines = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let pairs = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        pairs
            .filter(|(name, _)| *name == NAME)
            .find_map(|(_, value)| Self::open(seal, value, now_seconds))
    }

    fn open(seal: &Seal, value: &str, now_seconds: u64) -> Option<Self> {
        let (visit, signature) = value.rsplit_once('.')?;
        let (id, expires) = visit.split_once('.')?;
        let is_good =
            seal.verify(&[id, expires], signature) && now_seconds < expires.parse().ok()?;
        is_good.then(|| Self { id: id.to_owned() })
    }

    /// The `Set-Cookie` value: no script can read it, and no other site can make the browser send it.
    pub(super) fn cookie(&self, seal: &Seal, now_seconds: u64, secure: bool) -> HeaderValue {
        let expires = (now_seconds + VISIT_SECONDS).to_string();
        let signature = seal.sign(&[&self.id, &expires]);
        set_cookie(
            &format!("{}.{expires}.{signature}", self.id),
            VISIT_SECONDS,
            secure,
        )
    }
}

/// The `Set-Cookie` value that removes the cookie.
pub(super) fn farewell(secure: bool) -> HeaderValue {
    set_cookie("", 0, secure)
}

fn set_cookie(value: &str, seconds: u64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).expect("hex digits, dots and attributes are a header value")
}

#[cfg(test)]
mod tests {
    use super::{VISIT_SECONDS, Visitor};
    use crate::seal::Seal;
    use http::{HeaderMap, HeaderValue, header};

    const NOW: u64 = 1_790_000_000;

    fn read(seal: &Seal, cookies: &str, now_seconds: u64) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookies).unwrap());
        Visitor::from_headers(seal, &headers, now_seconds).map(|visitor| visitor.id)
    }

    #[test]
    fn a_cookie_is_good_until_it_expires_and_only_as_it_was_made() {
        let seal = Seal::derive(b"access key", "cookie");
        let visitor = Visitor::new();
        let set = visitor
            .cookie(&seal, NOW, true)
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"),
            "{set}"
        );
        let cookie = set.split_once(';').unwrap().0;
        assert_eq!(read(&seal, cookie, NOW), Some(visitor.id.clone()));
        assert_eq!(
            read(
                &seal,
                &format!("theme=dark; turnpike_visit=junk; {cookie}"),
                NOW
            ),
            Some(visitor.id.clone())
        );
        assert_eq!(
            read(&seal, cookie, NOW + VISIT_SECONDS - 1),
            Some(visitor.id.clone())
        );
        assert_eq!(read(&seal, cookie, NOW + VISIT_SECONDS), None, "expired");
        let later = cookie.replace(
            &(NOW + VISIT_SECONDS).to_string(),
            &(NOW + 2 * VISIT_SECONDS).to_string(),
        );
        assert_eq!(read(&seal, &later, NOW), None, "expiry changed");
        let other = cookie.replace(&visitor.id, &Visitor::new().id);
        assert_eq!(read(&seal, &other, NOW), None, "visitor changed");
        assert_eq!(
            read(&Seal::derive(b"next access key", "cookie"), cookie, NOW),
            None,
            "key changed"
        );
        for malformed in [
            "turnpike_visit=",
            "turnpike_visit=a.b",
            "turnpike_visit=..",
            "turnpike_visit",
        ] {
            assert_eq!(read(&seal, malformed, NOW), None, "{malformed}");
        }
    }
}
