//! [`find`]: which files are scanned, and how many are left out and why.
//!
//! A directory is searched as git would: ignored files are skipped, hidden ones are not, links are not followed.
//! A file that is named is always scanned. A path that names nothing is an error: a silent empty inventory would
//! look like code without loops.

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path};
use std::sync::Arc;

use ignore::{DirEntry, WalkBuilder};
use loop_inventory_model::{Problem, ProblemKind};
use runner_plugin::Error;
use serde::Serialize;

use crate::config::Config;
use crate::language::Language;

/// The files of a scan.
#[derive(Debug, Default)]
pub struct Files {
    /// Path relative to the root, with `/`, and language; sorted by path components.
    pub found: BTreeMap<Vec<String>, Language>,
    /// What was left out.
    pub skipped: Skipped,
    /// Directories that could not be searched and names that are not UTF-8.
    pub problems: Vec<Problem>,
}

/// How many files below the named directories were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Source files that a `.gitignore` names.
    pub ignored_files: u64,
    /// Directories that a `.gitignore` names, whatever they hold.
    pub ignored_directories: u64,
    /// Source files that `exclude` names.
    pub excluded: u64,
    /// Source files in a language that was not asked for.
    pub other_language: u64,
    /// Links: what they lead to is scanned where it lies, or not at all.
    pub links: u64,
}

/// Finds the files of a configuration below `root`.
pub fn find(root: &Path, config: &Config) -> Result<Files, Error> {
    let mut files = Files::default();
    for path in &config.paths {
        let plain = path.trim_start_matches("./").trim_end_matches('/');
        let is_inside = Path::new(plain)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_inside || path.starts_with('/') {
            return Err(Error::invalid(format!("`paths`: `{path}` must lie in the project, without `..`")));
        }
        let full = root.join(plain);
        if full.is_dir() {
            files.search(root, &full, config)?;
        } else if full.is_file() {
            files.named(plain, config)?;
        } else {
            files.matching(root, path, plain, config)?;
        }
    }
    if files.found.is_empty() && files.problems.is_empty() {
        let skipped = serde_json::to_string(&files.skipped)?;
        return Err(Error::invalid(format!(
            "`paths` ({}) hold no source file in C, C++, Python or Rust that is to be scanned; skipped: {skipped}",
            config.paths.join(", ")
        )));
    }
    Ok(files)
}

impl Files {
    fn named(&mut self, path: &str, config: &Config) -> Result<(), Error> {
        let Some(language) = Language::of(Path::new(path)) else {
            return Err(Error::invalid(format!(
                "`paths`: `{path}` is in no language that is known here (C, C++, Python, Rust)"
            )));
        };
        if config.exclude.fit(path) {
            self.skipped.excluded += 1;
        } else if config.wants(language) {
            self.add(path, language);
        } else {
            self.skipped.other_language += 1;
        }
        Ok(())
    }

    fn matching(&mut self, root: &Path, path: &str, plain: &str, config: &Config) -> Result<(), Error> {
        let whole = format!("{}/{plain}", glob::Pattern::escape(&root.to_string_lossy()));
        let matches = glob::glob(&whole)
            .map_err(|error| Error::invalid(format!("`paths`: the pattern `{path}`: {error}")))?;
        let mut is_any = false;
        for full in matches.filter_map(Result::ok) {
            is_any = true;
            if full.is_dir() {
                self.search(root, &full, config)?;
            } else if let Some(path) = self.relative(root, &full)
                && Language::of(Path::new(&path)).is_some()
            {
                self.named(&path, config)?;
            }
        }
        if is_any {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "`paths`: `{path}` is no file, directory or pattern that finds one in the project"
        )))
    }

    /// Walks twice, the second time without git's rules, so that what they leave out can be counted. An ignored
    /// directory is counted and not entered: it may hold a hundred thousand files of a build.
    fn search(&mut self, root: &Path, directory: &Path, config: &Config) -> Result<(), Error> {
        let mut kept = HashSet::new();
        for entry in walk(directory, true).build() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let file =
                        directory.strip_prefix(root).unwrap_or(directory).to_string_lossy().into_owned();
                    let message = error.to_string().replace(&format!("{}/", root.display()), "");
                    self.problem(file, ProblemKind::Unreadable, message);
                    continue;
                }
            };
            kept.insert(entry.path().to_owned());
            let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { continue };
            if Language::of(entry.path()).is_none() {
                continue;
            }
            if !kind.is_file() {
                self.skipped.links += 1;
            } else if let Some(path) = self.relative(root, entry.path()) {
                self.named(&path, config)?;
            }
        }
        let kept = Arc::new(kept);
        let mut walk = walk(directory, false);
        let known = Arc::clone(&kept);
        let is_entered = move |entry: &DirEntry| {
            let above = entry.path().parent();
            entry.depth() == 0 || above.is_some_and(|above| known.contains(above))
        };
        walk.filter_entry(move |entry| entry.file_name() != ".git" && is_entered(entry));
        for entry in walk.build().filter_map(Result::ok).filter(|entry| !kept.contains(entry.path())) {
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                self.skipped.ignored_directories += 1;
            } else if Language::of(entry.path()).is_some() {
                self.skipped.ignored_files += 1;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, language: Language) {
        self.found.insert(path.split('/').map(str::to_owned).collect(), language);
    }

    fn relative(&mut self, root: &Path, full: &Path) -> Option<String> {
        let path = full.strip_prefix(root).unwrap_or(full);
        if let Some(path) = path.to_str() {
            return Some(path.to_owned());
        }
        let shown = path.to_string_lossy().into_owned();
        self.problem(shown, ProblemKind::NotUtf8, "the name of the file is not UTF-8".to_owned());
        None
    }

    fn problem(&mut self, file: String, kind: ProblemKind, message: String) {
        self.problems.push(Problem { file, line: None, col: None, kind, message });
    }
}

fn walk(directory: &Path, respects_git: bool) -> WalkBuilder {
    let mut walk = WalkBuilder::new(directory);
    walk.hidden(false).ignore(false).follow_links(false).parents(true).require_git(false);
    // Rules of the user's own machine would make two machines give two inventories.
    walk.git_global(false).git_exclude(false).git_ignore(respects_git);
    walk.filter_entry(|entry| entry.file_name() != ".git");
    walk
}
