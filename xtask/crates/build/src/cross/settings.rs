//! What decides about the programs of images, stated on cargo's command line, so that no file and no variable of a machine
//! does.
//!
//! Cargo merges each `.cargo/config.toml` from the repository's folder upwards, and the one in `CARGO_HOME`. A variable wins
//! over a file, and `--config` over both (<https://doc.rust-lang.org/cargo/reference/config.html>). What the repository's own
//! Cargo.toml and .cargo/config.toml say is stated; a table that another file adds to cannot be taken back, and is refused.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::config_files::{self, ConfigFile};
use super::environment::reaches_programs;
use super::{PROFILE, TARGET};
use words::error::Problem;

/// What cargo does where no profile says anything: key, in `release`, in `dev`. `strip` and `split-debuginfo` are missing,
/// because they follow from other keys then (<https://doc.rust-lang.org/cargo/reference/profiles.html>).
const DEFAULTS: [(&str, &str, &str); 9] = [
    ("codegen-units", "16", "256"),
    ("debug", "false", "true"),
    ("debug-assertions", "false", "true"),
    ("incremental", "false", "false"),
    ("lto", "false", "false"),
    ("opt-level", "3", "0"),
    ("overflow-checks", "false", "true"),
    ("panic", "\"unwind\"", "\"unwind\""),
    ("rpath", "false", "false"),
];

/// What the cargo call for images is told.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Values of `--config`: `profile.image.lto="fat"`.
    pub(super) stated: Vec<String>,
    /// For `RUSTC_WRAPPER`: `sccache`, or nothing.
    pub(super) wrapper: String,
    /// What files of this machine add and nothing takes back.
    pub(super) refused: Vec<Problem>,
}

/// Reads the repository's settings, and the files of this machine that cargo merges with them. `release` is the compiler's
/// version.
///
/// # Errors
/// A file that cannot be read, or is not TOML.
pub(super) fn read(root: &Path, target_folder: &Path, release: &str) -> anyhow::Result<Settings> {
    let manifest = config_files::parse(&root.join("Cargo.toml"))?;
    let (own, others) = config_files::find(root)?;
    let mut settings = decide(&manifest, &own, &others, release);
    // Cargo may keep what it makes on the way elsewhere, and that path would not be renamed.
    let folder = quoted(&target_folder.display().to_string());
    settings.stated.push(format!("build.build-dir={folder}"));
    let variables = ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"];
    if let Some(wrapper) = variables.iter().find_map(|name| std::env::var(name).ok()) {
        settings.wrapper = known_wrapper(&wrapper);
    }
    Ok(settings)
}

/// The pure part of [`read`].
fn decide(manifest: &Table, own: &[ConfigFile], others: &[ConfigFile], release: &str) -> Settings {
    let profile = Profile::new(manifest, own);
    let values = profile.values.iter();
    let mut stated: Vec<String> = values
        .map(|(key, value)| format!("profile.{PROFILE}.{key}={value}"))
        .collect();
    let has_linker = |file: &ConfigFile| {
        at(&file.table, &["target", TARGET]).is_some_and(|table| table.contains_key("linker"))
    };
    // The repository's own file wins over those of folders above.
    if !own.iter().any(has_linker) {
        stated.push(format!("target.{TARGET}.linker=\"rust-lld\""));
    }
    let wrapper = own
        .iter()
        .chain(others)
        .find_map(|file| at(&file.table, &["build"])?.get("rustc-wrapper")?.as_str());
    let refused = others.iter().flat_map(|file| {
        let found = additions(&file.table, &profile, release);
        found.into_iter().map(|what| Problem {
            place: file.path.display().to_string(),
            text: format!("{what} would change the programs in images"),
            fix: "move it into the repository, or remove it while images are built".to_owned(),
        })
    });
    Settings {
        stated,
        wrapper: wrapper.map(known_wrapper).unwrap_or_default(),
        refused: refused.collect(),
    }
}

/// The profile of images as the repository says it.
struct Profile {
    /// Every key with its value as TOML.
    values: BTreeMap<String, String>,
    /// This profile, and those that it inherits from.
    names: Vec<String>,
}

