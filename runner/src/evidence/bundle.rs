//! [`Bundle`]: the directory of one run. Its name is a stamp that nobody else has: making the directory is
//! what reserves it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::clock::{Instant, Stamp};
use crate::evidence::{EvidenceError, Secrets};
use crate::fs::{Turns, find_shown, write_whole};

/// The runner's records: what a program does to them is undone.
pub const RECORDS: [&str; 6] =
    ["workflow.yaml", "plan.json", "state.json", "commands.jsonl", "commands.txt", "inputs.json"];

/// A bundle's directory.
#[derive(Clone, Debug)]
pub struct Bundle {
    path: PathBuf,
    stamp: Stamp,
    /// The runner's records as they were last written.
    records: Arc<Mutex<BTreeMap<String, Record>>>,
    secrets: Secrets,
}

/// A record of the runner as it was last written.
#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    /// The file of that name, and by what it is known: somebody else may put another one in its place.
    file: Option<(fs::File, (u64, u64))>,
    /// How it is replaced while steps run.
    turns: Turns,
}

impl From<Vec<u8>> for Record {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }
}

impl Record {
    /// Brings the file up to date from byte `from` on; it had `old` bytes.
    fn write_from(&mut self, path: &Path, from: usize, old: usize) -> io::Result<()> {
        let (file, _) = match &mut self.file {
            Some(file) => file,
            empty => empty.insert(opened(path)?),
        };
        file.write_all_at(&self.bytes[from..], from as u64)?;
        if self.bytes.len() < old { file.set_len(self.bytes.len() as u64) } else { Ok(()) }
    }

    /// Whether the file of that name is as it was written; `found` is what is there.
    fn is_as_written(&mut self, path: &Path, found: &fs::Metadata) -> io::Result<bool> {
        // From now on it is the file of that name again, whatever was moved where.
        if self.file.as_ref().is_none_or(|(_, known)| *known != (found.dev(), found.ino())) {
            self.file = Some(opened(path)?);
        }
        let Some((file, _)) = &self.file else { return Ok(false) };
        let mut now = vec![0; self.bytes.len()];
        let same_size = found.len() == now.len() as u64;
        Ok(same_size && file.read_exact_at(&mut now, 0).is_ok() && now == self.bytes)
    }
}

