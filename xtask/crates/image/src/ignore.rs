//! `.dockerignore`, with Docker's own rules, which are not git's: a pattern begins at the context, the last match wins.

use super::glob::{self, Token};
use super::paths;

/// What a `.dockerignore` keeps out of a build context.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignore {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    tokens: Vec<Token>,
    /// `!`: takes back what an earlier pattern kept out.
    takes_back: bool,
}

impl Ignore {
    /// Reads a `.dockerignore`.
    ///
    /// # Errors
    /// A malformed pattern, with its line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let at = |problem: String| format!(".dockerignore:{}: {problem}", index + 1);
            let line = line.trim();
            let (takes_back, written) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if written.is_empty() {
                return Err(at("a `!` alone takes nothing back; remove it".to_owned()));
            }
            let tokens = compile(&tidy(written)).map_err(at)?;
            patterns.push(Pattern { tokens, takes_back });
        }
        Ok(Self { patterns })
    }

    /// Whether a file, named from the context, is kept out.
    pub(crate) fn excludes(&self, path: &str) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        // Docker walks down to the file, and a pattern that holds for a folder holds for everything in it. One that was
        // passed over there, because it would have changed nothing, is asked again with the longer path alone.
        let mut holds = vec![false; self.patterns.len()];
        let mut excluded = false;
        for path in paths::parents(path).chain([path]) {
            excluded = false;
            for (pattern, holds) in self.patterns.iter().zip(&mut holds) {
                if !*holds && pattern.takes_back == excluded {
                    *holds = glob::matches(&pattern.tokens, path);
                }
                if *holds {
                    excluded = !pattern.takes_back;
                }
            }
        }
        excluded
    }
}

/// `**name` without another pattern in it matches the end of any name; everywhere else `**` stands for whole folders.
fn compile(pattern: &str) -> Result<Vec<Token>, String> {
    match pattern.strip_prefix("**") {
        Some(rest)
            if !rest.is_empty()
                && !rest.starts_with('/')
                && !rest.contains(['*', '?', '[', ']', '\\']) =>
        {
            Ok([Token::Rest]
                .into_iter()
                .chain(rest.chars().map(Token::Letter))
                .collect())
        }
        _ => glob::compile(pattern, true),
    }
}

/// Go's `filepath.Clean`, without the leading slash: everything begins at the context anyway.
fn tidy(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            // This leads out of the context, and matches nothing in it.
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, excluded: &[&str], kept: &[&str]) {
        let ignore = Ignore::parse(text).unwrap();
        for path in excluded {
            assert!(ignore.excludes(path), "{text:?} keeps {path}");
        }
        for path in kept {
            assert!(!ignore.excludes(path), "{text:?} excludes {path}");
        }
    }

    #[test]
    fn patterns_begin_at_the_context() {
        check("", &[], &["a", "a/b"]);
        check(
            "target",
            &["target", "target/x/y"],
            &["a/target", "targets"],
        );
        check("/target/", &["target", "target/x"], &["a/target"]);
        check("./a/../b//c", &["b/c", "b/c/d"], &["a/c", "b"]);
        check("*.md", &["README.md"], &["docs/README.md", "README.mdx"]);
        check("*", &["a", ".git/config", "a/b/c"], &[]);
        check(
            "*/temp*",
            &["a/temp.txt", "a/temp/b"],
            &["a/b/temp", "temp"],
        );
        check("temp?", &["tempa", "temp1/x"], &["temp", "tempab", "temp/"]);
        check("../x", &[], &["x"]);
        check(".", &[], &["a", ".x"]);
        check("a.b+c(d)", &["a.b+c(d)"], &["axb+c(d)"]);
        check("[a-c]x", &["ax", "bx/y"], &["dx", "x"]);
        check("[^a-c]x", &["dx"], &["ax", "x"]);
        check("a\\*b", &["a*b"], &["axb"]);
    }

    #[test]
    fn two_stars_are_any_number_of_folders() {
        check("**", &["a", "a/b"], &[]);
        check("**/", &["a", "a/b"], &[]);
        check("**/*.txt", &["a.txt", "x/y/a.txt"], &["a.txtx"]);
        check(
            "**/dir",
            &["dir", "a/dir", "a/b/dir/c"],
            &["xdir", "a/dirs"],
        );
        check("**/.foo", &[".foo", "a/.foo"], &["bar.foo"]);
        check("**file", &["file", "a/file", "a/xfile"], &["filex"]);
        check("dir/**", &["dir/a", "dir/a/b"], &["dir"]);
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b/c"], &["a/xb", "b"]);
        check(
            "a**/*.txt",
            &["a/f.txt", "a/d/e/f.txt"],
            &["f.txt", "af.md"],
        );
        check("**/dir2/*", &["dir/dir2/file", "dir2/x"], &["dir/dir2"]);
    }

    #[test]
    fn the_last_match_wins() {
        check("*\n!app", &["x", "app2"], &["app", "app/x"]);
        check("docs\n!docs/README.md", &["docs/a"], &["docs/README.md"]);
        check("!docs\ndocs", &["docs", "docs/a"], &[]);
        check(
            "*.md\n!README*.md\nREADME-secret.md",
            &["a.md", "README-secret.md"],
            &["README.md"],
        );
        check("**\n!a/b\na/b/c", &["a/b/c", "x"], &["a/b/d"]);
        check("dir/*\n!dir", &["dir/x"], &["dir"]);
    }

    #[test]
    fn comments_and_blank_lines() {
        check("\u{feff}# all\n\n  x  \n!  y\n #z\n", &["x", "#z"], &["y"]);
        assert_eq!(
            Ignore::parse("a\n!\n").unwrap_err(),
            ".dockerignore:2: a `!` alone takes nothing back; remove it"
        );
        assert_eq!(
            Ignore::parse("[a").unwrap_err(),
            ".dockerignore:1: `[a` has a `[` that is not closed"
        );
        assert!(Ignore::parse("a\\").is_err());
    }

    #[test]
    fn many_stars_take_no_time() {
        let ignore = Ignore::parse(&"*a".repeat(50)).unwrap();
        assert!(!ignore.excludes(&"a".repeat(2_000).replace("aaaa", "aaab")));
    }
}
