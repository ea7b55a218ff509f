//! [`Site`]: where a command of a step stands, what may be there by then, and what was found about it.
//!
//! Made once for each step and each command of a shell line; the checks read it and add their findings.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Diagnostic, Severity, Source, nearest};
use crate::plan::resolved;

/// What earlier steps may have made. A step can write below its bundle and its `writes:` only.
#[derive(Clone, Debug, Default)]
pub(super) struct Earlier {
    /// Whether there is an earlier step that runs a program.
    pub programs: bool,
    /// Whether there is an earlier step at all.
    pub any: bool,
    /// Where they may write, absolute.
    pub places: Vec<PathBuf>,
    /// Whether one may write where nobody knows before the run.
    pub anywhere: bool,
}

/// Whether a path that is not there may be there when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    /// An earlier step may write there, and says so.
    Expected,
    /// There is an earlier program, but none says that it writes there.
    Doubtful,
    /// Nothing comes before.
    Never,
}

/// Where programs are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// There is no PATH.
    Unset,
    /// The directories of PATH.
    List(OsString),
    /// Only the run will know its PATH: then nothing is said about a name without `/`.
    Unknown,
}

impl Search {
    /// The directories, when they are known.
    pub fn list(&self) -> Option<&OsStr> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
}

/// Where a command stands.
#[derive(Clone, Debug)]
pub(super) struct Site<'a> {
    /// The workflow's text.
    pub source: &'a Source,
    /// The project root, without symbolic links.
    pub root: &'a Path,
    /// The directory of the run's bundle, absolute; its last part is the stamp.
    pub bundle: &'a Path,
    /// The step's id.
    pub step: &'a str,
    /// Where the command runs, absolute.
    pub directory: PathBuf,
    /// The search path for programs.
    pub path: Search,
    /// Further directories of Python modules.
    pub python_path: Vec<PathBuf>,
    /// What earlier steps may have made.
    pub earlier: &'a Earlier,
    /// Whether the command certainly runs, so that the step fails without its program.
    pub certain: bool,
    /// Whether its shell line itself asks what is there.
    pub asks: bool,
}

impl Site<'_> {
    /// A path as the command sees it, without `.` and `..`.
    pub fn path_of(&self, text: &str) -> PathBuf {
        let mut path = PathBuf::new();
        for part in self.directory.join(text).components() {
            match part {
                Component::ParentDir => {
                    path.pop();
                }
                Component::CurDir => {}
                other => path.push(other),
            }
        }
        path
    }

    /// A path for people: relative to the project root.
    pub fn shown(&self, path: &Path) -> String {
        crate::fs::display_relative(path, self.root)
    }

    /// Whether a path may be there when it is needed.
    pub fn later(&self, path: &Path) -> Later {
        let real = resolved(path);
        let own = self.earlier.places.iter().any(|place| real.starts_with(place));
        if own || self.earlier.anywhere || path.starts_with(self.bundle) && self.earlier.any {
            Later::Expected
        } else if self.earlier.programs && path.starts_with(self.root) {
            Later::Doubtful
        } else {
            Later::Never
        }
    }

    /// A finding about a file that a step cannot begin without. `None` when it may well be there by then.
    pub fn missing(&self, path: &Path, id: &'static str, missing: Diagnostic) -> Option<Diagnostic> {
        match self.later(path) {
            Later::Expected => None,
            Later::Never => Some(self.weigh(missing, id)),
            Later::Doubtful => {
                let first = missing.help.clone().unwrap_or_default();
                let first = first.trim_end_matches('?');
                let help =
                    format!("{first}, or name its directory in `writes:` of the earlier step that makes it");
                Some(missing.help(help).weighing(Severity::Warning, id))
            }
        }
    }

    /// A finding about something without which the command cannot start: an error where it certainly runs.
    pub fn weigh(&self, found: Diagnostic, id: &'static str) -> Diagnostic {
        if self.certain {
            found.missing().weighing(Severity::Error, id)
        } else {
            found.weighing(Severity::Warning, id)
        }
    }

    /// The file that a program's name stands for.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(self.path_of(name)).filter(|path| runs(path));
        }
        let path = self.path.list()?;
        std::env::split_paths(path).map(|entry| self.directory.join(entry).join(name)).find(|path| runs(path))
    }
}

/// Whether a file can be run.
pub(super) fn runs(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The way out of a wrong path: a file beside it with nearly the same name. `text` is the path as it was written.
pub(super) fn near(text: &str, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let entries = path.parent().and_then(|parent| std::fs::read_dir(parent).ok());
    let mut names: Vec<String> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let start = text.rfind('/').map_or(0, |slash| slash + 1);
    let near = nearest(&name, names.iter().map(String::as_str)).filter(|near| *near != name);
    near.map_or_else(
        || "correct its path, or add it".to_owned(),
        |near| format!("did you mean `{}{near}`?", &text[..start]),
    )
}
