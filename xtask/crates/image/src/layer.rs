//! A layer: a tar file whose bytes depend on nothing but the names, modes, owners and contents of its files.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::gzip::gzip;
use super::paths;

/// The largest number that fits into a header's seven octal digits; more goes into an extended header.
const OCTAL_MAX: u32 = 0o7_777_777;

/// One layer, as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// `sha256:...` of the bytes.
    pub digest: String,
    /// `sha256:...` of the tar file that they unpack to.
    pub diff_id: String,
    /// Of the tar file.
    pub unpacked_bytes: u64,
    /// A gzipped tar file.
    pub bytes: Vec<u8>,
}

/// The entries of one layer by path, without a leading slash: sorted, and each once.
pub(crate) type Entries = BTreeMap<String, Entry>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Permission bits.
    pub mode: u32,
    pub owner: (u32, u32),
    /// None is a folder.
    pub content: Option<Vec<u8>>,
}

impl Entry {
    /// A folder that nobody said anything about.
    pub(crate) fn folder() -> Self {
        Self {
            mode: 0o755,
            owner: (0, 0),
            content: None,
        }
    }
}

/// Writes a layer.
///
/// # Errors
/// A path that is empty, absolute, or leads upwards: nothing may land outside the image.
pub(crate) fn write(entries: &Entries) -> Result<Layer, String> {
    Ok(of_tar(&tar(entries)?))
}

/// A layer of a tar file that somebody else wrote.
pub(crate) fn of_tar(tar: &[u8]) -> Layer {
    let bytes = gzip(tar);
    Layer {
        digest: digest(&bytes),
        diff_id: digest(tar),
        unpacked_bytes: tar.len() as u64,
        bytes,
    }
}

/// `sha256:` and 64 hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The first digits of a digest, as a tag: the same image has the same one.
pub fn short_digest(digest: &str) -> &str {
    let digits = digest.trim_start_matches("sha256:");
    digits.get(..12).unwrap_or(digits)
}

fn tar(entries: &Entries) -> Result<Vec<u8>, String> {
    let size: usize = entries
        .iter()
        .map(|(path, entry)| 2_048 + path.len() + entry.content.as_ref().map_or(0, Vec::len))
        .sum();
    let mut builder = Builder::new(Vec::with_capacity(size + 1_024));
    for (path, entry) in entries {
        if path.is_empty()
            || path.starts_with('/')
            || path.contains('\0')
            || paths::clean(path) != *path
        {
            return Err(format!("`{path}` is not a path inside an image"));
        }
        append(&mut builder, path, entry)
            .map_err(|error| format!("cannot pack {path}: {error}"))?;
    }
    builder
        .into_inner()
        .map_err(|error| format!("cannot pack a layer: {error}"))
}

fn append(builder: &mut Builder<Vec<u8>>, path: &str, entry: &Entry) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_mtime(0);
    header.set_mode(entry.mode & 0o7777);
    let content = entry.content.as_deref();
    header.set_size(content.map_or(0, |content| content.len() as u64));
    header.set_entry_type(match content {
        Some(_) => EntryType::Regular,
        None => EntryType::Directory,
    });
    let name = match content {
        Some(_) => path.to_owned(),
        None => format!("{path}/"),
    };
    // What a plain header cannot hold stands in an extended one before it, and in the plain one only in short.
    let mut extended: Vec<(&str, Vec<u8>)> = Vec::new();
    if !name.is_ascii() || header.set_path(&name).is_err() {
        extended.push(("path", name.clone().into_bytes()));
        let short = hex::encode(&Sha256::digest(&name)[..16]);
        header.set_path(format!("long-path/{short}"))?;
    }
    let (user, group) = entry.owner;
    for (key, number) in [("gid", group), ("uid", user)] {
        if number > OCTAL_MAX {
            extended.push((key, number.to_string().into_bytes()));
        }
    }
    header.set_uid(if user > OCTAL_MAX { 0 } else { user.into() });
    header.set_gid(if group > OCTAL_MAX { 0 } else { group.into() });
    header.set_cksum();
    if !extended.is_empty() {
        builder
            .append_pax_extensions(extended.iter().map(|(key, value)| (*key, value.as_slice())))?;
    }
    builder.append(&header, content.unwrap_or_default())
}
