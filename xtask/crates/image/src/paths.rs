//! Paths inside an image and inside a build context: text with slashes, never a path of this machine.

/// Resolves `.`, `..` and doubled slashes; `..` at the top stays at the top. No slash at either end: the root is empty.
pub(crate) fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a path goes above its beginning, even if it comes back.
pub(crate) fn leads_out(path: &str) -> bool {
    let mut depth = 0;
    path.split('/').any(|part| {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        depth < 0
    })
}

/// An absolute path in an image: relative ones begin at `base`. A folder, said by a slash or a dot, ends in a slash.
pub(crate) fn absolute(base: &str, path: &str) -> String {
    let whole = match path.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None => format!("{base}/{path}"),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    let cleaned = clean(&whole);
    let folder = matches!(last, "" | "." | "..") && !cleaned.is_empty();
    format!("/{cleaned}{}", if folder { "/" } else { "" })
}

/// The folders above a path, outermost first: `a/b/c` lies in `a` and `a/b`.
pub(crate) fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// The last part.
pub(crate) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Joins two relative paths; either may be empty.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_never_leave_the_image() {
        let table = [
            ("/srv", "app", "/srv/app"),
            ("/srv", "./app", "/srv/app"),
            ("/srv", ".", "/srv/"),
            ("/srv", "", "/srv/"),
            ("/srv", "../x", "/x"),
            ("/srv", "/x/../../../etc//y", "/etc/y"),
            ("/", "app/", "/app/"),
            ("/", "/", "/"),
            ("/", ".", "/"),
            ("/a", "/b/.", "/b/"),
        ];
        for (base, path, expected) in table {
            assert_eq!(absolute(base, path), expected, "{base} {path}");
        }
    }

    #[test]
    fn a_path_may_go_up_only_as_far_as_it_went_down() {
        for (path, out) in [
            ("a/../b", false),
            ("./a/b/../..", false),
            ("../a", true),
            ("a/../../a", true),
            ("/..", true),
        ] {
            assert_eq!(leads_out(path), out, "{path}");
        }
    }

    #[test]
    fn parents_are_named_from_the_outside() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
    }
}
