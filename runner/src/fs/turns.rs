//! [`Turns`]: replaces a file again and again at little cost.
//!
//! Two files take turns: the new text goes into the one that nobody sees, and then they change names in one step.
//! So readers see the old bytes or the new ones, as with [`write_whole`], but no file is made or removed, which some
//! file systems do slowly, and no rename falls on a file, which makes some (ext4, btrfs) write the new one out
//! at once. The file that waits is named `.NAME.spare.tmp`; one that a kill leaves behind is as good as any
//! other rest of a replacement.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::atomic::{WriteError, write_whole};

/// The files of one name.
#[derive(Debug, Default)]
pub struct Turns {
    /// Device and inode of the file that waits: what has its name, and is another one, is not written to.
    waits: Option<(u64, u64)>,
    /// Whether it is replaced the ordinary way from now on.
    over: bool,
}

impl Turns {
    /// The name of the file that waits beside `name`.
    fn spare_of(name: &str) -> String {
        format!(".{name}.spare.tmp")
    }

    /// The file beside which a file of this name waits.
    pub fn name_of(spare: &str) -> Option<&str> {
        spare.strip_prefix('.')?.strip_suffix(".spare.tmp")
    }

    /// Replaces the file `name` of `directory`, without waiting for the disk. After an error it is as it was.
    pub fn write(&mut self, directory: &Path, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = directory.join(name);
        let seen = path.symlink_metadata().ok().filter(|seen| seen.is_file() && !self.over);
        let Some(seen) = seen else { return write_whole(&path, bytes) };
        let spare = directory.join(Self::spare_of(name));
        self.write_spare(&spare, bytes)
            .and_then(|()| change_names(&spare, &path))
            .map_err(|source| WriteError::new(path, source))?;
        self.waits = Some((seen.dev(), seen.ino()));
        Ok(())
    }

    /// Whether there is a waiting file.
    pub fn has_spare(&self) -> bool {
        self.waits.is_some()
    }

    /// Takes the waiting file away, for good.
    pub fn end(&mut self, directory: &Path, name: &str) {
        self.over = true;
        if self.waits.take().is_some() {
            // One that somebody took away is what was wanted.
            let _ = fs::remove_file(directory.join(Self::spare_of(name)));
        }
    }

    fn write_spare(&self, spare: &Path, bytes: &[u8]) -> io::Result<()> {
        let file = match self.waiting(spare) {
            Some(file) => file,
            None => made(spare)?,
        };
        file.write_all_at(bytes, 0)?;
        file.set_len(bytes.len() as u64)
    }

    /// The file that waits, when it is the one that was left there and nobody else can see what is written to it.
    fn waiting(&self, spare: &Path) -> Option<File> {
        let mut options = OpenOptions::new();
        let file = options.write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(spare).ok()?;
        let found = file.metadata().ok()?;
        let the_one = self.waits == Some((found.dev(), found.ino())) && found.nlink() == 1;
        (the_one && is_ours_alone(&file)).then_some(file)
    }
}

fn made(spare: &Path) -> io::Result<File> {
    if spare.symlink_metadata().is_ok() {
        fs::remove_file(spare).or_else(|_| fs::remove_dir_all(spare))?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o644).open(spare)
}

fn change_names(spare: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, spare, CWD, path, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // A file system that cannot do it.
        Err(_) => fs::rename(spare, path),
    }
}

/// Whether nobody else has a file open, who may be reading it since it had the other name, and takes a lease on it: until
/// it is closed, who opens it waits. On a file system of another machine only those of this one are seen.
#[expect(unsafe_code, reason = "no maintained crate wraps leases")]
fn is_ours_alone(file: &File) -> bool {
    /// Of `<fcntl.h>`; libc lacks it.
    const F_SETSIG: libc::c_int = 10;
    let descriptor = file.as_raw_fd();
    // SAFETY: plain numbers.
    unsafe {
        // Who waits makes the kernel send a signal: one that is ignored, not one that ends.
        libc::fcntl(descriptor, F_SETSIG, libc::SIGURG);
        libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_WRLCK) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    struct Place {
        directory: tempfile::TempDir,
        turns: Turns,
    }

    impl Place {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().expect("tempdir"), turns: Turns::default() }
        }

        fn file(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn write(&mut self, text: &str) {
            self.turns.write(self.directory.path(), "a.json", text.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(self.file("a.json")).expect("readable"), text);
        }

        fn inode(&self, name: &str) -> u64 {
            self.file(name).metadata().expect("there").ino()
        }
    }

    #[test]
    fn two_files_take_turns_and_one_is_left_at_the_end() {
        let mut place = Place::new();
        assert_eq!(Turns::name_of(&Turns::spare_of("a.json")), Some("a.json"));
        let mut inodes = Vec::new();
        for text in ["one", "a longer one", "", "four"] {
            place.write(text);
            inodes.push(place.inode("a.json"));
        }
        assert_eq!((inodes[0], inodes[1]), (inodes[2], inodes[3]));
        place.turns.end(place.directory.path(), "a.json");
        place.write("five");
        assert_eq!(place.directory.path().read_dir().expect("listed").count(), 1);
    }

    #[test]
    fn who_reads_on_reads_what_was_there_when_it_was_opened() {
        let mut place = Place::new();
        place.write("the first");
        place.write("the second");
        let mut reader = File::open(place.file("a.json")).expect("there");
        for text in ["the 3rd", "the 4th", "the 5th"] {
            place.write(text);
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("readable");
        assert_eq!(text, "the second");
    }

    #[test]
    fn what_somebody_else_put_in_its_place_is_not_written_to() {
        let mut place = Place::new();
        let spare = place.file(&Turns::spare_of("a.json"));
        place.write("one");
        place.write("two");
        let other = place.file("other");
        write_whole(&other, b"evidence").expect("written");
        let disturb: [&dyn Fn(); 5] = [
            &|| fs::hard_link(&other, &spare).expect("linked"),
            &|| symlink(&other, &spare).expect("linked"),
            &|| fs::create_dir_all(spare.join("deep")).expect("made"),
            &|| assert_eq!(fs::copy(&other, &spare).expect("copied"), 8),
            &|| {},
        ];
        for disturb in disturb {
            fs::remove_file(&spare).expect("removed");
            disturb();
            place.write("three");
            place.write("four");
            assert_eq!(fs::read(&other).expect("readable"), b"evidence");
        }
        // The one that waits, under a second name.
        fs::hard_link(&spare, place.file("second")).expect("linked");
        let before = fs::read(place.file("second")).expect("readable");
        place.write("five");
        assert_eq!(fs::read(place.file("second")).expect("readable"), before);
    }

    #[test]
    fn a_file_that_is_gone_or_a_link_is_made_anew() {
        let mut place = Place::new();
        place.write("one");
        place.write("two");
        fs::remove_file(place.file("a.json")).expect("removed");
        place.write("three");
        place.write("four");
    }

    #[test]
    fn an_error_names_the_file() {
        let mut place = Place::new();
        place.write("one");
        let gone = place.directory.path().join("none");
        let error = place.turns.write(&gone, "a.json", b"two").expect_err("no directory");
        assert!(error.to_string().contains("none/a.json"), "{error}");
        assert_eq!(fs::read_to_string(place.file("a.json")).expect("readable"), "one");
    }
}
