//! Dockerfiles for the Docker engine: which line makes them so, and what is read of them all the same.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(dockerfile: &str, args: &[(&str, &str)], expected: Expect) {
    let args = args
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let shown = match read("Dockerfile", dockerfile, &args.collect()) {
        Err(problem) => problem,
        Ok(image) => match image.outside {
            None => "embedded".to_owned(),
            Some(outside) => {
                let config = &image.config;
                let check = config.health_check.as_ref().map(|check| &check.command);
                let base = if outside.on_scratch { "none" } else { "some" };
                format!(
                    "{}: {}; base {base}, user {:?}, ports {:?}, entrypoint {:?}, check {check:?}",
                    outside.line,
                    outside.what,
                    config.user,
                    config.exposed_ports,
                    config.entrypoint
                )
            }
        },
    };
    expected.assert_eq(&shown);
}

#[test]
fn the_line_that_needs_the_engine_is_found() {
    check(
        "FROM scratch\nCOPY a /a\nUSER 1\n",
        &[],
        expect!["embedded"],
    );
    check("ARG B=scratch\nFROM $B AS x\n", &[], expect!["embedded"]);
    check(
        "\n# x\nFROM scratch\n\nRUN true\n",
        &[],
        expect![[r#"5: RUN; base none, user "", ports [], entrypoint [], check None"#]],
    );
    check(
        "ARG B=debian\nARG V=12\nFROM ${B}:${V}\n",
        &[],
        expect![[r#"3: FROM debian:12; base some, user "", ports [], entrypoint [], check None"#]],
    );
    check(
        "FROM scratch\nCOPY <<E /a\nx\nE\n",
        &[],
        expect![[
            r#"2: COPY with a here-document; base none, user "", ports [], entrypoint [], check None"#
        ]],
    );
    check(
        "FROM scratch\nADD a /a\n",
        &[],
        expect![[r#"2: ADD; base none, user "", ports [], entrypoint [], check None"#]],
    );
    check(
        "FROM scratch\nSTOPSIGNAL 9\n",
        &[],
        expect![[r#"2: STOPSIGNAL; base none, user "", ports [], entrypoint [], check None"#]],
    );
    check(
        "FROM scratch\nCOPY --from=other a /a\n",
        &[],
        expect![[r#"2: COPY --from; base none, user "", ports [], entrypoint [], check None"#]],
    );
    check(
        "FROM scratch\nONBUILD USER 1\n",
        &[],
        expect![[r#"2: ONBUILD; base none, user "", ports [], entrypoint [], check None"#]],
    );
}

#[test]
fn the_last_stage_and_what_it_stands_on_are_read() {
    check(
        "FROM --platform=$BUILDPLATFORM rust:1 AS build\nARG BUILDPLATFORM\nWORKDIR /x\nRUN cargo build\nUSER 1\nEXPOSE 1\n\
         FROM scratch\nCOPY --from=build /x/app /app\nUSER 65532:65532\nEXPOSE 8080\nENTRYPOINT [\"/app\"]\n\
         HEALTHCHECK --interval=10s CMD [\"/app\", \"health\"]\n",
        &[],
        expect![[
            r#"1: FROM rust:1; base none, user "65532:65532", ports ["8080/tcp"], entrypoint ["/app"], check Some(["/app", "health"])"#
        ]],
    );
    check(
        "FROM debian AS Base\nUSER 5\nENV PORT=80\nEXPOSE ${PORT}80\nFROM base\nENTRYPOINT app --serve\nEXPOSE $PORT\n\
         HEALTHCHECK CMD curl -f localhost || exit 1\n",
        &[],
        expect![[
            r#"1: FROM debian; base some, user "5", ports ["8080/tcp", "80/tcp"], entrypoint ["/bin/sh", "-c", "app --serve"], check Some(["/bin/sh", "-c", "curl -f localhost || exit 1"])"#
        ]],
    );
    check(
        "FROM scratch AS a\nRUN x\nFROM a\nUSER 1\n",
        &[],
        expect![[r#"2: RUN; base none, user "1", ports [], entrypoint [], check None"#]],
    );
}

#[test]
fn arguments_are_checked_as_always() {
    check(
        "FROM debian\nARG URL\nUSER 1\n",
        &[],
        expect![
            "Dockerfile:2: ARG URL has no value; add URL to [package.metadata.service.args], or a default: ARG URL=..."
        ],
    );
    check(
        "FROM debian\nARG URL\nUSER 1\n",
        &[("URL", "http://a/")],
        expect![[r#"1: FROM debian; base some, user "1", ports [], entrypoint [], check None"#]],
    );
    check(
        "FROM debian\nUSER 1\n",
        &[("URL", "http://a/")],
        expect!["Dockerfile: URL is given a value, but no line declares it; add `ARG URL`"],
    );
    check(
        "FROM debian\nUSER app\n",
        &[],
        expect![
            "Dockerfile:2: USER app is not numeric; write USER 65532:65532 (an image from scratch has no names)"
        ],
    );
    check(
        "FROM debian\nENV A=1\nENV A=$JAVA_HOME\nEXPOSE ${A}\n",
        &[],
        expect!["Dockerfile:4: $A has no value: no ARG or ENV before this line sets it"],
    );
    check(
        "FROM debian\nEXPOSE x\n",
        &[],
        expect!["Dockerfile:2: EXPOSE x is not a port; write EXPOSE 8080"],
    );
    check(
        "# syntax=docker/dockerfile:1\nFROM debian\n",
        &[],
        expect![
            "Dockerfile:1: a `# syntax=` line makes the engine fetch a frontend from the network; remove it"
        ],
    );
    check(
        "FROM debian\nFROB x\n",
        &[],
        expect!["Dockerfile:2: unknown instruction 'FROB'"],
    );
}
