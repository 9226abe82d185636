//! Every kind of answer that says nothing.

use super::*;

/// What came back (status, one header or an empty name, body), whether a settlement is certainly not under way then, and a part
/// of what is said of it.
type Row = (
    u16,
    (&'static str, &'static str),
    &'static str,
    bool,
    &'static str,
);

const NONE: (&str, &str) = ("", "");
const HTML: &str = "<!DOCTYPE html><p>Welcome";
const ERROR: &str = r#"{"error":{"message":"no\u001b[2J way"}}"#;
const PAID: &str = r#"{"success":true,"transaction":"0x1","network":"eip155:84532"}"#;

#[rustfmt::skip]
const ROWS: [Row; 21] = [
    // As https://x402.org/facilitator answers: https://github.com/x402-foundation/x402/issues/605.
    (308, ("location", "https://www.x402.org/facilitator/settle"), "Redirecting...", true,
        "answers 308 and points to https://www.x402.org/facilitator/settle: set FACILITATOR_URL (the stage's facilitator_url) to https://www.x402.org/facilitator"),
    (307, ("location", "/v2/settle"), "", true, "/v2"),
    // These may follow a POST that was carried out, whatever the body says.
    (301, ("location", "https://other.test/settle"), "", false, "to https://other.test"),
    (302, ("location", "/done"), PAID, false, "points to /done, which is not followed"),
    (303, ("location", "/settled/1"), PAID, false, "which is not followed"),
    (308, NONE, "", true, "a redirect to nowhere"),
    (200, ("content-type", "text/html"), "Welcome", false, "answers 200 with a page of HTML"),
    (200, NONE, HTML, false, "a page of HTML"),
    (200, NONE, "", false, "answers 200 with nothing"),
    (204, NONE, "", false, "answers 204 with nothing"),
    (200, NONE, "fine\u{1b}[2J", false, "with something that is not JSON (\"fine\")"),
    (200, NONE, "{}", false, "with JSON of another shape (missing field `success`"),
    (401, NONE, ERROR, true, "wants credentials (401), and says \"no way\": FACILITATOR_CREDENTIALS"),
    (403, NONE, HTML, false, "refuses what was sent without credentials (403)"),
    (404, NONE, HTML, false, "answers 404 to /facilitator/settle: is FACILITATOR_URL the address that settle belongs to?"),
    (429, ("retry-after", "30"), "", true, "is asked too often (429), and wants us to wait: 30"),
    (429, NONE, ERROR, true, "is asked too often (429), and says \"no way\""),
    (500, NONE, HTML, false, "fails (500)"),
    (503, NONE, r#"{"errorMessage":"maintenance"}"#, false, "fails (503), and says \"maintenance\""),
    (400, NONE, r#"{"errorType":"invalid_request"}"#, false, "answers 400 with JSON of another shape (missing field"),
    (400, NONE, "[]", false, "with JSON of another shape"),
];

#[tokio::test]
async fn what_came_back_is_told_as_what_it_is() {
    for row in ROWS {
        let (status, header, body, certain, expected) = row;
        let headers = if header == NONE { vec![] } else { vec![header] };
        let facilitator = facilitator((status, headers, body.to_owned())).await;
        let error = facilitator.settle(&order()).await.unwrap_err();
        let text = error.to_string();
        let is_certain = matches!(error, FacilitatorError::NotSent(_));
        assert_eq!(is_certain, certain, "{row:?}: {text}");
        assert!(text.contains(expected), "{row:?}: {text}");
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// It is for the seller to find that no transaction is named: see `server::tests::proof`.
#[tokio::test]
async fn a_success_that_names_nothing_is_an_answer() {
    for body in [
        r#"{"success":true}"#,
        r#"{"success":true,"transaction":null,"network":"n"}"#,
    ] {
        let facilitator = facilitator((200, vec![], body.to_owned())).await;
        let settlement = facilitator.settle(&order()).await.unwrap();
        assert!(settlement.success && settlement.transaction.is_empty());
    }
}
