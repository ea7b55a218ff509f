//! Where a step may write besides its bundle: [`places`] turns the words of a workflow into absolute paths.
//!
//! They are relative to the project root, or `~/...`, `$NAME/...` or `/...`. Touches nothing.

use std::path::{Path, PathBuf};

/// The places, without symbolic links as far as they exist. What begins with a variable that is not set is
/// left out.
pub fn places(project: &Path, writes: &[String]) -> Vec<PathBuf> {
    writes.iter().filter_map(|write| place(project, write)).collect()
}

/// One of them.
pub fn place(project: &Path, write: &str) -> Option<PathBuf> {
    let (first, rest) = write.split_once('/').unwrap_or((write, ""));
    let variable = if first == "~" { Some("HOME") } else { first.strip_prefix('$') };
    let path = match variable {
        Some(name) => PathBuf::from(std::env::var_os(name).filter(|value| !value.is_empty())?).join(rest),
        None => project.join(write),
    };
    // Without a slash at its end, so that it compares.
    Some(resolved(&path.components().collect::<PathBuf>()))
}

/// A path without symbolic links, as far as it exists.
pub fn resolved(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|above| above.exists());
    let real = there.and_then(|above| Some((above, above.canonicalize().ok()?)));
    real.and_then(|(above, real)| {
        let rest = path.strip_prefix(above).ok()?;
        Some(if rest.as_os_str().is_empty() { real } else { real.join(rest) })
    })
    .unwrap_or_else(|| path.to_owned())
}
