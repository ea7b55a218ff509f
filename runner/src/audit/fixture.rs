//! Bundles for the unit tests of the rules: a temporary repository with one bundle, judged by one rule.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::audit::subject::Subject;
use crate::audit::{Finding, RULES};
use crate::fs::write_atomic;

/// The bundle's name, and the same in seconds since 1970.
pub const STAMP: &str = "20251120T101112Z";
pub const STAMP_SECONDS: i64 = 1_763_633_472;

/// What a rule says of a bundle with these files. A text `-> TARGET` makes a symbolic link.
pub fn judge(rule: &str, files: &[(&str, &str)]) -> Finding {
    let files: Vec<(&str, &[u8], i64)> =
        files.iter().map(|(name, text)| (*name, text.as_bytes(), STAMP_SECONDS)).collect();
    judged(rule, STAMP, &files, None)
}

/// The same with bytes.
pub fn judge_bytes(rule: &str, files: &[(&str, &[u8])]) -> Finding {
    let files: Vec<(&str, &[u8], i64)> =
        files.iter().map(|(name, bytes)| (*name, *bytes, STAMP_SECONDS)).collect();
    judged(rule, STAMP, &files, None)
}

/// The same in a directory of this name, with modification times.
pub fn judge_at(rule: &str, name: &str, files: &[(&str, &str, i64)]) -> Finding {
    let files: Vec<(&str, &[u8], i64)> =
        files.iter().map(|(name, text, time)| (*name, text.as_bytes(), *time)).collect();
    judged(rule, name, &files, None)
}

/// The same, with a first commit and files that were checked out long after.
pub fn judge_committed(rule: &str, committed: i64) -> Finding {
    judged(rule, STAMP, &[("a", b"x", STAMP_SECONDS - 9_000_000)], Some(committed))
}

fn judged(rule: &str, name: &str, files: &[(&str, &[u8], i64)], committed: Option<i64>) -> Finding {
    let directory = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir(directory.path().join(".git")).expect("made");
    let bundle = directory.path().join("reports").join(name);
    for (name, bytes, modified) in files {
        let path = bundle.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        if let Some(target) = bytes.strip_prefix(b"-> ") {
            let target = std::str::from_utf8(target).expect("text");
            std::os::unix::fs::symlink(target, &path).expect("linked");
            continue;
        }
        write_atomic(&path, bytes).expect("written");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(modified.unsigned_abs());
        File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("set");
    }
    let rule = RULES.iter().find(|known| known.id == rule).expect("a known rule");
    rule.judge(&Subject::read(&bundle, &|_| committed))
}
