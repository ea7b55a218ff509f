//! [`Manifest`]: what a plugin says of itself, read from a section of its file.
//!
//! The reader is the plugin host's own, so that what `validate` shows is what the host loads. Nothing of a
//! library is executed here.

pub use runner_plugin_host::manifest::{Manifest, ManifestError, ManifestErrorKind, Role};
