//! Which variables of the environment may reach the cargo call that builds images.

use super::TARGET;

/// Variables of cargo that say where things are and how they are shown.
const CARGO_KEPT: [&str; 6] = [
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_HOME",
    "CARGO_LOG",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
];

/// How crates are fetched. Cargo.lock has their checksums.
const CARGO_GROUPS_KEPT: [&str; 7] = [
    "CARGO_CACHE_",
    "CARGO_CREDENTIAL_ALIAS_",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_TERM_",
];

/// What the crate `cc` reads, each also as `TARGET_x` and as `x_` with the target, in hyphens or underscores. It takes the
/// form with hyphens before the one that we set, and joins the flags of all forms.
const C_TOOLS: [&str; 9] = [
    "AR",
    "ARFLAGS",
    "ASFLAGS",
    "CC",
    "CFLAGS",
    "CXX",
    "CXXFLAGS",
    "RANLIB",
    "RANLIBFLAGS",
];

/// What C compilers, the crate `cc` and rustc read on their own.
const COMPILERS: [&str; 12] = [
    "CCC_OVERRIDE_OPTIONS",
    "CC_FORCE_DISABLE",
    "COMPILER_PATH",
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "CRATE_CC_NO_DEFAULTS",
    "C_INCLUDE_PATH",
    "GCC_COMPARE_DEBUG",
    "GCC_EXEC_PREFIX",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_TARGET_PATH",
];

/// True for a variable that may change the programs: it is taken out of cargo's environment, and a configuration file may
/// not set it. What compiles build scripts for this machine (`CC`, `CARGO_TARGET_X86_64_..._LINKER`) stays.
pub(super) fn reaches_programs(name: &str) -> bool {
    if name.starts_with("CARGO_") {
        let of_another_target = name.starts_with("CARGO_TARGET_") && !name.starts_with(&ours());
        let kept = CARGO_KEPT.contains(&name)
            || CARGO_GROUPS_KEPT
                .iter()
                .any(|group| name.starts_with(group));
        return !kept && !of_another_target;
    }
    if name.starts_with("__CARGO_") || name.starts_with("RUSTC_") {
        return name != "RUSTC_LOG";
    }
    COMPILERS.contains(&name) || is_for_c(name)
}

/// `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_`
fn ours() -> String {
    let target = TARGET.replace('-', "_").to_uppercase();
    format!("CARGO_TARGET_{target}_")
}

fn is_for_c(name: &str) -> bool {
    // Without a target, flags are for every program, while a compiler is this machine's own.
    if C_TOOLS.contains(&name) {
        return name.ends_with("FLAGS");
    }
    let target = TARGET.replace('-', "_");
    // The compiler that the user chooses for the target: compiler.rs takes it.
    if name == format!("CC_{target}") || name == format!("AR_{target}") {
        return false;
    }
    let tool = name
        .strip_prefix("TARGET_")
        .or_else(|| name.strip_suffix(TARGET)?.strip_suffix('_'))
        .or_else(|| name.strip_suffix(&target)?.strip_suffix('_'));
    tool.is_some_and(|tool| C_TOOLS.contains(&tool))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(names: &str, expected: Expect) {
        let (removed, stay): (Vec<&str>, Vec<&str>) = names
            .split_whitespace()
            .partition(|name| reaches_programs(name));
        let (removed, stay) = (removed.join("\n"), stay.join("\n"));
        expected.assert_eq(&format!("REMOVED\n{removed}\nSTAY\n{stay}\n"));
    }

    #[test]
    fn of_cargo_what_fetches_crates_and_finds_folders_stays() {
        let names = "CARGO CARGO_BUILD_BUILD_DIR CARGO_BUILD_JOBS CARGO_BUILD_RUSTC CARGO_BUILD_RUSTC_WRAPPER \
            CARGO_BUILD_RUSTFLAGS CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR CARGO_ENCODED_RUSTFLAGS CARGO_HOME \
            CARGO_HTTP_PROXY CARGO_INCREMENTAL CARGO_NET_OFFLINE CARGO_PROFILE_IMAGE_LTO \
            CARGO_PROFILE_RELEASE_OPT_LEVEL CARGO_REGISTRIES_OURS_TOKEN CARGO_REGISTRY_TOKEN \
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER \
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS CARGO_TARGET_DIR \
            CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER CARGO_TERM_COLOR CARGO_UNSTABLE_BUILD_STD \
            __CARGO_DEFAULT_LIB_METADATA";
        check(
            names,
            expect![[r#"
            REMOVED
            CARGO_BUILD_BUILD_DIR
            CARGO_BUILD_RUSTC
            CARGO_BUILD_RUSTC_WRAPPER
            CARGO_BUILD_RUSTFLAGS
            CARGO_BUILD_TARGET
            CARGO_ENCODED_RUSTFLAGS
            CARGO_INCREMENTAL
            CARGO_PROFILE_IMAGE_LTO
            CARGO_PROFILE_RELEASE_OPT_LEVEL
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER
            CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS
            CARGO_UNSTABLE_BUILD_STD
            __CARGO_DEFAULT_LIB_METADATA
            STAY
            CARGO
            CARGO_BUILD_JOBS
            CARGO_BUILD_TARGET_DIR
            CARGO_HOME
            CARGO_HTTP_PROXY
            CARGO_NET_OFFLINE
            CARGO_REGISTRIES_OURS_TOKEN
            CARGO_REGISTRY_TOKEN
            CARGO_TARGET_DIR
            CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER
            CARGO_TERM_COLOR
        "#]],
        );
    }

    #[test]
    fn of_compilers_what_makes_build_scripts_stays() {
        let names = "RUSTC_BOOTSTRAP RUSTC_LOG RUSTC_WORKSPACE_WRAPPER RUSTC_WRAPPER RUSTFLAGS RUSTUP_TOOLCHAIN \
            RUST_BACKTRACE CC CC_aarch64-unknown-linux-musl CC_aarch64_unknown_linux_musl CC_x86_64-unknown-linux-gnu \
            CFLAGS CFLAGS_aarch64-unknown-linux-musl CFLAGS_aarch64_unknown_linux_musl CFLAGS_x86_64_unknown_linux_gnu \
            CPATH CRATE_CC_NO_DEFAULTS HOST_CFLAGS TARGET_CC TARGET_CFLAGS HOME HTTPS_PROXY PATH SCCACHE_DIR";
        check(
            names,
            expect![[r#"
            REMOVED
            RUSTC_BOOTSTRAP
            RUSTC_WORKSPACE_WRAPPER
            RUSTC_WRAPPER
            RUSTFLAGS
            CC_aarch64-unknown-linux-musl
            CFLAGS
            CFLAGS_aarch64-unknown-linux-musl
            CFLAGS_aarch64_unknown_linux_musl
            CPATH
            CRATE_CC_NO_DEFAULTS
            TARGET_CC
            TARGET_CFLAGS
            STAY
            RUSTC_LOG
            RUSTUP_TOOLCHAIN
            RUST_BACKTRACE
            CC
            CC_aarch64_unknown_linux_musl
            CC_x86_64-unknown-linux-gnu
            CFLAGS_x86_64_unknown_linux_gnu
            HOST_CFLAGS
            HOME
            HTTPS_PROXY
            PATH
            SCCACHE_DIR
        "#]],
        );
    }
}
