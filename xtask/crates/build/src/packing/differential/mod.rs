//! The embedded builder and the engine's BuildKit, given the same Dockerfiles: the same configuration and the same files, or
//! both refuse. Where only one does, the table says why.

mod cases;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures_util::StreamExt as _;
use serde_json::Value as Json;

use cases::{Case, Verdict};
use docker_engine::{self, ContextFile, Engine};
use image::{self, BuildInput, BuiltImage, ContextEntry, EngineImage, EntryKind};

/// The build context of every case.
const FILES: &[(&str, u32)] = &[
    (".hidden", 0o640),
    ("Cargo.toml", 0o644),
    ("app", 0o755),
    ("bin/tool", 0o750),
    ("bin/tool2", 0o711),
    ("pages/a/b.css", 0o600),
    ("pages/index.html", 0o644),
    ("pages/x.txt", 0o644),
    ("sp ace/f g", 0o644),
];
const FOLDERS: &[&str] = &["bin", "empty", "pages", "pages/a", "sp ace"];

/// A Dockerfile with everything that it needs.
struct Job {
    name: String,
    dockerfile: String,
    args: BTreeMap<String, String>,
    ignore: String,
    verdict: Verdict,
}

fn job(number: usize, case: &Case) -> Job {
    let start = if case.begun { "FROM scratch\n" } else { "" };
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Job {
        name: format!("case-{number}"),
        dockerfile: format!("{start}{}", case.text),
        args: case.args.iter().map(owned).collect(),
        ignore: case.ignore.to_owned(),
        verdict: case.verdict,
    }
}

/// The Dockerfiles of the services, with `app` in the place of each program.
fn own() -> Vec<Job> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../services");
    let mut jobs = Vec::new();
    for entry in std::fs::read_dir(services).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(dockerfile) = std::fs::read_to_string(folder.join("Dockerfile")) else {
            continue;
        };
        let names = dockerfile
            .lines()
            .filter_map(|line| line.strip_prefix("ARG "));
        let args = names.map(|name| (name.to_owned(), format!("http://{name}/")));
        jobs.push(Job {
            args: args.collect(),
            dockerfile: dockerfile.replace(&format!(" {name} /"), " app /"),
            ignore: String::new(),
            verdict: Verdict::Same,
            name,
        });
    }
    assert!(jobs.len() >= 4, "found {} Dockerfiles", jobs.len());
    jobs
}

/// The files of one job: those of the table, the Dockerfile and the `.dockerignore`.
fn lay_out(job: &Job, folder: &Path) -> Vec<ContextEntry> {
    let mut entries = Vec::new();
    for path in FOLDERS {
        std::fs::create_dir_all(folder.join(path)).unwrap();
        let path = (*path).to_owned();
        entries.push(ContextEntry {
            path,
            kind: EntryKind::Folder,
        });
    }
    let mut file = |path: &str, mode: u32, text: &str| {
        let whole = folder.join(path);
        std::fs::write(&whole, text).unwrap();
        std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(mode)).unwrap();
        let path = path.to_owned();
        entries.push(ContextEntry {
            path,
            kind: EntryKind::File { mode },
        });
    };
    for (path, mode) in FILES {
        file(path, *mode, &format!("content of {path}"));
    }
    file("Dockerfile", 0o644, &job.dockerfile);
    if !job.ignore.is_empty() {
        file(".dockerignore", 0o644, &job.ignore);
    }
    entries
}

fn embedded(job: &Job, folder: &Path, entries: &[ContextEntry]) -> Result<BuiltImage, String> {
    image::build(&BuildInput {
        file: "Dockerfile",
        dockerfile: &job.dockerfile,
        args: &job.args,
        architecture: "arm64",
        ignore: &job.ignore,
        entries,
        read: &|path| std::fs::read(folder.join(path)).map_err(|error| error.to_string()),
        labels: &[],
    })
}

/// Docker's own client reads `.dockerignore`; everything else is asked of the engine as the tool asks it.
async fn by_engine(
    engine: &Engine,
    job: &Job,
    folder: &Path,
    entries: &[ContextEntry],
) -> Result<BuiltImage, String> {
    let name = image_name(job);
    let words = |error: anyhow::Error| format!("{error:#}");
    let id = if job.ignore.is_empty() {
        let build = request(job, &name, folder, entries);
        engine.build(&build, |_| {}).await.map_err(words)?
    } else {
        by_client(&name, folder).map_err(|error| error.to_string())?;
        name.clone()
    };
    let saved = engine.save(&id).await.map_err(words)?;
    let layers: Vec<&[u8]> = saved.layers.iter().map(AsRef::as_ref).collect();
    let found = EngineImage {
        config: &saved.config,
        layers: &layers,
    };
    // The Dockerfile may be one that the embedded builder refuses: what it says matters to no comparison.
    image::adopt("Dockerfile", image::Image::default(), found, &[])
}

