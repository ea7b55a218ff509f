//! Reads a plugin's [`Manifest`] from its file, without running any of its code.
//!
//! The host compares it with the manifest of the loaded table; the runner's `validate` and `plugins list`
//! read it to learn name, role and config schema. It must never load the library.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::{Object, ObjectSection};
use runner_plugin_abi::MANIFEST_SECTION;
use serde::Deserialize;
use serde_json::Value;

/// No honest manifest is larger (bytes); a larger section is not read.
const LARGEST: u64 = 4 << 20;

/// What a library says about itself. Unknown keys are allowed: later versions append.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Manifest {
    /// The name that a workflow uses.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// The role.
    pub role: Role,
    /// The ABI it was built for: major, minor.
    pub abi: [u32; 2],
    /// The lowest host minor version it can work with.
    #[serde(default)]
    pub needs_host_minor: u32,
    /// One line for lists.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema of the step's `with:`; `null` accepts everything.
    #[serde(default)]
    pub config_schema: Value,
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A workload.
    Kernel,
    /// Observes a kernel.
    Profiler,
    /// Returns JSON.
    Capture,
    /// Edits documents.
    Ledger,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Profiler => "profiler",
            Self::Capture => "capture",
            Self::Ledger => "ledger",
        })
    }
}

/// Why a file has no usable manifest.
#[derive(Debug)]
pub struct ManifestError {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for ManifestError {}

/// The bytes of the manifest section, without trailing NUL bytes. Only the headers and that section are
/// read, however large the library is.
pub fn section(path: &Path) -> Result<Vec<u8>, ManifestError> {
    let error = |reason: String| ManifestError { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|source| error(source.to_string()))?;
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache)
        .map_err(|source| error(format!("not a dynamic library that can be read here: {source}")))?;
    let section = object
        .section_by_name(MANIFEST_SECTION)
        .ok_or_else(|| error(format!("not a runner plugin: it has no section `{MANIFEST_SECTION}`")))?;
    if section.size() > LARGEST {
        return Err(error(format!("the section `{MANIFEST_SECTION}` has {} bytes", section.size())));
    }
    let bytes = section.data().map_err(|source| error(format!("section `{MANIFEST_SECTION}`: {source}")))?;
    Ok(without_padding(bytes).to_vec())
}

/// Reads the manifest of the library at `path`.
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    serde_json::from_slice(&section(path)?)
        .map_err(|source| ManifestError { path: path.to_owned(), reason: format!("its manifest: {source}") })
}

/// A C string literal ends with a NUL byte, and linkers pad sections with them.
pub(crate) fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_and_text_is_kept() {
        assert_eq!(without_padding(b"{}\0\0"), b"{}");
        assert_eq!(without_padding(b"\0\0"), b"");
        assert_eq!(without_padding(b"{}"), b"{}");
    }

    #[test]
    fn a_file_that_is_no_library_is_named() {
        let error = read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))).expect_err("text");
        assert!(error.to_string().contains("not a dynamic library"), "{error}");
    }

    #[test]
    fn a_program_without_the_section_is_not_a_plugin() {
        let error = read(&std::env::current_exe().expect("a path")).expect_err("a test program");
        assert!(error.to_string().ends_with("it has no section `.runner_plugin`"), "{error}");
    }
}
