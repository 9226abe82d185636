//! The suites of `cargo xtask test`: what each runs, what it needs, and how its results are counted.

use anyhow::Context as _;

use crate::tools::test_tools::{self, Tool};
use build::cargo;
use facts::Context;
use words::error::UserError;

/// Tests that run together and need the same tools.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Each cargo call, words apart by spaces.
    cargo: &'static [&'static str],
    tools: &'static [Tool],
}

/// In the order in which a mistake is found soonest. Every test is built with `--workspace`: one package alone has other features
/// of the same crates, and compiles them again.
const SUITES: &[Suite] = &[
    Suite {
        name: "format",
        about: "the code is formatted",
        cargo: &["fmt --all --check"],
        tools: &[],
    },
    Suite {
        name: "lints",
        about: "clippy finds nothing",
        cargo: &[
            "clippy --quiet --workspace --all-targets -- --deny warnings",
            "clippy --quiet --package xtask --no-default-features -- --deny warnings",
        ],
        tools: &[],
    },
    Suite {
        name: "unit",
        about: "tests of every package that need no other tool",
        cargo: &["test --workspace --no-fail-fast"],
        tools: &[],
    },
    Suite {
        name: "lean",
        about: "the tool without AWS says what is missing there, builds the one with it when a stage there is named, and becomes it",
        cargo: &["test --workspace --test lean -- --ignored"],
        tools: &[Tool::WithoutAws],
    },
    Suite {
        name: "templates",
        about: "cfn-lint finds nothing in any stage's templates",
        cargo: &["test --workspace --test templates --test worker --test check -- --ignored"],
        tools: &[Tool::CfnLint],
    },
    Suite {
        name: "conformance",
        about: "the MCP server passes the protocol's own suite, also through its Function URL",
        cargo: &[
            "test --workspace --test conformance -- --ignored",
            "test --workspace --test whole -- --ignored function_url::",
        ],
        tools: &[Tool::Node],
    },
    Suite {
        name: "payments",
        about: "money on a real EVM node moves once or not at all, and other implementations of x402 trade with ours, in browsers too",
        cargo: &[
            "build --package facilitator --package x402-backend",
            "test --workspace --test payments -- --ignored --skip load::",
            "test --workspace --test truth -- --ignored",
            "test --workspace --test mutations -- --ignored",
        ],
        tools: &[Tool::PaymentPeers, Tool::Chromium],
    },
    Suite {
        name: "build",
        about: "programs for 64-bit Arm become the same images in any folder, and a registry takes them",
        cargo: &[
            "test --workspace --test build -- --ignored digests::",
            "test --workspace --lib -- --ignored registry::",
        ],
        tools: &[Tool::CrossCompiler, Tool::Registry],
    },
    Suite {
        name: "images",
        about: "a Docker engine builds the same images, pulls and runs them; our services on an emulator of AWS",
        cargo: &[
            "test --workspace --lib -- --ignored docker_ differential::",
            "test --workspace --test build -- --ignored engine:: chain::",
            // Of what the line before has compiled.
            "test --workspace --test aws -- --ignored chain::",
        ],
        tools: &[
            Tool::CrossCompiler,
            Tool::Registry,
            Tool::DockerEngine,
            Tool::Ministack,
            Tool::Node,
        ],
    },
    Suite {
        name: "aws",
        about: "deploys to an emulator of AWS, with its containers running",
        cargo: &[
            "test --workspace --test aws -- --ignored --skip chain:: --skip cdk:: --test-threads=2",
        ],
        tools: &[
            Tool::Ministack,
            Tool::DockerEngine,
            Tool::CrossCompiler,
            Tool::Node,
        ],
    },
    Suite {
        name: "stores",
        about: "a table of payments is one truth for all instances",
        cargo: &["test --workspace --test store -- --ignored"],
        tools: &[Tool::Ministack],
    },
    Suite {
        name: "system",
        about: "the whole system, locally: deploy, pay, refuse, recover, destroy",
        cargo: &["test --workspace --test whole -- --ignored system:: --test-threads=2"],
        tools: &[],
    },
    Suite {
        name: "page",
        about: "the page in Chromium: a paid question, and what must not lose a paid answer",
        cargo: &["test --workspace --test whole -- --ignored page::"],
        tools: &[Tool::Chromium],
    },
    Suite {
        name: "faults",
        about: "kill -9 at random moments: nothing is lost or paid twice",
        cargo: &["test --workspace --test whole -- --ignored faults:: --test-threads=1"],
        tools: &[],
    },
];

