//! Moves outputs of a harness that insists on its own directory into the bundle, and finds files by pattern.

use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, glob_with};

use crate::evidence::Bundle;
use crate::fs::{digest_file, files_below};

/// Moves what each `from` names (below the project root) into its `to` (below the bundle). Returns the new
/// names relative to the bundle.
pub(super) fn collect(
    root: &Path,
    bundle: &Bundle,
    pairs: &[(String, String)],
    place: impl Fn(&str) -> String,
) -> Result<Vec<String>, String> {
    let mut moved = Vec::new();
    for (from, to) in pairs {
        let wrong = |error: io::Error| format!("collect `{from}`: {error}");
        let found = glob(root, from).map_err(wrong)?;
        if found.is_empty() {
            return Err(format!("collect: nothing matches `{from}`"));
        }
        for path in found {
            let source = root.join(&path);
            let files =
                if source.is_dir() { files_below(&source).map_err(wrong)? } else { vec![PathBuf::new()] };
            for file in files {
                let full = if file.as_os_str().is_empty() { source.clone() } else { source.join(&file) };
                let name = full.strip_prefix(source.parent().unwrap_or(root)).unwrap_or(&full);
                // A directory is emptied into `to`; a file keeps its name.
                let name = if source.is_dir() { file.clone() } else { name.to_owned() };
                let target = place(&format!("{}/{}", to.trim_end_matches('/'), name.display()));
                carry(&full, &bundle.file(&target)).map_err(wrong)?;
                moved.push(target);
            }
            if source.is_dir() {
                std::fs::remove_dir_all(&source).map_err(wrong)?;
            }
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
