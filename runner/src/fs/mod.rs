//! Files: the one way to write ([`write_atomic`]), digests, and paths as people read them.
//!
//! Nobody else in the runner calls `std::fs::write`: a torn file would be false evidence.

mod atomic;
mod digest;
mod mark;
mod programs;
mod turns;
mod walk;

pub use atomic::{WriteError, begin_sync, create_new, sync_all, write_atomic, write_whole};
pub use digest::{Digest, digest_bytes, digest_entry, digest_file};
pub use mark::Mark;
pub use programs::{digest_program, remember_programs};
pub use turns::Turns;
pub use walk::{display_relative, entries_below, files_below, find_shown, shown};