fn opened(path: &Path) -> io::Result<(fs::File, (u64, u64))> {
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    // A link in its place would lead the text elsewhere.
    let file = options.custom_flags(libc::O_NOFOLLOW).open(path)?;
    let found = file.metadata()?;
    Ok((file, (found.dev(), found.ino())))
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
                    let records = Arc::default();
                    let bundle = Self { path, stamp, records, secrets: Secrets::default() };
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

    /// The same with values that must not stand in it.
    #[must_use]
    pub fn hiding(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The values that must not stand in it.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// A bundle that is there already, for a run that goes on.
    pub fn open(path: &Path, stamp: Stamp) -> Self {
        let read = |name: &&str| Some(((*name).to_owned(), fs::read(path.join(name)).ok()?.into()));
        let records = RECORDS.iter().filter_map(read).collect();
        Self {
            path: path.to_owned(),
            stamp,
            records: Arc::new(Mutex::new(records)),
            secrets: Secrets::default(),
        }
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

    /// The path of the file in it that the evidence names so, whatever bytes its name has.
    pub fn find(&self, shown: &str) -> PathBuf {
        find_shown(&self.path, shown)
    }

    /// Makes a directory in it.
    pub fn directory(&self, name: &str) -> Result<PathBuf, EvidenceError> {
        let path = self.path.join(name);
        if !path.is_dir() {
            fs::create_dir_all(&path).map_err(|error| EvidenceError::at(&path, "cannot create", error))?;
        }
        Ok(path)
    }

    /// Writes a file as a whole, making its directory when needed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.put(name, &self.secrets.bytes(bytes))
    }

    /// The same for what is clean already, and must stay as it is.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        if let Some(parent) =
            Path::new(name).parent().and_then(Path::to_str).filter(|parent| !parent.is_empty())
        {
            self.directory(parent)?;
        }
        if !RECORDS.contains(&name) {
            return Ok(write_whole(&self.file(name), bytes)?);
        }
        let mut records = self.records();
        let record = records.entry(name.to_owned()).or_default();
        record.bytes.clear();
        record.bytes.extend_from_slice(bytes);
        record.file = None;
        Ok(record.turns.write(&self.path, name, bytes)?)
    }

    /// Takes away what was only there to replace records often: the run is at its end.
    pub fn settle(&self) {
        for (name, record) in self.records().iter_mut() {
            record.turns.end(&self.path, name);
        }
    }

    /// Adds to the end of a file of the runner.
    pub fn append(&self, name: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        let length = self.records().get(name).map_or(0, |record| record.bytes.len());
        self.write_end(name, length, bytes)
    }

    /// Writes the end of a file of the runner anew: from byte `at` on. What stands before it is not touched. Not
    /// for what cannot be made again: a kill may leave the new end torn.
    pub fn write_end(&self, name: &str, at: usize, bytes: &[u8]) -> Result<(), EvidenceError> {
        let path = self.file(name);
        let mut records = self.records();
        let record = records.entry(name.to_owned()).or_default();
        let old = record.bytes.len();
        let same = record.bytes.iter().skip(at).zip(bytes).take_while(|(old, new)| old == new).count();
        record.bytes.truncate(at);
        record.bytes.extend_from_slice(bytes);
        record
            .write_from(&path, at + same, old)
            .map_err(|error| EvidenceError::at(&path, "cannot write", error))
    }

    /// Whether a file is a record of the runner, or what it is replaced with: nobody else writes them.
    pub fn is_own(&self, name: &str) -> bool {
        let waits = |record| self.records().get(record).is_some_and(|record| record.turns.has_spare());
        RECORDS.contains(&name) || Turns::name_of(name).is_some_and(waits)
    }

    /// Writes the records again that are not as they were written. Returns their names.
    pub fn restore(&self) -> Result<Vec<String>, EvidenceError> {
        let mut restored = Vec::new();
        for (name, record) in self.records().iter_mut() {
            let path = self.file(name);
            let plain = path.symlink_metadata().ok().filter(fs::Metadata::is_file);
            if plain.as_ref().is_some_and(|found| record.is_as_written(&path, found).unwrap_or(false)) {
                continue;
            }
            record.file = None;
            if plain.is_none() {
                // A link or a directory in its place would lead the new text elsewhere.
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
            write_whole(&path, &record.bytes)?;
            restored.push(name.clone());
        }
        Ok(restored)
    }

    /// Size in bytes of each record of the runner, as it was last written.
    pub fn record_sizes(&self) -> Vec<(String, u64)> {
        self.records().iter().map(|(name, record)| (name.clone(), record.bytes.len() as u64)).collect()
    }

    fn records(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Record>> {
        // The map is whole between two statements, whoever panicked.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a value as indented JSON with a final newline.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), EvidenceError> {
        let failed = |error| EvidenceError::at(&self.file(name), "cannot write", error);
        // As long as it was the last time, and somewhat longer.
        let before = self.records().get(name).map_or(0, |record| record.bytes.len());
        let mut text = Vec::with_capacity(before + before / 4);
        if self.secrets.is_empty() {
            serde_json::to_writer_pretty(&mut text, value).map_err(failed)?;
        } else {
            let mut value = serde_json::to_value(value).map_err(failed)?;
            match name {
                "plan.json" | "state.json" => self.secrets.own(&mut value),
                _ => self.secrets.value(&mut value),
            }
            serde_json::to_writer_pretty(&mut text, &value).map_err(failed)?;
        }
        text.push(b'\n');
        self.put(name, &text)
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
