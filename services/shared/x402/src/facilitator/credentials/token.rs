//! JSON Web Tokens (RFC 7519), one for each request.
//!
//! Coinbase: <https://docs.cdp.coinbase.com/api-reference/v2/authentication>, and npm `@coinbase/cdp-sdk` 1.57.0, `auth/utils/jwt.ts`.
//! PayAI: npm `@payai/facilitator` 2.4.1.

use super::CredentialsError;
use super::key::SigningKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use std::fmt;
use url::Url;

/// How long a token is good for.
const VALID_SECONDS: u64 = 120;

/// Who reads the tokens, which decides their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issuer {
    /// Good for one method, host and path.
    Coinbase,
    PayAi,
}

/// A key with the name under which the facilitator knows it.
pub struct TokenKey {
    pub(super) id: String,
    pub(super) key: SigningKey,
    pub(super) issuer: Issuer,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenKey")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    /// A token for one request, from `now` on (seconds since 1970).
    pub(super) fn token(
        &self,
        method: &Method,
        url: &Url,
        now: u64,
    ) -> Result<String, CredentialsError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| {
            CredentialsError(format!(
                "no random numbers from the operating system: {error}"
            ))
        })?;
        let (header, claims) = match self.issuer {
            Issuer::Coinbase => self.coinbase(method, url, now, &nonce),
            Issuer::PayAi => self.payai(now, nonce),
        };
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }

    /// `uris` has neither scheme nor query, and there is no `aud`.
    fn coinbase(&self, method: &Method, url: &Url, now: u64, nonce: &[u8]) -> (Value, Value) {
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map_or(String::new(), |port| format!(":{port}"));
        let header = json!({
            "alg": self.key.algorithm(),
            "kid": self.id,
            "typ": "JWT",
            "nonce": hex::encode(nonce),
        });
        let claims = json!({
            "sub": self.id,
            "iss": "cdp",
            "uris": [format!("{method} {host}{port}{}", url.path())],
            "iat": now,
            "nbf": now,
            "exp": now + VALID_SECONDS,
        });
        (header, claims)
    }

    fn payai(&self, now: u64, random: [u8; 16]) -> (Value, Value) {
        let header = json!({ "alg": self.key.algorithm(), "kid": self.id, "typ": "JWT" });
        let claims = json!({
            "sub": self.id,
            "iss": "payai-merchant",
            "iat": now,
            "exp": now + VALID_SECONDS,
            "jti": uuid(random),
        });
        (header, claims)
    }
}

/// A random UUID (RFC 9562, version 4).
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let part = |from: usize, to: usize| &digits[from..to];
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}