/// Every suite.
pub(crate) fn all() -> &'static [Suite] {
    SUITES
}

/// Refuses a suite's name that is none.
pub(crate) fn check_names(all: &[Suite], names: &[String]) -> Result<(), UserError> {
    match names
        .iter()
        .find(|name| !all.iter().any(|suite| suite.name == **name))
    {
        None => Ok(()),
        Some(name) => {
            let known: Vec<&str> = all.iter().map(|suite| suite.name).collect();
            Err(UserError::new(format!("there is no suite `{name}`"))
                .hint(format!("suites: {}", known.join(", "))))
        }
    }
}

/// Finds or installs what the suite needs, and says where it is by environment variables.
///
/// # Errors
/// What is missing, and how to get it.
pub(crate) fn prepare(context: &Context, suite: &Suite) -> anyhow::Result<Vec<(String, String)>> {
    let mut environment = Vec::new();
    for tool in suite.tools {
        environment.extend(test_tools::prepare(
            &context.repo.root,
            &context.repo.target,
            *tool,
        )?);
    }
    Ok(environment)
}

/// Runs every cargo call of the suite and counts.
pub(crate) fn run(
    context: &Context,
    suite: &Suite,
    environment: &[(String, String)],
    thorough: bool,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut environment = environment.to_vec();
    if thorough {
        environment.push(("TURNPIKE_TEST_THOROUGH".to_owned(), "1".to_owned()));
    }
    for call in suite.cargo {
        let arguments: Vec<&str> = call.split(' ').collect();
        let result = cargo::run_tests(&context.repo.root, &arguments, &environment)
            .with_context(|| format!("the suite {} could not run", suite.name));
        match result {
            Ok(run) => {
                let counted = count(&run.output);
                let silent_failure = !run.success && counted.failed == 0;
                // A check such as clippy is one test: it passes or fails as a whole.
                let whole = u32::from(counted.passed + counted.failed == 0 && run.success);
                outcome.passed += counted.passed + whole;
                outcome.failed += counted.failed + u32::from(silent_failure);
                if !run.success {
                    outcome
                        .remarks
                        .push(format!("{} failed: cargo {}", suite.name, call));
                }
            }
            Err(error) => outcome.add(&Outcome::failure(format!("{error:#}"))),
        }
    }
    outcome
}

/// Adds up the closing lines of Rust's test harness.
fn count(output: &str) -> Outcome {
    let mut outcome = Outcome::default();
    for line in output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "))
    {
        for part in line.split(['.', ';']) {
            let mut words = part.split_whitespace();
            if let (Some(Ok(number)), Some(word)) =
                (words.next().map(str::parse::<u32>), words.next())
            {
                match word {
                    "passed" => outcome.passed += number,
                    "failed" => outcome.failed += number,
                    _ => {}
                }
            }
        }
    }
    outcome
}

/// How many tests did what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
    /// Said again at the end, where they are seen.
    pub(crate) remarks: Vec<String>,
}

impl Outcome {
    pub(crate) fn failure(remark: String) -> Self {
        Self {
            failed: 1,
            remarks: vec![remark],
            ..Self::default()
        }
    }

    pub(crate) fn skip(remark: String) -> Self {
        Self {
            skipped: 1,
            remarks: vec![remark],
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.remarks.extend(other.remarks.iter().cloned());
    }

    /// `12 passed, 0 failed`, and `, 1 skipped` if any.
    pub(crate) fn closing_line(&self) -> String {
        let skipped = if self.skipped > 0 {
            format!(", {} skipped", self.skipped)
        } else {
            String::new()
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_is_counted() {
        let output = "running 2 tests\ntest a ... ok\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(count(output).closing_line(), "5 passed, 2 failed");
        assert_eq!(
            count("warning: nothing here").closing_line(),
            "0 passed, 0 failed"
        );
        let mut total = Outcome::skip("no node".to_owned());
        total.add(&count(output));
        assert_eq!(total.closing_line(), "5 passed, 2 failed, 1 skipped");
    }
}
