//! The files of the page, inside the binary, and the pages made from them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::routes::PROMPT_LENGTH_MAX;

struct Asset {
    name: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        [$(Asset { name: $name, text: include_str!(concat!("page/", $name)) }),*]
    };
}

static ASSETS: [Asset; 12] = assets![
    "base.css",
    "chat.css",
    "receipt.css",
    "sign_in.css",
    "icon.svg",
    "dom.js",
    "message.js",
    "page.js",
    "receipt.js",
    "stream.js",
    "text.js",
    "wallet.js",
];

/// A digest of all files. It stands in their paths, so that a browser can cache them forever and still never shows a mix
/// of old and new ones: modules import each other by relative path.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in &ASSETS {
        digest.update(asset.name);
        digest.update([0]);
        digest.update(asset.text);
        digest.update([0]);
    }
    hex::encode(&digest.finalize()[..8])
});

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// `GET /assets/{version}/{name}`.
pub(crate) async fn get(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (
            StatusCode::NOT_FOUND,
            "There is no such file. Reload the page.",
        )
            .into_response();
    };
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        _ => "image/svg+xml",
    };
    // While a new version is rolled out, a page of one version may ask a process of the other.
    let caching = if version == *VERSION {
        FOR_EVER
    } else {
        "no-store"
    };
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, caching),
        ],
        asset.text,
    )
        .into_response()
}

const SIGN_OUT: &str = r#"<form method="post" action="/sign-out"><button class="quiet quiet-plain" type="submit" data-testid="sign-out-button">Sign out</button></form>"#;

/// The chat page.
pub(crate) fn chat_page(can_sign_out: bool) -> Response {
    let sign_out = if can_sign_out { SIGN_OUT } else { "" };
    let length_max = PROMPT_LENGTH_MAX.to_string();
    let values = [
        ("{{promptLengthMax}}", length_max.as_str()),
        ("{{signOut}}", sign_out),
    ];
    Html(fill(include_str!("page/page.html"), &values)).into_response()
}

/// The sign-in page, with what was wrong the last time.
pub(crate) fn sign_in_page(problem: Option<&str>) -> String {
    let shown = problem.map(|words| {
        format!(
            r#"<p class="error" id="problem" role="alert" data-testid="error">{}</p>"#,
            escape(words)
        )
    });
    let described = if shown.is_some() {
        r#"aria-describedby="problem" aria-invalid="true""#
    } else {
        ""
    };
    let values = [
        ("{{problem}}", shown.as_deref().unwrap_or_default()),
        ("{{described}}", described),
    ];
    fill(include_str!("page/sign_in.html"), &values)
}

fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let page = template.replace("{{assets}}", &format!("/assets/{}", *VERSION));
    values
        .iter()
        .fold(page, |page, (name, value)| page.replace(name, value))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, sign_in_page};

    const PAGES: [&str; 2] = [
        include_str!("page/page.html"),
        include_str!("page/sign_in.html"),
    ];

    #[test]
    fn every_file_that_is_named_somewhere_exists_and_every_file_is_named() {
        let texts: Vec<&str> = PAGES
            .into_iter()
            .chain(ASSETS.iter().map(|asset| asset.text))
            .collect();
        let named = |name: &str| {
            texts
                .iter()
                .any(|text| text.contains(&format!("/{name}\"")))
        };
        for asset in &ASSETS {
            assert!(named(asset.name), "{} is not used", asset.name);
        }
        let imports = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| line.starts_with("import "));
        for line in imports {
            let file = line.split_once("\"./").unwrap().1.trim_end_matches("\";");
            assert!(ASSETS.iter().any(|asset| asset.name == file), "{line}");
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for page in PAGES {
            for forbidden in [
                "<style",
                "style=",
                " onclick",
                " onload",
                "javascript:",
                "src=\"http",
                "href=\"http",
                "//",
            ] {
                assert!(!page.contains(forbidden), "{forbidden}");
            }
            assert_eq!(
                page.matches("<script").count(),
                page.matches("<script type=\"module\" src=\"{{assets}}")
                    .count()
            );
        }
        for asset in &ASSETS {
            for forbidden in ["url(", "@import", "innerHTML", "eval(", "https://"] {
                assert!(
                    !asset.text.contains(forbidden),
                    "{} has {forbidden}",
                    asset.name
                );
            }
        }
    }

    #[test]
    fn words_on_the_sign_in_page_are_text() {
        let page = sign_in_page(Some("<b>\"&\""));
        assert!(page.contains("&lt;b&gt;&quot;&amp;&quot;"));
        assert!(!page.contains("{{"));
    }
}
