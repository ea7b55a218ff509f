//! Writing the ledger. A ledger plugin only computes an edit; the runner alone writes, under a lock,
//! atomically, and only if every file still is what the plugin saw, or was changed elsewhere.
//!
//! [`Lock`] keeps other runs out; [`Documents`] remembers what the plugin was shown; [`Documents::commit`]
//! applies its edit, together with what a person wrote meanwhile, when the two touch different lines.

mod documents;
mod lock;
mod merge;
mod patch;

pub use documents::{CommitError, Committed, Documents, Edit, Splice};
pub use lock::Lock;
