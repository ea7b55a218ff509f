//! A profile that a program wrote itself: [`read`] finds the one file that a pattern means, and reads it.
//!
//! Called by the plugin after the program's end, when its outputs are in the bundle. What the content is, is found
//! out by looking at it. It must never take one of several files for the one that was meant.

use std::path::Path;

use glob::{MatchOptions, Pattern, glob_with};
use profile_model::Profile;

/// A profile and what its reader had to say.
pub(crate) struct ReadTrace {
    pub(crate) profile: Profile,
    pub(crate) warnings: Vec<String>,
}

/// Reads the file below `bundle` that `pattern` names. `*` stays inside one part of a path, `**` spans any number.
///
/// # Errors
/// In words: nothing matches, several files do, or the content is no profile that is known.
pub(crate) fn read(bundle: &Path, pattern: &str) -> Result<ReadTrace, String> {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let full = format!("{}/{pattern}", Pattern::escape(&bundle.to_string_lossy()));
    let found = glob_with(&full, options).map_err(|error| format!("trace `{pattern}`: {error}"))?;
    let files: Vec<_> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    let shown = |path: &Path| path.strip_prefix(bundle).unwrap_or(path).display().to_string();
    match files.as_slice() {
        [] => Err(format!(
            "trace: nothing in the bundle matches `{pattern}`: the program wrote no profile there"
        )),
        [file] => {
            let bytes = std::fs::read(file).map_err(|error| format!("trace `{}`: {error}", shown(file)))?;
            parse(&bytes).map_err(|problem| format!("trace `{}`: {problem}", shown(file)))
        }
        several => {
            let names: Vec<String> = several.iter().map(|path| format!("`{}`", shown(path))).collect();
            Err(format!("trace: `{pattern}` matches {} files: {}; name one", names.len(), names.join(", ")))
        }
    }
}

/// The one place that knows the readers.
fn parse(_bytes: &[u8]) -> Result<ReadTrace, String> {
    Err("not a profile that is known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_several_and_unknown_files_are_told_apart() {
        let bundle = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            std::fs::create_dir_all(bundle.path().join(name).parent().unwrap()).unwrap();
            std::fs::File::create(bundle.path().join(name)).unwrap();
        };
        let told = |pattern: &str| read(bundle.path(), pattern).err().unwrap();
        assert!(told("profile/**/trace.json*").contains("nothing in the bundle matches"));
        write("profile/a/trace.json");
        assert_eq!(
            told("profile/**/trace.json*"),
            "trace `profile/a/trace.json`: not a profile that is known"
        );
        write("profile/b/trace.json.gz");
        assert_eq!(
            told("profile/**/trace.json*"),
            "trace: `profile/**/trace.json*` matches 2 files: `profile/a/trace.json`, `profile/b/trace.json.gz`; \
             name one"
        );
        assert!(told("profile/*/trace.json").contains("not a profile"), "one file only");
    }
}
