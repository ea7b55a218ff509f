//! [`Artifacts`]: what a note wants to find in its bundle, and where its bundles lie.
//!
//! The stamp may be written in many ways (`<STAMP>`, `$STAMP`, `${STAMP}`, an exact one). The directory above
//! it is the root of the bundles, what is below it must be in the bundle. Nothing is looked up on the disk.

use std::collections::BTreeMap;

use crate::clock::Stamp;
use crate::draft::lazy_regex::{LazyRegex, group};
use crate::draft::note::{HandoffNote, Item, Key};

/// Every spelling of a stamp that stands for the one of the run.
static STAMP: LazyRegex = LazyRegex::new(concat!(
    r"<[A-Za-z_ :-]*(?:STAMP|Stamp|stamp|YYYY|DATE|date)[A-Za-z_ :-]*>|\$\{[A-Z_]*STAMP\}|\$[A-Z_]*STAMP(?-u:\b)",
    r"|\{[A-Za-z_]*(?:STAMP|stamp)\}|\$\(date[^)]*\)|YYYYMMDDTHHMMSSZ",
));
static EXACT: LazyRegex = LazyRegex::new(r"(?-u:\b)[0-9]{8}T[0-9]{6}Z(?-u:\b)");
static EARLIER: LazyRegex = LazyRegex::new(r"([A-Za-z0-9_][A-Za-z0-9_./-]*)/([0-9]{8}T[0-9]{6}Z)(?-u:\b)");

/// Stands for the bundle in a text until it is written as YAML; a character that no note holds.
pub(super) const BUNDLE: char = '\u{e000}';
/// Stands for the stamp.
pub(super) const OF_RUN: char = '\u{e001}';

/// The bundle that a note asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// The directory above the stamp, without a slash at its end.
    pub root: Option<String>,
    /// Paths below the stamp and their lines; a directory ends in `/`.
    pub requires: Vec<(String, usize)>,
    /// The stamp, when the note has an exact one.
    pub exact: Option<String>,
    /// Lines with something that could not be placed.
    pub odd: Vec<usize>,
    /// Lines with a remark behind a path.
    pub remarks: Vec<usize>,
}

/// Reads the artifacts of a note: one or several in a line, as bullets, or with the key repeated.
pub fn artifacts(note: &HandoffNote) -> Artifacts {
    let mut paths: Vec<(String, usize)> = Vec::new();
    let mut remarks = Vec::new();
    for item in note.of(Key::Artifacts) {
        for (offset, line) in item.text.lines().enumerate() {
            let number = item.first + offset + usize::from(item.code);
            if line.contains(" \u{2014} ") || line.contains(" (") {
                // The remark behind the path is nowhere else.
                remarks.push(number);
            }
            paths.extend(listed(line).into_iter().map(|path| (path, number)));
        }
    }
    let mut found = Artifacts { remarks, ..Artifacts::default() };
    let mut roots: BTreeMap<String, usize> = BTreeMap::new();
    for (root, _, _) in paths.iter().filter_map(|(path, _)| split(path)) {
        *roots.entry(root).or_default() += 1;
    }
    // The one that most artifacts share; of two, the one that the note names first.
    let most = roots.values().max().copied().unwrap_or(0);
    let first = paths.iter().filter_map(|(path, _)| split(path)).find(|(root, _, _)| roots[root] == most);
    found.root = first.map(|(root, _, _)| root);
    for (path, line) in paths {
        match split(&path).filter(|(root, _, _)| found.root.as_ref() == Some(root)) {
            Some((_, below, exact)) if placeable(&below) => {
                found.exact = found.exact.or(exact);
                if !below.is_empty() && !found.requires.iter().any(|(known, _)| *known == below) {
                    found.requires.push((below, line));
                }
            }
            _ if path.eq_ignore_ascii_case("none") => {}
            _ => found.odd.push(line),
        }
    }
    found
}

