//! Digests of programs, remembered from run to run: [`digest_program`].
//!
//! A small run would spend most of its time on reading the runner and its plugins, tens of MB that hardly ever
//! change. A file with the device, inode, size and times of one that was read before is that one: its ctime cannot be
//! set back without setting the machine's clock, on the file systems that are believed. What is remembered lies in
//! `runner/programs` below the user's cache directory, where no confined step can write. Whoever checks evidence reads
//! the bytes ([`super::digest_file`]).

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::fstatfs;
use rustix::process::geteuid;

use super::digest::{Digest, digest_bytes, digest_open};
use super::{Mark, write_whole};
use crate::clock::Instant;

/// How many programs are remembered, the newest ones.
const MOST: usize = 64;

/// A file that changed this recently may change again without any other time: file systems count in steps.
const SETTLED_SECONDS: f64 = 2.0;

/// The digest of a program or library.
pub fn digest_program(path: &Path) -> io::Result<Digest> {
    user().digest(path)
}

/// Writes down what [`digest_program`] has read since the process began. Not below `project`, nor in any repository: a
/// run leaves nothing there but its bundle.
pub fn remember_programs(project: &Path) {
    user().keep(project);
}

fn user() -> &'static Remembered {
    static USER: OnceLock<Remembered> = OnceLock::new();
    USER.get_or_init(Remembered::of_user)
}

/// A line of the file is a [`Mark`], a digest, and a check: the beginning of the digest of what stands before it, so that
/// a damaged line is none.
struct Remembered {
    /// `None`: there is no place for it.
    file: Option<PathBuf>,
    lines: Mutex<Lines>,
}

/// The lines, oldest first.
#[derive(Default)]
struct Lines {
    all: Vec<String>,
    /// How many of them came since the file was read.
    new: usize,
}

impl Remembered {
    fn of_user() -> Self {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        Self::at(cache.map(|cache| cache.join("runner/programs")))
    }

    fn at(file: Option<PathBuf>) -> Self {
        let all = file.as_deref().map_or_else(Vec::new, lines);
        Self { file, lines: Mutex::new(Lines { all, new: 0 }) }
    }

    fn digest(&self, path: &Path) -> io::Result<Digest> {
        let mut file = File::open(path)?;
        let mark = Mark::from(&file.metadata()?);
        let key = mark.to_string();
        let mut lines = self.lines();
        if let Some(known) = lines.all.iter().find_map(|line| sha256(line, &key)) {
            return Ok(known);
        }
        let (digest, _) = digest_open(&mut file)?;
        let settled = [mark.modified, mark.changed].into_iter().all(|(seconds, nanoseconds)| {
            let then = Instant::from_unix(seconds, nanoseconds);
            then.is_some_and(|then| Instant::now().seconds_since(then) > SETTLED_SECONDS)
        });
        if settled && keeps_times(&file) && Mark::from(&file.metadata()?) == mark {
            let line = format!("{key} {digest}");
            lines.all.push(format!("{line} {}", check(&line)));
            lines.new += 1;
        }
        Ok(digest)
    }

