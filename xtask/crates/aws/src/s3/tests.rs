use super::*;
use crate::testing::Fault;
use crate::testing::s3::start;

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let (aws, bucket) = start().await;
    let s3 = S3::new(&aws);
    let bytes = Bytes::from_static(b"zip");
    assert!(
        s3.put_if_absent("artifacts", "code/a.zip", bytes.clone())
            .await
            .unwrap()
    );
    assert!(
        !s3.put_if_absent("artifacts", "code/a.zip", bytes.clone())
            .await
            .unwrap()
    );
    let path = "/artifacts/code/a.zip";
    let calls = ["HEAD", "PUT", "HEAD"].map(|method| format!("{method} {path}"));
    assert_eq!(bucket.lock().calls, calls);
    // Written, the answer lost, and refused at the second try: it is there.
    bucket
        .lock()
        .faults
        .push(("PUT".to_owned(), Fault::LostAfter));
    s3.put_if_absent("artifacts", "code/b.zip", bytes.clone())
        .await
        .unwrap();
    assert_eq!(bucket.lock().objects["code/b.zip"].bytes, bytes);
    let endpoint = aws.config().endpoint_url().unwrap();
    assert_eq!(
        s3.template_url("artifacts", "t.yaml"),
        format!("{endpoint}/artifacts/t.yaml")
    );
    let real = S3 {
        endpoint: None,
        ..s3
    };
    assert_eq!(
        real.template_url("artifacts", "t.yaml"),
        "https://artifacts.s3.eu-west-1.amazonaws.com/t.yaml"
    );
}

#[tokio::test]
async fn conditions_are_s3_s_to_decide() {
    let (aws, bucket) = start().await;
    let s3 = S3::new(&aws);
    let put =
        |text: &'static str, only| s3.put("b", "k", Bytes::from_static(text.as_bytes()), only);
    assert!(s3.get("b", "k").await.unwrap().is_none());
    let Written::Done(first) = put("1", Only::IfAbsent).await.unwrap() else {
        panic!("nothing is there yet")
    };
    assert_eq!(put("2", Only::IfAbsent).await.unwrap(), Written::Refused);
    let Written::Done(second) = put("2", Only::IfMatch(&first)).await.unwrap() else {
        panic!("it is what it was")
    };
    assert_eq!(
        put("3", Only::IfMatch(&first)).await.unwrap(),
        Written::Refused
    );
    bucket.lock().objects.get_mut("k").unwrap().aged = 40;
    let found = s3.get("b", "k").await.unwrap().unwrap();
    assert_eq!((found.bytes.as_ref(), &found.etag), (&b"2"[..], &second));
    let age = found.age.unwrap().as_secs();
    assert!((40..45).contains(&age), "{age}");
    assert!(!s3.delete("b", "k", &first).await.unwrap());
    assert!(s3.delete("b", "k", &second).await.unwrap());
    // Gone between the look and the write.
    assert_eq!(
        put("4", Only::IfMatch(&second)).await.unwrap(),
        Written::Refused
    );
    assert!(s3.get("b", "k").await.unwrap().is_none());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let (aws, bucket) = start().await;
    let s3 = S3::new(&aws);
    let put = s3.put("b", "k", Bytes::from_static(b"whole"), Only::IfAbsent);
    put.await.unwrap();
    let broken = |times| vec![("GET".to_owned(), Fault::BrokenOff); times];
    bucket.lock().faults = broken(4);
    assert_eq!(
        &s3.get("b", "k").await.unwrap().unwrap().bytes[..],
        b"whole"
    );
    bucket.lock().faults = broken(5);
    let error = s3.get("b", "k").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read k in b: it broke off");
}

#[tokio::test]
async fn a_bucket_is_emptied_of_all_versions_and_marks() {
    let (aws, bucket) = start().await;
    bucket.lock().versions = (0..2500)
        .map(|number| {
            (
                format!("k{}", number % 7),
                format!("v{number}"),
                number % 3 == 0,
            )
        })
        .collect();
    assert_eq!(S3::new(&aws).empty_bucket("b").await.unwrap(), 2500);
    assert!(bucket.lock().versions.is_empty());
    assert_eq!(
        bucket.lock().calls.len(),
        7,
        "three pages, three deletions, one look"
    );
}
