//! Atomic replacement of a file: readers see the old bytes or the new ones, never a mixture.
//!
//! The new text is written beside the file, given the old file's mode and owner, and renamed over it. A
//! symbolic link is followed, so that the link stays a link. [`write_atomic`] also flushes to the disk: it is
//! for files that people own. [`write_whole`] leaves that to [`sync_all`] at the end: it is for the files of a
//! bundle in the making, which change several times for each step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that could not be written, and why.
#[derive(Debug)]
pub struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl WriteError {
    pub(super) fn new(path: PathBuf, source: io::Error) -> Self {
        Self { path, source }
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot write `{}`: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Replaces the file at `path` by `bytes`, also across a power cut. After an error the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    replace(path, bytes, true).map_err(|source| WriteError { path: path.to_owned(), source })
}

/// The same without waiting for the disk.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    replace(path, bytes, false).map_err(|source| WriteError { path: path.to_owned(), source })
}

/// Writes a file that must not exist yet; one that does stays as it is.
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
            // Half a file would be in the way of the next try.
            let _ = fs::remove_file(path);
        })
    };
    write().map_err(|source| WriteError { path: path.to_owned(), source })
}

/// Lets the disk begin to take a file. Who then waits for many files, one after the other, waits hardly longer than for
/// one. Where that cannot be, only time is lost.
#[expect(unsafe_code, reason = "no maintained crate wraps this call")]
pub fn begin_sync(path: &Path) {
    let mut options = OpenOptions::new();
    // Neither a link nor a pipe may lead elsewhere or hold this up.
    let opened = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    if let Ok(file) = opened {
        // SAFETY: plain numbers, and a descriptor that is open.
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }
}

/// Waits until a file is on the disk.
pub fn sync_all(path: &Path) -> Result<(), WriteError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| WriteError { path: path.to_owned(), source })
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let (target, old) = place_of(path)?;
    let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = target.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    if old.as_ref().is_some_and(|old| old.permissions().readonly()) {
        // A rename needs no permission on the file itself; a file that somebody made read-only stays so.
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let temporary = directory.join(format!(
        ".{}.{}-{}.tmp",
        name.to_string_lossy(),
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let written =
        write_new(&temporary, bytes, old.as_ref(), sync).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // The rename itself must survive a power cut.
    if sync { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Where the text goes, and what is there now. Only a link in the last place leads elsewhere.
fn place_of(path: &Path) -> io::Result<(PathBuf, Option<fs::Metadata>)> {
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok((path.to_owned(), None)),
        _ => Err(error),
    };
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => match fs::canonicalize(path) {
            Ok(target) => Ok((target.clone(), target.metadata().ok())),
            Err(error) => missing(error),
        },
        Ok(found) => Ok((path.to_owned(), Some(found))),
        Err(error) => missing(error),
    }
}

fn write_new(temporary: &Path, bytes: &[u8], old: Option<&fs::Metadata>, sync: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(temporary)?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        let new = file.metadata()?;
        if new.permissions() != old.permissions() {
            file.set_permissions(old.permissions())?;
        }
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
    }
    if sync { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn neither_a_pipe_nor_a_link_nor_nothing_holds_up_the_beginning_of_a_flush() {
        let directory = tempfile::tempdir().expect("tempdir");
        let place = |name: &str| directory.path().join(name);
        write_whole(&place("file"), b"one").expect("written");
        rustix::fs::mkfifoat(rustix::fs::CWD, place("pipe"), 0o600.into()).expect("made");
        symlink("pipe", place("link")).expect("symlink");
        for name in ["file", "pipe", "link", "nothing", "."] {
            begin_sync(&place(name));
        }
    }

    #[test]
    fn mode_and_link_survive() {
        let directory = tempfile::tempdir().expect("tempdir");
        let file = directory.path().join("a.md");
        write_atomic(&file, b"one").expect("first write");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).expect("chmod");
        let link = directory.path().join("link.md");
        symlink("a.md", &link).expect("symlink");
        write_atomic(&link, b"two").expect("write through the link");
        assert_eq!(fs::read(&file).expect("read"), b"two");
        assert!(fs::symlink_metadata(&link).expect("lstat").is_symlink());
        assert_eq!(fs::metadata(&file).expect("stat").permissions().mode() & 0o777, 0o664);
        assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 2, "no temporary file is left");
    }

    #[test]
    fn a_read_only_file_and_a_missing_directory_are_refused_with_the_path() {
        let directory = tempfile::tempdir().expect("tempdir");
        let file = directory.path().join("a.md");
        write_atomic(&file, b"one").expect("write");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).expect("chmod");
        let error = write_atomic(&file, b"two").expect_err("read-only").to_string();
        assert!(error.contains("a.md") && error.contains("read-only"), "{error}");
        assert_eq!(fs::read(&file).expect("read"), b"one");
        let error = write_atomic(&directory.path().join("no/such/b.md"), b"x").expect_err("no directory");
        assert!(error.to_string().contains("no/such/b.md"), "{error}");
    }
}
