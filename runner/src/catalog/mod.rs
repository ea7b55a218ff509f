//! Which plugins there are, without running any of their code.
//!
//! [`Catalog`] knows the search path and finds a plugin's file by its name; [`Manifest`] is what the file's
//! own section says of it. Loading a library is the business of the plugin host alone.

mod manifest;
mod schema;
mod search;

pub use manifest::{Manifest, ManifestError, Role};
pub use schema::{Mismatch, mismatches};
pub use search::{Catalog, Found, MissingPlugin};
