//! [`sweep`]: takes secrets out of the files that programs and plugins wrote into a bundle themselves.
//!
//! Called at the end of a run, before the bundle is sealed. A text gets the mark, a binary file as many `*`, so that
//! its offsets stay; both are told. The runner's own files are left alone: what it writes is clean already, and a
//! changed line would break the chain of commands.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::evidence::secrets::Watched;
use crate::evidence::{Bundle, EvidenceError, Secrets};
use crate::fs::{files_below, write_whole};
use crate::process::{Instead, Redactor};

/// Files that only the runner writes.
const OWN: [&str; 6] =
    ["plan.json", "state.json", "commands.jsonl", "commands.txt", "summary.md", "manifest.json"];
/// The largest JSON file that is kept valid when a mark would spoil it.
const MAX_JSON: u64 = 64 << 20;

/// Cleans every file of a bundle. Returns what was found, in words.
pub fn sweep(bundle: &Bundle) -> Result<Vec<String>, EvidenceError> {
    let secrets = bundle.secrets();
    let mut told = Vec::new();
    if secrets.is_empty() {
        return Ok(told);
    }
    let files =
        files_below(bundle.path()).map_err(|error| EvidenceError::at(bundle.path(), "cannot list", error))?;
    let watched = secrets.watched();
    for file in files {
        let name = file.display().to_string();
        let path = bundle.path().join(&file);
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let failed = |error| EvidenceError::at(&path, "cannot take secrets out of", error);
        if path.symlink_metadata().map_err(failed)?.is_file() {
            let found = clean(&path, secrets, &watched).map_err(failed)?;
            if let Some((found, instead)) = found {
                let how = match instead {
                    Instead::Mark => "a mark stands instead",
                    Instead::Stars => "it is no text, so `*` stand instead",
                };
                let clean_name = secrets.text(&name);
                told.push(format!("the file `{clean_name}` held the value of {}: {how}", found.join(", ")));
            }
        }
        if let std::borrow::Cow::Owned(clean_name) = secrets.text(&name) {
            let target = bundle.path().join(&clean_name);
            if target.symlink_metadata().is_ok() {
                return Err(failed(io::Error::other("another file has the clean name already")));
            }
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            fs::rename(&path, &target).map_err(failed)?;
            told.push(format!("the name of the file `{clean_name}` held a secret: it was renamed"));
        }
    }
    Ok(told)
}

/// Cleans one file; says whose values it held.
fn clean(path: &Path, secrets: &Secrets, watched: &Watched) -> io::Result<Option<(Vec<String>, Instead)>> {
    // What was seen while the file before was written anew does not count for this one.
    watched.seen();
    let mut kind = Kind::default();
    let mut search = Redactor::new(Arc::clone(&watched.hidden), Instead::Mark);
    each_part(path, &mut |part| {
        kind.look(part);
        search.pass(part, &mut io::sink())
    })?;
    let found = watched.seen();
    if found.is_empty() {
        return Ok(None);
    }
    for name in &found {
        secrets.note(name);
    }
    let instead = if kind.is_text() { Instead::Mark } else { Instead::Stars };
    if !valid_json(path, secrets)? {
        rewrite(path, Redactor::new(Arc::clone(&watched.hidden), instead))?;
    }
    Ok(Some((found, instead)))
}

fn each_part(path: &Path, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            count => take(&buffer[..count])?,
        }
    }
}

/// Writes a clean twin and puts it in the place of the file, whose other names (hard links) stay what they were.
fn rewrite(path: &Path, mut redactor: Redactor) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let twin = path.with_file_name(format!(".{name}.clean"));
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create_new(true).open(&twin)?;
        each_part(path, &mut |part| redactor.pass(part, &mut out))?;
        redactor.finish(&mut out)?;
        out.flush()?;
        out.set_permissions(path.metadata()?.permissions())?;
        fs::rename(&twin, path)
    })();
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&twin);
    }
    written
}

/// Cleans a JSON file in which a mark would stand where only a number or a name may: as a value, so that it stays
/// JSON. Says whether it did.
fn valid_json(path: &Path, secrets: &Secrets) -> io::Result<bool> {
    if path.extension().is_none_or(|extension| extension != "json") || path.metadata()?.len() > MAX_JSON {
        return Ok(false);
    }
    let bytes = fs::read(path)?;
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else { return Ok(false) };
    if serde_json::from_slice::<Value>(&secrets.bytes(&bytes)).is_ok() {
        return Ok(false);
    }
    secrets.value(&mut value);
    let clean = serde_json::to_vec_pretty(&value).map_err(io::Error::other)?;
    // What a number hides in its notation (1e9) is no text that could be found.
    write_whole(path, &clean).map_err(io::Error::other)?;
    Ok(true)
}

/// Whether bytes are a text: UTF-8 without NUL.
#[derive(Debug, Default)]
struct Kind {
    binary: bool,
    /// The beginning of a letter whose rest comes with the next part.
    open: Vec<u8>,
}

impl Kind {
    fn look(&mut self, part: &[u8]) {
        if self.binary {
            return;
        }
        let mut bytes = std::mem::take(&mut self.open);
        bytes.extend_from_slice(part);
        match std::str::from_utf8(&bytes) {
            Ok(_) => {}
            Err(error) if error.error_len().is_none() => self.open = bytes.split_off(error.valid_up_to()),
            Err(_) => self.binary = true,
        }
        self.binary |= memchr::memchr(0, part).is_some();
    }

    fn is_text(&self) -> bool {
        !self.binary && self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_from_binary_also_when_a_letter_straddles_two_parts() {
        let kind = |parts: &[&[u8]]| {
            let mut kind = Kind::default();
            for part in parts {
                kind.look(part);
            }
            kind.is_text()
        };
        assert!(kind(&[]) && kind(&[b"abc\n"]) && kind(&[b"\xc3", b"\xa9"]));
        assert!(!kind(&[b"abc\0"]) && !kind(&[b"\xff"]) && !kind(&[b"a\xc3"]));
    }
}
