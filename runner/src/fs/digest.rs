//! SHA-256 digests, as lower-case hexadecimal: [`Digest`]. [`FileDigest`] makes that of a file bit by bit.

use std::fmt::{self, Write};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest: 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// What a chain begins with: 64 zeros.
    pub fn zero() -> Self {
        Self("0".repeat(64))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(hasher: Sha256) -> Self {
        Self(hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The digest of some bytes.
pub fn digest_bytes(bytes: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(bytes);
    Digest::of(hasher)
}

/// The digest and the size in bytes of a file, read in pieces.
pub fn digest_file(path: &Path) -> io::Result<(Digest, u64)> {
    FileDigest::open(path)?.finish()
}

/// The digest of a file on its way: it can be left for a while and gone on with.
#[derive(Debug)]
pub struct FileDigest {
    file: File,
    hasher: Sha256,
    size: u64,
}

impl FileDigest {
    /// Of a file that was not read yet. It stays open, so that it stays the same file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, hasher: Sha256::new(), size: 0 })
    }

    /// Reads on until the end of the file, or until `pause` is set: that is looked at every 64 KiB.
    pub fn go_on(&mut self, pause: &AtomicBool) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        while !pause.load(Ordering::Relaxed) {
            match self.file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.hasher.update(&buffer[..count]);
                    self.size += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is left. The digest, and the size in bytes.
    pub fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.go_on(&AtomicBool::new(false))?;
        Ok((Digest::of(self.hasher), self.size))
    }
}

/// The digest and the size in bytes of a file, or of the target's name when it is a symbolic link: a link is
/// not what it points to.
pub fn digest_entry(path: &Path) -> io::Result<(Digest, u64)> {
    if !path.is_symlink() {
        return digest_file(path);
    }
    let target = std::fs::read_link(path)?;
    let bytes = target.as_os_str().as_encoded_bytes();
    Ok((digest_bytes(bytes), bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        let known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_bytes(b"").as_str(), known);
    }

    #[test]
    fn a_digest_that_was_left_and_gone_on_with_is_that_of_the_whole_file() {
        let directory = tempfile::tempdir().expect("tempdir");
        let file = directory.path().join("a");
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
        crate::fs::write_whole(&file, &bytes).expect("write");
        let mut digest = FileDigest::open(&file).expect("open");
        let pause = AtomicBool::new(true);
        digest.go_on(&pause).expect("paused");
        assert_eq!(digest.size, 0, "a pause is a pause");
        // Another file of that name is another file.
        crate::fs::write_whole(&file, b"new").expect("replace");
        pause.store(false, Ordering::Relaxed);
        digest.go_on(&pause).expect("read");
        assert_eq!(digest.finish().expect("read"), (digest_bytes(&bytes), 200_000));
    }
}
