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
    check("\n# x\nFROM scratch\n\nRUN true\n", &[], expect![]);
    check("ARG B=debian\nARG V=12\nFROM ${B}:${V}\n", &[], expect![]);
    check("FROM scratch\nCOPY <<E /a\nx\nE\n", &[], expect![]);
    check("FROM scratch\nADD a /a\n", &[], expect![]);
    check("FROM scratch\nSTOPSIGNAL 9\n", &[], expect![]);
    check("FROM scratch\nCOPY --from=other a /a\n", &[], expect![]);
    check("FROM scratch\nONBUILD USER 1\n", &[], expect![]);
}

#[test]
fn the_last_stage_and_what_it_stands_on_are_read() {
    check(
        "FROM --platform=$BUILDPLATFORM rust:1 AS build\nARG BUILDPLATFORM\nWORKDIR /x\nRUN cargo build\nUSER 1\nEXPOSE 1\n\
         FROM scratch\nCOPY --from=build /x/app /app\nUSER 65532:65532\nEXPOSE 8080\nENTRYPOINT [\"/app\"]\n\
         HEALTHCHECK --interval=10s CMD [\"/app\", \"health\"]\n",
        &[],
        expect![],
    );
    check(
        "FROM debian AS Base\nUSER 5\nENV PORT=80\nEXPOSE ${PORT}80\nFROM base\nENTRYPOINT app --serve\nEXPOSE $PORT\n\
         HEALTHCHECK CMD curl -f localhost || exit 1\n",
        &[],
        expect![],
    );
    check("FROM scratch AS a\nRUN x\nFROM a\nUSER 1\n", &[], expect![]);
}

#[test]
fn arguments_are_checked_as_always() {
    check("FROM debian\nARG URL\nUSER 1\n", &[], expect![]);
    check(
        "FROM debian\nARG URL\nUSER 1\n",
        &[("URL", "http://a/")],
        expect![],
    );
    check("FROM debian\nUSER 1\n", &[("URL", "http://a/")], expect![]);
    check("FROM debian\nUSER app\n", &[], expect![]);
    check(
        "FROM debian\nENV A=1\nENV A=$JAVA_HOME\nEXPOSE ${A}\n",
        &[],
        expect![],
    );
    check("FROM debian\nEXPOSE x\n", &[], expect![]);
    check(
        "# syntax=docker/dockerfile:1\nFROM debian\n",
        &[],
        expect![],
    );
    check("FROM debian\nFROB x\n", &[], expect![]);
}
