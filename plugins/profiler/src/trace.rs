//! A profile that a program wrote itself: [`read`] finds the one file that a pattern means, and reads it.
//!
//! Called by the plugin after the program's end, when its outputs are in the bundle. What the content is, is found
//! out by looking at it. It must never take one of several files for the one that was meant.

use std::fs::File;
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
            let source = File::open(file).map_err(|error| format!("trace `{}`: {error}", shown(file)))?;
            let read = profile_model::read(source, &shown(file)).map_err(|error| format!("trace {error}"))?;
            let mut warnings = read.warnings;
            warnings
                .extend(read.problem.map(|problem| format!("the trace was read in part only: {problem}")));
            Ok(ReadTrace { profile: read.profile, warnings })
        }
        several => {
            let names: Vec<String> = several.iter().map(|path| format!("`{}`", shown(path))).collect();
            Err(format!("trace: `{pattern}` matches {} files: {}; name one", names.len(), names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_file_that_is_meant_is_read_and_nothing_several_and_unknown_ones_are_told_apart() {
        let bundle = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            std::fs::create_dir_all(bundle.path().join(name).parent().unwrap()).unwrap();
            let mut file = File::create(bundle.path().join(name)).unwrap();
            std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
        };
        let told = |pattern: &str| read(bundle.path(), pattern).err().unwrap();
        assert!(told("profile/**/stacks*").contains("nothing in the bundle matches"));
        write("profile/a/stacks.txt", "main;heavy 3\nmain;light 1\n");
        assert_eq!(read(bundle.path(), "profile/**/stacks*").unwrap().profile.total, 4);
        write("profile/b/stacks", "");
        assert_eq!(
            told("profile/**/stacks*"),
            "trace: `profile/**/stacks*` matches 2 files: `profile/a/stacks.txt`, `profile/b/stacks`; name one"
        );
        assert!(told("profile/b/*").starts_with("trace profile/b/stacks:"), "{}", told("profile/b/*"));
    }
}
