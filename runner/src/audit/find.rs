//! [`find`]: the bundles of a directory: itself, or those of the tree below it.
//!
//! A bundle is a directory whose name is a stamp; what lies below one belongs to it. A directory without
//! such bundles is one itself when it has files of its own. Links are not followed.

use std::path::{Path, PathBuf};

use crate::audit::moment;
use crate::audit::subject::{is_commands_name, is_environment_name, is_summary_name};

/// How deep bundles are looked for.
const DEPTH: usize = 16;
/// Directories that hold no evidence.
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The bundles, sorted.
    pub bundles: Vec<PathBuf>,
    /// Directories without a stamp that hold a command list, an environment or a summary all the same.
    pub unstamped: Vec<PathBuf>,
    /// Directories that could not be read.
    pub unreadable: Vec<PathBuf>,
}

/// Looks for bundles.
pub fn find(directory: &Path) -> std::io::Result<Found> {
    let mut found = Found::default();
    let resolved = directory.canonicalize()?;
    let has_files = std::fs::read_dir(&resolved)?
        .filter_map(Result::ok)
        .any(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    if is_stamped(&resolved) {
        found.bundles.push(directory.to_owned());
        return Ok(found);
    }
    below(directory, DEPTH, &mut found);
    if found.bundles.is_empty() && has_files {
        return Ok(Found { bundles: vec![directory.to_owned()], ..Found::default() });
    }
    found.bundles.sort();
    found.unstamped.sort();
    Ok(found)
}

fn is_stamped(path: &Path) -> bool {
    path.file_name().is_some_and(|name| moment::in_name(&name.to_string_lossy()).is_some())
}

fn below(directory: &Path, depth: usize, found: &mut Found) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        found.unreadable.push(directory.to_owned());
        return;
    };
    let mut evidence = false;
    for entry in entries.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && is_stamped(&path) => found.bundles.push(path),
            Ok(kind) if kind.is_dir() && depth > 0 && !SKIPPED.contains(&name.as_str()) => {
                below(&path, depth - 1, found);
            }
            Ok(kind) if kind.is_file() => {
                evidence |= is_commands_name(&name) || is_environment_name(&name) || is_summary_name(&name);
            }
            _ => {}
        }
    }
    if evidence {
        found.unstamped.push(directory.to_owned());
    }
}
