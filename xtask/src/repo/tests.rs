use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::load::{Package, facts};

fn service(name: &str, metadata: Json) -> Package {
    Package {
        name: name.to_owned(),
        manifest: Path::new("/none/services").join(name).join("Cargo.toml"),
        repository: None,
        metadata: json!({ "service": metadata }),
    }
}

fn stages() -> Json {
    json!({ "local": { "cloud": "local", "price": "0.01" }, "dev": { "region": "us-west-2", "price": "0.01" } })
}

#[track_caller]
fn check(packages: &[Package], stages: Json, expected: Expect) {
    let workspace = json!({ "project": "turnpike", "stages": stages });
    let shown = match facts(
        Path::new("/none"),
        Path::new("/none/target"),
        packages,
        &workspace,
    ) {
        Ok(repo) => repo
            .services
            .iter()
            .map(|service| service.name.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        Err(problems) => problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    };
    expected.assert_eq(&shown);
}

fn backend() -> Package {
    service(
        "backend",
        json!({ "kind": "fargate", "env": { "PRICE": { "stage": "price" } } }),
    )
}

fn agent(args: Json) -> Package {
    service("agent", json!({ "kind": "agentcore", "args": args }))
}

#[test]
fn good_facts() {
    check(
        &[
            agent(json!({ "URL": { "link": "backend.url" } })),
            backend(),
        ],
        stages(),
        expect!["agent backend"],
    );
}

#[test]
fn unknown_keys_everywhere_are_reported_together() {
    let odd = service(
        "odd",
        json!({ "knid": "lambda", "env": { "A": { "link": "backend.url", "hoste": "x" } } }),
    );
    check(
        &[backend(), odd],
        json!({ "local": { "cloud": "locl", "price": "0.01" } }),
        expect![[r#"
            Cargo.toml: unknown cloud `locl`
                fix: did you mean "local"?
            services/odd/Cargo.toml: the service has no `kind`
                fix: set kind to one of: fargate, lambda, agentcore
            services/odd/Cargo.toml: unknown key `hoste` in [package.metadata.service.env.A]
                fix: did you mean `hosted`? known keys: hosted, link, optional, stage
            services/odd/Cargo.toml: unknown key `knid` in [package.metadata.service]
                fix: did you mean `kind`? known keys: args, cpu_units, data, env, kind, memory_mib, optional, payments_table, public, secrets, smoke, timeout_seconds"#]],
    );
}

#[test]
fn links_meet_services_and_outputs() {
    let links = json!({ "A": { "link": "backnd.url" }, "B": { "link": "backend.urll" }, "C": { "link": "backend" } });
    check(
        &[agent(links), backend()],
        stages(),
        expect![[r#"
            services/agent/Cargo.toml: A links to `backnd`, which is no service
                fix: did you mean `backend`? services: agent, backend
            services/agent/Cargo.toml: B links to `backend.urll`, which is no output of it
                fix: did you mean `url`? outputs of a fargate service: url, serviceName, clusterName, logGroupName
            services/agent/Cargo.toml: `backend` is not a link
                fix: write link = "service.output", for example "x402-backend.url""#]],
    );
}

#[test]
fn a_cycle_is_named_whole() {
    let ring = |name: &str, next: &str| {
        service(
            name,
            json!({ "kind": "fargate", "args": { "NEXT": { "link": format!("{next}.url") } } }),
        )
    };
    check(
        &[
            ring("a", "b"),
            ring("b", "c"),
            ring("c", "a"),
            ring("outside", "a"),
        ],
        json!({ "local": { "cloud": "local" } }),
        expect![[r#"
            services/c/Cargo.toml: the links form a cycle: a -> b -> c -> a
                fix: remove one of these links: what is deployed first cannot know what comes after it"#]],
    );
}

#[test]
fn empty_and_missing_values() {
    check(
        &[
            agent(json!({ "URL": "", "OTHER": { "stage": "" } })),
            backend(),
        ],
        stages(),
        expect![[r#"
            services/agent/Cargo.toml: `OTHER` says neither or both of `link` and `stage`
                fix: write one of: "text", { link = "service.output" }, { stage = "setting" }
            services/agent/Cargo.toml: `URL` is empty
                fix: give URL a value, or remove the line
            services/agent/Cargo.toml: `stage` is empty
                fix: give `stage` a value"#]],
    );
    check(
        &[backend()],
        json!({ "local": { "cloud": "local" }, "dev": { "price": "0.01", "prize": "0.02" } }),
        expect![[r#"
            Cargo.toml: the stage has no `price`, which backend needs for PRICE
                fix: add price = "..." to [workspace.metadata.stages.local]
            Cargo.toml: the stage has no `region`
                fix: add region = "us-west-2", or another
            Cargo.toml: unknown key `prize` in [workspace.metadata.stages.dev]
                fix: did you mean `price`? known keys: cloud, region, account, vpc_cidr, log_retention_days, protect, price"#]],
    );
}

#[test]
fn secrets_never_stand_in_clear() {
    let key = format!("0x{}", "ab".repeat(32));
    let args = json!({ "PRIVATE_KEY": "x", "SEED": key, "ACCESS": "AKIAIOSFODNN7EXAMPLE", "DB": "postgres://me:pw@host/db" });
    check(
        &[agent(args), backend()],
        stages(),
        expect![[r#"
            services/agent/Cargo.toml: ACCESS looks like a secret (its value is an AWS access key), and `args` are readable by anyone who has the image or the template
                fix: move it to [package.metadata.service.secrets]: ACCESS = { name = "...", length = 64, alphabet = "hex" }
            services/agent/Cargo.toml: DB looks like a secret (its value is a URL with a password), and `args` are readable by anyone who has the image or the template
                fix: move it to [package.metadata.service.secrets]: DB = { name = "...", length = 64, alphabet = "hex" }
            services/agent/Cargo.toml: PRIVATE_KEY looks like a secret (its name says `PRIVATE`), and `args` are readable by anyone who has the image or the template
                fix: move it to [package.metadata.service.secrets]: PRIVATE_KEY = { name = "...", length = 64, alphabet = "hex" }
            services/agent/Cargo.toml: SEED looks like a secret (its value is 64 hexadecimal digits, the form of a private key), and `args` are readable by anyone who has the image or the template
                fix: move it to [package.metadata.service.secrets]: SEED = { name = "...", length = 64, alphabet = "hex" }"#]],
    );
}

#[test]
fn names_are_unique() {
    let twice = service(
        "back-end",
        json!({ "kind": "lambda", "env": { "A": "1" }, "args": { "A": "2" } }),
    );
    let same = service("back_end", json!({ "kind": "lambda" }));
    check(
        &[twice, same],
        stages(),
        expect![[r#"
            services/back-end/Cargo.toml: A is a Docker ARG, but a lambda is a zip without an image
                fix: move it to [package.metadata.service.env]
            services/back-end/Cargo.toml: duplicate name: A is also under `args`
                fix: keep it under [package.metadata.service.args] or under [package.metadata.service.env], not both
            services/back_end/Cargo.toml: duplicate name: `back_end` and `back-end` would share a stack
                fix: rename one of them"#]],
    );
}

#[test]
fn a_public_page_is_no_public_wallet() {
    let frontend = service(
        "frontend",
        json!({ "kind": "fargate", "env": { "ACCESS": { "stage": "access" } } }),
    );
    check(
        &[frontend],
        json!({ "dev": { "region": "us-west-2", "access": "open", "account": "123" } }),
        expect![[r#"
            Cargo.toml: `123` is no AWS account id
                fix: write the twelve digits in quotes
            Cargo.toml: access is "open": a public page would be a public wallet
                fix: set access = "key""#]],
    );
}

#[test]
fn a_secret_that_a_person_has_made_is_named_by_its_arn() {
    let with = |secret: Json| {
        service(
            "backend",
            json!({ "kind": "fargate", "env": { "PRICE": { "stage": "price" } }, "secrets": { "API_KEY": secret } }),
        )
    };
    let named = |arn: &str| json!({ "dev": { "region": "us-west-2", "price": "1", "api_key_secret": arn } });
    let good = "arn:aws:secretsmanager:us-west-2:123456789012:secret:api-AbCdEf";
    let optional = || with(json!({ "stage": "api_key_secret", "optional": true }));
    check(&[optional()], named(good), expect!["backend"]);
    check(&[optional()], stages(), expect!["backend"]);
    check(
        &[with(json!({ "stage": "api_key_secret" }))],
        json!({ "dev": { "region": "us-west-2", "price": "1" } }),
        expect![[r#"
            Cargo.toml: the stage has no `api_key_secret`, which backend needs for API_KEY
                fix: make the secret in Secrets Manager, and add api_key_secret = "<its ARN>" to [workspace.metadata.stages.dev]"#]],
    );
    // Somebody may have written the key itself: it is not shown again.
    check(
        &[optional()],
        named("sk_test_1234"),
        expect![[r#"
        Cargo.toml: `api_key_secret` is not the whole ARN of a secret
            fix: write arn:aws:secretsmanager:<region>:<account>:secret:<name>-<6 characters>; `aws secretsmanager describe-secret --secret-id <name>` says it"#]],
    );
    check(
        &[optional()],
        named("arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf"),
        expect![[r#"
            Cargo.toml: `api_key_secret` is a secret in eu-west-1, and the stage is in us-west-2
                fix: make it in us-west-2 too, and name that one"#]],
    );
    let pinned = json!({ "dev": { "region": "us-west-2", "price": "1", "account": "210987654321", "api_key_secret": good } });
    check(
        &[optional()],
        pinned,
        expect![[r#"
        Cargo.toml: `api_key_secret` is a secret of another account than the stage's
            fix: make it in the stage's account, and name that one"#]],
    );
    check(
        &[with(json!({ "length": 3 }))],
        stages(),
        expect![[r#"
        services/backend/Cargo.toml: `API_KEY` says neither `name` nor `stage`
            fix: name the secret that the cloud makes, or the stage's setting with the ARN of one"#]],
    );
    check(
        &[with(json!({ "stage": "api_key_secret", "name": "api" }))],
        named(good),
        expect![[r#"
            services/backend/Cargo.toml: unknown key `name` in [package.metadata.service.secrets.API_KEY]
                fix: known keys: optional, stage"#]],
    );
}
