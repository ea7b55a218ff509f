//! [`Catalog`]: the search path for plugins, and finding one by name.
//!
//! The path is, in order: `--plugin-dir`, `RUNNER_PLUGIN_PATH`, the directory of the executable, and
//! `../lib/runner/plugins` from there (an installed runner). Never the current directory: a plugin runs with
//! the user's rights, and whoever can put a file into a checkout must not choose it.

use std::collections::HashMap;
use std::env;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::catalog::manifest::ManifestErrorKind;
use crate::catalog::{Manifest, ManifestError};
use crate::diagnostic::nearest;
use crate::fs::{Digest, digest_file};

/// Where plugins are looked for.
#[derive(Clone, Debug)]
pub struct Catalog {
    directories: Vec<PathBuf>,
    /// Digests of files that were read already.
    digests: Arc<Mutex<HashMap<State, Digest>>>,
}

/// A state of a file: device, inode, size, last change of anything (which nobody can set back).
type State = (u64, u64, u64, i64, i64);

/// A plugin's file and what it says of itself.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

/// No usable plugin of that name.
#[derive(Clone, Debug)]
pub struct MissingPlugin {
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

impl Catalog {
    /// The search path, with the directories of `--plugin-dir` first. They are relative to the current
    /// directory; a host that loads from them works in the project root, so they are made absolute.
    pub fn new(plugin_dirs: &[PathBuf]) -> Self {
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let mut directories: Vec<PathBuf> = plugin_dirs.iter().map(absolute).collect();
        if let Some(list) = env::var_os("RUNNER_PLUGIN_PATH") {
            directories.extend(env::split_paths(&list).filter(|path| path.is_absolute()));
        }
        let executable = env::current_exe().ok().and_then(|path| path.canonicalize().ok());
        if let Some(beside) = executable.as_deref().and_then(Path::parent) {
            directories.push(beside.to_owned());
            if let Some(prefix) = beside.parent() {
                directories.push(prefix.join("lib/runner/plugins"));
            }
        }
        Self { directories, digests: Arc::default() }
    }

    /// The digest of a plugin's file. A run is planned twice, before and after it has a stamp; a file that was not
    /// touched in between is read once.
    pub fn digest(&self, path: &Path) -> io::Result<Digest> {
        let found = path.metadata()?;
        let state = (found.dev(), found.ino(), found.len(), found.ctime(), found.ctime_nsec());
        // The map is whole between two statements, whoever panicked.
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = digests.get(&state) {
            return Ok(known.clone());
        }
        let (digest, _) = digest_file(path)?;
        digests.insert(state, digest.clone());
        Ok(digest)
    }

    /// The directories, in order.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Finds a plugin by name, or by file when the name holds a `/` (then relative to `root`).
    pub fn find(&self, name: &str, root: &Path) -> Result<Found, MissingPlugin> {
        if name.contains('/') {
            let path = root.join(name);
            return match Manifest::read(&path) {
                Ok(manifest) => Ok(Found { path, manifest }),
                Err(reason) => Err(MissingPlugin {
                    message: format!("the plugin file `{name}` {reason}"),
                    help: if path.is_file() {
                        "name a library that was built for this runner".to_owned()
                    } else {
                        "a plugin file is named relative to the project root".to_owned()
                    },
                }),
            };
        }
        for directory in &self.directories {
            for file in file_names(name) {
                let path = directory.join(file);
                if path.is_file() {
                    return Self::open(name, path);
                }
            }
        }
        let known = self.all();
        let names: Vec<&str> = known
            .iter()
            .filter_map(|(_, found)| found.as_ref().ok().map(|found| found.manifest.name.as_str()))
            .collect();
        let searched: Vec<String> =
            self.directories.iter().map(|directory| crate::diagnostic::shown(directory)).collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "searched {}; build the plugins with `cargo build --release --workspace`, or name their directory with --plugin-dir",
                searched.join(", ")
            ),
        };
        Err(MissingPlugin { message: format!("there is no plugin `{name}`"), help })
    }

    fn open(name: &str, path: PathBuf) -> Result<Found, MissingPlugin> {
        let shown = crate::diagnostic::shown(&path);
        match Manifest::read(&path) {
            Ok(manifest) if manifest.name == name => Ok(Found { path, manifest }),
            Ok(manifest) => Err(MissingPlugin {
                message: format!("`{shown}` calls itself `{}`, not `{name}`", manifest.name),
                help: "a plugin's file is named after the plugin".to_owned(),
            }),
            Err(reason) => Err(MissingPlugin {
                message: format!("the plugin `{name}` cannot be used"),
                help: format!("`{shown}` {reason}"),
            }),
        }
    }

    /// Every file on the search path that is named like a library and has a manifest section, sorted by
    /// name; files that only look like plugins are left out, broken ones are kept with their reason.
    pub fn all(&self) -> Vec<(PathBuf, Result<Found, ManifestError>)> {
        let mut list: Vec<(PathBuf, Result<Found, ManifestError>)> = Vec::new();
        for directory in &self.directories {
            let Ok(entries) = std::fs::read_dir(directory) else { continue };
            for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
                if path.extension().is_none_or(|extension| extension != env::consts::DLL_EXTENSION) {
                    continue;
                }
                let found = Manifest::read(&path).map(|manifest| Found { path: path.clone(), manifest });
                let foreign = found.as_ref().is_err_and(|reason| reason.kind() == ManifestErrorKind::Foreign);
                let shadowed = found.as_ref().is_ok_and(|found| {
                    list.iter().any(|(_, other)| {
                        other.as_ref().is_ok_and(|other| other.manifest.name == found.manifest.name)
                    })
                });
                if !foreign && !shadowed {
                    list.push((path, found));
                }
            }
        }
        list.sort_by(|(a, _), (b, _)| a.file_name().cmp(&b.file_name()));
        list
    }
}

fn file_names(name: &str) -> [String; 2] {
    let (prefix, suffix) = (env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    [format!("{prefix}{}{suffix}", name.replace('-', "_")), format!("{prefix}{name}{suffix}")]
}