fn by_client(name: &str, folder: &Path) -> std::io::Result<()> {
    let debian = Path::new("/usr/bin/docker");
    let client = if debian.is_file() {
        debian
    } else {
        Path::new("docker")
    };
    let output = duct::cmd!(
        client,
        "build",
        "--quiet",
        "--platform=linux/arm64",
        "--tag",
        name,
        "."
    )
    .env("DOCKER_BUILDKIT", "1")
    .env("DOCKER_HOST", host())
    .dir(folder)
    .stdout_capture()
    .stderr_capture()
    .unchecked()
    .run()?;
    if output.status.success() {
        return Ok(());
    }
    Err(std::io::Error::other(String::from_utf8_lossy(
        &output.stderr,
    )))
}

fn image_name(job: &Job) -> String {
    format!("turnpike-test/{}:build", job.name)
}

fn host() -> String {
    std::env::var("TURNPIKE_TEST_DOCKER_HOST").expect("cargo xtask test images")
}

fn request(job: &Job, name: &str, folder: &Path, entries: &[ContextEntry]) -> docker_engine::Build {
    let file = |entry: &ContextEntry| ContextFile {
        path: entry.path.clone(),
        source: folder.join(&entry.path),
        mode: match entry.kind {
            EntryKind::File { mode } => Some(mode),
            _ => None,
        },
    };
    let sent = entries.iter().filter(|entry| entry.path != "Dockerfile");
    docker_engine::Build {
        name: name.to_owned(),
        place: "Dockerfile".to_owned(),
        dockerfile: job.dockerfile.clone(),
        files: sent.map(file).collect(),
        arguments: job.args.clone(),
        platform: "linux/arm64".to_owned(),
    }
}

/// The settings, without what says nothing.
fn settings(built: &BuiltImage) -> Json {
    let mut config: Json = serde_json::from_slice(&built.config.bytes).unwrap();
    let settings = config["config"].as_object_mut().unwrap();
    settings.retain(|_, value| match value {
        Json::Null | Json::Bool(false) => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(list) => !list.is_empty(),
        Json::Object(map) => !map.is_empty(),
        _ => true,
    });
    let kept = ["architecture", "os", "config"].map(|key| (key.to_owned(), config[key].take()));
    Json::Object(kept.into_iter().collect())
}

/// Kind, mode, owner and content of everything in the image.
fn tree(built: &BuiltImage) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for layer in &built.layers {
        let unpacked = flate2::read::GzDecoder::new(layer.bytes.as_slice());
        let mut archive = tar::Archive::new(unpacked);
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry
                .path()
                .unwrap()
                .to_string_lossy()
                .trim_matches('/')
                .to_owned();
            let header = entry.header().clone();
            let mut content = String::new();
            // The certificates would drown everything else.
            if !path.starts_with("etc/ssl/") {
                entry.read_to_string(&mut content).unwrap();
            }
            let text = format!(
                "{:?} {:o} {}:{} {content}",
                header.entry_type(),
                header.mode().unwrap() & 0o7777,
                header.uid().unwrap(),
                header.gid().unwrap()
            );
            found.insert(path, text);
        }
    }
    found
}

/// Nothing when the two builders did what the table says; else a difference for people.
async fn compare(engine: &Engine, job: &Job) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let entries = lay_out(job, folder.path());
    let ours = embedded(job, folder.path(), &entries);
    let theirs = by_engine(engine, job, folder.path(), &entries).await;
    let difference = match (job.verdict, &ours, &theirs) {
        (Verdict::Same, Ok(ours), Ok(theirs)) => {
            let pairs = [
                (settings(ours).to_string(), settings(theirs).to_string()),
                (format!("{:#?}", tree(ours)), format!("{:#?}", tree(theirs))),
            ];
            let differ = pairs.into_iter().find(|(ours, theirs)| ours != theirs);
            differ.map(|(ours, theirs)| format!("ours {ours}\ntheirs {theirs}"))
        }
        (Verdict::BothRefuse, Err(_), Err(_)) | (Verdict::EmbeddedRefuses(_), Err(_), Ok(_)) => {
            None
        }
        (Verdict::EngineMayDiffer(_), Ok(_), _) => None,
        (_, ours, theirs) => {
            let words = |built: &Result<BuiltImage, String>| match built {
                Ok(_) => "built".to_owned(),
                Err(problem) => problem.clone(),
            };
            Some(format!("ours: {}\ntheirs: {}", words(ours), words(theirs)))
        }
    };
    difference.map(|text| {
        format!(
            "{} ({:?}), args {:?}, .dockerignore {:?}:\n{}\n{text}\n",
            job.name, job.verdict, job.args, job.ignore, job.dockerfile
        )
    })
}

#[tokio::test]
#[ignore = "needs a Docker engine: cargo xtask test images"]
async fn the_two_builders_agree() {
    let engine = Engine::connect_to(&host()).await.unwrap();
    let jobs: Vec<Job> = own()
        .into_iter()
        .chain(
            cases::all()
                .enumerate()
                .map(|(number, case)| job(number, case)),
        )
        .collect();
    assert!(jobs.len() > 130, "{} Dockerfiles", jobs.len());
    let work = futures_util::stream::iter(&jobs).map(|job| compare(&engine, job));
    let differences: Vec<Option<String>> = work.buffer_unordered(4).collect().await;
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    // Not one by one: two Dockerfiles may make one image, and the engine loses it when it is removed while it is made again.
    for job in &jobs {
        // What was refused has no image.
        engine.remove(&image_name(job)).await.ok();
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        jobs.len(),
        differences.join("\n")
    );
}
