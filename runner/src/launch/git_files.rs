//! [`GitFiles`]: what `git status` said of the files of a repository when the run began.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::evidence::GitClass;

/// The files that are not clean. All others of the repository are.
#[derive(Debug, Default)]
pub struct GitFiles {
    top: PathBuf,
    classes: HashMap<PathBuf, GitClass>,
    changed: u64,
}

impl GitFiles {
    /// Reads an answer of `git status --porcelain=v1 -z --ignored=matching`, whose names are relative to
    /// `top`. What lies below `bundles` (relative to `top` too) is not counted as changed: bundles, this one
    /// and those beside it, are no changes of the project.
    pub fn read(top: &Path, output: &[u8], bundles: Option<&Path>) -> Self {
        // Every path starts with the empty one: with bundles at the top itself, all files would be left out.
        let bundles = bundles.filter(|bundles| !bundles.as_os_str().is_empty());
        let own = |name: &[u8]| {
            bundles.is_some_and(|bundles| Path::new(OsStr::from_bytes(name)).starts_with(bundles))
        };
        let mut files = Self { top: top.to_owned(), ..Self::default() };
        let mut fields = output.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        while let Some(field) = fields.next() {
            // Two letters and a blank, then the name.
            let (state, name) = field.split_at(field.len().min(3));
            // The name that it was moved or copied from is a field of its own, not another file.
            let from =
                if state.iter().any(|letter| matches!(letter, b'R' | b'C')) { fields.next() } else { None };
            let class = match state {
                b"?? " => GitClass::Untracked,
                b"!! " => GitClass::Ignored,
                _ => GitClass::Modified,
            };
            let counts = !own(name) || from.is_some_and(|from| state.contains(&b'R') && !own(from));
            files.changed += u64::from(class != GitClass::Ignored && counts);
            // A directory ends in a slash, which a path does not keep.
            let path: PathBuf = Path::new(OsStr::from_bytes(name)).components().collect();
            files.classes.insert(path, class);
        }
        files
    }

    /// How many files are modified or untracked.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// The top of the repository.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The files that git tracks and that differ from the commit, relative to the top.
    pub fn modified(&self) -> impl Iterator<Item = &PathBuf> {
        self.classes.iter().filter(|(_, class)| **class == GitClass::Modified).map(|(path, _)| path)
    }

    /// Whether git names exactly this path, relative to the top of the repository, as ignored or untracked, with all
    /// that is below it.
    pub fn leaves_out(&self, relative: &Path) -> bool {
        matches!(self.classes.get(relative), Some(GitClass::Untracked | GitClass::Ignored))
    }

    /// What git says of a file; `None` outside of the repository, and in a repository within it.
    pub fn class(&self, path: &Path) -> Option<GitClass> {
        let relative = path.strip_prefix(&self.top).ok()?;
        let known = relative.ancestors().find_map(|above| self.classes.get(above)).copied();
        if matches!(known, Some(GitClass::Untracked | GitClass::Ignored)) {
            return known;
        }
        // Of a submodule git says that it is changed or nothing, and nothing also when a file in it is ignored
        // there: that is not the same as clean.
        let mut above = relative.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        if above.any(|above| self.top.join(above).join(".git").exists()) {
            return None;
        }
        Some(known.unwrap_or(GitClass::Clean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_is_one_change_and_bundles_and_ignored_files_are_none() {
        let bundles = Some(Path::new("sub/reports"));
        let count = |output: &str| GitFiles::read(Path::new("/r"), output.as_bytes(), bundles).changed();
        assert_eq!(count(""), 0);
        assert_eq!(count(" M a\0?? b c\0!! d\0"), 2);
        assert_eq!(count("R  a long new name\0a long old name\0 M b\0"), 2);
        assert_eq!(count("C  new\0old\0 R moved\0by intent to add\0"), 2);
        assert_eq!(count("?? sub/reports/20260101T000000Z/plan.json\0?? sub/reports2/x\0"), 1);
        assert_eq!(count("R  sub/reports/x\0sub/reports/y\0"), 0);
        assert_eq!(count("R  sub/reports/x\0src/y\0"), 1, "the project lacks a file now");
        let at_the_top = GitFiles::read(Path::new("/r"), b"?? a\0", Some(Path::new("")));
        assert_eq!(at_the_top.changed(), 1);
    }

    #[test]
    fn a_file_has_the_class_of_the_directory_that_git_names() {
        let files = GitFiles::read(Path::new("/r"), b" M a\0?? new/\0!! target/\0!! x.bin\0", None);
        let class = |path: &str| files.class(Path::new(path));
        assert_eq!(class("/r/a"), Some(GitClass::Modified));
        assert_eq!(class("/r/b"), Some(GitClass::Clean));
        assert_eq!(class("/r/new/deep/c"), Some(GitClass::Untracked));
        assert_eq!(class("/r/target/debug/d"), Some(GitClass::Ignored));
        assert_eq!(class("/r/x.bin"), Some(GitClass::Ignored));
        assert_eq!(class("/elsewhere"), None);
    }
}
