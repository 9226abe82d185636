//! Verifies AWS Signature Version 4 as AWS does: the signature is computed again and compared.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SigningCredentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use sha2::{Digest as _, Sha256};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::authorization::Authorization;
use super::error::AwsError;
use super::types::Credentials;

/// How far a request's clock may be from ours, as at AWS.
const SKEW_MAX: Duration = Duration::from_secs(5 * 60);
const DATE: &str = "x-amz-date";
const CONTENT_HASH: &str = "x-amz-content-sha256";
const SECURITY_TOKEN: &str = "x-amz-security-token";
const BASIC_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// The parts of a request that its signature covers.
pub struct Request<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// Checks date, scope, coverage and signature of `request`, which `authorization` was read from. `region` is ours.
pub(super) fn verify(
    request: &Request<'_>,
    authorization: &Authorization,
    credentials: &Credentials,
    region: &str,
    now: SystemTime,
) -> Result<(), AwsError> {
    if authorization.region != region {
        return Err(mismatch(format!(
            "Credential should be scoped to a valid region, not '{}': this is '{region}'.",
            authorization.region
        )));
    }
    let signed_at = check_date(request.headers, &authorization.date, now)?;
    check_coverage(request.headers, &authorization.signed_headers)?;
    if request.headers.contains_key(SECURITY_TOKEN) {
        // The local cloud issues long-lived keys only, so there is no token that could be right.
        return Err(invalid_token());
    }
    let body_hash = hex::encode(Sha256::digest(request.body));
    check_content_hash(request.headers, &body_hash)?;
    let expected = signature(request, authorization, credentials, signed_at, body_hash)?;
    if equal_in_constant_time(expected.as_bytes(), authorization.signature.as_bytes()) {
        return Ok(());
    }
    Err(mismatch(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
         signing method. Consult the service documentation for details.",
    ))
}

/// What AWS says about an access key that nobody was given.
pub(super) fn invalid_token() -> AwsError {
    AwsError::new(
        StatusCode::FORBIDDEN,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

pub(super) fn incomplete(message: impl Into<String>) -> AwsError {
    AwsError::new(
        StatusCode::FORBIDDEN,
        "IncompleteSignatureException",
        message,
    )
}

pub(super) fn mismatch(message: impl Into<String>) -> AwsError {
    AwsError::new(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
}

fn check_date(
    headers: &HeaderMap,
    scope_date: &str,
    now: SystemTime,
) -> Result<SystemTime, AwsError> {
    let text = headers.get(DATE).and_then(|value| value.to_str().ok());
    let text = text.ok_or_else(|| {
        incomplete("Authorization header requires existence of a 'X-Amz-Date' header.")
    })?;
    let Ok(signed_at) = PrimitiveDateTime::parse(text, BASIC_FORMAT) else {
        return Err(incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'."
        )));
    };
    if !text.starts_with(scope_date) || scope_date.len() != 8 {
        return Err(mismatch(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope_date}' != '{}'.",
            &text[..8]
        )));
    }
    let signed_at = signed_at.assume_utc();
    let now = OffsetDateTime::from(now);
    if signed_at < now - SKEW_MAX {
        return Err(mismatch(format!(
            "Signature expired: {text} is now earlier than {} ({} - 5 min.)",
            basic(now - SKEW_MAX),
            basic(now)
        )));
    }
    if signed_at > now + SKEW_MAX {
        return Err(mismatch(format!(
            "Signature not yet current: {text} is still later than {} ({} + 5 min.)",
            basic(now + SKEW_MAX),
            basic(now)
        )));
    }
    Ok(signed_at.into())
}

fn basic(moment: OffsetDateTime) -> String {
    moment.format(BASIC_FORMAT).unwrap_or_default()
}

/// A header that changes the meaning of a request must not be addable by somebody on the way.
fn check_coverage(headers: &HeaderMap, signed: &[String]) -> Result<(), AwsError> {
    for name in signed {
        if !headers.contains_key(name.as_str()) {
            return Err(mismatch(format!(
                "The signed header '{name}' is not in the request."
            )));
        }
    }
    let must_be_signed =
        |name: &str| name == "host" || (name.starts_with("x-amz-") && name != "x-amz-user-agent");
    let forgotten = headers.keys().find(|name| {
        must_be_signed(name.as_str()) && !signed.iter().any(|signed| signed == name.as_str())
    });
    match forgotten {
        Some(name) => Err(mismatch(format!(
            "'{name}' must be a 'SignedHeader' in the AWS Authorization."
        ))),
        None if headers.contains_key("host") => Ok(()),
        None => Err(mismatch(
            "'Host' must be a 'SignedHeader' in the AWS Authorization.",
        )),
    }
}

/// Only S3 takes bodies that are not signed, so `UNSIGNED-PAYLOAD` and the streaming forms are refused here.
fn check_content_hash(headers: &HeaderMap, body_hash: &str) -> Result<(), AwsError> {
    match headers.get(CONTENT_HASH) {
        None => Ok(()),
        Some(value) if value.as_bytes() == body_hash.as_bytes() => Ok(()),
        Some(value) if value.len() == 64 => Err(mismatch(
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )),
        Some(value) => Err(mismatch(format!(
            "The payload must be signed: this service does not take '{}' in 'x-amz-content-sha256'.",
            value.to_str().unwrap_or("?")
        ))),
    }
}

fn signature(
    request: &Request<'_>,
    authorization: &Authorization,
    credentials: &Credentials,
    signed_at: SystemTime,
    body_hash: String,
) -> Result<String, AwsError> {
    let mut headers = Vec::new();
    for name in &authorization.signed_headers {
        for value in request.headers.get_all(name.as_str()) {
            headers.push((
                name.as_str(),
                value
                    .to_str()
                    .map_err(|_| mismatch(format!("The signed header '{name}' is not text.")))?,
            ));
        }
    }
    let identity = SigningCredentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        None,
        None,
        "local",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&authorization.region)
        .name(&authorization.service)
        .time(signed_at)
        .settings(settings(&authorization.service))
        .build()
        .expect("every parameter is set")
        .into();
    let uri = request.uri.to_string();
    let signable = SignableRequest::new(
        request.method.as_str(),
        uri,
        headers.into_iter(),
        SignableBody::Precomputed(body_hash),
    );
    let signed = signable.and_then(|signable| sign(signable, &parameters));
    signed.map(|output| output.into_parts().1).map_err(|error| {
        mismatch(format!(
            "The request cannot be put in canonical form: {error}."
        ))
    })
}

/// We pass exactly the headers that the client signed, so none may be left out on our side.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

/// Takes as long for a wrong first letter as for a wrong last one, so that answers' times tell nothing.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0, |difference, (left, right)| difference | (left ^ right));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}
