//! A line that defends, and the test that misses it.

use std::path::PathBuf;

pub(crate) struct Mutation {
    /// As docs/threats.md names it.
    pub(crate) attack: &'static str,
    /// As docs/threats.md names it: the package, and the path in its `src`.
    pub(crate) file: &'static str,
    /// Stands in the file exactly once.
    pub(crate) line: &'static str,
    pub(crate) without: &'static str,
    pub(crate) test: &'static str,
    pub(crate) tests: Tests,
}

impl Mutation {
    /// From the repository's root.
    pub(crate) fn path(&self) -> PathBuf {
        let (package, file) = self.file.split_once('/').unwrap();
        let folder = match package {
            "check" | "facts" => "xtask/crates/".to_owned(),
            "listing" | "runtime" | "x402" => "services/shared/".to_owned(),
            _ => "services/".to_owned(),
        };
        PathBuf::from(format!("{folder}{package}/src/{file}"))
    }
}

/// Tests that cargo compiles into one program.
#[derive(Clone, Copy)]
pub(crate) struct Tests {
    pub(crate) package: &'static str,
    /// Arguments of cargo.
    pub(crate) target: &'static str,
}

impl Tests {
    const fn of(package: &'static str, target: &'static str) -> Self {
        Self { package, target }
    }

    pub(crate) const fn miss(
        self,
        attack: &'static str,
        file: &'static str,
        line: &'static str,
        without: &'static str,
        test: &'static str,
    ) -> Mutation {
        Mutation {
            attack,
            file,
            line,
            without,
            test,
            tests: self,
        }
    }
}

pub(crate) const X402: Tests = Tests::of("x402", "--lib");
pub(crate) const LISTING: Tests = Tests::of("listing", "--lib");
pub(crate) const RUNTIME: Tests = Tests::of("runtime", "--lib");
pub(crate) const CONNECTIONS: Tests = Tests::of("runtime", "--test limits");
pub(crate) const FACILITATOR: Tests = Tests::of("facilitator", "--lib");
/// On a real EVM node, and with other implementations.
pub(crate) const PAYMENTS: Tests = Tests::of("facilitator", "--test payments");
/// What a buyer says, beside what the ledger shows.
pub(crate) const TRUTH: Tests = Tests::of("facilitator", "--test truth");
pub(crate) const BUDGETS: Tests = Tests::of("facilitator", "--test limits");
pub(crate) const BACKEND: Tests = Tests::of("x402-backend", "--bin x402-backend");
pub(crate) const BACKEND_START: Tests = Tests::of("x402-backend", "--test start");
pub(crate) const BACKEND_PROCESS: Tests = Tests::of("x402-backend", "--test process");
pub(crate) const AGENT: Tests = Tests::of("agent", "--bin agent");
pub(crate) const FACTS: Tests = Tests::of("facts", "--lib");
pub(crate) const CHECK: Tests = Tests::of("xtask", "--test check");
