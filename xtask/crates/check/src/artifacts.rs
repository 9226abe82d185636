//! Where images and code are kept: private, encrypted, over TLS alone, and nothing for ever.

use std::collections::BTreeMap;

use serde_json::Value;
use template::Node;

use super::expect::expect;
use super::model::{Model, Resource, Stack, shown};
use super::report::Report;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    let Some(stack) = model.stack("artifacts") else {
        return;
    };
    for bucket in stack.of_type("AWS::S3::Bucket") {
        closed(stack, &bucket, report);
        cleaned(stack, &bucket, report);
        over_tls(stack, &bucket, report);
    }
    let mut repositories = BTreeMap::new();
    for repository in stack.of_type("AWS::ECR::Repository") {
        let name = repository.text("RepositoryName").unwrap_or_default();
        repositories.entry(name).or_insert(repository);
    }
    for service in facts::deployed(model.repo, model.stage) {
        if !service.kind.has_image() {
            continue;
        }
        let name = format!(
            "{}/{}/{}",
            model.repo.project, model.stage.name, service.name
        );
        match repositories.get(&name) {
            Some(repository) => images(model, stack, repository, report),
            None => {
                let near = stack.first("AWS::ECR::Repository");
                report.add(
                    stack.index,
                    near.map_or(1, |near| near.line_of("RepositoryName")),
                    format!(
                        "there is no repository `{name}`, from which {} is pulled",
                        service.name
                    ),
                    format!("write RepositoryName: \"{name}\""),
                );
            }
        }
    }
}

fn closed(stack: &Stack<'_>, bucket: &Resource<'_>, report: &mut Report<'_>) {
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, bucket, path, value, why);
    for block in [
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    ] {
        wanted(
            &format!("PublicAccessBlockConfiguration.{block}"),
            "true",
            "nobody outside may read the code",
        );
    }
    wanted(
        "OwnershipControls.Rules.0.ObjectOwnership",
        "BucketOwnerEnforced",
        "access lists are switched off by that",
    );
    let path = "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.SSEAlgorithm";
    if bucket.get(path).is_none() {
        wanted(path, "AES256", "what it holds is to be encrypted");
    }
    // Without a name CloudFormation makes one that nobody else has.
    let Some(name) = bucket.text("BucketName") else {
        return;
    };
    if !name.contains("${AWS::AccountId}") || !name.contains("${AWS::Region}") {
        report.add(
            stack.index,
            bucket.line_of("BucketName"),
            format!(
                "{}.BucketName is `{name}`, and such names are shared by everyone on AWS and by all regions",
                bucket.id
            ),
            "remove the line: CloudFormation makes a name of its own",
        );
        return;
    }
    let longest = name
        .replace("${AWS::AccountId}", "123456789012")
        .replace("${AWS::Region}", "ap-southeast-1");
    if longest.len() > 63 {
        report.add(
            stack.index,
            bucket.line_of("BucketName"),
            format!(
                "{}.BucketName has more than 63 characters: `{name}`",
                bucket.id
            ),
            "shorten the names of project and stage, or remove the line",
        );
    }
}

fn cleaned(stack: &Stack<'_>, bucket: &Resource<'_>, report: &mut Report<'_>) {
    let rules = bucket
        .get("LifecycleConfiguration.Rules")
        .map_or(&[][..], Node::items);
    let keeps_versions =
        bucket.text("VersioningConfiguration.Status").as_deref() == Some("Enabled");
    for (action, why) in [
        (
            "NoncurrentVersionExpiration",
            "what was overwritten stays for ever",
        ),
        (
            "AbortIncompleteMultipartUpload",
            "uploads that never ended stay for ever",
        ),
    ] {
        let has = rules.iter().any(|rule| {
            rule.get(action).is_some()
                && rule.get("Status").map(shown).as_deref() == Some("Enabled")
        });
        if !has && (keeps_versions || action != "NoncurrentVersionExpiration") {
            report.add(
                stack.index,
                bucket.line_of("LifecycleConfiguration.Rules"),
                format!("{}: {why}", bucket.id),
                format!("add an enabled rule with {action}"),
            );
        }
    }
}

