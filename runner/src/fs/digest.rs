//! SHA-256 digests, as lower-case hexadecimal: [`Digest`].

use std::fmt::{self, Write};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

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

    /// A digest that was written down; `None` when it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.as_bytes().iter().all(digits)).then(|| Self(text.to_owned()))
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
    digest_open(&mut File::open(path)?)
}

/// The same of a file that is open already, from where it stands.
pub(super) fn digest_open(file: &mut File) -> io::Result<(Digest, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((Digest::of(hasher), size)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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
}
