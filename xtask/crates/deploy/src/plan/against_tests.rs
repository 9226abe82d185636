use expect_test::{Expect, expect};

use super::*;
use stacks::Arg;
use stacks::Input;

const ARTIFACTS: &str = "
Resources:
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: a}}
  Repository: {Type: AWS::ECR::Repository, Properties: {RepositoryName: t/dev/page}}
Outputs:
  BucketName: {Value: !Ref Bucket}
  PageRepositoryUri: {Value: !GetAtt Repository.RepositoryUri}
";
const TOOLS: &str = "
Parameters: {CodeBucket: {Type: String}, CodeKey: {Type: String}}
Resources:
  Function: {Type: AWS::Lambda::Function, Properties: {FunctionName: tools, Code: {S3Bucket: !Ref CodeBucket, S3Key: !Ref CodeKey}, Timeout: 30}}
  Url: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !GetAtt Function.Arn}}
Outputs:
  Url: {Value: !GetAtt Url.FunctionUrl}
";
const PAGE: &str = "
Parameters: {ImageUri: {Type: String}}
Resources:
  Task: {Type: AWS::ECS::TaskDefinition, Properties: {ContainerDefinitions: !Ref ImageUri}}
  Service: {Type: AWS::ECS::Service, Properties: {TaskDefinition: !Ref Task, DesiredCount: 1}}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Threshold: 1}}
";

fn stack(owner: &str, template: &str, parameters: &[(&str, Source)]) -> Rendering {
    let parameters = parameters.iter().map(|(parameter, source)| Input {
        parameter: (*parameter).to_owned(),
        source: source.clone(),
    });
    Rendering {
        stack: DescribedStack {
            name: format!("t-dev-{owner}"),
            owner: owner.to_owned(),
            kind: None,
            template: String::new(),
            after: Vec::new(),
            args: Vec::new(),
            parameters: parameters.collect(),
        },
        template: template.to_owned(),
    }
}

fn output(owner: &str, key: &str) -> ArgValue {
    ArgValue::Output {
        owner: owner.to_owned(),
        key: key.to_owned(),
    }
}

/// Three stacks: the page's image is built with the tools' URL, and with a price.
fn stage() -> Vec<Rendering> {
    let code = [
        ("CodeBucket", Source::CodeBucket),
        ("CodeKey", Source::CodeKey),
    ];
    let mut page = stack("page", PAGE, &[("ImageUri", Source::Image)]);
    for (name, value) in [
        ("PRICE", ArgValue::Text("0.01".to_owned())),
        ("TOOLS_URL", output("tools", "Url")),
    ] {
        let name = name.to_owned();
        page.stack.args.push(Arg { name, value });
    }
    vec![
        stack("artifacts", ARTIFACTS, &[]),
        stack("tools", TOOLS, &code),
        page,
    ]
}

fn check(after: &[Rendering], only: &[&str], expected: Expect) {
    let only: Vec<String> = only.iter().map(|owner| (*owner).to_owned()).collect();
    let mut shown = String::new();
    for stack in compare(&stage(), after, &only).unwrap() {
        let remarks = stack.remarks.join("; ");
        shown.push_str(&format!("{:?} {} {remarks}\n", stack.fate, stack.owner));
        for change in &stack.input_changes {
            let (from, to) = (&change.from, &change.to);
            shown.push_str(&format!("    {}: {from:?} -> {to:?}\n", change.name));
        }
        for cause in &stack.causes {
            let (name, owner, key) = (&cause.name, &cause.owner, &cause.key);
            shown.push_str(&format!("    {name} is {key} of {owner}\n"));
        }
        for change in &stack.changes {
            let properties = change.properties.join(" ");
            let (action, id) = (change.action, &change.logical_id);
            shown.push_str(&format!("  {action:?} {id} {properties}\n"));
        }
    }
    expected.assert_eq(&shown);
}

/// The stage with one template changed.
fn with(owner: &str, from: &str, to: &str) -> Vec<Rendering> {
    let mut after = stage();
    let changed = after.iter_mut().find(|is| is.stack.owner == owner).unwrap();
    assert!(changed.template.contains(from), "{owner} has no {from}");
    changed.template = changed.template.replace(from, to);
    after
}

#[test]
fn the_same_and_another_way_to_write_it_change_nothing() {
    check(
        &stage(),
        &[],
        expect![[r#"
        Same artifacts 
        Same tools its zip is not compared
        Same page its image is not compared
    "#]],
    );
    let commented = with("page", "Resources:", "# A page.\nResources:");
    check(
        &commented,
        &[],
        expect![[r#"
        Same artifacts 
        Same tools its zip is not compared
        Same page its image is not compared
    "#]],
    );
}

#[test]
fn a_property_changes_in_place_or_makes_anew_and_what_follows_is_seen() {
    let slower = with("tools", "Timeout: 30", "Timeout: 60");
    check(
        &slower,
        &[],
        expect![[r#"
        Same artifacts 
        Updated tools its zip is not compared
          Update Function Timeout
        Same page its image is not compared
    "#]],
    );
    let renamed = with("tools", "FunctionName: tools", "FunctionName: other");
    check(
        &renamed,
        &[],
        expect![[r#"
        Same artifacts 
        Updated tools its zip is not compared
          Replace Function FunctionName
          Replace Url TargetFunctionArn
        Updated page 
            TOOLS_URL is Url of tools
          Update Service TaskDefinition
          Replace Task ContainerDefinitions
    "#]],
    );
    let repository = with("artifacts", "t/dev/page", "t/dev/other");
    check(
        &repository,
        &[],
        expect![[r#"
        Updated artifacts 
          Replace Repository RepositoryName
        Same tools its zip is not compared
        Updated page 
            ImageUri is PageRepositoryUri of artifacts
          Update Service TaskDefinition
          Replace Task ContainerDefinitions
    "#]],
    );
}

#[test]
fn an_argument_is_known_and_an_image_is_not() {
    let mut after = stage();
    after[2].stack.args[0].value = ArgValue::Text("0.02".to_owned());
    after[2].stack.args[1].value = output("artifacts", "BucketName");
    check(
        &after,
        &[],
        expect![[r#"
        Same artifacts 
        Same tools its zip is not compared
        Updated page 
            PRICE: Some("0.01") -> Some("0.02")
            TOOLS_URL: Some("Url of tools") -> Some("BucketName of artifacts")
          Update Service TaskDefinition
          Replace Task ContainerDefinitions
    "#]],
    );
}

#[test]
fn stacks_come_and_go() {
    let mut after = stage();
    after.remove(1);
    after.push(stack("more", "Resources: {A: {Type: T}}", &[]));
    check(
        &after,
        &[],
        expect![[r#"
        Same artifacts 
        Same page its image is not compared
        Created more 
          Create A 
        Deleted tools 
          Delete Function 
          Delete Url 
    "#]],
    );
    check(
        &after,
        &["more"],
        expect![[r#"
        Created more 
          Create A 
    "#]],
    );
}

#[test]
fn what_is_beside_properties_counts() {
    let kept = with(
        "page",
        "Alarm: {",
        "Alarm: {DeletionPolicy: Retain, DependsOn: Task, ",
    );
    check(
        &kept,
        &["page"],
        expect![[r#"
        Updated page its image is not compared
          Update Alarm DeletionPolicy
    "#]],
    );
    let said = with("page", "Resources:", "Outputs: {A: {Value: x}}\nResources:");
    check(
        &said,
        &["page"],
        expect![[r#"
        Updated page also differs: Outputs; its image is not compared
    "#]],
    );
}
