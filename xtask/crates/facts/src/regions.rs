//! The regions of AWS, their partitions, and from where an inference profile of Bedrock may be asked.

/// Every region with CloudFormation, as the PyPI package cfn-lint 1.58.0 (2026-10-20) has them, and me-south-1, which it leaves out.
pub(crate) const REGIONS: [&str; 46] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
];

/// The geographies of inference profiles, with the first letters of the regions that may ask them.
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html>
const PROFILES: [(&str, &[&str]); 9] = [
    ("apac", &["ap-", "me-"]),
    ("au", &["ap-"]),
    ("ca", &["ca-"]),
    ("eu", &["eu-", "il-"]),
    ("jp", &["ap-"]),
    ("sa", &["sa-"]),
    ("us", &["us-e", "us-w", "ca-", "mx-"]),
    ("us-gov", &["us-gov-"]),
    ("global", &[]),
];

/// True for a region that is known, and for the next one of its kind: `eu-west-4` may have come after this list was written.
pub(crate) fn is_region(text: &str) -> bool {
    if REGIONS.contains(&text) {
        return true;
    }
    let Some((place, number)) = text.rsplit_once('-') else {
        return false;
    };
    let Ok(number) = number.parse::<u32>() else {
        return false;
    };
    let numbers = REGIONS.iter().filter_map(|known| {
        let (known_place, number) = known.rsplit_once('-')?;
        number.parse::<u32>().ok().filter(|_| known_place == place)
    });
    numbers.max().is_some_and(|last| number == last + 1)
}

/// What the names of AWS's hosts end with in a region: `amazonaws.com`.
/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>, and botocore's `partitions.json` for the others.
pub fn host_suffix(region: &str) -> &'static str {
    let suffixes = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("us-isof-", "csp.hci.ic.gov"),
        ("us-iso-", "c2s.ic.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
    ];
    let found = suffixes.iter().find(|(start, _)| region.starts_with(start));
    found.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// Why a region cannot ask an inference profile, and one that it can ask: `us.amazon.nova-2-lite-v1:0` in `eu-west-1`.
pub(crate) fn foreign_profile(model: &str, region: &str) -> Option<(String, String)> {
    let (group, rest) = model.split_once('.')?;
    let (_, starts) = PROFILES.iter().find(|(name, _)| *name == group)?;
    let has = |starts: &[&str]| starts.iter().any(|start| region.starts_with(start));
    // Whatever asks the whole world may be asked from every commercial region.
    if starts.is_empty() || has(starts) || !REGIONS.contains(&region) {
        return None;
    }
    let own = PROFILES.iter().find(|(_, starts)| has(starts));
    let own = own.map_or("global", |(name, _)| name);
    let text = format!("`{model}` is an inference profile that {region} cannot ask");
    let fix = format!("write \"{own}.{rest}\" if Bedrock has it there, or \"global.{rest}\"");
    Some((text, fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_regions_and_the_next_of_each_kind() {
        for (text, is) in [
            ("us-west-2", true),
            ("eusc-de-east-1", true),
            ("us-gov-west-1", true),
            ("eu-west-4", true),
            ("eu-west-9", false),
            ("us-west2", false),
            ("mars", false),
            ("mars-west-1", false),
        ] {
            assert_eq!(is_region(text), is, "{text}");
        }
    }

    #[test]
    fn hosts_end_as_their_partition_does() {
        for (region, suffix) in [
            ("us-east-1", "amazonaws.com"),
            ("us-gov-east-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
        ] {
            assert_eq!(host_suffix(region), suffix, "{region}");
        }
    }

    #[test]
    fn a_profile_is_asked_from_its_geography() {
        let nova = |group: &str| format!("{group}.amazon.nova-2-lite-v1:0");
        for (group, region, fits) in [
            ("us", "us-west-2", true),
            ("us", "ca-central-1", true),
            ("us", "eu-west-1", false),
            ("us", "us-gov-west-1", false),
            ("us-gov", "us-gov-west-1", true),
            ("eu", "eu-central-1", true),
            ("eu", "us-east-1", false),
            ("apac", "ap-northeast-1", true),
            ("jp", "us-east-1", false),
            ("global", "eu-west-1", true),
            ("amazon", "eu-west-1", true),
        ] {
            let found = foreign_profile(&nova(group), region);
            assert_eq!(found.is_none(), fits, "{group} {region}: {found:?}");
        }
        let (_, fix) = foreign_profile(&nova("us"), "eu-west-1").unwrap();
        assert!(fix.contains("\"eu.amazon.nova-2-lite-v1:0\""), "{fix}");
    }
}
