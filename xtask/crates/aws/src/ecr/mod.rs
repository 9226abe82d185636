//! ECR: the password of the registry, and which images are in it.

#[cfg(test)]
mod tests;

use aws_sdk_ecr::types::{ImageIdentifier, ListImagesFilter, TagStatus};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::Aws;
use super::errors::{Refusal, refused};
use build::registry::{Credentials, Login};
use words::error::Failure;

/// A token is renewed this long before it runs out: a push takes minutes.
const MARGIN_SECONDS: i64 = 30 * 60;
/// As many as one request deletes.
const PAGE: i32 = 100;

#[derive(Debug, Clone)]
pub struct Ecr {
    client: aws_sdk_ecr::Client,
}

/// Signs in to the registry of the account, and again before the password runs out.
#[derive(Debug)]
pub struct EcrLogin {
    ecr: Ecr,
    token: Mutex<Option<Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    credentials: Credentials,
    /// Seconds since 1970.
    expires_at: i64,
}

impl EcrLogin {
    pub fn new(aws: &Aws) -> Self {
        Self {
            ecr: Ecr::new(aws),
            token: Mutex::new(None),
        }
    }

    async fn sign_in(&self, refused: bool) -> anyhow::Result<Credentials> {
        // Several pushes that begin at once fetch one password.
        let mut token = self.token.lock().await;
        if let Some(token) = token.as_ref().filter(|token| !refused && token.is_fresh()) {
            return Ok(token.credentials.clone());
        }
        let fresh = self.ecr.token().await?;
        let credentials = fresh.credentials.clone();
        *token = Some(fresh);
        Ok(credentials)
    }
}

impl Login for EcrLogin {
    fn credentials(&self, refused: bool) -> BoxFuture<'_, anyhow::Result<Option<Credentials>>> {
        Box::pin(async move { self.sign_in(refused).await.map(Some) })
    }
}

impl Token {
    fn is_fresh(&self) -> bool {
        self.expires_at - time::OffsetDateTime::now_utc().unix_timestamp() > MARGIN_SECONDS
    }
}

impl Ecr {
    pub fn new(aws: &Aws) -> Self {
        Self {
            client: aws_sdk_ecr::Client::new(aws.config()),
        }
    }

    async fn token(&self) -> anyhow::Result<Token> {
        let answer = self
            .client
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| refused("sign in to the registry", &error))?;
        let data = answer.authorization_data().first();
        let pair = data
            .and_then(|data| STANDARD.decode(data.authorization_token()?).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some((name, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) else {
            let hint = "run the same command again";
            return Err(Failure::new("ECR answered without a password", hint).into());
        };
        let expires_at = data.and_then(|data| data.expires_at());
        Ok(Token {
            credentials: Credentials {
                name: name.to_owned(),
                password: password.to_owned(),
            },
            expires_at: expires_at.map_or(0, aws_sdk_ecr::primitives::DateTime::secs),
        })
    }

    /// Deletes every image of a repository, tagged or not. How many there were; a repository that is not there is empty.
    ///
    /// # Errors
    /// ECR refuses, or cannot be reached.
    pub async fn empty_repository(&self, repository: &str) -> anyhow::Result<usize> {
        let doing = format!("empty the repository {repository}");
        let mut deleted = 0;
        loop {
            let filter = ListImagesFilter::builder()
                .tag_status(TagStatus::Any)
                .build();
            let call = self
                .client
                .list_images()
                .repository_name(repository)
                .filter(filter);
            let page = match call.max_results(PAGE).send().await {
                Ok(page) => page,
                Err(error) => match Refusal::of(&error) {
                    refusal if refusal.is("RepositoryNotFoundException") => return Ok(deleted),
                    refusal => return Err(refusal.into_error(&doing)),
                },
            };
            // By digest: that takes all tags of an image along.
            let mut digests: Vec<&str> = page
                .image_ids()
                .iter()
                .filter_map(|id| id.image_digest())
                .collect();
            digests.sort_unstable();
            digests.dedup();
            if digests.is_empty() {
                return Ok(deleted);
            }
            let ids = digests
                .iter()
                .map(|digest| ImageIdentifier::builder().image_digest(*digest).build());
            let call = self.client.batch_delete_image().repository_name(repository);
            let answer = call
                .set_image_ids(Some(ids.collect()))
                .send()
                .await
                .map_err(|error| refused(&doing, &error))?;
            if answer.image_ids().is_empty() {
                let failure = answer.failures().first();
                let reason = failure
                    .and_then(|failure| failure.failure_reason())
                    .unwrap_or("ECR gives no reason");
                let hint = "an image that a list of images refers to goes after the list; run the same command again";
                return Err(Failure::new(format!("cannot {doing}: {reason}"), hint).into());
            }
            deleted += digests.len();
        }
    }
}

/// The registry's address and the repository, out of what the artifacts stack calls `...RepositoryUri`.
///
/// # Errors
/// It is not such a URI.
pub fn split_uri(uri: &str) -> anyhow::Result<(&str, &str)> {
    uri.split_once('/')
        .filter(|(host, repository)| !host.is_empty() && !repository.is_empty())
        .ok_or_else(|| {
            let hint = "the artifacts stack gives it; deploy the stage again";
            Failure::new(format!("`{uri}` is not a repository of a registry"), hint).into()
        })
}
