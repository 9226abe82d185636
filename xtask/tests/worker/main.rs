//! A service that nobody calls: its template, what is wrong with it when something is, and how it runs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod workspace;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::Value as Json;
use workspace::{workspace, write, xtask};

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = xtask(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn rendered(folder: &Path) -> String {
    succeed(folder, &["render", "--stage", "dev", "--out", "out"]);
    fs::read_to_string(folder.join("out/crawler.yaml")).unwrap()
}

#[test]
fn it_has_no_load_balancer_and_no_port() {
    let workspace = workspace();
    let folder = workspace.path();
    let template = rendered(folder);
    let types: Vec<&str> = template
        .lines()
        .filter_map(|line| line.strip_prefix("    Type: "))
        .filter(|name| !name.ends_with("::Id") && !name.contains('<') && *name != "String")
        .collect();
    expect![[r#"
        AWS::ECS::Cluster
        AWS::Logs::LogGroup
        AWS::SecretsManager::Secret
        AWS::DynamoDB::Table
        AWS::IAM::Role
        AWS::IAM::Role
        AWS::ECS::TaskDefinition
        AWS::EC2::SecurityGroup
        AWS::ECS::Service"#]]
    .assert_eq(&types.join("\n"));
    for absent in [
        "LoadBalancer",
        "PortMappings",
        "PORT,",
        "GracePeriod",
        "DependsOn",
        "Ingress",
    ] {
        let lines = template
            .lines()
            .filter(|line| !line.contains("Description:"));
        let found: Vec<&str> = lines.filter(|line| line.contains(absent)).collect();
        assert!(found.is_empty(), "{absent}: {found:?}");
    }
    assert!(template.contains("StopTimeout: 30"), "{template}");
    assert!(
        template.contains("Command: [\"CMD\", \"/crawler\", \"health\"]"),
        "{template}"
    );
    let told = succeed(folder, &["check"]);
    assert_eq!(told.matches("no problem found").count(), 2, "{told}");
}

/// `TURNPIKE_TEST_CFN_LINT` is the path of cfn-lint, as for the suite `templates`.
#[test]
#[ignore = "needs cfn-lint: cargo xtask test templates"]
fn cfn_lint_finds_nothing_at_any_level() {
    let cfn_lint = std::env::var("TURNPIKE_TEST_CFN_LINT").expect("TURNPIKE_TEST_CFN_LINT is set");
    let workspace = workspace();
    rendered(workspace.path());
    assert_cmd::Command::new(cfn_lint)
        .args(["--include-checks", "I", "--regions", "us-west-2", "--"])
        .arg(workspace.path().join("out/crawler.yaml"))
        .assert()
        .success()
        .stdout("");
}

/// One fault each: the file, what stands there, and what stands there instead.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "services/page/Cargo.toml",
        "answers_within_seconds = 10",
        "answers_within_seconds = 30\nenv = { CRAWLER_URL = { link = \"crawler.url\" } }",
    ),
    (
        "services/crawler/Cargo.toml",
        "kind = \"worker\"",
        "kind = \"worker\"\npublic = true\nsmoke = [\"/\"]",
    ),
    (
        "services/crawler/Cargo.toml",
        "answers_within_seconds = 20",
        "answers_within_seconds = 5",
    ),
    (
        "services/crawler/Cargo.toml",
        "answers_within_seconds = 20",
        "answers_within_seconds = 115",
    ),
    (
        "services/crawler/Cargo.toml",
        "kind = \"worker\"",
        "kind = \"worker\"\nmemory_mib = 100",
    ),
    (
        "templates/worker.yaml.tera",
        "  {{ <ecs_security_group/> }}\n",
        "  {{ <ecs_security_group/> }}\n\n  Way:\n    Type: AWS::EC2::SecurityGroupIngress\n    Properties: {GroupId: !GetAtt ServiceSecurityGroup.GroupId, CidrIp: 0.0.0.0/0, IpProtocol: tcp, FromPort: 80, ToPort: 80}\n",
    ),
    (
        "templates/worker.yaml.tera",
        "ecs_service is_called={false}",
        "ecs_service is_called={true}",
    ),
    (
        "templates/worker.yaml.tera",
        "  {{ <ecs_service is_called={false}/> }}\n",
        "",
    ),
    (
        "templates/worker.yaml.tera",
        "  ClusterName:\n    Description: The cluster that it runs in\n    Value: !Ref Cluster\n",
        "",
    ),
    (
        "templates/ecs.tera",
        "FromPort: 443, ToPort: 443",
        "FromPort: 8443, ToPort: 8443",
    ),
];

#[test]
fn faults_are_found() {
    let workspace = workspace();
    let folder = workspace.path();
    let found = FAULTS.iter().map(|(file, before, after)| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(text.matches(before).count(), 1, "{file}: {before}");
        write(folder, file, &text.replacen(before, after, 1));
        let output = xtask(folder, &["check", "--stage", "dev"])
            .output()
            .unwrap();
        write(folder, file, &text);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        let told = told(&output);
        let lines = told
            .lines()
            .filter(|line| line.starts_with("  ") && !line.ends_with("(page)"));
        format!(
            "= {}\n{}",
            after.trim().replace('\n', " "),
            lines.collect::<Vec<_>>().join("\n")
        )
    });
    let found: Vec<String> = found.collect();
    expect![[r#"
        = answers_within_seconds = 30 env = { CRAWLER_URL = { link = "crawler.url" } }
          services/page/Cargo.toml:9: CRAWLER_URL links to `crawler`, and nobody can call a service of the kind worker
            fix: remove the link, or make it a service of another kind
        = kind = "worker" public = true smoke = ["/"]
          services/crawler/Cargo.toml:8: no browser reaches a service of the kind worker
            fix: remove `public`
          services/crawler/Cargo.toml:9: a worker service has no paths to ask
            fix: remove the paths from `smoke`: an agent that calls the service can be asked for a tool
        = answers_within_seconds = 5
          services/crawler/Cargo.toml:9: crawler answers within 5 s, and page, which it calls, takes up to 10 (services/page/Cargo.toml:8): whoever waits for crawler is gone before the answer is there
            fix: write answers_within_seconds of more than 10, or a smaller one for page
        = answers_within_seconds = 115
          services/crawler/Cargo.toml:9: crawler says that it answers within 115 s, and Fargate ends a task 120 s after it was told to stop: an answer that was under way is lost
            fix: write answers_within_seconds = 110, or less
        = kind = "worker" memory_mib = 100
          services/crawler/Cargo.toml:8: memory_mib is 100, and Fargate does not sell that with 256 CPU units
            fix: choose 512 to 2048, in steps of 512
        = {{ <ecs_security_group/> }}    Way:     Type: AWS::EC2::SecurityGroupIngress     Properties: {GroupId: !GetAtt ServiceSecurityGroup.GroupId, CidrIp: 0.0.0.0/0, IpProtocol: tcp, FromPort: 80, ToPort: 80}
          templates/worker.yaml.tera:23: ServiceSecurityGroup lets 0.0.0.0/0 in, and nobody calls the service (crawler)
            fix: remove the rule
        = ecs_service is_called={true}
          templates/ecs.tera:98: TaskDefinition has no ContainerDefinitions.0.PortMappings.0.ContainerPort; the Dockerfile exposes another port (crawler)
            fix: write ContainerPort: 
          templates/ecs.tera:170: Service depends on `Listener`, which is not a resource of the template (crawler)
            fix: known here: Cluster, LogGroup, CrawlerKeySecret, PaymentsTable, ExecutionRole, TaskRole, TaskDefinition, ServiceSecurityGroup, Service
          templates/ecs.tera:170: Service depends on `ServiceIngress`, which is not a resource of the template (crawler)
            fix: known here: Cluster, LogGroup, CrawlerKeySecret, PaymentsTable, ExecutionRole, TaskRole, TaskDefinition, ServiceSecurityGroup, Service
          templates/ecs.tera:198: the load balancer or the service has no security group of the template (crawler)
            fix: write SecurityGroups: [!GetAtt <a group>.GroupId]
          templates/ecs.tera:203: Service.LoadBalancers.0.ContainerPort is `8080`; the container listens on another port (crawler)
            fix: write ContainerPort: 
          templates/ecs.tera:204: Service refers to `TargetGroup`, which is neither a parameter nor a resource of the template (crawler)
            fix: known here: ImageUri, VpcId, SubnetIds, PageUrl, Cluster, LogGroup, CrawlerKeySecret, PaymentsTable, ExecutionRole, TaskRole, TaskDefinition, ServiceSecurityGroup, Service
        = 
          templates/ecs.tera:6: there is no AWS::ECS::Service (crawler)
            fix: add one: a service of the kind worker has it
          templates/worker.yaml.tera:9: the parameter SubnetIds is declared, and nothing uses it (crawler)
            fix: use it (!Ref SubnetIds), or remove it
          templates/worker.yaml.tera:25: ServiceName asks `Service` for Name, and there is no such resource (crawler)
            fix: known here: Cluster, LogGroup, CrawlerKeySecret, PaymentsTable, ExecutionRole, TaskRole, TaskDefinition, ServiceSecurityGroup
        = 
          templates/worker.yaml.tera:23: there is no output ClusterName, which other stacks need (crawler)
            fix: add ClusterName under Outputs
        = FromPort: 8443, ToPort: 8443
          templates/ecs.tera:159: ServiceSecurityGroup does not let the service out on port 443, to AWS, which is asked for the image, the secrets and the logs (crawler, page)
            fix: add a rule: FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0"#]].assert_eq(&found.join("\n"));
}

/// Stops the local cloud whatever happens to the test.
struct Stage<'a>(&'a Path);

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        drop(xtask(self.0, &["destroy"]).output().unwrap());
    }
}

