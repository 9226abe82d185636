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
            {"Entrypoint":["/app"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","HOST=0.0.0.0","PORT=8080","URL=http://b/"],"ExposedPorts":{"8080/tcp":{}},"Healthcheck":{"Interval":10000000000,"Retries":5,"StartPeriod":65000000000,"Test":["CMD","/app","health"],"Timeout":2000000000},"User":"65532:65532","WorkingDir":"/"}
            copies: [Copied { sources: ["app"], destination: "/app", mode: Some(365), owner: None }]
            used: ["URL"]"#]],
    );
}

#[test]
fn volumes() {
    check(
        "FROM scratch\nENV D=/d\nVOLUME /b $D/x\nVOLUME [\"/a b\", \"/b\"]\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","D=/d"],"Volumes":{"/a b":{},"/b":{},"/d/x":{}},"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nVOLUME data\n",
        &[],
        expect!["Dockerfile:2: VOLUME `data` is not an absolute path; write VOLUME /data"],
    );
    check(
        "FROM scratch\nVOLUME [\"\"]\n",
        &[],
        expect!["Dockerfile:2: VOLUME `` is not an absolute path; write VOLUME /data"],
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
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=3","B=2"],"WorkingDir":"/"}
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
        expect![
            "Dockerfile:3: RUN would run something inside the image, and images are made of finished files here; make them outside and COPY them"
        ],
    );
    check(
        "FROM debian\n",
        &[],
        expect![
            "Dockerfile:1: FROM debian is not supported: the programs are static, and need only `FROM scratch`"
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
            "Dockerfile:2: --interval=500ms is not a duration in whole seconds, such as 10s or 1m30s"
        ],
    );
    check(
        "FROM scratch\nCPOY a /a\n",
        &[],
        expect!["Dockerfile:2: unknown instruction 'CPOY'"],
    );
}