fn over_tls(stack: &Stack<'_>, bucket: &Resource<'_>, report: &mut Report<'_>) {
    let own = format!("${{{}}}", bucket.id);
    let policy = stack
        .of_type("AWS::S3::BucketPolicy")
        .find(|policy| policy.text("Bucket").as_deref() == Some(&own));
    let Some(policy) = policy else {
        report.add(
            stack.index,
            bucket.line,
            format!("{} may be read without TLS", bucket.id),
            "add an AWS::S3::BucketPolicy that denies s3:* where aws:SecureTransport is false",
        );
        return;
    };
    let statements = policy
        .get("PolicyDocument.Statement")
        .map_or(&[][..], Node::one_or_many);
    let has =
        |node: &Node, key: &str, wanted: &str| node.at(key).map(shown).as_deref() == Some(wanted);
    let arn = format!("${{{}.Arn}}", bucket.id);
    let denied = statements.iter().any(|node| {
        let on = node.get("Resource").map(shown).unwrap_or_default();
        let everyone = has(node, "Principal", "*") || has(node, "Principal.AWS", "*");
        let without_tls = has(node, "Condition", "{Bool={aws:SecureTransport=false}}");
        has(node, "Effect", "Deny")
            && everyone
            && has(node, "Action", "s3:*")
            && without_tls
            && on == format!("{arn},{arn}/*")
    });
    if !denied {
        report.add(stack.index, policy.line_of("PolicyDocument.Statement.0.Condition"), format!("{} does not refuse what comes without TLS", policy.id), "deny s3:* to everyone (\"*\") on the bucket and on all in it where Bool aws:SecureTransport is \"false\"");
    }
    for node in statements
        .iter()
        .filter(|node| has(node, "Effect", "Allow"))
    {
        report.add(
            stack.index,
            node.line,
            format!("{} lets somebody in", policy.id),
            "remove the statement: whoever deploys has access by their own role",
        );
    }
}

fn images(
    model: &Model<'_>,
    stack: &Stack<'_>,
    repository: &Resource<'_>,
    report: &mut Report<'_>,
) {
    expect(
        report,
        stack,
        repository,
        "ImageTagMutability",
        "IMMUTABLE",
        "a tag is the hash of what an image was made of, and never has a reason to move",
    );
    expect(
        report,
        stack,
        repository,
        "ImageScanningConfiguration.ScanOnPush",
        "true",
        "known holes in what is inside are to be found",
    );
    let emptied = (!model.stage.protect).to_string();
    expect(
        report,
        stack,
        repository,
        "EmptyOnDelete",
        &emptied,
        "a protected stage keeps its images, and another goes away whole",
    );
    let text = repository
        .text("LifecyclePolicy.LifecyclePolicyText")
        .unwrap_or_default();
    let rules = serde_json::from_str::<Value>(&text).ok();
    let rules = rules.as_ref().and_then(|policy| policy["rules"].as_array());
    let line = repository.line_of("LifecyclePolicy.LifecyclePolicyText");
    match rules {
        None => report.add(
            stack.index,
            line,
            format!(
                "the lifecycle policy of {} is not JSON with rules",
                repository.id
            ),
            "write {\"rules\": [...]}",
        ),
        Some(rules) => {
            let mut priorities: Vec<i64> = rules
                .iter()
                .filter_map(|rule| rule["rulePriority"].as_i64())
                .collect();
            priorities.dedup();
            let sound = !rules.is_empty()
                && priorities.len() == rules.len()
                && rules.iter().all(|rule| {
                    rule["action"]["type"] == "expire" && rule["selection"]["countNumber"].is_u64()
                });
            if !sound {
                report.add(stack.index, line, format!("the lifecycle policy of {} has a rule that ECR refuses", repository.id), "give each rule a rulePriority of its own, a selection with countNumber, and the action expire");
            }
        }
    }
}
