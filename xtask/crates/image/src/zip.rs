//! A zip archive whose bytes depend on nothing but the names, modes and contents of its files.

use super::gzip::deflate;
use super::layer::digest;
use super::paths;

/// 1 January 1980, the beginning of a zip's time.
const DATE: u16 = (1 << 5) | 1;
/// Deflate and folders need version 2.0 to be read.
const VERSION: u16 = 20;
/// Modes are Unix's.
const MADE_BY: u16 = (3 << 8) | VERSION;
const DEFLATED: u16 = 8;

/// The code of a Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeArchive {
    /// `code/<service>-<sha256>.zip`: the same code has the same key.
    pub key: String,
    /// `sha256:...`
    pub digest: String,
    pub bytes: Vec<u8>,
}

/// Packs the program of a Lambda function, which starts the file named `bootstrap`.
///
/// # Errors
/// A program of 4 GiB or more.
pub fn lambda_code(service: &str, program: &[u8]) -> Result<CodeArchive, String> {
    let bytes = write(&[ZipFile {
        name: "bootstrap",
        mode: 0o755,
        content: program,
    }])?;
    let digest = digest(&bytes);
    let hex = digest.trim_start_matches("sha256:");
    Ok(CodeArchive {
        key: format!("code/{service}-{hex}.zip"),
        digest,
        bytes,
    })
}

#[derive(Debug, Clone, Copy)]
struct ZipFile<'a> {
    name: &'a str,
    /// Permission bits.
    mode: u32,
    content: &'a [u8],
}

fn write(files: &[ZipFile<'_>]) -> Result<Vec<u8>, String> {
    let mut sorted = files.to_vec();
    sorted.sort_by_key(|file| file.name);
    if sorted.windows(2).any(|pair| pair[0].name == pair[1].name) {
        return Err("two files of a zip have the same name".to_owned());
    }
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for file in &sorted {
        let name = file.name;
        if name.is_empty() || name.contains('\0') || paths::clean(name) != name {
            return Err(format!("`{name}` is not a path inside a zip"));
        }
        let offset = size(archive.len())?;
        let body = deflate(file.content);
        let common = common(file, size(body.len())?)?;
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&common);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&body);

        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&MADE_BY.to_le_bytes());
        directory.extend_from_slice(&common);
        // No comment, first disk, no hint about text.
        directory.extend_from_slice(&[0; 6]);
        let regular = 0o100_000;
        let attributes: u32 = (regular | (file.mode & 0o777)) << 16;
        directory.extend_from_slice(&attributes.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
    }
    let start = size(archive.len())?;
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count =
        u16::try_from(sorted.len()).map_err(|_| "a zip holds 65,535 files at most".to_owned())?;
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&count.to_le_bytes());
    archive.extend_from_slice(&size(directory.len())?.to_le_bytes());
    archive.extend_from_slice(&start.to_le_bytes());
    archive.extend_from_slice(&[0; 2]);
    Ok(archive)
}

/// What the header before a file and its line in the directory have in common.
fn common(file: &ZipFile<'_>, packed_bytes: u32) -> Result<Vec<u8>, String> {
    let name_bytes = u16::try_from(file.name.len())
        .map_err(|_| format!("{}: a name in a zip has 65,535 bytes at most", file.name))?;
    // A name beyond ASCII says that it is UTF-8.
    let flags: u16 = if file.name.is_ascii() { 0 } else { 1 << 11 };
    let mut header = Vec::with_capacity(26);
    for word in [VERSION, flags, DEFLATED, 0, DATE] {
        header.extend_from_slice(&word.to_le_bytes());
    }
    for long in [
        crc32fast::hash(file.content),
        packed_bytes,
        size(file.content.len())?,
    ] {
        header.extend_from_slice(&long.to_le_bytes());
    }
    header.extend_from_slice(&name_bytes.to_le_bytes());
    header.extend_from_slice(&[0; 2]);
    Ok(header)
}

fn size(bytes: usize) -> Result<u32, String> {
    u32::try_from(bytes).map_err(|_| "a zip of 4 GiB or more; Lambda takes 250 MB".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_program_has_the_same_key() {
        let code = lambda_code("mcp-server", b"program").unwrap();
        assert_eq!(code, lambda_code("mcp-server", b"program").unwrap());
        assert_ne!(code.key, lambda_code("mcp-server", b"Program").unwrap().key);
        let mut archive = zip::ZipArchive::new(Cursor::new(code.bytes)).unwrap();
        let mut file = archive.by_name("bootstrap").unwrap();
        assert_eq!(file.unix_mode(), Some(0o100_755));
        let time = file.last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
        assert_eq!((time.hour(), time.minute(), time.second()), (0, 0, 0));
        let mut content = String::new();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "program");
    }

    proptest! {
        #![proptest_config(crate::executions(256))]

        #[test]
        fn another_reader_finds_what_was_packed(
            files in prop::collection::btree_map("[a-zä]{1,8}(/[a-z.]{1,8}){0,3}", (0u32..0o1000, prop::collection::vec(any::<u8>(), 0..200)), 0..6)
        ) {
            let listed: Vec<ZipFile> = files
                .iter()
                .rev()
                .map(|(name, (mode, content))| ZipFile { name, mode: *mode, content })
                .collect();
            match write(&listed) {
                // A name such as `a/..` or `a/./b` is refused.
                Err(_) => prop_assert!(files.keys().any(|name| paths::clean(name) != *name)),
                Ok(bytes) => {
                    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
                    prop_assert_eq!(archive.len(), files.len());
                    for (name, (mode, content)) in &files {
                        let mut file = archive.by_name(name).unwrap();
                        prop_assert!(file.enclosed_name().is_some());
                        prop_assert_eq!(file.unix_mode(), Some(0o100_000 | mode));
                        let mut found = Vec::new();
                        file.read_to_end(&mut found).unwrap();
                        prop_assert_eq!(&found, content);
                    }
                }
            }
        }

        #[test]
        fn no_name_leads_out(name in ".{0,20}") {
            let packed = write(&[ZipFile { name: &name, mode: 0, content: b"" }]);
            let inside = !name.is_empty()
                && !name.starts_with('/')
                && name.split('/').all(|part| !["", ".", ".."].contains(&part))
                && !name.contains('\0');
            prop_assert_eq!(packed.is_ok(), inside);
        }
    }
}
