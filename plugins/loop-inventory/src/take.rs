//! [`take`]: the whole inventory of a configuration: find files, scan each, join the classes.
//!
//! Called by the plugin, and by tests with a directory of their own. Reads files only through the function that
//! it is given.

use std::path::Path;

use loop_inventory_model::{Classification, Counts, Inventory, Problem, ProblemKind, classify};
use runner_plugin::{Error, ErrorKind};

use crate::config::Config;
use crate::files::{self, Skipped};
use crate::scan::Scanner;

/// Why an inventory of this plugin has no time of its own.
const NO_CLOCK: &str = "a plugin has no clock; state.json holds the start of the step";

/// What a scan gave.
#[derive(Debug)]
pub struct Taken {
    /// The inventory.
    pub inventory: Inventory,
    /// How many files were scanned.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What was left out.
    pub skipped: Skipped,
    /// Patterns of `hot` are there, but no scanned file fits one.
    pub is_hot_empty: bool,
}

/// What a scan needs from outside.
pub trait Outside {
    /// The bytes of a file; the path is relative to the project root.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// So many files of so many are done. `false` stops the scan.
    fn go_on(&self, done: u64, total: u64) -> bool;
}

/// Takes the inventory of the project at `root`.
pub fn take(root: &Path, config: &Config, outside: &dyn Outside) -> Result<Taken, Error> {
    let files = files::find(root, config)?;
    let classes = classes(config, outside)?;
    let mut inventory = Inventory {
        scan_timestamp_reason: Some(NO_CLOCK.to_owned()),
        package_path: config.paths.join(", "),
        problems: files.problems,
        ..Inventory::default()
    };
    let mut scanner = Scanner::default();
    let mut bytes = 0;
    // Until a file fits.
    let mut is_hot_empty = !config.hot.is_empty();
    let total = files.found.len() as u64;
    for (done, (parts, language)) in files.found.iter().enumerate() {
        if !outside.go_on(done as u64, total) {
            return Err(Error::new(ErrorKind::Cancelled, "cancelled while the sources were scanned"));
        }
        let path = parts.join("/");
        let text = match outside.read(&path).map_err(|message| (ProblemKind::Unreadable, None, message)) {
            Ok(read) => String::from_utf8(read).map_err(|error| {
                let place = place_of(error.as_bytes(), error.utf8_error().valid_up_to());
                (
                    ProblemKind::NotUtf8,
                    Some(place),
                    "is not UTF-8 from here on; the file is not scanned".to_owned(),
                )
            }),
            Err(problem) => Err(problem),
        };
        match text {
            Ok(text) => {
                bytes += text.len() as u64;
                let found = scanner.scan(&path, &text, *language);
                let is_hot = config.hot.fit(&path);
                is_hot_empty &= !is_hot;
                if is_hot {
                    let hot = found.loops.iter().filter(|one| one.kind.is_counted());
                    inventory.hot_loops.extend(hot.cloned());
                }
                inventory.all_loops.extend(found.loops);
                inventory.problems.extend(found.problems);
            }
            Err((kind, place, message)) => {
                let (line, col) = place.unzip();
                inventory.problems.push(Problem { file: path, line, col, kind, message });
            }
        }
    }
    let counts = Counts::of(&inventory.all_loops);
    inventory.total_loops = counts.total();
    inventory.hot_loops_count = inventory.hot_loops.len() as u64;
    inventory.counts = Some(counts);
    classify(&mut inventory, &classes);
    Ok(Taken { inventory, files: total, bytes, skipped: files.skipped, is_hot_empty })
}

fn classes(config: &Config, outside: &dyn Outside) -> Result<Vec<Classification>, Error> {
    let read = |path: &String| {
        let bytes = outside.read(path).map_err(|error| Error::invalid(format!("`classes`: {error}")))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Error::invalid(format!("`classes`: `{path}` is not UTF-8: {error}")))?;
        Ok(Classification::read(path, &text))
    };
    config.classes.0.iter().map(read).collect()
}

/// Line and column, counted from 1, of a byte.
fn place_of(bytes: &[u8], at: usize) -> (u64, u64) {
    let before = &bytes[..at];
    let line = before.split(|byte| *byte == b'\n').count() as u64;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() as u64 + 1;
    (line, column)
}
