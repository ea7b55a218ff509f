//! [`built_library`]: where cargo put the library of a plugin package.
//!
//! Cargo builds all crate types of a package's library target before its integration tests (files under
//! `tests/`), and those of every dev-dependency: `target/<profile>/deps/lib<name>.so`. Unit tests inside the
//! library and doc tests do not build it. It is never built from here: a test must not start cargo.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

/// The library of the package `name`, built by the cargo call that built this test.
///
/// # Panics
/// When there is none: the text says how to get it.
pub fn built_library(name: &str) -> PathBuf {
    let executable = std::env::current_exe().expect("a test knows its own executable");
    let directory = executable.parent().expect("an executable lies in a directory");
    find(directory, name).unwrap_or_else(|| {
        panic!(
            "no library of `{name}` beside {}: give `{name}` crate-type [\"cdylib\", \"rlib\"], and either \
             let this be an integration test of its package or make it a dev-dependency (or build it \
             before: cargo build --package {name})",
            executable.display()
        )
    })
}

/// Test programs lie in `deps` or `examples`, finished libraries in `deps` and one level above.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let file = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", name.replace('-', "_"));
    let above = directory.parent().unwrap_or(directory);
    [directory.join(&file), above.join("deps").join(&file), above.join(&file)]
        .into_iter()
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_beside_the_test_and_one_level_above() {
        let target = tempfile::tempdir().expect("a directory");
        let deps = target.path().join("deps");
        std::fs::create_dir(&deps).expect("made");
        assert_eq!(find(&deps, "env-capture"), None);
        let above = target.path().join("libenv_capture.so");
        std::fs::File::create(&above).expect("made");
        assert_eq!(find(&deps, "env-capture"), Some(above));
        std::fs::File::create(deps.join("libenv_capture.so")).expect("made");
        assert_eq!(find(&deps, "env-capture"), Some(deps.join("libenv_capture.so")), "the newest build");
    }

    #[test]
    #[should_panic(expected = "cargo build --package no-such-plugin")]
    fn a_missing_library_says_how_to_build_it() {
        built_library("no-such-plugin");
    }
}
