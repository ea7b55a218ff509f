//! Paths that a line names: [`references`] finds them in code spans and links. Called by [`crate::check`] for
//! the lines below `Artifacts`. Only what looks like a path of the project counts: a command, a pattern, a
//! placeholder, an address, a ratio or a bare file name is none, because a false alarm costs more than a
//! missed one.

/// A path that a line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference<'a> {
    /// The path, without a line number, a test name or an anchor behind it.
    pub path: &'a str,
    /// Whether its form alone says that it is one: it ends in `/`, or in a name with an extension.
    pub certain: bool,
}

/// The paths in a line.
pub fn references(line: &str) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    if !line.contains('/') {
        return found;
    }
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let open = &rest[start..];
        let ticks = open.len() - open.trim_start_matches('`').len();
        let inner = &open[ticks..];
        let Some(end) = inner.find(&open[..ticks]) else { break };
        found.extend(path(inner[..end].trim()));
        rest = inner[end..].trim_start_matches('`');
    }
    for target in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
        found.extend(path(target.0.trim()));
    }
    found
}

fn path(text: &str) -> Option<Reference<'_>> {
    let text = text.split("::").next()?.split('#').next()?;
    let text = without_line_numbers(text);
    let foreign = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '<' | '>' | '*' | '?' | '{' | '}' | '$' | '|' | '"')
            || matches!(c, '\'' | '=' | '\\' | ':' | ',' | ';' | '(' | ')' | '[' | ']' | '\u{2026}')
    };
    if !text.contains('/') || text.contains(foreign) || text.contains("...") {
        return None;
    }
    if text.starts_with(['/', '~', '-', '@', '+']) || !text.contains(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let name = text.rsplit('/').next().unwrap_or("");
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let named = extension.len() <= 8 && extension.starts_with(|c: char| c.is_ascii_alphabetic());
    Some(Reference { path: text, certain: name.is_empty() || named })
}

/// `src/a.rs` of `src/a.rs:12`, `src/a.rs:12-14` and `src/a.rs:12,20`.
fn without_line_numbers(text: &str) -> &str {
    match text.split_once(':') {
        Some((path, numbers)) if numbers.starts_with(|c: char| c.is_ascii_digit()) => {
            let only = |c: char| c.is_ascii_digit() || matches!(c, '-' | ',' | ':' | '/' | '\u{2013}');
            if numbers.chars().all(only) { path } else { text }
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::references;

    fn paths(line: &str) -> Vec<&str> {
        references(line).into_iter().map(|reference| reference.path).collect()
    }

    #[test]
    fn code_spans_and_links_name_paths() {
        assert_eq!(paths("- `a/b.md` and [log](c/d.log), ``e/f/``"), ["a/b.md", "e/f/", "c/d.log"]);
        assert_eq!(
            paths("`s/a.rs:88` `s/b.rs:1-3` `t/c.py::T::t` [x](../d/e.md#f)"),
            ["s/a.rs", "s/b.rs", "t/c.py", "../d/e.md"]
        );
    }

    #[test]
    fn what_is_no_path_of_the_project_is_left_out() {
        for line in [
            "`a/<STAMP>/b.md`",
            "`a/*.md`",
            "`a/{b,c}.md`",
            "`cargo test -p a/b`",
            "`$HOME/a.md`",
            "`/tmp/a.md`",
            "`https://example.org/a.md`",
            "`summary.md`",
            "a/b.md without a code span",
            "`a/.../b.md`",
            "`A=b/c.md`",
            "`open",
        ] {
            assert_eq!(paths(line), Vec::<&str>::new(), "{line}");
        }
    }

    #[test]
    fn a_path_without_an_extension_is_not_certain() {
        let certain = |line: &str| references(line)[0].certain;
        assert!(certain("`a/b.json`") && certain("`a/b/`"));
        assert!(!certain("`a/20260102T030405Z`") && !certain("`24/24`") && !certain("`1/2.5`"));
    }
}
