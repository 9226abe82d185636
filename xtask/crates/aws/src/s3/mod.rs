//! The bucket of a stage: code and templates under the hash of what they are, and the lock.

#[cfg(test)]
mod tests;

use std::time::Duration;

use anyhow::Context;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, ByteStreamError};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Aws;
use super::clock::Clock;
use super::errors::{Refusal, refused};
use words::error::Failure;

/// As many as one request deletes.
const PAGE: i32 = 1000;
/// How often an object is read whose answer breaks off, and how long is waited, a little longer each time.
const READS_MAX: u32 = 5;
const READ_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, Clone)]
pub struct S3 {
    client: aws_sdk_s3::Client,
    /// Where the bucket's objects are, for CloudFormation: `https://<bucket>.s3.<region>.amazonaws.com`.
    endpoint: Option<String>,
    region: String,
}

/// What is in an object, and which version of it this is.
#[derive(Debug, Clone)]
pub struct Object {
    pub bytes: Bytes,
    pub etag: String,
    /// How long ago it was written, by S3's own clock.
    pub age: Option<Duration>,
}

/// Under which condition an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only<'a> {
    /// There is none yet.
    IfAbsent,
    /// It is still the one with this ETag.
    IfMatch(&'a str),
}

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// Done; the ETag of what is there now.
    Done(String),
    /// The condition does not hold.
    Refused,
}

impl S3 {
    pub fn new(aws: &Aws) -> Self {
        let endpoint = aws.config().endpoint_url().map(str::to_owned);
        let config = aws_sdk_s3::config::Builder::from(aws.config())
            // A stand-in on this machine has one name for all buckets.
            .force_path_style(endpoint.is_some())
            .build();
        Self {
            client: aws_sdk_s3::Client::from_conf(config),
            endpoint,
            region: aws.region.clone(),
        }
    }

