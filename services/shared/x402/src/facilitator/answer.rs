//! What came back from a facilitator, told as what it is: a redirect, a page for people, nothing, a refusal.

use super::FacilitatorError;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use runtime::text::clean;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// Of one foreign text in one error.
const TEXT_CHARACTERS_MAX: usize = 200;

/// One answer over HTTP, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// What was asked.
    pub(super) url: Url,
    /// Whether the question carried credentials.
    pub(super) with_credentials: bool,
}

impl Answer {
    /// The body as what was asked for. A refusal may come with any status that is not a redirect; what counts is the body.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, FacilitatorError> {
        if self.status.is_redirection() {
            return Err(self.failure(None));
        }
        serde_json::from_slice(&self.body).map_err(|error| self.failure(Some(&error)))
    }

    fn failure(&self, error: Option<&serde_json::Error>) -> FacilitatorError {
        let text = self.words(error);
        if did_nothing(self.status) {
            FacilitatorError::NotSent(text)
        } else {
            FacilitatorError::NoAnswer(text)
        }
    }

    /// The end of a sentence that begins with "the facilitator".
    fn words(&self, error: Option<&serde_json::Error>) -> String {
        let status = self.status.as_u16();
        let said = self
            .message()
            .map_or(String::new(), |message| format!(", and says \"{message}\""));
        match status {
            300..=399 => self.redirect(),
            401 if self.with_credentials => format!("refuses our credentials (401){said}"),
            401 => format!(
                "wants credentials (401){said}: FACILITATOR_CREDENTIALS says which are sent"
            ),
            403 if self.with_credentials => {
                format!("refuses what was sent, or our credentials for it (403){said}")
            }
            403 => format!("refuses what was sent without credentials (403){said}"),
            404 | 405 => format!(
                "answers {status} to {}{said}: is FACILITATOR_URL the address that {} belongs to?",
                self.url.path(),
                self.endpoint()
            ),
            429 => match self.header(&RETRY_AFTER) {
                Some(wait) => format!("is asked too often (429), and wants us to wait: {wait}"),
                None => format!("is asked too often (429){said}"),
            },
            500..=599 => format!("fails ({status}){said}"),
            _ => format!("answers {status} {}{said}", self.unreadable(error)),
        }
    }

    fn redirect(&self) -> String {
        let status = self.status.as_u16();
        let Some(location) = self.header(&LOCATION) else {
            return format!("answers {status}, a redirect to nowhere");
        };
        let target = self.url.join(&location).ok();
        let base = target.and_then(|mut target| {
            target.set_query(None);
            let base = target.as_str().strip_suffix(self.endpoint())?;
            Some(clean(base.trim_end_matches('/'), TEXT_CHARACTERS_MAX))
        });
        match base {
            Some(base) => format!(
                "answers {status} and points to {location}: set FACILITATOR_URL (the stage's facilitator_url) to {base}"
            ),
            None => format!("answers {status} and points to {location}, which is not followed"),
        }
    }

    /// What kind of body could not be read.
    fn unreadable(&self, error: Option<&serde_json::Error>) -> String {
        let start = self.body.trim_ascii_start();
        if start.is_empty() {
            return "with nothing".to_owned();
        }
        let is_html = self
            .header(&CONTENT_TYPE)
            .is_some_and(|kind| kind.contains("html"));
        if is_html || start.starts_with(b"<") {
            return "with a page of HTML (is FACILITATOR_URL the address of its API?)".to_owned();
        }
        match error {
            Some(error) if error.is_data() => {
                let error = clean(&error.to_string(), TEXT_CHARACTERS_MAX);
                format!("with JSON of another shape ({error})")
            }
            _ => {
                let start = &start[..start.len().min(4 * TEXT_CHARACTERS_MAX)];
                let start = clean(&String::from_utf8_lossy(start), TEXT_CHARACTERS_MAX);
                format!("with something that is not JSON (\"{start}\")")
            }
        }
    }

    /// Its own words for a failure, in the members that APIs use for them.
    fn message(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let error = &body["error"];
        let text = [
            &body["errorMessage"],
            &body["message"],
            &error["message"],
            error,
            &body["errorType"],
        ]
        .into_iter()
        .find_map(Value::as_str)?;
        Some(clean(text, TEXT_CHARACTERS_MAX))
    }

    fn header(&self, name: &HeaderName) -> Option<String> {
        let value = String::from_utf8_lossy(self.headers.get(name)?.as_bytes());
        Some(clean(&value, TEXT_CHARACTERS_MAX))
    }

    /// `verify`, `settle` or `supported`.
    fn endpoint(&self) -> &str {
        self.url
            .path_segments()
            .and_then(|mut segments| segments.next_back())
            .unwrap_or_default()
    }
}

/// Whether an answer with this status and no readable body says that nothing was done, now or later:
///
/// - 307 and 308 ask for the same request at another address (RFC 9110, 15.4.8 and 15.4.9), so this address did not act. 301,
///   302 and 303 may also follow a POST that was carried out.
/// - 401 says that the request has not been applied, for want of credentials (RFC 9110, 15.5.2).
/// - 429 comes from a limit that stands before the work (RFC 6585, 4).
///
/// 403 and 404 are not among them: a firewall or a gateway may put either in the place of an answer that it does not like,
/// after the work is done. With wrong credentials or a wrong address the verification before has failed already, so nothing is
/// lost by not trusting them here.
fn did_nothing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 307 | 308 | 401 | 429)
}
