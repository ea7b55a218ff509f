//! [`Manifest`]: size and digest of every file of a bundle. Writing it seals the bundle; it is the last file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::clock::{Instant, Stamp};
use crate::evidence::{Bundle, EvidenceError, PluginId};
use crate::fs::{Digest, begin_sync, digest_entry, files_below, shown, sync_all, write_atomic};

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

/// How many threads wait for the disk at a time.
const WAITING: usize = 4;

/// Waits until every file of a bundle is on the disk, and digests it.
pub fn flush(bundle: &Bundle) -> Result<Vec<ManifestFile>, EvidenceError> {
    let unreadable = |error| EvidenceError::at(bundle.path(), "cannot list", error);
    let paths = files_below(bundle.path()).map_err(unreadable)?;
    for path in &paths {
        begin_sync(&bundle.path().join(path));
    }
    let next = AtomicUsize::new(0);
    // The disk takes several files in hardly more time than one.
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return Ok(done) };
            done.push((index, flush_one(bundle.path(), path)?));
        }
    };
    let parts: Vec<Result<Vec<(usize, ManifestFile)>, EvidenceError>> = std::thread::scope(|scope| {
        // Where no thread can be had, this one does all of it.
        let helper = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (1..WAITING).filter_map(helper).collect();
        let own = work();
        let panicked = || Err(EvidenceError::at(bundle.path(), "cannot flush", "a thread panicked"));
        let parts = helpers.into_iter().map(|helper| helper.join().unwrap_or_else(|_| panicked()));
        parts.chain([own]).collect()
    });
    let mut files = parts.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    files.sort_by_key(|(index, _)| *index);
    let above = paths.iter().flat_map(|path| path.ancestors().skip(1));
    let directories: BTreeSet<&Path> = above.chain([Path::new("")]).collect();
    directories.iter().try_for_each(|directory| sync_all(&bundle.path().join(directory)))?;
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn flush_one(bundle: &Path, path: &Path) -> Result<ManifestFile, EvidenceError> {
    let full = bundle.join(path);
    let (sha256, size) =
        digest_entry(&full).map_err(|error| EvidenceError::at(&full, "cannot read", error))?;
    // Of an empty file there is nothing to lose but its name, which its directory holds.
    if size > 0 && !full.is_symlink() {
        sync_all(&full)?;
    }
    Ok(ManifestFile { path: shown(path), size, sha256 })
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
