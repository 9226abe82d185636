//! The list of what is in a program, in the CycloneDX form: read off Cargo.lock, so that it is exact and needs no network.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The program that the list is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The package in Cargo.lock.
    pub package: &'a str,
    /// `sha256:...` of the program.
    pub digest: &'a str,
    /// The commit; empty when there is none.
    pub revision: &'a str,
}

/// Whether what a package of the workspace needs is not a part of images: for tests, or for other targets. Cargo.lock does not
/// tell, `cargo metadata` does.
pub(crate) type StaysOut<'a> = dyn Fn(&str, &str) -> bool + 'a;

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// None is a package of the workspace.
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// A CycloneDX 1.6 document: the program, and every package that goes into it or takes part in building it.
///
/// # Errors
/// A Cargo.lock that cannot be read, or that does not have the package.
pub fn cyclonedx(
    lock: &str,
    subject: Subject<'_>,
    stays_out: &StaysOut<'_>,
) -> Result<Vec<u8>, String> {
    let lock: Lock =
        toml::from_str(lock).map_err(|error| format!("Cargo.lock cannot be read: {error}"))?;
    let (root, reached) = reach(&lock, subject.package, stays_out)?;
    let program = Component {
        kind: "application",
        reference: root.reference(),
        name: &root.name,
        version: &root.version,
        purl: root.purl(),
        hashes: vec![hash(subject.digest.trim_start_matches("sha256:"))],
    };
    let components = reached
        .iter()
        .filter(|(_, (package, _))| !std::ptr::eq(*package, root))
        .map(|(reference, (package, _))| Component {
            kind: "library",
            reference: reference.clone(),
            name: &package.name,
            version: &package.version,
            purl: package.purl(),
            hashes: package.checksum.as_deref().map(hash).into_iter().collect(),
        });
    let dependencies = reached.iter().map(|(reference, (_, needs))| Dependencies {
        reference: reference.clone(),
        depends_on: needs.iter().cloned().collect(),
    });
    let revision = (!subject.revision.is_empty()).then_some(Property {
        name: "turnpike:revision",
        value: subject.revision,
    });
    let mut document = Document {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: String::new(),
        version: 1,
        metadata: Metadata {
            component: program,
            properties: revision.into_iter().collect(),
        },
        components: components.collect(),
        dependencies: dependencies.collect(),
    };
    // The number comes from everything else, so that the same program has the same list on every machine and day.
    document.serial_number = serial_number(&write(&document)?);
    write(&document)
}

fn write(document: &Document<'_>) -> Result<Vec<u8>, String> {
    serde_json::to_vec_pretty(document).map_err(|error| format!("cannot write the list: {error}"))
}

/// A UUID of version 8, whose digits mean what its maker wants.
fn serial_number(content: &[u8]) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(content)[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    let (a, b, c, d, e) = (
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    );
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

/// Packages by reference, each with the references of those that it needs.
type Reached<'a> = BTreeMap<String, (&'a Package, BTreeSet<String>)>;

fn reach<'a>(
    lock: &'a Lock,
    name: &str,
    stays_out: &StaysOut<'_>,
) -> Result<(&'a Package, Reached<'a>), String> {
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lock.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    let root = lock
        .package
        .iter()
        .find(|package| package.name == name && package.source.is_none())
        .ok_or_else(|| format!("Cargo.lock has no package {name}; run `cargo check` once"))?;
    let mut reached = Reached::new();
    let mut waiting = vec![root];
    while let Some(package) = waiting.pop() {
        if reached.contains_key(&package.reference()) {
            continue;
        }
        let mut needs = BTreeSet::new();
        for text in &package.dependencies {
            let needed = resolve(text, &by_name).ok_or_else(|| {
                format!(
                    "Cargo.lock: {} needs `{text}`, which is not there",
                    package.name
                )
            })?;
            if package.source.is_none() && stays_out(&package.name, &needed.name) {
                continue;
            }
            needs.insert(needed.reference());
            waiting.push(needed);
        }
        reached.insert(package.reference(), (package, needs));
    }
    Ok((root, reached))
}

/// A dependency is written `name`, or `name version`, or `name version (source)`, as much as tells it apart.
fn resolve<'a>(text: &str, by_name: &BTreeMap<&str, Vec<&'a Package>>) -> Option<&'a Package> {
    let mut parts = text.splitn(3, ' ');
    let (name, version, source) = (parts.next()?, parts.next(), parts.next());
    let source = source.map(|source| source.trim_start_matches('(').trim_end_matches(')'));
    by_name.get(name)?.iter().copied().find(|package| {
        version.is_none_or(|version| package.version == version)
            && source.is_none_or(|source| package.source.as_deref() == Some(source))
    })
}

impl Package {
    /// Unique in Cargo.lock.
    fn reference(&self) -> String {
        match self.source.as_deref() {
            None | Some(CRATES_IO) => format!("{}@{}", self.name, self.version),
            Some(source) => format!("{}@{} ({source})", self.name, self.version),
        }
    }

    /// The name that databases of vulnerabilities know the package by.
    fn purl(&self) -> String {
        let version = encode(&self.version);
        match self.source.as_deref() {
            Some(source) if source.starts_with("git+") => format!(
                "pkg:cargo/{}@{version}?vcs_url={}",
                self.name,
                encode(source)
            ),
            Some(source) if source != CRATES_IO => format!(
                "pkg:cargo/{}@{version}?repository_url={}",
                self.name,
                encode(source)
            ),
            _ => format!("pkg:cargo/{}@{version}", self.name),
        }
    }
}

/// Percent-encodes everything but what a package URL may hold as it is.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn hash(content: &str) -> Hash<'_> {
    Hash {
        algorithm: "SHA-256",
        content,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    serial_number: String,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component<'a>>,
    dependencies: Vec<Dependencies>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    component: Component<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property<'a>>,
}

#[derive(Serialize)]
struct Property<'a> {
    name: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: String,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash<'a>>,
    purl: String,
}

#[derive(Serialize)]
struct Hash<'a> {
    #[serde(rename = "alg")]
    algorithm: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct Dependencies {
    #[serde(rename = "ref")]
    reference: String,
    #[serde(rename = "dependsOn", skip_serializing_if = "Vec::is_empty")]
    depends_on: Vec<String>,
}

#[cfg(test)]
mod tests;
