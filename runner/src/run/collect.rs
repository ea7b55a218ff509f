//! Moves outputs of a harness that insists on its own directory into the bundle, and finds files by pattern.
//!
//! [`Earlier`] remembers what matched before the command started: what an earlier run left behind is no
//! evidence of this one, so only what is new or changed is moved, and the rest stays where it is. Called by
//! an attempt, before and after its program; must never take an old file for a new one.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};

use crate::evidence::Bundle;
use crate::fs::{Mark, digest_file, files_below};

/// What a file is like; of a link, what it leads to, and what the link is like when that is nowhere.
fn mark_of(path: &Path) -> io::Result<Mark> {
    path.metadata().map(|found| Mark::from(&found)).or_else(|_| Mark::of(path))
}

/// The files that matched before a command started.
#[derive(Debug)]
pub(super) struct Earlier(HashMap<PathBuf, Mark>);

impl Earlier {
    /// Remembers what each `from` names (below the project root) now.
    pub(super) fn remember(root: &Path, pairs: &[(String, String)]) -> Result<Self, String> {
        let mut marks = HashMap::new();
        for (from, _) in pairs {
            let wrong = |error: io::Error| format!("collect `{from}`: {error}");
            for path in glob(root, from).map_err(wrong)? {
                for file in files_of(&root.join(path)).map_err(wrong)? {
                    let mark = mark_of(&file).map_err(wrong)?;
                    marks.insert(file, mark);
                }
            }
        }
        Ok(Self(marks))
    }

    fn has(&self, file: &Path) -> io::Result<bool> {
        Ok(match self.0.get(file) {
            Some(before) => mark_of(file)?.has_content_of(before),
            None => false,
        })
    }
}

/// The file itself, or the files below a directory.
fn files_of(source: &Path) -> io::Result<Vec<PathBuf>> {
    if !source.is_dir() {
        return Ok(vec![source.to_owned()]);
    }
    Ok(files_below(source)?.iter().map(|file| source.join(file)).collect())
}

/// Moves what each `from` names (below the project root) into its `to` (below the bundle), but for the files
/// that are as they were `earlier`. Returns the new names relative to the bundle; an error when a `from` names
/// nothing new.
pub(super) fn collect(
    root: &Path,
    bundle: &Bundle,
    pairs: &[(String, String)],
    earlier: &Earlier,
    place: impl Fn(&str) -> String,
) -> Result<Vec<String>, String> {
    let mut moved = Vec::new();
    for (from, to) in pairs {
        let wrong = |error: io::Error| format!("collect `{from}`: {error}");
        let found = glob(root, from).map_err(wrong)?;
        if found.is_empty() {
            return Err(format!("collect: nothing matches `{from}`"));
        }
        let (mut new, mut old) = (0_usize, 0_usize);
        for path in found {
            let source = root.join(&path);
            // A directory is emptied into `to`; a file keeps its name.
            let directory = source.is_dir();
            let above = if directory { source.as_path() } else { source.parent().unwrap_or(root) };
            let old_before = old;
            for file in files_of(&source).map_err(wrong)? {
                if earlier.has(&file).map_err(wrong)? {
                    old += 1;
                    continue;
                }
                let name = file.strip_prefix(above).unwrap_or(&file);
                let target = place(&format!("{}/{}", to.trim_end_matches('/'), name.display()));
                carry(&file, &bundle.file(&target)).map_err(wrong)?;
                moved.push(target);
                new += 1;
            }
            if directory && old == old_before {
                std::fs::remove_dir_all(&source).map_err(wrong)?;
            }
        }
        if new == 0 && old > 0 {
            let left = match old {
                1 => "1 older file was left where it is".to_owned(),
                _ => format!("{old} older files were left where they are"),
            };
            return Err(format!("collect: nothing new matches `{from}` ({left})"));
        }
    }
    Ok(moved)
}

fn carry(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        return Err(io::Error::other(format!("`{}` is in the bundle already", to.display())));
    }
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if std::fs::rename(from, to).is_ok() {
        return Ok(());
    }
    // Another file system: copy, compare, and only then remove.
    std::fs::copy(from, to)?;
    if digest_file(from)?.0 != digest_file(to)?.0 {
        return Err(io::Error::other("the copy differs from the original"));
    }
    std::fs::remove_file(from)
}

/// Paths below `root` that a pattern names, relative to it, sorted. `*` and `?` stay inside one part of a
/// path; `**` spans any number of parts. A pattern that ends in `/` names directories.
pub(super) fn glob(root: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let escaped = Pattern::escape(&root.to_string_lossy());
    let full = format!("{escaped}/{}", pattern.trim_end_matches('/'));
    let mut found = Vec::new();
    for path in glob_with(&full, options).map_err(io::Error::other)? {
        let path = path.map_err(io::Error::from)?;
        if path.is_dir() || !pattern.ends_with('/') {
            found.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::write_atomic;

    #[test]
    fn patterns_find_what_they_say() {
        let directory = tempfile::tempdir().expect("tempdir");
        for name in ["a/b/r.json", "a/r.json", "a/b/c/x.txt"] {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
            write_atomic(&path, b"{}").expect("write");
        }
        let find = |pattern: &str| -> Vec<String> {
            let found = glob(directory.path(), pattern).expect("glob");
            found.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(find("a/**/r.json"), ["a/b/r.json", "a/r.json"]);
        assert_eq!(find("**/*.txt"), ["a/b/c/x.txt"]);
        assert_eq!(find("a/*/"), ["a/b"]);
        assert_eq!(find("a/?.json"), ["a/r.json"]);
        assert_eq!(find("nothing/*"), Vec::<String>::new());
    }
}