/// The paths of one line.
fn listed(line: &str) -> Vec<String> {
    // A remark behind a path is no path.
    let line = line.split(" \u{2014} ").next().unwrap_or_default().split(" (").next().unwrap_or_default();
    let parts = line.split([',', ';']).map(|part| part.trim().trim_matches('`').trim_end_matches('.').trim());
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Root, rest and exact stamp of a path with a stamp as one of its parts.
fn split(path: &str) -> Option<(String, String, Option<String>)> {
    let marked = STAMP.replaced(path, |_| OF_RUN.to_string());
    let mut parts = marked.split('/');
    let mut root: Vec<&str> = Vec::new();
    for part in parts.by_ref() {
        let exact = Stamp::parse(part).map(|stamp| stamp.as_str().to_owned());
        if exact.is_some() || part.chars().eq([OF_RUN]) {
            let rest: Vec<&str> = parts.collect();
            let root = root.join("/");
            return placeable(&root)
                .then(|| (root, rest.join("/"), exact))
                .filter(|(root, _, _)| !root.is_empty());
        }
        root.push(part);
    }
    None
}

/// Whether a path can stand in a workflow as it is.
fn placeable(path: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_-./+@=".contains(c);
    path.chars().all(fine)
        && !path.starts_with('/')
        && !path.split('/').any(|part| matches!(part, "." | ".."))
        && !path.contains("//")
}

impl Artifacts {
    /// A text with every path to the bundle as [`BUNDLE`], and every other stamp of the run as [`OF_RUN`].
    pub(super) fn marked(&self, text: &str) -> String {
        let mut text = STAMP.replaced(text, |_| OF_RUN.to_string());
        if let Some(exact) = &self.exact {
            text = EXACT.replaced(&text, |found| match group(found, 0) {
                one if one == exact => OF_RUN.to_string(),
                other => other.to_owned(),
            });
        }
        let Some(root) = &self.root else { return text };
        text = text.replace(&format!("{root}/{OF_RUN}"), &BUNDLE.to_string());
        // However far up the note had to go: expressions know where the bundle is.
        for up in ["../", "./"] {
            while text.contains(&format!("{up}{BUNDLE}")) {
                text = text.replace(&format!("{up}{BUNDLE}"), &BUNDLE.to_string());
            }
        }
        text
    }
}

/// An earlier bundle that an item points to: its directory and its exact stamp.
pub(super) fn earlier(item: &Item, own: &Artifacts) -> Vec<(String, String)> {
    let found = EARLIER.all(&item.text).into_iter();
    let pairs = found.map(|found| (group(&found, 1).to_owned(), group(&found, 2).to_owned()));
    pairs
        .filter(|(directory, stamp)| {
            let is_own = own.root.as_ref() == Some(directory) && own.exact.as_ref() == Some(stamp);
            Stamp::parse(stamp).is_some() && placeable(directory) && !is_own
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Artifacts {
        artifacts(&HandoffNote::parse("n.md", text).expect("a note"))
    }

    #[test]
    fn patterns_compile() {
        assert!([&STAMP, &EXACT, &EARLIER].iter().all(|pattern| pattern.compiles()));
    }

    #[test]
    fn artifacts_may_be_a_list_bullets_or_repeated_and_the_stamp_in_any_spelling() {
        for text in [
            "Artifacts: reports/x/<STAMP>/a.log, reports/x/<STAMP>/p/",
            "Artifacts:\n- `reports/x/$STAMP/a.log`\n- reports/x/${STAMP}/p/ (the profile)",
            "Artifacts: reports/x/<timestamp>/a.log\nArtifacts: reports/x/YYYYMMDDTHHMMSSZ/p/",
            "Artifacts: reports/x/20261122T101112Z/a.log; reports/x/20261122T101112Z/p/.",
            "Artifacts: `reports/x/$RUN_STAMP/a.log`; reports/x/$(date -u +%Y)/p/ \u{2014} new",
        ] {
            let found = of(text);
            assert_eq!(found.root.as_deref(), Some("reports/x"), "{text}");
            let names: Vec<&str> = found.requires.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["a.log", "p/"], "{text}");
            assert!(found.odd.is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_not_below_the_common_root_is_odd() {
        let found = of(
            "Artifacts: docs/fix_plan.md\nArtifacts: r/<STAMP>/a\nArtifacts: r/<STAMP>/b\nArtifacts: q/<STAMP>/c\nArtifacts: r/<STAMP>/../x\nArtifacts: /abs/<STAMP>/y",
        );
        assert_eq!((found.root.as_deref(), found.odd), (Some("r"), vec![1, 4, 5, 6]));
        assert_eq!(of("Artifacts: none").odd, Vec::<usize>::new());
    }

    #[test]
    fn paths_to_the_bundle_are_found_in_a_text() {
        let found = of("Artifacts: reports/x/<STAMP>/a");
        assert_eq!(found.marked("o reports/x/$STAMP/p $STAMP"), format!("o {BUNDLE}/p {OF_RUN}"));
        let exact = of("Artifacts: reports/x/20261122T101112Z/a");
        assert_eq!(
            exact.marked("./reports/x/20261122T101112Z/p 20261122T101113Z"),
            format!("{BUNDLE}/p 20261122T101113Z")
        );
    }
}
