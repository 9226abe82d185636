//! What a seller shows a hosted facilitator, so that it is served.

mod key;
#[cfg(test)]
mod tests;
mod token;

use http::Method;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use key::SigningKey;
use runtime::Secret;
use serde::Deserialize;
use std::sync::Arc;
use token::{Issuer, TokenKey};
use url::Url;

/// The header that an API key goes into where nothing else is said.
const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Why credentials cannot be used. The text never has any of them in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialsError(String);

/// Shown with every request to a facilitator.
#[derive(Debug, Clone)]
pub enum Credentials {
    None,
    /// The same header each time.
    ApiKey {
        header: HeaderName,
        value: Secret<HeaderValue>,
    },
    /// A token for each request, signed with a key that never leaves.
    Token(Arc<TokenKey>),
}

/// An API key for tokens, as it is brought: `{"id": "...", "secret": "..."}`. Coinbase's own file says `privateKey`, and for older
/// keys `name`.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(alias = "name")]
    id: String,
    #[serde(alias = "privateKey")]
    secret: String,
}

impl Credentials {
    /// An API key in `header`, or in `X-API-Key`. A key for `Authorization` goes after `Bearer` unless it says how it is meant.
    ///
    /// # Errors
    /// When the key or the header's name cannot be part of an HTTP message.
    pub fn api_key(header: Option<&str>, key: &str) -> Result<Self, CredentialsError> {
        let header = match header {
            Some(name) => HeaderName::try_from(name).map_err(|_| {
                CredentialsError(format!("{name:?} cannot be the name of a header"))
            })?,
            None => API_KEY_HEADER,
        };
        let key = key.trim();
        if key.is_empty() {
            return Err(CredentialsError("the key is empty".to_owned()));
        }
        let value = if header == AUTHORIZATION && !key.contains(' ') {
            HeaderValue::try_from(format!("Bearer {key}"))
        } else {
            HeaderValue::try_from(key)
        };
        let mut value = value.map_err(|_| {
            CredentialsError("the key has characters that a header cannot contain".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Self::ApiKey {
            header,
            value: value.into(),
        })
    }

    /// Coinbase's Developer Platform: JSON of a key's id and its secret, which is base64 of 64 bytes (Ed25519) or PEM (P-256).
    ///
    /// # Errors
    /// When it is not that.
    pub fn coinbase(json: &str) -> Result<Self, CredentialsError> {
        let KeyFile { id, secret } = key_file(json)?;
        let key = SigningKey::read(&secret)?;
        Ok(Self::token(id, key, Issuer::Coinbase))
    }

    /// PayAI: JSON of a key's id and its secret, an Ed25519 key as PKCS#8 in base64, with or without `payai_sk_` before it.
    ///
    /// # Errors
    /// When it is not that.
    pub fn payai(json: &str) -> Result<Self, CredentialsError> {
        let KeyFile { id, secret } = key_file(json)?;
        let key = SigningKey::read_pkcs8(secret.trim().trim_start_matches("payai_sk_"))?;
        Ok(Self::token(id, key, Issuer::PayAi))
    }

    fn token(id: String, key: SigningKey, issuer: Issuer) -> Self {
        Self::Token(Arc::new(TokenKey { id, key, issuer }))
    }

    /// The header for one request; empty without credentials.
    pub(super) fn header(
        &self,
        method: &Method,
        url: &Url,
    ) -> Result<Option<(HeaderName, HeaderValue)>, CredentialsError> {
        match self {
            Self::None => Ok(None),
            Self::ApiKey { header, value } => Ok(Some((header.clone(), value.expose().clone()))),
            Self::Token(key) => {
                let token = key.token(method, url, crate::now_seconds())?;
                let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                    .map_err(|_| CredentialsError("a token is not a header value".to_owned()))?;
                value.set_sensitive(true);
                Ok(Some((AUTHORIZATION, value)))
            }
        }
    }
}

fn key_file(json: &str) -> Result<KeyFile, CredentialsError> {
    // serde's own message may quote what it read.
    let file: KeyFile = serde_json::from_str(json).map_err(|_| {
        CredentialsError(
            "it is not JSON of the form {\"id\": \"...\", \"secret\": \"...\"}".to_owned(),
        )
    })?;
    if file.id.trim().is_empty() {
        return Err(CredentialsError("its `id` is empty".to_owned()));
    }
    Ok(file)
}
