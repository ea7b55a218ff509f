//! [`Snapshot`]: what every file of a directory tree is like, without reading any. Two of them show what was
//! changed in between, also what Landlock does not mediate, and on kernels that have none.
//!
//! Taken in parallel. It looks at tracked, untracked and ignored files alike. Of a `.git` directory only what
//! says which commit is checked out and what git will do (HEAD, branches, tags, configuration, hooks): its
//! index and objects change when somebody merely looks.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::fs::Mark;

/// From how many directories on they are shared among threads.
const WORTH_SHARING: usize = 6;

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content was changed, or it was replaced.
    Modified,
    /// Only its mode, owner, times, links or attributes were changed.
    Touched,
}

impl Change {
    /// The word that stands in the evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Touched => "touched",
        }
    }
}

/// A file that differs between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The file, relative to the root.
    pub path: PathBuf,
    /// What happened to it.
    pub change: Change,
}

/// The files of a tree, sorted by path.
#[derive(Clone, Debug)]
pub struct Snapshot {
    entries: Vec<(PathBuf, Mark)>,
    unseen: Vec<PathBuf>,
}

impl Snapshot {
    /// Looks at everything below `root` but for what lies below `except` (absolute). Directories that may not
    /// be listed are remembered as [`unseen`](Self::unseen); any other trouble is an error.
    pub fn take(root: &Path, except: &[PathBuf]) -> io::Result<Self> {
        let except: Vec<&Path> = except.iter().filter_map(|path| path.strip_prefix(root).ok()).collect();
        let mut snapshot = below(root, PathBuf::new(), &except)?;
        snapshot.entries.push((PathBuf::new(), Mark::of(root)?));
        snapshot.entries.par_sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        snapshot.unseen.sort_unstable();
        Ok(snapshot)
    }

    /// Directories that may not be listed, relative to the root. Who may not look may not write either, but
    /// that is not a proof.
    pub fn unseen(&self) -> &[PathBuf] {
        &self.unseen
    }

    /// Whether a path, relative to the root, was there.
    pub fn holds(&self, path: &Path) -> bool {
        self.entries.binary_search_by(|(known, _)| known.as_path().cmp(path)).is_ok()
    }

    /// How many files and directories it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What differs in a later snapshot.
    pub fn differences(&self, later: &Self) -> Vec<Difference> {
        let (mut before, mut after) = (self.entries.iter().peekable(), later.entries.iter().peekable());
        let mut found = Vec::new();
        // What cannot be listed any more is not gone, nor new when it can be again.
        let hidden = |path: &Path| {
            [self, later]
                .iter()
                .any(|one| one.unseen.iter().any(|above| path != above && path.starts_with(above)))
        };
        let mut add = |path: &PathBuf, change| {
            if !hidden(path) {
                found.push(Difference { path: path.clone(), change });
            }
        };
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            match order {
                std::cmp::Ordering::Less => {
                    if let Some((path, _)) = before.next() {
                        add(path, Change::Removed);
                    }
                }
                std::cmp::Ordering::Greater => {
                    if let Some((path, _)) = after.next() {
                        add(path, Change::Added);
                    }
                }
                std::cmp::Ordering::Equal => {
                    if let (Some((path, old)), Some((_, new))) = (before.next(), after.next())
                        && let Some(change) = compare(old, new)
                    {
                        add(path, change);
                    }
                }
            }
        }
        found
    }
}

fn compare(old: &Mark, new: &Mark) -> Option<Change> {
    if old == new {
        return None;
    }
    if old.is_directory() && new.is_directory() {
        if !new.is_at_the_place_of(old) {
            return Some(Change::Modified);
        }
        // What was added to it or taken from it is told by itself, and sets both times to the same moment.
        let touched = new.changed != old.changed && new.changed != new.modified;
        return (!new.has_rights_of(old) || touched).then_some(Change::Touched);
    }
    Some(if new.has_content_of(old) { Change::Touched } else { Change::Modified })
}