#[test]
fn an_arg_from_before_from_is_asked_for_again() {
    check(
        "ARG BASE=scratch\nARG A=1\nARG B=${A}2\nFROM $BASE\nARG A\nARG B\nENV X=$A$B\n",
        &[("A", "5")],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","X=552"],"WorkingDir":"/"}
            copies: []
            used: ["A"]"#]],
    );
    check(
        "ARG BASE\nFROM $BASE\n",
        &[],
        expect!["Dockerfile:2: $BASE has no value: no ARG or ENV before this line sets it"],
    );
    check(
        "ENV A=1\nFROM scratch\n",
        &[],
        expect!["Dockerfile:1: expected FROM"],
    );
    check(
        "FROM scratch\nFROM scratch\n",
        &[],
        expect![
            "Dockerfile:2: only one stage is supported; cargo builds the program outside, and the image only takes it in"
        ],
    );
    check(
        "FROM scratch AS app\nUSER 1\n",
        &[],
        expect![[r#"
        {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"User":"1","WorkingDir":"/"}
        copies: []
        used: []"#]],
    );
    check(
        "FROM --platform=linux/amd64 scratch\n",
        &[],
        expect![
            "Dockerfile:1: FROM --platform=linux/amd64: Turnpike builds for linux/arm64 alone; remove --platform"
        ],
    );
    check(
        "FROM --platform=$TARGETPLATFORM scratch\nARG TARGETARCH\nENV A=$TARGETARCH P=$PATH\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=arm64","P=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
}

#[test]
fn the_last_of_arg_and_env_counts() {
    check(
        "FROM scratch\nENV A=1\nARG A=2\nENV B=$A\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=1","B=2"],"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    // A default is read where the ARG stands, and an ARG that only another one needs is used too.
    check(
        "FROM scratch\nARG A=1\nARG B=$A/x\nARG C=$B/y\nENV D=$C\nARG E=$D\n",
        &[("A", "0")],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","D=0/x/y"],"WorkingDir":"/"}
            copies: []
            used: ["A"]"#]],
    );
    check(
        "FROM scratch\nARG A= B=\"\"\nENV C=${A:-d}${B+s}\n",
        &[],
        expect![[r#"
        {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","C=ds"],"WorkingDir":"/"}
        copies: []
        used: []"#]],
    );
    check(
        "FROM scratch\nARG A=1 B=$A\n",
        &[],
        expect!["Dockerfile:2: ARG: `$A` uses an ARG of the same line; give each its own line"],
    );
    check(
        "FROM scratch\nARG =1\n",
        &[],
        expect!["Dockerfile:2: ARG =1: `` is not a name; write ARG NAME or ARG NAME=default"],
    );
}

#[test]
fn words_quotes_and_lines() {
    check(
        "FROM scratch\nENV A=\"x  y\" B='$A' C=a\\ b\nENV OLD  the \"rest\"  of $A \nLABEL a.b=\"c d\" \\\n\n  # between\n  e='f'\nLABEL \"g h\"=i\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=x  y","B=$A","C=a b","OLD=the rest  of x  y"],"Labels":{"a.b":"c d","e":"f","g h":"i"},"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nENV A=1 B\n",
        &[],
        expect!["Dockerfile:2: ENV: `B` is not NAME=value; a value with spaces stands in quotes"],
    );
    check(
        "FROM scratch\nENV A\n",
        &[],
        expect!["Dockerfile:2: ENV A has no value; write ENV A=..."],
    );
    check(
        "FROM scratch\nENV =1\n",
        &[],
        expect!["Dockerfile:2: ENV: `=1` has no name"],
    );
    check(
        "# escape=`\nFROM scratch\nENV A=C:\\dir B=`$x `\n  C=1\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=C:\\dir","B=$x","C=1"],"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "\u{feff}FROM scratch\r\nUSER 1\r\n\r\nEXPOSE x\r\n",
        &[],
        expect!["Dockerfile:4: EXPOSE x is not a port; write EXPOSE 8080"],
    );
}

#[test]
fn commands_and_ports() {
    check(
        "FROM scratch\nCMD [\"a\", \"b \\\"c\\\" \\u00e9\"]\nENTRYPOINT [ \"x\" ]\n",
        &[],
        expect![[r#"
            {"ArgsEscaped":true,"Cmd":["a","b \"c\" é"],"Entrypoint":["x"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nCMD []\n",
        &[],
        expect![[r#"
        {"ArgsEscaped":true,"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}
        copies: []
        used: []"#]],
    );
    check(
        "FROM scratch\nCMD ['a']\n",
        &[],
        expect![[
            r#"Dockerfile:2: CMD is not a list in JSON; write CMD ["/program", "word"], with double quotes and commas"#
        ]],
    );
    check(
        "FROM scratch\nARG PORTS=\"80 443/UDP\"\nEXPOSE 8080 $PORTS\nEXPOSE 8080/tcp\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"ExposedPorts":{"443/udp":{},"80/tcp":{},"8080/tcp":{}},"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nEXPOSE 8000-8010\n",
        &[],
        expect![
            "Dockerfile:2: EXPOSE 8000-8010 is a range; a service listens on one port: EXPOSE 8080"
        ],
    );
    check(
        "FROM scratch\nEXPOSE +80\n",
        &[],
        expect!["Dockerfile:2: EXPOSE +80 is not a port; write EXPOSE 8080"],
    );
    check(
        "FROM scratch\nEXPOSE 65536\n",
        &[],
        expect!["Dockerfile:2: EXPOSE 65536 is not a port; write EXPOSE 8080"],
    );
}

#[test]
fn users_and_folders() {
    check(
        "FROM scratch\nARG U=5\nUSER ${U}:${U:+6}\n",
        &[],
        expect![[r#"
        {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"User":"5:6","WorkingDir":"/"}
        copies: []
        used: []"#]],
    );
    check(
        "FROM scratch\nUSER 5:\n",
        &[],
        expect![
            "Dockerfile:2: USER 5: is not numeric; write USER 65532:65532 (an image from scratch has no names)"
        ],
    );
    check(
        "FROM scratch\nWORKDIR /a/b/\nWORKDIR ../c\nWORKDIR \"d e\"\nCOPY x y/\nCOPY [\"p q\", \"r\", \".\"]\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/a/c/d e"}
            copies: [Copied { sources: ["x"], destination: "/a/c/d e/y/", mode: None, owner: None }, Copied { sources: ["p q", "r"], destination: "/a/c/d e/", mode: None, owner: None }]
            used: []"#]],
    );
}

#[test]
fn health_checks() {
    check(
        "FROM scratch\nHEALTHCHECK CMD [\"/a\"]\n",
        &[],
        expect![[r#"
        {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Healthcheck":{"Test":["CMD","/a"]},"WorkingDir":"/"}
        copies: []
        used: []"#]],
    );
    check(
        "FROM scratch\nHEALTHCHECK --interval=1h1m1s --start-period=0s --retries=0 CMD [\"/a\"]\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Healthcheck":{"Interval":3661000000000,"Test":["CMD","/a"]},"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nHEALTHCHECK CMD [\"/a\"]\nHEALTHCHECK NONE\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Healthcheck":{"Test":["NONE"]},"WorkingDir":"/"}
            copies: []
            used: []"#]],
    );
    check(
        "FROM scratch\nHEALTHCHECK CMD /a health\n",
        &[],
        expect![[
            r#"Dockerfile:2: HEALTHCHECK CMD in shell form needs a shell; write HEALTHCHECK CMD ["/a", "health"]"#
        ]],
    );
    check(
        "FROM scratch\nHEALTHCHECK --start-interval=1s CMD [\"/a\"]\n",
        &[],
        expect![
            "Dockerfile:2: HEALTHCHECK --start-interval is not supported: ECS knows no such option"
        ],
    );
    check(
        "FROM scratch\nHEALTHCHECK --retries=-1 CMD [\"/a\"]\n",
        &[],
        expect!["Dockerfile:2: --retries=-1 is not a whole number"],
    );
}

#[test]
fn options_of_copy() {
    check(
        "FROM scratch\nARG M=0444 U=9\nCOPY --chmod=$M --chown=${U} a b* /x/\nCOPY ./c/ d/../e /y/\nCOPY / /z\n",
        &[],
        expect![[r#"
            {"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/"}
            copies: [Copied { sources: ["a", "b*"], destination: "/x/", mode: Some(292), owner: Some((9, 9)) }, Copied { sources: ["c", "e"], destination: "/y/", mode: None, owner: None }, Copied { sources: [""], destination: "/z", mode: None, owner: None }]
            used: []"#]],
    );
    check(
        "FROM scratch\nCOPY a /y/.\n",
        &[],
        expect![
            "Dockerfile:2: COPY to /y/. is a folder for new engines and a file for old ones; write /y/"
        ],
    );
    check(
        "FROM scratch\nCOPY --chmod=u+x a /a\n",
        &[],
        expect!["Dockerfile:2: --chmod=u+x is not an octal mode up to 0777, such as 0555"],
    );
    check(
        "FROM scratch\nCOPY --chmod=4755 a /a\n",
        &[],
        expect!["Dockerfile:2: --chmod=4755 is not an octal mode up to 0777, such as 0555"],
    );
    check(
        "FROM scratch\nCOPY --chmod=10000 a /a\n",
        &[],
        expect!["Dockerfile:2: --chmod=10000 is not an octal mode up to 0777, such as 0555"],
    );
    check(
        "FROM scratch\nCOPY --chown=root a /a\n",
        &[],
        expect![
            "Dockerfile:2: --chown=root is not numeric; an image from scratch has no user names"
        ],
    );
    check(
        "FROM scratch\nCOPY --from=x a /a\n",
        &[],
        expect!["Dockerfile:2: COPY --from is not supported; leave it out"],
    );
    check(
        "FROM scratch\nCOPY a\n",
        &[],
        expect!["Dockerfile:2: COPY instruction requires at least two arguments"],
    );
    check(
        "FROM scratch\nCOPY <<EOF /a\nx\nEOF\n",
        &[],
        expect![
            "Dockerfile:2: COPY with a here-document is not supported; put the text into a file"
        ],
    );
}
