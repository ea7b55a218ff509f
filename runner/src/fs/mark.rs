//! [`Mark`]: by what a file is recognised as the one that was seen before.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a file is like: size in bytes, times of the last change of content and of anything at all (seconds
/// and nanoseconds), type and mode, owner, device and inode. A file with the same mark was not touched: the second
/// time cannot be set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Bytes.
    pub size: u64,
    /// When its content was changed.
    pub modified: (i64, i64),
    /// When anything of it was changed.
    pub changed: (i64, i64),
    /// Type and permissions.
    pub mode: u32,
    /// Of the user and of the group.
    owner: (u32, u32),
    place: (u64, u64),
}

impl Mark {
    /// The mark of a file, a link or a directory; links are not followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&path.symlink_metadata()?))
    }

    /// Whether its content was not written since `earlier`, whatever else was done to it.
    pub fn has_content_of(&self, earlier: &Self) -> bool {
        let content = |mark: &Self| (mark.size, mark.modified, mark.place, mark.mode & libc::S_IFMT);
        content(self) == content(earlier)
    }

    /// Whether mode and owner are the same.
    pub fn has_rights_of(&self, earlier: &Self) -> bool {
        (self.mode, self.owner) == (earlier.mode, earlier.owner)
    }

    /// Whether it is of the same file or directory, whatever was done to that.
    pub fn is_at_the_place_of(&self, earlier: &Self) -> bool {
        self.place == earlier.place
    }

    /// Whether it is of a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }
}

impl From<&Metadata> for Mark {
    fn from(found: &Metadata) -> Self {
        Self {
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            mode: found.mode(),
            owner: (found.uid(), found.gid()),
            place: (found.dev(), found.ino()),
        }
    }
}

/// For a line of a file: blanks between numbers, times as `SECONDS.NANOSECONDS`.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, modified, changed, mode, owner, place } = self;
        write!(f, "{} {} {mode:o} {} {} {size} ", place.0, place.1, owner.0, owner.1)?;
        write!(f, "{}.{:09} {}.{:09}", modified.0, modified.1, changed.0, changed.1)
    }
}
