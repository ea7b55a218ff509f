//! From a handoff note to the draft of a workflow: [`draft`].
//!
//! ```text
//! text --HandoffNote::parse--> HandoffNote --reading--> Reading --page--> Draft (YAML)
//! ```
//!
//! What was understood becomes keys of the workflow. Everything else stands in comments with its line, so that
//! no line of a note is lost: [`Draft::fates`] says of each which of the two happened. Called by
//! `runner new --from`; writes nothing itself. The ready-made workflows of `runner new --template` are in
//! [`template`].

mod command;
mod hints;
mod lazy_regex;
mod note;
mod page;
mod places;
mod reading;
mod rules;
mod shell;
pub mod template;
mod yaml;

pub use command::ShellCommand;
pub use note::{HandoffNote, Item, Key, NoteError, SHORTEST, Section};
pub use places::Artifacts;

/// A workflow drafted from a note.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text of the workflow.
    pub yaml: String,
    /// What became of each line of the note that is not blank, in order.
    pub fates: Vec<(usize, Fate)>,
    /// What a person must add before the workflow does what the note wants; empty when nothing is missing.
    pub missing: Vec<String>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its content is in the workflow.
    Used,
    /// It stands in a comment, word by word.
    Quoted,
}

/// Drafts a workflow. `exists` says whether a path (relative to the project root) is there: an earlier bundle
/// that is not stays a comment, because a workflow with it would be refused.
pub fn draft(note: &HandoffNote, exists: &dyn Fn(&str) -> bool) -> Draft {
    page::write(note, &reading::Reading::of(note), exists)
}
