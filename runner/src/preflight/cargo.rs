//! Whether the packages that a command of cargo names are there: [`check`] looks into `Cargo.lock`.
//!
//! Called for each call of cargo. Without a lock file nothing is said; the packages of the workspace itself are
//! those that it has no source for.

use super::python::modules::text;
use super::site::Site;
use super::words::Word;
use crate::diagnostic::{Diagnostic, Severity, did_you_mean};

/// The findings about the arguments of cargo.
pub(super) fn check(site: &Site<'_>, words: &[Word]) -> Vec<Diagnostic> {
    let own: Vec<&Word> = words.iter().take_while(|word| word.text != "--").collect();
    let elsewhere = ["--manifest-path", "-C", "install", "new", "init", "search", "--git"];
    if own.iter().any(|word| elsewhere.iter().any(|option| word.text.split('=').next() == Some(*option))) {
        return Vec::new();
    }
    let mut named: Vec<(&Word, usize)> = Vec::new();
    for (at, word) in own.iter().enumerate() {
        match word.text.as_str() {
            "-p" | "--package" => named.extend(own.get(at + 1).map(|next| (*next, 0))),
            text if text.starts_with("--package=") => named.push((word, "--package=".len())),
            _ => {}
        }
    }
    if named.is_empty() {
        return Vec::new();
    }
    let above = site.directory.ancestors().take_while(|directory| directory.starts_with(site.root));
    let Some(lock) = above.into_iter().find_map(|directory| text(&directory.join("Cargo.lock"))) else {
        return Vec::new();
    };
    let packages = packages(&lock);
    named
        .into_iter()
        .filter_map(|(word, start)| {
            let name = word.known()?.get(start..)?;
            // A pattern, a version, an address.
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            if !plain || name.is_empty() || packages.iter().any(|(known, _)| *known == name) {
                return None;
            }
            let members = packages.iter().filter(|(_, member)| *member).map(|(name, _)| *name);
            Some(
                Diagnostic::new(
                    word.part(site.source, start..word.text.len()),
                    format!("there is no package `{name}`"),
                )
                .label("not in Cargo.lock")
                .help(did_you_mean(name, members))
                .weighing(Severity::Warning, "package-missing"),
            )
        })
        .collect()
}

/// The packages of a lock file, and which of them are the workspace's own.
fn packages(lock: &str) -> Vec<(&str, bool)> {
    lock.split("[[package]]")
        .skip(1)
        .filter_map(|package| {
            let name = package.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))?;
            Some((name, !package.lines().any(|line| line.starts_with("source = "))))
        })
        .collect()
}
