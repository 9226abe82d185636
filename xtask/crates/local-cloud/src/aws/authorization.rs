//! The header `Authorization` of Signature Version 4.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::error::AwsError;
use super::sigv4::{incomplete, mismatch};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";

/// The header `Authorization`, taken apart. Nothing in it is trusted before
/// [`super::sigv4::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    pub date: String,
    pub region: String,
    pub service: String,
    pub signed_headers: Vec<String>,
    pub signature: String,
}

impl Authorization {
    /// Reads the header of a request, or says what is missing in it.
    pub fn read(headers: &HeaderMap) -> Result<Authorization, AwsError> {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Err(AwsError::new(
                StatusCode::FORBIDDEN,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ));
        };
        let value = value
            .to_str()
            .map_err(|_| incomplete("The header 'Authorization' is not text."))?;
        let Some(parts) = value.strip_prefix(ALGORITHM) else {
            return Err(incomplete(format!(
                "Authorization header requires the algorithm '{ALGORITHM}'."
            )));
        };
        let part = |name: &str| {
            let found = parts
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| {
                incomplete(format!("Authorization header requires '{name}' parameter."))
            })
        };
        let scope: Vec<&str> = part("Credential")?.split('/').collect();
        let [access_key_id, date, region, service, terminator] = scope[..] else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            ));
        };
        if terminator != TERMINATOR {
            return Err(mismatch(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        Ok(Authorization {
            access_key_id: access_key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: part("SignedHeaders")?
                .split(';')
                .map(str::to_ascii_lowercase)
                .collect(),
            signature: part("Signature")?.to_owned(),
        })
    }
}
