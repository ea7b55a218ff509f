//! Lists files below a directory, and shows paths as people read them.

use std::fmt::Write;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Every file (and symbolic link) below `directory`, relative to it, sorted. Links are not followed.
pub fn files_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = below(directory, |_| Ok(()))?.into_iter().map(|(path, ())| path).collect();
    paths.sort();
    Ok(paths)
}

/// The same, not sorted, with what each file is like; of a link, what the link itself is like.
pub fn entries_below(directory: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    below(directory, DirEntry::metadata)
}

fn below<T>(directory: &Path, look: impl Fn(&DirEntry) -> io::Result<T>) -> io::Result<Vec<(PathBuf, T)>> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        for entry in std::fs::read_dir(directory.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                pending.push(path);
            } else {
                found.push((path, look(&entry)?));
            }
        }
    }
    Ok(found)
}

/// The name of a file as evidence names it: bytes that are no UTF-8 become `\xNN`, so that two names that
/// differ only in such bytes stay two.
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The file below `directory` that evidence names so: the other way round of [`shown`]. Where there is none, the path
/// that the name itself makes.
pub fn find_shown(directory: &Path, name: &str) -> PathBuf {
    let direct = directory.join(name);
    if !name.contains("\\x") || direct.symlink_metadata().is_ok() {
        return direct;
    }
    let files = files_below(directory).unwrap_or_default();
    files.iter().find(|file| shown(file) == name).map_or(direct, |file| directory.join(file))
}

/// The path relative to `root` when it lies below it, else as it is.
pub fn display_relative(path: &Path, root: &Path) -> String {
    let shown = path.strip_prefix(root).unwrap_or(path);
    if shown.as_os_str().is_empty() { ".".to_owned() } else { self::shown(shown) }
}
