//! [`Config`]: the step's `with:`, read once when the instance is made.
//!
//! `schema.json` says the same to the runner, and a test compares the two. Whether a path exists is found out
//! when the scan begins.

use glob::Pattern;
use serde::Deserialize;

use crate::language::Language;

/// The step's `with:`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Directories, files or patterns, relative to the project root.
    pub paths: Vec<String>,
    /// What to leave out.
    #[serde(default)]
    pub exclude: Patterns,
    /// What to scan; all languages when empty.
    #[serde(default)]
    pub languages: Vec<Language>,
    /// Markdown files with tables of classes.
    #[serde(default)]
    pub classes: Paths,
    /// The files whose loops are hot.
    #[serde(default)]
    pub hot: Patterns,
    /// The artifact.
    #[serde(default = "default_out")]
    pub out: String,
}

impl Config {
    /// Whether files of this language are asked for.
    pub fn wants(&self, language: Language) -> bool {
        self.languages.is_empty() || self.languages.contains(&language)
    }

    /// The table for people, beside the inventory.
    pub fn table(&self) -> String {
        self.out
            .rsplit_once('/')
            .map_or_else(|| "loops.md".to_owned(), |(above, _)| format!("{above}/loops.md"))
    }
}

fn default_out() -> String {
    "loop_inventory.json".to_owned()
}

/// One path, or several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct Paths(pub Vec<String>);

impl TryFrom<serde_json::Value> for Paths {
    type Error = String;

    fn try_from(value: serde_json::Value) -> Result<Self, String> {
        if let Some(path) = value.as_str() {
            return Ok(Self(vec![path.to_owned()]));
        }
        serde_json::from_value(value).map(Self).map_err(|_| "must be a path or a list of paths".to_owned())
    }
}

/// Patterns of paths relative to the project root.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Patterns(Vec<Pattern>);

impl TryFrom<Vec<String>> for Patterns {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Self, String> {
        let pattern = |text: &String| {
            // A directory's name with a slash at its end means the directory.
            Pattern::new(text.trim_start_matches("./").trim_end_matches('/'))
                .map_err(|error| format!("the pattern `{text}`: {error}"))
        };
        texts.iter().map(pattern).collect::<Result<_, _>>().map(Self)
    }
}

impl Patterns {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them fits the path or a directory above it; one without a `/` is held against names.
    pub fn fit(&self, path: &str) -> bool {
        let options = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.into_iter().any(|end| {
            let above = &path[..end];
            let name = above.rsplit('/').next().unwrap_or(above);
            self.0.iter().any(|pattern| {
                let candidate = if pattern.as_str().contains('/') { above } else { name };
                pattern.matches_with(candidate, options)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        Patterns::try_from(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).expect("patterns")
    }

    #[test]
    fn a_pattern_fits_a_name_a_path_or_a_directory_above() {
        for (pattern, path, expected) in [
            ("test_*", "src/test_a.py", true),
            ("test_*", "tests/a.py", false),
            ("build", "a/build/b.c", true),
            ("src/*/old", "src/x/old/a.rs", true),
            ("src/*.py", "src/x/a.py", false),
            ("**/io/*.py", "src/io/a.py", true),
            ("vendor/", "vendor/a.c", true),
        ] {
            assert_eq!(patterns(&[pattern]).fit(path), expected, "{pattern} {path}");
        }
    }
}
