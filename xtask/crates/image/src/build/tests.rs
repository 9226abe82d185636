use std::io::Read as _;

use expect_test::{Expect, expect};

use super::*;
use crate::EntryKind;

const DOCKERFILE: &str = "FROM scratch\n\
    ARG URL\n\
    ARG UNUSED=1\n\
    ENV PORT=8080 URL=${URL}\n\
    WORKDIR /srv/data\n\
    COPY --chmod=0555 app /app\n\
    COPY pages /srv/pages/\n\
    USER 65532:65532\n\
    EXPOSE 8080\n\
    HEALTHCHECK --interval=10s --start-period=1m5s CMD [\"/app\", \"health\"]\n\
    ENTRYPOINT [\"/app\"]\n";

fn file(path: &str, mode: u32) -> ContextEntry {
    ContextEntry {
        path: path.to_owned(),
        kind: EntryKind::File { mode },
    }
}

fn context() -> Vec<ContextEntry> {
    vec![
        file("app", 0o755),
        file("pages/index.html", 0o644),
        file("pages/a/b.css", 0o600),
        file("Cargo.toml", 0o644),
        ContextEntry {
            path: "pages/empty".to_owned(),
            kind: EntryKind::Folder,
        },
        ContextEntry {
            path: "link".to_owned(),
            kind: EntryKind::Other,
        },
    ]
}

fn built_with(
    dockerfile: &str,
    ignore: &str,
    entries: &[ContextEntry],
    url: &str,
) -> Result<BuiltImage, String> {
    let mut args = BTreeMap::new();
    if dockerfile.contains("ARG URL") {
        args.insert("URL".to_owned(), url.to_owned());
    }
    build(&BuildInput {
        file: "Dockerfile",
        dockerfile,
        args: &args,
        architecture: "arm64",
        ignore,
        entries,
        read: &|path| Ok(format!("content of {path}").into_bytes()),
        labels: &[(LABEL_REVISION.to_owned(), "0123".to_owned())],
    })
}

fn built(dockerfile: &str) -> Result<BuiltImage, String> {
    built_with(dockerfile, "", &context(), "http://b/")
}

/// Every layer after the first, as a tar program lists it.
fn listing(image: &BuiltImage) -> String {
    let mut text = String::new();
    for layer in &image.layers[1..] {
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(layer.bytes.as_slice())
            .read_to_end(&mut tar)
            .unwrap();
        assert_eq!(digest(&tar), layer.diff_id);
        assert_eq!(digest(&layer.bytes), layer.digest);
        for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let header = entry.header();
            assert_eq!(header.mtime().unwrap(), 0);
            text.push_str(&format!(
                "{:04o} {}:{} /{} {content}\n",
                header.mode().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                entry.path().unwrap().display()
            ));
        }
        text.push_str("--\n");
    }
    text
}

fn digest(bytes: &[u8]) -> String {
    crate::digest(bytes)
}

