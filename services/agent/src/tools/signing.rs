//! MCP over HTTP, signed for AWS. A Function URL lets in only requests that carry a SigV4 signature.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, GetMeta as _, RequestParamsMeta as _};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use tokio::sync::Mutex;

/// The name of AWS Lambda in signatures.
const SERVICE: &str = "lambda";
/// Credentials this close to their end are fetched anew.
const CREDENTIALS_MARGIN: Duration = Duration::from_secs(300);

type Headers = HashMap<HeaderName, HeaderValue>;
type Result<T> = std::result::Result<T, StreamableHttpError<reqwest::Error>>;

/// Signs requests for a Function URL of one region.
#[derive(Debug)]
pub(crate) struct Signer {
    region: String,
    provider: SharedCredentialsProvider,
    /// A container fetches its credentials over HTTP, which must not happen for each call.
    credentials: Mutex<Option<Credentials>>,
}

impl Signer {
    pub(crate) fn new(region: String, provider: SharedCredentialsProvider) -> Self {
        Self {
            region,
            provider,
            credentials: Mutex::new(None),
        }
    }

    async fn credentials(&self) -> std::result::Result<Credentials, CredentialsError> {
        let mut cached = self.credentials.lock().await;
        if let Some(credentials) = &*cached
            && credentials
                .expiry()
                .is_some_and(|expiry| expiry > SystemTime::now() + CREDENTIALS_MARGIN)
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        *cached = Some(credentials.clone());
        Ok(credentials)
    }

    /// The headers that make a request acceptable.
    async fn headers(
        &self,
        method: &str,
        url: &str,
        body: &[u8],
    ) -> std::result::Result<Headers, runtime::Error> {
        let identity = self.credentials().await?.into();
        signature(
            &identity,
            &self.region,
            SystemTime::now(),
            (method, url, body),
        )
    }
}

fn signature(
    identity: &aws_smithy_runtime_api::client::identity::Identity,
    region: &str,
    time: SystemTime,
    (method, url, body): (&str, &str, &[u8]),
) -> std::result::Result<Headers, runtime::Error> {
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(identity)
        .region(region)
        .name(SERVICE)
        .time(time)
        .settings(settings)
        .build()?
        .into();
    let request = SignableRequest::new(method, url, std::iter::empty(), SignableBody::Bytes(body))?;
    let (instructions, _signature) = sign(request, &parameters)?.into_parts();
    let mut headers = Headers::new();
    for (name, value) in instructions.headers() {
        headers.insert(name.parse()?, value.parse()?);
    }
    Ok(headers)
}

/// An HTTP client for MCP whose requests are signed.
#[derive(Debug, Clone)]
pub(crate) struct SignedClient {
    http: reqwest::Client,
    signer: Arc<Signer>,
}

impl SignedClient {
    pub(crate) fn new(http: reqwest::Client, signer: Signer) -> Self {
        Self {
            http,
            signer: Arc::new(signer),
        }
    }

    async fn sign(
        &self,
        method: &str,
        url: &str,
        body: &[u8],
        mut headers: Headers,
    ) -> Result<Headers> {
        let signed = self.signer.headers(method, url, body).await;
        headers
            .extend(signed.map_err(|error| StreamableHttpError::Io(std::io::Error::other(error)))?);
        Ok(headers)
    }
}

impl StreamableHttpClient for SignedClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        mut custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse> {
        // The inner client writes the message once more, with the same outcome.
        let body = serde_json::to_vec(&message)?;
        custom_headers.extend(traceparent(&message));
        let headers = self.sign("POST", &uri, &body, custom_headers).await?;
        self.http
            .post_message(uri, message, session_id, auth_header, headers)
            .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<()> {
        let headers = self.sign("DELETE", &uri, b"", custom_headers).await?;
        self.http
            .delete_session(uri, session_id, auth_header, headers)
            .await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<BoxStream<'static, std::result::Result<Sse, SseError>>> {
        let headers = self.sign("GET", &uri, b"", custom_headers).await?;
        self.http
            .get_stream(uri, session_id, last_event_id, auth_header, headers)
            .await
    }
}

/// The trace that a call belongs to. Requests are sent by a task of rmcp's, which is part of no trace, so a tool call carries it
/// in its `_meta`, as MCP wants; the header is for everything between here and the server.
fn traceparent(message: &ClientJsonRpcMessage) -> Option<(HeaderName, HeaderValue)> {
    let ClientJsonRpcMessage::Request(message) = message else {
        return None;
    };
    let value = match &message.request {
        ClientRequest::CallToolRequest(call) => call.params.traceparent(),
        _ => None,
    };
    let value = value.or_else(|| message.request.get_meta().get_traceparent())?;
    Some((runtime::trace::TRACEPARENT, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use expect_test::expect;

    use super::*;

    #[test]
    fn a_signature_depends_on_everything_that_counts() {
        let identity = Credentials::new(
            "AKIDEXAMPLE",
            "secret",
            Some("session".into()),
            None,
            "test",
        )
        .into();
        let time = UNIX_EPOCH + Duration::from_secs(1_795_348_800);
        let sign = |url: &str, body: &[u8]| {
            let headers = signature(&identity, "us-east-1", time, ("POST", url, body)).unwrap();
            let mut lines: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
                .collect();
            lines.sort();
            lines.concat()
        };
        let signed = sign("https://abc.lambda-url.us-east-1.on.aws/mcp", b"{}");
        expect![[r#"
            authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/lambda/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=a6cb3bbb2c514a06a6fa4a5b57f2b35cbc2c34c5d908071b7966c357a2626260
            x-amz-content-sha256: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
            x-amz-date: 20261122T120000Z
            x-amz-security-token: session
        "#]].assert_eq(&signed);
        assert_ne!(
            sign("https://abc.lambda-url.us-east-1.on.aws/mcp", b"[]"),
            signed
        );
        assert_ne!(
            sign("https://abd.lambda-url.us-east-1.on.aws/mcp", b"{}"),
            signed
        );
    }
}
