//! A container registry, over the protocol that they all speak. What is there already is not sent again, and a dropped
//! connection costs what was on the way, not the push.

mod access;
mod address;
mod answer;
mod challenge;
#[cfg(test)]
mod tests;
mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use reqwest::{Method, StatusCode, header};
use sha2::{Digest, Sha256};

use access::Repository;
pub use access::{Anonymous, Credentials, Limits, Login, Registry};
use answer::{check_digest, refused};

/// The kinds of manifest that we read.
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";

/// Some bytes under their own digest.
#[derive(Debug, Clone)]
pub struct Blob {
    digest: String,
    bytes: Bytes,
}

impl Blob {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: digest(&bytes),
            bytes,
        }
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// A whole image.
#[derive(Debug, Clone)]
pub struct Image {
    pub manifest: Bytes,
    /// `application/vnd.docker.distribution.manifest.v2+json`, say.
    pub media_type: String,
    /// The configuration and the layers, in any order.
    pub blobs: Vec<Blob>,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    pub digest: String,
    /// Blobs that were sent; the others were there.
    pub blobs_sent: usize,
    pub bytes_sent: u64,
}

/// The digest of a manifest or a blob, as registries write it.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Registry {
    /// Puts the image into a repository (`turnpike/agent`) under a tag. One request when it is there already.
    ///
    /// # Errors
    /// That nobody may push there, or that the registry could not be reached or went on failing.
    pub async fn push(
        self: &Arc<Self>,
        repository: &str,
        tag: &str,
        image: &Image,
    ) -> anyhow::Result<Pushed> {
        let wanted = digest(&image.manifest);
        let repository = Repository::new(Arc::clone(self), repository);
        let mut pushed = Pushed {
            digest: wanted.clone(),
            blobs_sent: 0,
            bytes_sent: 0,
        };
        if repository.manifest_digest(tag).await?.as_ref() == Some(&wanted) {
            return Ok(pushed);
        }
        let blobs: BTreeMap<&str, &Blob> = image
            .blobs
            .iter()
            .map(|blob| (blob.digest(), blob))
            .collect();
        // Boxed, so that callers can box the whole.
        let uploads: Vec<_> = blobs
            .into_values()
            .map(|blob| repository.ensure(blob).boxed())
            .collect();
        let sent: Vec<u64> = futures_util::stream::iter(uploads)
            .buffer_unordered(self.limits.uploads_at_once)
            .try_filter_map(|sent| std::future::ready(Ok(sent)))
            .try_collect()
            .await?;
        pushed.blobs_sent = sent.len();
        pushed.bytes_sent = sent.iter().sum();
        repository.put_manifest(tag, image, &wanted).await?;
        Ok(pushed)
    }

    /// The digest of what stands under a tag or a digest; none when nothing does.
    pub async fn manifest_digest(
        self: &Arc<Self>,
        repository: &str,
        reference: &str,
    ) -> anyhow::Result<Option<String>> {
        Repository::new(Arc::clone(self), repository)
            .manifest_digest(reference)
            .await
    }

    /// The manifest itself; none when there is none. One asked for by digest has that digest.
    #[cfg(test)]
    pub async fn manifest(
        self: &Arc<Self>,
        repository: &str,
        reference: &str,
    ) -> anyhow::Result<Option<Bytes>> {
        let repository = Repository::new(Arc::clone(self), repository);
        let request = repository
            .request(Method::GET, &format!("manifests/{reference}"))?
            .header(header::ACCEPT, MANIFESTS);
        let answer = repository.send(request).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(refused(answer, &format!("read {reference} of {repository}")).await);
        }
        let bytes = answer.bytes().await.context("the manifest broke off")?;
        let found = digest(&bytes);
        anyhow::ensure!(
            !reference.starts_with("sha256:") || found == reference,
            "{repository} was asked for the manifest {reference} and sent {found}"
        );
        Ok(Some(bytes))
    }
}

impl Repository {
    async fn manifest_digest(&self, reference: &str) -> anyhow::Result<Option<String>> {
        let request = self
            .request(Method::HEAD, &format!("manifests/{reference}"))?
            .header(header::ACCEPT, MANIFESTS);
        let answer = self.send(request).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let name = answer::DIGEST;
                let found = answer.headers().get(name);
                let found = found.and_then(|value| value.to_str().ok());
                Ok(Some(
                    found
                        .with_context(|| format!("{self} did not say {name} of {reference}"))?
                        .to_owned(),
                ))
            }
            _ => Err(refused(answer, &format!("look for {reference} in {self}")).await),
        }
    }

    async fn put_manifest(&self, tag: &str, image: &Image, wanted: &str) -> anyhow::Result<()> {
        let request = self
            .request(Method::PUT, &format!("manifests/{tag}"))?
            .header(header::CONTENT_TYPE, &image.media_type)
            .body(image.manifest.clone());
        let answer = self.send(request).await?;
        if !answer.status().is_success() {
            return Err(refused(answer, &format!("put the manifest {tag} into {self}")).await);
        }
        check_digest(&answer, wanted)
    }
}
