//! [`Manifest`]: what a plugin says of itself, read from an ELF section of its file.

use std::fmt;
use std::fs::File;
use std::path::Path;

use object::{Object, ObjectSection, ReadCache};
use runner_plugin_abi::{ABI_MAJOR, ABI_MINOR, MANIFEST_SECTION};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A workload that is measured.
    Kernel,
    /// Observes a kernel.
    Profiler,
    /// Returns JSON about something.
    Capture,
    /// Edits the ledger.
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

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name in workflows.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it is for.
    pub role: Role,
    /// The ABI it was built for: major, minor.
    pub abi: [u32; 2],
    /// The lowest host minor version it can work with.
    #[serde(default)]
    pub needs_host_minor: u32,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema of its `with:`.
    #[serde(default)]
    pub config_schema: Value,
}

/// Why a file is not a plugin that this runner can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(String);

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// Reads the manifest from a library's file. Nothing of the library is executed.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let error = |text: String| ManifestError(text);
        let file = File::open(path).map_err(|reason| error(format!("cannot be opened: {reason}")))?;
        let cache = ReadCache::new(file);
        let object =
            object::File::parse(&cache).map_err(|reason| error(format!("is not a library: {reason}")))?;
        let section = object.section_by_name(MANIFEST_SECTION).ok_or_else(|| {
            error(format!("is not a runner plugin: it has no section `{MANIFEST_SECTION}`"))
        })?;
        let bytes =
            section.data().map_err(|reason| error(format!("has an unreadable manifest: {reason}")))?;
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let manifest: Self = serde_json::from_slice(&bytes[..end])
            .map_err(|reason| error(format!("has a manifest that is not understood: {reason}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let [major, _] = self.abi;
        if major != ABI_MAJOR {
            return Err(ManifestError(format!(
                "was built for plugin ABI {major}, this runner has {ABI_MAJOR}.{ABI_MINOR}: build the plugin again"
            )));
        }
        if self.needs_host_minor > ABI_MINOR {
            return Err(ManifestError(format!(
                "needs plugin ABI {ABI_MAJOR}.{}, this runner has {ABI_MAJOR}.{ABI_MINOR}: take a newer runner",
                self.needs_host_minor
            )));
        }
        Ok(())
    }
}
