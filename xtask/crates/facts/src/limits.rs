//! What AWS takes of the numbers and names in the manifests, said where they stand.

use kinds::{Regions, Size, SizeProblem};

use super::manifest::{ManifestFile, nearest};
use super::regions::{REGIONS, is_region};
use super::service::{Service, Value};
use super::stage::{CloudKind, Stage};
use super::urls::is_url;
use words::error::Problem;

const HEADER: &str = "package.metadata.service";

/// The numbers of days that CloudWatch Logs takes.
const RETENTION_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The numbers of one service, and what its links are taken for.
pub(crate) fn service(service: &Service, file: &ManifestFile, problems: &mut Vec<Problem>) {
    let size = Size {
        cpu_units: service.cpu_units,
        memory_mib: service.memory_mib,
        timeout_seconds: service.timeout_seconds,
    };
    for SizeProblem { key, text, fix } in (service.kind.size_problems)(&size) {
        problems.push(file.problem(HEADER, key, text, fix));
    }
    for (table, name, value) in service.values() {
        let Value::Link(link) = value else { continue };
        for (ending, wanted, what) in [("_URL", "url", "a URL"), ("_ARN", "Arn", "an ARN")] {
            if name.ends_with(ending) && !link.output.ends_with(wanted) {
                let text = format!(
                    "{name} is to be {what}, and {}.{} is none",
                    link.service, link.output
                );
                let fix = format!(
                    "link to an output whose name ends in `{wanted}`, or rename the variable"
                );
                problems.push(file.problem(&format!("{HEADER}.{table}"), name, text, fix));
            }
        }
    }
}

/// The settings of one stage.
pub(crate) fn stage(
    stage: &Stage,
    services: &[&Service],
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) {
    let header = format!("workspace.metadata.stages.{}", stage.name);
    let mut refuse =
        |key: &str, text: String, fix: String| problems.push(file.problem(&header, key, text, fix));
    if !RETENTION_DAYS.contains(&stage.log_retention_days) {
        let known: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
        refuse(
            "log_retention_days",
            format!("log_retention_days is {}", stage.log_retention_days),
            format!("CloudWatch Logs takes {}", known.join(", ")),
        );
    }
    if !is_roomy(&stage.vpc_cidr) {
        refuse(
            "vpc_cidr",
            format!("vpc_cidr is `{}`", stage.vpc_cidr),
            "write a block of 512 to 65,536 addresses, such as 10.20.0.0/16".to_owned(),
        );
    }
    if stage.cloud == CloudKind::Cloudformation && !stage.region.is_empty() {
        let region = stage.region.as_str();
        if let Some(Regions { service, .. }) = not_offered(services, region) {
            refuse(
                "region",
                format!("{region} has no {service}, and a service of this stage runs on it"),
                "choose another, such as us-west-2 or eu-west-1".to_owned(),
            );
        } else if !is_region(region) {
            let near = nearest(region, &REGIONS).unwrap_or("us-west-2");
            refuse(
                "region",
                format!("`{region}` is not a region of AWS"),
                format!("did you mean {near}?"),
            );
        }
    }
    for (key, value) in &stage.settings {
        if key.ends_with("_url") && !is_url(value) {
            refuse(
                key,
                format!("`{key}` is `{value}`, which is not a URL"),
                "write https://...".to_owned(),
            );
        }
    }
}

/// The project's name is a part of the names of buckets, repositories, stacks and roles.
pub(crate) fn name(
    what: &str,
    key: &str,
    header: &str,
    name: &str,
    file: &ManifestFile,
    problems: &mut Vec<Problem>,
) {
    let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.len() <= 20
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if !fits && !name.is_empty() {
        let fix = "use small letters, digits and hyphens, a letter first, at most 20: buckets and repositories take no others";
        problems.push(file.problem(
            header,
            key,
            format!("`{name}` is not a name for a {what}"),
            fix.to_owned(),
        ));
    }
}

/// What one of the services runs on, and the region does not have.
fn not_offered(services: &[&Service], region: &str) -> Option<Regions> {
    let of_kinds = services.iter().filter_map(|service| service.kind.regions);
    of_kinds
        .into_iter()
        .find(|regions| regions.absent.contains(&region))
}

/// IPv4, /16 to /23: two subnets of 256 addresses fit in.
fn is_roomy(block: &str) -> bool {
    let Some((address, prefix)) = block.split_once('/') else {
        return false;
    };
    address.parse::<std::net::Ipv4Addr>().is_ok()
        && prefix
            .parse::<u8>()
            .is_ok_and(|prefix| (16..=23).contains(&prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_told_from_what_does_not() {
        assert!(
            is_url("https://www.x402.org/facilitator")
                && is_url("http://localhost:8080")
                && !is_url("x402.org")
                && !is_url("https://<yours>")
        );
        assert!(is_roomy("10.20.0.0/16") && !is_roomy("10.0.0.0/24") && !is_roomy("10.0.0/16"));
    }
}
