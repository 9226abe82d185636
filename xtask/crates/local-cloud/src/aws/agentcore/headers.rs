//! Which headers of a client reach the container.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};

use super::super::error::AwsError;

pub(super) const SESSION_ID: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-session-id");
pub(super) const RUNTIME_REQUEST_ID: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-request-id");
pub(super) const USER_ID: HeaderName =
    HeaderName::from_static("x-amzn-bedrock-agentcore-runtime-user-id");
const CUSTOM_PREFIX: &str = "x-amzn-bedrock-agentcore-runtime-custom-";

/// The longest value of a header that passes.
const VALUE_BYTES_MAX: usize = 4096;
/// These never pass, whatever the allow-list says.
const RESTRICTED: [&str; 13] = [
    "connection",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
const RESTRICTED_PREFIXES: [&str; 5] = ["accept", "content-", "x-amz-", "x-amzn-", "x-forwarded-"];

/// The two headers that the API itself hands over, and those on the allow-list that may pass.
pub(super) fn for_container(
    headers: &HeaderMap,
    allow_list: &[String],
) -> Result<HeaderMap, AwsError> {
    let mut passed = HeaderMap::new();
    for name in [CONTENT_TYPE, ACCEPT] {
        if let Some(value) = headers.get(&name) {
            passed.insert(name, value.clone());
        }
    }
    for (name, value) in headers {
        let allowed = allow_list
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name.as_str()));
        if !allowed || is_restricted(name) {
            continue;
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(AwsError::validation(format!(
                "The header '{name}' is longer than {VALUE_BYTES_MAX} bytes."
            )));
        }
        passed.append(name.clone(), value.clone());
    }
    Ok(passed)
}

/// `Authorization` holds the signature for AgentCore here, which the container must not see.
fn is_restricted(name: &HeaderName) -> bool {
    let text = name.as_str();
    let by_prefix = RESTRICTED_PREFIXES
        .iter()
        .any(|prefix| text.starts_with(prefix))
        && !text.starts_with(CUSTOM_PREFIX);
    by_prefix || RESTRICTED.contains(&text) || name == AUTHORIZATION
}
