//! [`Catalog`]: the search path for plugins, and finding one by name.
//!
//! The path is, in order: `--plugin-dir`, `RUNNER_PLUGIN_PATH`, the directory of the executable, and
//! `../lib/runner/plugins` from there (an installed runner). Never the current directory: a plugin runs with
//! the user's rights, and whoever can put a file into a checkout must not choose it.

use std::env;
use std::path::{Path, PathBuf};

use crate::catalog::manifest::ManifestErrorKind;
use crate::catalog::{Manifest, ManifestError};
use crate::diagnostic::nearest;

/// Where plugins are looked for.
#[derive(Clone, Debug)]
pub struct Catalog {
    directories: Vec<PathBuf>,
}

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
        Self { directories }
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
                "searched {}; build the plugins with `cargo build --release`, or name their directory with --plugin-dir",
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