/// The worker as `status --json` shows it.
fn process(folder: &Path) -> Json {
    let output = xtask(folder, &["status", "--json"]).output().unwrap();
    let stacks: Json = serde_json::from_slice(&output.stdout).unwrap();
    let stacks = stacks.as_array().unwrap();
    let stack = stacks
        .iter()
        .find(|stack| stack["owner"] == "crawler")
        .unwrap();
    let mut process = stack["processes"][0].clone();
    process["healthy"] = stack["healthy"].clone();
    process
}

/// Asks until something holds.
fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        match ask() {
            Ok(found) => return found,
            Err(seen) => assert!(
                Instant::now() < limit,
                "waited too long until {what}: {seen}"
            ),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until the log has so many lines of a start.
fn starts(folder: &Path, count: usize) -> String {
    until("it has logged", || {
        // A line that is not JSON has no time, and counts as old.
        let logs = succeed(folder, &["logs", "crawler", "--since", "30000d"]);
        let found = logs.matches("begins with http://127.0.0.1:").count();
        (found == count).then(|| logs.clone()).ok_or(logs)
    })
}

#[test]
fn it_runs_is_started_again_and_logs() {
    let workspace = workspace();
    let stage = Stage(workspace.path());
    let deployed = xtask(stage.0, &["deploy"]).output().unwrap();
    assert!(deployed.status.success(), "{}", told(&deployed));
    let first = process(stage.0);
    assert_eq!(first["state"], "running", "{first}");
    assert_eq!(first["healthy"], true, "{first}");
    let logs = starts(stage.0, 1);
    assert!(
        logs.contains("a key of 20 characters, a table: true"),
        "{logs}"
    );

    let pid = rustix::process::Pid::from_raw(first["pid"].as_i64().unwrap().try_into().unwrap());
    rustix::process::kill_process(pid.unwrap(), rustix::process::Signal::KILL).unwrap();
    let again = until("it runs again", || {
        let again = process(stage.0);
        let runs = again["restarts"] == 1 && again["state"] == "running";
        if runs {
            Ok(again)
        } else {
            Err(again.to_string())
        }
    });
    assert_ne!(again["pid"], first["pid"]);
    assert_eq!(again["healthy"], true, "{again}");
    let status = succeed(stage.0, &["status"]);
    assert!(status.contains("1 restarts (last: signal 9)"), "{status}");
    starts(stage.0, 2);
}
