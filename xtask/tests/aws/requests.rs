//! What tool and services ask of AWS is what AWS's own models of its APIs allow.
//!
//! Every emulator looks at the requests that it got when its test ends. Here stands that it finds what is wrong.

use serde_json::json;

use crate::emulator::Emulator;

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
async fn what_aws_would_refuse_is_found() {
    let emulator = Emulator::start();
    let config = emulator.config().await;
    let cloudformation = aws_sdk_cloudformation::Client::new(&config);
    let executed = cloudformation.execute_change_set();
    drop(executed.change_set_name("1st").send().await);
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    drop(secrets.get_secret_value().secret_id("").send().await);
    let ecs = aws_sdk_ecs::Client::new(&config);
    let listed = ecs.list_tasks().desired_status("SLEEPING".into());
    drop(listed.send().await);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    let filtered = logs.filter_log_events().log_group_name("/ecs/one two");
    drop(filtered.limit(20_000).send().await);
    let agents = aws_sdk_bedrockagentcorecontrol::Client::new(&config);
    let endpoint = agents.get_agent_runtime_endpoint();
    let endpoint = endpoint.agent_runtime_id("short").endpoint_name("live");
    drop(endpoint.send().await);
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
    let s3 = aws_sdk_s3::Client::from_conf(s3.build());
    let put = s3
        .put_object()
        .bucket("a-bucket")
        .key("a")
        .acl("owner".into());
    drop(put.send().await);

    let requests = emulator.take_requests();
    let found: Vec<&String> = requests.iter().flat_map(|made| &made.problems).collect();
    for words in [
        "ExecuteChangeSet: ChangeSetName: `1st` does not match",
        "GetSecretValue: Invalid length for parameter SecretId, value: 0, valid min length: 1",
        "ListTasks: desiredStatus: `SLEEPING` is none of RUNNING, PENDING, STOPPED",
        "FilterLogEvents: logGroupName: `/ecs/one two` does not match",
        "FilterLogEvents: limit: 20000 is more than 10000",
        "GetAgentRuntimeEndpoint: agentRuntimeId: `short` does not match",
        "PutObject: ACL: `owner` is none of private,",
    ] {
        assert!(
            found.iter().any(|problem| problem.contains(words)),
            "no `{words}` in {found:#?}"
        );
    }
    let put = requests
        .iter()
        .find(|made| made.operation.as_deref() == Some("PutObject"))
        .unwrap();
    assert_eq!(
        (put.service.as_str(), put.principal.as_deref()),
        ("s3", Some("test"))
    );
    assert_eq!(
        (&put.parameters["Bucket"], &put.parameters["Key"]),
        (&json!("a-bucket"), &json!("a"))
    );
}

#[tokio::test]
#[ignore = "needs an emulator of AWS: cargo xtask test aws"]
#[should_panic(expected = "GetSecretValue: Invalid length for parameter SecretId")]
async fn a_test_fails_by_what_aws_would_refuse() {
    let emulator = Emulator::start();
    let secrets = aws_sdk_secretsmanager::Client::new(&emulator.config().await);
    drop(secrets.get_secret_value().secret_id("").send().await);
}
