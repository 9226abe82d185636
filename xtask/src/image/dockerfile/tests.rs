use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(text: &str, args: &[(&str, &str)], expected: Expect) {
    let args = args
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let shown = match interpret("Dockerfile", text, &args) {
        Ok(image) => format!(
            "{}\ncopies: {:?}\nused: {:?}",
            image.config.to_json("arm64")["config"],
            image.copies,
            image.args_used
        ),
        Err(problem) => problem,
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_whole_service() {
    check(
        "FROM scratch\nARG URL\nENV HOST=0.0.0.0 \\\n    PORT=8080 URL=${URL}\nCOPY --chmod=0555 app /app\nUSER 65532:65532\nEXPOSE 8080\n\
         HEALTHCHECK --interval=10s --timeout=2s --start-period=1m5s --retries=5 CMD [\"/app\", \"health\"]\nENTRYPOINT [\"/app\"]\n",
        &[("URL", "http://b/")],
        expect![[r#"
            {"Entrypoint":["/app"],"Env":["HOST=0.0.0.0","PORT=8080","URL=http://b/"],"ExposedPorts":{"8080/tcp":{}},"Healthcheck":{"Interval":10000000000,"Retries":5,"StartPeriod":65000000000,"Test":["CMD","/app","health"],"Timeout":2000000000},"Labels":{},"User":"65532:65532","WorkingDir":"/"}
            copies: [Copied { sources: ["app"], destination: "/app", mode: Some(365), owner: None }]
            used: ["URL"]"#]],
    );
}

#[test]
fn scopes_of_arg_and_env() {
    // An ARG before FROM is gone after it; ENV wins over ARG; one line's pairs see the values from before it.
    check(
        "ARG A=1\nFROM scratch\nENV B=${A}\n",
        &[],
        expect!["Dockerfile:3: $A has no value: no ARG or ENV before this line sets it"],
    );
    check(
        "FROM scratch\nARG A=1\nENV A=2\nENV A=3 B=$A\nARG UNUSED=9\n",
        &[],
        expect![[r#"
            {"Env":["A=3","B=2"],"ExposedPorts":{},"Labels":{},"User":"","WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
}

#[test]
fn refusals_name_the_line_and_the_way_out() {
    check(
        "FROM scratch\nARG URL\n",
        &[],
        expect![
            "Dockerfile:2: ARG URL has no value; add URL to [package.metadata.service.args], or a default: ARG URL=..."
        ],
    );
    check(
        "FROM scratch\nARG URL\n",
        &[("URL", "")],
        expect!["Dockerfile:2: ARG URL is empty; give URL a value in the service's args"],
    );
    check(
        "FROM scratch\n",
        &[("URL", "x")],
        expect!["Dockerfile: URL is given a value, but no line declares it; add `ARG URL`"],
    );
    check(
        "FROM scratch\n\nRUN ls\n",
        &[],
        expect!["Dockerfile:3: RUN is not declarative: it needs the docker builder"],
    );
    check(
        "FROM debian\n",
        &[],
        expect![
            "Dockerfile:1: FROM debian needs the docker builder; static binaries need only `FROM scratch`"
        ],
    );
    check(
        "FROM scratch\nUSER nobody\n",
        &[],
        expect![
            "Dockerfile:2: USER nobody is not numeric; write USER 65532:65532 (an image from scratch has no names)"
        ],
    );
    check(
        "FROM scratch\nENTRYPOINT /app serve\n",
        &[],
        expect![[
            r#"Dockerfile:2: ENTRYPOINT in shell form needs a shell; write ENTRYPOINT ["/app", "serve"]"#
        ]],
    );
    check(
        "FROM scratch\nCOPY ../x /x\n",
        &[],
        expect!["Dockerfile:2: COPY ../x leads out of the build context"],
    );
    check(
        "# syntax=docker/dockerfile:1\nFROM scratch\n",
        &[],
        expect![
            "Dockerfile:1: a `# syntax=` line makes the engine fetch a frontend from the network; remove it"
        ],
    );
    check(
        "FROM scratch\nHEALTHCHECK --interval=500ms CMD [\"/a\"]\n",
        &[],
        expect![
            "Dockerfile:2: --interval=500ms is no duration in whole seconds, such as 10s or 1m30s"
        ],
    );
    check(
        "FROM scratch\nCPOY a /a\n",
        &[],
        expect!["Dockerfile:2: unknown instruction 'CPOY'"],
    );
}
