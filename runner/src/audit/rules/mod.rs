//! The rules: one file each, one registry, [`RULES`]. What `docs/guide/bundle.md` says of them comes from here.
//!
//! To add one: write `rules/<id>.rs` with a `pub const RULE: Rule` and a function from [`Subject`] to
//! [`Finding`], with tests that cause it to hold and to break; name it below in both lists; give it a row in
//! the guide (a test tells you which). A rule looks at the subject only: it reads no file that is not below
//! the bundle, executes nothing, and says `unknown` rather than guess.

mod commands;
mod commands_ascii;
mod environment;
mod exit_codes;
mod git_head;
mod inside;
mod not_in_future;
mod references;
mod sealed;
mod summary;
mod test_list;
mod times;
mod top_operation;
mod utc;

use crate::audit::Finding;
use crate::audit::subject::Subject;

/// A rule of evidence.
#[derive(Debug)]
pub struct Rule {
    /// Its name, on the command line and in JSON.
    pub id: &'static str,
    /// What must be so.
    pub what: &'static str,
    /// When there is nothing it could apply to.
    pub unless: &'static str,
    check: fn(&Subject) -> Finding,
}

impl Rule {
    /// What the rule says of a bundle.
    pub(super) fn judge(&self, subject: &Subject) -> Finding {
        Finding { rule: self.id, ..(self.check)(subject) }
    }
}

/// Every rule, in the order of the report.
pub const RULES: [&Rule; 14] = [
    &commands::RULE,
    &times::RULE,
    &exit_codes::RULE,
    &git_head::RULE,
    &commands_ascii::RULE,
    &environment::RULE,
    &summary::RULE,
    &top_operation::RULE,
    &references::RULE,
    &utc::RULE,
    &not_in_future::RULE,
    &inside::RULE,
    &test_list::RULE,
    &sealed::RULE,
];
