//! The table of faults, read from `faults.txt`.

use std::fs;
use std::path::Path;

/// One change that breaks the system.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    pub(crate) title: String,
    /// The file that is changed.
    pub(crate) file: String,
    /// Where the problem is told, when that is another file: `@` in the table.
    told_in: Option<String>,
    /// The rule whose advice it is, when it is not an error: `!` in the table.
    rule: Option<String>,
    before: Vec<String>,
    after: Vec<String>,
}

pub(crate) fn faults() -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for line in include_str!("faults.txt").lines() {
        if let Some(title) = line.strip_prefix("= ") {
            faults.push(Fault {
                title: title.to_owned(),
                ..Fault::default()
            });
            continue;
        }
        let Some(fault) = faults.last_mut() else {
            continue;
        };
        match line.chars().next() {
            None => {}
            Some('-') => fault.before.push(line[1..].to_owned()),
            Some('+') => fault.after.push(line[1..].to_owned()),
            Some('!') => fault.rule = Some(line[1..].to_owned()),
            Some('@') => fault.told_in = Some(line[1..].to_owned()),
            Some(_) => line.clone_into(&mut fault.file),
        }
    }
    faults
}

impl Fault {
    /// One that is not in the table.
    pub(crate) fn new(file: &str, before: &str, after: &str) -> Self {
        Self {
            title: after.to_owned(),
            file: file.to_owned(),
            told_in: None,
            rule: None,
            before: vec![before.to_owned()],
            after: vec![after.to_owned()],
        }
    }

    /// Makes the change, which fits exactly one place, and returns what was there before.
    pub(crate) fn apply(&self, folder: &Path) -> String {
        let path = folder.join(&self.file);
        let text = fs::read_to_string(&path).unwrap();
        let before = self.before.join("\n");
        assert_eq!(
            text.matches(&before).count(),
            1,
            "{}: in {}",
            self.title,
            self.file
        );
        fs::write(path, text.replacen(&before, &self.after.join("\n"), 1)).unwrap();
        text
    }

    /// True when a problem with a fix is told at the changed lines, or at something that they stand in.
    pub(crate) fn is_found_by(&self, told: &str) -> bool {
        let file = self.told_in.as_ref().unwrap_or(&self.file);
        let lines: Vec<&str> = told.lines().collect();
        let fixed = lines
            .windows(2)
            .filter(|pair| pair[1].trim_start().starts_with("fix: "));
        let mut places = fixed.filter_map(|pair| {
            let rest = pair[0]
                .trim_start()
                .strip_prefix(file.as_str())?
                .strip_prefix(':')?;
            rest.split(':').next()?.parse::<usize>().ok()
        });
        let is_told = match &self.rule {
            Some(rule) => told.starts_with("exit 0") && told.contains(&format!("[{rule}]")),
            None => told.starts_with("exit 2"),
        };
        is_told && places.any(|line| self.told_in.is_some() || self.is_near(line))
    }

    fn is_near(&self, line: usize) -> bool {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join(&self.file)).unwrap();
        let first = text[..text.find(&self.before.join("\n")).unwrap()]
            .matches('\n')
            .count()
            + 1;
        let last = first + self.before.len().max(self.after.len());
        if (first.saturating_sub(3)..=last + 3).contains(&line) {
            return true;
        }
        // What has been taken away is missed by what it stood in.
        let lines: Vec<&str> = text.lines().collect();
        let depth = |line: &str| line.len() - line.trim_start().len();
        let writes =
            |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with(['#', '{']);
        let mut above = lines[..first]
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, line)| writes(line));
        let Some((_, start)) = above.next() else {
            return false;
        };
        let mut deepest = depth(start) + 1;
        above.any(|(index, text)| {
            let is_parent = depth(text) < deepest;
            deepest = deepest.min(depth(text));
            is_parent && index + 1 == line
        })
    }
}
