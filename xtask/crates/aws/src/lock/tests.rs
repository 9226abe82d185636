use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::testing::s3::{Bucket, start};
use crate::testing::{Fault, Shared};

async fn lock(beat_milliseconds: u64) -> (StageLock, Shared<Bucket>) {
    let (aws, bucket) = start().await;
    let beat = Duration::from_millis(beat_milliseconds);
    let timing = Timing {
        beat,
        lease: beat * 6,
    };
    let lock = StageLock {
        timing,
        ..StageLock::new(&S3::new(&aws), "artifacts")
    };
    (lock, bucket)
}

fn somebody(name: &str) -> Holder {
    Holder {
        owner: name.to_owned(),
        ..Holder::here()
    }
}

/// What the bucket holds becomes the work of this holder, so many seconds ago.
fn plant(bucket: &Shared<Bucket>, holder: &Holder, seconds: i64) {
    let mut bucket = bucket.lock();
    let stored = bucket.objects.get_mut(KEY).unwrap();
    stored.bytes = serde_json::to_vec(holder).unwrap().into();
    stored.etag = format!("\"planted-{}\"", holder.id);
    stored.aged = seconds;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_at_once_one_holds_it_at_any_time() {
    let (lock, bucket) = lock(200).await;
    let inside = Arc::new(AtomicU32::new(0));
    let tasks = (0..20).map(|number| {
        let (lock, inside) = (lock.clone(), Arc::clone(&inside));
        tokio::spawn(async move {
            let me = somebody(&format!("task-{number}@here"));
            let mut refusals = 0;
            loop {
                match lock.acquire(&me, |_| {}).await {
                    Ok(guard) => {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                        tokio::task::yield_now().await;
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        guard.release().await.unwrap();
                        return refusals;
                    }
                    Err(error) => {
                        assert!(error.to_string().contains("@here deploys since"), "{error}");
                        refusals += 1;
                    }
                }
            }
        })
    });
    let mut refusals = 0;
    for task in tasks.collect::<Vec<_>>() {
        refusals += task.await.unwrap();
    }
    assert!(
        refusals > 0,
        "nobody was ever refused, so nobody was there at once"
    );
    assert!(bucket.lock().objects.is_empty(), "the last one let go");
}

#[tokio::test]
async fn a_living_owner_is_named_and_a_silent_one_is_taken_over() {
    let (lock, bucket) = lock(500).await;
    let me = somebody("me@here");
    let held = lock
        .acquire(&somebody("alice@laptop"), |_| {})
        .await
        .unwrap();
    let error = lock.acquire(&me, |_| {}).await.unwrap_err().to_string();
    assert!(
        error.starts_with("alice@laptop deploys since ") && error.contains("last seen 0 s ago"),
        "{error}"
    );
    // An hour passes without a sign.
    plant(&bucket, &somebody("bob@desk"), 3600);
    let mine = lock.acquire(&me, |_| {}).await.unwrap();
    assert_eq!(
        mine.took_over.as_ref().map(|holder| holder.owner.as_str()),
        Some("bob@desk")
    );
    held.lost().cancelled().await;
    held.release().await.unwrap();
    assert!(!mine.lost().is_cancelled());
    assert_eq!(
        bucket.lock().objects.len(),
        1,
        "who lost it does not take it from the new owner"
    );
    mine.release().await.unwrap();
    assert!(bucket.lock().objects.is_empty());
}

#[tokio::test]
async fn what_the_dead_left_is_swept_away_and_what_the_living_hold_is_not() {
    let (lock, bucket) = lock(500).await;
    let me = somebody("me@here");
    lock.sweep(&me).await.unwrap();
    let held = lock
        .acquire(&somebody("alice@laptop"), |_| {})
        .await
        .unwrap();
    lock.sweep(&me).await.unwrap();
    assert_eq!(bucket.lock().objects.len(), 1, "alice is at it");
    plant(&bucket, &somebody("bob@desk"), 3600);
    lock.sweep(&me).await.unwrap();
    assert!(bucket.lock().objects.is_empty());
    drop(held);
}

#[tokio::test]
async fn a_process_of_this_machine_that_is_gone_holds_nothing() {
    let (lock, bucket) = lock(500).await;
    let me = Holder::here();
    drop(lock.acquire(&me, |_| {}).await.unwrap());
    plant_new(
        &lock,
        &bucket,
        &Holder {
            pid: u32::MAX - 7,
            id: "gone".to_owned(),
            ..me.clone()
        },
    )
    .await;
    let mine = lock.acquire(&me, |_| {}).await.unwrap();
    assert_eq!(
        mine.took_over.as_ref().map(|holder| holder.id.as_str()),
        Some("gone")
    );
    mine.release().await.unwrap();
    // The same number on another machine says nothing.
    plant_new(
        &lock,
        &bucket,
        &Holder {
            pid: u32::MAX - 7,
            id: "far".to_owned(),
            owner: "me@far".to_owned(),
            ..me.clone()
        },
    )
    .await;
    lock.acquire(&me, |_| {}).await.unwrap_err();
}

/// Writes a lock that nobody renews.
async fn plant_new(lock: &StageLock, bucket: &Shared<Bucket>, holder: &Holder) {
    bucket.lock().objects.clear();
    lock.write(holder, Only::IfAbsent).await.unwrap();
}

#[tokio::test]
async fn one_that_has_missed_a_beat_is_waited_for() {
    let (lock, bucket) = lock(500).await;
    let far = Holder {
        id: "far".to_owned(),
        owner: "ci@runner".to_owned(),
        ..Holder::here()
    };
    plant_new(&lock, &bucket, &far).await;
    // Two beats late by S3's clock; the lease is three seconds.
    bucket.lock().objects.get_mut(KEY).unwrap().aged = 2;
    let mut told = Vec::new();
    let mine = lock
        .acquire(&Holder::here(), |text| told.push(text.to_owned()))
        .await
        .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("ci@runner") && told[0].ends_with("waiting whether it is still there"),
        "{told:?}"
    );
    assert!(mine.took_over.is_some());
    mine.release().await.unwrap();
}

