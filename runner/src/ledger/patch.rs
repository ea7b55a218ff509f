//! The edit of a ledger as a unified diff that `git apply` understands.

use similar::TextDiff;

/// The change of one file.
pub fn unified(path: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}
