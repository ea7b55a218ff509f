//! Whether the programs and scripts of a command are there: [`check`].
//!
//! Called by preflight for each command. What an earlier step may make is not missing; see
//! [`Site::later`](super::site::Site::later).

use std::path::Path;

use super::call::Call;
use super::python::modules;
use super::shell::BUILTINS;
use super::site::{Later, Search, Site, near};
use super::words::Word;
use crate::diagnostic::Diagnostic;

/// Looks for what a call needs. `shell`: the shell's own commands count.
pub(super) fn check(site: &Site<'_>, call: &Call<'_>, shell: bool) -> Option<Diagnostic> {
    match call {
        Call::Program { word, .. } => {
            let own = shell && BUILTINS.contains(&word.text.as_str());
            // A word such as `-p` belongs to a keyword of the shell.
            if own || site.asks || word.text.starts_with('-') { None } else { program(site, word) }
        }
        // Where the tool looks is its business, except for a path.
        Call::Managed { word, .. } if word.text.contains('/') => program(site, word),
        Call::Managed { .. } => None,
        Call::Script { word, .. } => script(site, word),
        Call::Module { word, .. } => module(site, word),
    }
}

fn program(site: &Site<'_>, word: &Word) -> Option<Diagnostic> {
    let name = word.known()?;
    let unsure = site.path == Search::Unknown && !name.contains('/');
    if unsure || site.program(name).is_some() {
        return None;
    }
    let told = |place: &str| {
        Diagnostic::new(word.span, format!("the program `{name}` of step `{}` is not {place}", site.step))
    };
    if !name.contains('/') {
        // An earlier step may install it.
        let entries =
            site.path.list().into_iter().flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>());
        let mut entries = entries.filter(|entry| entry.is_absolute());
        if entries.any(|entry| site.later(&entry) == Later::Expected) {
            return None;
        }
        return Some(site.weigh(told("on PATH").help("install it, or correct its name"), "program-missing"));
    }
    let path = site.path_of(name);
    if !path.exists() {
        let place = if path.starts_with(site.root) { "in the project" } else { "there" };
        return site.missing(&path, "program-missing", told(place).help(near(&word.text, &path)));
    }
    if site.later(&path) == Later::Expected {
        return None;
    }
    let found = if path.is_dir() {
        told("a file").help("a directory cannot be run: correct its path")
    } else {
        told("executable").help(format!("make it so: `chmod +x {}`", site.shown(&path)))
    };
    Some(site.weigh(found, "program-not-executable"))
}

fn script(site: &Site<'_>, word: &Word) -> Option<Diagnostic> {
    let path = site.path_of(word.known()?);
    if path.exists() {
        return None;
    }
    let place = if path.starts_with(site.root) { "in the project" } else { "there" };
    let message = format!("the script `{}` of step `{}` is not {place}", word.text, site.step);
    let found = Diagnostic::new(word.span, message).help(near(&word.text, &path));
    site.missing(&path, "script-missing", found)
}

/// A module is missing for sure only where its package is a directory of the project: what is installed is not
/// looked into.
fn module(site: &Site<'_>, word: &Word) -> Option<Diagnostic> {
    let name = word.known()?;
    let (package, last) = name.rsplit_once('.')?;
    let directory = package.split('.').fold(site.directory.clone(), |path, part| path.join(part));
    let known = directory.starts_with(site.root) && directory.join("__init__.py").is_file();
    if !known || modules::file(&site.directory, name).is_some() || compiled(&directory, last) {
        return None;
    }
    let message =
        format!("the module `{name}` of step `{}` is not in `{}`", site.step, site.shown(&directory));
    let found = Diagnostic::new(word.span, message).help("correct its name, or add it");
    site.missing(&directory.join(last), "script-missing", found)
}

/// Whether something that is no Python text has the module's name: a library, or a package without a file.
fn compiled(directory: &Path, name: &str) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.into_iter().any(|entry| {
        entry.file_name().to_str().and_then(|file| file.split('.').next()).is_some_and(|stem| stem == name)
    })
}
