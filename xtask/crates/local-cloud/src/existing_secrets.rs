//! Secrets that a person has made, on this machine: one file each in the local cloud's folder, which only they can read.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use facts::secret_name;
use words::error::UserError;

/// Beside the local cloud's own files; it stays when those are cleared away.
pub const FOLDER: &str = "existing-secrets";

/// The file that stands for a secret of this ARN: named as the secret, in one folder whatever its name.
pub fn file(root: &Path, arn: &str) -> Option<PathBuf> {
    let name = secret_name(arn)?.replace('/', "_");
    Some(root.join(FOLDER).join(name))
}

/// The value, without the line break that an editor leaves at the end.
///
/// # Errors
/// There is none, or others can read it too.
pub fn read(root: &Path, arn: &str) -> Result<String, UserError> {
    let Some(path) = file(root, arn) else {
        return Err(UserError::new(format!("{arn} is not an ARN of a secret")));
    };
    let shown = path.display();
    let wanted = |what: &str| {
        let folder = path.parent().unwrap_or(root).display();
        UserError::new(format!("the secret {arn} {what}")).hint(format!(
            "write its value into {shown}, for yourself alone: (umask 077; mkdir -p {folder}; cat > {shown})"
        ))
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(wanted("has no value on this machine"));
        }
        Err(error) => return Err(UserError::new(format!("cannot read {shown}: {error}"))),
    };
    let mode = fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let problem = format!("others than you can read the secret in {shown}");
        return Err(UserError::new(problem).hint(format!("chmod 600 {shown}")));
    }
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(wanted("is empty on this machine")),
        value => Ok(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_where_only_its_owner_can() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:team/key-AbCdEf";
        let folder = tempfile::tempdir().unwrap();
        let told = || read(folder.path(), arn).map_err(|error| error.to_string());
        assert!(told().unwrap_err().contains("has no value"));
        let path = file(folder.path(), arn).unwrap();
        assert!(
            path.ends_with("existing-secrets/team_key"),
            "{}",
            path.display()
        );
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for (content, mode, expected) in [
            ("sk\n", 0o600, Ok("sk")),
            ("{\"a\":\n1}\r\n", 0o400, Ok("{\"a\":\n1}")),
            ("\n", 0o600, Err("is empty")),
            ("sk", 0o640, Err("others than you")),
            ("sk", 0o604, Err("others than you")),
        ] {
            drop(fs::remove_file(&path));
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match (told(), expected) {
                (Ok(value), Ok(expected)) => assert_eq!(value, expected),
                (Err(text), Err(expected)) => {
                    assert!(text.contains(expected) && !text.contains("sk "), "{text}");
                }
                (told, _) => panic!("{content:?} {mode:o}: {told:?}"),
            }
        }
        assert!(read(folder.path(), "arn:x").is_err());
    }
}