impl Profile {
    fn new(manifest: &Table, own: &[ConfigFile]) -> Self {
        let mut values = BTreeMap::new();
        let mut names = Vec::new();
        let mut next = Some(PROFILE.to_owned());
        while let Some(name) = next.take().filter(|name| !names.contains(name)) {
            // A configuration file wins over the manifest.
            let tables = own.iter().map(|file| &file.table).chain([manifest]);
            for table in tables.filter_map(|table| at(table, &["profile", &name])) {
                for (key, value) in table {
                    if let (true, None, Some(parent)) = (key == "inherits", &next, value.as_str()) {
                        next = Some(parent.to_owned());
                    } else if let (true, Some(value)) = (key != "inherits", scalar(value)) {
                        values.entry(key.clone()).or_insert(value);
                    }
                }
            }
            names.push(name);
        }
        let in_dev = names.last().is_some_and(|name| name == "dev");
        for (key, release, dev) in DEFAULTS {
            let default = if in_dev { dev } else { release };
            let entry = values.entry(key.to_owned());
            entry.or_insert_with(|| default.to_owned());
        }
        Self { values, names }
    }
}

/// What a file of this machine says that no `--config` takes back, as ``[patch]`` or `` `package` in [profile.image]``.
fn additions(table: &Table, profile: &Profile, release: &str) -> Vec<String> {
    // A released cargo reads neither `host` nor `unstable`.
    let tables: &[&str] = match release.contains('-') {
        true => &["paths", "patch", "host", "unstable"],
        false => &["paths", "patch"],
    };
    let tables = tables.iter().filter(|name| table.contains_key(**name));
    let mut found: Vec<String> = tables.map(|name| format!("`{name}`")).collect();
    for name in &profile.names {
        let keys = at(table, &["profile", name]).into_iter().flatten();
        let keys = keys.filter(|(key, _)| !profile.values.contains_key(*key) && *key != "inherits");
        found.extend(keys.map(|(key, _)| format!("`{key}` in [profile.{name}]")));
    }
    // A table there stands in the place of a build script.
    let scripts = at(table, &["target", TARGET]).into_iter().flatten();
    let scripts = scripts.filter(|(_, value)| value.is_table());
    found.extend(scripts.map(|(key, _)| format!("[target.{TARGET}.{key}]")));
    let variables = at(table, &["env"]).into_iter().flatten();
    let variables = variables.filter(|(name, value)| sets(name, value));
    found.extend(variables.map(|(name, _)| format!("`{name}` in [env]")));
    found
}

/// True when an entry of `[env]` changes the programs. What we set ourselves wins over it, unless it is forced.
fn sets(name: &str, value: &Value) -> bool {
    let target = TARGET.replace('-', "_");
    let ours = name == "SOURCE_DATE_EPOCH"
        || name == format!("CC_{target}")
        || name == format!("CFLAGS_{target}");
    match ours {
        true => value.get("force").and_then(Value::as_bool) == Some(true),
        false => reaches_programs(name),
    }
}

/// `sccache` keeps what rustc made, and makes nothing else of it; what another wrapper does is not known.
fn known_wrapper(wrapper: &str) -> String {
    match Path::new(wrapper).file_stem() {
        Some(name) if name == "sccache" => wrapper.to_owned(),
        _ => String::new(),
    }
}

fn at<'a>(table: &'a Table, keys: &[&str]) -> Option<&'a Table> {
    keys.iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())
}

