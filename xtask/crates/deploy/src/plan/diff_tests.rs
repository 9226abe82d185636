use expect_test::{Expect, expect};

use super::*;

const OLD: &str = "
Parameters: {ImageUri: {Type: String}, Url: {Type: String}}
Resources:
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: a, RetentionInDays: 7}}
  Role: {Type: AWS::IAM::Role, Properties: {Description: x, Policies: [{Log: !GetAtt Logs.Arn}]}}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: {ContainerDefinitions: !Ref ImageUri, Role: !GetAtt Role.Arn}
  Service:
    Type: AWS::ECS::Service
    Properties: {TaskDefinition: !Ref Task, DesiredCount: 1}
  Topic: {Type: AWS::SNS::Topic}
Outputs:
  LogGroup: {Value: !Ref Logs}
  Task: {Value: !Sub '${Task}'}
  Constant: {Value: x}
";

fn shown(old: Option<&str>, new: &str, parameters: &[&str]) -> String {
    let changed = parameters.iter().map(|name| (*name).to_owned()).collect();
    let new = Desired {
        template: new,
        changed_parameters: &changed,
    };
    diff(old, new)
        .unwrap()
        .iter()
        .map(|change| {
            format!(
                "{:?} {} {}\n",
                change.action,
                change.logical_id,
                change.properties.join(" ")
            )
        })
        .collect()
}

fn check(old: Option<&str>, new: &str, parameters: &[&str], expected: Expect) {
    expected.assert_eq(&shown(old, new, parameters));
}

#[test]
fn a_template_that_says_the_same_changes_nothing() {
    let other_order = OLD.replace(
        "LogGroupName: a, RetentionInDays: 7",
        "RetentionInDays: 7, LogGroupName: a",
    );
    check(Some(OLD), &other_order, &[], expect![[""]]);
}

#[test]
fn a_new_stack_is_all_creation() {
    check(
        None,
        "Resources: {A: {Type: T}, B: {Type: T}}",
        &[],
        expect![[r#"
        Create A 
        Create B 
    "#]],
    );
}

#[test]
fn a_parameter_changes_what_mentions_it_and_what_follows() {
    check(
        Some(OLD),
        OLD,
        &["ImageUri"],
        expect![[r#"
        Update Service TaskDefinition
        Replace Task ContainerDefinitions
    "#]],
    );
    check(Some(OLD), OLD, &["Url"], expect![[""]]);
}

#[test]
fn a_name_makes_a_resource_anew() {
    let renamed = OLD.replace("LogGroupName: a", "LogGroupName: b");
    check(
        Some(OLD),
        &renamed,
        &[],
        expect![[r#"
        Replace Logs LogGroupName
        Update Role Policies
    "#]],
    );
    let kept_longer = OLD.replace("RetentionInDays: 7", "RetentionInDays: 30");
    check(
        Some(OLD),
        &kept_longer,
        &[],
        expect![[r#"
        Update Logs RetentionInDays
    "#]],
    );
}

#[test]
fn what_comes_and_goes_is_seen() {
    let other = OLD.replace(
        "Topic: {Type: AWS::SNS::Topic}",
        "Queue: {Type: AWS::SQS::Queue}",
    );
    check(
        Some(OLD),
        &other,
        &[],
        expect![[r#"
        Create Queue 
        Delete Topic 
    "#]],
    );
    let other_type = OLD.replace("AWS::SNS::Topic", "AWS::SQS::Queue");
    check(
        Some(OLD),
        &other_type,
        &[],
        expect![[r#"
        Replace Topic 
    "#]],
    );
    let property_gone = OLD.replace(", DesiredCount: 1", "");
    check(
        Some(OLD),
        &property_gone,
        &[],
        expect![[r#"
        Update Service DesiredCount
    "#]],
    );
}

#[test]
fn an_output_moves_with_what_it_names() {
    let change = |action, id: &str| Change {
        action,
        logical_id: id.to_owned(),
        resource_type: "T".to_owned(),
        properties: Vec::new(),
    };
    let moved = |changes: &[Change]| {
        moved_outputs(OLD, changes)
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        moved(&[change(Action::Update, "Logs")]),
        Vec::<String>::new()
    );
    assert_eq!(moved(&[change(Action::Replace, "Logs")]), ["LogGroup"]);
    assert_eq!(moved(&[change(Action::Replace, "Task")]), ["Task"]);
}