#[tokio::test]
async fn the_heartbeat_outlives_lost_answers_and_notices_the_end() {
    let (lock, bucket) = lock(20).await;
    let guard = lock.acquire(&Holder::here(), |_| {}).await.unwrap();
    for _ in 0..5 {
        let before = bucket.lock().objects[KEY].etag.clone();
        // Written, and nobody is told; the SDK asks again, and is refused because of its own first try.
        bucket
            .lock()
            .faults
            .push(("PUT".to_owned(), Fault::LostAfter));
        while bucket.lock().objects[KEY].etag == before || !bucket.lock().faults.is_empty() {
            assert!(
                !guard.lost().is_cancelled(),
                "its own write is taken for a stranger's"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert!(!guard.lost().is_cancelled());
    // Out of reach for longer than the lease.
    let away = Fault::Refused {
        status: 503,
        code: "ServiceUnavailable",
        message: "away",
    };
    bucket
        .lock()
        .faults
        .extend(vec![("PUT".to_owned(), away); 400]);
    guard.lost().cancelled().await;
    bucket.lock().faults.clear();
    guard.release().await.unwrap();
    assert!(
        bucket.lock().objects.is_empty(),
        "nobody had taken it, so it is cleared away"
    );
}

#[tokio::test]
async fn a_lost_answer_to_the_first_write_is_no_stranger() {
    let (lock, bucket) = lock(500).await;
    bucket
        .lock()
        .faults
        .push(("PUT".to_owned(), Fault::LostAfter));
    let guard = lock.acquire(&Holder::here(), |_| {}).await.unwrap();
    assert!(guard.took_over.is_none());
    guard.release().await.unwrap();
    assert!(bucket.lock().objects.is_empty());
}
