//! [`Manifest`]: size and digest of every file of a bundle. Writing it seals the bundle; it is the last file.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::{Instant, Stamp};
use crate::evidence::{Bundle, EvidenceError, PluginId};
use crate::fs::{Digest, digest_entry, files_below, shown, sync_all, write_atomic};

/// What `manifest.json` holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of this file.
    pub version: u32,
    /// The bundle's name.
    pub stamp: Stamp,
    /// When it was sealed.
    pub sealed: Instant,
    /// The runner that sealed it.
    pub runner: PluginId,
    /// The plugins that were loaded.
    pub plugins: Vec<PluginId>,
    /// The digest of the last line of `commands.jsonl`.
    pub commands_head: Digest,
    /// Every other file of the bundle, sorted by path.
    pub files: Vec<ManifestFile>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Relative to the bundle; a byte of it that is no UTF-8 as `\xNN`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// The digest.
    pub sha256: Digest,
}

/// Waits until every file of a bundle is on the disk, and digests it.
pub fn flush(bundle: &Bundle) -> Result<Vec<ManifestFile>, EvidenceError> {
    let unreadable = |error| EvidenceError::at(bundle.path(), "cannot list", error);
    let mut files = Vec::new();
    let mut directories = BTreeSet::from([bundle.path().to_owned()]);
    for path in files_below(bundle.path()).map_err(unreadable)? {
        let full = bundle.path().join(&path);
        directories.extend(full.parent().map(Path::to_owned));
        let (sha256, size) =
            digest_entry(&full).map_err(|error| EvidenceError::at(&full, "cannot read", error))?;
        // Of an empty file there is nothing to lose but its name, which its directory holds.
        if size > 0 && !full.is_symlink() {
            sync_all(&full)?;
        }
        files.push(ManifestFile { path: shown(&path), size, sha256 });
    }
    directories.iter().try_for_each(|directory| sync_all(directory))?;
    Ok(files)
}

/// Seals a bundle whose files were [flushed](flush).
pub fn seal(
    bundle: &Bundle,
    files: Vec<ManifestFile>,
    runner: PluginId,
    plugins: Vec<PluginId>,
    commands_head: Digest,
) -> Result<(), EvidenceError> {
    let manifest = Manifest {
        version: 1,
        stamp: bundle.stamp().clone(),
        sealed: Instant::now(),
        runner,
        plugins,
        commands_head,
        files,
    };
    let path = bundle.file("manifest.json");
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| EvidenceError::at(&path, "cannot write", error))?;
    text.push(b'\n');
    Ok(write_atomic(&path, &text)?)
}
