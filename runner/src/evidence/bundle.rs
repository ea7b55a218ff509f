//! [`Bundle`]: the directory of one run. Its name is a stamp that nobody else has: making the directory is
//! what reserves it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::clock::{Instant, Stamp};
use crate::evidence::EvidenceError;
use crate::fs::write_whole;

/// A bundle's directory.
#[derive(Clone, Debug)]
pub struct Bundle {
    path: PathBuf,
    stamp: Stamp,
}

impl Bundle {
    /// Makes a new bundle below `directory`. A second that is taken already is waited out, so that two runs
    /// in the same second get two bundles, both with a true stamp.
    pub fn reserve(directory: &Path) -> Result<Self, EvidenceError> {
        fs::create_dir_all(directory)
            .map_err(|error| EvidenceError::at(directory, "cannot create the bundle root", error))?;
        loop {
            let now = Instant::now();
            let stamp = now.stamp();
            let path = directory.join(stamp.as_str());
            match fs::create_dir(&path) {
                Ok(()) => {
                    let bundle = Self { path, stamp };
                    bundle.directory("logs")?;
                    return Ok(bundle);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(now.until_next_second());
                }
                Err(error) => return Err(EvidenceError::at(&path, "cannot create the bundle", error)),
            }
        }
    }

    /// A bundle that is there already, for a run that goes on.
    pub fn open(path: &Path, stamp: Stamp) -> Self {
        Self { path: path.to_owned(), stamp }
    }

    /// Keeps other runs out of this bundle for as long as the result lives; `None` when one is in it.
    pub fn hold(&self) -> Result<Option<fs::File>, EvidenceError> {
        let wrong = |error: io::Error| EvidenceError::at(&self.path, "cannot lock", error);
        let directory = fs::File::open(&self.path).map_err(wrong)?;
        match directory.try_lock() {
            Ok(()) => Ok(Some(directory)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(wrong(error)),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a directory in it.
    pub fn directory(&self, name: &str) -> Result<PathBuf, EvidenceError> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(|error| EvidenceError::at(&path, "cannot create", error))?;
        Ok(path)
    }

    /// Writes a file as a whole, making its directory when needed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        if let Some(parent) =
            Path::new(name).parent().and_then(Path::to_str).filter(|parent| !parent.is_empty())
        {
            self.directory(parent)?;
        }
        Ok(write_whole(&self.file(name), bytes)?)
    }

    /// Writes a value as indented JSON with a final newline.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), EvidenceError> {
        let mut text = serde_json::to_vec_pretty(value)
            .map_err(|error| EvidenceError::at(&self.file(name), "cannot write", error))?;
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Whether a file, or a directory with something in it (a name that ends in `/`), is there.
    pub fn has(&self, name: &str) -> bool {
        let path = self.file(name);
        if name.ends_with('/') {
            return fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        }
        path.is_file()
    }
}