    /// Puts the object there unless there is one of that name, which is taken to be the same: the key has the hash of the
    /// content in it. True when it was sent.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn put_if_absent(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
    ) -> anyhow::Result<bool> {
        match self
            .client
            .head_object()
            .bucket(bucket)
            .key(key)
            .send()
            .await
        {
            Ok(_) => return Ok(false),
            Err(error) if status(&error) == 404 => {}
            Err(error) => return Err(refused(&format!("look for {key} in {bucket}"), &error)),
        }
        let written = self.put(bucket, key, bytes, Only::IfAbsent).await?;
        Ok(matches!(written, Written::Done(_)))
    }

    /// The address under which CloudFormation reads an object as a template.
    pub fn template_url(&self, bucket: &str, key: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{}/{bucket}/{key}", endpoint.trim_end_matches('/')),
            None => {
                let (region, suffix) = (&self.region, facts::host_suffix(&self.region));
                format!("https://{bucket}.s3.{region}.{suffix}/{key}")
            }
        }
    }

    /// Writes an object if the condition holds, checked by S3 itself at the moment of writing.
    ///
    /// # Errors
    /// S3 refuses for another reason, or cannot be reached. Whether it was written is then unknown.
    pub async fn put(
        &self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        only: Only<'_>,
    ) -> anyhow::Result<Written> {
        let doing = format!("write {key} in {bucket}");
        let checksum = STANDARD.encode(Sha256::digest(&bytes));
        let call = self
            .client
            .put_object()
            .bucket(bucket)
            .key(key)
            .checksum_sha256(checksum)
            .body(ByteStream::from(bytes));
        let call = match only {
            Only::IfAbsent => call.if_none_match("*"),
            Only::IfMatch(etag) => call.if_match(etag),
        };
        match call.send().await {
            Ok(answer) => {
                let etag = answer.e_tag.with_context(|| {
                    format!("cannot {doing}: S3 did not say which version it is")
                })?;
                Ok(Written::Done(etag))
            }
            Err(error) if is_condition(&error) || is_gone(&error, only) => Ok(Written::Refused),
            Err(error) => Err(refused(&doing, &error)),
        }
    }

    /// The object; none when there is none.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Object>> {
        // The SDK asks again when an answer does not begin, but not when it breaks off.
        for attempt in 1..READS_MAX {
            match self.read(bucket, key).await? {
                Ok(found) => return Ok(found),
                Err(_) => tokio::time::sleep(READ_AGAIN * attempt).await,
            }
        }
        let last = self.read(bucket, key).await?;
        last.with_context(|| format!("cannot read {key} in {bucket}: it broke off"))
    }

    /// The inner error is that of an answer that broke off.
    async fn read(
        &self,
        bucket: &str,
        key: &str,
    ) -> anyhow::Result<Result<Option<Object>, ByteStreamError>> {
        let clock = Clock::default();
        let call = self.client.get_object().bucket(bucket).key(key).customize();
        let answer = match call.interceptor(clock.clone()).send().await {
            Ok(answer) => answer,
            Err(error) => match Refusal::of(&error) {
                refusal if refusal.is("NoSuchKey") => return Ok(Ok(None)),
                refusal => return Err(refusal.into_error(&format!("read {key} in {bucket}"))),
            },
        };
        let etag = answer.e_tag.clone().unwrap_or_default();
        let age = clock.since(answer.last_modified());
        let body = answer.body.collect().await;
        Ok(body.map(|bytes| {
            Some(Object {
                bytes: bytes.into_bytes(),
                etag,
                age,
            })
        }))
    }

    /// Deletes an object if it is still the one with this ETag. False when it is another, or gone.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached.
    pub async fn delete(&self, bucket: &str, key: &str, etag: &str) -> anyhow::Result<bool> {
        let call = self.client.delete_object().bucket(bucket).key(key);
        match call.if_match(etag).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) || status(&error) == 404 => Ok(false),
            Err(error) => Err(refused(&format!("delete {key} in {bucket}"), &error)),
        }
    }

    /// Deletes everything in a bucket with all its versions, so that the bucket itself can go. How many there were.
    ///
    /// # Errors
    /// S3 refuses, or cannot be reached. A bucket that is not there is empty.
    pub async fn empty_bucket(&self, bucket: &str) -> anyhow::Result<usize> {
        let doing = format!("empty the bucket {bucket}");
        let mut deleted = 0;
        // Each round reads the first page anew: what it listed is gone by then.
        loop {
            let call = self.client.list_object_versions().bucket(bucket);
            let page = match call.max_keys(PAGE).send().await {
                Ok(page) => page,
                Err(error) => match Refusal::of(&error) {
                    refusal if refusal.is("NoSuchBucket") => return Ok(deleted),
                    refusal => return Err(refusal.into_error(&doing)),
                },
            };
            let versions = page.versions().iter();
            let versions = versions.map(|version| (version.key(), version.version_id()));
            let markers = page.delete_markers().iter();
            let markers = markers.map(|marker| (marker.key(), marker.version_id()));
            let mut wanted = Vec::new();
            for (key, version) in versions.chain(markers) {
                let object = ObjectIdentifier::builder()
                    .set_key(key.map(str::to_owned))
                    .set_version_id(version.map(str::to_owned))
                    .build()?;
                wanted.push(object);
            }
            if wanted.is_empty() {
                return Ok(deleted);
            }
            deleted += wanted.len();
            let wanted = Delete::builder()
                .set_objects(Some(wanted))
                .quiet(true)
                .build()?;
            let call = self.client.delete_objects().bucket(bucket).delete(wanted);
            let answer = call.send().await.map_err(|error| refused(&doing, &error))?;
            if let Some(error) = answer.errors().first() {
                let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
                let problem = format!(
                    "cannot {doing}: {}: {}",
                    text(error.key()),
                    text(error.message())
                );
                let hint = "is the object locked, or may you not delete versions (s3:DeleteObjectVersion)?";
                return Err(Failure::new(problem, hint).into());
            }
        }
    }
}

fn status<E>(error: &SdkError<E>) -> u16 {
    error
        .raw_response()
        .map_or(0, |answer| answer.status().as_u16())
}

/// S3 answers a condition on the version of an object that is not there, or is hidden by a delete marker, with 404.
fn is_gone<E>(error: &SdkError<E>, only: Only<'_>) -> bool
where
    SdkError<E>: ProvideErrorMetadata,
{
    matches!(only, Only::IfMatch(_)) && error.code() == Some("NoSuchKey")
}

/// 412: the condition does not hold. 409: somebody else writes at this very moment, so it will not.
fn is_condition<E>(error: &SdkError<E>) -> bool {
    matches!(status(error), 409 | 412)
}
