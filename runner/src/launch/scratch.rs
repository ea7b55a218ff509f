//! [`Scratch`]: the private temporary directory of a program, and the variables that lead programs to it.
//!
//! What programs like to write by themselves (temporary files, caches, compiled Python) goes there, and away
//! with it. Nothing that a program *reads* is moved: configuration and data stay where they are.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::process::directory_prefix;

const MODE: u32 = 0o700;

/// A directory of its own, removed when the last holder lets go of it.
#[derive(Clone, Debug)]
pub struct Scratch(Arc<TempDir>);

impl Scratch {
    /// Makes one in the system's directory for temporary files, for this user alone.
    pub fn new() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let prefix = directory_prefix();
        builder.prefix(&prefix).permissions(Permissions::from_mode(MODE));
        builder.tempdir().map(|directory| Self(Arc::new(directory)))
    }

    /// The directory for the next program, when nobody holds it and it is as it was made: most leave nothing there,
    /// and making another one costs more.
    pub fn unused(self) -> Option<Self> {
        let path = self.0.path();
        let as_made = path
            .symlink_metadata()
            .is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o7777 == MODE);
        let empty = as_made && path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        (empty && Arc::strong_count(&self.0) == 1).then_some(self)
    }

    /// The directory, without symbolic links.
    pub fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap_or_else(|_| self.0.path().to_owned())
    }

    /// The variables. `writes` are the places that the step declares: cargo keeps its own target directory
    /// when the step may write there.
    pub fn environment(&self, project: &Path, writes: &[PathBuf]) -> Vec<(String, String)> {
        let place = |name: &str| self.0.path().join(name).display().to_string();
        let own = self.0.path().display().to_string();
        let mut variables = vec![
            ("TMPDIR", own.clone()),
            ("TMP", own.clone()),
            ("TEMP", own),
            ("XDG_CACHE_HOME", place("cache")),
            ("XDG_STATE_HOME", place("state")),
            ("CUDA_CACHE_PATH", place("cache/cuda")),
            ("NUMBA_CACHE_DIR", place("cache/numba")),
            ("TRITON_CACHE_DIR", place("cache/triton")),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("GIT_OPTIONAL_LOCKS", "0".to_owned()),
        ];
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.join("target"), PathBuf::from);
        let target = project.join(target);
        let declared = writes.iter().any(|allowed| target.starts_with(allowed));
        if project.join("Cargo.toml").is_file() && !declared {
            variables.push(("CARGO_TARGET_DIR", place("target")));
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
