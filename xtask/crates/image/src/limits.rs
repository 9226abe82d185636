//! What the platforms refuse, said before anything is pushed.

use super::build::BuiltImage;
use super::elf::megabytes;
use kinds::{Kind, Port};

/// An `AgentCore` runtime takes images of 2 GB, and mounts at most this many layers when the user has a name.
const IMAGE_BYTES_MAX: u64 = 2_000_000_000;
const LAYERS_MAX: usize = 53;
/// Lambda's limits on code: unpacked, and as a request of its API; a larger archive goes through a bucket.
const CODE_BYTES_MAX: u64 = 250_000_000;

/// What is wrong with an image, each in one sentence with the fix; none is good.
pub fn image_problems(service: &str, kind: &Kind, built: &BuiltImage) -> Vec<String> {
    let mut problems = Vec::new();
    let config = &built.image.config;
    let bytes: u64 = built.layers.iter().map(|layer| layer.unpacked_bytes).sum();
    if bytes > IMAGE_BYTES_MAX {
        problems.push(format!(
            "{service}: the image has {} MB, and the limit is 2,000 MB; copy less into it",
            megabytes(bytes)
        ));
    }
    if built.layers.len() > LAYERS_MAX {
        problems.push(format!(
            "{service}: the image has {} layers, and {LAYERS_MAX} is the limit; put several files into one COPY",
            built.layers.len()
        ));
    }
    let user = config.user.split(':').next().unwrap_or_default();
    match user.parse::<u32>() {
        Err(_) => problems.push(format!(
            "{service}: the image runs as root, since its Dockerfile names no user; add the line `USER 65532:65532`"
        )),
        Ok(0) => problems.push(format!(
            "{service}: the image runs as root; write `USER 65532:65532`"
        )),
        Ok(_) => {}
    }
    if config.entrypoint.is_empty() && config.command.is_empty() {
        problems.push(format!(
            "{service}: the image starts nothing; add the line `ENTRYPOINT [\"/{service}\"]`"
        ));
    }
    if let Port::Fixed(port) = kind.port {
        let wanted = format!("{port}/tcp");
        if !config.exposed_ports.contains(&wanted) {
            problems.push(format!(
                "{service}: {} calls port {port} and no other; write `EXPOSE {port}`, and listen there",
                kind.platform
            ));
        }
    }
    problems
}

/// What is wrong with the code of a Lambda function.
pub fn code_problems(service: &str, program: &[u8]) -> Vec<String> {
    let bytes = program.len() as u64;
    if bytes <= CODE_BYTES_MAX {
        return Vec::new();
    }
    vec![format!(
        "{service}: the code has {} MB, and Lambda takes 250 MB; strip the program",
        megabytes(bytes)
    )]
}

/// What is wrong with the variables that a template sets, names and values.
pub fn environment_problems<'a>(
    service: &str,
    kind: &Kind,
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<String> {
    let Some(limits) = kind.environment else {
        return Vec::new();
    };
    let place = kind.platform;
    let mut problems = Vec::new();
    let (mut total, mut count) = (0, 0);
    for (name, value) in variables {
        count += 1;
        // Counted as the platforms do: with the quotes, the colon and the comma of JSON.
        total += name.len() + value.len() + 6;
        if let Some(each) = limits.each
            && (name.len() > each.name_bytes_max || value.len() > each.value_bytes_max)
        {
            problems.push(format!(
                "{service}: {name} has {} bytes, and {place} takes {} for a name and {} for a value; bake it into the image as an ARG",
                value.len(), each.name_bytes_max, each.value_bytes_max
            ));
        }
    }
    let bytes_max = limits.bytes_max;
    if total > bytes_max {
        problems.push(format!(
            "{service}: its variables have {total} bytes together, and {place} takes {bytes_max}; bake the long ones into the image as ARGs"
        ));
    }
    if let Some(each) = limits.each
        && count > each.count_max
    {
        problems.push(format!(
            "{service}: {count} variables, and {place} takes {}; bake some into the image as ARGs",
            each.count_max
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::expect;

    use super::*;
    use crate::{BuildInput, build};

    #[test]
    fn variables_are_counted_together() {
        let long = "x".repeat(1_500);
        let variables = || {
            ["A", "B", "C"]
                .map(|name| (name, long.as_str()))
                .into_iter()
        };
        let of = |kind| environment_problems("agent", kind, variables()).join("\n");
        expect!["agent: its variables have 4521 bytes together, and AgentCore takes 4096; bake the long ones into the image as ARGs"].assert_eq(&of(&kinds::agentcore::KIND));
        expect!["agent: its variables have 4521 bytes together, and Lambda takes 4096; bake the long ones into the image as ARGs"].assert_eq(&of(&kinds::lambda::KIND));
        expect![""].assert_eq(&of(&kinds::fargate::KIND));
        let longest = "x".repeat(2_100);
        let one = [("LONG", longest.as_str())];
        expect!["agent: LONG has 2100 bytes, and AgentCore takes 100 for a name and 2048 for a value; bake it into the image as an ARG"].assert_eq(
            &environment_problems("agent", &kinds::agentcore::KIND, one.into_iter()).join("\n"),
        );
    }

    #[test]
    fn code_may_be_too_long() {
        assert!(code_problems("mcp-server", b"program").is_empty());
        let long = vec![0; 250_000_001];
        expect!["mcp-server: the code has 250.1 MB, and Lambda takes 250 MB; strip the program"]
            .assert_eq(&code_problems("mcp-server", &long).join("\n"));
    }

    #[track_caller]
    fn check(dockerfile: &str, expected: expect_test::Expect) {
        let built = build(&BuildInput {
            file: "Dockerfile",
            dockerfile,
            args: &BTreeMap::new(),
            architecture: "arm64",
            ignore: "",
            entries: &[],
            read: &|path| Err(format!("{path} is not there")),
            labels: &[],
        });
        let problems = image_problems("agent", &kinds::agentcore::KIND, &built.unwrap());
        expected.assert_eq(&problems.join("\n"));
    }

    #[test]
    fn an_image_names_user_port_and_program() {
        check(
            "FROM scratch\nUSER 65532:65532\nEXPOSE 8080\nENTRYPOINT [\"/agent\"]\n",
            expect![[""]],
        );
        check(
            "FROM scratch\n",
            expect![[r#"
            agent: the image runs as root, since its Dockerfile names no user; add the line `USER 65532:65532`
            agent: the image starts nothing; add the line `ENTRYPOINT ["/agent"]`
            agent: AgentCore calls port 8080 and no other; write `EXPOSE 8080`, and listen there"#]],
        );
        check(
            "FROM scratch\nUSER 0:5\nEXPOSE 80\nCMD [\"/agent\"]\n",
            expect![[r#"
                agent: the image runs as root; write `USER 65532:65532`
                agent: AgentCore calls port 8080 and no other; write `EXPOSE 8080`, and listen there"#]],
        );
        let folders: String = (0..60).map(|index| format!("WORKDIR /{index}\n")).collect();
        check(
            &format!("FROM scratch\n{folders}USER 5\nEXPOSE 8080\nCMD [\"/agent\"]\n"),
            expect![
                "agent: the image has 61 layers, and 53 is the limit; put several files into one COPY"
            ],
        );
    }
}
