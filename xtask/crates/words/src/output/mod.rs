//! Words for people. Data goes to stdout, everything else to stderr, and nothing depends on colour.

mod screen;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use serde::Serialize;

use screen::Screen;
pub use screen::{Held, Row, Size};

/// Where a command writes, and how.
#[derive(Debug, Clone)]
pub struct Output {
    colour: bool,
    colour_data: bool,
    screen: Arc<Screen>,
}

impl Output {
    /// Colour only for a person at a terminal who has not asked for none (https://no-color.org).
    pub fn detect() -> Self {
        let wanted = std::env::var_os("CI").is_none()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            colour: wanted && std::io::stderr().is_terminal(),
            colour_data: wanted && std::io::stdout().is_terminal(),
            screen: Arc::new(Screen::detect()),
        }
    }

    /// How large the terminal is, if rows can be painted at its end.
    pub fn size(&self) -> Option<Size> {
        self.screen.size()
    }

    /// Paints these rows below everything, in the place of those that were there. Lines appear above them.
    pub fn show(&self, rows: &[Row]) {
        self.screen.show(rows, &|code, text| self.paint(code, text));
    }

    /// True while somebody else writes to the terminal, such as cargo: no rows are painted then.
    pub fn give_way(&self, to_others: bool) {
        self.screen.give_way(to_others);
    }

    /// Asks something at the terminal: no rows are painted and no lines written until it is answered.
    pub fn hold(&self, question: &str) -> Held {
        Screen::hold(&self.screen, question)
    }

    /// One line of data.
    pub fn data(&self, line: &str) {
        // Nobody is left to tell when the reader has gone (`| head`).
        if self.screen.data(line).is_err() {
            std::process::exit(0);
        }
    }

    /// One JSON document, or one event of a stream of them, on a line of its own.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.error(&format!("cannot write the result as JSON: {error}")),
        }
    }

    /// Text without a line end, for answers that arrive in pieces.
    pub fn fragment(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        if write!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .is_err()
        {
            std::process::exit(0);
        }
    }

    /// What is being done, or has been: `build    5 services`.
    pub fn step(&self, verb: &str, text: &str) {
        self.line(&format!(
            "{} {text}",
            self.paint("1;36", &format!("{verb:>9}"))
        ));
    }

    /// A remark under a step.
    pub fn note(&self, text: &str) {
        for line in text.lines() {
            self.line(&format!("{:>9} {}", "", self.paint("2", line)));
        }
    }

    pub fn warning(&self, text: &str) {
        self.line(&format!("{} {text}", self.paint("1;33", "warning:")));
    }

    pub fn error(&self, text: &str) {
        self.line(&format!("{} {text}", self.paint("1;31", "error:")));
    }

    pub fn hint(&self, text: &str) {
        self.line(&format!("{} {text}", self.paint("1;32", "hint:")));
    }

    /// Puts a part of a line for stderr in a colour; `code` is an SGR code.
    pub fn paint(&self, code: &str, text: &str) -> String {
        painted(self.colour, code, text)
    }

    /// The same for a line of data, which goes to stdout.
    pub fn paint_data(&self, code: &str, text: &str) -> String {
        painted(self.colour_data, code, text)
    }

    /// One line as it is, to stderr.
    pub fn line(&self, text: &str) {
        self.screen.line(text);
    }
}

fn painted(colour: bool, code: &str, text: &str) -> String {
    if colour {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
