//! Blobs on their way in: asked for first, sent in pieces when they are large, and taken up where they broke off.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::Blob;
use super::access::{Repository, TIMEOUT};
use super::address::is_safe;
use super::answer::{check_digest, is_passing, refused};

/// Why an upload stopped.
enum Stop {
    /// Worth another attempt from the beginning.
    Passing(anyhow::Error),
    Final(anyhow::Error),
}

/// Where the rest of a blob goes, and from which byte on.
struct Place {
    url: Url,
    offset: usize,
}

impl Repository {
    /// Sends the blob unless it is there. The number of bytes, or none when it was there.
    pub(super) async fn ensure(&self, blob: &Blob) -> anyhow::Result<Option<u64>> {
        let mut attempt = 1;
        loop {
            // Also after a failure: the last byte may have arrived, and only the answer not.
            if self.has(blob).await? {
                return Ok((attempt > 1).then_some(blob.bytes.len() as u64));
            }
            match self.upload(blob).await {
                Ok(()) => return Ok(Some(blob.bytes.len() as u64)),
                Err(Stop::Passing(_)) if attempt < self.registry.limits.attempts => {
                    tokio::time::sleep(self.registry.wait(attempt)).await;
                    attempt += 1;
                }
                Err(Stop::Passing(error) | Stop::Final(error)) => {
                    let what = format!("cannot send {} to {self}", blob.digest());
                    return Err(error.context(what));
                }
            }
        }
    }

    async fn has(&self, blob: &Blob) -> anyhow::Result<bool> {
        let request = self.request(Method::HEAD, &format!("blobs/{}", blob.digest()))?;
        let answer = self.send(request).await?;
        match answer.status() {
            // A registry that keeps its blobs elsewhere shows the way to one that is there.
            status if status.is_success() || status.is_redirection() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(refused(answer, &format!("look for {} in {self}", blob.digest())).await),
        }
    }

    async fn upload(&self, blob: &Blob) -> Result<(), Stop> {
        let request = self
            .request(Method::POST, "blobs/uploads/")
            .map_err(Stop::Final)?
            .header(CONTENT_LENGTH, 0);
        let answer = self.send(request).await.map_err(Stop::Final)?;
        if answer.status() != StatusCode::ACCEPTED {
            let what = format!("begin an upload to {self}");
            return Err(Stop::Final(refused(answer, &what).await));
        }
        let mut place = Place {
            url: location(&answer)?,
            offset: 0,
        };
        let mut body = blob.bytes.clone();
        if body.len() > self.registry.limits.chunk_bytes {
            self.send_chunks(blob, &mut place).await?;
            body.clear();
        }
        let mut url = place.url;
        url.query_pairs_mut().append_pair("digest", blob.digest());
        let request = self
            .request_to(Method::PUT, url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, body.len())
            .timeout(time_for(body.len()))
            .body(body);
        let answer = self.send_once(request).await.map_err(broken)?;
        if answer.status().is_success() {
            return check_digest(&answer, blob.digest()).map_err(Stop::Final);
        }
        Err(self.stop(answer, "finish an upload to").await)
    }

    async fn send_chunks(&self, blob: &Blob, place: &mut Place) -> Result<(), Stop> {
        let mut failures = 0;
        while place.offset < blob.bytes.len() {
            let end = blob
                .bytes
                .len()
                .min(place.offset + self.registry.limits.chunk_bytes);
            let chunk = blob.bytes.slice(place.offset..end);
            let request = self
                .request_to(Method::PATCH, place.url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, chunk.len())
                .timeout(time_for(chunk.len()))
                .header(CONTENT_RANGE, format!("{}-{}", place.offset, end - 1))
                .body(chunk);
            match self.send_once(request).await {
                Ok(answer) if answer.status().is_success() => {
                    place.url = location(&answer)?;
                    place.offset = received(&answer).unwrap_or(end).min(blob.bytes.len());
                    failures = 0;
                    continue;
                }
                // The registry and we count differently: ask it.
                Ok(answer) if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE => {}
                Ok(answer) if !is_passing(answer.status()) => {
                    return Err(self.stop(answer, "send a piece to").await);
                }
                Ok(_) => {}
                Err(error) if !error.is::<reqwest::Error>() => return Err(Stop::Final(error)),
                Err(_) => {}
            }
            failures += 1;
            if failures >= self.registry.limits.attempts {
                let error = anyhow::anyhow!("{self} took no piece {failures} times in a row");
                return Err(Stop::Passing(error));
            }
            tokio::time::sleep(self.registry.wait(failures)).await;
            *place = self.progress(place).await?;
        }
        Ok(())
    }

    /// Asks how much of an upload has arrived.
    async fn progress(&self, place: &Place) -> Result<Place, Stop> {
        let request = self.request_to(Method::GET, place.url.clone());
        let answer = self.send(request).await.map_err(Stop::Final)?;
        if !answer.status().is_success() {
            // It forgot the upload, or does not trust its own half: begin again.
            let error = refused(answer, &format!("take up an upload to {self}")).await;
            return Err(Stop::Passing(error));
        }
        Ok(Place {
            url: location(&answer).unwrap_or_else(|_| place.url.clone()),
            offset: received(&answer).unwrap_or(0),
        })
    }

    async fn stop(&self, answer: Response, what: &str) -> Stop {
        // Besides trouble of its own: a registry that lost an upload does not know its number any more.
        let passing = is_passing(answer.status())
            || matches!(
                answer.status(),
                StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE
            );
        let error = refused(answer, &format!("{what} {self}")).await;
        if passing {
            Stop::Passing(error)
        } else {
            Stop::Final(error)
        }
    }
}

/// A wire that broke is worth another attempt, a login that was refused is not.
fn broken(error: anyhow::Error) -> Stop {
    match error.is::<reqwest::Error>() {
        true => Stop::Passing(error),
        false => Stop::Final(error),
    }
}

/// Long enough for a slow line: 16 KiB in a second.
fn time_for(bytes: usize) -> Duration {
    TIMEOUT + Duration::from_secs(bytes as u64 / (16 << 10))
}

/// Where the registry wants the rest, as a whole address.
fn location(answer: &Response) -> Result<Url, Stop> {
    let text = answer.headers().get(LOCATION);
    text.and_then(|text| text.to_str().ok())
        .and_then(|text| answer.url().join(text).ok())
        .filter(is_safe)
        .ok_or_else(|| {
            Stop::Final(anyhow::anyhow!(
                "the registry names no safe address for the rest of an upload"
            ))
        })
}

/// How many bytes have arrived: `Range: 0-1023` is 1,024, and `0-0` is none before the first piece.
fn received(answer: &Response) -> Option<usize> {
    let range = answer.headers().get(RANGE)?.to_str().ok()?;
    let last: usize = range
        .trim_start_matches("bytes=")
        .split_once('-')?
        .1
        .parse()
        .ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}
