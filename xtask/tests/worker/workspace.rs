//! A small workspace: a worker with a link, a secret and a table, and the page that it links to.

#[path = "../terminal/small.rs"]
mod small;

use std::fs;

pub(crate) use small::{write, xtask};
use tempfile::TempDir;

const MANIFEST: &str = r#"[package]
name = "crawler"
version = "0.1.0"
edition = "2024"

[package.metadata.service]
kind = "worker"
table = "payments"
answers_within_seconds = 20

[package.metadata.service.env]
PAGE_URL = { link = "page.url" }

[package.metadata.service.secrets]
CRAWLER_KEY = { name = "crawler-key", length = 20 }
"#;

const DOCKERFILE: &str = r#"FROM scratch
COPY --chmod=0555 crawler /crawler
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=2s CMD ["/crawler", "health"]
ENTRYPOINT ["/crawler"]
"#;

/// Listens nowhere. It says once what it was given, and then that it is still there.
const PROGRAM: &str = r#"fn main() {
    if std::env::args().nth(1).is_some() {
        return;
    }
    let given = |name: &str| std::env::var(name).map_or(0, |value| value.len());
    let (key, table) = (given("CRAWLER_KEY"), given("PAYMENTS_TABLE") > 0);
    println!("begins with {} and a key of {key} characters, a table: {table}", std::env::var("PAGE_URL").unwrap());
    loop {
        std::thread::sleep(std::time::Duration::from_secs(1));
        println!("still there");
    }
}
"#;

/// A stage on AWS besides the local one, for templates.
const STAGE: &str = "\n[workspace.metadata.stages.dev]\nregion = \"us-west-2\"\n";

pub(crate) fn workspace() -> TempDir {
    let workspace = small::workspace("one", 0);
    let folder = workspace.path();
    let root = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    write(folder, "Cargo.toml", &(root + STAGE));
    let page = fs::read_to_string(folder.join("services/page/Cargo.toml")).unwrap();
    let page = page.replace("public = true", "answers_within_seconds = 10");
    write(folder, "services/page/Cargo.toml", &page);
    write(folder, "services/crawler/Cargo.toml", MANIFEST);
    write(folder, "services/crawler/Dockerfile", DOCKERFILE);
    write(folder, "services/crawler/src/main.rs", PROGRAM);
    workspace
}