/// A value as TOML writes it; none for a table or a list.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|letter| match letter {
        '"' | '\\' => format!("\\{letter}"),
        letter if letter.is_control() => format!("\\u{:04X}", u32::from(letter)),
        letter => letter.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use expect_test::{Expect, expect};

    use super::*;

    const MANIFEST: &str = "[profile.image]\ninherits = \"release\"\nlto = \"fat\"\nstrip = true\n\
        [profile.image.package.redb]\nopt-level = \"s\"\n[profile.release]\ndebug = 1\nlto = false\n";

    const OWN: &str = "[target.aarch64-unknown-linux-musl]\nlinker = \"rust-lld\"\n";

    fn file(text: &str) -> ConfigFile {
        ConfigFile {
            path: PathBuf::from("/home/.cargo/config.toml"),
            table: toml::from_str(text).unwrap(),
        }
    }

    #[track_caller]
    fn check(own: &str, other: &str, release: &str, expected: Expect) {
        let manifest = toml::from_str(MANIFEST).unwrap();
        let settings = decide(&manifest, &[file(own)], &[file(other)], release);
        let refused = settings.refused.iter().map(|problem| &problem.text);
        let words: Vec<&String> = settings.stated.iter().chain(refused).collect();
        let text: String = words.iter().map(|word| format!("{word}\n")).collect();
        expected.assert_eq(&format!("{text}wrapper: {:?}\n", settings.wrapper));
    }

    #[test]
    fn what_decides_is_stated() {
        let other = "[build]\nrustflags = [\"-g\"]\nrustc-wrapper = \"/bin/odd\"\ntarget-dir = \"/elsewhere\"\n\
            [profile.image]\nopt-level = 0\n[profile.release]\ndebug = true\nstrip = false\n\
            [target.aarch64-unknown-linux-musl]\nlinker = \"cc\"\nrustflags = [\"-g\"]\n[http]\nproxy = \"x\"\n\
            [source.crates-io]\nreplace-with = \"ours\"\n[unstable]\ngc = true\n\
            [env]\nRUST_LOG = \"x\"\nCC_aarch64_unknown_linux_musl = \"zig\"\n";
        check(
            OWN,
            other,
            "1.95.0",
            expect![[r#"
            profile.image.codegen-units=16
            profile.image.debug=1
            profile.image.debug-assertions=false
            profile.image.incremental=false
            profile.image.lto="fat"
            profile.image.opt-level=3
            profile.image.overflow-checks=false
            profile.image.panic="unwind"
            profile.image.rpath=false
            profile.image.strip=true
            wrapper: ""
        "#]],
        );
    }

    #[test]
    fn the_repository_may_say_it_in_its_configuration() {
        let own = "[profile.image]\nlto = \"thin\"\npanic = \"abort\"\ninherits = \"dev\"\n";
        check(
            own,
            "",
            "1.95.0",
            expect![[r#"
            profile.image.codegen-units=256
            profile.image.debug=true
            profile.image.debug-assertions=true
            profile.image.incremental=false
            profile.image.lto="thin"
            profile.image.opt-level=0
            profile.image.overflow-checks=true
            profile.image.panic="abort"
            profile.image.rpath=false
            profile.image.strip=true
            target.aarch64-unknown-linux-musl.linker="rust-lld"
            wrapper: ""
        "#]],
        );
    }

    #[test]
    fn what_cannot_be_taken_back_is_refused() {
        let other = "paths = [\"/elsewhere\"]\n[build]\nrustc-wrapper = \"/usr/bin/sccache\"\n\
            [profile.image.package.\"*\"]\nopt-level = 0\n[profile.release]\nsplit-debuginfo = \"packed\"\n\
            [profile.release.build-override]\nopt-level = 0\n[target.aarch64-unknown-linux-musl.ring]\nx = 1\n\
            [env]\nCFLAGS = \"-O0\"\nCC_aarch64_unknown_linux_musl = { value = \"zig\", force = true }\n\
            [patch.crates-io]\nhex = { path = \"/hex\" }\n[unstable]\nbuild-std = [\"std\"]\n";
        check(
            OWN,
            other,
            "1.97.0-nightly",
            expect![[r#"
            profile.image.codegen-units=16
            profile.image.debug=1
            profile.image.debug-assertions=false
            profile.image.incremental=false
            profile.image.lto="fat"
            profile.image.opt-level=3
            profile.image.overflow-checks=false
            profile.image.panic="unwind"
            profile.image.rpath=false
            profile.image.strip=true
            `paths` would change the programs in images
            `patch` would change the programs in images
            `unstable` would change the programs in images
            `package` in [profile.image] would change the programs in images
            `build-override` in [profile.release] would change the programs in images
            `split-debuginfo` in [profile.release] would change the programs in images
            [target.aarch64-unknown-linux-musl.ring] would change the programs in images
            `CC_aarch64_unknown_linux_musl` in [env] would change the programs in images
            `CFLAGS` in [env] would change the programs in images
            wrapper: "/usr/bin/sccache"
        "#]],
        );
    }
}
