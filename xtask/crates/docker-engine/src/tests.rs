//! Against a real engine.

use expect_test::expect;

use super::*;
use serde_json::Value as Json;

/// The engine that the suite found.
async fn engine() -> Engine {
    let host = std::env::var("TURNPIKE_TEST_DOCKER_HOST").expect("cargo xtask test images");
    Engine::connect_to(&host).await.unwrap()
}

fn build_of(dockerfile: &str, folder: &std::path::Path) -> Build {
    let source = folder.join("program");
    std::fs::write(&source, "not really\n").unwrap();
    Build {
        name: "turnpike-test:build".to_owned(),
        place: "services/x/Dockerfile".to_owned(),
        dockerfile: dockerfile.to_owned(),
        files: vec![ContextFile {
            path: "program".to_owned(),
            source,
            mode: Some(0o644),
        }],
        arguments: BTreeMap::from([("URL".to_owned(), "http://a/".to_owned())]),
        platform: "linux/arm64".to_owned(),
    }
}

/// Path, mode and owner of everything in a layer.
fn tree(layer: &[u8]) -> Vec<String> {
    tar::Archive::new(layer)
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            format!(
                "{} {:o} {}:{}",
                entry.path().unwrap().display(),
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs a Docker engine: cargo xtask test images"]
async fn docker_builds_for_another_machine_with_arguments_and_says_how_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine().await;
    let dockerfile = "FROM scratch\nARG URL\nENV URL=$URL A=\"b c\"\nCOPY --chmod=0555 --chown=5:6 program /bin/program\nUSER 65532\nENTRYPOINT [\"/bin/program\"]\n";
    let build = build_of(dockerfile, folder.path());
    let mut lines = Vec::new();
    let id = engine
        .build(&build, |line| lines.push(line.to_owned()))
        .await
        .unwrap();
    assert!(
        lines.iter().any(|line| line.contains("COPY --chmod=0555")),
        "{lines:#?}"
    );
    let saved = engine.save(&id).await.unwrap();
    let config: Json = serde_json::from_slice(&saved.config).unwrap();
    assert_eq!(config["architecture"], "arm64");
    assert_eq!(config["config"]["User"], "65532");
    assert_eq!(config["config"]["Env"][1], "URL=http://a/");
    assert_eq!(config["config"]["Env"][2], "A=b c");
    let trees: Vec<Vec<String>> = saved.layers.iter().map(|layer| tree(layer)).collect();
    expect![[r#"
        [
            [
                "bin/ 40755 5:6",
                "bin/program 100555 5:6",
            ],
        ]
    "#]]
    .assert_debug_eq(&trees);
}

#[tokio::test]
#[ignore = "needs a Docker engine: cargo xtask test images"]
async fn docker_names_the_line_that_it_does_not_build() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine().await;
    let build = build_of("FROM scratch\nCOPY nothing /\n", folder.path());
    let error = engine.build(&build, |_| {}).await.unwrap_err();
    let text = format!("{error:#}");
    assert!(
        text.starts_with("services/x/Dockerfile: ") && text.contains("nothing"),
        "{text}"
    );
}

#[tokio::test]
async fn a_missing_engine_is_explained() {
    let problem = Docker::connect_with_host("unix:///nowhere/docker.sock");
    assert!(problem.is_err(), "bollard checks for the socket at once");
}
