//! The model behind the emulator's Bedrock: the tool's own offline model, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::tool;

pub(crate) struct Model {
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    process: Child,
}

impl Model {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let mut command = tool(&["local-cloud", "--offline-model", "127.0.0.1:0"]);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Self { url, process }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if self.process.kill().is_ok() {
            drop(self.process.wait());
        }
    }
}
