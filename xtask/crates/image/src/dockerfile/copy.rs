//! One `COPY` line: options, sources, destination.

use parse_dockerfile::{Flag, Source, UnescapedString};

use super::number;
use crate::paths;

/// One `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Paths in the build context, without slashes at their ends; empty is the context itself. `*`, `?` and `[` match.
    pub sources: Vec<String>,
    /// Absolute; ends in `/` when it is a folder.
    pub destination: String,
    /// Permission bits from `--chmod`.
    pub mode: Option<u32>,
    /// `--chown`, numeric.
    pub owner: Option<(u32, u32)>,
}

/// A `COPY`, and how BuildKit writes it into the history of an image.
pub(super) fn read(
    options: &[Flag<'_>],
    sources: &[Source<'_>],
    destination: &UnescapedString<'_>,
    working_directory: &str,
    expand: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(Copied, String), String> {
    let mut text = "COPY".to_owned();
    let (mut mode, mut owner) = (None, None);
    for option in options {
        let value = option.value.as_ref().map(|value| value.value.as_ref());
        let value = expand(value.unwrap_or_default())?;
        match option.name.value.as_ref() {
            "chmod" => mode = Some(read_mode(&value)?),
            "chown" => owner = Some(read_owner(&value)?),
            other => return Err(format!("COPY --{other} is not supported; leave it out")),
        }
        text.push_str(&format!(" --{}={value}", option.name.value));
    }
    let written = expand(&destination.value)?;
    if written.ends_with("/.") {
        let fix = written.trim_end_matches('.');
        return Err(format!(
            "COPY to {written} is a folder for new engines and a file for old ones; write {fix}"
        ));
    }
    let mut copied = Copied {
        sources: Vec::new(),
        destination: paths::absolute(working_directory, &written),
        mode,
        owner,
    };
    for source in sources {
        let Source::Path(path) = source else {
            return Err(
                "COPY with a here-document is not supported; put the text into a file".to_owned(),
            );
        };
        let path = expand(&path.value)?;
        if paths::leads_out(&path) {
            return Err(format!("COPY {path} leads out of the build context"));
        }
        if path.contains("://") || path.starts_with("git@") {
            return Err(format!(
                "COPY {path} is an address; COPY takes files of the build context"
            ));
        }
        text.push_str(&format!(" {path}"));
        copied.sources.push(paths::clean(&path));
    }
    if copied.sources.len() > 1 && !copied.destination.ends_with('/') {
        return Err(format!(
            "COPY of several files needs a folder: {}/",
            copied.destination
        ));
    }
    if copied.destination.contains('\0') || copied.sources.iter().any(|path| path.contains('\0')) {
        return Err("COPY with a zero byte in a path".to_owned());
    }
    text.push_str(&format!(" {written}"));
    Ok((copied, text))
}

fn read_mode(value: &str) -> Result<u32, String> {
    let octal = value.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(value, 8) {
        Ok(mode) if octal && mode <= 0o777 => Ok(mode),
        // BuildKit drops the bits beyond, without a word.
        _ => Err(format!(
            "--chmod={value} is not an octal mode up to 0777, such as 0555"
        )),
    }
}

fn read_owner(value: &str) -> Result<(u32, u32), String> {
    let (user, group) = value.split_once(':').unwrap_or((value, value));
    number(user).zip(number(group)).ok_or_else(|| {
        format!("--chown={value} is not numeric; an image from scratch has no user names")
    })
}