    /// Nothing depends on it: where it cannot be written, programs are read again the next time.
    fn keep(&self, project: &Path) {
        let mut lines = self.lines();
        let Some((path, directory)) = self.file.as_deref().and_then(|path| Some((path, path.parent()?)))
        else {
            return;
        };
        let repository = directory.ancestors().any(|above| above.join(".git").exists());
        if lines.new == 0 || repository || directory.starts_with(project) {
            return;
        }
        let newest = &lines.all[lines.all.len().saturating_sub(MOST)..];
        let text: String = newest.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        let made = fs::create_dir_all(directory).map_err(|error| error.to_string());
        let kept = made.and_then(|()| write_whole(path, text.as_bytes()).map_err(|error| error.to_string()));
        match kept {
            Ok(()) => lines.new = 0,
            Err(error) => tracing::debug!(error, "digests of programs are not remembered"),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // The list is whole between two statements, whoever panicked.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the file's ctime is the file system's own word: not one that is derived from something else (images that
/// were built), nor told by another machine.
fn keeps_times(file: &File) -> bool {
    const EXT4: u64 = 0xEF53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683E;
    const F2FS: u64 = 0xF2F5_2010;
    const ZFS: u64 = 0x2FC1_2FC1;
    const TMPFS: u64 = 0x0102_1994;
    // Of containers, whose layers lie on one of the others.
    const OVERLAY: u64 = 0x794C_7630;
    fstatfs(file)
        .is_ok_and(|found| [EXT4, XFS, BTRFS, F2FS, ZFS, TMPFS, OVERLAY].contains(&(found.f_type as u64)))
}

/// What a file remembers; nothing when somebody else could have written it.
fn lines(path: &Path) -> Vec<String> {
    let trusted = |found: &fs::Metadata| found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && trusted(&found) => {
            fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The digest of a line for this file, if it is one and whole.
fn sha256(line: &str, key: &str) -> Option<Digest> {
    let rest = line.strip_prefix(key)?.strip_prefix(' ')?;
    let (sha256, checked) = rest.split_once(' ')?;
    let said = line.len() - checked.len() - 1;
    (checked == check(&line[..said])).then(|| Digest::read(sha256)).flatten()
}

fn check(text: &str) -> String {
    digest_bytes(text.as_bytes()).as_str()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    struct Place {
        directory: tempfile::TempDir,
        cache: PathBuf,
    }

    impl Place {
        /// `None`, and said, where temporary files lie on a file system that is not believed.
        fn new() -> Option<Self> {
            let directory = tempfile::tempdir().expect("tempdir");
            if !File::open(&directory).is_ok_and(|found| keeps_times(&found)) {
                eprintln!("skipped: nothing is remembered of files in {}", directory.path().display());
                return None;
            }
            let cache = directory.path().join("cache/runner/programs");
            Some(Self { directory, cache })
        }

        fn text(&self) -> String {
            fs::read_to_string(&self.cache).unwrap_or_default()
        }

        /// As a new process would.
        fn digest(&self, path: &Path) -> Digest {
            let remembered = Remembered::at(Some(self.cache.clone()));
            let digest = remembered.digest(path).expect("read");
            remembered.keep(Path::new("/a/project"));
            digest
        }

        fn program(&self) -> PathBuf {
            self.directory.path().join("program")
        }

        /// A program whose times are old enough. Only its mtime can be set: the ctime takes two seconds.
        fn settled(&self) -> PathBuf {
            let program = self.program();
            write_whole(&program, b"one").expect("write");
            std::thread::sleep(Duration::from_millis(2100));
            program
        }
    }

    #[test]
    fn a_program_that_was_read_is_known_until_it_changes() {
        let Some(place) = Place::new() else { return };
        let program = place.settled();
        let digest = place.digest(&program);
        assert_eq!(digest, digest_bytes(b"one"));
        assert_eq!(place.text().lines().count(), 1);
        // What is remembered is used: another digest under the same key, with its right check, is believed.
        let other = digest_bytes(b"other");
        let line = format!("{} {other}", Mark::of(&program).expect("there"));
        write_whole(&place.cache, format!("{line} {}\n", check(&line)).as_bytes()).expect("write");
        assert_eq!(place.digest(&program), other);
        // Same size, and the mtime set back to what it was.
        let mtime = program.metadata().expect("there").modified().expect("a time");
        fs::OpenOptions::new()
            .write(true)
            .open(&program)
            .and_then(|mut file| {
                io::Write::write_all(&mut file, b"two").and_then(|()| file.set_modified(mtime))
            })
            .expect("changed");
        assert_eq!(place.digest(&program), digest_bytes(b"two"));
        assert_eq!(place.text().lines().count(), 1, "it changed just now: {}", place.text());
    }

    #[test]
    fn a_damaged_or_foreign_memory_is_none() {
        let Some(place) = Place::new() else { return };
        let program = place.settled();
        place.digest(&program);
        let whole = place.text();
        let wrong = whole.replacen(digest_bytes(b"one").as_str(), digest_bytes(b"lie").as_str(), 1);
        for text in [&wrong, &whole[..whole.len() - 20], "", "\n\n", "nonsense", &whole.replace(' ', "\n")] {
            write_whole(&place.cache, text.as_bytes()).expect("write");
            assert_eq!(place.digest(&program), digest_bytes(b"one"), "{text:?}");
        }
        let line = format!("{} {}", Mark::of(&program).expect("there"), digest_bytes(b"lie"));
        write_whole(&place.cache, format!("{line} {}\n", check(&line)).as_bytes()).expect("write");
        fs::set_permissions(&place.cache, fs::Permissions::from_mode(0o666)).expect("chmod");
        assert_eq!(place.digest(&program), digest_bytes(b"one"), "others could write it");
    }

    #[test]
    fn nothing_is_remembered_of_a_file_that_changed_just_now_or_in_a_repository() {
        let Some(place) = Place::new() else { return };
        write_whole(&place.program(), b"one").expect("write");
        assert_eq!(place.digest(&place.program()), digest_bytes(b"one"));
        assert_eq!(place.text(), "");
        let file = File::options().write(true).open(place.program()).expect("there");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("set");
        place.digest(&place.program());
        assert_eq!(place.text(), "", "its ctime tells");
        let program = place.settled();
        fs::create_dir(place.directory.path().join(".git")).expect("made");
        place.digest(&program);
        assert!(!place.directory.path().join("cache").exists(), "a repository stays as it is");
        fs::remove_dir(place.directory.path().join(".git")).expect("removed");
        let remembered = Remembered::at(Some(place.cache.clone()));
        remembered.digest(&program).expect("read");
        remembered.keep(place.directory.path());
        assert!(!place.directory.path().join("cache").exists(), "a project stays as it is");
        remembered.keep(Path::new("/a/project"));
        assert_eq!(place.text().lines().count(), 1);
        let nowhere = Remembered::at(None);
        assert_eq!(nowhere.digest(&program).expect("read"), digest_bytes(b"one"));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let Some(place) = Place::new() else { return };
        let lines = format!("oldest\n{}", "line\n".repeat(MOST - 1));
        fs::create_dir_all(place.cache.parent().expect("a directory")).expect("made");
        write_whole(&place.cache, lines.as_bytes()).expect("write");
        let program = place.settled();
        place.digest(&program);
        let text = place.text();
        assert_eq!(text.lines().count(), MOST);
        assert!(!text.contains("oldest") && text.contains(digest_bytes(b"one").as_str()), "{text}");
    }
}
