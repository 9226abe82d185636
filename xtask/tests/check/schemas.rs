//! Resources that a team would add to a template, and mistakes in them, as AWS's own schemas see them.

use std::fs;
use std::path::Path;

use expect_test::expect;

use super::workspace::Workspace;

/// Added to a template, each with nothing wrong.
const VALID: &[(&str, &str)] = &[
    (
        "a queue with a second one for what fails",
        "
  FailedJobs:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600, SqsManagedSseEnabled: true}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt FailedJobs.Arn, maxReceiveCount: 3}",
    ),
    (
        "a topic, a subscription and an alarm with a threshold that is not a whole number",
        "
  Alarms:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: alarms}
  AlarmsByMail:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Alarms, Protocol: email, Endpoint: team@example.com}
  Slow:
    Type: AWS::CloudWatch::Alarm
    Properties:
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 3
      Threshold: 0.5
      Namespace: AWS/ApplicationELB
      MetricName: TargetResponseTime
      ExtendedStatistic: p99
      Period: 60
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Alarms]",
    ),
    (
        "a rule of EventBridge",
        "
  Nightly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      State: ENABLED
      Targets: [{Id: topic, Arn: !Sub \"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:nightly\"}]",
    ),
    (
        "a key, its alias, and a parameter",
        "
  Key:
    Type: AWS::KMS::Key
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: \"2012-10-17\"
        Statement:
          - {Effect: Allow, Principal: {AWS: !Sub \"arn:${AWS::Partition}:iam::${AWS::AccountId}:root\"}, Action: \"kms:*\", Resource: \"*\"}
  KeyAlias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: alias/turnpike, TargetKeyId: !Ref Key}
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: \"1\"}",
    ),
    (
        "what a program of one's own makes",
        "
  Own:
    Type: Custom::Thing
    Properties: {ServiceToken: !Sub \"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:own\", Anything: [1, 2]}",
    ),
    (
        "a table with an index, a stream and a capacity of its own",
        "
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    Properties:
      BillingMode: PROVISIONED
      ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: day, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      GlobalSecondaryIndexes:
        - IndexName: by-day
          KeySchema: [{AttributeName: day, KeyType: HASH}]
          Projection: {ProjectionType: ALL}
          ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}",
    ),
];

/// Each with one mistake.
const WRONG: &[(&str, &str)] = &[
    (
        "a property of a nested map, mistyped",
        "
  Nightly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      Targets: [{Id: topic, Arn: \"arn:aws:sns:us-west-2:123456789012:nightly\", RetryPolicy: {MaximumRetryAttempt: 1}}]",
    ),
    (
        "a word that is none of AWS's",
        "
  Traced:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: arn:aws:iam::123456789012:role/traced
      Code: {ZipFile: \"def handler(event, context): pass\"}
      TracingConfig: {Mode: Actve}",
    ),
    (
        "a number above AWS's largest, and one that is not a number",
        "
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 43201, DelaySeconds: soon}",
    ),
    (
        "a character that AWS refuses",
        "
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: \"the team's group\", VpcId: !Ref Vpc}",
    ),
    (
        "a name that fits a pattern only in part",
        "
  Bot:
    Type: AWS::BedrockAgentCore::Memory
    Properties: {Name: my-memory, EventExpiryDuration: 30}",
    ),
    (
        "what AWS gives",
        "
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {Arn: \"arn:aws:sqs:us-west-2:123456789012:jobs\"}",
    ),
    (
        "an attribute that a type does not have",
        "
  Jobs:
    Type: AWS::SQS::Queue
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Jobs.Url}",
    ),
    (
        "the ARN of something else",
        "
  Jobs:
    Type: AWS::SQS::Queue
  Traced:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 day)
      RoleArn: !GetAtt Jobs.Arn",
    ),
    (
        "a wrong value in one branch of a condition",
        "
  Jobs:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: !If [Always, 60, sixty]}",
    ),
    (
        "a type of a service that is mistyped",
        "
  Jobs:
    Type: AWS::SQQ::Queue",
    ),
    (
        "a required property that is missing",
        "
  AlarmsByMail:
    Type: AWS::SNS::Subscription
    Properties: {Protocol: email, Endpoint: team@example.com}",
    ),
];

fn with(workspace: &Workspace, resources: &str) -> String {
    let path = workspace.path().join("templates/network.yaml.tera");
    let text = fs::read_to_string(&path).unwrap();
    let conditions =
        "Conditions:\n  Always: !Equals [!Ref AWS::Region, !Ref AWS::Region]\nResources:";
    let begin = match resources.contains("Always") {
        true => conditions,
        false => "Resources:",
    };
    let with = text.replacen("Resources:", &format!("{begin}{resources}"), 1);
    fs::write(&path, with).unwrap();
    let told = workspace
        .command(&["check", "--stage", "dev"])
        .output()
        .unwrap();
    fs::write(&path, text).unwrap();
    String::from_utf8(told.stderr).unwrap() + &String::from_utf8(told.stdout).unwrap()
}

#[test]
fn what_a_team_would_add_is_taken() {
    let workspace = Workspace::new();
    for (title, resources) in VALID {
        let told = with(&workspace, resources);
        assert!(told.contains("no problem found"), "{title}: {told}");
    }
}

#[test]
fn a_mistake_in_it_is_found() {
    let workspace = Workspace::new();
    let told = WRONG.iter().map(|(title, resources)| {
        let told = with(&workspace, resources);
        let lines = told.lines().filter(|line| line.starts_with("  "));
        let lines: Vec<&str> = lines
            .filter(|line| !line.contains("list of paid APIs"))
            .collect();
        format!("= {title}\n{}\n", lines.join("\n"))
    });
    let told: String = told.collect();
    expect![[r#"
        = a property of a nested map, mistyped
          templates/network.yaml.tera:12: Nightly.Targets.0.RetryPolicy has the unknown property `MaximumRetryAttempt` (network)
            fix: did you mean `MaximumRetryAttempts`?
        = a word that is none of AWS's
          templates/network.yaml.tera:15: Traced.TracingConfig.Mode is `Actve` (network)
            fix: did you mean `Active`?
        = a number above AWS's largest, and one that is not a number
          templates/network.yaml.tera:10: Jobs.DelaySeconds is a number, and `soon` is here (network)
            fix: write a whole number
          templates/network.yaml.tera:10: Jobs.VisibilityTimeout is 43201 (network)
            fix: AWS takes 0 to 43200
        = a character that AWS refuses
          templates/network.yaml.tera:10: Group.GroupDescription is `the team's group` (network)
            fix: AWS takes what fits ^([a-z,A-Z,0-9,. _\-:/()#,@\[\]+=\&;\{\}!$*])*$
        = a name that fits a pattern only in part
          templates/network.yaml.tera:10: Bot.Name is `my-memory` (network)
            fix: AWS takes what fits ^[a-zA-Z][a-zA-Z0-9_]{0,47}$
        = what AWS gives
          templates/network.yaml.tera:10: Jobs has `Arn`, which AWS gives (network)
            fix: remove the line
        = an attribute that a type does not have
          templates/network.yaml.tera:12: Setting asks Jobs for `Url`, which a AWS::SQS::Queue does not have (network)
            fix: did you mean `Arn`?
        = the ARN of something else
          templates/network.yaml.tera:14: Traced.RoleArn is Arn of Jobs (AWS::SQS::Queue) (network)
            fix: it has to be AWS::IAM::Role.Arn
        = a wrong value in one branch of a condition
          templates/network.yaml.tera:12: Jobs.VisibilityTimeout is a number, and `sixty` is here (network)
            fix: write a whole number
        = a type of a service that is mistyped
          templates/network.yaml.tera:9: Jobs has the unknown type `AWS::SQQ::Queue` (network)
            fix: did you mean `AWS::SQS::Queue`?
        = a required property that is missing
          templates/network.yaml.tera:8: AlarmsByMail has no `TopicArn`, which is required (network)
            fix: add TopicArn
    "#]].assert_eq(&told);
}

/// `TURNPIKE_TEST_CFN_LINT` is the path of cfn-lint, in the environment of Python that has its package.
#[test]
#[ignore = "needs cfn-lint: cargo xtask test templates"]
fn the_schemas_are_what_their_script_makes_of_the_package() {
    let cfn_lint = std::env::var("TURNPIKE_TEST_CFN_LINT").expect("TURNPIKE_TEST_CFN_LINT is set");
    let python = Path::new(&cfn_lint).with_file_name("python");
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/resource-types/schemas/make.py");
    assert_cmd::Command::new(python)
        .arg(script)
        .arg("--compare")
        .assert()
        .success();
}
