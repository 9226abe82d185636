//! The IAM policies of a stage: what a deploy needs, and what looking needs. `xtask/policies/make.py` makes them for any stage.

use facts::Stage;

/// File name, and the policy with places for a stage's names.
const POLICIES: [(&str, &str); 4] = [
    ("deploy-1.json", include_str!("../policies/deploy-1.json")),
    ("deploy-2.json", include_str!("../policies/deploy-2.json")),
    ("deploy-3.json", include_str!("../policies/deploy-3.json")),
    ("read.json", include_str!("../policies/read.json")),
];

/// The policies of one stage, by file name. Without an account in the stage, they are for any.
pub(crate) fn of_stage(project: &str, stage: &Stage) -> Vec<(&'static str, String)> {
    // As `runtime_name` has it: AgentCore takes no hyphens.
    let runtime = format!("{project}_{}", stage.name).replace('-', "_");
    let places = [
        ("{project}", project),
        ("{stage}", &stage.name),
        ("{runtime}", &runtime),
        ("{partition}", partition(&stage.region)),
        ("{region}", &stage.region),
        ("{account}", stage.account.as_deref().unwrap_or("*")),
    ];
    let filled = |text: &str| {
        let fill = |text: String, (place, value): &(&str, &str)| text.replace(place, value);
        places.iter().fold(text.to_owned(), fill)
    };
    POLICIES.map(|(name, text)| (name, filled(text))).to_vec()
}

/// The first part of an ARN after `arn:`, from botocore's `partitions.json`.
fn partition(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "aws-cn"),
        ("eusc-", "aws-eusc"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
    ];
    let found = partitions
        .iter()
        .find(|(start, _)| region.starts_with(start));
    found.map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value as Json;

    use super::*;

    /// The quota of a managed policy, white space not counted:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
    const CHARACTERS_MAX: usize = 6_144;

    fn stage(name: &str, account: Option<&str>) -> Stage {
        Stage {
            name: name.to_owned(),
            cloud: facts::CloudKind::Cloudformation,
            region: "cn-north-1".to_owned(),
            account: account.map(str::to_owned),
            vpc_cidr: String::new(),
            log_retention_days: 1,
            protect: false,
            settings: BTreeMap::new(),
        }
    }

    #[test]
    fn every_file_that_is_made_is_written() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
        let mut made: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        made.sort();
        assert_eq!(made, POLICIES.map(|(name, _)| name));
    }

    #[test]
    fn a_policy_has_the_stages_names_and_fits() {
        // The longest names that `check` takes.
        let (project, name) = ("a-project-of-20-char", "a-stage-of-20-charac");
        for (file, text) in of_stage(project, &stage(name, Some("123456789012"))) {
            let policy: Json = serde_json::from_str(&text).unwrap();
            assert!(
                !text.contains("{project}") && !text.contains(": \"{"),
                "{file}: {text}"
            );
            let characters = policy.to_string().len();
            assert!(
                characters <= CHARACTERS_MAX,
                "{file} has {characters} characters"
            );
        }
        let policies = of_stage("shop", &stage("dev", None));
        assert!(
            policies[0].1.contains("arn:aws-cn:iam::*:role/shop-dev-*"),
            "{}",
            policies[0].1
        );
        assert!(
            policies[1].1.contains(":runtime/shop_dev_*"),
            "{}",
            policies[1].1
        );
    }
}
