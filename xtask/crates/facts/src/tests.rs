use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use super::load::{Package, facts};

pub(crate) fn service(name: &str, metadata: Json) -> Package {
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
pub(crate) fn check(packages: &[Package], stages: Json, expected: Expect) {
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
                fix: set kind to one of: fargate, lambda, agentcore, worker
            services/odd/Cargo.toml: unknown key `hoste` in [package.metadata.service.env.A]
                fix: did you mean `hosted`? known keys: at_most, decimals, development_needs, exclusive, facilitator, hosted, https, link, one_of, optional, own_asset, refused_on_aws, stage, type, zero
            services/odd/Cargo.toml: unknown key `knid` in [package.metadata.service]
                fix: did you mean `kind`? known keys: answers_within_seconds, args, cpu_units, data, env, kind, listing, memory_mib, optional, public, secrets, smoke, table, timeout_seconds"#]],
    );
}

#[test]
fn a_table_has_a_name_and_smoke_asks_what_can_be_asked() {
    let odd = service(
        "odd",
        json!({
            "kind": "fargate", "table": "Payments", "payments_table": true,
            "smoke": ["ready", { "path": "/a" }, { "path": "/b", "paid": true }, { "tool": "t" }, { "paid": true }, 7],
        }),
    );
    let function = service(
        "function",
        json!({ "kind": "lambda", "table": "payments", "smoke": ["/ready"] }),
    );
    let agent = service(
        "thinker",
        json!({ "kind": "agentcore", "table": "notes", "smoke": [{ "tool": "t" }] }),
    );
    check(
        &[odd, function, agent],
        stages(),
        expect![[r#"
            services/function/Cargo.toml: a lambda service has no paths to ask
                fix: remove the paths from `smoke`: an agent that calls the service can be asked for a tool
            services/odd/Cargo.toml: `7` in `smoke` is not something to ask
                fix: write smoke = ["/ready"], with { path = "/...", paid = true } for what is sold, { path = "/...", refused = true } for what strangers may not see, and { tool = "..." } or { ask = "..." } for an agent
            services/odd/Cargo.toml: `Payments` is not a name of a table: small letters, digits and -
                fix: write table = "payments"
            services/odd/Cargo.toml: `payments_table` is now `table`, which names the table
                fix: write table = "payments"
            services/odd/Cargo.toml: `ready` in `smoke` is not a path
                fix: write "/ready"
            services/odd/Cargo.toml: `{"paid":true}` in `smoke` is not something to ask
                fix: write smoke = ["/ready"], with { path = "/...", paid = true } for what is sold, { path = "/...", refused = true } for what strangers may not see, and { tool = "..." } or { ask = "..." } for an agent
            services/odd/Cargo.toml: a fargate service has no tools to ask for
                fix: ask an agent for the tool, or name a path
            services/thinker/Cargo.toml: a service of the kind agentcore has no table
                fix: give the table to a service of the kind fargate or lambda or worker"#]],
    );
}

#[test]
fn links_meet_services_and_outputs() {
    let links = json!({ "A": { "link": "backnd.url" }, "B": { "link": "backend.urll" }, "C": { "link": "backend" } });
    check(
        &[agent(links), backend()],
        stages(),
        expect![[r#"
            services/agent/Cargo.toml: A links to `backnd`, which is not a service
                fix: did you mean `backend`? services: agent, backend
            services/agent/Cargo.toml: B links to `backend.urll`, which is not an output of it
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
fn a_page_is_where_a_browser_comes() {
    check(
        &[
            service("agent", json!({ "kind": "agentcore", "public": true })),
            backend(),
        ],
        stages(),
        expect![[r#"
            services/agent/Cargo.toml: no browser reaches a service of the kind agentcore
                fix: remove `public`"#]],
    );
}

#[test]
fn a_public_page_is_no_public_wallet() {
    let frontend = service(
        "frontend",
        json!({ "kind": "fargate", "env": { "ACCESS": {
            "stage": "access", "type": "choice", "one_of": ["key", "open"],
            "refused_on_aws": { "open": "a public page would be a public wallet" },
        } } }),
    );
    check(
        &[frontend],
        json!({ "dev": { "region": "us-west-2", "access": "open", "account": "123" } }),
        expect![[r#"
            Cargo.toml: `123` is not the id of an AWS account
                fix: write the twelve digits in quotes
            Cargo.toml: access is "open": a public page would be a public wallet
                fix: set access = "key""#]],
    );
}

#[test]
fn a_protected_stage_says_whose_it_is() {
    let stage = |more: Json| {
        let mut stage = json!({ "region": "us-west-2", "protect": true });
        for (key, value) in more.as_object().unwrap() {
            stage[key] = value.clone();
        }
        json!({ "prod": stage })
    };
    let page = || service("page", json!({ "kind": "fargate" }));
    check(
        &[page()],
        stage(json!({})),
        expect![[r#"
        Cargo.toml: the stage is protected and names no `account`: credentials of another would deploy a second one
            fix: add account = "...", the twelve digits that `aws sts get-caller-identity` shows"#]],
    );
    check(
        &[page()],
        stage(json!({ "account": "123456789012" })),
        expect!["page"],
    );
}

#[test]
fn a_choice_is_one_of_a_few() {
    let page = |value: Json| {
        service(
            "page",
            json!({ "kind": "fargate", "env": { "ACCESS": value } }),
        )
    };
    let stage = |access: &str| json!({ "dev": { "region": "us-west-2", "access": access } });
    let choice = json!({
        "stage": "access", "type": "choice", "one_of": ["key", "open", "list"],
        "refused_on_aws": { "open": "everybody would come in" },
    });
    check(
        &[page(choice)],
        stage("opn"),
        expect![[r#"
        Cargo.toml: `access` is `opn`, which is not a choice
            fix: set access = "key" or "list""#]],
    );
    let refused = json!({
        "stage": "access", "type": "choice", "one_of": ["key"], "refused_on_aws": { "opn": "everybody would come in" },
    });
    check(
        &[page(refused)],
        stage("key"),
        expect![[r#"
        services/page/Cargo.toml: `refused_on_aws` names `opn`, which is not in `one_of`
            fix: use one of: key"#]],
    );
    let nothing = json!({
        "stage": "access", "type": "choice", "one_of": ["open"], "refused_on_aws": { "open": "everybody would come in" },
    });
    check(
        &[page(nothing)],
        stage("key"),
        expect![[r#"
        services/page/Cargo.toml: a choice needs values in `one_of` that are not refused on AWS
            fix: add one_of = ["...", "..."]"#]],
    );
    check(
        &[page(json!({ "stage": "access", "one_of": ["key"] }))],
        stage("key"),
        expect![[r#"
            services/page/Cargo.toml: `one_of` belongs to values of type = "choice"
                fix: add type = "choice", or remove `one_of`"#]],
    );
}

#[test]
fn a_service_has_one_model() {
    let models = json!({ "kind": "agentcore", "env": {
        "FIRST": { "stage": "model", "type": "model" },
        "SECOND": { "stage": "model", "type": "model" },
    } });
    let stage = |model: &str| json!({ "dev": { "region": "us-west-2", "model": model } });
    check(
        &[service("agent", models)],
        stage("us.amazon.nova-2-lite-v1:0"),
        expect![[r#"
            services/agent/Cargo.toml: SECOND is the second value of type "model", and a service has one
                fix: keep one of them"#]],
    );
    let model =
        json!({ "kind": "agentcore", "env": { "MODEL": { "stage": "model", "type": "model" } } });
    check(
        &[service("agent", model)],
        stage("arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-2-lite-v1:0"),
        expect![[r#"
            Cargo.toml: `model` is `arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-2-lite-v1:0`, which is not the id of a Bedrock model
                fix: write the id of a model or of an inference profile, such as "us.amazon.nova-2-lite-v1:0""#]],
    );
}

fn seller(name: &str, setting: &str) -> Package {
    service(
        name,
        json!({ "kind": "fargate", "env": {
            "PRICE": { "stage": "price", "type": "amount", "decimals": 6, "at_most": "limit" },
            "LIMIT": { "stage": "limit", "type": "amount", "decimals": 6, "zero": true },
            "NODE_URL": { "stage": "node", "optional": true, "type": "url", "https": true },
            "NETWORK": { "stage": "network", "type": "network", "development_needs": "node" },
            "PAY_TO": { "stage": setting, "type": "address", "exclusive": true },
        } }),
    )
}

#[test]
fn settings_are_what_the_manifests_say() {
    let one = "0x00000000000000000000000000000000000000ab";
    let two = "0x00000000000000000000000000000000000000ac";
    let good = |price: &str, node: &str, network: &str, pay_to: &str| json!({ "region": "us-west-2", "price": price, "limit": "0.05", "node": node, "network": network, "pay_to": pay_to });
    // What holds: on loopback and on this machine plain http does, and networks may share an address.
    check(
        &[seller("backend", "pay_to")],
        json!({
            "dev": good("0.05", "http://127.0.0.1:8545", "eip155:31337", one),
            "prod": good("0.000001", "https://node.example", "eip155:8453", one),
            "local": { "cloud": "local", "price": "1", "limit": "1.0", "network": "eip155:31337", "node": "http://node.example", "pay_to": two },
        }),
        expect!["backend"],
    );
    check(
        &[seller("backend", "pay_to")],
        json!({
            "a": good("0.051", "http://[::1]:80@node.example", "eip155:08453", "0x00000000000000000000000000000000000000A"),
            "b": good("01", "http://10.0.0.1", "eip155:84532", one),
            "c": good("1.", "http://localhost.example", "eip155:84532", "0x00000000000000000000000000000000000000AB"),
            "d": good("340282366920938463463374607431768211456", "node", "solana:1", two),
            "e": { "region": "us-west-2", "price": "-1", "limit": "0", "network": "eip155:31337", "pay_to": two },
            "f": good("0.00", "https://node.example", "eip155:10", two),
        }),
        expect![[r#"
            Cargo.toml: `network` is `eip155:08453`, which is not the CAIP-2 name of an EVM chain
                fix: write eip155: and the number of the chain, such as eip155:84532
            Cargo.toml: `network` is `solana:1`, which is not the CAIP-2 name of an EVM chain
                fix: write eip155: and the number of the chain, such as eip155:84532
            Cargo.toml: `network` is eip155:31337, where money is free for everybody, and backend would stand on the internet with it
                fix: name a real network, such as eip155:84532, or set `node` to a node of that chain
            Cargo.toml: `node` is `http://10.0.0.1`: whoever is on the way could answer backend in its place
                fix: write https://...; plain http is for this machine alone
            Cargo.toml: `node` is `http://[::1]:80@node.example`: whoever is on the way could answer backend in its place
                fix: write https://...; plain http is for this machine alone
            Cargo.toml: `node` is `http://localhost.example`: whoever is on the way could answer backend in its place
                fix: write https://...; plain http is for this machine alone
            Cargo.toml: `node` is `node`, which is not a URL
                fix: write https://...
            Cargo.toml: `node` looks like a secret (its value is a URL with a password)
                fix: a secret is never written down: let the cloud make it (secrets), or name one that it holds
            Cargo.toml: `pay_to` is `0x00000000000000000000000000000000000000A`, which is not an address
                fix: write 0x and 40 hexadecimal digits
            Cargo.toml: `price` is `-1`, which is not an amount
                fix: write a decimal number of the asset's units: "0.01"
            Cargo.toml: `price` is `0.00`, and backend needs more than nothing
                fix: write at least "0.000001"
            Cargo.toml: `price` is `0.051`, and may be at most `limit`, which is `0.05`
                fix: lower `price` to "0.05", or raise `limit`
            Cargo.toml: `price` is `01`, which is not an amount
                fix: write a decimal number of the asset's units: "0.01"
            Cargo.toml: `price` is `1.`, which is not an amount
                fix: write a decimal number of the asset's units: "0.01"
            Cargo.toml: `price` is `340282366920938463463374607431768211456`, and that is more than there is
                fix: write a smaller number
            Cargo.toml: backend of c and backend of b are paid at one address of eip155:84532: one payment could be sold twice
                fix: write another address of yours into `pay_to` of one of the stages"#]],
    );
    let both = [
        seller("backend", "pay_to"),
        seller("frontend", "pay_to"),
        seller("third", "other"),
    ];
    check(
        &both,
        json!({ "local": { "cloud": "local", "price": "1", "limit": "1", "network": "eip155:31337", "pay_to": one, "other": one } }),
        expect![[r#"
            Cargo.toml: frontend of local and backend of local are paid at one address of eip155:31337: one payment could be sold twice
                fix: give frontend a setting of its own instead of `pay_to`
            Cargo.toml: third of local and backend of local are paid at one address of eip155:31337: one payment could be sold twice
                fix: give third a setting of its own instead of `other`"#]],
    );
}

#[test]
fn callers_wait_longer_than_what_they_call_takes() {
    let link = |name: &str, kind: &str, seconds: Json, callee: &str| {
        let env = match callee {
            "" => json!({}),
            callee => json!({ "URL": { "link": format!("{callee}.url") } }),
        };
        service(
            name,
            json!({ "kind": kind, "answers_within_seconds": seconds, "env": env }),
        )
    };
    let stages = || json!({ "local": { "cloud": "local" } });
    check(
        &[
            link("a", "lambda", json!(29), "b"),
            link("b", "fargate", json!(28), ""),
        ],
        stages(),
        expect!["a b"],
    );
    check(
        &[
            link("a", "lambda", json!(30), "b"),
            link("b", "fargate", json!(30), "c"),
            link("c", "fargate", json!(20), "backend"),
            backend(),
            link("d", "fargate", json!(0), ""),
            link("e", "fargate", json!(10), "d"),
            service(
                "f",
                json!({ "kind": "fargate", "env": { "URL": { "link": "e.url" } } }),
            ),
            link("g", "fargate", json!(111), ""),
        ],
        json!({ "local": { "cloud": "local", "price": "1" } }),
        expect![[r#"
            services/a/Cargo.toml: a answers within 30 s, and b, which it calls, takes up to 30 (services/b/Cargo.toml): whoever waits for a is gone before the answer is there
                fix: write answers_within_seconds of more than 30, or a smaller one for b
            services/a/Cargo.toml: a says that it answers within 30 s, and Lambda ends it after 30
                fix: write timeout_seconds = 35, or a smaller answers_within_seconds
            services/c/Cargo.toml: c calls backend, which does not say how long that takes
                fix: write answers_within_seconds into the manifest of backend: less than here
            services/d/Cargo.toml: no service answers within 0 s
                fix: write answers_within_seconds = 30, or another number
            services/f/Cargo.toml: f calls e, which takes up to 10 s (services/e/Cargo.toml), and does not say how long it takes itself
                fix: write answers_within_seconds = 20, or another number above 10
            services/g/Cargo.toml: g says that it answers within 111 s, and Fargate ends a task 120 s after it was told to stop: an answer that was under way is lost
                fix: write answers_within_seconds = 110, or less"#]],
    );
}

#[test]
fn a_type_is_read_strictly() {
    let amounts = json!({
        "A": { "stage": "a", "type": "amount" },
        "B": { "stage": "a", "decimals": 6 },
        "C": { "stage": "a", "type": "adress" },
        "D": { "stage": "a", "type": "network", "https": true },
        "E": { "stage": "a", "type": "url", "https": "yes" },
        "F": { "stage": "a", "type": "amount", "decimals": -1, "zero": true },
        "G": { "stage": "a", "type": "amount", "decimals": 37 },
        "H": { "stage": "a", "type": "amount", "decimals": { "stage": "places" } },
    });
    check(
        &[service("odd", json!({ "kind": "fargate", "env": amounts }))],
        json!({ "local": { "cloud": "local", "a": "1" } }),
        expect![[r#"
            services/odd/Cargo.toml: `decimals` belongs to values of type = "amount"
                fix: add type = "amount", or remove `decimals`
            services/odd/Cargo.toml: `decimals` does not say which setting it follows, and what holds without it
                fix: write decimals = { stage = "asset_decimals", default = 6 }
            services/odd/Cargo.toml: `decimals` is not a whole number
                fix: write decimals = 6, or another number
            services/odd/Cargo.toml: `https` belongs to values of type = "url"
                fix: add type = "url", or remove `https`
            services/odd/Cargo.toml: `https` is a text, not true or false
                fix: write https = true or https = false
            services/odd/Cargo.toml: an amount needs the `decimals` of its asset
                fix: add decimals = 6
            services/odd/Cargo.toml: no asset has more than 36 decimal places
                fix: write decimals = 6
            services/odd/Cargo.toml: unknown type `adress`
                fix: did you mean "address"?"#]],
    );
    let named = json!({
        "A": { "stage": "price", "type": "amount", "decimals": 6, "at_most": "prise" },
        "B": { "stage": "net", "type": "network", "development_needs": "something_else" },
        "C": { "stage": "price", "type": "amount", "decimals": { "stage": "something_else", "default": 6 } },
    });
    check(
        &[service("odd", json!({ "kind": "fargate", "env": named }))],
        json!({ "local": { "cloud": "local", "price": "1", "net": "eip155:1" } }),
        expect![[r#"
            services/odd/Cargo.toml: A names `prise`, which is not a setting
                fix: did you mean `price`?
            services/odd/Cargo.toml: B names `something_else`, which is not a setting
                fix: name a setting that a service uses
            services/odd/Cargo.toml: C names `something_else`, which is not a setting
                fix: name a setting that a service uses"#]],
    );
}

#[test]
fn amounts_follow_the_decimals_of_their_stage() {
    let follow = json!({ "stage": "places", "default": 6 });
    let env = json!({
        "PRICE": { "stage": "price", "type": "amount", "decimals": follow, "at_most": "limit" },
        "LIMIT": { "stage": "limit", "type": "amount", "decimals": follow },
        "PLACES": { "stage": "places", "optional": true, "type": "decimals" },
    });
    let with = |price: &str, limit: &str, places: Json| json!({ "cloud": "local", "price": price, "limit": limit, "places": places });
    let seller = service("seller", json!({ "kind": "fargate", "env": env }));
    let last = "0.000000000000000001";
    check(
        std::slice::from_ref(&seller),
        json!({
            "six": { "cloud": "local", "price": "0.000001", "limit": "0.05" },
            "eighteen": with(last, last, json!("18")),
            "none": with("1", "5", json!("0")),
        }),
        expect!["seller"],
    );
    check(
        &[seller],
        json!({
            "a": { "cloud": "local", "price": last, "limit": "0.05" },
            "b": with("20.000000000000000001", "20.000000000000000000", json!("18")),
            "c": with("0.5", "5", json!("0")),
            "d": with("0.000001", "0.05", json!("37")),
            "e": with("0.000001", "0.05", json!("six")),
        }),
        expect![[r#"
            Cargo.toml: `places` is `37`, and an asset has 0 to 36 decimal places
                fix: write places = "6", or what the token's decimals() says
            Cargo.toml: `places` is `six`, and an asset has 0 to 36 decimal places
                fix: write places = "6", or what the token's decimals() says
            Cargo.toml: `price` is `0.000000000000000001`, and the asset has 6 decimal places
                fix: round it; the smallest amount is "0.000001"
            Cargo.toml: `price` is `0.5`, and the asset has 0 decimal places
                fix: round it; the smallest amount is "1"
            Cargo.toml: `price` is `20.000000000000000001`, and may be at most `limit`, which is `20.000000000000000000`
                fix: lower `price` to "20.000000000000000000", or raise `limit`"#]],
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
