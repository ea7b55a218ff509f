//! Pointers into files in the texts of a workflow: `src/image.rs:120` in a title, a note, an argument.
//!
//! [`check`] is called once for a workflow. It says nothing unless it is sure that a file of the project is
//! meant: the file is there, or it is named as a source file below a directory that is there.

use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::site::near;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::spec::node::{Node, Value, parse};
use crate::spec::place::inside;
use crate::spec::reader::Placed;

/// A path with an extension, a line, perhaps a column or a last line.
static POINTER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z0-9_][A-Za-z0-9_.\-/]*\.[A-Za-z][A-Za-z0-9]*):([0-9]+)(?:-([0-9]+))?").ok()
});

/// Extensions of files that people write and point into.
const WRITTEN: [&str; 22] = [
    "py", "pyx", "rs", "c", "h", "cc", "cpp", "hpp", "cu", "f90", "go", "java", "js", "ts", "jl", "R", "sh",
    "md", "rst", "toml", "yaml", "yml",
];

/// The findings about all texts of a workflow.
pub(super) fn check(source: &Source, root: &Path, bundles: &str) -> Vec<Diagnostic> {
    // Nearly no workflow has one: a pattern is made and the text read again only where one may be.
    let maybe =
        |three: &[u8]| three[0].is_ascii_alphanumeric() && three[1] == b':' && three[2].is_ascii_digit();
    if !source.text.as_bytes().windows(3).any(maybe) {
        return Vec::new();
    }
    let Some(pointer) = POINTER.as_ref() else { return Vec::new() };
    let Ok(node) = parse(source) else { return Vec::new() };
    let mut texts = Vec::new();
    collect(&node, &mut texts);
    let mut found = Vec::new();
    for text in texts {
        for captures in pointer.captures_iter(&text.value) {
            let (Some(all), Some(path), Some(line)) = (captures.get(0), captures.get(1), captures.get(2))
            else {
                continue;
            };
            // Part of an address (`http://host.name:80`), of an expression, or of a path outside.
            let before = text.value[..all.start()].chars().next_back();
            // What a run has yet to make is not there yet.
            if before.is_some_and(|c| "/@~$}.-".contains(c)) || Path::new(path.as_str()).starts_with(bundles)
            {
                continue;
            }
            let last = captures.get(3).unwrap_or(line);
            let Ok(line) = last.as_str().parse::<usize>() else { continue };
            let place = |range: Range<usize>| inside(source, &text, &range);
            found.extend(wrong(root, path.as_str(), line).map(|(message, help)| {
                Diagnostic::new(place(all.range()), message)
                    .help(help)
                    .weighing(Severity::Warning, "pointer-broken")
            }));
        }
    }
    found
}

fn wrong(root: &Path, path: &str, line: usize) -> Option<(String, String)> {
    let file = root.join(path);
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    if !file.is_file() {
        let written = path.rsplit('.').next().is_some_and(|extension| WRITTEN.contains(&extension));
        let first = path.split_once('/').is_some_and(|(first, _)| root.join(first).is_dir());
        return (written && first)
            .then(|| (format!("it points to `{path}`, which is not in the project"), near(path, &file)));
    }
    let bytes = std::fs::read(&file).ok()?;
    let lines = memchr::memchr_iter(b'\n', &bytes).count()
        + usize::from(!bytes.ends_with(b"\n") && !bytes.is_empty());
    (line == 0 || line > lines).then(|| {
        let noun = if lines == 1 { "line" } else { "lines" };
        (
            format!("it points to line {line} of `{path}`, which has {lines} {noun}"),
            "correct the line".to_owned(),
        )
    })
}

fn collect(node: &Node, texts: &mut Vec<Placed<String>>) {
    match &node.value {
        Value::Text(text) => texts.push(Placed { value: text.clone(), span: node.span }),
        Value::List(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Map(entries) => entries.iter().for_each(|(_, item)| collect(item, texts)),
        _ => {}
    }
}