#[track_caller]
fn check(lines: &str, expected: Expect) {
    let dockerfile = format!("FROM scratch\n{lines}");
    let shown = match built(&dockerfile) {
        Ok(image) => listing(&image),
        Err(problem) => problem,
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_whole_image() {
    let image = built(DOCKERFILE).unwrap();
    expect![[r#"
        0755 0:0 /srv/ 
        0755 0:0 /srv/data/ 
        --
        0555 0:0 /app content of app
        --
        0755 0:0 /srv/pages/ 
        0755 0:0 /srv/pages/a/ 
        0600 0:0 /srv/pages/a/b.css content of pages/a/b.css
        0755 0:0 /srv/pages/empty/ 
        0644 0:0 /srv/pages/index.html content of pages/index.html
        --
    "#]]
    .assert_eq(&listing(&image));
    let config = String::from_utf8(image.config.bytes.clone()).unwrap();
    expect![[r#"
        {"architecture":"arm64","config":{"User":"65532:65532","ExposedPorts":{"8080/tcp":{}},"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","PORT=8080","URL=http://b/"],"Entrypoint":["/app"],"WorkingDir":"/srv/data","Labels":{"org.opencontainers.image.revision":"0123"},"Healthcheck":{"Test":["CMD","/app","health"],"Interval":10000000000,"StartPeriod":65000000000}},"created":"1970-01-01T00:00:00Z","history":[{"created":"1970-01-01T00:00:00Z","created_by":"COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt","comment":"turnpike"},
        {"created":"1970-01-01T00:00:00Z","created_by":"ARG URL=http://b/","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"ARG UNUSED","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"ENV PORT=8080 URL=http://b/","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"WORKDIR /srv/data","comment":"turnpike"},
        {"created":"1970-01-01T00:00:00Z","created_by":"COPY --chmod=0555 app /app","comment":"turnpike"},
        {"created":"1970-01-01T00:00:00Z","created_by":"COPY pages /srv/pages/","comment":"turnpike"},
        {"created":"1970-01-01T00:00:00Z","created_by":"USER 65532:65532","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"EXPOSE [8080/tcp]","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"HEALTHCHECK {Test:[CMD /app health] Interval:10s Timeout:0s StartPeriod:1m5s StartInterval:0s Retries:0}","comment":"turnpike","empty_layer":true},
        {"created":"1970-01-01T00:00:00Z","created_by":"ENTRYPOINT [\"/app\"]","comment":"turnpike","empty_layer":true}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:b7221ceed01e9205f58d26c584e51b453cee531e4dd6e996131d1912929bd47d","sha256:6678c830d22638ffabf85fd4e25f31054865d9026e45c9379b3fe02b7c9315b9","sha256:faacf064bb0bb2de82655174d04776a489445020674332c98decd1b8ad6e528f","sha256:81602fd1f593273faa4d6ea3577e2fd65618a903c8360a3c4077f8b6f8346619"]}}"#]].assert_eq(&config.replace("},{", "},\n{"));
    let manifest: serde_json::Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
    assert_eq!(manifest["config"]["digest"], image.config.digest);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 4);
    assert_eq!(manifest["layers"][1]["digest"], image.layers[1].digest);
}

#[test]
fn a_copy_lands_where_docker_puts_it() {
    check(
        "COPY app /bin/",
        expect![[r#"
        0755 0:0 /bin/ 
        0755 0:0 /bin/app content of app
        --
    "#]],
    );
    check(
        "COPY app /a/b/c",
        expect![[r#"
        0755 0:0 /a/ 
        0755 0:0 /a/b/ 
        0755 0:0 /a/b/c content of app
        --
    "#]],
    );
    check(
        "COPY --chmod=500 --chown=7:8 app /a/b/c",
        expect![[r#"
            0755 7:8 /a/ 
            0755 7:8 /a/b/ 
            0500 7:8 /a/b/c content of app
            --
        "#]],
    );
    check(
        "COPY --chmod=711 pages /p/q",
        expect![[r#"
        0755 0:0 /p/ 
        0755 0:0 /p/q/ 
        0711 0:0 /p/q/a/ 
        0711 0:0 /p/q/a/b.css content of pages/a/b.css
        0711 0:0 /p/q/empty/ 
        0711 0:0 /p/q/index.html content of pages/index.html
        --
    "#]],
    );
    check(
        "WORKDIR /w\nCOPY app .",
        expect![[r#"
        0755 0:0 /w/ 
        --
        0755 0:0 /w/app content of app
        --
    "#]],
    );
    check(
        "WORKDIR /w\nCOPY app x",
        expect![[r#"
        0755 0:0 /w/ 
        --
        0755 0:0 /w/x content of app
        --
    "#]],
    );
    check(
        "USER 7\nWORKDIR /w\nWORKDIR x\nWORKDIR /w",
        expect![[r#"
        0755 7:7 /w/ 
        --
        0755 7:7 /w/x/ 
        --
    "#]],
    );
}

#[test]
fn folders_give_their_contents() {
    check(
        "COPY app Cargo.toml /b/",
        expect![[r#"
        0755 0:0 /b/ 
        0644 0:0 /b/Cargo.toml content of Cargo.toml
        0755 0:0 /b/app content of app
        --
    "#]],
    );
    check(
        "COPY pages/* /p/",
        expect![[r#"
        0755 0:0 /p/ 
        0600 0:0 /p/b.css content of pages/a/b.css
        0644 0:0 /p/index.html content of pages/index.html
        --
    "#]],
    );
    check(
        "COPY . /all",
        expect![
            "Dockerfile:2: COPY: link is neither a file nor a folder; an image takes no links from the build context"
        ],
    );
    check(
        "COPY pages /p\nCOPY app /p",
        expect![[r#"
        0755 0:0 /p/ 
        0755 0:0 /p/a/ 
        0600 0:0 /p/a/b.css content of pages/a/b.css
        0755 0:0 /p/empty/ 
        0644 0:0 /p/index.html content of pages/index.html
        --
        0755 0:0 /p/app content of app
        --
    "#]],
    );
    check(
        "COPY app /x\nCOPY Cargo.toml /x",
        expect![[r#"
        0755 0:0 /x content of app
        --
        0644 0:0 /x content of Cargo.toml
        --
    "#]],
    );
    check(
        "COPY app /etc",
        expect![[r#"
        0755 0:0 /etc/app content of app
        --
    "#]],
    );
}

#[test]
fn a_copy_that_cannot_be_is_refused() {
    check(
        "COPY nothing /x",
        expect!["Dockerfile:2: COPY nothing: there is no such file in the build context"],
    );
    check(
        "COPY no* /x",
        expect!["Dockerfile:2: COPY no*: nothing in the build context matches"],
    );
    check(
        "COPY [z /x",
        expect!["Dockerfile:2: COPY [z: `[z` has a `[` that is not closed"],
    );
    check(
        "COPY link /x",
        expect![
            "Dockerfile:2: COPY: link is neither a file nor a folder; an image takes no links from the build context"
        ],
    );
    check(
        "COPY app /x\nCOPY app /x/y",
        expect!["Dockerfile:3: /x is a file already, and nothing can lie in it"],
    );
    check(
        "COPY app /x\nCOPY pages /x",
        expect!["Dockerfile:3: /x is a file already, and nothing can lie in it"],
    );
    check(
        "COPY pages /app/app\nCOPY app /app/",
        expect![
            "Dockerfile:3: COPY app: /app/app is a folder already, and a file does not replace one"
        ],
    );
    check(
        "COPY app Cargo.toml /x",
        expect!["Dockerfile:2: COPY of several files needs a folder: /x/"],
    );
    check(
        "COPY https://example.com/x /x",
        expect![
            "Dockerfile:2: COPY https://example.com/x is an address; COPY takes files of the build context"
        ],
    );
}

#[test]
fn dockerignore_keeps_out() {
    let with = |ignore: &str, line: &str| {
        let dockerfile = format!("FROM scratch\n{line}\n");
        match built_with(&dockerfile, ignore, &context(), "") {
            Ok(image) => listing(&image),
            Err(problem) => problem,
        }
    };
    expect![[r#"
        0755 0:0 /x/ 
        0755 0:0 /x/app content of app
        --
    "#]]
    .assert_eq(&with("*\n!app", "COPY . /x/"));
    expect!["Dockerfile:2: COPY pages: .dockerignore keeps it out of the build context; add the line !pages"].assert_eq(&with("pages", "COPY pages /x/"));
    expect![[r#"
        0755 0:0 /x/ 
        0644 0:0 /x/Cargo.toml content of Cargo.toml
        0755 0:0 /x/app content of app
        0755 0:0 /x/pages/ 
        0755 0:0 /x/pages/a/ 
        0600 0:0 /x/pages/a/b.css content of pages/a/b.css
        --
    "#]]
    .assert_eq(&with("pages/**\nlink\n!**/b.css", "COPY . /x/"));
}

#[test]
fn nothing_but_the_input_changes_a_digest() {
    let first = built(DOCKERFILE).unwrap();
    let mut reversed = context();
    reversed.reverse();
    let second = built_with(DOCKERFILE, "", &reversed, "http://b/").unwrap();
    assert_eq!(first.manifest, second.manifest);

    // What no instruction uses changes nothing, not even the history.
    let unused = built(&DOCKERFILE.replace("UNUSED=1", "UNUSED=2")).unwrap();
    assert_eq!(first.manifest, unused.manifest);

    // Another URL changes the configuration alone.
    let other = built_with(DOCKERFILE, "", &context(), "http://c/").unwrap();
    assert_ne!(first.config, other.config);
    assert_eq!(first.layers, other.layers);

    // What every machine finds, until the encoder or the list of authorities changes.
    expect!["sha256:c3ca8c302abcfb5d424a1cecbbcd593fb90cdd4e01f54800b79aac089cbcea42"]
        .assert_eq(&first.manifest.digest);
}

#[test]
fn a_layout_holds_what_its_index_names() {
    let image = built(DOCKERFILE).unwrap();
    let files = crate::layout(&image, "arm64", "turnpike/agent", "0123").unwrap();
    let find = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| file.bytes.to_vec()).unwrap()
    };
    let index: serde_json::Value = serde_json::from_slice(&find("index.json")).unwrap();
    let reference = &index["manifests"][0];
    assert_eq!(
        reference["annotations"]["org.opencontainers.image.ref.name"],
        "0123"
    );
    assert_eq!(find("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    let named = reference["digest"].as_str().unwrap().replace(':', "/");
    assert_eq!(find(&format!("blobs/{named}")), image.manifest.bytes);
    for file in files.iter().filter(|file| file.path.starts_with("blobs/")) {
        let named = file.path.trim_start_matches("blobs/").replace('/', ":");
        assert_eq!(digest(&file.bytes), named);
    }
    let archive: serde_json::Value = serde_json::from_slice(&find("manifest.json")).unwrap();
    assert_eq!(archive[0]["RepoTags"][0], "turnpike/agent:0123");
    for layer in archive[0]["Layers"].as_array().unwrap() {
        assert!(!find(layer.as_str().unwrap()).is_empty());
    }
    assert_eq!(files.len(), 3 + 2 + 4);
}

proptest::proptest! {
    #![proptest_config(crate::executions(256))]

    /// Whatever a COPY says, what is packed lies inside the image, and another program reads it as it was meant.
    #[test]
    fn nothing_lands_outside(
        destination in "(/|[.]{1,2}|[a-z\u{e9}]{1,3}|[a-z]{101}){0,6}",
        source in "([.]{1,2}/){0,2}([a-z*?]{1,5}|pages|app|pages/a)?",
        owner in proptest::prelude::any::<u32>(),
    ) {
        let dockerfile = format!("FROM scratch\nCOPY --chown={owner} {source} \"{destination}\"\n");
        let entries: Vec<_> = context().into_iter().filter(|entry| entry.path != "link").collect();
        let Ok(image) = built_with(&dockerfile, "", &entries, "") else { return Ok(()) };
        for layer in &image.layers[1..] {
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(layer.bytes.as_slice()).read_to_end(&mut tar).unwrap();
            let mut last = String::new();
            for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
                let mut entry = entry.unwrap();
                let extended: BTreeMap<String, u32> = entry
                    .pax_extensions()
                    .unwrap()
                    .into_iter()
                    .flatten()
                    .map(Result::unwrap)
                    .filter_map(|field| Some((field.key().ok()?.to_owned(), field.value().ok()?.parse().ok()?)))
                    .collect();
                let uid = extended.get("uid").map_or(entry.header().uid().unwrap(), |uid| u64::from(*uid));
                proptest::prop_assert_eq!(uid, u64::from(owner));
                let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
                let name = path.trim_end_matches('/');
                proptest::prop_assert_eq!(crate::paths::clean(name), name);
                proptest::prop_assert!(*name > *last, "{} after {}", name, last);
                last = name.to_owned();
            }
        }
    }
}
