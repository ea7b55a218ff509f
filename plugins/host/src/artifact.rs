//! Opens an artifact inside the bundle, and only there.
//!
//! Called by the host table's `artifact`. Every directory on the way is opened relative to its parent and
//! without following links, so neither `..`, nor an absolute path, nor a symbolic link that a plugin planted
//! leads out of the bundle. The runner's own files at the top of the bundle are refused too.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

/// What the runner itself writes at the top of a bundle; a plugin must not replace it.
const RESERVED: [&str; 9] = [
    "commands.txt",
    "commands.jsonl",
    "env.json",
    "inputs.json",
    "logs",
    "manifest.json",
    "plan.json",
    "state.json",
    "summary.md",
];

/// Creates (or, for a repeated attempt, replaces) the artifact `path` below `bundle`, with its directories.
/// The error names the path and the reason.
pub(crate) fn create(bundle: &Path, path: &str) -> Result<File, String> {
    let refused = |reason: &str| format!("artifact `{}`: {reason}", path.escape_debug());
    let parts: Vec<&str> = path.split('/').collect();
    if path.is_empty() {
        return Err(refused("the path is empty"));
    }
    if path.starts_with('/') {
        return Err(refused("the path must be relative to the bundle"));
    }
    if path.chars().any(char::is_control) {
        return Err(refused("the path holds control characters"));
    }
    if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(refused("the path must not hold `..`, `.` or empty parts"));
    }
    if parts.first().is_some_and(|top| RESERVED.contains(top)) {
        return Err(refused("the name belongs to the runner's own evidence"));
    }
    let (name, directories) = parts.split_last().ok_or_else(|| refused("the path is empty"))?;

    let directory = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at: OwnedFd = rustix::fs::openat(CWD, bundle, directory | OFlags::PATH, Mode::empty())
        .map_err(|error| refused(&format!("the bundle {}: {error}", bundle.display())))?;
    for part in directories {
        match rustix::fs::mkdirat(&at, *part, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refused(&format!("directory `{part}`: {error}"))),
        }
        let flags = directory | OFlags::PATH | OFlags::NOFOLLOW;
        at = rustix::fs::openat(&at, *part, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => refused(&format!("`{part}` is not a directory")),
            error => refused(&format!("directory `{part}`: {error}")),
        })?;
    }
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&at, *name, flags, Mode::from_raw_mode(0o666)) {
        Ok(file) => Ok(File::from(file)),
        Err(Errno::LOOP) => Err(refused("it is a symbolic link")),
        Err(error) => Err(refused(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_artifact_gets_its_directories_and_its_bytes() {
        let bundle = tempfile::tempdir().expect("a directory");
        let mut file = create(bundle.path(), "profile/deep/trace.json").expect("allowed");
        file.write_all(b"{}").expect("written");
        assert_eq!(std::fs::read(bundle.path().join("profile/deep/trace.json")).expect("there"), b"{}");
    }

    #[test]
    fn a_path_that_leaves_the_bundle_is_refused() {
        let outside = tempfile::tempdir().expect("a directory");
        let bundle = outside.path().join("bundle");
        std::fs::create_dir(&bundle).expect("made");
        for path in ["../x", "a/../../x", "/x", "", "a//x", "./x", "a/.", "a\nb", "a\0b"] {
            let error = create(&bundle, path).expect_err(path);
            assert!(error.starts_with("artifact `"), "{error}");
        }
        assert!(!outside.path().join("x").exists());
        assert_eq!(std::fs::read_dir(&bundle).expect("readable").count(), 0, "a refusal leaves nothing");
    }

    #[test]
    fn a_symbolic_link_does_not_lead_out_of_the_bundle() {
        let outside = tempfile::tempdir().expect("a directory");
        let bundle = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink(outside.path(), bundle.path().join("link")).expect("linked");
        std::os::unix::fs::symlink(outside.path().join("y"), bundle.path().join("file")).expect("linked");
        let error = create(bundle.path(), "link/x").expect_err("refused");
        assert_eq!(error, "artifact `link/x`: `link` is not a directory");
        let error = create(bundle.path(), "file").expect_err("refused");
        assert_eq!(error, "artifact `file`: it is a symbolic link");
        assert_eq!(std::fs::read_dir(outside.path()).expect("readable").count(), 0);
    }

    #[test]
    fn the_files_of_the_runner_are_not_replaced() {
        let bundle = tempfile::tempdir().expect("a directory");
        for path in ["commands.txt", "manifest.json", "logs/x.log"] {
            assert!(create(bundle.path(), path).expect_err(path).contains("belongs to the runner"));
        }
        create(bundle.path(), "profile/manifest.json").expect("only the top is reserved");
    }
}
