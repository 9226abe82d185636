//! Secrets that a person has made: a stage names them, and nothing here makes, changes or deletes them.

use super::Repo;
use super::manifest::ManifestFile;
use super::stage::Stage;
use words::error::Problem;

/// The random characters with which every ARN of a secret ends, after a hyphen.
const SUFFIX_CHARACTERS: usize = 6;

/// A service's need of a secret that it cannot make for itself, such as a key for somebody else's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingSecret {
    /// The stage's setting with the ARN.
    pub setting: String,
    /// A stage may do without; the variable is left out then.
    pub optional: bool,
}

/// The name of a secret within its ARN, without the random end: `team/facilitator-key`.
pub fn secret_name(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    let [
        "arn",
        partition,
        "secretsmanager",
        region,
        account,
        "secret",
        name,
    ] = parts[..]
    else {
        return None;
    };
    let is_name = |name: &str| {
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "/_+=.@-".contains(letter);
        !name.is_empty() && name.chars().all(allowed) && !name.split('/').any(|part| part == "..")
    };
    let (name, end) = name.rsplit_once('-')?;
    let is_end = end.len() == SUFFIX_CHARACTERS && end.chars().all(|it| it.is_ascii_alphanumeric());
    let is_place = partition.starts_with("aws") && !region.is_empty() && is_account(account);
    (is_place && is_end && is_name(name)).then_some(name)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|digit| digit.is_ascii_digit())
}

/// The settings of a stage that name secrets do so, and name secrets that its services can read. What stands there is never
/// shown: somebody may have written the secret itself.
pub(crate) fn settings(
    repo: &Repo,
    stage: &Stage,
    header: &str,
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) {
    for service in super::deployed(repo, stage) {
        for (variable, secret) in &service.existing_secrets {
            let key = &secret.setting;
            let mut refuse = |text: String, fix: String| {
                problems.push(file.problem(header, key, text, fix));
            };
            let Some(arn) = stage.settings.get(key) else {
                if !secret.optional {
                    refuse(
                        format!(
                            "the stage has no `{key}`, which {} needs for {variable}",
                            service.name
                        ),
                        format!(
                            "make the secret in Secrets Manager, and add {key} = \"<its ARN>\" to [{header}]"
                        ),
                    );
                }
                continue;
            };
            let parts: Vec<&str> = arn.split(':').collect();
            let place = |index: usize| parts.get(index).copied().unwrap_or_default();
            if secret_name(arn).is_none() {
                refuse(
                    format!("`{key}` is not the whole ARN of a secret"),
                    "write arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>; \
                     `aws secretsmanager describe-secret --secret-id <name>` says it"
                        .to_owned(),
                );
            } else if !stage.region.is_empty() && place(3) != stage.region {
                refuse(
                    format!(
                        "`{key}` is a secret in {}, and the stage is in {}",
                        place(3),
                        stage.region
                    ),
                    format!("make it in {} too, and name that one", stage.region),
                );
            } else if stage
                .account
                .as_ref()
                .is_some_and(|account| account != place(4))
            {
                refuse(
                    format!("`{key}` is a secret of another account than the stage's"),
                    "make it in the stage's account, and name that one".to_owned(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secret_name;

    #[test]
    fn whole_arns_have_a_name() {
        let arn =
            |name: &str| format!("arn:aws:secretsmanager:us-west-2:123456789012:secret:{name}");
        for (name, expected) in [
            ("cdp-key-AbCdEf", Some("cdp-key")),
            ("team/cdp_key.2-AbCd12", Some("team/cdp_key.2")),
            // Without the random end a role's permission would be about another secret.
            ("cdp-key", None),
            ("cdpkey", None),
            ("-AbCdEf", None),
            ("a:b-AbCdEf", None),
            ("../a-AbCdEf", None),
            ("a b-AbCdEf", None),
        ] {
            assert_eq!(secret_name(&arn(name)), expected, "{name}");
        }
        for other in [
            "",
            "cdp-key-AbCdEf",
            "arn:aws:ssm:us-west-2:123456789012:parameter/a-AbCdEf",
            "arn:aws:secretsmanager:us-west-2:1234:secret:a-AbCdEf",
            "arn:aws:secretsmanager::123456789012:secret:a-AbCdEf",
        ] {
            assert_eq!(secret_name(other), None, "{other}");
        }
    }
}
