//! Reads a plugin's [`Manifest`] from its file, without running any of its code.
//!
//! The host compares it with the manifest of the loaded table; the runner's `validate` and `plugins list`
//! learn name, role and config schema from it. [`read`] says what a file states, [`Manifest::read`] also
//! refuses what this host cannot load. Neither may ever load the library.

use std::fmt;
use std::fs::File;
use std::path::Path;

use object::read::ReadCache;
use object::{FileKind, Object, ObjectSection};
use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, MANIFEST_SECTION};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// No honest manifest is larger (bytes); a larger section is not read.
const LARGEST: u64 = 4 << 20;

/// What a library says about itself. Unknown keys are allowed: later versions append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The name that a workflow uses.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// What it is for.
    pub role: Role,
    /// The ABI it was built for: major, minor.
    pub abi: [u32; 2],
    /// The lowest host minor version it can work with.
    #[serde(default)]
    pub needs_host_minor: u32,
    /// One line for lists.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema (2020-12) of the step's `with:`; `null` accepts everything.
    #[serde(default)]
    pub config_schema: Value,
}

impl Manifest {
    /// Reads the manifest of the library at `path`, and refuses one that this host could not load: another
    /// major version of the ABI, or a minor version that this host does not have.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let manifest = read(path)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let [major, _] = self.abi;
        if major != ABI_MAJOR {
            return Err(ManifestError::unusable(format!(
                "was built for plugin ABI {major}, this runner has {ABI_MAJOR}.{ABI_MINOR}: build the plugin again"
            )));
        }
        if self.needs_host_minor > ABI_MINOR {
            return Err(ManifestError::unusable(format!(
                "needs plugin ABI {ABI_MAJOR}.{}, this runner has {ABI_MAJOR}.{ABI_MINOR}: take a newer runner",
                self.needs_host_minor
            )));
        }
        Ok(())
    }
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A workload that is measured.
    Kernel,
    /// Observes a kernel.
    Profiler,
    /// Returns JSON about something.
    Capture,
    /// Edits documents.
    Ledger,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kernel => "kernel",
            Self::Profiler => "profiler",
            Self::Capture => "capture",
            Self::Ledger => "ledger",
        })
    }
}

/// Why a file has no usable manifest. Its text follows the name of the file: `is not a runner plugin: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    kind: ManifestErrorKind,
    text: String,
}

/// Whether a file without a usable manifest is a plugin at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestErrorKind {
    /// No plugin: another kind of file, or a whole library without a manifest.
    Foreign,
    /// A plugin that cannot be used here, or a library that is damaged: it may have been one.
    Unusable,
}

impl ManifestError {
    /// Whether the file is a plugin at all.
    pub fn kind(&self) -> ManifestErrorKind {
        self.kind
    }

    fn foreign(text: String) -> Self {
        Self { kind: ManifestErrorKind::Foreign, text }
    }

    fn unusable(text: String) -> Self {
        Self { kind: ManifestErrorKind::Unusable, text }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ManifestError {}

/// What the manifest of the library at `path` states, whichever ABI it is for.
pub fn read(path: &Path) -> Result<Manifest, ManifestError> {
    parse(&section(path)?)
}

/// Understands the bytes of a section.
pub(crate) fn parse(section: &[u8]) -> Result<Manifest, ManifestError> {
    serde_json::from_slice(section)
        .map_err(|reason| ManifestError::unusable(format!("has a manifest that is not understood: {reason}")))
}

/// The bytes of the manifest section, without trailing NUL bytes. Only the headers and that section are
/// read, however large the library is.
pub(crate) fn section(path: &Path) -> Result<Vec<u8>, ManifestError> {
    let error = ManifestError::unusable;
    let file = File::open(path).map_err(|reason| error(format!("cannot be opened: {reason}")))?;
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache).map_err(|reason| {
        let text = format!("is not a library that can be read here: {reason}");
        // It begins as a library does, and the rest is missing or wrong: a copy that was cut short, say.
        if FileKind::parse(&cache).is_ok() { error(text) } else { ManifestError::foreign(text) }
    })?;
    let section = object.section_by_name(MANIFEST_SECTION).ok_or_else(|| {
        ManifestError::foreign(format!("is not a runner plugin: it has no section `{MANIFEST_SECTION}`"))
    })?;
    if section.size() > LARGEST {
        return Err(error(format!("has a section `{MANIFEST_SECTION}` of {} bytes", section.size())));
    }
    let bytes = section.data().map_err(|reason| error(format!("has an unreadable manifest: {reason}")))?;
    Ok(without_padding(bytes).to_vec())
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
        assert!(error.to_string().starts_with("is not a library"), "{error}");
        assert_eq!(error.kind(), ManifestErrorKind::Foreign);
    }

    #[test]
    fn a_program_without_the_section_is_not_a_plugin() {
        let error = read(&std::env::current_exe().expect("a path")).expect_err("a test program");
        assert_eq!(error.to_string(), "is not a runner plugin: it has no section `.runner_plugin`");
        assert_eq!(error.kind(), ManifestErrorKind::Foreign);
    }

    #[test]
    fn a_manifest_may_lack_what_has_a_default_and_hold_what_is_not_known() {
        let stated = br#"{"name":"a","version":"1","role":"capture","abi":[1,0],"colour":"red"}"#;
        let manifest = parse(stated).expect("understood");
        assert_eq!((manifest.role, manifest.needs_host_minor), (Role::Capture, 0));
        assert_eq!(format!("{:<8}|", manifest.role), "capture |");
        let error = parse(br#"{"name":"a"}"#).expect_err("not enough");
        assert!(error.to_string().starts_with("has a manifest that is not understood: missing"), "{error}");
    }

    #[test]
    fn another_abi_and_a_newer_need_are_refused_with_the_way_out() {
        let stated = |abi: &str, needs: u32| {
            let text = format!(
                r#"{{"name":"a","version":"1","role":"kernel","abi":{abi},"needs_host_minor":{needs}}}"#
            );
            parse(text.as_bytes()).expect("understood").check().map_err(|error| error.to_string())
        };
        assert_eq!(stated("[1,7]", 0), Ok(()), "a plugin may know more than it needs");
        assert_eq!(
            stated("[99,0]", 0),
            Err("was built for plugin ABI 99, this runner has 1.1: build the plugin again".to_owned())
        );
        assert_eq!(
            stated("[1,5]", 5),
            Err("needs plugin ABI 1.5, this runner has 1.1: take a newer runner".to_owned())
        );
    }
}
