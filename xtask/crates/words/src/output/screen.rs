//! The end of a terminal: rows that are painted again and again, below lines that stay.
//!
//! The cursor rests below the rows and is never hidden, so that whatever ends this program leaves a usable terminal behind.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a terminal is taken for that does not say how large it is.
const USUAL: Size = Size {
    columns: 80,
    rows: 24,
};

/// A terminal's size, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// One row: pieces of text, each with its SGR code. Every character of it is one column wide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<(&'static str, String)>);

impl Row {
    /// Adds a piece. What is not ASCII may be two columns wide, or none, or unknown to the terminal: `?` is none of these.
    pub fn push(&mut self, code: &'static str, text: &str) {
        let plain = |letter: char| match letter {
            ' '..='~' => letter,
            _ => '?',
        };
        self.0.push((code, text.chars().map(plain).collect()));
    }

    /// Cuts the row to this many columns.
    pub fn cut(&mut self, columns: usize) {
        let mut left = columns;
        for (_, text) in &mut self.0 {
            text.truncate(left);
            left -= text.len();
        }
    }

    pub fn columns(&self) -> usize {
        self.0.iter().map(|(_, text)| text.len()).sum()
    }

    fn painted(&self, paint: &dyn Fn(&str, &str) -> String) -> String {
        let pieces = self.0.iter().filter(|(_, text)| !text.is_empty());
        pieces
            .map(|(code, text)| match code.is_empty() {
                true => text.clone(),
                false => paint(code, text),
            })
            .collect()
    }

    /// The text alone.
    pub fn plain(&self) -> String {
        self.painted(&|_, text| text.to_owned())
    }
}

/// The terminal behind stderr, if there is one.
#[derive(Debug)]
pub(super) struct Screen {
    able: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What is to stand at the end.
    rows: Vec<String>,
    columns: Vec<usize>,
    /// The columns of each row that stands there now.
    standing: Vec<usize>,
    others_write: bool,
    /// Lines that wait for an answer; none when nothing is asked.
    held: Option<Vec<(Stream, String)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Data,
    Words,
}

impl Screen {
    /// Rows are for a person at a terminal that can move its cursor.
    pub(super) fn detect() -> Self {
        let term = std::env::var_os("TERM");
        let able = std::env::var_os("CI").is_none()
            && term.is_some_and(|term| !term.is_empty() && term != "dumb")
            && std::io::stderr().is_terminal();
        Self {
            able,
            state: Mutex::default(),
        }
    }

    pub(super) fn size(&self) -> Option<Size> {
        self.able.then(size)
    }

    pub(super) fn show(&self, rows: &[Row], paint: &dyn Fn(&str, &str) -> String) {
        if !self.able {
            return;
        }
        let mut state = self.state();
        let painted: Vec<String> = rows.iter().map(|row| row.painted(paint)).collect();
        if painted == state.rows && state.standing.len() == painted.len() {
            return;
        }
        state.rows = painted;
        state.columns = rows.iter().map(Row::columns).collect();
        state.write(Stream::Words, "").ok();
    }

    pub(super) fn give_way(&self, to_others: bool) {
        let mut state = self.state();
        state.others_write = to_others;
        state.write(Stream::Words, "").ok();
    }

    /// A line for stderr. That it is closed must not end the work.
    pub(super) fn line(&self, text: &str) {
        self.state().write(Stream::Words, &format!("{text}\n")).ok();
    }

    pub(super) fn data(&self, line: &str) -> std::io::Result<()> {
        self.state().write(Stream::Data, &format!("{line}\n"))
    }

    pub(super) fn hold(screen: &Arc<Self>, question: &str) -> Held {
        let mut state = screen.state();
        state.held = Some(Vec::new());
        let text = format!("{}{question}", state.erased());
        to_stderr(&text).ok();
        drop(state);
        Held {
            screen: screen.clone(),
            answered: false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes above the rows; with nothing to write, paints them again.
    fn write(&mut self, stream: Stream, text: &str) -> std::io::Result<()> {
        if let Some(held) = &mut self.held {
            held.push((stream, text.to_owned()));
            return Ok(());
        }
        let mut words = self.erased();
        if stream == Stream::Data {
            to_stderr(&words).ok();
            words.clear();
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()?;
        } else {
            words.push_str(text);
        }
        if !self.others_write {
            self.standing.clone_from(&self.columns);
            for row in &self.rows {
                words.push_str(row);
                words.push('\n');
            }
        }
        to_stderr(&words)
    }

    /// What removes the rows that stand there. A terminal that became narrower has wrapped them.
    fn erased(&mut self) -> String {
        if self.standing.is_empty() {
            return String::new();
        }
        let width = size().columns;
        let height: usize = self
            .standing
            .drain(..)
            .map(|columns| columns.div_ceil(width).max(1))
            .sum();
        format!("\r\u{1b}[{height}A\u{1b}[J")
    }
}

/// An open question. Lines that were written meanwhile follow when it is dropped.
#[derive(Debug)]
pub struct Held {
    screen: Arc<Screen>,
    answered: bool,
}

impl Held {
    /// Whether the answer has ended the line of the question.
    pub fn answered(&mut self, with_line_end: bool) {
        self.answered = with_line_end;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.screen.state();
        if !self.answered {
            to_stderr("\n").ok();
        }
        for (stream, text) in state.held.take().unwrap_or_default() {
            state.write(stream, &text).ok();
        }
    }
}

/// In one call, so that nothing of anybody else comes between and nothing is seen half painted.
fn to_stderr(text: &str) -> std::io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    std::io::stderr().lock().write_all(text.as_bytes())
}

fn size() -> Size {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(found) if found.ws_col > 0 && found.ws_row > 0 => Size {
            columns: usize::from(found.ws_col),
            rows: usize::from(found.ws_row),
        },
        _ => USUAL,
    }
}