fn below(root: &Path, relative: PathBuf, except: &[&Path]) -> io::Result<Snapshot> {
    let directory = root.join(&relative);
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("`{}` cannot be looked at: {error}", directory.display()))
    };
    let mut snapshot = Snapshot { entries: Vec::new(), unseen: Vec::new() };
    let mut inner = Vec::new();
    let entries = match directory.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            snapshot.unseen.push(relative);
            return Ok(snapshot);
        }
        // Gone since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !relative.as_os_str().is_empty() => {
            return Ok(snapshot);
        }
        Err(error) => return Err(named(error)),
    };
    for entry in entries {
        let entry = entry.map_err(named)?;
        let path = relative.join(entry.file_name());
        if except.contains(&path.as_path()) || is_git_noise(&path) {
            continue;
        }
        let mark = match entry.metadata() {
            Ok(found) => Mark::from(&found),
            // Gone between the listing and the look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(named(error)),
        };
        if mark.is_directory() {
            inner.push(path.clone());
        }
        snapshot.entries.push((path, mark));
    }
    let look = |path| below(root, path, except);
    // Waking other threads costs more than a few small directories.
    let deeper: Vec<io::Result<Snapshot>> = if inner.len() < WORTH_SHARING {
        inner.into_iter().map(look).collect()
    } else {
        inner.into_par_iter().map(look).collect()
    };
    for found in deeper {
        let found = found?;
        snapshot.entries.extend(found.entries);
        snapshot.unseen.extend(found.unseen);
    }
    Ok(snapshot)
}

/// Whether a path is part of a `.git` directory and says nothing about the project.
fn is_git_noise(path: &Path) -> bool {
    let mut parts = path.iter().skip_while(|part| *part != ".git");
    if parts.next().is_none() {
        return false;
    }
    let rest: Vec<&OsStr> = parts.collect();
    match rest.as_slice() {
        [] => false,
        [first] => {
            !["HEAD", "config", "packed-refs", "refs", "hooks", "info"].iter().any(|kept| first == kept)
        }
        [first, second, ..] => first == &"refs" && !["heads", "tags"].iter().any(|kept| second == kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::write_whole;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn every_kind_of_change_is_seen_and_nothing_else() {
        let directory = tempfile::tempdir().expect("tempdir");
        let root = directory.path();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
            write_whole(&path, text.as_bytes()).expect("write");
        };
        for name in ["a/same", "a/gone", "a/text", "a/mode", "a/times", "free/x", ".git/index", ".git/HEAD"] {
            write(name, "before");
        }
        std::os::unix::fs::symlink("a/same", root.join("link")).expect("symlink");
        let except = [root.join("free")];
        let before = Snapshot::take(root, &except).expect("snapshot");
        assert_eq!(before.differences(&Snapshot::take(root, &except).expect("again")), []);
        std::fs::remove_file(root.join("a/gone")).expect("remove");
        write("a/text", "after!");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(root.join("a/mode"), mode).expect("chmod");
        let times = root.join("a/times");
        let old = times.metadata().expect("stat").modified().expect("mtime");
        std::fs::File::options().append(true).open(&times).expect("open").set_modified(old).expect("utime");
        write("b/new", "new");
        write("free/x", "after");
        write(".git/index", "after");
        write(".git/HEAD", "after");
        std::fs::remove_file(root.join("link")).expect("remove");
        std::os::unix::fs::symlink("a/text", root.join("link")).expect("symlink");
        let found = before.differences(&Snapshot::take(root, &except).expect("after"));
        let told: Vec<String> =
            found.iter().map(|one| format!("{} {}", one.change.word(), one.path.display())).collect();
        assert_eq!(
            told,
            [
                "modified .git/HEAD",
                "removed a/gone",
                "touched a/mode",
                "modified a/text",
                "touched a/times",
                "added b",
                "added b/new",
                "modified link",
            ]
        );
    }
}
