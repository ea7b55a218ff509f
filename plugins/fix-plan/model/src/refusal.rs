//! Why a document cannot be edited: [`Refusal`], words with a place and a way out. Made by every reader of
//! this crate; the plugin hands it on as an invalid request, the command line prints it. Never a guess.

use std::fmt;

/// A refusal in words that begin with `path:line:` where there is a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    /// A refusal in these words.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}
