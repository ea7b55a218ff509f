//! Links inside a document: [`Anchors`] are the names that its headings get, as GitHub makes them. Called by
//! [`crate::check`]. Must not call a link broken that a reader can follow: names written as `id="..."` count.

use std::collections::{HashMap, HashSet};

use crate::text::{Text, heading};

/// The names that a link of the form `#name` can have.
#[derive(Clone, Debug, Default)]
pub struct Anchors(HashSet<String>);

impl Anchors {
    /// The anchors of a document.
    pub fn of(text: &Text<'_>) -> Self {
        let mut names = HashSet::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        for line in text.lines().iter().filter(|line| !line.hidden) {
            if let Some((_, title)) = heading(line.text) {
                let name = name(title);
                let count = seen.entry(name.clone()).or_default();
                names.insert(if *count == 0 { name } else { format!("{name}-{count}") });
                *count += 1;
            }
            if line.text.contains('<') {
                for start in ["id=\"", "name=\""] {
                    let found = line.text.split(start).skip(1).filter_map(|rest| rest.split_once('"'));
                    names.extend(found.map(|(name, _)| name.to_lowercase()));
                }
            }
        }
        Self(names)
    }

    /// Whether a link to `#name` leads somewhere.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_lowercase())
    }
}

/// The name of a heading: lower case, blanks as hyphens, other signs left out.
fn name(title: &str) -> String {
    let mut name = String::with_capacity(title.len());
    // The target of a link in a heading is not part of its name.
    let mut rest = title;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once("](") {
        let Some((_, behind)) = after.split_once(')') else { break };
        plain.push_str(before);
        rest = behind;
    }
    plain.push_str(rest);
    for c in plain.trim().chars() {
        match c {
            ' ' => name.push('-'),
            '-' | '_' => name.push(c),
            c if c.is_alphanumeric() => name.extend(c.to_lowercase()),
            _ => {}
        }
    }
    name
}

/// The targets of the links of a line that stay in the document, without `#`.
pub fn inner_links(line: &str) -> impl Iterator<Item = &str> {
    // Most lines have no `#`, and that is found sooner.
    let line = if line.contains('#') { line } else { "" };
    line.split("](#").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

#[cfg(test)]
mod tests {
    use super::{Anchors, inner_links};
    use crate::text::Text;

    #[test]
    fn a_heading_is_named_as_github_names_it() {
        let source = "## [A-1] Fix `-x_y` & [docs](a.md), 2\u{b2}!\n### Archive\n### Archive\n<a id=\"Own\"></a>\n\
                      ```\n## [B-1] code\n```\n";
        let anchors = Anchors::of(&Text::new("a.md", source));
        for name in ["a-1-fix--x_y--docs-2\u{b2}", "archive", "archive-1", "own", "Archive"] {
            assert!(anchors.has(name), "{name} of {anchors:?}");
        }
        assert!(!anchors.has("b-1-code") && !anchors.has("archive-2"));
    }

    #[test]
    fn links_to_other_documents_are_not_inner_ones() {
        let line = "| [A](#a) | [B](b.md#c) | [D](#d) |";
        assert_eq!(inner_links(line).collect::<Vec<_>>(), ["a", "d"]);
    }
}
